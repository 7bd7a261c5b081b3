/* From objects to cells.  A failed encoding leaves nothing behind. */

#include "memory/cell.h"

box *
box_alloc(block_kind kind, size_t payload)
{
    box *b = payload <= PTRDIFF_MAX - sizeof(box) ? block_alloc(sizeof(box) + payload, kind) : NULL;
    return b != NULL ? b : (box *)PyErr_NoMemory();
}

static void
box_set_hash(box *b, Py_hash_t hash)
{
    b->hash = (uint64_t)hash;
    b->head.flags |= BOX_HASHED;
}

static int
encode_str(PyObject *o, cell *c)
{
    *c = cell_of_short_str(o);
    if (*c != NO_CELL)
        return 0;
    Py_hash_t hash = PyObject_Hash(o);
    size_t length = (size_t)PyUnicode_GET_LENGTH(o);
    unsigned kind = (unsigned)PyUnicode_KIND(o);
    box *b = box_alloc(KIND_STR, length * kind);
    if (b == NULL)
        return -1;
    b->head.form = (uint8_t)kind;
    b->head.flags = PyUnicode_IS_ASCII(o) ? BOX_ASCII : 0;
    box_set_hash(b, hash);
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
    box_set_hash(b, PyObject_Hash(o));
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
        box_set_hash(b, PyObject_Hash(o));
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
    box_set_hash(b, PyObject_Hash(o));
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
        box_set_hash(b, PyObject_Hash(o));
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
        box_set_hash(b, PyObject_Hash(o));
    *c = cell_of_box(b);
    return 0;
}

/* The hash of a tuple or frozenset can be kept when each member's can.  Containers compute theirs when asked, in time
 * proportional to their size: they do not count as known, see cell_known_hash. */
static int
keep_hash_of_members(box *b, PyObject *o)
{
    uint64_t ignored;
    for (uint64_t i = 0; i < b->size; i++)
        if (!cell_known_hash(box_cells(b)[i], &ignored))
            return 0;
    Py_hash_t hash = PyObject_Hash(o);
    if (hash == -1)
        return -1;
    box_set_hash(b, hash);
    return 0;
}

static int
encode_tuple(PyObject *o, cell *c)
{
    Py_ssize_t size = PyTuple_GET_SIZE(o);
    if (size == 0) {
        *c = CELL_EMPTY_TUPLE;
        return 0;
    }
    box *b = box_alloc(KIND_TUPLE, (size_t)size * sizeof(cell));
    if (b == NULL)
        return -1;
    for (b->size = 0; b->size < (uint64_t)size; b->size++) {
        if (cell_from_object(PyTuple_GET_ITEM(o, b->size), &box_cells(b)[b->size]) < 0) {
            not_shareable_at("[]", PyLong_FromSize_t(b->size));
            goto fail;
        }
    }
    if (keep_hash_of_members(b, o) < 0)
        goto fail;
    *c = cell_of_box(b);
    return 0;
fail:
    block_release(&b->head);
    return -1;
}

static int
encode_frozenset(PyObject *o, cell *c)
{
    PyObject *members = PySequence_Tuple(o);
    box *b = members ? box_alloc(KIND_FROZENSET, (size_t)PyTuple_GET_SIZE(members) * sizeof(cell)) : NULL;
    if (b == NULL) {
        Py_XDECREF(members);
        return -1;
    }
    int result = 0;
    for (b->size = 0; result == 0 && b->size < (uint64_t)PyTuple_GET_SIZE(members); b->size++) {
        result = cell_from_object(PyTuple_GET_ITEM(members, b->size), &box_cells(b)[b->size]);
        if (result < 0) {
            not_shareable_at("{}", Py_NewRef(PyTuple_GET_ITEM(members, b->size)));
            break;
        }
    }
    if (result == 0)
        result = keep_hash_of_members(b, o);
    Py_DECREF(members);
    if (result < 0)
        block_release(&b->head);
    else
        *c = cell_of_box(b);
    return result;
}

