/* Containers of both families side by side: a Map and a SharedMap of the same entries are equal. */
#ifndef FROZEN_SHARED_COUNTERPART_H
#define FROZEN_SHARED_COUNTERPART_H

#include "platform/cpython.h"

#include <stdbool.h>

/* Whether one of them is a shared container, and the other exactly its local counterpart (no subclass). */
bool are_counterparts(PyObject *a, PyObject *b);

/* Whether counterparts are equal: 1, 0, or -1 (exception set).  O(n), and what is nested is met once, however many paths
 * lead there: cell_compare.c says why that is right. */
int counterparts_equal(PyObject *a, PyObject *b);

#endif
