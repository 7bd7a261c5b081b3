/* What edits took out of an AtomicMap that readers may still be in. Included by map.h alone.
 *
 * Everything but small atoms is released before the call that took it out returns, so that destruction is prompt:
 * grace_passed() is asked after unlocking, and mostly says at once that no reader is inside. Asking costs a cache miss for
 * each thread that has read since it was asked last. Small atoms that were replaced, whose end nothing can notice, are
 * therefore kept until WAITING of them have come together, apart from those of other threads: mostly a thread then
 * releases what it has stored itself.
 *
 * Plain nodes whose contents have moved are kept as they are, a few of each size, also apart from those of other threads, for
 * the next edit that makes a node. Making and freeing one besides counts its type, which all threads would do in one place,
 * and half of the blocks would go back to the other thread's heap: with spares two threads that insert and delete in
 * nodes that they share get 1.3 times as much done.
 *
 * What a reader holds up that the system has stopped goes to `late`; from there it is released by that reader when it
 * leaves, or by the next thread that changes the map, and at last with the map. */
#ifndef FROZEN_ATOMIC_MAP_LEFTOVERS_H
#define FROZEN_ATOMIC_MAP_LEFTOVERS_H

#include "platform/fork.h"
#include "platform/grace.h"
#include "platform/spinlock.h"

enum { WAITING = 30, SPARES = 4, WAITING_STRIPES = 8, LATE_TOGETHER = 30 };

/* Small atoms and spare nodes, each a reference. Threads whose numbers differ by a multiple of WAITING_STRIPES share one. */
typedef struct {
    ref_mutex lock;
    unsigned count;
    PyObject *value[WAITING];
    unsigned char spares[FREE_LIST_CLASSES]; /* how many there are of a class */
    PyObject *spare[FREE_LIST_CLASSES][SPARES];
} waiting_values;

/* References, each the list's. */
typedef struct late_list {
    struct late_list *next;
    unsigned count;
    uintptr_t item[LATE_TOGETHER]; /* an object, or MOVED_OUT + a node whose contents have moved */
} late_list;

enum { MOVED_OUT = 1 };

#ifdef FROZEN_CHECK
#define KEEPS_NO_SPARES true /* tools are to see uses of freed memory */
#else
#define KEEPS_NO_SPARES false
#endif

/* All that was taken out of one map. */
typedef struct {
    _Atomic(waiting_values *) waiting[WAITING_STRIPES]; /* each made when it is needed first */
    ref_mutex lock;
    _Atomic(late_list *) late; /* changes under the lock */
} map_leftovers;

#ifdef NODES_HAVE_READERS

/* ---- late ---- */

/* Appends to the list, in a new block where needed; false: there is no memory (no exception). */
static bool
late_list_add(late_list **list, uintptr_t item)
{
    late_list *block = *list;
    if (block == NULL || block->count == LATE_TOGETHER) {
        if ((block = PyMem_RawMalloc(sizeof(late_list))) == NULL)
            return false;
        block->next = *list;
        block->count = 0;
        *list = block;
    }
    block->item[block->count++] = item;
    return true;
}

/* No reader may be inside. May run arbitrary code. */
static inline void
late_item_release(uintptr_t item)
{
    if (item & MOVED_OUT)
        champ_discard((champ_node *)(item - MOVED_OUT));
    else
        Py_DECREF((PyObject *)item);
}

static void
late_list_release(late_list *list)
{
    while (list != NULL) {
        late_list *block = list;
        while (block->count > 0)
            late_item_release(block->item[--block->count]);
        list = block->next;
        PyMem_RawFree(block);
    }
}

static void
late_put(map_leftovers *left, late_list *list)
{
    late_list *last = list;
    while (last->next != NULL)
        last = last->next;
    ref_mutex_lock(&left->lock);
    last->next = atomic_load_explicit(&left->late, memory_order_relaxed);
    atomic_store_explicit(&left->late, list, memory_order_relaxed);
    ref_mutex_unlock(&left->lock);
}

