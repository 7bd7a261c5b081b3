/* What maps and sets have in common: objects over a CHAMP tree, looked up by key.
 *
 * The including file supplies ENTRY_WIDTH, a memory, and what bindings/common/family.inc.h asks for. Operations that
 * change nothing return the container itself; on a subclass every operation gives the base type, as frozenset's do. */
#ifndef FROZEN_BINDINGS_KEYED_METHODS_INC_H
#define FROZEN_BINDINGS_KEYED_METHODS_INC_H

#include "trees/champ/hash.inc.h"
#include "bindings/common/arguments.h"
#include "bindings/keyed/transient.inc.h"

#define CONTAINER_ELLIPSIS "{...}"
#include "bindings/common/protocol.inc.h"
#define TAKES_KEYWORDS (ENTRY_WIDTH == 2) /* a map */
#include "bindings/common/construct.inc.h"

/* Supplied by the container. */
static PyObject *container_richcompare(PyObject *self, PyObject *other, int op);

#define ROOT(self) ((champ_node *)((container *)(self))->root)
#define COUNT(self) (((container *)(self))->count)

static inline bool
is_ours(family *types, PyObject *o)
{
    return PyObject_TypeCheck(o, types->container);
}

/* ---- results ---- */

/* Of the operands of a binary slot one is a container of ours, but it may be the right one. */
static family *
family_of_operands(PyObject *left, PyObject *right)
{
    return family_of(module_of_type(Py_TYPE(left)) != NULL ? left : right);
}

/* The container over `root` (stolen): self, where that is what it already is. */
static PyObject *
derived(PyObject *self, champ_node *root, Py_ssize_t count)
{
    if (root == NULL)
        return NULL;
    family *types = family_of(self);
    if (root == ROOT(self) && Py_TYPE(self) == types->container) {
        node_release(root);
        return Py_NewRef(self);
    }
    if (count == 0) {
        node_release(root);
        root = (champ_node *)types->empty;
        node_retain(root);
    }
    return keyed_new(types->container, root, count);
}

static PyObject *
unchanged(PyObject *self)
{
    node_retain(ROOT(self));
    return derived(self, ROOT(self), COUNT(self));
}

/* A private transient that starts from this container's root. */
static transient
transient_of(PyObject *self)
{
    node_retain(ROOT(self));
    return (transient){ROOT(self), COUNT(self)};
}

/* The transient becomes the result of an operation on self; `status` below 0: it failed and is given up. */
static PyObject *
derived_from_transient(PyObject *self, transient *d, int status)
{
    if (status < 0) {
        transient_clear(d);
        return NULL;
    }
    return derived(self, d->root, d->count);
}

/* ---- lookup ---- */

/* Borrowed from the container, or NULL: absent, or *failed. */
FORCE_INLINE pair *
keyed_lookup(PyObject *self, PyObject *key, bool *failed)
{
    probe p;
    if (UNLIKELY(probe_init(&p, key) < 0)) {
        *failed = true;
        return NULL;
    }
    return champ_find(ROOT(self), &p, failed);
}

static Py_ssize_t
keyed_len(PyObject *self)
{
    return COUNT(self);
}

static int
keyed_contains(PyObject *self, PyObject *key)
{
    bool failed = false;
    pair *found = keyed_lookup(self, key, &failed);
    return failed ? -1 : found != NULL;
}

/* ---- without a key ---- */

/* NULL without an exception: the key is absent. */
static PyObject *
keyed_without(PyObject *self, PyObject *key)
{
    probe p;
    champ_path path;
    deferred left = {0};
    if (probe_init(&p, key) < 0)
        return NULL;
    place where = champ_locate(ROOT(self), &p, &path, COUNT(self) >= PREFETCH_FROM);
    if (where != PLACE_FOUND)
        return NULL;
    champ_node *n = champ_remove(family_memory(family_of(self)), &path, 0, &left);
    way_must_hold(n, p.hash);
    return derived(self, n, COUNT(self) - 1);
}

static PyObject *
keyed_delete(PyObject *self, PyObject *key)
{
    PyObject *result = keyed_without(self, key);
    if (result == NULL && !PyErr_Occurred())
        set_key_error(key);
    return result;
}

static PyObject *
keyed_discard(PyObject *self, PyObject *key)
{
    PyObject *result = keyed_without(self, key);
    return result == NULL && !PyErr_Occurred() ? unchanged(self) : result;
}

/* ---- what any object is asked for ---- */

/* hash(frozenset(self)), of a map hash(frozenset(self.items())): summed up by subtree in the nodes. */
static int
container_mix_hash(PyObject *self, Py_hash_t *hash)
{
    uint64_t shares;
    if (champ_item_hash(ROOT(self), &shares) < 0)
        return -1;
    *hash = (Py_hash_t)frozenset_hash(shares, (size_t)COUNT(self));
    return 0;
}

#endif
