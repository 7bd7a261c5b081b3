/* What every reference is made of, whatever its values are: a slot, the turns of its writers, and its waiters. */
#ifndef FROZEN_REF_PUBLICATION_H
#define FROZEN_REF_PUBLICATION_H

#include "ref/slot.h"
#include "ref/turns.h"
#include "ref/waiters.h"

/* The locks of one publication, or of several: a reference of one interpreter has its own, those of all interpreters
 * share a fixed number, which fork() can take (ref/shared_variable.c). Slots may be locked together, as slots.h does;
 * the other two are taken alone. */
typedef struct {
    ref_mutex slot, writers, waiters;
} publication_locks;

typedef struct {
    ref_slot slot;
    turn_queue writers;
    waiter_list waiters;
} publication;

/* Steals `value`; no other thread can see the publication yet. */
static inline void
publication_init(publication *self, publication_locks *locks, void *value, const void *root)
{
    slot_init(&self->slot, &locks->slot, value, root);
    turns_init(&self->writers, &locks->writers);
    waiters_init(&self->waiters, &locks->waiters);
}

static inline publication *
publication_of_slot(ref_slot *slot)
{
    return (publication *)((char *)slot - offsetof(publication, slot));
}

#endif
