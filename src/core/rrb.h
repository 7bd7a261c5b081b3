/* The relaxed radix balanced tree (RRB tree): a vector of cells with O(log n) concat, slice, insert and delete.
 *
 *   Bagwell & Rompf, RRB-Trees: Efficient Immutable Vectors, 2011.  L'orange, Improving RRB-Tree Performance through
 *   Transience, 2014.  Stucki et al., RRB Vector: A Practical General Purpose Immutable Sequence, 2015.
 *
 * A tree of up to BRANCHES-way nodes, all leaves at one depth.  In a *regular* node all children but the last are full,
 * so the digits of an index lead to its cell without looking into any node (radix).  Concat and slices leave nodes with
 * thinner children: these are *relaxed* and carry a table of running sizes.  The last leaf, the *tail*, stands apart,
 * so that appending copies one leaf and no path:
 *
 *       top ------------------ tail                      a vector of more than BRANCHES cells; a shorter
 *        |                    [u v w]                    one is its only leaf; an empty one is NULL
 *      relaxed [sizes: 6, 14, 17]
 *      /         |          \
 *   regular    regular     regular                       BRANCHES = 4, height 2
 *   /    \     /    \         |
 * [abcd][ef] [ghij][klmn]  [opq]
 *
 * Every vector keeps these invariants (rrb_check.h checks them after every step of debug builds; heights count from 0
 * at the leaves, a *hole* is a slot that a node could have and has not):
 *
 *   R1  A leaf holds 1 to BRANCHES cells; an inner node of height h holds 1 to BRANCHES children of height h - 1.
 *   R2  A regular node: every child but the last is full (BRANCHES^h cells, so it is regular or a leaf), and the last
 *       one is regular or a leaf too.  Every node that can be regular is.
 *   R3  A relaxed node: size i is the number of cells in its children 0 .. i.
 *   R4  Occupancy: a node off the outer spines of the tree has RRB_MIN_LENGTH cells or children at least.
 *   R5  The root of the tree, if inner, has more than BRANCHES grandchildren (cells, at height 1): the tree could not
 *       do with one level less.
 *   R6  Up to BRANCHES cells: a single leaf.  More: a top with a tree and a tail, neither of them empty.
 *   R7  A node with general contents is general.
 *
 * Nodes may thus be half full, as in a B-tree.  Bagwell and Rompf ask for nearly full ones instead, and pay for it with
 * shifting along whole rows when trees are joined; here a join touches the thin nodes at the seam and their neighbours.
 *
 * Height.  Let s(k) be the number of nodes k levels below the root, cells counting as nodes below leaves, and B =
 * BRANCHES.  s(2) >= B + 1 by R5, and s(k+1) >= (s(k) - 2) B/2 + 2 by R4: two nodes a level are on the outer spines.
 * So a tree of height h > 0 holds at least (B - 1) (B/2)^(h-1) + 2 cells, however it came about: with B = 32, one of a
 * million cells has at most height 4, where 3 would be the least, and none is higher than 15. */
#ifndef FROZEN_CORE_RRB_H
#define FROZEN_CORE_RRB_H

#include "core/bits.h"
#include "memory/contract.h"

#if CORE_BITS < 2
#error "half of two branches is one: the height of the tree would not be bounded"
#endif

/* From here on a copied path is out of the caches: prefetch what it will retain. */
#define RRB_PREFETCH_FROM 4096
#define RRB_MIN_LENGTH (BRANCHES / 2)
#define RRB_HEIGHTS (64 / (CORE_BITS - 1) + 1) /* more than any tree has: see above */

enum { RRB_LEAF, RRB_REGULAR, RRB_RELAXED, RRB_TOP };

/* Behind the head: `capacity` cells (leaf), or `capacity` children and, if relaxed, as many sizes.  Only the tail of a
 * vector under mutation has a capacity above its length. */
typedef struct {
    NODE_HEAD;
    uint8_t kind, height, length, capacity;
    uint32_t unused;
} rrb_node;

