/* AtomicRef: a variable that all threads of an interpreter read and replace atomically.
 *
 * Publication is slot.h's, waiting waiters.h's, retrying group.c's; here is the Python type.  No lock is held while
 * a reference is dropped, memory is allocated or Python code runs: old values die after unlocking. */

#include "docs.h"
#include "ref/atomic_ref.h"
#include "ref/direct.h"
#include "ref/interrupt.h"
#include "ref/updating.h"
#include "bindings/common/arguments.h"

#if REF_THREAD_HEADERS

/* The current value, if that is None, True or False (borrowed: they are immortal); NULL: it is another one.
 *
 * Such a value is its own root, and no other value has its address. So an AtomicRef that is used as a flag is read
 * without the lock; a thread that sees it set also sees what was written before (slot.h). */
static PyObject *
atomic_ref_singleton(AtomicRefObject *self)
{
    const void *root = atomic_load_explicit(&self->pub.slot.root, memory_order_acquire);
    return root == Py_None || root == Py_True || root == Py_False ? (PyObject *)root : NULL;
}

/* As atomic_ref_read; when the value is a container, this thread keeps a header of it for the next time. */
static PyObject *
atomic_ref_read_first(AtomicRefObject *self, uint64_t *version)
{
    uint64_t current;
    PyObject *singleton = version == NULL ? atomic_ref_singleton(self) : NULL;
    if (singleton != NULL)
        return singleton;
    ref_mutex_lock(self->pub.slot.lock);
    PyObject *value = atomic_ref_value(self);
    bool is_container = atomic_load_explicit(&self->pub.slot.root, memory_order_relaxed) != self->pub.slot.value;
    current = slot_version(&self->pub.slot);
    ref_mutex_unlock(self->pub.slot.lock);
    if (version != NULL)
        *version = current;
    module_state *state = is_container ? module_state_of((PyObject *)self) : NULL;
    if (state == NULL) {
        if (is_container)
            PyErr_Clear(); /* the module is being torn down */
        return value;
    }
    PyObject *old = NULL, *header = NULL;
    reader_slot *slot = reader_claim(&self->readers, state->reader_cache, &old);
    if (slot != NULL && (header = container_new_header(value)) == NULL)
        PyErr_Clear();
    if (header != NULL) {
        if (!object_is_mine((PyObject *)self))
            object_defer_counting((PyObject *)self); /* read by more threads than the one that made it */
        Py_SETREF(value, header);
        reader_fill(&self->readers, slot, header, current, &self->pub.slot);
    }
    Py_XDECREF(old);
    return value;
}

#endif

/* The current value (new reference) and, unless `version` is NULL, its version. */
static inline PyObject *
atomic_ref_read_own(AtomicRefObject *self, uint64_t *version)
{
#if REF_THREAD_HEADERS
    reader_slot *slot = reader_find(&self->readers, &self->pub.slot);
    PyObject *header = slot != NULL ? reader_header(slot) : NULL;
    if (UNLIKELY(header == NULL))
        return atomic_ref_read_first(self, version);
    if (version != NULL)
        *version = slot->version;
    return header;
#else
    return atomic_ref_read(self, version);
#endif
}

bool
atomic_ref_published(AtomicRefObject *self, PyObject *old)
{
    PyObject *interrupt = NULL;
    updating_published(&self->pub.slot);
#if REF_THREAD_HEADERS
    reader_revoke(&self->readers);
#endif
    if (waiters_any(&self->pub.waiters)) {
        waiters_wake(&self->pub.waiters, slot_version(&self->pub.slot));
        atomic_watches_deliver(self, &interrupt);
    }
    Py_XDECREF(old);
    restore_exception(interrupt);
    return interrupt == NULL;
}

/* Publishes `value` (borrowed) unconditionally and returns what it replaced (new reference, or NULL once cleared). */
static PyObject *
atomic_ref_publish(AtomicRefObject *self, PyObject *value)
{
    const void *root = version_root(value);
    Py_INCREF(value);
    ref_mutex_lock(self->pub.slot.lock);
    PyObject *old = slot_publish(&self->pub.slot, value, root);
    ref_mutex_unlock(self->pub.slot.lock);
    return old;
}

/* Publishes `value` (borrowed) if the current value is `expected` and its version is `version`: 1, 0, or -1 when it was
 * published and a callback was interrupted. */
