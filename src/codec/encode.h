/* encode: the walk from a value to bytes. */
#ifndef FROZEN_CODEC_ENCODE_H
#define FROZEN_CODEC_ENCODE_H

#include "codec/order.h"
#include "codec/times.h"
#include "codec/writer.h"

typedef enum {
    FRAME_SEQUENCE,
    FRAME_KEYS,
    FRAME_VALUES,
    FRAME_MEMBERS,
    FRAME_NUMBERED, /* a map whose keys are ints of 64 bits, which need not be written to be sorted */
} frame_kind;

typedef enum {
    OWNED_BY_TUPLE, /* `source`: the array is its own */
    OWNED_BY_SOURCE, /* which does not change; the array is the frame's */
    OWNED_BY_FRAME,
} item_owner;

/* A container that is being written. What a walk holds is on the heap and owned, because the code of registered classes runs
 * in between, and other threads do. */
typedef struct {
    frame_kind kind;
    item_owner owner;
    PyObject *source;
    PyObject **items; /* of a map its keys and values by turns */
    Py_ssize_t count, next; /* of elements, members or entries */
    span *spans; /* of keys and members, in the order of items; `at` counts from the first one */
    size_t body; /* where the first key or member began */
    size_t *order; /* of a map, when its keys are written: the index of the entry that comes first, second ... */
    unsigned char *keys; /* the encoded keys in that order, one behind the other */
    size_t keys_at; /* where the next one is */
    ranked *numbers; /* of a numbered map: its keys in order (int_rank), and the indices of their entries */
} encoder_frame;

typedef struct {
    module_state *state;
    PyObject *types; /* the registry, or None; borrowed */
    Py_ssize_t max_depth;
    writer out;
    encoder_frame *frames;
    Py_ssize_t depth, room;
    Py_ssize_t key_floor; /* the depth at which the outermost key or member begins that is being written; or -1 */
    calendar times;
    budget left;
} encoder;

void encoder_open(encoder *e, module_state *state, PyObject *types, Py_ssize_t max_depth);
void encoder_close(encoder *e);

/* 0: it is in e->out; -1 (exception set): an EncodingError has the path. */
int encoder_run(encoder *e, PyObject *value);

#endif
