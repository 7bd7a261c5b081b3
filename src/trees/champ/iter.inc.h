/* Iteration in the order of the tree, forwards and backwards.
 *
 * Forwards a node's entries come before its children's. The iterator borrows: its caller holds a reference to the
 * root. */
#ifndef FROZEN_TREES_CHAMP_ITER_INC_H
#define FROZEN_TREES_CHAMP_ITER_INC_H

#include "trees/champ/access.inc.h"

typedef struct {
    pair *next, *end; /* what is left of the current node's entries; backwards, taken from the end */
    unsigned depth;   /* levels of `at` in use */
    struct {
        champ_node **child, **end; /* children not visited yet */
        champ_node *node;          /* backwards: its entries come after its children's */
    } at[HASH_LEVELS + 1];
} champ_iter;

static inline void
iter_push(champ_iter *it, champ_node *n)
{
    layout v = layout_of(n);
    it->at[it->depth].child = v.child;
    it->at[it->depth].end = v.child + v.children;
    it->at[it->depth++].node = n;
    it->next = v.pair;
    it->end = v.pair + v.entries;
}

static inline void
champ_iter_init(champ_iter *it, champ_node *root)
{
    it->depth = 0;
    iter_push(it, root);
}

/* The leaf after the one that is about to be visited: its objects are scattered, ask for them early. */
static inline void
iter_prefetch(champ_node *n)
{
    layout v = layout_of(n);
    if (v.children == 0)
        prefetch_pairs(&v);
    else
        prefetch_children(n);
}

/* The next pair, borrowed, or NULL at the end.  Inlined always: an iterator's step is little more than this. */
FORCE_INLINE pair *
champ_iter_next(champ_iter *it)
{
    while (UNLIKELY(it->next == it->end)) {
        while (it->depth && it->at[it->depth - 1].child == it->at[it->depth - 1].end)
            it->depth--;
        if (it->depth == 0)
            return NULL;
        unsigned top = it->depth - 1;
        champ_node *n = *it->at[top].child++;
        if (it->at[top].child != it->at[top].end)
            iter_prefetch(*it->at[top].child);
        iter_push(it, n);
    }
    return it->next++;
}

/* The full hash of the pair that champ_iter_next has just returned. */
static inline uint64_t
champ_iter_hash(const champ_iter *it, const pair *s)
{
    layout v = layout_of(it->at[it->depth - 1].node);
    return full_hash(&v, (unsigned)(s - v.pair));
}

/* Go down to the last leaf: its entries are the first backwards. */
static inline void
iter_descend_back(champ_iter *it, champ_node *n)
{
    iter_push(it, n);
    while (it->at[it->depth - 1].child != it->at[it->depth - 1].end)
        iter_push(it, *--it->at[it->depth - 1].end);
}

static inline void
champ_iter_init_back(champ_iter *it, champ_node *root)
{
    it->depth = 0;
    iter_descend_back(it, root);
}

static inline pair *
champ_iter_prev(champ_iter *it)
{
    while (it->next == it->end) {
        if (it->depth <= 1) {
            it->depth = 0;
            return NULL;
        }
        unsigned top = --it->depth - 1;
        if (it->at[top].child != it->at[top].end) {
            iter_descend_back(it, *--it->at[top].end);
            continue;
        }
        layout v = layout_of(it->at[top].node);
        it->next = v.pair;
        it->end = v.pair + v.entries;
    }
    return --it->end;
}

/* How many entries a subtree has: O(its nodes). */
static size_t
champ_count(champ_node *n)
{
    layout v = layout_of(n);
    size_t count = v.entries;
    for (unsigned i = 0; i < v.children; i++)
        count += champ_count(v.child[i]);
    return count;
}

#endif
