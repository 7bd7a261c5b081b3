/* What other libraries ask of an object, each under a name of theirs: IPython, rich and Jupyter how it is shown, pydantic
 * how it is validated and written. The answers are in frozen/_showing.py and frozen/_pydantic.py, which are imported when
 * the first question comes; no other library is imported before it asks. */
#ifndef FROZEN_BINDINGS_COMMON_HOOKS_INC_H
#define FROZEN_BINDINGS_COMMON_HOOKS_INC_H

#include "platform/cpython.h"

static PyObject *
hook_repr_pretty(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._showing", "repr_pretty", self, args, kwargs);
}

static PyObject *
hook_rich_repr(PyObject *self, PyObject *args)
{
    return call_python_layer("frozen._showing", "rich_repr", self, args, NULL);
}

static PyObject *
hook_repr_html(PyObject *self, PyObject *args)
{
    return call_python_layer("frozen._showing", "repr_html", self, args, NULL);
}

static PyObject *
hook_pydantic_schema(PyObject *type, PyObject *args)
{
    return call_python_layer("frozen._pydantic", "core_schema_of", type, args, NULL);
}

static PyObject *
hook_pydantic_serializer(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *function = imported("frozen._pydantic", "serializer");
    PyObject *result = function != NULL ? PyObject_CallOneArg(function, self) : NULL;
    Py_XDECREF(function);
    return result;
}

#define HOOK_METHODS                                                                                    \
    {"_repr_pretty_", FASTCALL(hook_repr_pretty), METH_VARARGS | METH_KEYWORDS, NULL},                  \
    {"_repr_html_", hook_repr_html, METH_VARARGS, NULL},                                                \
    {"__rich_repr__", hook_rich_repr, METH_VARARGS, NULL},                                              \
    {"__get_pydantic_core_schema__", hook_pydantic_schema, METH_VARARGS | METH_CLASS, NULL}

static PyGetSetDef hook_getset[] = {
    {"__pydantic_serializer__", hook_pydantic_serializer, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#endif
