/* Slices: what remains of a vector left or right of an index.  Both cut along one path, from which everything on the
 * other side falls away. */
#ifndef FROZEN_TREES_RRB_SLICE_INC_H
#define FROZEN_TREES_RRB_SLICE_INC_H

#include "trees/rrb/build.inc.h"

static inline bool
rrb_share(rrb v, rrb *result)
{
    if (v.root != NULL)
        node_retain(v.root);
    *result = v;
    return true;
}

/* Splits the first `count` cells of the tree, 1 at least, into a new tree (possibly none) and a last leaf, its tail. */
static inline bool
tree_take(memory *mem, rrb_tree tree, size_t count, rrb_tree *rest, rrb_tree *tail)
{
    rrb_spine spine;
    spine_init(&spine, mem);
    size_t index = count - 1;
    rrb_tree leaf = spine_open(&spine, tree, &index);
    unsigned length = (unsigned)index + 1;
    *tail = (rrb_tree){NULL, length};
    if (leaf.node != NULL)
        tail->node = length == count ? leaf_part(mem, leaf, 0, length) : tail_prefix(mem, leaf, length);
    if (tail->node == NULL) {
        spine_abandon(&spine);
        return false;
    }
    if (spine_close(&spine, rest) && (rest->node == NULL || tree_lower(mem, rest)))
        return true;
    node_release(tail->node);
    return false;
}

/* The same, where it takes more than another top. */
NO_INLINE static bool
take_copying(memory *mem, rrb v, size_t count, rrb *result)
{
    if (count == 0 || count == v.count)
        return rrb_share(count == 0 ? (rrb){NULL, 0} : v, result);
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tree = {NULL, 0}, tail = {NULL, count};
    if (top == NULL)
        tail.node = leaf_part(mem, rrb_tail(v), 0, (unsigned)count);
    else if (count > top->tree_count) {
        tree = (rrb_tree){top->tree, top->tree_count};
        tail.count = count - tree.count;
        tail.node = tail_prefix(mem, top_tail(top), (unsigned)tail.count);
        if (tail.node != NULL)
            node_retain(tree.node);
    }
    else if (!tree_take(mem, (rrb_tree){top->tree, top->tree_count}, count, &tree, &tail))
        return false;
    return tail.node != NULL && rrb_from_parts(mem, tree, tail, result);
}

/* The first `count` cells. */
static inline bool
rrb_take(memory *mem, rrb v, size_t count, rrb *result)
{
    const rrb_top *top = rrb_top_of(v.root);
    if (top == NULL || top->tail->kind != RRB_TAIL || count <= top->tree_count || count <= BRANCHES || count == v.count)
        return take_copying(mem, v, count, result);
    rrb_top *shorter = top_copy(mem, top, count - top->tree_count, false);
    if (shorter != NULL)
        *result = (rrb){shorter, count};
    return shorter != NULL;
}

/* New: the tree without its first `count` cells, which are not all. It satisfies all but R5. `room` is for BRANCHES
 * trees, on each level the same: what is below is done before it is needed. */
static inline rrb_tree
tree_drop(memory *mem, rrb_tree tree, size_t count, rrb_tree *room)
{
    if (count == 0) {
        node_retain(tree.node);
        return tree;
    }
    if (tree.node->height == 0)
        return (rrb_tree){leaf_part(mem, tree, (unsigned)count, tree.node->length), tree.count - count};
    unsigned slot = inner_slot(tree.node, count);
    rrb_tree first = tree_drop(mem, tree_child(tree, slot), count - inner_offset(tree.node, slot), room);
    if (first.node == NULL)
        return first;
    rrb_row row = {0, room};
    row_add(&row, first.node, first.count);
    row_add_children(&row, tree, slot + 1, tree.node->length);
    return inner_from_trees(mem, row.tree, row.count);
}

/* All but the first `count` cells. */
static inline bool
rrb_drop(memory *mem, rrb v, size_t count, rrb *result)
{
    if (count == 0 || count == v.count)
        return rrb_share(count == 0 ? v : (rrb){NULL, 0}, result);
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tree = {NULL, 0}, tail = rrb_tail(v);
    size_t before = v.count - tail.count;
    if (count >= before) {
        tail.node = leaf_part(mem, tail, (unsigned)(count - before), (unsigned)tail.count);
        tail.count = v.count - count;
        return tail.node != NULL && rrb_from_parts(mem, tree, tail, result);
    }
    tree = (rrb_tree){top->tree, top->tree_count};
    for (unsigned last; tree.node->height > 0 && inner_slot(tree.node, count) == (last = tree.node->length - 1u);) {
        count -= inner_offset(tree.node, last); /* what would be a root of one child */
        tree = tree_child(tree, last);
    }
    rrb_tree room[BRANCHES];
    tree = tree_drop(mem, tree, count, room);
    if (tree.node == NULL || !tree_lower(mem, &tree))
        return false;
    node_retain(tail.node);
    return rrb_from_parts(mem, tree, tail, result);
}

#endif
