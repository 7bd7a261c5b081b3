/* Set, SetMutation and their iterator: the set over the local memory. */

#define ENTRY_WIDTH 1

#include "memory/local.h"
#include "module.h"
#include "types/family.h"
#include "types/inspect.h"

static inline family *
family_of_type(PyTypeObject *type)
{
    return &module_state_of_type(type)->local_set;
}

static inline family *
family_of(PyObject *self)
{
    return family_of_type(Py_TYPE(self));
}

static inline memory *
family_memory(family *types)
{
    return &types->nodes;
}

#include "types/set_type.h"

#define NODE_NAME "frozen._core.set_node"
#include "memory/local_node.h"

LOCAL_NODE_SPECS(frozen_set_node_spec, frozen_set_node_general_spec);
KEYED_SPECS(frozen_set, "frozen.Set", Py_TPFLAGS_BASETYPE, set_slots, set_mutation_slots);

int
local_set_setup(PyObject *module, module_state *state)
{
    (void)module;
    return keyed_family_setup(&state->local_set);
}

void
local_set_teardown(module_state *state)
{
    family_teardown(&state->local_set);
}

/* ---- for inspect.c ---- */

PyObject *
local_set_check(PyObject *self)
{
    return keyed_check(self);
}

PyObject *
local_set_dump(PyObject *self)
{
    return keyed_dump(self);
}

int
local_set_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(ROOT(self), seen, inspect_collect);
}
