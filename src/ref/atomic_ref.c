/* AtomicRef: a variable that all threads of an interpreter read and replace atomically.
 *
 * Publication is slot.h's; here stand the Python type and the retry loop of update().  No lock is held while a
 * reference is dropped, memory is allocated or Python code runs: old values die after unlocking. */

#include "ref/slot.h"
#include "types/containers.h"

typedef struct {
    PyObject_HEAD
    ref_slot slot; /* values are PyObject *; NULL only after tp_clear */
    bool initialised;
    PyObject *weakrefs;
} AtomicRefObject;

/* What compare_and_set compares first: the root of a container, the identity of anything else. */
static inline const void *
version_root(module_state *state, PyObject *value)
{
    const void *root = container_root(state, value);
    return root != NULL ? root : value;
}

/* The current value (new reference) and, unless `version` is NULL, its version. */
static PyObject *
ref_read(AtomicRefObject *self, uint64_t *version)
{
    ref_mutex_lock(&self->slot.lock);
    PyObject *value = self->slot.value ? self->slot.value : Py_None;
    Py_INCREF(value);
    if (version != NULL)
        *version = slot_version(&self->slot);
    ref_mutex_unlock(&self->slot.lock);
    return value;
}

/* Publishes `value` (borrowed) unconditionally and returns the value it replaced (new reference). */
static PyObject *
ref_exchange(AtomicRefObject *self, module_state *state, PyObject *value)
{
    const void *root = version_root(state, value);
    Py_INCREF(value);
    ref_mutex_lock(&self->slot.lock);
    PyObject *old = slot_publish(&self->slot, value, root);
    ref_mutex_unlock(&self->slot.lock);
    return old != NULL ? old : Py_NewRef(Py_None);
}

/* Publishes `value` (borrowed) if `version` is still the current one. */
static bool
ref_publish_after(AtomicRefObject *self, module_state *state, uint64_t version, PyObject *value)
{
    const void *root = version_root(state, value);
    PyObject *dropped = Py_NewRef(value);
    ref_mutex_lock(&self->slot.lock);
    bool published = slot_version(&self->slot) == version;
    if (published)
        dropped = slot_publish(&self->slot, value, root);
    ref_mutex_unlock(&self->slot.lock);
    Py_XDECREF(dropped);
    return published;
}

/* Publishes `value` (borrowed) if the current value is `expected`. */
static bool
ref_compare_and_set(AtomicRefObject *self, module_state *state, PyObject *expected, PyObject *value)
{
    /* The caller holds `expected`, and with it its root: an address that is equal is the same version, not a new
     * object at an old place. */
    if (!slot_may_hold(&self->slot, version_root(state, expected)))
        return false;
    const void *root = version_root(state, value);
    PyObject *dropped = Py_NewRef(value);
    ref_mutex_lock(&self->slot.lock);
    bool published = self->slot.value != NULL && container_same(state, self->slot.value, expected);
    if (published)
        dropped = slot_publish(&self->slot, value, root);
    ref_mutex_unlock(&self->slot.lock);
    Py_XDECREF(dropped);
    return published;
}

PyDoc_STRVAR(ref_get_doc,
"get($self, /)\n--\n\n"
"The value published last. O(1).");

static PyObject *
ref_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ref_read((AtomicRefObject *)op, NULL);
}

PyDoc_STRVAR(ref_set_doc,
"set($self, value, /)\n--\n\n"
"Publishes `value`, whatever is there. O(1).");

static PyObject *
ref_set(PyObject *op, PyObject *value)
{
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    Py_DECREF(ref_exchange((AtomicRefObject *)op, state, value));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(ref_exchange_doc,
"exchange($self, value, /)\n--\n\n"
"Publishes `value` and returns the value it replaced. O(1).");

static PyObject *
ref_exchange_method(PyObject *op, PyObject *value)
{
    module_state *state = module_state_of(op);
    return state ? ref_exchange((AtomicRefObject *)op, state, value) : NULL;
}

PyDoc_STRVAR(ref_compare_and_set_doc,
"compare_and_set($self, expected, value, /)\n--\n\n"
"Publishes `value` if the current value is `expected`; says whether it did. O(1).\n\n"
"Map, Set and Vector are compared by the version they stand for, in O(1) and without calling `__eq__`; every other\n"
"object, instances of their subclasses included, by identity.");

static PyObject *
ref_compare_and_set_method(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "compare_and_set() takes the expected and the new value (%zd given)", nargs);
        return NULL;
    }
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    return PyBool_FromLong(ref_compare_and_set((AtomicRefObject *)op, state, args[0], args[1]));
}

/* fn(value, *args, **kwargs) where `args` are the caller's, fn first: its place is lent to the value for the call. */
static PyObject *
call_with_value(PyObject *fn, PyObject *value, PyObject *args, PyObject *kwargs)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject *full = PyTuple_New(count);
    if (full == NULL)
        return NULL;
    PyTuple_SET_ITEM(full, 0, Py_NewRef(value));
    for (Py_ssize_t i = 1; i < count; i++)
        PyTuple_SET_ITEM(full, i, Py_NewRef(PyTuple_GET_ITEM(args, i)));
    PyObject *result = PyObject_Call(fn, full, kwargs);
    Py_DECREF(full);
    return result;
}

