/* From objects to cells.  A failed encoding leaves nothing behind. */

#include "platform/address_map.h"
#include "shared/cell_kinds.h"
#include "shared/frames.h"
#include "shared/native.h"

/* ---- atoms ---- */

static void
keep_hash(box *b, PyObject *o)
{
    box_set_hash(b, (uint64_t)PyObject_Hash(o), BOX_HASHED);
}

static int
encode_str(PyObject *o, cell *c)
{
    *c = cell_of_short_str(o);
    if (*c != NO_CELL)
        return 0;
    size_t length = (size_t)PyUnicode_GET_LENGTH(o);
    unsigned kind = (unsigned)PyUnicode_KIND(o);
    box *b = box_alloc(KIND_STR, length * kind);
    if (b == NULL)
        return -1;
    b->head.form = (uint8_t)kind;
    if (PyUnicode_IS_ASCII(o))
        block_set_flag(&b->head, BOX_ASCII);
    keep_hash(b, o);
    b->size = length;
    memcpy(b->data, PyUnicode_DATA(o), length * kind);
    *c = cell_of_box(b);
    return 0;
}

static int
encode_bytes(PyObject *o, cell *c)
{
    size_t size = (size_t)PyBytes_GET_SIZE(o);
    box *b = box_alloc(KIND_BYTES, size);
    if (b == NULL)
        return -1;
    keep_hash(b, o);
    b->size = size;
    memcpy(b->data, PyBytes_AS_STRING(o), size);
    *c = cell_of_box(b);
    return 0;
}

/* Ints beyond 64 bits are kept as hexadecimal text: rare, and both ways are linear in every version of Python. */
static int
encode_big_int(PyObject *o, cell *c)
{
    PyObject *text = PyNumber_ToBase(o, 16);
    if (text == NULL)
        return -1;
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    box *b = box_alloc(KIND_BIG_INT, length + 1);
    if (b != NULL) {
        keep_hash(b, o);
        b->size = length;
        memcpy(b->data, PyUnicode_1BYTE_DATA(text), length);
        b->data[length] = '\0';
        *c = cell_of_box(b);
    }
    Py_DECREF(text);
    return b != NULL ? 0 : -1;
}

static int
encode_int(PyObject *o, cell *c)
{
    int overflow;
    int64_t i = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow)
        return encode_big_int(o, c);
    if (i >= CELL_INT_MIN && i <= CELL_INT_MAX) {
        *c = cell_of_int(i);
        return 0;
    }
    box *b = box_alloc(KIND_INT, 0);
    if (b == NULL)
        return -1;
    keep_hash(b, o);
    b->integer = i;
    *c = cell_of_box(b);
    return 0;
}

/* A NaN's hash is its object's identity: it has none that a box could keep. */
static int
encode_float(PyObject *o, cell *c)
{
    box *b = box_alloc(KIND_FLOAT, 0);
    if (b == NULL)
        return -1;
    b->real = PyFloat_AS_DOUBLE(o);
    if (b->real == b->real)
        keep_hash(b, o);
    *c = cell_of_box(b);
    return 0;
}

static int
encode_complex(PyObject *o, cell *c)
{
    double parts[2] = {PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o)};
    box *b = box_alloc(KIND_COMPLEX, sizeof parts);
    if (b == NULL)
        return -1;
    b->size = 2;
    memcpy(b->data, parts, sizeof parts);
    if (parts[0] == parts[0] && parts[1] == parts[1])
        keep_hash(b, o);
    *c = cell_of_box(b);
    return 0;
}

static int
encode_atom(PyObject *o, cell *c)
{
    if (o == Py_None)
        *c = CELL_NONE;
    else if (PyBool_Check(o))
        *c = o == Py_True ? CELL_TRUE : CELL_FALSE;
    else if (o == Py_Ellipsis)
        *c = CELL_ELLIPSIS;
    else if (PyFloat_CheckExact(o))
        return encode_float(o, c) < 0 ? -1 : 1;
    else if (PyBytes_CheckExact(o))
        return encode_bytes(o, c) < 0 ? -1 : 1;
    else if (PyComplex_CheckExact(o))
        return encode_complex(o, c) < 0 ? -1 : 1;
    else
        return shared_object_encode(o, c);
    return 1;
}

