/* The walk of encode: a stack of frames on the heap, one for each container that is open.
 *
 * The keys of a map are written first, behind what is there, sorted, and taken away again; then each key is written with
 * its value behind it. So the bytes of a value move once, however deep it is. Members of a set are moved to where they
 * belong when all are there. */

#include "codec/encode.h"

#include "bindings/common/contents.h"
#include "codec/errors.h"
#include "platform/bounded_repr.h"

#define AHEAD 8 /* objects that are asked for early: they are scattered in memory */

typedef enum { FAILED = -1, WRITTEN = 0, OPENED = 1 } outcome;

void
encoder_open(encoder *e, module_state *state, PyObject *types, Py_ssize_t max_depth)
{
    *e = (encoder){.state = state, .types = types, .max_depth = max_depth, .key_floor = -1, .left = BUDGET};
}

static void
frame_close(encoder_frame *f)
{
    if (f->owner == OWNED_BY_FRAME)
        for (Py_ssize_t i = 0; i < (f->kind == FRAME_SEQUENCE || f->kind == FRAME_MEMBERS ? 1 : 2) * f->count; i++)
            Py_DECREF(f->items[i]);
    if (f->owner != OWNED_BY_TUPLE)
        PyMem_Free(f->items);
    PyMem_Free(f->spans);
    PyMem_Free(f->order);
    PyMem_Free(f->keys);
    PyMem_Free(f->numbers);
    Py_DECREF(f->source);
}

static void
encoder_pop(encoder *e)
{
    encoder_frame f = e->frames[--e->depth];
    if (e->key_floor > e->depth)
        e->key_floor = -1;
    frame_close(&f);
}

void
encoder_close(encoder *e)
{
    while (e->depth > 0)
        encoder_pop(e);
    PyMem_Free(e->frames);
    writer_close(&e->out);
    calendar_close(&e->times);
}

/* ---- opening containers ---- */

/* Walking into a cycle never ends, and each round goes the same way. So it is enough to compare with one frame: the
 * highest whose depth is a power of two (Brent). The walk is at most three times as long as without the repetition. */
static bool
is_open_already(encoder *e, PyObject *source)
{
    Py_ssize_t power = 1;
    while (power * 2 <= e->depth)
        power *= 2;
    return e->depth > 0 && e->frames[power - 1].source == source;
}

static int
may_open(encoder *e, PyObject *source)
{
    if (is_open_already(e, source))
        return encoding_error_about(source, "contains itself: a value that is encoded ends somewhere");
    if (e->depth >= e->max_depth)
        return encoding_error("nested deeper than max_depth=%zd: pass a larger one to encode() and to decode()",
                              e->max_depth);
    if (e->key_floor >= 0 && e->depth - e->key_floor >= KEY_DEPTH)
        return encoding_error("a key or a member of a set nests more than %d containers", KEY_DEPTH);
    return 0;
}

/* A map whose keys are all ints of 64 bits becomes numbered: their numbers are sorted instead of their bytes, which is the
 * same order. 0, or -1 (exception set). */
static int
number_keys(encoder *e, encoder_frame *f)
{
    int64_t number;
    size_t count = (size_t)f->count;
    if (!int_fits(f->items[0], &number) || count >= SIZE_MAX / 64)
        return 0;
    if (!budget_spend(&e->left, count))
        return -1;
    ranked *numbers = PyMem_Malloc(ranked_room(count));
    if (numbers == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            PREFETCH_READ(f->items[2 * (i + AHEAD)]);
        if (!int_fits(f->items[2 * i], &number)) {
            PyMem_Free(numbers);
            return 0;
        }
        numbers[i] = (ranked){.word = int_rank(number), .index = i};
    }
    if (ranked_sort(numbers, count) < 0) {
        PyMem_Free(numbers);
        return -1;
    }
    ranked *shrunk = PyMem_Realloc(numbers, count * sizeof *numbers); /* it is kept while the values are written */
    f->numbers = shrunk != NULL ? shrunk : numbers;
    f->kind = FRAME_NUMBERED;
    return 0;
}

/* Pushes a frame; on failure closes it. */
static outcome
push_frame(encoder *e, encoder_frame f)
{
    f.body = e->out.size;
    if (f.kind == FRAME_KEYS && number_keys(e, &f) < 0) {
        frame_close(&f);
        return FAILED;
    }
    if (f.kind != FRAME_SEQUENCE && f.kind != FRAME_NUMBERED
        && (f.spans = PyMem_Malloc((size_t)f.count * sizeof *f.spans)) == NULL)
        goto failed;
    if (e->depth == e->room) {
        Py_ssize_t room = e->room == 0 ? 16 : e->room * 2;
        encoder_frame *frames = PyMem_Realloc(e->frames, (size_t)room * sizeof *frames);
        if (frames == NULL)
            goto failed;
        e->frames = frames;
        e->room = room;
    }
    e->frames[e->depth++] = f;
    return OPENED;
failed:
    frame_close(&f);
    PyErr_NoMemory();
    return FAILED;
}

/* Writes the head of a container, and opens a frame over its items if there are any. An array of items goes over, and so
 * do references that are the frame's; on failure, too. */