PyDoc_STRVAR(ref_update_doc,
"update($self, fn, /, *args, **kwargs)\n--\n\n"
"Replaces the value by `fn(value, *args, **kwargs)` and returns the new value.\n\n"
"`fn` runs without any lock and is called again when another thread published meanwhile, so it should have no side\n"
"effects. What it raises is raised here, and the reference stays as it was. Method: optimistic retry, as Clojure's swap!.");

static PyObject *
ref_update(PyObject *op, PyObject *args, PyObject *kwargs)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "update() needs a function of the current value");
        return NULL;
    }
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    for (;;) {
        uint64_t version;
        PyObject *value = ref_read(self, &version);
        PyObject *result = call_with_value(PyTuple_GET_ITEM(args, 0), value, args, kwargs);
        Py_DECREF(value);
        if (result == NULL || ref_publish_after(self, state, version, result))
            return result;
        Py_DECREF(result);
        if (PyErr_CheckSignals() < 0)
            return NULL;
    }
}

static PyObject *
ref_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(slot_version(&((AtomicRefObject *)op)->slot));
}

static PyObject *
ref_tp_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    AtomicRefObject *self = (AtomicRefObject *)type->tp_alloc(type, 0);
    if (self != NULL)
        slot_init(&self->slot, Py_NewRef(Py_None), Py_None);
    return (PyObject *)self;
}

/* The first call stores the initial value as version 0; a later one publishes as set() does. */
static int
ref_tp_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    static char *names[] = {"initial", NULL};
    PyObject *initial = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:AtomicRef", names, &initial))
        return -1;
    module_state *state = module_state_of(op);
    if (state == NULL)
        return -1;
    const void *root = version_root(state, initial);
    Py_INCREF(initial);
    ref_mutex_lock(&self->slot.lock);
    PyObject *old = self->initialised ? slot_publish(&self->slot, initial, root)
                                      : slot_replace(&self->slot, initial, root);
    self->initialised = true;
    ref_mutex_unlock(&self->slot.lock);
    Py_XDECREF(old);
    return 0;
}

static int
ref_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)((AtomicRefObject *)op)->slot.value);
    return 0;
}

/* Threads may still reach the reference when the collector clears it (through a weak reference's callback): the value
 * leaves under the lock, and later readers find None. */
static int
ref_tp_clear(PyObject *op)
{
    AtomicRefObject *self = (AtomicRefObject *)op;
    ref_mutex_lock(&self->slot.lock);
    PyObject *old = slot_publish(&self->slot, NULL, NULL);
    ref_mutex_unlock(&self->slot.lock);
    Py_XDECREF(old);
    return 0;
}

static void
ref_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    if (((AtomicRefObject *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    ref_tp_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
ref_tp_repr(PyObject *op)
{
    const char *dot = strrchr(Py_TYPE(op)->tp_name, '.');
    const char *name = dot ? dot + 1 : Py_TYPE(op)->tp_name;
    int entered = Py_ReprEnter(op);
    if (entered != 0)
        return entered < 0 ? NULL : PyUnicode_FromFormat("%s(...)", name);
    PyObject *value = ref_read((AtomicRefObject *)op, NULL);
    PyObject *text = PyUnicode_FromFormat("%s(%R)", name, value);
    Py_DECREF(value);
    Py_ReprLeave(op);
    return text;
}

static PyMethodDef ref_methods[] = {
    {"get", ref_get, METH_NOARGS, ref_get_doc},
    {"set", ref_set, METH_O, ref_set_doc},
    {"exchange", ref_exchange_method, METH_O, ref_exchange_doc},
    {"compare_and_set", (PyCFunction)(void (*)(void))ref_compare_and_set_method, METH_FASTCALL, ref_compare_and_set_doc},
    {"update", (PyCFunction)(void (*)(void))ref_update, METH_VARARGS | METH_KEYWORDS, ref_update_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "AtomicRef[T]: a reference to values of type T."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef ref_getset[] = {
    {"version", ref_version, NULL, "How often a value was published: 0 for the initial value, one more each time.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef ref_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(AtomicRefObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(ref_doc,
"AtomicRef(initial=None)\n--\n\n"
"A variable whose value all threads read and replace atomically.\n\n"
"Publish immutable values: a reader that has got one keeps a whole, unchanging version however many follow.");

static PyType_Slot ref_slots[] = {
    {Py_tp_doc, (void *)ref_doc},
    {Py_tp_new, ref_tp_new},
    {Py_tp_init, ref_tp_init},
    {Py_tp_traverse, ref_tp_traverse},
    {Py_tp_clear, ref_tp_clear},
    {Py_tp_dealloc, ref_tp_dealloc},
    {Py_tp_repr, ref_tp_repr},
    {Py_tp_methods, ref_methods},
    {Py_tp_getset, ref_getset},
    {Py_tp_members, ref_members},
    {0, NULL},
};

PyType_Spec frozen_atomic_ref_spec = {
    .name = "frozen.AtomicRef",
    .basicsize = sizeof(AtomicRefObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = ref_slots,
};
