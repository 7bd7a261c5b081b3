/* Ints of 128 bits, without a sign, and two words: in whatever way the version of CPython has. */
#ifndef FROZEN_PLATFORM_WIDE_INT_H
#define FROZEN_PLATFORM_WIDE_INT_H

#include "platform/cpython.h"

#if PY_VERSION_HEX < 0x030D0000
/* The int moved by 64 bits; a new reference, or NULL (exception set). */
static inline PyObject *
wide_int_shift(PyObject *o, PyObject *(*shift)(PyObject *, PyObject *))
{
    PyObject *by = PyLong_FromLong(64), *moved = by != NULL ? shift(o, by) : NULL;
    Py_XDECREF(by);
    return moved;
}
#endif

/* 1: its words; 0: it is none of these ints; -1: failed (exception set). */
static inline int
wide_int_take(PyObject *o, uint64_t words[2])
{
    if (!PyLong_CheckExact(o))
        return 0;
#if PY_VERSION_HEX >= 0x030D0000
    int flags = Py_ASNATIVEBYTES_LITTLE_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER | Py_ASNATIVEBYTES_REJECT_NEGATIVE;
    Py_ssize_t size = PyLong_AsNativeBytes(o, words, 2 * sizeof *words, flags);
    if (size >= 0)
        return size <= (Py_ssize_t)(2 * sizeof *words);
#else
    words[0] = PyLong_AsUnsignedLongLongMask(o);
    PyObject *high = wide_int_shift(o, PyNumber_Rshift);
    words[1] = high != NULL ? PyLong_AsUnsignedLongLong(high) : 0;
    Py_XDECREF(high);
    if (!PyErr_Occurred())
        return 1;
#endif
    if (!PyErr_ExceptionMatches(PyExc_OverflowError) && !PyErr_ExceptionMatches(PyExc_ValueError))
        return -1;
    PyErr_Clear();
    return 0;
}

static inline PyObject *
wide_int_make(const uint64_t words[2])
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromUnsignedNativeBytes(words, 2 * sizeof *words, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    PyObject *half = PyLong_FromUnsignedLongLong(words[1]);
    PyObject *high = half != NULL ? wide_int_shift(half, PyNumber_Lshift) : NULL;
    PyObject *low = high != NULL ? PyLong_FromUnsignedLongLong(words[0]) : NULL;
    PyObject *whole = low != NULL ? PyNumber_Or(high, low) : NULL;
    Py_XDECREF(half);
    Py_XDECREF(high);
    Py_XDECREF(low);
    return whole;
#endif
}

#endif
