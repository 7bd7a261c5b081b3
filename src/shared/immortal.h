/* Shared values that are never freed. */
#ifndef FROZEN_SHARED_IMMORTAL_H
#define FROZEN_SHARED_IMMORTAL_H

#include "platform/cpython.h"

/* `frozen.immortalize(shared)`. */
PyObject *immortalize(PyObject *module, PyObject *object);

/* For tests: of the blocks below a container or Blob how many there are, how many are immortal, and the sum of their
 * counts. The count of the root includes the caller's. */
PyObject *count_shared_blocks(PyObject *module, PyObject *object);

#endif
