/* Images: the buffer of a file, whose header is checked when it is opened. */

#include "file/copy.h"

void *
file_damaged(file_image *image, uint64_t offset, const char *reason)
{
    PyObject *error = NULL, *make = imported("frozen._file", "FileFormatError");
    if (!file_reaches_its_end(image))
        reason = "was cut off after it was opened, or cannot be read any more";
    if (make != NULL)
        error = PyObject_CallFunction(make, "sOK", reason, image->path, (unsigned long long)offset);
    if (error != NULL)
        PyErr_SetObject(make, error);
    Py_XDECREF(make);
    Py_XDECREF(error);
    return NULL;
}

static bool
header_holds(file_image *self)
{
    static const unsigned char magic[] = FILE_MAGIC_BYTES;
    file_header header;
    if (self->size < sizeof header)
        return file_damaged(self, self->size, "is no file of frozen.save: it is too short");
    memcpy(&header, self->base, sizeof header);
    if (memcmp(header.magic, magic, sizeof header.magic) != 0)
        return file_damaged(self, 0, "is no file of frozen.save");
    if (header.version != FILE_VERSION)
        return file_damaged(self, offsetof(file_header, version), "has a version that this frozen does not know");
    if (header.head_sum != header_sum(&header))
        return file_damaged(self, offsetof(file_header, head_sum), "is damaged: the sum of the header is wrong");
    if (header.flags != 0)
        return file_damaged(self, offsetof(file_header, flags), "uses what this frozen does not know");
    if (header.size != self->size || self->size % 8 != 0)
        return file_damaged(self, self->size, "is damaged: it is truncated, or longer than it was written");
    self->seed = header.seed;
    self->root = header.root;
    return true;
}

PyObject *
file_image_new(module_state *state, PyObject *buffer, PyObject *path, PyObject *types)
{
    file_image *self = PyObject_GC_New(file_image, state->file_image);
    if (self == NULL)
        return NULL;
    self->buffer = (Py_buffer){0};
    atomic_init(&self->is_lost, false);
    self->guard = NULL;
    self->end = NULL;
    atomic_init(&self->copy_bytes, COPIED_BYTES);
    self->path = Py_NewRef(path);
    self->types = Py_NewRef(types);
    PyObject_GC_Track(self);
    bool held = PyObject_GetBuffer(buffer, &self->buffer, PyBUF_SIMPLE) == 0;
    if (held) {
        self->base = self->buffer.buf;
        self->size = (uint64_t)self->buffer.len;
        if (!self->buffer.readonly || (uintptr_t)self->base % 8 != 0) {
            PyErr_SetString(PyExc_ValueError, "the buffer of a file must be read-only and lie at a multiple of 8");
            held = false;
        }
        else
            self->guard = bus_guard_begin(self->base, (size_t)self->size, &self->is_lost);
    }
    if (!held || !header_holds(self))
        Py_CLEAR(self);
    else if (self->guard != NULL) {
        self->end = (const volatile uint64_t *)self->base + self->size / 8 - 1;
        self->end_word = *self->end;
    }
    return (PyObject *)self;
}

static int
image_traverse(PyObject *op, visitproc visit, void *arg)
{
    file_image *self = (file_image *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->buffer.obj);
    Py_VISIT(self->path);
    Py_VISIT(self->types);
    return 0;
}

static int
image_clear(PyObject *op)
{
    Py_CLEAR(((file_image *)op)->types);
    return 0;
}

static void
image_dealloc(PyObject *op)
{
    file_image *self = (file_image *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    bus_guard_end(self->guard);
    PyBuffer_Release(&self->buffer);
    Py_XDECREF(self->path);
    Py_XDECREF(self->types);
    PyObject_GC_Del(op);
    Py_DECREF(type);
}

static PyType_Slot image_slots[] = {
    {Py_tp_dealloc, (void *)image_dealloc},
    {Py_tp_traverse, (void *)image_traverse},
    {Py_tp_clear, (void *)image_clear},
    {0, NULL},
};

PyType_Spec frozen_file_image_spec = {
    .name = "frozen._core._FileImage",
    .basicsize = sizeof(file_image),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = image_slots,
};
