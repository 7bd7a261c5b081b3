/* The walk of save: a stack of frames on the heap, one for each container that is open.
 *
 * What is written is in the file for good, so that only tables of offsets are kept: the cells of what is open, the texts
 * and containers that may come again. A container is known by its root: those that versions share are written once. */

#include "file/writer.h"

#include "file/hash.h"
#include "file/view.h"
#include "bindings/common/containers.h"

enum { BUFFER_SIZE = 1 << 20 };

typedef enum { FAILED = -1, WRITTEN = 0, OPENED = 1 } outcome;

enum { MOST_OF_ONE_HASH = 1000 };

static int
save_error(const char *function, PyObject *object, const char *reason)
{
    PyObject *raise = imported("frozen._file", function), *done = NULL;
    if (raise != NULL)
        done = PyObject_CallFunction(raise, "Os", object, reason);
    Py_XDECREF(raise);
    Py_XDECREF(done);
    return -1;
}

/* ---- bytes ---- */

static int
writer_flush(file_writer *w)
{
    if (w->used == 0)
        return 0;
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)w->buffer, (Py_ssize_t)w->used), *done = NULL;
    w->sum = sum_of_words(w->sum, w->buffer, w->used);
    w->used = 0;
    if (bytes != NULL)
        done = PyObject_CallOneArg(w->write, bytes);
    Py_XDECREF(bytes);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

/* Zeros follow up to the next multiple of 8. */
static int
writer_put(file_writer *w, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    w->offset += (size + 7) & ~(size_t)7;
    while (size > 0) {
        if (w->used == BUFFER_SIZE && (writer_flush(w) < 0 || !budget_spend(&w->left, BUDGET)))
            return -1;
        size_t part = size < BUFFER_SIZE - w->used ? size : BUFFER_SIZE - w->used;
        memcpy(w->buffer + w->used, bytes, part);
        w->used += part;
        bytes += part;
        size -= part;
    }
    while (w->used % 8 != 0)
        w->buffer[w->used++] = 0;
    return 0;
}

/* A box whose contents are one array. */
static int
put_box(file_writer *w, box_head head, const void *data, size_t size, cell_word *c)
{
    *c = w->offset;
    return writer_put(w, &head, sizeof head) < 0 || writer_put(w, data, size) < 0 ? -1 : 0;
}

/* ---- atoms ---- */

static int
put_text(file_writer *w, PyObject *text, cell_word *c)
{
    if ((*c = short_str_cell(text)) != 0)
        return 0;
    PyObject *known = NULL;
    int status = dict_lookup(w->texts, text, &known);
    if (status != 0) {
        *c = status > 0 ? PyLong_AsUnsignedLongLong(known) : 0;
        Py_XDECREF(known);
        return status < 0 ? -1 : 0;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if ((uint64_t)length > UINT32_MAX)
        return save_error("_refuse", text, "is longer than 2**32 - 1 characters");
    box_head head = {
        .kind = BOX_STR,
        .form = (uint8_t)PyUnicode_KIND(text),
        .flags = PyUnicode_IS_ASCII(text) ? FLAG_ASCII : 0,
        .size = (uint32_t)length,
    };
    if (put_box(w, head, PyUnicode_DATA(text), (size_t)length * head.form, c) < 0)
        return -1;
    PyObject *offset = PyLong_FromUnsignedLongLong(*c);
    status = offset != NULL ? PyDict_SetItem(w->texts, text, offset) : -1;
    Py_XDECREF(offset);
    return status;
}

static int
put_bytes(file_writer *w, PyObject *bytes, uint8_t kind, cell_word *c)
{
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    if (size > UINT32_MAX)
        return save_error("_refuse", bytes, "is longer than 2**32 - 1 bytes");
    return put_box(w, (box_head){.kind = kind, .size = (uint32_t)size}, PyBytes_AS_STRING(bytes), size, c);
}

/* What the file has no box for, as the bytes that encode() makes of it. */
static int
put_coded(file_writer *w, PyObject *value, cell_word *c)
{
    PyObject *function = imported("frozen._file", "_coded"), *bytes = NULL;
    if (function != NULL)
        bytes = PyObject_CallFunctionObjArgs(function, value, w->types, NULL);
    Py_XDECREF(function);
    int status = -1;
    if (bytes != NULL && PyBytes_CheckExact(bytes))
        status = put_bytes(w, bytes, BOX_CODED, c);
    Py_XDECREF(bytes);
    return status;
}

static int
put_int(file_writer *w, PyObject *number, cell_word *c)
{
    int overflow;
    int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow != 0)
        return put_coded(w, number, c);
    if (int_fits_cell(value)) {
        *c = int_cell(value);
        return 0;
    }
    return put_box(w, (box_head){.kind = BOX_INT}, &value, sizeof value, c);
}

