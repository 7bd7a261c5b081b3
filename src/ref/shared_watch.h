/* SharedRef.watch(callback), and the same for a callback() that wakes an event loop, see dispatcher.h. */
#ifndef FROZEN_REF_SHARED_WATCH_H
#define FROZEN_REF_SHARED_WATCH_H

#include "ref/watch.h"

PyObject *shared_ref_watch(PyObject *op, PyObject *callback);
PyObject *shared_ref_signal(PyObject *op, PyObject *callback);

/* `unwatch` and `watch_freed` of SharedRef's kind. */
void shared_watch_close(WatchObject *watch);
void shared_watch_free(WatchObject *watch);

#endif
