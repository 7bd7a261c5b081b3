#include "platform/cpython.h" /* first: it says which system interfaces there are */

#include "platform/bus_guard.h"

#ifdef _WIN32

bus_guard *
bus_guard_begin(const void *Py_UNUSED(base), size_t Py_UNUSED(size), _Atomic(bool) *Py_UNUSED(lost))
{
    return NULL;
}

void
bus_guard_end(bus_guard *Py_UNUSED(guard))
{
}

bool
bus_guard_map_again(void *Py_UNUSED(base), size_t Py_UNUSED(size), bool Py_UNUSED(writable), int Py_UNUSED(file))
{
    return false;
}

#else

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/* macOS has one code for every SIGBUS, also one that was sent: on arm64 BUS_ADRALN, elsewhere BUS_ADRERR. */
#ifdef __APPLE__
#define IS_LOST_PAGE(code) ((code) == BUS_ADRERR || (code) == BUS_ADRALN)
#define TELLS_WHAT_WAS_SENT false
#else
#define IS_LOST_PAGE(code) ((code) == BUS_ADRERR)
#define TELLS_WHAT_WAS_SENT true
#endif

/* The list only grows: what one guard leaves, the next one takes. The handler walks it in a thread that was stopped at
 * any instruction, so there is no lock. What a guard says is read between two looks at `turn`, which is odd while it
 * changes. A guard whose mapping is being read does not change, because its end comes before that of the mapping. */
struct bus_guard {
    _Atomic(uint32_t) turn;
    _Atomic(bool) is_taken;
    _Atomic(uintptr_t) first, end; /* addresses; end == 0: it guards nothing */
    _Atomic(_Atomic(bool) *) lost;
    bus_guard *next; /* never changes */
};

static _Atomic(bus_guard *) guards;
static _Atomic(int) is_installed; /* 0, 1: a thread installs the handler, 2 */
static struct sigaction handler_before;
static uintptr_t page_size;

static void
guard_say(bus_guard *guard, uintptr_t first, uintptr_t end, _Atomic(bool) *lost)
{
    uint32_t turn = atomic_load_explicit(&guard->turn, memory_order_relaxed);
    atomic_store_explicit(&guard->turn, turn + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&guard->first, first, memory_order_relaxed);
    atomic_store_explicit(&guard->end, end, memory_order_relaxed);
    atomic_store_explicit(&guard->lost, lost, memory_order_relaxed);
    atomic_store_explicit(&guard->turn, turn + 2, memory_order_release);
}

/* The flag of a guard that covers the address, or NULL. */
static _Atomic(bool) *
guard_covers(bus_guard *guard, uintptr_t address)
{
    uint32_t turn = atomic_load_explicit(&guard->turn, memory_order_acquire);
    uintptr_t first = atomic_load_explicit(&guard->first, memory_order_relaxed);
    uintptr_t end = atomic_load_explicit(&guard->end, memory_order_relaxed);
    _Atomic(bool) *lost = atomic_load_explicit(&guard->lost, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    bool is_whole = turn % 2 == 0 && atomic_load_explicit(&guard->turn, memory_order_relaxed) == turn;
    return is_whole && first <= address && address < end ? lost : NULL;
}

/* The flag is set before the zeros are there: a thread that reads them finds it set. They may be written, for the mapping
 * may be one that is. */
static bool
page_replaced(uintptr_t address)
{
    _Atomic(bool) *lost = NULL;
    for (bus_guard *guard = atomic_load_explicit(&guards, memory_order_acquire); guard != NULL && lost == NULL;
         guard = guard->next)
        lost = guard_covers(guard, address);
    if (lost == NULL)
        return false;
    atomic_store(lost, true);
    void *page = (void *)(address & ~(page_size - 1));
    return mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* What a process without this handler does. A read that failed is tried again after the return, and fails again; a signal
 * that was sent is sent again. */
static void
pass_on(int number, siginfo_t *info, void *context)
{
    if (handler_before.sa_flags & SA_SIGINFO)
        handler_before.sa_sigaction(number, info, context);
    else if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN)
        handler_before.sa_handler(number);
    else {
        bool was_sent = info->si_code <= 0;
        if (was_sent && handler_before.sa_handler == SIG_IGN)
            return;
        (void)sigaction(number, &handler_before, NULL);
        if (was_sent || !TELLS_WHAT_WAS_SENT)
            (void)raise(number);
    }
}

static void
on_bus_error(int number, siginfo_t *info, void *context)
{
    int error = errno;
    bool is_ours = IS_LOST_PAGE(info->si_code) && page_replaced((uintptr_t)info->si_addr);
    errno = error;
    if (!is_ours)
        pass_on(number, info, context);
}

/* Once for the process: a handler that was installed after ours, as by faulthandler, has its reasons. A thread that comes
 * while another installs it goes on without waiting; what it reads is guarded a moment later. */
static void
install_handler(void)
{
    int none = 0;
    if (!atomic_compare_exchange_strong(&is_installed, &none, 1))
        return;
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    ours.sa_sigaction = on_bus_error;
    (void)sigemptyset(&ours.sa_mask);
    if (sigaction(SIGBUS, NULL, &handler_before) == 0)
        (void)sigaction(SIGBUS, &ours, NULL);
    atomic_store(&is_installed, 2);
}

static bus_guard *
guard_taken(void)
{
    bus_guard *head = atomic_load_explicit(&guards, memory_order_acquire), *guard;
    for (guard = head; guard != NULL; guard = guard->next)
        if (!atomic_load_explicit(&guard->is_taken, memory_order_relaxed)
            && !atomic_exchange_explicit(&guard->is_taken, true, memory_order_acquire))
            return guard;
    guard = calloc(1, sizeof *guard);
    if (guard == NULL)
        return NULL;
    atomic_init(&guard->is_taken, true);
    do
        guard->next = head;
    while (!atomic_compare_exchange_weak_explicit(&guards, &head, guard, memory_order_release, memory_order_acquire));
    return guard;
}

bus_guard *
bus_guard_begin(const void *base, size_t size, _Atomic(bool) *lost)
{
    install_handler();
    if (atomic_load(&is_installed) != 2 || (uintptr_t)base % page_size != 0)
        return NULL;
    bus_guard *guard = guard_taken();
    if (guard != NULL)
        guard_say(guard, (uintptr_t)base, (uintptr_t)base + size, lost);
    return guard;
}

void
bus_guard_end(bus_guard *guard)
{
    if (guard == NULL)
        return;
    guard_say(guard, 0, 0, NULL);
    atomic_store_explicit(&guard->is_taken, false, memory_order_release);
}

bool
bus_guard_map_again(void *base, size_t size, bool writable, int file)
{
    int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    return mmap(base, size, access, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
}

#endif