static int
put_float_cell(file_writer *w, double value, cell_word *c)
{
    *c = w->offset | CELL_FLOAT;
    return writer_put(w, &value, sizeof value);
}

/* ---- containers ---- */

static void
writer_frame_close(writer_frame *f)
{
    Py_XDECREF(f->iter);
    Py_XDECREF(f->key);
    Py_XDECREF(f->value);
    Py_DECREF(f->source);
    PyMem_Free(f->cells);
    PyMem_Free(f->hashes);
}

static int
frame_fill(writer_frame *f)
{
    uint64_t entries = (uint64_t)(f->kind == BOX_MAP ? f->count / 2 : f->count);
    if ((size_t)f->count > SIZE_MAX / 32 || entries > UINT32_MAX - 1)
        return save_error("_refuse", f->source, "has more than 2**32 - 2 entries");
    f->cells = PyMem_Malloc((size_t)f->count * sizeof *f->cells + 1);
    Py_ssize_t keys = f->kind == BOX_MAP ? f->count / 2 : f->kind == BOX_SET ? f->count : 0;
    if (keys > WITHOUT_INDEX)
        f->hashes = PyMem_Malloc((size_t)keys * sizeof *f->hashes);
    if (f->cells == NULL || (keys > WITHOUT_INDEX && f->hashes == NULL)) {
        PyErr_NoMemory();
        return -1;
    }
    if (f->kind == BOX_TUPLE)
        return 0;
    PyObject *items = f->kind == BOX_MAP ? call_method(f->source, "items", NULL, NULL) : Py_NewRef(f->source);
    f->iter = items != NULL ? PyObject_GetIter(items) : NULL;
    Py_XDECREF(items);
    return f->iter != NULL ? 0 : -1;
}

static outcome
writer_push(file_writer *w, PyObject *source, uint8_t kind, Py_ssize_t entries, const void *root)
{
    writer_frame f = {.source = source, .kind = kind, .count = kind == BOX_MAP ? 2 * entries : entries, .root = root};
    f.plain_keys = true;
    f.made_anew = Py_TYPE(source)->tp_dealloc == file_view_dealloc;
    if (w->depth > 0) {
        writer_frame *up = &w->frames[w->depth - 1];
        bool at_key = up->kind == BOX_SET || up->kind == BOX_FROZENSET || (up->kind == BOX_MAP && up->next % 2 == 0);
        f.in_key = up->in_key || at_key;
        bool copied = f.in_key || kind == BOX_TUPLE || kind == BOX_FROZENSET;
        f.copied = copied ? up->copied + 1 : 0;
        f.made_anew |= up->made_anew;
    }
    if (f.made_anew)
        f.root = NULL;
    if (w->depth >= CONTAINER_DEPTH || f.copied >= COPIED_DEPTH)
        return save_error("_refuse", source, "nests too deep: 200 tuples, frozensets or parts of a key, 1000 in all");
    Py_INCREF(source);
    if (w->depth == w->room) {
        Py_ssize_t room = w->room == 0 ? 16 : 2 * w->room;
        writer_frame *frames = PyMem_Realloc(w->frames, (size_t)room * sizeof *frames);
        if (frames == NULL) {
            Py_DECREF(source);
            PyErr_NoMemory();
            return FAILED;
        }
        w->frames = frames;
        w->room = room;
    }
    w->frames[w->depth++] = f; /* from now on what it holds is given back with the writer */
    return frame_fill(&w->frames[w->depth - 1]) < 0 ? FAILED : OPENED;
}

