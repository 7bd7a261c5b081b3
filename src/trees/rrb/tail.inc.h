/* Tails that versions share, and the tops that hold them.
 *
 * In a memory where only one thread at a time touches nodes (MEMORY_IS_SERIAL) the versions that appending and popping
 * make of each other share one tail, each with a length of its own: an append fills the first free place, a pop makes
 * nothing but a top.
 *
 *        top, length 3      top, length 4      top, length 4
 *                 \            |              /
 *         tail   [a  b  c  d  .  .  .  .]   length 4, capacity 8
 *         tops    0  0  1  2  0  0  0  0    by the length that they use
 *
 * The first thread to append to a version of the tail's full length takes the free place; any other copies.  No
 * place is filled twice, so that no version sees another one's cells.
 *
 * Lifetime.  A cell must not outlive the last version that it is in, though a shorter one may keep the tail alive.  So
 * each tail counts the tops that use each length; when the last one of its own length ends, the tail gets as short as
 * the longest one that is left, and gives up what stood behind.  The counters have a byte: one more top than it can
 * count gets a copy.
 *
 * Only plain cells go into such tails.  A collector that finds a tail would follow all its cells, also for a version
 * that ends before them; from a plain cell nothing is to be found. */
#ifndef FROZEN_TREES_RRB_TAIL_INC_H
#define FROZEN_TREES_RRB_TAIL_INC_H

#include "trees/rrb/node.inc.h"

/* ---- shared tails ---- */

static inline uint8_t *
tail_tops(const rrb_node *tail)
{
    return (uint8_t *)(leaf_cells(tail) + tail->capacity);
}

/* Cells to be filled in; then node_ready().  A shared tail, where the memory and the cells allow it; else a leaf. */
static inline rrb_node *
tail_alloc(memory *mem, unsigned length, unsigned capacity, bool general)
{
    if (!MEMORY_IS_SERIAL || general)
        return leaf_alloc(mem, length, length, general);
    rrb_node *tail = node_alloc(mem, sizeof(rrb_node) + capacity * (sizeof(cell) + 1), false);
    if (tail != NULL) {
        leaf_init(tail, RRB_TAIL, length, capacity);
        memset(tail_tops(tail), 0, capacity);
    }
    return tail;
}

/* The first `length` cells of a leaf as a tail, which is the leaf itself where it can be; new reference. NULL:
 * failed. */
static inline rrb_node *
tail_prefix(memory *mem, rrb_tree leaf, unsigned length)
{
    if (length == leaf.count || leaf.node->kind == RRB_TAIL) {
        node_retain(leaf.node);
        return leaf.node;
    }
    rrb_node *tail = tail_alloc(mem, length, length, node_is_general(leaf.node));
    if (tail != NULL) {
        cells_copy(leaf_cells(tail), leaf_cells(leaf.node), length);
        node_ready(tail);
    }
    return tail;
}

/* The cells [from, to) of a leaf or a tail as a leaf that fits anywhere in a tree; new reference.  NULL: failed. */
static inline rrb_node *
leaf_part(memory *mem, rrb_tree leaf, unsigned from, unsigned to)
{
    if (from == 0 && to == leaf.count && leaf.node->kind == RRB_LEAF) {
        node_retain(leaf.node);
        return leaf.node;
    }
    return leaf_copy(mem, leaf.node, from, to, to - from, false);
}

/* A top that is counted gives up its tail; the caller releases it. */
static inline void
tail_leave(rrb_tree tail)
{
    rrb_node *node = tail.node;
    if (!MEMORY_IS_SERIAL || node->kind != RRB_TAIL || node_is_unique(node))
        return; /* nothing to count, or it ends now */
    uint8_t *tops = tail_tops(node);
    assert(tail.count > 0 && tail.count <= node->length && tops[tail.count - 1] > 0); /* R8 */
    if (--tops[tail.count - 1] > 0 || tail.count < node->length)
        return;
    while (node->length > 0 && tops[node->length - 1] == 0)
        cell_release(leaf_cells(node)[--node->length]); /* may run anything: the tail is as it should be each time */
}

/* ---- tops ---- */

static inline const rrb_top *
rrb_top_of(const void *root)
{
    return root != NULL && ((const rrb_node *)root)->kind == RRB_TOP ? (const rrb_top *)root : NULL;
}

static inline rrb_tree
top_tail(const rrb_top *top)
{
    return (rrb_tree){top->tail, top->node.length};
}

/* The last leaf of a vector; none, if that is empty. */
static inline rrb_tree
rrb_tail(rrb v)
{
    const rrb_top *top = rrb_top_of(v.root);
    return top != NULL ? top_tail(top) : (rrb_tree){v.root, v.count};
}

