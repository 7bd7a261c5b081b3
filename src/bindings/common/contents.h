/* What codec/ needs of the containers beside bulk.h: all that one holds as an array, and maps and sets of many objects. */
#ifndef FROZEN_BINDINGS_COMMON_CONTENTS_H
#define FROZEN_BINDINGS_COMMON_CONTENTS_H

#include "module.h"

/* All that a container holds into `out`, in the order of iteration: of a map its keys and values by turns. All of it is
 * borrowed of the container, which never changes: of a shared one cells, of which no object is made. 0, or -1: interrupted
 * (exception set). Arbitrary code may run where signals are looked at, so the caller holds the container. */
int local_map_contents(PyObject *self, PyObject **out);
int local_set_contents(PyObject *self, PyObject **out);
int local_vector_contents(PyObject *self, PyObject **out);
int shared_map_contents(PyObject *self, uint64_t *out);
int shared_set_contents(PyObject *self, uint64_t *out);
int shared_vector_contents(PyObject *self, uint64_t *out);

/* A container of `count` members, or pairs of key and value, whose references stay the caller's: new, or NULL
 * (exception set). All keys, all members differ. */
PyObject *local_map_of(module_state *state, PyObject *const *objects, Py_ssize_t count);
PyObject *local_set_of(module_state *state, PyObject *const *objects, Py_ssize_t count);

#endif
