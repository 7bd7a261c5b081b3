/* Walking a vector leaf by leaf, two vectors in step, and the hash. */
#ifndef FROZEN_CORE_RRB_ITER_H
#define FROZEN_CORE_RRB_ITER_H

#include "core/rrb.h"

/* A position in a vector, which somebody else keeps alive: `path[0]` is the current leaf, `path[h]` its ancestor of
 * height h, `slot[0]` the index of the cell in the leaf.  At the end `path[0].node` is NULL. */
typedef struct {
    rrb_tree path[RRB_HEIGHTS];
    uint8_t slot[RRB_HEIGHTS];
    unsigned height; /* of the highest node in the path; the tail is a tree of its own */
    rrb_tree tail;   /* none: passed */
} rrb_cursor;

/* Goes down from path[height], to the cell at `index` in that node. */
static inline void
cursor_descend(rrb_cursor *cursor, unsigned height, size_t index)
{
    for (unsigned h = height; h > 0; h--) {
        unsigned slot = inner_slot(cursor->path[h].node, index);
        index -= inner_offset(cursor->path[h].node, slot);
        cursor->slot[h] = (uint8_t)slot;
        cursor->path[h - 1] = tree_child(cursor->path[h], slot);
    }
    cursor->slot[0] = (uint8_t)index;
}

static inline void
cursor_enter(rrb_cursor *cursor, rrb_tree tree, size_t index)
{
    cursor->height = tree.node != NULL ? tree.node->height : 0;
    cursor->path[cursor->height] = tree;
    if (tree.node != NULL)
        cursor_descend(cursor, cursor->height, index);
}

static inline void
cursor_init(rrb_cursor *cursor, rrb v, size_t index)
{
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree none = {NULL, 0}, tail = index < v.count ? rrb_tail(v) : none;
    cursor->tail = none;
    if (top != NULL && index < top->tree_count) {
        cursor->tail = tail;
        cursor_enter(cursor, (rrb_tree){top->tree, top->tree_count}, index);
    }
    else {
        cursor_enter(cursor, tail, top != NULL ? index - top->tree_count : index);
    }
}

/* The cells from here to the end of the leaf; 0: the end of the vector. */
static inline unsigned
cursor_cells(const rrb_cursor *cursor, const cell **cells)
{
    const rrb_node *leaf = cursor->path[0].node;
    *cells = NULL;
    if (leaf == NULL)
        return 0;
    *cells = leaf_cells(leaf) + cursor->slot[0];
    return (unsigned)cursor->path[0].count - cursor->slot[0];
}

/* To the first cell behind path[height]. */
static inline void
cursor_leave(rrb_cursor *cursor, unsigned height)
{
    for (unsigned h = height + 1; h <= cursor->height; h++) {
        if (++cursor->slot[h] < cursor->path[h].node->length) {
            cursor->path[h - 1] = tree_child(cursor->path[h], cursor->slot[h]);
            cursor_descend(cursor, h - 1, 0);
            return;
        }
    }
    rrb_tree tail = cursor->tail;
    cursor->tail = (rrb_tree){NULL, 0};
    cursor_enter(cursor, tail, 0);
}

/* Past `count` cells of the current leaf. */
static inline void
cursor_advance(rrb_cursor *cursor, unsigned count)
{
    cursor->slot[0] = (uint8_t)(cursor->slot[0] + count);
    if (cursor->slot[0] == cursor->path[0].count)
        cursor_leave(cursor, 0);
}

/* ---- two vectors in step ---- */

/* The height of the highest node that is in both paths, with both cursors at its beginning; or -1. */
static inline int
cursors_shared_height(const rrb_cursor *a, const rrb_cursor *b)
{
    int shared = -1;
    for (unsigned h = 0; h <= a->height && h <= b->height && a->slot[h] == 0 && b->slot[h] == 0; h++)
        if (a->path[h].node == b->path[h].node)
            shared = (int)h;
    return shared;
}

/* The first index from `*index` on at which the cells differ: by identity, or by value.  1 and the index, 0 if there is
 * none in both, -1 if a comparison failed.  Shared subtrees at the same index are skipped: the cost is that of what
 * differs. */
static inline int
rrb_mismatch_from(rrb a, rrb b, bool by_identity, size_t *index)
{
    size_t common = a.count < b.count ? a.count : b.count, at = *index;
    if (at >= common)
        return 0;
    rrb_cursor at_a, at_b;
    cursor_init(&at_a, a, at);
    cursor_init(&at_b, b, at);
    while (at < common) {
        int shared = cursors_shared_height(&at_a, &at_b);
        if (shared >= 0) {
            at += at_a.path[shared].count;
            cursor_leave(&at_a, (unsigned)shared);
            cursor_leave(&at_b, (unsigned)shared);
            continue;
        }
        const cell *cells_a, *cells_b;
        unsigned n = cursor_cells(&at_a, &cells_a), left_b = cursor_cells(&at_b, &cells_b);
        n = n < left_b ? n : left_b;
        for (unsigned i = 0; i < n; i++) {
            int equal = by_identity ? cell_identical(cells_a[i], cells_b[i]) : cell_equal(cells_a[i], cells_b[i]);
            if (equal <= 0) {
                *index = at + i;
                return equal < 0 ? -1 : 1;
            }
        }
        cursor_advance(&at_a, n);
        cursor_advance(&at_b, n);
        at += n;
    }
    return 0;
}

/* The first index at which the vectors differ in value: 1 and the index, 0 if one begins with the other, or -1. */
static inline int
rrb_mismatch(rrb a, rrb b, size_t *index)
{
    *index = 0;
    return rrb_mismatch_from(a, b, false, index);
}

/* A hash of the cells' hashes in their order: the mixing step of xxHash (Collet, 2012), 8 bytes at a time.  1; 0: as this
 * interpreter has it (contract.h); or -1: a cell has no hash. */
static inline int
rrb_hash(rrb v, uint64_t *hash)
{
    uint64_t mixed = 0x27D4EB2F165667C5u;
    int agreed = 1, status;
    rrb_cursor cursor;
    cursor_init(&cursor, v, 0);
    const cell *cells;
    for (unsigned n; (n = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, n)) {
        for (unsigned i = 0; i < n; i++) {
            uint64_t next;
            if ((status = cell_value_hash(cells[i], &next)) < 0)
                return -1;
            agreed &= status;
            mixed += next * 0xC2B2AE3D27D4EB4Fu;
            mixed = (mixed << 31 | mixed >> 33) * 0x9E3779B185EBCA87u;
        }
    }
    *hash = mixed ^ v.count;
    return agreed;
}

#endif
