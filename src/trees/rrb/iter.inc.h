/* Walking a vector leaf by leaf, two vectors in step, and the hash. Arbitrary code compares and hashes the cells.
 * Two cells of one node compare twice with the same outcome, so what is known of a node is not computed again
 * (trees/rrb/memo.inc.h). */
#ifndef FROZEN_TREES_RRB_ITER_INC_H
#define FROZEN_TREES_RRB_ITER_INC_H

#include "trees/rrb/access.inc.h"
#include "trees/rrb/memo.inc.h"

/* A position in a vector, which the caller keeps alive: `path[0]` is the current leaf, `path[h]` its ancestor of
 * height h, `slot[0]` the index of the cell in the leaf.  At the end `path[0].node` is NULL. */
typedef struct {
    rrb_tree path[RRB_HEIGHTS];
    uint8_t slot[RRB_HEIGHTS];
    unsigned height; /* of the highest node in the path; the tail is a tree of its own */
    rrb_tree tail; /* none: passed */
} rrb_cursor;

/* Goes down from path[height], to the cell at `index` in that node. */
static inline void
cursor_descend(rrb_cursor *cursor, unsigned height, size_t index)
{
    for (unsigned h = height; h > 0; h--) {
        unsigned slot = inner_slot(cursor->path[h].node, index);
        index -= inner_offset(cursor->path[h].node, slot);
        cursor->slot[h] = (uint8_t)slot;
        cursor->path[h - 1] = tree_child(cursor->path[h], slot);
    }
    cursor->slot[0] = (uint8_t)index;
}

static inline void
cursor_enter(rrb_cursor *cursor, rrb_tree tree, size_t index)
{
    cursor->height = tree.node != NULL ? tree.node->height : 0;
    cursor->path[cursor->height] = tree;
    if (tree.node != NULL)
        cursor_descend(cursor, cursor->height, index);
}

static inline void
cursor_init(rrb_cursor *cursor, rrb v, size_t index)
{
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree none = {NULL, 0}, tail = index < v.count ? rrb_tail(v) : none;
    cursor->tail = none;
    if (top != NULL && index < top->tree_count) {
        cursor->tail = tail;
        cursor_enter(cursor, (rrb_tree){top->tree, top->tree_count}, index);
    }
    else {
        cursor_enter(cursor, tail, top != NULL ? index - top->tree_count : index);
    }
}

/* The cells from here to the end of the leaf; 0: the end of the vector. */
static inline unsigned
cursor_cells(const rrb_cursor *cursor, const cell **cells)
{
    const rrb_node *leaf = cursor->path[0].node;
    *cells = NULL;
    if (leaf == NULL)
        return 0;
    *cells = leaf_cells(leaf) + cursor->slot[0];
    return (unsigned)cursor->path[0].count - cursor->slot[0];
}

/* To the first cell behind path[height]. */
static inline void
cursor_leave(rrb_cursor *cursor, unsigned height)
{
    for (unsigned h = height + 1; h <= cursor->height; h++) {
        if (++cursor->slot[h] < cursor->path[h].node->length) {
            cursor->path[h - 1] = tree_child(cursor->path[h], cursor->slot[h]);
            cursor_descend(cursor, h - 1, 0);
            return;
        }
    }
    rrb_tree tail = cursor->tail;
    cursor->tail = (rrb_tree){NULL, 0};
    cursor_enter(cursor, tail, 0);
}

/* Past `count` cells of the current leaf. */
static inline void
cursor_advance(rrb_cursor *cursor, unsigned count)
{
    cursor->slot[0] = (uint8_t)(cursor->slot[0] + count);
    if (cursor->slot[0] == cursor->path[0].count)
        cursor_leave(cursor, 0);
}

/* ---- two vectors in step ---- */

/* A walk through two vectors: `at` cells of each are passed. */
typedef struct {
    rrb_cursor a, b;
    size_t at;
    bool by_identity;
    rrb_memo equal; /* pairs of nodes that hold equal cells */
    size_t
        *began; /* by height: where the pair of nodes began that both cursors are in, if in both at once; NULL: the memo
                     * has not begun yet */
} rrb_comparison;

#define BEGAN_APART SIZE_MAX

/* Whether the nodes of height `h` at whose beginning both cursors are are known to hold the same cells. */
static inline bool
comparison_knows(const rrb_comparison *c, unsigned h)
{
    const rrb_tree *a = &c->a.path[h], *b = &c->b.path[h];
    return a->node == b->node || (a->count == b->count && memo_find(&c->equal, a->node, b->node) != NULL);
}

/* The height of the highest pair of nodes that are known to hold the same, with both cursors at its beginning; or
 * -1. */
static inline int
comparison_known_height(rrb_comparison *c)
{
    int known = -1;
    const rrb_cursor *a = &c->a, *b = &c->b;
    for (unsigned h = 0; h <= a->height && h <= b->height && a->slot[h] == 0 && b->slot[h] == 0; h++) {
        if (comparison_knows(c, h))
            known = (int)h;
        if (UNLIKELY(c->began != NULL))
            c->began[h] = a->path[h].count == b->path[h].count ? c->at : BEGAN_APART;
    }
    return known;
}

/* The first `n` cells from here on, which end in no higher node than one of height `h` that ends here as well, are
 * equal: remembers pairs of nodes that end there, and passes them. */