static late_list *
late_take(map_leftovers *left)
{
    if (LIKELY(atomic_load_explicit(&left->late, memory_order_relaxed) == NULL))
        return NULL;
    ref_mutex_lock(&left->lock);
    late_list *list = atomic_load_explicit(&left->late, memory_order_relaxed);
    atomic_store_explicit(&left->late, NULL, memory_order_relaxed);
    ref_mutex_unlock(&left->lock);
    return list;
}

/* Releases what is late, if no reader is inside. If one is, it is marked after everything is back in the list, so that it
 * finds it there when it leaves. May run arbitrary code. */
NO_INLINE static void
late_release(const void *map, map_leftovers *left)
{
    late_list *list;
    do {
        if ((list = late_take(left)) == NULL)
            return;
        if (grace_passed(map, 0)) {
            late_list_release(list);
            return;
        }
        late_put(left, list);
    } while (grace_passed(map, 0));
}

/* The references have to wait for a reader that the system has stopped. */
NO_INLINE static void
late_add(const void *map, map_leftovers *left, const uintptr_t *items, unsigned count)
{
    late_list *list = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (UNLIKELY(!late_list_add(&list, items[i]))) { /* no memory: wait here */
            grace_wait(map);
            late_item_release(items[i]);
        }
    }
    if (list != NULL)
        late_put(left, list);
    if (grace_passed(map, 0))
        late_release(map, left);
}

/* ---- small atoms wait ---- */

/* An atom that costs little memory. */
static inline bool
is_small_atom(PyObject *o)
{
    if (PyUnicode_CheckExact(o))
        return PyUnicode_GET_LENGTH(o) <= 64;
    return is_atomic_key(o) && (!PyBytes_CheckExact(o) || PyBytes_GET_SIZE(o) <= 64);
}

NO_INLINE static waiting_values *
waiting_new(_Atomic(waiting_values *) *place)
{
    waiting_values *made = PyMem_RawCalloc(1, sizeof(waiting_values)), *known = NULL;
    if (made == NULL || atomic_compare_exchange_strong(place, &known, made))
        return made;
    PyMem_RawFree(made);
    return known;
}

/* Unlocks, and releases what has waited. */
NO_INLINE static void
waiting_release(const void *map, map_leftovers *left, waiting_values *waiting)
{
    uintptr_t items[WAITING];
    unsigned count = waiting->count;
    for (unsigned i = 0; i < count; i++)
        items[i] = (uintptr_t)waiting->value[i];
    waiting->count = 0;
    ref_mutex_unlock(&waiting->lock);
    if (LIKELY(grace_passed(map, GRACE_PATIENCE)))
        for (unsigned i = 0; i < count; i++)
            late_item_release(items[i]);
    else
        late_add(map, left, items, count);
}

/* Keeps the value (stolen); false: there is no memory (no exception, and not stolen). */
static inline bool
waiting_add(const void *map, map_leftovers *left, PyObject *value)
{
    _Atomic(waiting_values *) *place = &left->waiting[thread_number() % WAITING_STRIPES];
    waiting_values *waiting = atomic_load_explicit(place, memory_order_acquire);
    if (UNLIKELY(waiting == NULL) && (waiting = waiting_new(place)) == NULL)
        return false;
    ref_mutex_lock(&waiting->lock);
    waiting->value[waiting->count++] = value;
    if (UNLIKELY(waiting->count == WAITING))
        waiting_release(map, left, waiting);
    else
        ref_mutex_unlock(&waiting->lock);
    return true;
}

/* ---- spare nodes ---- */

/* The caller may hold the lock of a slot. */
static inline PyObject *
spare_take(memory *mem, size_t class)
{
    map_leftovers *left = mem->spares;
    if (left == NULL || class >= FREE_LIST_CLASSES)
        return NULL;
    waiting_values *waiting =
        atomic_load_explicit(&left->waiting[thread_number() % WAITING_STRIPES], memory_order_acquire);
    if (waiting == NULL || !ref_mutex_try(&waiting->lock))
        return NULL;
    PyObject *node = waiting->spares[class] > 0 ? waiting->spare[class][--waiting->spares[class]] : NULL;
    ref_mutex_unlock(&waiting->lock);
    assert(node == NULL || Py_IS_TYPE(node, mem->plain));
    return node;
}

