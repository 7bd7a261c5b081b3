/* Making the objects of cells.
 *
 * Tuples and frozensets, and all that is in a key, are copied by a recursion that ends: a box lies behind those that its
 * cells name, and the depth is bounded. No tuple is named twice, and a container that a key names several times is copied
 * once, so that a copy has no more cells than the file has words. More of them are damage, or malice: a tuple of two
 * references to one of two references ... would be as large as 2 to its depth. */

#include "file/decode.h"

#include "platform/budget.h"

enum { LEVELS_ASKED = 8 };

typedef struct {
    file_image *image;
    uint64_t words; /* that may still be copied */
    int depth; /* of all that is copied: a container in a key goes on counting */
    bool is_key;
    PyObject *copies; /* dict: the containers of this key by their offset; NULL: there is none yet */
    budget left;
} copy_out;

static PyObject *copy_object(copy_out *out, cell_word c, uint64_t before);

/* Whether all characters are below 128. The box is filled up to a whole word, which is in the file as it is. */
static bool
is_ascii(const unsigned char *bytes, size_t size)
{
    uint64_t all = 0;
    for (; size > 8; bytes += 8, size -= 8)
        all |= word_at(bytes);
    if (size > 0)
        all |= word_at(bytes) << 8 * (8 - size);
    return (all & UINT64_C(0x8080808080808080)) == 0;
}

static PyObject *
copy_text(file_image *image, const box_head *head, uint64_t offset)
{
    const unsigned char *data = (const unsigned char *)(head + 1);
    uint64_t size = (uint64_t)head->size * head->form;
    if ((head->form != 1 && head->form != 2 && head->form != 4) || file_box(image, offset, size) == NULL)
        return file_damaged(image, offset, "is damaged: a text of a wrong size");
    if (LIKELY(head->flags & FLAG_ASCII)) {
        if (head->form != 1 || !is_ascii(data, head->size))
            return file_damaged(image, offset, "is damaged: a text has a wrong character");
        PyObject *text = PyUnicode_New(head->size, 127);
        if (LIKELY(text != NULL && head->size > 0))
            memcpy(PyUnicode_1BYTE_DATA(text), data, head->size);
        return text;
    }
    budget left = BUDGET;
    for (uint32_t i = 0; head->form == 4 && i < head->size; i++) {
        if (((const uint32_t *)data)[i] > 0x10FFFF)
            return file_damaged(image, offset, "is damaged: a text has a wrong character");
        if (!budget_spend(&left, 1))
            return NULL;
    }
    return PyUnicode_FromKindAndData(head->form, data, head->size);
}

static PyObject *
copy_bytes(file_image *image, const box_head *head, uint64_t offset)
{
    if (file_box(image, offset, head->size) == NULL)
        return file_damaged(image, offset, "is damaged: bytes that it does not have");
    return PyBytes_FromStringAndSize((const char *)(head + 1), head->size);
}

static PyObject *
copy_int(file_image *image, uint64_t offset)
{
    int64_t value;
    const box_head *head = file_box(image, offset, 8);
    if (head == NULL)
        return file_damaged(image, offset, "is damaged: bytes that it does not have");
    memcpy(&value, head + 1, 8);
    return PyLong_FromLongLong(value);
}

/* What `encode` wrote. */
static PyObject *
copy_coded(file_image *image, const box_head *head, uint64_t offset)
{
    PyObject *data = copy_bytes(image, head, offset), *function, *result = NULL;
    if (data == NULL)
        return NULL;
    function = imported("frozen._file", "_decoded");
    if (function != NULL)
        result = PyObject_CallFunction(function, "OOOK", data, image->types != NULL ? image->types : Py_None,
                                       image->path, (unsigned long long)offset);
    Py_XDECREF(function);
    Py_DECREF(data);
    return result;
}

/* Whether as many cells of the box at `offset` are in the file, as many as the copy may have, and not too deep. */
static bool
may_copy(copy_out *out, uint64_t first, uint64_t count, uint64_t offset)
{
    if (file_box(out->image, offset, 8 * (first + count)) == NULL)
        return file_damaged(out->image, offset, "is damaged: cells that it does not have");
    if (out->depth >= COPIED_DEPTH)
        return file_damaged(out->image, offset, "is damaged: tuples or keys nest too deep");
    if (count > out->words)
        return file_damaged(out->image, offset, "is damaged: tuples with more parts than it has");
    out->words -= count;
    return true;
}

/* A tuple of `count` cells of the box at `offset`, from the cell `first` on. CPython is asked at some levels only: all of
 * them fit into its limit then, and its look at what is left of the stack comes in time. */
