/* Slots, and what is done to one key or to all of them: the same for AtomicMap and SharedAtomicMap. map.h has the argument;
 * its rules R1 to R6 are kept here.
 *
 * The including file has included a memory and trees/champ/access.inc.h, and has said:
 *
 *     SLOTS                     how many slots, 1 or BRANCHES
 *     TABLE, TABLE_TITLE        a struct with `roots` and `slots`, SLOTS of each, and what users call it
 *     map_slot                  what stands for a slot, and has its lock
 *     slot_identity             its slot, as what update() tells changes apart by
 *     slot_lock, slot_unlock    R1's lock, of a table and a map_slot of it
 *     map_key                   a struct that begins with a probe, and says with `in_place` that a lock is held
 *     map_changed               counts a change, and the entries that it adds; the caller holds a lock of the table
 *     map_version               of a table, as a version_reader: how many changes there were at some instant of the call
 *     map_count, map_count_set  of entries; the caller holds all locks
 *     condition_holds           whether a value is what an edit requires
 *     TABLE_MEMORY(types)       the memory of the nodes of a family
 *
 * and defines what may run arbitrary code, and is called without a lock:
 *
 *     map_published, map_published_whole    tell those who wait or watch of a change of a slot, of all
 *     leftovers_drop, map_leave             drop what an edit took out, all roots, once no reader is inside (R5)
 * */
#ifndef FROZEN_ATOMIC_TABLE_INC_H
#define FROZEN_ATOMIC_TABLE_INC_H

#include "atomic/value_call.h"
#include "ref/interrupt.h"
#include "ref/reference.h"

/* What the including file defines has a symbol of its own in each instance too. */
#define map_look INSTANCE(look)
#define map_mirror INSTANCE(mirror)
#define map_tell_watches INSTANCE(tell_watches)
#define table_edit_objects INSTANCE(edit_objects)
#define table_try_update INSTANCE(try_update)

/* No value: absent. */
#define NO_VALUE ((cell)0)

static inline bool map_published(TABLE *self, const map_slot *slot);
static inline bool map_published_whole(TABLE *self);
static inline void leftovers_drop(TABLE *self, deferred *left);
static inline void map_leave(TABLE *self, champ_node **roots);

/* The caller holds the slot's lock, or nobody else knows the map. */
static inline champ_node *
root_get(TABLE *self, int slot)
{
    return atomic_load_explicit(&self->roots[slot], memory_order_relaxed);
}

/* The same. Publishes the root, and all that the caller has written into its nodes before. */
static inline void
root_set(TABLE *self, int slot, champ_node *root)
{
    atomic_store_explicit(&self->roots[slot], root, SLOTS > 1 ? memory_order_release : memory_order_relaxed);
}

static inline int
slot_index(uint64_t hash)
{
    return SLOTS > 1 ? (int)(hash & LEVEL_MASK) : 0;
}

static inline map_slot *
slot_of(TABLE *self, uint64_t hash)
{
    return &self->slots[slot_index(hash)];
}

/* ---- one entry ---- */

/* What one operation does to one key, from entry_open to entry_close. */
typedef struct {
    TABLE *map;
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
        slot_unlock(v->map, v->slot);
        v->held = root;
        if (before != NULL)
            node_release(before);
        if (failed || (tries > 0 && interrupted())
            || (v->where = champ_locate(root, &v->key.probe, &v->path, false)) == PLACE_FAILED) {
            node_release(root);
            return false;
        }
        slot_lock(v->map, v->slot);
        if (entry_root(v) == root)
            return true;
    }
    slot_unlock(v->map, v->slot);
    node_release(v->held);
    PyErr_SetString(PyExc_RuntimeError,
                    "the " TABLE_TITLE " was changed while keys were compared, by another thread or "
                    "by their __eq__, each time that was tried");
    return false;
}

/* Finds the key and locks its slot: then no arbitrary code may run until entry_close. False: failed (exception set). May
 * run arbitrary code before. */
