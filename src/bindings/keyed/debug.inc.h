/* Looking into the tree of a map or set: invariants, a picture, its nodes.  For tests and demonstrations: inspect.c
 * offers them to Python. */
#ifndef FROZEN_BINDINGS_KEYED_DEBUG_INC_H
#define FROZEN_BINDINGS_KEYED_DEBUG_INC_H

#include "bindings/common/inspect.h"
#include "bindings/keyed/methods.inc.h"

/* AssertionError naming the broken invariant of trees/champ/check.inc.h. */
static PyObject *
keyed_check(PyObject *self)
{
    const char *broken = champ_check(ROOT(self), (size_t)COUNT(self));
    if (broken != NULL)
        return PyErr_Format(PyExc_AssertionError, "%s", broken);
    Py_RETURN_NONE;
}

static int
dump_node(champ_node *n, unsigned level, PyObject *lines)
{
    layout v = layout_of(n);
    char indent[2 * (HASH_LEVELS + 1) + 1] = {0};
    memset(indent, ' ', 2 * level);
    PyObject *line =
        PyUnicode_FromFormat("%s%s %u %u", indent, node_is_collision(n) ? "collision" : "node", v.entries, v.children);
    int status = line != NULL ? PyList_Append(lines, line) : -1;
    Py_XDECREF(line);
    for (unsigned i = 0; i < v.children && status == 0; i++)
        status = dump_node(v.child[i], level + 1, lines);
    return status;
}

/* A line a node, "node <entries> <children>", two spaces a level. */
static PyObject *
keyed_dump(PyObject *self)
{
    PyObject *lines = PyList_New(0), *newline = PyUnicode_FromString("\n"), *text = NULL;
    if (lines != NULL && newline != NULL && dump_node(ROOT(self), 0, lines) == 0)
        text = PyUnicode_Join(newline, lines);
    Py_XDECREF(lines);
    Py_XDECREF(newline);
    return text;
}

/* The addresses of all nodes at and below n into a set, those that are new to it; and so on into the values. */
static int
collect_nodes(champ_node *n, PyObject *seen)
{
    layout v = layout_of(n);
    int known = address_is_known(n, seen), status = 0;
    if (known != 0)
        return known < 0 ? -1 : 0;
    for (unsigned i = 0; i < v.children && status == 0; i++)
        status = collect_nodes(v.child[i], seen);
    for (unsigned i = 0; i < v.entries && status == 0; i++) {
        PyObject *value = cell_to_object(PAIR_VALUE(&v.pair[i]));
        status = value != NULL ? inspect_collect(value, seen) : -1;
        Py_XDECREF(value);
    }
    return status;
}

static int
keyed_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(((container *)self)->root, seen);
}

static const family_tools keyed_tools = {family_release_empty, keyed_check, keyed_dump, keyed_collect};

#endif
