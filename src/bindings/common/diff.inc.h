/* `diff` and `apply`, which are in frozen/_diff.py and frozen/_apply.py. */
#ifndef FROZEN_BINDINGS_COMMON_DIFF_INC_H
#define FROZEN_BINDINGS_COMMON_DIFF_INC_H

#include "platform/cpython.h"

static PyObject *
call_of_module(const char *name, const char *function, PyObject *self, PyObject *argument)
{
    PyObject *callable = imported(name, function);
    PyObject *result = callable != NULL ? PyObject_CallFunctionObjArgs(callable, self, argument, NULL) : NULL;
    Py_XDECREF(callable);
    return result;
}

static PyObject *
container_diff(PyObject *self, PyObject *new)
{
    return call_of_module("frozen._diff", "diff", self, new);
}

static PyObject *
container_apply(PyObject *self, PyObject *delta)
{
    return call_of_module("frozen._apply", "apply", self, delta);
}

#endif
