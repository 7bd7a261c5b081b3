/* Handle: a ticket for a shared object, for every channel that carries bytes.
 *
 * The tickets of a process stand in one table, outside of any interpreter.  A ticket owns a reference to the value; a
 * handle is its number, with the process that it belongs to.  Pickling a handle makes it travel: from then on the ticket
 * lives until it was redeemed as often as declared, expired or was revoked.  A ticket that never travelled ends with
 * its handle. */

#include "interp/crossing.h"
#include "interp/current.h"
#include "interp/fork.h"
#include "interp/handle.h"
#include "memory/bounded_repr.h"
#include "memory/cell.h"

#include <time.h>
#ifdef _WIN32
#include <process.h>
#define PROCESS_ID() ((long)_getpid())
#else
#include <unistd.h>
#define PROCESS_ID() ((long)getpid())
#endif

typedef struct {
    cell value;          /* NO_CELL: this place is free */
    uint32_t generation; /* of the ticket that is, or was last, in this place */
    uint32_t uses;       /* redemptions left */
    uint32_t next_free;
    double deadline;     /* in seconds of clock(), 0: none */
} ticket;

static struct {
    ref_mutex lock;
    ticket *places;
    uint32_t capacity, free; /* `free`: the first free place, or capacity */
} table = {.lock = REF_MUTEX_INIT};

/* Tells processes and copies of the extension apart, where process ids do not. */
static atomic_uint_fast64_t nonce;

static double
now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

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

/* ---- the table; what is called table_* holds the lock ---- */

static uint64_t
ticket_number(uint32_t place)
{
    return (uint64_t)table.places[place].generation << 32 | place;
}

/* Borrowed, or NULL: no such ticket any more. */
static ticket *
table_find(uint64_t number)
{
    uint32_t place = (uint32_t)number;
    if (place >= table.capacity || table.places[place].value == NO_CELL || ticket_number(place) != number)
        return NULL;
    return &table.places[place];
}

/* The place becomes free; returns what it held, to be released without the lock. */
static cell
table_remove(ticket *t)
{
    cell value = t->value;
    t->value = NO_CELL;
    t->next_free = table.free;
    table.free = (uint32_t)(t - table.places);
    return value;
}

