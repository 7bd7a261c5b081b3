/* Combining two trees: union, intersection, difference and symmetric difference are one walk with four policies.
 *
 * Both trees are walked in step.  Where only one has something its subtree is taken or left as a whole; where both hold
 * the very same node nothing below can differ, so versions of one origin cost what distinguishes them.  A result that
 * equals an operand is that operand: combining with nothing new copies nothing.  Otherwise a node of the result is the
 * left's with some branches changed: what stays is copied in runs, without a look where the right has nothing.
 *
 * Comparing keys and resolving conflicts may run arbitrary code; both operands are held by the caller meanwhile. */
#ifndef FROZEN_TREES_CHAMP_MERGE_INC_H
#define FROZEN_TREES_CHAMP_MERGE_INC_H

#include "trees/champ/build.inc.h"
#include "trees/champ/iter.inc.h"

/* What becomes of a key that both operands have. */
typedef enum { BOTH_DROP, BOTH_LEFT, BOTH_RIGHT /* left's key, right's value */, BOTH_RESOLVE } both_policy;

typedef struct {
    memory *mem;
    bool keep_left, keep_right; /* entries that one operand alone has */
    both_policy both;
    /* BOTH_RESOLVE: a new reference to the resulting value in `*value`, or -1 (exception set) */
    int (*resolve)(void *context, cell left, cell right, cell *value);
    void *context;
    bool count_left, count_right;
    size_t left_only, right_only; /* how many entries one operand alone has, if asked for */
    budget left;
} merger;

/* A subtree, an entry, or nothing: what a branch of an operand or of the result holds. */
typedef struct {
    enum { HOLDS_NOTHING, HOLDS_ENTRY, HOLDS_NODE } kind;
    bool owned;      /* a result with references of its own; otherwise they are the operands', which outlive it */
    bool also_right; /* a result that is the left's node; the right's is another one with the very same contents */
    entry entry;
    champ_node *node;
} operand;

static inline operand
operand_of(champ_node *n)
{
    return (operand){.kind = HOLDS_NODE, .node = n};
}

static void
operand_own(operand *o)
{
    if (o->kind == HOLDS_NODE && !o->owned)
        node_retain(o->node);
    else if (o->kind == HOLDS_ENTRY && !o->owned)
        pair_retain(&o->entry.pair);
    o->owned = true;
}

static void
operand_release(const operand *o)
{
    if (o->kind == HOLDS_NODE && o->owned)
        node_release(o->node);
    else if (o->kind == HOLDS_ENTRY && o->owned)
        pair_release(&o->entry.pair);
}

static size_t
operand_count(const operand *o)
{
    return o->kind == HOLDS_NODE ? champ_count(o->node) : o->kind == HOLDS_ENTRY;
}

static bool
operands_identical(const operand *a, const operand *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == HOLDS_NODE)
        return a->node == b->node;
    return a->kind == HOLDS_NOTHING || pairs_identical(&a->entry.pair, &b->entry.pair);
}

/* What `o`, seen at this level, holds in one branch.  An entry is like a node that holds nothing else. */
static operand
operand_branch(const operand *o, const layout *v, bitmap bit, unsigned shift)
{
    if (o->kind == HOLDS_ENTRY && hash_bit(o->entry.hash, shift) == bit)
        return *o;
    if (o->kind == HOLDS_NODE && (o->node->nodemap & bit))
        return operand_of(v->child[bits_rank(o->node->nodemap, bit)]);
    if (o->kind == HOLDS_NODE && (o->node->datamap & bit))
        return (operand){.kind = HOLDS_ENTRY, .entry = entry_at(v, bits_rank(o->node->datamap, bit))};
    return (operand){.kind = HOLDS_NOTHING};
}

static inline bitmap
operand_branches(const operand *o, unsigned shift)
{
    return o->kind == HOLDS_NODE    ? o->node->datamap | o->node->nodemap
           : o->kind == HOLDS_ENTRY ? hash_bit(o->entry.hash, shift)
                                    : 0;
}

/* One operand alone has this. */
static void
merge_one_sided(merger *m, const operand *o, bool is_left, operand *out)
{
    if (is_left ? m->count_left : m->count_right)
        *(is_left ? &m->left_only : &m->right_only) += operand_count(o);
    if (!(is_left ? m->keep_left : m->keep_right))
        return;
    *out = *o;
}

