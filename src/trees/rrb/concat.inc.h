/* Concat: the two trees are joined level by level, from the leaves at the seam up. Each level is planned, then executed
 * (trees/rrb/row.inc.h): the plan is arithmetic on lengths, cannot fail, and says which nodes stay as they are. */
#ifndef FROZEN_TREES_RRB_CONCAT_INC_H
#define FROZEN_TREES_RRB_CONCAT_INC_H

#include "trees/rrb/iter.inc.h"
#include "trees/rrb/slice.inc.h"

static bool row_mend(memory *mem, rrb_row *row, unsigned at);

/* The children of the nodes [from, from + 2) of a row, evened out, under new parents (into `parents`, room for three).
 * `last`: whether the last child may need mending itself, or the first.  On failure `parents` is empty. */
static inline bool
pair_regroup(memory *mem, const rrb_row *row, unsigned from, bool last, rrb_row *parents)
{
    rrb_tree *room = scratch_alloc(2 * ROW_MAX * sizeof *room);
    if (room == NULL)
        return false;
    rrb_row children = {0, room};
    for (unsigned i = from; i < from + 2; i++)
        row_add_children(&children, row->tree[i], 0, row->tree[i].node->length);
    bool done = row_mend(mem, &children, last ? children.count - 1 : 0) && row_balance(mem, &children, room + ROW_MAX)
                && row_group(mem, &children, parents);
    if (!done)
        row_release_from(parents, 0);
    scratch_free(room);
    return done;
}

/* A row that was joined from below may be a single node, which then stays thin because it has no neighbour, and its
 * parent in the row above is the node of one child at `at`. Where that one has a neighbour, the child has got one too:
 * the children of both are evened out, and get new parents (a thin one possibly, which is evened out next). On failure
 * the row is empty. */
NO_INLINE static bool
row_mend(memory *mem, rrb_row *row, unsigned at)
{
    const rrb_node *node = row->tree[at].node;
    if (row->count == 1 || node->height == 0 || node->length > 1 || inner_children(node)[0]->length >= RRB_MIN_LENGTH)
        return true;
    unsigned from = at > 0 ? at - 1 : 0, behind = from + 2, rest = row->count - behind;
    rrb_tree room[3];
    rrb_row parents = {0, room};
    if (!pair_regroup(mem, row, from, at > 0, &parents)) {
        row_release_from(row, 0);
        return false;
    }
    for (unsigned i = from; i < behind; i++)
        node_release(row->tree[i].node);
    memmove(row->tree + from + parents.count, row->tree + behind, rest * sizeof *row->tree);
    memcpy(row->tree + from, parents.tree, parents.count * sizeof *row->tree);
    row->count = from + parents.count + rest;
    return true;
}

/* What two trees have along the seam: at each height the last node of the left one and the first of the right one. */
typedef struct {
    rrb_tree left[RRB_HEIGHTS], right[RRB_HEIGHTS];
} rrb_seam;

static inline void
seam_init(rrb_seam *seam, rrb_tree left, rrb_tree right)
{
    for (; left.node->height > 0; left = tree_child(left, left.node->length - 1u))
        seam->left[left.node->height] = left;
    for (; right.node->height > 0; right = tree_child(right, 0))
        seam->right[right.node->height] = right;
    seam->left[0] = left;
    seam->right[0] = right;
}

/* One level of a join: `joined`, the nodes that stand for all below height `h`, becomes the nodes of height `h`, three
 * at most. On failure it is empty. `room` is for 2 * ROW_MAX trees.
 *
 *      left              right            row:  a b X Y e f     X Y = the level below, joined
 *     / | \              / | \                                  then evened out, and grouped under new parents
 *    a  b  c   middle   d  e  f
 * */
static inline bool
join_level(memory *mem, const rrb_tree *left, const rrb_tree *right, rrb_row *joined, rrb_tree *room)
{
    rrb_row row = {0, room};
    if (left != NULL)
        row_add_children(&row, *left, 0, left->node->length - 1u);
    unsigned seam = row.count, seam_nodes = joined->count;
    row_move(&row, joined);
    if (right != NULL)
        row_add_children(&row, *right, 1, right->node->length);
    if ((seam_nodes > 1 || row_mend(mem, &row, seam)) && row_balance(mem, &row, room + ROW_MAX)
        && row_group(mem, &row, joined))
        return true;
    row_release_from(joined, 0);
    return false;
}

/* The nodes that stand for both trees and the leaf `middle` (possibly none) at the height of the higher tree, three at
 * most, into `joined`, new.  On failure `joined` is empty. */
static inline bool
join_levels(memory *mem, rrb_tree left, rrb_tree middle, rrb_tree right, rrb_row *joined, rrb_tree *room)
{
    rrb_seam seam;
    seam_init(&seam, left, right);
    row_add_shared(joined, seam.left[0]);
    if (middle.node != NULL)
        row_add_shared(joined, middle);
    row_add_shared(joined, seam.right[0]);
    for (unsigned h = 1; h <= left.node->height || h <= right.node->height; h++) {
        const rrb_tree *on_left = h <= left.node->height ? &seam.left[h] : NULL;
        const rrb_tree *on_right = h <= right.node->height ? &seam.right[h] : NULL;
        if (!join_level(mem, on_left, on_right, joined, room))
            return false;
    }
    return joined->tree[0].node->height > 0 || row_balance(mem, joined, room);
}

