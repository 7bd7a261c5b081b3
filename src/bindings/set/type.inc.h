/* The set's remaining protocol, its mutation, and its tables. */
#ifndef FROZEN_BINDINGS_SET_TYPE_INC_H
#define FROZEN_BINDINGS_SET_TYPE_INC_H

#include "bindings/keyed/diff.inc.h"
#include "bindings/keyed/type.inc.h"
#include "bindings/common/hooks.inc.h"
#include "bindings/set/methods.inc.h"

static PyObject *
set_iter(PyObject *self)
{
    return iterator_new(self, YIELD_KEYS, false);
}

static PyObject *
container_repr_as(PyObject *self, const char *name)
{
    if (COUNT(self) == 0)
        return PyUnicode_FromFormat("%s()", name);
    PyObject *list = PySequence_List(self), *text = list != NULL ? PyObject_Repr(list) : NULL, *result = NULL;
    PyObject *members = text != NULL ? PyUnicode_Substring(text, 1, PyUnicode_GET_LENGTH(text) - 1) : NULL;
    if (members != NULL)
        result = PyUnicode_FromFormat("%s({%U})", name, members);
    Py_XDECREF(list);
    Py_XDECREF(text);
    Py_XDECREF(members);
    return result;
}

static PyObject *
set_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return container_reduce(self, PySequence_List(self));
}

static PyObject *
set_deepcopy(PyObject *self, PyObject *memo)
{
    if (is_its_own_deepcopy(memo))
        return Py_NewRef(self);
    bool changed = false;
    PyObject *list = PySequence_List(self);
    if (list != NULL && deepcopy_items(list, memo, &changed) < 0)
        Py_CLEAR(list);
    return container_deepcopy(self, list, changed, memo);
}

/* ---- mutation ---- */

static PyObject *
mutation_add(PyObject *self, PyObject *member)
{
    int status;
    OBJECT_LOCK(self);
    status = transient_add(family_memory(family_of(self)), &((mutation *)self)->transient, member);
    mutation_edited((mutation *)self);
    OBJECT_UNLOCK();
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* A few members one by one, all or none. */
static int
mutation_add_few(memory *mem, transient *d, const transient *other)
{
    transient_changes changes = {0};
    int status;
    if (other->count == 1)
        return combine_members(mem, d, other->root, SET_UNION);
    do {
        if (transient_begin(d, &changes) < 0)
            return -1;
        status = combine_members(mem, &changes.next, other->root, SET_UNION);
    } while (!transient_commit(d, &changes, status));
    return status;
}

/* Other threads see all of each iterable's members arrive, or none. */
static PyObject *
mutation_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    family *types = family_of(self);
    transient *own = &((mutation *)self)->transient, other;
    int status = 0;
    for (Py_ssize_t i = 0; i < nargs && status == 0; i++) {
        if (transient_from_iterable(family_memory(types), types, args[i], &other) < 0)
            return NULL;
        OBJECT_LOCK(self);
        status = FEW(other.count, own->count)
                     ? mutation_add_few(family_memory(types), own, &other)
                     : transient_merge(family_memory(types), own, &other, &set_policies[SET_UNION]);
        mutation_edited((mutation *)self);
        OBJECT_UNLOCK();
        transient_clear(&other);
    }
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef mutation_methods[] = {
    {"add", mutation_add, METH_O, HELPER_DOC(Mutation, add)},
    {"remove", mutation_delete, METH_O, HELPER_DOC(Mutation, remove)},
    {"discard", mutation_discard, METH_O, HELPER_DOC(Mutation, discard)},
    {"update", FASTCALL(mutation_update), METH_FASTCALL, HELPER_DOC(Mutation, update)},
    MUTATION_COMMON_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot set_mutation_slots[] = {
    KEYED_MUTATION_SLOTS,
    {0, NULL},
};

/* ---- the set ---- */

static PyMethodDef set_methods[] = {
    {"add", set_add, METH_O, DOC(add)},
    {"remove", set_remove, METH_O, DOC(remove)},
    {"discard", set_discard, METH_O, DOC(discard)},
    {"update", FASTCALL(set_union), METH_FASTCALL, DOC(update)},
    {"union", FASTCALL(set_union), METH_FASTCALL, DOC(union)},
    {"intersection", FASTCALL(set_intersection), METH_FASTCALL, DOC(intersection)},
    {"difference", FASTCALL(set_difference), METH_FASTCALL, DOC(difference)},
    {"symmetric_difference", set_symmetric_difference, METH_O, DOC(symmetric_difference)},
    {"issubset", set_issubset, METH_O, DOC(issubset)},
    {"issuperset", set_issuperset, METH_O, DOC(issuperset)},
    {"isdisjoint", set_isdisjoint, METH_O, DOC(isdisjoint)},
    {"diff", container_diff, METH_O, DOC(diff)},
    {"apply", container_apply, METH_O, DOC(apply)},
    {"_differences", FASTCALL(keyed_differences), METH_FASTCALL, NULL},
    {"_root", container_root_address, METH_NOARGS, NULL},
    {"mutate", keyed_mutate, METH_NOARGS, DOC(mutate)},
    {"copy", container_copy, METH_NOARGS, DOC(copy)},
    HOOK_METHODS,
#ifdef SET_FAMILY_METHODS
    SET_FAMILY_METHODS,
#endif
    {"__copy__", container_copy, METH_NOARGS, DOC(__copy__)},
    {"__deepcopy__", set_deepcopy, METH_O, DOC(__deepcopy__)},
    {"__reduce__", set_reduce, METH_NOARGS, DOC(__reduce__)},
    {"__sizeof__", container_sizeof, METH_NOARGS, DOC(__sizeof__)},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot set_slots[] = {
    {Py_tp_doc, (void *)DOC(class)},
    {Py_tp_new, (void *)container_tp_new},
    {Py_tp_iter, (void *)set_iter},
    {Py_tp_methods, set_methods},
    {Py_tp_getset, hook_getset},
    {Py_sq_contains, (void *)set_contains},
    {Py_nb_or, (void *)set_or},
    {Py_nb_and, (void *)set_and},
    {Py_nb_subtract, (void *)set_subtract},
    {Py_nb_xor, (void *)set_xor},
    KEYED_COMMON_SLOTS,
    {0, NULL},
};

#endif
