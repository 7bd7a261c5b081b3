/* Vector, VectorMutation and its iterator: the vector over the local memory. */

#define TYPE_NAME Vector
#define FAMILY local_vector

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "bindings/vector/type.inc.h"
#include "bindings/vector/bulk.inc.h"
#include "bindings/vector/contents.inc.h"

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

/* For bulk.h. */
int
local_vector_each(PyObject *self, visit_item visit, void *context, bool *unique)
{
    rrb v = vector_value(self);
    return v.root == NULL ? 0 : items_visit(v.root, 1, visit, context, unique);
}

PyObject *
local_vector_of(module_state *state, PyObject *const *elements, Py_ssize_t count)
{
    return vector_of(&state->local_vector, elements, count);
}

PyMethodDef local_vector_functions[] = {
    {"_chain", FASTCALL(vector_chain), METH_FASTCALL,
     PyDoc_STR("_chain($module, type, lists, /)\n--\n\nHow a pickle of a large vector is loaded: type(all elements).")},
    {NULL, NULL, 0, NULL},
};

/* For contents.h. */
int
local_vector_contents(PyObject *self, PyObject **out)
{
    return vector_take_contents(self, out);
}