/* What a memory calls when the last reference to a node is gone, before it releases the contents. */
static inline void
node_ending(void *node)
{
    if (((rrb_node *)node)->kind == RRB_TOP)
        tail_leave(top_tail(node));
}

/* New. It must be counted by its tail already: allocating it may run a collector, and that anything. Steals the tree
 * and the tail, on failure too. */
FORCE_INLINE rrb_top *
top_over(memory *mem, rrb_tree tree, rrb_tree tail, bool general)
{
    rrb_top *top = node_alloc(mem, sizeof *top, general);
    if (UNLIKELY(top == NULL)) {
        tail_leave(tail);
        node_release(tail.node);
        node_release(tree.node);
        return NULL;
    }
    top->node.kind = RRB_TOP;
    top->node.height = top->node.capacity = 0;
    top->node.length = (uint8_t)tail.count;
    top->tree = tree.node;
    top->tail = tail.node;
    top->tree_count = tree.count;
    node_ready(top);
    return top;
}

/* New; steals the tree and the tail, on failure too. */
static inline rrb_top *
top_new(memory *mem, rrb_tree tree, rrb_tree tail, bool general)
{
    if (tail.node->kind == RRB_TAIL && LIKELY(tail_tops(tail.node)[tail.count - 1] < UINT8_MAX))
        tail_tops(tail.node)[tail.count - 1]++;
    else if (tail.node->kind == RRB_TAIL) {
        rrb_node *full = tail.node;
        tail.node = leaf_part(mem, tail, 0, (unsigned)tail.count);
        node_release(full);
        if (tail.node == NULL) {
            node_release(tree.node);
            return NULL;
        }
    }
    return top_over(mem, tree, tail, general);
}

/* New: the same tree and tail, used up to `length`, which is another than that of `top` for a shared tail only. */
static inline rrb_top *
top_copy(memory *mem, const rrb_top *top, size_t length, bool general)
{
    rrb_tree tree = {top->tree, top->tree_count}, tail = {top->tail, length};
    node_retain(tree.node);
    node_retain(tail.node);
    return top_new(mem, tree, tail, general || node_is_general(top));
}

/* Whether the place behind the tail is still free, and `c` may fill it. */
static inline bool
top_has_room(const rrb_top *top, cell c)
{
    const rrb_node *tail = top->tail;
    return MEMORY_IS_SERIAL && tail->kind == RRB_TAIL && tail->length == top->node.length
           && tail->length < tail->capacity && value_is_plain(c);
}

/* New: the same tree and tail, and `c`, which it retains, in the free place. */
static inline rrb_top *
top_extended(memory *mem, const rrb_top *top, cell c)
{
    rrb_tree tree = {top->tree, top->tree_count}, tail = {top->tail, top->node.length + 1u};
    cell_retain(leaf_cells(tail.node)[tail.node->length++] = c);
    tail_tops(tail.node)[tail.count - 1] = 1;
    node_retain(tree.node);
    node_retain(tail.node);
    return top_over(mem, tree, tail, node_is_general(top));
}

/* A leaf of its own, with room for `capacity` cells, for a top that only the caller references; false: failed. */
static inline bool
top_own_tail(memory *mem, rrb_top *top, unsigned capacity, bool general)
{
    rrb_node *old = top->tail, *leaf = leaf_copy(mem, old, 0, top->node.length, capacity, general);
    if (leaf == NULL)
        return false;
    tail_leave(top_tail(top));
    top->tail = leaf;
    node_release(old); /* releases no cell for good: the leaf holds them all */
    return true;
}

/* The vector of a tree (possibly none: then the tail is a leaf) and a tail. Steals both, on failure too: then `*result`
 * is untouched. */
static inline bool
rrb_from_parts(memory *mem, rrb_tree tree, rrb_tree tail, rrb *result)
{
    if (tree.node == NULL) {
        *result = (rrb){tail.node, tail.count};
        return true;
    }
    size_t count = tree.count + tail.count;
    void *root;
    if (count <= BRANCHES) { /* R6; the tree is a leaf then, by R5 */
        bool general = node_is_general(tree.node) || node_is_general(tail.node);
        rrb_node *leaf = leaf_alloc(mem, (unsigned)count, (unsigned)count, general);
        if ((root = leaf) != NULL) {
            cells_copy(leaf_cells(leaf), leaf_cells(tree.node), tree.count);
            cells_copy(leaf_cells(leaf) + tree.count, leaf_cells(tail.node), tail.count);
            node_ready(leaf);
        }
        node_release(tree.node);
        node_release(tail.node);
    }
    else
        root = top_new(mem, tree, tail, node_is_general(tree.node) || node_is_general(tail.node));
    if (root == NULL)
        return false;
    *result = (rrb){root, count};
    return true;
}

#endif
