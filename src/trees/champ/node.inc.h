/* The node of a compressed hash-array-mapped prefix tree (CHAMP: Steindorfer & Vinju, OOPSLA 2015).
 *
 * A map or set is a tree of nodes; the hash of a key, read CORE_BITS at a time from the low end, is its way down.  At
 * each level a digit stands for one of BRANCHES branches, and a branch holds nothing, one entry, or one child.  Two
 * bitmaps say which; what is there is packed without gaps:
 *
 *     digit        7 6 5 4 3 2 1 0
 *     datamap      0 1 0 0 0 1 0 0        entries under digits 2 and 6
 *     nodemap      0 0 1 0 0 0 0 1        children under digits 0 and 5
 *
 *     +------+---------+---------+---------+---------+------+------+---------+---------+-----------+
 *     | head | datamap | nodemap | child 0 | child 5 | h(2) | h(6) | entry 2 | entry 6 | item hash |
 *     +------+---------+---------+---------+---------+------+------+---------+---------+-----------+
 *
 * Children come first, so that the descent needs one population count. `h` are the entries' hashes: their low 32 bits
 * in plain nodes, all 64 in general ones (trees/memory_contract.h says which is which). So a lookup that misses
 * touches no key, and no stored key is ever hashed again by arbitrary code: a plain key's hash is pure, any other's is
 * here. Entries are ENTRY_WIDTH cells: key and value, or a key alone. `item hash`, only in nodes with children, caches
 * the hash of all items below (trees/champ/hash.inc.h). A node has exactly the size of its contents.
 *
 * When the hash is used up, keys that share all of it are in a collision node, in no order: nodemap is all ones,
 * datamap the number of entries.  In any other node the two maps are disjoint, which tells them apart.
 * */
#ifndef FROZEN_TREES_CHAMP_NODE_INC_H
#define FROZEN_TREES_CHAMP_NODE_INC_H

#include "trees/bits.h"

#if !defined(ENTRY_WIDTH) || ENTRY_WIDTH < 1 || ENTRY_WIDTH > 2
#error "define ENTRY_WIDTH before including a CHAMP header: 2 for maps (key, value), 1 for sets"
#endif

typedef struct champ_node {
    NODE_HEAD;
    bitmap datamap, nodemap;
} champ_node;

typedef struct {
    cell cells[ENTRY_WIDTH]; /* key, then value; a set has the key alone, which is its value, too */
} pair;

#define PAIR_KEY(s) ((s)->cells[0])
#define PAIR_VALUE(s) ((s)->cells[ENTRY_WIDTH - 1])

/* A pair on its way into a node, with the full hash of its key. */
typedef struct {
    uint64_t hash;
    pair pair;
} entry;

/* A node with its layout worked out.  `wide`: hashes are 64 bits. */
typedef struct {
    champ_node *node;
    champ_node **child;
    void *hash;
    pair *pair;
    unsigned children, entries;
    bool wide;
} layout;

#define COLLISION_NODEMAP ((bitmap)0xFFFFFFFFu)

static inline bool
node_is_collision(const champ_node *n)
{
    return (n->datamap & n->nodemap) != 0;
}

static inline champ_node **
node_children(champ_node *n)
{
    return (champ_node **)(n + 1);
}

static inline size_t
hashes_size(unsigned entries, bool wide)
{
    return wide ? 8 * (size_t)entries : (4 * (size_t)entries + 7) & ~(size_t)7;
}

static inline size_t
node_size(unsigned entries, unsigned children, bool wide)
{
    return sizeof(champ_node) + children * sizeof(champ_node *) + hashes_size(entries, wide) + entries * sizeof(pair)
           + (children ? sizeof(uint64_t) : 0);
}

FORCE_INLINE layout
layout_sized(champ_node *n, unsigned entries, unsigned children, bool wide)
{
    layout v = {.node = n, .children = children, .entries = entries, .wide = wide};
    v.child = node_children(n);
    v.hash = v.child + children;
    v.pair = (pair *)((char *)v.hash + hashes_size(entries, wide));
    return v;
}

