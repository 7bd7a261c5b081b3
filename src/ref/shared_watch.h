/* SharedRef.watch(callback). */
#ifndef FROZEN_REF_SHARED_WATCH_H
#define FROZEN_REF_SHARED_WATCH_H

#include "memory/python.h"

PyObject *shared_ref_watch(PyObject *op, PyObject *callback);

#endif
