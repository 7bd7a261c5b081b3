/* From cells to objects of the interpreter that reads. */

#include "platform/address_map.h"
#include "shared/cell_kinds.h"
#include "shared/decoded.h"
#include "shared/frames.h"
#include "shared/native.h"
#include "shared/recent.h"

static PyObject *
new_str(size_t length, unsigned kind, bool ascii, const void *text, Py_hash_t hash)
{
    /* the interpreter has its own objects for these */
    if (length <= 1)
        return PyUnicode_FromKindAndData((int)kind, text, (Py_ssize_t)length);
    Py_UCS4 largest = ascii ? 0x7F : kind == 1 ? 0xFF : kind == 2 ? 0xFFFF : 0x10FFFF;
    PyObject *o = PyUnicode_New((Py_ssize_t)length, largest);
    if (o == NULL)
        return NULL;
    memcpy(PyUnicode_DATA(o), text, length * kind);
    if (hash != -1)
        unicode_set_known_hash(o, hash);
    return o;
}

static PyObject *
decode_short_str(cell c)
{
    char text[CELL_STR_MAX];
    cell_str_copy(c, text);
    return new_str(cell_str_length(c), 1, true, text, -1);
}

static PyObject *
decode_constant(cell c)
{
    switch (c) {
    case CELL_NONE: return Py_NewRef(Py_None);
    case CELL_FALSE: return Py_NewRef(Py_False);
    case CELL_TRUE: return Py_NewRef(Py_True);
    case CELL_ELLIPSIS: return Py_NewRef(Py_Ellipsis);
    default: return PyTuple_New(0);
    }
}

PyObject *
cell_to_object(cell c)
{
    switch (cell_tag(c)) {
    case TAG_INT: return PyLong_FromLongLong(cell_int(c));
    case TAG_STR: return decode_short_str(c);
    case TAG_CONSTANT: return decode_constant(c);
    default: return kind_row_of(cell_block(c))->decode(cell_box(c));
    }
}

PyObject *
decode_str(box *b)
{
    return new_str(b->size, b->head.form, (block_flags(&b->head) & BOX_ASCII) != 0, b->data, (Py_hash_t)box_hash(b));
}

PyObject *
decode_int(box *b)
{
    return PyLong_FromLongLong(b->integer);
}

PyObject *
decode_big_int(box *b)
{
    return PyLong_FromString((const char *)b->data, NULL, 16);
}

PyObject *
decode_float(box *b)
{
    return PyFloat_FromDouble(b->real);
}

PyObject *
decode_complex(box *b)
{
    double parts[2];
    memcpy(parts, b->data, sizeof parts);
    return PyComplex_FromDoubles(parts[0], parts[1]);
}

PyObject *
decode_bytes(box *b)
{
    return PyBytes_FromStringAndSize((const char *)b->data, (Py_ssize_t)b->size);
}

/* ---- nested values ---- */

static bool
has_parts(const box *b)
{
    unsigned kind = b->head.kind;
    return kind == KIND_TUPLE || kind == KIND_FROZENSET || kind == KIND_REGISTERED || kind == KIND_NATIVE;
}

static const cell *
cells_of(box *b, uint64_t *size)
{
    *size = b->size;
    return b->head.kind == KIND_NATIVE ? native_cells(b) : box_cells(b);
}

/* The object of a box that has parts, out of the objects of its cells, which the collector does not know yet: steals
 * them. */
static PyObject *
made_of_parts(box *b, PyObject *parts)
{
    PyObject *o;
    sequence_known(parts);
    switch (b->head.kind) {
    case KIND_TUPLE:
        if (block_flags(&b->head) & BOX_HASHED)
            tuple_set_known_hash(parts, (Py_hash_t)box_hash(b));
        return parts;
    case KIND_FROZENSET: o = PyFrozenSet_New(parts); break;
    case KIND_NATIVE: o = native_make(b, b->size > 0 ? parts : NULL); break;
    default: o = registered_decode(PyTuple_GET_ITEM(parts, 0), PyTuple_GET_ITEM(parts, 1));
    }
    Py_DECREF(parts);
    return o;
}

/* Of a box whose parts cannot be met again. */
static PyObject *
decode_plainly(box *b)
{
    uint64_t size;
    const cell *cells = cells_of(b, &size);
    if (size == 0 && b->head.kind == KIND_NATIVE)
        return native_make(b, NULL);
    PyObject *parts = unknown_tuple((Py_ssize_t)size);
    for (uint64_t i = 0; parts != NULL && i < size; i++) {
        PyObject *part = cell_to_object(cells[i]);
        if (part != NULL)
            PyTuple_SET_ITEM(parts, (Py_ssize_t)i, part);
        else
            Py_CLEAR(parts);
    }
    return parts != NULL ? made_of_parts(b, parts) : NULL;
}

/* ---- what needs no walk ---- */

