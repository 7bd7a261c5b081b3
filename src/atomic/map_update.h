/* AtomicMap.update(): replaces a value by what a function makes of it. Included by map.c alone.
 *
 * As AtomicRef.update (ref/group.c): read, call the function without any lock, store if the value is still the one that
 * was read. After OPTIMISTIC_TRIES losses the update takes a turn (ref/turns.h), of which the map has one; a thread that
 * is inside an update already takes none. What the function itself publishes under the key makes it lose the try. */
#ifndef FROZEN_ATOMIC_MAP_UPDATE_H
#define FROZEN_ATOMIC_MAP_UPDATE_H

#include "atomic/map_reads.h"

/* What is required of the value that is there. */
typedef enum {
    IF_ANY,    /* nothing, or that none is there */
    IF_ABSENT, /* that none is there */
    IF_THERE,  /* that one is there */
    IF_OBJECT, /* that it is that very object */
    IF_SAME,   /* that it is the same value, as compare_and_set says */
} condition;

/* Whether `current` (NULL: absent) meets it. Runs no arbitrary code: plain values are exact types of CPython. */
static inline int
condition_holds(condition needed, PyObject *current, PyObject *expected)
{
    switch (needed) {
    case IF_ABSENT: return current == NULL;
    case IF_THERE: return current != NULL;
    case IF_OBJECT: return current == expected;
    case IF_SAME:
        if (current == NULL || is_plain_value(current) || is_plain_value(expected))
            return current != NULL ? plain_values_same(current, expected) : 0;
        return container_same(current, expected);
    default: return 1;
    }
}

/* Puts `value` under the key, or removes it where that is NULL, if the condition holds: 1, 0, or -1 (exception set: all
 * is as it was, unless the callback of a watch was interrupted). Unless `before` is NULL, what was there comes out in it,
 * a new reference or NULL. */
static int
map_edit(AtomicMapObject *self, memory *mem, PyObject *key, condition needed, PyObject *expected, PyObject *value,
         PyObject **before)
{
    entry_visit v;
    if (before != NULL)
        *before = NULL;
    if (!entry_open(self, key, &v))
        return -1;
    PyObject *current = entry_value(&v);
    int status = condition_holds(needed, current, expected);
    if (before != NULL)
        *before = Py_XNewRef(current);
    if (status > 0 && (value != NULL ? !entry_put(mem, &v, key, value) : current != NULL && !entry_remove(mem, &v)))
        status = -1;
    if (!entry_close(self, &v))
        status = -1;
    if (status < 0 && before != NULL)
        Py_CLEAR(*before);
    return status;
}

/* A call of fn(value, *args, **kwargs), its argument list prepared once and used for every try. */
typedef struct {
    PyObject *fn, *fallback; /* what fn gets where the key is absent */
    PyObject **arguments;    /* one spare place before the first, which vectorcall may use */
    Py_ssize_t count;        /* positional ones */
    PyObject *kwnames;       /* owned, or NULL */
} value_call;

/* Takes the keyword `default` out of the others; false: failed (exception set). */
static bool
value_call_keywords(value_call *call, PyObject *const *values, PyObject *kwnames)
{
    Py_ssize_t count = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0, kept = 0;
    PyObject *names = count > 0 ? PyList_New(0) : NULL;
    if (count > 0 && names == NULL)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_CompareWithASCIIString(name, "default") == 0)
            call->fallback = values[i];
        else if (PyList_Append(names, name) == 0)
            call->arguments[1 + call->count + kept++] = values[i];
        else
            break;
    }
    if (kept > 0 && !PyErr_Occurred())
        call->kwnames = PyList_AsTuple(names);
    Py_XDECREF(names);
    return !PyErr_Occurred();
}

/* Of update(key, fn, *args, default=..., **kwargs); false: failed (exception set). */
static bool
value_call_prepare(value_call *call, PyObject *absent, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (nargs < 2) {
        PyErr_Format(PyExc_TypeError, "update() takes a key and a function of the current value (%zd arguments given)",
                     nargs);
        return false;
    }
    Py_ssize_t keywords = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    *call = (value_call){.fn = args[1], .fallback = absent, .count = nargs - 1};
    call->arguments = PyMem_Malloc((size_t)(1 + nargs + keywords) * sizeof(PyObject *));
    if (call->arguments == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memcpy(call->arguments + 2, args + 2, (size_t)(nargs - 2) * sizeof(PyObject *));
    if (value_call_keywords(call, args + nargs, kwnames))
        return true;
    PyMem_Free(call->arguments);
    return false;
}

static void
value_call_release(value_call *call)
{
    PyMem_Free(call->arguments);
    Py_XDECREF(call->kwnames);
}

/* One try: what the function returned, or NULL (exception set). `stored` says whether it counts. */
static PyObject *
map_try_update(AtomicMapObject *self, memory *mem, PyObject *key, value_call *call, bool *stored)
{
    bool failed;
    *stored = false;
    PyObject *value = map_find(self, key, &failed);
    if (failed)
        return NULL;
    PyObject *given = call->arguments[1] = value != NULL ? value : call->fallback;
    PyObject *result = PyObject_Vectorcall(call->fn, call->arguments + 1,
                                           (size_t)call->count | PY_VECTORCALL_ARGUMENTS_OFFSET, call->kwnames);
    if (result != NULL && !update_result_is_meant(given, result, "update", ""))
        Py_CLEAR(result);
    int status = 0;
    if (result != NULL)
        status = map_edit(self, mem, key, value != NULL ? IF_OBJECT : IF_ABSENT, value,
                          result != self->absent ? result : NULL, NULL);
    if (status < 0)
        Py_CLEAR(result);
    *stored = status > 0;
    Py_XDECREF(value);
    return result;
}

static PyObject *
map_update_retrying(AtomicMapObject *self, memory *mem, PyObject *key, value_call *call, bool nested)
{
    Py_hash_t hash = PyObject_Hash(key);
    if (hash == -1)
        return NULL;
    const ref_slot *identity = (const ref_slot *)slot_of(self, (uint64_t)hash);
    bool has_turn = false, stored = false;
    update_tries tries = {0};
    PyObject *result = NULL;
    for (;;) {
        if (!has_turn && !nested && (tries.lost >= OPTIMISTIC_TRIES || turns_taken(&self->writers))) {
            has_turn = turns_acquire(&self->writers);
            if (!has_turn)
                break;
        }
        update_try_begin(&tries);
        result = map_try_update(self, mem, key, call, &stored);
        if (result == NULL || stored)
            break;
        Py_CLEAR(result);
        if (!update_may_try_again(&tries, &identity, 1, "update", "key"))
            break;
    }
    if (has_turn)
        turns_release(&self->writers);
    update_tries_end(&tries);
    return result;
}

#endif
