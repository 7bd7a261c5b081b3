/* A function with a cache in front of it: what `frozen.cached` returns. A hit runs no Python code but __hash__ and
 * __eq__ of the key, and takes no frame; a miss calls `compute` of ../../frozen/_flights.py. */

#include "cache/cache.h"

#include "docs.h"
#include "bindings/common/arguments.h"
#include "platform/cpython_private.h"
#include "ref/reference.h"

typedef struct {
    PyObject_HEAD
    PyObject *dict, *weakrefs;
    PyObject *fn;
    CacheObject *cache;
    PyObject *key;      /* or NULL: a function of the arguments */
    PyObject *compute;  /* what a miss calls: compute(cache, key, fn, args, kwargs) */
    PyObject *kwd_mark; /* stands in keys before the keyword arguments */
    PyTypeObject *ready;
    bool typed, is_coroutine;
    vectorcallfunc vectorcall;
} CachedObject;

/* ---- an awaitable that has its result ---- */

/* What a coroutine function returns on a hit: awaiting it yields the value at once. It has the methods of a coroutine,
 * so that event loops make tasks of it. */
typedef struct {
    PyObject_HEAD
    PyObject *value;
} ReadyObject;

static PyObject *
ready_new(PyTypeObject *type, PyObject *value)
{
    ReadyObject *self = PyObject_GC_New(ReadyObject, type);
    if (self == NULL)
        return NULL;
    self->value = Py_NewRef(value);
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

static PySendResult
ready_am_send(PyObject *op, PyObject *Py_UNUSED(given), PyObject **result)
{
    *result = Py_NewRef(((ReadyObject *)op)->value);
    return PYGEN_RETURN;
}

/* StopIteration(value), also for a value that is a tuple or an exception. */
static PyObject *
ready_stop(ReadyObject *self)
{
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, self->value);
    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    return NULL;
}

static PyObject *
ready_next(PyObject *op)
{
    return ready_stop((ReadyObject *)op);
}

static PyObject *
ready_send(PyObject *op, PyObject *Py_UNUSED(given))
{
    return ready_stop((ReadyObject *)op);
}

/* throw(error), or the older throw(type, value, traceback). */
static PyObject *
ready_throw(PyObject *Py_UNUSED(op), PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("throw", nargs, 1, 3))
        return NULL;
    if (PyExceptionInstance_Check(args[0]))
        PyErr_SetObject((PyObject *)Py_TYPE(args[0]), args[0]);
    else if (PyExceptionClass_Check(args[0]))
        PyErr_SetObject(args[0], nargs > 1 ? args[1] : NULL);
    else
        raise_about(PyExc_TypeError, "throw() takes an exception, not ", args[0], "");
    return NULL;
}

static PyObject *
ready_close(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
    Py_RETURN_NONE;
}

static int
ready_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((ReadyObject *)op)->value);
    return 0;
}

