/* Vector, VectorMutation and its iterator: the vector over the local memory. */

#define FAMILY local_vector

#include "memory/local.h"
#include "types/vector_type.h"

#define NODE_NAME "frozen._core.vector_node"
#include "memory/local_node.h"

LOCAL_NODE_SPECS(frozen_vector_node_spec, frozen_vector_node_general_spec);
VECTOR_SPECS(frozen_vector, "frozen.Vector", Py_TPFLAGS_BASETYPE);

int
local_vector_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    return vector_family_setup(&state->local_vector);
}
