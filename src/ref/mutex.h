/* A short lock: held for a handful of loads and stores, never while Python code runs, a reference is dropped or memory
 * is allocated.  It needs no thread state, so interpreters may share one; a thread that has one and must wait detaches.
 *
 * Because no safepoint lies inside a locked section, a world that was stopped (for the collector, for fork) was stopped
 * outside all of them: what a lock guards is then whole, and the lock is free in the child of a fork. */
#ifndef FROZEN_REF_MUTEX_H
#define FROZEN_REF_MUTEX_H

#include "memory/python.h"

#if PY_VERSION_HEX >= 0x030D0000

typedef PyMutex ref_mutex;
#define REF_MUTEX_INIT {0}
#define ref_mutex_lock(mutex) PyMutex_Lock(mutex)
#define ref_mutex_unlock(mutex) PyMutex_Unlock(mutex)

#else /* with the GIL there is one thread an interpreter to contend: spinning is rare, and ends soon */

#include <stdatomic.h>
#ifdef _WIN32
#include <windows.h>
#define REF_YIELD() SwitchToThread()
#else
#include <sched.h>
#define REF_YIELD() sched_yield()
#endif

typedef struct {
    atomic_flag held;
} ref_mutex;
#define REF_MUTEX_INIT {ATOMIC_FLAG_INIT}

static inline void
ref_mutex_lock(ref_mutex *mutex)
{
    while (atomic_flag_test_and_set_explicit(&mutex->held, memory_order_acquire))
        REF_YIELD();
}

static inline void
ref_mutex_unlock(ref_mutex *mutex)
{
    atomic_flag_clear_explicit(&mutex->held, memory_order_release);
}

#endif
#endif
