/* Process-wide locks across fork(): the child has one thread, and finds each of them free, over whole data. */
#ifndef FROZEN_INTERP_FORK_H
#define FROZEN_INTERP_FORK_H

#include "memory/mutex.h"

/* Guard `count` mutexes of static storage, once each, in this order and after those guarded earlier: whoever holds two
 * of them took them in that order.  0, or -1 (reported). */
int fork_guard(ref_mutex *mutexes, int count);

#endif
