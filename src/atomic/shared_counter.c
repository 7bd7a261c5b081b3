/* SharedAtomicCounter: a number to which the threads of all interpreters add without waiting for each other
 * (counter_words.h). The words are in a block of kind KIND_COUNTER, which no interpreter owns: interpreters with a GIL of
 * their own run in parallel, so each thread has a word of its own on every build. */

#include "docs.h"
#include "atomic/counter_words.h"
#include "bindings/common/arguments.h"
#include "ref/shared_place.h"
#include "shared/current.h"
#include "shared/handle.h"

#define TITLE "a SharedAtomicCounter"

typedef struct {
    shared_place place;
    counter_word *words; /* in `block`; never changes */
    char block[(MOST_WORDS + 1) * CACHE_LINE];
    char name[];
} shared_counter;

typedef struct {
    PyObject_HEAD
    shared_counter *counter; /* one reference */
    PyObject *weakrefs;
} SharedAtomicCounterObject;

#define COUNTER_OF(op) (((SharedAtomicCounterObject *)(op))->counter)
#define WORDS_OF(op) (COUNTER_OF(op)->words)

static PyObject *
shared_counter_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t by = 1;
    if (!check_positional("add", nargs, 0, 1) || (nargs == 1 && !words_parse(TITLE, args[0], &by))
        || !place_may_change(&COUNTER_OF(op)->place) || !words_add(TITLE, WORDS_OF(op), MOST_WORDS, by))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
shared_counter_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(words_sum(WORDS_OF(op), MOST_WORDS));
}

static PyObject *
shared_counter_take(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return place_may_change(&COUNTER_OF(op)->place) ? words_take(WORDS_OF(op), MOST_WORDS) : NULL;
}

/* ---- names ---- */

/* A header over `counter`, which is stolen even on failure. */
static PyObject *
counter_object_over(module_state *state, shared_counter *counter)
{
    PyTypeObject *type = state->shared_atomic_counter;
    SharedAtomicCounterObject *self = (SharedAtomicCounterObject *)type->tp_alloc(type, 0);
    if (self != NULL)
        self->counter = counter;
    else
        place_release(&counter->place);
    return (PyObject *)self;
}

static PyObject *
shared_counter_attach(PyObject *type, PyObject *name)
{
    shared_place *found = place_find(KIND_COUNTER, name);
    if (found == NULL)
        return NULL;
    module_state *state = module_state_of_type((PyTypeObject *)type);
    if (state != NULL)
        return counter_object_over(state, (shared_counter *)found);
    place_release(found);
    return NULL;
}

static PyObject *
shared_counter_unlink(PyObject *Py_UNUSED(none), PyObject *name)
{
    return place_unlink(KIND_COUNTER, name);
}

static PyObject *
shared_counter_name(PyObject *op, void *Py_UNUSED(closure))
{
    return place_name(&COUNTER_OF(op)->place);
}

static PyObject *
shared_counter_reduce(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
    return place_reduce(KIND_COUNTER);
}

/* ---- life ---- */

static PyObject *
shared_counter_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *initial;
    const char *text;
    size_t length;
    int64_t value = 0;
    module_state *state = module_state_of_type(type);
    if (state == NULL || !place_parse_new(KIND_COUNTER, args, kwargs, &name, &initial))
        return NULL;
    bool parsed = place_parse_name(KIND_COUNTER, name, &text, &length)
                  && (initial == NULL || words_parse(TITLE, initial, &value));
    Py_XDECREF(initial);
    shared_counter *counter = parsed ? place_alloc(KIND_COUNTER, sizeof(shared_counter), text, length) : NULL;
    if (counter == NULL)
        return NULL;
    counter->words = words_init(counter->block, MOST_WORDS, value);
    PyObject *self = counter_object_over(state, counter);
    if (self != NULL && !place_add(&counter->place, name))
        Py_CLEAR(self);
    return self;
}

static void
shared_counter_tp_dealloc(PyObject *op)
{
    SharedAtomicCounterObject *self = (SharedAtomicCounterObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    weakrefs_clear(op, &self->weakrefs);
    place_release(&self->counter->place);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
shared_counter_tp_repr(PyObject *op)
{
    return PyUnicode_FromFormat("SharedAtomicCounter(%lld)", (long long)words_sum(WORDS_OF(op), MOST_WORDS));
}

/* Two headers are equal if they stand for the same counter: objects of one interpreter do not know each other. */
static PyObject *
shared_counter_tp_richcompare(PyObject *a, PyObject *b, int op)
{
    if (Py_TYPE(a) != Py_TYPE(b) || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((COUNTER_OF(a) == COUNTER_OF(b)) == (op == Py_EQ));
}

static Py_hash_t
shared_counter_tp_hash(PyObject *op)
{
    return (Py_hash_t)((uintptr_t)COUNTER_OF(op) >> 4);
}

/* ---- for shared/ ---- */

static int
counter_object_encode(PyObject *object, cell *c)
{
    if (Py_TYPE(object)->tp_dealloc != shared_counter_tp_dealloc)
        return 0;
    place_retain(&COUNTER_OF(object)->place);
    *c = (cell)(uintptr_t)COUNTER_OF(object);
    return 1;
}

static PyObject *
counter_object_decode(box *b)
{
    module_state *state = current_state();
    if (state == NULL)
        return NULL;
    block_retain(&b->head);
    return counter_object_over(state, (shared_counter *)b);
}

static const kind_row counter_row = {.decode = counter_object_decode};

int
shared_atomic_counter_setup(PyObject *Py_UNUSED(module), module_state *Py_UNUSED(state))
{
    kind_register(KIND_COUNTER, &counter_row);
    crossing_encode_register(KIND_COUNTER, counter_object_encode);
    return 0;
}

/* ---- the type ---- */

static PyMethodDef shared_counter_methods[] = {
    {"add", FASTCALL(shared_counter_add), METH_FASTCALL, DOC_SharedAtomicCounter_add},
    {"get", shared_counter_get, METH_NOARGS, DOC_SharedAtomicCounter_get},
    {"take", shared_counter_take, METH_NOARGS, DOC_SharedAtomicCounter_take},
    SHARED_HANDLE_METHOD(DOC_SharedAtomicCounter_handle),
    {"attach", shared_counter_attach, METH_O | METH_CLASS, DOC_SharedAtomicCounter_attach},
    {"unlink", shared_counter_unlink, METH_O | METH_STATIC, DOC_SharedAtomicCounter_unlink},
    {"__reduce__", shared_counter_reduce, METH_NOARGS, DOC_SharedAtomicCounter___reduce__},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef shared_counter_getset[] = {
    {"name", shared_counter_name, NULL, DOC_SharedAtomicCounter_name, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef shared_counter_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(SharedAtomicCounterObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot shared_counter_slots[] = {
    {Py_tp_doc, (void *)DOC_SharedAtomicCounter_class},
    {Py_tp_new, shared_counter_tp_new},
    {Py_tp_dealloc, shared_counter_tp_dealloc},
    {Py_tp_repr, shared_counter_tp_repr},
    {Py_tp_richcompare, shared_counter_tp_richcompare},
    {Py_tp_hash, shared_counter_tp_hash},
    {Py_tp_methods, shared_counter_methods},
    {Py_tp_getset, shared_counter_getset},
    {Py_tp_members, shared_counter_members},
    {0, NULL},
};

PyType_Spec frozen_shared_atomic_counter_spec = {
    .name = "frozen.SharedAtomicCounter",
    .basicsize = sizeof(SharedAtomicCounterObject),
    .flags = FROZEN_TYPE_FLAGS,
    .slots = shared_counter_slots,
};
