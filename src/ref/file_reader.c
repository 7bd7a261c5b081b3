/* _FileReader(number, load): how a FileRef is read (frozen/_file_ref.py).
 *
 * It keeps the value that was read last, with its number. While the mapped number is that one, a read is a few loads; else
 * it calls load(), which returns the newest pair (number, value), and keeps that, unless another thread has kept a newer
 * one meanwhile. So all threads get one object of one number, and none an older one than before.
 *
 * With the GIL a read is not interrupted between its loads and the count of the reference. Without it:
 *
 *     reader      grace_enter();  n = load(seen);  v = load(value);  n == load(seen) and n is the mapped number:
 *                 count v;  grace_leave()
 *     adopt       under the lock: store(seen, 0);  exchange(value, new);  store(seen, number)
 *                 unlock;  grace_wait();  drop the old value
 *
 * A reader that loads the new value loads 0 or the new number afterwards, for that was stored before; so what it counts is
 * the value of its number. Nobody frees it before the reader has left (platform/grace.h). `seen` never has a number twice. */

#include "ref/mapped_number.h"
#include "bindings/common/arguments.h"
#include "bindings/common/containers.h"
#include "module.h"
#include "platform/grace.h"

typedef struct {
    PyObject_HEAD
    PyObject *number, *load; /* never change */
    ref_mutex lock;
    _Atomic(uint64_t) seen; /* 0: nothing was read yet, or another value is being put in its place */
    _Atomic(PyObject *) value; /* owned */
} FileReader;

/* The value of the number, or NULL if another one was read last. No exception. */
static inline PyObject *
value_of(FileReader *self, uint64_t number)
{
    uint64_t seen = atomic_load_explicit(&self->seen, memory_order_acquire);
    PyObject *value = atomic_load_explicit(&self->value, memory_order_seq_cst);
    bool is_its = seen == number && seen != 0 && atomic_load_explicit(&self->seen, memory_order_acquire) == number;
    return LIKELY(is_its) ? Py_NewRef(value) : NULL;
}

/* As value_of, wherever other threads are. */
static inline PyObject *
reader_recall(FileReader *self, uint64_t number)
{
#ifdef Py_GIL_DISABLED
    grace_record *visit = grace_enter(self);
    if (UNLIKELY(visit == NULL))
        return NULL; /* it is read under the lock */
    PyObject *value = value_of(self, number);
    grace_leave(visit); /* who waits for it asks again by itself */
    return value;
#else
    return value_of(self, number);
#endif
}

/* What was read last, and its number; NULL: nothing (no exception). */
static PyObject *
reader_last(FileReader *self, uint64_t *number)
{
    ref_mutex_lock(&self->lock);
    *number = atomic_load_explicit(&self->seen, memory_order_relaxed);
    PyObject *value = Py_XNewRef(atomic_load_explicit(&self->value, memory_order_relaxed));
    ref_mutex_unlock(&self->lock);
    return value;
}

static void
reader_adopt(FileReader *self, uint64_t number, PyObject *value)
{
    PyObject *old = NULL;
    ref_mutex_lock(&self->lock);
    if (number > atomic_load_explicit(&self->seen, memory_order_relaxed)) {
        atomic_store_explicit(&self->seen, 0, memory_order_seq_cst);
        old = atomic_exchange(&self->value, Py_NewRef(value));
        atomic_store_explicit(&self->seen, number, memory_order_seq_cst);
    }
    ref_mutex_unlock(&self->lock);
#ifdef Py_GIL_DISABLED
    if (old != NULL)
        grace_wait(self);
#endif
    Py_XDECREF(old);
}

/* load() was called: keeps what it returned. False: failed (exception set). */
static bool
reader_keep(FileReader *self, PyObject *pair)
{
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "load() must return a pair of number and value");
        return false;
    }
    unsigned long long number = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(pair, 0));
    if (number == (unsigned long long)-1 && PyErr_Occurred())
        return false;
    reader_adopt(self, number, PyTuple_GET_ITEM(pair, 1));
    return true;
}

