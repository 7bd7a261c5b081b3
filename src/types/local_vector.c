/* Vector, VectorMutation and its iterator: the vector over the local memory. */

#include "memory/local.h"
#include "module.h"
#include "types/family.h"
#include "types/inspect.h"

static inline family *
family_of_type(PyTypeObject *type)
{
    return &module_state_of_type(type)->local_vector;
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

#include "types/vector_type.h"

#define NODE_NAME "frozen._core.vector_node"
#include "memory/local_node.h"

LOCAL_NODE_SPECS(frozen_vector_node_spec, frozen_vector_node_general_spec);
VECTOR_SPECS(frozen_vector, "frozen.Vector", Py_TPFLAGS_BASETYPE);

int
local_vector_setup(PyObject *module, module_state *state)
{
    (void)module;
    return vector_family_setup(&state->local_vector);
}

void
local_vector_teardown(module_state *state)
{
    family_teardown(&state->local_vector);
}

/* ---- for inspect.c ---- */

PyObject *
local_vector_check(PyObject *self)
{
    return vector_check(self);
}

PyObject *
local_vector_dump(PyObject *self)
{
    return vector_dump(self);
}

int
local_vector_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(((container *)self)->root, seen, inspect_collect);
}
