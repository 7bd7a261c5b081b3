/* `diff` and `apply`, which are in frozen/_diff.py and frozen/_apply.py. */
#ifndef FROZEN_BINDINGS_COMMON_DIFF_INC_H
#define FROZEN_BINDINGS_COMMON_DIFF_INC_H

#include "module.h"

/* `callable` is stolen, and may be NULL (exception set). */
static PyObject *
call_with_container(PyObject *callable, PyObject *self, PyObject *argument)
{
    PyObject *args[] = {self, argument};
    PyObject *result = callable != NULL ? PyObject_Vectorcall(callable, args, 2, NULL) : NULL;
    Py_XDECREF(callable);
    return result;
}

static PyObject *
container_diff(PyObject *self, PyObject *new)
{
    module_state *state = module_state_of(self);
    return state != NULL ? call_with_container(kept_diff(state), self, new) : NULL;
}

static PyObject *
container_apply(PyObject *self, PyObject *delta)
{
    module_state *state = module_state_of(self);
    return state != NULL ? call_with_container(kept_apply(state), self, delta) : NULL;
}

#endif
