/* EncodingError, which frozen/_encoding.py defines. */
#ifndef FROZEN_CODEC_ERRORS_H
#define FROZEN_CODEC_ERRORS_H

#include "platform/cpython.h"

/* `from frozen._encoding import name`, then a call with the arguments that `format` makes, as Py_BuildValue; it makes a
 * tuple. A new reference, or NULL (exception set). */
PyObject *call_encoding(const char *name, const char *format, ...);

/* EncodingError with the reason that the format of PyUnicode_FromFormat makes; its place is not known yet. Returns
 * -1. */
int encoding_error(const char *format, ...);

/* The same; the reason begins with the object, shown at a bounded length. */
int encoding_error_about(PyObject *object, const char *reason);

/* The exception that is set is about the bytes at `offset`. What is no EncodingError, and was raised by the value that is
 * being made, becomes one if `wrap`; MemoryError and RecursionError stay what they are. Returns -1. */
int error_at_offset(size_t offset, bool wrap);

/* The exception that is set is about what the labels lead to (a list, stolen; NULL: making it failed). Only an
 * EncodingError without a place is told. */
void error_at_path(PyObject *labels);

#endif
