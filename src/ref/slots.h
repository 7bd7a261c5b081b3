/* Several slots at once: locked in the order of their addresses, so that two who lock never wait for each other. */
#ifndef FROZEN_REF_SLOTS_H
#define FROZEN_REF_SLOTS_H

#include "ref/slot.h"

/* Insertion sort: groups are small. */
static inline void
slots_sort(ref_slot **slots, Py_ssize_t count)
{
    for (Py_ssize_t i = 1; i < count; i++) {
        ref_slot *slot = slots[i];
        Py_ssize_t j = i;
        for (; j > 0 && (uintptr_t)slots[j - 1] > (uintptr_t)slot; j--)
            slots[j] = slots[j - 1];
        slots[j] = slot;
    }
}

static inline void
slots_lock(ref_slot *const *sorted, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        ref_mutex_lock(&sorted[i]->lock);
}

static inline void
slots_unlock(ref_slot *const *sorted, Py_ssize_t count)
{
    for (Py_ssize_t i = count; i-- > 0;)
        ref_mutex_unlock(&sorted[i]->lock);
}

#endif
