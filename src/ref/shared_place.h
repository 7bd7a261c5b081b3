/* Places in shared memory: what SharedRef, SharedAtomicMap and SharedAtomicCounter have in common.
 *
 * A place is a block that holds what changes. Its references are held by the objects of any interpreter that stand for it, by
 * what is on its way to one, and by the table of names (shared_names.h). No container holds one (crossing_encode).
 *
 * A fork leaves the child with a place of its own, in the state that the parent's has at that moment. The first change there
 * warns of that. */
#ifndef FROZEN_REF_SHARED_PLACE_H
#define FROZEN_REF_SHARED_PLACE_H

#include "module.h"
#include "platform/fork.h"
#include "shared/cell.h"

typedef struct shared_place {
    block head;
    _Atomic(uint32_t) generation; /* of the process that made it (fork_generation), or that has warned of that since */
    struct shared_place *next; /* in the table of names */
    uint64_t name_hash; /* ... and its hash there */
    size_t name_length; /* 0: anonymous */
    char *name; /* UTF-8, at the end of the block */
} shared_place;

/* A block of `size` bytes, of which the head is filled, and the name copied; NULL: out of memory (exception set). */
void *place_alloc(block_kind kind, size_t size, const char *name, size_t name_length);

static inline void
place_retain(shared_place *self)
{
    block_retain(&self->head);
}
static inline void
place_release(shared_place *self)
{
    cell_release_detached((cell)(uintptr_t)self);
}

/* Type(initial) or Type(name, initial): *initial is a new reference, because making a cell of it runs arbitrary code, which
 * may empty the dict of keywords; NULL if none was given. *name is borrowed from the tuple, NULL for an anonymous place.
 * False: failed (exception set). */
bool place_parse_new(block_kind kind, PyObject *args, PyObject *kwargs, PyObject **name, PyObject **initial);

/* The name as UTF-8, borrowed, empty for NULL; false: it cannot be one (exception set). */
bool place_parse_name(block_kind kind, PyObject *name, const char **text, size_t *length);

/* Puts a new place into the table, unless `name` is NULL; false: the name is taken (exception set). */
bool place_add(shared_place *self, PyObject *name);

/* The place of that name, a new reference, or NULL (exception set). */
shared_place *place_find(block_kind kind, PyObject *name);

/* unlink(name): None, or NULL (exception set). */
PyObject *place_unlink(block_kind kind, PyObject *name);

/* The attribute `name`. */
PyObject *place_name(shared_place *self);

/* __reduce__: NULL, with a TypeError that says what to send instead. */
PyObject *place_reduce(block_kind kind);

/* Warns of the fork. False: the warning was made an exception. */
bool place_warn_of_fork(shared_place *self);

/* To be asked before a change, without a lock; false with an exception set. May run Python code. */
static inline bool
place_may_change(shared_place *self)
{
    uint32_t generation = atomic_load_explicit(&fork_generation, memory_order_relaxed);
    return LIKELY(atomic_load_explicit(&self->generation, memory_order_relaxed) == generation)
           || place_warn_of_fork(self);
}

#endif
