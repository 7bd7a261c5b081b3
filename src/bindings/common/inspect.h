/* Looking into containers of every kind: what they share, and what inspect.c does for them in return. */
#ifndef FROZEN_BINDINGS_COMMON_INSPECT_H
#define FROZEN_BINDINGS_COMMON_INSPECT_H

#include "platform/cpython.h"

/* Whether the address is in the set already: 1; 0: now it is; -1 (exception set). */
static inline int
address_is_known(const void *node, PyObject *seen)
{
    PyObject *address = PyLong_FromVoidPtr((void *)node);
    int known = address != NULL ? PySet_Contains(seen, address) : -1;
    if (known == 0 && PySet_Add(seen, address) < 0)
        known = -1;
    Py_XDECREF(address);
    return known;
}

/* The addresses of all nodes of any object into a set: none, if it is no container.  0 or -1. */
int inspect_collect(PyObject *o, PyObject *seen);

#endif
