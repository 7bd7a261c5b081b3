/* Bulk build: hash everything first, partition by digits, make each node once at its exact size.
 *
 * A radix sort that goes down with the tree: at each level the entries of one subtree lie side by side, are counted by
 * digit, and scattered into the other of two buffers, which the next level uses the other way round.  A quarter of the
 * cost of a loop of inserts in place. */
#ifndef FROZEN_CORE_CHAMP_BUILD_H
#define FROZEN_CORE_CHAMP_BUILD_H

#include "core/champ_node.h"


static void
entries_release(entry *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        slot_release(&items[i].slot);
}

static bool
entries_general(const entry *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slot_is_general(&items[i].slot))
            return true;
    return false;
}

static champ_node *
build_collision(memory *mem, entry *items, size_t count, bool any_general)
{
    bool general = any_general && entries_general(items, count);
    view d;
    champ_node *n = champ_alloc(mem, (bitmap)count, COLLISION_NODEMAP, (unsigned)count, 0, general, &d);
    if (n == NULL) {
        entries_release(items, count);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        place_entry(&d, (unsigned)i, items[i].hash, &items[i].slot);
    node_ready(n);
    return n;
}

/* One level of entries, sorted by digit: branch b's stand from start[b] to start[b + 1]. */
typedef struct {
    entry *items;
    uint32_t start[BRANCHES + 1];
    bitmap datamap, nodemap;
} partition;

static void
partition_by_digit(partition *p, const entry *from, entry *to, size_t count, unsigned shift)
{
    uint32_t fill[BRANCHES] = {0};
    for (size_t i = 0; i < count; i++)
        fill[hash_digit(from[i].hash, shift)]++;
    p->items = to;
    p->datamap = p->nodemap = 0;
    uint32_t sum = 0;
    for (unsigned b = 0; b < BRANCHES; b++) {
        uint32_t here = fill[b];
        p->datamap |= (bitmap)(here == 1) << b;
        p->nodemap |= (bitmap)(here > 1) << b;
        p->start[b] = fill[b] = sum;
        sum += here;
    }
    p->start[BRANCHES] = sum;
    for (size_t i = 0; i < count; i++)
        to[fill[hash_digit(from[i].hash, shift)]++] = from[i];
}

static void
release_level(const partition *p, champ_node **child, int children)
{
    for (bitmap todo = p->datamap; todo; todo &= todo - 1)
        slot_release(&p->items[p->start[bits_first(todo)]].slot);
    while (children)
        node_release(child[--children]);
}

static champ_node *champ_build(memory *mem, entry *items, entry *spare, size_t count, unsigned shift, bool any_general);

/* The children of one level, in `child`; returns how many, or -1 after releasing everything the level holds. */
static int
build_children(memory *mem, partition *p, entry *spare, champ_node **child, unsigned shift, bool any_general)
{
    int made = 0;
    for (bitmap todo = p->nodemap; todo; todo &= todo - 1) {
        unsigned b = bits_first(todo);
        uint32_t lo = p->start[b], size = p->start[b + 1] - lo;
        champ_node *n = champ_build(mem, p->items + lo, spare + lo, size, shift + CORE_BITS, any_general);
        if (n != NULL) {
            child[made++] = n;
            continue;
        }
        while (made)
            node_release(child[--made]);
        for (bitmap rest = p->datamap | (todo & (todo - 1)); rest; rest &= rest - 1) {
            b = bits_first(rest);
            entries_release(p->items + p->start[b], p->start[b + 1] - p->start[b]);
        }
        return -1;
    }
    return made;
}

/* A node over `count` (below 2^32) entries with distinct keys, whose hashes agree below `shift`.  Owns the entries'
 * references from here on, in success and failure; items and spare are scratch afterwards.  any_general: some entry of
 * the whole build may be general. */
static champ_node *
champ_build(memory *mem, entry *items, entry *spare, size_t count, unsigned shift, bool any_general)
{
    if (shift >= HASH_BITS)
        return build_collision(mem, items, count, any_general);
    partition p;
    partition_by_digit(&p, items, spare, count, shift);
    champ_node *child[BRANCHES];
    int children = build_children(mem, &p, items, child, shift, any_general);
    if (children < 0)
        return NULL;
    bool general = false;
    if (any_general) {
        for (int i = 0; i < children; i++)
            general |= node_is_general(child[i]);
        for (bitmap todo = p.datamap; todo && !general; todo &= todo - 1)
            general = slot_is_general(&p.items[p.start[bits_first(todo)]].slot);
    }
    view d;
    champ_node *n = champ_alloc(mem, p.datamap, p.nodemap, bits_count(p.datamap), (unsigned)children, general, &d);
    if (n == NULL) {
        release_level(&p, child, children);
        return NULL;
    }
    unsigned i = 0;
    for (bitmap todo = p.datamap; todo; todo &= todo - 1) {
        entry *e = &p.items[p.start[bits_first(todo)]];
        place_entry(&d, i++, e->hash, &e->slot);
    }
    for (int c = 0; c < children; c++)
        d.child[c] = child[c];
    node_ready(n);
    return n;
}

#endif
