/* The invariants of the trie, numbered; checked after every step in debug builds (FROZEN_CHECK) and by tests.
 *
 *   I1  datamap and nodemap are disjoint, except in collision nodes; digits stay below BRANCHES.
 *   I2  an entry stands on the way that its hash describes.
 *   I3  the stored hash is the hash, or its low half in plain nodes.
 *   I4  canonical form: a node below the root holds at least one child or two entries, so that equal contents in one
 *       hash space have one shape.
 *   I5  collision nodes stand below all hash levels only, and hold at least two entries of one hash.
 *   I6  a general entry or child makes its node general.
 *   I7  the tree has as many entries as its header says.
 *   I8  a cached item hash is the XOR of those below, where these are known.
 */
#ifndef FROZEN_CORE_CHAMP_CHECK_H
#define FROZEN_CORE_CHAMP_CHECK_H

#include "core/champ_hash.h"

static const char *
check_collision(const view *v, uint64_t prefix)
{
    if (v->entries < 2)
        return "I5: a collision node holds fewer than two entries";
    for (unsigned i = 0; i < v->entries; i++) {
        if (full_hash(v, i) != prefix)
            return "I5: a collision node holds another hash than its way";
        if (slot_is_general(&v->slot[i]) && !v->wide)
            return "I6: a general entry in a plain collision node";
    }
    return NULL;
}

static const char *
check_entries(const view *v, unsigned level, uint64_t prefix)
{
    unsigned shift = level * CORE_BITS, i = 0;
    uint64_t below = level == 0 ? 0 : UINT64_MAX >> (HASH_BITS - shift);
    for (bitmap todo = v->node->datamap; todo; todo &= todo - 1, i++) {
        uint64_t hash = full_hash(v, i);
        if ((hash & below) != prefix || hash_digit(hash, shift) != bits_first(todo))
            return "I2: an entry stands off the way of its hash";
        if (!hash_agrees(v, i, hash))
            return "I3: a stored hash differs from the key's";
        if (slot_is_general(&v->slot[i]) && !v->wide)
            return "I6: a general entry in a plain node";
    }
    return NULL;
}

/* NULL, or what is broken at or below n. Adds the entries to *count. */
static const char *
check_node(champ_node *n, unsigned level, uint64_t prefix, size_t *count)
{
    view v = view_of(n);
    *count += v.entries;
    if (level == HASH_LEVELS)
        return node_is_collision(n) ? check_collision(&v, prefix) : "I5: an ordinary node below all hash levels";
    if (node_is_collision(n))
        return "I1: datamap and nodemap overlap";
    if (CORE_BITS < 5 && ((uint64_t)(n->datamap | n->nodemap) >> BRANCHES) != 0)
        return "I1: a digit past the branching factor";
    if (level > 0 && v.children == 0 && v.entries < 2)
        return "I4: a node below the root holds a single entry, or nothing";
    const char *broken = check_entries(&v, level, prefix);
    bitmap todo = n->nodemap;
    for (unsigned i = 0; i < v.children && !broken; i++, todo &= todo - 1) {
        if (node_is_general(v.child[i]) && !v.wide)
            return "I6: a general child of a plain node";
        broken = check_node(v.child[i], level + 1, prefix | (uint64_t)bits_first(todo) << (level * CORE_BITS), count);
    }
    return broken;
}

/* I8, for subtrees whose values are plain, so that hashing them runs no foreign code. */
static const char *
check_item_hash(champ_node *n)
{
    view v = view_of(n);
    if (v.children == 0 || v.wide)
        return NULL;
    uint64_t cached = atomic_load_explicit(item_hash_cache(&v), memory_order_relaxed), fresh;
    for (unsigned i = 0; i < v.children; i++) {
        const char *broken = check_item_hash(v.child[i]);
        if (broken)
            return broken;
    }
    if (cached == 0)
        return NULL;
    atomic_store_explicit(item_hash_cache(&v), 0, memory_order_relaxed);
    if (champ_item_hash(n, &fresh) < 0 || fresh != cached)
        return "I8: a cached item hash is stale";
    return NULL;
}

/* NULL: all is well; otherwise which invariant is broken. */
static const char *
champ_check(champ_node *root, size_t count)
{
    size_t found = 0;
    const char *broken = check_node(root, 0, 0, &found);
    if (broken == NULL && found != count)
        broken = "I7: the header's count is not the number of entries";
    return broken ? broken : check_item_hash(root);
}

#endif
