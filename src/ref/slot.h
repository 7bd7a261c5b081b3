/* The versioned slot: one published value and the number of its version.  Plain C: what a value is, how it is retained
 * and dropped, is the caller's business, so that references between threads and between interpreters share it.
 *
 * - `value` and `root` change only under `lock`; the slot owns `value`, and a thread that takes a value out under the
 *   lock retains it before unlocking.
 * - The store to `version` publishes: it comes last, and it is sequentially consistent.  A thread that reads a version
 *   from the slot without the lock has read something that was current at that moment.
 * - `root` names the version for comparison.  It may be compared without the lock, never followed.  Its store releases:
 *   what the publisher wrote before happened before what a thread does that has loaded it. */
#ifndef FROZEN_REF_SLOT_H
#define FROZEN_REF_SLOT_H

#include "platform/spinlock.h"
#include <stdatomic.h>

typedef struct {
    ref_mutex *lock; /* beside the slot, or one that several slots share: process-wide locks are few (publication.h) */
    _Atomic(uint64_t) version;
    _Atomic(const void *) root;
    void *value;
} ref_slot;

/* The first value of a slot that no other thread can see yet; steals `value`. */
static inline void
slot_init(ref_slot *slot, ref_mutex *lock, void *value, const void *root)
{
    slot->lock = lock;
    slot->value = value;
    atomic_init(&slot->root, root);
    atomic_init(&slot->version, 0);
}

static inline uint64_t
slot_version(ref_slot *slot)
{
    return atomic_load_explicit(&slot->version, memory_order_acquire);
}

/* Whether `root` was the published one at some moment of this call: lets a comparison that must fail fail for
 * nothing. */
static inline bool
slot_may_hold(ref_slot *slot, const void *root)
{
    return atomic_load_explicit(&slot->root, memory_order_acquire) == root;
}

/* Replaces the value without making it a new version; the caller holds the lock.  Steals `value`, returns the old one:
 * drop it after unlocking. */
static inline void *
slot_replace(ref_slot *slot, void *value, const void *root)
{
    void *old = slot->value;
    slot->value = value;
    atomic_store_explicit(&slot->root, root, memory_order_release);
    return old;
}

/* As slot_replace, and publishes the value as the next version. */
static inline void *
slot_publish(ref_slot *slot, void *value, const void *root)
{
    void *old = slot_replace(slot, value, root);
    uint64_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);
    atomic_store_explicit(&slot->version, version + 1, memory_order_seq_cst);
    return old;
}

#endif
