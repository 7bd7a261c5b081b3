/* Looking into the tree of a map or set: invariants, a picture, its nodes.  For tests and demonstrations: inspect.c
 * offers them to Python. */
#ifndef FROZEN_BINDINGS_KEYED_DEBUG_INC_H
#define FROZEN_BINDINGS_KEYED_DEBUG_INC_H

#include "bindings/keyed/methods.inc.h"

/* AssertionError naming the broken invariant of trees/champ/check.inc.h. */
static PyObject *
keyed_check(PyObject *self)
{
    const char *broken = champ_check(ROOT(self), (size_t)COUNT(self));
    if (broken != NULL)
        return PyErr_Format(PyExc_AssertionError, "%s", broken);
    Py_RETURN_NONE;
}

/* A trie has each of its nodes in one place. */
#define NODES_RECUR false
#define CELLS_PER_ENTRY ENTRY_WIDTH

static const char *
node_label(const champ_node *n)
{
    return node_is_collision(n) ? "collision" : "node";
}

#include "bindings/common/nodes.inc.h"

static const family_tools keyed_tools = {family_release_empty, keyed_check, container_dump, container_collect};

#endif
