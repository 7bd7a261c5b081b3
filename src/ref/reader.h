/* Per-thread headers: how get() writes no memory that another thread reads.
 *
 * A container object is a header over a root (bindings/common/containers.h). Each thread keeps, for the references it
 * reads, a header *of its own* over the published root, with the version it stands for; get() returns that header for
 * as long as its version is the published one:
 *
 *     get          slot->version == load(ref->version)  and  header = load(slot->header)  and  mine(header)
 *                  -> incref(header): plain loads, and a count that only this thread touches
 *     refill       header = new header over the current root;  exchange(slot->header, header);  cached = 1;
 *                  if load(ref->version) is another one: take it out again
 *     publication  store(ref->version);  if exchange(cached, 0): revoke = for each thread: exchange(slot->header, NULL)
 *
 * Which store a reader sees. The store to `version` publishes (slot.h); a get() that loads the old version has happened
 * before it. `refill` and `revoke` are store-then-load against each other, all sequentially consistent: a header put in
 * place after the sweep passed is seen to be old by its own thread, every other one is found by the sweep.
 *
 * No thread can free a header while get() is between its load and its incref. As long as a header is not merged
 * (cpython_private.h) its owner's count holds the slot's reference; what a publisher drops after revoking goes to the
 * shared count, and an object whose sum falls to zero is queued for its owner, which frees it at a safepoint, or for
 * the collector, which stops all threads at safepoints. There is none between that load and that incref. A merged
 * header a publisher could free itself; so it does not drop it, it puts it back, for the owner to replace: the owner
 * does not return it, because it is not `mine` any more, and versions never come back.
 *   The publisher reads the merge mark after its exchange, and the owner, who merged, loads the slot after: all four are
 *   sequentially consistent, so either the owner finds the slot empty or the publisher finds the mark.
 *
 * Memory.  A header pins its version.  It goes when its thread reads the reference again; when a newer version is
 * published and the thread runs (it frees what was queued for it); when the thread ends; or in a collection. */
#ifndef FROZEN_REF_READER_H
#define FROZEN_REF_READER_H

#include "platform/cpython_private.h"
#include "platform/spinlock.h"
#include "ref/slot.h"

enum { READER_SLOTS = 32 }; /* references whose headers a thread keeps; more than that share slots */

typedef struct {
    _Atomic(uint64_t) ref_id;   /* written by the owning thread; 0: unused */
    _Atomic(PyObject *) header; /* a strong reference, taken by the thread that exchanges it */
    uint64_t version;           /* that `header`, or `word`, stands for; the owning thread's */
    uint64_t word;              /* a value that needs no object to be kept; 0: none; the owning thread's */
} reader_slot;

/* A thread state, by address and number: addresses are reused. */
typedef struct {
    PyThreadState *state;
    uint64_t id;
} reader_owner;

/* One thread's headers in one interpreter. */
typedef struct reader_cache {
    reader_slot slots[READER_SLOTS];
    struct reader_cache *next, **link; /* in the registry */
    unsigned long thread;
    reader_owner owner;
    _Atomic(bool) closed; /* by another thread than its own, which frees it */
} reader_cache;

/* All caches of one interpreter: an object, so that references and caches can keep it beyond the module. */
typedef struct {
    PyObject_HEAD
    ref_mutex lock;
    reader_cache *first;
} reader_registry;

#if REF_THREAD_HEADERS
#include "platform/thread_local.h"

/* What a reference has to do with the threads that read it. */
typedef struct {
    uint64_t id;          /* unique in the process, never reused */
    PyObject *registry;   /* of this interpreter */
    _Atomic(bool) cached; /* threads may keep headers of the current version */
} reader_link;

/* False: the module is being torn down (exception set). */
bool reader_link_init(reader_link *link, PyObject *registry);

extern FROZEN_THREAD_LOCAL reader_cache *reader_current;

/* The calling thread's slot for the reference, emptied: what it held is in `old` (may be NULL) and has to be dropped
 * at the end.  NULL: this thread keeps no headers (it is ending, memory is short, or no thread does because CPython counts in
 * another way than private_counts.c looks for; no exception). */
reader_slot *reader_claim(reader_link *link, PyTypeObject *cache_type, PyObject **old);

/* Puts `header` (borrowed), of `version`, into the slot just claimed, unless another version is current already. */
void reader_fill(reader_link *link, reader_slot *slot, PyObject *header, uint64_t version, ref_slot *published);

/* The same for a word. */
static inline void
reader_fill_word(reader_slot *slot, uint64_t word, uint64_t version)
{
    slot->version = version;
    slot->word = word;
}

/* After a publication: takes the headers of older versions from all threads and drops them.  May run Python code. */
void reader_revoke(reader_link *link);

/* For the collector: every header of the reference.  No thread of the interpreter is running. */
int reader_traverse(reader_link *link, visitproc visit, void *arg);

/* The calling thread's slot for the reference, if it is of the version current in `published`, else NULL. */
static inline reader_slot *
reader_find(const reader_link *link, ref_slot *published)
{
    reader_cache *cache = reader_current;
    if (cache == NULL)
        return NULL;
    reader_slot *slot = &cache->slots[link->id % READER_SLOTS];
    bool current = atomic_load_explicit(&slot->ref_id, memory_order_relaxed) == link->id
                   && slot->version == slot_version(published);
    return current ? slot : NULL;
}

/* The header in a slot that reader_find found (new reference), or NULL without an exception. */
static inline PyObject *
reader_header(reader_slot *slot)
{
    PyObject *header = atomic_load_explicit(&slot->header, memory_order_seq_cst);
    return header != NULL && object_is_mine(header) ? Py_NewRef(header) : NULL;
}
#endif /* REF_THREAD_HEADERS */

#endif
