/* Iterators over a map's keys, values or items, in both directions: one type, for maps and views alike. */
#ifndef FROZEN_TYPES_MAP_ITER_H
#define FROZEN_TYPES_MAP_ITER_H

#include "core/champ_iter.h"
#include "types/map.h"

typedef enum { YIELD_KEYS, YIELD_VALUES, YIELD_ITEMS } yields;

typedef struct {
    PyObject_HEAD
    PyObject *map;  /* keeps the tree alive; NULL: exhausted */
    PyObject *kept; /* the last pair, to be filled anew if nobody kept it (pair_recycle) */
    Py_ssize_t left;
    yields what;
    bool back;
    champ_iter at;
} map_iterator;

static PyObject *
map_iterator_new(PyObject *map, yields what, bool back)
{
    map_iterator *it = PyObject_GC_New(map_iterator, map_types_of(map)->iterator);
    if (it == NULL)
        return NULL;
    it->map = Py_NewRef(map);
    it->kept = NULL;
    it->left = MAP_COUNT(map);
    it->what = what;
    it->back = back;
    (back ? champ_iter_init_back : champ_iter_init)(&it->at, MAP_ROOT(map));
    PyObject_GC_Track(it);
    return (PyObject *)it;
}

static PyObject *
slot_to_object(const slot *s, yields what, PyObject **kept)
{
    if (what != YIELD_ITEMS)
        return cell_to_object(what == YIELD_KEYS ? SLOT_KEY(s) : SLOT_VALUE(s));
    PyObject *key = cell_to_object(SLOT_KEY(s)), *value = cell_to_object(SLOT_VALUE(s));
    if (key == NULL || value == NULL) {
        Py_XDECREF(key);
        Py_XDECREF(value);
        return NULL;
    }
    return pair_recycle(kept, key, value);
}

static PyObject *
map_iterator_step(map_iterator *it)
{
    if (it->map == NULL)
        return NULL;
    slot *s = it->back ? champ_iter_prev(&it->at) : champ_iter_next(&it->at);
    if (s == NULL) {
        Py_CLEAR(it->map);
        return NULL;
    }
    it->left--;
    return slot_to_object(s, it->what, &it->kept);
}

/* One iterator may be advanced by several threads: each item goes to one of them. */
static PyObject *
map_iterator_next(PyObject *self)
{
    PyObject *result;
    OBJECT_LOCK(self);
    result = map_iterator_step((map_iterator *)self);
    OBJECT_UNLOCK();
    return result;
}

static PyObject *
map_iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(((map_iterator *)self)->left);
}

/* Pickled midway: an iterator over the list of what is left, as dict's iterators do.  The iterator stays where it is. */
static PyObject *
map_iterator_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    map_iterator *it = (map_iterator *)self, *copy = NULL;
    OBJECT_LOCK(self);
    if (it->map != NULL && (copy = (map_iterator *)map_iterator_new(it->map, it->what, it->back)) != NULL) {
        copy->left = it->left;
        copy->at = it->at;
    }
    OBJECT_UNLOCK();
    if (copy == NULL && PyErr_Occurred())
        return NULL;
    PyObject *rest = copy != NULL ? PySequence_List((PyObject *)copy) : PyList_New(0);
    Py_XDECREF(copy);
    PyObject *iter = rest != NULL ? builtin("iter") : NULL;
    return Py_BuildValue("N(N)", iter, rest);
}

static int
map_iterator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((map_iterator *)self)->map);
    Py_VISIT(((map_iterator *)self)->kept);
    return 0;
}

static void
map_iterator_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((map_iterator *)self)->map);
    Py_XDECREF(((map_iterator *)self)->kept);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef map_iterator_methods[] = {
    {"__length_hint__", map_iterator_length_hint, METH_NOARGS, NULL},
    {"__reduce__", map_iterator_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot map_iterator_slots[] = {
    {Py_tp_dealloc, (void *)map_iterator_dealloc},
    {Py_tp_traverse, (void *)map_iterator_traverse},
    {Py_tp_iter, (void *)PyObject_SelfIter},
    {Py_tp_iternext, (void *)map_iterator_next},
    {Py_tp_methods, map_iterator_methods},
    {0, NULL},
};

#endif
