/* MapMutation: what is a map's own about it; the rest is in bindings/keyed/mutation.inc.h. */
#ifndef FROZEN_BINDINGS_MAP_MUTATION_INC_H
#define FROZEN_BINDINGS_MAP_MUTATION_INC_H

#include "bindings/keyed/type.inc.h"
#include "bindings/map/protocol.inc.h"

static int
mutation_assign(PyObject *self, PyObject *key, PyObject *value)
{
    mutation *m = (mutation *)self;
    memory *mem = family_memory(family_of(self));
    int status;
    if (value == NULL)
        return mutation_drop(self, key, true);
    OBJECT_LOCK(self);
    status = transient_set(mem, &m->transient, key, value);
    mutation_edited(m);
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

/* Put a key that is absent, or hand out the value that is there, a new reference: 1; 0: it was put; -1. */
static int
transient_put_absent(memory *mem, transient *d, const probe *p, cell key, cell value, PyObject **object)
{
    champ_path path;
    place where = transient_locate(d, p, &path);
    if (where == PLACE_FAILED)
        return -1;
    if (where != PLACE_FOUND)
        return transient_put_at(mem, d, &path, where, key, value);
    champ_node *root = d->root;
    node_retain(root);
    *object = cell_to_object(PAIR_VALUE(path.found));
    node_release(root);
    return *object != NULL ? 1 : -1;
}

/* As dict.setdefault: the value is made a cell only where the key is absent. That may run arbitrary code, so the key is
 * located anew afterwards. */
static int
transient_setdefault(memory *mem, transient *d, PyObject *key, PyObject *value, PyObject **object)
{
    probe p;
    pair in;
    if (probe_init(&p, key) < 0 || transient_is_sealed(d))
        return -1;
    int status = lookup_in(d->root, &p, object);
    if (status != 0)
        return status;
    if (pair_open(key, &p, value, &in) < 0)
        return -1;
    status = transient_put_absent(mem, d, &p, PAIR_KEY(&in), PAIR_VALUE(&in), object);
    pair_close(&in);
    return status;
}

static PyObject *
mutation_setdefault(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("setdefault", nargs, 1, 2))
        return NULL;
    mutation *m = (mutation *)self;
    PyObject *fallback = nargs > 1 ? args[1] : Py_None, *value = NULL;
    int status;
    OBJECT_LOCK(self);
    status = transient_setdefault(family_memory(family_of(self)), &m->transient, args[0], fallback, &value);
    mutation_edited(m);
    OBJECT_UNLOCK();
    return status == 0 ? Py_NewRef(fallback) : value;
}

/* Remove a key and hand out its value, a new reference: 1; 0: absent, -1. The object is made before the entry is
 * removed: if that fails the entry must stay. It may run arbitrary code, so this starts again as transient_locate does.
 * */
static int
transient_take(memory *mem, transient *d, const probe *p, PyObject **object)
{
    for (unsigned tries = 0;;) {
        champ_path path;
        place where = transient_locate(d, p, &path);
        if (where != PLACE_FOUND)
            return where == PLACE_FAILED ? -1 : 0;
        champ_node *root = d->root;
        node_retain(root);
        *object = cell_to_object(PAIR_VALUE(path.found));
        bool moved = d->root != root;
        node_release(root);
        if (*object == NULL)
            return -1;
        if (!moved && transient_remove_at(mem, d, &path) > 0)
            return 1;
        Py_CLEAR(*object);
        if (!moved || !transient_retries(&tries))
            return -1;
    }
}

static PyObject *
mutation_pop(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = NULL, *value;
    if (!parse_key_default("pop", args, nargs, names, &key, &fallback))
        return NULL;
    mutation *m = (mutation *)self;
    probe p;
    int status = -1;
    OBJECT_LOCK(self);
    if (probe_init(&p, key) == 0)
        status = transient_take(family_memory(family_of(self)), &m->transient, &p, &value);
    mutation_edited(m);
    OBJECT_UNLOCK();
    if (status > 0)
        return value;
    if (status == 0 && fallback == NULL)
        set_key_error(key);
    return status == 0 ? Py_XNewRef(fallback) : NULL;
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

static PyObject *
mutation_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    mutation *m = (mutation *)self;
    family *types = family_of(self);
    PyObject *keywords = NULL;
    if (names != NULL && (keywords = dict_of_keywords(args + nargs, names)) == NULL)
        return NULL;
    int status;
    OBJECT_LOCK(self);
    status = transient_is_sealed(&m->transient)
                 ? -1
                 : transient_update_all(family_memory(types), types, &m->transient, args, nargs, keywords);
    mutation_edited(m);
    OBJECT_UNLOCK();
    Py_XDECREF(keywords);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef mutation_methods[] = {
    {"set", FASTCALL(mutation_set), METH_FASTCALL, HELPER_DOC(Mutation, set)},
    {"setdefault", FASTCALL(mutation_setdefault), METH_FASTCALL, HELPER_DOC(Mutation, setdefault)},
    {"delete", mutation_delete, METH_O, HELPER_DOC(Mutation, delete)},
    {"discard", mutation_discard, METH_O, HELPER_DOC(Mutation, discard)},
    {"pop", FASTCALL(mutation_pop), METH_FASTCALL | METH_KEYWORDS, HELPER_DOC(Mutation, pop)},
    {"get", FASTCALL(mutation_get), METH_FASTCALL | METH_KEYWORDS, HELPER_DOC(Mutation, get)},
    {"update", FASTCALL(mutation_update), METH_FASTCALL | METH_KEYWORDS, HELPER_DOC(Mutation, update)},
    MUTATION_COMMON_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot map_mutation_slots[] = {
    {Py_mp_subscript, (void *)mutation_subscript},
    {Py_mp_ass_subscript, (void *)mutation_assign},
    KEYED_MUTATION_SLOTS,
    {0, NULL},
};

#endif
