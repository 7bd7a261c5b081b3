/* Cells as Python objects. Texts, bytes, numbers, tuples and frozensets are copied out of the file; maps, sets and
 * vectors are views of it. */
#ifndef FROZEN_FILE_DECODE_H
#define FROZEN_FILE_DECODE_H

#include "file/image.h"

/* The object of any cell in the box at `before`, a new reference; NULL (exception set). A key or a member of a set, and
 * whatever is inside of it, is copied: `is_key`. */
PyObject *file_object_of_box(file_image *image, cell_word c, uint64_t before, bool is_key);

/* A view of `count` elements of a vector. */
PyObject *file_vector_part(file_view *whole, Py_ssize_t first, Py_ssize_t count, Py_ssize_t stride);

static inline PyObject *
file_short_str(file_image *image, cell_word c, uint64_t before)
{
    uint64_t characters = c >> 8;
    Py_ssize_t length = (Py_ssize_t)(c >> TAG_BITS & 31);
    if (UNLIKELY(length > SHORT_STR || (characters & UINT64_C(0x80808080808080)) != 0))
        return file_damaged(image, before, "is damaged: a short text has a wrong length or character");
    PyObject *text = PyUnicode_New(length, 127);
    if (LIKELY(text != NULL && length > 0))
        memcpy(PyUnicode_1BYTE_DATA(text), &characters, (size_t)length);
    return text;
}

/* The same for the frequent kinds, in line. */
static inline PyObject *
file_object(file_image *image, cell_word c, uint64_t before, bool is_key)
{
    if ((c & TAG_MASK) == CELL_INT)
        return PyLong_FromLongLong(int_of_cell(c));
    if ((c & TAG_MASK) == CELL_STR)
        return file_short_str(image, c, before);
    return file_object_of_box(image, c, before, is_key);
}

#endif
