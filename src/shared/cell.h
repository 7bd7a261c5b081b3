/* Cells of the shared memory: values, encoded so that any interpreter can make its own object of them.
 *
 * A cell is one word.  Its low three bits say what the rest is:
 *
 *     ...pppp pppp p000   the address of a box: a counted block that holds the value
 *     ...iiii iiii i001   an int of 61 bits
 *     ...cccc llll l010   a str of up to 7 ASCII characters: length in bits 3-7, then one byte a character
 *     ...0000 nnnn n011   None, False, True, Ellipsis, ()
 *
 * Each value has one encoding: what fits into the word is never in a box.  So two words that differ, and are not
 * both boxes, hold different values, up to 1 == 1.0 == True.
 *
 * Reading makes an object, in the interpreter that reads, and keeps it for a while if it is immutable (decoded.h).
 * Hashes are those that Python gives to the objects: for str, bytes, numbers, and tuples and frozensets of them they
 * agree in all interpreters of a process, so a box keeps them from the beginning.
 *
 * Sharing. What occurs more than once in a value is one object, one box, and one object again where it is read. Values
 * that are nested like that, `t = (t, t)` time and again, have few boxes and very many paths: every walk over boxes
 * remembers what it has met (encoding and decoding in a map of their own, comparing and hashing in walk.h).
 *
 * Depth. Encoding, decoding and freeing take no C stack for what is nested, and memory bounds the depth. Comparing and
 * hashing go through trees, and through code of classes: they recurse, and are RecursionError where the stack ends.
 *
 * Equality. Cells are equal if they are the same value, bit for bit (so a NaN equals itself, also within tuples and
 * registered types), or if Python says so of the objects. Equal cells have equal hashes, cell_value_hash(): Python's,
 * where objects that are made of the cell anew agree on one, else one of the bits. A hash stays in shared memory only
 * if it is the same in every interpreter.
 *
 *     cell_encode.c    from objects        cell_decode.c    to objects
 *     cell_compare.c   equality            cell_hash.c      hashes
 *     decoded.h        objects that were made, to be handed out again
 *     recent.h         whose they are: the interpreter's, or the thread's
 *     native.h         everyday values, taken apart and made again
 *     cell_kinds.c     one row for each kind of box, in a table through which those above call back
 *
 * No file calls one that lies above it: block.c, which has the table; decoded; recent; native; decode; hash; compare; encode; kinds. */
#ifndef FROZEN_SHARED_CELL_H
#define FROZEN_SHARED_CELL_H

#include "shared/block.h"
#include "platform/cpython.h"

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

static inline unsigned
cell_tag(cell c)
{
    return (unsigned)c & TAG_MASK;
}
static inline bool
cell_is_box(cell c)
{
    return cell_tag(c) == TAG_BOX;
}
static inline block *
cell_block(cell c)
{
    return (block *)(uintptr_t)c;
}
static inline int64_t
cell_int(cell c)
{
    return (int64_t)c >> TAG_BITS;
}
static inline unsigned
cell_str_length(cell c)
{
    return (unsigned)(c >> TAG_BITS) & 31;
}
/* All CELL_STR_MAX characters, of which cell_str_length() are the str's. */
static inline void
cell_str_copy(cell c, char *out)
{
    for (unsigned i = 0; i < CELL_STR_MAX; i++)
        out[i] = (char)(c >> (8 * (i + 1)));
}
static inline cell
cell_of_int(int64_t i)
{
    return (cell)i << TAG_BITS | TAG_INT;
}

/* ---- boxes ---- */

enum {
    BOX_HASHED = 1, /* `hash` is Python's, and the same in every interpreter: may be a key.  Set before others see it */
    BOX_ASCII = 2, /* str: ASCII only */
    BOX_HASH_DIFFERS =
        4, /* a registered type whose hash depends on the interpreter: no key may hold it (but be it, if it
                             is found by its value: `hash` is that of cell_probe_hash() then, with BOX_HASHED) */
    BOX_HASH_AGREES = 8, /* ... whose hash does not, with any content */
    /* Found out later, by any thread: */
    BOX_VALUE_HASHED = 16, /* `hash` is what cell_value_hash() computed, the same in every interpreter */
    BOX_KNOWN_TO_AGREE = 32, /* there is no BOX_HASH_DIFFERS in it */
};

/* A value too large for a word.  `size` counts characters, bytes or cells. */
typedef struct {
    block head;
    _Atomic(uint64_t) hash;
    union {
        uint64_t size;
        int64_t integer;
        double real;
    };
    _Alignas(8) unsigned char data[];
} box;