static bool
is_leaf(const box *b)
{
    return !kind_row_of(&b->head)->nested || (b->head.kind == KIND_NATIVE && b->size == 0);
}

enum { FEW_PARTS = 1000 }; /* made without a look at signals */

/* Whether there are few parts, and no two can be one object, nor hold something that is reached on two paths: at most one
 * box is held elsewhere, too, and one that holds others is the only one.  A chain of those is followed for some steps. */
static bool
needs_no_walk(box *b)
{
    for (int depth = 0; depth < 4; depth++) {
        uint64_t size, boxes = 0, shared = 0;
        const cell *cells = cells_of(b, &size);
        box *holds_others = NULL;
        if (size > FEW_PARTS)
            return false;
        for (uint64_t i = 0; i < size; i++)
            if (cell_is_box(cells[i])) {
                box *part = cell_box(cells[i]);
                holds_others = is_leaf(part) ? holds_others : part;
                shared += block_is_shared(&part->head);
                if (++boxes > 1 && (shared > 1 || holds_others != NULL))
                    return false;
            }
        if (holds_others == NULL)
            return true;
        if (holds_others->head.kind != KIND_TUPLE && holds_others->head.kind != KIND_NATIVE)
            return false;
        b = holds_others;
    }
    return false;
}

/* ---- what is kept ---- */

enum { CONSTANT_PARTS = 16, CONSTANT_BYTES = 256 };

/* Whether the object of a cell, with all that it holds, can never change and is small. */
static bool
is_constant(cell c, unsigned *parts)
{
    if (!cell_is_box(c))
        return true;
    box *b = cell_box(c);
    unsigned kind = b->head.kind;
    if (kind == KIND_STR || kind == KIND_BYTES || kind == KIND_BIG_INT)
        return b->size <= CONSTANT_BYTES;
    if (kind != KIND_NATIVE && kind != KIND_TUPLE)
        return kind == KIND_INT || kind == KIND_FLOAT || kind == KIND_COMPLEX;
    if (kind == KIND_NATIVE && !native_is_closed(b))
        return false;
    uint64_t size;
    const cell *cells = cells_of(b, &size);
    if (size > *parts)
        return false;
    *parts -= (unsigned)size;
    for (uint64_t i = 0; i < size; i++)
        if (!is_constant(cells[i], parts))
            return false;
    return true;
}

/* A tuple or native, by itself. */
static PyObject *
decode_whole(box *b)
{
    recent_use *recent = recent_here();
    bool again = false;
    PyObject *o = recent != NULL ? decoded_find(recent, b, &again) : NULL;
    if (LIKELY(o != NULL))
        return o;
    unsigned before = again ? registrations_now() : 0, parts = CONSTANT_PARTS;
    o = needs_no_walk(b) ? decode_plainly(b) : decode_nested(b);
    if (again && o != NULL && is_constant(cell_of_box(b), &parts) && (recent = recent_here()) != NULL
        && registrations_now() == before)
        decoded_keep(recent, b, o);
    return o;
}

/* A member of an enum or a ZoneInfo is there already. */
PyObject *
decode_native(box *b)
{
    bool is_there = b->head.form == NATIVE_MEMBER || b->head.form == NATIVE_ZONE;
    return is_there ? native_make(b, NULL) : decode_whole(b);
}

PyObject *
decode_tuple(box *b)
{
    return decode_whole(b);
}

/* ---- the walk ----
 *
 * A *frame* is a box whose parts are being made, on a stack of its own: nesting takes no C stack, and memory bounds it.
 *
 *   1. A frame owns the tuple of its parts, of which the first `made` are there. The collector does not know the tuple.
 *   2. Its box is alive: the box of the frame below holds it, or the caller the outermost one. Boxes hold no cycle.
 *   3. What may be met again is in `made` once it is whole.
 *   4. Arbitrary code runs where an object is made of parts, and knows of no frame.
 *   5. What will be hashed is hashed level by level: what is in a frozenset, and what is made anew, which is to show
 *      what hash it has. */

typedef struct {
    box *b;
    PyObject *parts;
    uint64_t made;
    bool again; /* the box may be met again */
} frame;

enum { FRAMES_WITHIN = 6 }; /* that need no memory */

/* What decoding one value has made of boxes that are held elsewhere, too, and so may be met again. It owns the
 * objects. */
typedef struct {
    address_map made;
    budget left;
    bool anew; /* nothing that was kept */
    frame *frames;
    size_t depth, room, sets; /* frames that are frozensets */
    frame within[FRAMES_WITHIN];
} decoding;

static void
decoding_end(decoding *d)
{
    size_t position = 0;
    while (d->depth > 0)
        Py_DECREF(d->frames[--d->depth].parts);
    if (d->frames != d->within)
        PyMem_Free(d->frames);
    for (address_entry *entry; (entry = address_next(&d->made, &position)) != NULL;)
        Py_DECREF((PyObject *)(uintptr_t)entry->value);
    address_free(&d->made);
}