/* Both have this key. */
static int
merge_matching(merger *m, const entry *left, const entry *right, operand *out)
{
    if (m->both == BOTH_DROP)
        return 0;
    out->entry = *left;
    if (m->both == BOTH_RESOLVE) {
        if (m->resolve(m->context, PAIR_VALUE(&left->pair), PAIR_VALUE(&right->pair), &PAIR_VALUE(&out->entry.pair))
            < 0)
            return -1;
        cell_retain(PAIR_KEY(&left->pair));
        out->owned = true;
    }
    else if (m->both == BOTH_RIGHT && ENTRY_WIDTH > 1)
        PAIR_VALUE(&out->entry.pair) = PAIR_VALUE(&right->pair);
    out->kind = HOLDS_ENTRY;
    return 0;
}

/* So many changed branches need no allocation. The number is small because the stack grows by this with each level,
 * and comparing keys may run functions that merge again (CONTRIBUTING.md). */
#define OVERLAY_FEW 8

/* What becomes of a left node: it holds something else in the branches `changed`, of which some hold entries and some
 * children, all owned and in the order of their branches. */
typedef struct {
    bitmap changed, datamap, nodemap;
    unsigned entry_count, child_count;
    entry *entries;
    champ_node **children;
    entry few_entries[OVERLAY_FEW];
    champ_node *few_children[OVERLAY_FEW];
} overlay;

/* For `count` branches at most; false: failed. */
static inline bool
overlay_open(overlay *g, unsigned count)
{
    g->changed = g->datamap = g->nodemap = 0;
    g->entry_count = g->child_count = 0;
    g->entries = g->few_entries;
    g->children = g->few_children;
    if (count <= OVERLAY_FEW)
        return true;
    g->entries = scratch_alloc(count * (sizeof *g->entries + sizeof *g->children));
    if (g->entries == NULL)
        return false;
    g->children = (champ_node **)(g->entries + count);
    return true;
}

static void
overlay_put(overlay *g, operand *o, bitmap bit)
{
    assert(g->changed < bit); /* in the order of the branches, each once */
    operand_own(o);
    g->changed |= bit;
    if (o->kind == HOLDS_ENTRY) {
        g->entries[g->entry_count++] = o->entry;
        g->datamap |= bit;
    }
    else if (o->kind == HOLDS_NODE) {
        g->children[g->child_count++] = o->node;
        g->nodemap |= bit;
    }
}

/* Its scratch array. */
static inline void
overlay_end(overlay *g)
{
    if (g->entries != g->few_entries)
        scratch_free(g->entries);
}

/* The same, and what was gathered. */
static void
overlay_abandon(overlay *g)
{
    while (g->entry_count)
        pair_release(&g->entries[--g->entry_count].pair);
    while (g->child_count)
        node_release(g->children[--g->child_count]);
    overlay_end(g);
}

static bool
overlay_is_general(const overlay *g)
{
    bool general = false;
    for (unsigned i = 0; i < g->entry_count && !general; i++)
        general = pair_is_general(&g->entries[i].pair);
    for (unsigned i = 0; i < g->child_count && !general; i++)
        general = node_is_general(g->children[i]);
    return general;
}

/* Fill a new node: runs of what the left has, and between them what changed. */
static void
overlay_entries(const layout *d, const layout *left, bitmap datamap, const overlay *g)
{
    unsigned to = 0, from = 0, next = 0;
    for (bitmap todo = (datamap | g->datamap) & g->changed; todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        unsigned run = bits_rank(datamap, bit) - from;
        take_entries(d, to, left, from, run, false);
        to += run;
        from += run + ((datamap & bit) != 0);
        if (g->datamap & bit) {
            place_entry(d, to++, g->entries[next].hash, &g->entries[next].pair);
            next++;
        }
    }
    assert(to + left->entries - from == d->entries);
    take_entries(d, to, left, from, left->entries - from, false);
}

static void
overlay_children(const layout *d, const layout *left, bitmap nodemap, const overlay *g)
{
    unsigned to = 0, from = 0, next = 0;
    for (bitmap todo = (nodemap | g->nodemap) & g->changed; todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        unsigned run = bits_rank(nodemap, bit) - from;
        take_children(d, to, left, from, run, false);
        to += run;
        from += run + ((nodemap & bit) != 0);
        if (g->nodemap & bit)
            d->child[to++] = g->children[next++];
    }
    assert(to + left->children - from == d->children);
    take_children(d, to, left, from, left->children - from, false);
}

