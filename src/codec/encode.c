/* The walk of encode.
 *
 * The keys of a map are written first, behind what is there, sorted, and taken away again; then each key is written with
 * its value behind it. So the bytes of a value move once, however deep it is. Members of a set are moved to where they
 * belong when all are there. */

#include "codec/encode.h"

#include "bindings/common/contents.h"
#include "codec/cells.h"
#include "codec/errors.h"
#include "platform/bounded_repr.h"

/* ---- opening containers ---- */

/* Room for `count` items, objects or cells; NULL (exception set). */
static void *
items_new(Py_ssize_t count)
{
    _Static_assert(sizeof(cell) == sizeof(PyObject *), "an item is one word");
    void *items = (size_t)count < SIZE_MAX / 16 ? PyMem_Malloc((size_t)count * sizeof(cell)) : NULL;
    if (items == NULL)
        PyErr_NoMemory();
    return items;
}

typedef int (*local_contents)(PyObject *self, PyObject **out);
typedef int (*shared_contents)(PyObject *self, cell *out);

static outcome
open_local(encoder *e, int64_t tag, frame_kind kind, PyObject *source, local_contents contents)
{
    Py_ssize_t count = ((container *)source)->count;
    PyObject **objects = items_new(kind == FRAME_KEYS ? 2 * count : count);
    if (objects == NULL || contents(source, objects) < 0) {
        PyMem_Free(objects);
        return FAILED;
    }
    return open_items(e, tag, kind, source, (item_array){.owner = OWNED_BY_SOURCE, .objects = objects}, count);
}

static outcome
open_shared(encoder *e, int64_t tag, frame_kind kind, PyObject *source, shared_contents contents)
{
    Py_ssize_t count = ((container *)source)->count;
    cell *cells = items_new(kind == FRAME_KEYS ? 2 * count : count);
    if (cells == NULL || contents(source, cells) < 0) {
        PyMem_Free(cells);
        return FAILED;
    }
    item_array items = {.owner = OWNED_BY_SOURCE, .in_cells = true, .cells = cells};
    return open_items(e, tag, kind, source, items, count);
}

/* A tuple or frozenset in the container of the top frame, which keeps it: its cells are written where they are. */
static outcome
open_box(encoder *e, int64_t tag, frame_kind kind, box *b)
{
    item_array items = {.owner = OWNED_BY_TUPLE, .in_cells = true, .cells = box_cells(b)};
    return open_items(e, tag, kind, NULL, items, (Py_ssize_t)b->size);
}

static outcome
codec_open_tuple(encoder *e, int64_t tag, PyObject *tuple)
{
    item_array items = {.owner = OWNED_BY_TUPLE, .objects = &PyTuple_GET_ITEM(tuple, 0)};
    return open_items(e, tag, FRAME_SEQUENCE, tuple, items, PyTuple_GET_SIZE(tuple));
}

/* A list as it is at this moment: others may change it while its elements are written. */
static outcome
open_listed(encoder *e, int64_t tag, frame_kind kind, PyObject *source, PyObject *list)
{
    PyObject **items = NULL;
    Py_ssize_t count;
    OBJECT_LOCK(list);
    count = PyList_GET_SIZE(list);
    items = items_new(count);
    for (Py_ssize_t i = 0; items != NULL && i < count; i++)
        items[i] = Py_NewRef(PyList_GET_ITEM(list, i));
    OBJECT_UNLOCK();
    return items != NULL ? open_items(e, tag, kind, source, (item_array){OWNED_BY_FRAME, false, {items}}, count)
                         : FAILED;
}

static outcome
open_dict_items(encoder *e, PyObject *dict)
{
    PyObject **items = NULL, *key, *value;
    Py_ssize_t count = 0, size, position = 0;
    OBJECT_LOCK(dict);
    size = PyDict_GET_SIZE(dict);
    items = items_new(2 * size);
    while (items != NULL && count < size && PyDict_Next(dict, &position, &key, &value)) {
        items[2 * count] = Py_NewRef(key);
        items[2 * count++ + 1] = Py_NewRef(value);
    }
    OBJECT_UNLOCK();
    return items != NULL
               ? open_items(e, TAG_DICT, FRAME_KEYS, dict, (item_array){OWNED_BY_FRAME, false, {items}}, count)
               : FAILED;
}