/* Makes room for a frame: 0, or -1 (exception set). */
static int
decoding_reserve(decoding *d)
{
    if (LIKELY(d->depth < d->room))
        return 0;
    frame *frames = frames_doubled(d->frames, d->within, &d->room, sizeof *frames);
    if (frames == NULL)
        return -1;
    d->frames = frames;
    return 0;
}

static int
decoding_push(decoding *d, box *b, bool again)
{
    PyObject *parts = decoding_reserve(d) == 0 ? unknown_tuple((Py_ssize_t)b->size) : NULL;
    if (parts == NULL)
        return -1;
    d->frames[d->depth++] = (frame){b, parts, 0, again};
    d->sets += b->head.kind == KIND_FROZENSET;
    return 0;
}

/* Without memory it may be made twice. */
static void
decoding_remember(decoding *d, box *b, PyObject *o)
{
    if (address_add(&d->made, key_in_walk(b), (uintptr_t)o))
        Py_INCREF(o);
}

/* The object of the top frame, whose parts are all there; or NULL. */
static PyObject *
decoding_close(decoding *d)
{
    frame f = d->frames[--d->depth];
    d->sets -= f.b->head.kind == KIND_FROZENSET;
    PyObject *o = made_of_parts(f.b, f.parts);
    if (o != NULL && (d->sets > 0 || d->anew) && tuple_hash_level(o) < 0)
        Py_CLEAR(o);
    if (o != NULL && f.again)
        decoding_remember(d, f.b, o);
    return o;
}

/* Whether a native's parts are objects of their own: then it is read, and kept, as by itself. */
static bool
holds_its_own(const box *b)
{
    const cell *cells = native_cells(b);
    for (uint64_t i = 0; i < b->size; i++)
        if (cell_is_box(cells[i]) && (!is_leaf(cell_box(cells[i])) || block_is_shared(cell_block(cells[i]))))
            return false;
    return true;
}

/* Of a box that is no frame of a walk: 1; 0: it has to be one; -1: failed (exception set). */
static int
decode_leaf(const decoding *d, box *b, PyObject **o)
{
    if (b->head.kind == KIND_NATIVE && !d->anew && b->size <= 2 && holds_its_own(b))
        *o = decode_native(b);
    else if (b->head.kind == KIND_NATIVE && b->size == 0)
        *o = native_make(b, NULL);
    else if (!has_parts(b))
        *o = kind_row_of(&b->head)->decode(b);
    else
        return 0;
    return *o != NULL ? 1 : -1;
}

/* The object of a part: 1; 0: there is a frame for it; -1: failed (exception set). */
static int
decode_part(decoding *d, cell c, PyObject **o)
{
    if (!budget_spend(&d->left, 1))
        return -1;
    if (!cell_is_box(c)) {
        *o = cell_to_object(c);
        return *o != NULL ? 1 : -1;
    }
    box *b = cell_box(c);
    bool again = box_is_met_again(b);
    address_entry *known = again ? address_find(&d->made, key_in_walk(b)) : NULL;
    if (known != NULL) {
        *o = Py_NewRef((PyObject *)(uintptr_t)known->value);
        return 1;
    }
    int status = decode_leaf(d, b, o);
    if (status > 0 && again)
        decoding_remember(d, b, *o);
    return status != 0 ? status : decoding_push(d, b, again);
}

/* Makes what the frames ask for: a new reference, or NULL. */
static PyObject *
decode_frames(decoding *d)
{
    for (;;) {
        frame *f = &d->frames[d->depth - 1];
        uint64_t size;
        const cell *cells = cells_of(f->b, &size);
        PyObject *o = NULL;
        if (f->made == size) {
            o = decoding_close(d);
            if (o == NULL || d->depth == 0)
                return o;
        }
        else {
            int status = decode_part(d, cells[f->made], &o);
            if (status < 0)
                return NULL;
            if (status == 0)
                continue;
        }
        f = &d->frames[d->depth - 1];
        PyTuple_SET_ITEM(f->parts, (Py_ssize_t)f->made++, o);
    }
}

static PyObject *
decode_walking(box *b, bool anew)
{
    decoding d; /* `within` needs no value */
    d.made = (address_map){0};
    d.left = BUDGET;
    d.anew = anew;
    d.frames = d.within;
    d.depth = d.sets = 0;
    d.room = FRAMES_WITHIN;
    PyObject *o = decoding_push(&d, b, false) == 0 ? decode_frames(&d) : NULL;
    decoding_end(&d);
    return o;
}

PyObject *
decode_nested(box *b)
{
    return decode_walking(b, false);
}

PyObject *
cell_to_new_object(cell c)
{
    return cell_is_box(c) && has_parts(cell_box(c)) ? decode_walking(cell_box(c), true) : cell_to_object(c);
}
