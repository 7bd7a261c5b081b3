/* The structure behind SharedAtomicMap, and the argument that it is right. Included by shared_map.c alone, after the memory
 * and the trie.
 *
 * It is AtomicMap's (map.h; table.inc.h is the code of both) over shared memory: a block of kind KIND_ATOMIC_MAP, which no
 * interpreter owns, has BRANCHES slots on every build. What differs:
 *
 *   Locks. Interpreters with a GIL of their own run in parallel, so a lock is one everywhere. Only the forking interpreter's
 *   GIL is held when it forks, and a thread of another one may be in the middle of an edit. So the slots' locks are a fixed
 *   number of stripes in static memory, which fork_guard() takes around a fork: what they guard is whole in the child. The
 *   stripes of one map follow each other, so that R6's order is that of the slots; two maps may have the same ones, and no
 *   thread locks two maps at once. An edit allocates with malloc under a lock, and so waits for nothing that a fork holds:
 *   the stripes are taken before malloc's own locks.
 *
 *   Counts. All counts are atomic and belong to no thread. A slot's node has one owner if its count is 1, and only the holder
 *   of the lock can add to that (R3): others reach it by counting the root first, under the lock.
 *
 *   How many changes and entries there are is counted by thread, not by slot: a writer then writes two lines that others
 *   write, the lock's and the value's. A thread adds to its words while it holds the lock of a slot, so the sums stand still
 *   for who holds all locks. `version`, without a lock, is the number of changes at some instant of the call, as in map.h:
 *   each word only grows.
 *
 *   Which store publishes, which load sees it. As in map.h: the store of a root, a child or a value releases, a reader's load
 *   acquires. A cell of one word (an int, a short str) is the value itself.
 *
 *   Readers take no lock on any build, and count as in map.h what they return, if it is a box, before they leave. They
 *   decode it afterwards. Between entering and leaving they compare words, and boxes whose comparison makes no object
 *   (cell_compares_quietly). A key for which that does not suffice is looked for in a root that the thread has counted under
 *   the lock.
 *
 *   Who frees. The writer that took something out, after every reader has left that was inside then: grace_wait(), after
 *   unlocking. No reader waits for it. It waits for a reader that the system has stopped in the middle, which runs a few
 *   hundred instructions before it leaves. It waits for none where nothing is to be freed: the place of an int that add()
 *   replaced is the new int's. A thread that vanished in a fork is in no map of the child (grace.h). A table is freed
 *   with its last reference, and each thread that is inside holds one, by the object that it calls.
 *
 *   Values are encoded before the lock is taken and decoded after. compare_and_set() compares values, which may run Python
 *   code, without a lock: it replaces the very cell that it has compared, and starts again if another one is there. */
#ifndef FROZEN_ATOMIC_SHARED_MAP_H
#define FROZEN_ATOMIC_SHARED_MAP_H

#include "module.h"
#include "atomic/value_call.h"
#include "platform/grace.h"
#include "ref/reference.h"
#include "ref/shared_variable.h"
#include "ref/waiters.h"
#include "shared/current.h"

enum { SLOTS = BRANCHES, GROUPS = 8, CHANGE_WORDS = 32, LINE = 64 };

/* A stripe: all that stands for a slot. Each has a cache line. */
typedef struct {
    ref_mutex lock, apart[LINE / sizeof(ref_mutex) - 1];
} map_slot;

static _Alignas(LINE) map_slot stripes[GROUPS * SLOTS];

/* Those of the writers' turns, and of the waiters, of the maps of a group. */
static ref_mutex queue_locks[GROUPS][2];

static _Atomic(unsigned) next_group;

/* What the threads whose numbers have one remainder have changed, in whichever slots. Only the sum over all words means
 * something. Each has a cache line. */
typedef struct {
    _Atomic(uint64_t) version; /* how many changes */
    _Atomic(int64_t) count; /* of entries, more or fewer */
    char apart[LINE - 2 * sizeof(uint64_t)];
} change_words;

typedef struct {
    shared_place place;
    turn_queue writers;
    waiter_list waiters;
    char apart[64]; /* what readers load is not on a line that writers store to all the time */
    /* What the table owns, one after the other: */
    _Atomic(champ_node *) roots[SLOTS];
    champ_node *empty; /* the root of what is empty */
    _Atomic(shared_variable *) mirror; /* of snapshots, NULL until the first watch */
    /* Never changes: */
    map_slot *slots; /* the first of its stripes */
    change_words *changes; /* in `space`, from the beginning of a line on */
    char space[(CHANGE_WORDS + 1) * sizeof(change_words)];
    char name[];
} shared_table;

static inline void
slot_lock(shared_table *self, map_slot *slot)
{
    (void)self;
    ref_mutex_lock(&slot->lock);
}

