/* Rows of siblings: what every operation that changes the shape of a tree is made of.  A row owns its nodes; taking
 * some out of a tree, cutting or evening them out, and putting parents over what remains is all that concat, slices and
 * building do.  Nothing here releases a cell for good, as long as the caller holds on to the trees it began with. */
#ifndef FROZEN_TREES_RRB_ROW_INC_H
#define FROZEN_TREES_RRB_ROW_INC_H

#include "trees/rrb/access.inc.h"

/* The longest row: the children of two nodes without two, and the three nodes at most (join_level) that
 * replace those two. */
#define ROW_MAX (2 * BRANCHES + 1)

/* The caller that makes a row provides the room for its trees: on the stack for siblings (BRANCHES), elsewhere for
 * more, so that no frame of the stack gets large (CONTRIBUTING.md). */
typedef struct {
    unsigned count;
    rrb_tree *tree;
} rrb_row;

static inline void
row_add(rrb_row *row, rrb_node *node, size_t count) /* steals the node */
{
    assert(row->count < ROW_MAX);
    row->tree[row->count++] = (rrb_tree){node, count};
}

static inline void
row_add_shared(rrb_row *row, rrb_tree tree)
{
    assert(row->count < ROW_MAX);
    node_retain(tree.node);
    row->tree[row->count++] = tree;
}

/* Shares the children [from, to) of an inner node. */
static inline void
row_add_children(rrb_row *row, rrb_tree parent, unsigned from, unsigned to)
{
    for (unsigned slot = from; slot < to; slot++)
        PREFETCH_WRITE(inner_children(parent.node)[slot]);
    for (unsigned slot = from; slot < to; slot++)
        row_add_shared(row, tree_child(parent, slot));
}

static inline void
row_release_from(rrb_row *row, unsigned from)
{
    while (row->count > from)
        node_release(row->tree[--row->count].node);
}

/* Moves the nodes of `from` to the end of `to`. */
static inline void
row_move(rrb_row *to, rrb_row *from)
{
    assert(to->count + from->count <= ROW_MAX);
    memcpy(to->tree + to->count, from->tree, from->count * sizeof *from->tree);
    to->count += from->count;
    from->count = 0;
}

/* Whether nodes side by side can be the children of a regular node (R2). */
static inline bool
trees_are_regular(const rrb_tree *trees, unsigned count)
{
    size_t full = full_count(trees[0].node->height);
    for (unsigned i = 0; i + 1 < count; i++)
        if (trees[i].count != full)
            return false;
    return trees[count - 1].node->kind != RRB_RELAXED;
}

/* The parent of up to BRANCHES siblings, whose references it steals, on failure too.  The only maker of inner nodes. */
static inline rrb_tree
inner_from_trees(memory *mem, const rrb_tree *trees, unsigned length)
{
    assert(0 < length && length <= BRANCHES);
    bool regular = trees_are_regular(trees, length), general = false;
    for (unsigned i = 0; i < length; i++) {
        assert(trees[i].node->height == trees[0].node->height); /* R1 */
        general |= node_is_general(trees[i].node);
    }
    size_t size = sizeof(rrb_node) + length * (regular ? 1 : 2) * sizeof(void *);
    rrb_node *node = node_alloc(mem, size, general);
    if (node == NULL) {
        for (unsigned i = 0; i < length; i++)
            node_release(trees[i].node);
        return (rrb_tree){NULL, 0};
    }
    node->kind = regular ? RRB_REGULAR : RRB_RELAXED;
    node->height = (uint8_t)(trees[0].node->height + 1);
    node->length = node->capacity = (uint8_t)length;
    size_t count = 0;
    for (unsigned i = 0; i < length; i++) {
        inner_children(node)[i] = trees[i].node;
        count += trees[i].count;
        if (!regular)
            inner_sizes(node)[i] = count;
    }
    node_ready(node);
    return (rrb_tree){node, count};
}

/* Puts parents over the whole row, into `parents`, as few as possible.  Empties the row, on failure too. */
static inline bool
row_group(memory *mem, rrb_row *row, rrb_row *parents)
{
    for (unsigned from = 0; from < row->count; from += BRANCHES) {
        unsigned rest = row->count - from;
        unsigned length = rest < BRANCHES ? rest : BRANCHES;
        rrb_tree parent = inner_from_trees(mem, row->tree + from, length);
        if (parent.node == NULL) {
            memmove(row->tree, row->tree + from + length, (rest - length) * sizeof *row->tree);
            row->count = rest - length;
            row_release_from(row, 0);
            return false;
        }
        row_add(parents, parent.node, parent.count);
    }
    row->count = 0;
    return true;
}

/* ---- evening out ---- */

/* The lengths that the nodes of the row should have so that none is thin (R4), into `lengths`; returns how many nodes
 * these are.  A thin node and its left neighbour become one, or if they are too much for one, two of equal length. */
