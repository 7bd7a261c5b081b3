#include "ref/mapped_number.h"
#include "module.h"

#include <errno.h>

/* _MappedNumber(buffer, offset): of a mapping, or of any other memory that is never given back. */
static PyObject *
mapped_number_tp_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *buffer;
    Py_ssize_t offset;
    if (!PyArg_ParseTuple(args, "On:_MappedNumber", &buffer, &offset))
        return NULL;
    MappedNumber *self = (MappedNumber *)type->tp_alloc(type, 0);
    if (self == NULL || PyObject_GetBuffer(buffer, &self->buffer, PyBUF_SIMPLE) < 0) {
        Py_XDECREF((PyObject *)self);
        return NULL;
    }
    if (offset < 0 || offset > self->buffer.len - 8 || ((uintptr_t)self->buffer.buf + (uintptr_t)offset) % 8 != 0) {
        PyErr_SetString(PyExc_ValueError, "the number must lie inside of the buffer, at a multiple of 8");
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    self->word = (_Atomic(uint64_t) *)((char *)self->buffer.buf + offset);
    self->guard = bus_guard_begin(self->buffer.buf, (size_t)self->buffer.len, &self->is_lost);
    return (PyObject *)self;
}

static int
mapped_number_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((MappedNumber *)op)->buffer.obj);
    return 0;
}

/* No tp_clear: it is read as long as it is there. A mapping refers to nothing. */
static void
mapped_number_tp_dealloc(PyObject *op)
{
    MappedNumber *self = (MappedNumber *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    bus_guard_end(self->guard);
    PyBuffer_Release(&self->buffer);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
mapped_number_load(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromUnsignedLongLong(mapped_number((MappedNumber *)op));
}

/* Whether the file has the number now. One that was cut off has not: what the store has reached is a page of this process
 * alone, whose number becomes 0 again. */
static PyObject *
mapped_number_store(PyObject *op, PyObject *number)
{
    MappedNumber *self = (MappedNumber *)op;
    unsigned long long value = PyLong_AsUnsignedLongLong(number);
    if (value == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    if (self->buffer.readonly) {
        errno = EACCES;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    ref_mutex_lock(&self->lock);
    atomic_store_explicit(self->word, value, memory_order_seq_cst);
    bool reached = bus_guard_holds(&self->is_lost);
    if (!reached)
        atomic_store_explicit(self->word, 0, memory_order_relaxed);
    ref_mutex_unlock(&self->lock);
    return PyBool_FromLong(reached);
}

/* map_again(descriptor): of the file that was mapped, where it was cut off and may be whole again. Threads may load the
 * number meanwhile. Whether it is mapped. */
static PyObject *
mapped_number_map_again(PyObject *op, PyObject *descriptor)
{
    MappedNumber *self = (MappedNumber *)op;
    int file = PyObject_AsFileDescriptor(descriptor);
    if (file < 0)
        return NULL;
    if (self->guard == NULL)
        Py_RETURN_FALSE; /* it may be no mapping */
    ref_mutex_lock(&self->lock);
    atomic_store(&self->is_lost, false); /* before: the file may be cut off once more */
    bool mapped = bus_guard_map_again(self->buffer.buf, (size_t)self->buffer.len, !self->buffer.readonly, file);
    if (!mapped)
        atomic_store(&self->is_lost, true);
    ref_mutex_unlock(&self->lock);
    return PyBool_FromLong(mapped);
}

static PyMethodDef mapped_number_methods[] = {
    {"load", mapped_number_load, METH_NOARGS, NULL},
    {"store", mapped_number_store, METH_O, NULL},
    {"map_again", mapped_number_map_again, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot mapped_number_slots[] = {
    {Py_tp_new, (void *)mapped_number_tp_new},
    {Py_tp_traverse, (void *)mapped_number_tp_traverse},
    {Py_tp_dealloc, (void *)mapped_number_tp_dealloc},
    {Py_tp_methods, mapped_number_methods},
    {0, NULL},
};

PyType_Spec frozen_mapped_number_spec = {
    .name = "frozen._core._MappedNumber",
    .basicsize = sizeof(MappedNumber),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = mapped_number_slots,
};
