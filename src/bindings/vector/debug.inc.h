/* Looking into a vector's tree: invariants, a picture, its nodes.  For tests and demonstrations. */
#ifndef FROZEN_BINDINGS_VECTOR_DEBUG_INC_H
#define FROZEN_BINDINGS_VECTOR_DEBUG_INC_H

#include "bindings/common/inspect.h"
#include "bindings/vector/methods.inc.h"

/* `_check(vector)`: AssertionError naming the broken invariant of trees/rrb/node.inc.h. */
static PyObject *
vector_check(PyObject *self)
{
    const char *broken = rrb_check(vector_value(self));
    if (broken != NULL)
        return PyErr_Format(PyExc_AssertionError, "%s", broken);
    Py_RETURN_NONE;
}

static int
dump_node(rrb_node *node, unsigned level, PyObject *lines)
{
    static const char *const kinds[] = {"leaf", "tail", "regular", "relaxed", "top"};
    char indent[2 * (RRB_HEIGHTS + 2) + 1] = {0};
    memset(indent, ' ', 2 * level);
    node_contents held = contents_of(node);
    PyObject *line = PyUnicode_FromFormat("%s%s %zu %zu", indent, kinds[node->kind], held.cell_count, held.child_count);
    int status = line != NULL ? PyList_Append(lines, line) : -1;
    Py_XDECREF(line);
    for (size_t i = 0; i < held.child_count && status == 0; i++)
        status = dump_node(held.children[i], level + 1, lines);
    return status;
}

/* `_dump(vector)`: a line a node, "kind <cells> <children>", two spaces a level. */
static PyObject *
vector_dump(PyObject *self)
{
    PyObject *lines = PyList_New(0), *newline = PyUnicode_FromString("\n"), *text = NULL;
    if (lines != NULL && newline != NULL && dump_node(((container *)self)->root, 0, lines) == 0)
        text = PyUnicode_Join(newline, lines);
    Py_XDECREF(lines);
    Py_XDECREF(newline);
    return text;
}

/* The addresses of all nodes at and below this one into a set; and so on into the values. */
static int
collect_nodes(rrb_node *node, PyObject *seen)
{
    int known = address_is_known(node, seen), status = 0;
    if (known != 0)
        return known < 0 ? -1 : 0;
    node_contents held = contents_of(node);
    for (size_t i = 0; i < held.child_count && status == 0; i++)
        status = collect_nodes(held.children[i], seen);
    for (size_t i = 0; i < held.cell_count && status == 0; i++) {
        PyObject *value = cell_to_object(held.cells[i]);
        status = value != NULL ? inspect_collect(value, seen) : -1;
        Py_XDECREF(value);
    }
    return status;
}

static int
vector_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(((container *)self)->root, seen);
}

static const family_tools vector_tools = {family_release_empty, vector_check, vector_dump, vector_collect};

#endif
