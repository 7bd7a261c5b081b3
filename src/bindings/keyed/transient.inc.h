/* A transient: a root that is being changed, by a mutation that users hold or within one call.
 *
 * Comparing keys may run arbitrary code, which may change or seal the very same transient (another thread may, too,
 * because a critical section is suspended meanwhile).  So each change keeps the root alive while it locates, which also
 * makes everybody else copy instead of editing in place, and starts again if the root is another one afterwards.  From
 * then on until the new root is stored no arbitrary code runs. */
#ifndef FROZEN_BINDINGS_KEYED_TRANSIENT_INC_H
#define FROZEN_BINDINGS_KEYED_TRANSIENT_INC_H

#include "trees/champ/access.inc.h"
#include "trees/champ/merge.inc.h"
#include "bindings/keyed/check.inc.h"

typedef struct {
    champ_node *root; /* owned; NULL: sealed */
    Py_ssize_t count;
} transient;

/* From here on a copied path is out of the caches: prefetch what it will retain. */
#define PREFETCH_FROM 4096

static inline int
transient_is_sealed(const transient *d)
{
    if (d->root != NULL)
        return 0;
    PyErr_SetString(PyExc_ValueError, MUTATION_SEALED);
    return 1;
}

/* How often an operation starts again where each time a key's methods, or another thread, have changed the transient.
 * */
#define RETRIES 1000

/* Whether it is to start again: false, an error is set.  May run arbitrary code. */
static bool
transient_retries(unsigned *tries)
{
    if (++*tries < RETRIES)
        return !interrupted();
    PyErr_SetString(PyExc_RuntimeError,
                    "the mutation was changed while keys were compared, by another thread or by their "
                    "__eq__, each time that was tried");
    return false;
}

/* Locate a key in the transient's present root, and hold `path` valid on return: the caller must not run arbitrary code
 * before using it.  PLACE_FAILED: comparing failed, or the transient was sealed (exception set). */
static place
transient_locate(transient *d, const probe *p, champ_path *path)
{
    for (unsigned tries = 0;;) {
        if (transient_is_sealed(d))
            return PLACE_FAILED;
        champ_node *root = d->root;
        node_retain(root);
        place where = champ_locate(root, p, path, d->count >= PREFETCH_FROM);
        bool moved = d->root != root;
        node_release(root);
        if (where == PLACE_FAILED || !moved)
            return where;
        if (!transient_retries(&tries))
            return PLACE_FAILED;
    }
}

/* Store the outcome of a change, and then, the transient being consistent, release what it made superfluous. */
static int
transient_store(transient *d, champ_node *n, unsigned own, Py_ssize_t delta, deferred *left)
{
    if (n == NULL)
        return -1;
    if (own == 0)
        left->node = d->root;
    d->root = n;
    d->count += delta;
    tree_must_hold(n, d->count);
    deferred_release(left);
    return 0;
}

/* Set a key at the end of a path that is still valid: 0 or -1. */
static int
transient_put_at(memory *mem, transient *d, const champ_path *path, place where, cell key, cell value)
{
    deferred left = {0};
    if (where == PLACE_FOUND && (ENTRY_WIDTH == 1 || cell_identical(PAIR_VALUE(path->found), value)))
        return 0;
    entry in = {.hash = path->hash};
    PAIR_VALUE(&in.pair) = value;
    PAIR_KEY(&in.pair) = key;
    unsigned own = champ_owned(path, pair_is_general(&in.pair));
    COLLECTOR_PAUSE();
    champ_node *n = champ_put(mem, path, where, &in, own, &left);
    COLLECTOR_RESUME();
    way_must_hold(n, path->hash);
    return transient_store(d, n, own, where != PLACE_FOUND, &left);
}

