/* Native crossing: objects of our types go through CPython's own channels between interpreters (queues, prepare_main,
 * call arguments) as a pointer to the value they stand for. */
#ifndef FROZEN_SHARED_CROSSING_H
#define FROZEN_SHARED_CROSSING_H

#include "module.h"

/* In each interpreter, for each type whose objects crossing_encode() accepts: 0, or -1 (exception set).  Where this
 * CPython has no such registry, or an unknown one, nothing happens, and handles (handle.h) serve. */
int crossing_register(PyTypeObject *type);

/* Whether this CPython lets our objects cross natively. */
bool crossing_is_native(void);

#endif
