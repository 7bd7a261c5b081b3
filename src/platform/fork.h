/* Process-wide locks across fork(): the child has one thread, and finds each of them free, over whole data. */
#ifndef FROZEN_PLATFORM_FORK_H
#define FROZEN_PLATFORM_FORK_H

#include "platform/spinlock.h"

/* Guard `count` mutexes of static storage, once each, in this order and after those guarded earlier: whoever holds two
 * of them took them in that order.  0, or -1 (reported). */
int fork_guard(ref_mutex *mutexes, int count);

/* The number of the calling thread: never 0, never another thread's, and kept by the thread that forks.
 *
 * Whatever says "a thread is doing this" (it delivers, it has the turn, it wakes a loop) says which one by this number,
 * so that the child of a fork can tell a thread that it has from one that only its parent has: see thread_vanished. */
uint64_t thread_number(void);

/* Whether the thread of that number stayed in the parent when this process, or one before it, was forked. */
bool thread_vanished(uint64_t number);

/* How many forks made this process out of the one that loaded the code: a child of a fork has one more than its parent.
 * Counted from the first fork_guard() on; always 0 on Windows. */
extern _Atomic(uint32_t) fork_generation;

#endif
