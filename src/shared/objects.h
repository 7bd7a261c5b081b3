/* What the shared types tell each other. */
#ifndef FROZEN_SHARED_OBJECTS_H
#define FROZEN_SHARED_OBJECTS_H

#include "shared/cell.h"

/* The cell of a Blob, with a reference of its own: 1; 0: not a Blob. */
int blob_encode(PyObject *object, cell *c);

#endif
