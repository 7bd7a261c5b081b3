/* VectorMutation: a vector being edited in place, with list's methods, until finish() seals it.
 *
 * Threads may share one. Whatever runs arbitrary code (indices, iterables, comparisons, destructors) runs before or
 * after the object is locked; between the locks the transient is whole. What reads it for longer than that reads a
 * snapshot: it shares the root, which is not unique any more then, so that edits copy instead of changing what is
 * read. */
#ifndef FROZEN_BINDINGS_VECTOR_MUTATION_INC_H
#define FROZEN_BINDINGS_VECTOR_MUTATION_INC_H

#include "bindings/common/family.inc.h"
#include "bindings/vector/protocol.inc.h"

typedef struct {
    PyObject_HEAD
    rrb transient;        /* owned; after finish() the result's */
    PyObject *result; /* what finish() returned; NULL: not sealed */
    PyObject
        *source; /* what it began as, which finish() returns if nothing was changed; NULL: that was of a subclass */
    PyObject *weakrefs;
} mutation;

static PyObject *
vector_mutate(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mutation *m = PyObject_GC_New(mutation, family_of(self)->mutation);
    if (m == NULL)
        return NULL;
    rrb_share(vector_value(self), &m->transient);
    m->source = Py_IS_TYPE(self, family_of(self)->container) ? Py_NewRef(self) : NULL;
    m->result = m->weakrefs = NULL;
    PyObject_GC_Track(m);
    return (PyObject *)m;
}

/* At the end of each edit: once the transient is another one, the vector that it came from is given up, so that the
 * nodes are the mutation's own where no other owner is left. While it is held an edit copies its path, so the root
 * tells. */
static inline void
mutation_edited(mutation *m)
{
    if (m->source == NULL)
        return;
    rrb source = vector_value(m->source);
    if (m->transient.root != source.root || m->transient.count != source.count)
        Py_CLEAR(m->source);
}

static inline memory *
mutation_memory(mutation *m)
{
    return family_memory(family_of((PyObject *)m));
}

/* ValueError, if it is sealed.  To be called under the lock. */
static inline bool
mutation_is_open(mutation *m)
{
    if (LIKELY(m->result == NULL))
        return true;
    PyErr_SetString(PyExc_ValueError, MUTATION_SEALED);
    return false;
}

/* The contents at this moment, owned. */
static rrb
mutation_snapshot(mutation *m)
{
    rrb snapshot;
    OBJECT_LOCK(m);
    rrb_share(m->transient, &snapshot);
    OBJECT_UNLOCK();
    return snapshot;
}

/* The same as a vector: a new reference. */
static PyObject *
mutation_contents(PyObject *self)
{
    family *types = family_of(self);
    return vector_new(types->container, types, mutation_snapshot((mutation *)self));
}

/* How the bounds of a splice are meant: a slice's, to be clamped to the length; one index, to be checked; the place of
 * an insertion, to be clamped as list.insert does it. */
typedef enum { SPLICE_SLICE, SPLICE_DELETE, SPLICE_INSERT } splice;

static bool
splice_bounds(mutation *m, splice what, Py_ssize_t *start, Py_ssize_t *stop)
{
    Py_ssize_t length = (Py_ssize_t)m->transient.count;
    if (what == SPLICE_SLICE) {
        PySlice_AdjustIndices(length, start, stop, 1);
        *stop = *stop < *start ? *start : *stop;
        return true;
    }
    if (what == SPLICE_DELETE && !index_in_range((PyObject *)m, start, length))
        return false;
    *start = clamp_index(*start, length);
    *stop = *start + (what == SPLICE_DELETE);
    return true;
}

/* Replaces [start, stop) of the transient by `middle`, which stays the caller's. */
static int
mutation_splice(mutation *m, splice what, Py_ssize_t start, Py_ssize_t stop, rrb middle)
{
    rrb old = {NULL, 0}, next;
    bool done = false;
    OBJECT_LOCK(m);
    if (mutation_is_open(m) && length_fits((Py_ssize_t)m->transient.count, (Py_ssize_t)middle.count)
        && splice_bounds(m, what, &start, &stop)) {
        COLLECTOR_PAUSE();
        done = rrb_splice(mutation_memory(m), m->transient, (size_t)start, (size_t)stop, middle, &next);
        if (done) {
            old = m->transient;
            m->transient = next;
        }
        COLLECTOR_RESUME();
        vector_must_hold(m->transient);
    }
    mutation_edited(m);
    OBJECT_UNLOCK();
    rrb_release(old);
    return done ? 0 : -1;
}

