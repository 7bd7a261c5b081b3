/* Equality of cells: see cell.h for what it promises. */

#include "shared/cell_kinds.h"
#include "shared/counterpart.h"
#include "shared/native.h"
#include "shared/walk.h"
#include "module.h"

bool
cell_same_value(cell a, cell b)
{
    if (a == b)
        return true;
    if (!cell_is_box(a) || !cell_is_box(b) || cell_block(a)->kind != cell_block(b)->kind)
        return false;
    const kind_row *row = kind_row_of(cell_block(a));
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

/* ---- nested values ---- */

/* What a walk remembers of two addresses: each has a number of its own. */
typedef enum { MET_EQUAL, MET_SAME, MET_OBJECT, MET_INTERCHANGEABLE } met_as;

/* Boxes are aligned to 16 bytes: the lowest bits of their addresses are free. */
static address_key
met_key(const void *a, const void *b, uint64_t size, met_as what)
{
    return (address_key){(uintptr_t)a | (uintptr_t)what, (uintptr_t)b, size};
}

/* Whether both have a hash that every interpreter agrees on, and it is not the same one. */
static bool
hashes_differ(const box *a, const box *b)
{
    unsigned hashed = BOX_HASHED | BOX_VALUE_HASHED;
    return (block_flags(&a->head) & hashed) && (block_flags(&b->head) & hashed) && box_hash(a) != box_hash(b);
}

typedef int comparison(box *, box *);

static int
compare_within(walk *w, box *a, box *b, comparison *compare, met_as what)
{
    block_kind kind = a->head.kind;
    address_key key = met_key(block_in_walk(a), block_in_walk(b), a->size, what);
    bool again = box_is_met_again(a) && box_is_met_again(b);
    if (again && address_find(&w->met, key) != NULL)
        return 1;
    if (walk_down(w, kind) < 0)
        return -1;
    int equal = compare(a, b);
    walk_up(kind);
    if (equal > 0 && again)
        address_add(&w->met, key, 1); /* without memory they are compared again */
    return equal;
}

NO_INLINE static int
compare_outermost(box *a, box *b, comparison *compare, met_as what)
{
    walk own;
    walk_begin(&own);
    int equal = compare_within(&own, a, b, compare, what);
    walk_end(&own);
    return equal;
}

/* Two boxes of one kind, if they are of one size (native ones of any) by `compare`: 1, 0, or -1 (exception set). */
static int
compare_nested(box *a, box *b, comparison *compare, met_as what)
{
    if (a->size != b->size && a->head.kind != KIND_NATIVE)
        return 0;
    walk *w = walk_current();
    return w != NULL ? compare_within(w, a, b, compare, what) : compare_outermost(a, b, compare, what);
}

typedef int cell_comparison(cell, cell);

static int
cells_match(const cell *a, const cell *b, uint64_t count, cell_comparison *compare)
{
    int match = 1;
    for (uint64_t i = 0; i < count && match > 0; i++)
        match = compare(a[i], b[i]);
    return match;
}

int
equal_tuple(box *a, box *b)
{
    return cells_match(box_cells(a), box_cells(b), a->size, cell_equals);
}

typedef struct {
    uint64_t hash;
    cell c;
} hashed_cell;

static int
order_by_hash(const void *a, const void *b)
{
    uint64_t x = ((const hashed_cell *)a)->hash, y = ((const hashed_cell *)b)->hash;
    return x < y ? -1 : x > y;
}

/* The members of a frozenset, by their hashes. */
static bool
members_sorted(box *b, hashed_cell *out)
{
    for (uint64_t i = 0; i < b->size; i++) {
        out[i].c = box_cells(b)[i];
        if (cell_value_hash(out[i].c, &out[i].hash) < 0)
            return false;
    }
    qsort(out, b->size, sizeof *out, order_by_hash);
    return true;
}

/* Whether each member of `x` is among those members of `y` that have its hash, by `compare`. Members of one frozenset
 * are distinct. */
static int
members_match(const hashed_cell *x, const hashed_cell *y, uint64_t size, cell_comparison *compare)
{
    for (uint64_t i = 0, first = 0; i < size; i++) {
        int found = 0;
        while (first < size && y[first].hash < x[i].hash)
            first++;
        for (uint64_t j = first; j < size && y[j].hash == x[i].hash && found == 0; j++)
            found = compare(x[i].c, y[j].c);
        if (found <= 0)
            return found;
    }
    return 1;
}

/* Not by way of the objects: a NaN among them would be another one each time. */
static int
frozensets_match(box *a, box *b, cell_comparison *compare)
{
    hashed_cell *members = PyMem_Malloc((size_t)(a->size + b->size) * sizeof *members);
    if (members == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    int match = members_sorted(a, members) && members_sorted(b, members + a->size)
                    ? members_match(members, members + a->size, a->size, compare)
                    : -1;
    PyMem_Free(members);
    return match;
}

int
equal_frozenset(box *a, box *b)
{
    return frozensets_match(a, b, cell_equals);
}

static int cell_same_nested(cell a, cell b);

static int
same_members(box *a, box *b)
{
    return cells_match(box_cells(a), box_cells(b), a->size, cell_same_nested);
}

static int
natives_match(box *a, box *b, cell_comparison *compare)
{
    if (a->head.form != b->head.form || a->size != b->size
        || memcmp(native_words(a), native_words(b), NATIVE_WORDS * sizeof(uint64_t)) != 0)
        return 0;
    return cells_match(native_cells(a), native_cells(b), a->size, compare);
}

static int
same_natives(box *a, box *b)
{
    return natives_match(a, b, cell_same_nested);
}

/* As cell_same_value, also within tuples and what is encoded as such: 1, 0, or -1 (exception set). */
static int
cell_same_nested(cell a, cell b)
{
    if (cell_same_value(a, b))
        return 1;
    if (!cell_is_box(a) || !cell_is_box(b) || cell_block(a)->kind != cell_block(b)->kind
        || !kind_row_of(cell_block(a))->nested)
        return 0;
    if (cell_block(a)->kind == KIND_NATIVE)
        return compare_nested(cell_box(a), cell_box(b), same_natives, MET_SAME);
    if (kind_row_of(cell_block(a))->same != NULL)
        return 0;
    return compare_nested(cell_box(a), cell_box(b), same_members, MET_SAME);
}

/* The objects compared; they are made for it. */
static int
objects_equal(cell a, PyObject *b)
{
    walk *paused = walk_pause();
    PyObject *o = cell_to_object(a);
    int equal = o != NULL ? PyObject_RichCompareBool(o, b, Py_EQ) : -1;
    Py_XDECREF(o);
    walk_resume(paused);
    return equal;
}

static int
cells_equal_as_objects(cell a, cell b)
{
    walk *paused = walk_pause();
    PyObject *o = cell_to_object(b);
    int equal = o != NULL ? objects_equal(a, o) : -1;
    Py_XDECREF(o);
    walk_resume(paused);
    return equal;
}

/* Two objects with one encoding are the same value, even if the class says that they differ. */
int
equal_registered(box *a, box *b)
{
    int same = same_members(a, b);
    return same != 0 ? same : cells_equal_as_objects(cell_of_box(a), cell_of_box(b));
}

int
equal_native(box *a, box *b)
{
    if (a->head.form == b->head.form && native_words_decide(a->head.form))
        return memcmp(native_words(a), native_words(b), NATIVE_WORDS * sizeof(uint64_t)) == 0;
    int same = same_natives(a, b);
    return same != 0 ? same : cells_equal_as_objects(cell_of_box(a), cell_of_box(b));
}

/* ---- any two ---- */

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
        box *x = cell_box(a), *y = cell_box(b);
        const kind_row *row = kind_row_of(&x->head);
        if (row->same != NULL && row->same(x, y))
            return 1;
        if (row->nested)
            return hashes_differ(x, y) ? 0 : compare_nested(x, y, row->equal, MET_EQUAL);
        if (row->equal != NULL)
            return row->equal(x, y);
    }
    else {
        number x = cell_number(a), y = cell_number(b);
        if (x.type != NOT_A_NUMBER && y.type != NOT_A_NUMBER)
            return numbers_equal(x, y);
        if (equals_only_itself(a) && equals_only_itself(b))
            return 0;
    }
    return cells_equal_as_objects(a, b);
}

