/* The structure behind AtomicMap, and the argument that it is right. Included by map.c alone, after the memory and the
 * trie. What is done to slots is table.inc.h's, which SharedAtomicMap has too.
 *
 * A CHAMP trie whose top node is taken apart. Slot i holds the part of the map whose hashes have i as their first digit,
 * as a map's tree of its own: its root has one branch at most, and below it are nodes as every Map has them. Putting the
 * branches of all slots side by side in one node gives the tree of the whole map, so that snapshot() shares all nodes
 * but the top ones, and the tree of a Map is taken apart as cheaply. With the GIL there is one slot, which holds the
 * tree of the whole map.
 *
 *     slots           0      1      2   ...          snapshot
 *                    root   root   root                top
 *                     |             |       ----->    /   \
 *                   node          node             node   node
 *
 * Rules
 *   R1. `roots[i]` is never NULL, and what it leads to changes only while the slot's lock is held. With the GIL the lock is
 *       the GIL: no arbitrary code runs where one is said to be held, CPython 3.11's collector is paused there.
 *   R2. A lock is held for one descent, one edit, and the allocations of that: never while arbitrary code runs, never while
 *       a reference is dropped that could be the last one or that could be another thread's. So no thread is detached while
 *       it holds a lock, and no safepoint lies in a locked section: a world that is stopped, for the collector or for fork,
 *       finds every lock free and every tree whole (platform/spinlock.h). One exception is left: an insertion that runs out
 *       of memory half way gives back counts that it has just taken.
 *   R3. An edit changes a node in place only where each node from the root down to it has one owner, which is the slot
 *       (champ_owned); every other node is copied. So what a snapshot has, or a thread that holds a root, never changes.
 *       Nodes that an edit makes belong to no thread (object_disown): any thread sees that the slot is their one owner,
 *       and frees them itself. If the thread that made a node owned it, as is usual without the GIL, every other thread
 *       would copy it and leave the old one to its owner. The nodes of a Map that was put in are copied once.
 *   R4. An edit in place is one store, of a root, a child or a value. The bitmaps, hashes and keys of a node that a reader
 *       can reach never change: inserting and removing make a new node, into which the contents of the old one move.
 *   R5. What an edit takes out (a value, a key, a node; a node whose contents have moved, as it is) is dropped after
 *       unlocking, and not before every reader has left that was inside when it was taken out (map_leftovers.h):
 *       destruction is prompt, and runs without a lock.
 *   R6. All locks at once are taken in ascending order.
 *
 * Writers. An edit's stores come before the store that unlocks, the next writer's loads after the exchange that locked.
 * The same holds for a thread that locks all slots.
 *
 * Readers, without the GIL, take no lock (map_reads.h): they enter (platform/grace.h), descend, count what they return, and
 * leave. With the GIL they are alone anyhow.
 *
 *   Which store publishes, which load sees it. The store of R4 releases, and a reader's load of that root, child or value
 *   acquires: all that it leads to is whole, and what its writer did before has happened before.
 *
 *   Who frees. Each node and object that a reader can meet is owned by a node of the tree, or was taken out while the
 *   reader was inside, and is then owned by the leftovers until it has left: R5. The same goes for what it meets by way of
 *   a node that was moved out before, which owns nothing any more: its children and values belong to the node that has
 *   taken its place, and once they are taken out of that one, they wait for the reader too. A snapshot, or a thread that
 *   drops a root it held, drops one reference of several for as long as a reader may be inside.
 *
 *   Counting a value that is found without a lock, Py_INCREF of an object of which the thread has no reference, is safe for
 *   this reason alone: the reference of the tree or of the leftovers is given up only after the reader has left, and so
 *   after it has counted.
 *
 *   The instant of a read. A node has a place in the tree from its publication until it is taken out, and is frozen from
 *   then on, because edits reach only what has a place. Each node that a reader comes to had its place at some instant
 *   since the read began: by induction, either the node above had its place when its pointer to this one was loaded, or it
 *   was taken out since the read began and its pointers are those of that instant. The same holds for the value, or its
 *   absence: if the last node has its place when it is looked at, that is the instant, and otherwise the one at which
 *   the node was taken out.
 *
 * The instant of any other operation on one key is while it holds the lock. That of an operation on the whole (snapshot,
 * len, replace) is while it holds all of them, when no edit is under way.
 *
 * Keys whose comparing may run arbitrary code are compared outside, in a root that the thread has locked the slot to get
 * and holds: R3 keeps it as it is. A writer then locks again. If that root is still the slot's, the place that was found
 * in it is, and it cannot be another node at the same address, because it was held all the time. Otherwise the operation
 * starts again.
 *
 * `version` counts the changes. Each slot counts its own, and the sum over the slots, read without a lock, is the
 * number of changes at some instant of the call: it only grows, by one each time.
 *
 * Waiters: see ref/waiters.h. A writer stores its slot's version, unlocks, then loads the count of waiters; a waiter
 * counts itself, then loads the versions of all slots. All of these are sequentially consistent. */
