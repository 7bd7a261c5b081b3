/* The functions that cell_kinds.c puts into its rows; for the cell_*.c files only. */
#ifndef FROZEN_SHARED_CELL_KINDS_H
#define FROZEN_SHARED_CELL_KINDS_H

#include "platform/address_map.h"
#include "shared/cell.h"

PyObject *decode_str(box *b);
PyObject *decode_int(box *b);
PyObject *decode_big_int(box *b);
PyObject *decode_float(box *b);
PyObject *decode_complex(box *b);
PyObject *decode_bytes(box *b);
PyObject *decode_nested(box *b);
PyObject *decode_tuple(box *b);
PyObject *decode_native(box *b);

int hash_float(box *b, uint64_t *hash);
int hash_complex(box *b, uint64_t *hash);
int hash_tuple(box *b, uint64_t *hash);
int hash_frozenset(box *b, uint64_t *hash);
int hash_registered(box *b, uint64_t *hash);

int equal_tuple(box *a, box *b);
int equal_frozenset(box *a, box *b);
int equal_registered(box *a, box *b);
int equal_native(box *a, box *b);

/* Whether something else refers to it, too. */
static inline bool
block_is_shared(block *b)
{
    return !block_is_unique(b);
}

/* What a walk knows a box by: a container by its root, around which there are boxes that do not know each other, and
 * its length, because vectors of different lengths may have one root. */
static inline block *
block_in_walk(box *b)
{
    bool is_container = b->head.kind == KIND_MAP || b->head.kind == KIND_SET || b->head.kind == KIND_VECTOR;
    return is_container && *box_root(b) != NULL ? *box_root(b) : &b->head;
}

/* Whether a walk may come to that box, or to another one around the same root, once more. */
static inline bool
box_is_met_again(box *b)
{
    return block_is_shared(&b->head) || block_is_shared(block_in_walk(b));
}

static inline address_key
key_in_walk(box *b)
{
    return (address_key){(uintptr_t)block_in_walk(b), 0, b->size};
}

#endif