/* Whether the node, whose contents have moved and which no reader is in, is kept. */
static inline bool
spare_keep(map_leftovers *left, champ_node *node)
{
    size_t class = free_list_class(size_of(node));
    if (KEEPS_NO_SPARES || class >= FREE_LIST_CLASSES || node_is_general(node))
        return false;
    _Atomic(waiting_values *) *place = &left->waiting[thread_number() % WAITING_STRIPES];
    waiting_values *waiting = atomic_load_explicit(place, memory_order_acquire);
    if ((waiting == NULL && (waiting = waiting_new(place)) == NULL) || !ref_mutex_try(&waiting->lock))
        return false;
    bool kept = waiting->spares[class] < SPARES;
    if (kept)
        waiting->spare[class][waiting->spares[class]++] = (PyObject *)node;
    ref_mutex_unlock(&waiting->lock);
    return kept;
}

static inline void
spares_end(waiting_values *waiting)
{
    for (unsigned class = 0; class < FREE_LIST_CLASSES; class++)
        while (waiting->spares[class] > 0)
            champ_discard((champ_node *)waiting->spare[class][--waiting->spares[class]]);
}

/* ---- what map.h calls ---- */

NO_INLINE static void
leftovers_late(const void *map, map_leftovers *left, deferred *out)
{
    uintptr_t items[2 + ENTRY_WIDTH];
    unsigned count = 0;
    if (out->moved_out != NULL)
        items[count++] = (uintptr_t)out->moved_out | MOVED_OUT;
    if (out->node != NULL)
        items[count++] = (uintptr_t)out->node;
    while (out->cells > 0)
        items[count++] = (uintptr_t)out->pair.cells[--out->cells];
    late_add(map, left, items, count);
}

/* Releases what an edit took out; the caller holds no lock. May run arbitrary code. */
static inline void
leftovers_add(const void *map, map_leftovers *left, deferred *out)
{
    if (out->node == NULL && out->moved_out == NULL) {
        if (out->cells == 0)
            return;
        /* a value that was replaced is one cell */
        if (LIKELY(is_small_atom(out->pair.cells[0])) && LIKELY(waiting_add(map, left, out->pair.cells[0])))
            return;
    }
    bool is_late = atomic_load_explicit(&left->late, memory_order_relaxed) != NULL;
    if (UNLIKELY(!grace_passed(map, is_late ? 0 : GRACE_PATIENCE))) {
        leftovers_late(map, left, out);
        return;
    }
    if (out->moved_out != NULL && spare_keep(left, out->moved_out))
        out->moved_out = NULL;
    deferred_release(out);
    if (UNLIKELY(is_late))
        late_release(map, left);
}

/* When the map ends: no reader is inside, because each has a reference to the map. */
static inline void
leftovers_end(map_leftovers *left)
{
    for (unsigned i = 0; i < WAITING_STRIPES; i++) {
        waiting_values *waiting = atomic_load_explicit(&left->waiting[i], memory_order_acquire);
        while (waiting != NULL && waiting->count > 0)
            Py_DECREF(waiting->value[--waiting->count]);
        if (waiting != NULL)
            spares_end(waiting);
        PyMem_RawFree(waiting);
    }
    late_list_release(atomic_load_explicit(&left->late, memory_order_relaxed));
}

/* For the collector, which small atoms do not concern. */
static inline int
leftovers_traverse(map_leftovers *left, visitproc visit, void *arg)
{
    for (late_list *list = atomic_load_explicit(&left->late, memory_order_relaxed); list != NULL; list = list->next)
        for (unsigned i = 0; i < list->count; i++)
            if (!(list->item[i] & MOVED_OUT))
                Py_VISIT((PyObject *)list->item[i]);
    return 0;
}

#endif
#endif
