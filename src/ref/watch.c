/* Watch: calls a function with (old, new) when a reference has changed.
 *
 * Of an AtomicRef the publishing thread calls, after it has released every lock; of a SharedRef a thread of the
 * interpreter that watches (shared_watch.c).  One thread at a time delivers a watch.  A thread that comes while another
 * one delivers leaves a note and goes, and the one delivering looks once more.  Changes that pile up meanwhile are
 * delivered as one, from the last value delivered to the newest.
 *
 * `delivery` is IDLE, or names the thread that delivers by its number (platform/fork.h), with the note in the lowest
 * bit. In the child of a fork a thread that only the parent has does not keep others from delivering. `last` and
 * `last_version` belong to the thread that `delivery` names; the exchange that put it there, and the one that took it
 * away, order its accesses after those of the thread before. */

#include "docs.h"
#include "ref/atomic_ref.h"
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
    uint64_t version = slot_version(&self->target.pub->slot);
    if (version <= self->last_version)
        return;
    if (self->is_signal) {
        watch_signal(self, version, interrupt);
        return;
    }
    PyObject *value = reference_read(&self->target, &version);
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

/* ---- the watches of an AtomicRef ---- */

static void
watches_add(AtomicRefObject *ref, WatchObject *watch)
{
    watch_list *list = &ref->watches;
    Py_INCREF(watch);
    ref_mutex_lock(ref->pub.waiters.lock);
    watch->number = list->opened++;
    watch->next = NULL;
    if (list->first == NULL)
        list->end = &list->first;
    watch->link = list->end;
    *list->end = watch;
    list->end = &watch->next;
    atomic_fetch_add_explicit(&ref->pub.waiters.count, 1, memory_order_seq_cst);
    ref_mutex_unlock(ref->pub.waiters.lock);
}

/* The caller holds the lock and gets the list's reference; false: it is not in the list (any more). */
static bool
watches_unlink(AtomicRefObject *ref, WatchObject *watch)
{
    if (watch->link == NULL)
        return false;
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    else
        ref->watches.end = watch->link;
    watch->link = NULL;
    atomic_fetch_sub_explicit(&ref->pub.waiters.count, 1, memory_order_seq_cst);
    return true;
}

static void
watches_remove(AtomicRefObject *ref, WatchObject *watch)
{
    ref_mutex_lock(ref->pub.waiters.lock);
    bool removed = watches_unlink(ref, watch);
    ref_mutex_unlock(ref->pub.waiters.lock);
    if (removed)
        Py_DECREF(watch);
}

void
ref_forget_watches(AtomicRefObject *self)
{
    WatchObject *watch;
    do {
        ref_mutex_lock(self->pub.waiters.lock);
        watch = self->watches.first;
        if (watch != NULL)
            watches_unlink(self, watch);
        ref_mutex_unlock(self->pub.waiters.lock);
        Py_XDECREF(watch);
    } while (watch != NULL);
}

int
ref_traverse_watches(AtomicRefObject *self, visitproc visit, void *arg)
{
    for (WatchObject *watch = self->watches.first; watch != NULL; watch = watch->next)
        Py_VISIT(watch);
    return 0;
}

/* Where to go on after the last of `count` watches, which were taken from the list in its order.  Each may have been
 * closed since; what follows one that is still in the list was opened later than those behind it. */
static WatchObject *
watches_after(AtomicRefObject *ref, WatchObject *const *taken, Py_ssize_t count)
{
    for (Py_ssize_t i = count - 1; i >= 0; i--) {
        if (taken[i]->link != NULL)
            return taken[i]->next;
    }
    WatchObject *watch = ref->watches.first;
    while (count > 0 && watch != NULL && watch->number <= taken[count - 1]->number)
        watch = watch->next;
    return watch;
}

/* Goes through the list some watches at a time, so that it needs no memory and the lock is held shortly. A watch that
 * is opened later than this call begins looks for itself (ref_watch). */
void
ref_deliver(AtomicRefObject *self, PyObject **interrupt)
{
    enum { AT_ONCE = 32 };
    WatchObject *taken[AT_ONCE], *done[AT_ONCE];
    Py_ssize_t count = 0, previous;
    uint64_t end = UINT64_MAX;
    do {
        previous = count;
        count = 0;
        memcpy(done, taken, (size_t)previous * sizeof(taken[0]));
        ref_mutex_lock(self->pub.waiters.lock);
        if (end == UINT64_MAX)
            end = self->watches.opened;
        WatchObject *watch = watches_after(self, done, previous);
        for (; watch != NULL && watch->number < end && count < AT_ONCE; watch = watch->next)
            taken[count++] = (WatchObject *)Py_NewRef(watch);
        ref_mutex_unlock(self->pub.waiters.lock);
        for (Py_ssize_t i = 0; i < previous; i++)
            Py_DECREF(done[i]);
        for (Py_ssize_t i = 0; i < count; i++)
            watch_deliver(taken[i], interrupt);
    } while (count > 0);
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
    reference_of(state, op, &self->target);
    Py_INCREF(op);
    self->callback = Py_NewRef(callback);
    self->is_signal = is_signal;
    if (is_signal)
        self->last_version = slot_version(&self->target.pub->slot);
    else if ((self->last = reference_read(&self->target, &self->last_version)) == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *
ref_watch_as(PyObject *op, PyObject *callback, bool is_signal)
{
    AtomicRefObject *ref = (AtomicRefObject *)op;
    module_state *state = module_state_of(op);
    WatchObject *self = (WatchObject *)(state != NULL ? watch_new(state, op, callback, is_signal) : NULL);
    if (self == NULL)
        return NULL;
    watches_add(ref, self);
    PyObject *interrupt = NULL;
    watch_deliver(self, &interrupt); /* what was published before the line above may have found no watch */
    if (interrupt != NULL) {
        watches_remove(ref, self);
        Py_CLEAR(self);
        restore_exception(interrupt);
    }
    return (PyObject *)self;
}

PyObject *
ref_watch(PyObject *op, PyObject *callback)
{
    return ref_watch_as(op, callback, false);
}

PyObject *
ref_signal(PyObject *op, PyObject *callback)
{
    return ref_watch_as(op, callback, true);
}

static PyObject *
watch_close(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    WatchObject *self = (WatchObject *)op;
    if (atomic_exchange(&self->closed, true))
        Py_RETURN_NONE;
    if (self->listener != NULL)
        shared_watch_close(self);
    else
        watches_remove((AtomicRefObject *)self->target.object, self);
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
    Py_VISIT(self->target.object);
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
    shared_watch_free(self);
    Py_XDECREF(self->target.object);
    Py_XDECREF(self->callback);
    Py_XDECREF(self->last);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef watch_methods[] = {
    {"close", watch_close, METH_NOARGS, DOC_Watch_close},
    {"__enter__", watch_enter, METH_NOARGS, DOC_Watch___enter__},
    {"__exit__", (PyCFunction)(void (*)(void))watch_exit, METH_FASTCALL, DOC_Watch___exit__},
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
