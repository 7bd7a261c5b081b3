/* Vector, VectorMutation and its iterator: the vector over the local memory. */

#define TYPE_NAME Vector
#define FAMILY local_vector

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "bindings/vector/type.inc.h"

#define NODE_NAME "frozen._core.vector_node"
#define NODE_METHODS vector_node_methods
#include "local/node_types.inc.h"

LOCAL_NODE_SPECS(frozen_vector_node_spec, frozen_vector_node_general_spec);
VECTOR_SPECS(frozen_vector, "frozen.Vector", Py_TPFLAGS_BASETYPE);

int
local_vector_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    return vector_family_setup(&state->local_vector);
}

PyMethodDef local_vector_functions[] = {
    {"_chain", FASTCALL(vector_chain), METH_FASTCALL,
     PyDoc_STR("_chain($module, type, lists, /)\n--\n\nHow a pickle of a large vector is loaded: type(all elements).")},
    {NULL, NULL, 0, NULL},
};
