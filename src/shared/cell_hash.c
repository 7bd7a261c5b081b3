/* Hashes of cells: see cell.h for what they promise. */

#include "shared/cell_kinds.h"
#include "trees/hash_mix.h"
#include "shared/native.h"
#include "shared/walk.h"

/* ---- what needs no object ---- */

/* Python's hash of a str of ASCII characters: that of its bytes, with the process's secret. */
static uint64_t
hash_short_str(cell c)
{
    char text[CELL_STR_MAX];
    unsigned length = cell_str_length(c);
    if (length == 0)
        return 0;
    cell_str_copy(c, text);
    Py_hash_t hash = PyHash_GetFuncDef()->hash(text, (Py_ssize_t)length);
    return (uint64_t)(hash == -1 ? -2 : hash);
}

/* Objects that exist once in the process, or in each interpreter, but with one hash. */
static uint64_t
hash_constant(cell c)
{
    PyObject *o = c == CELL_NONE ? Py_None : c == CELL_ELLIPSIS ? Py_Ellipsis : NULL;
    if (o != NULL)
        return (uint64_t)PyObject_Hash(o);
    if (c == CELL_EMPTY_TUPLE)
        return tuple_hash_end(TUPLE_HASH_START, 0);
    return c == CELL_TRUE;
}

bool
cell_known_hash(cell c, uint64_t *hash)
{
    switch (cell_tag(c)) {
    case TAG_INT: {
        /* 61 bits are below the modulus of Python's numeric hash */
        int64_t i = cell_int(c);
        *hash = (uint64_t)(i == -1 ? -2 : i);
        return true;
    }
    case TAG_STR: *hash = hash_short_str(c); return true;
    case TAG_CONSTANT: *hash = hash_constant(c); return true;
    default: *hash = box_hash(cell_box(c)); return (block_flags(cell_block(c)) & BOX_HASHED) != 0;
    }
}

/* ---- values ---- */

/* The hash of the object that is made of a box; for types of ours, whose hash is the same everywhere. */
static int
hash_object(box *b, uint64_t *hash)
{
    PyObject *o = cell_to_object(cell_of_box(b));
    Py_hash_t found = o != NULL ? PyObject_Hash(o) : -1;
    Py_XDECREF(o);
    *hash = (uint64_t)found;
    return found == -1 ? -1 : 1;
}

/* A hash that is not the same everywhere is remembered for the rest of the walk, one that is in the box. */
static int
hash_within(walk *w, box *b, uint64_t *hash)
{
    block_kind kind = b->head.kind;
    bool again = box_is_met_again(b);
    address_entry *known = again ? address_find(&w->met, key_in_walk(b)) : NULL;
    if (known != NULL) {
        *hash = known->value;
        return 0;
    }
    if (walk_down(w, kind) < 0)
        return -1;
    int status = kind_row_of(&b->head)->hash(b, hash);
    walk_up(kind);
    if (status > 0)
        box_set_hash(b, *hash, BOX_VALUE_HASHED);
    else if (status == 0 && again)
        address_add(&w->met, key_in_walk(b), *hash); /* without memory it is computed again */
    return status;
}

NO_INLINE static int
hash_outermost(box *b, uint64_t *hash)
{
    walk own;
    walk_begin(&own);
    int status = hash_within(&own, b, hash);
    walk_end(&own);
    return status;
}

static int
hash_nested(box *b, uint64_t *hash)
{
    walk *w = walk_current();
    return w != NULL ? hash_within(w, b, hash) : hash_outermost(b, hash);
}

int
cell_hash_here(cell c, uint64_t *hash)
{
    walk *paused = walk_pause();
    int status = hash_object(cell_box(c), hash);
    walk_resume(paused);
    return status < 0 ? -1 : 0;
}

int
cell_value_hash(cell c, uint64_t *hash)
{
    if (cell_known_hash(c, hash))
        return 1;
    box *b = cell_box(c);
    if (block_flags(&b->head) & BOX_VALUE_HASHED) {
        *hash = box_hash(b);
        return 1;
    }
    const kind_row *row = kind_row_of(&b->head);
    return row->nested ? hash_nested(b, hash) : row->hash != NULL ? row->hash(b, hash) : hash_object(b, hash);
}

/* What a NaN's hash is in Python, the identity of its object, is nothing that a value could have: here it is its
 * bits. */
int
hash_float(box *b, uint64_t *hash)
{
    *hash = (uint64_t)b->integer;
    return 1;
}

int
hash_complex(box *b, uint64_t *hash)
{
    uint64_t parts[2];
    memcpy(parts, b->data, sizeof parts);
    *hash = pair_hash(parts[0], parts[1]);
    return 1;
}

