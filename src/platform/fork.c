/* The thread that forks holds all guarded locks while it does, so no other thread is halfway through what they guard.
 * Interpreters have GILs of their own, so fork() does not stop their threads. */

#include "platform/fork.h"
#include "platform/thread_local.h"

static _Atomic(uint64_t) next_number = 1;
static FROZEN_THREAD_LOCAL uint64_t own_number; /* 0: none yet */

/* Threads with a number below `first_here` are older than the fork that made this process, and of those only `survivor`
 * is here.  Written in the child before it has a second thread. */
static uint64_t first_here, survivor;

uint64_t
thread_number(void)
{
    if (own_number == 0)
        own_number = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
    return own_number;
}

bool
thread_vanished(uint64_t number)
{
    return number < first_here && number != survivor;
}

_Atomic(uint32_t) fork_generation;

#ifdef _WIN32

int
fork_guard(ref_mutex *mutexes, int count)
{
    (void)mutexes;
    (void)count;
    return 0;
}

#else

#include <pthread.h>

#define MOST_GUARDED 8

static struct {
    ref_mutex *mutexes;
    int count;
} guarded[MOST_GUARDED];
static atomic_int used;
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static int install_failed;
static ref_mutex adding = REF_MUTEX_INIT; /* `guarded` changes under it */

static void
lock_all(void)
{
    ref_mutex_lock(&adding);
    for (int i = 0; i < atomic_load(&used); i++)
        for (int j = 0; j < guarded[i].count; j++)
            ref_mutex_lock(&guarded[i].mutexes[j]);
}

static void
unlock_all(void)
{
    for (int i = atomic_load(&used); i-- > 0;)
        for (int j = guarded[i].count; j-- > 0;)
            ref_mutex_unlock(&guarded[i].mutexes[j]);
    ref_mutex_unlock(&adding);
}

/* In the child.  The threads that waited for the locks in the parent do not exist here. */
static void
renew_all(void)
{
    first_here = atomic_load(&next_number);
    survivor = own_number;
    atomic_fetch_add(&fork_generation, 1);
    for (int i = 0; i < atomic_load(&used); i++)
        for (int j = 0; j < guarded[i].count; j++)
            guarded[i].mutexes[j] = (ref_mutex)REF_MUTEX_INIT;
    adding = (ref_mutex)REF_MUTEX_INIT;
}

static void
install(void)
{
    install_failed = pthread_atfork(lock_all, unlock_all, renew_all);
}

int
fork_guard(ref_mutex *mutexes, int count)
{
    pthread_once(&installed, install);
    if (install_failed) {
        PyErr_NoMemory();
        return -1;
    }
    ref_mutex_lock(&adding);
    int next = atomic_load(&used), at = 0;
    while (at < next && guarded[at].mutexes != mutexes)
        at++;
    if (at == next && next < MOST_GUARDED) {
        guarded[next].mutexes = mutexes;
        guarded[next].count = count;
        atomic_store(&used, next + 1);
    }
    ref_mutex_unlock(&adding);
    return 0;
}

#endif
