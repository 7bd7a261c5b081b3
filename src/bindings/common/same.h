/* Whether two objects are the same value, where that is cheap to tell: the plain cases of `same_value` in
 * frozen/_sameness.py, which answers for all others. */
#ifndef FROZEN_BINDINGS_COMMON_SAME_H
#define FROZEN_BINDINGS_COMMON_SAME_H

#include "platform/cpython.h"

#include <math.h>

/* Whether plain_values_same() answers for it. */
static inline bool
is_plain_value(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type
           || type == &PyBytes_Type || value == Py_None;
}

/* Of two values at least one of which is plain: 1, 0, or -1 (exception set). */
MAYBE_UNUSED static int
plain_values_same(PyObject *a, PyObject *b)
{
    PyTypeObject *type = Py_TYPE(a);
    if (a == b || type != Py_TYPE(b))
        return a == b;
    if (type == &PyFloat_Type) {
        double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
        return x == y ? !signbit(x) == !signbit(y) : isnan(x) && isnan(y);
    }
    return PyObject_RichCompareBool(a, b, Py_EQ);
}

/* 1, 0, or -1: `same_value`, the Python function, failed. */
MAYBE_UNUSED static int
objects_same(PyObject *a, PyObject *b, PyObject *same_value)
{
    if (a == b || is_plain_value(a) || Py_TYPE(a) != Py_TYPE(b))
        return plain_values_same(a, b);
    PyObject *result = PyObject_CallFunctionObjArgs(same_value, a, b, NULL);
    int same = result != NULL ? PyObject_IsTrue(result) : -1;
    Py_XDECREF(result);
    return same;
}

#endif
