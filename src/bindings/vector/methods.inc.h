/* The vector: a sequence over an RRB tree, written once for every memory.
 *
 * The including file supplies a memory, and what bindings/common/family.inc.h asks for. Operations that change nothing
 * return the vector itself; on a subclass every operation gives the base type, as tuple's do. */
#ifndef FROZEN_BINDINGS_VECTOR_METHODS_INC_H
#define FROZEN_BINDINGS_VECTOR_METHODS_INC_H

#include "trees/check.h"
#include "trees/rrb/check.inc.h"
#include "trees/rrb/concat.inc.h"
#include "trees/rrb/iter.inc.h"
#include "trees/rrb/mutate.inc.h"
#include "bindings/common/arguments.h"

#define CONTAINER_ELLIPSIS "[...]"
#include "bindings/common/protocol.inc.h"
#include "bindings/common/family.inc.h"

#define LENGTH_MAX ((Py_ssize_t)(SIZE_MAX / 2)) /* sys.maxsize */
#define VECTOR_LENGTH(self) (((container *)(self))->count)

static inline bool
is_vector(family *types, PyObject *o)
{
    return PyObject_TypeCheck(o, types->container);
}

/* A vector of whichever memory. */
static inline bool
is_vector_of_any_memory(PyObject *self, PyObject *o)
{
    module_state *state = module_state_of(self);
    return PyObject_TypeCheck(o, state->local_vector.container) || Py_IS_TYPE(o, state->shared_vector.container);
}

/* Borrowed.  The core knows empty vectors as NULL, the header as the one empty leaf of its family. */
static inline rrb
vector_value(PyObject *self)
{
    container *c = (container *)self;
    return (rrb){c->count > 0 ? c->root : NULL, (size_t)c->count};
}

static inline void
rrb_release(rrb v)
{
    if (v.root != NULL)
        node_release(v.root);
}

/* ---- results ---- */

/* What debug builds do after each operation: they end the process where it has left a tree broken.  trees/check.h says
 * how large a tree may be for that. */
static inline void
vector_must_hold(rrb v)
{
    const char *broken = check_is_due(v.count) ? rrb_check(v) : NULL;
    if (UNLIKELY(broken != NULL))
        Py_FatalError(broken);
}

/* A vector of any type over `v`, which it steals, on failure too. */
static PyObject *
vector_new(PyTypeObject *type, family *types, rrb v)
{
    vector_must_hold(v);
    if (v.count == 0) {
        v.root = types->empty;
        node_retain(v.root);
    }
    return container_new(type, v.root, (Py_ssize_t)v.count);
}

/* The outcome of an operation that always changes something, stolen.  `done`: the operation's. */
static inline PyObject *
vector_changed(family *types, bool done, rrb v)
{
    return LIKELY(done) ? vector_new(types->container, types, v) : NULL;
}

/* The result of an operation on `self`, stolen: self, where that is what it is already.  `done`: the operation's. */
static PyObject *
vector_derived(PyObject *self, bool done, rrb v)
{
    if (!done)
        return NULL;
    family *types = family_of(self);
    if (v.count == (size_t)VECTOR_LENGTH(self) && (v.count == 0 || v.root == ((container *)self)->root)
        && Py_IS_TYPE(self, types->container)) {
        rrb_release(v);
        return Py_NewRef(self);
    }
    return vector_new(types->container, types, v);
}

/* Nothing can be longer: OverflowError. */
static bool
length_fits(Py_ssize_t length, Py_ssize_t more)
{
    if (LIKELY(length <= LENGTH_MAX - more))
        return true;
    PyErr_Format(PyExc_OverflowError, "a vector of %zd and %zd more elements would be longer than sys.maxsize", length,
                 more);
    return false;
}

/* ---- from any iterable ---- */

/* `index`: the index of the object in its source. */
static bool
builder_push_object(rrb_builder *builder, PyObject *object, Py_ssize_t index)
{
    cell c;
    if (LIKELY(cell_from_object(object, &c) == 0))
        return builder_push(builder, c);
    element_not_shareable(index);
    return false;
}

