/* The map's tables: which slot and which name lead where. */
#ifndef FROZEN_BINDINGS_MAP_TYPE_INC_H
#define FROZEN_BINDINGS_MAP_TYPE_INC_H

#include "bindings/common/hooks.inc.h"
#include "bindings/map/delta.inc.h"
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

static PyMethodDef map_methods[] = {
    {"get", FASTCALL(map_get), METH_FASTCALL | METH_KEYWORDS, DOC(get)},
    {"set", FASTCALL(map_set), METH_FASTCALL, DOC(set)},
    {"setdefault", FASTCALL(map_setdefault), METH_FASTCALL, DOC(setdefault)},
    {"alter", FASTCALL(map_alter), METH_FASTCALL | METH_KEYWORDS, DOC(alter)},
    {"delete", keyed_delete, METH_O, DOC(delete)},
    {"remove", keyed_delete, METH_O, DOC(remove)},
    {"discard", keyed_discard, METH_O, DOC(discard)},
    {"update", FASTCALL(map_update), METH_FASTCALL | METH_KEYWORDS, DOC(update)},
    {"merge", FASTCALL(map_merge), METH_FASTCALL, DOC(merge)},
    {"diff", map_diff, METH_O, DOC(diff)},
    {"apply", map_apply, METH_O, DOC(apply)},
    {"_changed", FASTCALL(map_changed), METH_FASTCALL, NULL},
    {"_differences", FASTCALL(keyed_differences), METH_FASTCALL, NULL},
    {"_root", container_root_address, METH_NOARGS, NULL},
    {"mutate", keyed_mutate, METH_NOARGS, DOC(mutate)},
    {"keys", map_keys, METH_NOARGS, DOC(keys)},
    {"values", map_values, METH_NOARGS, DOC(values)},
    {"items", map_items, METH_NOARGS, DOC(items)},
    {"copy", container_copy, METH_NOARGS, DOC(copy)},
    {"fromkeys", FASTCALL(map_fromkeys), METH_FASTCALL | METH_CLASS, DOC(fromkeys)},
    HOOK_METHODS,
#ifdef MAP_FAMILY_METHODS
    MAP_FAMILY_METHODS,
#endif
    {"__copy__", container_copy, METH_NOARGS, DOC(__copy__)},
    {"__deepcopy__", map_deepcopy, METH_O, DOC(__deepcopy__)},
    {"__reduce__", map_reduce, METH_NOARGS, DOC(__reduce__)},
    {"__reversed__", map_reversed, METH_NOARGS, DOC(__reversed__)},
    {"__sizeof__", container_sizeof, METH_NOARGS, DOC(__sizeof__)},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot map_slots[] = {
    {Py_tp_doc, (void *)DOC(class)},
    {Py_tp_new, (void *)container_tp_new},
    {Py_tp_iter, (void *)map_iter},
    {Py_tp_methods, map_methods},
    {Py_tp_getset, hook_getset},
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
