/* What an interpreter keeps of a SharedRef between two reads: an object of the version read last.
 *
 * A value is decoded once, not at each get(); while nothing is published get() loads the version and counts a reference
 * that no other interpreter touches.
 *
 *   with the GIL      one object in each SharedRef object, under its interpreter's GIL
 *   free-threaded     one in each thread that reads, as AtomicRef has them (reader.h); a value that is a word by itself,
 *                     such as an int, is kept as that word
 *   free-threaded, portable (cpython_private.h)   none
 *
 * Memory. What is kept holds its version. Publishing through a SharedRef object drops what that object keeps, in all
 * threads of its interpreter; other objects, and other interpreters, whose objects no other interpreter may touch, keep
 * an outdated version until they read again or end. */
#ifndef FROZEN_REF_SHARED_READER_H
#define FROZEN_REF_SHARED_READER_H

#include "module.h"
#include "ref/reader.h"
#include "ref/shared_variable.h"

#if REF_THREAD_HEADERS

typedef struct {
    char apart[64]; /* what readers load lies on another cache line than the object's own shared count */
    reader_link link;
} shared_reader;

static inline bool
shared_reader_init(shared_reader *self, module_state *state)
{
    return reader_link_init(&self->link, state->readers);
}

/* An object of the current version (new reference), and the version; NULL without an exception if none is kept. */
static inline PyObject *
shared_reader_get(shared_reader *self, ref_slot *published, uint64_t *version)
{
    reader_slot *slot = reader_find(&self->link, published);
    if (slot == NULL)
        return NULL;
    *version = slot->version;
    return slot->word != NO_CELL ? cell_to_object(slot->word) : reader_header(slot);
}

/* Keeps `object`, which `value` of `version` was decoded to in this thread.  May run Python code. */
static inline void
shared_reader_keep(shared_reader *self, PyObject *owner, ref_slot *published, cell value, PyObject *object,
                   uint64_t version)
{
    module_state *state = module_state_of(owner);
    if (state == NULL) {
        PyErr_Clear(); /* the module is being torn down */
        return;
    }
    PyObject *old = NULL;
    reader_slot *slot = reader_claim(&self->link, state->reader_cache, &old);
    if (slot != NULL) {
        if (!object_is_mine(owner))
            object_defer_counting(owner); /* read by more threads than the one that made it */
        if (!cell_is_box(value))
            reader_fill_word(slot, value, version);
        else if (object_is_mine(object)) /* not an object that lives elsewhere, such as an enum's member */
            reader_fill(&self->link, slot, object, version, published);
    }
    Py_XDECREF(old);
}

static inline void
shared_reader_drop(shared_reader *self)
{
    reader_revoke(&self->link);
}

static inline int
shared_reader_traverse(shared_reader *self, visitproc visit, void *arg)
{
    return reader_traverse(&self->link, visit, arg);
}

static inline void
shared_reader_end(shared_reader *self)
{
    shared_reader_drop(self);
    Py_CLEAR(self->link.registry);
}

#else

typedef struct {
    PyObject *object; /* NULL: none */
    uint64_t version;
} shared_reader;

static inline bool
shared_reader_init(shared_reader *self, module_state *state)
{
    (void)self;
    (void)state;
    return true;
}

static inline PyObject *
shared_reader_get(shared_reader *self, ref_slot *published, uint64_t *version)
{
    if (self->object == NULL || self->version != slot_version(published))
        return NULL;
    *version = self->version;
    return Py_NewRef(self->object);
}

static inline void
shared_reader_drop(shared_reader *self)
{
    Py_CLEAR(self->object);
}

static inline void
shared_reader_keep(shared_reader *self, PyObject *owner, ref_slot *published, cell value, PyObject *object,
                   uint64_t version)
{
    (void)owner;
    (void)published;
    (void)value;
#ifndef Py_GIL_DISABLED
    PyObject *old = self->object;
    if (old != NULL && self->version >= version)
        return; /* another thread read a newer one while this one decoded */
    self->object = Py_NewRef(object);
    self->version = version;
    Py_XDECREF(old);
#else
    (void)self;
    (void)object;
    (void)version;
#endif
}

static inline int
shared_reader_traverse(shared_reader *self, visitproc visit, void *arg)
{
    Py_VISIT(self->object);
    return 0;
}

static inline void
shared_reader_end(shared_reader *self)
{
    shared_reader_drop(self);
}

#endif

#endif
