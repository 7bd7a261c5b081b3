/* Threads that wait for a newer version, and watches that hear of each one. Readers pay nothing for them, a publisher
 * one load.
 *
 * No waiter sleeps through a publication: a waiter first counts itself, then reads the version; a publisher first
 * stores the version, then reads the count; all four are sequentially consistent, so one of the two sees the other. */
#ifndef FROZEN_REF_WAITERS_H
#define FROZEN_REF_WAITERS_H

#include "platform/fork.h"
#include "platform/parker.h"
#include "ref/slot.h"

typedef struct waiter {
    struct waiter *next, **link;
    uint64_t version; /* wakes when a newer one is published */
    uint64_t thread; /* that waits, unless `heard` is called instead */
    bool woken;
    parker parker;
    void (*heard)(struct waiter *self); /* unless NULL: is called, each time, instead of waking a parked thread once;
                                         * under the lock, by a thread of any interpreter */
} waiter;

typedef struct {
    _Atomic(uint32_t) count; /* waiters, and others that count themselves to hear of publications */
    ref_mutex *lock;
    waiter *first;
} waiter_list;

static inline void
waiters_init(waiter_list *list, ref_mutex *lock)
{
    atomic_init(&list->count, 0);
    list->lock = lock;
    list->first = NULL;
}

/* Whether anybody might be waiting for what the caller has just published. */
static inline bool
waiters_any(waiter_list *list)
{
    return atomic_load_explicit(&list->count, memory_order_seq_cst) != 0;
}

static inline void
waiters_add(waiter_list *list, waiter *self)
{
    ref_mutex_lock(list->lock);
    self->next = list->first;
    self->link = &list->first;
    if (self->next != NULL)
        self->next->link = &self->next;
    list->first = self;
    atomic_fetch_add_explicit(&list->count, 1, memory_order_seq_cst);
    ref_mutex_unlock(list->lock);
}

/* The caller holds the lock. */
static inline void
waiters_unlink(waiter_list *list, waiter *self)
{
    *self->link = self->next;
    if (self->next != NULL)
        self->next->link = self->link;
    atomic_fetch_sub_explicit(&list->count, 1, memory_order_seq_cst);
}

static inline void
waiters_remove(waiter_list *list, waiter *self)
{
    ref_mutex_lock(list->lock);
    waiters_unlink(list, self);
    ref_mutex_unlock(list->lock);
}

/* Wakes the waiters for `version`, which has been published, or an older one.  Forgets threads that stayed in the
 * parent of a fork; what they left is not freed. */
static inline void
waiters_wake(waiter_list *list, uint64_t version)
{
    ref_mutex_lock(list->lock);
    for (waiter *self = list->first, *next; self != NULL; self = next) {
        next = self->next;
        if (self->heard == NULL && thread_vanished(self->thread))
            waiters_unlink(list, self);
        else if (self->version >= version)
            continue;
        else if (self->heard != NULL)
            self->heard(self);
        else if (!self->woken) {
            self->woken = true;
            parker_unpark(&self->parker);
        }
    }
    ref_mutex_unlock(list->lock);
}

/* The current version of what `source` is about, by sequentially consistent loads. */
typedef uint64_t version_reader(const void *source);

/* Sleeps until a version newer than `version` is current.  The caller keeps source and list alive.
 *
 * The waiter is not on the C stack: in the child of a fork it stays in the list although its thread is gone. */
static inline park_result
waiters_sleep(waiter_list *list, version_reader *current, const void *source, uint64_t version, long long microseconds)
{
    if (current(source) > version)
        return PARK_WOKEN;
    waiter *self = PyMem_RawCalloc(1, sizeof(waiter));
    if (self == NULL || !parker_init(&self->parker)) {
        PyMem_RawFree(self);
        PyErr_NoMemory();
        return PARK_ERROR;
    }
    self->version = version;
    self->thread = thread_number();
    waiters_add(list, self);
    park_result result = current(source) <= version ? parker_park(&self->parker, microseconds) : PARK_WOKEN;
    waiters_remove(list, self);
    parker_free(&self->parker);
    PyMem_RawFree(self);
    return result == PARK_TIMEOUT && current(source) > version ? PARK_WOKEN : result;
}

#endif
