#include "platform/cpython.h" /* first: it says which system interfaces there are */

#include "platform/grace.h"

#include "platform/fork.h"

FROZEN_THREAD_LOCAL grace_record *grace_own;

static _Atomic(grace_record *) first_record;

/* ---- a thread's end ---- */

/* Runs in the thread that ends. Should code that runs even later read once more, the thread joins once more. */
static void
grace_end(void *record)
{
    grace_own = NULL;
    atomic_store_explicit(&((grace_record *)record)->thread, 0, memory_order_release);
}

#ifdef _WIN32
#include <windows.h>

static DWORD ending;
static INIT_ONCE end_installed = INIT_ONCE_STATIC_INIT;

static void WINAPI
grace_end_of_fiber(void *record)
{
    if (record != NULL)
        grace_end(record);
}

static BOOL CALLBACK
install_end(PINIT_ONCE once, void *parameter, void **context)
{
    (void)once;
    (void)parameter;
    (void)context;
    ending = FlsAlloc(grace_end_of_fiber);
    return TRUE;
}

/* Whether grace_end() will be called. */
static bool
end_is_noticed(grace_record *record)
{
    InitOnceExecuteOnce(&end_installed, install_end, NULL, NULL);
    return ending != FLS_OUT_OF_INDEXES && FlsSetValue(ending, record);
}

#else
#include <pthread.h>

static pthread_key_t ending;
static pthread_once_t end_installed = PTHREAD_ONCE_INIT;
static int install_failed;

static void
install_end(void)
{
    install_failed = pthread_key_create(&ending, grace_end);
}

static bool
end_is_noticed(grace_record *record)
{
    pthread_once(&end_installed, install_end);
    return !install_failed && pthread_setspecific(ending, record) == 0;
}

#endif

/* ---- records ---- */

/* A record whose thread has ended, or stayed in the parent of this process; NULL: there is none. */
static grace_record *
record_again(uint64_t thread)
{
    grace_record *record = atomic_load(&first_record);
    for (; record != NULL; record = record->next) {
        uint64_t owner = atomic_load_explicit(&record->thread, memory_order_relaxed);
        if ((owner == 0 || thread_vanished(owner)) && atomic_compare_exchange_strong(&record->thread, &owner, thread))
            break;
    }
    if (record == NULL)
        return NULL;
    uint64_t passes = atomic_load_explicit(&record->passes, memory_order_relaxed);
    if (passes % 2 != 0) /* of a thread that vanished inside */
        atomic_store_explicit(&record->passes, passes + 1, memory_order_release);
    atomic_store_explicit(&record->awaited, false, memory_order_relaxed);
    return record;
}

static grace_record *
record_new(uint64_t thread)
{
    enum { ALIGNED = sizeof(grace_record) };
    char *block = PyMem_RawCalloc(2, ALIGNED);
    if (block == NULL)
        return NULL;
    grace_record *record = (grace_record *)(block + (ALIGNED - (uintptr_t)block % ALIGNED));
    atomic_init(&record->thread, thread);
    record->next = atomic_load(&first_record);
    while (!atomic_compare_exchange_weak(&first_record, &record->next, record))
        continue;
    return record;
}

grace_record *
grace_join(void)
{
    uint64_t thread = thread_number();
    grace_record *record = record_again(thread);
    if (record == NULL && (record = record_new(thread)) == NULL)
        return NULL;
    if (!end_is_noticed(record)) {
        atomic_store_explicit(&record->thread, 0, memory_order_release);
        return NULL;
    }
    return grace_own = record;
}

size_t
grace_records(void)
{
    size_t count = 0;
    for (grace_record *record = atomic_load(&first_record); record != NULL; record = record->next)
        count++;
    return count;
}

/* ---- writers ---- */

/* Whether the visit of the place that was under way at `seen` has ended. */
static inline bool
visit_has_ended(grace_record *record, const void *place, uint64_t seen)
{
    return atomic_load_explicit(&record->passes, memory_order_acquire) != seen
           || atomic_load_explicit(&record->place, memory_order_acquire) != place
           || thread_vanished(atomic_load_explicit(&record->thread, memory_order_relaxed));
}

bool
grace_passed(const void *place, unsigned patience)
{
    bool passed = true;
    atomic_thread_fence(memory_order_seq_cst);
    for (grace_record *record = atomic_load(&first_record); record != NULL; record = record->next) {
        uint64_t seen = atomic_load_explicit(&record->passes, memory_order_seq_cst);
        if (LIKELY(seen % 2 == 0))
            continue;
        while (!visit_has_ended(record, place, seen)) {
            if (patience == 0) {
                atomic_store(&record->awaited, true);
                passed &= visit_has_ended(record, place, seen);
                break;
            }
            if (--patience % 64 == 0)
                THREAD_YIELD();
            else
                SPIN_PAUSE();
        }
    }
    return passed;
}

void
grace_wait(const void *place)
{
    while (!grace_passed(place, GRACE_PATIENCE))
        continue;
}
