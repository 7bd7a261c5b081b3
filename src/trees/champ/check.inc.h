/* The invariants of the trie, numbered; checked after every operation in debug builds (trees/check.h) and by tests.
 *
 *   I1  datamap and nodemap are disjoint, except in collision nodes; digits stay below BRANCHES.
 *   I2  an entry is on the path that its hash describes.
 *   I3  the stored hash is the hash, or its low half in plain nodes.
 *   I4  canonical form: a node below the root holds at least one child or two entries, so that equal contents in one
 *       hash space have one shape.
 *   I5  collision nodes are below all hash levels only, and hold at least two entries of one hash.
 *   I6  a general entry or child makes its node general.
 *   I7  the tree has as many entries as its header says.
 *   I8  a cached item hash is the XOR of those below, where these are known.
 *
 * Checking runs no arbitrary code and stores nothing, so that it fits between any two steps. */
#ifndef FROZEN_TREES_CHAMP_CHECK_INC_H
#define FROZEN_TREES_CHAMP_CHECK_INC_H

#include "trees/champ/hash.inc.h"

static const char *
check_collision(const layout *v, uint64_t prefix)
{
    if (v->entries < 2)
        return "I5: a collision node holds fewer than two entries";
    for (unsigned i = 0; i < v->entries; i++) {
        if (full_hash(v, i) != prefix)
            return "I5: a collision node holds another hash than its way";
        if (pair_is_general(&v->pair[i]) && !v->wide)
            return "I6: a general entry in a plain collision node";
    }
    return NULL;
}

static const char *
check_entries(const layout *v, unsigned level, uint64_t prefix)
{
    unsigned shift = level * CORE_BITS, i = 0;
    uint64_t below = level == 0 ? 0 : UINT64_MAX >> (HASH_BITS - shift);
    for (bitmap todo = v->node->datamap; todo; todo &= todo - 1, i++) {
        uint64_t hash = full_hash(v, i);
        if ((hash & below) != prefix || hash_digit(hash, shift) != bits_first(todo))
            return "I2: an entry is off the path of its hash";
        if (!hash_agrees(v, i, hash))
            return "I3: a stored hash differs from the key's";
        if (pair_is_general(&v->pair[i]) && !v->wide)
            return "I6: a general entry in a plain node";
    }
    return NULL;
}

/* NULL, or what is broken in this one node, whose children are not looked into. */
static const char *
check_one_node(const layout *v, unsigned level, uint64_t prefix)
{
    champ_node *n = v->node;
    if (level == HASH_LEVELS)
        return node_is_collision(n) ? check_collision(v, prefix) : "I5: an ordinary node below all hash levels";
    if (node_is_collision(n))
        return "I1: datamap and nodemap overlap";
    if (CORE_BITS < 5 && ((uint64_t)(n->datamap | n->nodemap) >> BRANCHES) != 0)
        return "I1: a digit past the branching factor";
    if (level > 0 && v->children == 0 && v->entries < 2)
        return "I4: a node below the root holds a single entry, or nothing";
    for (unsigned i = 0; i < v->children; i++)
        if (node_is_general(v->child[i]) && !v->wide)
            return "I6: a general child of a plain node";
    return check_entries(v, level, prefix);
}

/* The XOR of the shares of the entries of one node: false where a value's hash would have to be asked of arbitrary
 * code. */
static bool
known_entry_hash(const layout *v, uint64_t *shares)
{
    for (unsigned i = 0; i < v->entries; i++) {
        uint64_t hash = full_hash(v, i);
#if ENTRY_WIDTH > 1
        uint64_t value;
        if (!cell_pure_hash(PAIR_VALUE(&v->pair[i]), &value))
            return false;
        hash = pair_hash(hash, value);
#endif
        *shares ^= member_hash(hash);
    }
    return true;
}

/* What a walk over a whole tree finds out. */
typedef struct {
    size_t entries;
    const char *broken;
} findings;

/* Whether the item hash of what is at and below n is known; then it goes into *shares, which starts as 0. */
static bool
check_node(champ_node *n, unsigned level, uint64_t prefix, findings *found, uint64_t *shares)
{
    layout v = layout_of(n);
    found->entries += v.entries;
    if ((found->broken = check_one_node(&v, level, prefix)) != NULL)
        return false;
    bool known = known_entry_hash(&v, shares);
    bitmap todo = n->nodemap;
    for (unsigned i = 0; i < v.children && found->broken == NULL; i++, todo &= todo - 1) {
        uint64_t below = 0, way = prefix | (uint64_t)bits_first(todo) << (level * CORE_BITS);
        known &= check_node(v.child[i], level + 1, way, found, &below);
        *shares ^= below;
    }
    if (!known || found->broken != NULL)
        return false;
    uint64_t cached = v.children ? atomic_load_explicit(item_hash_cache(&v), memory_order_relaxed) : 0;
    if (cached != 0 && cached != *shares)
        found->broken = "I8: a cached item hash is stale";
    return true;
}

/* NULL: all is well; otherwise which invariant is broken. */
MAYBE_UNUSED static const char *
champ_check(champ_node *root, size_t count)
{
    findings found = {0, NULL};
    uint64_t shares = 0;
    check_node(root, 0, 0, &found, &shares);
    if (found.broken == NULL && found.entries != count)
        return "I7: the header's count is not the number of entries";
    return found.broken;
}

/* The same for the nodes on the path of one hash: what an operation with one key may have made. */
MAYBE_UNUSED static const char *
champ_check_way(champ_node *root, uint64_t hash)
{
    champ_node *n = root;
    uint64_t prefix = 0;
    for (unsigned level = 0;; level++) {
        layout v = layout_of(n);
        const char *broken = check_one_node(&v, level, prefix);
        bitmap bit = level < HASH_LEVELS ? hash_bit(hash, level * CORE_BITS) : 0;
        if (broken != NULL || !(bit & n->nodemap))
            return broken;
        prefix |= (uint64_t)hash_digit(hash, level * CORE_BITS) << (level * CORE_BITS);
        n = v.child[bits_rank(n->nodemap, bit)];
    }
}

#endif
