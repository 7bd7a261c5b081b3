/* Who delivers the watches of SharedRefs in one interpreter: two queues of watches that are due, and threads.
 *
 * A publisher may run in any interpreter; it puts the watches of its variable into the queues of their interpreters and
 * wakes a thread there.  Neither needs a thread state.
 *
 * Threads. An idle one has no thread state either: it sleeps in the operating system, and the interpreter does not know
 * of it. So the end of an interpreter never waits for it, whichever way it comes. A thread that finds something due
 * makes itself a thread state, calls back until the queues are empty, and deletes the thread state. The threads are
 * started here and not by `threading`: that would join them before the last change is delivered, and make greenlets of
 * them under gevent.
 *
 * A callback may take its time; it must not hold the others.
 * - Before a thread calls a user's function it makes sure that another one is idle.
 * - An idle thread leaves the user's functions to a thread that is at work, until all that are at work have been in one
 *   call each for PATIENCE.  Then it goes to work itself.  So quick callbacks are called by one thread, one after the
 *   other, and there are as many threads as there are callbacks that block, and at most IDLE_MOST more.
 * - While one of the user's functions is due and all threads at work are in a call, an idle thread is `patient`, or was
 *   rung or started and has not looked yet.  Publishers ring only once until a thread looks; so a thread that takes one
 *   of several rings for the others.
 * - What only wakes an event loop (`quick`) is not the user's code and has a queue of its own: an idle thread delivers
 *   it at once.
 *
 * The end of an interpreter, in atexit, delivers all that is due, waits for the callbacks under way, and closes the
 * watches; only then is the dispatcher `ended`, and no thread makes a thread state any more (dispatcher_life.c).
 *
 * One lock guards the dispatchers of all interpreters. It is taken after a variable's lock of waiters, never before,
 * and around a fork. */
#ifndef FROZEN_REF_DISPATCHER_H
#define FROZEN_REF_DISPATCHER_H

#include "ref/watch.h"

/* A place in a circular list, or its head. */
typedef struct links {
    struct links *previous, *next; /* NULL: in no list */
} links;

typedef struct dispatcher {
    atomic_int references;  /* of module states, of the interpreter, of threads and of listeners */
    PyInterpreterState *interpreter;
    PyThreadState *keeper;  /* NULL, or what keeps the interpreter from having no thread state (dispatcher_life.c) */
    links all;              /* among the dispatchers of the process */
    links open;             /* listeners: the open watches, each owned */
    links due[2];           /* listeners by `quick`: the queues */
    links at_work;          /* workers */
    int threads;
    int idle;               /* of these, those that have no place in `at_work` */
    int patient;            /* of these, those that wait for threads at work and then look again */
    bool rung;              /* the parker was unparked and no thread has noticed yet */
    bool ending;            /* the interpreter ends: each watch is called a limited number of times more */
    bool ended;             /* no thread may enter the interpreter any more */
    parker parker;          /* what all idle threads sleep on; unparking wakes one of them */
} dispatcher;

/* What a SharedRef's watch has in the variable's list of waiters. */
struct listener {
    waiter waiter; /* first */
    dispatcher *dispatcher;
    WatchObject *watch; /* owned while `open` is in a list */
    links open, due;
    unsigned late; /* calls since the interpreter began to end */
};

/* What calls back: a thread of the dispatcher's, from before it enters the interpreter until it has left, or one that
 * settles what is due (dispatcher_life.c).  It lives on that thread's stack. */
typedef struct worker {
    links place; /* in `at_work` */
    dispatcher *dispatcher;
    uint64_t thread;      /* its number (platform/fork.h) */
    bool is_own;          /* the thread is the dispatcher's */
    long long since; /* when it began the call that it is in, by monotonic_microseconds(); or one of these: */
#define ENTERS 0LL   /* it waits to enter the interpreter */
#define LEAVES (-1LL) /* it found nothing more to take */
} worker;

/* Has the watch called from now on; false: failed (exception set). */
bool dispatcher_open(listener *self);

/* Ends that, once.  Complete when it returns: it runs no Python code before that. */
void dispatcher_close(listener *self);

void dispatcher_release(dispatcher *self);

/* ---- between dispatcher.c and dispatcher_life.c ---- */

extern ref_mutex dispatcher_lock;

/* The process ends: no thread enters any interpreter any more.  Guarded by the lock. */
extern bool dispatchers_hold;

static inline void
links_init(links *head)
{
    head->previous = head->next = head;
}
static inline bool
links_empty(const links *head)
{
    return head->next == head;
}

static inline void
links_append(links *head, links *self)
{
    self->next = head;
    self->previous = head->previous;
    head->previous->next = self;
    head->previous = self;
}

/* False: it is in no list. */
static inline bool
links_remove(links *self)
{
    if (self->next == NULL)
        return false;
    self->previous->next = self->next;
    self->next->previous = self->previous;
    self->next = self->previous = NULL;
    return true;
}

#define LINKS_OWNER(place, type, field) ((type *)((char *)(place) - offsetof(type, field)))

/* Wakes one idle thread, or the next that would sleep; the caller holds the lock. */
void dispatcher_ring(dispatcher *self);

/* The same for what is due to a listener: `watch` has something to deliver. The caller holds no lock of a
 * dispatcher. */
void dispatcher_due(listener *self);

/* Starts a thread unless one is idle; false: the operating system gives none. */
bool dispatcher_keep_one_idle(dispatcher *self);

/* Calls back, in the calling thread, until nothing is due that it may take. What asks the thread to end goes to
 * *interrupt as in watch_deliver; a thread of the dispatcher's has NULL there and reports it. */
void dispatcher_deliver(worker *me, PyObject **interrupt);

/* The calling thread has a place in `at_work` from here on, until worker_end.  The caller holds the lock. */
void worker_begin(worker *me, dispatcher *self, bool is_own);
void worker_end(worker *me);

#endif
