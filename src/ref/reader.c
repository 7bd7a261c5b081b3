#include "ref/reader.h"
#include "module.h"
#include "platform/private_counts.h"

/* What a thread state keeps in its dictionary: it dies with the thread. */
typedef struct {
    PyObject_HEAD
    reader_registry *registry;
    reader_cache *cache;
} ReaderCacheObject;

#if REF_THREAD_HEADERS

/* The cache of the interpreter this thread read in last.  Identifiers of references are unique in the process, so a
 * cache of another interpreter never answers for one of this. */
FROZEN_THREAD_LOCAL reader_cache *reader_current;

/* The thread state whose cache this thread closed last: destructors that run while it is torn down must not start a new
 * cache, which no thread would close. */
static FROZEN_THREAD_LOCAL reader_owner reader_ended;

static _Atomic(uint64_t) next_reference_id = 1;

bool
reader_link_init(reader_link *link, PyObject *registry)
{
    if (registry == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "frozen is being torn down: no new references");
        return false;
    }
    link->id = atomic_fetch_add_explicit(&next_reference_id, 1, memory_order_relaxed);
    link->registry = Py_NewRef(registry);
    atomic_init(&link->cached, false);
    return true;
}

/* Takes the header out. */
static PyObject *
reader_withdraw(reader_slot *slot)
{
    return atomic_exchange(&slot->header, NULL);
}

static void
registry_add(reader_registry *registry, reader_cache *cache)
{
    ref_mutex_lock(&registry->lock);
    cache->next = registry->first;
    cache->link = &registry->first;
    if (cache->next != NULL)
        cache->next->link = &cache->next;
    registry->first = cache;
    ref_mutex_unlock(&registry->lock);
}

static void
registry_remove(reader_registry *registry, reader_cache *cache)
{
    ref_mutex_lock(&registry->lock);
    *cache->link = cache->next;
    if (cache->next != NULL)
        cache->next->link = cache->link;
    ref_mutex_unlock(&registry->lock);
}

/* The thread's cache in this interpreter from its thread state, or a new one; NULL without an exception. */
static reader_cache *
cache_of_thread(reader_registry *registry, PyTypeObject *type)
{
    PyThreadState *tstate = PyThreadState_Get();
    if (reader_ended.state == tstate && reader_ended.id == PyThreadState_GetID(tstate))
        return NULL;
    PyObject *dict = PyThreadState_GetDict(); /* borrowed */
    PyObject *known = dict != NULL ? PyDict_GetItemWithError(dict, (PyObject *)type) : NULL;
    if (known != NULL)
        return ((ReaderCacheObject *)known)->cache;
    ReaderCacheObject *self = dict != NULL ? (ReaderCacheObject *)type->tp_alloc(type, 0) : NULL;
    if (self != NULL) {
        self->registry = (reader_registry *)Py_NewRef((PyObject *)registry);
        self->cache = PyMem_RawCalloc(1, sizeof(reader_cache));
    }
    if (self == NULL || self->cache == NULL || PyDict_SetItem(dict, (PyObject *)type, (PyObject *)self) < 0) {
        if (self != NULL && self->cache != NULL) {
            PyMem_RawFree(self->cache);
            self->cache = NULL;
        }
        Py_XDECREF((PyObject *)self);
        PyErr_Clear();
        return NULL;
    }
    self->cache->thread = PyThread_get_thread_ident();
    self->cache->owner = (reader_owner){tstate, PyThreadState_GetID(tstate)};
    registry_add(registry, self->cache);
    Py_DECREF((PyObject *)self);
    return self->cache;
}

/* A thread state is usually cleared by its own thread, which then forgets the cache and frees it. One that is cleared
 * by another thread (an interpreter destroyed from afar) may still be known to a living thread: that one frees it when
 * it reads a reference next, and if it never does, a few hundred bytes stay. */
static void
cache_close(reader_cache *cache)
{
    bool own = cache->thread == PyThread_get_thread_ident();
    if (own) {
        reader_ended = cache->owner;
        if (reader_current == cache)
            reader_current = NULL;
    }
    for (int i = 0; i < READER_SLOTS; i++) {
        atomic_store_explicit(&cache->slots[i].ref_id, 0, memory_order_relaxed);
        Py_XDECREF(reader_withdraw(&cache->slots[i]));
    }
    if (own)
        PyMem_RawFree(cache);
    else
        atomic_store(&cache->closed, true);
}

static void
cache_end(ReaderCacheObject *self)
{
    if (self->cache != NULL) {
        registry_remove(self->registry, self->cache);
        cache_close(self->cache);
    }
    Py_DECREF((PyObject *)self->registry);
}

