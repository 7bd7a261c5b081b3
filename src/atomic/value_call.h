/* What an edit of one key requires, and the calls of update(): the same for AtomicMap and SharedAtomicMap.
 *
 * update() works as AtomicRef.update does (ref/group.c): read, call the function without any lock, store if the value is
 * still the one that was read. After OPTIMISTIC_TRIES losses the update takes a turn (ref/turns.h), of which the map has one;
 * a thread that is inside an update already takes none. What the function itself publishes under the key makes it lose the
 * try. */
#ifndef FROZEN_ATOMIC_VALUE_CALL_H
#define FROZEN_ATOMIC_VALUE_CALL_H

#include "platform/cpython.h"
#include "ref/turns.h"
#include "ref/updating.h"

/* What is required of the value that is there. */
typedef enum {
    IF_ANY,    /* nothing, or that none is there */
    IF_ABSENT, /* that none is there */
    IF_THERE,  /* that one is there */
    IF_OBJECT, /* that it is that very object */
    IF_SAME,   /* that it is the same value, as compare_and_set says */
} condition;

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

/* What the function returns for a value (NULL: absent), a new reference, or NULL (exception set). */
static PyObject *
value_call_result(value_call *call, PyObject *value)
{
    PyObject *given = call->arguments[1] = value != NULL ? value : call->fallback;
    PyObject *result = PyObject_Vectorcall(call->fn, call->arguments + 1,
                                           (size_t)call->count | PY_VECTORCALL_ARGUMENTS_OFFSET, call->kwnames);
    if (result != NULL && !update_result_is_meant(given, result, "update", ""))
        Py_CLEAR(result);
    return result;
}

/* One try of update(): what the function returned, or NULL (exception set). `stored` says whether it counts. */
typedef PyObject *update_try(void *context, value_call *call, bool *stored);

/* Tries until one counts. `writers` has the turns, `identity` stands for what is updated. NULL: failed (exception set). */
static PyObject *
update_retrying(update_try *one, void *context, value_call *call, turn_queue *writers, const ref_slot *identity)
{
    bool has_turn = false, stored = false, nested = updating.updates++ != 0;
    update_tries tries = {0};
    PyObject *result = NULL;
    for (;;) {
        if (!has_turn && !nested && (tries.lost >= OPTIMISTIC_TRIES || turns_taken(writers))) {
            has_turn = turns_acquire(writers);
            if (!has_turn)
                break;
        }
        update_try_begin(&tries);
        result = one(context, call, &stored);
        if (result == NULL || stored)
            break;
        Py_CLEAR(result);
        if (!update_may_try_again(&tries, &identity, 1, "update", "key"))
            break;
    }
    if (has_turn)
        turns_release(writers);
    update_tries_end(&tries);
    updating.updates--;
    return result;
}

#endif
