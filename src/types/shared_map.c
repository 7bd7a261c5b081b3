/* SharedMap, its mutation, views and iterator: the map over the shared memory. */

#define ENTRY_WIDTH 2

#include "interp/handle.h"
#include "memory/shared.h"
#include "module.h"
#include "types/family.h"
#include "types/inspect.h"

static inline family *
family_of_type(PyTypeObject *type)
{
    return &module_state_of_type(type)->shared_map;
}

static inline family *
family_of(PyObject *self)
{
    return family_of_type(Py_TYPE(self));
}

/* The nodes are of no type and of no interpreter. */
static inline memory *
family_memory(family *types)
{
    (void)types;
    static memory nodes = {NODE_MAP};
    return &nodes;
}

#define MAP_SUMMARY                                                                                          \
    "SharedMap(mapping_or_pairs=(), /, **entries)\n--\n\n"                                                   \
    "A Map in memory that all interpreters of the process share: it crosses to another one in O(1).\n\n"      \
    "Holds values, not objects: what is read is made anew in the interpreter that reads.\n"
#define MAP_FAMILY_METHODS SHARED_HANDLE_METHOD,
#include "types/map_type.h"

KEYED_SPECS(frozen_shared_map, "frozen.SharedMap", Py_TPFLAGS_MAPPING, map_slots, map_mutation_slots);
MAP_VIEW_SPECS(frozen_shared_map, "frozen.SharedMap");

int
shared_map_setup(PyObject *module, module_state *state)
{
    (void)module;
    return keyed_family_setup(&state->shared_map);
}

void
shared_map_teardown(module_state *state)
{
    family_teardown(&state->shared_map);
}

/* ---- for memory/ ---- */

node_contents
shared_map_contents(void *node)
{
    return contents_of(node);
}

/* ---- for inspect.c ---- */

PyObject *
shared_map_check(PyObject *self)
{
    return keyed_check(self);
}

PyObject *
shared_map_dump(PyObject *self)
{
    return keyed_dump(self);
}

int
shared_map_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(ROOT(self), seen, inspect_collect);
}