static void
ready_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_DECREF(((ReadyObject *)op)->value);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMethodDef ready_methods[] = {
    {"send", ready_send, METH_O, NULL},
    {"throw", FASTCALL(ready_throw), METH_FASTCALL, NULL},
    {"close", ready_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot ready_slots[] = {
    {Py_tp_traverse, ready_tp_traverse}, {Py_tp_dealloc, ready_tp_dealloc},
    {Py_tp_iter, PyObject_SelfIter},     {Py_tp_iternext, ready_next},
    {Py_am_await, PyObject_SelfIter},    {Py_am_send, ready_am_send},
    {Py_tp_methods, ready_methods},      {0, NULL},
};

PyType_Spec frozen_ready_spec = {
    .name = "frozen._Ready",
    .basicsize = sizeof(ReadyObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = ready_slots,
};

/* ---- keys ---- */

static inline bool
is_its_own_key(PyObject *argument)
{
    return PyUnicode_CheckExact(argument) || PyLong_CheckExact(argument);
}

/* The key of all other calls, as functools.lru_cache makes it: the arguments; a mark and the keywords; their types. */
NO_INLINE static PyObject *
key_of_many(CachedObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t named = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    Py_ssize_t size = nargs + (named > 0 ? 1 + 2 * named : 0) + (self->typed ? nargs + named : 0);
    PyObject *key = PyTuple_New(size);
    Py_ssize_t at = 0;
    if (key == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < nargs; i++)
        PyTuple_SET_ITEM(key, at++, Py_NewRef(args[i]));
    if (named > 0)
        PyTuple_SET_ITEM(key, at++, Py_NewRef(self->kwd_mark));
    for (Py_ssize_t i = 0; i < named; i++) {
        PyTuple_SET_ITEM(key, at++, Py_NewRef(PyTuple_GET_ITEM(kwnames, i)));
        PyTuple_SET_ITEM(key, at++, Py_NewRef(args[nargs + i]));
    }
    for (Py_ssize_t i = 0; self->typed && i < nargs + named; i++)
        PyTuple_SET_ITEM(key, at++, Py_NewRef(Py_TYPE(args[i])));
    return key;
}

static inline PyObject *
key_of_call(CachedObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (UNLIKELY(self->key != NULL))
        return PyObject_Vectorcall(self->key, args, (size_t)nargs, kwnames);
    if (LIKELY(nargs == 1 && kwnames == NULL && !self->typed && is_its_own_key(args[0])))
        return Py_NewRef(args[0]);
    return key_of_many(self, args, nargs, kwnames);
}

/* ---- the call ---- */

NO_INLINE static PyObject *
cached_compute(CachedObject *self, PyObject *key, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *positional = PyTuple_New(nargs), *result = NULL;
    for (Py_ssize_t i = 0; positional != NULL && i < nargs; i++)
        PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
    PyObject *named = positional == NULL ? NULL
                      : kwnames != NULL  ? dict_of_keywords(args + nargs, kwnames)
                                         : PyDict_New();
    if (named != NULL)
        result = PyObject_CallFunctionObjArgs(self->compute, self->cache, key, self->fn, positional, named, NULL);
    Py_XDECREF(named);
    Py_XDECREF(positional);
    return result;
}

static PyObject *
cached_vectorcall(PyObject *op, PyObject *const *args, size_t flags, PyObject *kwnames)
{
    CachedObject *self = (CachedObject *)op;
    Py_ssize_t nargs = PyVectorcall_NARGS(flags);
    PyObject *key = key_of_call(self, args, nargs, kwnames), *value = NULL, *result;
    if (UNLIKELY(key == NULL))
        return NULL;
    look found = cache_look_counted(self->cache, key, &value);
    if (LIKELY(found == LOOK_HIT)) {
        if (!self->is_coroutine) {
            Py_DECREF(key);
            return value;
        }
        result = ready_new(self->ready, value);
    }
    else
        result = found == LOOK_FAILED ? NULL : cached_compute(self, key, args, nargs, kwnames);
    Py_XDECREF(value);
    Py_DECREF(key);
    return result;
}

static PyObject *
cached_descr_get(PyObject *op, PyObject *instance, PyObject *Py_UNUSED(type))
{
    return instance == NULL || instance == Py_None ? Py_NewRef(op) : PyMethod_New(op, instance);
}

/* ---- the interface of functools.lru_cache ---- */

static PyObject *
cached_info(PyObject *op, PyObject *args)
{
    return call_python_layer("frozen._cache", "cache_info", op, args, NULL);
}

static PyObject *
cached_parameters(PyObject *op, PyObject *args)
{
    return call_python_layer("frozen._cache", "cache_parameters", op, args, NULL);
}

static PyObject *
cached_clear(PyObject *op, PyObject *args)
{
    return call_python_layer("frozen._cache", "cache_clear", op, args, NULL);
}

/* The name by which a pickle finds it again, as functions have it. */
static PyObject *
cached_reduce(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyObject_GetAttrString(op, "__qualname__");
}

static PyObject *
cached_copy(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(op);
}

static PyObject *
cached_repr(PyObject *op)
{
    PyObject *fn = ((CachedObject *)op)->fn;
    return fn != NULL ? PyUnicode_FromFormat("<cached %R>", fn) : PyUnicode_FromString("<cached function, cleared>");
}

/* ---- the object ---- */

static PyObject *
cached_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fn", "cache", "compute", "kwd_mark", "key", "typed", "is_coroutine", NULL};
    PyObject *fn, *cache, *compute, *kwd_mark, *key = Py_None;
    int typed = 0, is_coroutine = 0;
    module_state *state = module_state_of_type(type);
    if (state == NULL
        || !PyArg_ParseTupleAndKeywords(args, kwargs, "OO!OO|$Opp:_CachedFunction", names, &fn, state->cache, &cache,
                                        &compute, &kwd_mark, &key, &typed, &is_coroutine))
        return NULL;
    CachedObject *self = (CachedObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->fn = Py_NewRef(fn);
    self->cache = (CacheObject *)Py_NewRef(cache);
    self->compute = Py_NewRef(compute);
    self->kwd_mark = Py_NewRef(kwd_mark);
    self->key = key != Py_None ? Py_NewRef(key) : NULL;
    self->ready = (PyTypeObject *)Py_NewRef(state->ready);
    self->typed = typed;
    self->is_coroutine = is_coroutine;
    self->vectorcall = cached_vectorcall;
    object_defer_counting((PyObject *)self);
    return (PyObject *)self;
}

static int
cached_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    CachedObject *self = (CachedObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->dict);
    Py_VISIT(self->fn);
    Py_VISIT((PyObject *)self->cache);
    Py_VISIT(self->key);
    Py_VISIT(self->compute);
    Py_VISIT(self->kwd_mark);
    Py_VISIT((PyObject *)self->ready);
    return 0;
}

/* The members stay, since another thread may be calling: cycles are broken in the dict, which names the function, in the
 * function, and in the cache. */
static int
cached_tp_clear(PyObject *op)
{
    Py_CLEAR(((CachedObject *)op)->dict);
    return 0;
}

static void
cached_tp_dealloc(PyObject *op)
{
    CachedObject *self = (CachedObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, cached_tp_dealloc)
    weakrefs_clear(op, &self->weakrefs);
    Py_XDECREF(self->dict);
    Py_XDECREF(self->fn);
    Py_XDECREF(self->cache);
    Py_XDECREF(self->key);
    Py_XDECREF(self->compute);
    Py_XDECREF(self->kwd_mark);
    Py_XDECREF(self->ready);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef cached_methods[] = {
    {"cache_info", cached_info, METH_VARARGS, NULL},
    {"cache_parameters", cached_parameters, METH_VARARGS, NULL},
    {"cache_clear", cached_clear, METH_VARARGS, NULL},
    {"__reduce__", cached_reduce, METH_NOARGS, NULL},
    {"__copy__", cached_copy, METH_NOARGS, NULL},
    {"__deepcopy__", cached_copy, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cached_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef cached_members[] = {
    {"cache", T_OBJECT, offsetof(CachedObject, cache), READONLY, NULL},
    {"_fn", T_OBJECT, offsetof(CachedObject, fn), READONLY, NULL},
    {"_typed", T_BOOL, offsetof(CachedObject, typed), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(CachedObject, weakrefs), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(CachedObject, dict), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(CachedObject, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot cached_slots[] = {
    {Py_tp_new, cached_tp_new},
    {Py_tp_traverse, cached_tp_traverse},
    {Py_tp_clear, cached_tp_clear},
    {Py_tp_dealloc, cached_tp_dealloc},
    {Py_tp_repr, cached_repr},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, cached_descr_get},
    {Py_tp_methods, cached_methods},
    {Py_tp_getset, cached_getset},
    {Py_tp_members, cached_members},
    {0, NULL},
};

PyType_Spec frozen_cached_spec = {
    .name = "frozen._CachedFunction",
    .basicsize = sizeof(CachedObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .slots = cached_slots,
};

/* ---- which thread computes ---- */

static PyObject *
cached_thread_number(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromUnsignedLongLong(thread_number());
}

static PyObject *
cached_thread_vanished(PyObject *Py_UNUSED(module), PyObject *number)
{
    unsigned long long thread = PyLong_AsUnsignedLongLong(number);
    if (thread == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(thread != 0 && thread_vanished(thread));
}

PyMethodDef cached_functions[] = {
    {"_thread_number", cached_thread_number, METH_NOARGS, NULL},
    {"_thread_vanished", cached_thread_vanished, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
