/* Cache: a mapping of bounded size whose hits take no lock. The structure is cache.h's, what changes it store.c's; here
 * is the Python type. What computes values is in ../../frozen/_flights.py. */

#include "cache/cache.h"

#include "docs.h"
#include "bindings/common/arguments.h"
#include "ref/reference.h"

enum { FORGET_STEPS = 64, FIRST_SHARE = 10 /* of RECENT, before the ring has learnt */ };
#define LONG_TIME INT64_C(1000000000000000000) /* microseconds */

/* ---- computations under way ---- */

/* The map of them: a new reference, or NULL (exception set). */
static PyObject *
cache_flights(PyObject *op, void *Py_UNUSED(closure))
{
    CacheObject *self = (CacheObject *)op;
    PyObject *flights = atomic_load(&self->flights);
    if (flights == NULL) {
        PyObject *fresh = PyObject_CallNoArgs((PyObject *)Py_TYPE(self->map));
        if (fresh == NULL)
            return NULL;
        if (atomic_compare_exchange_strong(&self->flights, &flights, fresh))
            flights = fresh;
        else
            Py_DECREF(fresh);
    }
    return Py_NewRef(flights);
}

/* A computation that began before the value was replaced or deleted stores nothing, and those who come now do not wait
 * for it. False: exception set. */
static bool
outdate_flight(CacheObject *self, PyObject *key)
{
    PyObject *flights = atomic_load(&self->flights);
    return LIKELY(flights == NULL) || atomic_map_drop(flights, key) >= 0;
}

static bool
outdate_flights(CacheObject *self)
{
    PyObject *flights = atomic_load(&self->flights);
    PyObject *done = flights != NULL ? PyObject_CallMethod(flights, "clear", NULL) : Py_NewRef(Py_None);
    Py_XDECREF(done);
    return done != NULL;
}

/* ---- one key ---- */

/* What a mapping has under the key, and counts the look: NULL with LOOK_FAILED (exception set) and where there is none,
 * or an exception is kept in its place. */
static look
look_as_mapping(PyObject *op, PyObject *key, PyObject **value)
{
    look found = cache_look_counted((CacheObject *)op, key, value);
    if (UNLIKELY(found == LOOK_ERROR))
        Py_CLEAR(*value);
    return found;
}

static PyObject *
cache_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = Py_None, *value;
    if (!parse_key_default("get", args, nargs, names, &key, &fallback))
        return NULL;
    look found = look_as_mapping(op, key, &value);
    return value != NULL || found == LOOK_FAILED ? value : Py_NewRef(fallback);
}

static PyObject *
cache_subscript(PyObject *op, PyObject *key)
{
    PyObject *value;
    look found = look_as_mapping(op, key, &value);
    if (value == NULL && found != LOOK_FAILED)
        set_key_error(key);
    return value;
}

static int
cache_contains(PyObject *op, PyObject *key)
{
    PyObject *value;
    look found = cache_look((CacheObject *)op, key, &value, false);
    Py_XDECREF(value);
    return found == LOOK_FAILED ? -1 : found == LOOK_HIT || found == LOOK_STALE;
}

/* 0 or -1. */
static int
cache_put(CacheObject *self, PyObject *key, PyObject *value, PyObject *ttl)
{
    if (!outdate_flight(self, key))
        return -1;
    PyObject *entry = cache_store(self, key, value, ttl, false);
    Py_XDECREF(entry);
    return entry != NULL ? 0 : -1;
}

static int
cache_drop(CacheObject *self, PyObject *key, PyObject **value)
{
    return outdate_flight(self, key) ? cache_take(self, key, value) : -1;
}

static int
cache_assign(PyObject *op, PyObject *key, PyObject *value)
{
    CacheObject *self = (CacheObject *)op;
    if (value != NULL)
        return cache_put(self, key, value, NULL);
    int status = cache_drop(self, key, NULL);
    if (status == 0)
        set_key_error(key);
    return status > 0 ? 0 : -1;
}