#ifndef FROZEN_ATOMIC_MAP_H
#define FROZEN_ATOMIC_MAP_H

#include "module.h"
#include "atomic/map_leftovers.h"
#include "atomic/value_call.h"
#include "ref/reference.h"
#include "ref/turns.h"
#include "ref/updating.h"
#include "ref/waiters.h"

#ifdef Py_GIL_DISABLED
enum { SLOTS = BRANCHES };
#else
enum { SLOTS = 1 };
#endif

/* What writers alone use of a slot. */
typedef struct {
    ref_mutex lock;
    Py_ssize_t count;          /* of entries; only the sum over all slots means something */
    _Atomic(uint64_t) version; /* how often the slot was changed; written under the lock */
    char apart[64 - 3 * sizeof(uint64_t)]; /* slots of different threads lie on different cache lines */
} map_slot;

typedef struct {
    PyObject_HEAD
    PyObject *weakrefs;
    PyObject *absent;  /* frozen.ABSENT */
    _Atomic(PyObject *) mirror; /* owned, NULL until the first watch: an AtomicRef of snapshots, see map_reflect */
    champ_node *empty; /* the root of what is empty */
    turn_queue writers;
    waiter_list waiters;
    ref_mutex writers_lock, waiters_lock;
    map_leftovers left;
    char apart[64]; /* what readers load is not on a line that writers store to all the time */
    _Atomic(champ_node *) roots[SLOTS]; /* owned */
    char apart_too[64];
    map_slot slots[SLOTS];
} AtomicMapObject;

static inline void
slot_lock(AtomicMapObject *self, map_slot *slot)
{
    (void)self;
#ifdef Py_GIL_DISABLED
    ref_mutex_lock(&slot->lock);
#else
    (void)slot;
#endif
}

static inline void
slot_unlock(AtomicMapObject *self, map_slot *slot)
{
    (void)self;
#ifdef Py_GIL_DISABLED
    ref_mutex_unlock(&slot->lock);
#else
    (void)slot;
#endif
}

/* ---- what a slot counts ---- */

#define map_version INSTANCE(version) /* a symbol of its own beside the other table's */

/* The caller holds the slot's lock. */
static inline void
map_changed(AtomicMapObject *self, map_slot *slot, Py_ssize_t entries)
{
    (void)self;
    slot->count += entries;
    uint64_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);
    atomic_store_explicit(&slot->version, version + 1, SLOTS > 1 ? memory_order_seq_cst : memory_order_relaxed);
}

static uint64_t
map_version(const void *map)
{
    AtomicMapObject *self = (AtomicMapObject *)map;
    uint64_t version = 0;
    for (int i = 0; i < SLOTS; i++)
        version += atomic_load_explicit(&self->slots[i].version, memory_order_seq_cst);
    return version;
}

static inline Py_ssize_t
map_count(AtomicMapObject *self)
{
    Py_ssize_t count = 0;
    for (int i = 0; i < SLOTS; i++)
        count += self->slots[i].count;
    return count;
}

static inline void
map_count_set(AtomicMapObject *self, Py_ssize_t count)
{
    for (int i = 0; i < SLOTS; i++)
        self->slots[i].count = i == 0 ? count : 0;
}

static inline const ref_slot *
slot_identity(AtomicMapObject *self, const map_slot *slot)
{
    (void)self;
    return (const ref_slot *)slot;
}

/* ---- comparing under a lock ---- */

/* A key that is looked for. `in_place`: under a lock. */
typedef struct {
    probe probe; /* first: MATCHES_OBJECT goes from it to the whole */
    bool in_place;
} map_key;

static inline bool
is_number(PyObject *o)
{
    return PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyBool_Check(o) || PyComplex_CheckExact(o);
}

/* Not bytes, whose comparison with str warns where CPython was told to. */
static inline bool
is_silent_key(PyObject *o)
{
    return !PyBytes_CheckExact(o) && is_atomic_key(o);
}

