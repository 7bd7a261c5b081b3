/* Where a set's members come from: any iterable.
 *
 * What is not a Set goes through a builtin set, which keeps the first of equal members, and is built in bulk. */
#ifndef FROZEN_TYPES_SET_SOURCE_H
#define FROZEN_TYPES_SET_SOURCE_H

#include "types/keyed.h"

/* A tree over distinct members, a list; a new reference, or NULL. */
static champ_node *
root_from_members(memory *mem, PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list), made = 0;
    if ((uint64_t)count >= UINT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "a set of %zd members built at once; the most is %u", count, UINT32_MAX - 1);
        return NULL;
    }
    entry *entries = scratch_alloc(2 * (size_t)(count ? count : 1) * sizeof(entry));
    if (entries == NULL)
        return NULL;
    for (; made < count; made++) {
        probe p;
        if (probe_init(&p, PyList_GET_ITEM(list, made)) < 0
            || cell_from_key(PyList_GET_ITEM(list, made), &p, &SLOT_KEY(&entries[made].slot)) < 0)
            break;
        entries[made].hash = p.hash;
    }
    champ_node *root = NULL;
    if (made == count)
        root = champ_build(mem, entries, entries + count, (size_t)count, 0, entries_general(entries, (size_t)count));
    else
        entries_release(entries, (size_t)made);
    scratch_free(entries);
    return root;
}

/* What an iterable yields, of equal members the first: a new list. */
static PyObject *
distinct_members(PyObject *source)
{
    PyObject *set = PyAnySet_CheckExact(source) ? Py_NewRef(source) : PySet_New(source);
    PyObject *list = set != NULL ? PySequence_List(set) : NULL;
    Py_XDECREF(set);
    return list;
}

/* Distinct members as a draft that the caller clears: 0 or -1. */
static int
draft_from_members(memory *mem, PyObject *list, draft *d)
{
    d->count = PyList_GET_SIZE(list);
    d->root = root_from_members(mem, list);
    return d->root != NULL ? 0 : -1;
}

/* The same for the members of any iterable. */
static int
draft_from_iterable(memory *mem, family *types, PyObject *source, draft *d)
{
    if (is_ours(types, source)) {
        *d = draft_of(source);
        return 0;
    }
    PyObject *list = distinct_members(source);
    int status = list != NULL ? draft_from_members(mem, list, d) : -1;
    Py_XDECREF(list);
    return status;
}

/* draft_put with an object: what it is as a cell ends with the call. */
static int
draft_add(memory *mem, draft *d, PyObject *member)
{
    probe p;
    cell key;
    if (probe_init(&p, member) < 0 || key_open(member, &p, &key) < 0)
        return -1;
    int status = draft_put(mem, d, &p, key, key);
    cell_close(key);
    return status;
}

#endif