/* What is none of the nested kinds: 1, 0: it is one of them, or -1 (exception set). */
static int
encode_simple(PyObject *o, cell *c)
{
    if (LIKELY(PyUnicode_CheckExact(o)))
        return encode_str(o, c) < 0 ? -1 : 1;
    if (PyLong_CheckExact(o))
        return encode_int(o, c) < 0 ? -1 : 1;
    return encode_atom(o, c);
}

/* ---- nested values ----
 *
 * A *frame* is a value whose parts are being encoded, on a stack of its own: nesting takes no C stack, and memory bounds
 * it. The part that comes next is at `b->size` of the top frame; if it has parts, too, it is the next frame.
 *
 *     frames   [(a, (b, c), d)]-------[(b, c)]
 *     boxes    a . _                  b _           _ the cell that is filled next   . what the frame above will be
 *
 *   1. A frame owns the tuple of its parts, and its box, whose first `size` cells are whole and owned: freeing the box
 *      frees them. No other thread sees a box before the outermost one is returned.
 *   2. The object of a frame is alive: it is a part of the frame below, or the caller holds it.
 *   3. An object that may be met again is in `met` before its frame is pushed (MET_OPEN), and has its box there when the
 *      frame is closed. So an object that contains itself is met while it is open.
 *   4. Arbitrary code runs where an object is taken apart, and knows of no frame. */

typedef struct {
    PyObject *parts; /* a tuple */
    PyObject *object; /* to be remembered with its box; NULL: it is met once */
    box *b;
    cell *cells; /* of the box */
    uint64_t end; /* how many of the parts become cells */
} frame;

enum { FRAMES_WITHIN = 6 }; /* that need no memory */

/* What registered functions and attributes give may be new objects without end, of which none is met again. So their
 * nesting has a bound that memory does not set. */
enum { OBJECTS_WITHIN_OBJECTS = 1 << 17 };

/* What encoding one value has met: objects that are held elsewhere, too, and so may be met again, with their boxes.  It
 * owns references to both: a registered type's `encode` makes objects that go as soon as they are encoded. */
typedef struct {
    address_map met;
    budget left;
    PyObject *whole; /* that is being encoded, and is not in `met` */
    frame *frames;
    size_t depth, room, objects; /* frames that are neither tuples nor frozensets */
    frame within[FRAMES_WITHIN];
} encoding;

enum { MET_OPEN = 1 }; /* the word of no box */

static address_key
key_of_object(PyObject *o)
{
    return (address_key){(uintptr_t)o, 0, 0};
}

static bool
is_object(const frame *f)
{
    return f->b->head.kind == KIND_NATIVE || f->b->head.kind == KIND_REGISTERED;
}

static void
encoding_pop(encoding *e)
{
    frame *f = &e->frames[--e->depth];
    PyObject *parts = f->parts;
    e->objects -= is_object(f);
    Py_DECREF(parts);
}

static void
encoding_end(encoding *e)
{
    size_t position = 0;
    while (e->depth > 0) {
        box *unfinished = e->frames[e->depth - 1].b;
        encoding_pop(e);
        block_release(&unfinished->head);
    }
    if (e->frames != e->within)
        PyMem_Free(e->frames);
    for (address_entry *entry; (entry = address_next(&e->met, &position)) != NULL;)
        if (entry->value != MET_OPEN) {
            cell_release((cell)entry->value);
            Py_DECREF((PyObject *)entry->key.a);
        }
    address_free(&e->met);
}

/* Makes room for a frame: 0, or -1 (exception set). */
static int
encoding_reserve(encoding *e)
{
    if (LIKELY(e->depth < e->room))
        return 0;
    frame *frames = frames_doubled(e->frames, e->within, &e->room, sizeof *frames);
    if (frames == NULL)
        return -1;
    e->frames = frames;
    return 0;
}

/* A frame for an object whose box has no cells yet; `object` is NULL if it cannot be met again. Steals the box and the
 * parts, also where it fails: -1. */
