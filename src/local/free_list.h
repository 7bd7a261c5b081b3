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
#define FREE_LIST_LIMIT 16
#else
#define FREE_LIST_LIMIT 0
#endif

#define FREE_LIST_UNIT 16 /* a node's block has a multiple of this size */
#define FREE_LIST_CLASSES 20

typedef struct {
    PyObject *first;
    unsigned count;
} free_list;

/* The module state begins with these, so that local/ finds them without knowing what else there is. */
typedef struct free_lists {
    unsigned limit; /* of each list; 0: before the module is there, and after it is gone */
    free_list headers; /* and what else is as large as a container, and known to the collector */
    free_list nodes[FREE_LIST_CLASSES]; /* by size in units */
} free_lists;

/* The next block in a list; behind the object's head. */
static inline PyObject **
free_list_next(PyObject *block)
{
    return (PyObject **)(block + 1);
}

/* The first block of a list, still dead; NULL: there is none. */
static inline PyObject *
free_list_pop(free_list *list)
{
    PyObject *block = list->first;
    if (FREE_LIST_LIMIT == 0 || UNLIKELY(block == NULL))
        return NULL;
    list->first = *free_list_next(block);
    list->count--;
    return block;
}

/* Node types share their lists, and so do container types. */
static inline void
free_list_become(PyObject *block, PyTypeObject *type)
{
    PyTypeObject *old = Py_TYPE(block);
    Py_SET_TYPE(block, (PyTypeObject *)Py_NewRef((PyObject *)type));
    Py_DECREF(old);
}

/* A new object of `type`, its contents undefined; NULL: the list is empty. */
static inline PyObject *
free_list_take(free_list *list, PyTypeObject *type)
{
    PyObject *block = free_list_pop(list);
    if (UNLIKELY(block == NULL))
        return NULL;
    if (UNLIKELY(!Py_IS_TYPE(block, type)))
        free_list_become(block, type);
    object_revive(block);
    return block;
}

/* Whether the list has taken the block, and with it the reference to its type; otherwise both are the caller's to give
 * back. */
static inline bool
free_list_keep(const free_lists *lists, free_list *list, PyObject *dead)
{
    if (FREE_LIST_LIMIT == 0 || UNLIKELY(list->count >= lists->limit))
        return false;
    *free_list_next(dead) = list->first;
    list->first = dead;
    list->count++;
    return true;
}

/* A new object of a type as large as a container, untracked and its contents undefined.  `lists`: or NULL. */
static inline PyObject *
free_lists_header_new(free_lists *lists, PyTypeObject *type)
{
    PyObject *block = LIKELY(lists != NULL) ? free_list_take(&lists->headers, type) : NULL;
    return LIKELY(block != NULL) ? block : (PyObject *)PyObject_GC_New(container, type);
}

/* The end of such an object, whose contents are gone. */
static inline void
free_lists_header_free(free_lists *lists, PyObject *dead)
{
    if (LIKELY(lists != NULL && free_list_keep(lists, &lists->headers, dead)))
        return;
    PyTypeObject *type = Py_TYPE(dead);
    type->tp_free(dead);
    Py_DECREF(type);
}

static inline size_t
free_list_class(size_t size)
{
    return (size + FREE_LIST_UNIT - 1) / FREE_LIST_UNIT;
}

/* local/nodes.c */
void free_lists_open(free_lists *lists);
void free_lists_close(free_lists *lists);
int free_lists_traverse(free_lists *lists, visitproc visit, void *arg);

#endif
