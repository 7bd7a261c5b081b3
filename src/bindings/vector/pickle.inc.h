/* Pickles of vectors.
 *
 * A small vector is a list. A large one, where nodes are Python objects, is one list for each of its subtrees of height
 * 1: a pickler that meets the same subtree in another version refers to what it has written already, so that two
 * versions in one pickle cost little more than one. */
#ifndef FROZEN_BINDINGS_VECTOR_PICKLE_INC_H
#define FROZEN_BINDINGS_VECTOR_PICKLE_INC_H

#include "bindings/vector/protocol.inc.h"

#ifdef NODES_ARE_OBJECTS

/* Up to here a vector is pickled as a whole. */
#define PICKLE_WHOLE 4096
#define PICKLE_HEIGHT 1

/* The cells at and below a node, into a list. */
static int
append_cells(rrb_node *node, PyObject *list)
{
    node_contents held = contents_of(node);
    int status = 0;
    for (size_t i = 0; i < held.cell_count && status == 0; i++)
        status = PyList_Append(list, held.cells[i]);
    for (size_t i = 0; i < held.child_count && status == 0; i++)
        status = append_cells(held.children[i], list);
    return status;
}

/* A node is pickled as the list of the elements at and below it. */
static PyObject *
vector_node_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0), *elements = NULL;
    if (list != NULL && append_cells((rrb_node *)self, list) == 0)
        elements = PyObject_GetIter(list);
    Py_XDECREF(list);
    return elements != NULL ? Py_BuildValue("O()ON", &PyList_Type, Py_None, elements) : NULL;
}

static PyMethodDef vector_node_methods[] = {
    {"__reduce__", vector_node_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
append_subtrees(rrb_node *node, PyObject *list)
{
    if (node->height <= PICKLE_HEIGHT)
        return PyList_Append(list, (PyObject *)node);
    node_contents held = contents_of(node);
    int status = 0;
    for (size_t i = 0; i < held.child_count && status == 0; i++)
        status = append_subtrees(held.children[i], list);
    return status;
}

/* The cells of the last leaf, of which the vector may have only the first: as a list. */
static int
append_tail(rrb_tree tail, PyObject *list)
{
    PyObject *cells = rrb_to_list((rrb){tail.node, tail.count});
    int status = cells != NULL ? PyList_Append(list, cells) : -1;
    Py_XDECREF(cells);
    return status;
}

static PyObject *
vector_reduce_large(PyObject *self)
{
    PyObject *chain = imported("frozen._core", "_chain"), *subtrees = PyList_New(0), *result = NULL;
    const rrb_top *top = rrb_top_of(((container *)self)->root);
    if (chain != NULL && subtrees != NULL && append_subtrees(top->tree, subtrees) == 0
        && append_tail(top_tail(top), subtrees) == 0)
        result = container_reduce_by(self, chain, Py_BuildValue("OO", Py_TYPE(self), subtrees));
    Py_XDECREF(chain);
    Py_XDECREF(subtrees);
    return result;
}

static int
extend_by_parts(PyObject *list, PyObject *parts)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts); i++) {
        PyObject *part = PyTuple_GET_ITEM(parts, i);
        if (!PyList_Check(part)) {
            raise_about(PyExc_TypeError, "_chain() takes a type and a list of lists, got ", part, " among them");
            return -1;
        }
        if (PyList_SetSlice(list, LENGTH_MAX, LENGTH_MAX, part) < 0)
            return -1;
    }
    return 0;
}

/* _chain(type, lists): how a large vector is loaded. */
static PyObject *
vector_chain(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_chain", nargs, 2, 2))
        return NULL;
    if (!PyList_Check(args[1]))
        return raise_about(PyExc_TypeError, "_chain() takes a type and a list of lists, got ", args[1], "");
    PyObject *parts = PyList_AsTuple(args[1]), *all = PyList_New(0), *result = NULL;
    if (parts != NULL && all != NULL && extend_by_parts(all, parts) == 0)
        result = PyObject_CallOneArg(args[0], all);
    Py_XDECREF(parts);
    Py_XDECREF(all);
    return result;
}

#endif

static PyObject *
vector_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
#ifdef NODES_ARE_OBJECTS
    if (VECTOR_LENGTH(self) > PICKLE_WHOLE)
        return vector_reduce_large(self);
#endif
    return container_reduce(self, rrb_to_list(vector_value(self)));
}

#endif