static int
encoding_push(encoding *e, PyObject *object, PyObject *parts, box *b, cell *cells, uint64_t end)
{
    frame f = {parts, object, b, cells, end};
    int status = encoding_reserve(e);
    if (status == 0 && is_object(&f) && e->objects == OBJECTS_WITHIN_OBJECTS) {
        PyErr_Format(PyExc_RecursionError, "objects of registered types are nested more than %d deep",
                     OBJECTS_WITHIN_OBJECTS);
        status = -1;
    }
    if (status == 0 && object != NULL && !address_add(&e->met, key_of_object(object), MET_OPEN)) {
        PyErr_NoMemory();
        status = -1;
    }
    if (status < 0) {
        block_release(&b->head);
        Py_DECREF(parts);
        return -1;
    }
    e->objects += is_object(&f);
    e->frames[e->depth++] = f;
    return 0;
}

/* The hash of a tuple or frozenset is kept when each member's is.  Containers compute theirs when asked, in time
 * proportional to their size: they do not count as known, see cell_known_hash. */
static void
keep_hash_of_members(box *b, int (*hash_of)(box *, uint64_t *))
{
    uint64_t hash;
    for (uint64_t i = 0; i < b->size; i++)
        if (!cell_known_hash(box_cells(b)[i], &hash))
            return;
    if (hash_of(b, &hash) > 0)
        box_set_hash(b, hash, BOX_HASHED);
}

/* The cell of the top frame, whose parts are all there. */
static cell
encoding_close(encoding *e)
{
    frame *f = &e->frames[e->depth - 1];
    box *b = f->b;
    if (b->head.kind == KIND_TUPLE)
        keep_hash_of_members(b, hash_tuple);
    else if (b->head.kind == KIND_FROZENSET)
        keep_hash_of_members(b, hash_frozenset);
    if (f->object != NULL) {
        address_find(&e->met, key_of_object(f->object))->value = cell_of_box(b);
        Py_INCREF(f->object);
        block_retain(&b->head);
    }
    encoding_pop(e);
    return cell_of_box(b);
}

/* What opens an object: a frame for it is pushed; or it has no parts, and its cell is there; or -1 (exception set). */
enum { OPENED, DONE };

/* A tuple of members, given up, as one of the kinds that hold nothing else. */
static int
open_members(encoding *e, PyObject *object, PyObject *members, block_kind kind)
{
    size_t size = members != NULL ? (size_t)PyTuple_GET_SIZE(members) : 0;
    box *b = members != NULL ? box_alloc(kind, size * sizeof(cell)) : NULL;
    if (b == NULL) {
        Py_XDECREF(members);
        return -1;
    }
    b->size = 0;
    return encoding_push(e, object, members, b, box_cells(b), size);
}

/* A registered type: its name, and the value that it was turned into. */
static int
open_registered(encoding *e, PyObject *object, PyObject *o)
{
    unsigned hash;
    PyObject *parts = registered_encode(o, &hash);
    box *b = parts != NULL ? box_alloc(KIND_REGISTERED, 2 * sizeof(cell)) : NULL;
    if (b == NULL) {
        Py_XDECREF(parts);
        return -1;
    }
    b->size = 0;
    block_set_flag(&b->head, hash);
    return encoding_push(e, object, parts, b, box_cells(b), 2);
}

/* Without a hash of its own, an object has that of its address. */
static unsigned
flags_of_hash(PyObject *o, unsigned flags)
{
    return flags == 0 && Py_TYPE(o)->tp_hash == PyBaseObject_Type.tp_hash ? BOX_HASH_DIFFERS : flags;
}

/* What native_take() took apart; its parts are given up. */
static int
open_taken(encoding *e, PyObject *object, PyObject *o, const native_value *v, cell *c)
{
    size_t size = v->parts != NULL ? (size_t)PyTuple_GET_SIZE(v->parts) : 0;
    box *b = box_alloc(KIND_NATIVE, sizeof v->words + size * sizeof(cell));
    if (b == NULL) {
        Py_XDECREF(v->parts);
        return -1;
    }
    b->head.form = (uint8_t)v->form;
    b->size = 0;
    block_set_flag(&b->head, flags_of_hash(o, v->flags));
    memcpy(native_words(b), v->words, sizeof v->words);
    if (v->parts != NULL)
        return encoding_push(e, object, v->parts, b, native_cells(b), size);
    *c = cell_of_box(b);
    return DONE;
}

