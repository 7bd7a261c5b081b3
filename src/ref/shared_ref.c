/* SharedRef: a variable that all interpreters of the process read and replace atomically.
 *
 * The variable itself is shared_variable.h's, what a reader keeps shared_reader.h's; here is the Python type, a
 * header that each interpreter makes for itself. */

#include "docs.h"
#include "shared/current.h"
#include "platform/fork.h"
#include "shared/handle.h"
#include "ref/direct.h"
#include "ref/reference.h"
#include "ref/shared_reader.h"
#include "ref/shared_watch.h"
#include "ref/updating.h"
#include "bindings/common/arguments.h"
#include "bindings/common/containers.h"

typedef struct {
    reference head; /* its publication is the variable's */
    shared_reader reader;
    shared_variable *variable; /* one reference; beside what readers load, and apart from the object's count */
    PyObject *weakrefs;
} SharedRefObject;

#define VARIABLE(op) (((SharedRefObject *)(op))->variable)

/* ---- values: objects to cells and back ---- */

/* The cell of `object` (new reference), and what names it for comparison: the root of a container, or the cell. */
static bool
value_encode(PyObject *object, cell *value, const void **root)
{
    if (cell_from_object(object, value) < 0)
        return false;
    *root = container_root(object);
    if (*root == NULL)
        *root = slot_value_of_cell(*value);
    return true;
}

static PyObject *
value_decode(cell value)
{
    PyObject *object = cell_to_object(value);
    cell_release_detached(value);
    return object;
}

/* ---- reading ---- */

NO_INLINE static PyObject *
shared_ref_read_anew(SharedRefObject *self, uint64_t *version)
{
    cell value = variable_read(self->variable, version);
    PyObject *object = cell_to_object(value);
    if (object != NULL)
        shared_reader_keep(&self->reader, (PyObject *)self, &self->variable->pub.slot, value, object, *version);
    cell_release_detached(value);
    return object;
}

/* The current value (new reference) and its version, or NULL (exception set). */
static inline PyObject *
shared_ref_read(PyObject *op, uint64_t *version)
{
    SharedRefObject *self = (SharedRefObject *)op;
    PyObject *object = shared_reader_get(&self->reader, &self->variable->pub.slot, version);
    return LIKELY(object != NULL) ? object : shared_ref_read_anew(self, version);
}

/* ---- publishing ---- */

static bool
shared_ref_published(PyObject *op, void *old)
{
    SharedRefObject *self = (SharedRefObject *)op;
    publication *pub = &self->variable->pub;
    updating_published(&pub->slot);
    if (waiters_any(&pub->waiters))
        waiters_wake(&pub->waiters, slot_version(&pub->slot));
    shared_reader_drop(&self->reader);
    cell_release_detached(cell_of_slot_value(old));
    return true;
}

/* To be asked before a publication. */
static bool
shared_ref_may_publish(PyObject *op)
{
    return place_may_change(&VARIABLE(op)->place);
}

/* Publishes `object` and returns what it replaced in *old, to be passed to shared_ref_published(); false: failed
 * (exception set). */
static bool
shared_ref_publish(PyObject *op, PyObject *object, cell *old)
{
    cell value;
    const void *root;
    if (!shared_ref_may_publish(op) || !value_encode(object, &value, &root))
        return false;
    *old = variable_exchange(VARIABLE(op), value, root);
    return true;
}

/* Whether the current value is `expected` and its version `*version`, which becomes the current one: 1, 0, or -1
 * (exception set). */
static int
shared_ref_is_current(PyObject *op, cell expected, uint64_t *version)
{
    uint64_t asked = *version;
    cell current = variable_read(VARIABLE(op), version);
    int same = asked == ANY_VERSION || asked == *version ? cell_interchangeable(current, expected) : 0;
    cell_release_detached(current);
    return same;
}

/* Comparing values may run Python code, so it cannot be done under the lock: compare, then replace the version that was
 * compared, and start again if another one came between.  Lock-free: another thread has published then. */
static int
shared_ref_publish_if(PyObject *op, PyObject *expected, PyObject *object, uint64_t version)
{
    shared_variable *variable = VARIABLE(op);
    const void *root = container_root(expected);
    /* the caller holds `expected`, so an equal address is the same root: what must fail costs one load */
    if (root != NULL && !slot_may_hold(&variable->pub.slot, root))
        return 0;
    cell wanted, value;
    if (cell_from_object(expected, &wanted) < 0)
        return -1;
    uint64_t found = version;
    int same = shared_ref_is_current(op, wanted, &found);
    if (same > 0 && (!shared_ref_may_publish(op) || !value_encode(object, &value, &root)))
        same = -1;
    if (same > 0) {
        while (same > 0 && !variable_replace(variable, found, &value, root)) {
            found = version;
            same = PyErr_CheckSignals() < 0 ? -1 : shared_ref_is_current(op, wanted, &found);
        }
        if (same > 0)
            shared_ref_published(op, slot_value_of_cell(value)); /* the old one */
        else
            cell_release_detached(value);
    }
    cell_release_detached(wanted);
    return same;
}

/* ---- what a slot holds: a cell ---- */