static bool
builder_push_tuple(rrb_builder *builder, PyObject *tuple)
{
    budget left = BUDGET;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (!budget_spend(&left, 1) || !builder_push_object(builder, PyTuple_GET_ITEM(tuple, i), i))
            return false;
    return true;
}

/* For memories that hold all objects, so that no arbitrary code runs in between. (Where signals are looked at it may,
 * and in CPython 3.11 when something is allocated: the length is read each time.) */
static bool
builder_push_list(rrb_builder *builder, PyObject *list)
{
    budget left = BUDGET;
    bool done = true;
    OBJECT_LOCK(list);
    for (Py_ssize_t i = 0; done && i < PyList_GET_SIZE(list); i++)
        done = builder_push_object(builder, PyList_GET_ITEM(list, i), i) && budget_spend(&left, 1);
    OBJECT_UNLOCK();
    return done;
}

static bool
builder_push_iterable(rrb_builder *builder, PyObject *iterable)
{
    PyObject *iterator = PyObject_GetIter(iterable), *next;
    if (iterator == NULL)
        return false;
    budget left = BUDGET;
    bool done = true;
    for (Py_ssize_t i = 0; done && (next = PyIter_Next(iterator)) != NULL; i++) {
        done = builder_push_object(builder, next, i) && budget_spend(&left, 1);
        Py_DECREF(next);
    }
    Py_DECREF(iterator);
    return done && !PyErr_Occurred();
}

/* One of our containers can be much longer than the memory. */
static bool
source_fits(PyObject *iterable)
{
    destructor dealloc = Py_TYPE(iterable)->tp_dealloc;
    bool ours = dealloc == local_container_dealloc || dealloc == shared_container_dealloc;
    return !ours || cells_fit((size_t)((container *)iterable)->count);
}

/* What the iterable yields, behind what is in the builder. The iterable may make a vector of another iterable, and so
 * on: `def convert(x): return Vector(map(convert, x))`. */
static bool
builder_push_all(rrb_builder *builder, PyObject *iterable)
{
    bool is_list = PyList_CheckExact(iterable);
    if (PyTuple_CheckExact(iterable))
        return builder_push_tuple(builder, iterable);
    if (is_list && CELLS_HOLD_ALL)
        return builder_push_list(builder, iterable);
    if (!source_fits(iterable) || deep_call_enter(" while making a vector") != 0)
        return false;
    PyObject *snapshot = is_list ? PyList_AsTuple(iterable) : NULL;
    bool done =
        is_list ? snapshot != NULL && builder_push_tuple(builder, snapshot) : builder_push_iterable(builder, iterable);
    Py_XDECREF(snapshot);
    deep_call_leave(DEEP_CALL);
    return done;
}

/* `v` and what the iterable yields behind it. */
static bool
rrb_extend_from(family *types, rrb v, PyObject *iterable, rrb *result)
{
    rrb_builder builder;
    if (is_vector(types, iterable)) {
        rrb more = vector_value(iterable);
        return length_fits((Py_ssize_t)v.count, (Py_ssize_t)more.count)
               && rrb_concat(family_memory(types), v, more, result);
    }
    if (!builder_begin_behind(&builder, family_memory(types), v))
        return false;
    if (builder_push_all(&builder, iterable))
        return builder_end(&builder, result);
    builder_abandon(&builder);
    return false;
}

static PyObject *
container_construct(PyTypeObject *type, family *types, PyObject *source, PyObject *Py_UNUSED(keywords))
{
    rrb v = {NULL, 0};
    if (source != NULL && type == types->container && Py_IS_TYPE(source, type))
        return Py_NewRef(source);
    if (source != NULL && !rrb_extend_from(types, v, source, &v))
        return NULL;
    return vector_new(type, types, v);
}

#define TAKES_KEYWORDS false
#include "bindings/common/construct.inc.h"

/* ---- indices ---- */

static NO_INLINE bool
index_error(PyObject *self, Py_ssize_t index, Py_ssize_t length)
{
    PyErr_Format(PyExc_IndexError, "%s index %zd out of range for length %zd", short_type_name(Py_TYPE(self)), index,
                 length);
    return false;
}