/* New: one tree out of two and a leaf (possibly none) between them.  `room` is for 3 * ROW_MAX trees. */
static inline bool
tree_concat_in(memory *mem, rrb_tree left, rrb_tree middle, rrb_tree right, rrb_tree *result, rrb_tree *room)
{
    rrb_row joined = {0, room}, roots = {0, room + ROW_MAX};
    if (!join_levels(mem, left, middle, right, &joined, room + ROW_MAX))
        return false;
    if (joined.count == 1)
        *result = joined.tree[0];
    else if (row_group(mem, &joined, &roots))
        *result = roots.tree[0];
    else
        return false;
    return tree_lower(mem, result);
}

static inline bool
tree_concat(memory *mem, rrb_tree left, rrb_tree middle, rrb_tree right, rrb_tree *result)
{
    rrb_tree *room = scratch_alloc(3 * ROW_MAX * sizeof *room);
    bool done = room != NULL && tree_concat_in(mem, left, middle, right, result, room);
    scratch_free(room);
    return done;
}

/* `v` and the cells of `more` behind it, one by one: O(length of more), but where `v` is regular, so is the result. */
static inline bool
rrb_append(memory *mem, rrb v, rrb more, rrb *result)
{
    rrb_builder builder;
    rrb_cursor cursor;
    const cell *cells;
    if (!builder_begin_behind(&builder, mem, v))
        return false;
    cursor_init(&cursor, more, 0);
    for (unsigned n; (n = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, n)) {
        for (unsigned i = 0; i < n; i++) {
            cell_retain(cells[i]);
            if (!builder_push(&builder, cells[i])) {
                builder_abandon(&builder);
                return false;
            }
        }
    }
    return builder_end(&builder, result);
}

/* The counts must not add up to more than SIZE_MAX / 2. */
static inline bool
rrb_concat(memory *mem, rrb left, rrb right, rrb *result)
{
    if (left.count == 0 || right.count == 0)
        return rrb_share(left.count == 0 ? right : left, result);
    const rrb_top *left_top = rrb_top_of(left.root), *right_top = rrb_top_of(right.root);
    if (right_top == NULL)
        return rrb_append(mem, left, right, result);
    rrb_tree tree = {left.root, left.count}, middle = {NULL, 0};
    if (left_top != NULL) {
        tree = (rrb_tree){left_top->tree, left_top->tree_count};
        middle = top_tail(left_top);
        middle.node = leaf_part(mem, middle, 0, (unsigned)middle.count);
        if (middle.node == NULL)
            return false;
    }
    bool done = tree_concat(mem, tree, middle, (rrb_tree){right_top->tree, right_top->tree_count}, &tree);
    if (middle.node != NULL)
        node_release(middle.node);
    if (!done)
        return false;
    node_retain(right_top->tail);
    return rrb_from_parts(mem, tree, top_tail(right_top), result);
}

/* `v` n times over, n > 0, by doubling: O(log n) concats, O(log n) new nodes each. */
static inline bool
rrb_repeat(memory *mem, rrb v, size_t n, rrb *result)
{
    rrb power, sum = {NULL, 0}, next;
    bool done = rrb_share(v, &power);
    for (;; n >>= 1) {
        if (n & 1) {
            done = rrb_concat(mem, sum, power, &next);
            if (sum.root != NULL)
                node_release(sum.root);
            sum = done ? next : (rrb){NULL, 0};
        }
        if (n <= 1 || !done)
            break;
        done = rrb_concat(mem, power, power, &next);
        if (!done)
            break;
        if (power.root != NULL)
            node_release(power.root);
        power = next;
    }
    if (power.root != NULL)
        node_release(power.root);
    if (done)
        *result = sum;
    else if (sum.root != NULL)
        node_release(sum.root);
    return done;
}

/* `v` with its cells [from, to) replaced by `middle`: insert, delete and slice assignment. */
static inline bool
rrb_splice(memory *mem, rrb v, size_t from, size_t to, rrb middle, rrb *result)
{
    rrb left = {NULL, 0}, right = {NULL, 0}, begun = {NULL, 0};
    if (from == to && middle.count == 0)
        return rrb_share(v, result);
    bool done = rrb_take(mem, v, from, &left) && rrb_concat(mem, left, middle, &begun) && rrb_drop(mem, v, to, &right)
                && rrb_concat(mem, begun, right, result);
    for (unsigned i = 0; i < 3; i++) {
        rrb part = i == 0 ? left : i == 1 ? right : begun;
        if (part.root != NULL)
            node_release(part.root);
    }
    return done;
}

#endif
