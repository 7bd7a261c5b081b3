/* Pickles of maps: by value, because hashes differ from process to process and a tree's shape means nothing elsewhere.
 *
 * A small map is a dict. A large one, where nodes are Python objects, is the dict of what is in its two upper
 * levels and one dict for each subtree below: a pickler that meets the same subtree in another version refers to what
 * it has written already, so that two versions in one pickle cost little more than one. */
#ifndef FROZEN_BINDINGS_MAP_PICKLE_INC_H
#define FROZEN_BINDINGS_MAP_PICKLE_INC_H

#include "bindings/map/protocol.inc.h"

/* Up to here a map is pickled as a whole. */
#define PICKLE_WHOLE 4096

#ifdef NODES_ARE_OBJECTS

/* (key, value) of each entry at and below a node, into a list. */
static int
append_items(champ_node *n, PyObject *list)
{
    champ_iter it;
    pair *s;
    budget left = BUDGET;
    int status = 0;
    champ_iter_init(&it, n);
    while (status == 0 && (s = champ_iter_next(&it)) != NULL) {
        PyObject *item = !budget_spend(&left, 1) ? NULL : PyTuple_Pack(2, PAIR_KEY(s), PAIR_VALUE(s));
        status = item != NULL ? PyList_Append(list, item) : -1;
        Py_XDECREF(item);
    }
    return status;
}

/* A node is pickled as the dict of the entries at and below it. */
static PyObject *
map_node_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0), *items = NULL;
    if (list != NULL && append_items((champ_node *)self, list) == 0)
        items = PyObject_GetIter(list);
    Py_XDECREF(list);
    return Py_BuildValue("O()OON", &PyDict_Type, Py_None, Py_None, items);
}

static PyMethodDef map_node_methods[] = {
    {"__reduce__", map_node_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Split a subtree: the entries of `levels` levels into `own`, what is below into `subtrees`. */
static int
collect_subtrees(champ_node *n, unsigned levels, PyObject *own, PyObject *subtrees)
{
    if (levels == 0)
        return PyList_Append(subtrees, (PyObject *)n);
    layout v = layout_of(n);
    int status = 0;
    for (unsigned i = 0; i < v.entries && status == 0; i++)
        status = PyDict_SetItem(own, PAIR_KEY(&v.pair[i]), PAIR_VALUE(&v.pair[i]));
    for (unsigned i = 0; i < v.children && status == 0; i++)
        status = collect_subtrees(v.child[i], levels - 1, own, subtrees);
    return status;
}

/* _join(type, own, subtrees): how a large map is loaded. */
static PyObject *
map_join(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_join", nargs, 3, 3))
        return NULL;
    if (!PyDict_Check(args[1]) || !PyList_Check(args[2]))
        return raise_about(PyExc_TypeError, "_join() takes a type, a dict and a list of dicts, got ",
                           PyDict_Check(args[1]) ? args[2] : args[1], " among them");
    PyObject *subtrees = PyList_AsTuple(args[2]); /* what is read runs arbitrary code, which may change the list */
    int status = subtrees != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(subtrees); i++)
        status = PyDict_Update(args[1], PyTuple_GET_ITEM(subtrees, i));
    Py_XDECREF(subtrees);
    return status == 0 ? PyObject_CallOneArg(args[0], args[1]) : NULL;
}

static PyObject *
map_reduce_large(PyObject *self)
{
    PyObject *join = imported("frozen._core", "_join");
    PyObject *own = PyDict_New(), *subtrees = PyList_New(0), *result = NULL;
    if (join != NULL && own != NULL && subtrees != NULL && collect_subtrees(ROOT(self), 2, own, subtrees) == 0)
        result = container_reduce_by(self, join, Py_BuildValue("OOO", Py_TYPE(self), own, subtrees));
    Py_XDECREF(join);
    Py_XDECREF(own);
    Py_XDECREF(subtrees);
    return result;
}

#endif

static PyObject *
map_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
#ifdef NODES_ARE_OBJECTS
    if (COUNT(self) > PICKLE_WHOLE)
        return map_reduce_large(self);
#endif
    return container_reduce(self, map_to_dict(self));
}

#endif
