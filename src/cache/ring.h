/* The order in which a cache evicts: SIEVE (Zhang et al., NSDI 2024).
 *
 * Entries stand in a line, the newest at one end. A hit does no more than mark its entry. A hand goes over the line from
 * the oldest to the newest and round again: it takes the mark of a marked entry and evicts the first without one, and
 * stays there until the next eviction. Entries do not move, so hits need no lock and write to no entry that is marked.
 *
 * A second pointer, `sweep`, goes over the line for expired entries, a few steps for each entry that comes in, so that
 * a cache without a bound does not keep what is never asked for again.
 *
 * All of this happens under the lock of the cache (cache.h). A step of the line holds one reference to its entry. */
#ifndef FROZEN_CACHE_RING_H
#define FROZEN_CACHE_RING_H

#include "cache/entry.h"

enum {
    MOST_CHANCES = 1000, /* marks that one eviction takes: what follows is evicted, marked or not */
    SWEEP_STEPS = 2,     /* for each entry that comes in */
};

typedef struct {
    cache_entry *oldest, *newest;
    cache_entry *hand, *sweep; /* NULL: begin with the oldest */
    Py_ssize_t count;
    int64_t weight; /* of all together */
} cache_ring;

/* Takes over a reference. */
static inline void
ring_link(cache_ring *ring, cache_entry *e)
{
    e->older = ring->newest;
    e->newer = NULL;
    *(ring->newest != NULL ? &ring->newest->newer : &ring->oldest) = e;
    ring->newest = e;
    ring->count++;
    ring->weight += e->weight;
    entry_set_state(e, ENTRY_LINKED);
}

/* Gives back the reference. */
static inline void
ring_unlink(cache_ring *ring, cache_entry *e)
{
    if (ring->hand == e)
        ring->hand = e->newer;
    if (ring->sweep == e)
        ring->sweep = e->newer;
    *(e->older != NULL ? &e->older->newer : &ring->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &ring->newest) = e->older;
    e->older = e->newer = NULL;
    ring->count--;
    ring->weight -= e->weight;
    entry_set_state(e, ENTRY_GONE);
}

/* Unlinks the entry that is to go, and returns it with its reference; NULL: there is none. */
static inline cache_entry *
ring_evict(cache_ring *ring)
{
    cache_entry *e = ring->hand;
    for (int i = 0; ring->oldest != NULL; i++) {
        if (e == NULL)
            e = ring->oldest;
        if (i == MOST_CHANCES || atomic_load_explicit(&e->mark, memory_order_relaxed) == 0) {
            ring->hand = e;
            ring_unlink(ring, e);
            return e;
        }
        atomic_store_explicit(&e->mark, 0, memory_order_relaxed);
        e = e->newer;
    }
    return NULL;
}

/* One step of the sweep: the entry, as ring_evict returns it, if nobody may see it any more; else NULL. */
static inline cache_entry *
ring_sweep(cache_ring *ring, int64_t now)
{
    cache_entry *e = ring->sweep != NULL ? ring->sweep : ring->oldest;
    if (e == NULL)
        return NULL;
    ring->sweep = e->newer;
    if (e->ends > now)
        return NULL;
    ring_unlink(ring, e);
    return e;
}

#endif
