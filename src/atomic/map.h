/* The structure behind AtomicMap, and the argument that it is right. Included by map.c alone, after the memory and the
 * trie.
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

/* The caller holds the slot's lock, or nobody else knows the map. */
static inline champ_node *
root_get(AtomicMapObject *self, int slot)
{
    return atomic_load_explicit(&self->roots[slot], memory_order_relaxed);
}

/* The same. Publishes the root, and all that the caller has written into its nodes before. */
static inline void
root_set(AtomicMapObject *self, int slot, champ_node *root)
{
    atomic_store_explicit(&self->roots[slot], root, SLOTS > 1 ? memory_order_release : memory_order_relaxed);
}

static inline void
slot_lock(map_slot *slot)
{
#ifdef Py_GIL_DISABLED
    ref_mutex_lock(&slot->lock);
#else
    (void)slot;
#endif
}

static inline void
slot_unlock(map_slot *slot)
{
#ifdef Py_GIL_DISABLED
    ref_mutex_unlock(&slot->lock);
#else
    (void)slot;
#endif
}

static inline int
slot_index(uint64_t hash)
{
    return SLOTS > 1 ? (int)(hash & LEVEL_MASK) : 0;
}

static inline map_slot *
slot_of(AtomicMapObject *self, uint64_t hash)
{
    return &self->slots[slot_index(hash)];
}

/* The caller holds the lock and has changed what the slot holds. */
static inline void
slot_changed(map_slot *slot)
{
    uint64_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);
    atomic_store_explicit(&slot->version, version + 1, SLOTS > 1 ? memory_order_seq_cst : memory_order_relaxed);
}