static inline bool
entry_open(TABLE *self, const probe *key, entry_visit *v)
{
    v->key.probe = *key;
    v->map = self;
    v->slot = slot_of(self, v->key.probe.hash);
    v->held = NULL;
    v->changed = false;
    v->left = (deferred){0};
    v->key.in_place = true;
    slot_lock(v->map, v->slot);
    v->where = champ_locate(entry_root(v), &v->key.probe, &v->path, false);
    return LIKELY(v->where != PLACE_FAILED) || entry_open_unlocked(v);
}

/* What is under the key (borrowed until entry_close), or NO_VALUE. */
static inline cell
entry_value(const entry_visit *v)
{
    return v->where == PLACE_FOUND ? PAIR_VALUE(v->path.found) : NO_VALUE;
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
    map_changed(v->map, v->slot, delta);
    v->changed = true;
}

/* False: out of memory (exception set), and all is as it was. */
static inline bool
entry_put(memory *mem, entry_visit *v, cell key, cell value)
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

/* Unlocks, tells of a change, then drops what was taken out. May run arbitrary code. False, with an exception set, when
 * telling the watches was interrupted. */
static inline bool
entry_close(TABLE *self, entry_visit *v)
{
    slot_unlock(v->map, v->slot);
    bool undisturbed = !v->changed || map_published(self, v->slot);
    PyObject *error = PyErr_Occurred() ? take_exception() : NULL; /* not in the way of destructors */
    leftovers_drop(self, &v->left);
    if (UNLIKELY(v->held != NULL))
        node_release(v->held);
    restore_exception(error);
    return undisturbed;
}

enum { EDIT_NEEDS_KEY = 2 };

/* Puts `value` under the key, or removes it where that is NO_VALUE, if the condition holds: 1, 0, or -1 (exception set:
 * all is as it was, unless telling the watches was interrupted). EDIT_NEEDS_KEY: it is to be inserted, and `stored_key`
 * is NO_VALUE. Unless `before` is NULL, what was there comes out in it, a new reference or NO_VALUE; with -1 too, if the edit
 * is done. */
static int
map_edit(TABLE *self, memory *mem, const probe *key, cell stored_key, condition needed, cell expected, cell value,
         cell *before)
{
    entry_visit v;
    if (before != NULL)
        *before = NO_VALUE;
    if (!entry_open(self, key, &v))
        return -1;
    cell current = entry_value(&v);
    int status = condition_holds(needed, current, expected);
    if (status > 0 && value != NO_VALUE && v.where != PLACE_FOUND && stored_key == NO_VALUE)
        status = EDIT_NEEDS_KEY;
    if (before != NULL && current != NO_VALUE) {
        cell_retain(current);
        *before = current;
    }
    if (status == 1
        && (value != NO_VALUE ? !entry_put(mem, &v, stored_key, value) : current != NO_VALUE && !entry_remove(mem, &v)))
        status = -1;
    bool failed = status < 0;
    if (!entry_close(self, &v))
        status = -1;
    if (failed && before != NULL && *before != NO_VALUE) {
        cell dropped = *before;
        *before = NO_VALUE;
        cell_release(dropped);
    }
    return status;
}

/* ---- reading under the lock ---- */

/* A new reference to the value of a pair, NO_VALUE where that is NULL. */
static inline cell
pair_take(pair *found)
{
    if (found == NULL)
        return NO_VALUE;
    cell_retain(PAIR_VALUE(found));
    return PAIR_VALUE(found);
}

/* What is under the key, under the lock of its slot, or where keys have to be compared by arbitrary code, in a root that
 * the thread holds: a new reference in *value, or NO_VALUE; false: failed (exception set). */
FORCE_INLINE bool
map_read_locked(TABLE *self, map_key *k, cell *value)
{
    map_slot *slot = slot_of(self, k->probe.hash);
    bool failed = false;
    slot_lock(self, slot);
    champ_node *root = root_get(self, slot_index(k->probe.hash));
    pair *found = champ_find(root, &k->probe, &failed);
    *value = pair_take(found);
    if (UNLIKELY(failed))
        node_retain(root);
    slot_unlock(self, slot);
    if (LIKELY(!failed))
        return true;
    if (PyErr_Occurred() == NULL) {
        failed = k->in_place = false;
        found = champ_find(root, &k->probe, &failed);
        *value = pair_take(found);
    }
    PyObject *error = PyErr_Occurred() ? take_exception() : NULL;
    node_release(root);
    restore_exception(error);
    return !failed;
}