/* Exactly one of our containers: WRITTEN if it was met before. */
static outcome
writer_open_container(file_writer *w, PyObject *o, uint8_t kind, cell_word *c)
{
    Py_ssize_t count = ((container *)o)->count;
    const void *root = container_root(o);
    bool lasts = w->depth == 0 || !w->frames[w->depth - 1].made_anew;
    address_key key = {(uintptr_t)root, 0, (uint64_t)count};
    address_entry *known = lasts ? address_find(&w->containers, key) : NULL;
    if (known != NULL) {
        *c = known->value;
        return WRITTEN;
    }
    return writer_push(w, o, kind, count, root);
}

static outcome
put_rare(file_writer *w, PyObject *o, cell_word *c)
{
    module_state *s = w->state;
    PyTypeObject *type = Py_TYPE(o);
    if (type == s->local_map.container || type == s->shared_map.container)
        return writer_open_container(w, o, BOX_MAP, c);
    if (type == s->local_vector.container || type == s->shared_vector.container)
        return writer_open_container(w, o, BOX_VECTOR, c);
    if (type == s->local_set.container || type == s->shared_set.container)
        return writer_open_container(w, o, BOX_SET, c);
    if (type == &PyFrozenSet_Type)
        return writer_push(w, o, BOX_FROZENSET, PySet_GET_SIZE(o), NULL);
    if (type == s->file_map)
        return writer_push(w, o, BOX_MAP, VIEW(o)->count, NULL);
    if (type == s->file_vector)
        return writer_push(w, o, BOX_VECTOR, VIEW(o)->count, NULL);
    if (type == s->file_set)
        return writer_push(w, o, BOX_SET, VIEW(o)->count, NULL);
    return put_coded(w, o, c) < 0 ? FAILED : WRITTEN;
}

static outcome
put_value(file_writer *w, PyObject *o, cell_word *c)
{
    PyTypeObject *type = Py_TYPE(o);
    int status = 0;
    if (type == &PyUnicode_Type)
        status = put_text(w, o, c);
    else if (type == &PyLong_Type)
        status = put_int(w, o, c);
    else if (o == Py_None)
        *c = CONST_CELL(CONST_NONE);
    else if (type == &PyBool_Type)
        *c = CONST_CELL(o == Py_True ? CONST_TRUE : CONST_FALSE);
    else if (type == &PyFloat_Type)
        status = put_float_cell(w, PyFloat_AS_DOUBLE(o), c);
    else if (type == &PyBytes_Type)
        status = put_bytes(w, o, BOX_BYTES, c);
    else if (type == &PyTuple_Type)
        return writer_push(w, o, BOX_TUPLE, PyTuple_GET_SIZE(o), NULL);
    else
        return put_rare(w, o, c);
    return status < 0 ? FAILED : WRITTEN;
}

/* ---- the walk ---- */

/* Keys that are not equal and have one hash in files are looked through one by one: too many would take quadratic time,
 * and each look-up would make objects of all of them. */
static int
refuse_one_hash(const writer_frame *f, size_t keys, uint64_t hash)
{
    char reason[320];
    size_t same = 0;
    for (size_t i = 0; i < keys; i++)
        same += f->hashes[i] == hash;
    (void)PyOS_snprintf(
        reason, sizeof reason,
        "has %zu keys with one hash, and a file may have %d: it knows no hash of objects whose class has "
        "an __eq__ of its own; use texts, numbers, tuples of fields, or dataclasses as keys",
        same, (int)MOST_OF_ONE_HASH);
    return save_error("_refuse", f->source, reason);
}

