/* Map, MapMutation, its views and iterator: the map over the local memory. */

#define ENTRY_WIDTH 2

#include "memory/local.h"
#include "module.h"
#include "types/family.h"
#include "types/inspect.h"

static inline family *
family_of_type(PyTypeObject *type)
{
    return &module_state_of_type(type)->local_map;
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

#include "types/containers.h"
#include "types/map_type.h"

#define NODE_NAME "frozen._core.map_node"
#define NODE_METHODS map_node_methods
#include "memory/local_node.h"

LOCAL_NODE_SPECS(frozen_map_node_spec, frozen_map_node_general_spec);
KEYED_SPECS(frozen_map, "frozen.Map", Py_TPFLAGS_BASETYPE | Py_TPFLAGS_MAPPING, map_slots, map_mutation_slots);
MAP_VIEW_SPECS(frozen_map, "frozen.Map");

int
local_map_setup(PyObject *module, module_state *state)
{
    (void)module;
    return keyed_family_setup(&state->local_map);
}

void
local_map_teardown(module_state *state)
{
    family_teardown(&state->local_map);
}

PyMethodDef local_map_functions[] = {
    {"_join", FASTCALL(map_join), METH_FASTCALL,
     PyDoc_STR("_join($module, type, own, subtrees, /)\n--\n\nHow a pickle of a large map is loaded: type(own and all subtrees).")},
    {NULL, NULL, 0, NULL},
};

/* ---- for containers.h ---- */

PyObject *
local_map_lookup(PyObject *self, PyObject *key, PyObject *fallback)
{
    bool failed = false;
    slot *found = lookup(self, key, &failed);
    if (LIKELY(found != NULL))
        return cell_to_object(SLOT_VALUE(found));
    return failed ? NULL : Py_NewRef(fallback);
}

/* ---- for inspect.c ---- */

PyObject *
local_map_check(PyObject *self)
{
    return keyed_check(self);
}

PyObject *
local_map_dump(PyObject *self)
{
    return keyed_dump(self);
}

int
local_map_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(ROOT(self), seen, inspect_collect);
}
