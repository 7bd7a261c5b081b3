/* Whether this CPython counts references as cpython_private.h takes it to: known, or tried when the extension is loaded. */
#ifndef FROZEN_PLATFORM_PRIVATE_COUNTS_H
#define FROZEN_PLATFORM_PRIVATE_COUNTS_H

#include "platform/cpython_private.h"

/* Decides private_counts_hold() for the process, the first time. 0, or -1 (exception set). May run arbitrary code, as
 * every safepoint does. FROZEN_PRIVATE_COUNTS in the environment: "0" decides against them, with "try" versions that were
 * tested are tried too. */
int private_counts_setup(void);

/* Tries again, and decides nothing: a new list of what does not hold, in words; empty where they are not used. */
PyObject *private_counts_faults(void);

#endif
