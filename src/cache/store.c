/* What changes a cache: see cache.h. */

#include "cache/cache.h"
#include "bindings/common/arguments.h"

#include <math.h>

enum {
    MOST_DOOMED = 64, /* entries that leave the ring while its lock is held once */
    MOST_ROUNDS = 1000,
};

/* Entries that have left the ring and are still to be dropped, each with a reference. */
typedef struct {
    cache_entry *first;
    int count;
    PyObject *interrupt; /* of on_evict, to be raised when all is done */
} doomed;

/* ---- time ---- */

bool
cache_seconds(PyObject *number, const char *what, int64_t *microseconds)
{
    *microseconds = NEVER;
    if (number == Py_None)
        return true;
    double seconds = PyFloat_AsDouble(number);
    if (seconds == -1 && PyErr_Occurred())
        return false;
    if (isnan(seconds)) {
        PyErr_Format(PyExc_ValueError, "%s is a number of seconds, not NaN", what);
        return false;
    }
    if (seconds < 1e12)
        *microseconds = seconds > 0 ? (int64_t)(seconds * 1e6) : 0;
    return true;
}

int64_t
cache_now(CacheObject *self)
{
    if (LIKELY(self->clock == NULL))
        return coarse_microseconds();
    PyObject *seconds = PyObject_CallNoArgs(self->clock);
    int64_t now;
    bool done = seconds != NULL && cache_seconds(seconds, "the clock's result", &now);
    Py_XDECREF(seconds);
    return done ? now : -1;
}

look
cache_look_closer(CacheObject *self, cache_entry *e)
{
    look fresh = e->is_error ? LOOK_ERROR : LOOK_HIT;
    if (e->expires == NEVER)
        return fresh;
    int64_t now = cache_now(self);
    if (now < 0)
        return LOOK_FAILED;
    if (now < e->expires)
        return fresh;
    if (!e->is_error && !entry_has_ended(e, now, self->stale_for))
        return LOOK_STALE;
    return cache_discard(self, e, GONE_EXPIRED) < 0 ? LOOK_FAILED : LOOK_MISS;
}

/* ---- what leaves ---- */

/* Takes over a reference to an entry that is GONE. */
static void
doomed_add(doomed *list, cache_entry *e, entry_reason reason)
{
    e->reason = (uint8_t)reason;
    e->newer = list->first;
    list->first = e;
    list->count++;
}

/* Under the lock: makes the entry GONE, which this call then has to drop, unless another one did. */
static void
doom(CacheObject *self, cache_entry *e, entry_reason reason, doomed *list)
{
    switch (entry_get_state(e)) {
    case ENTRY_GONE: return;
    case ENTRY_LINKED: ring_unlink(&self->ring, e); break; /* the ring's reference is the list's */
    case ENTRY_NEW: entry_set_state(e, ENTRY_GONE); Py_INCREF(e);
    }
    doomed_add(list, e, reason);
}

/* The same of what the ring gives. */
static bool
doom_next(cache_entry *e, entry_reason reason, doomed *list)
{
    if (e != NULL)
        doomed_add(list, e, reason);
    return e != NULL;
}

/* Tells on_evict. What it raises is reported, or kept as *interrupt where it is no Exception. */
static void
tell_of(CacheObject *self, cache_entry *e, PyObject **interrupt)
{
    PyObject *word = entry_reason_word((entry_reason)e->reason);
    PyObject *result = NULL;
    if (word != NULL)
        result = PyObject_CallFunctionObjArgs(self->on_evict, e->key, e->value, word, NULL);
    if (result == NULL && (*interrupt != NULL || PyErr_ExceptionMatches(PyExc_Exception)))
        PyErr_WriteUnraisable(self->on_evict);
    else if (result == NULL)
        *interrupt = take_exception();
    Py_XDECREF(result);
    Py_XDECREF(word);
}

/* Takes an entry that is GONE out of the map, or makes it a stray; drops the reference. */
static void
remove_or_stray(CacheObject *self, cache_entry *e, bool report)
{
    if (LIKELY(atomic_map_exchange_if(self->map, e->key, (PyObject *)e, NULL, NULL) >= 0)) {
        Py_DECREF(e);
        return;
    }
    if (report && !PyErr_ExceptionMatches(PyExc_MemoryError))
        PyErr_WriteUnraisable(e->key);
    PyErr_Clear();
    cache_lock(self);
    e->newer = self->strays;
    self->strays = e;
    cache_unlock(self);
}

