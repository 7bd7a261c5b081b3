/* SharedSet, its mutation and iterator: the set over the shared memory. */

#define ENTRY_WIDTH 1

#include "interp/handle.h"
#include "memory/shared.h"
#include "module.h"
#include "types/family.h"
#include "types/inspect.h"

static inline family *
family_of_type(PyTypeObject *type)
{
    return &module_state_of_type(type)->shared_set;
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
    static memory nodes = {NODE_SET};
    return &nodes;
}

#define SET_SUMMARY                                                                                          \
    "SharedSet(iterable=(), /)\n--\n\n"                                                                      \
    "A Set in memory that all interpreters of the process share: it crosses to another one in O(1).\n\n"      \
    "Holds values, not objects: what is read is made anew in the interpreter that reads.\n"
#define SET_FAMILY_METHODS SHARED_HANDLE_METHOD,
#include "types/set_type.h"

KEYED_SPECS(frozen_shared_set, "frozen.SharedSet", 0, set_slots, set_mutation_slots);

int
shared_set_setup(PyObject *module, module_state *state)
{
    (void)module;
    return keyed_family_setup(&state->shared_set);
}

void
shared_set_teardown(module_state *state)
{
    family_teardown(&state->shared_set);
}

/* ---- for memory/ ---- */

node_contents
shared_set_contents(void *node)
{
    return contents_of(node);
}

/* ---- for inspect.c ---- */

PyObject *
shared_set_check(PyObject *self)
{
    return keyed_check(self);
}

PyObject *
shared_set_dump(PyObject *self)
{
    return keyed_dump(self);
}

int
shared_set_collect(PyObject *self, PyObject *seen)
{
    return collect_nodes(ROOT(self), seen, inspect_collect);
}
