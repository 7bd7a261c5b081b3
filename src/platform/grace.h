/* Grace periods: how a writer that has taken something out of a structure learns that no reader is in it any longer, while
 * readers take no lock and write no memory that others write.
 *
 * As in sleepable read-copy-update (SRCU: McKenney 2006), a reader is counted in and out, here in a record of its thread's
 * own. `passes` is odd while the thread is inside, and `place` says which structure it reads:
 *
 *     reader      grace_enter(map):  store(place, map);  store(passes, odd)
 *                 load the structure's pointers, count what it returns
 *                 grace_leave():     store(passes, even)
 *     writer      store the new pointers;  grace_passed(map): a fence, then for each record: load(passes);
 *                 free what the old pointers led to
 *
 * A writer that loads an even `passes` frees safely. Either the load finds the end of a visit: a store that releases,
 * loaded acquiring, so all that the visit did has happened before. Or the visit begins later: then the store that begins
 * it comes after the writer's load, and so after the writer's fence, in the one order of all sequentially consistent
 * operations; the reader's loads of pointers are sequentially consistent as well, come after that store, and find what was
 * stored before the fence. A `passes` that has changed since the writer looked first is as good: that visit has ended.
 * So is another `place`: it was stored, releasing, after the visits before it had ended.
 *
 * Between entering and leaving a thread runs no arbitrary code, waits for nothing and reaches no safepoint. So visits are
 * short, they do not nest, a thread is never detached inside one, and no thread of an interpreter is inside while the
 * collector or os.fork() has stopped it. (os.fork() stops no thread of another interpreter that has a GIL of its own: that
 * one may be inside, and is then one that stayed in the parent.)
 *
 * What makes a visit long is a processor that the system takes away. A writer of an AtomicMap therefore waits for a
 * moment only, then keeps what it wanted to free, and marks the record (`awaited`). The reader that finds the mark when
 * it leaves asks again in the writer's stead. A writer of a SharedAtomicMap waits until the visit has ended:
 * grace_wait().
 *
 * The records are the process's, and belong to no interpreter. A thread gets one with its first visit and gives it back
 * when it ends; there are as many as threads that read were alive at once, they are used again and never freed. In the
 * child of a fork the records of threads that stayed in the parent are taken for left, and used again. */
#ifndef FROZEN_PLATFORM_GRACE_H
#define FROZEN_PLATFORM_GRACE_H

#include "platform/cpython.h"
#include "platform/thread_local.h"
#include <stdatomic.h>

typedef struct grace_record {
    _Atomic(uint64_t) passes; /* by the owner, one more for each time that it goes in or out */
    _Atomic(const void *) place; /* by the owner: where it is, or was last */
    _Atomic(bool) awaited; /* a writer has given up waiting for it */
    _Atomic(uint64_t) thread; /* the thread_number() of the owner; 0: none */
    struct grace_record *next; /* never changes once the record is in the list */
    char apart[128 - 5 * sizeof(uint64_t)]; /* processors fetch lines by two */
} grace_record;

extern FROZEN_THREAD_LOCAL grace_record *grace_own;

/* The calling thread's record, which it has from now on; NULL: there is no memory (no exception). */
grace_record *grace_join(void);

/* NULL: the thread cannot be counted (no exception), and has to lock what it reads. */
static inline grace_record *
grace_enter(const void *place)
{
    grace_record *own = grace_own;
    if (UNLIKELY(own == NULL) && (own = grace_join()) == NULL)
        return NULL;
    uint64_t passes = atomic_load_explicit(&own->passes, memory_order_relaxed);
    assert(passes % 2 == 0);
    atomic_store_explicit(&own->place, place, memory_order_release);
    atomic_store_explicit(&own->passes, passes + 1, memory_order_seq_cst);
    return own;
}

/* True: a writer has given up waiting for this visit, or for one before it, and the caller has to ask in its stead, for
 * the place that it has read. A mark that is set at this very moment may go unnoticed until the thread leaves the next
 * time. If that is another place, the mark is lost: what was kept then waits for the next change of its own place that
 * has to free something, or for the place's end. */
static inline bool
grace_leave(grace_record *own)
{
    uint64_t passes = atomic_load_explicit(&own->passes, memory_order_relaxed);
    atomic_store_explicit(&own->passes, passes + 1, memory_order_release);
    if (LIKELY(!atomic_load_explicit(&own->awaited, memory_order_relaxed)))
        return false;
    /* What the mark stands for is there to be found: this synchronises with the one that was set last. */
    return atomic_exchange(&own->awaited, false);
}

/* Whether all visits of the place that were under way have ended. The caller holds no lock, and has stored the new
 * pointers before. `patience` is how often it looks again at visits that have not; 0: it does not wait. False: their
 * threads are told that they are awaited. */
bool grace_passed(const void *place, unsigned patience);

/* Waits until they have. */
void grace_wait(const void *place);

enum { GRACE_PATIENCE = 256 }; /* some microseconds */

/* How many records there are, for tests. */
size_t grace_records(void);

#endif
