/* Handles: see handle.c. */
#ifndef FROZEN_SHARED_HANDLE_H
#define FROZEN_SHARED_HANDLE_H

#include "platform/cpython.h"

/* Once in each interpreter: 0, or -1 (exception set). */
int handles_setup(void);

/* The method `obj.handle(*, uses=1, timeout=None)` of everything that has handles. */
PyObject *shared_handle(PyObject *self, PyObject *args, PyObject *kwargs);

#define SHARED_HANDLE_METHOD(doc) \
    {"handle", FASTCALL(shared_handle), METH_VARARGS | METH_KEYWORDS, doc}

#endif
