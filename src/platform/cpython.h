/* CPython, as far as its versions and builds differ: the one place that knows about them outside local/nodes.h,
 * ref/ and shared/.  Everything below has the same meaning on 3.11-3.15, with the GIL and without. */
#ifndef FROZEN_PLATFORM_CPYTHON_H
#define FROZEN_PLATFORM_CPYTHON_H

#include "platform/compiler.h"

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <structmember.h>

#if SIZEOF_SIZE_T != 8
#error "frozen needs a 64-bit CPython: its tries are built over 64-bit hashes"
#endif

/* Every type is an immutable heap type, so that PyType_GetModuleState(Py_TYPE(self)) is right in every slot. */
#define FROZEN_TYPE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE)

/* A METH_FASTCALL function, or one that takes keywords, as a PyMethodDef wants it. */
#define FASTCALL(function) ((PyCFunction)(void (*)(void))(function))

/* `OBJECT_LOCK(op); ... OBJECT_UNLOCK();` makes a mutable object safe to use from several threads: a critical section
 * without the GIL, nothing with it.  The section is suspended whenever the thread waits or runs Python code, so state
 * read before such a point must be read again after it. */
#if PY_VERSION_HEX >= 0x030D0000
#define OBJECT_LOCK(op) Py_BEGIN_CRITICAL_SECTION(op)
#define OBJECT_UNLOCK() Py_END_CRITICAL_SECTION()
#else
#define OBJECT_LOCK(op) {
#define OBJECT_UNLOCK() }
#endif

/* CPython 3.11 runs the collector, and with it finalizers, from inside an allocation.  A section that must not be
 * re-entered between its first allocation and its last store brackets itself with these; later versions collect at
 * safe points only and need nothing. */
#if PY_VERSION_HEX < 0x030C0000
#define COLLECTOR_PAUSE() int frozen_gc_was_on = PyGC_Disable()
#define COLLECTOR_RESUME() do { if (frozen_gc_was_on) PyGC_Enable(); } while (0)
#else
#define COLLECTOR_PAUSE() ((void)0)
#define COLLECTOR_RESUME() ((void)0)
#endif

/* trees/memory_contract.h. Runs the handlers of signals, in the main thread, and from CPython 3.12 on a collection that
 * is due: arbitrary code, before which walk.c pauses the walk that the thread is in. */
bool interrupted(void);

#include "platform/budget.h"

/* Around arbitrary code that is called with kilobytes of C frames above it and may come back to the same place. CPython
 * 3.12 and 3.13 count nested calls and take each for a small one, so there it counts as several; 3.14 looks at the
 * stack. */
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030E0000
#define DEEP_CALL 8
#else
#define DEEP_CALL 1
#endif

static inline void
deep_call_leave(int entered)
{
    while (entered--)
        Py_LeaveRecursiveCall();
}

/* 0, then deep_call_leave(DEEP_CALL) ends it; or -1: RecursionError. */
static inline int
deep_call_enter(const char *where)
{
    for (int entered = 0; entered < DEEP_CALL; entered++)
        if (Py_EnterRecursiveCall(where) != 0) {
            deep_call_leave(entered);
            return -1;
        }
    return 0;
}

/* trees/memory_contract.h. Asks malloc itself, and not Python's, which fills what it gives in debug modes: the pages of
 * a large block that nothing touches cost nothing. */
static inline bool
array_fits(size_t count, size_t size)
{
    void *volatile block = count <= SIZE_MAX / 2 / size ? malloc(count * size + 1) : NULL;
    free(block);
    if (block == NULL)
        PyErr_NoMemory();
    return block != NULL;
}

/* A dead object that was kept, with its type, gets its first reference; tools that trace memory or references are
 * told. */
static inline void
object_revive(PyObject *op)
{
    _Py_NewReference(op);
}

/* This thread holds the only reference, so no other thread can reach the object.  May say no where the answer is yes
 * (an object that another thread made): callers then copy, which is always right.
 *
 * The caller is about to change the object.  What other threads have read of it comes before that: they released their
 * references by a decrement of ob_ref_shared, which the acquiring load reads. */
static inline bool
object_is_unique(PyObject *o)
{
#ifndef Py_GIL_DISABLED
    return Py_REFCNT(o) == 1;
#else
#if PY_VERSION_HEX >= 0x030E0000
    bool unique = PyUnstable_Object_IsUniquelyReferenced(o);
#else
    bool unique = _Py_IsOwnedByCurrentThread(o) && _Py_atomic_load_uint32_relaxed(&o->ob_ref_local) == 1;
#endif
    return unique && atomic_load_explicit((_Atomic(Py_ssize_t) *)&o->ob_ref_shared, memory_order_acquire) == 0;
#endif
}

