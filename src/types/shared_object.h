/* What the shared types tell each other. */
#ifndef FROZEN_TYPES_SHARED_OBJECT_H
#define FROZEN_TYPES_SHARED_OBJECT_H

#include "memory/cell.h"

/* The cell of a Blob, with a reference of its own: 1; 0: not a Blob. */
int blob_encode(PyObject *object, cell *c);

#endif