static outcome
open_items(encoder *e, int64_t tag, frame_kind kind, PyObject *source, item_owner owner, PyObject **items,
           Py_ssize_t count)
{
    encoder_frame f = {.kind = kind, .owner = owner, .source = Py_NewRef(source), .items = items, .count = count};
    unsigned major = kind == FRAME_KEYS ? MAJOR_MAP : MAJOR_ARRAY;
    int status = may_open(e, source);
    if (status == 0)
        status = write_tagged_head(&e->out, tag, major, (uint64_t)count);
    if (status == 0 && count > 0)
        return push_frame(e, f);
    frame_close(&f);
    return status < 0 ? FAILED : WRITTEN;
}

/* Room for `count` items; NULL (exception set). */
static PyObject **
items_new(Py_ssize_t count)
{
    PyObject **items = (size_t)count < SIZE_MAX / 16 ? PyMem_Malloc((size_t)count * sizeof *items) : NULL;
    if (items == NULL)
        PyErr_NoMemory();
    return items;
}

typedef int (*container_contents)(PyObject *self, PyObject **out);

static outcome
open_container(encoder *e, int64_t tag, frame_kind kind, PyObject *source, container_contents contents)
{
    Py_ssize_t count = ((container *)source)->count;
    PyObject **items = items_new(kind == FRAME_KEYS ? 2 * count : count);
    if (items == NULL || contents(source, items) < 0) {
        PyMem_Free(items);
        return FAILED;
    }
    bool local = Py_TYPE(source)->tp_dealloc == local_container_dealloc;
    return open_items(e, tag, kind, source, local ? OWNED_BY_SOURCE : OWNED_BY_FRAME, items, count);
}

static outcome
codec_open_tuple(encoder *e, int64_t tag, PyObject *tuple)
{
    return open_items(e, tag, FRAME_SEQUENCE, tuple, OWNED_BY_TUPLE, &PyTuple_GET_ITEM(tuple, 0),
                      PyTuple_GET_SIZE(tuple));
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
    return items != NULL ? open_items(e, tag, kind, source, OWNED_BY_FRAME, items, count) : FAILED;
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
    return items != NULL ? open_items(e, TAG_DICT, FRAME_KEYS, dict, OWNED_BY_FRAME, items, count) : FAILED;
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
        return open_container(e, TAG_NONE, FRAME_KEYS, o, local_map_contents);
    if (type == state->local_vector.container)
        return open_container(e, TAG_NONE, FRAME_SEQUENCE, o, local_vector_contents);
    if (type == state->local_set.container)
        return open_container(e, TAG_SET, FRAME_MEMBERS, o, local_set_contents);
    if (type == state->shared_map.container)
        return open_container(e, TAG_NONE, FRAME_KEYS, o, shared_map_contents);
    if (type == state->shared_vector.container)
        return open_container(e, TAG_NONE, FRAME_SEQUENCE, o, shared_vector_contents);
    if (type == state->shared_set.container)
        return open_container(e, TAG_SET, FRAME_MEMBERS, o, shared_set_contents);
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

/* ---- the walk ---- */

static encoder_frame *
top_frame(encoder *e)
{
    return &e->frames[e->depth - 1];
}

/* Two keys or members have one encoding: two NaNs, a value beside its twin in shared memory. */
static outcome
refuse_twice(encoder_frame *f, Py_ssize_t index)
{
    PyObject *object = f->items[f->kind == FRAME_KEYS ? 2 * index : index];
    f->next = index + 1; /* for the path */
    return encoding_error_about(object, "has the encoding of another key or member of the same container");
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
        return refuse_twice(f, (Py_ssize_t)twice);
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
        return refuse_twice(f, (Py_ssize_t)twice);
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
            PREFETCH_READ(f->items[width * (f->next + AHEAD)]);
        done = write_value(e, f->items[width * index]);
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
        PREFETCH_READ(&f->items[2 * f->order[f->next + 2 * AHEAD] + 1]);
        PREFETCH_READ(f->items[2 * f->order[f->next + AHEAD] + 1]);
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
        PREFETCH_READ(&f->items[2 * number[2 * AHEAD].index + 1]);
        PREFETCH_READ(f->items[2 * number[AHEAD].index + 1]);
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
        done = write_value(e, f->items[2 * index + 1]);
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
        done = write_value(e, f->items[index]);
    }
    return done;
}

/* ---- paths ---- */

/* What leads from a container to the item that is being written, as arguments of _label(kind, key). */
static PyObject *
frame_label(const encoder_frame *f)
{
    Py_ssize_t at = f->next > 0 ? f->next - 1 : 0;
    bool is_key = f->kind == FRAME_KEYS || f->kind == FRAME_MEMBERS;
    PyObject *key = NULL;
    if (f->kind == FRAME_SEQUENCE)
        key = PyLong_FromSsize_t(at);
    else if (f->kind == FRAME_VALUES || f->kind == FRAME_NUMBERED)
        key = Py_NewRef(f->items[2 * (f->kind == FRAME_VALUES ? f->order[at] : f->numbers[at].index)]);
    else
        key = Py_NewRef(f->items[f->kind == FRAME_KEYS ? 2 * at : at]);
    return Py_BuildValue("(ON)", is_key ? Py_True : Py_False, key);
}

/* The labels of the outermost and of the innermost containers: a path is shown at a bounded length. */
static PyObject *
path_labels(const encoder *e)
{
    PyObject *labels = PyList_New(0);
    for (Py_ssize_t i = 0; labels != NULL && i < e->depth; i++) {
        if (i == 16 && e->depth > 32)
            i = e->depth - 16;
        PyObject *label = frame_label(&e->frames[i]);
        if (label == NULL || PyList_Append(labels, label) < 0)
            Py_CLEAR(labels);
        Py_XDECREF(label);
    }
    return labels;
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
