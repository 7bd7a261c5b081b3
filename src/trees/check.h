/* How much of a tree debug builds (FROZEN_CHECK) check after an operation; other builds check nothing.
 *
 * A tree of up to CHECK_WHOLE entries is checked as a whole after each operation. For a larger one each operation earns
 * CHECK_WHOLE, and once that pays for the tree's size the tree is checked as a whole. So a check costs an operation
 * bounded time on average, and a long history of a large tree is seen as a whole every now and then. */
#ifndef FROZEN_TREES_CHECK_H
#define FROZEN_TREES_CHECK_H

#include "platform/compiler.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef FROZEN_CHECK

#define CHECK_WHOLE 1024

/* Whether a tree of `count` entries that an operation has just made is to be checked as a whole. */
MAYBE_UNUSED static bool
check_is_due(size_t count)
{
    static _Atomic(size_t) earned; /* a count of effort: threads need no order among each other */
    if (count <= CHECK_WHOLE)
        return true;
    if (atomic_fetch_add_explicit(&earned, CHECK_WHOLE, memory_order_relaxed) + CHECK_WHOLE < count)
        return false;
    atomic_store_explicit(&earned, 0, memory_order_relaxed);
    return true;
}

#else

MAYBE_UNUSED static inline bool
check_is_due(size_t count)
{
    (void)count;
    return false;
}

#endif
#endif