/* Make room outside of the lock: 0, or -1 (reported). */
static int
grow(uint32_t from)
{
    uint32_t capacity = from ? 2 * from : 16;
    ticket *places = malloc(capacity * sizeof(ticket)), *old = NULL;
    if (places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    ref_mutex_lock(&table.lock);
    if (table.capacity == from) {
        if (from)
            memcpy(places, table.places, from * sizeof(ticket));
        for (uint32_t i = from; i < capacity; i++)
            places[i] = (ticket){.value = NO_CELL, .next_free = i + 1 < capacity ? i + 1 : capacity};
        /* the free list, empty as a rule, ends at the old capacity: just where the new places begin */
        old = table.places;
        table.places = places;
        table.capacity = capacity;
        places = old;
    }
    ref_mutex_unlock(&table.lock);
    free(places);
    return 0;
}

/* Tickets past their deadline, one a call: its value, or NO_CELL. */
static cell
take_expired(double time)
{
    cell value = NO_CELL;
    ref_mutex_lock(&table.lock);
    for (uint32_t i = 0; i < table.capacity && value == NO_CELL; i++) {
        ticket *t = &table.places[i];
        if (t->value != NO_CELL && t->deadline != 0 && t->deadline < time)
            value = table_remove(t);
    }
    ref_mutex_unlock(&table.lock);
    return value;
}

/* A new ticket, which steals `value` on success: 0, or -1 (reported). */
static int
ticket_issue(cell value, uint32_t uses, double deadline, uint64_t *number)
{
    for (;;) {
        ref_mutex_lock(&table.lock);
        uint32_t place = table.free, capacity = table.capacity;
        if (place < capacity) {
            ticket *t = &table.places[place];
            table.free = t->next_free;
            *t = (ticket){.value = value, .generation = t->generation + 1, .uses = uses, .deadline = deadline};
            *number = ticket_number(place);
        }
        ref_mutex_unlock(&table.lock);
        if (place < capacity)
            return 0;
        bool freed = false;
        for (cell expired; (expired = take_expired(now())) != NO_CELL; freed = true)
            cell_release(expired);
        if (!freed && grow(capacity) < 0)
            return -1;
    }
}

/* One redemption: a new reference in *value; false: the ticket is gone. */
static bool
ticket_redeem(uint64_t number, cell *value)
{
    double time = now();
    cell expired = NO_CELL;
    bool found = false;
    ref_mutex_lock(&table.lock);
    ticket *t = table_find(number);
    if (t != NULL && t->deadline != 0 && t->deadline < time)
        expired = table_remove(t);
    else if (t != NULL) {
        found = true;
        *value = t->value;
        if (--t->uses == 0)
            table_remove(t);
        else
            cell_retain(*value);
    }
    ref_mutex_unlock(&table.lock);
    if (expired != NO_CELL)
        cell_release(expired);
    return found;
}

/* false: it was gone already. */
static bool
ticket_revoke(uint64_t number)
{
    ref_mutex_lock(&table.lock);
    ticket *t = table_find(number);
    cell value = t != NULL ? table_remove(t) : NO_CELL;
    ref_mutex_unlock(&table.lock);
    if (value != NO_CELL)
        cell_release(value);
    return value != NO_CELL;
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

/* A handle of `object`; the arguments are those of Handle() behind it. */
static PyObject *
handle_issue(PyTypeObject *type, PyObject *object, Py_ssize_t uses, PyObject *timeout)
{
    if (uses < 1 || uses > UINT32_MAX)
        return PyErr_Format(PyExc_ValueError, "uses must be from 1 to %u, not %zd", UINT32_MAX, uses);
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
        not_shareable(object, "has no handle: only shared containers, Blob and SharedRef have; share() makes a container");
        return NULL;
    }
    uint64_t number = 0;
    if (ticket_issue(value, (uint32_t)uses, seconds > 0 ? now() + seconds : 0, &number) < 0) {
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
    PyObject *object, *timeout = Py_None;
    Py_ssize_t uses = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$nO:Handle", names, &object, &uses, &timeout))
        return NULL;
    return handle_issue(type, object, uses, timeout);
}

PyObject *
shared_handle(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"uses", "timeout", NULL};
    PyObject *timeout = Py_None;
    Py_ssize_t uses = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$nO:handle", names, &uses, &timeout))
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
        return PyErr_Format(PyExc_LookupError, "%R is spent: it was redeemed as often as it allowed, expired, was revoked, "
                                               "or its sender dropped it; Handle(obj, uses=n) allows more", self);
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
        return PyErr_Format(PyExc_ValueError, "this handle belongs to process %ld and this is process %ld: pickle the "
                                              "object itself, which goes by value", process, PROCESS_ID());
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

PyDoc_STRVAR(handle_doc, "Handle(obj, /, *, uses=1, timeout=None)\n--\n\n"
                         "A ticket for a shared object, for every channel that carries bytes within this process.");

static PyMethodDef handle_methods[] = {
    {"redeem", handle_redeem, METH_NOARGS, "redeem($self, /)\n--\n\nThe shared object, in this interpreter."},
    {"revoke", handle_revoke, METH_NOARGS, "revoke($self, /)\n--\n\nEnd the ticket; False if it had ended."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {"__reduce__", handle_reduce, METH_NOARGS, NULL},
    {"_open", handle_open, METH_VARARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot handle_slots[] = {
    {Py_tp_doc, (void *)handle_doc},
    {Py_tp_new, (void *)handle_tp_new},
    {Py_tp_dealloc, (void *)handle_dealloc},
    {Py_tp_repr, (void *)handle_repr},
    {Py_tp_methods, handle_methods},
    {0, NULL},
};

PyType_Spec frozen_handle_spec = {"frozen.Handle", sizeof(HandleObject), 0, FROZEN_TYPE_FLAGS, handle_slots};

int
handles_setup(void)
{
    return fork_guard(&table.lock, 1);
}
