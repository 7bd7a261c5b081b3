/* The structure behind Cache and cached functions, and the argument that it is right.
 *
 * An AtomicMap leads from keys to entries (entry.h), and a ring (ring.h) says which entry goes next. Both hold
 * references. A hit reads the map and marks the entry; only what stores and removes takes the lock of the ring.
 *
 * Invariants
 *   C1. An entry is NEW, then LINKED or GONE, and once GONE stays so. It changes its state under the lock. It is in the
 *       ring while it is LINKED.
 *   C2. The call that makes an entry GONE takes it out of the map, and reports it to on_evict: once for each entry.
 *   C3. An entry is put in the map while it is NEW, and once. The call that takes it out of the map makes it GONE first or
 *       next. So while no call is under way the entries of map and ring are the same.
 *   C4. Whenever the lock is free, the entries of the ring weigh at most `limit` together, and the ring's count and
 *       weight are right. So no number of threads makes the cache larger, and between calls the map is as large as the
 *       ring.
 *   C5. Under the lock there are loads and stores alone: no Python code, no memory is allocated, no reference dropped
 *       (platform/spinlock.h). What is to be dropped goes into a list, a bounded number at a time.
 *   C6. The key of an entry is the very object that the map holds. An entry is found by it without calling __eq__,
 *       unless other keys have the same hash.
 *   C7. An entry that is GONE and cannot be taken out of the map, for want of memory or because a key of the same hash
 *       raises when it is compared, is a stray: nobody is shown it, and each later call that stores tries one again.
 *       Without strays, map and ring are the same between calls.
 *
 * Storing: the entry goes into the map (compare-and-set with what is there, which is C6: an entry takes over the key of
 * the one that it replaces), then under the lock into the ring, behind those that make room for it. If another call
 * replaces or deletes it in between, it makes it GONE, and the storing call finds that and does not link it.
 *
 * Which store publishes: an entry is filled before the map publishes it; a reader that gets it from the map sees it
 * whole, and nothing that readers use changes afterwards. `mark` and `state` are hints to readers, relaxed. The map's
 * reference keeps an entry alive while a reader is inside of the map (atomic/map.h): a hit takes the value there, and does
 * not count the entry; all else is done with a reference to the entry.
 *
 * With the GIL the GIL is the lock: C5 says that no other thread runs in between. A fork finds the lock free for the
 * same reason. */
#ifndef FROZEN_CACHE_CACHE_H
#define FROZEN_CACHE_CACHE_H

#include "cache/ring.h"
#include "atomic/direct.h"
#include "platform/clock.h"
#include "platform/fork.h"

enum { CACHE_LINE = 64 };
#ifdef Py_GIL_DISABLED
enum { STRIPES = 32 };
#else
enum { STRIPES = 1 };
#endif

typedef enum { COUNT_HITS, COUNT_MISSES, COUNT_EVICTIONS, COUNT_EXPIRATIONS, COUNTS } counted;

/* What threads count, on a cache line for each. */
typedef struct {
    _Atomic(uint64_t) counts[COUNTS];
    char apart[CACHE_LINE - COUNTS * sizeof(uint64_t)];
} cache_stripe;

#define NO_LIMIT INT64_MAX

typedef struct {
    PyObject_HEAD
    PyObject *weakrefs;
    PyObject *map;     /* AtomicMap: key -> cache_entry */
    _Atomic(PyObject *)
        flights; /* AtomicMap: key -> what computes it (../../frozen/_flights.py); NULL before the first */
    PyObject *weigh, *ttl, *on_evict, *clock; /* or NULL: `ttl` is a function of the value */
    PyObject *cached_exceptions; /* a tuple of classes, or NULL */
    int64_t lifetime;  /* microseconds, or NEVER */
    int64_t stale_for; /* microseconds after that in which a stale value is good enough */
    void *block;       /* that holds the stripes */
    cache_stripe *stripes;
    ref_mutex lock;
    _Atomic(int64_t) limit; /* written under the lock */
    _Atomic(bool) timed;    /* some entry has had an end */
    cache_ring ring;
    cache_entry *strays; /* C7; guarded by the lock, linked by `newer`, each with a reference */
} CacheObject;

static inline void
cache_lock(CacheObject *self)
{
#ifdef Py_GIL_DISABLED
    ref_mutex_lock(&self->lock);
#else
    (void)self;
#endif
}

static inline void
cache_unlock(CacheObject *self)
{
#ifdef Py_GIL_DISABLED
    ref_mutex_unlock(&self->lock);
#else
    (void)self;
#endif
}

