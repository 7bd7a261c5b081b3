/* Building from left to right: from nothing, or from the part of another vector that is left of an index. */
#ifndef FROZEN_TREES_RRB_BUILD_INC_H
#define FROZEN_TREES_RRB_BUILD_INC_H

#include "trees/rrb/row.inc.h"

/* ---- the spine: a tree under construction ---- */

/* `level[h]` holds the nodes of height h that wait for a parent: BRANCHES at most, because then they get one. Each
 * level is a scratch array: arbitrary code may run above a spine on the C stack, and build more, so it must be
 * small. */
typedef struct {
    memory *mem;
    unsigned heights; /* levels from here on have not been made */
    rrb_row level[RRB_HEIGHTS];
} rrb_spine;

static inline void
spine_init(rrb_spine *spine, memory *mem)
{
    spine->mem = mem;
    spine->heights = 0;
}

/* Ends the spine. */
static inline void
spine_abandon(rrb_spine *spine)
{
    while (spine->heights > 0) {
        rrb_row *level = &spine->level[--spine->heights];
        row_release_from(level, 0);
        scratch_free(level->tree);
    }
}

/* NULL: failed. */
static inline rrb_row *
spine_level(rrb_spine *spine, unsigned height)
{
    for (; UNLIKELY(spine->heights <= height); spine->heights++) {
        rrb_tree *trees = scratch_alloc(BRANCHES * sizeof *trees);
        if (trees == NULL)
            return NULL;
        spine->level[spine->heights] = (rrb_row){0, trees};
    }
    return &spine->level[height];
}

/* Begins with everything in `tree` left of the leaf of the cell at `*index`, which becomes an index into that leaf.
 * Returns the leaf, borrowed; none: failed. */
static inline rrb_tree
spine_open(rrb_spine *spine, rrb_tree tree, size_t *index)
{
    while (tree.node->height > 0) {
        unsigned slot = inner_slot(tree.node, *index);
        rrb_row *level = spine_level(spine, tree.node->height - 1u);
        if (level == NULL)
            return (rrb_tree){NULL, 0};
        row_add_children(level, tree, 0, slot);
        *index -= inner_offset(tree.node, slot);
        tree = tree_child(tree, slot);
    }
    return tree;
}

/* Steals the tree, on failure too. */
static inline bool
spine_add(rrb_spine *spine, rrb_tree tree)
{
    for (;;) {
        rrb_row *level = spine_level(spine, tree.node->height);
        if (UNLIKELY(level == NULL)) {
            node_release(tree.node);
            return false;
        }
        if (level->count < BRANCHES) {
            row_add(level, tree.node, tree.count);
            return true;
        }
        rrb_tree parent = inner_from_trees(spine->mem, level->tree, BRANCHES);
        level->tree[0] = tree;
        level->count = 1;
        if (parent.node == NULL)
            return false;
        tree = parent;
    }
}

/* Begins with a whole tree. */
static inline bool
spine_open_behind(rrb_spine *spine, rrb_tree tree)
{
    size_t index = tree.count - 1;
    rrb_tree last = spine_open(spine, tree, &index);
    if (last.node == NULL)
        return false;
    node_retain(last.node);
    return spine_add(spine, last);
}

/* Ends the spine: the tree (none, if nothing was added), which satisfies all but R5. */
static inline bool
spine_close(rrb_spine *spine, rrb_tree *tree)
{
    *tree = (rrb_tree){NULL, 0};
    for (unsigned h = 0; h < spine->heights; h++) {
        if (tree->node != NULL && !spine_add(spine, *tree))
            goto fail;
        rrb_row *level = &spine->level[h];
        unsigned count = level->count;
        level->count = 0;
        *tree = (rrb_tree){NULL, 0};
        if (count == 1 && h + 1 == spine->heights)
            *tree = level->tree[0];
        else if (count > 0 && (*tree = inner_from_trees(spine->mem, level->tree, count)).node == NULL)
            goto fail;
    }
    spine_abandon(spine); /* nothing but its scratch arrays */
    return true;

fail:
    spine_abandon(spine);
    return false;
}

/* ---- one cell more ---- */

/* The tree, borrowed, with `leaf`, a full one, behind it.  Steals the leaf, on failure too. */
static inline bool
tree_push(memory *mem, rrb_tree tree, rrb_node *leaf, rrb_tree *result)
{
    rrb_spine spine;
    spine_init(&spine, mem);
    bool opened = spine_open_behind(&spine, tree);
    if (opened && spine_add(&spine, (rrb_tree){leaf, leaf->length}))
        return spine_close(&spine, result);
    if (!opened)
        node_release(leaf);
    spine_abandon(&spine);
    return false;
}

/* New: the cells of `tail` (possibly none) and `c`, which it retains; with some room for more, if it can be shared. */
static inline rrb_node *
tail_pushed(memory *mem, rrb_tree tail, cell c, bool shared)
{
    unsigned length = (unsigned)tail.count + 1, capacity = length <= RRB_MIN_LENGTH ? RRB_MIN_LENGTH : BRANCHES;
    bool general = !value_is_plain(c) || (tail.count > 0 && node_is_general(tail.node));
    rrb_node *next = shared ? tail_alloc(mem, length, capacity, general) : leaf_alloc(mem, length, length, general);
    if (next == NULL)
        return NULL;
    if (tail.count > 0)
        cells_copy(leaf_cells(next), leaf_cells(tail.node), tail.count);
    cell_retain(leaf_cells(next)[tail.count] = c);
    node_ready(next);
    return next;
}

