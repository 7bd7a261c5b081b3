/* Turns: writers that lost too often queue up and go one after the other, first come, first served.
 *
 * A turn is held while a user's function runs, so unlike a ref_mutex it is waited for asleep and detached, and a signal
 * ends the wait. It keeps other writers of the same kind away, not readers, and not publishers that do not ask.
 *
 * A fork leaves the child with the parent's queue but without its threads. The holder and the waiters are known by
 * their thread numbers (platform/fork.h): a turn whose holder vanished is passed on, and never to a thread that
 * vanished. Waiters live on the heap, never on a stack, so that what the vanished threads left behind is still
 * memory. */
#ifndef FROZEN_REF_TURNS_H
#define FROZEN_REF_TURNS_H

#include "platform/fork.h"
#include "platform/parker.h"

typedef struct turn {
    struct turn *next;
    uint64_t thread; /* that waits */
    bool granted;
    parker parker;
} turn;

typedef struct {
    _Atomic(uint32_t) taken; /* read without the lock as a hint that writers queue */
    ref_mutex *lock;
    uint64_t holder;         /* while taken: the thread that has the turn */
    turn *first, **last;     /* empty unless taken */
} turn_queue;

static inline void
turns_init(turn_queue *queue, ref_mutex *lock)
{
    atomic_init(&queue->taken, 0);
    queue->lock = lock;
    queue->holder = 0;
    queue->first = NULL;
    queue->last = &queue->first;
}

static inline bool
turns_taken(turn_queue *queue)
{
    return atomic_load_explicit(&queue->taken, memory_order_relaxed) != 0;
}

/* Hands the turn to the thread that waits longest, or frees it; the caller holds the lock. */
static inline void
turns_pass_on(turn_queue *queue)
{
    turn *next = queue->first;
    while (next != NULL && thread_vanished(next->thread))
        next = next->next;
    queue->first = next != NULL ? next->next : NULL;
    if (queue->first == NULL)
        queue->last = &queue->first;
    atomic_store_explicit(&queue->taken, next != NULL, memory_order_relaxed);
    if (next != NULL) {
        queue->holder = next->thread;
        next->granted = true;
        parker_unpark(&next->parker);
    }
}

/* In the child of a fork: takes the turn from a thread that only the parent has; the caller holds the lock. */
static inline void
turns_reclaim(turn_queue *queue)
{
    if (turns_taken(queue) && thread_vanished(queue->holder))
        turns_pass_on(queue);
}

static inline void
turns_release(turn_queue *queue)
{
    ref_mutex_lock(queue->lock);
    turns_pass_on(queue);
    ref_mutex_unlock(queue->lock);
}

/* Takes the turn when it is free, else queues `self`; says whether it was free. */
static inline bool
turns_take_or_queue(turn_queue *queue, turn *self)
{
    self->thread = thread_number();
    ref_mutex_lock(queue->lock);
    turns_reclaim(queue);
    bool is_free = !turns_taken(queue);
    if (is_free) {
        queue->holder = self->thread;
        atomic_store_explicit(&queue->taken, 1, memory_order_relaxed);
    }
    else {
        *queue->last = self;
        queue->last = &self->next;
    }
    ref_mutex_unlock(queue->lock);
    return is_free;
}

/* Sleeps until the turn is granted to `self`, which is queued; false when a signal handler raised. */
static inline bool
turns_park(turn_queue *queue, turn *self)
{
    park_result result;
    while ((result = parker_park_once(&self->parker, PARK_FOREVER)) == PARK_SIGNALLED) {
        ref_mutex_lock(queue->lock);
        turns_reclaim(queue); /* the handler may have forked, and this be the child */
        ref_mutex_unlock(queue->lock);
    }
    return result == PARK_WOKEN;
}

/* After parking: takes `self` out of the queue if it is still there; says whether the turn was granted.  Once the lock
 * has been held, the thread that granted it is done with `self`. */
static inline bool
turns_settle(turn_queue *queue, turn *self)
{
    ref_mutex_lock(queue->lock);
    bool granted = self->granted;
    if (!granted) {
        turn **link = &queue->first;
        while (*link != self)
            link = &(*link)->next;
        *link = self->next;
        if (queue->last == &self->next)
            queue->last = link;
    }
    ref_mutex_unlock(queue->lock);
    return granted;
}

/* Waits for the turn; false, without it, when a signal handler raised or memory is short. */
static inline bool
turns_acquire(turn_queue *queue)
{
    turn *self = PyMem_RawCalloc(1, sizeof(turn));
    if (self == NULL || !parker_init(&self->parker)) {
        PyMem_RawFree(self);
        PyErr_NoMemory();
        return false;
    }
    bool acquired = turns_take_or_queue(queue, self);
    if (!acquired) {
        bool woken = turns_park(queue, self);
        acquired = turns_settle(queue, self);
        if (acquired && !woken) {
            turns_release(queue);
            acquired = false;
        }
    }
    parker_free(&self->parker);
    PyMem_RawFree(self);
    return acquired;
}

#endif
