/* Which keys a cache evicted lately, and from which of its queues: hashes alone, in buckets of four, of which a new one
 * pushes out the oldest. Two keys of one bucket and one fingerprint (31 bits) are taken for one another, which costs a
 * worse choice at most.
 *
 * Used under the lock of the cache. The memory is made and freed without it. */
#ifndef FROZEN_CACHE_GHOSTS_H
#define FROZEN_CACHE_GHOSTS_H

#include "cache/entry.h"

enum { GHOST_WAYS = 4, GHOST_LEAST = 16 };

typedef struct {
    uint32_t ways[GHOST_WAYS]; /* the newest first; 0: none; the lowest bit is the queue */
} ghost_bucket;

typedef struct {
    ghost_bucket *buckets; /* NULL: nothing is remembered */
    size_t size; /* of buckets */
    int64_t counts[2]; /* by queue */
} ghost_table;

static inline size_t
ghosts_room(const ghost_table *ghosts)
{
    return ghosts->buckets != NULL ? ghosts->size * GHOST_WAYS : 0;
}

/* An empty table for so many, without buckets if there is no memory: a cache can do without. */
static inline ghost_table
ghosts_new(size_t room)
{
    ghost_table ghosts = {.size = ((room > GHOST_LEAST ? room : GHOST_LEAST) + GHOST_WAYS - 1) / GHOST_WAYS};
    ghosts.buckets = PyMem_RawCalloc(ghosts.size, sizeof(ghost_bucket));
    return ghosts;
}

static inline void
ghosts_free(ghost_table *ghosts)
{
    PyMem_RawFree(ghosts->buckets);
    ghosts->buckets = NULL;
}

static inline uint32_t
ghost_fingerprint(uint64_t hash)
{
    uint32_t mixed = (uint32_t)((hash * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & ~UINT32_C(1);
    return mixed != 0 ? mixed : 2;
}

static inline void
ghosts_add(ghost_table *ghosts, uint64_t hash, int queue)
{
    if (ghosts->buckets == NULL)
        return;
    uint32_t *ways = ghosts->buckets[hash % ghosts->size].ways;
    uint32_t oldest = ways[GHOST_WAYS - 1];
    if (oldest != 0)
        ghosts->counts[oldest & 1]--;
    memmove(ways + 1, ways, (GHOST_WAYS - 1) * sizeof(uint32_t));
    ways[0] = ghost_fingerprint(hash) | (uint32_t)queue;
    ghosts->counts[queue]++;
}

/* Forgets the key: the queue from which it was evicted, or -1. */
static inline int
ghosts_take(ghost_table *ghosts, uint64_t hash)
{
    if (ghosts->buckets == NULL)
        return -1;
    uint32_t *ways = ghosts->buckets[hash % ghosts->size].ways, wanted = ghost_fingerprint(hash);
    for (int i = 0; i < GHOST_WAYS; i++)
        if ((ways[i] & ~UINT32_C(1)) == wanted) {
            int queue = (int)(ways[i] & 1);
            memmove(ways + i, ways + i + 1, (size_t)(GHOST_WAYS - 1 - i) * sizeof(uint32_t));
            ways[GHOST_WAYS - 1] = 0;
            ghosts->counts[queue]--;
            return queue;
        }
    return -1;
}

#endif
