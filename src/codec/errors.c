/* Raising EncodingError, and adding to one where it happened. */

#include "codec/errors.h"

#include "platform/bounded_repr.h"

PyObject *
call_encoding(const char *name, const char *format, ...)
{
    PyObject *callable = imported("frozen._encoding", name);
    va_list values;
    va_start(values, format);
    PyObject *args = callable != NULL ? Py_VaBuildValue(format, values) : NULL;
    va_end(values);
    PyObject *result = args != NULL ? PyObject_CallObject(callable, args) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(callable);
    return result;
}

/* Steals `reason`, which may be NULL (exception set). */
static int
raise_reason(PyObject *reason)
{
    PyObject *error = reason != NULL ? call_encoding("EncodingError", "(O)", reason) : NULL;
    Py_XDECREF(reason);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return -1;
}

int
encoding_error(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    PyObject *reason = PyUnicode_FromFormatV(format, values);
    va_end(values);
    return raise_reason(reason);
}

int
encoding_error_about(PyObject *object, const char *reason)
{
    PyObject *shown = bounded_repr(object);
    PyObject *text = shown != NULL ? PyUnicode_FromFormat("%U %s", shown, reason) : NULL;
    Py_XDECREF(shown);
    return raise_reason(text);
}

/* Calls function(error, place) of frozen/_encoding.py, which returns the exception that is to be raised. */
static void
codec_place_error(const char *function, PyObject *place)
{
    PyObject *error = take_exception();
    PyObject *placed = place != NULL ? call_encoding(function, "(OO)", error, place) : NULL;
    if (placed == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear(); /* the error itself matters more than its place */
    if (!PyErr_Occurred())
        restore_exception(placed != NULL ? placed : Py_NewRef(error));
    Py_DECREF(error);
}

int
error_at_offset(size_t offset, bool wrap)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyObject *number = PyLong_FromSize_t(offset);
    codec_place_error(wrap ? "_wrapped_at" : "_found_at", number);
    Py_XDECREF(number);
    return -1;
}

void
error_at_path(PyObject *labels)
{
    if (PyErr_ExceptionMatches(PyExc_Exception))
        codec_place_error("_found_on", labels);
    Py_XDECREF(labels);
}
