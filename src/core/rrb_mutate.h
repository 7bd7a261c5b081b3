/* Mutation: edits in place what only this vector can reach.  A node is edited if it is unique and reached through
 * unique nodes only; any other is first replaced by a copy (rrb_edit).  Whoever calls must keep others out; no cell is
 * released here, and on failure the vector holds what it held. */
#ifndef FROZEN_CORE_RRB_MUTATE_H
#define FROZEN_CORE_RRB_MUTATE_H

#include "core/rrb_slice.h"

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

/* Where the tail is referred to, with that place made editable; NULL: failed. */
static inline void **
edit_tail_place(memory *mem, rrb *v, bool general)
{
    rrb_top *top = (rrb_top *)rrb_top_of(v->root);
    if (top == NULL)
        return &v->root;
    if (!node_is_unique(top) || (general && !node_is_general(top))) {
        rrb_top *copy = (rrb_top *)rrb_node_copy(mem, &top->node, general);
        if (copy == NULL)
            return NULL;
        node_ready(copy);
        node_release(top);
        v->root = top = copy;
    }
    return (void **)&top->tail;
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
    if (v->count == 0 || rrb_tail(v->root)->length == BRANCHES) {
        if (!rrb_push(mem, *v, c, &next))
            return false;
        rrb_replace(v, next);
        return true;
    }
    bool general = !value_is_plain(c);
    void **place = edit_tail_place(mem, v, general);
    if (place == NULL)
        return false;
    rrb_node *tail = *place;
    if (tail->capacity == tail->length || !node_is_unique(tail) || (general && !node_is_general(tail))) {
        rrb_node *copy = leaf_copy(mem, tail, 0, tail->length, BRANCHES, general);
        if (copy == NULL)
            return false;
        node_ready(copy);
        *place = copy;
        node_release(tail);
        tail = copy;
    }
    cell_retain(leaf_cells(tail)[tail->length] = c);
    tail->length++;
    v->count++;
    return true;
}

/* Takes the last cell out; its reference becomes the caller's. */
static inline bool
rrb_edit_pop(memory *mem, rrb *v, cell *last)
{
    rrb_node *tail = rrb_tail(v->root);
    unsigned index = tail->length - 1u;
    *last = leaf_cells(tail)[index];
    bool shape_stays = index > 0 && (v->root == tail || v->count > BRANCHES + 1); /* R6 */
    if (shape_stays && node_is_unique(v->root) && node_is_unique(tail)) {
        tail->length = (uint8_t)index;
        v->count--;
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
    rrb_node *tail = rrb_tail(v->root);
    if (tail->capacity == tail->length)
        return true;
    void **place = edit_tail_place(mem, v, false);
    rrb_node *copy = place != NULL ? leaf_copy(mem, tail, 0, tail->length, tail->length, false) : NULL;
    if (copy == NULL)
        return false;
    node_ready(copy);
    *place = copy;
    node_release(tail);
    return true;
}

#endif