/* Beside `own` references of the caller's there is one other, and its holder is the only way to the object.  May say no
 * where the answer is yes, and does on free-threaded builds. */
static inline bool
object_is_held_once(PyObject *o, Py_ssize_t own)
{
#ifndef Py_GIL_DISABLED
    return Py_REFCNT(o) == own + 1;
#else
    (void)o;
    (void)own;
    return false;
#endif
}

/* The hash that an exact str has cached, or -1.  Relaxed: all threads that compute it store the same value. */
static inline Py_hash_t
unicode_known_hash(PyObject *o)
{
    return atomic_load_explicit((_Atomic(Py_hash_t) *)&((PyASCIIObject *)o)->hash, memory_order_relaxed);
}

/* Of two exact str. */
static inline bool
unicode_equal(PyObject *a, PyObject *b)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(a);
    unsigned kind = PyUnicode_KIND(a);
    return length == PyUnicode_GET_LENGTH(b) && kind == (unsigned)PyUnicode_KIND(b)
           && memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), (size_t)length * kind) == 0;
}

/* When `self` ends: tell its weak references. On a free-threaded build one of them may be taking itself out of the list
 * in another thread; CPython looks again under the list's lock. */
static inline void
weakrefs_clear(PyObject *self, PyObject **list)
{
    if (atomic_load_explicit((_Atomic(PyObject *) *)list, memory_order_acquire) != NULL)
        PyObject_ClearWeakRefs(self);
}

/* An exact int of one digit: its value. */
static inline bool
small_int_value(PyObject *o, Py_ssize_t *value)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (LIKELY(PyLong_CheckExact(o) && PyUnstable_Long_IsCompact((PyLongObject *)o))) {
        *value = PyUnstable_Long_CompactValue((PyLongObject *)o);
        return true;
    }
#endif
    (void)o;
    (void)value;
    return false;
}

/* How long an exact int is: its hash takes as many steps. */
static inline size_t
int_digits(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030C0000
    return ((PyLongObject *)o)->long_value.lv_tag >> 3;
#else
    return (size_t)Py_ABS(Py_SIZE(o));
#endif
}

/* What a user holds: a header that owns one reference to a root, in whichever memory that is.  All containers have this
 * layout. */
typedef struct {
    PyObject_HEAD
    void *root;
    Py_ssize_t count;
    _Atomic(Py_hash_t) hash; /* -1: not computed yet.  Every thread that computes it stores the same value */
    PyObject *weakrefs;
} container;

/* The dealloc of all containers of a memory (local/nodes.c, shared/nodes.c) tells which one an object is of. A subclass
 * has CPython's own for subclasses, which calls it. */
void local_container_dealloc(PyObject *self);
void shared_container_dealloc(PyObject *self);

/* Another header over the same root: a new reference, or NULL (exception set). */
PyObject *local_container_new_header(PyObject *self);
PyObject *shared_container_new_header(PyObject *self);

/* The node types of one container of the local memory (local/nodes.h); part of the module state. */
typedef struct {
    PyTypeObject *plain;
    PyTypeObject *general;
    struct free_lists *free_lists;
    void *spares; /* where an edit of an atomic map looks for blocks first; NULL elsewhere */
} local_memory;

/* The state of the module that a heap type was made for, or NULL: it has none, or the collector has cleared the type.
 * Unlike PyType_GetModuleState this sets no exception, and so may be used while an object dies. */
static inline void *
type_module_state(PyTypeObject *type)
{
    PyObject *module = ((PyHeapTypeObject *)type)->ht_module;
    return LIKELY(module != NULL) ? PyModule_GetState(module) : NULL;
}

/* KeyError(key), also for a key that is a tuple. */
static inline void
set_key_error(PyObject *key)
{
    PyObject *args = PyTuple_Pack(1, key);
    if (args != NULL) {
        PyErr_SetObject(PyExc_KeyError, args);
        Py_DECREF(args);
    }
}

/* 1 and a new reference in *value, 0: no such key, or -1 (exception set). */
static inline int
dict_lookup(PyObject *dict, PyObject *key, PyObject **value)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyDict_GetItemRef(dict, key, value);
#else
    *value = Py_XNewRef(PyDict_GetItemWithError(dict, key));
    return *value != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
#endif
}

/* The part of a type's name behind the last dot, for repr. */
static inline const char *
short_type_name(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot != NULL ? dot + 1 : type->tp_name;
}

