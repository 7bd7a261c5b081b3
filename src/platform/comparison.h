/* One comparison of containers of objects, from the outermost on, in one thread.
 *
 * Sixty vectors, each of which holds the one before twice, are 2^60 paths.  Once a comparison has met more than a few
 * nested containers, it remembers which two it found equal, by the addresses of their roots: as many as there are, and
 * not as many as there are paths.
 *
 * Only addresses are remembered: the caller keeps the outermost two alive, and they never change, so what is nested in
 * them stays as well.  Arbitrary code is no part of the comparison: it may compare others, drop them, or switch to
 * another greenlet of the thread, which compares as well.  So comparison_pause() stands before each call of it, and
 * comparison_resume() after it.  An element that is no container of ours may be equal now and not later; it is asked
 * once in such a comparison, as if the rest had been asked at the same time. */
#ifndef FROZEN_PLATFORM_COMPARISON_H
#define FROZEN_PLATFORM_COMPARISON_H

#include "platform/address_map.h"
#include "platform/cpython.h"
#include "platform/thread_local.h"

typedef struct {
    address_map equal;
    size_t met; /* how many pairs of containers were equal */
} comparison;

enum { COMPARED_FREELY = 256 }; /* pairs that are not remembered, because most comparisons are over by then */

/* That of the thread; NULL: none. */
extern FROZEN_THREAD_LOCAL comparison *comparison_running;

static inline comparison *
comparison_pause(void)
{
    comparison *paused = comparison_running;
    comparison_running = NULL;
    return paused;
}

static inline void
comparison_resume(comparison *paused)
{
    comparison_running = paused;
}

/* Whether the comparison is to remember these two: it has met many, and another path may lead to them, because each has
 * another owner than the one that was come from. */
static inline bool
comparison_remembers(const comparison *c, PyObject *a, PyObject *b)
{
    return c->met > COMPARED_FREELY && !object_is_unique(a) && !object_is_unique(b);
}

/* The two were found to be equal.  Without memory they are compared again; the collector may have made another owner in
 * the meantime. */
static inline void
comparison_met(comparison *c, PyObject *a, PyObject *b, address_key key)
{
    c->met++;
    if (comparison_remembers(c, a, b) && address_find(&c->equal, key) == NULL)
        address_add(&c->equal, key, 1);
}

#endif