static inline Py_ssize_t
cache_count_entries(CacheObject *self)
{
    cache_lock(self);
    Py_ssize_t count = self->ring.count;
    cache_unlock(self);
    return count;
}

static inline void
cache_count(CacheObject *self, counted what)
{
    _Atomic(uint64_t) *count = &self->stripes[STRIPES > 1 ? thread_number() % STRIPES : 0].counts[what];
    if (STRIPES > 1)
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    else
        atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

typedef enum {
    LOOK_FAILED = -1, /* exception set */
    LOOK_MISS,
    LOOK_HIT,
    LOOK_STALE, /* there is a value, and it is time to compute it again */
    LOOK_ERROR, /* the value is an exception, to be raised */
} look;

/* store.c: the entry's end is near or past, or its value is an exception. Borrows the entry. */
look cache_look_closer(CacheObject *self, cache_entry *e);

/* What a hit takes of an entry without counting it, because other threads would count it too. */
typedef struct {
    PyObject *value; /* a new reference */
    bool used, is_coarse; /* is_coarse: time is that of the coarse clock */
} entry_part;

/* A value_taker. False: the entry has to be looked at closer, which can run arbitrary code. */
static inline bool
entry_take_value(PyObject *entry, void *into)
{
    cache_entry *e = (cache_entry *)entry;
    entry_part *part = into;
    if (UNLIKELY(e->is_error || entry_get_state(e) == ENTRY_GONE))
        return false;
    if (e->expires != NEVER && !(part->is_coarse && coarse_microseconds() < e->expires))
        return false;
    if (part->used)
        entry_mark(e);
    part->value = Py_NewRef(e->value);
    return true;
}

/* Looks a key up: LOOK_HIT, LOOK_STALE and LOOK_ERROR come with a new reference in *value. `used`: it is a hit, which
 * keeps the entry from being evicted. Counts nothing. */
static inline look
cache_look(CacheObject *self, PyObject *key, PyObject **value, bool used)
{
    PyObject *found;
    entry_part part = {NULL, used, self->clock == NULL};
    int status = atomic_map_find_part(self->map, key, entry_take_value, &part, &found);
    *value = part.value;
    if (status <= 0)
        return status < 0 ? LOOK_FAILED : LOOK_MISS;
    if (found == NULL)
        return LOOK_HIT;
    cache_entry *e = (cache_entry *)found;
    look result = LIKELY(e->expires == NEVER && !e->is_error) ? LOOK_HIT : cache_look_closer(self, e);
    if (UNLIKELY(entry_get_state(e) == ENTRY_GONE) && result > LOOK_MISS)
        result = LOOK_MISS;
    if (LIKELY(result > LOOK_MISS)) {
        if (used)
            entry_mark(e);
        *value = Py_NewRef(e->value);
    }
    Py_DECREF(found);
    return result;
}

/* The same, and counts it. */
static inline look
cache_look_counted(CacheObject *self, PyObject *key, PyObject **value)
{
    look result = cache_look(self, key, value, true);
    if (LIKELY(result != LOOK_FAILED))
        cache_count(self, result == LOOK_MISS ? COUNT_MISSES : COUNT_HITS);
    return result;
}

/* store.c. What may run arbitrary code: all of it. */

/* Microseconds of the cache's clock; -1: it failed (exception set). */
int64_t cache_now(CacheObject *self);
/* Stores a value; `ttl` NULL: the cache's own. The entry (a new reference), or NULL (exception set). Where the callback
 * was interrupted, all is done nevertheless. */
PyObject *cache_store(CacheObject *self, PyObject *key, PyObject *value, PyObject *ttl, bool is_error);
/* Takes that entry out: 0, or -1 (exception set). */
int cache_discard(CacheObject *self, cache_entry *e, entry_reason reason);
/* Takes out what is under the key: 1 with the value (a new reference) in *value unless that is NULL, 0, or -1. */
int cache_take(CacheObject *self, PyObject *key, PyObject **value);
/* Takes out all that is there at the beginning, and whatever exceeds the limit: 0, or -1. */
int cache_clear(CacheObject *self);
int cache_shrink(CacheObject *self, int64_t limit);
/* A list of the pairs (key, value) that are there and not expired, all of one instant; NULL (exception set). */
PyObject *cache_pairs(CacheObject *self);
/* NULL, with AssertionError set: an invariant is broken. Only while no other call is under way. */
PyObject *cache_check(CacheObject *self);
/* A number of seconds as microseconds, None as NEVER: false (exception set). */
bool cache_seconds(PyObject *number, const char *what, int64_t *microseconds);

#endif
