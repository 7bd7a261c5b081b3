/* MapMutation: a map being edited in place, until finish() makes it a map again.
 *
 * Threads may share one: every method holds the object's lock, and where foreign code runs in between (hash and
 * equality of keys, destructors) draft.h sees to it that the draft is whole before and looked at anew afterwards. */
#ifndef FROZEN_TYPES_MAP_MUTATION_H
#define FROZEN_TYPES_MAP_MUTATION_H

#include "types/map_protocol.h"

typedef struct {
    PyObject_HEAD
    draft draft;
    PyObject *result; /* what finish() returned: afterwards the draft has no root */
    PyObject *weakrefs;
} map_mutation;

static PyObject *
map_mutate(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    map_mutation *m = PyObject_GC_New(map_mutation, map_types_of(self)->mutation);
    if (m == NULL)
        return NULL;
    m->draft = map_draft(self);
    m->result = m->weakrefs = NULL;
    PyObject_GC_Track(m);
    return (PyObject *)m;
}

static int
mutation_assign(PyObject *self, PyObject *key, PyObject *value)
{
    map_mutation *m = (map_mutation *)self;
    memory *mem = map_memory(map_types_of(self));
    int status;
    OBJECT_LOCK(self);
    if (value != NULL)
        status = draft_set(mem, &m->draft, key, value);
    else {
        probe p;
        status = probe_init(&p, key) < 0 ? -1 : draft_remove(mem, &m->draft, &p, NULL);
        if (status == 0)
            set_key_error(key);
        status = status > 0 ? 0 : -1;
    }
    OBJECT_UNLOCK();
    return status;
}

