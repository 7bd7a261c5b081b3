/* How often each key occurs: what count() adds to a map, each key once. */
#ifndef FROZEN_ATOMIC_TALLY_H
#define FROZEN_ATOMIC_TALLY_H

#include "platform/cpython.h"

typedef struct {
    PyObject *key; /* owned: the first of those that are equal */
    Py_hash_t hash;
    Py_ssize_t times;
} tally_entry;

/* A hash table as dict's: entries in the order in which they came, and places that hold their numbers. */
typedef struct {
    tally_entry *entries;
    uint32_t *places; /* a power of two of them: the number of an entry and 1, or 0 */
    uint32_t count, room; /* of entries */
    unsigned bits; /* of the number of places */
} tally;

/* Counts the keys of an iterable in a tally that is all zeros. May run arbitrary code. False: failed (exception set). */
bool tally_keys(tally *self, PyObject *keys);

void tally_release(tally *self);

#endif
