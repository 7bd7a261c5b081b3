/* Set, SetMutation and their iterator: the set over the local memory. */

#define ENTRY_WIDTH 1
#define TYPE_NAME Set
#define FAMILY local_set

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "bindings/set/type.inc.h"
#include "bindings/common/bulk.inc.h"
#include "bindings/keyed/contents.inc.h"

#define NODE_NAME "frozen._core.set_node"
#include "local/node_types.inc.h"

LOCAL_NODE_SPECS(frozen_set_node_spec, frozen_set_node_general_spec);
KEYED_SPECS(frozen_set, "frozen.Set", Py_TPFLAGS_BASETYPE, set_slots, set_mutation_slots);

int
local_set_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    return keyed_family_setup(&state->local_set);
}

/* For bulk.h. */
int
local_set_each(PyObject *self, visit_item visit, void *context, bool *unique)
{
    return items_visit(ROOT(self), ENTRY_WIDTH, visit, context, unique);
}

/* For contents.h. */
int
local_set_contents(PyObject *self, PyObject **out)
{
    return keyed_take_contents(self, out);
}

PyObject *
local_set_of(module_state *state, PyObject *const *objects, Py_ssize_t count)
{
    return keyed_of_objects(&state->local_set, objects, count);
}