/* ---- the whole ---- */

static inline void
map_lock(TABLE *self)
{
    for (int i = 0; i < SLOTS; i++)
        slot_lock(self, &self->slots[i]);
}

static inline void
map_unlock(TABLE *self)
{
    for (int i = SLOTS - 1; i >= 0; i--)
        slot_unlock(self, &self->slots[i]);
}

static inline void
roots_release(champ_node **roots)
{
    for (int i = 0; i < SLOTS; i++)
        node_release(roots[i]);
}

/* Exchanges the roots of the slots, whose entries are `count` from then on. The caller holds all locks. */
static inline void
map_put(TABLE *self, champ_node **roots, Py_ssize_t count)
{
    for (int i = 0; i < SLOTS; i++) {
        champ_node *before = root_get(self, i);
        root_set(self, i, roots[i]);
        roots[i] = before;
    }
    map_count_set(self, count);
}

/* The tree of the whole map over the trees of its slots, which are borrowed: a new reference, or NULL (exception set). */
static champ_node *
roots_join(memory *mem, champ_node *const *roots)
{
    if (SLOTS == 1) {
        node_retain(roots[0]);
        return roots[0];
    }
    bitmap datamap = 0, nodemap = 0;
    bool general = false;
    for (int i = 0; i < SLOTS; i++) {
        assert(((roots[i]->datamap | roots[i]->nodemap) & ~((bitmap)1 << i)) == 0);
        datamap |= roots[i]->datamap;
        nodemap |= roots[i]->nodemap;
        general |= node_is_general(roots[i]);
    }
    layout whole;
    champ_node *top = champ_alloc(mem, datamap, nodemap, bits_count(datamap), bits_count(nodemap), general, &whole);
    if (top == NULL)
        return NULL;
    unsigned entries = 0, children = 0;
    for (int i = 0; i < SLOTS; i++) {
        layout part = layout_of(roots[i]);
        take_entries(&whole, entries, &part, 0, part.entries, false);
        take_children(&whole, children, &part, 0, part.children, false);
        entries += part.entries;
        children += part.children;
    }
    node_ready(top);
    return top;
}

/* The trees of the slots, new references, out of the tree of a whole map; false: out of memory (exception set). */
static bool
roots_split(memory *mem, champ_node *top, champ_node *empty, champ_node **roots)
{
    if (SLOTS == 1) {
        node_retain(top);
        roots[0] = top;
        return true;
    }
    layout whole = layout_of(top);
    for (int i = 0; i < SLOTS; i++) {
        bitmap bit = (bitmap)1 << i, datamap = top->datamap & bit, nodemap = top->nodemap & bit;
        layout part;
        if (datamap == 0 && nodemap == 0) {
            node_retain(empty);
            roots[i] = empty;
            continue;
        }
        roots[i] = champ_alloc(mem, datamap, nodemap, datamap != 0, nodemap != 0, node_is_general(top), &part);
        if (roots[i] == NULL) {
            while (i-- > 0)
                node_release(roots[i]);
            return false;
        }
        take_entries(&part, 0, &whole, bits_rank(top->datamap, bit), part.entries, false);
        take_children(&part, 0, &whole, bits_rank(top->nodemap, bit), part.children, false);
        node_ready(roots[i]);
    }
    return true;
}

/* Whether the slots hold the very entries and nodes of a tree; the caller holds all locks, and the tree, so that equal
 * addresses are the same nodes, unchanged since the tree was made of them (R3). */