FORCE_INLINE layout
layout_of(champ_node *n)
{
    bool wide = node_is_general(n);
    if (UNLIKELY(node_is_collision(n)))
        return layout_sized(n, n->datamap, 0, wide);
    return layout_sized(n, bits_count(n->datamap), bits_count(n->nodemap), wide);
}

static inline node_contents
contents_of(void *node)
{
    layout v = layout_of(node);
    return (node_contents){(cell *)v.pair, (void **)v.child, (size_t)v.entries * ENTRY_WIDTH, v.children};
}

/* ---- what an edit in place replaces, where others may be reading ----
 *
 * A reader's load synchronises with the store of what it finds, so it sees that node or cell whole. The loads are
 * sequentially consistent, so that none of them is done before the reader has said that it is there. */

static inline champ_node *
child_load(champ_node **place)
{
#ifdef NODES_HAVE_READERS
    return atomic_load_explicit((_Atomic(champ_node *) *)place, memory_order_seq_cst);
#else
    return *place;
#endif
}

static inline void
child_store(champ_node **place, champ_node *child)
{
#ifdef NODES_HAVE_READERS
    atomic_store_explicit((_Atomic(champ_node *) *)place, child, memory_order_release);
#else
    *place = child;
#endif
}

static inline cell
value_load(pair *s)
{
#ifdef NODES_HAVE_READERS
    return atomic_load_explicit((_Atomic(cell) *)&PAIR_VALUE(s), memory_order_seq_cst);
#else
    return PAIR_VALUE(s);
#endif
}

static inline void
value_store(pair *s, cell value)
{
#ifdef NODES_HAVE_READERS
    atomic_store_explicit((_Atomic(cell) *)&PAIR_VALUE(s), value, memory_order_release);
#else
    PAIR_VALUE(s) = value;
#endif
}

/* A node needs no notice of its end: its contents are all that it holds. */
static inline void
node_ending(void *node)
{
    (void)node;
}

/* The number of bytes that were allocated; less, once the contents have moved elsewhere. */
static inline size_t
size_of(void *node)
{
    layout v = layout_of(node);
    return node_size(v.entries, v.children, v.wide);
}

/* ---- stored hashes ---- */

static inline bool
hash_agrees(const layout *v, unsigned i, uint64_t hash)
{
    return v->wide ? ((uint64_t *)v->hash)[i] == hash : ((uint32_t *)v->hash)[i] == (uint32_t)hash;
}

/* All 64 bits of entry i's hash: stored, or computed again from a plain key. */
static inline uint64_t
full_hash(const layout *v, unsigned i)
{
    return v->wide ? ((uint64_t *)v->hash)[i] : cell_hash(PAIR_KEY(&v->pair[i]));
}

static inline void
store_hash(const layout *v, unsigned i, uint64_t hash)
{
    if (v->wide)
        ((uint64_t *)v->hash)[i] = hash;
    else
        ((uint32_t *)v->hash)[i] = (uint32_t)hash;
}

static inline entry
entry_at(const layout *v, unsigned i)
{
    return (entry){full_hash(v, i), v->pair[i]};
}

/* 1, 0, or -1: comparing failed. */
FORCE_INLINE int
entry_matches(const layout *v, unsigned i, const probe *p)
{
    if (!hash_agrees(v, i, p->hash))
        return 0;
    return cell_matches(PAIR_KEY(&v->pair[i]), p, v->wide);
}

/* ---- the cached item hash: 0 stands for unknown.  Threads may race to store it; all store the same value. ---- */

static inline _Atomic(uint64_t) *
item_hash_cache(const layout *v)
{
    return v->children ? (_Atomic(uint64_t) *)(v->pair + v->entries) : NULL;
}

/* Mostly nothing is kept: then the line stays clean. */
static inline void
forget_item_hash(champ_node *n)
{
    if (n->nodemap == 0)
        return;
    layout v = layout_of(n);
    if (v.children && atomic_load_explicit(item_hash_cache(&v), memory_order_relaxed) != 0)
        atomic_store_explicit(item_hash_cache(&v), 0, memory_order_relaxed);
}

