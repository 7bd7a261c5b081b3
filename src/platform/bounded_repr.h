/* Errors that name a value, whatever the value is. */
#ifndef FROZEN_PLATFORM_BOUNDED_REPR_H
#define FROZEN_PLATFORM_BOUNDED_REPR_H

#include "platform/cpython.h"

/* The repr of any object for the text of an error: some 200 characters at most, at a cost that does not grow with what
 * the object holds. What has no repr, or could have a long one, is named by its type: `<Point object>`. A new
 * reference; NULL (exception set): out of memory, or a repr raised what is no Exception, KeyboardInterrupt for
 * instance. */
PyObject *bounded_repr(PyObject *object);

/* Objects of types that are freed by this function are `container`s, and shown by their first members. Each interpreter
 * that imports the module says so again. */
void bounded_repr_knows(destructor container_dealloc);

/* PyErr_Format(exception, "<before><object><after>"), where `after` is a format and the object is shown by
 * bounded_repr. Returns NULL. */
void *raise_about(PyObject *exception, const char *before, PyObject *object, const char *after, ...);

#endif
