/* What distinguishes two trees: both are walked in step, and what they share is passed over by pointer.
 *
 * Versions of one origin have most nodes of a changed path in the same places, so nodes of equal bitmaps, where place i
 * of one corresponds to place i of the other, have a loop of their own: it compares pointers and does nothing else.
 *
 * Comparing keys and reporting may run arbitrary code; both trees are held by the caller meanwhile. */
#ifndef FROZEN_TREES_CHAMP_DIFF_INC_H
#define FROZEN_TREES_CHAMP_DIFF_INC_H

#include "trees/champ/merge.inc.h"

/* `report` is called for each difference: an entry that one tree alone has (the other's is NULL), or the two entries of
 * one key whose values, of a set the members, are not the very same. Entries are borrowed. 0, or -1 (exception set) to
 * end the walk. */
typedef struct {
    int (*report)(void *context, const entry *left, const entry *right);
    void *context;
    budget left;
} differ;

/* One tree alone has this. */
static int
diff_one_sided(differ *d, const operand *o, bool is_left)
{
    if (o->kind == HOLDS_NOTHING)
        return 0;
    if (o->kind == HOLDS_ENTRY)
        return d->report(d->context, is_left ? &o->entry : NULL, is_left ? NULL : &o->entry);
    layout v = layout_of(o->node);
    if (!budget_spend(&d->left, 1u + v.entries))
        return -1;
    for (unsigned i = 0; i < v.entries; i++) {
        operand part = {.kind = HOLDS_ENTRY, .entry = entry_at(&v, i)};
        if (diff_one_sided(d, &part, is_left) < 0)
            return -1;
    }
    for (unsigned i = 0; i < v.children; i++) {
        operand part = operand_of(v.child[i]);
        if (diff_one_sided(d, &part, is_left) < 0)
            return -1;
    }
    return 0;
}

/* Both have this key. */
static int
diff_matching(differ *d, const entry *left, const entry *right)
{
    bool identical = ENTRY_WIDTH == 1 ? cell_identical(PAIR_KEY(&left->pair), PAIR_KEY(&right->pair))
                                      : cell_identical(PAIR_VALUE(&left->pair), PAIR_VALUE(&right->pair));
    return identical ? 0 : d->report(d->context, left, right);
}

/* Every left entry against every right one.  A key is in each node once at most, so none is matched twice. */
static int
diff_collisions(differ *d, const operand *a, const operand *b)
{
    const operand *sides[2] = {a, b};
    for (int side = 0; side < 2; side++) {
        entry one, other;
        unsigned others = collision_entry(sides[!side], 0, &other);
        for (unsigned i = 0; i < collision_entry(sides[side], i, &one); i++) {
            int match = 0;
            for (unsigned j = 0; j < others && match == 0; j++) {
                collision_entry(sides[!side], j, &other);
                match = side == 0 ? entries_match(&one, &other) : entries_match(&other, &one);
            }
            if (match > 0 && side == 0)
                match = diff_matching(d, &one, &other);
            else if (match == 0)
                match = d->report(d->context, side == 0 ? &one : NULL, side == 0 ? NULL : &one);
            if (match < 0)
                return -1;
        }
    }
    return 0;
}

static int diff_step(differ *d, const operand *a, const operand *b, unsigned shift);

/* Nodes of equal bitmaps: place against place. */
static int
diff_alike(differ *d, const layout *a, const layout *b, unsigned shift)
{
    for (unsigned i = 0; i < a->entries; i++) {
        if (pairs_identical(&a->pair[i], &b->pair[i]))
            continue;
        operand left = {.kind = HOLDS_ENTRY, .entry = entry_at(a, i)};
        operand right = {.kind = HOLDS_ENTRY, .entry = entry_at(b, i)};
        if (diff_step(d, &left, &right, shift + CORE_BITS) < 0)
            return -1;
    }
    for (unsigned i = 0; i < a->children; i++) {
        if (a->child[i] == b->child[i])
            continue;
        operand left = operand_of(a->child[i]), right = operand_of(b->child[i]);
        if (diff_step(d, &left, &right, shift + CORE_BITS) < 0)
            return -1;
    }
    return 0;
}

static int
diff_branches(differ *d, const operand *a, const operand *b, unsigned shift)
{
    layout left_layout = {0}, right_layout = {0};
    if (a->kind == HOLDS_NODE)
        left_layout = layout_of(a->node);
    if (b->kind == HOLDS_NODE)
        right_layout = layout_of(b->node);
    if (!budget_spend(&d->left, 1u + left_layout.entries + right_layout.entries))
        return -1;
    if (a->kind == b->kind && a->node->datamap == b->node->datamap && a->node->nodemap == b->node->nodemap)
        return diff_alike(d, &left_layout, &right_layout, shift);
    for (bitmap todo = operand_branches(a, shift) | operand_branches(b, shift); todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        operand left = operand_branch(a, &left_layout, bit, shift),
                right = operand_branch(b, &right_layout, bit, shift);
        if (!operands_identical(&left, &right) && diff_step(d, &left, &right, shift + CORE_BITS) < 0)
            return -1;
    }
    return 0;
}

/* What two operands hold in the branch above `shift`; two entries may be in any branches. */
static int
diff_step(differ *d, const operand *a, const operand *b, unsigned shift)
{
    if (a->kind == HOLDS_NOTHING || b->kind == HOLDS_NOTHING)
        return diff_one_sided(d, a, true) < 0 ? -1 : diff_one_sided(d, b, false);
    if (a->kind == HOLDS_ENTRY && b->kind == HOLDS_ENTRY) {
        int match = entries_match(&a->entry, &b->entry);
        if (match == 0)
            return diff_one_sided(d, a, true) < 0 ? -1 : diff_one_sided(d, b, false);
        return match < 0 ? -1 : diff_matching(d, &a->entry, &b->entry);
    }
    if (shift >= HASH_BITS)
        return diff_collisions(d, a, b);
    return diff_branches(d, a, b, shift);
}

/* Report every difference between two trees, in no particular order: 0, or -1 (exception set). */
static int
champ_diff(differ *d, champ_node *a, champ_node *b)
{
    operand left = operand_of(a), right = operand_of(b);
    d->left = BUDGET;
    return a == b ? 0 : diff_step(d, &left, &right, 0);
}

#endif