/* Without the lock: takes the entries out of the map, reports them and drops them. Keeps the exception that is set. */
static void
doomed_drop(CacheObject *self, doomed *list)
{
    PyObject *error = take_exception();
    while (list->first != NULL) {
        cache_entry *e = list->first;
        list->first = e->newer;
        e->newer = NULL;
        Py_INCREF(e);
        remove_or_stray(self, e, true);
        if (e->reason == GONE_SIZE || e->reason == GONE_EXPIRED)
            cache_count(self, e->reason == GONE_SIZE ? COUNT_EVICTIONS : COUNT_EXPIRATIONS);
        if (self->on_evict != NULL)
            tell_of(self, e, &list->interrupt);
        Py_DECREF(e);
    }
    list->count = 0;
    restore_exception(error);
}

/* Ends what made the list: whether nothing was interrupted. */
static bool
doomed_end(doomed *list)
{
    if (LIKELY(list->interrupt == NULL))
        return true;
    PyErr_Clear();
    restore_exception(list->interrupt);
    return false;
}

int
cache_discard(CacheObject *self, cache_entry *e, entry_reason reason)
{
    doomed list = {0};
    cache_lock(self);
    doom(self, e, reason, &list);
    cache_unlock(self);
    doomed_drop(self, &list);
    return doomed_end(&list) ? 0 : -1;
}

int
cache_take(CacheObject *self, PyObject *key, PyObject **value)
{
    PyObject *found;
    if (value != NULL)
        *value = NULL;
    int status = atomic_map_take(self->map, key, &found);
    if (status <= 0)
        return status;
    cache_entry *e = (cache_entry *)found;
    int64_t now = e->expires == NEVER ? 0 : cache_now(self);
    bool ended = entry_has_ended(e, now, self->stale_for);
    bool there = now >= 0 && !ended && !e->is_error && entry_get_state(e) != ENTRY_GONE;
    if (cache_discard(self, e, ended ? GONE_EXPIRED : GONE_DELETED) < 0 || now < 0)
        status = -1;
    else if (!there)
        status = 0;
    else if (value != NULL)
        *value = Py_NewRef(e->value);
    Py_DECREF(found);
    return status;
}

int
cache_clear(CacheObject *self)
{
    doomed list = {0};
    cache_lock(self);
    Py_ssize_t left = self->ring.count;
    cache_unlock(self);
    while (left > 0) {
        cache_lock(self);
        while (list.count < MOST_DOOMED && self->ring.count > 0)
            doom(self, ring_first(&self->ring), GONE_CLEARED, &list);
        cache_unlock(self);
        if (list.count == 0)
            break;
        left -= list.count;
        doomed_drop(self, &list);
        if (list.interrupt == NULL && PyErr_CheckSignals() < 0)
            list.interrupt = take_exception();
    }
    return doomed_end(&list) ? 0 : -1;
}

/* Under the lock: evicts until there is room for so much more, or enough is doomed; whether there is. */
static bool
make_room(CacheObject *self, int64_t weight, int64_t now, doomed *list)
{
    int64_t limit = atomic_load_explicit(&self->limit, memory_order_relaxed);
    for (int i = 0; now > 0 && i < SWEEP_STEPS; i++)
        doom_next(ring_sweep(&self->ring, now, self->stale_for), GONE_EXPIRED, list);
    while (self->ring.weight > limit - weight && list->count < MOST_DOOMED)
        if (!doom_next(ring_evict(&self->ring), GONE_SIZE, list))
            break;
    return self->ring.weight <= limit - weight;
}

int
cache_shrink(CacheObject *self, int64_t limit)
{
    doomed list = {0};
    bool fits = false;
    cache_lock(self);
    atomic_store_explicit(&self->limit, limit, memory_order_relaxed);
    if (self->ring.target > limit)
        self->ring.target = limit;
    cache_unlock(self);
    while (!fits) {
        cache_lock(self);
        fits = make_room(self, 0, 0, &list);
        cache_unlock(self);
        doomed_drop(self, &list);
    }
    return doomed_end(&list) ? 0 : -1;
}

/* ---- what comes ---- */

/* Weight and end of a new entry, by the functions of the user; false: they failed (exception set). */
static bool
entry_measure(CacheObject *self, cache_entry *e, PyObject *ttl)
{
    if (self->weigh != NULL && !e->is_error) {
        PyObject *weight = PyObject_CallOneArg(self->weigh, e->value);
        e->weight = weight != NULL ? PyLong_AsLongLong(weight) : -1;
        Py_XDECREF(weight);
        if (e->weight < 0 && !PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "weigh() returned a negative weight");
        if (PyErr_Occurred())
            return false;
    }
    int64_t lifetime = self->lifetime;
    PyObject *own = ttl == NULL && self->ttl != NULL ? PyObject_CallOneArg(self->ttl, e->value) : Py_XNewRef(ttl);
    bool known = own != NULL ? cache_seconds(own, "ttl", &lifetime) : !PyErr_Occurred();
    Py_XDECREF(own);
    if (!known || lifetime == NEVER)
        return known;
    int64_t now = cache_now(self);
    if (now < 0)
        return false;
    e->expires = now + lifetime;
    if (!atomic_load_explicit(&self->timed, memory_order_relaxed))
        atomic_store_explicit(&self->timed, true, memory_order_relaxed);
    return true;
}

