/* The map's tables: which slot and which name lead where. */
#ifndef FROZEN_BINDINGS_MAP_TYPE_INC_H
#define FROZEN_BINDINGS_MAP_TYPE_INC_H

#include "bindings/map/diff.inc.h"
#include "bindings/map/mutation.inc.h"
#include "bindings/map/pickle.inc.h"
#include "bindings/map/views.inc.h"

static PyObject *
map_iter(PyObject *self)
{
    return iterator_new(self, YIELD_KEYS, false);
}

static PyObject *
map_reversed(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return iterator_new(self, YIELD_KEYS, true);
}

/* A family may have its own words, and methods that the others lack. */
#ifndef MAP_SUMMARY
#define MAP_SUMMARY "Map(mapping_or_pairs=(), /, **entries)\n--\n\n" \
                    "An immutable, persistent mapping of hashable keys to any values.  Equal to every mapping of the same entries.\n" \
                    "An instance of a subclass keeps its attributes in copies and pickles; what is derived from it is a Map, as with frozenset.\n\n"
#endif

static PyMethodDef map_methods[] = {
    {"get", FASTCALL(map_get), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("get($self, key, /, default=None)\n--\n\nThe value under key, or default.  O(log n), base 32.")},
    {"set", FASTCALL(map_set), METH_FASTCALL,
     PyDoc_STR(
         "set($self, key, value, /)\n--\n\nThe map with value under key; itself, if value is there already.  O(log n), base 32.")},
    {"delete", keyed_delete, METH_O,
     PyDoc_STR("delete($self, key, /)\n--\n\nThe map without key; KeyError(key) if it is absent.  O(log n), base 32.")},
    {"discard", keyed_discard, METH_O,
     PyDoc_STR("discard($self, key, /)\n--\n\nThe map without key; itself, if key is absent.  O(log n), base 32.")},
    {"update", FASTCALL(map_update), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("update($self, /, *mappings_or_pairs, **entries)\n--\n\n"
               "The map with all these entries; later values win, keys that are there stay the objects they are.\n"
               "With another map: costs what differs between the two.")},
    {"merge", FASTCALL(map_merge), METH_FASTCALL,
     PyDoc_STR("merge($self, other, fn, /)\n--\n\n"
               "The entries of both; where both have a key, the value is fn(own value, other's value).")},
    {"diff", map_diff, METH_O,
     PyDoc_STR(
         "diff($self, new, /)\n--\n\nThe Delta that leads from this map to the new one.  Costs what differs between them.")},
    {"apply", map_apply, METH_O,
     PyDoc_STR("apply($self, delta, /)\n--\n\nThe map with a Delta's changes; ConflictError where it does not fit.")},
    {"_differences", FASTCALL(map_differences), METH_FASTCALL, NULL},
    {"_root", container_root_address, METH_NOARGS, NULL},
    {"mutate", keyed_mutate, METH_NOARGS,
     PyDoc_STR("mutate($self, /)\n--\n\nA MapMutation that starts as this map, to make many changes cheaply.  O(1).")},
    {"keys", map_keys, METH_NOARGS, PyDoc_STR("keys($self, /)\n--\n\nA set-like view of the keys.")},
    {"values", map_values, METH_NOARGS, PyDoc_STR("values($self, /)\n--\n\nA view of the values.")},
    {"items", map_items, METH_NOARGS, PyDoc_STR("items($self, /)\n--\n\nA set-like view of the (key, value) pairs.")},
    {"copy", container_copy, METH_NOARGS, PyDoc_STR("copy($self, /)\n--\n\nThe map itself, for it never changes.")},
    {"fromkeys", FASTCALL(map_fromkeys), METH_FASTCALL | METH_CLASS,
     PyDoc_STR("fromkeys($type, iterable, value=None, /)\n--\n\nA map of the iterable's members, all with one value.")},
#ifdef MAP_FAMILY_METHODS
    MAP_FAMILY_METHODS,
#endif
    {"__copy__", container_copy, METH_NOARGS, NULL},
    {"__deepcopy__", map_deepcopy, METH_O, NULL},
    {"__reduce__", map_reduce, METH_NOARGS, NULL},
    {"__reversed__", map_reversed, METH_NOARGS, PyDoc_STR("__reversed__($self, /)\n--\n\nThe keys, last to first.")},
    {"__sizeof__", keyed_sizeof, METH_NOARGS,
     PyDoc_STR(
         "__sizeof__($self, /)\n--\n\nBytes of the map and all its nodes, those that other versions share included.  O(n).")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(map_doc, MAP_SUMMARY
"Every change makes a new map in O(log n), base 32, and shares everything else with the old one, which stays as it is.\n"
"A compressed hash-array-mapped prefix tree (CHAMP: Steindorfer and Vinju, OOPSLA 2015) over the full 64-bit hash.");

static PyType_Slot map_slots[] = {
    {Py_tp_doc, (void *)map_doc},
    {Py_tp_new, (void *)map_tp_new},
    {Py_tp_iter, (void *)map_iter},
    {Py_tp_methods, map_methods},
    {Py_mp_subscript, (void *)map_subscript},
    {Py_sq_contains, (void *)keyed_contains},
    {Py_nb_or, (void *)map_or},
    KEYED_COMMON_SLOTS,
    {0, NULL},
};

#define MAP_VIEW_SPECS(prefix, name)                                                                       \
    PyType_Spec prefix##_keys_spec = {name "Keys", sizeof(map_view), 0, HELPER_FLAGS, map_keys_slots};       \
    PyType_Spec prefix##_values_spec = {name "Values", sizeof(map_view), 0, HELPER_FLAGS, map_values_slots}; \
    PyType_Spec prefix##_items_spec = {name "Items", sizeof(map_view), 0, HELPER_FLAGS, map_items_slots}

#endif
