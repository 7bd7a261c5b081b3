/* Two containers of one family: equal, 1, or not, 0; -1: failed (exception set), or interrupted.
 *
 * The including file has said how the contents are compared:
 *
 *     contents_equal(a, b)    where both are of one length
 *
 * What is nested is met once, however many paths lead there (platform/comparison.h).  Values in shared memory have a walk
 * of their own (shared/walk.h), which goes on where a container is compared with its local counterpart
 * (shared/counterpart.h). */
#ifndef FROZEN_BINDINGS_COMMON_EQUAL_INC_H
#define FROZEN_BINDINGS_COMMON_EQUAL_INC_H

#include "bindings/common/family.inc.h"
#include "platform/comparison.h"
#include "shared/counterpart.h"

static int contents_equal(PyObject *a, PyObject *b);

static int
equal_within(comparison *c, PyObject *a, PyObject *b)
{
    container *x = (container *)a, *y = (container *)b;
    address_key key = {(uintptr_t)x->root, (uintptr_t)y->root, (uint64_t)x->count};
    if (comparison_remembers(c, a, b) && address_find(&c->equal, key) != NULL)
        return 1;
    int equal = contents_equal(a, b);
    if (equal > 0)
        comparison_met(c, a, b, key);
    return equal;
}

NO_INLINE static int
equal_outermost(PyObject *a, PyObject *b)
{
    comparison own;
    own.met = own.equal.used = own.equal.mask = 0; /* nothing else of an empty map is read */
    own.equal.slots = NULL;
    comparison_running = &own;
    int equal = equal_within(&own, a, b);
    comparison_running = NULL;
    address_free(&own.equal);
    return equal;
}

static int
containers_equal(PyObject *a, PyObject *b)
{
    container *x = (container *)a, *y = (container *)b;
    if (x->count != y->count || x->root == y->root)
        return x->count == y->count;
    if (!CELLS_HOLD_ALL)
        return contents_equal(a, b);
    return comparison_running != NULL ? equal_within(comparison_running, a, b) : equal_outermost(a, b);
}

#endif
