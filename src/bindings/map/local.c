/* Map, MapMutation, its views and iterator: the map over the local memory. */

#define ENTRY_WIDTH 2
#define TYPE_NAME Map
#define FAMILY local_map

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "bindings/common/direct.h"
#include "bindings/common/containers.h"
#include "bindings/map/type.inc.h"
#include "bindings/map/bulk.inc.h"
#include "bindings/keyed/contents.inc.h"

#define NODE_NAME "frozen._core.map_node"
#define NODE_METHODS map_node_methods
#include "local/node_types.inc.h"

LOCAL_NODE_SPECS(frozen_map_node_spec, frozen_map_node_general_spec);
KEYED_SPECS(frozen_map, "frozen.Map", Py_TPFLAGS_BASETYPE | Py_TPFLAGS_MAPPING, map_slots, map_mutation_slots);
MAP_VIEW_SPECS(frozen_map, "frozen.Map");

int
local_map_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    return keyed_family_setup(&state->local_map);
}

PyMethodDef local_map_functions[] = {
    {"_join", FASTCALL(map_join), METH_FASTCALL,
     PyDoc_STR(
         "_join($module, type, own, subtrees, /)\n--\n\nHow a pickle of a large map is loaded: type(own and all subtrees).")},
    {NULL, NULL, 0, NULL},
};

/* For containers.h. */
PyObject *
local_map_lookup(PyObject *self, PyObject *key, PyObject *fallback)
{
    return map_lookup(self, key, fallback);
}

/* For bulk.h. */
int
local_map_each(PyObject *self, visit_item visit, void *context, bool *unique)
{
    return items_visit(ROOT(self), ENTRY_WIDTH, visit, context, unique);
}

PyObject *
local_map_of_pairs(module_state *state, PyObject **pairs, Py_ssize_t count)
{
    return map_of_pairs(&state->local_map, pairs, count);
}

/* For contents.h. */
int
local_map_contents(PyObject *self, PyObject **out)
{
    return keyed_take_contents(self, out);
}

PyObject *
local_map_of(module_state *state, PyObject *const *objects, Py_ssize_t count)
{
    return keyed_of_objects(&state->local_map, objects, count);
}

/* ---- for direct.h ---- */

_Static_assert(sizeof(champ_iter) <= MAP_WALK_ROOM, "frozen_map_iter of frozen.h is what extensions reserve");

int
local_map_find(PyObject *self, PyObject *key, PyObject **value)
{
    bool failed = false;
    pair *found = keyed_lookup(self, key, &failed);
    *value = found != NULL ? PAIR_VALUE(found) : NULL;
    return failed ? -1 : found != NULL;
}

void
local_map_walk(PyObject *self, void *walk)
{
    champ_iter_init((champ_iter *)walk, ROOT(self));
}

bool
local_map_walk_next(void *walk, PyObject **key, PyObject **value)
{
    pair *next = champ_iter_next((champ_iter *)walk);
    if (next == NULL)
        return false;
    *key = PAIR_KEY(next);
    *value = PAIR_VALUE(next);
    return true;
}

PyObject *
local_map_with(PyObject *self, PyObject *key, PyObject *value)
{
    PyObject *const args[] = {key, value};
    return map_set(self, args, 2);
}

PyObject *
local_map_without(PyObject *self, PyObject *key)
{
    return keyed_discard(self, key);
}

PyObject *
local_map_draft(PyObject *self)
{
    return keyed_mutate(self, NULL);
}

bool
local_map_is_draft(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == mutation_dealloc;
}

int
local_map_draft_get(PyObject *draft, PyObject *key, PyObject **value)
{
    return mutation_lookup(draft, key, value);
}

int
local_map_draft_set(PyObject *draft, PyObject *key, PyObject *value)
{
    return mutation_assign(draft, key, value);
}

int
local_map_draft_drop(PyObject *draft, PyObject *key)
{
    return mutation_drop_key(draft, key);
}

PyObject *
local_map_draft_finish(PyObject *draft)
{
    return mutation_finish(draft, NULL);
}
