/* The variable behind SharedRefs: a publication in plain memory that no interpreter owns.
 *
 * A block (shared/block.h) of kind KIND_REF. Its references are held by the SharedRef objects of any interpreter, by
 * what is on its way to one, and by the table of names. The slot's values are cells.
 *
 * How a reader takes a value while a publisher replaces it. A reader that has an object of the current version needs
 * one load, of the version (shared_ref.c). One that has none takes the cell under the slot's lock: the slot's own
 * reference keeps the value alive until the lock is released, and by then the reader has counted its own. The lock is
 * held for these few instructions, in publishers too: values are encoded before and released after. It is a ref_mutex,
 * so it needs no thread state, and a thread of one interpreter may spin for a thread of another, which is running or
 * soon will be; no thread holds it while it waits for anything.
 *
 * Fork. Only the forking interpreter's GIL is held when it forks; a thread of another may be anywhere. So the locks of
 * all variables are a fixed number of stripes in static memory, which fork_guard() takes around a fork: what they guard
 * is whole in the child. */
#ifndef FROZEN_REF_SHARED_VARIABLE_H
#define FROZEN_REF_SHARED_VARIABLE_H

#include "ref/publication.h" /* first: Python.h says which system interfaces there are */
#include "ref/shared_place.h"

typedef struct {
    shared_place place;
    char apart[128 - sizeof(shared_place)]; /* counting references writes another cache line than readers load */
    publication pub;
    char name[];
} shared_variable;

static inline cell
cell_of_slot_value(void *value)
{
    return (cell)(uintptr_t)value;
}
static inline void *
slot_value_of_cell(cell c)
{
    return (void *)(uintptr_t)c;
}

/* New, count 1; steals `value` on success.  NULL: out of memory (exception set). */
shared_variable *variable_new(cell value, const void *root, const char *name, size_t name_length);

static inline void
variable_retain(shared_variable *self)
{
    block_retain(&self->place.head);
}
static inline void
variable_release(shared_variable *self)
{
    cell_release_detached((cell)(uintptr_t)self);
}

/* The current value (new reference) and its version. */
cell variable_read(shared_variable *self, uint64_t *version);

/* Publishes `value` (stolen) and returns what it replaces, to be released. */
cell variable_exchange(shared_variable *self, cell value, const void *root);

/* The same, only while `version` is current: on success `value` is what was replaced. */
bool variable_replace(shared_variable *self, uint64_t version, cell *value, const void *root);

/* The SharedRef over a variable, which is stolen even on failure, or NULL (exception set): shared_ref.c. */
PyObject *shared_ref_over(module_state *state, shared_variable *variable);

/* What a variable owns. */
node_contents variable_contents(block *b);

/* Once in each interpreter: 0, or -1 (exception set). */
int variables_setup(void);

#endif
