/* What capi/ and cache/ call of AtomicMap: as its methods, without tuples of arguments. The caller knows the type. An int is 1
 * for found or done, 0 for not, -1 for failed (exception set). */
#ifndef FROZEN_ATOMIC_DIRECT_H
#define FROZEN_ATOMIC_DIRECT_H

#include "platform/cpython.h"

/* *value is a new reference; NULL unless found. */
int atomic_map_find(PyObject *op, PyObject *key, PyObject **value);
/* Takes what the caller wants of a value, references of its own. False: it takes nothing, and wants the value itself. It
 * runs while the thread is inside of the map (platform/grace.h): no arbitrary code, no lock, nothing that waits. */
typedef bool (*value_taker)(PyObject *value, void *into);
/* The same, but *value is NULL as well where `take` took what there was to take: then the value was not counted. It is not
 * asked where a lock is needed anyway. */
int atomic_map_find_part(PyObject *op, PyObject *key, value_taker take, void *into, PyObject **value);
/* 0 or -1. */
int atomic_map_store(PyObject *op, PyObject *key, PyObject *value);
int atomic_map_drop(PyObject *op, PyObject *key);
/* As compare_and_set; NULL stands for absence, as ABSENT does. */
int atomic_map_store_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value);
/* The same by identity, and of any value: if what is there is the very object `expected` (NULL: nothing), `value` takes
 * its place (NULL: it is removed). Unless `before` is NULL, what was there comes out in it, a new reference or NULL. */
int atomic_map_exchange_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value, PyObject **before);
/* Removes the key; *before is a new reference, NULL unless found. */
int atomic_map_take(PyObject *op, PyObject *key, PyObject **before);
/* What is under the key afterwards (new reference), or NULL. */
PyObject *atomic_map_increase(PyObject *op, PyObject *key, PyObject *by);
Py_ssize_t atomic_map_count_all(PyObject *op);
/* A Map, or NULL. */
PyObject *atomic_map_contents(PyObject *op);

#endif
