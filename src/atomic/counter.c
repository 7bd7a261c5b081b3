/* AtomicCounter: a number to which threads add without waiting for each other (counter_words.h).
 *
 * Without the GIL each thread adds to a word of its own. With the GIL there is one word. */

#include "docs.h"
#include "atomic/counter_words.h"
#include "bindings/common/arguments.h"

#ifdef Py_GIL_DISABLED
enum { WORDS = MOST_WORDS };
#else
enum { WORDS = 1 };
#endif

typedef struct {
    PyObject_HEAD
    PyObject *weakrefs;
    void *block;         /* that holds the words */
    counter_word *words; /* never changes */
} AtomicCounterObject;

#define WORDS_OF(op) (((AtomicCounterObject *)(op))->words)

static PyObject *
counter_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t by = 1;
    if (!check_positional("add", nargs, 0, 1) || (nargs == 1 && !words_parse("an AtomicCounter", args[0], &by))
        || !words_add("an AtomicCounter", WORDS_OF(op), WORDS, by))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
counter_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(words_sum(WORDS_OF(op), WORDS));
}

static PyObject *
counter_take(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return words_take(WORDS_OF(op), WORDS);
}

static PyObject *
counter_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"initial", NULL};
    PyObject *initial = NULL;
    int64_t value = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:AtomicCounter", names, &initial)
        || (initial != NULL && !words_parse("an AtomicCounter", initial, &value)))
        return NULL;
    AtomicCounterObject *self = (AtomicCounterObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->block = PyMem_Calloc(WORDS + 1, CACHE_LINE);
    if (self->block == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->words = words_init(self->block, WORDS, value);
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
    return PyUnicode_FromFormat("AtomicCounter(%lld)", (long long)words_sum(WORDS_OF(op), WORDS));
}

static PyObject *
counter_reduce(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyErr_Format(PyExc_TypeError, "an AtomicCounter is a place, not a value: pickle or copy its get() (%lld)",
                        (long long)words_sum(WORDS_OF(op), WORDS));
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
