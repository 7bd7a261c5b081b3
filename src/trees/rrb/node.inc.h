/* The relaxed radix balanced tree (RRB tree): a vector of cells with O(log n) concat, slice, insert and delete. Here:
 * its layout, and its nodes.
 *
 *   Bagwell & Rompf, RRB-Trees: Efficient Immutable Vectors, 2011.  L'orange, Improving RRB-Tree Performance through
 *   Transience, 2014.  Stucki et al., RRB Vector: A Practical General Purpose Immutable Sequence, 2015.
 *
 * A tree of up to BRANCHES-way nodes, all leaves at one depth.  In a *regular* node all children but the last are full,
 * so the digits of an index lead to its cell without looking into any node (radix).  Concat and slices leave nodes with
 * thinner children: these are *relaxed* and carry a table of running sizes.  The last leaf, the *tail*, is kept apart,
 * so that appending copies one leaf and no path, and often not even that (trees/rrb/tail.inc.h):
 *
 *       top ------------------ tail                      a vector of more than BRANCHES cells; a shorter
 *        |                    [u v w]                    one is its only leaf; an empty one is NULL
 *      relaxed [sizes: 6, 14, 17]
 *      /         |          \
 *   regular    regular     regular                       BRANCHES = 4, height 2
 *   /    \     /    \         |
 * [abcd][ef] [ghij][klmn]  [opq]
 *
 * Every vector keeps these invariants (trees/rrb/check.inc.h checks them after operations of debug builds; heights
 * count from 0 at the leaves, a *hole* is a slot that a node could have and has not):
 *
 *   R1  A leaf holds 1 to BRANCHES cells; an inner node of height h holds 1 to BRANCHES children of height h - 1.
 *   R2  A regular node: every child but the last is full (BRANCHES^h cells, so it is regular or a leaf), and the last
 *       one is regular or a leaf too.  Every node that can be regular is.
 *   R3  A relaxed node: size i is the number of cells in its children 0 .. i.
 *   R4  Occupancy: a node off the outer spines of the tree has RRB_MIN_LENGTH cells or children at least.
 *   R5  The root of the tree, if inner, has more than BRANCHES grandchildren (cells, at height 1): the tree could not
 *       do with one level less.
 *   R6  Up to BRANCHES cells: a single leaf.  More: a top with a tree and a tail, neither of them empty; the length of
 *       the top is that of its tail.
 *   R7  A node with general contents is general.
 *   R8  A shared tail (trees/rrb/tail.inc.h) is plain, is the child of tops only, and counts for each of its lengths
 *       the tops that use it.
 *
 * Nodes may thus be half full, as in a B-tree. Bagwell and Rompf ask for nearly full ones instead, and pay for it with
 * shifting along whole rows when trees are joined; here a join touches the thin nodes at the seam and their neighbours.
 *
 * Height.  Let s(k) be the number of nodes k levels below the root, cells counting as nodes below leaves, and B =
 * BRANCHES.  s(2) >= B + 1 by R5, and s(k+1) >= (s(k) - 2) B/2 + 2 by R4: two nodes a level are on the outer spines.
 * So a tree of height h > 0 holds at least (B - 1) (B/2)^(h-1) + 2 cells, however it came about: with B = 32, one of a
 * million cells has at most height 4, where 3 would be the least, and none is higher than 15. */
#ifndef FROZEN_TREES_RRB_NODE_INC_H
#define FROZEN_TREES_RRB_NODE_INC_H

#include "trees/bits.h"
#include "trees/memory_contract.h"

#if CORE_BITS < 2
#error "half of two branches is one: the height of the tree would not be bounded"
#endif

#define RRB_MIN_LENGTH (BRANCHES / 2)
#define RRB_HEIGHTS (64 / (CORE_BITS - 1) + 1) /* more than any tree has: see above */

enum { RRB_LEAF, RRB_TAIL, RRB_REGULAR, RRB_RELAXED, RRB_TOP };

/* Behind the head: `capacity` cells (leaf), the same and as many counters (shared tail), or `capacity` children and, if
 * relaxed, as many sizes. Only a shared tail, and the tail of a vector under mutation, has a capacity above its
 * length. */
typedef struct {
    NODE_HEAD;
    uint8_t kind, height, length, capacity;
    uint32_t unused;
} rrb_node;

typedef struct {
    rrb_node node; /* its length is that of the tail, its height 0 */
    rrb_node *tree, *tail;
    size_t tree_count;
} rrb_top;