static inline void
slot_unlock(shared_table *self, map_slot *slot)
{
    (void)self;
    ref_mutex_unlock(&slot->lock);
}

/* Not the stripe, which other maps may have too. */
static inline const ref_slot *
slot_identity(shared_table *self, const map_slot *slot)
{
    return (const ref_slot *)&self->roots[slot - self->slots];
}

/* ---- what threads count ---- */

#define map_version INSTANCE(version) /* a symbol of its own beside the other table's */

/* The caller holds the slot's lock. Threads that have one word may hold those of different slots: hence the atomic
 * additions. */
static inline void
map_changed(shared_table *self, map_slot *slot, Py_ssize_t entries)
{
    (void)slot;
    change_words *own = &self->changes[thread_number() % CHANGE_WORDS];
    if (entries != 0)
        atomic_fetch_add_explicit(&own->count, entries, memory_order_relaxed);
    atomic_fetch_add_explicit(&own->version, 1, memory_order_seq_cst);
}

static uint64_t
map_version(const void *map)
{
    shared_table *self = (shared_table *)map;
    uint64_t version = 0;
    for (int i = 0; i < CHANGE_WORDS; i++)
        version += atomic_load_explicit(&self->changes[i].version, memory_order_seq_cst);
    return version;
}

static inline Py_ssize_t
map_count(shared_table *self)
{
    int64_t count = 0;
    for (int i = 0; i < CHANGE_WORDS; i++)
        count += atomic_load_explicit(&self->changes[i].count, memory_order_relaxed);
    return (Py_ssize_t)count;
}

static inline void
map_count_set(shared_table *self, Py_ssize_t count)
{
    for (int i = 0; i < CHANGE_WORDS; i++)
        atomic_store_explicit(&self->changes[i].count, i == 0 ? count : 0, memory_order_relaxed);
}

/* ---- comparing ---- */

/* A key that is looked for. `in_place`: under a lock, or inside. */
typedef struct {
    probe probe; /* first: MATCHES_OBJECT goes from it to the whole */
    bool in_place;
} map_key;

/* In place of cell_matches_slowly. -1 without an exception: to be compared in a root that the thread has counted. */
static int
MATCHES_OBJECT(cell c, const probe *p, bool hash_known)
{
    if (!((const map_key *)p)->in_place)
        return cell_matches_slowly(c, p, hash_known);
    if (!hash_known && cell_hash(c) != p->hash)
        return 0;
    return cell_compares_quietly(c, p->object) ? cell_equals_object(c, p->object) : -1;
}

/* Whether the cell that is there (NO_CELL: none) meets the condition. compare_and_set() has turned IF_SAME into IF_OBJECT. */
static inline int
condition_holds(condition needed, cell current, cell expected)
{
    switch (needed) {
    case IF_ABSENT: return current == NO_CELL;
    case IF_THERE: return current != NO_CELL;
    case IF_OBJECT: return current == expected;
    default: return 1;
    }
}

static memory table_nodes = {NODE_MAP};

#define TABLE shared_table
#define TABLE_TITLE "SharedAtomicMap"
#define TABLE_MEMORY(types) ((void)(types), &table_nodes)
#include "atomic/table.inc.h"

/* ---- what changes end with ---- */

static bool map_reflect(shared_table *self, family *types, reference *mirror);

/* A SharedRef over the table's mirror; NULL: failed (exception set). After a fork the map warns, not its mirror, of
 * which users do not know: it counts as one of this process's. */
static PyObject *
mirror_over(module_state *state, shared_variable *mirror)
{
    uint32_t generation = atomic_load_explicit(&fork_generation, memory_order_relaxed);
    if (UNLIKELY(atomic_load_explicit(&mirror->place.generation, memory_order_relaxed) != generation))
        atomic_store(&mirror->place.generation, generation);
    variable_retain(mirror);
    return shared_ref_over(state, mirror);
}

/* A watch in any interpreter hears of a change by way of the mirror. False, with an exception set, when that was
 * interrupted: the watches hear of it all the same. The change itself is done: any other error is reported. */
NO_INLINE static bool
map_tell_watches(shared_variable *mirror, shared_table *self)
{
    module_state *state = current_state();
    PyObject *ref = state != NULL ? mirror_over(state, mirror) : NULL, *interrupt = NULL;
    if (ref == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return false;
        PyErr_WriteUnraisable(NULL);
        return true;
    }
    while (!map_reflect(self, &state->shared_map, (reference *)ref))
        Py_XSETREF(interrupt, take_exception());
    Py_DECREF(ref);
    restore_exception(interrupt);
    return interrupt == NULL;
}

