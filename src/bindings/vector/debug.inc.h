/* Looking into a vector's tree: invariants, a picture, its nodes.  For tests and demonstrations. */
#ifndef FROZEN_BINDINGS_VECTOR_DEBUG_INC_H
#define FROZEN_BINDINGS_VECTOR_DEBUG_INC_H

#include "bindings/vector/methods.inc.h"

/* `_check(vector)`: AssertionError naming the broken invariant of trees/rrb/node.inc.h. */
static PyObject *
vector_check(PyObject *self)
{
    const char *broken = rrb_check(vector_value(self));
    if (broken != NULL)
        return PyErr_Format(PyExc_AssertionError, "%s", broken);
    Py_RETURN_NONE;
}

/* `v * n` refers to the same nodes again and again. */
#define NODES_RECUR true
#define CELLS_PER_ENTRY 1

static const char *
node_label(const rrb_node *node)
{
    static const char *const kinds[] = {"leaf", "tail", "regular", "relaxed", "top"};
    return kinds[node->kind];
}

#include "bindings/common/nodes.inc.h"

static const family_tools vector_tools = {family_release_empty, vector_check, container_dump, container_collect};

#endif
