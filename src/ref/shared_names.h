/* The table of the names of SharedRefs, one for the process.  A name keeps its variable alive until it is removed. */
#ifndef FROZEN_REF_SHARED_NAMES_H
#define FROZEN_REF_SHARED_NAMES_H

#include "ref/shared_variable.h"

/* Adding: false if the name is taken.  Finding and removing: a new reference, or NULL if there is no such name. */
bool names_add(shared_variable *variable);
shared_variable *names_find(const char *name, size_t length);
shared_variable *names_remove(const char *name, size_t length);

/* Once in each interpreter: 0, or -1 (exception set). */
int names_setup(void);

#endif
