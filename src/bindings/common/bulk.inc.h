/* All that a container holds, node by node: bindings/common/bulk.h. `width`: cells of an item. */
#ifndef FROZEN_BINDINGS_COMMON_BULK_INC_H
#define FROZEN_BINDINGS_COMMON_BULK_INC_H

#include "bindings/common/bulk.h"
#include "bindings/common/family.inc.h"

/* The items of a node and of all below it: 0 or -1. Nodes are as deep as the tree, which is little. */
static int
node_each(void *node, size_t width, visit_item visit, void *context, bool *unique, budget *left)
{
    node_contents held = contents_of(node);
    if (!node_is_unique(node))
        *unique = false;
    if (!budget_spend(left, 1 + held.cell_count))
        return -1;
    for (size_t i = 0; i < held.cell_count; i += width) {
#if CELLS_ARE_DECODED
        PyObject *key, *value = NULL;
        bool made = width == 1 ? (key = cell_to_object(held.cells[i])) != NULL
                               : cells_to_objects(held.cells[i], held.cells[i + 1], &key, &value);
        if (!made)
            return -1;
        int status = visit(context, key, value != NULL ? value : key);
        Py_DECREF(key);
        Py_XDECREF(value);
#else
        int status = visit(context, held.cells[i], held.cells[i + width - 1]);
#endif
        if (status < 0)
            return -1;
    }
    for (size_t i = 0; i < held.child_count; i++)
        if (node_each(held.children[i], width, visit, context, unique, left) < 0)
            return -1;
    return 0;
}

#endif
