/* Looking into containers of every kind: what inspect.c does for them in return. */
#ifndef FROZEN_BINDINGS_COMMON_INSPECT_H
#define FROZEN_BINDINGS_COMMON_INSPECT_H

#include "platform/cpython.h"

/* The addresses of all nodes of any object into a set: none, if it is no container.  0 or -1. */
int inspect_collect(PyObject *o, PyObject *seen);

#endif
