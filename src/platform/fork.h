/* Process-wide locks across fork(): the child has one thread, and finds each of them free, over whole data. */
#ifndef FROZEN_PLATFORM_FORK_H
#define FROZEN_PLATFORM_FORK_H

#include "platform/spinlock.h"

/* Guard `count` mutexes of static storage, once each, in this order and after those guarded earlier: a thread that
 * holds two of them took them in that order. 0, or -1 (exception set). */
int fork_guard(ref_mutex *mutexes, int count);

/* The number of the calling thread: never 0, never another thread's, and kept by the thread that forks.
 *
 * A record that a thread is doing something (it delivers, it has the turn, it wakes a loop) names it by this number,
 * so that the child of a fork can tell a thread that it has from one that only its parent has: see thread_vanished. */
uint64_t thread_number(void);

/* Whether the thread of that number stayed in the parent when this process, or one before it, was forked. */
bool thread_vanished(uint64_t number);

/* How many forks made this process out of the one that loaded the code: a child of a fork has one more than its parent.
 * Counted from the first fork_guard() on; always 0 on Windows. */
extern _Atomic(uint32_t) fork_generation;

#endif