static void *
value_retain(void *value)
{
    cell_retain(cell_of_slot_value(value));
    return value;
}

static void
value_release(void *value)
{
    cell_release_detached(cell_of_slot_value(value));
}

static PyObject *
value_to_object(void *value)
{
    return value_decode(cell_of_slot_value(value));
}

static bool
value_from_object(PyObject *object, void **value, const void **root)
{
    cell c;
    if (!value_encode(object, &c, root))
        return false;
    *value = slot_value_of_cell(c);
    return true;
}

static const ref_kind shared_ref_kind = {
    .retain = value_retain,
    .release = value_release,
    .to_object = value_to_object,
    .from_object = value_from_object,
    .may_publish = shared_ref_may_publish,
    .published = shared_ref_published,
    .unwatch = shared_watch_close,
    .watch_freed = shared_watch_free,
};

/* ---- methods ---- */

static PyObject *
shared_ref_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t version;
    return shared_ref_read(op, &version);
}

static PyObject *
shared_ref_get_versioned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t version = 0;
    PyObject *value = shared_ref_read(op, &version);
    return versioned_pair(value, version);
}

static PyObject *
shared_ref_lookup(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *key, *fallback = Py_None;
    uint64_t version;
    if (!parse_key_default("lookup", args, nargs, kwnames, &key, &fallback))
        return NULL;
    PyObject *value = shared_ref_read(op, &version);
    if (value == NULL)
        return NULL;
    PyObject *item = container_lookup(value, key, fallback);
    Py_DECREF(value);
    return item;
}

static PyObject *
shared_ref_set(PyObject *op, PyObject *value)
{
    cell old;
    if (!shared_ref_publish(op, value, &old))
        return NULL;
    shared_ref_published(op, slot_value_of_cell(old));
    Py_RETURN_NONE;
}

static PyObject *
shared_ref_exchange(PyObject *op, PyObject *value)
{
    cell old;
    if (!shared_ref_publish(op, value, &old))
        return NULL;
    shared_ref_published(op, slot_value_of_cell(CELL_NONE));
    return value_decode(old);
}

static PyObject *
shared_ref_compare_and_set(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    uint64_t version;
    if (!parse_compare_and_set(nargs, args + nargs, kwnames, &version))
        return NULL;
    int done = shared_ref_publish_if(op, args[0], args[1], version);
    return done >= 0 ? PyBool_FromLong(done) : NULL;
}

/* For direct.h. */
PyObject *
shared_ref_load(PyObject *op, uint64_t *version)
{
    uint64_t unused = 0;
    return shared_ref_read(op, version != NULL ? version : &unused);
}

int
shared_ref_store(PyObject *op, PyObject *value)
{
    cell old;
    if (!shared_ref_publish(op, value, &old))
        return -1;
    shared_ref_published(op, slot_value_of_cell(old));
    return 0;
}

int
shared_ref_store_if(PyObject *op, PyObject *expected, PyObject *value, uint64_t version)
{
    return shared_ref_publish_if(op, expected, value, version);
}

static PyObject *
shared_ref_reduce(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    (void)op;
    return place_reduce(KIND_REF);
}

static PyObject *
shared_ref_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(slot_version(&VARIABLE(op)->pub.slot));
}

static PyObject *
shared_ref_name(PyObject *op, void *Py_UNUSED(closure))
{
    return place_name(&VARIABLE(op)->place);
}

/* ---- names ---- */

PyObject *
shared_ref_over(module_state *state, shared_variable *variable)
{
    SharedRefObject *self = (SharedRefObject *)state->shared_ref->tp_alloc(state->shared_ref, 0);
    if (self == NULL) {
        variable_release(variable);
        return NULL;
    }
    self->variable = variable;
    self->head.kind = &shared_ref_kind;
    self->head.pub = &variable->pub;
    if (!shared_reader_init(&self->reader, state))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *
shared_ref_attach(PyObject *type, PyObject *name)
{
    shared_place *found = place_find(KIND_REF, name);
    if (found == NULL)
        return NULL;
    module_state *state = module_state_of_type((PyTypeObject *)type);
    if (state != NULL)
        return shared_ref_over(state, (shared_variable *)found);
    place_release(found);
    return NULL;
}

static PyObject *
shared_ref_unlink(PyObject *Py_UNUSED(none), PyObject *name)
{
    return place_unlink(KIND_REF, name);
}

/* ---- life ---- */

static PyObject *
shared_ref_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *initial;
    const char *text;
    size_t length;
    cell value;
    const void *root;
    module_state *state = module_state_of_type(type);
    if (state == NULL || !place_parse_new(KIND_REF, args, kwargs, &name, &initial))
        return NULL;
    if (initial == NULL)
        initial = Py_NewRef(Py_None);
    bool encoded = place_parse_name(KIND_REF, name, &text, &length) && value_encode(initial, &value, &root);
    Py_DECREF(initial);
    if (!encoded)
        return NULL;
    shared_variable *variable = variable_new(value, root, text, length);
    if (variable == NULL) {
        cell_release_detached(value);
        return NULL;
    }
    PyObject *self = shared_ref_over(state, variable);
    if (self != NULL && !place_add(&variable->place, name))
        Py_CLEAR(self);
    return self;
}

