/* The hash of a key within a file: not Python's, which differs in each process for texts and bytes. */
#ifndef FROZEN_FILE_HASH_H
#define FROZEN_FILE_HASH_H

#include "file/format.h"

/* Equal keys have equal hashes, whatever their types are. 0, or -1 (exception set): the key has no hash. */
int file_hash(PyObject *key, uint64_t seed, uint64_t *hash);

static inline uint64_t
file_hash_of_text(PyObject *text, uint64_t seed)
{
    size_t width = (size_t)PyUnicode_KIND(text);
    return hash_of_bytes(seed ^ width, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text) * width);
}

/* Of a number: from Python's hash, which is the same for equal numbers, and in each process. */
static inline uint64_t
file_hash_of_number(Py_hash_t hash, uint64_t seed)
{
    return hash_step(seed ^ 16, (uint64_t)hash);
}

static inline uint64_t
file_hash_of_int(int64_t value, uint64_t seed)
{
    return file_hash_of_number(value == -1 ? -2 : (Py_hash_t)value, seed);
}

#endif
