/* FileMap. */

#include "docs.h"
#include "file/copy.h"
#include "file/view.h"
#include "bindings/common/arguments.h"

/* 1 and the value, a new reference; 0: there is none; -1 (exception set). */
static inline int
look_up(file_view *self, PyObject *key, PyObject **value)
{
    PyObject *copy;
    if (UNLIKELY(!file_copy(self, &copy)))
        return -1;
    if (copy != NULL)
        return dict_lookup(copy, key, value);
    Py_ssize_t index;
    int found = file_find(self, key, &index);
    if (LIKELY(found > 0) && (*value = file_value_at(self, index)) == NULL)
        found = -1;
    return found;
}

static PyObject *
file_map_subscript(PyObject *op, PyObject *key)
{
    PyObject *value;
    int found = look_up(VIEW(op), key, &value);
    if (LIKELY(found > 0))
        return value;
    if (found == 0)
        set_key_error(key);
    return NULL;
}

static PyObject *
file_map_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *value, *fallback = Py_None;
    if (!parse_key_default("get", args, nargs, names, &key, &fallback))
        return NULL;
    int found = look_up(VIEW(op), key, &value);
    return found > 0 ? value : found < 0 ? NULL : Py_NewRef(fallback);
}

static int
file_map_contains(PyObject *op, PyObject *key)
{
    Py_ssize_t index;
    return file_find(VIEW(op), key, &index);
}

static PyObject *
file_map_iter(PyObject *op)
{
    return file_iterator_new(op, FILE_KEYS, false);
}

static PyObject *
file_map_reversed(PyObject *op, PyObject *Py_UNUSED(unused))
{
    return file_iterator_new(op, FILE_KEYS, true);
}

/* _iterate(what, reversed): what the views of frozen/_file.py iterate over. */
static PyObject *
file_map_iterate(PyObject *op, PyObject *args)
{
    int what, reversed;
    if (!PyArg_ParseTuple(args, "ip:_iterate", &what, &reversed))
        return NULL;
    if (what < FILE_KEYS || what > FILE_ITEMS) {
        PyErr_SetString(PyExc_ValueError, "_iterate() takes 0, 1 or 2");
        return NULL;
    }
    return file_iterator_new(op, (file_yields)what, reversed);
}

IN_PYTHON(file_map_keys, "FileMapKeys")
IN_PYTHON(file_map_values, "FileMapValues")
IN_PYTHON(file_map_items, "FileMapItems")
IN_PYTHON(file_map_diff, "_diff")
IN_PYTHON(file_map_reduce, "_reduce")

static PyMethodDef file_map_methods[] = {
    {"get", FASTCALL(file_map_get), METH_FASTCALL | METH_KEYWORDS, DOC_FileMap_get},
    {"keys", FASTCALL(file_map_keys), METH_FASTCALL, DOC_FileMap_keys},
    {"values", FASTCALL(file_map_values), METH_FASTCALL, DOC_FileMap_values},
    {"items", FASTCALL(file_map_items), METH_FASTCALL, DOC_FileMap_items},
    {"diff", FASTCALL(file_map_diff), METH_FASTCALL, DOC_FileMap_diff},
    {"copy", file_view_copy, METH_NOARGS, DOC_FileMap_copy},
    {"_iterate", file_map_iterate, METH_VARARGS, NULL},
    {"__copy__", file_view_copy, METH_NOARGS, DOC_FileMap___copy__},
    {"__deepcopy__", file_view_copy, METH_O, DOC_FileMap___deepcopy__},
    {"__reduce__", FASTCALL(file_map_reduce), METH_FASTCALL, DOC_FileMap___reduce__},
    {"__reversed__", file_map_reversed, METH_NOARGS, DOC_FileMap___reversed__},
    FILE_SHOWING,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
file_map_or(PyObject *left, PyObject *right)
{
    return file_call_python("_map_or", left, &right, 1);
}

static PyType_Slot file_map_slots[] = {
    FILE_VIEW_SLOTS,
    {Py_tp_doc, (void *)DOC_FileMap_class},
    {Py_tp_iter, (void *)file_map_iter},
    {Py_tp_methods, file_map_methods},
    {Py_mp_length, (void *)file_view_length},
    {Py_mp_subscript, (void *)file_map_subscript},
    {Py_sq_contains, (void *)file_map_contains},
    {Py_nb_or, (void *)file_map_or},
    {0, NULL},
};

PyType_Spec frozen_file_map_spec = {
    .name = "frozen.FileMap",
    .basicsize = sizeof(file_view),
    .flags = FILE_VIEW_FLAGS | Py_TPFLAGS_MAPPING,
    .slots = file_map_slots,
};
