/* Blob: bytes that every interpreter sees at the same address. */

#include "docs.h"
#include "shared/current.h"
#include "shared/handle.h"
#include "shared/cell.h"

typedef struct {
    PyObject_HEAD
    box *box; /* one reference; `size` bytes from blob_data() on */
    PyObject *weakrefs;
} BlobObject;

/* Aligned for whatever type of number is laid over it. */
#define BLOB_ALIGNMENT 64

static unsigned char *
blob_data(const box *b)
{
    uintptr_t address = (uintptr_t)b->data;
    return (unsigned char *)((address + BLOB_ALIGNMENT - 1) & ~(uintptr_t)(BLOB_ALIGNMENT - 1));
}

#define BLOB_BOX(self) (((BlobObject *)(self))->box)

/* Steals the reference to `b`, also on failure. */
static PyObject *
blob_new(PyTypeObject *type, box *b)
{
    BlobObject *self = PyObject_New(BlobObject, type);
    if (self == NULL) {
        block_release(&b->head);
        return NULL;
    }
    self->box = b;
    self->weakrefs = NULL;
    return (PyObject *)self;
}

static PyObject *
blob_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", NULL};
    Py_buffer source;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*:Blob", names, &source))
        return NULL;
    box *b = box_alloc(KIND_BLOB, (size_t)source.len + BLOB_ALIGNMENT);
    if (b != NULL) {
        b->size = (uint64_t)source.len;
        if (source.len > 0)
            memcpy(blob_data(b), source.buf, (size_t)source.len);
    }
    PyBuffer_Release(&source);
    return b != NULL ? blob_new(type, b) : NULL;
}

static void
blob_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    weakrefs_clear(self, &((BlobObject *)self)->weakrefs);
    block_release(&BLOB_BOX(self)->head);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* A cell that owns a reference: 1; or 0: not a Blob. */
static int
blob_encode(PyObject *object, cell *c)
{
    if (Py_TYPE(object)->tp_dealloc != blob_dealloc)
        return 0;
    block_retain(&BLOB_BOX(object)->head);
    *c = cell_of_box(BLOB_BOX(object));
    return 1;
}

static PyObject *
blob_decode(box *b)
{
    module_state *state = current_state();
    if (state == NULL)
        return NULL;
    block_retain(&b->head);
    return blob_new(state->blob, b);
}

static const kind_row blob_row = {.decode = blob_decode};

int
blob_setup(PyObject *Py_UNUSED(module), module_state *Py_UNUSED(state))
{
    kind_register(KIND_BLOB, &blob_row);
    blob_encode_register(blob_encode);
    return 0;
}

static int
blob_getbuffer(PyObject *self, Py_buffer *view, int flags)
{
    return PyBuffer_FillInfo(view, self, blob_data(BLOB_BOX(self)), (Py_ssize_t)BLOB_BOX(self)->size, 1, flags);
}

static Py_ssize_t
blob_len(PyObject *self)
{
    return (Py_ssize_t)BLOB_BOX(self)->size;
}

static PyObject *
blob_bytes(PyObject *self)
{
    return PyBytes_FromStringAndSize((const char *)blob_data(BLOB_BOX(self)), blob_len(self));
}

static PyObject *
blob_richcompare(PyObject *a, PyObject *b, int op)
{
    if (Py_TYPE(b) != Py_TYPE(a) || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    const box *x = BLOB_BOX(a), *y = BLOB_BOX(b);
    bool equal = x == y || (x->size == y->size && memcmp(blob_data(x), blob_data(y), x->size) == 0);
    return PyBool_FromLong(equal == (op == Py_EQ));
}

static Py_hash_t
blob_hash(PyObject *self)
{
    if (blob_len(self) == 0)
        return 0;
    Py_hash_t hash = PyHash_GetFuncDef()->hash(blob_data(BLOB_BOX(self)), blob_len(self));
    return hash == -1 ? -2 : hash;
}

static PyObject *
blob_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<frozen.Blob of %zd bytes>", blob_len(self));
}

static PyObject *
blob_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *bytes = blob_bytes(self);
    return bytes != NULL ? Py_BuildValue("O(N)", Py_TYPE(self), bytes) : NULL;
}

static PyObject *
blob_sizeof(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSize_t(sizeof(BlobObject) + sizeof(box) + BLOB_ALIGNMENT + (size_t)blob_len(self));
}

static PyMethodDef blob_methods[] = {
    SHARED_HANDLE_METHOD(DOC_Blob_handle),
    {"__reduce__", blob_reduce, METH_NOARGS, DOC_Blob___reduce__},
    {"__sizeof__", blob_sizeof, METH_NOARGS, DOC_Blob___sizeof__},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef blob_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(BlobObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot blob_slots[] = {
    {Py_tp_doc, (void *)DOC_Blob_class},
    {Py_tp_new, (void *)blob_tp_new},
    {Py_tp_dealloc, (void *)blob_dealloc},
    {Py_tp_repr, (void *)blob_repr},
    {Py_tp_hash, (void *)blob_hash},
    {Py_tp_richcompare, (void *)blob_richcompare},
    {Py_tp_methods, blob_methods},
    {Py_tp_members, blob_members},
    {Py_sq_length, (void *)blob_len},
    {Py_bf_getbuffer, (void *)blob_getbuffer},
    {0, NULL},
};

PyType_Spec frozen_blob_spec = {"frozen.Blob", sizeof(BlobObject), 0, FROZEN_TYPE_FLAGS, blob_slots};