/* A list or tuple that is filled while arbitrary code runs, or another thread can: the collector must not know it
 * before it is full. gc.get_objects() would hand it out with NULL in it, and a list could be cleared while it is
 * filled. New, to be made known by sequence_known(); or NULL (exception set). Dropping one that is not full is
 * fine. */
static inline PyObject *
sequence_unknown(PyObject *fresh)
{
    if (fresh != NULL && PyObject_GC_IsTracked(fresh))
        PyObject_GC_UnTrack(fresh);
    return fresh;
}

/* Free-threaded builds crash in PyList_New() itself where the array cannot be had: it frees a list that it has not
 * filled in. So it is never called for a size that is certain to fail. */
static inline PyObject *
unknown_list(Py_ssize_t size)
{
    bool fits = size < 1 << 20 || array_fits((size_t)size, sizeof(PyObject *));
    return fits ? sequence_unknown(PyList_New(size)) : NULL;
}

static inline PyObject *
unknown_tuple(Py_ssize_t size)
{
    return sequence_unknown(PyTuple_New(size));
}

static inline void
sequence_known(PyObject *full)
{
    /* the empty tuple is never tracked */
    if (PyList_CheckExact(full) || PyTuple_GET_SIZE(full) > 0)
        PyObject_GC_Track(full);
}

/* The tuple of what an iterable yields, or NULL (exception set). PySequence_Tuple() of CPython before 3.14 lets the
 * collector know its tuple while the iterable's code runs; a list that grows is whole at each moment. */
static inline PyObject *
tuple_of(PyObject *iterable)
{
    if (PyTuple_CheckExact(iterable))
        return Py_NewRef(iterable);
    PyObject *list = PySequence_List(iterable), *tuple = list != NULL ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* The tuple (a, b), references stolen even on failure.  An iterator keeps the last pair it made in *kept: if no other
 * reference to it is left it is filled anew, as dict.items() does. */
static inline PyObject *
pair_recycle(PyObject **kept, PyObject *a, PyObject *b)
{
    PyObject *pair = *kept;
#ifndef Py_GIL_DISABLED
    if (pair != NULL && Py_REFCNT(pair) == 1) {
        PyObject *old_a = PyTuple_GET_ITEM(pair, 0), *old_b = PyTuple_GET_ITEM(pair, 1);
        Py_INCREF(pair);
        PyTuple_SET_ITEM(pair, 0, a);
        PyTuple_SET_ITEM(pair, 1, b);
#if PY_VERSION_HEX >= 0x030E0000
        ((PyTupleObject *)pair)->ob_hash = -1;
#endif
        if (!PyObject_GC_IsTracked(pair))
            PyObject_GC_Track(pair); /* the collector untracks tuples of atoms */
        Py_DECREF(old_a);
        Py_DECREF(old_b);
        return pair;
    }
#endif
    pair = PyTuple_New(2);
    if (pair == NULL) {
        Py_DECREF(a);
        Py_DECREF(b);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, a);
    PyTuple_SET_ITEM(pair, 1, b);
#ifndef Py_GIL_DISABLED
    Py_XSETREF(*kept, Py_NewRef(pair));
#else
    (void)kept;
#endif
    return pair;
}

/* The pair (a, b) of the class, tuple or a subclass without fields of its own, as `tuple.__new__(type, (a, b))` makes
 * it: a new reference, or NULL (exception set).  Between its making and its filling nothing runs. */
static inline PyObject *
pair_of_type(PyTypeObject *type, PyObject *a, PyObject *b)
{
    if (type == &PyTuple_Type)
        return PyTuple_Pack(2, a, b);
    assert(PyType_IsSubtype(type, &PyTuple_Type));
    PyObject *pair = type->tp_alloc(type, 2);
    if (pair == NULL)
        return NULL;
    PyTuple_SET_ITEM(pair, 0, Py_NewRef(a));
    PyTuple_SET_ITEM(pair, 1, Py_NewRef(b));
#if PY_VERSION_HEX >= 0x030E0000
    ((PyTupleObject *)pair)->ob_hash = -1;
#endif
    return pair;
}

/* A dict or a frozendict, subclasses included. */
static inline bool
is_any_dict(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030F0000
    return PyAnyDict_Check(o);
#else
    return PyDict_Check(o);
#endif
}

static inline bool
is_frozendict(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030F0000
    return PyFrozenDict_Check(o);
#else
    (void)o;
    return false;
#endif
}

/* The attribute of that name as a new reference in *found, or NULL there: 1, 0, or -1 (exception set).
 *
 * Here and below the name is interned, so that it is the string that types already hold: a type's method cache keeps a
 * reference to each new string that it is asked for, and forgets something useful for it. */
static inline int
attribute_if_any(PyObject *object, const char *name, PyObject **found)
{
    PyObject *interned = PyUnicode_InternFromString(name);
    *found = NULL;
    if (interned == NULL)
        return -1;
#if PY_VERSION_HEX >= 0x030D0000
    int status = PyObject_GetOptionalAttr(object, interned, found);
#else
    int status = _PyObject_LookupAttr(object, interned, found);
#endif
    Py_DECREF(interned);
    return status;
}

/* object.name(first, second), or object.name(first) if second is NULL: a new reference, or NULL (exception set). */
static inline PyObject *
call_method(PyObject *object, const char *name, PyObject *first, PyObject *second)
{
    PyObject *interned = PyUnicode_InternFromString(name);
    if (interned == NULL)
        return NULL;
    PyObject *result = PyObject_CallMethodObjArgs(object, interned, first, second, NULL);
    Py_DECREF(interned);
    return result;
}

/* A name of a module, which is stolen and may be NULL (exception set): a new reference, or NULL (exception set). */
static inline PyObject *
name_in_module(PyObject *module, const char *name)
{
    PyObject *interned = module != NULL ? PyUnicode_InternFromString(name) : NULL;
    PyObject *found = interned != NULL ? PyObject_GetAttr(module, interned) : NULL;
    Py_XDECREF(interned);
    Py_XDECREF(module);
    return found;
}

/* `from module import name`: a new reference, or NULL (exception set). A module that is there is not imported again:
 * that costs more, and without memory CPython's `__import__` raises SystemError.  One that another thread is importing
 * may lack the name, and is waited for. No exception may be set, which CPython's look for the module would clear. */
static inline PyObject *
imported(const char *module_name, const char *name)
{
    assert(!PyErr_Occurred());
    PyObject *key = PyUnicode_FromString(module_name);
    PyObject *module = key != NULL ? PyImport_GetModule(key) : NULL;
    Py_XDECREF(key);
    PyObject *found = module != NULL ? name_in_module(module, name) : NULL;
    if (found != NULL || (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError)))
        return found;
    PyErr_Clear();
    return name_in_module(PyImport_ImportModule(module_name), name);
}

