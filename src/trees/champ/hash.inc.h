/* Hash and equality of whole trees, both skipping what is shared or known.
 *
 * The hash is that of a frozenset of the items (of the keys, for sets): an XOR over the items, which does not depend on
 * their order and lets every node with children cache its own share (trees/champ/node.inc.h). After one `set` only the
 * copied path has to be added up again. */
#ifndef FROZEN_TREES_CHAMP_HASH_INC_H
#define FROZEN_TREES_CHAMP_HASH_INC_H

#include "trees/champ/access.inc.h"
#include "trees/hash_mix.h"

static int
item_hash_step(champ_node *n, uint64_t *out, budget *left)
{
    layout v = layout_of(n);
    _Atomic(uint64_t) *cache = item_hash_cache(&v);
    if (cache != NULL && (*out = atomic_load_explicit(cache, memory_order_relaxed)) != 0)
        return 1;
    uint64_t shares = 0, below;
    int agreed = 1, status;
    if (!budget_spend(left, 1u + v.entries))
        return -1;
    for (unsigned i = 0; i < v.entries; i++) {
        uint64_t hash = full_hash(&v, i);
        if ((status = cell_key_hash(PAIR_KEY(&v.pair[i]), &hash)) < 0)
            return -1;
        agreed &= status;
#if ENTRY_WIDTH > 1
        uint64_t value;
        if ((status = cell_value_hash(PAIR_VALUE(&v.pair[i]), &value)) < 0)
            return -1;
        agreed &= status;
        hash = pair_hash(hash, value);
#endif
        shares ^= member_hash(hash);
    }
    for (unsigned i = 0; i < v.children; i++) {
        if ((status = item_hash_step(v.child[i], &below, left)) < 0)
            return -1;
        agreed &= status;
        shares ^= below;
    }
    if (cache != NULL && agreed)
        atomic_store_explicit(cache, shares, memory_order_relaxed);
    *out = shares;
    return agreed;
}

/* The XOR of the shares of all items below: 1; 0: as this interpreter has it (trees/memory_contract.h), so that no node
 * keeps it; or -1: a value is not hashable, or interrupted. */
static inline int
champ_item_hash(champ_node *n, uint64_t *out)
{
    budget left = BUDGET;
    return item_hash_step(n, out, &left);
}

static inline int
slots_equal(const layout *a, unsigned i, const layout *b, unsigned j)
{
    uint64_t hash = full_hash(a, i);
    if (hash != full_hash(b, j))
        return 0;
    probe p = probe_of(PAIR_KEY(&b->pair[j]), hash);
    int equal = cell_matches(PAIR_KEY(&a->pair[i]), &p, true);
#if ENTRY_WIDTH > 1
    if (equal > 0)
        equal = cell_equal(PAIR_VALUE(&a->pair[i]), PAIR_VALUE(&b->pair[j]));
#endif
    return equal;
}

/* Collision nodes are in no order. */
static int
collisions_equal(const layout *a, const layout *b)
{
    if (a->entries != b->entries)
        return 0;
    for (unsigned i = 0; i < a->entries; i++) {
        probe p = probe_of(PAIR_KEY(&a->pair[i]), full_hash(a, i));
        int match = 0;
        for (unsigned j = 0; j < b->entries && match == 0; j++) {
            match = entry_matches(b, j, &p);
#if ENTRY_WIDTH > 1
            if (match > 0 && (match = cell_equal(PAIR_VALUE(&a->pair[i]), PAIR_VALUE(&b->pair[j]))) == 0)
                return 0;
#endif
        }
        if (match <= 0)
            return match;
    }
    return 1;
}

static inline bool
hashes_differ(const layout *a, const layout *b)
{
    if (a->wide != b->wide)
        return false;
    return memcmp(a->hash, b->hash, (a->wide ? 8 : 4) * (size_t)a->entries) != 0;
}

/* 1, 0, or -1: comparing failed, or interrupted. The shape of a tree follows from its keys' hashes, so equal trees are
 * walked in step and differ wherever their bitmaps do. */
static int
equal_step(champ_node *x, champ_node *y, budget *left)
{
    if (x == y)
        return 1;
    if (x->nodemap != y->nodemap)
        return 0;
    layout a = layout_of(x), b = layout_of(y);
    if (!budget_spend(left, 1u + a.entries))
        return -1;
    if (node_is_collision(x))
        return collisions_equal(&a, &b);
    if (x->datamap != y->datamap || hashes_differ(&a, &b))
        return 0;
    if (a.children) {
        uint64_t hash_a = atomic_load_explicit(item_hash_cache(&a), memory_order_relaxed);
        uint64_t hash_b = atomic_load_explicit(item_hash_cache(&b), memory_order_relaxed);
        if (hash_a && hash_b && hash_a != hash_b)
            return 0;
    }
    for (unsigned i = 0; i < a.entries; i++) {
        int equal = slots_equal(&a, i, &b, i);
        if (equal <= 0)
            return equal;
    }
    for (unsigned i = 0; i < a.children; i++) {
        int equal = equal_step(a.child[i], b.child[i], left);
        if (equal <= 0)
            return equal;
    }
    return 1;
}

static inline int
champ_equal(champ_node *x, champ_node *y)
{
    budget left = BUDGET;
    return equal_step(x, y, &left);
}

#endif
