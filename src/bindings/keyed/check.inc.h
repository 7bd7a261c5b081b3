/* What debug builds do after each operation on a map, a set or a mutation of one: they end the process where it has
 * left a tree broken. Other builds do nothing. trees/champ/check.inc.h says what must hold, trees/check.h how much is
 * looked at. */
#ifndef FROZEN_BINDINGS_KEYED_CHECK_INC_H
#define FROZEN_BINDINGS_KEYED_CHECK_INC_H

#include "trees/champ/check.inc.h"
#include "trees/check.h"
#include "bindings/common/family.inc.h"

/* The tree that an operation has made, as far as trees/check.h finds that affordable. */
static inline void
tree_must_hold(champ_node *root, Py_ssize_t count)
{
    const char *broken = check_is_due((size_t)count) ? champ_check(root, (size_t)count) : NULL;
    if (UNLIKELY(broken != NULL))
        Py_FatalError(broken);
}

/* The nodes on the way of the one key that an operation was about, however large the tree is. */
static inline void
way_must_hold(champ_node *root, uint64_t hash)
{
#ifdef FROZEN_CHECK
    const char *broken = root != NULL ? champ_check_way(root, hash) : NULL;
    if (broken != NULL)
        Py_FatalError(broken);
#else
    (void)root;
    (void)hash;
#endif
}

/* A container over `root`, which is stolen even on failure: the one maker of results. */
static PyObject *
keyed_new(PyTypeObject *type, champ_node *root, Py_ssize_t count)
{
    tree_must_hold(root, count);
    return container_new(type, root, count);
}

#endif
