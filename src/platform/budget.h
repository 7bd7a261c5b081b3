/* A loop over as many steps as a user asks for (`Vector([0]) * 2**45` is made at once) asks now and then whether it is
 * interrupted, by Ctrl-C for instance, and ends with that error:
 *
 *     budget left = BUDGET;
 *     for (...) {
 *         if (!budget_spend(&left, 1))
 *             goto fail;                  reported already
 *         ...
 *     }
 *
 * `interrupted()` may run arbitrary code (trees/memory_contract.h): spend only where node_release would be allowed,
 * too. Included by each memory behind its interrupted(). */
#ifndef FROZEN_PLATFORM_BUDGET_H
#define FROZEN_PLATFORM_BUDGET_H

#include "platform/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* Steps between two questions: less than a millisecond of the cheapest loop. */
#ifndef BUDGET
#define BUDGET 65536
#endif

typedef size_t budget; /* steps left until the next question */

/* Whether the loop may go on; false: interrupted (exception set). */
static inline bool
budget_spend(budget *left, size_t steps)
{
    if (LIKELY(*left > steps)) {
        *left -= steps;
        return true;
    }
    *left = BUDGET;
    return !interrupted();
}

#endif
