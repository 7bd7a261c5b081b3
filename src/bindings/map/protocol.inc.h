/* What any Python object is asked for, answered by maps: equality, hash, repr, size, copies, pickles. */
#ifndef FROZEN_BINDINGS_MAP_PROTOCOL_INC_H
#define FROZEN_BINDINGS_MAP_PROTOCOL_INC_H

#include "trees/champ/hash.inc.h"
#include "platform/text.h"
#include "bindings/common/equal.inc.h"
#include "bindings/keyed/iter.inc.h"
#include "bindings/map/methods.inc.h"

/* ---- equality and hash ---- */

static int
contents_equal(PyObject *a, PyObject *b)
{
    return champ_equal(ROOT(a), ROOT(b));
}

/* A map against a dict or frozendict of the same length: every item of the map is looked up there. */
static int
map_equals_dict(PyObject *self, PyObject *dict)
{
    champ_iter it;
    pair *s;
    budget left = BUDGET;
    int equal = 1;
    champ_iter_init(&it, ROOT(self));
    while (equal > 0 && (s = champ_iter_next(&it)) != NULL) {
        PyObject *key, *value, *other = NULL;
        if (!budget_spend(&left, 1))
            return -1;
        equal = cells_to_objects(PAIR_KEY(s), PAIR_VALUE(s), &key, &value) ? dict_lookup(dict, key, &other) : -1;
        if (equal > 0)
            equal = PyObject_RichCompareBool(value, other, Py_EQ);
        Py_XDECREF(key);
        Py_XDECREF(value);
        Py_XDECREF(other);
    }
    return equal;
}

/* A map against any other mapping by way of a dict of its items. */
static int
map_equals_mapping(PyObject *self, PyObject *other)
{
    Py_ssize_t others = PyObject_Size(other);
    if (others != COUNT(self))
        return others < 0 ? -1 : 0;
    PyObject *dict = dict_from_source(other);
    int equal = dict == NULL ? -1 : PyDict_GET_SIZE(dict) == others ? map_equals_dict(self, dict) : 0;
    Py_XDECREF(dict);
    return equal;
}

static PyObject *
container_richcompare(PyObject *self, PyObject *other, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    int equal = 0, known;
    if (!nested_step())
        return NULL;
    if (is_ours(family_of(self), other))
        equal = containers_equal(self, other);
    else if (are_counterparts(self, other))
        equal = counterparts_equal(self, other);
    else if (is_any_dict(other))
        equal = COUNT(self) != PyDict_Size(other) ? 0 : map_equals_dict(self, other);
    else if ((known = is_mapping(self, other)) > 0)
        equal = map_equals_mapping(self, other);
    else
        return known < 0 ? NULL : Py_NewRef(Py_NotImplemented);
    return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
}

/* ---- repr ---- */

/* "key: value" of one entry, after `comma`: 0 or -1. */
static int
map_write_item(text_writer *text, const char *comma, pair *s)
{
    PyObject *key, *value;
    if (!cells_to_objects(PAIR_KEY(s), PAIR_VALUE(s), &key, &value))
        return -1;
    bool written = text_ascii(text, comma) == 0 && text_repr(text, key) == 0 && text_ascii(text, ": ") == 0
                   && text_repr(text, value) == 0;
    Py_DECREF(key);
    Py_DECREF(value);
    return written ? 0 : -1;
}

enum { ITEMS_AHEAD = 32 };

/* The next few pairs of an iterator, whose objects lie anywhere in memory: all are asked for before the first is used.
 * The number of them. */
static unsigned
map_items_ahead(champ_iter *at, pair *ahead[ITEMS_AHEAD])
{
    unsigned found = 0;
    for (pair *s; found < ITEMS_AHEAD && (s = champ_iter_next(at)) != NULL; ahead[found++] = s) {
        cell_prefetch(PAIR_KEY(s));
        cell_prefetch(PAIR_VALUE(s));
    }
    return found;
}

/* "key: value" of each entry; no key is hashed on the way. Between one map and the next one nested in it there is
 * little C stack: the iterator and the text live on the heap. */
static int
map_write_items(PyObject *self, text_writer *text)
{
    pair *ahead[ITEMS_AHEAD];
    iterator *it = (iterator *)iterator_new(self, YIELD_ITEMS, false);
    budget left = BUDGET;
    int status = it != NULL ? 0 : -1;
    const char *comma = "";
    for (unsigned count; status == 0 && (count = map_items_ahead(&it->at, ahead)) != 0;)
        for (unsigned i = 0; i < count && status == 0; i++, comma = ", ")
            status = budget_spend(&left, 1) ? map_write_item(text, comma, ahead[i]) : -1;
    Py_XDECREF(it);
    return status;
}

static NO_INLINE PyObject *
container_repr_as(PyObject *self, const char *name)
{
    text_writer text;
    if (COUNT(self) == 0)
        return PyUnicode_FromFormat("%s()", name);
    if (!text_open(&text))
        return NULL;
    int status = text_ascii(&text, name);
    if (status == 0)
        status = text_ascii(&text, "({");
    if (status == 0)
        status = map_write_items(self, &text);
    if (status == 0)
        status = text_ascii(&text, "})");
    return text_close(&text, status);
}

/* ---- copies, pickles ---- */

static PyObject *
map_to_dict(PyObject *self)
{
    champ_iter it;
    pair *s;
    PyObject *dict = PyDict_New();
    budget left = BUDGET;
    champ_iter_init(&it, ROOT(self));
    while (dict != NULL && (s = champ_iter_next(&it)) != NULL) {
        PyObject *key = NULL, *value = NULL;
        if (!budget_spend(&left, 1) || !cells_to_objects(PAIR_KEY(s), PAIR_VALUE(s), &key, &value)
            || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

/* The items are copied as pairs: a pair of which neither part is another object is itself its copy. */
static PyObject *
map_deepcopy(PyObject *self, PyObject *memo)
{
    if (is_its_own_deepcopy(memo))
        return Py_NewRef(self);
    bool changed = false;
    PyObject *dict = map_to_dict(self), *items = dict != NULL ? PyDict_Items(dict) : NULL;
    Py_XDECREF(dict);
    if (items != NULL && deepcopy_items(items, memo, &changed) < 0)
        Py_CLEAR(items);
    return container_deepcopy(self, items, changed, memo);
}

#endif
