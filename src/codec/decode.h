/* decode: from bytes to a value. */
#ifndef FROZEN_CODEC_DECODE_H
#define FROZEN_CODEC_DECODE_H

#include "codec/times.h"

typedef enum {
    MADE_VECTOR,
    MADE_TUPLE,
    MADE_LIST,
    MADE_PARTS, /* a tuple, of which frozen/_encoding.py makes what the tag says */
    MADE_SET,
    MADE_MUTABLE_SET,
    MADE_FROZENSET,
    MADE_MAP, /* from here on keys and values by turns */
    MADE_DICT,
} made_kind;

#define KNOWN_TEXTS 256

/* An array or map of which not all items have been read. */
typedef struct {
    made_kind kind;
    bool odd; /* some key is none of those that differ if their encodings do, and whose hashes cannot be foreseen */
    bool keyed; /* some key was read */
    int64_t tag;
    uint64_t left; /* items; those of a map are its keys and values */
    size_t start; /* where it begins, with its tag */
    size_t base; /* of its items on the stack of values */
    size_t key_at, key_size; /* the last key or member */
} decoder_frame;

typedef struct {
    module_state *state;
    PyObject *types; /* the registry, or None; borrowed */
    const unsigned char *data;
    size_t size, at;
    Py_ssize_t max_depth;
    decoder_frame *frames;
    Py_ssize_t depth, room;
    Py_ssize_t key_floor; /* as in the encoder */
    PyObject **values; /* owned */
    size_t count, values_room;
    PyObject **known; /* texts that were keys, for those that come again: KNOWN_TEXTS places, or NULL */
    calendar times;
    budget left;
} decoder;

/* The one value that the bytes stand for: a new reference, or NULL (exception set). `d` has everything but its last
 * members, which are zero. */
PyObject *decoder_run(decoder *d);

/* build.c. What the items of a frame, the last on the stack, make: a new reference, or NULL (exception set). */
PyObject *decoder_build(decoder *d, const decoder_frame *f);

/* What frozen/_encoding.py makes of a tag, which began at `start`, and its content; all of it has been read. A new
 * reference, or NULL (exception set). */
PyObject *decoder_put_together(decoder *d, size_t start, int64_t tag, PyObject *content);

/* Whether the key that has just been read can be one: 0 or -1 (exception set). */
int decoder_check_key(decoder_frame *f, PyObject *key);

#endif
