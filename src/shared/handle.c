/* Handle: a ticket for a shared object, for every channel that carries bytes.
 *
 * The tickets of a process are in one table (tickets.c), outside of any interpreter. A ticket owns a reference to the
 * value; a handle is its number, with the process that it belongs to. Pickling a handle makes it travel: from then on
 * the ticket lives until it was redeemed as often as declared, expired or was revoked, also if the pickle is thrown
 * away. A ticket that never travelled ends with its handle. */

#include "docs.h"
#include "shared/crossing.h"
#include "shared/current.h"
#include "shared/handle.h"
#include "shared/tickets.h"
#include "platform/bounded_repr.h"
#include "platform/clock.h"

#include <time.h>
#ifdef _WIN32
#include <process.h>
#define PROCESS_ID() ((long)_getpid())
#else
#include <unistd.h>
#define PROCESS_ID() ((long)getpid())
#endif

/* Tells processes and copies of the extension apart, where process ids do not. */
static atomic_uint_fast64_t nonce;

static uint64_t
process_nonce(void)
{
    uint64_t known = atomic_load(&nonce);
    if (known == 0) {
        struct timespec time;
        timespec_get(&time, TIME_UTC);
        uint64_t fresh = ((uint64_t)time.tv_sec * 1000000007 + (uint64_t)time.tv_nsec) ^ (uint64_t)(uintptr_t)&nonce;
        if (atomic_compare_exchange_strong(&nonce, &known, fresh | 1))
            known = fresh | 1;
    }
    return known;
}

/* ---- the type ---- */

typedef struct {
    PyObject_HEAD
    uint64_t number;
    atomic_bool travelled; /* others may hold the number */
} HandleObject;

static PyObject *
handle_new(PyTypeObject *type, uint64_t number, bool travelled)
{
    HandleObject *self = (HandleObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->number = number;
    atomic_init(&self->travelled, travelled);
    return (PyObject *)self;
}

static int64_t
deadline_in(double seconds)
{
    int64_t now = monotonic_microseconds();
    double microseconds = seconds * 1e6;
    return microseconds < (double)(NO_DEADLINE - now) ? now + (int64_t)microseconds : NO_DEADLINE;
}

/* A handle of `object`; the arguments are those of Handle() behind it. */
static PyObject *
handle_issue(PyTypeObject *type, PyObject *object, PyObject *how_often, PyObject *timeout)
{
    Py_ssize_t uses = how_often != NULL ? PyNumber_AsSsize_t(how_often, NULL) : 1; /* too large: cut off */
    if (uses == -1 && PyErr_Occurred())
        return NULL;
    if (uses < 1 || uses > UINT32_MAX)
        return raise_about(PyExc_ValueError, "uses must be from 1 to 4294967295, not ", how_often, "");
    if (timeout != Py_None && !PyNumber_Check(timeout))
        return raise_about(PyExc_TypeError, "timeout must be a positive number of seconds or None, not ", timeout, "");
    double seconds = timeout == Py_None ? 0 : PyFloat_AsDouble(timeout);
    if (seconds == -1 && PyErr_Occurred())
        return NULL;
    if (timeout != Py_None && !(seconds > 0))
        return raise_about(PyExc_ValueError, "timeout must be a positive number of seconds or None, not ", timeout, "");
    cell value;
    int known = crossing_encode(object, &value);
    if (known < 0)
        return NULL;
    if (known == 0) {
        not_shareable(object,
                      "has no handle: only shared containers, Blob and SharedRef have; share() makes a container");
        return NULL;
    }
    uint64_t number = 0;
    if (ticket_issue(value, (uint32_t)uses, timeout == Py_None ? NO_DEADLINE : deadline_in(seconds), &number) < 0) {
        cell_release(value);
        return NULL;
    }
    PyObject *self = handle_new(type, number, false);
    if (self == NULL)
        ticket_revoke(number);
    return self;
}

/* Handle(obj, *, uses=1, timeout=None) */
static PyObject *
handle_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "uses", "timeout", NULL};
    PyObject *object, *uses = NULL, *timeout = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OO:Handle", names, &object, &uses, &timeout))
        return NULL;
    return handle_issue(type, object, uses, timeout);
}

PyObject *
shared_handle(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"uses", "timeout", NULL};
    PyObject *uses = NULL, *timeout = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OO:handle", names, &uses, &timeout))
        return NULL;
    module_state *state = current_state();
    return state != NULL ? handle_issue(state->handle, self, uses, timeout) : NULL;
}

static void
handle_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    HandleObject *handle = (HandleObject *)self;
    if (!atomic_load(&handle->travelled))
        ticket_revoke(handle->number);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
handle_redeem(PyObject *self, PyObject *unused)
{
    (void)unused;
    cell value;
    if (!ticket_redeem(((HandleObject *)self)->number, &value))
        return PyErr_Format(PyExc_LookupError,
                            "%R is spent: it was redeemed as often as it allowed, expired, was revoked, "
                            "or its sender dropped it; Handle(obj, uses=n) allows more",
                            self);
    PyObject *object = cell_to_object(value);
    cell_release(value);
    return object;
}

static PyObject *
handle_revoke(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(ticket_revoke(((HandleObject *)self)->number));
}

static PyObject *
handle_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    HandleObject *handle = (HandleObject *)self;
    PyObject *open = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "_open");
    if (open == NULL)
        return NULL;
    atomic_store(&handle->travelled, true);
    return Py_BuildValue("N(lKK)", open, PROCESS_ID(), (unsigned long long)process_nonce(),
                         (unsigned long long)handle->number);
}

/* What pickle calls. */
static PyObject *
handle_open(PyObject *type, PyObject *args)
{
    long process;
    unsigned long long made_with, number;
    if (!PyArg_ParseTuple(args, "lKK:_open", &process, &made_with, &number))
        return NULL;
    if (process != PROCESS_ID())
        return PyErr_Format(PyExc_ValueError,
                            "this handle belongs to process %ld and this is process %ld: pickle the "
                            "object itself, which goes by value",
                            process, PROCESS_ID());
    if (made_with != process_nonce())
        return PyErr_Format(PyExc_ValueError, "this handle belongs to an earlier process of the same number, or to "
                                              "another copy of frozen");
    return handle_new((PyTypeObject *)type, number, true);
}

static PyObject *
handle_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<frozen.Handle %llu>", (unsigned long long)((HandleObject *)self)->number);
}

static PyMethodDef handle_methods[] = {
    {"redeem", handle_redeem, METH_NOARGS, DOC_Handle_redeem},
    {"revoke", handle_revoke, METH_NOARGS, DOC_Handle_revoke},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {"__reduce__", handle_reduce, METH_NOARGS, DOC_Handle___reduce__},
    {"_open", handle_open, METH_VARARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot handle_slots[] = {
    {Py_tp_doc, (void *)DOC_Handle_class}, {Py_tp_new, (void *)handle_tp_new}, {Py_tp_dealloc, (void *)handle_dealloc},
    {Py_tp_repr, (void *)handle_repr},     {Py_tp_methods, handle_methods},    {0, NULL},
};

PyType_Spec frozen_handle_spec = {"frozen.Handle", sizeof(HandleObject), 0, FROZEN_TYPE_FLAGS, handle_slots};

int
handles_setup(void)
{
    return tickets_setup();
}