static PyObject *
cache_set(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "", "ttl", NULL};
    PyObject *key, *value, *ttl = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$O:set", names, &key, &value, &ttl)
        || cache_put((CacheObject *)op, key, value, ttl) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
cache_delete(PyObject *op, PyObject *key)
{
    int status = cache_drop((CacheObject *)op, key, NULL);
    return status >= 0 ? PyBool_FromLong(status) : NULL;
}

static PyObject *
cache_pop(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = NULL, *value = NULL;
    if (!parse_key_default("pop", args, nargs, names, &key, &fallback))
        return NULL;
    int status = cache_drop((CacheObject *)op, key, &value);
    if (status != 0)
        return value;
    if (fallback == NULL)
        set_key_error(key);
    return Py_XNewRef(fallback);
}

/* Looks up the key of a call of that name, of a key and a function at least, and counts the look. */
static look
look_before_computing(PyObject *op, const char *name, PyObject *args, PyObject **value)
{
    Py_ssize_t given = PyTuple_GET_SIZE(args);
    *value = NULL;
    if (given >= 2)
        return cache_look_counted((CacheObject *)op, PyTuple_GET_ITEM(args, 0), value);
    PyErr_Format(PyExc_TypeError, "%s() takes a key and a function (%zd arguments given)", name, given);
    return LOOK_FAILED;
}

static PyObject *
cache_get_or_compute(PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyObject *value;
    look found = look_before_computing(op, "get_or_compute", args, &value);
    if (LIKELY(found == LOOK_HIT) || found == LOOK_FAILED)
        return value;
    Py_XDECREF(value);
    return call_python_layer("frozen._flights", "get_or_compute", op, args, kwargs);
}

static PyObject *
cache_get_or_compute_async(PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyObject *value;
    look found = look_before_computing(op, "get_or_compute_async", args, &value);
    if (found == LOOK_FAILED)
        return NULL;
    Py_XDECREF(value);
    return call_python_layer("frozen._flights_aio", "get_or_compute_async", op, args, kwargs);
}

/* ---- for frozen/_cache.py and _flights.py ---- */

static PyObject *
cache_private_look(PyObject *op, PyObject *key)
{
    PyObject *value;
    look found = cache_look((CacheObject *)op, key, &value, true);
    if (found == LOOK_FAILED)
        return NULL;
    return Py_BuildValue("iN", (int)found, value != NULL ? value : Py_NewRef(Py_None));
}

/* (key, value, is_error): the entry. */
static PyObject *
cache_private_keep(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_keep", nargs, 3, 3))
        return NULL;
    return cache_store((CacheObject *)op, args[0], args[1], NULL, args[2] == Py_True);
}

/* What _keep() returned, if it is there still. */
static PyObject *
cache_private_discard(PyObject *op, PyObject *entry)
{
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    if (!Py_IS_TYPE(entry, state->cache_entry))
        return PyErr_Format(PyExc_TypeError, "_discard() takes what _keep() returned");
    return cache_discard((CacheObject *)op, (cache_entry *)entry, GONE_DELETED) == 0 ? Py_NewRef(Py_None) : NULL;
}

/* (hits, misses, evictions, expirations) */
static PyObject *
cache_private_counts(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    CacheObject *self = (CacheObject *)op;
    unsigned long long sums[COUNTS] = {0};
    for (int i = 0; i < STRIPES; i++)
        for (int j = 0; j < COUNTS; j++)
            sums[j] += atomic_load_explicit(&self->stripes[i].counts[j], memory_order_relaxed);
    return Py_BuildValue("KKKK", sums[COUNT_HITS], sums[COUNT_MISSES], sums[COUNT_EVICTIONS], sums[COUNT_EXPIRATIONS]);
}

static PyObject *
cache_private_reset_counts(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    CacheObject *self = (CacheObject *)op;
    for (int i = 0; i < STRIPES; i++)
        for (int j = 0; j < COUNTS; j++)
            atomic_store_explicit(&self->stripes[i].counts[j], 0, memory_order_relaxed);
    Py_RETURN_NONE;
}

static PyObject *
cache_private_check(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return cache_check((CacheObject *)op);
}

/* ---- the whole ---- */