/* Puts the entry into the map. What it replaces comes out in *old, a new reference or NULL. False: exception set. */
static bool
entry_publish(CacheObject *self, cache_entry *e, cache_entry **old)
{
    PyObject *before = NULL, *found;
    for (int tries = 0; tries < MOST_ROUNDS; tries++) {
        int status = atomic_map_exchange_if(self->map, e->key, before, (PyObject *)e, &found);
        if (status > 0)
            Py_XSETREF(found, before); /* which is what was found */
        *old = (cache_entry *)found;
        if (status > 0)
            return true;
        Py_XDECREF(before);
        if (status < 0 || (tries > 0 && PyErr_CheckSignals() < 0)) {
            Py_XDECREF(found);
            return false;
        }
        before = found;
        if (before != NULL)
            Py_SETREF(e->key, Py_NewRef(((cache_entry *)before)->key)); /* C6; nobody has this entry yet */
    }
    Py_XDECREF(before);
    PyErr_SetString(PyExc_RuntimeError, "the key was changed by other threads each time that a value was to be stored");
    return false;
}

/* Lets the cache remember as many evicted keys as it has entries, or is going to have: what goes back further teaches it
 * about times that are over. What it remembered is lost: it grows before it is full, when it has evicted little. */
static void
grow_ghosts(CacheObject *self)
{
    cache_lock(self);
    double count = (double)self->ring.count, weight = (double)self->ring.weight;
    double limit = (double)atomic_load_explicit(&self->limit, memory_order_relaxed);
    cache_unlock(self);
    double filled =
        weight > 0 ? count * (limit / weight) : 2 * count; /* entries when it is full, if the next are alike */
    ghost_table unused = ghosts_new((size_t)(filled < count ? count : filled < 2 * count ? filled : 2 * count));
    cache_lock(self);
    if (ghosts_room(&self->ring.ghosts) < ghosts_room(&unused)) {
        ghost_table larger = unused;
        unused = self->ring.ghosts;
        self->ring.ghosts = larger;
    }
    cache_unlock(self);
    ghosts_free(&unused);
}

/* Links an entry that is in the map, in place of `old` (borrowed, or NULL), and makes room for it. */
static bool
entry_settle(CacheObject *self, cache_entry *e, cache_entry *old, int64_t now)
{
    doomed list = {0};
    cache_entry *stray = NULL;
    bool settled = false, ended = entry_has_ended(e, now, self->stale_for), grow = false;
    for (int round = 0; !settled; round++) {
        cache_lock(self);
        if (old != NULL)
            doom(self, old, entry_has_ended(old, now, self->stale_for) ? GONE_EXPIRED : GONE_REPLACED, &list);
        int64_t limit = atomic_load_explicit(&self->limit, memory_order_relaxed);
        if (entry_get_state(e) == ENTRY_GONE)
            settled = true;
        else if (e->weight > limit || ended || round == MOST_ROUNDS) {
            doom(self, e, ended ? GONE_EXPIRED : GONE_SIZE, &list);
            settled = true;
        }
        else if (make_room(self, e->weight, now, &list)) {
            Py_INCREF(e);
            ring_link(&self->ring, e, old != NULL ? old->queue : -1, limit);
            grow = limit != NO_LIMIT && (size_t)self->ring.count > ghosts_room(&self->ring.ghosts);
            settled = true;
        }
        if (settled && (stray = self->strays) != NULL) {
            self->strays = stray->newer;
            stray->newer = NULL;
        }
        cache_unlock(self);
        doomed_drop(self, &list);
    }
    if (UNLIKELY(stray != NULL))
        remove_or_stray(self, stray, false);
    if (UNLIKELY(grow))
        grow_ghosts(self);
    return doomed_end(&list);
}

PyObject *
cache_store(CacheObject *self, PyObject *key, PyObject *value, PyObject *ttl, bool is_error)
{
    module_state *state = module_state_of((PyObject *)self);
    Py_hash_t hash = PyObject_Hash(key);
    if (hash == -1)
        return NULL;
    cache_entry *e = state != NULL ? entry_new(state->cache_entry, key, hash, value) : NULL, *old = NULL;
    if (e == NULL)
        return NULL;
    e->is_error = is_error;
    int64_t now = 0;
    bool done = entry_measure(self, e, ttl);
    if (done && atomic_load_explicit(&self->timed, memory_order_relaxed))
        done = (now = cache_now(self)) >= 0;
    if (done && (done = entry_publish(self, e, &old))) {
        done = entry_settle(self, e, old, now);
        Py_XDECREF(old);
    }
    if (!done) {
        PyObject *error = take_exception();
        Py_CLEAR(e);
        restore_exception(error);
    }
    return (PyObject *)e;
}

