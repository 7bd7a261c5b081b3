/* Arguments of vectorcall methods: what several types have to take apart. */
#ifndef FROZEN_BINDINGS_COMMON_ARGUMENTS_H
#define FROZEN_BINDINGS_COMMON_ARGUMENTS_H

#include "platform/bounded_repr.h"
#include "trees/memory_contract.h"
#include "platform/cpython.h"

static inline bool
check_positional(const char *name, Py_ssize_t nargs, Py_ssize_t least, Py_ssize_t most)
{
    if (LIKELY(nargs >= least && nargs <= most))
        return true;
    if (least == most)
        PyErr_Format(PyExc_TypeError, "%s() takes exactly %zd arguments (%zd given)", name, least, nargs);
    else
        PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments (%zd given)", name, least, most, nargs);
    return false;
}

/* The keywords of a vectorcall as a new dict. */
MAYBE_UNUSED static PyObject *
dict_of_keywords(PyObject *const *values, PyObject *names)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < PyTuple_GET_SIZE(names); i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), values[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}

/* What follows the `required` positional arguments, of which `what` tells the caller: `default`, by position or by
 * keyword.  Borrowed; *fallback is left alone if it is absent. */
MAYBE_UNUSED static bool
parse_default(const char *name, const char *what, Py_ssize_t required, PyObject *const *args, Py_ssize_t nargs,
              PyObject *names, PyObject **fallback)
{
    if (!check_positional(name, nargs, required, required + 1))
        return false;
    if (nargs > required)
        *fallback = args[required];
    Py_ssize_t keywords = names != NULL ? PyTuple_GET_SIZE(names) : 0;
    if (LIKELY(keywords == 0))
        return true;
    if (keywords == 1 && nargs == required
        && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "default") == 0) {
        *fallback = args[required];
        return true;
    }
    PyErr_Format(PyExc_TypeError, "%s() takes %s and a default, got the keyword argument '%.100U'", name, what,
                 PyTuple_GET_ITEM(names, 0));
    return false;
}

/* (key, default=...) of get and pop. */
MAYBE_UNUSED static bool
parse_key_default(const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *names, PyObject **key,
                  PyObject **fallback)
{
    if (!parse_default(name, "a key", 1, args, nargs, names, fallback))
        return false;
    *key = args[0];
    return true;
}

#endif