/* ---- pairs ---- */

static inline void
pair_retain(const pair *s)
{
    for (int w = 0; w < ENTRY_WIDTH; w++)
        cell_retain(s->cells[w]);
}

static inline void
pair_release(const pair *s)
{
    for (int w = 0; w < ENTRY_WIDTH; w++)
        cell_release(s->cells[w]);
}

static inline bool
pair_is_general(const pair *s)
{
    return !key_is_plain(PAIR_KEY(s)) || (ENTRY_WIDTH > 1 && !value_is_plain(PAIR_VALUE(s)));
}

static inline bool
pairs_identical(const pair *a, const pair *b)
{
    return cell_identical(PAIR_KEY(a), PAIR_KEY(b)) && cell_identical(PAIR_VALUE(a), PAIR_VALUE(b));
}

/* ---- making nodes ---- */

/* New node with undefined contents behind its bitmaps: the caller fills it, then calls node_ready. */
static inline champ_node *
champ_alloc(memory *mem, bitmap datamap, bitmap nodemap, unsigned entries, unsigned children, bool general, layout *out)
{
    champ_node *n = node_alloc(mem, node_size(entries, children, general), general);
    if (UNLIKELY(n == NULL))
        return NULL;
    n->datamap = datamap;
    n->nodemap = nodemap;
    *out = layout_sized(n, entries, children, general);
    if (children)
        atomic_store_explicit(item_hash_cache(out), 0, memory_order_relaxed);
    return n;
}

static inline champ_node *
champ_empty(memory *mem)
{
    layout v;
    champ_node *n = champ_alloc(mem, 0, 0, 0, 0, false, &v);
    if (n != NULL)
        node_ready(n);
    return n;
}

/* The node's contents were moved elsewhere, and nobody is in it: give back the block.  Runs no arbitrary code. */
static inline void
champ_discard(champ_node *n)
{
    n->datamap = n->nodemap = 0;
    node_release(n);
}

/* Put a pair into place i of a node under construction; the reference is the caller's to count. */
static inline void
place_entry(const layout *d, unsigned i, uint64_t hash, const pair *s)
{
    assert(i < d->entries);
    assert(d->wide || !pair_is_general(s)); /* I6 */
    store_hash(d, i, hash);
    d->pair[i] = *s;
}

/* Array surgery: n entries (children) of s from si on go to d from di on, shared (retained) or moved. */
static inline void
take_entries(const layout *d, unsigned di, const layout *s, unsigned si, unsigned n, bool move)
{
    assert(n == 0 || (si + n <= s->entries && di + n <= d->entries));
    assert(n == 0 || d->wide || !s->wide);
    for (unsigned i = 0; i < n; i++) {
        if (LIKELY(!d->wide))
            ((uint32_t *)d->hash)[di + i] = ((uint32_t *)s->hash)[si + i];
        else
            ((uint64_t *)d->hash)[di + i] = full_hash(s, si + i);
        d->pair[di + i] = s->pair[si + i];
        if (!move)
            pair_retain(&s->pair[si + i]);
    }
}

static inline void
take_children(const layout *d, unsigned di, const layout *s, unsigned si, unsigned n, bool move)
{
    assert(n == 0 || (si + n <= s->children && di + n <= d->children));
    for (unsigned i = 0; i < n; i++) {
        d->child[di + i] = s->child[si + i];
        if (!move)
            node_retain(s->child[si + i]);
    }
}

/* What one branch of a node is to hold instead of what it holds now: an entry, a child, or (both NULL) nothing. */
typedef struct {
    const entry *entry; /* borrowed: retained on success */
    champ_node *child;  /* stolen on success */
} content;

/* The node that differs from s in one branch: at entry index e and child index c it drops `had_entry` entries and
 * `had_child` children, and holds `in` instead; the maps are the new node's.  With `move` the contents of s go over; what
 * was dropped, and the block of s, are then the caller's (node_moved_out).  NULL: out of memory, s is as it was. */
