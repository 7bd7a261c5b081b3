/* Turns: writers that lost too often queue up and go one after the other, first come, first served.
 *
 * A turn is held while a user's function runs, so unlike a ref_mutex it is waited for asleep and detached, and a signal
 * ends the wait.  It keeps other writers of the same kind away, not readers, and not those who publish without asking.
 *
 * A fork leaves the child with the parent's queue but without its threads; the process id beside the holder's mark tells
 * that a turn was taken in another process, and the queue starts afresh.  Waiters live on the heap, never on a stack, so
 * that what the vanished threads left behind is still memory. */
#ifndef FROZEN_REF_TURNS_H
#define FROZEN_REF_TURNS_H

#include "memory/mutex.h"
#include "ref/parker.h"

#ifdef _WIN32
#define PROCESS_ID() ((int64_t)GetCurrentProcessId())
#else
#include <unistd.h>
#define PROCESS_ID() ((int64_t)getpid())
#endif

typedef struct turn {
    struct turn *next;
    bool granted;
    parker parker;
} turn;

typedef struct {
    _Atomic(uint32_t) taken; /* read without the lock as a hint that writers queue */
    ref_mutex *lock;
    int64_t process; /* that the holder and the queue belong to */
    turn *first, **last;
} turn_queue;

static inline void
turns_init(turn_queue *queue, ref_mutex *lock)
{
    atomic_init(&queue->taken, 0);
    queue->lock = lock;
    queue->process = 0;
    queue->first = NULL;
    queue->last = &queue->first;
}

static inline bool
turns_taken(turn_queue *queue)
{
    return atomic_load_explicit(&queue->taken, memory_order_relaxed) != 0;
}

/* Takes the turn when it is free, else queues `self`; says whether it was free. */
static inline bool
turns_take_or_queue(turn_queue *queue, turn *self)
{
    int64_t process = PROCESS_ID();
    ref_mutex_lock(queue->lock);
    bool is_free = !turns_taken(queue) || queue->process != process;
    if (is_free) {
        queue->process = process;
        queue->first = NULL;
        queue->last = &queue->first;
        atomic_store_explicit(&queue->taken, 1, memory_order_relaxed);
    }
    else {
        *queue->last = self;
        queue->last = &self->next;
    }
    ref_mutex_unlock(queue->lock);
    return is_free;
}

/* Hands the turn to who waits longest, or frees it. */
static inline void
turns_release(turn_queue *queue)
{
    ref_mutex_lock(queue->lock);
    turn *next = queue->first;
    if (next == NULL) {
        atomic_store_explicit(&queue->taken, 0, memory_order_relaxed);
    }
    else {
        queue->first = next->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
        next->granted = true;
        parker_unpark(&next->parker);
    }
    ref_mutex_unlock(queue->lock);
}

/* After parking: takes `self` out of the queue if it is still there; says whether the turn was granted.  Once the lock
 * has been held, who granted it is done with `self`. */
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
        bool woken = parker_park(&self->parker, PARK_FOREVER) == PARK_WOKEN;
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