int
hash_tuple(box *b, uint64_t *hash)
{
    uint64_t acc = TUPLE_HASH_START, member;
    int agreed = 1;
    for (uint64_t i = 0; i < b->size; i++) {
        int status = cell_value_hash(box_cells(b)[i], &member);
        if (status < 0)
            return -1;
        agreed &= status;
        acc = tuple_lane(acc, member);
    }
    *hash = tuple_hash_end(acc, b->size);
    return agreed;
}

int
hash_frozenset(box *b, uint64_t *hash)
{
    uint64_t shares = 0, member;
    int agreed = 1;
    for (uint64_t i = 0; i < b->size; i++) {
        int status = cell_value_hash(box_cells(b)[i], &member);
        if (status < 0)
            return -1;
        agreed &= status;
        shares ^= member_hash(member);
    }
    *hash = frozenset_hash(shares, b->size);
    return agreed;
}

/* ---- registered types ---- */

bool
hash_is_address(PyObject *object, uint64_t hash)
{
    /* as id() gives it, and as object.__hash__ turns it */
    uintptr_t address = (uintptr_t)object;
    return hash == address || hash == (address >> 4 | address << (8 * sizeof address - 4));
}

static int hash_differs_within(walk *w, block *b);

static int
hash_differs_below(walk *w, block *b)
{
    node_contents held = block_contents(b);
    int differs = 0;
    for (size_t i = 0; i < held.cell_count && differs == 0; i++)
        if (cell_is_box(held.cells[i]))
            differs = hash_differs_within(w, cell_block(held.cells[i]));
    for (size_t i = 0; i < held.child_count && differs == 0; i++)
        differs = hash_differs_within(w, held.children[i]);
    return differs;
}

/* That nothing differs is remembered in boxes, which never change, and of nodes, which are edited in place as long as
 * one owner has them, for the rest of the walk. */
static int
hash_differs_within(walk *w, block *b)
{
    unsigned flags = block_flags(b);
    if (flags & BOX_HASH_DIFFERS)
        return 1;
    if (flags & (BOX_HASHED | BOX_HASH_AGREES | BOX_KNOWN_TO_AGREE))
        return 0;
    bool is_box = b->kind < KIND_REF, again = !is_box && !block_is_unique(b);
    address_key key = {(uintptr_t)b, 0, 0};
    if (again && address_find(&w->met, key) != NULL)
        return 0;
    if (walk_down(w, b->kind) < 0)
        return -1;
    int differs = hash_differs_below(w, b);
    walk_up(b->kind);
    if (differs == 0 && is_box)
        block_set_flag(b, BOX_KNOWN_TO_AGREE);
    else if (differs == 0 && again)
        address_add(&w->met, key, 0); /* without memory it is looked at again */
    return differs;
}

int
block_hash_differs(block *b)
{
    walk w = {.left = BUDGET}; /* for this question alone: it calls nothing that would ask for the thread's */
    int differs = hash_differs_within(&w, b);
    address_free(&w.met);
    return differs;
}

static uint64_t
hash_of_native(const box *b)
{
    uint64_t hash = pair_hash(pair_hash(native_words(b)[0], native_words(b)[1]), b->head.form);
    for (uint64_t i = 0; i < b->size; i++) {
        uint64_t member;
        hash = pair_hash(hash, cell_known_hash(native_cells(b)[i], &member) ? member : 0);
    }
    return hash;
}

/* What is known of it: members that have no hash, or not the same everywhere, are left out. */
uint64_t
box_hash_encoded(const box *b)
{
    uint64_t name = 0, value = 0;
    if (b->head.kind == KIND_NATIVE)
        return hash_of_native(b);
    cell_known_hash(box_cells((box *)b)[0], &name);
    if (!cell_known_hash(box_cells((box *)b)[1], &value))
        value = 0;
    return pair_hash(name, value);
}

/* Two objects that are made of the box show whether the hash is that of a value, or each has its own, as
 * Decimal("NaN")s have: then it is that of the encoding. */
static int
hash_of_objects(box *b, uint64_t *hash)
{
    PyObject *one = cell_to_new_object(cell_of_box(b)), *other = NULL;
    Py_hash_t of_one = one != NULL ? PyObject_Hash(one) : -1, of_other = -1;
    if (of_one != -1 && (other = cell_to_new_object(cell_of_box(b))) != NULL)
        of_other = PyObject_Hash(other);
    bool is_address = one != NULL && hash_is_address(one, (uint64_t)of_one);
    Py_XDECREF(one);
    Py_XDECREF(other);
    if (of_other == -1)
        return -1;
    *hash = of_one == of_other ? (uint64_t)of_one : box_hash_encoded(b);
    if (of_one != of_other)
        return 1;
    int differs = is_address ? 1 : block_hash_differs(&b->head);
    return differs < 0 ? -1 : !differs;
}

int
hash_registered(box *b, uint64_t *hash)
{
    walk *paused = walk_pause();
    int status = hash_of_objects(b, hash);
    walk_resume(paused);
    return status;
}