/* ---- the whole ---- */

/* Appends the pairs of those entries that are not expired; the items of an iterator. */
static bool
append_pairs(CacheObject *self, PyObject *entries, int64_t now, PyObject *pairs)
{
    PyObject *next;
    while ((next = PyIter_Next(entries)) != NULL) {
        cache_entry *e = (cache_entry *)next;
        bool shown = !e->is_error && !entry_has_ended(e, now, self->stale_for) && entry_get_state(e) != ENTRY_GONE;
        PyObject *pair = shown ? PyTuple_Pack(2, e->key, e->value) : NULL;
        bool failed = pair != NULL ? PyList_Append(pairs, pair) < 0 : PyErr_Occurred() != NULL;
        Py_XDECREF(pair);
        Py_DECREF(next);
        if (failed)
            return false;
    }
    return !PyErr_Occurred();
}

PyObject *
cache_pairs(CacheObject *self)
{
    int64_t now = cache_now(self);
    PyObject *map = now >= 0 ? atomic_map_contents(self->map) : NULL;
    PyObject *values = map != NULL ? PyObject_CallMethod(map, "values", NULL) : NULL;
    PyObject *entries = values != NULL ? PyObject_GetIter(values) : NULL;
    PyObject *pairs = entries != NULL ? PyList_New(0) : NULL;
    if (pairs != NULL && !append_pairs(self, entries, now, pairs))
        Py_CLEAR(pairs);
    Py_XDECREF(entries);
    Py_XDECREF(values);
    Py_XDECREF(map);
    return pairs;
}

/* The first of the rules that a queue breaks, or NULL. Adds up the entries. */
static const char *
queue_fault(cache_ring *ring, int index, Py_ssize_t *count, bool *sweep)
{
    cache_queue *queue = &ring->queues[index];
    int64_t weight = 0;
    cache_entry *before = NULL;
    for (cache_entry *e = queue->oldest; e != NULL; before = e, e = e->newer) {
        if (e->older != before || e->queue != index)
            return "a queue is broken";
        if (entry_get_state(e) != ENTRY_LINKED)
            return "C1: an entry of the ring is not LINKED";
        ++*count;
        weight += e->weight;
        *sweep |= e == ring->sweep && index == ring->sweep_queue;
    }
    return before != queue->newest || weight != queue->weight ? "C4: the end or the weight of a queue is wrong" : NULL;
}

static const char *
ring_fault(CacheObject *self)
{
    cache_ring *ring = &self->ring;
    int64_t limit = atomic_load(&self->limit);
    Py_ssize_t count = 0;
    bool sweep = ring->sweep == NULL;
    const char *fault = queue_fault(ring, RECENT, &count, &sweep);
    if (fault == NULL)
        fault = queue_fault(ring, FREQUENT, &count, &sweep);
    if (fault != NULL)
        return fault;
    if (!sweep || ring->target < 0 || ring->target > limit)
        return "the sweep is in no queue, or the target out of bounds";
    if (count != ring->count || ring->weight != ring->queues[RECENT].weight + ring->queues[FREQUENT].weight)
        return "C4: count or weight are not those of the ring";
    return ring->weight > limit ? "C4: the ring weighs more than the limit" : NULL;
}

/* Whether the entries of a queue are those of the map: 1, 0, or -1 (exception set). */
static int
queue_in_map(CacheObject *self, cache_queue *queue)
{
    int status = 1;
    for (cache_entry *e = queue->oldest; e != NULL && status > 0; e = e->newer) {
        PyObject *found;
        status = atomic_map_find(self->map, e->key, &found);
        if (status > 0)
            status = found == (PyObject *)e;
        Py_XDECREF(found);
    }
    return status;
}

PyObject *
cache_check(CacheObject *self)
{
    cache_lock(self);
    const char *fault = ring_fault(self);
    Py_ssize_t count = self->ring.count;
    for (cache_entry *e = self->strays; e != NULL; e = e->newer)
        count++;
    cache_unlock(self);
    if (fault == NULL && atomic_map_count_all(self->map) != count)
        fault = "C3: map and ring have not the same entries";
    for (int i = RECENT; fault == NULL && i <= FREQUENT; i++) {
        int status = queue_in_map(self, &self->ring.queues[i]);
        if (status < 0)
            return NULL;
        if (status == 0)
            fault = "C3: an entry of the ring is not in the map";
    }
    if (fault == NULL)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_AssertionError, fault);
    return NULL;
}
