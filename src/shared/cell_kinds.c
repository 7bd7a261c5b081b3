/* The rows of the kinds of boxes that the codec knows: what distinguishes one from the others. */

#include "shared/cell_kinds.h"

#include "module.h"
#include "shared/native.h"

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

/* What has cells may also be the same as they are, one by one: see equal_native. */
static bool
same_native(const box *a, const box *b)
{
    return a->head.form == b->head.form && a->size == b->size
           && memcmp(a->data, b->data, NATIVE_WORDS * sizeof(uint64_t) + a->size * sizeof(cell)) == 0;
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

static node_contents
contents_native(block *b)
{
    box *owner = (box *)b;
    return (node_contents){.cells = native_cells(owner), .cell_count = owner->size};
}

static const kind_row own_rows[] = {
    /*                 decode          same          equal            hash             contents        nested, local ones */
    [KIND_INT] = {decode_int, same_word, equal_int, NULL, NULL, false, NULL, NULL},
    [KIND_BIG_INT] = {decode_big_int, same_bytes, equal_bytes, NULL, NULL, false, NULL, NULL},
    [KIND_FLOAT] = {decode_float, same_word, equal_float, hash_float, NULL, false, NULL, NULL},
    [KIND_COMPLEX] = {decode_complex, same_complex, NULL, hash_complex, NULL, false, NULL, NULL},
    [KIND_STR] = {decode_str, same_str, equal_str, NULL, NULL, false, NULL, NULL},
    [KIND_BYTES] = {decode_bytes, same_bytes, equal_bytes, NULL, NULL, false, NULL, NULL},
    [KIND_TUPLE] = {decode_tuple, NULL, equal_tuple, hash_tuple, contents_cells, true, NULL, NULL},
    [KIND_FROZENSET] = {decode_nested, NULL, equal_frozenset, hash_frozenset, contents_cells, true, NULL, NULL},
    [KIND_REGISTERED] = {decode_nested, NULL, equal_registered, hash_registered, contents_cells, true, NULL, NULL},
    [KIND_NATIVE] = {decode_native, same_native, equal_native, hash_registered, contents_native, true, NULL, NULL},
};

int
cells_setup(PyObject *Py_UNUSED(module), module_state *Py_UNUSED(state))
{
    for (block_kind kind = 0; kind < Py_ARRAY_LENGTH(own_rows); kind++)
        if (own_rows[kind].decode != NULL)
            kind_register(kind, &own_rows[kind]);
    return 0;
}