/* Tells those who wait or watch of a change. False, with an exception set, when that was interrupted. */
static inline bool
map_tell(shared_table *self)
{
    if (waiters_any(&self->waiters))
        waiters_wake(&self->waiters, map_version(self));
    shared_variable *mirror = atomic_load_explicit(&self->mirror, memory_order_seq_cst);
    return LIKELY(mirror == NULL) || !waiters_any(&mirror->pub.waiters) || map_tell_watches(mirror, self);
}

static inline bool
map_published(shared_table *self, const map_slot *slot)
{
    updating_published(slot_identity(self, slot));
    return map_tell(self);
}

static inline bool
map_published_whole(shared_table *self)
{
    for (int i = 0; i < SLOTS; i++)
        updating_published(slot_identity(self, &self->slots[i]));
    return map_tell(self);
}

static inline void
leftovers_drop(shared_table *self, deferred *left)
{
    bool owns = left->node != NULL || left->moved_out != NULL;
    for (unsigned i = 0; i < left->cells; i++)
        owns |= cell_is_box(left->pair.cells[i]);
    if (!owns)
        return;
    grace_wait(self);
    while (left->cells > 0)
        cell_release_detached(left->pair.cells[--left->cells]);
    deferred_release(left);
}

static inline void
map_leave(shared_table *self, champ_node **roots)
{
    grace_wait(self);
    for (int i = 0; i < SLOTS; i++)
        shared_root_release(roots[i], PTRDIFF_MAX);
}

/* ---- reading ---- */

/* The value under the key, or NO_CELL, without a lock; counted, unless `presence` says that it is not wanted. False: it takes
 * a lock to tell. */
FORCE_INLINE bool
table_read_inside(shared_table *self, map_key *k, bool presence, cell *value)
{
    bool undecided = false;
    grace_record *visit = grace_enter(self);
    if (UNLIKELY(visit == NULL))
        return false;
    champ_node *root = atomic_load_explicit(&self->roots[slot_index(k->probe.hash)], memory_order_seq_cst);
    pair *entry = champ_find(root, &k->probe, &undecided);
    *value = entry != NULL ? value_load(entry) : NO_CELL;
    if (!presence && *value != NO_CELL)
        cell_retain(*value);
    grace_leave(visit); /* a writer of such a map asks again by itself, see grace.h for others */
    return !undecided;
}

/* What is under the key: a new reference in *value, or NO_CELL; false: failed (exception set). */
static bool
table_read(shared_table *self, const probe *key, cell *value)
{
    map_key k = {*key, true};
    return LIKELY(table_read_inside(self, &k, false, value)) || map_read_locked(self, &k, value);
}

/* Whether there is anything: 1, 0, or -1 (exception set). */
static int
table_has(shared_table *self, const probe *key)
{
    map_key k = {*key, true};
    cell value;
    if (LIKELY(table_read_inside(self, &k, true, &value)))
        return value != NO_CELL;
    if (!map_read_locked(self, &k, &value))
        return -1;
    if (value == NO_CELL)
        return 0;
    cell_release_detached(value);
    return 1;
}

/* ---- the table ---- */

/* What a table owns. Its children are one array: roots, empty, mirror. */
static node_contents
table_contents(block *b)
{
    shared_table *self = (shared_table *)b;
    _Static_assert(offsetof(shared_table, mirror) == offsetof(shared_table, roots) + (SLOTS + 1) * sizeof(void *),
                   "no gap");
    bool has_mirror = atomic_load_explicit(&self->mirror, memory_order_acquire) != NULL;
    return (node_contents){.children = (void **)&self->roots[0], .child_count = SLOTS + 1 + has_mirror};
}

/* New and empty, count 1; NULL: out of memory (exception set). */
static shared_table *
table_new(champ_node *empty, const char *name, size_t name_length)
{
    shared_table *self = place_alloc(KIND_ATOMIC_MAP, sizeof(shared_table), name, name_length);
    if (self == NULL)
        return NULL;
    unsigned group = atomic_fetch_add_explicit(&next_group, 1, memory_order_relaxed) % GROUPS;
    turns_init(&self->writers, &queue_locks[group][0]);
    waiters_init(&self->waiters, &queue_locks[group][1]);
    atomic_init(&self->mirror, NULL);
    self->empty = empty;
    node_retain(empty);
    self->slots = &stripes[group * SLOTS];
    self->changes = (change_words *)(((uintptr_t)self->space + LINE - 1) & ~(uintptr_t)(LINE - 1));
    for (int i = 0; i < CHANGE_WORDS; i++) {
        atomic_init(&self->changes[i].version, 0);
        atomic_init(&self->changes[i].count, 0);
    }
    for (int i = 0; i < SLOTS; i++) {
        node_retain(empty);
        atomic_init(&self->roots[i], empty);
    }
    return self;
}

#endif
