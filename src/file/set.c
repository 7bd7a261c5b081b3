/* FileSet. */

#include "docs.h"
#include "file/view.h"

/* A set is looked for as the frozenset of its members, as frozenset does. */
static int
file_set_contains(PyObject *op, PyObject *member)
{
    Py_ssize_t index;
    int found = file_find(VIEW(op), member, &index);
    if (LIKELY(found >= 0) || !PySet_Check(member) || !PyErr_ExceptionMatches(PyExc_TypeError))
        return found;
    PyErr_Clear();
    PyObject *instead = PyFrozenSet_New(member);
    found = instead != NULL ? file_find(VIEW(op), instead, &index) : -1;
    Py_XDECREF(instead);
    return found;
}

static PyObject *
file_set_iter(PyObject *op)
{
    return file_iterator_new(op, FILE_KEYS, false);
}

IN_PYTHON(file_set_union, "_union")
IN_PYTHON(file_set_intersection, "_intersection")
IN_PYTHON(file_set_difference, "_difference")
IN_PYTHON(file_set_symmetric_difference, "_symmetric_difference")
IN_PYTHON(file_set_issubset, "_issubset")
IN_PYTHON(file_set_issuperset, "_issuperset")
IN_PYTHON(file_set_isdisjoint, "_isdisjoint")
IN_PYTHON(file_set_diff, "_diff")
IN_PYTHON(file_set_reduce, "_reduce")

static PyMethodDef file_set_methods[] = {
    {"union", FASTCALL(file_set_union), METH_FASTCALL, DOC_FileSet_union},
    {"intersection", FASTCALL(file_set_intersection), METH_FASTCALL, DOC_FileSet_intersection},
    {"difference", FASTCALL(file_set_difference), METH_FASTCALL, DOC_FileSet_difference},
    {"symmetric_difference", FASTCALL(file_set_symmetric_difference), METH_FASTCALL, DOC_FileSet_symmetric_difference},
    {"issubset", FASTCALL(file_set_issubset), METH_FASTCALL, DOC_FileSet_issubset},
    {"issuperset", FASTCALL(file_set_issuperset), METH_FASTCALL, DOC_FileSet_issuperset},
    {"isdisjoint", FASTCALL(file_set_isdisjoint), METH_FASTCALL, DOC_FileSet_isdisjoint},
    {"diff", FASTCALL(file_set_diff), METH_FASTCALL, DOC_FileSet_diff},
    {"copy", file_view_copy, METH_NOARGS, DOC_FileSet_copy},
    {"__copy__", file_view_copy, METH_NOARGS, DOC_FileSet___copy__},
    {"__deepcopy__", file_view_copy, METH_O, DOC_FileSet___deepcopy__},
    {"__reduce__", FASTCALL(file_set_reduce), METH_FASTCALL, DOC_FileSet___reduce__},
    FILE_SHOWING,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
file_set_or(PyObject *left, PyObject *right)
{
    return file_call_python("_set_or", left, &right, 1);
}

static PyObject *
file_set_and(PyObject *left, PyObject *right)
{
    return file_call_python("_set_and", left, &right, 1);
}

static PyObject *
file_set_subtract(PyObject *left, PyObject *right)
{
    return file_call_python("_set_subtract", left, &right, 1);
}

static PyObject *
file_set_xor(PyObject *left, PyObject *right)
{
    return file_call_python("_set_xor", left, &right, 1);
}

static PyType_Slot file_set_slots[] = {
    FILE_VIEW_SLOTS,
    {Py_tp_doc, (void *)DOC_FileSet_class},
    {Py_tp_iter, (void *)file_set_iter},
    {Py_tp_methods, file_set_methods},
    {Py_sq_length, (void *)file_view_length},
    {Py_sq_contains, (void *)file_set_contains},
    {Py_nb_or, (void *)file_set_or},
    {Py_nb_and, (void *)file_set_and},
    {Py_nb_subtract, (void *)file_set_subtract},
    {Py_nb_xor, (void *)file_set_xor},
    {0, NULL},
};

PyType_Spec frozen_file_set_spec = {
    .name = "frozen.FileSet",
    .basicsize = sizeof(file_view),
    .flags = FILE_VIEW_FLAGS,
    .slots = file_set_slots,
};
