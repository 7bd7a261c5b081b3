/* The order in which a cache evicts: CAR, the clock with adaptive replacement (Bansal and Modha, FAST 2004).
 *
 * Two queues. RECENT holds what was stored and is not proven yet, FREQUENT what was used again. A hit does no more than
 * mark its entry. Where room is needed, the oldest of a queue goes, unless it is marked: then it loses its mark and
 * becomes the newest of FREQUENT. Entries move under the lock alone, so hits need none.
 *
 * Which queue has to give is decided by `target`, the weight that RECENT may have. It learns: evicted keys are remembered
 * for a while (ghosts.h), and one that is stored again goes to FREQUENT and says which queue was too small. Where
 * popularity changes fast RECENT becomes large and the cache is as good as one by time of use; where scans and loops
 * pass through it becomes small, and they pass through it alone.
 *
 * A pointer, `sweep`, goes over the queues for expired entries, a few steps for each entry that comes in, so that a
 * cache without a bound does not keep what is never asked for again.
 *
 * All of this happens under the lock of the cache (cache.h). A queue holds one reference to each of its entries. */
#ifndef FROZEN_CACHE_RING_H
#define FROZEN_CACHE_RING_H

#include "cache/ghosts.h"

enum {
    MOST_CHANCES = 1000, /* marks that one eviction takes: what follows is evicted, marked or not */
    SWEEP_STEPS = 2,     /* for each entry that comes in */
};

enum { RECENT, FREQUENT };

typedef struct {
    cache_entry *oldest, *newest;
    int64_t weight; /* of all together */
} cache_queue;

typedef struct {
    cache_queue queues[2];
    Py_ssize_t count; /* in both */
    int64_t weight;
    int64_t target;
    ghost_table ghosts;
    cache_entry *sweep; /* NULL: begin with the oldest of the other queue */
    int sweep_queue;
} cache_ring;

static inline void
queue_append(cache_queue *queue, cache_entry *e)
{
    e->older = queue->newest;
    e->newer = NULL;
    *(queue->newest != NULL ? &queue->newest->newer : &queue->oldest) = e;
    queue->newest = e;
    queue->weight += e->weight;
}

static inline void
queue_remove(cache_ring *ring, cache_queue *queue, cache_entry *e)
{
    if (ring->sweep == e)
        ring->sweep = e->newer;
    *(e->older != NULL ? &e->older->newer : &queue->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &queue->newest) = e->older;
    e->older = e->newer = NULL;
    queue->weight -= e->weight;
}

/* Learns from a key that comes back after it was evicted from that queue. */
static inline void
ring_adapt(cache_ring *ring, int from, int64_t limit)
{
    int64_t own = ring->ghosts.counts[from], other = ring->ghosts.counts[!from];
    int64_t each = ring->count > 0 && ring->weight > ring->count ? ring->weight / ring->count : 1;
    int64_t step = each * (own > 0 && other > own ? other / own : 1);
    if (from == RECENT)
        ring->target = step < limit - ring->target ? ring->target + step : limit;
    else
        ring->target = step < ring->target ? ring->target - step : 0;
}

static inline cache_entry *
ring_first(const cache_ring *ring)
{
    return ring->queues[RECENT].oldest != NULL ? ring->queues[RECENT].oldest : ring->queues[FREQUENT].oldest;
}

/* Takes over a reference. The entry is in place of one of `queue`, or of none if that is negative. */
static inline void
ring_link(cache_ring *ring, cache_entry *e, int queue, int64_t limit)
{
    int from = ghosts_take(&ring->ghosts, (uint64_t)e->hash);
    if (from >= 0) {
        ring_adapt(ring, from, limit);
        queue = FREQUENT;
    }
    e->queue = queue == FREQUENT;
    queue_append(&ring->queues[e->queue], e);
    ring->count++;
    ring->weight += e->weight;
    entry_set_state(e, ENTRY_LINKED);
}

/* Gives back the reference. */
static inline void
ring_unlink(cache_ring *ring, cache_entry *e)
{
    queue_remove(ring, &ring->queues[e->queue], e);
    ring->count--;
    ring->weight -= e->weight;
    entry_set_state(e, ENTRY_GONE);
}

/* Unlinks the entry that is to go, and returns it with its reference; NULL: there is none. */
static inline cache_entry *
ring_evict(cache_ring *ring)
{
    for (int i = 0; ring->count > 0; i++) {
        cache_queue *recent = &ring->queues[RECENT], *frequent = &ring->queues[FREQUENT];
        bool first = frequent->oldest == NULL
                     || (recent->oldest != NULL && recent->weight >= (ring->target > 0 ? ring->target : 1));
        cache_queue *queue = first ? recent : frequent;
        cache_entry *e = queue->oldest;
        if (i == MOST_CHANCES || atomic_load_explicit(&e->mark, memory_order_relaxed) == 0) {
            ring_unlink(ring, e);
            ghosts_add(&ring->ghosts, (uint64_t)e->hash, e->queue);
            return e;
        }
        atomic_store_explicit(&e->mark, 0, memory_order_relaxed);
        queue_remove(ring, queue, e);
        e->queue = FREQUENT;
        queue_append(frequent, e);
    }
    return NULL;
}

/* One step of the sweep: the entry, as ring_evict returns it, if it ended before `now`; else NULL. */
static inline cache_entry *
ring_sweep(cache_ring *ring, int64_t now, int64_t stale_for)
{
    if (ring->sweep == NULL) {
        ring->sweep_queue = !ring->sweep_queue;
        ring->sweep = ring->queues[ring->sweep_queue].oldest;
    }
    cache_entry *e = ring->sweep;
    if (e == NULL)
        return NULL;
    ring->sweep = e->newer;
    if (!entry_has_ended(e, now, stale_for))
        return NULL;
    ring_unlink(ring, e);
    return e;
}

#endif