static Py_ssize_t
cache_len(PyObject *op)
{
    return cache_count_entries((CacheObject *)op);
}

static PyObject *
cache_snapshot(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    module_state *state = module_state_of(op);
    PyObject *pairs = state != NULL ? cache_pairs((CacheObject *)op) : NULL;
    PyObject *map = pairs != NULL ? PyObject_CallOneArg((PyObject *)state->local_map.container, pairs) : NULL;
    Py_XDECREF(pairs);
    return map;
}

static PyObject *
cache_iter(PyObject *op)
{
    PyObject *snapshot = cache_snapshot(op, NULL);
    PyObject *iterator = snapshot != NULL ? PyObject_GetIter(snapshot) : NULL;
    Py_XDECREF(snapshot);
    return iterator;
}

static PyObject *
cache_clear_method(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    CacheObject *self = (CacheObject *)op;
    return outdate_flights(self) && cache_clear(self) == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
cache_stats(PyObject *op, PyObject *args)
{
    return call_python_layer("frozen._cache", "stats", op, args, NULL);
}

static PyObject *
cache_reduce(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyErr_Format(PyExc_TypeError, "a %s is a place, not a value: pickle or copy its snapshot()",
                        short_type_name(Py_TYPE(op)));
}

/* None as NO_LIMIT, what is negative as 0; false: exception set. */
static bool
parse_limit(PyObject *maxsize, int64_t *limit)
{
    *limit = NO_LIMIT;
    if (maxsize == Py_None)
        return true;
    PyObject *index = PyNumber_Index(maxsize);
    int overflow;
    int64_t number = index != NULL ? PyLong_AsLongLongAndOverflow(index, &overflow) : -1;
    bool done = index != NULL && !(number == -1 && PyErr_Occurred());
    Py_XDECREF(index);
    if (done && overflow <= 0)
        *limit = number > 0 ? number : 0;
    return done;
}

static PyObject *
cache_resize(PyObject *op, PyObject *maxsize)
{
    int64_t limit;
    if (!parse_limit(maxsize, &limit) || cache_shrink((CacheObject *)op, limit) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
cache_maxsize(PyObject *op, void *Py_UNUSED(closure))
{
    int64_t limit = atomic_load_explicit(&((CacheObject *)op)->limit, memory_order_relaxed);
    return limit == NO_LIMIT ? Py_NewRef(Py_None) : PyLong_FromLongLong(limit);
}

static PyObject *
cache_weight(PyObject *op, void *Py_UNUSED(closure))
{
    CacheObject *self = (CacheObject *)op;
    cache_lock(self);
    int64_t weight = self->ring.weight;
    cache_unlock(self);
    return PyLong_FromLongLong(weight);
}

static PyObject *
cache_exceptions(PyObject *op, void *Py_UNUSED(closure))
{
    PyObject *classes = ((CacheObject *)op)->cached_exceptions;
    return classes != NULL ? Py_NewRef(classes) : PyTuple_New(0);
}

static PyObject *
cache_repr(PyObject *op)
{
    PyObject *maxsize = cache_maxsize(op, NULL), *text = NULL;
    if (maxsize != NULL)
        text = PyUnicode_FromFormat("<%s of %zd entries, maxsize=%R>", short_type_name(Py_TYPE(op)), cache_len(op),
                                    maxsize);
    Py_XDECREF(maxsize);
    return text;
}

/* ---- the object ---- */

/* A function, or None for NULL: false (exception set). */
static bool
take_function(PyObject *given, const char *name, PyObject **function)
{
    if (given == NULL || given == Py_None)
        return true;
    if (!PyCallable_Check(given)) {
        raise_about(PyExc_TypeError, name, given, ": it is no function");
        return false;
    }
    *function = Py_NewRef(given);
    return true;
}

/* True, False, a class or a tuple of classes. */
static bool
take_exceptions(CacheObject *self, PyObject *given)
{
    if (given == NULL || given == Py_False)
        return true;
    if (given == Py_True)
        given = PyExc_Exception;
    self->cached_exceptions = PyTuple_Check(given) ? Py_NewRef(given) : PyTuple_Pack(1, given);
    for (Py_ssize_t i = 0; self->cached_exceptions != NULL && i < PyTuple_GET_SIZE(self->cached_exceptions); i++) {
        PyObject *type = PyTuple_GET_ITEM(self->cached_exceptions, i);
        if (!PyExceptionClass_Check(type) || PyObject_IsSubclass(type, PyExc_Exception) != 1) {
            raise_about(PyExc_TypeError, "cache_exceptions names subclasses of Exception, not ", type, "");
            return false;
        }
    }
    return self->cached_exceptions != NULL;
}

/* ttl is a number or a function of the value. */
static bool
take_times(CacheObject *self, PyObject *ttl, PyObject *stale_for)
{
    self->lifetime = NEVER;
    if (ttl != NULL && PyCallable_Check(ttl))
        self->ttl = Py_NewRef(ttl);
    else if (ttl != NULL && !cache_seconds(ttl, "ttl", &self->lifetime))
        return false;
    if (stale_for == NULL || stale_for == Py_None)
        return true;
    bool done = cache_seconds(stale_for, "stale_while_revalidate", &self->stale_for);
    if (self->stale_for == NEVER)
        self->stale_for = LONG_TIME;
    return done;
}

static bool
cache_allocate(CacheObject *self, module_state *state)
{
    self->block = PyMem_Calloc(STRIPES + 1, CACHE_LINE);
    if (self->block == NULL) {
        PyErr_NoMemory();
        return false;
    }
    self->stripes = (cache_stripe *)(((uintptr_t)self->block + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    self->map = PyObject_CallNoArgs((PyObject *)state->atomic_map);
    return self->map != NULL;
}

static PyObject *
cache_object_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"maxsize",          "ttl",    "weigh", "on_evict", "stale_while_revalidate",
                            "cache_exceptions", "_clock", NULL};
    PyObject *maxsize = NULL, *ttl = NULL, *weigh = NULL, *on_evict = NULL, *stale = NULL, *errors = NULL,
             *clock = NULL;
    int64_t limit = 128;
    module_state *state = module_state_of_type(type);
    if (state == NULL
        || !PyArg_ParseTupleAndKeywords(args, kwargs, "|O$OOOOOO:Cache", names, &maxsize, &ttl, &weigh, &on_evict,
                                        &stale, &errors, &clock)
        || (maxsize != NULL && !parse_limit(maxsize, &limit)))
        return NULL;
    CacheObject *self = (CacheObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    atomic_init(&self->limit, limit);
    self->ring.target = limit / FIRST_SHARE;
    if (!take_times(self, ttl, stale) || !take_function(weigh, "weigh=", &self->weigh)
        || !take_function(on_evict, "on_evict=", &self->on_evict) || !take_function(clock, "_clock=", &self->clock)
        || !take_exceptions(self, errors) || !cache_allocate(self, state))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int
cache_object_traverse(PyObject *op, visitproc visit, void *arg)
{
    CacheObject *self = (CacheObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->map);
    Py_VISIT(atomic_load_explicit(&self->flights, memory_order_relaxed));
    Py_VISIT(self->weigh);
    Py_VISIT(self->ttl);
    Py_VISIT(self->on_evict);
    Py_VISIT(self->clock);
    Py_VISIT(self->cached_exceptions);
    for (int i = RECENT; i <= FREQUENT; i++)
        for (cache_entry *e = self->ring.queues[i].oldest; e != NULL; e = e->newer)
            Py_VISIT((PyObject *)e);
    for (cache_entry *e = self->strays; e != NULL; e = e->newer)
        Py_VISIT((PyObject *)e);
    return 0;
}

/* Drops the entries of the ring without telling anybody. */
static void
cache_forget(CacheObject *self)
{
    cache_entry *list;
    do {
        cache_lock(self);
        list = self->strays;
        self->strays = NULL;
        for (int i = 0; i < FORGET_STEPS && self->ring.count > 0; i++) {
            cache_entry *e = ring_first(&self->ring);
            ring_unlink(&self->ring, e);
            e->newer = list;
            list = e;
        }
        cache_unlock(self);
        for (cache_entry *e = list, *next; e != NULL; e = next) {
            next = e->newer;
            e->newer = NULL;
            Py_DECREF(e);
        }
    } while (list != NULL);
}

/* The collector's: threads may still reach the cache, so it stays usable. The map has a tp_clear of its own; functions
 * and flights that lead back here are reached through objects that have one, too. */
static int
cache_object_clear(PyObject *op)
{
    cache_forget((CacheObject *)op);
    return 0;
}

static void
cache_object_dealloc(PyObject *op)
{
    CacheObject *self = (CacheObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, cache_object_dealloc)
    weakrefs_clear(op, &self->weakrefs);
    cache_forget(self);
    Py_XDECREF(self->map);
    Py_XDECREF(atomic_load_explicit(&self->flights, memory_order_relaxed));
    Py_XDECREF(self->weigh);
    Py_XDECREF(self->ttl);
    Py_XDECREF(self->on_evict);
    Py_XDECREF(self->clock);
    Py_XDECREF(self->cached_exceptions);
    ghosts_free(&self->ring.ghosts);
    PyMem_Free(self->block);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef cache_methods[] = {
    {"get", FASTCALL(cache_get), METH_FASTCALL | METH_KEYWORDS, DOC_Cache_get},
    {"set", FASTCALL(cache_set), METH_VARARGS | METH_KEYWORDS, DOC_Cache_set},
    {"delete", cache_delete, METH_O, DOC_Cache_delete},
    {"pop", FASTCALL(cache_pop), METH_FASTCALL | METH_KEYWORDS, DOC_Cache_pop},
    {"get_or_compute", FASTCALL(cache_get_or_compute), METH_VARARGS | METH_KEYWORDS, DOC_Cache_get_or_compute},
    {"get_or_compute_async", FASTCALL(cache_get_or_compute_async), METH_VARARGS | METH_KEYWORDS,
     DOC_Cache_get_or_compute_async},
    {"snapshot", cache_snapshot, METH_NOARGS, DOC_Cache_snapshot},
    {"stats", cache_stats, METH_VARARGS, DOC_Cache_stats},
    {"clear", cache_clear_method, METH_NOARGS, DOC_Cache_clear},
    {"resize", cache_resize, METH_O, DOC_Cache_resize},
    {"_look", cache_private_look, METH_O, NULL},
    {"_keep", FASTCALL(cache_private_keep), METH_FASTCALL, NULL},
    {"_discard", cache_private_discard, METH_O, NULL},
    {"_counts", cache_private_counts, METH_NOARGS, NULL},
    {"_reset_counts", cache_private_reset_counts, METH_NOARGS, NULL},
    {"_check", cache_private_check, METH_NOARGS, NULL},
    {"__reduce__", cache_reduce, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cache_getset[] = {
    {"maxsize", cache_maxsize, NULL, DOC_Cache_maxsize, NULL},
    {"weight", cache_weight, NULL, DOC_Cache_weight, NULL},
    {"_flights", cache_flights, NULL, NULL, NULL},
    {"_exceptions", cache_exceptions, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef cache_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(CacheObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot cache_slots[] = {
    {Py_tp_doc, (void *)DOC_Cache_class},
    {Py_tp_new, cache_object_new},
    {Py_tp_traverse, cache_object_traverse},
    {Py_tp_clear, cache_object_clear},
    {Py_tp_dealloc, cache_object_dealloc},
    {Py_tp_repr, cache_repr},
    {Py_tp_iter, cache_iter},
    {Py_tp_methods, cache_methods},
    {Py_tp_getset, cache_getset},
    {Py_tp_members, cache_members},
    {Py_mp_length, cache_len},
    {Py_mp_subscript, cache_subscript},
    {Py_mp_ass_subscript, cache_assign},
    {Py_sq_contains, cache_contains},
    {0, NULL},
};

PyType_Spec frozen_cache_spec = {
    .name = "frozen.Cache",
    .basicsize = sizeof(CacheObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = cache_slots,
};
