/* From cells to objects of the interpreter that reads. */

#include "platform/address_map.h"
#include "shared/cell_kinds.h"
#include "shared/decoded.h"
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
    unsigned length = cell_str_length(c);
    for (unsigned i = 0; i < CELL_STR_MAX; i++)
        text[i] = (char)(c >> (8 * (i + 1)));
    return new_str(length, 1, true, text, -1);
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

/* What decoding one value has made of boxes that are held elsewhere, too, and so may be met again. It owns the
 * objects. */
typedef struct {
    address_map made;
    budget left;
    bool anew; /* nothing that was kept */
} decoding;

static PyObject *decode_anew(decoding *d, box *b);

/* With d NULL: a value that cannot be met again. */
static PyObject *
decode_part(decoding *d, cell c)
{
    if (d == NULL)
        return cell_to_object(c);
    if (!budget_spend(&d->left, 1))
        return NULL;
    if (!cell_is_box(c))
        return cell_to_object(c);
    if (!box_is_met_again(cell_box(c)))
        return decode_anew(d, cell_box(c));
    address_key key = key_in_walk(cell_box(c));
    address_entry *known = address_find(&d->made, key);
    if (known != NULL)
        return Py_NewRef((PyObject *)(uintptr_t)known->value);
    PyObject *o = decode_anew(d, cell_box(c));
    if (o != NULL && address_add(&d->made, key, (uintptr_t)o)) /* without memory it may be made twice */
        Py_INCREF(o);
    return o;
}

static PyObject *
decode_cells(decoding *d, const cell *cells, uint64_t size)
{
    PyObject *o = unknown_tuple((Py_ssize_t)size);
    for (uint64_t i = 0; o != NULL && i < size; i++) {
        PyObject *member = decode_part(d, cells[i]);
        if (member != NULL)
            PyTuple_SET_ITEM(o, (Py_ssize_t)i, member);
        else
            Py_CLEAR(o);
    }
    if (o != NULL)
        sequence_known(o);
    return o;
}

static PyObject *
decode_members(decoding *d, box *b)
{
    return decode_cells(d, box_cells(b), b->size);
}

static PyObject *
decode_frozenset(decoding *d, box *b)
{
    PyObject *members = decode_members(d, b);
    PyObject *o = members ? PyFrozenSet_New(members) : NULL;
    Py_XDECREF(members);
    return o;
}

static PyObject *
decode_registered(decoding *d, box *b)
{
    PyObject *name = decode_part(d, box_cells(b)[0]);
    PyObject *value = name != NULL ? decode_part(d, box_cells(b)[1]) : NULL;
    PyObject *o = value != NULL ? registered_decode(name, value) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(value);
    return o;
}

static PyObject *
decode_native_within(decoding *d, box *b)
{
    PyObject *parts = decode_cells(d, native_cells(b), b->size);
    PyObject *o = parts != NULL ? native_make(b, parts) : NULL;
    Py_XDECREF(parts);
    return o;
}

static bool
has_parts(const box *b)
{
    unsigned kind = b->head.kind;
    return kind == KIND_TUPLE || kind == KIND_FROZENSET || kind == KIND_REGISTERED || kind == KIND_NATIVE;
}

/* A box that has parts, which may have been met before; d is NULL where they cannot have been. */
static PyObject *
decode_parts(decoding *d, box *b)
{
    switch (b->head.kind) {
    case KIND_TUPLE: return decode_members(d, b);
    case KIND_FROZENSET: return decode_frozenset(d, b);
    case KIND_NATIVE: return b->size == 0 ? native_make(b, NULL) : decode_native_within(d, b);
    default: return decode_registered(d, b);
    }
}

/* ---- what needs no walk ---- */

static const cell *
cells_of(box *b, uint64_t *size)
{
    *size = b->size;
    return b->head.kind == KIND_NATIVE ? native_cells(b) : box_cells(b);
}

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
    o = needs_no_walk(b) ? decode_parts(NULL, b) : decode_nested(b);
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

/* ---- the walk ---- */

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

static PyObject *
decode_anew(decoding *d, box *b)
{
    if (b->head.kind == KIND_NATIVE && !d->anew && b->size <= 2 && holds_its_own(b))
        return decode_native(b);
    if (!has_parts(b))
        return kind_row_of(&b->head)->decode(b);
    if (Py_EnterRecursiveCall(" while reading a shared value"))
        return NULL;
    PyObject *o = decode_parts(d, b);
    Py_LeaveRecursiveCall();
    return o;
}

static PyObject *
decode_walking(box *b, bool anew)
{
    decoding d = {.left = BUDGET, .anew = anew};
    PyObject *o = decode_parts(&d, b);
    size_t position = 0;
    for (address_entry *entry; (entry = address_next(&d.made, &position)) != NULL;)
        Py_DECREF((PyObject *)(uintptr_t)entry->value);
    address_free(&d.made);
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