static PyObject *
mutation_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("set", nargs, 2, 2) || mutation_assign(self, args[0], args[1]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
mutation_delete(PyObject *self, PyObject *key)
{
    if (mutation_assign(self, key, NULL) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Remove a key and hand out its value as a new reference; 1, 0: absent, -1. */
static int
mutation_take(PyObject *self, PyObject *key, PyObject **value)
{
    map_mutation *m = (map_mutation *)self;
    probe p;
    cell removed;
    int status = -1;
    OBJECT_LOCK(self);
    if (probe_init(&p, key) == 0)
        status = draft_remove(map_memory(map_types_of(self)), &m->draft, &p, &removed);
    OBJECT_UNLOCK();
    if (status <= 0)
        return status;
    *value = cell_to_object(removed);
    cell_release(removed);
    return *value != NULL ? 1 : -1;
}

static PyObject *
mutation_discard(PyObject *self, PyObject *key)
{
    PyObject *removed;
    int status = mutation_take(self, key, &removed);
    if (status < 0)
        return NULL;
    if (status > 0)
        Py_DECREF(removed);
    Py_RETURN_NONE;
}

static PyObject *
mutation_pop(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = NULL, *value;
    if (!parse_key_default("pop", args, nargs, names, &key, &fallback))
        return NULL;
    int status = mutation_take(self, key, &value);
    if (status > 0)
        return value;
    if (status == 0 && fallback == NULL)
        set_key_error(key);
    return status == 0 ? Py_XNewRef(fallback) : NULL;
}

/* The value under a key as a new reference; 1, 0: absent, -1.  The root is held, for comparing may run foreign code. */
static int
mutation_lookup(PyObject *self, PyObject *key, PyObject **value)
{
    map_mutation *m = (map_mutation *)self;
    probe p;
    int status = -1;
    *value = NULL;
    OBJECT_LOCK(self);
    if (probe_init(&p, key) == 0 && !draft_is_sealed(&m->draft)) {
        champ_node *root = m->draft.root;
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

static PyObject *
mutation_subscript(PyObject *self, PyObject *key)
{
    PyObject *value;
    if (mutation_lookup(self, key, &value) == 0)
        set_key_error(key);
    return value;
}

static PyObject *
mutation_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = Py_None, *value;
    if (!parse_key_default("get", args, nargs, names, &key, &fallback))
        return NULL;
    return mutation_lookup(self, key, &value) == 0 ? Py_NewRef(fallback) : value;
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
    map_mutation *m = (map_mutation *)self;
    Py_ssize_t count;
    OBJECT_LOCK(self);
    count = draft_is_sealed(&m->draft) ? -1 : m->draft.count;
    OBJECT_UNLOCK();
    return count;
}

static PyObject *
mutation_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    map_mutation *m = (map_mutation *)self;
    map_types *types = map_types_of(self);
    PyObject *keywords = NULL;
    if (names != NULL && (keywords = dict_of_keywords(args + nargs, names)) == NULL)
        return NULL;
    int status;
    OBJECT_LOCK(self);
    status = draft_is_sealed(&m->draft) ? -1 : draft_update_all(map_memory(types), types, &m->draft, args, nargs, keywords);
    OBJECT_UNLOCK();
    Py_XDECREF(keywords);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- sealing ---- */

/* The map, the same each time; a new reference.  The first call moves the root out of the draft. */
static PyObject *
mutation_finish(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    map_mutation *m = (map_mutation *)self;
    map_types *types = map_types_of(self);
    PyObject *result = NULL;
    OBJECT_LOCK(self);
    if (m->result == NULL) {
        champ_node *root = m->draft.count ? m->draft.root : (champ_node *)types->empty;
        node_retain(root);
        m->result = container_new(types->map, root, m->draft.count);
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
    sealed = draft_is_sealed(&((map_mutation *)self)->draft);
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
    map_mutation *m = (map_mutation *)self;
    PyObject *map = NULL;
    OBJECT_LOCK(self);
    if (m->result != NULL)
        map = Py_NewRef(m->result);
    else if (!draft_is_sealed(&m->draft)) {
        node_retain(m->draft.root);
        map = container_new(map_types_of(self)->map, m->draft.root, m->draft.count);
    }
    OBJECT_UNLOCK();
    return map;
}

static PyObject *
mutation_richcompare(PyObject *self, PyObject *other, int op)
{
    map_types *types = map_types_of(self);
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    if (draft_is_sealed(&((map_mutation *)self)->draft))
        return NULL;
    bool other_mutates = Py_IS_TYPE(other, types->mutation);
    PyObject *left = mutation_snapshot(self);
    PyObject *right = other_mutates ? mutation_snapshot(other) : Py_NewRef(other);
    PyObject *result = left != NULL && right != NULL ? map_richcompare(left, right, op) : NULL;
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
    PyObject *result = map != NULL ? map_repr_as(map, short_type_name(Py_TYPE(self))) : NULL;
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
    map_mutation *m = (map_mutation *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(m->result);
    return root_traverse(m->draft.root, visit, arg);
}

/* The collector breaks cycles here, for a mutation is the one thing that can hold itself. */
static int
mutation_clear(PyObject *self)
{
    map_mutation *m = (map_mutation *)self;
    Py_CLEAR(m->result);
    draft_clear(&m->draft);
    return 0;
}

static void
mutation_dealloc(PyObject *self)
{
    map_mutation *m = (map_mutation *)self;
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

static PyMethodDef mutation_methods[] = {
    {"set", (PyCFunction)(void (*)(void))mutation_set, METH_FASTCALL,
     PyDoc_STR("set(key, value)\n--\n\nStore value under key, in place.")},
    {"delete", mutation_delete, METH_O,
     PyDoc_STR("delete(key)\n--\n\nRemove key, in place; KeyError(key) if it is absent.")},
    {"discard", mutation_discard, METH_O, PyDoc_STR("discard(key)\n--\n\nRemove key, in place, if it is present.")},
    {"pop", (PyCFunction)(void (*)(void))mutation_pop, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("pop(key[, default])\n--\n\nRemove key and return its value; absent: default, or KeyError(key).")},
    {"get", (PyCFunction)(void (*)(void))mutation_get, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("get(key, default=None)\n--\n\nThe value under key, or default.")},
    {"update", (PyCFunction)(void (*)(void))mutation_update, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("update(*mappings_or_pairs, **entries)\n--\n\nTake over all entries, in place; later values win.")},
    {"finish", mutation_finish, METH_NOARGS,
     PyDoc_STR("finish()\n--\n\nSeal the mutation and return the map, the same one each time.  O(1).")},
    {"__enter__", mutation_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))mutation_exit, METH_FASTCALL, NULL},
    {"__reduce__", mutation_reduce, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef mutation_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(map_mutation, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(mutation_doc,
"A map being edited in place: made by Map.mutate(), sealed by finish() or by leaving a `with` block.\n\n"
"Costs a fraction of deriving a map a change, for nodes that only the mutation can reach are changed where they are.");

static PyType_Slot map_mutation_slots[] = {
    {Py_tp_doc, (void *)mutation_doc},
    {Py_tp_dealloc, (void *)mutation_dealloc},
    {Py_tp_traverse, (void *)mutation_traverse},
    {Py_tp_clear, (void *)mutation_clear},
    {Py_tp_repr, (void *)mutation_repr},
    {Py_tp_richcompare, (void *)mutation_richcompare},
    {Py_tp_hash, (void *)PyObject_HashNotImplemented},
    {Py_tp_iter, (void *)mutation_iter},
    {Py_tp_methods, mutation_methods},
    {Py_tp_members, mutation_members},
    {Py_mp_length, (void *)mutation_len},
    {Py_mp_subscript, (void *)mutation_subscript},
    {Py_mp_ass_subscript, (void *)mutation_assign},
    {Py_sq_contains, (void *)mutation_contains},
    {0, NULL},
};

#endif
