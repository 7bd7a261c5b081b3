/* Bulk build: hash everything first, partition by digits, make each node once at its exact size.
 *
 * A radix sort that goes down with the tree: at each level the entries of one subtree lie side by side, are counted by
 * digit, and scattered into the other of two buffers, which the next level uses the other way round.  Where each branch
 * gets one entry, as at the leaves, nothing is sorted: a population count gives the place of an entry in the node.  A
 * quarter of the cost of a loop of inserts in place.
 *
 * Keys may be equal, if the caller says so.  Equal keys have equal hashes, so wherever a group of entries has but one
 * hash, and nowhere else, keys are compared, before anything is made of the group.  Comparing may run arbitrary code,
 * which can reach nothing of what is being built. */
#ifndef FROZEN_TREES_CHAMP_BUILD_INC_H
#define FROZEN_TREES_CHAMP_BUILD_INC_H

#include "trees/champ/node.inc.h"

static void
entries_release(entry *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pair_release(&items[i].pair);
}

static bool
entries_general(const entry *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pair_is_general(&items[i].pair))
            return true;
    return false;
}

/* Room for the entries of a build, twice; few of them need no allocation. */
typedef struct {
    entry *items, *spare;
    entry few[2 * 16];
} workspace;

/* false: out of memory (exception set). */
static inline bool
workspace_open(workspace *w, size_t count)
{
    w->items = count <= sizeof w->few / sizeof(entry) / 2 ? w->few : scratch_alloc(2 * count * sizeof(entry));
    w->spare = w->items + count;
    return w->items != NULL;
}

static inline void
workspace_close(workspace *w)
{
    if (w->items != w->few)
        scratch_free(w->items);
}

/* One build. */
typedef struct {
    memory *mem;
    bool any_general; /* some entry may be general */
    bool any_equal;   /* some keys may be equal: of those the first stays */
    size_t dropped;   /* how many did not */
    budget left;
} builder;

/* 1 the same key, 0 not, -1 comparing failed. */
static int
entries_match(const entry *a, const entry *b)
{
    if (a->hash != b->hash)
        return 0;
    probe p = probe_of(PAIR_KEY(&b->pair), b->hash);
    return cell_matches(PAIR_KEY(&a->pair), &p, true);
}

static bool
entries_have_one_hash(const entry *items, size_t count)
{
    size_t i = 1;
    while (i < count && items[i].hash == items[0].hash)
        i++;
    return i == count;
}

/* Of entries that have one hash those stay whose keys differ.  false: comparing failed, all others are there still. */
static bool
drop_equal_entries(builder *b, entry *items, uint32_t *count)
{
    uint32_t kept = 0;
    bool failed = false;
    for (uint32_t i = 0; i < *count; i++) {
        int match = 0;
        for (uint32_t j = 0; j < kept && match == 0 && !failed; j++)
            match = entries_match(&items[j], &items[i]);
        failed |= match < 0;
        if (match <= 0)
            items[kept++] = items[i];
        else
            pair_release(&items[i].pair);
    }
    b->dropped += *count - kept;
    *count = kept;
    return !failed;
}

/* A node in which each entry has its branch; of a collision node the branches are the first ones.  As champ_build. */
static champ_node *
build_leaf(builder *b, entry *items, size_t count, unsigned shift, bitmap datamap)
{
    assert(count == (shift < HASH_BITS ? bits_count(datamap) : count));
    bool collide = shift >= HASH_BITS, general = b->any_general && entries_general(items, count);
    layout d;
    champ_node *n = champ_alloc(b->mem, collide ? (bitmap)count : datamap, collide ? COLLISION_NODEMAP : 0,
                                (unsigned)count, 0, general, &d);
    if (n == NULL) {
        entries_release(items, count);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++)
        place_entry(&d, collide ? i : bits_rank(datamap, hash_bit(items[i].hash, shift)), items[i].hash,
                    &items[i].pair);
    node_ready(n);
    return n;
}

/* One level of entries: which branches take one of them and which several; sorted by branch, those of branch b begin at
 * start[b]. */
typedef struct {
    entry *items;
    uint32_t start[BRANCHES], size[BRANCHES];
    bitmap datamap, nodemap;
} partition;

static inline void
partition_count(partition *p, const entry *from, size_t count, unsigned shift)
{
    bitmap taken = 0, again = 0;
    memset(p->size, 0, sizeof p->size);
    for (size_t i = 0; i < count; i++) {
        unsigned digit = hash_digit(from[i].hash, shift);
        again |= taken & (bitmap)1 << digit;
        taken |= (bitmap)1 << digit;
        p->size[digit]++;
    }
    p->datamap = taken & ~again;
    p->nodemap = again;
}