/* `object` is what to remember it as, or NULL. */
static int
open_nested(encoding *e, PyObject *object, PyObject *o, cell *c)
{
    native_value v;
    if (PyTuple_CheckExact(o)) {
        *c = CELL_EMPTY_TUPLE;
        return PyTuple_GET_SIZE(o) == 0 ? DONE : open_members(e, object, Py_NewRef(o), KIND_TUPLE);
    }
    if (PyFrozenSet_CheckExact(o))
        return open_members(e, object, tuple_of(o), KIND_FROZENSET);
    int status = native_take(o, &v);
    if (status > 0)
        return open_taken(e, object, o, &v, c);
    return status < 0 ? -1 : open_registered(e, object, o);
}

/* A part of what is being encoded. */
static int
encode_part(encoding *e, PyObject *o, cell *c)
{
    if (!budget_spend(&e->left, 1))
        return -1;
    bool again = !object_is_unique(o);
    address_entry *known = again ? address_find(&e->met, key_of_object(o)) : NULL;
    if (o == e->whole || (known != NULL && known->value == MET_OPEN)) {
        not_shareable(o, "contains itself: remove the cycle first");
        return -1;
    }
    if (known != NULL) {
        *c = (cell)known->value;
        cell_retain(*c);
        return DONE;
    }
    int status = encode_simple(o, c);
    if (status == 0)
        status = open_nested(e, again ? o : NULL, o, c);
    /* without memory it may be encoded twice */
    if (status == DONE && again && cell_is_box(*c) && address_add(&e->met, key_of_object(o), *c)) {
        Py_INCREF(o);
        cell_retain(*c);
    }
    return status;
}

/* Encodes what the frames ask for: 0, or -1 (exception set). */
static int
encode_frames(encoding *e, cell *c)
{
    while (e->depth > 0) {
        frame *f = &e->frames[e->depth - 1];
        if (f->b->size == f->end) {
            *c = encoding_close(e);
            if (e->depth == 0)
                break;
        }
        else {
            int status = encode_part(e, PyTuple_GET_ITEM(f->parts, f->b->size), c);
            if (status < 0)
                return -1;
            if (status == OPENED)
                continue;
        }
        f = &e->frames[e->depth - 1];
        f->cells[f->b->size++] = *c;
    }
    return 0;
}

/* The steps from the whole to the part that comes next, as not_shareable_within() takes them; NULL: failed. */
static PyObject *
steps_of(const encoding *e)
{
    PyObject *steps = PyList_New(0);
    for (size_t i = 0; steps != NULL && i < e->depth; i++) {
        const frame *f = &e->frames[i];
        if (f->b->head.kind == KIND_REGISTERED)
            continue;
        bool is_set = f->b->head.kind == KIND_FROZENSET;
        PyObject *key = is_set ? Py_NewRef(PyTuple_GET_ITEM(f->parts, f->b->size)) : PyLong_FromSize_t(f->b->size);
        PyObject *step = key != NULL ? Py_BuildValue("(sO)", is_set ? "{}" : "[]", key) : NULL;
        Py_XDECREF(key);
        if (step == NULL || PyList_Append(steps, step) < 0)
            Py_CLEAR(steps);
        Py_XDECREF(step);
    }
    return steps;
}

static void
say_where(const encoding *e)
{
    if (e->depth == 0 || !not_shareable_raised())
        return;
    PyObject *error = take_exception(), *steps = steps_of(e);
    if (steps == NULL)
        PyErr_Clear(); /* the error itself matters more than its path */
    restore_exception(error);
    if (steps != NULL)
        not_shareable_within(steps);
}

NO_INLINE static int
encode_whole(PyObject *o, cell *c)
{
    encoding e; /* `within` needs no value */
    e.met = (address_map){0};
    e.left = BUDGET;
    e.whole = o;
    e.frames = e.within;
    e.depth = e.objects = 0;
    e.room = FRAMES_WITHIN;
    cell done;
    int status = open_nested(&e, NULL, o, &done);
    if (status == OPENED && (status = encode_frames(&e, &done)) < 0)
        say_where(&e);
    encoding_end(&e);
    if (status < 0)
        return -1;
    *c = done; /* the caller's word stays as it is where there is nothing to be had */
    return 0;
}