/* The tree of `v` with its full tail behind it. */
static inline bool
tree_push_tail(memory *mem, rrb v, rrb_tree *result)
{
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tail = rrb_tail(v);
    rrb_node *leaf = leaf_part(mem, tail, 0, (unsigned)tail.count);
    if (leaf == NULL)
        return false;
    *result = (rrb_tree){leaf, tail.count};
    return top == NULL || tree_push(mem, (rrb_tree){top->tree, top->tree_count}, leaf, result);
}

/* Copies the tail, or begins a new one.  Retains `c`. */
NO_INLINE static bool
push_copying(memory *mem, rrb v, cell c, rrb *result)
{
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tail = rrb_tail(v), tree = {NULL, 0};
    if (tail.count == BRANCHES) {
        if (!tree_push_tail(mem, v, &tree))
            return false;
        tail = (rrb_tree){NULL, 0};
    }
    else if (top != NULL) {
        tree = (rrb_tree){top->tree, top->tree_count};
        node_retain(tree.node);
    }
    rrb_node *next = tail_pushed(mem, tail, c, tree.node != NULL);
    if (next == NULL) {
        if (tree.node != NULL)
            node_release(tree.node);
        return false;
    }
    return rrb_from_parts(mem, tree, (rrb_tree){next, tail.count + 1}, result);
}

/* Fills the next place of a shared tail; where that cannot be, copies.  Retains `c`. */
static inline bool
rrb_push(memory *mem, rrb v, cell c, rrb *result)
{
    const rrb_top *top = rrb_top_of(v.root);
    if (top == NULL || !top_has_room(top, c))
        return push_copying(mem, v, c, result);
    rrb_top *extended = top_extended(mem, top, c);
    if (extended != NULL)
        *result = (rrb){extended, v.count + 1};
    return extended != NULL;
}

/* ---- many cells ---- */

/* What could not be had as an array does not fit as a tree, and is refused at once: `Vector([0]) * 2**45` costs
 * nothing, but every second element of it would fill the memory first. False: reported. */
static inline bool
cells_fit(size_t count)
{
    return count < 1 << 20 || array_fits(count, sizeof(cell));
}

/* `BRANCHES` cells at a time become a leaf.  Between two calls arbitrary code may run: it cannot reach the builder. */
typedef struct {
    rrb_spine spine;
    size_t count; /* cells in the spine */
    unsigned filled;
    cell cells[BRANCHES]; /* the tail to be */
} rrb_builder;

/* Begins anew. */
static inline void
builder_begin(rrb_builder *builder, memory *mem)
{
    spine_init(&builder->spine, mem);
    builder->count = builder->filled = 0;
}

static inline void
builder_abandon(rrb_builder *builder)
{
    spine_abandon(&builder->spine);
    while (builder->filled > 0)
        cell_release(builder->cells[--builder->filled]);
}

/* Begins behind `v`.  False: failed, and there is no builder. */
static inline bool
builder_begin_behind(rrb_builder *builder, memory *mem, rrb v)
{
    builder_begin(builder, mem);
    if (v.count == 0)
        return true;
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tail = rrb_tail(v);
    if (top != NULL && !spine_open_behind(&builder->spine, (rrb_tree){top->tree, top->tree_count})) {
        builder_abandon(builder);
        return false;
    }
    cells_copy(builder->cells, leaf_cells(tail.node), tail.count);
    builder->filled = (unsigned)tail.count;
    builder->count = v.count - tail.count;
    return true;
}

static inline size_t
builder_count(const rrb_builder *builder)
{
    return builder->count + builder->filled;
}

/* New: the cells that wait, as a leaf or as a tail.  Nothing waits afterwards, on failure too. */
static inline rrb_node *
builder_leaf(rrb_builder *builder, bool tail)
{
    memory *mem = builder->spine.mem;
    unsigned filled = builder->filled;
    bool general = false;
    builder->filled = 0;
    for (unsigned i = 0; i < filled; i++)
        general |= !value_is_plain(builder->cells[i]);
    rrb_node *leaf = tail ? tail_alloc(mem, filled, filled, general) : leaf_alloc(mem, filled, filled, general);
    if (leaf == NULL) {
        for (unsigned i = 0; i < filled; i++)
            cell_release(builder->cells[i]);
        return NULL;
    }
    memcpy(leaf_cells(leaf), builder->cells, filled * sizeof(cell));
    node_ready(leaf);
    return leaf;
}

static inline bool
builder_flush(rrb_builder *builder)
{
    unsigned filled = builder->filled;
    rrb_node *leaf = builder_leaf(builder, false);
    builder->count += filled;
    return leaf != NULL && spine_add(&builder->spine, (rrb_tree){leaf, filled});
}

/* Steals `c`, on failure too. */
static inline bool
builder_push(rrb_builder *builder, cell c)
{
    if (builder->filled == BRANCHES && !builder_flush(builder)) {
        cell_release(c);
        return false;
    }
    builder->cells[builder->filled++] = c;
    return true;
}

/* Ends the builder, on failure too. */
static inline bool
builder_end(rrb_builder *builder, rrb *result)
{
    memory *mem = builder->spine.mem;
    if (builder->filled == 0) { /* then there is no spine either: a leaf is only made when a cell follows it */
        *result = (rrb){NULL, 0};
        return true;
    }
    rrb_tree tree, tail = {NULL, builder->filled};
    tail.node = builder_leaf(builder, builder->count > 0);
    if (tail.node == NULL) {
        spine_abandon(&builder->spine);
        return false;
    }
    if (!spine_close(&builder->spine, &tree)) {
        node_release(tail.node);
        return false;
    }
    return rrb_from_parts(mem, tree, tail, result);
}

#endif
