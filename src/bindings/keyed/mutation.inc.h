/* What MapMutation and SetMutation have in common: a container being edited in place, until finish() seals it.
 *
 * Threads may share one: every method holds the object's lock, and where arbitrary code runs in between (hash and
 * equality of keys, destructors) bindings/keyed/transient.inc.h sees to it that the transient is whole before and
 * looked at anew afterwards. */
#ifndef FROZEN_BINDINGS_KEYED_MUTATION_INC_H
#define FROZEN_BINDINGS_KEYED_MUTATION_INC_H

#include "bindings/keyed/methods.inc.h"

typedef struct {
    PyObject_HEAD
    transient transient;
    PyObject *source; /* what the transient still is, if it is: then finish() returns that */
    PyObject *result; /* what finish() returned: afterwards the transient has no root */
    PyObject *weakrefs;
} mutation;

static PyObject *
keyed_mutate(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    family *types = family_of(self);
    mutation *m = PyObject_GC_New(mutation, types->mutation);
    if (m == NULL)
        return NULL;
    m->transient = transient_of(self);
    m->source = Py_IS_TYPE(self, types->container) ? Py_NewRef(self) : NULL;
    m->result = m->weakrefs = NULL;
    PyObject_GC_Track(m);
    return (PyObject *)m;
}

/* At the end of each edit: once the transient has another root, the container that it came from is given up, so that
 * the nodes are the mutation's own where no other owner is left. While it is held, an edit copies its path, so the root
 * tells. */
static inline void
mutation_edited(mutation *m)
{
    if (m->source != NULL && m->transient.root != ROOT(m->source))
        Py_CLEAR(m->source);
}

/* ---- lookup and removal ---- */

/* What there is to read, before and after finish(): borrowed, or NULL: cleared by the collector (exception set). */
static champ_node *
mutation_root(mutation *m)
{
    if (m->result != NULL)
        return ROOT(m->result);
    return transient_is_sealed(&m->transient) ? NULL : m->transient.root;
}

/* Whether a key is in the tree: 1, 0, or -1 (exception set); with `value`, what is under it as a new reference, or NULL
 * there. The root is held, because comparing may run arbitrary code. */
static int
lookup_in(champ_node *root, const probe *p, PyObject **value)
{
    bool failed = false;
    node_retain(root);
    pair *found = champ_find(root, p, &failed);
    if (found != NULL && value != NULL)
        failed = (*value = cell_to_object(PAIR_VALUE(found))) == NULL;
    node_release(root);
    return failed ? -1 : found != NULL;
}

static int
mutation_lookup(PyObject *self, PyObject *key, PyObject **value)
{
    mutation *m = (mutation *)self;
    probe p;
    int status = -1;
    if (value != NULL)
        *value = NULL;
    OBJECT_LOCK(self);
    champ_node *root;
    if (probe_init(&p, key) == 0 && (root = mutation_root(m)) != NULL)
        status = lookup_in(root, &p, value);
    OBJECT_UNLOCK();
    return status;
}

static int
mutation_contains(PyObject *self, PyObject *key)
{
    return mutation_lookup(self, key, NULL);
}

static Py_ssize_t
mutation_len(PyObject *self)
{
    mutation *m = (mutation *)self;
    Py_ssize_t count;
    OBJECT_LOCK(self);
    count = mutation_root(m) == NULL ? -1 : m->result != NULL ? COUNT(m->result) : m->transient.count;
    OBJECT_UNLOCK();
    return count;
}

/* Remove a key: 1, 0: it was absent, or -1. */
static int
mutation_drop_key(PyObject *self, PyObject *key)
{
    mutation *m = (mutation *)self;
    probe p;
    int status = -1;
    OBJECT_LOCK(self);
    if (probe_init(&p, key) == 0)
        status = transient_remove(family_memory(family_of(self)), &m->transient, &p);
    mutation_edited(m);
    OBJECT_UNLOCK();
    return status;
}

/* The same; 0, or -1: it was `needed` and absent, or something failed. */
static int
mutation_drop(PyObject *self, PyObject *key, bool needed)
{
    int status = mutation_drop_key(self, key);
    if (status == 0 && needed) {
        set_key_error(key);
        return -1;
    }
    return status < 0 ? -1 : 0;
}

static PyObject *
mutation_delete(PyObject *self, PyObject *key)
{
    if (mutation_drop(self, key, true) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
mutation_discard(PyObject *self, PyObject *key)
{
    if (mutation_drop(self, key, false) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- sealing ---- */

/* The map or set, the same each time; a new reference.  The first call moves the root out of the transient. */
static PyObject *
mutation_finish(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mutation *m = (mutation *)self;
    family *types = family_of(self);
    PyObject *result = NULL;
    OBJECT_LOCK(self);
    if (m->source != NULL && m->transient.root == ROOT(m->source)) {
        m->result = m->source;
        m->source = NULL;
        transient_clear(&m->transient);
    }
    if (m->result == NULL) {
        champ_node *root = m->transient.count ? m->transient.root : (champ_node *)types->empty;
        node_retain(root);
        COLLECTOR_PAUSE(); /* a finalizer may call finish(), too */
        m->result = keyed_new(types->container, root, m->transient.count);
        COLLECTOR_RESUME();
        if (m->result != NULL)
            transient_clear(&m->transient);
    }
    result = Py_XNewRef(m->result);
    OBJECT_UNLOCK();
    return result;
}

/* ---- the rest of the object ---- */

static bool
mutation_is_open(mutation *m)
{
    return !transient_is_sealed(&m->transient);
}

/* The contents as a container, sealed or not: what comparing and showing a mutation go through. */
static PyObject *
mutation_contents(PyObject *self)
{
    mutation *m = (mutation *)self;
    PyObject *contents = NULL;
    OBJECT_LOCK(self);
    if (m->result != NULL)
        contents = Py_NewRef(m->result);
    else if (!transient_is_sealed(&m->transient)) {
        node_retain(m->transient.root);
        contents = keyed_new(family_of(self)->container, m->transient.root, m->transient.count);
    }
    OBJECT_UNLOCK();
    return contents;
}

static PyObject *
mutation_iter(PyObject *self)
{
    return PyErr_Format(PyExc_TypeError,
                        "a %s is not iterable, because it may change at any time: iterate over finish()",
                        short_type_name(Py_TYPE(self)));
}

#endif
