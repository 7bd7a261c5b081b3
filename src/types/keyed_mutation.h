/* What MapMutation and SetMutation have in common: a container being edited in place, until finish() seals it.
 *
 * Threads may share one: every method holds the object's lock, and where foreign code runs in between (hash and
 * equality of keys, destructors) draft.h sees to it that the draft is whole before and looked at anew afterwards. */
#ifndef FROZEN_TYPES_KEYED_MUTATION_H
#define FROZEN_TYPES_KEYED_MUTATION_H

#include "types/keyed.h"

typedef struct {
    PyObject_HEAD
    draft draft;
    PyObject *result; /* what finish() returned: afterwards the draft has no root */
    PyObject *weakrefs;
} mutation;

static PyObject *
keyed_mutate(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mutation *m = PyObject_GC_New(mutation, family_of(self)->mutation);
    if (m == NULL)
        return NULL;
    m->draft = draft_of(self);
    m->result = m->weakrefs = NULL;
    PyObject_GC_Track(m);
    return (PyObject *)m;
}

/* ---- lookup and removal ---- */

/* What there is to read, before and after finish(): borrowed, or NULL: cleared by the collector (reported). */
static champ_node *
mutation_root(mutation *m)
{
    if (m->result != NULL)
        return ROOT(m->result);
    return draft_is_sealed(&m->draft) ? NULL : m->draft.root;
}

/* The value under a key as a new reference; 1, 0: absent, -1.  The root is held, for comparing may run foreign code. */
static int
mutation_lookup(PyObject *self, PyObject *key, PyObject **value)
{
    mutation *m = (mutation *)self;
    probe p;
    int status = -1;
    *value = NULL;
    OBJECT_LOCK(self);
    champ_node *root;
    if (probe_init(&p, key) == 0 && (root = mutation_root(m)) != NULL) {
        bool failed = false;
        node_retain(root);
        slot *found = champ_find(root, &p, &failed);
        if (found != NULL)
            failed = (*value = cell_to_object(SLOT_VALUE(found))) == NULL;
        node_release(root);
        status = failed ? -1 : found != NULL;
    }
    OBJECT_UNLOCK();
    return status;
}

static int
mutation_contains(PyObject *self, PyObject *key)
{
    PyObject *value;
    int status = mutation_lookup(self, key, &value);
    Py_XDECREF(value);
    return status;
}

static Py_ssize_t
mutation_len(PyObject *self)
{
    mutation *m = (mutation *)self;
    Py_ssize_t count;
    OBJECT_LOCK(self);
    count = mutation_root(m) == NULL ? -1 : m->result != NULL ? COUNT(m->result) : m->draft.count;
    OBJECT_UNLOCK();
    return count;
}

/* Remove a key; 0, or -1: it was `needed` and absent, or something failed. */
static int
mutation_drop(PyObject *self, PyObject *key, bool needed)
{
    mutation *m = (mutation *)self;
    probe p;
    int status = -1;
    OBJECT_LOCK(self);
    if (probe_init(&p, key) == 0)
        status = draft_remove(family_memory(family_of(self)), &m->draft, &p, NULL);
    OBJECT_UNLOCK();
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

/* The map, the same each time; a new reference.  The first call moves the root out of the draft. */
static PyObject *
mutation_finish(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mutation *m = (mutation *)self;
    family *types = family_of(self);
    PyObject *result = NULL;
    OBJECT_LOCK(self);
    if (m->result == NULL) {
        champ_node *root = m->draft.count ? m->draft.root : (champ_node *)types->empty;
        node_retain(root);
        m->result = container_new(types->container, root, m->draft.count);
        if (m->result != NULL)
            draft_clear(&m->draft);
    }
    result = Py_XNewRef(m->result);
    OBJECT_UNLOCK();
    return result;
}

static PyObject *
mutation_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    int sealed;
    OBJECT_LOCK(self);
    sealed = draft_is_sealed(&((mutation *)self)->draft);
    OBJECT_UNLOCK();
    return sealed ? NULL : Py_NewRef(self);
}

static PyObject *
mutation_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    PyObject *result = mutation_finish(self, NULL);
    if (result == NULL)
        return NULL;
    Py_DECREF(result);
    Py_RETURN_NONE;
}

/* ---- the rest of the object ---- */

/* The contents as a map, sealed or not: what comparing and showing a mutation go through. */
static PyObject *
mutation_snapshot(PyObject *self)
{
    mutation *m = (mutation *)self;
    PyObject *snapshot = NULL;
    OBJECT_LOCK(self);
    if (m->result != NULL)
        snapshot = Py_NewRef(m->result);
    else if (!draft_is_sealed(&m->draft)) {
        node_retain(m->draft.root);
        snapshot = container_new(family_of(self)->container, m->draft.root, m->draft.count);
    }
    OBJECT_UNLOCK();
    return snapshot;
}

/* ---- the rest of the object ---- */

static PyObject *
mutation_richcompare(PyObject *self, PyObject *other, int op)
{
    family *types = family_of(self);
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    bool other_mutates = Py_IS_TYPE(other, types->mutation);
    PyObject *left = mutation_snapshot(self);
    PyObject *right = other_mutates ? mutation_snapshot(other) : Py_NewRef(other);
    PyObject *result = left != NULL && right != NULL ? container_richcompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

static PyObject *
mutation_repr(PyObject *self)
{
    int entered = Py_ReprEnter(self);
    if (entered != 0)
        return entered > 0 ? PyUnicode_FromFormat("%s({...})", short_type_name(Py_TYPE(self))) : NULL;
    PyObject *map = mutation_snapshot(self);
    PyObject *result = map != NULL ? container_repr_as(map, short_type_name(Py_TYPE(self))) : NULL;
    Py_XDECREF(map);
    Py_ReprLeave(self);
    return result;
}

static PyObject *
mutation_iter(PyObject *self)
{
    return PyErr_Format(PyExc_TypeError, "a %s is not iterable, for it may change at any time: iterate over finish()",
                        short_type_name(Py_TYPE(self)));
}

static PyObject *
mutation_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyErr_Format(PyExc_TypeError, "cannot pickle a %s: pickle the map that finish() returns",
                        short_type_name(Py_TYPE(self)));
}

static int
mutation_traverse(PyObject *self, visitproc visit, void *arg)
{
    mutation *m = (mutation *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(m->result);
    return root_traverse(m->draft.root, visit, arg);
}

/* The collector breaks cycles here, for a mutation is the one thing that can hold itself. */
static int
mutation_clear(PyObject *self)
{
    mutation *m = (mutation *)self;
    Py_CLEAR(m->result);
    draft_clear(&m->draft);
    return 0;
}

static void
mutation_dealloc(PyObject *self)
{
    mutation *m = (mutation *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, mutation_dealloc)
    if (m->weakrefs != NULL)
        PyObject_ClearWeakRefs(self);
    mutation_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

#endif