static inline void
comparison_pass(rrb_comparison *c, size_t n, int h)
{
    c->at += n;
    for (unsigned k = 0; UNLIKELY(c->began != NULL) && k <= c->a.height && k <= c->b.height; k++) {
        size_t began = c->began[k];
        if ((int)k > h && began != BEGAN_APART && c->at - began == c->a.path[k].count)
            memo_put(&c->equal, c->a.path[k].node, c->b.path[k].node, 1);
        if ((int)k <= h || began == BEGAN_APART || c->at - began >= c->a.path[k].count)
            c->began[k] = BEGAN_APART;
    }
    if (h >= 0) {
        cursor_leave(&c->a, (unsigned)h);
        cursor_leave(&c->b, (unsigned)h);
        return;
    }
    cursor_advance(&c->a, (unsigned)n);
    cursor_advance(&c->b, (unsigned)n);
}

/* Compares what is left of both leaves: 0 equal, 1 and how many were, -1: a comparison failed, or interrupted. */
static inline int
comparison_leaves(rrb_comparison *c, unsigned *count)
{
    const cell *cells_a, *cells_b;
    unsigned n = cursor_cells(&c->a, &cells_a), left_b = cursor_cells(&c->b, &cells_b);
    n = n < left_b ? n : left_b;
    *count = n;
    for (unsigned i = 0; i < n; i++) {
        int equal = c->by_identity ? cell_identical(cells_a[i], cells_b[i]) : cell_equal(cells_a[i], cells_b[i]);
        if (equal <= 0) {
            *count = i;
            return equal < 0 ? -1 : 1;
        }
    }
    if (!memo_spend(&c->equal, n))
        return -1;
    if (UNLIKELY(c->equal.entries != NULL) && c->began == NULL) {
        if ((c->began = scratch_alloc(RRB_HEIGHTS * sizeof *c->began)) == NULL)
            return -1;
        for (unsigned h = 0; h < RRB_HEIGHTS; h++)
            c->began[h] = BEGAN_APART;
    }
    return 0;
}

/* The first index from `*index` on at which the cells differ: by identity, or by value. 1 and the index, 0 if there is
 * none in both, -1 if a comparison failed or was interrupted. Subtrees at the same index that are shared, or were
 * compared already, are skipped: the cost is that of what differs. */
static inline int
rrb_mismatch_from(rrb a, rrb b, bool by_identity, size_t *index)
{
    size_t common = a.count < b.count ? a.count : b.count;
    if (*index >= common)
        return 0;
    rrb_comparison c = {.at = *index, .by_identity = by_identity};
    int status = 0;
    cursor_init(&c.a, a, c.at);
    cursor_init(&c.b, b, c.at);
    memo_init(&c.equal);
    while (status == 0 && c.at < common) {
        unsigned n;
        int known = comparison_known_height(&c);
        if (known >= 0) {
            comparison_pass(&c, c.a.path[known].count, known);
            continue;
        }
        status = comparison_leaves(&c, &n);
        *index = c.at + n;
        if (status == 0)
            comparison_pass(&c, n, -1);
    }
    memo_end(&c.equal);
    scratch_free(c.began);
    return status;
}

/* The first index at which the vectors differ in value: 1 and the index, 0 if one begins with the other, or -1. */
static inline int
rrb_mismatch(rrb a, rrb b, size_t *index)
{
    *index = 0;
    return rrb_mismatch_from(a, b, false, index);
}

/* ---- the hash ---- */

/* The hash of a sequence is a polynomial of its cells' hashes, each of them mixed: so that of a subtree can be found by
 * itself, and put into place by a power of the base.  (Base and steps of mixing: Steele, Lea and Flood, 2014.) */
#define HASH_BASE 0xD1342543DE82EF95u

static inline uint64_t
hash_mixed(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * 0xBF58476D1CE4E5B9u;
    return hash ^ hash >> 29;
}

static inline uint64_t
hash_power(size_t exponent)
{
    uint64_t power = 1;
    for (uint64_t square = HASH_BASE; exponent > 0; exponent >>= 1, square *= square)
        power *= exponent & 1 ? square : 1;
    return power;
}

/* `*hash` of what is before, continued by the tree's cells, and `*agreed` cleared where one's hash is this
 * interpreter's own: 0, or -1 (exception set). What the memo has found has cleared `*agreed` already. */
static int
tree_hash(rrb_memo *memo, rrb_tree tree, uint64_t *hash, int *agreed)
{
    if (tree.node->height == 0) {
        for (size_t i = 0; i < tree.count; i++) {
            uint64_t next;
            int status = cell_value_hash(leaf_cells(tree.node)[i], &next);
            if (status < 0)
                return -1;
            *agreed &= status;
            *hash = *hash * HASH_BASE + hash_mixed(next);
        }
        return memo_spend(memo, tree.count) ? 0 : -1;
    }
    const uint64_t *known = memo_find(memo, tree.node, NULL);
    uint64_t own = known != NULL ? *known : 0;
    for (unsigned i = 0; known == NULL && i < tree.node->length; i++)
        if (tree_hash(memo, tree_child(tree, i), &own, agreed) < 0)
            return -1;
    memo_put(memo, tree.node, NULL, own);
    *hash = *hash * hash_power(tree.count) + own;
    return 0;
}

/* A hash of the cells' hashes in their order: 1; 0: as this interpreter has it (trees/memory_contract.h); or -1: a cell
 * has no hash, or interrupted. */
static inline int
rrb_hash(rrb v, uint64_t *hash)
{
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tail = rrb_tail(v);
    uint64_t mixed = 0x27D4EB2F165667C5u;
    rrb_memo memo;
    memo_init(&memo);
    int agreed = 1;
    int status = top != NULL ? tree_hash(&memo, (rrb_tree){top->tree, top->tree_count}, &mixed, &agreed) : 0;
    if (status == 0 && v.count > 0)
        status = tree_hash(&memo, tail, &mixed, &agreed);
    memo_end(&memo);
    *hash = hash_mixed(mixed ^ v.count);
    return status < 0 ? -1 : agreed;
}

#endif