static inline unsigned
row_plan(const rrb_row *row, unsigned *lengths)
{
    unsigned count = 0;
    for (unsigned i = 0; i < row->count; i++) {
        unsigned length = row->tree[i].node->length;
        if (count > 0 && (length < RRB_MIN_LENGTH || lengths[count - 1] < RRB_MIN_LENGTH)) {
            unsigned both = lengths[count - 1] + length;
            if (both <= BRANCHES) {
                lengths[count - 1] = both;
                continue;
            }
            lengths[count - 1] = (both + 1) / 2;
            length = both / 2;
        }
        lengths[count++] = length;
    }
    return count;
}

static inline bool
row_follows_plan(const rrb_row *row, const unsigned *lengths, unsigned count)
{
    bool same = count == row->count;
    for (unsigned i = 0; same && i < count; i++)
        same = lengths[i] == row->tree[i].node->length;
    return same;
}

/* Reads the slots of nodes side by side one after the other. */
typedef struct {
    const rrb_tree *tree;
    unsigned node, slot;
} row_reader;

static inline unsigned
reader_available(const row_reader *reader, unsigned wanted)
{
    unsigned left = reader->tree[reader->node].node->length - reader->slot;
    return left < wanted ? left : wanted;
}

static inline void
reader_advance(row_reader *reader, unsigned slots)
{
    reader->slot += slots;
    if (reader->slot == reader->tree[reader->node].node->length) {
        reader->node++;
        reader->slot = 0;
    }
}

/* A new leaf out of the next `length` cells. */
static inline rrb_tree
reader_take_cells(memory *mem, row_reader *reader, unsigned length)
{
    bool general = false;
    row_reader ahead = *reader;
    for (unsigned n, left = length; left > 0; left -= n) {
        general |= node_is_general(ahead.tree[ahead.node].node);
        n = reader_available(&ahead, left);
        reader_advance(&ahead, n);
    }
    rrb_node *leaf = leaf_alloc(mem, 0, length, general);
    if (leaf == NULL)
        return (rrb_tree){NULL, 0};
    while (leaf->length < length) {
        unsigned n = reader_available(reader, length - leaf->length);
        const rrb_node *source = reader->tree[reader->node].node;
        cells_copy(leaf_cells(leaf) + leaf->length, leaf_cells(source) + reader->slot, n);
        leaf->length = (uint8_t)(leaf->length + n);
        reader_advance(reader, n);
    }
    node_ready(leaf);
    return (rrb_tree){leaf, length};
}

/* A new node out of the next `length` slots. */
NO_INLINE static rrb_tree
reader_take(memory *mem, row_reader *reader, unsigned length)
{
    if (reader->tree[0].node->height == 0)
        return reader_take_cells(mem, reader, length);
    rrb_tree siblings[BRANCHES];
    rrb_row children = {0, siblings};
    while (children.count < length) {
        unsigned n = reader_available(reader, length - children.count);
        row_add_children(&children, reader->tree[reader->node], reader->slot, reader->slot + n);
        reader_advance(reader, n);
    }
    return inner_from_trees(mem, children.tree, children.count);
}

/* Replaces thin nodes of the row and their neighbours; the others stay as they are. On failure the row is empty. `room`
 * is for ROW_MAX trees. */
static inline bool
row_balance(memory *mem, rrb_row *row, rrb_tree *room)
{
    unsigned lengths[ROW_MAX];
    unsigned count = row_plan(row, lengths);
    if (row_follows_plan(row, lengths, count))
        return true;
    rrb_row done = {0, room};
    row_reader reader = {row->tree, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        rrb_tree next = row->tree[reader.node];
        if (reader.slot == 0 && next.node->length == lengths[i]) {
            row_add_shared(&done, next);
            reader_advance(&reader, lengths[i]);
            continue;
        }
        next = reader_take(mem, &reader, lengths[i]);
        if (next.node == NULL) {
            row_release_from(row, 0);
            row_release_from(&done, 0);
            return false;
        }
        row_add(&done, next.node, next.count);
    }
    row_release_from(row, 0);
    row_move(row, &done);
    return true;
}

/* ---- the root ---- */

/* R5: takes levels off the tree, which it owns, as long as it can do without.  On failure there is no tree left. */
static inline bool
tree_lower(memory *mem, rrb_tree *tree)
{
    while (tree->node != NULL && tree->node->height > 0) {
        unsigned slots = 0;
        for (unsigned i = 0; i < tree->node->length && slots <= BRANCHES; i++)
            slots += inner_children(tree->node)[i]->length;
        if (slots > BRANCHES)
            break;
        rrb_tree siblings[BRANCHES];
        rrb_row row = {0, siblings};
        row_add_children(&row, *tree, 0, tree->node->length);
        node_release(tree->node);
        if (row.count == 1) {
            *tree = row.tree[0];
            continue;
        }
        /* only the first and the last of these slots were on the outer spines, and so they remain: R4 holds */
        *tree = reader_take(mem, &(row_reader){siblings, 0, 0}, slots);
        row_release_from(&row, 0);
    }
    return tree->node != NULL;
}

#endif
