/* Looking into containers of every kind: what each kind of container offers to inspect.c. */
#ifndef FROZEN_TYPES_INSPECT_H
#define FROZEN_TYPES_INSPECT_H

#include "module.h"

/* NULL: an invariant is broken, AssertionError names it; otherwise None. */
PyObject *local_map_check(PyObject *self);
PyObject *local_set_check(PyObject *self);
PyObject *local_vector_check(PyObject *self);
PyObject *shared_map_check(PyObject *self);
PyObject *shared_set_check(PyObject *self);

/* The tree as text. */
PyObject *local_map_dump(PyObject *self);
PyObject *local_set_dump(PyObject *self);
PyObject *local_vector_dump(PyObject *self);
PyObject *shared_map_dump(PyObject *self);
PyObject *shared_set_dump(PyObject *self);

/* The addresses of all nodes into a set, those of containers nested in values included: 0 or -1. */
int local_map_collect(PyObject *self, PyObject *seen);
int local_set_collect(PyObject *self, PyObject *seen);
int local_vector_collect(PyObject *self, PyObject *seen);
int shared_map_collect(PyObject *self, PyObject *seen);
int shared_set_collect(PyObject *self, PyObject *seen);

/* The same for any object: nothing, if it is no container. */
int inspect_collect(PyObject *o, PyObject *seen);

#endif
