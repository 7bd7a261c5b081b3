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
#include "ref/shared_names.h"
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

static PyObject *shared_ref_name(PyObject *op, void *closure);

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

/* Whether two values are the same to compare_and_set: containers if they are one version, others by kind and value; -1:
 * failed (exception set). */
static int
values_same(cell a, cell b)
{
    if (cell_same_value(a, b))
        return 1;
    bool decided = !cell_is_box(a) || !cell_is_box(b) || cell_block(a)->kind != cell_block(b)->kind
                   || kind_row_of(cell_block(a))->same != NULL;
    return decided ? 0 : cell_equals(a, b);
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

/* The variable was made before this process was forked, so that each process has a variable of its own since: says so
 * once for each variable. False: the warning was made an exception. */
NO_INLINE static bool
shared_ref_warn_of_fork(PyObject *op, uint32_t generation)
{
    uint32_t made = atomic_exchange(&VARIABLE(op)->generation, generation);
    if (made == generation) /* another thread warns */
        return true;
    PyObject *warn = imported("frozen._forking", "warn"), *name = shared_ref_name(op, NULL), *result = NULL;
    if (warn != NULL && name != NULL)
        result = PyObject_CallOneArg(warn, name);
    Py_XDECREF(warn);
    Py_XDECREF(name);
    Py_XDECREF(result);
    if (result == NULL)
        atomic_store(&VARIABLE(op)->generation, made);
    return result != NULL;
}

/* To be asked before a publication. */
static bool
shared_ref_may_publish(PyObject *op)
{
    uint32_t generation = atomic_load_explicit(&fork_generation, memory_order_relaxed);
    return LIKELY(atomic_load_explicit(&VARIABLE(op)->generation, memory_order_relaxed) == generation)
           || shared_ref_warn_of_fork(op, generation);
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
    int same = asked == ANY_VERSION || asked == *version ? values_same(current, expected) : 0;
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
    PyErr_SetString(PyExc_TypeError,
                    "a SharedRef is a place, not a value: it has no copies and no pickle. Send ref.handle() within the "
                    "process, or its name, for SharedRef.attach(name)");
    return NULL;
}

static PyObject *
shared_ref_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(slot_version(&VARIABLE(op)->pub.slot));
}

static PyObject *
shared_ref_name(PyObject *op, void *Py_UNUSED(closure))
{
    shared_variable *variable = VARIABLE(op);
    if (variable->name_length == 0)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(variable->name, (Py_ssize_t)variable->name_length, NULL);
}

/* ---- names ---- */

/* `name` as UTF-8, borrowed, or NULL (exception set). */
static const char *
parse_name(PyObject *name, size_t *length)
{
    Py_ssize_t size;
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError,
                     "the name of a SharedRef is a str, not %.200s: SharedRef(value) is anonymous, "
                     "SharedRef(name, value) is found by SharedRef.attach(name)",
                     Py_TYPE(name)->tp_name);
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text != NULL && size == 0) {
        PyErr_SetString(PyExc_ValueError, "the name of a SharedRef must not be empty");
        return NULL;
    }
    *length = (size_t)size;
    return text;
}

/* A header over `variable`, which is stolen even on failure. */
static PyObject *
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

/* `format` shows the name up to three times, as %U.  Returns NULL. */
static void *
name_error(PyObject *exception, const char *format, PyObject *name)
{
    PyObject *named = bounded_repr(name);
    if (named != NULL)
        PyErr_Format(exception, format, named, named, named);
    Py_XDECREF(named);
    return NULL;
}

static PyObject *
shared_ref_attach(PyObject *type, PyObject *name)
{
    size_t length;
    const char *text = parse_name(name, &length);
    if (text == NULL)
        return NULL;
    shared_variable *variable = names_find(text, length);
    if (variable == NULL)
        return name_error(PyExc_LookupError,
                          "no SharedRef is named %U in this process: SharedRef(%U, initial) makes one", name);
    module_state *state = module_state_of_type((PyTypeObject *)type);
    if (state == NULL) {
        variable_release(variable);
        return NULL;
    }
    return shared_ref_over(state, variable);
}

static PyObject *
shared_ref_unlink(PyObject *Py_UNUSED(none), PyObject *name)
{
    size_t length;
    const char *text = parse_name(name, &length);
    if (text == NULL)
        return NULL;
    shared_variable *variable = names_remove(text, length);
    if (variable == NULL)
        return name_error(PyExc_LookupError, "no SharedRef is named %U in this process", name);
    variable_release(variable);
    Py_RETURN_NONE;
}

/* ---- life ---- */

/* SharedRef(initial=None) or SharedRef(name, initial): *initial is a new reference, because encoding it runs arbitrary
 * code, which may empty the dict of keywords; *name is borrowed from the tuple, and NULL for an anonymous one. */
static bool
parse_new(PyObject *args, PyObject *kwargs, PyObject **name, PyObject **initial)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args), keywords = kwargs != NULL ? PyDict_GET_SIZE(kwargs) : 0;
    PyObject *keyword = keywords == 1 ? PyDict_GetItemString(kwargs, "initial") : NULL;
    *name = NULL;
    *initial = Py_None;
    if (count + keywords > 2 || (keywords > 0 && keyword == NULL)) {
        PyErr_SetString(PyExc_TypeError, "SharedRef() takes an initial value, or a name and an initial value");
        return false;
    }
    if (count + keywords == 2)
        *name = PyTuple_GET_ITEM(args, 0);
    if (keyword != NULL)
        *initial = keyword;
    else if (count > 0)
        *initial = PyTuple_GET_ITEM(args, count - 1);
    Py_INCREF(*initial);
    return true;
}

static PyObject *
shared_ref_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *initial;
    const char *text = NULL;
    size_t length = 0;
    cell value;
    const void *root;
    module_state *state = module_state_of_type(type);
    if (state == NULL || !parse_new(args, kwargs, &name, &initial))
        return NULL;
    bool encoded = (name == NULL || (text = parse_name(name, &length)) != NULL) && value_encode(initial, &value, &root);
    Py_DECREF(initial);
    if (!encoded)
        return NULL;
    shared_variable *variable = variable_new(value, root, text, length);
    if (variable == NULL) {
        cell_release_detached(value);
        return NULL;
    }
    PyObject *self = shared_ref_over(state, variable);
    if (self != NULL && name != NULL && !names_add(variable)) {
        name_error(PyExc_ValueError,
                   "a SharedRef named %U exists in this process: SharedRef.attach(%U) finds it, "
                   "SharedRef.unlink(%U) frees the name",
                   name);
        Py_CLEAR(self);
    }
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
    crossing_encode_register(shared_ref_encode);
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
