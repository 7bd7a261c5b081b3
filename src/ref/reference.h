/* What AtomicRef and SharedRef have in common: the head of their objects, and the methods that are the same.
 *
 * Both publish in slots of the same kind; a `ref_kind` says what a slot of theirs holds and how objects come out of it
 * and go into it. Code that works on either takes a `reference`. */
#ifndef FROZEN_REF_REFERENCE_H
#define FROZEN_REF_REFERENCE_H

#include "docs.h"
#include "module.h"
#include "ref/publication.h"

struct WatchObject;

typedef struct {
    /* Another reference to a slot's value; the caller holds the slot's lock. */
    void *(*retain)(void *value);
    void (*release)(void *value);
    /* The object that the value stands for (new reference); steals the value.  NULL: failed (exception set). */
    PyObject *(*to_object)(void *value);
    /* A value to publish, a reference of its own, and what names it for comparison.  False: failed (exception set). */
    bool (*from_object)(PyObject *object, void **value, const void **root);
    /* Unless NULL: what every publication in `self` begins with; false: not now (exception set). May run Python
     * code. */
    bool (*may_publish)(PyObject *self);
    /* What every publication in `self` ends with, after unlocking: tells the waiters, and drops what was published
     * before (steals `old`).  May run Python code.  False, with an exception set, when a callback of a watch was
     * interrupted: everything is done then all the same. */
    bool (*published)(PyObject *self, void *old);
    /* What else has to be done when a watch of such a reference is closed, by the one call that closes it. May run
     * Python code. */
    void (*unwatch)(struct WatchObject *watch);
    /* Unless NULL: frees what a watch of such a reference has besides, when the object goes. */
    void (*watch_freed)(struct WatchObject *watch);
} ref_kind;

/* The head of both types' objects.  Never changes once the object is made. */
typedef struct {
    PyObject_HEAD
    const ref_kind *kind;
    publication *pub;
} reference;

/* Whether `op` is a reference, so that reference_of may be asked. */
static inline bool
is_reference(module_state *state, PyObject *op)
{
    return PyObject_TypeCheck(op, state->atomic_ref) || Py_IS_TYPE(op, state->shared_ref);
}

static inline reference *
reference_of(PyObject *op)
{
    return (reference *)op;
}

/* The current value as an object (new reference), and its version; NULL: failed (exception set). */
PyObject *reference_read(reference *self, uint64_t *version);

/* Versions are counted from 0: neither of these ever comes. */
static const uint64_t ANY_VERSION = UINT64_MAX, NO_VERSION = UINT64_MAX - 1;

/* The version that an int means, NO_VERSION for one that is too large ever to come; false with an exception set. */
bool parse_version(PyObject *number, uint64_t *version);

/* Python's idea of a timeout, None or a number of seconds, for parker_park; false with an exception set. */
bool parse_timeout(PyObject *seconds, long long *microseconds);

/* op.wait(version, timeout=None), where the list's waiters wait for op's version: a new reference, or NULL (exception
 * set). */
PyObject *wait_for_version(PyObject *op, waiter_list *list, version_reader *current, const void *source, PyObject *args,
                           PyObject *kwargs);

/* The one keyword argument `version` of compare_and_set(expected, value, *, version=None), if it was given, else
 * ANY_VERSION; false with an exception set. */
bool parse_compare_and_set(Py_ssize_t nargs, PyObject *const *keyword_values, PyObject *kwnames, uint64_t *version);

/* The pair (value, version); steals `value`, which may be NULL with an exception set. */
PyObject *versioned_pair(PyObject *value, uint64_t version);

/* The rows of both method tables; `snapshot` is a class method. */
PyObject *reference_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *reference_fetch_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *reference_wait(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *reference_changed(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *reference_changes(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *reference_snapshot(PyObject *type, PyObject *const *args, Py_ssize_t nargs);

#define REFERENCE_METHODS(type)                                                                                      \
    {"update", FASTCALL(reference_update), METH_FASTCALL | METH_KEYWORDS, DOC_##type##_update},               \
    {"fetch_update", FASTCALL(reference_fetch_update), METH_FASTCALL | METH_KEYWORDS, DOC_##type##_fetch_update}, \
    {"wait", FASTCALL(reference_wait), METH_VARARGS | METH_KEYWORDS, DOC_##type##_wait},                      \
    {"changed", FASTCALL(reference_changed), METH_VARARGS | METH_KEYWORDS, DOC_##type##_changed},             \
    {"changes", FASTCALL(reference_changes), METH_VARARGS | METH_KEYWORDS, DOC_##type##_changes},             \
    {"snapshot", FASTCALL(reference_snapshot), METH_FASTCALL | METH_CLASS, DOC_##type##_snapshot}

#endif