static int
interchangeable_tuples(box *a, box *b)
{
    return cells_match(box_cells(a), box_cells(b), a->size, cell_interchangeable);
}

static int
interchangeable_frozensets(box *a, box *b)
{
    return frozensets_match(a, b, cell_interchangeable);
}

static int
interchangeable_natives(box *a, box *b)
{
    return natives_match(a, b, cell_interchangeable);
}

int
cell_interchangeable(cell a, cell b)
{
    if (cell_same_value(a, b))
        return 1;
    if (!cell_is_box(a) || !cell_is_box(b) || cell_block(a)->kind != cell_block(b)->kind)
        return 0;
    box *x = cell_box(a), *y = cell_box(b);
    switch (x->head.kind) {
    case KIND_TUPLE: return compare_nested(x, y, interchangeable_tuples, MET_INTERCHANGEABLE);
    case KIND_FROZENSET: return compare_nested(x, y, interchangeable_frozensets, MET_INTERCHANGEABLE);
    case KIND_NATIVE: return compare_nested(x, y, interchangeable_natives, MET_INTERCHANGEABLE);
    default: return kind_row_of(&x->head)->same != NULL ? 0 : cell_equals(a, b);
    }
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
members_equal_objects(box *b, PyObject *o)
{
    int equal = 1;
    for (uint64_t i = 0; i < b->size && equal > 0; i++)
        equal = cell_equals_object(box_cells(b)[i], PyTuple_GET_ITEM(o, i));
    return equal;
}

static int
equals_tuple_within(walk *w, box *b, PyObject *o)
{
    address_key key = met_key(b, o, b->size, MET_OBJECT);
    bool again = block_is_shared(&b->head) && !object_is_unique(o);
    if (again && address_find(&w->met, key) != NULL)
        return 1;
    if (walk_down(w, KIND_TUPLE) < 0)
        return -1;
    int equal = members_equal_objects(b, o);
    walk_up(KIND_TUPLE);
    if (equal > 0 && again)
        address_add(&w->met, key, 1);
    return equal;
}

NO_INLINE static int
equals_tuple_outermost(box *b, PyObject *o)
{
    walk own;
    walk_begin(&own);
    int equal = equals_tuple_within(&own, b, o);
    walk_end(&own);
    return equal;
}

/* As compare_nested. */
static int
equals_tuple(box *b, PyObject *o)
{
    if (b->size != (uint64_t)PyTuple_GET_SIZE(o))
        return 0;
    walk *w = walk_current();
    return w != NULL ? equals_tuple_within(w, b, o) : equals_tuple_outermost(b, o);
}

/* ---- a container and its counterpart in the local family ----
 *
 * What a walk remembers of the two are their roots and their length.  Nobody frees a root meanwhile: that of the shared
 * one is held by the value around it, that of the local one by the header in the container or tuple around it, and the
 * outermost two by the caller, all of which are immutable.  No object that is made for the comparison is remembered:
 * objects_equal() makes those, while the walk is paused. */

/* X(kind of its box, family) */
#define SHARED_CONTAINERS(X)     \
    X(KIND_MAP, shared_map)      \
    X(KIND_SET, shared_set)      \
    X(KIND_VECTOR, shared_vector)

enum { NO_CONTAINER = -1 };

static const kind_row *
row_of_kind(int kind)
{
    return atomic_load_explicit(&kind_table[kind], memory_order_relaxed);
}

/* Whether it is exactly what a shared container of that kind may equal. */
static bool
is_counterpart(int kind, PyObject *o)
{
    return kind != NO_CONTAINER && row_of_kind(kind)->is_counterpart != NULL && row_of_kind(kind)->is_counterpart(o);
}

/* The kind of its box; NO_CONTAINER: it is no shared container. */
static int
kind_of_shared(PyObject *o)
{
    module_state *state = Py_TYPE(o)->tp_dealloc == shared_container_dealloc ? type_module_state(Py_TYPE(o)) : NULL;
#define X(its_kind, family)                                     \
    if (state != NULL && Py_IS_TYPE(o, state->family.container)) \
        return its_kind;
    SHARED_CONTAINERS(X)
#undef X
    return NO_CONTAINER;
}

/* Of a shared container, in a box or behind a header. */
typedef struct {
    void *root;
    uint64_t size;
} container_parts;

static int
equals_local_within(walk *w, block_kind kind, const container_parts *shared, PyObject *local, bool again)
{
    address_key key = met_key(shared->root, ((container *)local)->root, shared->size, MET_OBJECT);
    if (again && address_find(&w->met, key) != NULL)
        return 1;
    if (walk_down(w, kind) < 0)
        return -1;
    int equal = row_of_kind(kind)->equals_local(shared->root, shared->size, local);
    walk_up(kind);
    if (equal > 0 && again)
        address_add(&w->met, key, 1); /* without memory they are compared again */
    return equal;
}

NO_INLINE static int
equals_local_outermost(block_kind kind, const container_parts *shared, PyObject *local)
{
    walk own;
    walk_begin(&own);
    int equal = equals_local_within(&own, kind, shared, local, false);
    walk_end(&own);
    return equal;
}

/* `again`: both may be met once more. */
static int
equals_local(block_kind kind, const container_parts *shared, PyObject *local, bool again)
{
    if (shared->size != (uint64_t)((container *)local)->count || shared->size == 0)
        return shared->size == (uint64_t)((container *)local)->count;
    walk *w = walk_current();
    return w != NULL ? equals_local_within(w, kind, shared, local, again) : equals_local_outermost(kind, shared, local);
}

static int
box_equals_local(box *b, PyObject *local)
{
    container_parts shared = {*box_root(b), b->size};
    return equals_local(b->head.kind, &shared, local, box_is_met_again(b) && !object_is_unique(local));
}

bool
are_counterparts(PyObject *a, PyObject *b)
{
    return is_counterpart(kind_of_shared(a), b) || is_counterpart(kind_of_shared(b), a);
}

int
counterparts_equal(PyObject *a, PyObject *b)
{
    int kind = kind_of_shared(a);
    PyObject *shared = kind != NO_CONTAINER ? a : b, *local = shared == a ? b : a;
    if (kind == NO_CONTAINER)
        kind = kind_of_shared(b);
    container_parts parts = {((container *)shared)->root, (uint64_t)((container *)shared)->count};
    return equals_local((block_kind)kind, &parts, local, false);
}

/* ---- any cell and any object ---- */

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
    if (cell_is_box(c) && is_counterpart(cell_block(c)->kind, object))
        return box_equals_local(cell_box(c), object);
    return objects_equal(c, object);
}

/* The part of cell_equals_object that makes no object. A str beside bytes is not in it, because Python may warn of it. */
bool
cell_compares_quietly(cell c, PyObject *object)
{
    if (PyUnicode_CheckExact(object))
        return cell_is_str(c) || (equals_only_itself(c) && !cell_is_kind(c, KIND_BYTES));
    if (PyBytes_CheckExact(object))
        return cell_is_kind(c, KIND_BYTES);
    if (cell_number(c).type == NOT_A_NUMBER)
        return false;
    int overflow = 0;
    if (PyLong_CheckExact(object))
        PyLong_AsLongLongAndOverflow(object, &overflow);
    return !overflow && (PyLong_CheckExact(object) || PyBool_Check(object) || PyFloat_CheckExact(object));
}
