/* Where a set's members come from: any iterable.
 *
 * Lists and tuples are built in bulk as they are; what is neither goes through a builtin set first, so that what yields
 * few members often takes little memory.  Of equal members the first stays, as in frozenset. */
#ifndef FROZEN_BINDINGS_SET_SOURCE_INC_H
#define FROZEN_BINDINGS_SET_SOURCE_INC_H

#include "bindings/keyed/methods.inc.h"

/* An entry that owns its cell: 0 or -1. */
static inline int
entry_from_member(PyObject *member, entry *out)
{
    probe p;
    if (probe_init(&p, member) < 0)
        return -1;
    out->hash = p.hash;
    return cell_from_key(member, &p, &PAIR_KEY(&out->pair));
}

/* The members of a list or tuple as entries: how many, or -1. Hashing may run arbitrary code, which may shorten a list:
 * so its length is read again each time, and what it grows by is left out. */
static Py_ssize_t
entries_from_sequence(PyObject *sequence, entry *out, Py_ssize_t count, builder *b)
{
    Py_ssize_t made = 0;
    int status = 0;
    OBJECT_LOCK(sequence);
    for (; made < count && made < PySequence_Fast_GET_SIZE(sequence); made++) {
        PyObject *member = Py_NewRef(PySequence_Fast_GET_ITEM(sequence, made));
        status = budget_spend(&b->left, 1) ? entry_from_member(member, &out[made]) : -1;
        Py_DECREF(member);
        if (status < 0)
            break;
        b->any_general |= pair_is_general(&out[made].pair);
    }
    OBJECT_UNLOCK();
    if (status == 0)
        return made;
    entries_release(out, (size_t)made);
    return -1;
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

/* The same, or a list or tuple as it is: a new reference. */
static PyObject *
members_of(PyObject *source, bool *any_equal)
{
    *any_equal = PyList_CheckExact(source) || PyTuple_CheckExact(source);
    return *any_equal ? Py_NewRef(source) : distinct_members(source);
}

/* The members of a list or tuple as a transient that the caller clears: 0 or -1. */
static int
transient_from_members(memory *mem, PyObject *sequence, bool any_equal, transient *d)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence);
    if ((uint64_t)count >= UINT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "a set of %zd members built at once; the most is %u", count, UINT32_MAX - 1);
        return -1;
    }
    builder b = {.mem = mem, .any_equal = any_equal, .left = BUDGET};
    workspace w;
    if (!workspace_open(&w, (size_t)count))
        return -1;
    count = entries_from_sequence(sequence, w.items, count, &b);
    d->root = count >= 0 ? champ_build(&b, w.items, w.spare, (size_t)count, 0) : NULL;
    d->count = count - (Py_ssize_t)b.dropped;
    workspace_close(&w);
    return d->root != NULL ? 0 : -1;
}

/* The same for the members of any iterable. */
static int
transient_from_iterable(memory *mem, family *types, PyObject *source, transient *d)
{
    if (is_ours(types, source)) {
        *d = transient_of(source);
        return 0;
    }
    bool any_equal;
    PyObject *members = members_of(source, &any_equal);
    int status = members != NULL ? transient_from_members(mem, members, any_equal, d) : -1;
    Py_XDECREF(members);
    return status;
}

/* transient_put with an object: what it is as a cell ends with the call. */
static int
transient_add(memory *mem, transient *d, PyObject *member)
{
    probe p;
    cell key;
    if (probe_init(&p, member) < 0 || key_open(member, &p, &key) < 0)
        return -1;
    int status = transient_put(mem, d, &p, key, key);
    cell_close(key);
    return status;
}

#endif
