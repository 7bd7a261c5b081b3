/* Watch: what AtomicRef.watch() and SharedRef.watch() return. */
#ifndef FROZEN_REF_WATCH_H
#define FROZEN_REF_WATCH_H

#include "ref/reference.h"

typedef struct WatchObject {
    PyObject_HEAD
    reference target;    /* its object is owned */
    PyObject *callback;
    PyObject *last;      /* what was delivered last, and its version */
    uint64_t last_version;
    _Atomic(uint64_t) delivery; /* who delivers (watch.c) */
    _Atomic(bool) closed;
    struct WatchObject *next, **link; /* AtomicRef: in its list of watches; `link` is NULL outside of it */
    uint64_t number;     /* AtomicRef: how many were opened before */
    waiter *ear;         /* SharedRef: in the list of who waits for the variable, while the watch is open (shared_watch.c) */
    PyObject *bell;      /* SharedRef: what the waiter rings */
} WatchObject;

/* A new Watch of the reference `op` as it is now, which nobody delivers yet. */
PyObject *watch_new(module_state *state, PyObject *op, PyObject *callback);

/* Calls back if there is something newer than what was delivered last.  A callback's error goes to sys.unraisablehook, but
 * for what asks the thread to end (KeyboardInterrupt, SystemExit, any BaseException that is no Exception): the first of
 * these goes to *interrupt, if that is NULL still. */
void watch_deliver(WatchObject *self, PyObject **interrupt);

/* shared_watch.c: ends the watch of a SharedRef, once; 0, or -1 (reported).  And the same without telling anybody. */
int shared_watch_close(WatchObject *self);
void shared_watch_forget(WatchObject *self);

PyObject *watch_listen(PyObject *op, PyObject *bell);

#endif
