/* What capi/ calls of AtomicMap: as its methods, without tuples of arguments. The caller knows the type. An int is 1
 * for found or done, 0 for not, -1 for failed (exception set). */
#ifndef FROZEN_ATOMIC_DIRECT_H
#define FROZEN_ATOMIC_DIRECT_H

#include "platform/cpython.h"

/* *value is a new reference; NULL unless found. */
int atomic_map_find(PyObject *op, PyObject *key, PyObject **value);
/* 0 or -1. */
int atomic_map_store(PyObject *op, PyObject *key, PyObject *value);
int atomic_map_drop(PyObject *op, PyObject *key);
/* As compare_and_set; NULL stands for absence, as ABSENT does. */
int atomic_map_store_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value);
/* What is under the key afterwards (new reference), or NULL. */
PyObject *atomic_map_increase(PyObject *op, PyObject *key, PyObject *by);
Py_ssize_t atomic_map_count_all(PyObject *op);
/* A Map, or NULL. */
PyObject *atomic_map_contents(PyObject *op);

#endif