/* A registered type: its name, and the value that it was turned into. */
static int
encode_foreign(PyObject *o, cell *c)
{
    PyObject *name, *value;
    bool hash_differs;
    if (foreign_encode(o, &name, &value, &hash_differs) < 0)
        return -1;
    cell parts[2] = {NO_CELL, NO_CELL};
    box *b = NULL;
    if (cell_from_object(name, &parts[0]) == 0 && cell_from_object(value, &parts[1]) == 0)
        b = box_alloc(KIND_FOREIGN, sizeof parts);
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
    b->head.flags = hash_differs ? BOX_HASH_DIFFERS : 0;
    *c = cell_of_box(b);
    return 0;
}

static int
encode_other(PyObject *o, cell *c)
{
    if (o == Py_None)
        *c = CELL_NONE;
    else if (PyBool_Check(o))
        *c = o == Py_True ? CELL_TRUE : CELL_FALSE;
    else if (o == Py_Ellipsis)
        *c = CELL_ELLIPSIS;
    else if (PyFloat_CheckExact(o))
        return encode_float(o, c);
    else if (PyBytes_CheckExact(o))
        return encode_bytes(o, c);
    else if (PyComplex_CheckExact(o))
        return encode_complex(o, c);
    else {
        int known = shared_object_encode(o, c);
        if (known != 0)
            return known < 0 ? -1 : 0;
        if (Py_EnterRecursiveCall(" while sharing a value"))
            return -1;
        int result = PyTuple_CheckExact(o)       ? encode_tuple(o, c)
                   : PyFrozenSet_CheckExact(o)   ? encode_frozenset(o, c)
                                                 : encode_foreign(o, c);
        Py_LeaveRecursiveCall();
        return result;
    }
    return 0;
}

int
cell_from_object(PyObject *object, cell *c)
{
    if (LIKELY(PyUnicode_CheckExact(object)))
        return encode_str(object, c);
    if (PyLong_CheckExact(object))
        return encode_int(object, c);
    return encode_other(object, c);
}

/* Objects made anew from the cell are equal to the key, and have its hash: as far as one interpreter can tell. */
static int
survives(cell c, PyObject *key, uint64_t hash)
{
    PyObject *again = cell_to_object(c);
    if (again == NULL)
        return -1;
    Py_hash_t found = PyObject_Hash(again);
    int equal = found == -1 ? -1 : (uint64_t)found == hash ? PyObject_RichCompareBool(again, key, Py_EQ) : 0;
    Py_DECREF(again);
    return equal;
}

/* Whether there is anything in the block whose hash depends on the interpreter: 1, 0, or -1 (reported). */
static int
hash_differs(block *b)
{
    if (b->flags & (BOX_HASHED | BOX_HASH_DIFFERS))
        return !(b->flags & BOX_HASHED);
    if (Py_EnterRecursiveCall(" while looking into a key"))
        return -1;
    int differs = 0;
    node_contents held = block_contents(b);
    for (size_t i = 0; i < held.cell_count && differs == 0; i++)
        if (cell_is_box(held.cells[i]))
            differs = hash_differs(cell_block(held.cells[i]));
    for (size_t i = 0; i < held.child_count && differs == 0; i++)
        differs = hash_differs(held.children[i]);
    Py_LeaveRecursiveCall();
    return differs;
}

int
cell_from_hashed(PyObject *key, uint64_t hash, cell *c)
{
    uint64_t known;
    if (cell_from_object(key, c) < 0)
        return -1;
    if (LIKELY(cell_known_hash(*c, &known)))
        return 0;
    box *b = cell_box(*c);
    int differs = hash_differs(&b->head);
    int fit = differs != 0 ? -1 : block_is_unique(&b->head) ? survives(*c, key, hash) : 0;
    if (fit > 0) {
        box_set_hash(b, (Py_hash_t)hash); /* nobody else has seen the box yet */
        return 0;
    }
    if (differs > 0)
        not_shareable(key, "cannot be a key: this Python gives dates, and times with a time zone, a hash that differs between "
                           "interpreters; take their isoformat()");
    else if (fit == 0)
        not_shareable(key, "cannot be a key: an object made anew of it in another interpreter would not be found");
    cell_release(*c);
    return -1;
}
