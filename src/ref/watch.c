/* Watch: calls a function with (old, new) when a reference has changed.
 *
 * Of an AtomicRef the publishing thread calls, after it has released every lock (atomic_watch.c); of a SharedRef a
 * thread of the interpreter that watches (shared_watch.c).  One thread at a time delivers a watch.  A thread that comes
 * while another one delivers leaves a note and goes, and the one delivering looks once more.  Changes that pile up
 * meanwhile are delivered as one, from the last value delivered to the newest.
 *
 * `delivery` is IDLE, or names the thread that delivers by its number (platform/fork.h), with the note in the lowest
 * bit. In the child of a fork a thread that only the parent has does not keep others from delivering. `last` and
 * `last_version` belong to the thread that `delivery` names; the exchange that put it there, and the one that took it
 * away, order its accesses after those of the thread before. */

#include "docs.h"
#include "ref/watch.h"

enum { IDLE = 0, LOOK_AGAIN = 1 };

/* ---- delivering ---- */

/* A callback has failed. */
static void
report(WatchObject *self, PyObject **interrupt)
{
    if (*interrupt == NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        *interrupt = take_exception();
    else
        PyErr_WriteUnraisable(self->callback);
}

/* Calls callback(): there is a newer version. */
static void
watch_signal(WatchObject *self, uint64_t version, PyObject **interrupt)
{
    if (atomic_load(&self->closed))
        return;
    self->last_version = version;
    PyObject *result = PyObject_CallNoArgs(self->callback);
    if (result == NULL)
        report(self, interrupt);
    Py_XDECREF(result);
}

/* Calls back if there is something newer than what was delivered last. */
static void
watch_deliver_newest(WatchObject *self, PyObject **interrupt)
{
    uint64_t version = slot_version(&self->target->pub->slot);
    if (version <= self->last_version)
        return;
    if (self->is_signal) {
        watch_signal(self, version, interrupt);
        return;
    }
    PyObject *value = reference_read(self->target, &version);
    if (value == NULL) {
        report(self, interrupt);
        return;
    }
    if (version <= self->last_version || atomic_load(&self->closed)) {
        Py_DECREF(value);
        return;
    }
    PyObject *old = self->last;
    self->last = value;
    self->last_version = version;
    PyObject *result = PyObject_CallFunctionObjArgs(self->callback, old, value, NULL);
    if (result == NULL)
        report(self, interrupt);
    Py_XDECREF(result);
    Py_DECREF(old);
}

/* Makes the calling thread the one that delivers, or leaves the note to the one that does. */
static bool
watch_claim(WatchObject *self, uint64_t mine)
{
    uint64_t seen = atomic_load(&self->delivery);
    bool claimed;
    do {
        claimed = seen == IDLE || thread_vanished(seen >> 1);
    } while (!atomic_compare_exchange_weak(&self->delivery, &seen, claimed ? mine : seen | LOOK_AGAIN));
    return claimed;
}

void
watch_deliver(WatchObject *self, PyObject **interrupt)
{
    uint64_t mine = thread_number() << 1, seen;
    if (!watch_claim(self, mine))
        return;
    do {
        atomic_store(&self->delivery, mine);
        watch_deliver_newest(self, interrupt);
        seen = mine;
    } while (!atomic_compare_exchange_strong(&self->delivery, &seen, IDLE));
}

/* ---- the object ---- */

PyObject *
watch_new(module_state *state, PyObject *op, PyObject *callback, bool is_signal)
{
    if (!PyCallable_Check(callback)) {
        PyErr_Format(PyExc_TypeError, "watch() needs a function of the old and the new value, not %.200s",
                     Py_TYPE(callback)->tp_name);
        return NULL;
    }
    WatchObject *self = (WatchObject *)state->watch->tp_alloc(state->watch, 0);
    if (self == NULL)
        return NULL;
    self->target = (reference *)Py_NewRef(op);
    self->callback = Py_NewRef(callback);
    self->is_signal = is_signal;
    if (is_signal)
        self->last_version = slot_version(&self->target->pub->slot);
    else if ((self->last = reference_read(self->target, &self->last_version)) == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *
watch_close(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    WatchObject *self = (WatchObject *)op;
    if (atomic_exchange(&self->closed, true))
        Py_RETURN_NONE;
    self->target->kind->unwatch(self);
    Py_RETURN_NONE;
}

static PyObject *
watch_enter(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(op);
}

static PyObject *
watch_exit(PyObject *op, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    return watch_close(op, NULL);
}

static int
watch_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    WatchObject *self = (WatchObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->target);
    Py_VISIT(self->callback);
    Py_VISIT(self->last);
    return 0;
}

/* No tp_clear: cycles through a watch are broken at its reference, which forgets its watches. */
static void
watch_tp_dealloc(PyObject *op)
{
    WatchObject *self = (WatchObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, watch_tp_dealloc)
    if (self->target->kind->watch_freed != NULL)
        self->target->kind->watch_freed(self);
    Py_DECREF(self->target);
    Py_XDECREF(self->callback);
    Py_XDECREF(self->last);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef watch_methods[] = {
    {"close", watch_close, METH_NOARGS, DOC_Watch_close},
    {"__enter__", watch_enter, METH_NOARGS, DOC_Watch___enter__},
    {"__exit__", FASTCALL(watch_exit), METH_FASTCALL, DOC_Watch___exit__},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot watch_slots[] = {
    {Py_tp_doc, (void *)DOC_Watch_class},
    {Py_tp_traverse, watch_tp_traverse},
    {Py_tp_dealloc, watch_tp_dealloc},
    {Py_tp_methods, watch_methods},
    {0, NULL},
};

PyType_Spec frozen_watch_spec = {
    .name = "frozen.Watch",
    .basicsize = sizeof(WatchObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = watch_slots,
};