static inline bool
index_in_range(PyObject *self, Py_ssize_t *index, Py_ssize_t length)
{
    Py_ssize_t i = *index < 0 ? *index + length : *index;
    if (UNLIKELY((size_t)i >= (size_t)length))
        return index_error(self, *index, length);
    *index = i;
    return true;
}

NO_INLINE static bool
index_from_any_object(PyObject *self, PyObject *object, Py_ssize_t *index)
{
    if (UNLIKELY(!PyIndex_Check(object))) {
        PyErr_Format(PyExc_TypeError, "%s indices must be integers or slices, not %s", short_type_name(Py_TYPE(self)),
                     Py_TYPE(object)->tp_name);
        return false;
    }
    *index = PyNumber_AsSsize_t(object, PyExc_IndexError);
    return *index != -1 || !PyErr_Occurred();
}

/* An index out of any object that is one; may run arbitrary code. */
FORCE_INLINE bool
index_from_object(PyObject *self, PyObject *object, Py_ssize_t *index)
{
    return LIKELY(small_int_value(object, index)) || index_from_any_object(self, object, index);
}

/* Two optional bounds, clamped to the length as a slice's are; *start <= *stop. */
static bool
range_from_objects(PyObject *first, PyObject *last, Py_ssize_t length, Py_ssize_t *start, Py_ssize_t *stop)
{
    Py_ssize_t step;
    PyObject *slice = PySlice_New(first, last, NULL);
    bool valid = slice != NULL && PySlice_Unpack(slice, start, stop, &step) == 0;
    Py_XDECREF(slice);
    if (!valid)
        return false;
    PySlice_AdjustIndices(length, start, stop, 1);
    *stop = *stop < *start ? *start : *stop;
    return true;
}

/* ---- reading ---- */

static Py_ssize_t
vector_length(PyObject *self)
{
    return VECTOR_LENGTH(self);
}

/* The index is as C callers pass it: counted from the end already. */
static PyObject *
vector_item(PyObject *self, Py_ssize_t index)
{
    if (UNLIKELY((size_t)index >= (size_t)VECTOR_LENGTH(self))) {
        index_error(self, index, VECTOR_LENGTH(self));
        return NULL;
    }
    return cell_to_object(rrb_get(((container *)self)->root, (size_t)index));
}

/* `length` cells of `v`, from `start` on every `step`th. */
static bool
rrb_pick(memory *mem, rrb v, Py_ssize_t start, Py_ssize_t step, Py_ssize_t length, rrb *result)
{
    rrb_builder builder;
    budget left = BUDGET;
    if (!cells_fit((size_t)length))
        return false;
    builder_begin(&builder, mem);
    for (Py_ssize_t i = 0; i < length; i++) {
        cell c = rrb_get(v.root, (size_t)(start + i * step));
        cell_retain(c);
        if (!builder_push(&builder, c) || !budget_spend(&left, 1)) {
            builder_abandon(&builder);
            return false;
        }
    }
    return builder_end(&builder, result);
}

static bool
rrb_slice(memory *mem, rrb v, Py_ssize_t start, Py_ssize_t step, Py_ssize_t length, rrb *result)
{
    rrb head;
    if (length == 0)
        return rrb_share((rrb){NULL, 0}, result);
    if (step != 1)
        return rrb_pick(mem, v, start, step, length, result);
    if (rrb_top_of(v.root) == NULL) { /* a single leaf is cut at both ends at once */
        rrb_node *leaf = leaf_part(mem, rrb_tail(v), (unsigned)start, (unsigned)(start + length));
        *result = (rrb){leaf, (size_t)length};
        return leaf != NULL;
    }
    if (!rrb_take(mem, v, (size_t)(start + length), &head))
        return false;
    bool done = rrb_drop(mem, head, (size_t)start, result);
    rrb_release(head);
    return done;
}

static PyObject *
vector_slice(PyObject *self, PyObject *slice)
{
    Py_ssize_t start, stop, step;
    rrb result;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t length = PySlice_AdjustIndices(VECTOR_LENGTH(self), &start, &stop, step);
    memory *mem = family_memory(family_of(self));
    return vector_derived(self, rrb_slice(mem, vector_value(self), start, step, length, &result), result);
}

