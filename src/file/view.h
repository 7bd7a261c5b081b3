/* What the maps, sets and vectors of files have in common: life, iteration, and methods that are written in Python. */
#ifndef FROZEN_FILE_VIEW_H
#define FROZEN_FILE_VIEW_H

#include "file/keyed.h"

typedef enum { FILE_KEYS, FILE_VALUES, FILE_ITEMS, FILE_ELEMENTS } file_yields;

PyObject *file_iterator_new(PyObject *view, file_yields what, bool reversed);

int file_view_traverse(PyObject *op, visitproc visit, void *arg);
void file_view_dealloc(PyObject *op);
Py_ssize_t file_view_length(PyObject *op);
PyObject *file_view_copy(PyObject *op, PyObject *unused);

/* What the type's function of frozen/_file.py says of equality and order, and of the hash, which is kept. */
PyObject *file_view_richcompare(PyObject *op, PyObject *other, int operation);
Py_hash_t file_view_hash(PyObject *op);
PyObject *file_view_repr(PyObject *op);

/* function(self, *args) of frozen/_file.py. */
PyObject *file_call_python(const char *function, PyObject *self, PyObject *const *args, Py_ssize_t nargs);

PyObject *file_repr_pretty(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *file_repr_html(PyObject *self, PyObject *args);
PyObject *file_rich_repr(PyObject *self, PyObject *args);
PyObject *file_pydantic_schema(PyObject *type, PyObject *args);

/* How consoles and notebooks show them, and pydantic validates them, as bindings/common/hooks.inc.h has it for the other containers. */
#define FILE_SHOWING                                                                    \
    {"_repr_pretty_", FASTCALL(file_repr_pretty), METH_VARARGS | METH_KEYWORDS, NULL},  \
    {"_repr_html_", file_repr_html, METH_VARARGS, NULL},                                \
    {"__rich_repr__", file_rich_repr, METH_VARARGS, NULL},                              \
    {"__get_pydantic_core_schema__", file_pydantic_schema, METH_VARARGS | METH_CLASS, NULL}

/* Methods that are functions there. */
#define IN_PYTHON(c_name, function)                                       \
    static PyObject *c_name(PyObject *self, PyObject *const *args, Py_ssize_t nargs) \
    {                                                                     \
        return file_call_python(function, self, args, nargs);             \
    }

#define FILE_VIEW_SLOTS                                         \
    {Py_tp_dealloc, (void *)file_view_dealloc},                 \
    {Py_tp_traverse, (void *)file_view_traverse},               \
    {Py_tp_richcompare, (void *)file_view_richcompare},         \
    {Py_tp_hash, (void *)file_view_hash},                       \
    {Py_tp_repr, (void *)file_view_repr},                       \
    {Py_tp_members, file_view_members},                         \
    {Py_tp_getset, file_view_getset}

#define FILE_VIEW_FLAGS (FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION)

extern PyMemberDef file_view_members[];
extern PyGetSetDef file_view_getset[];

#endif
