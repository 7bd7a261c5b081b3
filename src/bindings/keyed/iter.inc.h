/* Iterators in both directions: over keys, values or items of a map, over the members of a set. */
#ifndef FROZEN_BINDINGS_KEYED_ITER_INC_H
#define FROZEN_BINDINGS_KEYED_ITER_INC_H

#include "trees/champ/iter.inc.h"
#include "bindings/keyed/methods.inc.h"

typedef enum { YIELD_KEYS, YIELD_VALUES, YIELD_ITEMS } yields;

typedef struct {
    PyObject_HEAD
    PyObject *source; /* keeps the tree alive; NULL: exhausted */
    PyObject *kept; /* the last pair, filled anew if no other reference is left (pair_recycle) */
    Py_ssize_t left;
    yields what;
    bool back;
    champ_iter at;
} iterator;

static PyObject *
iterator_new(PyObject *source, yields what, bool back)
{
    iterator *it = PyObject_GC_New(iterator, family_of(source)->iterator);
    if (it == NULL)
        return NULL;
    it->source = Py_NewRef(source);
    it->kept = NULL;
    it->left = COUNT(source);
    it->what = what;
    it->back = back;
    (back ? champ_iter_init_back : champ_iter_init)(&it->at, ROOT(source));
    PyObject_GC_Track(it);
    return (PyObject *)it;
}

static PyObject *
pair_to_object(const pair *s, yields what, PyObject **kept)
{
    if (what != YIELD_ITEMS)
        return cell_to_object(what == YIELD_KEYS ? PAIR_KEY(s) : PAIR_VALUE(s));
    PyObject *key, *value;
    return cells_to_objects(PAIR_KEY(s), PAIR_VALUE(s), &key, &value) ? pair_recycle(kept, key, value) : NULL;
}

static PyObject *
iterator_step(iterator *it)
{
    if (it->source == NULL)
        return NULL;
    pair *s = it->back ? champ_iter_prev(&it->at) : champ_iter_next(&it->at);
    if (s == NULL) {
        Py_CLEAR(it->source);
        return NULL;
    }
    it->left--;
    return pair_to_object(s, it->what, &it->kept);
}

static inline Py_ssize_t
iterator_left(const iterator *it)
{
    return it->left;
}

/* Pickled midway: an iterator over the list of what is left, as dict's iterators do. The iterator stays where it is. */
static PyObject *
iterator_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    iterator *it = (iterator *)self, *copy = NULL;
    OBJECT_LOCK(self);
    if (it->source != NULL && (copy = (iterator *)iterator_new(it->source, it->what, it->back)) != NULL) {
        copy->left = it->left;
        copy->at = it->at;
    }
    OBJECT_UNLOCK();
    if (copy == NULL && PyErr_Occurred())
        return NULL;
    PyObject *rest = copy != NULL ? PySequence_List((PyObject *)copy) : PyList_New(0);
    Py_XDECREF(copy);
    PyObject *iter = rest != NULL ? imported("builtins", "iter") : NULL;
    return Py_BuildValue("N(N)", iter, rest);
}

static inline PyObject *
iterator_kept(iterator *it)
{
    return it->kept;
}

static void
iterator_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

#include "bindings/common/iterator.inc.h"

#endif
