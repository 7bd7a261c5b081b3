/* All that a container holds, node by node: bindings/common/bulk.h. */
#ifndef FROZEN_BINDINGS_COMMON_BULK_INC_H
#define FROZEN_BINDINGS_COMMON_BULK_INC_H

#include "bindings/common/bulk.h"
#include "bindings/common/family.inc.h"
#include "bindings/common/walk.inc.h"

typedef struct {
    size_t width; /* cells of an item */
    visit_item visit;
    void *context;
    bool *unique;
    budget left;
} item_visits;

/* Key and value, or an element twice. */
static int
item_visit(const item_visits *items, const cell *cells)
{
#if CELLS_ARE_DECODED
    PyObject *key, *value = NULL;
    bool made = items->width == 1 ? (key = cell_to_object(cells[0])) != NULL
                                  : cells_to_objects(cells[0], cells[1], &key, &value);
    if (!made)
        return -1;
    int status = items->visit(items->context, key, value != NULL ? value : key);
    Py_DECREF(key);
    Py_XDECREF(value);
    return status;
#else
    return items->visit(items->context, cells[0], cells[items->width - 1]);
#endif
}

static int
node_visit_items(void *node, unsigned depth, void *context)
{
    item_visits *items = context;
    node_contents held = contents_of(node);
    (void)depth;
    if (!node_is_unique(node))
        *items->unique = false;
    if (!budget_spend(&items->left, 1 + held.cell_count))
        return -1;
    for (size_t i = 0; i < held.cell_count; i += items->width)
        if (item_visit(items, &held.cells[i]) < 0)
            return -1;
    return 0;
}

/* The items of all nodes at and below this one: 0 or -1. */
static int
items_visit(void *root, size_t width, visit_item visit, void *context, bool *unique)
{
    item_visits items = {width, visit, context, unique, BUDGET};
    return nodes_visit(root, 0, NULL, node_visit_items, &items);
}

#endif
