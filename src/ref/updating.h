/* Which references the calling thread is updating: publishing to one of them from inside would make update() fail for
 * ever, or wait for itself. */
#ifndef FROZEN_REF_UPDATING_H
#define FROZEN_REF_UPDATING_H

#include "ref/slot.h"

enum { UPDATES_AT_ONCE = 16 }; /* references one thread may be updating, nested or in a transaction */

/* Enters an update of `slot`; false with RuntimeError set when the thread is in one already, or in too many. */
bool updating_enter(const ref_slot *slot);
void updating_leave(const ref_slot *slot);

/* False with RuntimeError set when the calling thread is updating `slot`; `verb` is the method it called. */
bool updating_permits(const ref_slot *slot, const char *verb);

/* Whether the calling thread is in an update of any reference. */
bool updating_any(void);

#endif