static int
atomic_ref_publish_if(AtomicRefObject *self, PyObject *expected, PyObject *value, uint64_t version)
{
    /* The caller holds `expected`, and with it its root: an address that is equal is the same version, not a new
     * object at an old place.  So what must fail fails here, for two loads. */
    if (!slot_may_hold(&self->pub.slot, version_root(expected)))
        return 0;
    const void *root = version_root(value);
    PyObject *replaced = Py_NewRef(value);
    ref_mutex_lock(self->pub.slot.lock);
    bool published = self->pub.slot.value != NULL && container_same(self->pub.slot.value, expected)
                     && (version == ANY_VERSION || version == slot_version(&self->pub.slot));
    if (published)
        replaced = slot_publish(&self->pub.slot, value, root);
    ref_mutex_unlock(self->pub.slot.lock);
    if (published)
        return atomic_ref_published(self, replaced) ? 1 : -1;
    Py_DECREF(replaced);
    return 0;
}

/* ---- what a slot holds: the object itself, NULL only after tp_clear ---- */

static void *
atomic_ref_retain(void *value)
{
    return Py_NewRef(value != NULL ? (PyObject *)value : Py_None);
}

static void
atomic_ref_release(void *value)
{
    Py_XDECREF((PyObject *)value);
}

static PyObject *
atomic_ref_to_object(void *value)
{
    return value;
}

static bool
atomic_ref_from_object(PyObject *object, void **value, const void **root)
{
    *value = Py_NewRef(object);
    *root = version_root(object);
    return true;
}

static bool
atomic_ref_kind_published(PyObject *op, void *old)
{
    return atomic_ref_published((AtomicRefObject *)op, old);
}

static const ref_kind atomic_ref_kind = {
    .retain = atomic_ref_retain,
    .release = atomic_ref_release,
    .to_object = atomic_ref_to_object,
    .from_object = atomic_ref_from_object,
    .published = atomic_ref_kind_published,
    .unwatch = atomic_watch_close,
};

/* ---- methods ---- */

static PyObject *
atomic_ref_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return atomic_ref_read_own((AtomicRefObject *)op, NULL);
}

static PyObject *
atomic_ref_lookup(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *key, *fallback = Py_None;
    if (!parse_key_default("lookup", args, nargs, kwnames, &key, &fallback))
        return NULL;
    PyObject *value = atomic_ref_read_own((AtomicRefObject *)op, NULL);
    PyObject *item = container_lookup(value, key, fallback);
    Py_DECREF(value);
    return item;
}

static PyObject *
atomic_ref_set(PyObject *op, PyObject *value)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    return atomic_ref_published(self, atomic_ref_publish(self, value)) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
atomic_ref_exchange(PyObject *op, PyObject *value)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    PyObject *old = atomic_ref_publish(self, value);
    bool undisturbed = atomic_ref_published(self, NULL);
    if (old == NULL)
        old = Py_NewRef(Py_None);
    if (undisturbed)
        return old;
    interrupt_hands_over(old);
    return NULL;
}

static PyObject *
atomic_ref_compare_and_set(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    uint64_t version;
    if (!parse_compare_and_set(nargs, args + nargs, kwnames, &version))
        return NULL;
    int done = atomic_ref_publish_if(self, args[0], args[1], version);
    return done >= 0 ? PyBool_FromLong(done) : NULL;
}

/* For direct.h. */
PyObject *
atomic_ref_load(PyObject *op, uint64_t *version)
{
    return atomic_ref_read_own((AtomicRefObject *)op, version);
}

int
atomic_ref_store(PyObject *op, PyObject *value)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    return atomic_ref_published(self, atomic_ref_publish(self, value)) ? 0 : -1;
}

int
atomic_ref_store_if(PyObject *op, PyObject *expected, PyObject *value, uint64_t version)
{
    return atomic_ref_publish_if((AtomicRefObject *)op, expected, value, version);
}

static PyObject *
atomic_ref_get_versioned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t version;
    PyObject *value = atomic_ref_read_own((AtomicRefObject *)op, &version);
    return versioned_pair(value, version);
}

static PyObject *
atomic_ref_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(slot_version(&((AtomicRefObject *)op)->pub.slot));
}

static PyObject *
atomic_ref_tp_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    AtomicRefObject *self = (AtomicRefObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->head.kind = &atomic_ref_kind;
    self->head.pub = &self->pub;
    publication_init(&self->pub, &self->locks, Py_NewRef(Py_None), Py_None);
#if REF_THREAD_HEADERS
    module_state *state = module_state_of((PyObject *)self);
    if (state == NULL || !reader_link_init(&self->readers, state->readers))
        Py_CLEAR(self);
#endif
    return (PyObject *)self;
}