/* Of an AtomicMapObject, as a version_reader. */
static uint64_t
map_version(const void *map)
{
    AtomicMapObject *self = (AtomicMapObject *)map;
    uint64_t version = 0;
    for (int i = 0; i < SLOTS; i++)
        version += atomic_load_explicit(&self->slots[i].version, memory_order_seq_cst);
    return version;
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

/* ---- one entry ---- */

/* What one operation does to one key, from entry_open to entry_close. */
typedef struct {
    AtomicMapObject *map;
    map_key key;
    map_slot *slot;
    champ_node *held; /* or NULL: a root of the slot in which the key was compared without the lock */
    champ_path path;
    place where;
    bool changed;
    deferred left;
} entry_visit;

enum { MAP_RETRIES = 1000 };

static inline champ_node *
entry_root(const entry_visit *v)
{
    return root_get(v->map, slot_index(v->key.probe.hash));
}

/* Goes on where the comparison has to run without the lock, which is held on entry. As entry_open. */
NO_INLINE static bool
entry_open_unlocked(entry_visit *v)
{
    bool failed = PyErr_Occurred() != NULL; /* the comparison itself */
    v->key.in_place = false;
    for (unsigned tries = 0; tries < MAP_RETRIES; tries++) {
        champ_node *root = entry_root(v), *before = v->held;
        node_retain(root);
        slot_unlock(v->slot);
        v->held = root;
        if (before != NULL)
            node_release(before);
        if (failed || (tries > 0 && interrupted())
            || (v->where = champ_locate(root, &v->key.probe, &v->path, false)) == PLACE_FAILED) {
            node_release(root);
            return false;
        }
        slot_lock(v->slot);
        if (entry_root(v) == root)
            return true;
    }
    slot_unlock(v->slot);
    node_release(v->held);
    PyErr_SetString(PyExc_RuntimeError, "the AtomicMap was changed while keys were compared, by another thread or by "
                                        "their __eq__, each time that was tried");
    return false;
}

/* Finds the key and locks its slot: then no arbitrary code may run until entry_close. False: failed (exception set). May
 * run arbitrary code before. */
static inline bool
entry_open(AtomicMapObject *self, PyObject *key, entry_visit *v)
{
    if (UNLIKELY(probe_init(&v->key.probe, key) < 0))
        return false;
    v->map = self;
    v->slot = slot_of(self, v->key.probe.hash);
    v->held = NULL;
    v->changed = false;
    v->left = (deferred){0};
    v->key.in_place = true;
    slot_lock(v->slot);
    v->where = champ_locate(entry_root(v), &v->key.probe, &v->path, false);
    return LIKELY(v->where != PLACE_FAILED) || entry_open_unlocked(v);
}

/* What is under the key (borrowed until entry_close), or NULL. */
static inline PyObject *
entry_value(const entry_visit *v)
{
    return v->where == PLACE_FOUND ? PAIR_VALUE(path_pair(&v->path)) : NULL;
}

/* How many nodes of the path to edit in place. While the operation holds a root besides the slot it is none (R3). */
static inline unsigned
entry_owned(const entry_visit *v, bool general)
{
    return v->held != NULL ? 0 : champ_owned(&v->path, general);
}

static inline void
entry_store(entry_visit *v, champ_node *root, unsigned own, Py_ssize_t delta)
{
    champ_node *before = entry_root(v);
    if (own == 0)
        v->left.node = before;
    if (root != before) /* or else it was edited below: the line of roots stays clean */
        root_set(v->map, slot_index(v->key.probe.hash), root);
    v->slot->count += delta;
    slot_changed(v->slot);
    v->changed = true;
}

/* False: out of memory (exception set), and all is as it was. */
static inline bool
entry_put(memory *mem, entry_visit *v, PyObject *key, PyObject *value)
{
    if (entry_value(v) == value)
        return true;
    entry in = {v->path.hash, {{key, value}}};
    unsigned own = entry_owned(v, pair_is_general(&in.pair));
    COLLECTOR_PAUSE();
    champ_node *root = champ_put(mem, &v->path, v->where, &in, own, &v->left);
    COLLECTOR_RESUME();
    if (root == NULL)
        return false;
    entry_store(v, root, own, v->where != PLACE_FOUND);
    return true;
}

/* The same; the key was found. */
static inline bool
entry_remove(memory *mem, entry_visit *v)
{
    unsigned own = entry_owned(v, false);
    COLLECTOR_PAUSE();
    champ_node *root = champ_remove(mem, &v->path, own, &v->left);
    COLLECTOR_RESUME();
    if (root == NULL)
        return false;
    entry_store(v, root, own, -1);
    return true;
}

static bool map_reflect(AtomicMapObject *self, reference *mirror);

/* Tells those who wait or watch of a change. False, with an exception set, when a callback was interrupted. */
static inline bool
map_tell(AtomicMapObject *self)
{
    if (waiters_any(&self->waiters))
        waiters_wake(&self->waiters, map_version(self));
    reference *mirror = (reference *)atomic_load_explicit(&self->mirror, memory_order_seq_cst);
    return LIKELY(mirror == NULL) || !waiters_any(&mirror->pub->waiters) || map_reflect(self, mirror);
}

/* What every change of a slot ends with, after unlocking. False, with an exception set, when a callback was interrupted:
 * everything is done then all the same.
 *
 * An update() is told of a change from within by the slot, which is no more than an identity there: one that changes
 * another key of its slot counts as well, which matters only if it loses all its tries to others. */
static inline bool
map_published(AtomicMapObject *self, const map_slot *slot)
{
    updating_published((const ref_slot *)slot);
    return map_tell(self);
}

/* The same after a change of the whole. */
static inline bool
map_published_whole(AtomicMapObject *self)
{
    for (int i = 0; i < SLOTS; i++)
        updating_published((const ref_slot *)&self->slots[i]);
    return map_tell(self);
}

/* Unlocks, tells of a change, then drops what was taken out. May run arbitrary code. False, with an exception set, when
 * a callback was interrupted. */
static inline bool
entry_close(AtomicMapObject *self, entry_visit *v)
{
    slot_unlock(v->slot);
    bool undisturbed = !v->changed || map_published(self, v->slot);
    PyObject *error = PyErr_Occurred() ? take_exception() : NULL; /* not in the way of destructors */
#ifdef NODES_HAVE_READERS
    leftovers_add(self, &self->left, &v->left);
#else
    deferred_release(&v->left);
#endif
    if (UNLIKELY(v->held != NULL))
        node_release(v->held);
    restore_exception(error);
    return undisturbed;
}

#endif
