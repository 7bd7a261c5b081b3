/* FileVector. A slice is a view of the same elements, at another stride. */

#include "docs.h"
#include "file/view.h"
#include "platform/budget.h"

static PyObject *
element_at(file_view *self, Py_ssize_t index)
{
    return file_object(self->image, self->cells[index * self->stride], self->at, false);
}

static PyObject *
file_vector_item(PyObject *op, Py_ssize_t index)
{
    if (LIKELY(index >= 0 && index < VIEW(op)->count))
        return element_at(VIEW(op), index);
    PyErr_SetString(PyExc_IndexError, "vector index out of range");
    return NULL;
}

static int
file_vector_contains(PyObject *op, PyObject *value)
{
    file_view *self = VIEW(op);
    budget left = BUDGET;
    int equal = 0;
    for (Py_ssize_t i = 0; equal == 0 && i < self->count; i++) {
        PyObject *element = budget_spend(&left, 1) ? element_at(self, i) : NULL;
        equal = element != NULL ? PyObject_RichCompareBool(element, value, Py_EQ) : -1;
        Py_XDECREF(element);
    }
    return equal;
}

static PyObject *
file_vector_subscript(PyObject *op, PyObject *index)
{
    file_view *self = VIEW(op);
    if (PySlice_Check(index)) {
        Py_ssize_t start, stop, step;
        if (PySlice_Unpack(index, &start, &stop, &step) < 0)
            return NULL;
        Py_ssize_t count = PySlice_AdjustIndices(self->count, &start, &stop, step);
        return file_vector_part(self, start, count, count > 1 ? step : 1);
    }
    Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred())
        return NULL;
    return file_vector_item(op, i < 0 ? i + self->count : i);
}

static PyObject *
file_vector_iter(PyObject *op)
{
    return file_iterator_new(op, FILE_ELEMENTS, false);
}

static PyObject *
file_vector_reversed(PyObject *op, PyObject *Py_UNUSED(unused))
{
    return file_iterator_new(op, FILE_ELEMENTS, true);
}

static PyObject *
file_vector_tolist(PyObject *op, PyObject *Py_UNUSED(unused))
{
    return PySequence_List(op);
}

static PyObject *
file_vector_totuple(PyObject *op, PyObject *Py_UNUSED(unused))
{
    return tuple_of(op);
}

static PyObject *
file_vector_concat(PyObject *op, PyObject *other)
{
    return file_call_python("_concat", op, &other, 1);
}

static PyObject *
file_vector_repeat(PyObject *op, Py_ssize_t times)
{
    PyObject *number = PyLong_FromSsize_t(times), *result = NULL;
    if (number != NULL)
        result = file_call_python("_repeat", op, &number, 1);
    Py_XDECREF(number);
    return result;
}

IN_PYTHON(file_vector_index, "_index")
IN_PYTHON(file_vector_count, "_count")
IN_PYTHON(file_vector_diff, "_diff")
IN_PYTHON(file_vector_reduce, "_reduce")

static PyMethodDef file_vector_methods[] = {
    {"index", FASTCALL(file_vector_index), METH_FASTCALL, DOC_FileVector_index},
    {"count", FASTCALL(file_vector_count), METH_FASTCALL, DOC_FileVector_count},
    {"tolist", file_vector_tolist, METH_NOARGS, DOC_FileVector_tolist},
    {"totuple", file_vector_totuple, METH_NOARGS, DOC_FileVector_totuple},
    {"diff", FASTCALL(file_vector_diff), METH_FASTCALL, DOC_FileVector_diff},
    {"copy", file_view_copy, METH_NOARGS, DOC_FileVector_copy},
    {"__copy__", file_view_copy, METH_NOARGS, DOC_FileVector___copy__},
    {"__deepcopy__", file_view_copy, METH_O, DOC_FileVector___deepcopy__},
    {"__reduce__", FASTCALL(file_vector_reduce), METH_FASTCALL, DOC_FileVector___reduce__},
    {"__reversed__", file_vector_reversed, METH_NOARGS, DOC_FileVector___reversed__},
    FILE_SHOWING,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot file_vector_slots[] = {
    FILE_VIEW_SLOTS,
    {Py_tp_doc, (void *)DOC_FileVector_class},
    {Py_tp_iter, (void *)file_vector_iter},
    {Py_tp_methods, file_vector_methods},
    {Py_mp_length, (void *)file_view_length},
    {Py_mp_subscript, (void *)file_vector_subscript},
    {Py_sq_length, (void *)file_view_length},
    {Py_sq_item, (void *)file_vector_item},
    {Py_sq_contains, (void *)file_vector_contains},
    {Py_sq_concat, (void *)file_vector_concat},
    {Py_sq_repeat, (void *)file_vector_repeat},
    {0, NULL},
};

PyType_Spec frozen_file_vector_spec = {
    .name = "frozen.FileVector",
    .basicsize = sizeof(file_view),
    .flags = FILE_VIEW_FLAGS | Py_TPFLAGS_SEQUENCE,
    .slots = file_vector_slots,
};
