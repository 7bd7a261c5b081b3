/* What the types of every family have in common, whatever their trees look like. */
#ifndef FROZEN_TYPES_FAMILY_H
#define FROZEN_TYPES_FAMILY_H

#include "module.h"

/* When the module goes away: give back the empty root. */
static inline void
family_teardown(family *types)
{
    void *empty = types->empty;
    types->empty = NULL;
    if (empty != NULL)
        node_release(empty);
}

#endif