/* What a function of the Python layer returns, with `op` at the head of the arguments, or NULL (exception set). */
static inline PyObject *
call_python_layer(const char *module, const char *name, PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyObject *function = imported(module, name);
    PyObject *bound = function != NULL ? PyMethod_New(function, op) : NULL;
    PyObject *result = bound != NULL ? PyObject_Call(bound, args, kwargs) : NULL;
    Py_XDECREF(bound);
    Py_XDECREF(function);
    return result;
}

/* For a new str, whose hash is known from elsewhere. */
static inline void
unicode_set_known_hash(PyObject *o, Py_hash_t hash)
{
    atomic_store_explicit((_Atomic(Py_hash_t) *)&((PyASCIIObject *)o)->hash, hash, memory_order_relaxed);
}

/* From 3.14 on a tuple keeps its hash, so one that is nested to any depth can be hashed, level by level from within. All
 * levels at once take the C stack, at which CPython does not look here. */
static inline Py_hash_t
tuple_known_hash(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030E0000
    return atomic_load_explicit((_Atomic(Py_hash_t) *)&((PyTupleObject *)o)->ob_hash, memory_order_relaxed);
#else
    (void)o;
    return -1;
#endif
}

/* Hashes a new object that is to be part of one that will be hashed, if it is a tuple: 0, or -1: interrupted (exception
 * set). Whatever needs the hash reports another error. */
static inline int
tuple_hash_level(PyObject *o)
{
    if (PY_VERSION_HEX < 0x030E0000 || !PyTuple_Check(o) || PyObject_Hash(o) != -1)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    return 0;
}

/* Gives a new tuple the hash that it has, where CPython keeps one. */
static inline void
tuple_set_known_hash(PyObject *o, Py_hash_t hash)
{
#if PY_VERSION_HEX >= 0x030E0000
    ((PyTupleObject *)o)->ob_hash = hash;
#else
    (void)o;
    (void)hash;
#endif
}

/* The exception that is set, or NULL, to be set again by restore_exception. */
static inline PyObject *
take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(traceback);
    Py_DECREF(type);
    return value;
#endif
}

/* Steals `exception`. */
static inline void
restore_exception(PyObject *exception)
{
    if (exception == NULL)
        return;
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF(exception);
#endif
}

#endif
