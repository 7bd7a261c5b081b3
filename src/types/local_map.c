/* Map, MapMutation, its views and iterator: the map over the local memory. */

#define ENTRY_WIDTH 2

#include "memory/local.h"
#include "module.h"

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

#include "types/map_type.h"

#define NODE_NAME "frozen._core.map_node"
#include "memory/local_node.h"

LOCAL_NODE_SPECS(frozen_map_node_spec, frozen_map_node_general_spec);
MAP_FAMILY_SPECS(frozen_map, "frozen.Map", Py_TPFLAGS_BASETYPE);

int
local_map_setup(PyObject *module, module_state *state)
{
    if (keyed_family_setup(&state->local_map) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "_BITS", CORE_BITS);
}

static family *
checked_types(PyObject *module, PyObject *o)
{
    family *types = &((module_state *)PyModule_GetState(module))->local_map;
    if (is_ours(types, o))
        return types;
    PyErr_Format(PyExc_TypeError, "expected a Map, got %R", o);
    return NULL;
}

static PyObject *
function_check(PyObject *module, PyObject *o)
{
    return checked_types(module, o) != NULL ? map_check(o) : NULL;
}

static PyObject *
function_dump(PyObject *module, PyObject *o)
{
    return checked_types(module, o) != NULL ? map_dump(o) : NULL;
}

static PyObject *
function_shared_nodes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_shared_nodes", nargs, 2, 2) || !checked_types(module, args[0])
        || !checked_types(module, args[1]))
        return NULL;
    return map_shared_nodes(args[0], args[1]);
}

PyMethodDef local_map_functions[] = {
    {"_check", function_check, METH_O,
     PyDoc_STR("_check(map)\n--\n\nVerify the invariants of a map's tree: AssertionError naming the broken one.")},
    {"_dump", function_dump, METH_O,
     PyDoc_STR("_dump(map)\n--\n\nA picture of a map's tree: a line a node, 'node <entries> <children>'.")},
    {"_shared_nodes", FASTCALL(function_shared_nodes), METH_FASTCALL,
     PyDoc_STR("_shared_nodes(a, b)\n--\n\n(nodes in both, nodes of a, nodes of b), nested maps included.")},
    {NULL, NULL, 0, NULL},
};
