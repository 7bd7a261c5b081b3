/* `_check`, `_dump` and `_shared_nodes`: looking into containers of every kind, for tests and demonstrations. */

#include "types/inspect.h"

#include "core/bits.h"
#include "types/arguments.h"

typedef struct {
    PyObject *(*check)(PyObject *self);
    PyObject *(*dump)(PyObject *self);
    int (*collect)(PyObject *self, PyObject *seen);
} inspector;

/* How to look into an object, or NULL. */
static const inspector *
inspector_of(module_state *state, PyObject *o)
{
    static const inspector map = {local_map_check, local_map_dump, local_map_collect};
    static const inspector set = {local_set_check, local_set_dump, local_set_collect};
    static const inspector vector = {local_vector_check, local_vector_dump, local_vector_collect};
    static const inspector shared_map = {shared_map_check, shared_map_dump, shared_map_collect};
    static const inspector shared_set = {shared_set_check, shared_set_dump, shared_set_collect};
    if (PyObject_TypeCheck(o, state->local_map.container))
        return &map;
    if (PyObject_TypeCheck(o, state->local_set.container))
        return &set;
    if (PyObject_TypeCheck(o, state->local_vector.container))
        return &vector;
    if (Py_IS_TYPE(o, state->shared_map.container))
        return &shared_map;
    if (Py_IS_TYPE(o, state->shared_set.container))
        return &shared_set;
    return NULL;
}

/* The same, or TypeError. */
static const inspector *
needed_inspector(PyObject *module, PyObject *o)
{
    const inspector *found = inspector_of(PyModule_GetState(module), o);
    if (found == NULL)
        PyErr_Format(PyExc_TypeError, "expected one of frozen's containers, got %R", o);
    return found;
}

static PyObject *
inspect_check(PyObject *module, PyObject *o)
{
    const inspector *look = needed_inspector(module, o);
    return look != NULL ? look->check(o) : NULL;
}

static PyObject *
inspect_dump(PyObject *module, PyObject *o)
{
    const inspector *look = needed_inspector(module, o);
    return look != NULL ? look->dump(o) : NULL;
}

int
inspect_collect(PyObject *o, PyObject *seen)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(o), &frozen_module);
    if (module == NULL) {
        PyErr_Clear();
        return 0;
    }
    const inspector *look = inspector_of(PyModule_GetState(module), o);
    if (look == NULL)
        return 0;
    if (Py_EnterRecursiveCall(" while counting nodes") != 0)
        return -1;
    int status = look->collect(o, seen);
    Py_LeaveRecursiveCall();
    return status;
}

static PyObject *
inspect_shared_nodes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_shared_nodes", nargs, 2, 2) || needed_inspector(module, args[0]) == NULL
        || needed_inspector(module, args[1]) == NULL)
        return NULL;
    PyObject *in_a = PySet_New(NULL), *in_b = PySet_New(NULL), *both = NULL, *result = NULL;
    if (in_a != NULL && in_b != NULL && inspect_collect(args[0], in_a) == 0 && inspect_collect(args[1], in_b) == 0
        && (both = PyNumber_And(in_a, in_b)) != NULL)
        result = Py_BuildValue("nnn", PySet_Size(both), PySet_Size(in_a), PySet_Size(in_b));
    Py_XDECREF(in_a);
    Py_XDECREF(in_b);
    Py_XDECREF(both);
    return result;
}

int
inspect_setup(PyObject *module, module_state *state)
{
    (void)state;
    return PyModule_AddIntConstant(module, "_BITS", CORE_BITS);
}

PyMethodDef inspect_functions[] = {
    {"_check", inspect_check, METH_O,
     PyDoc_STR("_check($module, container, /)\n--\n\nVerify the invariants of its tree: AssertionError naming the broken one.")},
    {"_dump", inspect_dump, METH_O,
     PyDoc_STR("_dump($module, container, /)\n--\n\nA picture of its tree: a line a node, 'node <entries> <children>'.")},
    {"_shared_nodes", FASTCALL(inspect_shared_nodes), METH_FASTCALL,
     PyDoc_STR("_shared_nodes($module, a, b, /)\n--\n\n(nodes in both, nodes of a, nodes of b), nested containers included.")},
    {NULL, NULL, 0, NULL},
};