static PyObject *
copy_cells(copy_out *out, uint64_t first, uint64_t count, uint64_t offset)
{
    bool asked = out->depth % LEVELS_ASKED == 0;
    if (!may_copy(out, first, count, offset)
        || (asked && Py_EnterRecursiveCall(" while a tuple or key of a file is copied") != 0))
        return NULL;
    const cell_word *cells = (const cell_word *)(out->image->base + offset + sizeof(box_head)) + first;
    PyObject *tuple = unknown_tuple((Py_ssize_t)count), *member;
    out->depth++;
    for (uint64_t i = 0; tuple != NULL && i < count; i++) {
        member = budget_spend(&out->left, 1) ? copy_object(out, cells[i], offset) : NULL;
        if (member == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, member);
    }
    out->depth--;
    if (asked)
        Py_LeaveRecursiveCall();
    if (tuple != NULL)
        sequence_known(tuple);
    return tuple;
}

static PyObject *
copy_frozenset(copy_out *out, const box_head *head, uint64_t offset)
{
    bool was_key = out->is_key;
    out->is_key = true;
    PyObject *members = copy_cells(out, 0, head->size, offset),
             *set = members != NULL ? PyFrozenSet_New(members) : NULL;
    out->is_key = was_key;
    Py_XDECREF(members);
    if (set != NULL && PySet_GET_SIZE(set) != (Py_ssize_t)head->size) {
        Py_DECREF(set);
        return file_damaged(out->image, offset, "is damaged: a set has a member twice");
    }
    return set;
}

