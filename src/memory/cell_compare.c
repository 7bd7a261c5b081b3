/* Hash and equality of cells, as Python has them for the objects. */

#include "memory/cell_kinds.h"

/* Python's hash of a str of ASCII characters: that of its bytes, with the process's secret. */
static uint64_t
hash_short_str(cell c)
{
    char text[CELL_STR_MAX];
    unsigned length = cell_str_length(c);
    if (length == 0)
        return 0;
    for (unsigned i = 0; i < CELL_STR_MAX; i++)
        text[i] = (char)(c >> (8 * (i + 1)));
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
        return UINT64_C(5740354900026072187);
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
    case TAG_STR:
        *hash = hash_short_str(c);
        return true;
    case TAG_CONSTANT:
        *hash = hash_constant(c);
        return true;
    default:
        *hash = cell_box(c)->hash;
        return (cell_box(c)->head.flags & BOX_HASHED) != 0;
    }
}

int
cell_value_hash(cell c, uint64_t *hash)
{
    if (cell_known_hash(c, hash))
        return 0;
    /* What a NaN's hash is in Python, the identity of its object, is nothing that a value could have.  Here a NaN is
     * the same as another one of the same bits (cell_same_value), and hashes by them. */
    if (cell_block(c)->kind == KIND_FLOAT || cell_block(c)->kind == KIND_COMPLEX) {
        *hash = cell_box(c)->size;
        return 0;
    }
    PyObject *o = cell_to_object(c);
    if (o == NULL)
        return -1;
    Py_hash_t found = PyObject_Hash(o);
    Py_DECREF(o);
    *hash = (uint64_t)found;
    return found == -1 ? -1 : 0;
}

bool
cell_same_value(cell a, cell b)
{
    if (a == b)
        return true;
    if (!cell_is_box(a) || !cell_is_box(b) || cell_block(a)->kind != cell_block(b)->kind)
        return false;
    const kind_row *row = &kind_rows[cell_block(a)->kind];
    return row->same != NULL && row->same(cell_box(a), cell_box(b));
}

/* Numbers that a word or one machine number holds: 1 == 1.0 == True. */
typedef struct {
    enum { NOT_A_NUMBER, INTEGER, REAL } type;
    int64_t integer;
    double real;
} number;

static number
cell_number(cell c)
{
    if (cell_tag(c) == TAG_INT)
        return (number){INTEGER, cell_int(c), 0};
    if (c == CELL_TRUE || c == CELL_FALSE)
        return (number){INTEGER, c == CELL_TRUE, 0};
    if (cell_is_kind(c, KIND_INT))
        return (number){INTEGER, cell_box(c)->integer, 0};
    if (cell_is_kind(c, KIND_FLOAT))
        return (number){REAL, 0, cell_box(c)->real};
    return (number){NOT_A_NUMBER, 0, 0};
}

static int
numbers_equal(number a, number b)
{
    if (a.type == REAL && b.type == REAL)
        return a.real == b.real;
    if (a.type == INTEGER && b.type == INTEGER)
        return a.integer == b.integer;
    double real = a.type == REAL ? a.real : b.real;
    int64_t integer = a.type == REAL ? b.integer : a.integer;
    /* in this range the conversion to int64_t is defined, and exact for whole numbers */
    return real >= -0x1p63 && real < 0x1p63 && (double)(int64_t)real == real && (int64_t)real == integer;
}

static int
objects_equal(cell a, PyObject *b)
{
    PyObject *o = cell_to_object(a);
    if (o == NULL)
        return -1;
    int equal = PyObject_RichCompareBool(o, b, Py_EQ);
    Py_DECREF(o);
    return equal;
}

/* What str and None equal: nothing but themselves, or an object whose class says so. */
static bool
equals_only_itself(cell c)
{
    return cell_is_str(c) || cell_tag(c) == TAG_CONSTANT || cell_number(c).type != NOT_A_NUMBER
        || cell_is_kind(c, KIND_BYTES);
}

int
cell_equals(cell a, cell b)
{
    if (a == b)
        return 1;
    if (cell_is_box(a) && cell_is_box(b) && cell_block(a)->kind == cell_block(b)->kind) {
        const kind_row *row = &kind_rows[cell_block(a)->kind];
        if (row->same != NULL && row->same(cell_box(a), cell_box(b)))
            return 1;
        if (row->equal != NULL)
            return row->equal(cell_box(a), cell_box(b));
    }
    else {
        number x = cell_number(a), y = cell_number(b);
        if (x.type != NOT_A_NUMBER && y.type != NOT_A_NUMBER)
            return numbers_equal(x, y);
        if (equals_only_itself(a) && equals_only_itself(b))
            return 0;
    }
    PyObject *o = cell_to_object(b);
    int equal = o != NULL ? objects_equal(a, o) : -1;
    Py_XDECREF(o);
    return equal;
}

static int
equals_str(cell c, PyObject *o)
{
    if (cell_tag(c) == TAG_STR)
        return c == cell_of_short_str(o);
    box *b = cell_box(c);
    return b->size == (uint64_t)PyUnicode_GET_LENGTH(o) && b->head.form == (unsigned)PyUnicode_KIND(o)
        && memcmp(b->data, PyUnicode_DATA(o), b->size * b->head.form) == 0;
}

static int
equals_tuple(box *b, PyObject *o)
{
    if (b->size != (uint64_t)PyTuple_GET_SIZE(o))
        return 0;
    if (Py_EnterRecursiveCall(" while comparing shared values"))
        return -1;
    int equal = 1;
    for (uint64_t i = 0; i < b->size && equal > 0; i++)
        equal = cell_equals_object(box_cells(b)[i], PyTuple_GET_ITEM(o, i));
    Py_LeaveRecursiveCall();
    return equal;
}

/* Known kinds against exact types without making an object; everything else as Python does. */
int
cell_equals_object(cell c, PyObject *object)
{
    if (PyUnicode_CheckExact(object)) {
        if (cell_is_str(c))
            return equals_str(c, object);
        if (equals_only_itself(c))
            return 0;
    }
    number mine = cell_number(c);
    if (mine.type != NOT_A_NUMBER && (PyLong_CheckExact(object) || PyBool_Check(object))) {
        int overflow;
        int64_t integer = PyLong_AsLongLongAndOverflow(object, &overflow);
        if (!overflow)
            return numbers_equal(mine, (number){INTEGER, integer, 0});
    }
    if (mine.type != NOT_A_NUMBER && PyFloat_CheckExact(object))
        return numbers_equal(mine, (number){REAL, 0, PyFloat_AS_DOUBLE(object)});
    if (PyBytes_CheckExact(object) && cell_is_kind(c, KIND_BYTES))
        return cell_box(c)->size == (uint64_t)PyBytes_GET_SIZE(object)
            && memcmp(cell_box(c)->data, PyBytes_AS_STRING(object), cell_box(c)->size) == 0;
    if (PyTuple_CheckExact(object) && cell_is_kind(c, KIND_TUPLE))
        return equals_tuple(cell_box(c), object);
    return objects_equal(c, object);
}
