/* A map of many pairs at once: bindings/common/bulk.h. */
#ifndef FROZEN_BINDINGS_MAP_BULK_INC_H
#define FROZEN_BINDINGS_MAP_BULK_INC_H

#include "bindings/common/bulk.inc.h"
#include "bindings/map/source.inc.h"

static PyObject *
map_of_pairs(family *types, PyObject **pairs, Py_ssize_t count)
{
    Py_ssize_t made = 0;
    champ_node *root = types->empty;
    if (count == 0)
        node_retain(root);
    else
        root = root_from_pairs(family_memory(types), (const object_pair *)pairs, count, &made);
    memset(pairs, 0, 2 * (size_t)made * sizeof *pairs);
    return root != NULL ? keyed_new(types->container, root, count) : NULL;
}

#endif