static PyObject *
view_of(module_state *state, file_image *image, const box_head *head, uint64_t offset)
{
    bool keyed = head->kind != BOX_VECTOR;
    uint64_t slots = keyed && head->form > 0 ? UINT64_C(1) << (head->form & 63) : 0;
    uint64_t words = slots + (head->kind == BOX_MAP ? 2 : 1) * (uint64_t)head->size;
    if (keyed && head->form == 0 && head->size > WITHOUT_INDEX)
        return file_damaged(image, offset, "is damaged: more than 8 entries without an index");
    if (head->form > 40 || file_box(image, offset, 8 * words) == NULL)
        return file_damaged(image, offset, "is damaged: a container that it does not have");
    PyTypeObject *type = head->kind == BOX_MAP ? state->file_map : keyed ? state->file_set : state->file_vector;
    file_view *self = PyObject_GC_New(file_view, type);
    if (self == NULL)
        return NULL;
    const uint64_t *contents = (const uint64_t *)(head + 1);
    self->image = (file_image *)Py_NewRef((PyObject *)image);
    self->slots = slots > 0 ? contents : NULL;
    self->cells = contents + slots;
    self->at = offset;
    self->count = head->size;
    self->stride = 1;
    self->bits = head->form;
    self->kind = head->kind;
    self->plain_keys = (head->flags & FLAG_PLAIN_KEYS) != 0;
    atomic_init(&self->hash, -1);
    self->weakrefs = NULL;
    atomic_init(&self->copy, NULL);
    atomic_init(&self->asked, 0);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

PyObject *
file_vector_part(file_view *whole, Py_ssize_t first, Py_ssize_t count, Py_ssize_t stride)
{
    file_view *self = PyObject_GC_New(file_view, Py_TYPE(whole));
    if (self == NULL)
        return NULL;
    self->image = (file_image *)Py_NewRef((PyObject *)whole->image); /* one by one: others store the hash meanwhile */
    self->slots = NULL;
    self->at = whole->at;
    self->bits = whole->bits;
    self->kind = whole->kind;
    self->plain_keys = whole->plain_keys;
    self->cells = count > 0 ? whole->cells + first * whole->stride : whole->cells;
    self->count = count;
    self->stride = whole->stride * stride;
    atomic_init(&self->hash, -1);
    self->weakrefs = NULL;
    atomic_init(&self->copy, NULL);
    atomic_init(&self->asked, 0);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* (key, value, key, value, ...) as a tuple of pairs. */
static PyObject *
pairs_of(copy_out *out, PyObject *cells)
{
    Py_ssize_t count = PyTuple_GET_SIZE(cells) / 2;
    PyObject *pairs = unknown_tuple(count);
    for (Py_ssize_t i = 0; pairs != NULL && i < count; i++) {
        PyObject *key = PyTuple_GET_ITEM(cells, 2 * i), *value = PyTuple_GET_ITEM(cells, 2 * i + 1);
        PyObject *pair = budget_spend(&out->left, 1) ? PyTuple_Pack(2, key, value) : NULL;
        if (pair == NULL)
            Py_CLEAR(pairs);
        else
            PyTuple_SET_ITEM(pairs, i, pair);
    }
    if (pairs != NULL)
        sequence_known(pairs);
    return pairs;
}

/* What is copied of the view of a container, as a Map, Set or Vector. */
static PyObject *
copy_view(copy_out *out, module_state *state, file_view *view)
{
    uint64_t slots = view->slots != NULL ? UINT64_C(1) << view->bits : 0;
    bool is_map = view->kind == BOX_MAP;
    PyObject *parts = copy_cells(out, slots, (is_map ? 2 : 1) * (uint64_t)view->count, view->at), *result = NULL;
    if (parts != NULL && is_map)
        Py_XSETREF(parts, pairs_of(out, parts));
    if (parts == NULL)
        return NULL;
    PyTypeObject *type = is_map                  ? state->local_map.container
                         : view->kind == BOX_SET ? state->local_set.container
                                                 : state->local_vector.container;
    result = PyObject_CallOneArg((PyObject *)type, parts);
    Py_DECREF(parts);
    if (result != NULL && PyObject_Size(result) != view->count) {
        Py_DECREF(result);
        return file_damaged(view->image, view->at, "is damaged: a key or member is there twice");
    }
    return result;
}

/* Copied once, however often the key names it: v = Vector([v, v]), sixty times, are sixty boxes and 2^60 ways to them. */
static PyObject *
copy_view_once(copy_out *out, module_state *state, file_view *view)
{
    if (out->depth == 0)
        return copy_view(out, state, view); /* nothing of it names it */
    PyObject *copy = NULL, *offset = PyLong_FromUnsignedLongLong(view->at);
    if (out->copies == NULL)
        out->copies = PyDict_New();
    if (offset != NULL && out->copies != NULL && dict_lookup(out->copies, offset, &copy) == 0) {
        copy = copy_view(out, state, view);
        if (copy != NULL && PyDict_SetItem(out->copies, offset, copy) < 0)
            Py_CLEAR(copy);
    }
    Py_XDECREF(offset);
    return copy;
}

/* A container in a key is no view, but a Map, Set or Vector. */
static PyObject *
copy_container(copy_out *out, const box_head *head, uint64_t offset)
{
    module_state *state = type_module_state(Py_TYPE(out->image));
    if (state == NULL)
        return PyErr_Format(PyExc_RuntimeError, "the module of this file is gone");
    PyObject *view = view_of(state, out->image, head, offset);
    if (view == NULL || !out->is_key)
        return view;
    PyObject *copy = copy_view_once(out, state, VIEW(view));
    Py_DECREF(view);
    return copy;
}

static PyObject *
copy_box(copy_out *out, uint64_t offset, uint64_t before)
{
    const box_head *head = offset < before ? file_box(out->image, offset, 0) : NULL;
    if (head == NULL)
        return file_damaged(out->image, before, "is damaged: an offset that leads out of it, or ahead");
    switch (head->kind) {
    case BOX_STR: return copy_text(out->image, head, offset);
    case BOX_BYTES: return copy_bytes(out->image, head, offset);
    case BOX_INT: return copy_int(out->image, offset);
    case BOX_CODED: return copy_coded(out->image, head, offset);
    case BOX_TUPLE: return copy_cells(out, 0, head->size, offset);
    case BOX_FROZENSET: return copy_frozenset(out, head, offset);
    case BOX_MAP:
    case BOX_SET:
    case BOX_VECTOR: return copy_container(out, head, offset);
    default: return file_damaged(out->image, offset, "is damaged: a box of an unknown kind");
    }
}

static PyObject *
copy_float(file_image *image, uint64_t offset, uint64_t before)
{
    double value;
    if (offset >= before || offset < sizeof(file_header) || offset > image->size - 8)
        return file_damaged(image, before, "is damaged: an offset that leads out of it, or ahead");
    memcpy(&value, image->base + offset, 8);
    return PyFloat_FromDouble(value);
}

static PyObject *
constant(file_image *image, cell_word c, uint64_t before)
{
    switch (c >> TAG_BITS) {
    case CONST_NONE: Py_RETURN_NONE;
    case CONST_FALSE: Py_RETURN_FALSE;
    case CONST_TRUE: Py_RETURN_TRUE;
    default: return file_damaged(image, before, "is damaged: an unknown constant");
    }
}

static PyObject *
copy_object(copy_out *out, cell_word c, uint64_t before)
{
    switch (c & TAG_MASK) {
    case CELL_INT: return PyLong_FromLongLong(int_of_cell(c));
    case CELL_STR: return file_short_str(out->image, c, before);
    case CELL_BOX: return copy_box(out, c, before);
    case CELL_FLOAT: return copy_float(out->image, c & ~(cell_word)TAG_MASK, before);
    case CELL_CONST: return constant(out->image, c, before);
    default: return file_damaged(out->image, before, "is damaged: an unknown kind of cell");
    }
}

PyObject *
file_object_of_box(file_image *image, cell_word c, uint64_t before, bool is_key)
{
    copy_out out = {.image = image, .words = image->size / 8, .is_key = is_key, .left = BUDGET};
    PyObject *object = copy_object(&out, c, before);
    Py_XDECREF(out.copies);
    if (object != NULL && UNLIKELY(!file_is_whole(image)))
        Py_CLEAR(object);
    return object;
}
