/* Watch: calls a function with (old, new) when a reference has changed.
 *
 * Of an AtomicRef the publishing thread calls, after it has released every lock; of a SharedRef a thread of the interpreter
 * that watches (shared_watch.c).  One thread at a time delivers a watch: who
 * comes while another delivers leaves a note (PENDING) and goes, and the one delivering looks once more.  Changes that
 * pile up meanwhile are delivered as one, from the last value delivered to the newest.
 *
 * `last` and `last_version` belong to the thread that turned IDLE into PENDING; the exchange that did, and the one that
 * turned it back, order its accesses after those of the thread before. */

#include "ref/atomic_ref.h"
#include "ref/watch.h"

typedef enum { WATCH_IDLE, WATCH_DELIVERING, WATCH_PENDING } watch_state;

/* Calls back if there is something newer than what was delivered last. */
static void
watch_deliver_newest(WatchObject *self)
{
    uint64_t version;
    if (slot_version(&self->target.pub->slot) <= self->last_version)
        return;
    PyObject *value = reference_read(&self->target, &version);
    if (value == NULL) {
        PyErr_WriteUnraisable(self->callback);
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
        PyErr_WriteUnraisable(self->callback);
    Py_XDECREF(result);
    Py_DECREF(old);
}

void
watch_deliver(WatchObject *self)
{
    if (atomic_exchange(&self->state, WATCH_PENDING) != WATCH_IDLE)
        return;
    int delivering;
    do {
        atomic_store(&self->state, WATCH_DELIVERING);
        watch_deliver_newest(self);
        delivering = WATCH_DELIVERING;
    } while (!atomic_compare_exchange_strong(&self->state, &delivering, WATCH_IDLE));
}

/* The watches as they are now (new reference), or NULL. */
static PyObject *
ref_watches(AtomicRefObject *self)
{
    ref_mutex_lock(self->pub.slot.lock);
    PyObject *watches = Py_XNewRef(self->watches);
    ref_mutex_unlock(self->pub.slot.lock);
    return watches;
}

void
ref_deliver(AtomicRefObject *self)
{
    PyObject *watches = ref_watches(self);
    if (watches == NULL)
        return;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(watches); i++)
        watch_deliver((WatchObject *)PyTuple_GET_ITEM(watches, i));
    Py_DECREF(watches);
}

/* `watches` (NULL for none) with one more, or without one of them: a new tuple. */
static PyObject *
watches_with(PyObject *watches, PyObject *added)
{
    Py_ssize_t count = watches ? PyTuple_GET_SIZE(watches) : 0;
    PyObject *result = PyTuple_New(count + 1);
    for (Py_ssize_t i = 0; result != NULL && i < count; i++)
        PyTuple_SET_ITEM(result, i, Py_NewRef(PyTuple_GET_ITEM(watches, i)));
    if (result != NULL)
        PyTuple_SET_ITEM(result, count, Py_NewRef(added));
    return result;
}

static PyObject *
watches_without(PyObject *watches, PyObject *removed)
{
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < PyTuple_GET_SIZE(watches); i++) {
        PyObject *watch = PyTuple_GET_ITEM(watches, i);
        if (watch != removed && PyList_Append(list, watch) < 0)
            Py_CLEAR(list);
    }
    PyObject *result = list != NULL ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return result;
}

/* Puts `changed` (stolen) in the place of `watches` (stolen) unless another thread was faster. */
static bool
ref_replace_watches(AtomicRefObject *self, PyObject *watches, PyObject *changed)
{
    ref_mutex_lock(self->pub.slot.lock);
    bool replaced = self->watches == watches;
    if (replaced)
        self->watches = changed;
    ref_mutex_unlock(self->pub.slot.lock);
    Py_XDECREF(watches);
    Py_XDECREF(replaced ? watches : changed);
    return replaced;
}

PyObject *
watch_new(module_state *state, PyObject *op, PyObject *callback)
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
    self->last = reference_read(&self->target, &self->last_version);
    if (self->last == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

PyObject *
ref_watch(PyObject *op, PyObject *callback)
{
    AtomicRefObject *ref = (AtomicRefObject *)op;
    module_state *state = module_state_of(op);
    PyObject *self = state != NULL ? watch_new(state, op, callback) : NULL;
    if (self == NULL)
        return NULL;
    PyObject *watches, *changed;
    do {
        watches = ref_watches(ref);
        changed = watches_with(watches, self);
        if (changed == NULL) {
            Py_XDECREF(watches);
            Py_DECREF(self);
            return NULL;
        }
    } while (!ref_replace_watches(ref, watches, changed));
    atomic_fetch_add_explicit(&ref->pub.waiters.count, 1, memory_order_seq_cst);
    watch_deliver((WatchObject *)self); /* what was published before the line above may have found no watch */
    return self;
}

/* 0, or -1 (reported). */
static int
atomic_ref_unwatch(AtomicRefObject *ref, PyObject *watch)
{
    PyObject *watches, *changed;
    do {
        watches = ref_watches(ref);
        if (watches == NULL) /* the collector cleared the reference */
            return 0;
        changed = watches_without(watches, watch);
        if (changed == NULL) {
            Py_DECREF(watches);
            return -1;
        }
    } while (!ref_replace_watches(ref, watches, changed));
    atomic_fetch_sub_explicit(&ref->pub.waiters.count, 1, memory_order_seq_cst);
    return 0;
}

PyDoc_STRVAR(watch_close_doc,
"close($self, /)\n--\n\n"
"Ends the watch: no call begins after this one, though one already under way in another thread ends later.");

static PyObject *
watch_close(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    WatchObject *self = (WatchObject *)op;
    if (atomic_exchange(&self->closed, true))
        Py_RETURN_NONE;
    bool shared = self->bell != NULL;
    if ((shared ? shared_watch_close(self) : atomic_ref_unwatch((AtomicRefObject *)self->target.object, op)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(watch_deliver_doc,
"_deliver($self, /)\n--\n\n"
"Calls back if there is something newer than what was delivered last.");

static PyObject *
watch_deliver_method(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    watch_deliver((WatchObject *)op);
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
    Py_VISIT(self->bell);
    Py_VISIT(self->callback);
    Py_VISIT(self->last);
    return 0;
}

/* No tp_clear: cycles through a watch are broken at its reference, which drops the tuple of watches. */
static void
watch_tp_dealloc(PyObject *op)
{
    WatchObject *self = (WatchObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    shared_watch_forget(self);
    Py_XDECREF(self->bell);
    Py_XDECREF(self->target.object);
    Py_XDECREF(self->callback);
    Py_XDECREF(self->last);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMethodDef watch_methods[] = {
    {"close", watch_close, METH_NOARGS, watch_close_doc},
    {"_listen", watch_listen, METH_O, "_listen($self, bell, /)\n--\n\nHas each publication ring the bell."},
    {"_deliver", watch_deliver_method, METH_NOARGS, watch_deliver_doc},
    {"__enter__", watch_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))watch_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(watch_doc,
"What watch() returns: close() it, or leave its `with` block, to be called no more.");

static PyType_Slot watch_slots[] = {
    {Py_tp_doc, (void *)watch_doc},
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
