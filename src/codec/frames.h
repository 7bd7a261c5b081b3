/* The containers that encode has open: a stack on the heap. */
#ifndef FROZEN_CODEC_FRAMES_H
#define FROZEN_CODEC_FRAMES_H

#include "codec/order.h"
#include "codec/times.h"
#include "codec/writer.h"
#include "shared/cell.h"

typedef enum { FAILED = -1, WRITTEN = 0, OPENED = 1 } outcome;

typedef enum {
    FRAME_SEQUENCE,
    FRAME_KEYS,
    FRAME_VALUES,
    FRAME_MEMBERS,
    FRAME_NUMBERED, /* a map whose keys are ints of 64 bits, which need not be written to be sorted */
} frame_kind;

typedef enum {
    OWNED_BY_TUPLE, /* the array is the tuple's own */
    OWNED_BY_SOURCE, /* which does not change; the array is the frame's */
    OWNED_BY_FRAME,
} item_owner;

/* What a container holds; of a map its keys and values by turns. */
typedef struct {
    item_owner owner;
    bool in_cells; /* they lie in shared memory, and there are no objects of them */
    union {
        PyObject **objects;
        const cell *cells;
    };
} item_array;

/* A container that is being written. What a walk holds is on the heap and owned, because the code of registered classes runs
 * in between, and other threads do. */
typedef struct {
    frame_kind kind;
    PyObject *source; /* NULL: a tuple or frozenset in shared memory, which the container of the frame below keeps */
    item_array items;
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

/* Writes the head of a container, and opens a frame over its items if there are any. An array of items goes over, and so
 * do references that are the frame's; on failure, too. */
outcome open_items(encoder *e, int64_t tag, frame_kind kind, PyObject *source, item_array items, Py_ssize_t count);

/* The innermost container is written. */
void encoder_pop(encoder *e);

/* How many arrays and maps may still nest. */
Py_ssize_t levels_left(const encoder *e);

/* An item of the frame as an object: a new reference, or NULL (exception set). */
PyObject *item_object(const item_array *items, size_t index);

/* What leads to the item that is being written, for error_at_path(): a new list, or NULL (exception set). */
PyObject *path_labels(const encoder *e);

static inline encoder_frame *
top_frame(encoder *e)
{
    return &e->frames[e->depth - 1];
}

#define AHEAD 8 /* so many items early */

/* Asks for what is written soon: it is scattered in memory. */
static inline void
item_prefetch(const item_array *items, size_t index)
{
    if (!items->in_cells)
        PREFETCH_READ(items->objects[index]);
    else if (cell_is_box(items->cells[index]))
        PREFETCH_READ(cell_block(items->cells[index]));
}

#endif
