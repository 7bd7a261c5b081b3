/* From cells to objects of the interpreter that reads. */

#include "memory/cell_kinds.h"

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
    case CELL_NONE:
        return Py_NewRef(Py_None);
    case CELL_FALSE:
        return Py_NewRef(Py_False);
    case CELL_TRUE:
        return Py_NewRef(Py_True);
    case CELL_ELLIPSIS:
        return Py_NewRef(Py_Ellipsis);
    default:
        return PyTuple_New(0);
    }
}

PyObject *
cell_to_object(cell c)
{
    switch (cell_tag(c)) {
    case TAG_INT:
        return PyLong_FromLongLong(cell_int(c));
    case TAG_STR:
        return decode_short_str(c);
    case TAG_CONSTANT:
        return decode_constant(c);
    default:
        return kind_rows[cell_block(c)->kind].decode(cell_box(c));
    }
}

PyObject *
decode_str(box *b)
{
    return new_str(b->size, b->head.form, (b->head.flags & BOX_ASCII) != 0, b->data, (Py_hash_t)b->hash);
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

PyObject *
decode_tuple(box *b)
{
    PyObject *o = unknown_tuple((Py_ssize_t)b->size);
    if (o == NULL || Py_EnterRecursiveCall(" while reading a shared value")) {
        Py_XDECREF(o);
        return NULL;
    }
    for (uint64_t i = 0; i < b->size; i++) {
        PyObject *member = cell_to_object(box_cells(b)[i]);
        if (member == NULL) {
            Py_CLEAR(o);
            break;
        }
        PyTuple_SET_ITEM(o, (Py_ssize_t)i, member);
    }
    Py_LeaveRecursiveCall();
    if (o != NULL)
        sequence_known(o);
    return o;
}

PyObject *
decode_frozenset(box *b)
{
    PyObject *members = decode_tuple(b);
    PyObject *o = members ? PyFrozenSet_New(members) : NULL;
    Py_XDECREF(members);
    return o;
}

PyObject *
decode_foreign(box *b)
{
    PyObject *name = cell_to_object(box_cells(b)[0]), *value = NULL, *o = NULL;
    if (name != NULL && Py_EnterRecursiveCall(" while reading a shared value") == 0) {
        value = cell_to_object(box_cells(b)[1]);
        if (value != NULL)
            o = foreign_decode(name, value);
        Py_LeaveRecursiveCall();
    }
    Py_XDECREF(name);
    Py_XDECREF(value);
    return o;
}
