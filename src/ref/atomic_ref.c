/* AtomicRef: a variable that all threads of an interpreter read and replace atomically.
 *
 * Publication is slot.h's, waiting waiters.h's, retrying group.c's; here stands the Python type.  No lock is held while
 * a reference is dropped, memory is allocated or Python code runs: old values die after unlocking. */

#include "ref/group.h"
#include "types/arguments.h"

#if REF_THREAD_HEADERS

static _Atomic(uint64_t) next_reference_id = 1;

/* Takes the headers of older versions from the threads that keep them. */
static void
ref_revoke(AtomicRefObject *self)
{
    if (atomic_load(&self->cached) && atomic_exchange(&self->cached, false))
        reader_revoke(self->readers, self->id);
}

/* As ref_read; when the value is a container, this thread keeps a header of it for the next time. */
static PyObject *
ref_get_first(AtomicRefObject *self, uint64_t *version)
{
    uint64_t current;
    ref_mutex_lock(&self->slot.lock);
    PyObject *value = ref_value_locked(self);
    bool is_container = atomic_load_explicit(&self->slot.root, memory_order_relaxed) != self->slot.value;
    current = slot_version(&self->slot);
    ref_mutex_unlock(&self->slot.lock);
    if (version != NULL)
        *version = current;
    module_state *state = is_container ? module_state_of((PyObject *)self) : NULL;
    if (state == NULL) {
        if (is_container)
            PyErr_Clear(); /* the module is being torn down */
        return value;
    }
    PyObject *old = NULL, *header = NULL;
    reader_slot *slot = reader_claim(self->readers, state->reader_cache, self->id, &old);
    if (slot != NULL && (header = container_again(value)) == NULL)
        PyErr_Clear();
    if (header != NULL) {
        if (!object_is_mine((PyObject *)self))
            object_defer_counting((PyObject *)self); /* read by more threads than the one that made it */
        Py_SETREF(value, header);
        reader_fill(slot, header, current);
        atomic_store(&self->cached, true);
        if (atomic_load(&self->slot.version) != current)
            Py_XDECREF(reader_withdraw(slot));
    }
    Py_XDECREF(old);
    return value;
}

#endif

/* The current value (new reference) and, unless `version` is NULL, its version. */
static inline PyObject *
ref_get_value(AtomicRefObject *self, uint64_t *version)
{
#if REF_THREAD_HEADERS
    PyObject *header = reader_get(self->id, &self->slot, version);
    return LIKELY(header != NULL) ? header : ref_get_first(self, version);
#else
    return ref_read(self, version);
#endif
}

void
ref_published(AtomicRefObject *self, PyObject *old)
{
#if REF_THREAD_HEADERS
    ref_revoke(self);
#endif
    if (waiters_any(&self->waiters)) {
        waiters_wake(&self->waiters, slot_version(&self->slot));
        ref_deliver(self);
    }
    Py_XDECREF(old);
}

/* Publishes `value` (borrowed) unconditionally and returns what it replaced (new reference, or NULL once cleared). */
static PyObject *
ref_exchange(AtomicRefObject *self, module_state *state, PyObject *value)
{
    const void *root = version_root(state, value);
    Py_INCREF(value);
    ref_mutex_lock(&self->slot.lock);
    PyObject *old = slot_publish(&self->slot, value, root);
    ref_mutex_unlock(&self->slot.lock);
    return old;
}

static const uint64_t ANY_VERSION = UINT64_MAX;

/* Publishes `value` (borrowed) if the current value is `expected` and its version is `version`. */
static bool
ref_compare_and_set(AtomicRefObject *self, module_state *state, PyObject *expected, PyObject *value, uint64_t version)
{
    /* The caller holds `expected`, and with it its root: an address that is equal is the same version, not a new
     * object at an old place.  So what must fail fails here, for two loads. */
    if (!slot_may_hold(&self->slot, version_root(state, expected)))
        return false;
    const void *root = version_root(state, value);
    PyObject *replaced = Py_NewRef(value);
    ref_mutex_lock(&self->slot.lock);
    bool published = self->slot.value != NULL && container_same(state, self->slot.value, expected)
        && (version == ANY_VERSION || version == slot_version(&self->slot));
    if (published)
        replaced = slot_publish(&self->slot, value, root);
    ref_mutex_unlock(&self->slot.lock);
    if (published)
        ref_published(self, replaced);
    else
        Py_DECREF(replaced);
    return published;
}

