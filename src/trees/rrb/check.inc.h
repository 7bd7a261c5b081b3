/* Checks the invariants R1 .. R8 of trees/rrb/node.inc.h; after every operation in debug builds (trees/check.h) and by
 * tests. */
#ifndef FROZEN_TREES_RRB_CHECK_INC_H
#define FROZEN_TREES_RRB_CHECK_INC_H

#include "trees/rrb/memo.inc.h"
#include "trees/rrb/row.inc.h"

#include <stdlib.h>

/* The least number of cells in a tree of this height; the bound that trees/rrb/node.inc.h derives from R4 and R5. */
static inline size_t
tree_least_count(unsigned height)
{
    size_t least = BRANCHES - 1;
    for (unsigned h = 1; h < height; h++)
        least = least > SIZE_MAX / 2 / RRB_MIN_LENGTH ? SIZE_MAX / 2 : least * RRB_MIN_LENGTH;
    return height > 0 ? least + 2 : 1;
}

static const char *
check_leaf(const rrb_node *leaf)
{
    if (leaf->kind != RRB_LEAF || leaf->height != 0 || leaf->capacity > BRANCHES || leaf->length > leaf->capacity)
        return "R1: not a leaf where a leaf should be";
    for (unsigned i = 0; i < leaf->length; i++)
        if (!value_is_plain(leaf_cells(leaf)[i]) && !node_is_general(leaf))
            return "R7: a general cell in a plain leaf";
    return NULL;
}

static const char *
check_shared_tail(rrb_tree tail)
{
    const rrb_node *node = tail.node;
    const uint8_t *tops = tail_tops(node);
    if (node->length > node->capacity || node->capacity > BRANCHES || tail.count == 0 || tail.count > node->length)
        return "R1: a shared tail of a wrong length";
    if (node_is_general(node))
        return "R8: a shared tail that is general";
    if (tops[tail.count - 1] == 0 || tops[node->length - 1] == 0)
        return "R8: a shared tail that has miscounted its tops";
    for (unsigned i = 0; i < node->capacity; i++)
        if (i < node->length ? !value_is_plain(leaf_cells(node)[i]) : tops[i] != 0)
            return i < node->length ? "R8: a general cell in a shared tail" : "R8: a top longer than its tail";
    return NULL;
}

/* Vectors share nodes, so a giant is small in memory, and walking all its paths would never end. So one call remembers
 * what it has checked. A tester that remembers from call to call defines this: true if a tree of this node and this
 * count was found sound in such a place. */
#ifndef RRB_KNOWN_TO_BE_SOUND
#define RRB_KNOWN_TO_BE_SOUND(tree, first, last) false
#endif

/* `known`: nodes off the outer spines that have been checked, and the number of cells in each. */
static const char *check_tree(rrb_tree tree, bool first, bool last, rrb_memo *known);

static const char *
check_children(rrb_tree tree, bool first, bool last, rrb_memo *known)
{
    const rrb_node *node = tree.node;
    for (unsigned i = 0; i < node->length; i++) {
        if (node->kind == RRB_RELAXED && inner_sizes(node)[i] <= inner_offset(node, i))
            return "R3: sizes do not grow";
        rrb_tree child = tree_child(tree, i);
        if (child.node->height + 1 != node->height)
            return "R1: a child of another height";
        if (node_is_general(child.node) && !node_is_general(node))
            return "R7: a general child of a plain node";
        bool first_child = first && i == 0, last_child = last && i + 1u == node->length;
        if (RRB_KNOWN_TO_BE_SOUND(child, first_child, last_child))
            continue;
        const char *broken = check_tree(child, first_child, last_child, known);
        if (broken != NULL)
            return broken;
    }
    return NULL;
}

/* `first`, `last`: on the outer spines. */
static const char *
check_tree(rrb_tree tree, bool first, bool last, rrb_memo *known)
{
    const rrb_node *node = tree.node;
    const uint64_t *checked = first || last ? NULL : memo_find(known, node, NULL);
    if (checked != NULL && *checked == tree.count)
        return NULL;
    if (node->length == 0 || node->length > BRANCHES)
        return "R1: an empty node, or one with too many slots";
    if (!first && !last && node->length < RRB_MIN_LENGTH)
        return "R4: a thin node off the outer spines";
    if (node->height == 0)
        return tree.count != node->length ? "R3: a leaf has another size than its parent says" : check_leaf(node);
    if (node->kind != RRB_REGULAR && node->kind != RRB_RELAXED)
        return "R1: neither regular nor relaxed";
    if (node->kind == RRB_RELAXED && inner_sizes(node)[node->length - 1] != tree.count)
        return "R3: the last size is not that of the node";
    const char *broken = check_children(tree, first, last, known);
    if (broken != NULL)
        return broken;
    rrb_tree children[BRANCHES];
    for (unsigned i = 0; i < node->length; i++)
        children[i] = tree_child(tree, i);
    if (trees_are_regular(children, node->length) != (node->kind == RRB_REGULAR))
        return "R2: relaxed or regular, but not as its children are";
    if (!first && !last)
        memo_put(known, node, NULL, tree.count);
    return NULL;
}

static const char *
check_root(rrb_tree tree)
{
    unsigned slots = 0;
    if (tree.node->height >= RRB_HEIGHTS || tree.count < tree_least_count(tree.node->height))
        return "R5: a tree too high for what it holds";
    for (unsigned i = 0; tree.node->height > 0 && i < tree.node->length; i++)
        slots += inner_children(tree.node)[i]->length;
    if (tree.node->height > 0 && slots <= BRANCHES)
        return "R5: the tree could do with one level less";
    return NULL;
}

/* NULL, or what is broken. */
MAYBE_UNUSED static const char *
rrb_check(rrb v)
{
    if (v.count == 0)
        return NULL;
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tail = rrb_tail(v);
    const char *broken = top != NULL && tail.node->kind == RRB_TAIL ? check_shared_tail(tail) : check_leaf(tail.node);
    if (broken != NULL)
        return broken;
    if (tail.count == 0)
        return "R6: the tail is empty";
    if (top == NULL)
        return v.count != tail.node->length ? "R6: a single leaf of another size" : NULL;
    if (v.count <= BRANCHES || v.count != top->tree_count + tail.count)
        return "R6: the tree and the tail are not the vector";
    if (tail.node->kind == RRB_LEAF && tail.count != tail.node->length)
        return "R6: a top of another length than its tail";
    if ((node_is_general(top->tree) || node_is_general(tail.node)) && !node_is_general(top))
        return "R7: general contents of a plain top";
    rrb_tree tree = {top->tree, top->tree_count};
    rrb_memo known = {.entries =
                          v.count > 1 << 16 ? calloc(MEMO_SLOTS, sizeof(memo_entry)) : NULL}; /* or none: slower */
    broken = check_tree(tree, true, true, &known);
    free(known.entries);
    return broken != NULL ? broken : check_root(tree);
}

#endif