/* The left node (`left`, whose node is NULL: there is none) as it becomes, in the canonical form: one entry alone is no
 * node.  0: what was gathered has gone over; -1: out of memory, nothing has. */
static int
overlay_close(merger *m, const layout *left, const overlay *g, operand *out)
{
    bitmap old_datamap = left->node ? left->node->datamap : 0, old_nodemap = left->node ? left->node->nodemap : 0;
    bitmap datamap = (old_datamap & ~g->changed) | g->datamap, nodemap = (old_nodemap & ~g->changed) | g->nodemap;
    if (nodemap == 0 && (datamap & (datamap - 1)) == 0) {
        if (g->entry_count)
            *out = (operand){.kind = HOLDS_ENTRY, .owned = true, .entry = g->entries[0]};
        else if (datamap)
            *out = (operand){.kind = HOLDS_ENTRY, .entry = entry_at(left, bits_rank(old_datamap, datamap))};
        return 0;
    }
    bool carried = ((old_datamap | old_nodemap) & ~g->changed) != 0;
    bool general = (carried && node_is_general(left->node)) || overlay_is_general(g);
    assert((datamap & nodemap) == 0);
    layout d;
    champ_node *n = champ_alloc(m->mem, datamap, nodemap, bits_count(datamap), bits_count(nodemap), general, &d);
    if (n == NULL)
        return -1;
    overlay_entries(&d, left, old_datamap, g);
    overlay_children(&d, left, old_nodemap, g);
    node_ready(n);
    *out = (operand){.kind = HOLDS_NODE, .owned = true, .node = n};
    return 0;
}

static int merge_step(merger *m, const operand *a, const operand *b, unsigned shift, operand *out);

static int
merge_entries(merger *m, const operand *a, const operand *b, unsigned shift, operand *out)
{
    int match = entries_match(&a->entry, &b->entry);
    if (match != 0)
        return match < 0 ? -1 : merge_matching(m, &a->entry, &b->entry, out);
    operand left = {.kind = HOLDS_NOTHING}, right = {.kind = HOLDS_NOTHING};
    merge_one_sided(m, a, true, &left);
    merge_one_sided(m, b, false, &right);
    if (left.kind == HOLDS_NOTHING || right.kind == HOLDS_NOTHING) {
        *out = left.kind != HOLDS_NOTHING ? left : right;
        return 0;
    }
    champ_node *both = node_pair(m->mem, shift, &left.entry, &right.entry);
    *out = (operand){.kind = HOLDS_NODE, .owned = true, .node = both};
    return both != NULL ? 0 : -1;
}

/* The branches in which both nodes hold the very same. */
static inline bitmap
shared_branches(const layout *a, const layout *b)
{
    bitmap shared = 0;
    for (bitmap todo = a->node->datamap & b->node->datamap; todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        const pair *s = &a->pair[bits_rank(a->node->datamap, bit)], *t = &b->pair[bits_rank(b->node->datamap, bit)];
        shared |= pairs_identical(s, t) ? bit : 0;
    }
    for (bitmap todo = a->node->nodemap & b->node->nodemap; todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        champ_node *s = a->child[bits_rank(a->node->nodemap, bit)], *t = b->child[bits_rank(b->node->nodemap, bit)];
        shared |= s == t ? bit : 0;
    }
    return shared;
}

static int
merge_branches(merger *m, const operand *a, const operand *b, unsigned shift, operand *out)
{
    layout v = {.node = NULL}, w = {.node = NULL};
    if (a->kind == HOLDS_NODE)
        v = layout_of(a->node);
    if (b->kind == HOLDS_NODE)
        w = layout_of(b->node);
    if (!budget_spend(&m->left, 1u + v.entries + w.entries))
        return -1;
    bitmap lefts = operand_branches(a, shift), rights = operand_branches(b, shift);
    bool carry = v.node && m->keep_left && !m->count_left; /* what the left alone has is not looked at */
    bool skip_shared = v.node && w.node && (m->both == BOTH_LEFT || m->both == BOTH_RIGHT);
    bitmap skip = skip_shared ? shared_branches(&v, &w) : 0;
    bool like_right = w.node && !(carry && (lefts & ~rights));
    bitmap todo = (carry ? rights : lefts | rights) & ~skip;
    overlay g;
    if (!overlay_open(&g, bits_count(todo)))
        return -1;
    for (; todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        operand left = operand_branch(a, &v, bit, shift), right = operand_branch(b, &w, bit, shift);
        operand result = {.kind = HOLDS_NOTHING};
        if (merge_step(m, &left, &right, shift + CORE_BITS, &result) < 0) {
            overlay_abandon(&g);
            return -1;
        }
        like_right = like_right && (result.also_right || operands_identical(&result, &right));
        if (!v.node || !operands_identical(&result, &left))
            overlay_put(&g, &result, bit);
        else
            operand_release(&result);
    }
    if (v.node && g.changed == 0) {
        *out = *a;
        out->also_right = like_right;
        overlay_end(&g);
        return 0;
    }
    if (!like_right && overlay_close(m, &v, &g, out) == 0) {
        overlay_end(&g);
        return 0;
    }
    overlay_abandon(&g);
    *out = *b;
    return like_right ? 0 : -1;
}