PyDoc_STRVAR(ref_get_doc,
"get($self, /)\n--\n\n"
"The value published last. O(1).");

static PyObject *
ref_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ref_get_value((AtomicRefObject *)op, NULL);
}

PyDoc_STRVAR(ref_lookup_doc,
"lookup($self, /, key, default=None)\n--\n\n"
"ref.get()[key], or `default` where there is no such item: one call in place of two.");

static PyObject *
ref_lookup(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *key, *fallback = Py_None;
    if (!parse_key_default("lookup", args, nargs, kwnames, &key, &fallback))
        return NULL;
    PyObject *value = ref_get_value((AtomicRefObject *)op, NULL);
    PyObject *item = container_lookup(value, key, fallback);
    Py_DECREF(value);
    return item;
}

PyDoc_STRVAR(ref_set_doc,
"set($self, value, /)\n--\n\n"
"Publishes `value`, whatever is there. O(1).");

static PyObject *
ref_set(PyObject *op, PyObject *value)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    module_state *state = module_state_of(op);
    if (state == NULL || !updating_permits(&self->slot, "set"))
        return NULL;
    ref_published(self, ref_exchange(self, state, value));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(ref_exchange_doc,
"exchange($self, value, /)\n--\n\n"
"Publishes `value` and returns the value it replaced. O(1).");

static PyObject *
ref_exchange_method(PyObject *op, PyObject *value)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    module_state *state = module_state_of(op);
    if (state == NULL || !updating_permits(&self->slot, "exchange"))
        return NULL;
    PyObject *old = ref_exchange(self, state, value);
    ref_published(self, NULL);
    return old != NULL ? old : Py_NewRef(Py_None);
}

PyDoc_STRVAR(ref_compare_and_set_doc,
"compare_and_set($self, expected, value, /, *, version=None)\n--\n\n"
"Publishes `value` if the current value is `expected`; says whether it did. O(1).\n\n"
"Map, Set and Vector are compared by the version they stand for, in O(1) and without calling `__eq__`; every other\n"
"object, instances of their subclasses included, by identity. With `version`, the number of the current version must\n"
"be that one too, so that a value that went and came back does not pass for one that stayed.");

/* The one keyword argument `version`, if it was given; false with an exception set. */
static bool
parse_version_keyword(PyObject *const *values, PyObject *kwnames, uint64_t *version)
{
    *version = ANY_VERSION;
    Py_ssize_t count = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    if (count == 0)
        return true;
    PyObject *name = PyTuple_GET_ITEM(kwnames, 0);
    if (count > 1 || PyUnicode_CompareWithASCIIString(name, "version") != 0) {
        PyErr_Format(PyExc_TypeError, "compare_and_set() got an unexpected keyword argument, not 'version': %R",
                     count > 1 ? kwnames : name);
        return false;
    }
    if (values[0] != Py_None)
        *version = PyLong_AsUnsignedLongLong(values[0]);
    return !PyErr_Occurred();
}

static PyObject *
ref_compare_and_set_method(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    uint64_t version;
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "compare_and_set() takes the expected and the new value (%zd given)", nargs);
        return NULL;
    }
    module_state *state = module_state_of(op);
    if (state == NULL || !parse_version_keyword(args + nargs, kwnames, &version)
            || !updating_permits(&self->slot, "compare_and_set"))
        return NULL;
    return PyBool_FromLong(ref_compare_and_set(self, state, args[0], args[1], version));
}

PyDoc_STRVAR(ref_update_doc,
"update($self, fn, /, *args, **kwargs)\n--\n\n"
"Replaces the value by `fn(value, *args, **kwargs)` and returns the new value.\n\n"
"`fn` runs without any lock and is called again when another thread published meanwhile, so it should have no side\n"
"effects. What it raises is raised here, and the reference stays as it was; RuntimeError if it publishes to this very\n"
"reference itself. After some lost tries an update takes its turn and later ones wait for it, so `fn` should not wait\n"
"for a thread that updates this reference. Method: optimistic retry with exponential back-off, as Clojure's swap!,\n"
"then a first-come, first-served queue.");

static PyObject *
ref_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    ref_group group = {.count = 1, .refs = {self}, .sorted = {&self->slot}};
    return group_update(&group, state, args, nargs, kwnames);
}

PyDoc_STRVAR(ref_get_versioned_doc,
"get_versioned($self, /)\n--\n\n"
"The pair (value, version) as they were at one moment. O(1).");

