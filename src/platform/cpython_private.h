/* The names of CPython that are not public, all of them, and the versions they are known to mean the same in.
 *
 * They serve two things on free-threaded builds: each thread keeps a header of its own (reader.h), and has to know
 * whether it still owns it; and nodes that any thread edits have no owner (AtomicMap), whose readers copy ints that they
 * would have to count in memory of all threads. Reference counts there are biased (Choi, Shull & Torrellas 2018): the thread that made an
 * object, its owner, counts in one field without atomics, all others in a second one; once the owner has merged the
 * two, the object has no owner and any thread may free it.
 *
 * Elsewhere, and with -DFROZEN_PORTABLE, REF_THREAD_HEADERS is 0 and references are read under their lock. So they are
 * where private_counts.c finds, when the extension is loaded, that this CPython counts in another way. */
#ifndef FROZEN_PLATFORM_CPYTHON_PRIVATE_H
#define FROZEN_PLATFORM_CPYTHON_PRIVATE_H

#include "platform/cpython.h"

#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x03100000 && !defined(FROZEN_PORTABLE)
#define REF_THREAD_HEADERS 1

/* Made by private_counts.c before the first reference is, once: an object may be counted in one way only. */
extern _Atomic(int) private_counts_decision;

enum { COUNTS_UNDECIDED, COUNTS_NOT_RELIED_ON, COUNTS_RELIED_ON };

/* Whether this process relies on the names below. */
static inline bool
private_counts_hold(void)
{
    return atomic_load_explicit(&private_counts_decision, memory_order_relaxed) == COUNTS_RELIED_ON;
}

/* Only for an object that cannot be freed meanwhile. */
static inline bool
object_is_mine(PyObject *op)
{
    return _Py_IsOwnedByCurrentThread(op);
}

/* Sequentially consistent, as the merge itself is. */
static inline bool
object_is_merged(PyObject *op)
{
    return (_Py_atomic_load_ssize(&op->ob_ref_shared) & _Py_REF_SHARED_FLAG_MASK) == _Py_REF_MERGED;
}

/* Of an object that this thread has just made, so that it holds the only reference: from here on all threads count in
 * the second field. Any thread may then find out that its reference is the last one, and frees the object itself,
 * instead of leaving that to the owner. */
static inline void
object_give_up(PyObject *op)
{
    _Py_atomic_store_uintptr_relaxed(&op->ob_tid, 0);
    _Py_atomic_store_uint32_relaxed(&op->ob_ref_local, 0);
    _Py_atomic_store_ssize_relaxed(&op->ob_ref_shared, _Py_REF_SHARED(1, _Py_REF_MERGED));
}

/* The same where that is relied on. */
static inline void
object_disown(PyObject *op)
{
    if (private_counts_hold())
        object_give_up(op);
}

/* Whether this thread's references to the object are counted where those of other threads are: counting writes a line that
 * others read. Only for an object that cannot be freed meanwhile. */
static inline bool
object_is_counted_by_all(PyObject *op)
{
    return private_counts_hold() && !_Py_IsOwnedByCurrentThread(op) && !_Py_IsImmortal(op);
}

/* As object_is_unique, also of an object without an owner. The load acquires for the same reason. */
static inline bool
object_is_unique_in_any_thread(PyObject *op)
{
    return object_is_unique(op)
           || (private_counts_hold()
               && _Py_atomic_load_ssize_acquire(&op->ob_ref_shared) == _Py_REF_SHARED(1, _Py_REF_MERGED));
}

#else
#define REF_THREAD_HEADERS 0

static inline bool
private_counts_hold(void)
{
    return false;
}

static inline void
object_disown(PyObject *op)
{
    (void)op;
}

static inline bool
object_is_unique_in_any_thread(PyObject *op)
{
    return object_is_unique(op);
}

/* Not known. */
static inline bool
object_is_counted_by_all(PyObject *op)
{
    (void)op;
    return false;
}
#endif

/* An object that many threads fetch from a global variable: let that cost no shared count.  Such an object is freed by
 * the collector, not by its last reference. */
static inline void
object_defer_counting(PyObject *op)
{
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX >= 0x030E0000
    PyUnstable_Object_EnableDeferredRefcount(op);
#else
    (void)op;
#endif
}

#endif
