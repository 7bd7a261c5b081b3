/* What is asked of the nodes of a container's tree: __sizeof__, and what inspect.c offers.
 *
 * The including file has said:
 *
 *     CELLS_PER_ENTRY      how many cells make an entry
 *     NODES_RECUR          whether one tree may refer to a node in several places
 *     node_label(node)     what a picture of the tree calls it
 * */
#ifndef FROZEN_BINDINGS_COMMON_NODES_INC_H
#define FROZEN_BINDINGS_COMMON_NODES_INC_H

#include "bindings/common/walk.inc.h"

/* ---- __sizeof__ ---- */

static int
node_add_size(void *node, unsigned depth, void *context)
{
    (void)depth;
    *(size_t *)context += size_of(node) + node_overhead(node);
    return 0;
}

/* The header and all nodes, also those that other versions share: each once. */
static PyObject *
container_sizeof(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    size_t size = (size_t)Py_TYPE(self)->tp_basicsize;
    PyObject *seen = NODES_RECUR ? PySet_New(NULL) : NULL;
    bool failed = NODES_RECUR && seen == NULL;
    int status = failed ? -1 : nodes_visit(((container *)self)->root, 0, seen, node_add_size, &size);
    Py_XDECREF(seen);
    return status < 0 ? NULL : PyLong_FromSize_t(size);
}

/* ---- a picture ---- */

static int
node_add_line(void *node, unsigned depth, void *lines)
{
    char indent[2 * 64 + 1] = {0}; /* a hash and an index have 64 bits: no tree is deeper */
    memset(indent, ' ', 2 * depth);
    node_contents held = contents_of(node);
    PyObject *line = PyUnicode_FromFormat("%s%s %zu %zu", indent, node_label(node), held.cell_count / CELLS_PER_ENTRY,
                                          held.child_count);
    int status = line != NULL ? PyList_Append(lines, line) : -1;
    Py_XDECREF(line);
    return status;
}

/* One line per node, "label <entries> <children>", indented by two spaces per level. */
static PyObject *
container_dump(PyObject *self)
{
    PyObject *lines = PyList_New(0), *newline = PyUnicode_FromString("\n"), *text = NULL;
    void *root = ((container *)self)->root;
    if (lines != NULL && newline != NULL && nodes_visit(root, 0, NULL, node_add_line, lines) == 0)
        text = PyUnicode_Join(newline, lines);
    Py_XDECREF(lines);
    Py_XDECREF(newline);
    return text;
}

/* ---- addresses ---- */

/* The addresses of the nodes of what the node's cells hold. */
static int
node_collect_below(void *node, unsigned depth, void *seen)
{
    (void)depth;
    node_contents held = contents_of(node);
    int status = 0;
    for (size_t i = 0; i < held.cell_count && status == 0; i++) {
        PyObject *object = cell_to_object(held.cells[i]);
        status = object != NULL ? inspect_collect(object, seen) : -1;
        Py_XDECREF(object);
    }
    return status;
}

/* The addresses of all nodes into a set, those of containers in the container too: 0 or -1. */
static int
container_collect(PyObject *self, PyObject *seen)
{
    return nodes_visit(((container *)self)->root, 0, seen, node_collect_below, seen);
}

#endif