/* Whether comparing the two runs no arbitrary code: a closed list. */
static inline bool
compare_quietly(PyObject *a, PyObject *b)
{
    if (is_number(a) && is_number(b))
        return true;
    if (Py_TYPE(a) == Py_TYPE(b) && is_atom(a))
        return true;
    return is_tuple_of(a, is_silent_key) && is_tuple_of(b, is_silent_key);
}

/* In place of cell_matches_object. -1 without an exception: to be compared outside the lock. */
static int
MATCHES_OBJECT(cell c, const probe *p, bool hash_known)
{
    if (((const map_key *)p)->in_place && !compare_quietly(c, p->object))
        return -1;
    return cell_matches_object(c, p, hash_known);
}

/* Whether `current` (NULL: absent) meets it. Runs no arbitrary code: plain values are exact types of CPython. */
static inline int
condition_holds(condition needed, PyObject *current, PyObject *expected)
{
    switch (needed) {
    case IF_ABSENT: return current == NULL;
    case IF_THERE: return current != NULL;
    case IF_OBJECT: return current == expected;
    case IF_SAME:
        if (current == NULL || is_plain_value(current) || is_plain_value(expected))
            return current != NULL ? plain_values_same(current, expected) : 0;
        return container_same(current, expected);
    default: return 1;
    }
}

#define TABLE AtomicMapObject
#define TABLE_TITLE "AtomicMap"
#define TABLE_MEMORY(types) (&(types)->nodes)
#include "atomic/table.inc.h"

/* ---- what changes end with ---- */

static void atomic_map_tp_dealloc(PyObject *op);

/* NULL: the module is being torn down (exception set). */
static inline family *
map_family(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    module_state *state =
        LIKELY(type->tp_dealloc == atomic_map_tp_dealloc) ? type_module_state(type) : module_state_of(op);
    return state != NULL ? &state->local_map : NULL;
}

static bool map_reflect(AtomicMapObject *self, family *types, reference *mirror);

/* False, with an exception set, when a callback was interrupted. */
NO_INLINE static bool
map_tell_watches(AtomicMapObject *self, reference *mirror)
{
    family *types = map_family((PyObject *)self);
    if (types != NULL)
        return map_reflect(self, types, mirror);
    PyErr_WriteUnraisable((PyObject *)mirror); /* the change itself is done */
    return true;
}

/* Tells those who wait or watch of a change. False, with an exception set, when a callback was interrupted. */
static inline bool
map_tell(AtomicMapObject *self)
{
    if (waiters_any(&self->waiters))
        waiters_wake(&self->waiters, map_version(self));
    reference *mirror = (reference *)atomic_load_explicit(&self->mirror, memory_order_seq_cst);
    return LIKELY(mirror == NULL) || !waiters_any(&mirror->pub->waiters) || map_tell_watches(self, mirror);
}

/* What every change of a slot ends with, after unlocking. False, with an exception set, when a callback was interrupted:
 * everything is done then all the same.
 *
 * An update() is told of a change from within by the slot, which is no more than an identity there: one that changes
 * another key of its slot counts as well, which matters only if it loses all its tries to others. */
static inline bool
map_published(AtomicMapObject *self, const map_slot *slot)
{
    updating_published(slot_identity(self, slot));
    return map_tell(self);
}

/* The same after a change of the whole. */
static inline bool
map_published_whole(AtomicMapObject *self)
{
    for (int i = 0; i < SLOTS; i++)
        updating_published(slot_identity(self, &self->slots[i]));
    return map_tell(self);
}

/* Drops what an edit took out; the caller holds no lock. May run arbitrary code. */
static inline void
leftovers_drop(AtomicMapObject *self, deferred *left)
{
#ifdef NODES_HAVE_READERS
    leftovers_add(self, &self->left, left);
#else
    (void)self;
    deferred_release(left);
#endif
}

#ifdef NODES_HAVE_READERS
NO_INLINE static void
roots_late(AtomicMapObject *self, champ_node **roots)
{
    uintptr_t items[SLOTS];
    for (int i = 0; i < SLOTS; i++)
        items[i] = (uintptr_t)roots[i];
    late_add(self, &self->left, items, SLOTS);
}
#endif

/* Releases the roots that map_put took out. The caller has unlocked. May run arbitrary code. */
static inline void
map_leave(AtomicMapObject *self, champ_node **roots)
{
#ifdef NODES_HAVE_READERS
    if (UNLIKELY(!grace_passed(self, GRACE_PATIENCE))) {
        roots_late(self, roots);
        return;
    }
    late_release(self, &self->left);
#else
    (void)self;
#endif
    roots_release(roots);
}

#endif
