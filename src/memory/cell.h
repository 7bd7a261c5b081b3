/* Cells of the shared memory: values, encoded so that any interpreter can make its own object of them.
 *
 * A cell is one word.  Its low three bits say what the rest is:
 *
 *     ...pppp pppp p000   the address of a box: a counted block that holds the value
 *     ...iiii iiii i001   an int of 61 bits
 *     ...cccc llll l010   a str of up to 7 ASCII characters: length in bits 3-7, then one byte a character
 *     ...0000 nnnn n011   None, False, True, Ellipsis, ()
 *
 * Each value has one encoding: what fits into the word is never in a box.  Hence two words that differ, and are not
 * both boxes, hold different values, up to 1 == 1.0 == True.
 *
 * Reading makes a new object, in the interpreter that reads, and writes nothing shared.  Hashes are those that Python
 * gives to the objects: for str, bytes, numbers, and tuples and frozensets of them they agree in all interpreters of a
 * process, so a box keeps them.
 *
 *     cell_encode.c    from objects        cell_decode.c    to objects
 *     cell_compare.c   hash and equality   cell_kinds.c     the table: one row for each kind of box
 */
#ifndef FROZEN_MEMORY_CELL_H
#define FROZEN_MEMORY_CELL_H

#include "memory/block.h"
#include "memory/python.h"

enum { TAG_BOX = 0, TAG_INT = 1, TAG_STR = 2, TAG_CONSTANT = 3, TAG_MASK = 7, TAG_BITS = 3 };

#define CELL_CONSTANT(n) ((cell)(n) << TAG_BITS | TAG_CONSTANT)
#define CELL_NONE CELL_CONSTANT(0)
#define CELL_FALSE CELL_CONSTANT(1)
#define CELL_TRUE CELL_CONSTANT(2)
#define CELL_ELLIPSIS CELL_CONSTANT(3)
#define CELL_EMPTY_TUPLE CELL_CONSTANT(4)

/* Not a value: the word of no cell. */
#define NO_CELL ((cell)0)

#define CELL_INT_MAX (INT64_C(0x7FFFFFFFFFFFFFFF) >> TAG_BITS)
#define CELL_INT_MIN (-CELL_INT_MAX - 1)
#define CELL_STR_MAX 7

static inline unsigned cell_tag(cell c) { return (unsigned)c & TAG_MASK; }
static inline bool cell_is_box(cell c) { return cell_tag(c) == TAG_BOX; }
static inline block *cell_block(cell c) { return (block *)(uintptr_t)c; }
static inline int64_t cell_int(cell c) { return (int64_t)c >> TAG_BITS; }
static inline unsigned cell_str_length(cell c) { return (unsigned)(c >> TAG_BITS) & 31; }
static inline cell cell_of_int(int64_t i) { return (cell)i << TAG_BITS | TAG_INT; }

/* ---- boxes ---- */

enum {
    BOX_HASHED = 1, /* `hash` is set, and right in every interpreter of the process */
    BOX_ASCII = 2,  /* str: ASCII only */
    BOX_HASH_DIFFERS = 4, /* a registered type whose hash depends on the interpreter: no key may hold it */
};

/* A value too large for a word.  `size` counts characters, bytes or cells. */
typedef struct {
    block head;
    uint64_t hash;
    union {
        uint64_t size;
        int64_t integer;
        double real;
    };
    _Alignas(8) unsigned char data[];
} box;

static inline box *cell_box(cell c) { return (box *)(uintptr_t)c; }
static inline cell cell_of_box(box *b) { return (cell)(uintptr_t)b; }
static inline cell *box_cells(box *b) { return (cell *)b->data; }
static inline bool cell_is_kind(cell c, block_kind kind) { return cell_is_box(c) && cell_block(c)->kind == kind; }
static inline bool cell_is_str(cell c) { return cell_tag(c) == TAG_STR || cell_is_kind(c, KIND_STR); }

/* New, with `payload` bytes of data, not hashed; NULL: out of memory, reported. */
box *box_alloc(block_kind kind, size_t payload);

/* A box that stands for a container: `hash` is unset, `size` its length, and its one child the root. */
static inline void **box_root(box *b) { return (void **)b->data; }