static bool
map_holds(TABLE *self, champ_node *top)
{
    if (SLOTS == 1) {
        champ_node *root = root_get(self, 0);
        return root == top || (root->datamap | root->nodemap | top->datamap | top->nodemap) == 0;
    }
    layout whole = layout_of(top);
    for (int i = 0; i < SLOTS; i++) {
        bitmap bit = (bitmap)1 << i;
        layout part = layout_of(root_get(self, i));
        if (part.node->datamap != (top->datamap & bit) || part.node->nodemap != (top->nodemap & bit))
            return false;
        if (part.children && part.child[0] != whole.child[bits_rank(top->nodemap, bit)])
            return false;
        if (part.entries && !pairs_identical(&part.pair[0], &whole.pair[bits_rank(top->datamap, bit)]))
            return false;
    }
    return true;
}

/* The Map over a tree (stolen even on failure) of so many entries. */
static PyObject *
map_over(family *types, champ_node *top, Py_ssize_t count)
{
    if (count == 0) {
        node_release(top);
        top = (champ_node *)types->empty;
        node_retain(top);
    }
    return container_new(types->container, top, count);
}

/* The contents as a Map, and their version unless that is NULL; NULL: failed (exception set). */
static PyObject *
map_snapshot(TABLE *self, family *types, uint64_t *version)
{
    champ_node *roots[SLOTS];
    map_lock(self);
    for (int i = 0; i < SLOTS; i++) {
        roots[i] = root_get(self, i);
        node_retain(roots[i]);
    }
    Py_ssize_t count = map_count(self);
    if (version != NULL)
        *version = map_version(self);
    map_unlock(self);
    champ_node *top = roots_join(TABLE_MEMORY(types), roots);
    PyObject *snapshot = top != NULL ? map_over(types, top, count) : NULL;
    roots_release(roots);
    return snapshot;
}

/* Puts the contents of a Map in place of what is there, if that is `expected` or `expected` is NULL: 1, 0, or -1
 * (exception set: all is as it was, unless telling the watches was interrupted). Unless `old` is NULL, what was there
 * comes out in it, or if telling the watches was interrupted, in the exception: a Map, made before the exchange so that
 * nothing is lost where memory is short. May run arbitrary code at its end. */
static int
map_exchange(TABLE *self, family *types, PyObject *expected, PyObject *map, PyObject **old)
{
    champ_node *roots[SLOTS], *before[SLOTS], *top = NULL;
    container *header = NULL;
    Py_ssize_t count = ((container *)map)->count;
    if (old != NULL) {
        node_retain(types->empty);
        if ((header = (container *)container_new(types->container, types->empty, 0)) == NULL)
            return -1;
    }
    if (!roots_split(TABLE_MEMORY(types), ((container *)map)->root, self->empty, roots)) {
        Py_XDECREF((PyObject *)header);
        return -1;
    }
    int status = 1;
    map_lock(self);
    if (expected != NULL)
        status = map_holds(self, ((container *)expected)->root);
    for (int i = 0; i < SLOTS; i++)
        before[i] = root_get(self, i);
    Py_ssize_t count_before = map_count(self);
    COLLECTOR_PAUSE();
    if (status > 0 && header != NULL && count_before > 0 && (top = roots_join(TABLE_MEMORY(types), before)) == NULL)
        status = -1;
    COLLECTOR_RESUME();
    bool changed = status > 0 && !map_holds(self, ((container *)map)->root);
    if (status > 0)
        map_put(self, roots, count);
    if (changed)
        map_changed(self, &self->slots[0], 0);
    map_unlock(self);
    bool undisturbed = !changed || map_published_whole(self);
    PyObject *error = PyErr_Occurred() ? take_exception() : NULL;
    if (top != NULL) { /* the header that no other thread has seen */
        node_release(header->root);
        header->root = top;
        header->count = count_before;
        if (node_is_general(top))
            PyObject_GC_Track(header);
    }
    if (status > 0)
        map_leave(self, roots);
    else
        roots_release(roots);
    restore_exception(error);
    if (status > 0 && undisturbed && old != NULL)
        *old = (PyObject *)header;
    else if (!undisturbed && header != NULL)
        interrupt_hands_over((PyObject *)header);
    else
        Py_XDECREF((PyObject *)header); /* new and empty */
    return undisturbed ? status : -1;
}

#endif
