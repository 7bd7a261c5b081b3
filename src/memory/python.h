/* CPython, as far as its versions and builds differ: the one place that knows about them outside memory/local.h,
 * ref/ and interp/.  Everything below has the same meaning on 3.11-3.15, with the GIL and without. */
#ifndef FROZEN_MEMORY_PYTHON_H
#define FROZEN_MEMORY_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

#if SIZEOF_SIZE_T != 8
#error "frozen needs a 64-bit CPython: its tries are built over 64-bit hashes"
#endif

/* Every type is an immutable heap type, so that PyType_GetModuleState(Py_TYPE(self)) is right in every slot. */
#define FROZEN_TYPE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE)

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

/* This thread holds the only reference, so no other thread can reach the object.  May say no where the answer is yes
 * (an object that another thread made): callers then copy, which is always right. */
static inline bool
object_is_unique(PyObject *o)
{
#ifndef Py_GIL_DISABLED
    return Py_REFCNT(o) == 1;
#elif PY_VERSION_HEX >= 0x030E0000
    return PyUnstable_Object_IsUniquelyReferenced(o);
#else
    return _Py_IsOwnedByCurrentThread(o) && _Py_atomic_load_uint32_relaxed(&o->ob_ref_local) == 1
        && _Py_atomic_load_ssize_relaxed(&o->ob_ref_shared) == 0;
#endif
}

/* The hash that an exact str has cached, or -1.  Relaxed: all threads that compute it store the same value. */
static inline Py_hash_t
unicode_known_hash(PyObject *o)
{
    return atomic_load_explicit((_Atomic(Py_hash_t) *)&((PyASCIIObject *)o)->hash, memory_order_relaxed);
}

#endif
