/* A file in memory, and the views of the containers in it.
 *
 * An image holds the buffer, a read-only mapping, until the last view of it is gone. Nothing is ever written there, so
 * threads read it without a lock. What the file says is believed only as far as it was checked: an offset is compared
 * with the size of the file before it is followed, and with that of the box that names it. */
#ifndef FROZEN_FILE_IMAGE_H
#define FROZEN_FILE_IMAGE_H

#include "file/format.h"
#include "module.h"
#include "platform/bus_guard.h"

typedef struct {
    PyObject_HEAD
    Py_buffer buffer;
    const unsigned char *base;
    uint64_t size, seed;
    cell_word root;
    _Atomic(bool) is_lost; /* a page of the file was cut off, or cannot be read: there are zeros in its place */
    bus_guard *guard;
    const volatile uint64_t *end; /* of a guarded file the last word; else NULL */
    uint64_t end_word; /* what it was when the file was opened */
    _Atomic(int64_t) copy_bytes; /* that copies of small maps may still take (copy.h) */
    PyObject *path;  /* for errors */
    PyObject *types; /* what decode() gets */
} file_image;

/* A map, set or vector of a file. `cells` are its entries: the offset was checked for all of them when it was made. */
typedef struct {
    PyObject_HEAD
    file_image *image;
    const cell_word *cells; /* of a slice: the first element */
    const uint64_t *slots;  /* before the entries; NULL: no index */
    uint64_t at;            /* offset of the box */
    Py_ssize_t count;
    Py_ssize_t stride; /* of a vector: from one element to the next */
    uint8_t bits, kind;
    bool plain_keys;
    _Atomic(Py_hash_t) hash; /* -1: not computed yet. Every thread that computes it stores the same value */
    PyObject *weakrefs;
    _Atomic(PyObject *) copy; /* of a small map: a dict of its entries, or NULL (copy.h) */
    _Atomic(uint32_t) asked;
    int64_t copy_cost; /* what the copy took of the image's copy_bytes */
} file_view;

#define VIEW(o) ((file_view *)(o))

/* FileFormatError about the box at `offset`; returns NULL. If the file was cut off, that is the reason. */
void *file_damaged(file_image *image, uint64_t offset, const char *reason);

/* A new image of a buffer. NULL (exception set): it is no file of `save`, or damaged as far as the header tells. */
PyObject *file_image_new(module_state *state, PyObject *buffer, PyObject *path, PyObject *types);

/* Whether no part of a guarded file was cut off until now. The page in which a file ends has zeros behind the end, and to
 * read those is no signal. So the last word of the file as it was is read, too: a cell or head of its container, which is
 * never 0. It lies in that page and is 0 now, or in one that is lost. (But for the instant in which the system fills the
 * page with zeros.) */
static inline bool
file_reaches_its_end(file_image *image)
{
    atomic_thread_fence(memory_order_acquire); /* what was found is read before */
    bool reaches = image->end == NULL || *image->end == image->end_word;
    return reaches && bus_guard_holds(&image->is_lost);
}

/* Whether what was read until now was the file: called where an answer was found that zeros in its place may have made.
 * Else FileFormatError. */
static inline bool
file_is_whole(file_image *image)
{
    return LIKELY(file_reaches_its_end(image)) || file_damaged(image, 0, NULL);
}

/* The box at `offset` with `bytes` bytes of contents in the file, or NULL without an exception. */
static inline const box_head *
file_box(const file_image *image, uint64_t offset, uint64_t bytes)
{
    bool inside = offset >= sizeof(file_header) && offset % 8 == 0 && offset <= image->size - sizeof(box_head)
                  && bytes <= image->size - sizeof(box_head) - offset;
    return LIKELY(inside) ? (const box_head *)(image->base + offset) : NULL;
}

#endif
