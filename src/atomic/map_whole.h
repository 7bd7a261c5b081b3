/* The whole contents of an AtomicMap at one instant: taken, compared and exchanged while all slots are locked. Included
 * by map.c alone. See map.h for the argument. */
#ifndef FROZEN_ATOMIC_MAP_WHOLE_H
#define FROZEN_ATOMIC_MAP_WHOLE_H

#include "atomic/map.h"

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

static inline void
map_lock(AtomicMapObject *self)
{
    for (int i = 0; i < SLOTS; i++)
        slot_lock(&self->slots[i]);
}

static inline void
map_unlock(AtomicMapObject *self)
{
    for (int i = SLOTS - 1; i >= 0; i--)
        slot_unlock(&self->slots[i]);
}

/* The caller holds all locks. */
static inline Py_ssize_t
map_count(AtomicMapObject *self)
{
    Py_ssize_t count = 0;
    for (int i = 0; i < SLOTS; i++)
        count += self->slots[i].count;
    return count;
}

static inline void
roots_release(champ_node **roots)
{
    for (int i = 0; i < SLOTS; i++)
        node_release(roots[i]);
}

/* Exchanges the roots of the slots, whose entries are `count` from then on. The caller holds all locks. */
static inline void
map_put(AtomicMapObject *self, champ_node **roots, Py_ssize_t count)
{
    for (int i = 0; i < SLOTS; i++) {
        champ_node *before = root_get(self, i);
        root_set(self, i, roots[i]);
        roots[i] = before;
        self->slots[i].count = i == 0 ? count : 0;
    }
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
map_holds(AtomicMapObject *self, champ_node *top)
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
map_snapshot(AtomicMapObject *self, family *types, uint64_t *version)
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
    champ_node *top = roots_join(&types->nodes, roots);
    PyObject *snapshot = top != NULL ? map_over(types, top, count) : NULL;
    roots_release(roots);
    return snapshot;
}

/* Puts the contents of a Map in place of what is there, if that is `expected` or `expected` is NULL: 1, 0, or -1
 * (exception set: all is as it was, unless the callback of a watch was interrupted). Unless `old` is NULL, what was there
 * comes out in it: a Map, made before the exchange so that nothing is lost where memory is short. May run arbitrary code
 * at its end. */
static int
map_exchange(AtomicMapObject *self, family *types, PyObject *expected, PyObject *map, PyObject **old)
{
    champ_node *roots[SLOTS], *before[SLOTS], *top = NULL;
    container *header = NULL;
    Py_ssize_t count = ((container *)map)->count;
    if (old != NULL) {
        node_retain(types->empty);
        if ((header = (container *)container_new(types->container, types->empty, 0)) == NULL)
            return -1;
    }
    if (!roots_split(&types->nodes, ((container *)map)->root, self->empty, roots)) {
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
    if (status > 0 && header != NULL && count_before > 0 && (top = roots_join(&types->nodes, before)) == NULL)
        status = -1;
    COLLECTOR_RESUME();
    bool changed = status > 0 && !map_holds(self, ((container *)map)->root);
    if (status > 0)
        map_put(self, roots, count);
    if (changed)
        slot_changed(&self->slots[0]);
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
    if (status > 0 && undisturbed && old != NULL)
        *old = (PyObject *)header;
    else
        Py_XDECREF((PyObject *)header);
    restore_exception(error);
    return undisturbed ? status : -1;
}

#endif