static outcome
open_set_members(encoder *e, int64_t tag, PyObject *set)
{
    PyObject *list = PySequence_List(set);
    outcome done = list != NULL ? open_listed(e, tag, FRAME_MEMBERS, set, list) : FAILED;
    Py_XDECREF(list);
    return done;
}

/* ---- values ---- */

static outcome
write_bytearray(encoder *e, PyObject *bytes)
{
    PyObject *copy = PyBytes_FromObject(bytes); /* at one moment, with the array's own lock */
    int status = copy != NULL ? write_head(&e->out, MAJOR_TAG, TAG_BYTEARRAY) : -1;
    if (status == 0)
        status = write_block(&e->out, MAJOR_BYTES, PyBytes_AS_STRING(copy), (size_t)PyBytes_GET_SIZE(copy));
    Py_XDECREF(copy);
    return status < 0 ? FAILED : WRITTEN;
}

/* A Blob is read as bytes: the same value outside of shared memory. */
static outcome
write_blob(encoder *e, PyObject *blob)
{
    Py_buffer view;
    if (PyObject_GetBuffer(blob, &view, PyBUF_SIMPLE) < 0)
        return FAILED;
    int status = write_block(&e->out, MAJOR_BYTES, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return status < 0 ? FAILED : WRITTEN;
}

static outcome
write_complex(encoder *e, PyObject *number)
{
    Py_complex c = PyComplex_AsCComplex(number);
    if (e->depth >= e->max_depth)
        return encoding_error("nested deeper than max_depth=%zd", e->max_depth);
    if (write_tagged_head(&e->out, TAG_COMPLEX, MAJOR_ARRAY, 2) < 0 || write_float(&e->out, c.real) < 0
        || write_float(&e->out, c.imag) < 0)
        return FAILED;
    return WRITTEN;
}

static outcome write_value(encoder *e, PyObject *object);

/* What frozen/_encoding.py makes of the object: a tag, and a tuple that is an array, or an atom; or no tag, and another
 * object that is encoded in its place. */
static outcome
write_taken_apart(encoder *e, PyObject *object)
{
    if (deep_call_enter(" while a value is encoded") < 0)
        return FAILED;
    PyObject *take_apart = kept_take_apart(e->state), *args[] = {object, e->types}, *content;
    PyObject *parts = take_apart != NULL ? PyObject_Vectorcall(take_apart, args, 2, NULL) : NULL;
    Py_XDECREF(take_apart);
    deep_call_leave(DEEP_CALL);
    int tag;
    if (parts == NULL)
        return FAILED;
    outcome done = FAILED;
    if (PyArg_ParseTuple(parts, "iO;frozen._encoding._take_apart", &tag, &content)) {
        if (PyTuple_CheckExact(content))
            done = codec_open_tuple(e, tag, content);
        else if (tag == TAG_NONE || write_head(&e->out, MAJOR_TAG, (uint64_t)tag) == 0)
            done = write_value(e, content);
    }
    Py_DECREF(parts);
    return done;
}

static outcome
write_container(encoder *e, PyObject *o)
{
    module_state *state = e->state;
    PyTypeObject *type = Py_TYPE(o);
    if (type == state->local_map.container)
        return open_local(e, TAG_NONE, FRAME_KEYS, o, local_map_contents);
    if (type == state->local_vector.container)
        return open_local(e, TAG_NONE, FRAME_SEQUENCE, o, local_vector_contents);
    if (type == state->local_set.container)
        return open_local(e, TAG_SET, FRAME_MEMBERS, o, local_set_contents);
    if (type == state->shared_map.container)
        return open_shared(e, TAG_NONE, FRAME_KEYS, o, shared_map_contents);
    if (type == state->shared_vector.container)
        return open_shared(e, TAG_NONE, FRAME_SEQUENCE, o, shared_vector_contents);
    if (type == state->shared_set.container)
        return open_shared(e, TAG_SET, FRAME_MEMBERS, o, shared_set_contents);
    return write_taken_apart(e, o);
}

/* What is neither a frequent atom nor a tuple. */
static outcome
write_rare_value(encoder *e, PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyList_Type)
        return open_listed(e, TAG_LIST, FRAME_SEQUENCE, o, o);
    if (type == &PyDict_Type)
        return open_dict_items(e, o);
    if (type == &PyFrozenSet_Type)
        return open_set_members(e, TAG_FROZENSET, o);
    if (type == &PySet_Type)
        return open_set_members(e, TAG_MUTABLE_SET, o);
    if (type == &PyComplex_Type)
        return write_complex(e, o);
    if (type == &PyByteArray_Type)
        return write_bytearray(e, o);
    if (type == e->state->blob)
        return write_blob(e, o);
    if (type->tp_dealloc == local_container_dealloc || type->tp_dealloc == shared_container_dealloc)
        return write_container(e, o);
    int is_moment = write_moment(&e->times, &e->out, o, e->max_depth - e->depth);
    return is_moment == 0 ? write_taken_apart(e, o) : is_moment < 0 ? FAILED : WRITTEN;
}