/* Set a key: 0 or -1. */
static int
transient_put(memory *mem, transient *d, const probe *p, cell key, cell value)
{
    champ_path path;
    place where = transient_locate(d, p, &path);
    return where == PLACE_FAILED ? -1 : transient_put_at(mem, d, &path, where, key, value);
}

/* Remove the entry at the end of a path that is still valid: 1 or -1. */
static int
transient_remove_at(memory *mem, transient *d, const champ_path *path)
{
    deferred left = {0};
    unsigned own = champ_owned(path, false);
    COLLECTOR_PAUSE();
    champ_node *n = champ_remove(mem, path, own, &left);
    COLLECTOR_RESUME();
    way_must_hold(n, path->hash);
    return transient_store(d, n, own, -1, &left) < 0 ? -1 : 1;
}

/* Remove a key: 1 removed, 0 it was absent, -1. */
static int
transient_remove(memory *mem, transient *d, const probe *p)
{
    champ_path path;
    place where = transient_locate(d, p, &path);
    if (where != PLACE_FOUND)
        return where == PLACE_FAILED ? -1 : 0;
    return transient_remove_at(mem, d, &path);
}

/* How many entries a merge leaves, from what one side alone had: all that its policy counts. */
static Py_ssize_t
merged_count(const merger *m, Py_ssize_t count)
{
    Py_ssize_t left_only = (Py_ssize_t)m->left_only, right_only = (Py_ssize_t)m->right_only;
    if (m->both == BOTH_DROP)
        return left_only + right_only;
    return m->keep_left ? count + right_only : count - left_only;
}

/* Combine with another tree under a policy that counts what decides the size: the right side alone where both sides'
 * entries stay, the left side alone where only common ones do, otherwise each side that is kept.  0 or -1. */
static int
transient_merge(memory *mem, transient *d, const transient *other, const merger *policy)
{
    deferred left = {0};
    for (unsigned tries = 0;;) {
        if (transient_is_sealed(d))
            return -1;
        champ_node *root = d->root;
        Py_ssize_t count = d->count;
        merger m = *policy;
        m.mem = mem;
        if (count == 0 && m.keep_right) {
            node_retain(other->root);
            return transient_store(d, other->root, 0, other->count, &left);
        }
        node_retain(root);
        champ_node *n = champ_merge(&m, root, other->root);
        bool moved = d->root != root;
        node_release(root);
        if (n == NULL || !moved)
            return transient_store(d, n, 0, merged_count(&m, count) - count, &left);
        node_release(n);
        if (!transient_retries(&tries))
            return -1;
    }
}

static void
transient_clear(transient *d)
{
    champ_node *root = d->root;
    d->root = NULL;
    d->count = 0;
    if (root != NULL)
        node_release(root);
}

/* Several changes that shall happen as one are made to a second transient of the same tree:
 *
 *     transient_changes changes = {0};
 *     do {
 *         if (transient_begin(d, &changes) < 0) ...
 *         status = ... changes to changes.next ...
 *     } while (!transient_commit(d, &changes, status));
 */
typedef struct {
    transient next;
    champ_node *from; /* held, so that no other tree can have its address */
    unsigned tries;
} transient_changes;

/* 0, or -1: the transient is sealed, or was changed too often (exception set). */
static int
transient_begin(const transient *d, transient_changes *changes)
{
    if ((changes->from != NULL && !transient_retries(&changes->tries)) || transient_is_sealed(d))
        return -1;
    changes->next = *d;
    changes->from = d->root;
    node_retain(d->root);
    node_retain(d->root);
    return 0;
}

/* Ends the changes, which become the transient's unless `status` is negative. False: it was changed meanwhile, start
 * again. */
static bool
transient_commit(transient *d, transient_changes *changes, int status)
{
    bool moved = d->root != changes->from;
    if (status == 0 && !moved) {
        transient old = *d;
        *d = changes->next;
        changes->next = old;
    }
    transient_clear(&changes->next);
    node_release(changes->from);
    return status < 0 || !moved;
}

#endif
