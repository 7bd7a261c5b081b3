/* What capi/ calls of the containers over the local memory: as their methods, without tuples of arguments.
 *
 * The caller knows the types: `self` is a Map or Vector (or of a subclass), `draft` a mutation of theirs, and it holds
 * all arguments. An int is 1 for yes, found or done, 0 for no, -1 for failed (exception set). */
#ifndef FROZEN_BINDINGS_COMMON_DIRECT_H
#define FROZEN_BINDINGS_COMMON_DIRECT_H

#include "module.h"

/* Bytes in which an iteration over a map, over a vector, finds room; as those of uint64_t they are aligned. */
enum { MAP_WALK_ROOM = 64 * sizeof(uint64_t), VECTOR_WALK_ROOM = 8 * sizeof(uint64_t) };

/* *value is borrowed from the map; NULL unless found. */
int local_map_find(PyObject *self, PyObject *key, PyObject **value);
void local_map_walk(PyObject *self, void *walk);
bool local_map_walk_next(void *walk, PyObject **key, PyObject **value);
PyObject *local_map_with(PyObject *self, PyObject *key, PyObject *value);
PyObject *local_map_without(PyObject *self, PyObject *key);

PyObject *local_map_draft(PyObject *self);
bool local_map_is_draft(PyObject *object);
int local_map_draft_get(PyObject *draft, PyObject *key, PyObject **value);
int local_map_draft_set(PyObject *draft, PyObject *key, PyObject *value);
int local_map_draft_drop(PyObject *draft, PyObject *key);
PyObject *local_map_draft_finish(PyObject *draft);

/* Borrowed from the vector; IndexError. */
PyObject *local_vector_at(PyObject *self, Py_ssize_t index);
void local_vector_walk(PyObject *self, void *walk);
bool local_vector_walk_next(void *walk, PyObject **value);
PyObject *local_vector_with(PyObject *self, Py_ssize_t index, PyObject *value);
PyObject *local_vector_with_last(PyObject *self, PyObject *value);

PyObject *local_vector_draft(PyObject *self);
bool local_vector_is_draft(PyObject *object);
Py_ssize_t local_vector_draft_len(PyObject *draft);
int local_vector_draft_append(PyObject *draft, PyObject *value);
int local_vector_draft_set(PyObject *draft, Py_ssize_t index, PyObject *value);
PyObject *local_vector_draft_finish(PyObject *draft);

#endif
