/* SharedMap, its mutation, views and iterator: the map over the shared memory. */

#define ENTRY_WIDTH 2
#define TYPE_NAME SharedMap
#define FAMILY shared_map
#define FAMILY_NODES NODE_MAP

#include "bindings/common/instance_names.inc.h"
#include "shared/handle.h"
#include "shared/nodes.h"

#define MAP_FAMILY_METHODS SHARED_HANDLE_METHOD(DOC(handle))
#include "bindings/map/type.inc.h"
#include "bindings/map/bulk.inc.h"
#include "bindings/keyed/contents.inc.h"
#define COUNTERPART local_map
#include "bindings/keyed/boxed.inc.h"

KEYED_SPECS(frozen_shared_map, "frozen.SharedMap", Py_TPFLAGS_MAPPING, map_slots, map_mutation_slots);
MAP_VIEW_SPECS(frozen_shared_map, "frozen.SharedMap");

/* For containers.h. */
PyObject *
shared_map_lookup(PyObject *self, PyObject *key, PyObject *fallback)
{
    return map_lookup(self, key, fallback);
}

/* For bulk.h. */
int
shared_map_each(PyObject *self, visit_item visit, void *context)
{
    bool unique;
    return items_visit(ROOT(self), ENTRY_WIDTH, visit, context, &unique);
}

PyObject *
shared_map_of_pairs(module_state *state, PyObject **pairs, Py_ssize_t count)
{
    return map_of_pairs(&state->shared_map, pairs, count);
}

/* For contents.h. */
int
shared_map_contents(PyObject *self, cell *out)
{
    return keyed_take_contents(self, out);
}

/* ---- its boxes and nodes, for shared/ ---- */

static node_contents
map_node_contents(block *node)
{
    return contents_of(node);
}

static const kind_row boxed_map = BOXED_ROW;
static const kind_row map_node = {.contents = map_node_contents};

int
shared_map_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    kind_register(KIND_MAP, &boxed_map);
    kind_register(NODE_MAP, &map_node);
    return keyed_family_setup(&state->shared_map);
}
