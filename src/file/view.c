/* Life and iteration of the containers of files. */

#include "file/view.h"

int
file_view_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(VIEW(op)->image);
    /* The copy is not tracked, and the view has the only reference to it: what it holds counts as held by the view. */
    PyObject *copy = atomic_load_explicit(&VIEW(op)->copy, memory_order_acquire);
    return copy != NULL ? PyDict_Type.tp_traverse(copy, visit, arg) : 0;
}

void
file_view_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    weakrefs_clear(op, &VIEW(op)->weakrefs);
    PyObject *copy = atomic_load_explicit(&VIEW(op)->copy, memory_order_acquire);
    if (copy != NULL) {
        atomic_fetch_add(&VIEW(op)->image->copy_bytes, VIEW(op)->copy_cost);
        Py_DECREF(copy);
    }
    Py_DECREF(VIEW(op)->image);
    PyObject_GC_Del(op);
    Py_DECREF(type);
}

PyMemberDef file_view_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(file_view, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

Py_ssize_t
file_view_length(PyObject *op)
{
    return VIEW(op)->count;
}

PyObject *
file_view_copy(PyObject *op, PyObject *Py_UNUSED(unused))
{
    return Py_NewRef(op);
}

PyObject *
file_call_python(const char *function, PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *callable = imported("frozen._file", function), *result = NULL;
    PyObject *tuple = callable != NULL ? unknown_tuple(nargs + 1) : NULL;
    if (tuple != NULL) {
        PyTuple_SET_ITEM(tuple, 0, Py_NewRef(self));
        for (Py_ssize_t i = 0; i < nargs; i++)
            PyTuple_SET_ITEM(tuple, i + 1, Py_NewRef(args[i]));
        sequence_known(tuple);
        if (deep_call_enter(" while a container of a file is asked") == 0) {
            result = PyObject_CallObject(callable, tuple);
            deep_call_leave(DEEP_CALL);
        }
        Py_DECREF(tuple);
    }
    Py_XDECREF(callable);
    return result;
}

/* Whether both are the same elements of the same box: equal even if there is a NaN among them, as with Map and Vector. */
static bool
is_same_view(const file_view *self, PyObject *other)
{
    if (Py_TYPE(other) != Py_TYPE(self))
        return false;
    const file_view *view = VIEW(other);
    return self->image == view->image && self->at == view->at && self->cells == view->cells
           && self->count == view->count && self->stride == view->stride;
}

PyObject *
file_view_richcompare(PyObject *op, PyObject *other, int operation)
{
    static const char *const names[] = {"_less", "_less_equal", "_equal", "_unequal", "_greater", "_greater_equal"};
    bool ordered = VIEW(op)->kind != BOX_MAP;
    if (is_same_view(VIEW(op), other) && (ordered || operation == Py_EQ || operation == Py_NE))
        return PyBool_FromLong(operation == Py_EQ || operation == Py_LE || operation == Py_GE);
    return file_call_python(names[operation], op, &other, 1);
}

Py_hash_t
file_view_hash(PyObject *op)
{
    Py_hash_t hash = atomic_load_explicit(&VIEW(op)->hash, memory_order_relaxed);
    if (hash != -1)
        return hash;
    PyObject *number = file_call_python("_hash", op, NULL, 0);
    hash = number != NULL ? PyLong_AsSsize_t(number) : -1;
    Py_XDECREF(number);
    atomic_store_explicit(&VIEW(op)->hash, hash, memory_order_relaxed);
    return hash;
}

PyObject *
file_view_repr(PyObject *op)
{
    return file_call_python("_repr", op, NULL, 0);
}

PyObject *
file_repr_pretty(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._showing", "repr_pretty", self, args, kwargs);
}

PyObject *
file_repr_html(PyObject *self, PyObject *args)
{
    return call_python_layer("frozen._showing", "repr_html", self, args, NULL);
}

PyObject *
file_rich_repr(PyObject *self, PyObject *args)
{
    return call_python_layer("frozen._showing", "rich_repr", self, args, NULL);
}

PyObject *
file_pydantic_schema(PyObject *type, PyObject *args)
{
    return call_python_layer("frozen._pydantic", "core_schema_of", type, args, NULL);
}

static PyObject *
file_pydantic_serializer(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *function = imported("frozen._pydantic", "serializer");
    PyObject *result = function != NULL ? PyObject_CallOneArg(function, self) : NULL;
    Py_XDECREF(function);
    return result;
}

PyGetSetDef file_view_getset[] = {
    {"__pydantic_serializer__", file_pydantic_serializer, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- iterators ---- */

typedef struct {
    PyObject_HEAD
    PyObject *view; /* never changes: other threads may use the iterator */
    _Atomic(Py_ssize_t) next;
    file_yields what;
    bool reversed;
} file_iterator;

PyObject *
file_iterator_new(PyObject *view, file_yields what, bool reversed)
{
    module_state *state = type_module_state(Py_TYPE(view));
    if (state == NULL)
        return PyErr_Format(PyExc_RuntimeError, "the module of this file is gone");
    file_iterator *self = PyObject_GC_New(file_iterator, state->file_iterator);
    if (self == NULL)
        return NULL;
    self->view = Py_NewRef(view);
    atomic_init(&self->next, 0);
    self->what = what;
    self->reversed = reversed;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static PyObject *
item_at(file_view *view, Py_ssize_t index)
{
    PyObject *key = file_key_at(view, index), *value = key != NULL ? file_value_at(view, index) : NULL;
    PyObject *pair = value != NULL ? PyTuple_New(2) : NULL;
    if (pair == NULL) {
        Py_XDECREF(key);
        Py_XDECREF(value);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, key);
    PyTuple_SET_ITEM(pair, 1, value);
    return pair;
}

/* Several threads that use one iterator share the entries among them. An index that is too large has passed the end. */
static PyObject *
file_iterator_next(PyObject *op)
{
    file_iterator *self = (file_iterator *)op;
    file_view *view = VIEW(self->view);
    Py_ssize_t index = atomic_load_explicit(&self->next, memory_order_relaxed);
    if (index >= view->count)
        return NULL;
    index = atomic_fetch_add_explicit(&self->next, 1, memory_order_relaxed);
    if (index >= view->count)
        return NULL;
    if (self->reversed)
        index = view->count - 1 - index;
    switch (self->what) {
    case FILE_KEYS: return file_key_at(view, index);
    case FILE_VALUES: return file_value_at(view, index);
    case FILE_ITEMS: return item_at(view, index);
    default: return file_object(view->image, view->cells[index * view->stride], view->at, false);
    }
}

static PyObject *
file_iterator_length_hint(PyObject *op, PyObject *Py_UNUSED(unused))
{
    file_iterator *self = (file_iterator *)op;
    Py_ssize_t left = VIEW(self->view)->count - atomic_load_explicit(&self->next, memory_order_relaxed);
    return PyLong_FromSsize_t(left > 0 ? left : 0);
}

static int
file_iterator_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((file_iterator *)op)->view);
    return 0;
}

static void
file_iterator_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_DECREF(((file_iterator *)op)->view);
    PyObject_GC_Del(op);
    Py_DECREF(type);
}

static PyMethodDef file_iterator_methods[] = {
    {"__length_hint__", file_iterator_length_hint, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot file_iterator_slots[] = {
    {Py_tp_dealloc, (void *)file_iterator_dealloc}, {Py_tp_traverse, (void *)file_iterator_traverse},
    {Py_tp_iter, (void *)PyObject_SelfIter},        {Py_tp_iternext, (void *)file_iterator_next},
    {Py_tp_methods, file_iterator_methods},         {0, NULL},
};

PyType_Spec frozen_file_iterator_spec = {
    .name = "frozen._core._FileIterator",
    .basicsize = sizeof(file_iterator),
    .flags = FILE_VIEW_FLAGS,
    .slots = file_iterator_slots,
};
