/* SharedRef.watch(): telling an interpreter of what others publish.
 *
 * A publisher may run in any interpreter, a callback only in the one that watches.  So a publication rings a bell, in
 * plain memory, and a thread of the watching interpreter, one for all its watches, sleeps on that bell and calls back
 * (frozen/watching.py).
 *
 * A watch's waiter is in the variable's list of waiters from _listen() until it is closed or freed, and as long as it is,
 * the watch keeps the bell and the variable alive. */

#include "ref/shared_watch.h"
#include "ref/watch.h"

typedef struct {
    PyObject_HEAD
    bell bell;
} BellObject;

/* ---- watches ---- */

void
shared_watch_forget(WatchObject *self)
{
    waiter *ear = self->ear;
    self->ear = NULL;
    if (ear == NULL)
        return;
    waiters_remove(&self->target.pub->waiters, ear);
    PyMem_RawFree(ear);
}

/* Calls frozen.watching.<name>(watch): 0, or -1 (reported). */
static int
call_watching(const char *name, PyObject *watch)
{
    PyObject *function = imported("frozen.watching", name);
    PyObject *result = function != NULL ? PyObject_CallOneArg(function, watch) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

int
shared_watch_close(WatchObject *self)
{
    OBJECT_LOCK((PyObject *)self);
    shared_watch_forget(self);
    OBJECT_UNLOCK();
    return call_watching("close", (PyObject *)self);
}

/* For frozen.watching, which keeps calls of one watch apart: from here on publications ring `op`, a bell. */
PyObject *
watch_listen(PyObject *op, PyObject *bell_object)
{
    WatchObject *self = (WatchObject *)op;
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    if (!Py_IS_TYPE(bell_object, state->bell)) {
        PyErr_SetString(PyExc_TypeError, "_listen() needs a bell");
        return NULL;
    }
    waiter *ear = PyMem_RawCalloc(1, sizeof(waiter));
    if (ear == NULL)
        return PyErr_NoMemory();
    ear->version = self->last_version;
    ear->bell = &((BellObject *)bell_object)->bell;
    OBJECT_LOCK(op);
    shared_watch_forget(self); /* the child of a fork listens to a new bell */
    Py_XSETREF(self->bell, Py_NewRef(bell_object));
    self->ear = ear;
    waiters_add(&self->target.pub->waiters, ear);
    OBJECT_UNLOCK();
    Py_RETURN_NONE;
}

PyObject *
shared_ref_watch(PyObject *op, PyObject *callback)
{
    module_state *state = module_state_of(op);
    PyObject *self = state != NULL ? watch_new(state, op, callback) : NULL;
    if (self != NULL && call_watching("open", self) < 0)
        Py_CLEAR(self);
    return self;
}

/* ---- the bell as an object ---- */

static PyObject *
bell_tp_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    BellObject *self = (BellObject *)type->tp_alloc(type, 0);
    if (self != NULL && !parker_init(&self->bell.parker)) {
        Py_CLEAR(self);
        PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void
bell_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    if (((BellObject *)op)->bell.parker.lock != NULL)
        parker_free(&((BellObject *)op)->bell.parker);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
bell_ring_method(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    bell_ring(&((BellObject *)op)->bell);
    Py_RETURN_NONE;
}

/* One thread waits for a bell. */
static PyObject *
bell_wait_method(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    bell *self = &((BellObject *)op)->bell;
    if (parker_park(&self->parker, PARK_FOREVER) == PARK_ERROR)
        return NULL;
    bell_noticed(self);
    Py_RETURN_NONE;
}

static PyMethodDef bell_methods[] = {
    {"ring", bell_ring_method, METH_NOARGS, "ring($self, /)\n--\n\nWakes the thread that waits, or will wait next."},
    {"wait", bell_wait_method, METH_NOARGS, "wait($self, /)\n--\n\nSleeps until the bell is rung."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot bell_slots[] = {
    {Py_tp_new, bell_tp_new},
    {Py_tp_dealloc, bell_tp_dealloc},
    {Py_tp_methods, bell_methods},
    {0, NULL},
};

PyType_Spec frozen_bell_spec = {
    .name = "frozen._core._Bell",
    .basicsize = sizeof(BellObject),
    .flags = FROZEN_TYPE_FLAGS,
    .slots = bell_slots,
};