typedef struct {
    rrb_node node; /* height and length are 0 */
    rrb_node *tree, *tail;
    size_t tree_count;
} rrb_top;

/* A vector.  As a parameter it borrows its root, as a result it owns it. */
typedef struct { void *root; size_t count; } rrb;

/* A subtree, or with height 0 a leaf, and the number of its cells.  `node` is NULL if there is none. */
typedef struct { rrb_node *node; size_t count; } rrb_tree;

static inline cell *leaf_cells(const rrb_node *leaf) { return (cell *)(leaf + 1); }
static inline rrb_node **inner_children(const rrb_node *node) { return (rrb_node **)(node + 1); }

static inline size_t *
inner_sizes(const rrb_node *node)
{
    return (size_t *)(inner_children(node) + node->capacity);
}

static inline const rrb_top *
rrb_top_of(const void *root)
{
    return root != NULL && ((const rrb_node *)root)->kind == RRB_TOP ? (const rrb_top *)root : NULL;
}

/* The last leaf of a vector that is not empty. */
static inline rrb_node *
rrb_tail(const void *root)
{
    const rrb_top *top = rrb_top_of(root);
    return top != NULL ? top->tail : (rrb_node *)root;
}

static inline node_contents
contents_of(void *any)
{
    rrb_node *node = any;
    if (node->kind == RRB_LEAF)
        return (node_contents){.cells = leaf_cells(node), .cell_count = node->length};
    if (node->kind == RRB_TOP)
        return (node_contents){.children = (void **)&((rrb_top *)node)->tree, .child_count = 2};
    return (node_contents){.children = (void **)inner_children(node), .child_count = node->length};
}

/* The number of bytes that were allocated. */
static inline size_t
size_of(void *any)
{
    const rrb_node *node = any;
    if (node->kind == RRB_TOP)
        return sizeof(rrb_top);
    return sizeof(rrb_node) + node->capacity * (node->kind == RRB_RELAXED ? 2 : 1) * sizeof(void *);
}

/* ---- sizes ---- */

/* The number of cells in a full tree of this height; SIZE_MAX where no vector can fill it. */
static inline size_t
full_count(unsigned height)
{
    unsigned bits = CORE_BITS * (height + 1);
    return bits < 64 ? (size_t)1 << bits : SIZE_MAX;
}

/* The number of cells before child `slot`. */
static inline size_t
inner_offset(const rrb_node *node, unsigned slot)
{
    if (node->kind == RRB_RELAXED)
        return slot == 0 ? 0 : inner_sizes(node)[slot - 1];
    return (size_t)slot << (CORE_BITS * node->height);
}

static inline rrb_tree
tree_child(rrb_tree tree, unsigned slot)
{
    size_t from = inner_offset(tree.node, slot);
    size_t to = slot + 1u == tree.node->length ? tree.count : inner_offset(tree.node, slot + 1);
    return (rrb_tree){inner_children(tree.node)[slot], to - from};
}

/* The child that holds the cell at `index`, an index into `node`. */
static inline unsigned
inner_slot(const rrb_node *node, size_t index)
{
    unsigned shift = CORE_BITS * node->height;
    if (node->kind == RRB_REGULAR)
        return (unsigned)(index >> shift);
    const size_t *sizes = inner_sizes(node);
    unsigned slot = shift < 64 ? (unsigned)(index >> shift) : 0; /* never too far: no child is more than full */
    while (sizes[slot] <= index)
        slot++;
    return slot;
}

/* ---- making nodes ---- */

/* Cells to be filled in; then node_ready(). */
static inline rrb_node *
leaf_alloc(memory *mem, unsigned length, unsigned capacity, bool general)
{
    rrb_node *leaf = node_alloc(mem, sizeof(rrb_node) + capacity * sizeof(cell), general);
    if (leaf != NULL) {
        leaf->kind = RRB_LEAF;
        leaf->height = 0;
        leaf->length = (uint8_t)length;
        leaf->capacity = (uint8_t)capacity;
    }
    return leaf;
}