/* acquire: what was stored before the flag was set is seen */
static inline unsigned
block_flags(const block *b)
{
    return atomic_load_explicit(&((block *)b)->flags, memory_order_acquire);
}

static inline void
block_set_flag(block *b, unsigned flag)
{
    atomic_fetch_or_explicit(&b->flags, (uint16_t)flag, memory_order_release);
}

static inline uint64_t
box_hash(const box *b)
{
    return atomic_load_explicit(&((box *)b)->hash, memory_order_relaxed);
}

/* Threads that do so at once store the same hash.  `flag`, BOX_HASHED or BOX_VALUE_HASHED, publishes it. */
static inline void
box_set_hash(box *b, uint64_t hash, unsigned flag)
{
    atomic_store_explicit(&b->hash, hash, memory_order_relaxed);
    block_set_flag(&b->head, flag);
}

static inline box *
cell_box(cell c)
{
    return (box *)(uintptr_t)c;
}
static inline cell
cell_of_box(box *b)
{
    return (cell)(uintptr_t)b;
}
static inline cell *
box_cells(box *b)
{
    return (cell *)b->data;
}
static inline bool
cell_is_kind(cell c, block_kind kind)
{
    return cell_is_box(c) && cell_block(c)->kind == kind;
}
static inline bool
cell_is_str(cell c)
{
    return cell_tag(c) == TAG_STR || cell_is_kind(c, KIND_STR);
}

/* New, with `payload` bytes of data, not hashed; NULL: out of memory, reported. */
static inline box *
box_alloc(block_kind kind, size_t payload)
{
    box *b = payload <= PTRDIFF_MAX - sizeof(box) ? block_alloc(sizeof(box) + payload, kind) : NULL;
    return b != NULL ? b : (box *)PyErr_NoMemory();
}

/* A box that stands for a container: `hash` is unset, `size` its length, and its one child the root. */
static inline void **
box_root(box *b)
{
    return (void **)b->data;
}

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

/* A new reference in `*c`: 0, or -1 (exception set): NotShareableError with the path from `object` to what cannot be
 * held. */
int cell_from_object(PyObject *object, cell *c);

/* The same for a key whose hash is `hash`, or NotShareableError where that is not the same in every interpreter. */
int cell_from_hashed(PyObject *key, uint64_t hash, cell *c);

/* The hash by which a key is looked for whose own hash is its address, ZoneInfo for instance: that of its value, if it
 * is of a registered type. 0, or -1 (exception set). */
int cell_probe_hash(PyObject *key, uint64_t *hash);

/* A new reference to an object of that value, NULL: failed (exception set).  What is immutable may be the object that an
 * earlier call made (decoded.h). */
PyObject *cell_to_object(cell c);

/* The same, made anew in all its parts, as another interpreter would make it: but for a container, whose elements are made
 * when they are read. */
PyObject *cell_to_new_object(cell c);

/* The same value: replacing one by the other changes nothing that anybody could see. */
bool cell_same_value(cell a, cell b);

/* Whether compare_and_set() replaces one where the other is expected: as cell_same_value, also within tuples,
 * frozensets and records. So 1 is not True there either, and -0.0 is not 0.0; shared containers are the same if they
 * are one version. What Python code encodes is compared by its own equality. 1, 0, or -1 (exception set). May run
 * arbitrary code. */
int cell_interchangeable(cell a, cell b);

/* 1, 0, or -1 (exception set). */
int cell_equals(cell a, cell b);
int cell_equals_object(cell c, PyObject *object);

/* Whether cell_equals_object runs no arbitrary code, makes no object and cannot fail: where the object is a str, a number or
 * bytes, exactly, and the cell holds such a value. */
bool cell_compares_quietly(cell c, PyObject *object);

/* The hash of the value: 1: it is the same in every interpreter; 0: it may be another one elsewhere, and must not be
 * kept in shared memory; -1: it has none (exception set). */
int cell_value_hash(cell c, uint64_t *hash);

/* The same, of the object that this interpreter makes of the cell: 0 or -1. */
int cell_hash_here(cell c, uint64_t *hash);

/* Whether the hash of the value is Python's and the same in every interpreter, so that it can be a key; it is in
 * `*hash` then. */
bool cell_known_hash(cell c, uint64_t *hash);

/* Whether a hash is but the address of the object, so that it means nothing in another interpreter. */
bool hash_is_address(PyObject *object, uint64_t hash);