static int
put_index(file_writer *w, const writer_frame *f, size_t keys, unsigned bits)
{
    size_t slots = (size_t)1 << bits, mask = slots - 1;
    uint64_t *index = PyMem_Calloc(slots, sizeof *index);
    if (index == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    int status = 0;
    for (size_t i = 0; i < keys && status == 0; i++) {
        status = budget_spend(&w->left, 1) ? 0 : -1;
        size_t at = f->hashes[i] & mask;
        int same = 0;
        while (index[at] != 0 && status == 0) {
            same += index[at] >> 32 == f->hashes[i] >> 32;
            if (same > MOST_OF_ONE_HASH)
                status = refuse_one_hash(f, keys, f->hashes[i]);
            else
                status = budget_spend(&w->left, 1) ? 0 : -1;
            at = (at + 1) & mask;
        }
        index[at] = f->hashes[i] >> 32 << 32 | (uint32_t)(i + 1);
    }
    if (status == 0)
        status = writer_put(w, index, slots * sizeof *index);
    PyMem_Free(index);
    return status;
}

/* Everything in the container is written: its box. */
static int
close_box(file_writer *w, writer_frame *f, cell_word *c)
{
    size_t entries = (size_t)(f->kind == BOX_MAP ? f->count / 2 : f->count);
    unsigned bits = f->hashes != NULL ? index_bits(entries) : 0;
    bool keyed = f->kind == BOX_MAP || f->kind == BOX_SET;
    box_head head = {
        .kind = f->kind,
        .form = (uint8_t)bits,
        .flags = keyed && f->plain_keys ? FLAG_PLAIN_KEYS : 0,
        .size = (uint32_t)entries,
    };
    *c = w->offset;
    if (writer_put(w, &head, sizeof head) < 0 || (bits > 0 && put_index(w, f, entries, bits) < 0)
        || writer_put(w, f->cells, (size_t)f->count * sizeof *f->cells) < 0)
        return -1;
    if (f->root == NULL)
        return 0;
    address_key key = {(uintptr_t)f->root, 0, (uint64_t)entries};
    if (address_find(&w->containers, key) == NULL && !address_add(&w->containers, key, *c)) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static bool
is_plain_key(PyObject *key)
{
    int overflow;
    if (!PyLong_CheckExact(key))
        return PyUnicode_CheckExact(key) || PyBytes_CheckExact(key);
    long long value = PyLong_AsLongLongAndOverflow(key, &overflow);
    return overflow == 0 && int_fits_cell(value);
}

/* A key or member comes next: what the index and look-ups want to know of it. */
static int
note_key(file_writer *w, writer_frame *f, PyObject *key)
{
    if (f->kind != BOX_MAP && f->kind != BOX_SET)
        return 0;
    if (!is_plain_key(key))
        f->plain_keys = false;
    Py_ssize_t index = f->kind == BOX_MAP ? f->next / 2 : f->next;
    return f->hashes != NULL ? file_hash(key, w->seed, &f->hashes[index]) : 0;
}

/* The next object to be written of a frame: a new reference; NULL with an exception: failed. */
static PyObject *
next_object(writer_frame *f)
{
    if (f->iter == NULL)
        return Py_NewRef(PyTuple_GET_ITEM(f->source, f->next));
    if (f->kind == BOX_MAP && f->next % 2 == 1)
        return Py_NewRef(f->value);
    PyObject *item = PyIter_Next(f->iter);
    if (item == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_RuntimeError, "a container changed while it was saved");
        return NULL;
    }
    if (f->kind != BOX_MAP) {
        Py_XSETREF(f->key, Py_NewRef(item));
        return item;
    }
    Py_XSETREF(f->key, Py_NewRef(PyTuple_GET_ITEM(item, 0)));
    Py_XSETREF(f->value, Py_NewRef(PyTuple_GET_ITEM(item, 1)));
    Py_DECREF(item);
    return Py_NewRef(f->key);
}

/* Writes parts of the uppermost container until one is opened, or all are there. */
static outcome
step(file_writer *w)
{
    writer_frame *f = &w->frames[w->depth - 1];
    outcome done = WRITTEN;
    while (done == WRITTEN && f->next < f->count) {
        PyObject *object = budget_spend(&w->left, 1) ? next_object(f) : NULL;
        if (object == NULL)
            return FAILED;
        cell_word c;
        bool is_key = f->kind != BOX_MAP || f->next % 2 == 0;
        done = is_key && note_key(w, f, object) < 0 ? FAILED : put_value(w, object, &c);
        Py_DECREF(object);
        if (done == WRITTEN)
            f->cells[f->next++] = c;
    }
    return done;
}

/* The exception happened where the frames are: frozen/_file.py says so in it. */
static void
save_place_error(file_writer *w)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return;
    PyObject *error = take_exception(), *labels = PyList_New(0), *function = NULL, *placed = NULL;
    for (Py_ssize_t i = 0; labels != NULL && i < w->depth; i++) {
        writer_frame *f = &w->frames[i];
        bool sequence = f->kind == BOX_TUPLE || f->kind == BOX_VECTOR;
        bool is_key = !sequence && (f->kind != BOX_MAP || f->next % 2 == 0);
        PyObject *label = sequence ? Py_BuildValue("(On)", Py_False, f->next)
                                   : Py_BuildValue("(OO)", is_key ? Py_True : Py_False, f->key ? f->key : Py_None);
        if (label == NULL || (f->next < f->count && PyList_Append(labels, label) < 0))
            Py_CLEAR(labels);
        Py_XDECREF(label);
    }
    if (labels != NULL && (function = imported("frozen._file", "_placed")) != NULL)
        placed = PyObject_CallFunctionObjArgs(function, error, labels, NULL);
    if (placed == NULL)
        PyErr_Clear();
    restore_exception(placed != NULL ? placed : Py_NewRef(error));
    Py_XDECREF(function);
    Py_XDECREF(labels);
    Py_DECREF(error);
}