static outcome
write_value(encoder *e, PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    int status;
    if (type == &PyUnicode_Type)
        status = write_text(&e->out, o);
    else if (type == &PyLong_Type)
        status = write_any_int(&e->out, o, e->key_floor >= 0);
    else if (o == Py_None)
        status = write_byte(&e->out, BYTE_NULL);
    else if (type == &PyFloat_Type)
        status = write_float(&e->out, PyFloat_AS_DOUBLE(o));
    else if (type == &PyBool_Type)
        status = write_byte(&e->out, o == Py_True ? BYTE_TRUE : BYTE_FALSE);
    else if (type == &PyBytes_Type)
        status = write_block(&e->out, MAJOR_BYTES, PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o));
    else if (type == &PyTuple_Type)
        return codec_open_tuple(e, TAG_TUPLE, o);
    else
        return write_rare_value(e, o);
    return status < 0 ? FAILED : WRITTEN;
}

/* What lies in shared memory. */
static outcome
write_shared_value(encoder *e, cell c)
{
    int status = write_cell(&e->out, c, levels_left(e));
    if (LIKELY(status != 0))
        return status < 0 ? FAILED : WRITTEN;
    if (cell_is_kind(c, KIND_TUPLE))
        return open_box(e, TAG_TUPLE, FRAME_SEQUENCE, cell_box(c));
    if (cell_is_kind(c, KIND_FROZENSET))
        return open_box(e, TAG_FROZENSET, FRAME_MEMBERS, cell_box(c));
    PyObject *object = cell_to_object(c);
    outcome done = object != NULL ? write_value(e, object) : FAILED;
    Py_XDECREF(object);
    return done;
}

static inline outcome
write_item(encoder *e, const item_array *items, size_t index)
{
    return items->in_cells ? write_shared_value(e, items->cells[index]) : write_value(e, items->objects[index]);
}

/* ---- the walk ---- */

/* Two keys or members have one encoding: two NaNs, a value beside its twin in shared memory. */
static outcome
refuse_twice(encoder_frame *f, size_t index)
{
    f->next = (Py_ssize_t)index + 1; /* for the path */
    PyObject *object = item_object(&f->items, f->kind == FRAME_KEYS ? 2 * index : index);
    if (object != NULL)
        encoding_error_about(object, "has the encoding of another key or member of the same container");
    Py_XDECREF(object);
    return FAILED;
}

