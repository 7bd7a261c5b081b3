/* Several slots at once: locked in the order of their locks' addresses, so that two threads that lock never wait for
 * each other. Slots that have one lock are side by side in that order, and it is taken once. */
#ifndef FROZEN_REF_SLOTS_H
#define FROZEN_REF_SLOTS_H

#include "ref/slot.h"

static inline bool
slot_comes_before(const ref_slot *a, const ref_slot *b)
{
    return a->lock != b->lock ? (uintptr_t)a->lock < (uintptr_t)b->lock : (uintptr_t)a < (uintptr_t)b;
}

/* Insertion sort: groups are small. */
static inline void
slots_sort(ref_slot **slots, Py_ssize_t count)
{
    for (Py_ssize_t i = 1; i < count; i++) {
        ref_slot *slot = slots[i];
        Py_ssize_t j = i;
        for (; j > 0 && slot_comes_before(slot, slots[j - 1]); j--)
            slots[j] = slots[j - 1];
        slots[j] = slot;
    }
}

static inline void
slots_lock(ref_slot *const *sorted, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (i == 0 || sorted[i]->lock != sorted[i - 1]->lock)
            ref_mutex_lock(sorted[i]->lock);
}

static inline void
slots_unlock(ref_slot *const *sorted, Py_ssize_t count)
{
    for (Py_ssize_t i = count; i-- > 0;)
        if (i == 0 || sorted[i]->lock != sorted[i - 1]->lock)
            ref_mutex_unlock(sorted[i]->lock);
}

#endif