static inline void
partition_sort(partition *p, const entry *from, entry *to, size_t count, unsigned shift)
{
    uint32_t next[BRANCHES], sum = 0;
    p->items = to;
    for (bitmap todo = p->datamap | p->nodemap; todo; todo &= todo - 1) {
        unsigned digit = bits_first(todo);
        p->start[digit] = next[digit] = sum;
        sum += p->size[digit];
    }
    for (size_t i = 0; i < count; i++)
        to[next[hash_digit(from[i].hash, shift)]++] = from[i];
}

/* Release the entries in those branches, and the children. */
static void
release_level(const partition *p, bitmap branches, champ_node **child, int children)
{
    for (; branches; branches &= branches - 1) {
        unsigned digit = bits_first(branches);
        entries_release(p->items + p->start[digit], p->size[digit]);
    }
    while (children)
        node_release(child[--children]);
}

static champ_node *champ_build(builder *b, entry *items, entry *spare, size_t count, unsigned shift);

/* The node over the entries of one branch.  NULL: one entry is left of several equal ones and *size is 1; or it failed,
 * and the branch still owns *size entries. */
static champ_node *
build_child(builder *b, entry *items, entry *spare, uint32_t *size, unsigned shift)
{
    bool any_equal = b->any_equal;
    if (!budget_spend(&b->left, *size))
        return NULL;
    if (any_equal && entries_have_one_hash(items, *size)) {
        if (!drop_equal_entries(b, items, size) || *size == 1)
            return NULL;
        b->any_equal = false; /* here and below, where the hash is still one */
    }
    champ_node *n = champ_build(b, items, spare, *size, shift);
    b->any_equal = any_equal;
    *size = 0;
    return n;
}

/* The children of one level, in `child`; returns how many, or -1 after releasing everything the level holds.  A branch
 * in which one entry is left goes over to the datamap. */
static int
build_children(builder *b, partition *p, entry *spare, champ_node **child, unsigned shift)
{
    int made = 0;
    for (bitmap todo = p->nodemap; todo; todo &= todo - 1) {
        unsigned digit = bits_first(todo);
        uint32_t start = p->start[digit], *size = &p->size[digit];
        child[made] = build_child(b, p->items + start, spare + start, size, shift + CORE_BITS);
        if (child[made] != NULL) {
            made++;
        }
        else if (*size == 1) {
            p->datamap |= (bitmap)1 << digit;
            p->nodemap &= ~((bitmap)1 << digit);
        }
        else {
            release_level(p, p->datamap | todo, child, made);
            return -1;
        }
    }
    return made;
}

/* A node over `count` (below 2^32) entries whose hashes agree below `shift`, which is 0 unless there are two different
 * keys among them.  Owns the entries' references from here on, in success and failure; items and spare are scratch
 * afterwards.  NULL: out of memory, comparing equal hashes' keys failed, or interrupted (exception set). */
static champ_node *
champ_build(builder *b, entry *items, entry *spare, size_t count, unsigned shift)
{
    partition p = {.nodemap = 0};
    if (shift < HASH_BITS)
        partition_count(&p, items, count, shift);
    if (p.nodemap == 0)
        return build_leaf(b, items, count, shift, p.datamap);
    partition_sort(&p, items, spare, count, shift);
    champ_node *child[BRANCHES];
    int children = build_children(b, &p, items, child, shift);
    if (children < 0)
        return NULL;
    bool general = false;
    if (b->any_general) {
        for (int i = 0; i < children; i++)
            general |= node_is_general(child[i]);
        for (bitmap todo = p.datamap; todo && !general; todo &= todo - 1)
            general = pair_is_general(&p.items[p.start[bits_first(todo)]].pair);
    }
    layout d;
    champ_node *n = champ_alloc(b->mem, p.datamap, p.nodemap, bits_count(p.datamap), (unsigned)children, general, &d);
    if (n == NULL) {
        release_level(&p, p.datamap, child, children);
        return NULL;
    }
    unsigned i = 0;
    for (bitmap todo = p.datamap; todo; todo &= todo - 1) {
        entry *e = &p.items[p.start[bits_first(todo)]];
        place_entry(&d, i++, e->hash, &e->pair);
    }
    for (int c = 0; c < children; c++)
        d.child[c] = child[c];
    node_ready(n);
    return n;
}

#endif