reader_slot *
reader_claim(reader_link *link, PyTypeObject *cache_type, PyObject **old)
{
    *old = NULL;
    if (!private_counts_hold())
        return NULL;
    reader_cache *last = reader_current, *cache = cache_of_thread((reader_registry *)link->registry, cache_type);
    if (cache != last) {
        reader_current = cache;
        if (last != NULL && atomic_load(&last->closed))
            PyMem_RawFree(last);
    }
    if (cache == NULL)
        return NULL;
    reader_slot *slot = &cache->slots[link->id % READER_SLOTS];
    *old = reader_withdraw(slot);
    slot->word = 0;
    atomic_store_explicit(&slot->ref_id, link->id, memory_order_relaxed);
    return slot;
}

void
reader_fill(reader_link *link, reader_slot *slot, PyObject *header, uint64_t version, ref_slot *published)
{
    slot->version = version;
    PyObject *put_back = atomic_exchange(&slot->header, Py_NewRef(header)), *outdated = NULL;
    atomic_store(&link->cached, true);
    if (atomic_load(&published->version) != version)
        outdated = reader_withdraw(slot);
    Py_XDECREF(put_back); /* by a publisher, since the slot was claimed */
    Py_XDECREF(outdated);
}

/* Takes the slot's header, unless only its thread may drop it (see reader.h). */
static PyObject *
slot_revoke(reader_slot *slot)
{
    PyObject *header = atomic_exchange(&slot->header, NULL), *empty = NULL;
    if (header == NULL || !object_is_merged(header))
        return header;
    if (atomic_compare_exchange_strong(&slot->header, &empty, header))
        return NULL;
    return header; /* the owner has put a newer header there, so it is past looking at this one */
}

void
reader_revoke(reader_link *link)
{
    enum { AT_ONCE = 64 };
    reader_registry *registry = (reader_registry *)link->registry;
    PyObject *taken[AT_ONCE];
    int count;
    if (!atomic_load(&link->cached) || !atomic_exchange(&link->cached, false))
        return;
    do {
        count = 0;
        ref_mutex_lock(&registry->lock);
        for (reader_cache *cache = registry->first; cache != NULL && count < AT_ONCE; cache = cache->next) {
            reader_slot *slot = &cache->slots[link->id % READER_SLOTS];
            if (atomic_load_explicit(&slot->ref_id, memory_order_relaxed) == link->id
                && (taken[count] = slot_revoke(slot)) != NULL)
                count++;
        }
        ref_mutex_unlock(&registry->lock);
        for (int i = 0; i < count; i++)
            Py_DECREF(taken[i]);
    } while (count == AT_ONCE); /* the slots swept are empty now: the next round finds the rest */
}

int
reader_traverse(reader_link *link, visitproc visit, void *arg)
{
    reader_registry *registry = (reader_registry *)link->registry;
    if (registry == NULL)
        return 0;
    for (reader_cache *cache = registry->first; cache != NULL; cache = cache->next) {
        reader_slot *slot = &cache->slots[link->id % READER_SLOTS];
        if (atomic_load_explicit(&slot->ref_id, memory_order_relaxed) == link->id)
            Py_VISIT(atomic_load_explicit(&slot->header, memory_order_relaxed));
    }
    return 0;
}

#else /* references are read under their lock: there is nothing to keep */

static void
cache_end(ReaderCacheObject *Py_UNUSED(self))
{
}

#endif

static void
cache_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    cache_end((ReaderCacheObject *)op);
    type->tp_free(op);
    Py_DECREF(type);
}

static void
registry_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* One registry for each interpreter, created with the types. */
int
reader_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    if (private_counts_setup() < 0)
        return -1;
    state->readers = state->reader_registry->tp_alloc(state->reader_registry, 0);
    return state->readers != NULL ? 0 : -1;
}

static PyObject *
has_private_counts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arg))
{
    return PyBool_FromLong(private_counts_hold());
}

static PyObject *
faults_of_private_counts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arg))
{
    return private_counts_faults();
}

PyMethodDef reader_functions[] = {
    {"_has_private_counts", has_private_counts, METH_NOARGS, "Whether reads rely on private reference counts."},
    {"_faults_of_private_counts", faults_of_private_counts, METH_NOARGS,
     "Try them again: what of CPython's counting is not as the core needs it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot registry_slots[] = {
    {Py_tp_dealloc, registry_tp_dealloc},
    {0, NULL},
};

PyType_Spec frozen_reader_registry_spec = {
    .name = "frozen._core.reader_registry",
    .basicsize = sizeof(reader_registry),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = registry_slots,
};

static PyType_Slot cache_slots[] = {
    {Py_tp_dealloc, cache_tp_dealloc},
    {0, NULL},
};

PyType_Spec frozen_reader_cache_spec = {
    .name = "frozen._core.reader_cache",
    .basicsize = sizeof(ReaderCacheObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = cache_slots,
};
