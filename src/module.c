/* `frozen._core`: creation of the types, nothing else.  What a type does is written in bindings/, ref/ and shared/. */

#include "module.h"

static module_state *
state_of(PyObject *module)
{
    return (module_state *)PyModule_GetState(module);
}

static int
module_exec(PyObject *module)
{
    module_state *state = state_of(module);
    free_lists_open(&state->free_lists);
#define X(family) state->family.nodes.free_lists = &state->free_lists;
    FROZEN_FAMILIES(X)
#undef X
#define X(field, spec, name)                                                                    \
    state->field = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);               \
    if (state->field == NULL)                                                                   \
        return -1;                                                                              \
    if ((name) != NULL && PyModule_AddObjectRef(module, name, (PyObject *)state->field) < 0)    \
        return -1;
    FROZEN_TYPES(X)
#undef X
#define X(setup)                      \
    if (setup(module, state) < 0)     \
        return -1;
    FROZEN_SETUPS(X)
#undef X
#define X(table)                                    \
    if (PyModule_AddFunctions(module, table) < 0)   \
        return -1;
    FROZEN_FUNCTIONS(X)
#undef X
    return 0;
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = state_of(module);
#define X(field, spec, name) Py_VISIT(state->field);
    FROZEN_TYPES(X)
#undef X
    Py_VISIT(state->sharing);
#define X(field, module, name) Py_VISIT(atomic_load_explicit(&state->imports.field, memory_order_relaxed));
    FROZEN_KEPT_IMPORTS(X)
#undef X
    int status = plans_traverse(state, visit, arg);
    if (status != 0)
        return status;
    status = free_lists_traverse(&state->free_lists, visit, arg);
    if (status != 0)
        return status;
    /* The empty roots and the registry are invisible to the collector, and own a reference to their types: with it the
     * types, and so the module, would seem to be held from outside. */
    if (state->readers != NULL)
        Py_VISIT(state->reader_registry);
#define X(family)                              \
    if (state->family.empty != NULL)           \
        Py_VISIT(state->family.nodes.plain);
    FROZEN_FAMILIES(X)
#undef X
    return 0;
}

/* Give back the empty root. */
static void
family_clear(family *types)
{
    void *empty = types->empty;
    types->empty = NULL;
    if (empty != NULL)
        types->tools->release_empty(empty);
}

static int
module_clear(PyObject *module)
{
    module_state *state = state_of(module);
    Py_CLEAR(state->readers);
    Py_CLEAR(state->sharing);
#define X(field, module, name) Py_XDECREF(atomic_exchange_explicit(&state->imports.field, NULL, memory_order_relaxed));
    FROZEN_KEPT_IMPORTS(X)
#undef X
    plans_clear(state);
    Py_CLEAR(state->plans);
    Py_CLEAR(state->datetime);
#define X(family) family_clear(&state->family);
    FROZEN_FAMILIES(X)
#undef X
#define X(teardown) teardown(state);
    FROZEN_TEARDOWNS(X)
#undef X
    free_lists_close(&state->free_lists);
#define X(field, spec, name) Py_CLEAR(state->field);
    FROZEN_TYPES(X)
#undef X
    return 0;
}

static void
module_free(void *module)
{
    module_clear((PyObject *)module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

struct PyModuleDef frozen_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "frozen._core",
    .m_doc = "The C core of frozen: import its names from `frozen`.",
    .m_size = sizeof(module_state),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&frozen_module);
}
