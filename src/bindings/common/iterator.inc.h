/* What the iterators of all containers have in common: their life as objects, and their methods.
 *
 * The including file has said:
 *
 *     iterator                   PyObject_HEAD, `source` (the container, which keeps the tree alive; NULL: exhausted)
 *     iterator_step(it)          the next object (new reference), or NULL, with an exception set if it failed.  Under the
 *                                object's lock.
 *     iterator_left(it)          how many are to come.  Under the object's lock.
 *     iterator_reduce(self, _)   the method
 *     iterator_kept(it)          an object that it owns besides, borrowed, or NULL
 *     iterator_free(self)        gives the block back, and the reference to its type
 * */
#ifndef FROZEN_BINDINGS_COMMON_ITERATOR_INC_H
#define FROZEN_BINDINGS_COMMON_ITERATOR_INC_H

#include "trees/memory_contract.h"

/* One iterator may be advanced by several threads: each item goes to one of them. The one that finds the end gives up
 * the tree, while another one may still be making objects of the last entry. */
static PyObject *
iterator_next(PyObject *self)
{
    PyObject *result, *held = NULL;
    OBJECT_LOCK(self);
    if (CELLS_ARE_DECODED)
        held = Py_XNewRef(((iterator *)self)->source);
    result = iterator_step((iterator *)self);
    OBJECT_UNLOCK();
    Py_XDECREF(held);
    return result;
}

static PyObject *
iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t left;
    OBJECT_LOCK(self);
    left = iterator_left((iterator *)self);
    OBJECT_UNLOCK();
    return PyLong_FromSsize_t(left);
}

static int
iterator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((iterator *)self)->source);
    Py_VISIT(iterator_kept((iterator *)self));
    return 0;
}

/* No tp_clear: neither an iterator nor its container can be made to refer to it later, so a cycle goes through another
 * object, which the collector clears. */
static void
iterator_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((iterator *)self)->source);
    Py_XDECREF(iterator_kept((iterator *)self));
    iterator_free(self);
}

static PyMethodDef iterator_methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS, NULL},
    {"__reduce__", iterator_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot iterator_slots[] = {
    {Py_tp_dealloc, (void *)iterator_dealloc}, {Py_tp_traverse, (void *)iterator_traverse},
    {Py_tp_iter, (void *)PyObject_SelfIter},   {Py_tp_iternext, (void *)iterator_next},
    {Py_tp_methods, iterator_methods},         {0, NULL},
};

#endif