/* A vector.  As a parameter it borrows its root, as a result it owns it. */
typedef struct {
    void *root;
    size_t count;
} rrb;

/* A subtree, or with height 0 a leaf, and the number of its cells.  `node` is NULL if there is none. */
typedef struct {
    rrb_node *node;
    size_t count;
} rrb_tree;

static inline cell *
leaf_cells(const rrb_node *leaf)
{
    return (cell *)(leaf + 1);
}
static inline rrb_node **
inner_children(const rrb_node *node)
{
    return (rrb_node **)(node + 1);
}

static inline size_t *
inner_sizes(const rrb_node *node)
{
    return (size_t *)(inner_children(node) + node->capacity);
}

static inline node_contents
contents_of(void *any)
{
    rrb_node *node = any;
    if (node->kind <= RRB_TAIL)
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
    size_t slot = node->kind == RRB_TAIL      ? sizeof(cell) + 1
                  : node->kind == RRB_RELAXED ? 2 * sizeof(void *)
                                              : sizeof(void *);
    return sizeof(rrb_node) + node->capacity * slot;
}

/* ---- sizes ---- */

/* The number of cells in a full tree of this height; SIZE_MAX where no vector can fill it. */
static inline size_t
full_count(unsigned height)
{
    unsigned bits = CORE_BITS * (height + 1);
    return bits < 64 ? (size_t)1 << bits : SIZE_MAX;
}

/* Where the children of a node of this height are full, the slot of the cell at `index`, and the number of cells before
 * a slot. The only two shifts by a height: of a node so high that the first child alone could hold all cells there can
 * be, every cell is in the first child, and a shift by 64 bits or more would mean anything in C. (Thin trees get that
 * high: see above. Such a node is regular if it has one child, as the first one on the left spine may.) */
static inline size_t
radix_slot(size_t index, unsigned height)
{
    unsigned shift = CORE_BITS * height;
    return LIKELY(shift < 64) ? index >> shift : 0;
}

static inline size_t
radix_offset(unsigned slot, unsigned height)
{
    unsigned shift = CORE_BITS * height;
    return LIKELY(shift < 64) ? (size_t)slot << shift : 0;
}

/* The number of cells before child `slot`. */
static inline size_t
inner_offset(const rrb_node *node, unsigned slot)
{
    if (node->kind == RRB_RELAXED)
        return slot == 0 ? 0 : inner_sizes(node)[slot - 1];
    return radix_offset(slot, node->height);
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
    unsigned slot = (unsigned)radix_slot(index, node->height);
    if (node->kind == RRB_REGULAR)
        return slot;
    const size_t *sizes = inner_sizes(node); /* the slot is never too far: no child is more than full */
    while (sizes[slot] <= index)
        slot++;
    return slot;
}

/* ---- making nodes ---- */

static inline void
leaf_init(rrb_node *leaf, unsigned kind, unsigned length, unsigned capacity)
{
    leaf->kind = (uint8_t)kind;
    leaf->height = 0;
    leaf->length = (uint8_t)length;
    leaf->capacity = (uint8_t)capacity;
}

/* Cells to be filled in; then node_ready(). */
static inline rrb_node *
leaf_alloc(memory *mem, unsigned length, unsigned capacity, bool general)
{
    rrb_node *leaf = node_alloc(mem, sizeof(rrb_node) + capacity * sizeof(cell), general);
    if (leaf != NULL)
        leaf_init(leaf, RRB_LEAF, length, capacity);
    return leaf;
}

static inline void
cells_copy(cell *to, const cell *from, size_t count)
{
    UNROLL(4)
    for (size_t i = 0; i < count; i++)
        cell_retain(to[i] = from[i]);
}

/* New: the cells [from, to) of `leaf`, and room for more. */
static inline rrb_node *
leaf_copy(memory *mem, const rrb_node *leaf, unsigned from, unsigned to, unsigned capacity, bool general)
{
    rrb_node *copy = leaf_alloc(mem, to - from, capacity, general || node_is_general(leaf));
    if (copy == NULL)
        return NULL;
    cells_copy(leaf_cells(copy), leaf_cells(leaf) + from, to - from);
    node_ready(copy);
    return copy;
}

static inline void
children_copy(rrb_node **to, rrb_node *const *from, size_t count)
{
    UNROLL(4)
    for (size_t i = 0; i < count; i++)
        node_retain(to[i] = from[i]);
}

#endif
