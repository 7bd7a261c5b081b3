/* Looking into a map's tree: invariants, a picture, what two versions share.  For tests and demonstrations. */
#ifndef FROZEN_TYPES_MAP_DEBUG_H
#define FROZEN_TYPES_MAP_DEBUG_H

#include "core/champ_check.h"
#include "types/map.h"

/* `_check(map)`: AssertionError naming the broken invariant of champ_check.h. */
static PyObject *
map_check(PyObject *self)
{
    const char *broken = champ_check(ROOT(self), (size_t)COUNT(self));
    if (broken != NULL)
        return PyErr_Format(PyExc_AssertionError, "%s", broken);
    Py_RETURN_NONE;
}

static int
dump_node(champ_node *n, unsigned level, PyObject *lines)
{
    view v = view_of(n);
    char indent[2 * (HASH_LEVELS + 1) + 1] = {0};
    memset(indent, ' ', 2 * level);
    PyObject *line = PyUnicode_FromFormat("%s%s %u %u", indent, node_is_collision(n) ? "collision" : "node", v.entries,
                                          v.children);
    int status = line != NULL ? PyList_Append(lines, line) : -1;
    Py_XDECREF(line);
    for (unsigned i = 0; i < v.children && status == 0; i++)
        status = dump_node(v.child[i], level + 1, lines);
    return status;
}

/* `_dump(map)`: a line a node, "node <entries> <children>", two spaces a level. */
static PyObject *
map_dump(PyObject *self)
{
    PyObject *lines = PyList_New(0), *newline = PyUnicode_FromString("\n"), *text = NULL;
    if (lines != NULL && newline != NULL && dump_node(ROOT(self), 0, lines) == 0)
        text = PyUnicode_Join(newline, lines);
    Py_XDECREF(lines);
    Py_XDECREF(newline);
    return text;
}

/* The addresses of all nodes at and below n, and of those of maps nested in values, into a set. */
static int
collect_nodes(family *types, champ_node *n, PyObject *seen)
{
    view v = view_of(n);
    PyObject *address = PyLong_FromVoidPtr(n);
    int known = address != NULL ? PySet_Contains(seen, address) : -1;
    int status = known != 0 ? (known < 0 ? -1 : 0) : PySet_Add(seen, address);
    Py_XDECREF(address);
    if (known != 0 || status < 0)
        return status;
    for (unsigned i = 0; i < v.children && status == 0; i++)
        status = collect_nodes(types, v.child[i], seen);
    for (unsigned i = 0; i < v.entries && status == 0; i++) {
        PyObject *value = cell_to_object(SLOT_VALUE(&v.slot[i]));
        if (value == NULL || Py_EnterRecursiveCall(" while counting nodes") != 0)
            status = -1;
        else {
            if (is_ours(types, value))
                status = collect_nodes(types, ROOT(value), seen);
            Py_LeaveRecursiveCall();
        }
        Py_XDECREF(value);
    }
    return status;
}

/* `_shared_nodes(a, b)`: (nodes in both, nodes of a, nodes of b), by identity, maps nested in values included. */
static PyObject *
map_shared_nodes(PyObject *a, PyObject *b)
{
    family *types = family_of(a);
    PyObject *in_a = PySet_New(NULL), *in_b = PySet_New(NULL), *both = NULL, *result = NULL;
    if (in_a != NULL && in_b != NULL && collect_nodes(types, ROOT(a), in_a) == 0
        && collect_nodes(types, ROOT(b), in_b) == 0 && (both = PyNumber_And(in_a, in_b)) != NULL)
        result = Py_BuildValue("nnn", PySet_Size(both), PySet_Size(in_a), PySet_Size(in_b));
    Py_XDECREF(in_a);
    Py_XDECREF(in_b);
    Py_XDECREF(both);
    return result;
}

#endif
