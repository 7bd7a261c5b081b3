/* What one call has found out about subtrees.  `v * 10**9` and what is made of it refer to the same few nodes again and
 * again; a walk that remembers what it found in a node costs what there is, and not what that stands for.
 *
 * A direct-mapped cache: what is forgotten is found out again.  Most walks are over before they need one, and so it is
 * made when the first budget (budget.h) is spent.  The caller keeps all nodes alive that a memo knows by address. */
#ifndef FROZEN_TREES_RRB_MEMO_INC_H
#define FROZEN_TREES_RRB_MEMO_INC_H

#include "trees/rrb/node.inc.h"

#define MEMO_SLOTS 8192

/* Of one node (`other` NULL) or of two that were compared. */
typedef struct {
    const void *node, *other;
    uint64_t value;
} memo_entry;

typedef struct {
    budget left;
    memo_entry *entries; /* NULL: nothing is remembered yet */
} rrb_memo;

static inline void
memo_init(rrb_memo *memo)
{
    *memo = (rrb_memo){BUDGET, NULL};
}

/* false: out of memory (exception set). */
NO_INLINE static bool
memo_begin(rrb_memo *memo)
{
    memo->entries = scratch_alloc(MEMO_SLOTS * sizeof *memo->entries);
    if (memo->entries != NULL)
        memset(memo->entries, 0, MEMO_SLOTS * sizeof *memo->entries);
    return memo->entries != NULL;
}

static inline void
memo_end(rrb_memo *memo)
{
    scratch_free(memo->entries);
}

/* As budget_spend; false: interrupted, or out of memory (exception set). */
static inline bool
memo_spend(rrb_memo *memo, size_t steps)
{
    if (LIKELY(memo->left > steps)) {
        memo->left -= steps;
        return true;
    }
    return budget_spend(&memo->left, steps) && (memo->entries != NULL || memo_begin(memo));
}

static inline memo_entry *
memo_place(const rrb_memo *memo, const void *node, const void *other)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)node ^ (uint64_t)(uintptr_t)other << 17) * 0x9E3779B97F4A7C15u;
    return &memo->entries[mixed >> 32 & (MEMO_SLOTS - 1)];
}

/* NULL: not known. */
static inline const uint64_t *
memo_find(const rrb_memo *memo, const void *node, const void *other)
{
    if (LIKELY(memo->entries == NULL))
        return NULL;
    memo_entry *place = memo_place(memo, node, other);
    return place->node == node && place->other == other ? &place->value : NULL;
}

static inline void
memo_put(rrb_memo *memo, const void *node, const void *other, uint64_t value)
{
    if (UNLIKELY(memo->entries != NULL))
        *memo_place(memo, node, other) = (memo_entry){node, other, value};
}

#endif
