/* The set's remaining protocol, its mutation, and its tables. */
#ifndef FROZEN_BINDINGS_SET_TYPE_INC_H
#define FROZEN_BINDINGS_SET_TYPE_INC_H

#include "bindings/keyed/type.inc.h"
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
    status = draft_add(family_memory(family_of(self)), &((mutation *)self)->draft, member);
    mutation_edited((mutation *)self);
    OBJECT_UNLOCK();
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* A few members one by one, all or none. */
static int
mutation_add_few(memory *mem, draft *d, const draft *other)
{
    draft_changes changes = {0};
    int status;
    if (other->count == 1)
        return combine_members(mem, d, other->root, SET_UNION);
    do {
        if (draft_begin(d, &changes) < 0)
            return -1;
        status = combine_members(mem, &changes.next, other->root, SET_UNION);
    } while (!draft_commit(d, &changes, status));
    return status;
}

/* Other threads see all of each iterable's members arrive, or none. */
static PyObject *
mutation_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    family *types = family_of(self);
    draft *own = &((mutation *)self)->draft, other;
    int status = 0;
    for (Py_ssize_t i = 0; i < nargs && status == 0; i++) {
        if (draft_from_iterable(family_memory(types), types, args[i], &other) < 0)
            return NULL;
        OBJECT_LOCK(self);
        status = FEW(other.count, own->count)
                     ? mutation_add_few(family_memory(types), own, &other)
                     : draft_merge(family_memory(types), own, &other, &set_policies[SET_UNION]);
        mutation_edited((mutation *)self);
        OBJECT_UNLOCK();
        draft_clear(&other);
    }
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef mutation_methods[] = {
    {"add", mutation_add, METH_O, PyDoc_STR("add($self, member, /)\n--\n\nAdd a member, in place.")},
    {"remove", mutation_delete, METH_O,
     PyDoc_STR("remove($self, member, /)\n--\n\nRemove a member, in place; KeyError(member) if it is absent.")},
    {"discard", mutation_discard, METH_O,
     PyDoc_STR("discard($self, member, /)\n--\n\nRemove a member, in place, if it is present.")},
    {"update", FASTCALL(mutation_update), METH_FASTCALL,
     PyDoc_STR("update($self, /, *iterables)\n--\n\nAdd the members of all iterables, in place.")},
    MUTATION_COMMON_METHODS,
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(mutation_doc,
"A set being edited in place: made by Set.mutate(), sealed by finish() or by leaving a `with` block.\n"
"Without an edit that changes something finish() returns the very set that it was made from.\n\n"
"Costs a fraction of deriving a set a change, for nodes that only the mutation can reach are changed where they are.");

static PyType_Slot set_mutation_slots[] = {
    KEYED_MUTATION_SLOTS,
    {0, NULL},
};

/* ---- the set ---- */

/* A family may have its own words, and methods that the others lack. */
#ifndef SET_SUMMARY
#define SET_SUMMARY "Set(iterable=(), /)\n--\n\n" \
                    "An immutable, persistent set of hashable members.\n" \
                    "An instance of a subclass keeps its attributes in copies and pickles; what is derived from it is a Set, as with frozenset.\n\n"
#endif

static PyMethodDef set_methods[] = {
    {"add", set_add, METH_O,
     PyDoc_STR(
         "add($self, member, /)\n--\n\nThe set with member; itself, if member is there already.  O(log n), base 32.")},
    {"remove", set_remove, METH_O,
     PyDoc_STR(
         "remove($self, member, /)\n--\n\nThe set without member; KeyError(member) if it is absent.  O(log n), base 32.")},
    {"discard", set_discard, METH_O,
     PyDoc_STR(
         "discard($self, member, /)\n--\n\nThe set without member; itself, if member is absent.  O(log n), base 32.")},
    {"update", FASTCALL(set_union), METH_FASTCALL,
     PyDoc_STR(
         "update($self, /, *iterables)\n--\n\nThe set with the members of all iterables: union by another name.")},
    {"union", FASTCALL(set_union), METH_FASTCALL,
     PyDoc_STR("union($self, /, *iterables)\n--\n\n"
               "The members of this set and of all iterables.  Of two Sets: costs what differs between them.")},
    {"intersection", FASTCALL(set_intersection), METH_FASTCALL,
     PyDoc_STR("intersection($self, /, *iterables)\n--\n\nThe members of this set that all iterables have, too.")},
    {"difference", FASTCALL(set_difference), METH_FASTCALL,
     PyDoc_STR("difference($self, /, *iterables)\n--\n\nThe members of this set that no iterable has.")},
    {"symmetric_difference", set_symmetric_difference, METH_O,
     PyDoc_STR("symmetric_difference($self, iterable, /)\n--\n\nThe members of either, but not of both.")},
    {"issubset", set_issubset, METH_O,
     PyDoc_STR("issubset($self, iterable, /)\n--\n\nWhether the iterable has all members of this set.")},
    {"issuperset", set_issuperset, METH_O,
     PyDoc_STR("issuperset($self, iterable, /)\n--\n\nWhether this set has all members of the iterable.")},
    {"isdisjoint", set_isdisjoint, METH_O,
     PyDoc_STR("isdisjoint($self, iterable, /)\n--\n\nWhether this set and the iterable have no member in common.")},
    {"mutate", keyed_mutate, METH_NOARGS,
     PyDoc_STR("mutate($self, /)\n--\n\nA SetMutation that starts as this set, to make many changes cheaply.  O(1).")},
    {"copy", container_copy, METH_NOARGS, PyDoc_STR("copy($self, /)\n--\n\nThe set itself, for it never changes.")},
#ifdef SET_FAMILY_METHODS
    SET_FAMILY_METHODS,
#endif
    {"__copy__", container_copy, METH_NOARGS, NULL},
    {"__deepcopy__", set_deepcopy, METH_O, NULL},
    {"__reduce__", set_reduce, METH_NOARGS, NULL},
    {"__sizeof__", keyed_sizeof, METH_NOARGS,
     PyDoc_STR(
         "__sizeof__($self, /)\n--\n\nBytes of the set and all its nodes, those that other versions share included.  O(n).")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(set_doc, SET_SUMMARY
"frozenset's interface; add, remove and discard make a new set in O(log n), base 32, which shares everything else with\n"
"the old one.  A compressed hash-array-mapped prefix tree (CHAMP: Steindorfer and Vinju, OOPSLA 2015).");

static PyType_Slot set_slots[] = {
    {Py_tp_doc, (void *)set_doc},
    {Py_tp_new, (void *)set_tp_new},
    {Py_tp_iter, (void *)set_iter},
    {Py_tp_methods, set_methods},
    {Py_sq_contains, (void *)set_contains},
    {Py_nb_or, (void *)set_or},
    {Py_nb_and, (void *)set_and},
    {Py_nb_subtract, (void *)set_subtract},
    {Py_nb_xor, (void *)set_xor},
    KEYED_COMMON_SLOTS,
    {0, NULL},
};

#endif