/* Entries of a collision node, or the one entry that an operand is. */
static unsigned
collision_entry(const operand *o, unsigned i, entry *out)
{
    if (o->kind == HOLDS_ENTRY) {
        *out = o->entry;
        return 1;
    }
    layout v = layout_of(o->node);
    *out = entry_at(&v, i < v.entries ? i : 0);
    return v.entries;
}

/* Every left entry against every right one; what the right has alone follows.  `taken` marks matched right entries.
 * Fills `result` and returns how many, or -1 after releasing them. */
static int
merge_collision_entries(merger *m, const operand *a, const operand *b, entry *result, bool *taken)
{
    entry left, right;
    int count = 0, match = 0;
    unsigned rights = collision_entry(b, 0, &right);
    for (unsigned i = 0; i < collision_entry(a, i, &left); i++) {
        operand out = {.kind = HOLDS_NOTHING};
        unsigned j = 0;
        for (match = 0; match == 0 && j < rights; j++) {
            collision_entry(b, j, &right);
            match = taken[j] ? 0 : entries_match(&left, &right);
        }
        if (match > 0) {
            taken[j - 1] = true;
            match = merge_matching(m, &left, &right, &out);
        }
        else if (match == 0)
            merge_one_sided(m, &(operand){.kind = HOLDS_ENTRY, .entry = left}, true, &out);
        if (match < 0) {
            entries_release(result, (size_t)count);
            return -1;
        }
        operand_own(&out);
        if (out.kind == HOLDS_ENTRY)
            result[count++] = out.entry;
    }
    for (unsigned j = 0; j < rights; j++) {
        operand out = {.kind = HOLDS_NOTHING};
        collision_entry(b, j, &right);
        if (!taken[j])
            merge_one_sided(m, &(operand){.kind = HOLDS_ENTRY, .entry = right}, false, &out);
        operand_own(&out);
        if (out.kind == HOLDS_ENTRY)
            result[count++] = out.entry;
    }
    return count;
}

static bool
entries_have(const entry *entries, unsigned count, const entry *wanted)
{
    while (count--)
        if (pairs_identical(&entries[count].pair, &wanted->pair))
            return true;
    return false;
}

/* The very entries of `o`, in any order. */
static bool
collision_is(const operand *o, const entry *entries, unsigned count)
{
    entry own;
    if (o->kind != HOLDS_NODE || collision_entry(o, 0, &own) != count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        collision_entry(o, i, &own);
        if (!entries_have(entries, count, &own))
            return false;
    }
    return true;
}

/* The node of entries that have a branch each, or that collide: steals them, also on failure. */
static champ_node *
merge_leaf(merger *m, entry *entries, size_t count, unsigned shift)
{
    assert(shift >= HASH_BITS || count == 1);
    builder b = {.mem = m->mem, .any_general = true};
    return build_leaf(&b, entries, count, shift, shift < HASH_BITS ? hash_bit(entries->hash, shift) : 0);
}

