/* Opening and closing containers. */

#include "codec/frames.h"

#include "codec/cells.h"
#include "codec/errors.h"

void
encoder_open(encoder *e, module_state *state, PyObject *types, Py_ssize_t max_depth)
{
    *e = (encoder){.state = state, .types = types, .max_depth = max_depth, .key_floor = -1, .left = BUDGET};
}

static void
items_close(item_array *items, Py_ssize_t count)
{
    if (items->owner == OWNED_BY_FRAME)
        for (Py_ssize_t i = 0; i < count; i++)
            Py_DECREF(items->objects[i]);
    if (items->owner != OWNED_BY_TUPLE)
        PyMem_Free(items->objects);
}

static void
frame_close(encoder_frame *f)
{
    items_close(&f->items, (f->kind == FRAME_SEQUENCE || f->kind == FRAME_MEMBERS ? 1 : 2) * f->count);
    PyMem_Free(f->spans);
    PyMem_Free(f->order);
    PyMem_Free(f->keys);
    PyMem_Free(f->numbers);
    Py_XDECREF(f->source);
}

void
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

/* ---- opening ---- */

/* Walking into a cycle never ends, and each round goes the same way. So it is enough to compare with one frame: the
 * highest whose depth is a power of two (Brent). The walk is at most three times as long as without the repetition. What
 * lies in shared memory is in no cycle. */
static bool
is_open_already(encoder *e, PyObject *source)
{
    Py_ssize_t power = 1;
    while (power * 2 <= e->depth)
        power *= 2;
    return source != NULL && e->depth > 0 && e->frames[power - 1].source == source;
}

Py_ssize_t
levels_left(const encoder *e)
{
    Py_ssize_t levels = e->max_depth - e->depth;
    return e->key_floor < 0 ? levels : Py_MIN(levels, KEY_DEPTH - (e->depth - e->key_floor));
}

static int
may_open(encoder *e, PyObject *source)
{
    if (is_open_already(e, source))
        return encoding_error_about(source, "contains itself: a value that is encoded ends somewhere");
    if (e->depth >= e->max_depth)
        return encoding_error("nested deeper than max_depth=%zd: pass a larger one to encode() and to decode()",
                              e->max_depth);
    if (levels_left(e) < 1)
        return encoding_error("a key or a member of a set nests more than %d containers", KEY_DEPTH);
    return 0;
}

static inline bool
item_fits(const item_array *items, size_t index, int64_t *number)
{
    return items->in_cells ? cell_fits(items->cells[index], number) : int_fits(items->objects[index], number);
}

/* A map whose keys are all ints of 64 bits becomes numbered: their numbers are sorted instead of their bytes, which is the
 * same order. 0, or -1 (exception set). */
static int
number_keys(encoder *e, encoder_frame *f)
{
    int64_t number;
    size_t count = (size_t)f->count;
    if (!item_fits(&f->items, 0, &number) || count >= SIZE_MAX / 64)
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
            item_prefetch(&f->items, 2 * (i + AHEAD));
        if (!item_fits(&f->items, 2 * i, &number)) {
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

outcome
open_items(encoder *e, int64_t tag, frame_kind kind, PyObject *source, item_array items, Py_ssize_t count)
{
    encoder_frame f = {.kind = kind, .source = Py_XNewRef(source), .items = items, .count = count};
    unsigned major = kind == FRAME_KEYS ? MAJOR_MAP : MAJOR_ARRAY;
    int status = may_open(e, source);
    if (status == 0)
        status = write_tagged_head(&e->out, tag, major, (uint64_t)count);
    if (status == 0 && count > 0)
        return push_frame(e, f);
    frame_close(&f);
    return status < 0 ? FAILED : WRITTEN;
}

/* ---- for errors ---- */

PyObject *
item_object(const item_array *items, size_t index)
{
    return items->in_cells ? cell_to_object(items->cells[index]) : Py_NewRef(items->objects[index]);
}

/* What leads from a container to the item that is being written, as arguments of _label(kind, key). */
static PyObject *
frame_label(const encoder_frame *f)
{
    size_t at = f->next > 0 ? (size_t)f->next - 1 : 0;
    bool is_key = f->kind == FRAME_KEYS || f->kind == FRAME_MEMBERS;
    PyObject *key = NULL;
    if (f->kind == FRAME_SEQUENCE)
        key = PyLong_FromSize_t(at);
    else if (f->kind == FRAME_VALUES || f->kind == FRAME_NUMBERED)
        key = item_object(&f->items, 2 * (f->kind == FRAME_VALUES ? f->order[at] : f->numbers[at].index));
    else
        key = item_object(&f->items, f->kind == FRAME_KEYS ? 2 * at : at);
    return key != NULL ? Py_BuildValue("(ON)", is_key ? Py_True : Py_False, key) : NULL;
}

/* The labels of the outermost and of the innermost containers: a path is shown at a bounded length. */
PyObject *
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
