/* What a cache keeps for a key. Never changes once a cache has it, but for its mark, its state and its place. */
#ifndef FROZEN_CACHE_ENTRY_H
#define FROZEN_CACHE_ENTRY_H

#include "module.h"

#define NEVER INT64_MAX /* microseconds, of entries without an end */

typedef enum {
    ENTRY_NEW,    /* not in the ring yet: the call that stores it is under way */
    ENTRY_LINKED, /* in the ring */
    ENTRY_GONE,   /* never in the ring again */
} entry_state;

/* Why an entry has gone; the order of the words in entry.c. */
typedef enum { GONE_SIZE, GONE_EXPIRED, GONE_REPLACED, GONE_DELETED, GONE_CLEARED } entry_reason;

typedef struct cache_entry {
    PyObject_HEAD
    PyObject *key, *value;             /* owned */
    struct cache_entry *older, *newer; /* in a queue of the ring, or `newer` in a list of what is to be dropped */
    int64_t expires;                   /* from then on it is stale, and later it has ended */
    int64_t weight;
    Py_hash_t hash; /* of the key */
    _Atomic(uint8_t) mark;  /* 1: there was a hit since the hand came by */
    _Atomic(uint8_t) state; /* entry_state */
    uint8_t reason;         /* entry_reason, of one that is to be dropped */
    uint8_t queue;          /* of the ring */
    bool is_error;          /* the value is an exception, to be raised */
} cache_entry;

/* ENTRY_NEW; or NULL (exception set). */
cache_entry *entry_new(PyTypeObject *type, PyObject *key, Py_hash_t hash, PyObject *value);

/* The word for it, borrowed; NULL: out of memory (exception set). */
PyObject *entry_reason_word(entry_reason reason);

/* Whether nobody may see it any more. Times are less than 2**61, so that their sum is a time. */
static inline bool
entry_has_ended(const cache_entry *e, int64_t now, int64_t stale_for)
{
    return e->expires != NEVER && now >= e->expires + stale_for;
}

static inline entry_state
entry_get_state(cache_entry *e)
{
    return (entry_state)atomic_load_explicit(&e->state, memory_order_relaxed);
}

/* Under the lock of the cache. */
static inline void
entry_set_state(cache_entry *e, entry_state state)
{
    atomic_store_explicit(&e->state, (uint8_t)state, memory_order_relaxed);
}

/* A load and, once between two visits of the hand, a store: no line is written that says so already. */
static inline void
entry_mark(cache_entry *e)
{
    if (atomic_load_explicit(&e->mark, memory_order_relaxed) == 0)
        atomic_store_explicit(&e->mark, 1, memory_order_relaxed);
}

#endif
