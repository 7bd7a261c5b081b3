/* What capi/ calls of the references: as their methods, without tuples of arguments. The caller knows the type. */
#ifndef FROZEN_REF_DIRECT_H
#define FROZEN_REF_DIRECT_H

#include "platform/cpython.h"

/* The value (new reference) and, unless `version` is NULL, its number; NULL: failed (exception set). */
PyObject *atomic_ref_load(PyObject *op, uint64_t *version);
PyObject *shared_ref_load(PyObject *op, uint64_t *version);

/* 0, or -1 (exception set). */
int atomic_ref_store(PyObject *op, PyObject *value);
int shared_ref_store(PyObject *op, PyObject *value);

/* As compare_and_set, with ANY_VERSION for no version: 1, 0, or -1 (exception set). */
int atomic_ref_store_if(PyObject *op, PyObject *expected, PyObject *value, uint64_t version);
int shared_ref_store_if(PyObject *op, PyObject *expected, PyObject *value, uint64_t version);

#endif
