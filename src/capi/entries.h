/* The entries of the C API's table, and what the files that define them share.
 *
 * ../frozen/include/frozen.h says what each entry does. An entry looks at its arguments, then calls the function of a
 * lower layer that the method calls, too (the direct.h of each layer). */
#ifndef FROZEN_CAPI_ENTRIES_H
#define FROZEN_CAPI_ENTRIES_H

#define FROZEN_TARGET 0xffffff /* all entries */
#include "../../frozen/include/frozen.h"

#include "module.h"

/* ---- containers.c ---- */

int capi_map_check(PyObject *object);
PyObject *capi_map_new(PyObject *source);
Py_ssize_t capi_map_len(PyObject *map);
int capi_map_get(PyObject *map, PyObject *key, PyObject **value);
int capi_map_peek(PyObject *map, PyObject *key, PyObject **value);
int capi_map_iter(PyObject *map, frozen_map_iter *iter);
int capi_map_next(frozen_map_iter *iter, PyObject **key, PyObject **value);
PyObject *capi_map_set(PyObject *map, PyObject *key, PyObject *value);
PyObject *capi_map_without(PyObject *map, PyObject *key);

PyObject *capi_map_draft(PyObject *map);
int capi_map_draft_get(PyObject *draft, PyObject *key, PyObject **value);
int capi_map_draft_set(PyObject *draft, PyObject *key, PyObject *value);
int capi_map_draft_drop(PyObject *draft, PyObject *key);
PyObject *capi_map_draft_finish(PyObject *draft);

int capi_vector_check(PyObject *object);
PyObject *capi_vector_new(PyObject *iterable);
Py_ssize_t capi_vector_len(PyObject *vector);
PyObject *capi_vector_get(PyObject *vector, Py_ssize_t index);
PyObject *capi_vector_peek(PyObject *vector, Py_ssize_t index);
int capi_vector_iter(PyObject *vector, frozen_vector_iter *iter);
int capi_vector_next(frozen_vector_iter *iter, PyObject **value);
PyObject *capi_vector_append(PyObject *vector, PyObject *value);
PyObject *capi_vector_set(PyObject *vector, Py_ssize_t index, PyObject *value);

PyObject *capi_vector_draft(PyObject *vector);
Py_ssize_t capi_vector_draft_len(PyObject *draft);
int capi_vector_draft_append(PyObject *draft, PyObject *value);
int capi_vector_draft_set(PyObject *draft, Py_ssize_t index, PyObject *value);
PyObject *capi_vector_draft_finish(PyObject *draft);

/* ---- atomics.c ---- */

int capi_ref_check(PyObject *object);
PyObject *capi_ref_new(PyObject *value);
PyObject *capi_shared_ref_new(PyObject *value);
PyObject *capi_ref_get(PyObject *ref, uint64_t *version);
int capi_ref_set(PyObject *ref, PyObject *value);
int capi_ref_compare_and_set(PyObject *ref, PyObject *expected, PyObject *value, uint64_t version);

int capi_atomic_map_check(PyObject *object);
PyObject *capi_atomic_map_new(PyObject *source);
Py_ssize_t capi_atomic_map_len(PyObject *map);
int capi_atomic_map_get(PyObject *map, PyObject *key, PyObject **value);
int capi_atomic_map_set(PyObject *map, PyObject *key, PyObject *value);
int capi_atomic_map_drop(PyObject *map, PyObject *key);
int capi_atomic_map_compare_and_set(PyObject *map, PyObject *key, PyObject *expected, PyObject *value);
int capi_atomic_map_add(PyObject *map, PyObject *key, int64_t by, PyObject **sum);
PyObject *capi_atomic_map_snapshot(PyObject *map);

#endif