static PyObject *
vector_subscript(PyObject *self, PyObject *key)
{
    Py_ssize_t index;
    if (UNLIKELY(!small_int_value(key, &index))) {
        if (PySlice_Check(key))
            return vector_slice(self, key);
        if (!index_from_any_object(self, key, &index))
            return NULL;
    }
    if (!index_in_range(self, &index, VECTOR_LENGTH(self)))
        return NULL;
    return cell_to_object(rrb_get(((container *)self)->root, (size_t)index));
}

/* ---- searching ---- */

/* The index of the first cell in [from, to) that equals the object; `to` if none does, -1: failed.  With `count`, goes
 * on to the end and counts them there.  The caller keeps `v` alive, because arbitrary code may run. */
static Py_ssize_t
rrb_find(rrb v, PyObject *object, Py_ssize_t from, Py_ssize_t to, Py_ssize_t *count)
{
    needle needle;
    rrb_cursor cursor;
    const cell *cells;
    if (from >= to)
        return to;
    if (needle_open(object, &needle) < 0)
        return -1;
    cursor_init(&cursor, v, (size_t)from);
    Py_ssize_t found = to;
    budget left = BUDGET;
    for (Py_ssize_t at = from; at < to;) {
        unsigned n = cursor_cells(&cursor, &cells);
        if (!budget_spend(&left, n)) {
            found = -1;
            break;
        }
        for (unsigned i = 0; i < n && at < to; i++, at++) {
            int equal = needle_equals(&needle, cells[i]);
            if (LIKELY(equal == 0))
                continue;
            found = equal < 0 ? -1 : at;
            if (equal < 0 || count == NULL)
                goto end;
            ++*count;
        }
        cursor_advance(&cursor, n);
    }
end:
    needle_close(&needle);
    return found;
}

static int
vector_contains(PyObject *self, PyObject *object)
{
    Py_ssize_t length = VECTOR_LENGTH(self), found = rrb_find(vector_value(self), object, 0, length, NULL);
    return found < 0 ? -1 : found < length;
}

static PyObject *
vector_count(PyObject *self, PyObject *object)
{
    Py_ssize_t count = 0;
    if (rrb_find(vector_value(self), object, 0, VECTOR_LENGTH(self), &count) < 0)
        return NULL;
    return PyLong_FromSsize_t(count);
}

static PyObject *
vector_index(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t start, stop;
    if (!check_positional("index", nargs, 1, 3)
        || !range_from_objects(nargs > 1 ? args[1] : NULL, nargs > 2 ? args[2] : NULL, VECTOR_LENGTH(self), &start,
                               &stop))
        return NULL;
    Py_ssize_t found = rrb_find(vector_value(self), args[0], start, stop, NULL);
    if (found >= 0 && found < stop)
        return PyLong_FromSsize_t(found);
    return found < 0 ? NULL
                     : raise_about(PyExc_ValueError, "", args[0], " is not in %s", short_type_name(Py_TYPE(self)));
}

/* ---- derived vectors ---- */

static PyObject *
vector_append(PyObject *self, PyObject *value)
{
    family *types = family_of(self);
    cell c;
    rrb result;
    if (!length_fits(VECTOR_LENGTH(self), 1) || cell_open(value, &c) < 0)
        return NULL;
    bool done = rrb_push(family_memory(types), vector_value(self), c, &result);
    cell_close(c);
    return vector_changed(types, done, result);
}

static PyObject *
vector_extend(PyObject *self, PyObject *iterable)
{
    rrb result;
    return vector_derived(self, rrb_extend_from(family_of(self), vector_value(self), iterable, &result), result);
}

static PyObject *
vector_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t index;
    cell c;
    rrb v = vector_value(self), result;
    if (!check_positional("set", nargs, 2, 2) || !index_from_object(self, args[0], &index)
        || !index_in_range(self, &index, VECTOR_LENGTH(self)))
        return NULL;
    if (cell_open(args[1], &c) < 0) {
        element_not_shareable(index);
        return NULL;
    }
    if (cell_identical(rrb_get(v.root, (size_t)index), c)) {
        cell_close(c);
        return vector_derived(self, rrb_share(v, &result), result);
    }
    family *types = family_of(self);
    bool done = rrb_set(family_memory(types), v, (size_t)index, c, &result);
    cell_close(c);
    return vector_changed(types, done, result);
}

