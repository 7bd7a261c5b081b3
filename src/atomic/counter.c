/* AtomicCounter: a number to which threads add without waiting for each other.
 *
 * Without the GIL each thread adds to a word of its own, on a cache line of its own, so that no two cores pass a line
 * back and forth; the number is the sum of the words. With the GIL there is one word.
 *
 * add() takes effect with the one successful exchange of its word. get() loads one word after the other: each add that
 * returned before get() began is in the sum, none that begins afterwards is, and those in between may be. Where all adds
 * have one sign the sum therefore lies between the number at the begin of the call and that at its end, and is the
 * number at an instant in between if each of them adds 1. take() exchanges each word with 0: what an add put there is
 * in the result of exactly one take().
 *
 * The words are of memory of the object, which the caller holds: nothing is freed while they are used. No lock is there
 * to be held across a fork. */

#include "docs.h"
#include "module.h"
#include "bindings/common/arguments.h"
#include "platform/fork.h"

/* A word never leaves [-WORD_MAX, WORD_MAX], so that the sum of all is an int64_t. */
#define WORD_MAX (INT64_C(1) << 57)
enum { CACHE_LINE = 64 };
#ifdef Py_GIL_DISABLED
enum { WORDS = 32 };
#else
enum { WORDS = 1 };
#endif

typedef struct {
    _Atomic(int64_t) value;
    char apart[CACHE_LINE - sizeof(int64_t)];
} counter_word;

typedef struct {
    PyObject_HEAD
    PyObject *weakrefs;
    void *block;         /* that holds the words */
    counter_word *words; /* the first at the beginning of a line; never changes */
} AtomicCounterObject;

static inline _Atomic(int64_t) *
counter_own_word(AtomicCounterObject *self)
{
    return &self->words[WORDS > 1 ? thread_number() % WORDS : 0].value;
}

/* The int that an object means, if a word can hold it; false with an exception set. */
static bool
counter_parse(PyObject *number, int64_t *value)
{
    int overflow;
    PyObject *index = PyNumber_Index(number);
    if (index == NULL)
        return false;
    *value = PyLong_AsLongLongAndOverflow(index, &overflow);
    bool fits = overflow == 0 && *value >= -WORD_MAX && *value <= WORD_MAX;
    if (!fits)
        raise_about(PyExc_OverflowError, "an AtomicCounter counts up to 2**57, it cannot add ", index, "");
    Py_DECREF(index);
    return fits;
}

/* False, with an exception set: the word cannot hold the sum, and is as it was. */
static bool
counter_add_to(_Atomic(int64_t) *word, int64_t by)
{
    int64_t before = atomic_load_explicit(word, memory_order_relaxed), after;
    do {
        after = before + by;
        if (UNLIKELY(after > WORD_MAX || after < -WORD_MAX)) {
            PyErr_SetString(PyExc_OverflowError,
                            "an AtomicCounter counts up to 2**57: take() what has been counted in time");
            return false;
        }
    } while (!atomic_compare_exchange_weak(word, &before, after));
    return true;
}

static PyObject *
counter_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t by = 1;
    if (!check_positional("add", nargs, 0, 1) || (nargs == 1 && !counter_parse(args[0], &by))
        || !counter_add_to(counter_own_word((AtomicCounterObject *)op), by))
        return NULL;
    Py_RETURN_NONE;
}

static int64_t
counter_sum(AtomicCounterObject *self)
{
    int64_t sum = 0;
    for (int i = 0; i < WORDS; i++)
        sum += atomic_load(&self->words[i].value);
    return sum;
}

static PyObject *
counter_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(counter_sum((AtomicCounterObject *)op));
}

static PyObject *
counter_take(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    AtomicCounterObject *self = (AtomicCounterObject *)op;
    int64_t parts[WORDS], sum = 0;
    for (int i = 0; i < WORDS; i++)
        sum += parts[i] = atomic_exchange(&self->words[i].value, 0);
    PyObject *taken = PyLong_FromLongLong(sum);
    /* Out of memory: each word gets back what was its own, so that nothing is lost. It may then lie beyond WORD_MAX, by
     * what was added in between; an int64_t has room for that. */
    for (int i = 0; taken == NULL && i < WORDS; i++)
        atomic_fetch_add(&self->words[i].value, parts[i]);
    return taken;
}

static PyObject *
counter_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"initial", NULL};
    PyObject *initial = NULL;
    int64_t value = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:AtomicCounter", names, &initial)
        || (initial != NULL && !counter_parse(initial, &value)))
        return NULL;
    AtomicCounterObject *self = (AtomicCounterObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->block = PyMem_Calloc(WORDS + 1, CACHE_LINE);
    if (self->block == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->words = (counter_word *)(((uintptr_t)self->block + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    for (int i = 0; i < WORDS; i++)
        atomic_init(&self->words[i].value, i == 0 ? value : 0);
    return (PyObject *)self;
}

static void
counter_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    weakrefs_clear(op, &((AtomicCounterObject *)op)->weakrefs);
    PyMem_Free(((AtomicCounterObject *)op)->block);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
counter_tp_repr(PyObject *op)
{
    return PyUnicode_FromFormat("AtomicCounter(%lld)", (long long)counter_sum((AtomicCounterObject *)op));
}

static PyObject *
counter_reduce(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyErr_Format(PyExc_TypeError, "an AtomicCounter is a place, not a value: pickle or copy its get() (%lld)",
                        (long long)counter_sum((AtomicCounterObject *)op));
}

static PyMethodDef counter_methods[] = {
    {"add", FASTCALL(counter_add), METH_FASTCALL, DOC_AtomicCounter_add},
    {"get", counter_get, METH_NOARGS, DOC_AtomicCounter_get},
    {"take", counter_take, METH_NOARGS, DOC_AtomicCounter_take},
    {"__reduce__", counter_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef counter_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(AtomicCounterObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot counter_slots[] = {
    {Py_tp_doc, (void *)DOC_AtomicCounter_class},
    {Py_tp_new, counter_tp_new},
    {Py_tp_dealloc, counter_tp_dealloc},
    {Py_tp_repr, counter_tp_repr},
    {Py_tp_methods, counter_methods},
    {Py_tp_members, counter_members},
    {0, NULL},
};

PyType_Spec frozen_atomic_counter_spec = {
    .name = "frozen.AtomicCounter",
    .basicsize = sizeof(AtomicCounterObject),
    .flags = FROZEN_TYPE_FLAGS,
    .slots = counter_slots,
};