/* The number in the file is another than that of the last read. Of a reference that was unlinked, the last value. */
static PyObject *
reader_renew(FileReader *self, uint64_t *number)
{
    uint64_t current = mapped_number((MappedNumber *)self->number);
    PyObject *value = reader_last(self, number);
    if (value != NULL && *number == current && current != 0)
        return value; /* another thread has read it meanwhile */
    PyObject *pair = PyObject_CallNoArgs(self->load);
    bool kept = pair != NULL ? reader_keep(self, pair) : value != NULL && PyErr_ExceptionMatches(PyExc_LookupError);
    if (kept)
        PyErr_Clear();
    Py_XDECREF(pair);
    Py_XDECREF(value);
    value = kept ? reader_last(self, number) : NULL;
    if (kept && value == NULL)
        PyErr_SetString(PyExc_LookupError, "there is no version yet");
    return value;
}

/* The newest value (new reference) and its number; NULL: failed (exception set). */
static inline PyObject *
reader_value(FileReader *self, uint64_t *number)
{
    *number = mapped_number((MappedNumber *)self->number);
    PyObject *value = reader_recall(self, *number);
    return LIKELY(value != NULL) ? value : reader_renew(self, number);
}

/* ---- methods ---- */

static PyObject *
file_reader_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t number;
    return reader_value((FileReader *)op, &number);
}

static PyObject *
file_reader_lookup(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    uint64_t number;
    PyObject *key, *fallback = Py_None;
    if (!parse_key_default("lookup", args, nargs, kwnames, &key, &fallback))
        return NULL;
    PyObject *value = reader_value((FileReader *)op, &number);
    PyObject *item = value != NULL ? container_lookup(value, key, fallback) : NULL;
    Py_XDECREF(value);
    return item;
}

/* (value, number), or (number, value): steals `value`, which may be NULL. */
static PyObject *
pair_of(PyObject *value, uint64_t number, bool value_first)
{
    PyObject *integer = value != NULL ? PyLong_FromUnsignedLongLong(number) : NULL;
    PyObject *pair = integer == NULL ? NULL
                     : value_first   ? PyTuple_Pack(2, value, integer)
                                     : PyTuple_Pack(2, integer, value);
    Py_XDECREF(integer);
    Py_XDECREF(value);
    return pair;
}

static PyObject *
file_reader_get_versioned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t number;
    PyObject *value = reader_value((FileReader *)op, &number);
    return pair_of(value, number, true);
}

static PyObject *
file_reader_current(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t number;
    PyObject *value = reader_value((FileReader *)op, &number);
    return pair_of(value, number, false);
}

static PyObject *
file_reader_tp_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *number, *load;
    module_state *state = type_module_state(type);
    if (state == NULL || !PyArg_ParseTuple(args, "O!O:_FileReader", state->mapped_number, &number, &load))
        return NULL;
    FileReader *self = (FileReader *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->number = Py_NewRef(number);
        self->load = Py_NewRef(load);
    }
    return (PyObject *)self;
}

static int
file_reader_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    FileReader *self = (FileReader *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->number);
    Py_VISIT(self->load);
    Py_VISIT(atomic_load_explicit(&self->value, memory_order_relaxed));
    return 0;
}

/* No tp_clear, for threads may still read it. A cycle goes through a class in the `types` of its files, and classes are
 * cleared. */
static void
file_reader_tp_dealloc(PyObject *op)
{
    FileReader *self = (FileReader *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_XDECREF(atomic_load_explicit(&self->value, memory_order_relaxed));
    Py_XDECREF(self->load);
    Py_XDECREF(self->number);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMethodDef file_reader_methods[] = {
    {"get", file_reader_get, METH_NOARGS, NULL},
    {"lookup", FASTCALL(file_reader_lookup), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"get_versioned", file_reader_get_versioned, METH_NOARGS, NULL},
    {"current", file_reader_current, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot file_reader_slots[] = {
    {Py_tp_new, (void *)file_reader_tp_new},
    {Py_tp_traverse, (void *)file_reader_tp_traverse},
    {Py_tp_dealloc, (void *)file_reader_tp_dealloc},
    {Py_tp_methods, file_reader_methods},
    {0, NULL},
};

PyType_Spec frozen_file_reader_spec = {
    .name = "frozen._core._FileReader",
    .basicsize = sizeof(FileReader),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = file_reader_slots,
};
