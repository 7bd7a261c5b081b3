/* A walk over the nodes of a container's tree. */
#ifndef FROZEN_BINDINGS_COMMON_WALK_INC_H
#define FROZEN_BINDINGS_COMMON_WALK_INC_H

#include "bindings/common/inspect.h"

/* Called with each node and its depth below the root: 0, or -1 (exception set), which ends the walk. */
typedef int node_visitor(void *node, unsigned depth, void *context);

/* Visits each node at and below this one, parents first; with `seen`, a set of addresses, only those that are new to
 * it. 0 or -1. It recurs as deep as the tree, which is little. */
static int
nodes_visit(void *node, unsigned depth, PyObject *seen, node_visitor *visit, void *context)
{
    int known = seen != NULL ? address_is_known(node, seen) : 0;
    if (known != 0)
        return known < 0 ? -1 : 0;
    int status = visit(node, depth, context);
    node_contents held = contents_of(node);
    for (size_t i = 0; i < held.child_count && status == 0; i++)
        status = nodes_visit(held.children[i], depth + 1, seen, visit, context);
    return status;
}

#endif
