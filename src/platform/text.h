/* A text in the making, for reprs: CPython's writer where there is a public one, a list of parts elsewhere.
 *
 *     text_writer text;
 *     if (!text_open(&text)) ...
 *     ... text_ascii(&text, "Map({") == 0 && text_repr(&text, key) == 0 ...      0 or -1 (exception set)
 *     PyObject *result = text_close(&text, status);                             NULL where status is negative
 */
#ifndef FROZEN_PLATFORM_TEXT_H
#define FROZEN_PLATFORM_TEXT_H

#include "platform/cpython.h"

#if PY_VERSION_HEX >= 0x030E0000

typedef PyUnicodeWriter *text_writer;

static inline bool
text_open(text_writer *text)
{
    return (*text = PyUnicodeWriter_Create(0)) != NULL;
}

static inline int
text_ascii(text_writer *text, const char *ascii)
{
    return PyUnicodeWriter_WriteASCII(*text, ascii, (Py_ssize_t)strlen(ascii));
}

static inline int
text_repr(text_writer *text, PyObject *object)
{
    return PyUnicodeWriter_WriteRepr(*text, object);
}

static inline PyObject *
text_close(text_writer *text, int status)
{
    if (status == 0)
        return PyUnicodeWriter_Finish(*text);
    PyUnicodeWriter_Discard(*text);
    return NULL;
}

#else

typedef PyObject *text_writer;

static inline bool
text_open(text_writer *text)
{
    return (*text = PyList_New(0)) != NULL;
}

/* The part is stolen; NULL: failed. */
static inline int
text_append(text_writer *text, PyObject *part)
{
    int status = part != NULL ? PyList_Append(*text, part) : -1;
    Py_XDECREF(part);
    return status;
}

static inline int
text_ascii(text_writer *text, const char *ascii)
{
    return text_append(text, PyUnicode_InternFromString(ascii)); /* the same few separators again and again */
}

static inline int
text_repr(text_writer *text, PyObject *object)
{
    return text_append(text, PyObject_Repr(object));
}

static inline PyObject *
text_close(text_writer *text, int status)
{
    PyObject *nothing = status == 0 ? PyUnicode_FromString("") : NULL;
    PyObject *result = nothing != NULL ? PyUnicode_Join(nothing, *text) : NULL;
    Py_XDECREF(nothing);
    Py_DECREF(*text);
    return result;
}

#endif
#endif
