/* From objects to cells.  A failed encoding leaves nothing behind. */

#include "platform/address_map.h"
#include "shared/cell_kinds.h"
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

/* ---- nested values ---- */

/* What encoding one value has met: objects that are held elsewhere, too, and so may be met again, with their boxes.  It
 * owns references to both: a registered type's `encode` makes objects that go as soon as they are encoded. */
typedef struct {
    address_map met;
    budget left;
} encoding;

static void
encoding_end(encoding *e)
{
    size_t position = 0;
    for (address_entry *entry; (entry = address_next(&e->met, &position)) != NULL;) {
        cell_release((cell)entry->value);
        Py_DECREF((PyObject *)entry->key.a);
    }
    address_free(&e->met);
}

static int encode_nested(encoding *e, PyObject *o, cell *c);

static int
encode_anew(encoding *e, PyObject *o, cell *c)
{
    int simple = encode_simple(o, c);
    return simple == 0 ? encode_nested(e, o, c) : simple < 0 ? -1 : 0;
}

/* A part of what is being encoded: 0, or -1 (exception set). */
static int
encode_part(encoding *e, PyObject *o, cell *c)
{
    if (!budget_spend(&e->left, 1))
        return -1;
    if (object_is_unique(o))
        return encode_anew(e, o, c);
    address_key key = {(uintptr_t)o, 0, 0};
    address_entry *known = address_find(&e->met, key);
    if (known != NULL) {
        *c = (cell)known->value;
        cell_retain(*c);
        return 0;
    }
    if (encode_anew(e, o, c) < 0)
        return -1;
    if (cell_is_box(*c) && address_add(&e->met, key, *c)) { /* without memory it may be encoded twice */
        Py_INCREF(o);
        cell_retain(*c);
    }
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

/* A box of that kind for the members of a tuple. */
static int
encode_members(encoding *e, PyObject *members, block_kind kind, cell *c)
{
    Py_ssize_t size = PyTuple_GET_SIZE(members);
    box *b = box_alloc(kind, (size_t)size * sizeof(cell));
    if (b == NULL)
        return -1;
    for (b->size = 0; b->size < (uint64_t)size; b->size++) {
        PyObject *member = PyTuple_GET_ITEM(members, b->size);
        if (encode_part(e, member, &box_cells(b)[b->size]) < 0) {
            if (kind == KIND_TUPLE)
                not_shareable_at("[]", PyLong_FromSize_t(b->size));
            else
                not_shareable_at("{}", Py_NewRef(member));
            block_release(&b->head);
            return -1;
        }
    }
    keep_hash_of_members(b, kind == KIND_TUPLE ? hash_tuple : hash_frozenset);
    *c = cell_of_box(b);
    return 0;
}

static int
encode_frozenset(encoding *e, PyObject *o, cell *c)
{
    PyObject *members = tuple_of(o);
    int status = members != NULL ? encode_members(e, members, KIND_FROZENSET, c) : -1;
    Py_XDECREF(members);
    return status;
}

/* A registered type: its name, and the value that it was turned into. */
static int
encode_registered(encoding *e, PyObject *o, cell *c)
{
    PyObject *name, *value;
    unsigned hash;
    if (registered_encode(o, &name, &value, &hash) < 0)
        return -1;
    cell parts[2] = {NO_CELL, NO_CELL};
    box *b = NULL;
    if (encode_part(e, name, &parts[0]) == 0 && encode_part(e, value, &parts[1]) == 0)
        b = box_alloc(KIND_REGISTERED, sizeof parts);
    Py_DECREF(name);
    Py_DECREF(value);
    if (b == NULL) {
        for (int i = 0; i < 2; i++)
            if (parts[i] != NO_CELL)
                cell_release(parts[i]);
        return -1;
    }
    memcpy(b->data, parts, sizeof parts);
    b->size = 2;
    block_set_flag(&b->head, hash);
    *c = cell_of_box(b);
    return 0;
}

/* Without a hash of its own, an object has that of its address. */
static unsigned
flags_of_hash(PyObject *o, unsigned flags)
{
    return flags == 0 && Py_TYPE(o)->tp_hash == PyBaseObject_Type.tp_hash ? BOX_HASH_DIFFERS : flags;
}

/* A box for what native_take() took apart. */
static int
encode_taken(encoding *e, PyObject *o, const native_value *v, cell *c)
{
    size_t size = v->parts != NULL ? (size_t)PyTuple_GET_SIZE(v->parts) : 0;
    box *b = box_alloc(KIND_NATIVE, sizeof v->words + size * sizeof(cell));
    if (b == NULL)
        return -1;
    b->head.form = (uint8_t)v->form;
    block_set_flag(&b->head, flags_of_hash(o, v->flags));
    memcpy(native_words(b), v->words, sizeof v->words);
    for (b->size = 0; b->size < size; b->size++)
        if (encode_part(e, PyTuple_GET_ITEM(v->parts, b->size), &native_cells(b)[b->size]) < 0) {
            not_shareable_at("[]", PyLong_FromSize_t(b->size));
            block_release(&b->head);
            return -1;
        }
    *c = cell_of_box(b);
    return 0;
}

static int
encode_other(encoding *e, PyObject *o, cell *c)
{
    native_value v;
    int status = native_take(o, &v);
    if (status > 0) {
        status = encode_taken(e, o, &v, c);
        Py_XDECREF(v.parts);
        return status;
    }
    return status < 0 ? -1 : encode_registered(e, o, c);
}

static int
encode_nested(encoding *e, PyObject *o, cell *c)
{
    if (PyTuple_CheckExact(o) && PyTuple_GET_SIZE(o) == 0) {
        *c = CELL_EMPTY_TUPLE;
        return 0;
    }
    if (Py_EnterRecursiveCall(" while sharing a value"))
        return -1;
    int status = PyTuple_CheckExact(o)       ? encode_members(e, o, KIND_TUPLE, c)
                 : PyFrozenSet_CheckExact(o) ? encode_frozenset(e, o, c)
                                             : encode_other(e, o, c);
    Py_LeaveRecursiveCall();
    return status;
}

NO_INLINE static int
encode_whole(PyObject *o, cell *c)
{
    encoding e = {.left = BUDGET};
    int status = encode_nested(&e, o, c);
    encoding_end(&e);
    return status;
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