static inline void
cells_copy(cell *to, const cell *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cell_retain(to[i] = from[i]);
}

/* New: the cells [from, to) of `leaf`, and room for more. */
static inline rrb_node *
leaf_copy(memory *mem, const rrb_node *leaf, unsigned from, unsigned to, unsigned capacity, bool general)
{
    rrb_node *copy = leaf_alloc(mem, to - from, capacity, general || node_is_general(leaf));
    if (copy != NULL)
        cells_copy(leaf_cells(copy), leaf_cells(leaf) + from, to - from);
    return copy;
}

/* New: `count` cells, whose references it steals, on failure too. */
static inline rrb_node *
leaf_from_cells(memory *mem, const cell *cells, unsigned count)
{
    bool general = false;
    for (unsigned i = 0; i < count; i++)
        general |= !value_is_plain(cells[i]);
    rrb_node *leaf = leaf_alloc(mem, count, count, general);
    if (leaf == NULL) {
        for (unsigned i = 0; i < count; i++)
            cell_release(cells[i]);
        return NULL;
    }
    memcpy(leaf_cells(leaf), cells, count * sizeof(cell));
    node_ready(leaf);
    return leaf;
}

static inline void
children_copy(rrb_node **to, rrb_node *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        node_retain(to[i] = from[i]);
}

/* New: the same children, or the same cells; for replacing one of them.  Then node_ready(). */
static inline rrb_node *
rrb_node_copy(memory *mem, const rrb_node *node, bool general)
{
    if (node->kind == RRB_LEAF)
        return leaf_copy(mem, node, 0, node->length, node->length, general);
    rrb_node *copy = node_alloc(mem, size_of((void *)node), general || node_is_general(node));
    if (copy == NULL)
        return NULL;
    memcpy(&copy->kind, &node->kind, sizeof(rrb_node) - offsetof(rrb_node, kind));
    if (node->kind == RRB_TOP) {
        children_copy(&((rrb_top *)copy)->tree, &((const rrb_top *)node)->tree, 2);
        ((rrb_top *)copy)->tree_count = ((const rrb_top *)node)->tree_count;
        return copy;
    }
    children_copy(inner_children(copy), inner_children(node), node->length);
    if (node->kind == RRB_RELAXED)
        memcpy(inner_sizes(copy), inner_sizes(node), node->length * sizeof(size_t));
    return copy;
}

/* The vector of a tree (possibly none) and a tail.  Steals both, on failure too: then `*result` is untouched. */
static inline bool
rrb_from_parts(memory *mem, rrb_tree tree, rrb_node *tail, rrb *result)
{
    if (tree.node == NULL) {
        *result = (rrb){tail, tail->length};
        return true;
    }
    size_t count = tree.count + tail->length;
    void *root;
    if (count <= BRANCHES) { /* R6; the tree is a leaf then, by R5 */
        rrb_node *leaf = leaf_copy(mem, tree.node, 0, tree.node->length, (unsigned)count, node_is_general(tail));
        if ((root = leaf) != NULL) {
            cells_copy(leaf_cells(leaf) + leaf->length, leaf_cells(tail), tail->length);
            leaf->length = (uint8_t)count;
            node_ready(leaf);
        }
        node_release(tree.node);
        node_release(tail);
    }
    else {
        rrb_top *top = root = node_alloc(mem, sizeof *top, node_is_general(tree.node) || node_is_general(tail));
        if (top == NULL) {
            node_release(tree.node);
            node_release(tail);
            return false;
        }
        top->node.kind = RRB_TOP;
        top->node.height = top->node.length = top->node.capacity = 0;
        top->tree = tree.node;
        top->tail = tail;
        top->tree_count = tree.count;
        node_ready(top);
    }
    if (root == NULL)
        return false;
    *result = (rrb){root, count};
    return true;
}

/* ---- get and set ---- */