/* ---- counting ---- */

static inline void
cell_retain(cell c)
{
    if (cell_is_box(c))
        block_retain(cell_block(c));
}

static inline void
cell_release(cell c)
{
    if (cell_is_box(c))
        block_release(cell_block(c));
}

static inline void
cell_prefetch(cell c)
{
    if (cell_is_box(c))
        PREFETCH_WRITE(cell_block(c));
}

/* As cell_release; detaches the thread while it frees what may be a large tree. */
void cell_release_detached(cell c);

/* ---- objects to cells, cells to objects ---- */

/* The word of an exact str of at most 7 ASCII characters, else NO_CELL. */
static inline cell
cell_of_short_str(PyObject *o)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(o);
    if (length > CELL_STR_MAX || !PyUnicode_IS_ASCII(o))
        return NO_CELL;
    const unsigned char *text = PyUnicode_1BYTE_DATA(o);
    cell c = (cell)length << TAG_BITS | TAG_STR;
    for (Py_ssize_t i = 0; i < length; i++)
        c |= (cell)text[i] << (8 * (i + 1));
    return c;
}

/* A new reference in `*c`: 0, or -1 (reported): NotShareableError with the path from `object` to what cannot be held. */
int cell_from_object(PyObject *object, cell *c);

/* The same for a key whose hash is `hash`, or NotShareableError where that is not the same in every interpreter. */
int cell_from_hashed(PyObject *key, uint64_t hash, cell *c);

/* A new object, NULL: failed (reported). */
PyObject *cell_to_object(cell c);

/* The same value: replacing one by the other changes nothing that anybody could see. */
bool cell_same_value(cell a, cell b);

/* 1, 0, or -1 (reported). */
int cell_equals(cell a, cell b);
int cell_equals_object(cell c, PyObject *object);

/* Python's hash of the value: 0, or -1: it has none (reported). */
int cell_value_hash(cell c, uint64_t *hash);

/* Whether the hash of the value is the same in every interpreter, so that it can be a key; it is in `*hash` then. */
bool cell_known_hash(cell c, uint64_t *hash);

/* ---- supplied by types/ and ref/, which know the Python types ---- */

/* The cell of a container or Blob: 1 and a new reference; 0: none of them; -1: failed (reported). */
int shared_object_encode(PyObject *object, cell *c);
int shared_ref_encode(PyObject *object, cell *c);
PyObject *shared_container_decode(box *b);
PyObject *shared_blob_decode(box *b);
PyObject *shared_ref_decode(box *b);

/* What can cross to another interpreter by itself: what shared_object_encode knows, and a SharedRef, which is a place
 * and not a value: a container that held one could hold itself, and nothing would ever free it. */
int crossing_encode(PyObject *object, cell *c);

/* Registered types (frozen/sharing.py): a name, and a value that can be held, from which `decode` makes the object; and
 * whether the object's hash is one that only this interpreter gives it.  0, or -1 (reported). */
int foreign_encode(PyObject *object, PyObject **name, PyObject **value, bool *hash_differs);
PyObject *foreign_decode(PyObject *name, PyObject *value);

/* Raise NotShareableError. */
void not_shareable(PyObject *object, const char *reason);

/* If the exception that is set is a NotShareableError: what it is about stands at `key`, in "[]" or "{}", of what was to
 * be shared.  Steals key. */
void not_shareable_at(const char *brackets, PyObject *key);

/* If it is a NotShareableError: clear it, and say so. */
bool not_shareable_clear(void);

/* What a node of each tree owns, and what the variable behind a SharedRef does. */
node_contents shared_map_contents(block *node);
node_contents shared_set_contents(block *node);
node_contents shared_vector_contents(block *node);
node_contents shared_ref_contents(block *variable);

/* ---- the table ---- */

typedef struct {
    const char *name;
    PyObject *(*decode)(box *);
    bool (*same)(const box *, const box *);    /* bit for bit; NULL: never */
    int (*equal)(box *, box *);                /* of one kind; NULL: compare the objects */
    node_contents (*contents)(block *);        /* NULL: owns nothing */
} kind_row;

extern const kind_row kind_rows[KIND_COUNT];

#endif