static int
shared_ref_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    return shared_reader_traverse(&((SharedRefObject *)op)->reader, visit, arg);
}

static int
shared_ref_tp_clear(PyObject *op)
{
    shared_reader_drop(&((SharedRefObject *)op)->reader);
    return 0;
}

static void
shared_ref_tp_dealloc(PyObject *op)
{
    SharedRefObject *self = (SharedRefObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    weakrefs_clear(op, &self->weakrefs);
    shared_reader_end(&self->reader);
    variable_release(self->variable);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
shared_ref_tp_repr(PyObject *op)
{
    uint64_t version;
    PyObject *value = shared_ref_read(op, &version), *name = value != NULL ? shared_ref_name(op, NULL) : NULL,
             *text = NULL;
    if (name != NULL)
        text = name != Py_None ? PyUnicode_FromFormat("SharedRef(%R, %R)", name, value)
                               : PyUnicode_FromFormat("SharedRef(%R)", value);
    Py_XDECREF(value);
    Py_XDECREF(name);
    return text;
}

/* Two headers are equal if they stand for the same variable: objects of one interpreter do not know each other. */
static PyObject *
shared_ref_tp_richcompare(PyObject *a, PyObject *b, int op)
{
    if (Py_TYPE(a) != Py_TYPE(b) || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((VARIABLE(a) == VARIABLE(b)) == (op == Py_EQ));
}

static Py_hash_t
shared_ref_tp_hash(PyObject *op)
{
    return (Py_hash_t)((uintptr_t)VARIABLE(op) >> 4);
}

/* ---- for shared/ ---- */

static int
shared_ref_encode(PyObject *object, cell *c)
{
    if (Py_TYPE(object)->tp_dealloc != shared_ref_tp_dealloc)
        return 0;
    variable_retain(VARIABLE(object));
    *c = (cell)(uintptr_t)VARIABLE(object);
    return 1;
}

static PyObject *
shared_ref_decode(box *b)
{
    module_state *state = current_state();
    if (state == NULL)
        return NULL;
    block_retain(&b->head);
    return shared_ref_over(state, (shared_variable *)b);
}

static const kind_row variable_row = {.decode = shared_ref_decode, .contents = variable_contents};

int
shared_ref_setup(PyObject *Py_UNUSED(module), module_state *Py_UNUSED(state))
{
    kind_register(KIND_REF, &variable_row);
    crossing_encode_register(KIND_REF, shared_ref_encode);
    return variables_setup();
}

/* ---- the type ---- */

static PyMethodDef shared_ref_methods[] = {
    {"get", shared_ref_get, METH_NOARGS, DOC_SharedRef_get},
    {"lookup", FASTCALL(shared_ref_lookup), METH_FASTCALL | METH_KEYWORDS, DOC_SharedRef_lookup},
    {"get_versioned", shared_ref_get_versioned, METH_NOARGS, DOC_SharedRef_get_versioned},
    {"set", shared_ref_set, METH_O, DOC_SharedRef_set},
    {"exchange", shared_ref_exchange, METH_O, DOC_SharedRef_exchange},
    {"compare_and_set", FASTCALL(shared_ref_compare_and_set), METH_FASTCALL | METH_KEYWORDS,
     DOC_SharedRef_compare_and_set},
    REFERENCE_METHODS(SharedRef),
    {"watch", shared_ref_watch, METH_O, DOC_SharedRef_watch},
    {"_signal", shared_ref_signal, METH_O, DOC_SharedRef__signal},
    SHARED_HANDLE_METHOD(DOC_SharedRef_handle),
    {"attach", shared_ref_attach, METH_O | METH_CLASS, DOC_SharedRef_attach},
    {"unlink", shared_ref_unlink, METH_O | METH_STATIC, DOC_SharedRef_unlink},
    {"__reduce__", shared_ref_reduce, METH_NOARGS, DOC_SharedRef___reduce__},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef shared_ref_getset[] = {
    {"version", shared_ref_version, NULL, DOC_SharedRef_version, NULL},
    {"name", shared_ref_name, NULL, DOC_SharedRef_name, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef shared_ref_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(SharedRefObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot shared_ref_slots[] = {
    {Py_tp_doc, (void *)DOC_SharedRef_class},
    {Py_tp_new, shared_ref_tp_new},
    {Py_tp_traverse, shared_ref_tp_traverse},
    {Py_tp_clear, shared_ref_tp_clear},
    {Py_tp_dealloc, shared_ref_tp_dealloc},
    {Py_tp_repr, shared_ref_tp_repr},
    {Py_tp_richcompare, shared_ref_tp_richcompare},
    {Py_tp_hash, shared_ref_tp_hash},
    {Py_tp_methods, shared_ref_methods},
    {Py_tp_getset, shared_ref_getset},
    {Py_tp_members, shared_ref_members},
    {0, NULL},
};

PyType_Spec frozen_shared_ref_spec = {
    .name = "frozen.SharedRef",
    .basicsize = sizeof(SharedRefObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = shared_ref_slots,
};
