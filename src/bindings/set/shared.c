/* SharedSet, its mutation and iterator: the set over the shared memory. */

#define ENTRY_WIDTH 1
#define TYPE_NAME SharedSet
#define FAMILY shared_set
#define FAMILY_NODES NODE_SET

#include "bindings/common/instance_names.inc.h"
#include "shared/handle.h"
#include "shared/nodes.h"

#define SET_FAMILY_METHODS SHARED_HANDLE_METHOD(DOC(handle))
#include "bindings/set/type.inc.h"
#include "bindings/keyed/contents.inc.h"
#define COUNTERPART local_set
#include "bindings/keyed/boxed.inc.h"

KEYED_SPECS(frozen_shared_set, "frozen.SharedSet", 0, set_slots, set_mutation_slots);

/* For contents.h. */
int
shared_set_contents(PyObject *self, cell *out)
{
    return keyed_take_contents(self, out);
}

/* ---- its boxes and nodes, for shared/ ---- */

static node_contents
set_node_contents(block *node)
{
    return contents_of(node);
}

static const kind_row boxed_set = BOXED_ROW;
static const kind_row set_node = {.contents = set_node_contents};

int
shared_set_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    kind_register(KIND_SET, &boxed_set);
    kind_register(NODE_SET, &set_node);
    return keyed_family_setup(&state->shared_set);
}
