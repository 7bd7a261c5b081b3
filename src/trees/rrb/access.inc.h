/* The vector of trees/rrb/node.inc.h: finding a cell, and replacing one. */
#ifndef FROZEN_TREES_RRB_ACCESS_INC_H
#define FROZEN_TREES_RRB_ACCESS_INC_H

#include "trees/rrb/tail.inc.h"

/* From here on a copied path is out of the caches: prefetch what it will retain. */
#define RRB_PREFETCH_FROM 4096

/* ---- get and set ---- */

static inline const rrb_node *
radix_child(const rrb_node *node, size_t index, unsigned height)
{
    return inner_children(node)[radix_slot(index, height) & LEVEL_MASK];
}

/* The leaf of the cell at `*index`, which becomes an index into that leaf.  Radix steps need no look at the nodes. */
FORCE_INLINE const rrb_node *
tree_leaf(const rrb_node *node, size_t *index)
{
    while (UNLIKELY(node->kind == RRB_RELAXED)) {
        unsigned slot = inner_slot(node, *index);
        *index -= inner_offset(node, slot);
        node = inner_children(node)[slot];
    }
    unsigned height = node->height;
    for (; height > 2; height--)
        node = radix_child(node, *index, height);
    if (LIKELY(height == 2))
        node = radix_child(node, *index, 2);
    if (LIKELY(height > 0))
        node = radix_child(node, *index, 1);
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
    assert(index < leaf->length);
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

/* New: the same children, or the same cells; for replacing one of them. */
static inline rrb_node *
rrb_node_copy(memory *mem, const rrb_node *node, bool general)
{
    if (node->kind == RRB_TOP)
        return (rrb_node *)top_copy(mem, (const rrb_top *)node, node->length, general);
    if (node->kind == RRB_LEAF)
        return leaf_copy(mem, node, 0, node->length, node->length, general);
    rrb_node *copy = node_alloc(mem, size_of((void *)node), general || node_is_general(node));
    if (copy == NULL)
        return NULL;
    memcpy(&copy->kind, &node->kind, sizeof(rrb_node) - offsetof(rrb_node, kind));
    children_copy(inner_children(copy), inner_children(node), node->length);
    if (node->kind == RRB_RELAXED)
        memcpy(inner_sizes(copy), inner_sizes(node), node->length * sizeof(size_t));
    node_ready(copy);
    return copy;
}

/* Edits the path to one cell: `*place` and every node below it on the path that is not unique (or plain, if `general`)
 * is replaced by a copy.  Returns the address of the cell, or NULL: then some of the path may have been copied, which
 * no caller can see.  No cell is released. */
static inline cell *
rrb_edit(memory *mem, void **place, size_t index, bool general)
{
    for (;;) {
        rrb_node *node = *place;
        if (!node_is_unique(node) || (general && !node_is_general(node))) {
            rrb_node *copy = rrb_node_copy(mem, node, general);
            if (copy == NULL)
                return NULL;
            *place = copy;
            node_release(node); /* releases no cell: the copy holds them all */
            node = copy;
        }
        if (node->kind == RRB_LEAF)
            return &leaf_cells(node)[index];
        place = rrb_step(node, &index);
        if ((*(rrb_node **)place)->kind == RRB_TAIL && !top_own_tail(mem, (rrb_top *)node, node->length, general))
            return NULL;
    }
}

/* Prefetches what copying the path to `index` will count up. */
static inline void
rrb_prefetch_path(const void *root, size_t index)
{
    rrb_node *node = (rrb_node *)root;
    while (node->kind > RRB_TAIL) {
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
    node_retain(root); /* shared with `v` now: rrb_edit copies every node, because a copied node shares its children */
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