static champ_node *
node_splice(memory *mem, const layout *s, bitmap datamap, bitmap nodemap, unsigned e, bool had_entry, unsigned c,
            bool had_child, content in, bool move)
{
    bool general = node_is_general(s->node) || (in.entry && pair_is_general(&in.entry->pair))
                   || (in.child && node_is_general(in.child));
    unsigned gets_entry = in.entry != NULL, gets_child = in.child != NULL;
    assert(had_entry + had_child <= 1 && gets_entry + gets_child <= 1);
    assert(e + had_entry <= s->entries && c + had_child <= s->children);
    layout d;
    champ_node *n = champ_alloc(mem, datamap, nodemap, s->entries - had_entry + gets_entry,
                                s->children - had_child + gets_child, general, &d);
    if (UNLIKELY(n == NULL))
        return NULL;
    take_children(&d, 0, s, 0, c, move);
    if (gets_child)
        d.child[c] = in.child;
    take_children(&d, c + gets_child, s, c + had_child, s->children - c - had_child, move);
    take_entries(&d, 0, s, 0, e, move);
    if (gets_entry) {
        place_entry(&d, e, in.entry->hash, &in.entry->pair);
        pair_retain(&in.entry->pair);
    }
    take_entries(&d, e + gets_entry, s, e + had_entry, s->entries - e - had_entry, move);
    node_ready(n);
    return n;
}

/* node_splice for the branch of `bit` in an ordinary node. */
static inline champ_node *
node_with(memory *mem, const layout *s, bitmap bit, content in, bool move)
{
    bitmap datamap = s->node->datamap, nodemap = s->node->nodemap;
    return node_splice(mem, s, in.entry ? datamap | bit : datamap & ~bit, in.child ? nodemap | bit : nodemap & ~bit,
                       bits_rank(datamap, bit), (datamap & bit) != 0, bits_rank(nodemap, bit), (nodemap & bit) != 0, in,
                       move);
}

/* node_splice for entry i of a collision node; i == entries appends. */
static inline champ_node *
collision_with(memory *mem, const layout *s, unsigned i, const entry *in, bool move)
{
    bool had = i < s->entries;
    return node_splice(mem, s, s->entries - had + (in != NULL), COLLISION_NODEMAP, i, had, 0, false,
                       (content){in, NULL}, move);
}

/* The smallest tree, for the level that starts at `shift`, of two entries with different keys.  Retains both. */
static champ_node *
node_pair(memory *mem, unsigned shift, const entry *a, const entry *b)
{
    bool general = pair_is_general(&a->pair) || pair_is_general(&b->pair);
    unsigned top = shift;
    assert(shift == 0 || ((a->hash ^ b->hash) << (HASH_BITS - (shift < HASH_BITS ? shift : HASH_BITS))) == 0);
    while (shift < HASH_BITS && hash_digit(a->hash, shift) == hash_digit(b->hash, shift))
        shift += CORE_BITS;
    bool collide = shift >= HASH_BITS;
    bool b_first = !collide && hash_digit(b->hash, shift) < hash_digit(a->hash, shift);
    bitmap datamap = collide ? 2 : hash_bit(a->hash, shift) | hash_bit(b->hash, shift);
    layout d;
    champ_node *n = champ_alloc(mem, datamap, collide ? COLLISION_NODEMAP : 0, 2, 0, general, &d);
    if (n == NULL)
        return NULL;
    place_entry(&d, b_first, a->hash, &a->pair);
    place_entry(&d, !b_first, b->hash, &b->pair);
    pair_retain(&a->pair);
    pair_retain(&b->pair);
    node_ready(n);
    while (shift > top) {
        shift -= CORE_BITS;
        champ_node *above = champ_alloc(mem, 0, hash_bit(a->hash, shift), 0, 1, general, &d);
        if (above == NULL) {
            node_release(n);
            return NULL;
        }
        d.child[0] = n;
        node_ready(above);
        n = above;
    }
    return n;
}

#endif
