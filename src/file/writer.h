/* Writing a value as a file, from its first byte to its last: a box is written when all that it names is. */
#ifndef FROZEN_FILE_WRITER_H
#define FROZEN_FILE_WRITER_H

#include "file/format.h"
#include "platform/budget.h"
#include "platform/address_map.h"
#include "module.h"

/* A container that is open. The arrays are what the writer keeps of it, beside the container itself. */
typedef struct {
    PyObject *source, *iter; /* iter NULL: a tuple */
    PyObject *key, *value;   /* of a map: the pair that is being written; value NULL: it is, or none is */
    cell_word *cells;        /* of what was written */
    uint64_t *hashes;        /* of keys; NULL: no index */
    Py_ssize_t count, next;  /* cells */
    const void *root;        /* by which a container is known again */
    uint8_t kind;
    bool in_key, plain_keys;
    bool made_anew; /* what a file holds: a container among it may be gone when another is made at its address */
    int copied; /* how many tuples and frozensets nest here, or what nests in a key */
} writer_frame;

typedef struct {
    module_state *state;
    PyObject *write; /* called with bytes */
    PyObject *types;
    PyObject *texts; /* dict: the offset of each long text */
    address_map containers;
    unsigned char *buffer;
    size_t used;
    uint64_t seed, offset, sum;
    writer_frame *frames;
    Py_ssize_t depth, room;
    budget left;
} file_writer;

/* Writes the body by calls of write(bytes), and makes the header of it. 0, or -1 (exception set). */
int
file_write(module_state *state, PyObject *value, PyObject *write, PyObject *types, uint64_t seed, file_header *header);

#endif
