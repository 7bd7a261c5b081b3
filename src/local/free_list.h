/* Blocks of dead nodes of the local memory, of headers and of iterators over vectors, kept for those to come.
 *
 * A small change makes a header and a few nodes, and as many die soon after, of the same sizes. Handing a block from
 * the dead to the new costs a fifth of the instructions that the allocator and the collector's book-keeping take
 * (figures: benchmarks/README.md).
 *
 * The lists are part of the module state, so that every interpreter has its own, and bounded, so that they need no
 * clearing before the module goes away.  They rely on the GIL: a free-threaded build, whose allocator has lists of its
 * own for each thread, keeps nothing.  Nor does a debug build of this project, so that tools see uses of freed memory.
 *
 * A kept block stays an object with its type, of which it owns a reference, and a count of 0: like the blocks in
 * CPython's own free lists, it lives again by object_revive(). */
#ifndef FROZEN_LOCAL_FREE_LIST_H
#define FROZEN_LOCAL_FREE_LIST_H

#include "platform/cpython.h"

#if !defined(Py_GIL_DISABLED) && !defined(FROZEN_CHECK)
#define SPARES_LIMIT 16
#else
#define SPARES_LIMIT 0
#endif

#define SPARE_UNIT 16 /* a node's block has a multiple of this size */
#define SPARE_CLASSES 20

typedef struct {
    PyObject *first;
    unsigned count;
} spare_list;

/* The module state begins with these, so that local/ finds them without knowing what else there is. */
typedef struct local_spares {
    unsigned limit; /* of each list; 0: before the module is there, and after it is gone */
    spare_list headers; /* and what else is as large as a container, and known to the collector */
    spare_list nodes[SPARE_CLASSES]; /* by size in units */
} local_spares;

/* The next block in a list; behind the object's head. */
static inline PyObject **
spare_next(PyObject *spare)
{
    return (PyObject **)(spare + 1);
}

/* The first block of a list, still dead; NULL: there is none. */
static inline PyObject *
spare_pop(spare_list *list)
{
    PyObject *spare = list->first;
    if (SPARES_LIMIT == 0 || UNLIKELY(spare == NULL))
        return NULL;
    list->first = *spare_next(spare);
    list->count--;
    return spare;
}

/* Node types share their lists, and so do container types. */
static inline void
spare_become(PyObject *spare, PyTypeObject *type)
{
    PyTypeObject *old = Py_TYPE(spare);
    Py_SET_TYPE(spare, (PyTypeObject *)Py_NewRef((PyObject *)type));
    Py_DECREF(old);
}

/* A new object of `type`, its contents undefined; NULL: there is no spare. */
static inline PyObject *
spare_take(spare_list *list, PyTypeObject *type)
{
    PyObject *spare = spare_pop(list);
    if (UNLIKELY(spare == NULL))
        return NULL;
    if (UNLIKELY(!Py_IS_TYPE(spare, type)))
        spare_become(spare, type);
    object_revive(spare);
    return spare;
}

/* Whether the list has taken the block, and with it the reference to its type; otherwise both are the caller's to give
 * back. */
static inline bool
spare_keep(const local_spares *spares, spare_list *list, PyObject *dead)
{
    if (SPARES_LIMIT == 0 || UNLIKELY(list->count >= spares->limit))
        return false;
    *spare_next(dead) = list->first;
    list->first = dead;
    list->count++;
    return true;
}

/* A new object of a type as large as a container, untracked and its contents undefined.  `spares`: or NULL. */
static inline PyObject *
spare_header_new(local_spares *spares, PyTypeObject *type)
{
    PyObject *spare = LIKELY(spares != NULL) ? spare_take(&spares->headers, type) : NULL;
    return LIKELY(spare != NULL) ? spare : (PyObject *)PyObject_GC_New(container, type);
}

/* The end of such an object, whose contents are gone. */
static inline void
spare_header_free(local_spares *spares, PyObject *dead)
{
    if (LIKELY(spares != NULL && spare_keep(spares, &spares->headers, dead)))
        return;
    PyTypeObject *type = Py_TYPE(dead);
    type->tp_free(dead);
    Py_DECREF(type);
}

static inline size_t
spare_class(size_t size)
{
    return (size + SPARE_UNIT - 1) / SPARE_UNIT;
}

/* local/nodes.c */
void local_spares_open(local_spares *spares);
void local_spares_close(local_spares *spares);
int local_spares_traverse(local_spares *spares, visitproc visit, void *arg);

#endif
