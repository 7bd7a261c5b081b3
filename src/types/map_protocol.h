/* What any Python object is asked for, answered by maps: equality, hash, repr, size, copies, pickles. */
#ifndef FROZEN_TYPES_MAP_PROTOCOL_H
#define FROZEN_TYPES_MAP_PROTOCOL_H

#include "core/champ_hash.h"
#include "types/keyed_iter.h"
#include "types/map.h"

/* ---- equality and hash ---- */

/* A map against a dict or frozendict of the same length: every item of the map is looked up there. */
static int
map_equals_dict(PyObject *self, PyObject *dict)
{
    champ_iter it;
    slot *s;
    int equal = 1;
    champ_iter_init(&it, ROOT(self));
    while (equal > 0 && (s = champ_iter_next(&it)) != NULL) {
        PyObject *key, *value, *other = NULL;
        equal = cells_to_objects(SLOT_KEY(s), SLOT_VALUE(s), &key, &value) ? dict_lookup(dict, key, &other) : -1;
        if (equal > 0)
            equal = PyObject_RichCompareBool(value, other, Py_EQ);
        Py_XDECREF(key);
        Py_XDECREF(value);
        Py_XDECREF(other);
    }
    return equal;
}

/* A map against one of another memory, by way of a dict. */
static int
map_equals_other(PyObject *self, PyObject *other)
{
    if (COUNT(self) != COUNT(other))
        return 0;
    PyObject *dict = PyDict_New();
    int equal = dict != NULL && PyDict_Update(dict, other) == 0 ? map_equals_dict(self, dict) : -1;
    Py_XDECREF(dict);
    return equal;
}

static PyObject *
container_richcompare(PyObject *self, PyObject *other, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    int equal;
    if (is_ours(family_of(self), other))
        equal = COUNT(self) != COUNT(other) ? 0 : champ_equal(ROOT(self), ROOT(other));
    else if (is_any_dict(other))
        equal = COUNT(self) != PyDict_Size(other) ? 0 : map_equals_dict(self, other);
    else if (is_mapping_of_ours(self, other))
        equal = map_equals_other(self, other);
    else
        Py_RETURN_NOTIMPLEMENTED;
    return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
}

/* ---- repr ---- */

static NO_INLINE int
append_item_repr(PyObject *parts, PyObject *key_repr, PyObject *value_repr)
{
    PyObject *part = PyUnicode_FromFormat("%U: %U", key_repr, value_repr);
    int status = part != NULL ? PyList_Append(parts, part) : -1;
    Py_XDECREF(part);
    return status;
}

/* "key: value" of each entry, as a list of strings; no key is hashed on the way.  Between one map and the next one
 * nested in it there is little C stack: the iterator lives on the heap, formatting is done one call deeper. */
static PyObject *
map_item_reprs(PyObject *self)
{
    slot *s;
    PyObject *parts = PyList_New(0);
    iterator *it = (iterator *)iterator_new(self, YIELD_ITEMS, false);
    while (parts != NULL && it != NULL && (s = champ_iter_next(&it->at)) != NULL) {
        PyObject *key, *value;
        PyObject *key_repr = cells_to_objects(SLOT_KEY(s), SLOT_VALUE(s), &key, &value) ? PyObject_Repr(key) : NULL;
        PyObject *value_repr = key_repr != NULL ? PyObject_Repr(value) : NULL;
        if (value_repr == NULL || append_item_repr(parts, key_repr, value_repr) < 0)
            Py_CLEAR(parts);
        Py_XDECREF(key);
        Py_XDECREF(value);
        Py_XDECREF(key_repr);
        Py_XDECREF(value_repr);
    }
    if (it == NULL)
        Py_CLEAR(parts);
    Py_XDECREF(it);
    return parts;
}

static NO_INLINE PyObject *
container_repr_as(PyObject *self, const char *name)
{
    if (COUNT(self) == 0)
        return PyUnicode_FromFormat("%s()", name);
    PyObject *parts = map_item_reprs(self), *comma = PyUnicode_FromString(", "), *result = NULL;
    PyObject *joined = parts != NULL && comma != NULL ? PyUnicode_Join(comma, parts) : NULL;
    if (joined != NULL)
        result = PyUnicode_FromFormat("%s({%U})", name, joined);
    Py_XDECREF(parts);
    Py_XDECREF(comma);
    Py_XDECREF(joined);
    return result;
}

/* ---- copies, pickles ---- */

static PyObject *
map_to_dict(PyObject *self)
{
    champ_iter it;
    slot *s;
    PyObject *dict = PyDict_New();
    champ_iter_init(&it, ROOT(self));
    while (dict != NULL && (s = champ_iter_next(&it)) != NULL) {
        PyObject *key, *value;
        if (!cells_to_objects(SLOT_KEY(s), SLOT_VALUE(s), &key, &value) || PyDict_SetItem(dict, key, value) < 0)
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
    bool changed = false;
    PyObject *dict = map_to_dict(self), *items = dict != NULL ? PyDict_Items(dict) : NULL;
    Py_XDECREF(dict);
    if (items != NULL && deepcopy_items(items, memo, &changed) < 0)
        Py_CLEAR(items);
    return container_deepcopy(self, items, changed, memo);
}

#endif
