/* Copies of small maps. A map of a file makes a new object at each look-up. One that is asked as often as it has entries
 * is copied into a dict, whose look-ups make none: as long as it has few entries, which are small and cannot change, and as
 * long as the copies of the whole file take little memory. Views of other containers are entries, too. */
#ifndef FROZEN_FILE_COPY_H
#define FROZEN_FILE_COPY_H

#include "file/keyed.h"

enum {
    COPIED_ENTRIES = 1024, /* at most, of one map */
    COPIED_BYTES = 1 << 20, /* at most, of all maps of a file, by `cost_of` */
};

/* Makes the copy, if it may be made. false (exception set): it was interrupted. */
bool file_copy_made(file_view *self, PyObject **copy);

/* The copy, or NULL, for a look-up: not a new reference, for it stays as long as the view. The first thread that has made one
 * stores it, with release, and it is never replaced. false (exception set): it was interrupted. */
static inline bool
file_copy(file_view *self, PyObject **copy)
{
    *copy = atomic_load_explicit(&self->copy, memory_order_acquire);
    if (LIKELY(*copy != NULL) || self->count > COPIED_ENTRIES)
        return true;
    uint32_t asked = atomic_load_explicit(&self->asked, memory_order_relaxed); /* threads may lose some of the counts */
    atomic_store_explicit(&self->asked, asked + 1, memory_order_relaxed);
    return asked != (uint32_t)self->count || file_copy_made(self, copy);
}

#endif