/* The leaf of the cell at `*index`, which becomes an index into that leaf.  Radix steps need no look at the nodes. */
FORCE_INLINE const rrb_node *
tree_leaf(const rrb_node *node, size_t *index)
{
    while (UNLIKELY(node->kind == RRB_RELAXED)) {
        unsigned slot = inner_slot(node, *index);
        *index -= inner_offset(node, slot);
        node = inner_children(node)[slot];
    }
    for (unsigned shift = CORE_BITS * node->height; shift != 0; shift -= CORE_BITS)
        node = inner_children(node)[(*index >> shift) & LEVEL_MASK];
    *index &= LEVEL_MASK;
    return node;
}

FORCE_INLINE const rrb_node *
rrb_leaf(const void *root, size_t *index)
{
    const rrb_node *node = root;
    if (node->kind != RRB_TOP)
        return node;
    const rrb_top *top = root;
    if (*index >= top->tree_count) {
        *index -= top->tree_count;
        return top->tail;
    }
    return tree_leaf(top->tree, index);
}

/* Borrowed; the index is in range. */
FORCE_INLINE cell
rrb_get(const void *root, size_t index)
{
    const rrb_node *leaf = rrb_leaf(root, &index);
    return leaf_cells(leaf)[index];
}

/* The address of the child of `node` on the way to the cell at `*index`, which becomes an index into that child. */
static inline void **
rrb_step(rrb_node *node, size_t *index)
{
    if (node->kind == RRB_TOP) {
        rrb_top *top = (rrb_top *)node;
        if (*index < top->tree_count)
            return (void **)&top->tree;
        *index -= top->tree_count;
        return (void **)&top->tail;
    }
    unsigned slot = inner_slot(node, *index);
    *index -= inner_offset(node, slot);
    return (void **)&inner_children(node)[slot];
}

/* Edits the path to one cell: `*place` and every node below it on the path that is not unique (or plain, if `general`)
 * is replaced by a copy.  Returns the address of the cell, or NULL: then some of the path may have been copied, which
 * nobody can see.  No cell is released. */
static inline cell *
rrb_edit(memory *mem, void **place, size_t index, bool general)
{
    for (;;) {
        rrb_node *node = *place;
        if (!node_is_unique(node) || (general && !node_is_general(node))) {
            rrb_node *copy = rrb_node_copy(mem, node, general);
            if (copy == NULL)
                return NULL;
            node_ready(copy);
            *place = copy;
            node_release(node); /* releases no cell: the copy holds them all */
            node = copy;
        }
        if (node->kind == RRB_LEAF)
            return &leaf_cells(node)[index];
        place = rrb_step(node, &index);
    }
}

/* Prefetches what copying the path to `index` will count up. */
static inline void
rrb_prefetch_path(const void *root, size_t index)
{
    rrb_node *node = (rrb_node *)root;
    while (node->kind != RRB_LEAF) {
        node_contents held = contents_of(node);
        if (held.child_count > 2)
            for (size_t i = 0; i < held.child_count; i++)
                PREFETCH_WRITE(held.children[i]);
        node = *rrb_step(node, &index);
    }
    for (unsigned i = 0; i < node->length; i++)
        cell_prefetch(leaf_cells(node)[i]);
}

/* Copies the path and puts `c`, which it retains. */
static inline bool
rrb_set(memory *mem, rrb v, size_t index, cell c, rrb *result)
{
    if (v.count >= RRB_PREFETCH_FROM)
        rrb_prefetch_path(v.root, index);
    void *root = v.root;
    node_retain(root); /* shared with `v` now: rrb_edit copies every node, for a copied node shares its children */
    cell *place = rrb_edit(mem, &root, index, !value_is_plain(c));
    if (place == NULL) {
        node_release(root);
        return false;
    }
    cell old = *place;
    cell_retain(*place = c);
    cell_release(old); /* `v` still holds it */
    *result = (rrb){root, v.count};
    return true;
}

#endif
