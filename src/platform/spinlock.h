/* A short lock: held for a handful of loads and stores, never while Python code runs or while a reference is dropped
 * that could be the last one. Memory is allocated under the locks of an atomic map's slots only, for one edit
 * (atomic/map.h, R2). It needs no thread state, so that interpreters may share one, and it never detaches one.
 *
 * Because no safepoint lies inside a locked section, a world that was stopped (for the collector, for fork) was
 * stopped outside all of them: what a lock guards is then whole, and the lock is free in the child of a fork. A fork
 * does not stop the threads of other interpreters: locks that these take as well are taken around it (fork_guard). A
 * thread may spin on a lock while attached because its holder reaches no safepoint: it is running, or about to. */
#ifndef FROZEN_PLATFORM_SPINLOCK_H
#define FROZEN_PLATFORM_SPINLOCK_H

#include "platform/cpython.h"
#include <stdatomic.h>

#ifdef _WIN32
#include <windows.h>
#define THREAD_YIELD() SwitchToThread()
#else
#include <sched.h>
#define THREAD_YIELD() sched_yield()
#endif

/* A hint to the processor that this thread spins. */
#if defined(__x86_64__) && defined(__GNUC__)
#define SPIN_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__) && defined(__GNUC__)
#define SPIN_PAUSE() __asm__ volatile("yield")
#else
#define SPIN_PAUSE() ((void)0)
#endif

typedef struct {
    _Atomic(uint32_t) held;
} ref_mutex;
#define REF_MUTEX_INIT {0}

static inline void
ref_mutex_lock(ref_mutex *mutex)
{
    for (unsigned spins = 0; atomic_exchange_explicit(&mutex->held, 1, memory_order_acquire) != 0;) {
        while (atomic_load_explicit(&mutex->held, memory_order_relaxed) != 0) {
            if (++spins % 64 == 0)
                THREAD_YIELD(); /* the holder was preempted: let it finish */
            else
                SPIN_PAUSE();
        }
    }
}

/* Whether it was free, and is the caller's now. */
static inline bool
ref_mutex_try(ref_mutex *mutex)
{
    return atomic_load_explicit(&mutex->held, memory_order_relaxed) == 0
           && atomic_exchange_explicit(&mutex->held, 1, memory_order_acquire) == 0;
}

static inline void
ref_mutex_unlock(ref_mutex *mutex)
{
    atomic_store_explicit(&mutex->held, 0, memory_order_release);
}

#endif
