/* The watches of a SharedRef: telling an interpreter of what others publish.
 *
 * A publisher may run in any interpreter, a callback only in the one that watches.  So a watch has a listener in the
 * variable's list of waiters, and a publication makes it due; the threads of the watching interpreter deliver it
 * (dispatcher.h).  An open watch is owned by the dispatcher: it goes on, with its reference, until it is closed or the
 * interpreter ends. */

#include "ref/dispatcher.h"
#include "ref/shared_watch.h"

static bool
shared_watch_open(module_state *state, WatchObject *watch)
{
    listener *self = PyMem_RawCalloc(1, sizeof(listener));
    if (self == NULL) {
        PyErr_NoMemory();
        return false;
    }
    self->watch = watch;
    self->dispatcher = state->dispatcher;
    atomic_fetch_add_explicit(&self->dispatcher->references, 1, memory_order_relaxed);
    watch->listener = self;
    return dispatcher_open(self);
}

void
shared_watch_close(WatchObject *watch)
{
    if (watch->listener != NULL) /* NULL: the collector has shown it before it was opened */
        dispatcher_close(watch->listener);
}

void
shared_watch_free(WatchObject *watch)
{
    if (watch->listener == NULL)
        return;
    dispatcher_release(watch->listener->dispatcher);
    PyMem_RawFree(watch->listener);
}

/* What runs callbacks has to be importable before the first of them is due. */
static bool
has_watching(void)
{
    PyObject *function = imported("frozen._watching", "thread_begins");
    Py_XDECREF(function);
    return function != NULL;
}

static PyObject *
shared_ref_watch_as(PyObject *op, PyObject *callback, bool is_signal)
{
    module_state *state = module_state_of(op);
    if (state == NULL || !has_watching())
        return NULL;
    PyObject *self = watch_new(state, op, callback, is_signal);
    if (self != NULL && !shared_watch_open(state, (WatchObject *)self))
        Py_CLEAR(self);
    return self;
}

PyObject *
shared_ref_watch(PyObject *op, PyObject *callback)
{
    return shared_ref_watch_as(op, callback, false);
}

PyObject *
shared_ref_signal(PyObject *op, PyObject *callback)
{
    return shared_ref_watch_as(op, callback, true);
}
