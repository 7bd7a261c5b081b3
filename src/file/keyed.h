/* Looking up keys in the maps and sets of files. */
#ifndef FROZEN_FILE_KEYED_H
#define FROZEN_FILE_KEYED_H

#include "file/decode.h"

/* The entry of a key: 1 and its index, 0: there is none, -1 (exception set). */
int file_find(file_view *self, PyObject *key, Py_ssize_t *index);

static inline Py_ssize_t
file_entry_width(const file_view *self)
{
    return self->kind == BOX_MAP ? 2 : 1;
}

static inline PyObject *
file_key_at(file_view *self, Py_ssize_t index)
{
    return file_object(self->image, self->cells[index * file_entry_width(self)], self->at, true);
}

static inline PyObject *
file_value_at(file_view *self, Py_ssize_t index)
{
    return file_object(self->image, self->cells[2 * index + 1], self->at, false);
}

#endif
