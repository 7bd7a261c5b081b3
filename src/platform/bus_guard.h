/* Mapped files that are cut off while they are read.
 *
 * The system says by SIGBUS that a page of a mapping is not there any more: another program has truncated the file, or
 * the disk cannot be read. The signal ends the process. Within a guarded mapping, a handler puts a page of zeros in the
 * place of the lost one, and says so in a flag: the read goes on, and who reads looks at the flag afterwards. So does a
 * write, which ends in that page.
 *
 * The handler is installed with the first guard of the process, for all of its interpreters, and passes on each SIGBUS
 * that is not of a guarded mapping to the handler that was there before. On Windows, which reports such reads otherwise,
 * nothing is guarded. */
#ifndef FROZEN_PLATFORM_BUS_GUARD_H
#define FROZEN_PLATFORM_BUS_GUARD_H

#include "platform/cpython.h"

#include <stdatomic.h>

typedef struct bus_guard bus_guard;

/* Guards a mapping of `size` bytes until bus_guard_end(); `lost` is set if a page of it was lost, and lives as long. NULL
 * if it cannot be guarded: `base` is no beginning of a page, memory is lacking, or the system has no such signal. */
bus_guard *bus_guard_begin(const void *base, size_t size, _Atomic(bool) *lost);

/* Before the memory is given back. NULL is let be. */
void bus_guard_end(bus_guard *guard);

/* Maps the beginning of the file, which was mapped there, in the place of a guarded mapping of which pages were lost. Other
 * threads may read it meanwhile: each read finds the one or the other. False: the system does not. */
bool bus_guard_map_again(void *base, size_t size, bool writable, int file);

/* Whether all that this thread has read of a guarded mapping until now was there. */
static inline bool
bus_guard_holds(_Atomic(bool) *lost)
{
    atomic_signal_fence(memory_order_acquire); /* the handler ran in this thread, or mapped the zeros it has read */
    return LIKELY(!atomic_load_explicit(lost, memory_order_relaxed));
}

#endif
