/* The table of kinds: what distinguishes one kind of block from the others, one row each. */

#include "shared/cell_kinds.h"

static bool
same_str(const box *a, const box *b)
{
    return box_hash(a) == box_hash(b) && a->size == b->size && a->head.form == b->head.form
           && memcmp(a->data, b->data, a->size * a->head.form) == 0;
}

static bool
same_bytes(const box *a, const box *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* also floats, by their bits: -0.0 is not 0.0, a NaN is itself */
static bool
same_word(const box *a, const box *b)
{
    return a->integer == b->integer;
}

static bool
same_complex(const box *a, const box *b)
{
    return memcmp(a->data, b->data, 2 * sizeof(double)) == 0;
}

bool
same_root(const box *a, const box *b)
{
    return *box_root((box *)a) == *box_root((box *)b) && a->size == b->size;
}

static int
equal_str(box *a, box *b)
{
    return same_str(a, b);
}

static int
equal_bytes(box *a, box *b)
{
    return same_bytes(a, b);
}

static int
equal_int(box *a, box *b)
{
    return a->integer == b->integer;
}

static int
equal_float(box *a, box *b)
{
    return a->real == b->real;
}

static node_contents
contents_cells(block *b)
{
    box *owner = (box *)b;
    return (node_contents){.cells = box_cells(owner), .cell_count = owner->size};
}

node_contents
contents_root(block *b)
{
    return (node_contents){.children = box_root((box *)b), .child_count = 1};
}

static const kind_row own_rows[KIND_REGISTERED + 1] = {
    /*                 name         decode              same          equal            hash            contents       
     * nested */
    [KIND_INT] = {"int", decode_int, same_word, equal_int, NULL, NULL, false},
    [KIND_BIG_INT] = {"int", decode_big_int, same_bytes, equal_bytes, NULL, NULL, false},
    [KIND_FLOAT] = {"float", decode_float, same_word, equal_float, hash_float, NULL, false},
    [KIND_COMPLEX] = {"complex", decode_complex, same_complex, NULL, hash_complex, NULL, false},
    [KIND_STR] = {"str", decode_str, same_str, equal_str, NULL, NULL, false},
    [KIND_BYTES] = {"bytes", decode_bytes, same_bytes, equal_bytes, NULL, NULL, false},
    [KIND_BLOB] = {"Blob", shared_blob_decode, NULL, NULL, NULL, NULL, false},
    [KIND_TUPLE] = {"tuple", decode_nested, NULL, equal_tuple, hash_tuple, contents_cells, true},
    [KIND_FROZENSET] = {"frozenset", decode_nested, NULL, equal_frozenset, hash_frozenset, contents_cells, true},
    [KIND_REGISTERED] = {"registered", decode_nested, NULL, equal_registered, hash_registered, contents_cells, true},
};

#define OWN(kind) [kind] = &own_rows[kind]
_Atomic(const kind_row *) kind_table[KIND_COUNT] = {
    OWN(KIND_INT),   OWN(KIND_BIG_INT), OWN(KIND_FLOAT), OWN(KIND_COMPLEX),   OWN(KIND_STR),
    OWN(KIND_BYTES), OWN(KIND_BLOB),    OWN(KIND_TUPLE), OWN(KIND_FROZENSET), OWN(KIND_REGISTERED),
};
#undef OWN

void
kind_register(block_kind kind, const kind_row *row)
{
    atomic_store_explicit(&kind_table[kind], row, memory_order_relaxed);
}

node_contents
block_contents(block *b)
{
    const kind_row *row = kind_row_of(b);
    return row->contents != NULL ? row->contents(b) : (node_contents){0};
}