int
cell_from_object(PyObject *object, cell *c)
{
    int simple = encode_simple(object, c);
    return simple == 0 ? encode_whole(object, c) : simple < 0 ? -1 : 0;
}

/* ---- keys ---- */

static bool
hashes_by_address(const box *b)
{
    return (b->head.kind == KIND_REGISTERED || b->head.kind == KIND_NATIVE)
           && (block_flags(&b->head) & BOX_HASH_DIFFERS);
}

int
cell_probe_hash(PyObject *key, uint64_t *hash)
{
    cell c = NO_CELL;
    if (cell_from_object(key, &c) < 0 && !not_shareable_clear())
        return -1;
    if (c != NO_CELL && cell_is_box(c) && hashes_by_address(cell_box(c)))
        *hash = box_hash_encoded(cell_box(c));
    else
        *hash = (uint64_t)PyObject_Hash(key); /* in no shared container, or a constant */
    if (c != NO_CELL)
        cell_release(c);
    return *hash == UINT64_MAX ? -1 : 0;
}

enum { KEY_FAILED = -1, KEY_FITS, KEY_DIFFERS, KEY_IS_LOST };

/* Whether objects made anew from the cell, whose hash is unknown, are equal to the key and have its hash: as far as one
 * interpreter can tell. */
static int
key_survives(cell c, PyObject *key, uint64_t hash)
{
    PyObject *again = cell_to_new_object(c);
    if (again == NULL)
        return KEY_FAILED;
    Py_hash_t found = PyObject_Hash(again);
    int result = KEY_IS_LOST;
    if (found == -1)
        result = KEY_FAILED;
    else if ((uint64_t)found == hash && hash_is_address(again, hash))
        result = KEY_DIFFERS;
    else if ((uint64_t)found == hash) {
        int equal = PyObject_RichCompareBool(again, key, Py_EQ);
        result = equal < 0 ? KEY_FAILED : equal ? KEY_FITS : KEY_IS_LOST;
    }
    Py_DECREF(again);
    return result;
}

/* Of a key that hashes by its address: whether the object made anew is the key. */
static int
key_is_made_again(cell c, PyObject *key)
{
    PyObject *again = cell_to_new_object(c);
    int equal = again != NULL ? PyObject_RichCompareBool(again, key, Py_EQ) : -1;
    Py_XDECREF(again);
    return equal < 0 ? KEY_FAILED : equal ? KEY_FITS : KEY_IS_LOST;
}

static int
key_fits(box *b, PyObject *key, uint64_t hash)
{
    if (hashes_by_address(b) && hash == box_hash_encoded(b))
        return key_is_made_again(cell_of_box(b), key);
    int differs = block_hash_differs(&b->head);
    if (differs != 0)
        return differs < 0 ? KEY_FAILED : KEY_DIFFERS;
    return block_is_unique(&b->head) ? key_survives(cell_of_box(b), key, hash) : KEY_IS_LOST;
}

int
cell_from_hashed(PyObject *key, uint64_t hash, cell *c)
{
    uint64_t known;
    if (cell_from_object(key, c) < 0) {
        not_shareable_at("{}", Py_NewRef(key));
        return -1;
    }
    if (LIKELY(cell_known_hash(*c, &known)))
        return 0;
    box *b = cell_box(*c);
    int fit = key_fits(b, key, hash);
    if (fit == KEY_FITS) {
        box_set_hash(b, hash, BOX_HASHED); /* no other thread has seen the box yet */
        return 0;
    }
    if (fit == KEY_DIFFERS)
        not_shareable(
            key, "cannot be a key: its hash, or that of something in it, is another one in each interpreter, as those "
                 "of dates are in Python 3.12 and those that are made of the address of the object or its class; "
                 "take a text instead: isoformat(), str() or the name");
    else if (fit == KEY_IS_LOST)
        not_shareable(key, "cannot be a key: an object made anew of it in another interpreter would not be found");
    cell_release(*c);
    return -1;
}