static PyObject *
ref_get_versioned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t version;
    PyObject *value = ref_get_value((AtomicRefObject *)op, &version);
    PyObject *pair = Py_BuildValue("(OK)", value, (unsigned long long)version);
    Py_DECREF(value);
    return pair;
}

PyDoc_STRVAR(ref_wait_doc,
"wait($self, /, version, timeout=None)\n--\n\n"
"Waits until a version newer than `version` is current; at most `timeout` seconds if given. Says whether one is.\n\n"
"The thread sleeps and is woken by the publication; there is no polling. A signal ends the wait if its handler raises.");

static PyObject *
ref_wait(PyObject *op, PyObject *args, PyObject *kwargs)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    static char *names[] = {"version", "timeout", NULL};
    PyObject *number, *timeout = NULL;
    long long microseconds;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|O:wait", names, &PyLong_Type, &number, &timeout)
            || !parse_timeout(timeout, &microseconds))
        return NULL;
    uint64_t version = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred())
        return NULL;
    park_result result = slot_wait(&self->slot, &self->waiters, version, microseconds);
    return result != PARK_ERROR ? PyBool_FromLong(result == PARK_WOKEN) : NULL;
}

PyDoc_STRVAR(ref_watch_doc,
"watch($self, callback, /)\n--\n\n"
"Calls `callback(old, new)` after each change, until the Watch that is returned is closed.\n\n"
"The publishing thread calls it, without any lock, before its call returns; one thread at a time. Changes that come\n"
"while the callback runs are delivered as one, by the thread that runs it: each `old` is the `new` of the call\n"
"before. What it raises goes to sys.unraisablehook.");

/* Calls a function of frozen.aio, where what needs an event loop is written, with self at the head of the arguments. */
static PyObject *
call_aio(const char *name, PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyObject *aio = PyImport_ImportModule("frozen.aio");
    PyObject *function = aio != NULL ? PyObject_GetAttrString(aio, name) : NULL;
    PyObject *bound = function != NULL ? PyMethod_New(function, op) : NULL;
    PyObject *result = bound != NULL ? PyObject_Call(bound, args, kwargs) : NULL;
    Py_XDECREF(bound);
    Py_XDECREF(function);
    Py_XDECREF(aio);
    return result;
}

PyDoc_STRVAR(ref_changed_doc,
"changed($self, /, since=None)\n--\n\n"
"Awaits a version newer than `since` (by default: than the current one); gives the pair (value, version).");

static PyObject *
ref_changed(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_aio("changed", op, args, kwargs);
}

PyDoc_STRVAR(ref_changes_doc,
"changes($self, /, since=None)\n--\n\n"
"An asynchronous iterator over the values published after version `since` (by default: after the current one).\n\n"
"Values that are replaced before the loop comes round are skipped; the newest one is never missed.");

static PyObject *
ref_changes(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_aio("changes", op, args, kwargs);
}

PyDoc_STRVAR(ref_snapshot_doc,
"snapshot($type, /, *refs)\n--\n\n"
"The tuple of the values that were current in all `refs` at one moment. O(number of references).");

static PyObject *
ref_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(slot_version(&((AtomicRefObject *)op)->slot));
}

static PyObject *
ref_tp_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    AtomicRefObject *self = (AtomicRefObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    slot_init(&self->slot, Py_NewRef(Py_None), Py_None);
    turns_init(&self->writers);
#if REF_THREAD_HEADERS
    module_state *state = module_state_of((PyObject *)self);
    if (state == NULL || state->readers == NULL) {
        Py_CLEAR(self);
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_RuntimeError, "frozen is being torn down: no new references");
    }
    else {
        self->id = atomic_fetch_add_explicit(&next_reference_id, 1, memory_order_relaxed);
        self->readers = Py_NewRef(state->readers);
    }
#endif
    return (PyObject *)self;
}

/* The first call stores the initial value as version 0; a later one publishes as set() does. */
static int
ref_tp_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    static char *names[] = {"initial", NULL};
    PyObject *initial = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:AtomicRef", names, &initial))
        return -1;
    module_state *state = module_state_of(op);
    if (state == NULL || !updating_permits(&self->slot, "__init__"))
        return -1;
    const void *root = version_root(state, initial);
    Py_INCREF(initial);
    ref_mutex_lock(&self->slot.lock);
    PyObject *old = self->initialised ? slot_publish(&self->slot, initial, root)
                                      : slot_replace(&self->slot, initial, root);
    self->initialised = true;
    ref_mutex_unlock(&self->slot.lock);
    ref_published(self, old);
    return 0;
}

