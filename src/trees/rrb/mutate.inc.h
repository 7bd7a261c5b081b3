/* Mutation: edits in place what only this vector can reach.  A node is edited if it is unique and reached through
 * unique nodes only; any other is first replaced by a copy (rrb_edit).  The caller keeps other threads out; no cell is
 * released here, and on failure the vector holds what it held. */
#ifndef FROZEN_TREES_RRB_MUTATE_INC_H
#define FROZEN_TREES_RRB_MUTATE_INC_H

#include "trees/rrb/slice.inc.h"

/* Replaces the cell, whose reference becomes the caller's as `*old`; retains `c`. */
static inline bool
rrb_edit_set(memory *mem, rrb *v, size_t index, cell c, cell *old)
{
    cell *place = rrb_edit(mem, &v->root, index, !value_is_plain(c));
    if (place == NULL)
        return false;
    *old = *place;
    cell_retain(*place = c);
    return true;
}

/* The top made editable, if there is one; false: failed. */
static inline bool
edit_top(memory *mem, rrb *v, bool general)
{
    const rrb_top *top = rrb_top_of(v->root);
    if (top == NULL || (node_is_unique(v->root) && (!general || node_is_general(top))))
        return true;
    rrb_top *copy = top_copy(mem, top, top->node.length, general);
    if (copy == NULL)
        return false;
    node_release(v->root);
    v->root = copy;
    return true;
}

/* Replaces the last leaf by a copy with room for `capacity` cells; false: failed. */
static inline bool
edit_renew_tail(memory *mem, rrb *v, unsigned capacity, bool general)
{
    if (!edit_top(mem, v, general))
        return false;
    rrb_top *top = (rrb_top *)rrb_top_of(v->root);
    if (top != NULL)
        return top_own_tail(mem, top, capacity, general);
    rrb_node *copy = leaf_copy(mem, v->root, 0, (unsigned)v->count, capacity, general);
    if (copy == NULL)
        return false;
    node_release(v->root);
    v->root = copy;
    return true;
}

/* Whether a cell can be added to the last leaf in place. */
static inline bool
tail_is_editable(const rrb *v, bool general)
{
    rrb_tree tail = rrb_tail(*v);
    return tail.node->kind == RRB_LEAF && tail.node->capacity > tail.count && node_is_unique(v->root)
           && node_is_unique(tail.node) && (!general || node_is_general(tail.node));
}

/* Makes the last leaf, which is editable, longer or shorter by one cell. */
static inline void
edit_set_length(rrb *v, rrb_node *tail, unsigned length)
{
    assert(tail->kind == RRB_LEAF && length <= tail->capacity && node_is_unique(tail) && node_is_unique(v->root));
    v->count = v->count - tail->length + length;
    tail->length = (uint8_t)length;
    ((rrb_node *)v->root)->length = (uint8_t)length; /* R6; or it is that leaf */
}

/* Replaces the vector by `next`, which it steals.  The caller holds every cell that is in the old one only. */
static inline void
rrb_replace(rrb *v, rrb next)
{
    void *old = v->root;
    *v = next;
    if (old != NULL)
        node_release(old);
}

/* Retains `c`.  The tail gets room for all the cells that it can have. */
static inline bool
rrb_edit_push(memory *mem, rrb *v, cell c)
{
    rrb next;
    unsigned length = (unsigned)rrb_tail(*v).count;
    if (length == 0 || length == BRANCHES) {
        if (!rrb_push(mem, *v, c, &next))
            return false;
        rrb_replace(v, next);
        return true;
    }
    bool general = !value_is_plain(c);
    if (!tail_is_editable(v, general) && !edit_renew_tail(mem, v, BRANCHES, general))
        return false;
    rrb_node *tail = rrb_tail(*v).node;
    cell_retain(leaf_cells(tail)[length] = c);
    edit_set_length(v, tail, length + 1);
    return true;
}

/* Takes the last cell out; its reference becomes the caller's. */
static inline bool
rrb_edit_pop(memory *mem, rrb *v, cell *last)
{
    rrb_tree tail = rrb_tail(*v);
    unsigned index = (unsigned)tail.count - 1u;
    *last = leaf_cells(tail.node)[index];
    bool shape_stays = index > 0 && (v->root == tail.node || v->count > BRANCHES + 1); /* R6 */
    if (shape_stays && tail.node->kind == RRB_LEAF && node_is_unique(v->root) && node_is_unique(tail.node)) {
        edit_set_length(v, tail.node, index);
        return true;
    }
    rrb next;
    if (!rrb_take(mem, *v, v->count - 1, &next))
        return false;
    cell_retain(*last);
    rrb_replace(v, next);
    return true;
}

/* Gives back the room of the tail: to be done before the vector is shared. */
static inline bool
rrb_edit_trim(memory *mem, rrb *v)
{
    if (v->count == 0)
        return true;
    const rrb_node *tail = rrb_tail(*v).node;
    return tail->kind == RRB_TAIL || tail->capacity == tail->length || edit_renew_tail(mem, v, tail->length, false);
}

#endif
