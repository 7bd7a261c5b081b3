/* Putting a thread to sleep until another one wakes it.  The thread that wakes it needs no thread state and no
 * interpreter. */
#ifndef FROZEN_PLATFORM_PARKER_H
#define FROZEN_PLATFORM_PARKER_H

#include "platform/clock.h"
#include "platform/cpython.h"

#define PARK_FOREVER (-1LL)

typedef struct {
    PyThread_type_lock lock; /* taken; unparking releases it once */
} parker;

typedef enum {
    PARK_ERROR = -1, /* a signal handler raised: the exception is set */
    PARK_TIMEOUT = 0,
    PARK_WOKEN = 1,
    PARK_SIGNALLED = 2, /* of parker_park_once: signal handlers have run */
} park_result;

static inline bool
parker_init(parker *self)
{
    self->lock = PyThread_allocate_lock();
    if (self->lock == NULL)
        return false;
    PyThread_acquire_lock(self->lock, NOWAIT_LOCK);
    return true;
}

static inline void
parker_free(parker *self)
{
    PyThread_free_lock(self->lock);
}

/* Once for each time the thread parks; it may come before that. */
static inline void
parker_unpark(parker *self)
{
    PyThread_release_lock(self->lock);
}

/* Sleeps, detached, until unparked, for so many microseconds, or until a signal came, whose handlers have run then. */
static inline park_result
parker_park_once(parker *self, long long microseconds)
{
    PyLockStatus status;
    Py_BEGIN_ALLOW_THREADS
    status = PyThread_acquire_lock_timed(self->lock, microseconds, 1);
    Py_END_ALLOW_THREADS
    if (status == PY_LOCK_ACQUIRED)
        return PARK_WOKEN;
    if (status == PY_LOCK_FAILURE)
        return PARK_TIMEOUT;
    return PyErr_CheckSignals() < 0 ? PARK_ERROR : PARK_SIGNALLED;
}

/* Sleeps, detached, until unparked or for so many microseconds.  Signal handlers run meanwhile. */
static inline park_result
parker_park(parker *self, long long microseconds)
{
    long long end = microseconds < 0 ? 0 : monotonic_microseconds() + microseconds;
    park_result result;
    while ((result = parker_park_once(self, microseconds)) == PARK_SIGNALLED) {
        if (microseconds >= 0) {
            microseconds = end - monotonic_microseconds();
            if (microseconds < 0)
                microseconds = 0;
        }
    }
    return result;
}

/* The same in a thread without a thread state, which runs no signal handlers; whether it was unparked. */
static inline bool
parker_sleep(parker *self, long long microseconds)
{
    return PyThread_acquire_lock_timed(self->lock, microseconds, 0) == PY_LOCK_ACQUIRED;
}

#endif