static int
ref_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)self->slot.value);
    Py_VISIT(self->watches);
#if REF_THREAD_HEADERS
    if (self->readers != NULL)
        return reader_traverse(self->readers, self->id, visit, arg);
#endif
    return 0;
}

/* Threads may still reach the reference when the collector clears it (through a weak reference's callback): the value
 * leaves under the lock, and later readers find None. */
static int
ref_tp_clear(PyObject *op)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    ref_mutex_lock(&self->slot.lock);
    PyObject *old = slot_publish(&self->slot, NULL, NULL);
    PyObject *watches = self->watches;
    self->watches = NULL;
    ref_mutex_unlock(&self->slot.lock);
    Py_XDECREF(watches);
#if REF_THREAD_HEADERS
    if (self->readers != NULL)
        ref_revoke(self);
#endif
    Py_XDECREF(old);
    return 0;
}

static void
ref_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    if (((AtomicRefObject *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    ref_tp_clear(op);
#if REF_THREAD_HEADERS
    Py_XDECREF(((AtomicRefObject *)op)->readers);
#endif
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
ref_tp_repr(PyObject *op)
{
    const char *dot = strrchr(Py_TYPE(op)->tp_name, '.');
    const char *name = dot ? dot + 1 : Py_TYPE(op)->tp_name;
    int entered = Py_ReprEnter(op);
    if (entered != 0)
        return entered < 0 ? NULL : PyUnicode_FromFormat("%s(...)", name);
    PyObject *value = ref_read((AtomicRefObject *)op, NULL);
    PyObject *text = PyUnicode_FromFormat("%s(%R)", name, value);
    Py_DECREF(value);
    Py_ReprLeave(op);
    return text;
}

static PyMethodDef ref_methods[] = {
    {"get", ref_get, METH_NOARGS, ref_get_doc},
    {"lookup", FASTCALL(ref_lookup), METH_FASTCALL | METH_KEYWORDS, ref_lookup_doc},
    {"get_versioned", ref_get_versioned, METH_NOARGS, ref_get_versioned_doc},
    {"set", ref_set, METH_O, ref_set_doc},
    {"exchange", ref_exchange_method, METH_O, ref_exchange_doc},
    {"compare_and_set", FASTCALL(ref_compare_and_set_method), METH_FASTCALL | METH_KEYWORDS, ref_compare_and_set_doc},
    {"update", FASTCALL(ref_update), METH_FASTCALL | METH_KEYWORDS, ref_update_doc},
    {"wait", FASTCALL(ref_wait), METH_VARARGS | METH_KEYWORDS, ref_wait_doc},
    {"watch", ref_watch, METH_O, ref_watch_doc},
    {"changed", FASTCALL(ref_changed), METH_VARARGS | METH_KEYWORDS, ref_changed_doc},
    {"changes", FASTCALL(ref_changes), METH_VARARGS | METH_KEYWORDS, ref_changes_doc},
    {"snapshot", FASTCALL(ref_snapshot), METH_FASTCALL | METH_CLASS, ref_snapshot_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "AtomicRef[T]: a reference to values of type T."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef ref_getset[] = {
    {"version", ref_version, NULL, "How often a value was published: 0 for the initial value, one more each time.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef ref_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(AtomicRefObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(ref_doc,
"AtomicRef(initial=None)\n--\n\n"
"A variable whose value all threads read and replace atomically.\n\n"
"Publish immutable values: a reader that has got one keeps a whole, unchanging version however many follow.");

static PyType_Slot ref_slots[] = {
    {Py_tp_doc, (void *)ref_doc},
    {Py_tp_new, ref_tp_new},
    {Py_tp_init, ref_tp_init},
    {Py_tp_traverse, ref_tp_traverse},
    {Py_tp_clear, ref_tp_clear},
    {Py_tp_dealloc, ref_tp_dealloc},
    {Py_tp_repr, ref_tp_repr},
    {Py_tp_methods, ref_methods},
    {Py_tp_getset, ref_getset},
    {Py_tp_members, ref_members},
    {0, NULL},
};

PyType_Spec frozen_atomic_ref_spec = {
    .name = "frozen.AtomicRef",
    .basicsize = sizeof(AtomicRefObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = ref_slots,
};