static PyObject *
vector_pop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    rrb v = vector_value(self), result;
    if (v.count == 0)
        return PyErr_Format(PyExc_IndexError, "pop from an empty %s", short_type_name(Py_TYPE(self)));
    family *types = family_of(self);
    return vector_changed(types, rrb_take(family_memory(types), v, v.count - 1, &result), result);
}

/* As list.insert does it: every index is valid, because it is clamped to the length. */
static inline Py_ssize_t
clamp_index(Py_ssize_t index, Py_ssize_t length)
{
    if (index < 0)
        index += length;
    return index < 0 ? 0 : index > length ? length : index;
}

/* One element, before the one at `index`. */
static bool
rrb_insert(memory *mem, rrb v, size_t index, PyObject *value, rrb *result)
{
    cell c;
    rrb one;
    if (!length_fits((Py_ssize_t)v.count, 1) || cell_open(value, &c) < 0)
        return false;
    bool done = rrb_push(mem, (rrb){NULL, 0}, c, &one);
    cell_close(c);
    if (!done)
        return false;
    done = rrb_splice(mem, v, index, index, one, result);
    rrb_release(one);
    return done;
}

static PyObject *
vector_insert(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t index;
    rrb v = vector_value(self), result;
    if (!check_positional("insert", nargs, 2, 2) || !index_from_object(self, args[0], &index))
        return NULL;
    index = clamp_index(index, VECTOR_LENGTH(self));
    bool done = rrb_insert(family_memory(family_of(self)), v, (size_t)index, args[1], &result);
    return vector_derived(self, done, result);
}

/* (index), which must be there, or (start, stop), clamped as a slice is. */
static PyObject *
vector_delete(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t start, stop, length = VECTOR_LENGTH(self);
    rrb result;
    if (!check_positional("delete", nargs, 1, 2))
        return NULL;
    if (nargs == 2) {
        if (!range_from_objects(args[0], args[1], length, &start, &stop))
            return NULL;
    }
    else {
        if (!index_from_object(self, args[0], &start) || !index_in_range(self, &start, length))
            return NULL;
        stop = start + 1;
    }
    memory *mem = family_memory(family_of(self));
    bool done = rrb_splice(mem, vector_value(self), (size_t)start, (size_t)stop, (rrb){NULL, 0}, &result);
    return vector_derived(self, done, result);
}

static PyObject *
vector_concat(PyObject *self, PyObject *other)
{
    family *types = family_of(self);
    rrb result;
    if (!is_vector(types, other) && is_vector_of_any_memory(self, other))
        return vector_extend(self, other);
    if (!is_vector(types, other)) {
        const char *name = short_type_name(Py_TYPE(self));
        return PyErr_Format(PyExc_TypeError, "can only concatenate %s (not \"%s\") to %s: extend() takes any iterable",
                            name, Py_TYPE(other)->tp_name, name);
    }
    if (!length_fits(VECTOR_LENGTH(self), VECTOR_LENGTH(other)))
        return NULL;
    bool done = rrb_concat(family_memory(types), vector_value(self), vector_value(other), &result);
    if (done && VECTOR_LENGTH(self) == 0 && VECTOR_LENGTH(other) > 0)
        return vector_derived(other, done, result);
    return vector_derived(self, done, result);
}

static PyObject *
vector_repeat(PyObject *self, Py_ssize_t times)
{
    rrb v = vector_value(self), result = {NULL, 0};
    if (v.count > 0 && times > LENGTH_MAX / (Py_ssize_t)v.count)
        return PyErr_Format(PyExc_OverflowError, "%zd times a vector of %zd elements would be longer than sys.maxsize",
                            times, VECTOR_LENGTH(self));
    bool done = v.count == 0 || times <= 0 || rrb_repeat(family_memory(family_of(self)), v, (size_t)times, &result);
    return vector_derived(self, done, result);
}

#endif
