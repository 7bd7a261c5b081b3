/* AtomicRefObject, and what the files that make up its behaviour share. */
#ifndef FROZEN_REF_ATOMIC_REF_H
#define FROZEN_REF_ATOMIC_REF_H

#include "ref/reader.h"
#include "ref/reference.h"
#include "bindings/common/containers.h"

/* The open watches in the order of their opening; each is owned.  Guarded by the lock of the waiters. */
typedef struct {
    struct WatchObject *first, **end;
    uint64_t opened; /* so far */
} watch_list;

typedef struct {
    reference head; /* its publication is `pub` below */
#if REF_THREAD_HEADERS
    char apart[64];       /* what readers load lies on another cache line than the reference's own shared count */
    reader_link readers;
#endif
    publication pub;      /* values are PyObject *, NULL only after tp_clear; its waiters count the watches as well */
    publication_locks locks;
    watch_list watches;
    PyObject *weakrefs;
    bool initialised;
} AtomicRefObject;

/* What compare_and_set compares first: the root of a container, the identity of anything else. */
static inline const void *
version_root(PyObject *value)
{
    const void *root = container_root(value);
    return root != NULL ? root : value;
}

/* The current value (new reference); the caller holds the slot's lock. */
static inline PyObject *
atomic_ref_value(AtomicRefObject *self)
{
    PyObject *value = self->pub.slot.value;
    return Py_NewRef(value != NULL ? value : Py_None);
}

/* The object published last (new reference) and, unless `version` is NULL, its version. */
static inline PyObject *
atomic_ref_read(AtomicRefObject *self, uint64_t *version)
{
    ref_mutex_lock(self->pub.slot.lock);
    PyObject *value = atomic_ref_value(self);
    if (version != NULL)
        *version = slot_version(&self->pub.slot);
    ref_mutex_unlock(self->pub.slot.lock);
    return value;
}

/* What every publication ends with, after unlocking: tells waiters and watches, and drops what was published before
 * (steals `old`). Runs Python code. False, with an exception set, when a callback was interrupted: all have been called
 * then. */
bool atomic_ref_published(AtomicRefObject *self, PyObject *old);

/* atomic_watch.c: registers a watch; calls the callbacks of all; forgets all; visits them for the collector; `unwatch`
 * of AtomicRef's kind. */
PyObject *atomic_ref_watch(PyObject *self, PyObject *callback);
PyObject *atomic_ref_signal(PyObject *self, PyObject *callback);
void atomic_watches_deliver(AtomicRefObject *self, PyObject **interrupt);
void atomic_watches_forget(AtomicRefObject *self);
int atomic_watches_traverse(AtomicRefObject *self, visitproc visit, void *arg);
void atomic_watch_close(struct WatchObject *watch);

#endif
