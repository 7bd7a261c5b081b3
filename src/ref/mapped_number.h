/* The number of the newest version of a FileRef (frozen/_snapshot_folder.py): a word of a mapped file, which other processes
 * write.
 *
 * A store releases and a load acquires. They order what this process does; what others wrote into the folder before their
 * store, the system has done when it is loaded. Where the file is cut off after it was mapped, the number is 0, which no
 * version has: a page that is lost becomes zeros (platform/bus_guard.h), and so does the rest of the page in which the file
 * ends. */
#ifndef FROZEN_REF_MAPPED_NUMBER_H
#define FROZEN_REF_MAPPED_NUMBER_H

#include "platform/bus_guard.h"
#include "platform/spinlock.h"

typedef struct {
    PyObject_HEAD
    Py_buffer buffer; /* of the mapping, which stays as long as this object */
    _Atomic(uint64_t) *word;
    bus_guard *guard;
    _Atomic(bool) is_lost;
    ref_mutex lock; /* held while it is stored or mapped again, never while it is loaded */
} MappedNumber;

static inline uint64_t
mapped_number(MappedNumber *self)
{
    return atomic_load_explicit(self->word, memory_order_acquire);
}

#endif
