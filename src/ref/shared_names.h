/* The table of the names of SharedRefs, SharedAtomicMaps and SharedAtomicCounters, one for the process. Each kind has names
 * of its own. A name keeps its place alive until it is removed. */
#ifndef FROZEN_REF_SHARED_NAMES_H
#define FROZEN_REF_SHARED_NAMES_H

#include "ref/shared_place.h"

/* Adding: false if the name is taken.  Finding and removing: a new reference, or NULL if there is no such name. */
bool names_add(shared_place *place);
shared_place *names_find(block_kind kind, const char *name, size_t length);
shared_place *names_remove(block_kind kind, const char *name, size_t length);

/* Once in each interpreter: 0, or -1 (exception set). */
int names_setup(void);

#endif