/* The first call stores the initial value as version 0; a later one publishes as set() does. */
static int
atomic_ref_tp_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    static char *names[] = {"initial", NULL};
    PyObject *initial = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:AtomicRef", names, &initial))
        return -1;
    const void *root = version_root(initial);
    Py_INCREF(initial);
    ref_mutex_lock(self->pub.slot.lock);
    PyObject *old =
        self->initialised ? slot_publish(&self->pub.slot, initial, root) : slot_replace(&self->pub.slot, initial, root);
    self->initialised = true;
    ref_mutex_unlock(self->pub.slot.lock);
    return atomic_ref_published(self, old) ? 0 : -1;
}

static int
atomic_ref_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)self->pub.slot.value);
#if REF_THREAD_HEADERS
    int status = reader_traverse(&self->readers, visit, arg);
    if (status != 0)
        return status;
#endif
    return atomic_watches_traverse(self, visit, arg);
}

/* Threads may still reach the reference when the collector clears it (through a weak reference's callback): the value
 * leaves under the lock, and later readers find None. */
static int
atomic_ref_tp_clear(PyObject *op)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    ref_mutex_lock(self->pub.slot.lock);
    PyObject *old = slot_publish(&self->pub.slot, NULL, NULL);
    ref_mutex_unlock(self->pub.slot.lock);
    atomic_watches_forget(self);
#if REF_THREAD_HEADERS
    reader_revoke(&self->readers);
#endif
    Py_XDECREF(old);
    return 0;
}

static void
atomic_ref_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, atomic_ref_tp_dealloc)
    weakrefs_clear(op, &((AtomicRefObject *)op)->weakrefs);
    atomic_ref_tp_clear(op);
#if REF_THREAD_HEADERS
    Py_XDECREF(((AtomicRefObject *)op)->readers.registry);
#endif
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyObject *
atomic_ref_tp_repr(PyObject *op)
{
    const char *dot = strrchr(Py_TYPE(op)->tp_name, '.');
    const char *name = dot ? dot + 1 : Py_TYPE(op)->tp_name;
    int entered = Py_ReprEnter(op);
    if (entered != 0)
        return entered < 0 ? NULL : PyUnicode_FromFormat("%s(...)", name);
    PyObject *value = atomic_ref_read((AtomicRefObject *)op, NULL);
    PyObject *text = PyUnicode_FromFormat("%s(%R)", name, value);
    Py_DECREF(value);
    Py_ReprLeave(op);
    return text;
}

static PyMethodDef atomic_ref_methods[] = {
    {"get", atomic_ref_get, METH_NOARGS, DOC_AtomicRef_get},
    {"lookup", FASTCALL(atomic_ref_lookup), METH_FASTCALL | METH_KEYWORDS, DOC_AtomicRef_lookup},
    {"get_versioned", atomic_ref_get_versioned, METH_NOARGS, DOC_AtomicRef_get_versioned},
    {"set", atomic_ref_set, METH_O, DOC_AtomicRef_set},
    {"exchange", atomic_ref_exchange, METH_O, DOC_AtomicRef_exchange},
    {"compare_and_set", FASTCALL(atomic_ref_compare_and_set), METH_FASTCALL | METH_KEYWORDS,
     DOC_AtomicRef_compare_and_set},
    REFERENCE_METHODS(AtomicRef),
    {"watch", atomic_ref_watch, METH_O, DOC_AtomicRef_watch},
    {"_signal", atomic_ref_signal, METH_O, DOC_AtomicRef__signal},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef atomic_ref_getset[] = {
    {"version", atomic_ref_version, NULL, DOC_AtomicRef_version, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef atomic_ref_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(AtomicRefObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot atomic_ref_slots[] = {
    {Py_tp_doc, (void *)DOC_AtomicRef_class},
    {Py_tp_new, atomic_ref_tp_new},
    {Py_tp_init, atomic_ref_tp_init},
    {Py_tp_traverse, atomic_ref_tp_traverse},
    {Py_tp_clear, atomic_ref_tp_clear},
    {Py_tp_dealloc, atomic_ref_tp_dealloc},
    {Py_tp_repr, atomic_ref_tp_repr},
    {Py_tp_methods, atomic_ref_methods},
    {Py_tp_getset, atomic_ref_getset},
    {Py_tp_members, atomic_ref_members},
    {0, NULL},
};

PyType_Spec frozen_atomic_ref_spec = {
    .name = "frozen.AtomicRef",
    .basicsize = sizeof(AtomicRefObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = atomic_ref_slots,
};
