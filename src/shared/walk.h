/* A walk through nested shared values: one comparison or one hash, from the outermost value on, in one thread.
 *
 * Values share what they hold: twenty tuples, each of which holds the one before twice, are twenty boxes and a million
 * paths.  A walk remembers what it has found out about what can be reached on several paths, so that it takes as many
 * steps as there are boxes.  It spans all that trees/ does in between, therefore it is the thread's.
 *
 * Only addresses are remembered: what is walked through is immutable, and kept alive by the caller that began the walk.
 * Arbitrary code is no part of it (another greenlet may go on meanwhile, say): walk_pause() before it and walk_resume()
 * after it. */
#ifndef FROZEN_SHARED_WALK_H
#define FROZEN_SHARED_WALK_H

#include "platform/address_map.h"
#include "shared/cell.h"

typedef struct {
    address_map met;
    budget left;
} walk;

/* The thread's walk, or NULL: then the caller begins one, in a function of its own because it takes some stack. */
walk *walk_current(void);
void walk_begin(walk *own);
void walk_end(walk *own);

walk *walk_pause(void);
void walk_resume(walk *paused);

/* One step, into a block of that kind: 0, or -1: too deep, or interrupted (exception set). walk_up() after it if it was
 * 0. */
int walk_down(walk *w, block_kind kind);
void walk_up(block_kind kind);

#endif