/* All keys are written: sorts them, and takes them out of the bytes. */
static outcome
keys_done(encoder *e)
{
    encoder_frame *f = top_frame(e);
    size_t size = e->out.size - f->body, twice;
    if ((f->order = spans_order(f->spans, (size_t)f->count, e->out.data + f->body, &twice)) == NULL)
        return FAILED;
    if (twice < (size_t)f->count)
        return refuse_twice(f, twice);
    if ((f->keys = PyMem_Malloc(size)) == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    spans_gather(f->spans, f->order, (size_t)f->count, e->out.data + f->body, f->keys);
    e->out.size = f->body;
    f->kind = FRAME_VALUES;
    f->next = 0;
    if (e->key_floor == e->depth)
        e->key_floor = -1;
    return OPENED;
}

/* All members are written: sorts them, and moves each to where it belongs. */
static outcome
members_done(encoder *e)
{
    encoder_frame *f = top_frame(e);
    size_t size = e->out.size - f->body, twice;
    unsigned char *body = e->out.data + f->body;
    if ((f->order = spans_order(f->spans, (size_t)f->count, body, &twice)) == NULL)
        return FAILED;
    if (twice < (size_t)f->count)
        return refuse_twice(f, twice);
    unsigned char *sorted = PyMem_Malloc(size);
    if (sorted == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    spans_gather(f->spans, f->order, (size_t)f->count, body, sorted);
    memcpy(body, sorted, size);
    PyMem_Free(sorted);
    encoder_pop(e);
    return OPENED;
}

/* Writes keys or members until one of them is a container, or all are there. */
static outcome
step_keyed(encoder *e)
{
    encoder_frame *f = top_frame(e);
    Py_ssize_t width = f->kind == FRAME_KEYS ? 2 : 1;
    outcome done = WRITTEN;
    if (e->key_floor < 0)
        e->key_floor = e->depth;
    while (done == WRITTEN) {
        if (f->next > 0)
            f->spans[f->next - 1].size = e->out.size - f->body - f->spans[f->next - 1].at;
        if (f->next == f->count)
            return f->kind == FRAME_KEYS ? keys_done(e) : members_done(e);
        f->spans[f->next].at = e->out.size - f->body;
        if (!budget_spend(&e->left, 1))
            return FAILED;
        Py_ssize_t index = f->next++;
        if (f->next + AHEAD < f->count)
            item_prefetch(&f->items, (size_t)(width * (f->next + AHEAD)));
        done = write_item(e, &f->items, (size_t)(width * index));
    }
    return done;
}

/* Writes the next key of a map whose keys are written already, and says which entry it is of: 0 or -1. */
static inline int
write_sorted_key(encoder *e, encoder_frame *f, size_t *index)
{
    *index = f->order[f->next++];
    if (f->next + 2 * AHEAD < f->count) {
        PREFETCH_READ(&f->spans[f->order[f->next + 2 * AHEAD]]);
        PREFETCH_READ(&f->items.cells[2 * f->order[f->next + 2 * AHEAD] + 1]);
        item_prefetch(&f->items, 2 * f->order[f->next + AHEAD] + 1);
    }
    size_t size = f->spans[*index].size;
    const unsigned char *key = f->keys + f->keys_at;
    f->keys_at += size;
    return write_raw(&e->out, key, size);
}

/* The same of a numbered map. */
static inline int
write_number(encoder *e, encoder_frame *f, size_t *index)
{
    const ranked *number = &f->numbers[f->next++];
    if (f->next + 2 * AHEAD < f->count) {
        PREFETCH_READ(&f->items.cells[2 * number[2 * AHEAD].index + 1]);
        item_prefetch(&f->items, 2 * number[AHEAD].index + 1);
    }
    *index = number->index;
    return write_head(&e->out, rank_major(number->word), rank_argument(number->word));
}

/* The keys and values of a map by turns, until a value is a container. */
static outcome
step_values(encoder *e)
{
    encoder_frame *f = top_frame(e);
    outcome done = WRITTEN;
    while (done == WRITTEN) {
        size_t index;
        if (f->next == f->count) {
            encoder_pop(e);
            return OPENED;
        }
        if (!budget_spend(&e->left, 1)
            || (f->kind == FRAME_VALUES ? write_sorted_key(e, f, &index) : write_number(e, f, &index)) < 0)
            return FAILED;
        done = write_item(e, &f->items, 2 * index + 1);
    }
    return done;
}

static outcome
step_sequence(encoder *e)
{
    encoder_frame *f = top_frame(e);
    outcome done = WRITTEN;
    while (done == WRITTEN) {
        if (f->next == f->count) {
            encoder_pop(e);
            return OPENED;
        }
        if (!budget_spend(&e->left, 1))
            return FAILED;
        Py_ssize_t index = f->next++;
        done = write_item(e, &f->items, (size_t)index);
    }
    return done;
}

static void
add_path(encoder *e)
{
    PyObject *error = take_exception(), *labels = path_labels(e);
    if (labels == NULL)
        PyErr_Clear();
    restore_exception(error);
    error_at_path(labels);
}

int
encoder_run(encoder *e, PyObject *value)
{
    outcome done = write_value(e, value);
    while (done != FAILED && e->depth > 0) {
        switch (top_frame(e)->kind) {
        case FRAME_SEQUENCE: done = step_sequence(e); break;
        case FRAME_VALUES:
        case FRAME_NUMBERED: done = step_values(e); break;
        default: done = step_keyed(e); break;
        }
    }
    if (done == FAILED)
        add_path(e);
    return done == FAILED ? -1 : 0;
}
