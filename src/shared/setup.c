/* What shared/ does in each interpreter that imports the module, and what it adds to the module. */

#include "docs.h"
#include "platform/cross_interpreter.h"
#include "shared/crossing.h"
#include "shared/current.h"
#include "shared/handle.h"
#include "shared/immortal.h"
#include "shared/tickets.h"
#include "shared/native.h"

static PyObject *
live_shared_nodes(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(blocks_alive());
}

static PyObject *
fail_shared_allocation(PyObject *module, PyObject *after)
{
    (void)module;
    long count = PyLong_AsLong(after);
    return count == -1 && PyErr_Occurred() ? NULL : PyLong_FromLong(block_fail_after(count));
}

static PyObject *
places_of_tickets(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromSize_t(ticket_places());
}

static PyObject *
native_crossing(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyBool_FromLong(crossing_is_native());
}

static PyObject *
script_copy(PyObject *module, PyObject *fresh)
{
    (void)module;
    return cross_interpreter_script(fresh);
}

static PyObject *
check_shareable(PyObject *module, PyObject *object)
{
    (void)module;
    cell c;
    if (cell_from_object(object, &c) < 0)
        return NULL;
    cell_release(c);
    Py_RETURN_NONE;
}

PyMethodDef interp_functions[] = {
    {"immortalize", immortalize, METH_O, DOC_immortalize},
    {"_count_shared_blocks", count_shared_blocks, METH_O,
     "Of the blocks below a shared container: how many, how many immortal, the sum of their counts.  For tests."},
    {"_live_shared_nodes", live_shared_nodes, METH_NOARGS,
     "Blocks of shared memory alive in the process, but for immortal ones.  For tests."},
    {"_register_sharing", register_sharing, METH_VARARGS,
     PyDoc_STR("_register_sharing($module, /, *functions)\n--\n\n"
               "What frozen/_sharing.py does for the core.")},
    {"_forget_plans", forget_plans, METH_NOARGS, "Plan anew how objects of everyday types are shared."},
    {"_fail_shared_allocation", fail_shared_allocation, METH_O,
     "Let the allocation of shared memory after this many fail, -1: none; returns what was left to count.  For tests."},
    {"_ticket_places", places_of_tickets, METH_NOARGS, "Places in the table of tickets, taken or not, for tests."},
    {"_crosses_natively", native_crossing, METH_NOARGS, "Whether CPython's own channels carry shared objects."},
    {"_script_copy", script_copy, METH_O, "This interpreter's copy of the script that runs in another one, or None."},
    {"_check_shareable", check_shareable, METH_O, "NotShareableError, unless the object can be shared as it is."},
    {NULL, NULL, 0, NULL},
};

void
interp_teardown(module_state *state)
{
    (void)state;
    current_forget();
}

int
interp_setup(PyObject *module, module_state *state)
{
    if (handles_setup() < 0 || current_publish(module, state) < 0)
        return -1;
#define X(field)                               \
    if (crossing_register(state->field) < 0)   \
        return -1;
    FROZEN_CROSSING_TYPES(X)
#undef X
    return 0;
}