/* Replaces the whole transient by `next` (stolen), provided that it still is `expected`; ValueError if it is not. */
static int
mutation_exchange(mutation *m, rrb expected, rrb next)
{
    rrb old = next;
    bool done = false;
    OBJECT_LOCK(m);
    if (mutation_is_open(m)) {
        done = m->transient.root == expected.root && m->transient.count == expected.count;
        if (done) {
            old = m->transient;
            m->transient = next;
            vector_must_hold(next);
        }
        else
            PyErr_SetString(PyExc_ValueError, "the mutation was changed meanwhile, by another thread or by a value");
    }
    mutation_edited(m);
    OBJECT_UNLOCK();
    rrb_release(old);
    return done ? 0 : -1;
}

/* What an iterable yields, owned. */
static bool
rrb_from_iterable(family *types, PyObject *iterable, rrb *result)
{
    return rrb_extend_from(types, (rrb){NULL, 0}, iterable, result);
}

/* ---- reading ---- */

static Py_ssize_t
mutation_length(PyObject *self)
{
    Py_ssize_t length;
    OBJECT_LOCK(self);
    length = (Py_ssize_t)((mutation *)self)->transient.count;
    OBJECT_UNLOCK();
    return length;
}

static PyObject *
mutation_get(PyObject *self, Py_ssize_t index)
{
    rrb *transient = &((mutation *)self)->transient;
    cell c;
    bool found;
    OBJECT_LOCK(self);
    if ((found = index_in_range(self, &index, (Py_ssize_t)transient->count)))
        cell_retain(c = rrb_get(transient->root, (size_t)index));
    OBJECT_UNLOCK();
    return found ? cell_into_object(c) : NULL;
}

/* For C callers, which have counted from the end already; also what `iter` goes through. */
static PyObject *
mutation_item(PyObject *self, Py_ssize_t index)
{
    if (index < 0) {
        index_error(self, index, 0);
        return NULL;
    }
    return mutation_get(self, index);
}

/* An element, or a slice as a vector. */
static PyObject *
mutation_subscript(PyObject *self, PyObject *key)
{
    Py_ssize_t index;
    if (!PySlice_Check(key))
        return index_from_object(self, key, &index) ? mutation_get(self, index) : NULL;
    PyObject *vector = mutation_contents(self);
    PyObject *result = vector != NULL ? vector_slice(vector, key) : NULL;
    Py_XDECREF(vector);
    return result;
}

/* Whether it is there: 1 or 0; -1: failed.  In a snapshot, because comparing may run arbitrary code. */
static int
mutation_contains(PyObject *self, PyObject *object)
{
    rrb v = mutation_snapshot((mutation *)self);
    Py_ssize_t found = rrb_find(v, object, 0, (Py_ssize_t)v.count, NULL);
    int contains = found < 0 ? -1 : found < (Py_ssize_t)v.count;
    rrb_release(v);
    return contains;
}

/* The vector's method, on the vector that the transient is at this moment. */
static PyObject *
mutation_index_of(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *vector = mutation_contents(self);
    PyObject *result = vector != NULL ? vector_index(vector, args, nargs) : NULL;
    Py_XDECREF(vector);
    return result;
}

static PyObject *
mutation_count(PyObject *self, PyObject *object)
{
    PyObject *vector = mutation_contents(self);
    PyObject *result = vector != NULL ? vector_count(vector, object) : NULL;
    Py_XDECREF(vector);
    return result;
}

/* ---- one element ---- */

static PyObject *
mutation_append(PyObject *self, PyObject *value)
{
    mutation *m = (mutation *)self;
    cell c;
    bool done = false;
    if (cell_open(value, &c) < 0)
        return NULL;
    OBJECT_LOCK(self);
    if (mutation_is_open(m) && length_fits((Py_ssize_t)m->transient.count, 1)) {
        COLLECTOR_PAUSE();
        done = rrb_edit_push(mutation_memory(m), &m->transient, c);
        COLLECTOR_RESUME();
        vector_must_hold(m->transient);
    }
    mutation_edited(m);
    OBJECT_UNLOCK();
    cell_close(c);
    return done ? Py_NewRef(Py_None) : NULL;
}

