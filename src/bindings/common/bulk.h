/* What convert/ and shared/ need of the containers: all that one holds, and making one of many objects.
 *
 * `visit` gets an entry's key and value, or an element twice; borrowed, in the order of iteration. It returns 0, or -1
 * (reported), which ends the visits with -1. Foreign code may run meanwhile: the caller holds the container. */
#ifndef FROZEN_BINDINGS_COMMON_BULK_H
#define FROZEN_BINDINGS_COMMON_BULK_H

#include "platform/cpython.h"
#include "module.h"

typedef int (*visit_item)(void *context, PyObject *key, PyObject *value);

/* *unique becomes false where another container has nodes of this one, and so what they hold. */
int local_map_each(PyObject *self, visit_item visit, void *context, bool *unique);
int local_set_each(PyObject *self, visit_item visit, void *context, bool *unique);
int local_vector_each(PyObject *self, visit_item visit, void *context, bool *unique);
int shared_map_each(PyObject *self, visit_item visit, void *context);
int shared_vector_each(PyObject *self, visit_item visit, void *context);

/* New, or NULL (reported). Keys and values stand there by turns, and all keys differ; the references are taken over, and
 * NULL is left in their place. */
PyObject *local_map_of_pairs(module_state *state, PyObject **pairs, Py_ssize_t count);
PyObject *shared_map_of_pairs(module_state *state, PyObject **pairs, Py_ssize_t count);

/* New, or NULL (reported). The references stay the caller's. */
PyObject *local_vector_of(module_state *state, PyObject *const *elements, Py_ssize_t count);
PyObject *shared_vector_of(module_state *state, PyObject *const *elements, Py_ssize_t count);

#endif
