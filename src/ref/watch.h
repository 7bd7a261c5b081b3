/* Watch: what AtomicRef.watch() and SharedRef.watch() return. */
#ifndef FROZEN_REF_WATCH_H
#define FROZEN_REF_WATCH_H

#include "ref/reference.h"

/* dispatcher.h */
typedef struct listener listener;

typedef struct WatchObject {
    PyObject_HEAD
    reference *target;   /* owned */
    PyObject *callback;
    PyObject *last;      /* what was delivered last, and its version */
    uint64_t last_version;
    _Atomic(uint64_t) delivery; /* the thread that delivers (watch.c) */
    _Atomic(bool) closed;
    struct WatchObject *next, **link; /* AtomicRef: in its list of watches; `link` is NULL outside of it */
    uint64_t number;     /* AtomicRef: how many were opened before */
    bool is_signal;      /* the callback is told that there is something new, without values */
    listener *listener;  /* SharedRef: see dispatcher.h */
} WatchObject;

/* A new Watch of the reference `op` as it is now, which no thread delivers yet. */
PyObject *watch_new(module_state *state, PyObject *op, PyObject *callback, bool is_signal);

/* Calls back if there is something newer than what was delivered last. A callback's error goes to sys.unraisablehook,
 * but for what asks the thread to end (KeyboardInterrupt, SystemExit, any BaseException that is no Exception): the
 * first of these goes to *interrupt, if that is NULL still. */
void watch_deliver(WatchObject *self, PyObject **interrupt);

#endif