static int
mutation_set_item(PyObject *self, Py_ssize_t index, PyObject *value)
{
    mutation *m = (mutation *)self;
    cell c, old;
    bool done = false, same = false;
    if (cell_open(value, &c) < 0) {
        element_not_shareable(index);
        return -1;
    }
    OBJECT_LOCK(self);
    bool there = mutation_is_open(m) && index_in_range(self, &index, (Py_ssize_t)m->transient.count);
    same = there && cell_identical(rrb_get(m->transient.root, (size_t)index), c);
    if (there && !same) {
        COLLECTOR_PAUSE();
        done = rrb_edit_set(mutation_memory(m), &m->transient, (size_t)index, c, &old);
        COLLECTOR_RESUME();
        vector_must_hold(m->transient);
    }
    mutation_edited(m);
    OBJECT_UNLOCK();
    cell_close(c);
    if (done)
        cell_release(old);
    return done || same ? 0 : -1;
}

static PyObject *
mutation_insert(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t index;
    rrb one;
    cell c;
    if (!check_positional("insert", nargs, 2, 2) || !index_from_object(self, args[0], &index)
        || cell_open(args[1], &c) < 0)
        return NULL;
    bool done = rrb_push(mutation_memory((mutation *)self), (rrb){NULL, 0}, c, &one);
    cell_close(c);
    if (!done)
        return NULL;
    int status = mutation_splice((mutation *)self, SPLICE_INSERT, index, 0, one);
    rrb_release(one);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

static bool
mutation_remove_last(mutation *m)
{
    cell last;
    COLLECTOR_PAUSE();
    bool done = rrb_edit_pop(mutation_memory(m), &m->transient, &last);
    COLLECTOR_RESUME();
    vector_must_hold(m->transient);
    if (done)
        cell_release(last);
    return done;
}

/* Removes the element at `index`, counted from the start.  To be called under the lock. */
static bool
mutation_remove_at(mutation *m, size_t index)
{
    rrb old = m->transient, next;
    if (index + 1 == old.count)
        return mutation_remove_last(m);
    COLLECTOR_PAUSE();
    bool done = rrb_splice(mutation_memory(m), old, index, index + 1, (rrb){NULL, 0}, &next);
    if (done)
        m->transient = next;
    COLLECTOR_RESUME();
    vector_must_hold(m->transient);
    if (done)
        rrb_release(old);
    return done;
}

/* Removes the element at `index` and hands it out: 1; 0: the transient was changed meanwhile, -1.  The object is made
 * while the element stands yet, for where that fails it has to stay, and that may run arbitrary code.  Under the lock.
 * */
static int
mutation_take(mutation *m, Py_ssize_t index, PyObject **object)
{
    Py_ssize_t length = (Py_ssize_t)m->transient.count;
    if (!mutation_is_open(m))
        return -1;
    if (length == 0 && index == -1) {
        PyErr_Format(PyExc_IndexError, "pop from an empty %s", short_type_name(Py_TYPE((PyObject *)m)));
        return -1;
    }
    if (!index_in_range((PyObject *)m, &index, length))
        return -1;
    rrb seen;
    rrb_share(m->transient, &seen);
    *object = cell_to_object(rrb_get(seen.root, (size_t)index));
    bool moved = m->transient.root != seen.root || m->transient.count != seen.count || m->result != NULL;
    rrb_release(seen);
    if (*object == NULL)
        return -1;
    if (!moved && mutation_remove_at(m, (size_t)index))
        return 1;
    Py_CLEAR(*object);
    return moved ? 0 : -1;
}

static PyObject *
mutation_pop(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t index = -1;
    PyObject *object = NULL;
    if (!check_positional("pop", nargs, 0, 1) || (nargs > 0 && !index_from_object(self, args[0], &index)))
        return NULL;
    OBJECT_LOCK(self);
    while (mutation_take((mutation *)self, index, &object) == 0)
        ;
    mutation_edited((mutation *)self);
    OBJECT_UNLOCK();
    return object;
}

/* Comparing may change the very mutation: found in a snapshot, removed only if that still is the transient. */
static PyObject *
mutation_remove(PyObject *self, PyObject *object)
{
    mutation *m = (mutation *)self;
    rrb v = mutation_snapshot(m), next;
    int status = -1;
    Py_ssize_t found = rrb_find(v, object, 0, (Py_ssize_t)v.count, NULL);
    if (found == (Py_ssize_t)v.count)
        raise_about(PyExc_ValueError, "", object, " is not in %s", short_type_name(Py_TYPE(self)));
    else if (found >= 0 && rrb_splice(mutation_memory(m), v, (size_t)found, (size_t)found + 1, (rrb){NULL, 0}, &next))
        status = mutation_exchange(m, v, next);
    rrb_release(v);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- many elements ---- */

/* The iterable is read before; a vector is joined in O(log n), other mutations as vectors. */
static int
mutation_extend_by(PyObject *self, PyObject *iterable)
{
    mutation *m = (mutation *)self;
    family *types = family_of(self);
    rrb more, old = {NULL, 0}, next;
    bool done = false;
    PyObject *source = Py_IS_TYPE(iterable, types->mutation) ? mutation_contents(iterable) : Py_NewRef(iterable);
    bool known = source != NULL && rrb_from_iterable(types, source, &more);
    bool join = known && is_vector(types, source);
    Py_XDECREF(source);
    if (!known)
        return -1;
    OBJECT_LOCK(self);
    if (mutation_is_open(m) && length_fits((Py_ssize_t)m->transient.count, (Py_ssize_t)more.count)) {
        COLLECTOR_PAUSE();
        done = (join ? rrb_concat : rrb_append)(family_memory(types), m->transient, more, &next);
        if (done) {
            old = m->transient;
            m->transient = next;
        }
        COLLECTOR_RESUME();
    }
    mutation_edited(m);
    OBJECT_UNLOCK();
    rrb_release(old);
    rrb_release(more);
    return done ? 0 : -1;
}

static PyObject *
mutation_extend(PyObject *self, PyObject *iterable)
{
    return mutation_extend_by(self, iterable) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
mutation_inplace_concat(PyObject *self, PyObject *iterable)
{
    return mutation_extend_by(self, iterable) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *
mutation_clear_all(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    if (mutation_splice((mutation *)self, SPLICE_SLICE, 0, LENGTH_MAX, (rrb){NULL, 0}) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
mutation_reverse(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mutation *m = (mutation *)self;
    rrb v = mutation_snapshot(m), reversed;
    int status = -1;
    if (rrb_pick(mutation_memory(m), v, (Py_ssize_t)v.count - 1, -1, (Py_ssize_t)v.count, &reversed))
        status = mutation_exchange(m, v, reversed);
    rrb_release(v);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* list.sort, with its arguments, on a copy.  (Kilobytes of the stack: list.sort has an array there.) */
static PyObject *
mutation_sort(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    mutation *m = (mutation *)self;
    rrb v = mutation_snapshot(m), sorted;
    int status = -1;
    PyObject *list = rrb_to_list(v), *sort = list != NULL ? PyObject_GetAttrString(list, "sort") : NULL, *none = NULL;
    if (sort != NULL && deep_call_enter(" while sorting a vector") == 0) {
        none = PyObject_Vectorcall(sort, args, (size_t)nargs, names);
        deep_call_leave(DEEP_CALL);
    }
    if (none != NULL && rrb_from_iterable(family_of(self), list, &sorted))
        status = mutation_exchange(m, v, sorted);
    Py_XDECREF(list);
    Py_XDECREF(sort);
    Py_XDECREF(none);
    rrb_release(v);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- slices ---- */

/* `[start:stop:step] = values`, as many as there are places. */
static bool
rrb_set_slice(memory *mem, rrb *transient, Py_ssize_t start, Py_ssize_t step, rrb values)
{
    budget left = BUDGET;
    if (!cells_fit(values.count))
        return false;
    for (size_t i = 0; i < values.count; i++) {
        cell old;
        if (!budget_spend(&left, 1)
            || !rrb_edit_set(mem, transient, (size_t)(start + (Py_ssize_t)i * step), rrb_get(values.root, i), &old))
            return false;
        cell_release(old); /* the caller's transient holds the cell, too */
    }
    return true;
}

/* `transient` without its cells [from, to).  (The caller's transient holds the cells, too.) */
static bool
rrb_delete_range(memory *mem, rrb *transient, size_t from, size_t to)
{
    rrb next;
    if (!rrb_splice(mem, *transient, from, to, (rrb){NULL, 0}, &next))
        return false;
    rrb_replace(transient, next);
    return true;
}

/* The cells of `transient` but for every `step`th of `length` from `start` on, one by one: O(n). */
static bool
rrb_pick_others(memory *mem, rrb *transient, size_t start, size_t step, size_t length)
{
    rrb_builder builder;
    rrb next;
    budget left = BUDGET;
    builder_begin(&builder, mem);
    for (size_t i = 0, deleted = start; i < transient->count; i++) {
        if (i == deleted && length > 0) {
            if (--length > 0) /* behind the last one the sum may overflow */
                deleted += step;
            continue;
        }
        cell c = rrb_get(transient->root, i);
        cell_retain(c);
        if (!builder_push(&builder, c) || !budget_spend(&left, 1)) {
            builder_abandon(&builder);
            return false;
        }
    }
    if (!builder_end(&builder, &next))
        return false;
    rrb_replace(transient, next);
    return true;
}

/* As many cells as this are copied in the time that taking one out of the middle takes, roughly. */
#define DELETION_COST 128

/* `del [start:stop:step]`, at the price of what is deleted, or of what is kept where that is less. */
static bool
rrb_delete_slice(memory *mem, rrb *transient, Py_ssize_t start, Py_ssize_t step, Py_ssize_t length)
{
    budget left = BUDGET;
    if (step < 0) {
        start += (length - 1) * step;
        step = -step;
    }
    if (step == 1)
        return rrb_delete_range(mem, transient, (size_t)start, (size_t)(start + length));
    if (length > (Py_ssize_t)transient->count / DELETION_COST)
        return cells_fit(transient->count - (size_t)length)
               && rrb_pick_others(mem, transient, (size_t)start, (size_t)step, (size_t)length);
    for (size_t i = (size_t)length; i-- > 0;) {
        size_t index = (size_t)start + i * (size_t)step;
        if (!budget_spend(&left, DELETION_COST) || !rrb_delete_range(mem, transient, index, index + 1))
            return false;
    }
    return true;
}

/* Assigns (`values` not NULL) or deletes a slice with a step, on a snapshot that then replaces the transient. */
static int
mutation_assign_steps(mutation *m, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t step, const rrb *values)
{
    rrb v = mutation_snapshot(m), next;
    memory *mem = mutation_memory(m);
    Py_ssize_t length = PySlice_AdjustIndices((Py_ssize_t)v.count, &start, &stop, step);
    int status = -1;
    if (values != NULL && (Py_ssize_t)values->count != length)
        PyErr_Format(PyExc_ValueError, "attempt to assign %zu values to an extended slice of %zd", values->count,
                     length);
    else {
        rrb_share(v, &next);
        bool done = length == 0
                    || (values != NULL ? rrb_set_slice(mem, &next, start, step, *values)
                                       : rrb_delete_slice(mem, &next, start, step, length));
        if (done)
            status = mutation_exchange(m, v, next);
        else
            rrb_release(next);
    }
    rrb_release(v);
    return status;
}

static int
mutation_assign_slice(PyObject *self, PyObject *slice, PyObject *value)
{
    mutation *m = (mutation *)self;
    Py_ssize_t start, stop, step;
    rrb values = {NULL, 0};
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
        return -1;
    if (value != NULL && !rrb_from_iterable(family_of(self), value, &values))
        return -1;
    int status = step == 1 ? mutation_splice(m, SPLICE_SLICE, start, stop, values)
                           : mutation_assign_steps(m, start, stop, step, value != NULL ? &values : NULL);
    rrb_release(values);
    return status;
}

static int
mutation_assign(PyObject *self, PyObject *key, PyObject *value)
{
    Py_ssize_t index;
    if (PySlice_Check(key))
        return mutation_assign_slice(self, key, value);
    if (!index_from_object(self, key, &index))
        return -1;
    if (value != NULL)
        return mutation_set_item(self, index, value);
    return mutation_splice((mutation *)self, SPLICE_DELETE, index, 0, (rrb){NULL, 0});
}

#endif