static int
merge_collisions(merger *m, const operand *a, const operand *b, operand *out)
{
    entry any;
    size_t lefts = collision_entry(a, 0, &any), rights = collision_entry(b, 0, &any);
    entry *result = scratch_alloc((lefts + rights) * sizeof(entry) + rights * sizeof(bool));
    if (result == NULL)
        return -1;
    bool *taken = (bool *)(result + lefts + rights);
    memset(taken, 0, rights * sizeof(bool));
    int status = -1, count = merge_collision_entries(m, a, b, result, taken);
    if (count >= 0) {
        bool like_left = collision_is(a, result, (unsigned)count);
        bool like_right = collision_is(b, result, (unsigned)count);
        if (like_left || like_right) {
            *out = like_left ? *a : *b;
            out->also_right = like_left && like_right;
            entries_release(result, (size_t)count);
        }
        else if (count == 1)
            *out = (operand){.kind = HOLDS_ENTRY, .owned = true, .entry = result[0]};
        else if (count > 1)
            *out =
                (operand){.kind = HOLDS_NODE, .owned = true, .node = merge_leaf(m, result, (size_t)count, HASH_BITS)};
        status = out->kind == HOLDS_NODE && out->node == NULL ? -1 : 0;
    }
    scratch_free(result);
    return status;
}

/* Combine what two operands hold in the branch above `shift`.  `out` starts as nothing. */
static int
merge_step(merger *m, const operand *a, const operand *b, unsigned shift, operand *out)
{
    if (a->kind == HOLDS_NOTHING || b->kind == HOLDS_NOTHING) {
        bool is_left = b->kind == HOLDS_NOTHING;
        merge_one_sided(m, is_left ? a : b, is_left, out);
        return 0;
    }
    if (a->kind == HOLDS_NODE && b->kind == HOLDS_NODE && a->node == b->node && m->both != BOTH_RESOLVE) {
        if (m->both != BOTH_DROP)
            *out = *a;
        return 0;
    }
    if (a->kind == HOLDS_ENTRY && b->kind == HOLDS_ENTRY)
        return merge_entries(m, a, b, shift, out);
    if (shift >= HASH_BITS)
        return merge_collisions(m, a, b, out);
    return merge_branches(m, a, b, shift, out);
}

/* The combination of two trees: a new reference to its root, or NULL (exception set). */
static champ_node *
champ_merge(merger *m, champ_node *a, champ_node *b)
{
    operand left = operand_of(a), right = operand_of(b), out = {.kind = HOLDS_NOTHING};
    m->left = BUDGET;
    if (merge_step(m, &left, &right, 0, &out) < 0)
        return NULL;
    operand_own(&out);
    if (out.kind == HOLDS_NODE)
        return out.node;
    return out.kind == HOLDS_ENTRY ? merge_leaf(m, &out.entry, 1, 0) : champ_empty(m->mem);
}

static int
subset_in_collision(const operand *a, const operand *b)
{
    entry left, right;
    unsigned rights = collision_entry(b, 0, &right);
    for (unsigned i = 0; i < collision_entry(a, i, &left); i++) {
        int match = 0;
        for (unsigned j = 0; j < rights && match == 0; j++) {
            collision_entry(b, j, &right);
            match = entries_match(&left, &right);
        }
        if (match <= 0)
            return match;
    }
    return 1;
}

/* Whether everything that `a` holds has its key in `b`, both holding something: 1, 0, or -1 (exception set). */
static int
subset_step(const operand *a, const operand *b, unsigned shift, budget *left_steps)
{
    if (a->kind == HOLDS_NODE && b->kind == HOLDS_NODE && a->node == b->node)
        return 1;
    if (a->kind == HOLDS_ENTRY && b->kind == HOLDS_ENTRY)
        return entries_match(&a->entry, &b->entry);
    if (shift >= HASH_BITS)
        return subset_in_collision(a, b);
    layout left_layout = {0}, right_layout = {0};
    if (a->kind == HOLDS_NODE)
        left_layout = layout_of(a->node);
    if (b->kind == HOLDS_NODE)
        right_layout = layout_of(b->node);
    bitmap todo = operand_branches(a, shift);
    if (!budget_spend(left_steps, 1u + left_layout.entries))
        return -1;
    if (todo & ~operand_branches(b, shift))
        return 0;
    for (; todo; todo &= todo - 1) {
        bitmap bit = todo & (0u - todo);
        operand left = operand_branch(a, &left_layout, bit, shift),
                right = operand_branch(b, &right_layout, bit, shift);
        int holds = subset_step(&left, &right, shift + CORE_BITS, left_steps);
        if (holds <= 0)
            return holds;
    }
    return 1;
}

static inline int
champ_subset(champ_node *a, champ_node *b)
{
    operand left = operand_of(a), right = operand_of(b);
    budget left_steps = BUDGET;
    return subset_step(&left, &right, 0, &left_steps);
}

#endif
