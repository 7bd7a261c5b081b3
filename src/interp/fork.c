/* The thread that forks holds all guarded locks while it does, so no other thread is halfway through what they guard.
 * Interpreters have GILs of their own: fork() alone stops nobody. */

#include "interp/fork.h"

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

static void
lock_all(void)
{
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
}

/* Who waited for them in the parent does not exist in the child. */
static void
renew_all(void)
{
    for (int i = 0; i < atomic_load(&used); i++)
        for (int j = 0; j < guarded[i].count; j++)
            guarded[i].mutexes[j] = (ref_mutex)REF_MUTEX_INIT;
}

static void
install(void)
{
    install_failed = pthread_atfork(lock_all, unlock_all, renew_all);
}

int
fork_guard(ref_mutex *mutexes, int count)
{
    static ref_mutex adding = REF_MUTEX_INIT;
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
