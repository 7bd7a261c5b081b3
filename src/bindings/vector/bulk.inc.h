/* A vector of many objects at once: bindings/common/bulk.h. */
#ifndef FROZEN_BINDINGS_VECTOR_BULK_INC_H
#define FROZEN_BINDINGS_VECTOR_BULK_INC_H

#include "bindings/common/bulk.inc.h"
#include "bindings/vector/methods.inc.h"

static PyObject *
vector_of(family *types, PyObject *const *elements, Py_ssize_t count)
{
    rrb_builder builder;
    rrb v = {NULL, 0};
    budget left = BUDGET;
    if (!builder_begin_behind(&builder, family_memory(types), v))
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!budget_spend(&left, 1) || !builder_push_object(&builder, elements[i], i)) {
            builder_abandon(&builder);
            return NULL;
        }
    return builder_end(&builder, &v) ? vector_new(types->container, types, v) : NULL;
}

#endif
