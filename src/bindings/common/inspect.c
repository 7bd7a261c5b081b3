/* `_check`, `_dump` and `_shared_nodes`: looking into containers of every kind, for tests and demonstrations; and how
 * errors show objects. */

#include "bindings/common/inspect.h"

#include "trees/bits.h"
#include "module.h"
#include "bindings/common/arguments.h"

/* How to look into an object, or NULL. */
static const family_tools *
tools_of(module_state *state, PyObject *o)
{
#define X(family)                                             \
    if (PyObject_TypeCheck(o, state->family.container))       \
        return state->family.tools;
    FROZEN_FAMILIES(X)
#undef X
    return NULL;
}

/* The same, or TypeError. */
static const family_tools *
needed_tools(PyObject *module, PyObject *o)
{
    const family_tools *found = tools_of(PyModule_GetState(module), o);
    if (found == NULL)
        raise_about(PyExc_TypeError, "expected one of frozen's containers, got ", o, "");
    return found;
}

static PyObject *
inspect_check(PyObject *module, PyObject *o)
{
    const family_tools *tools = needed_tools(module, o);
    return tools != NULL ? tools->check(o) : NULL;
}

static PyObject *
inspect_dump(PyObject *module, PyObject *o)
{
    const family_tools *tools = needed_tools(module, o);
    return tools != NULL ? tools->dump(o) : NULL;
}

int
inspect_collect(PyObject *o, PyObject *seen)
{
    PyObject *module = module_of_type(Py_TYPE(o));
    if (module == NULL)
        return 0;
    const family_tools *tools = tools_of(PyModule_GetState(module), o);
    if (tools == NULL)
        return 0;
    if (Py_EnterRecursiveCall(" while counting nodes") != 0)
        return -1;
    int status = tools->collect(o, seen);
    Py_LeaveRecursiveCall();
    return status;
}

static PyObject *
inspect_shared_nodes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_shared_nodes", nargs, 2, 2) || needed_tools(module, args[0]) == NULL
        || needed_tools(module, args[1]) == NULL)
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

static PyObject *
inspect_bounded_repr(PyObject *Py_UNUSED(module), PyObject *o)
{
    return bounded_repr(o);
}

int
inspect_setup(PyObject *module, module_state *state)
{
    (void)state;
    return PyModule_AddIntConstant(module, "_BITS", CORE_BITS);
}

PyMethodDef inspect_functions[] = {
    {"_check", inspect_check, METH_O,
     PyDoc_STR(
         "_check($module, container, /)\n--\n\nVerify the invariants of its tree: AssertionError naming the broken one.")},
    {"_dump", inspect_dump, METH_O,
     PyDoc_STR(
         "_dump($module, container, /)\n--\n\nA picture of its tree: a line a node, 'node <entries> <children>'.")},
    {"_shared_nodes", FASTCALL(inspect_shared_nodes), METH_FASTCALL,
     PyDoc_STR(
         "_shared_nodes($module, a, b, /)\n--\n\n(nodes in both, nodes of a, nodes of b), nested containers included.")},
    {"_bounded_repr", inspect_bounded_repr, METH_O,
     PyDoc_STR(
         "_bounded_repr($module, object, /)\n--\n\nHow errors name it: the beginning of its repr, at a bounded cost.")},
    {NULL, NULL, 0, NULL},
};