/* All of it: 0 and the cell of the value, or -1 (exception set). */
static int
write_all(file_writer *w, PyObject *value, cell_word *root)
{
    outcome done = put_value(w, value, root);
    while (done >= 0 && w->depth > 0) {
        done = step(w);
        if (done != WRITTEN)
            continue;
        cell_word c;
        writer_frame *f = &w->frames[w->depth - 1];
        if (close_box(w, f, &c) < 0)
            return -1;
        writer_frame closed = *f;
        w->depth--;
        writer_frame_close(&closed);
        if (w->depth == 0)
            *root = c;
        else {
            f = &w->frames[w->depth - 1];
            f->cells[f->next++] = c;
        }
    }
    return done < 0 ? -1 : writer_flush(w);
}

static void
file_writer_close(file_writer *w)
{
    while (w->depth > 0) {
        writer_frame f = w->frames[--w->depth];
        writer_frame_close(&f);
    }
    PyMem_Free(w->frames);
    PyMem_Free(w->buffer);
    address_free(&w->containers);
    Py_XDECREF(w->texts);
}

int
file_write(module_state *state, PyObject *value, PyObject *write, PyObject *types, uint64_t seed, file_header *header)
{
    file_writer w = {.state = state, .write = write, .types = types, .seed = seed, .left = BUDGET};
    cell_word root = 0;
    w.offset = sizeof(file_header);
    w.texts = PyDict_New();
    w.buffer = PyMem_Malloc(BUFFER_SIZE);
    if (w.texts != NULL && w.buffer == NULL)
        PyErr_NoMemory();
    int status = w.texts != NULL && w.buffer != NULL ? write_all(&w, value, &root) : -1;
    if (status < 0)
        save_place_error(&w);
    *header = (file_header){.magic = FILE_MAGIC_BYTES,
                            .version = FILE_VERSION,
                            .size = w.offset,
                            .seed = seed,
                            .root = root,
                            .body_sum = w.sum};
    header->head_sum = header_sum(header);
    file_writer_close(&w);
    return status;
}