/* Whether there is anything in the block whose hash depends on the interpreter: 1, 0, or -1 (exception set). */
int block_hash_differs(block *b);

/* The hash of the encoded form of an object of a registered type: the same everywhere, and for cells that are the same. */
uint64_t box_hash_encoded(const box *b);

/* ---- objects that stand for shared values (objects.c, registered.c) ---- */

/* The cell of a container or Blob: 1 and a new reference; 0: none of them; -1: failed (exception set). */
int shared_object_encode(PyObject *object, cell *c);

/* What can cross to another interpreter by itself: what shared_object_encode knows, and a SharedRef, SharedAtomicMap or
 * SharedAtomicCounter. Those are places and not values: a container that held one could hold itself, and nothing would
 * ever free it. */
int crossing_encode(PyObject *object, cell *c);

/* Blob and the places lie above objects.c: in each interpreter, before there is an object of theirs, they register the
 * function that knows them, each time the same one. It returns as shared_object_encode. */
typedef int (*object_encoder)(PyObject *object, cell *c);
void blob_encode_register(object_encoder encode);
enum { FIRST_PLACE_KIND = KIND_REF, PLACE_KINDS = KIND_COUNTER - KIND_REF + 1 };
void crossing_encode_register(block_kind kind, object_encoder encode);

/* Registered types (frozen/_sharing.py): a new tuple that begins with a name, and a value that can be held, from which
 * `decode` makes the object; and in `*hash` BOX_HASH_DIFFERS, BOX_HASH_AGREES, or 0: what it holds decides. NULL: failed
 * (exception set). */
PyObject *registered_encode(PyObject *object, unsigned *hash);
PyObject *registered_decode(PyObject *name, PyObject *value);

/* What frozen/_sharing.py hands over when it is imported, in this order. */
enum {
    SHARING_ENCODE,
    SHARING_DECODE,
    SHARING_FOUND_AT,
    SHARING_NOT_SHAREABLE,
    SHARING_PLAN,
    SHARING_MEMBER_PLAN,
    SHARING_NAMED_PLAN,
    SHARING_MAKE_TIME,
    SHARING_FUNCTIONS
};

/* A call of one of them; a new reference, or NULL (exception set). */
PyObject *sharing_call(int which, const char *format, ...);

/* `_core._register_sharing(...)`, which frozen/_sharing.py calls with those. */
PyObject *register_sharing(PyObject *module, PyObject *functions);

/* Raise NotShareableError. */
void not_shareable(PyObject *object, const char *reason);

/* If the exception that is set is a NotShareableError: what it is about is at `key`, in "[]" or "{}", of what was
 * to be shared. Steals key. */
void not_shareable_at(const char *brackets, PyObject *key);

/* Whether it is one. */
bool not_shareable_raised(void);

/* As not_shareable_at for several steps, from the outermost in: a sequence of pairs of brackets and key. Steals it. */
void not_shareable_within(PyObject *steps);

/* If it is a NotShareableError: clear it, and say so. */
bool not_shareable_clear(void);

/* ---- the table ---- */

typedef struct {
    PyObject *(*decode)(box *);
    bool (*same)(const box *, const box *); /* bit for bit; NULL: never */
    int (*equal)(box *, box *); /* of one kind, nested ones of one size; NULL: compare the objects */
    int (*hash)(box *, uint64_t *); /* as cell_value_hash, where it is not known; NULL: that of the object */
    node_contents (*contents)(block *); /* NULL: owns nothing */
    bool nested; /* holds cells: equal and hash walk (walk.h) */
    /* whether it is a local container, exactly, that one of this kind may equal; NULL: there is none */
    bool (*is_counterpart)(PyObject *);
    /* whether such a container holds the same, 1, 0 or -1: both are of this length, which is not 0 */
    int (*equals_local)(void *root, uint64_t size, PyObject *local);
} kind_row;

/* The rows by kind (block.c). What knows a kind registers its row in each interpreter that imports the module, before
 * that makes a first block of the kind: each time the same constant. The threads of another interpreter find the row,
 * too: what hands them a block orders everything before it. */
extern _Atomic(const kind_row *) kind_table[KIND_COUNT];

static inline const kind_row *
kind_row_of(const block *b)
{
    return atomic_load_explicit(&kind_table[b->kind], memory_order_relaxed);
}

void kind_register(block_kind kind, const kind_row *row);

/* ---- for rows of other folders: boxes around a root, `size` is the number of elements ---- */

PyObject *shared_container_decode(box *b);
bool same_root(const box *a, const box *b);
node_contents contents_root(block *b);

#endif
