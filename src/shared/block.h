/* Counted blocks: what the shared memory is made of.
 *
 * A block is plain memory with an atomic count, owned by no interpreter: a node of a tree, or a value too large for a
 * cell (cell.h).  It may be retained, released and freed in any thread of any interpreter, or in none: nothing here
 * touches a Python object, and the memory comes from malloc (PyMem_RawMalloc may want an interpreter when tracemalloc
 * runs).  Freeing is iterative: a million maps nested in each other need no C stack.
 *
 * Who frees.  Every reference is counted, so a thread that can reach a block keeps it alive.  A release orders all that
 * its thread did with the block before the decrement; the thread that takes the count to zero orders the decrements of
 * all others before the free. */
#ifndef FROZEN_SHARED_BLOCK_H
#define FROZEN_SHARED_BLOCK_H

#include "trees/memory_contract.h"

/* One cell of the shared memory, see cell.h. */
typedef uint64_t cell;
typedef NODE_CONTENTS(cell) node_contents;

/* What a block is.  Boxes hold one value each; nodes are parts of trees. */
typedef enum {
    KIND_INT,
    KIND_BIG_INT,
    KIND_FLOAT,
    KIND_COMPLEX,
    KIND_STR,
    KIND_BYTES,
    KIND_BLOB,
    KIND_TUPLE,
    KIND_FROZENSET,
    KIND_REGISTERED,
    KIND_NATIVE,
    KIND_MAP,
    KIND_SET,
    KIND_VECTOR,
    KIND_REF,
    KIND_ATOMIC_MAP,
    KIND_COUNTER,
    NODE_MAP,
    NODE_SET,
    NODE_VECTOR,
    KIND_COUNT,
} block_kind;

typedef struct {
    _Atomic(uint32_t) count;
    uint8_t kind;
    uint8_t form;   /* str: bytes a character */
    _Atomic(uint16_t) flags; /* BOX_* of cell.h */
} block;

/* What the block owns, for the thread that frees it; only boxes and nodes that hold others have an entry. */
node_contents block_contents(block *);

/* New, count 1.  NULL: out of memory, *not* reported: callers without an interpreter exist. */
void *block_alloc(size_t size, block_kind kind);

/* Free a block whose count has come to zero, and all that only it kept alive. */
void block_free(block *);

/* How many blocks at the addresses of each of so many sets were freed, as far as objects made of them may be kept: see
 * decoded.h. */
#define BLOCK_SETS_LOG2 11
#define BLOCK_SETS (1 << BLOCK_SETS_LOG2)
extern _Atomic(uint64_t) block_generations[BLOCK_SETS];

static inline size_t
block_set_of(const void *b)
{
    return (size_t)(((uint64_t)(uintptr_t)b >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> (64 - BLOCK_SETS_LOG2));
}

/* Mark the block as never freed; all below it is marked already. */
void block_make_immortal(block *);

/* Blocks alive in the process that may end, so without the immortal ones.  For tests: exact when no other thread
 * allocates, frees or marks. */
long blocks_alive(void);

/* For tests: the allocation after this many, in whichever thread, fails; negative: none. Returns what was left of the
 * last call's count, which is negative if an allocation failed since. */
long block_fail_after(long count);

/* Counts have 32 bits, to keep nodes small. Both operations look before they write, and leave what is never freed
 * alone, so that no page of it is written.
 *
 * A block that has been referenced two billion times is never freed. Releases stop counting at COUNT_LIMIT, and
 * references far above it. So up to COUNT_FULL a count is never smaller than the number of references; and from there it
 * comes back below COUNT_LIMIT only if 2^30 threads had looked, and not yet written, when it got there.
 *
 * An immortal block (immortal.c) starts in the middle above COUNT_MARKED, and what such threads add or take away keeps it
 * there. */
#define COUNT_LIMIT UINT32_C(0x80000000)
#define COUNT_FULL UINT32_C(0xC0000000)
#define COUNT_MARKED UINT32_C(0xD0000000)
#define COUNT_IMMORTAL UINT32_C(0xE8000000)

static inline void
block_retain(block *b)
{
    /* relaxed: the caller holds a reference already, so nothing can be freed or published by this */
    if (LIKELY(atomic_load_explicit(&b->count, memory_order_relaxed) < COUNT_FULL))
        atomic_fetch_add_explicit(&b->count, 1, memory_order_relaxed);
}

/* Give up one reference; true: it was the last one, and the caller must free the block. */
static inline bool
block_drop(block *b)
{
    uint32_t seen = atomic_load_explicit(&b->count, memory_order_acquire);
    /* The only reference is ours, so no other thread can change the count: no need to write it. */
    if (seen == 1)
        return true;
    if (UNLIKELY(seen >= COUNT_LIMIT))
        return false;
    return atomic_fetch_sub_explicit(&b->count, 1, memory_order_acq_rel) == 1;
}

/* Whether the block and all below it are marked as never freed. */
static inline bool
block_is_immortal(const block *b)
{
    /* acquire: the marks below were set before this one */
    return atomic_load_explicit(&((block *)b)->count, memory_order_acquire) >= COUNT_MARKED;
}

static inline void
block_release(block *b)
{
    if (block_drop(b))
        block_free(b);
}

static inline bool
block_is_unique(const block *b)
{
    /* acquire: the threads that dropped the other references have finished with the block */
    return atomic_load_explicit(&((block *)b)->count, memory_order_acquire) == 1;
}

#endif
