/* Building whole trees, and combining two. */
#ifndef FROZEN_TESTS_CHAMP_BULK_H
#define FROZEN_TESTS_CHAMP_BULK_H

#include "champ_model.h"

#include "trees/champ/merge.inc.h"

/* ---- bits ---- */

static void
bits_are_counted_without_the_instruction_too(void)
{
    for (unsigned n = 0; n < 1000; n++) {
        bitmap map = chance(1u << 16) << 16 | chance(1u << 16), rest = map;
        unsigned count = 0;
        for (; rest; rest &= rest - 1)
            count++;
        CHECK(bits_count(map) == count && bits_count_portable(map) == count);
    }
    CHECK(bits_count_portable(0) == 0 && bits_count_portable(~(bitmap)0) == 32);
}

/* ---- build ---- */

/* ... in any order, after each of its allocations has failed once. */
static void
a_build_of_any_size(void)
{
    for (unsigned count = 0; count < KEYS; count++) {
        pair pairs[KEYS];
        tree t = {.model = some_model(count, count % 3 ? 0 : 20)};
        model_pairs(&t.model, pairs);
        census before = census_now();
        for (unsigned n = 1; t.root == NULL; n++) {
            fake_fail_at(n);
            t.root = build_root(pairs, count);
            CHECK(fake_failed() == (t.root == NULL));
            if (t.root == NULL)
                check_census(before);
        }
        tree_verify(&t);
        tree_drop(&t);
    }
}

/* Of equal keys the first stays, with its value; after each allocation and each comparison has failed once, and after it was
 * interrupted wherever it looks. */
static void
a_build_with_equal_keys_keeps_the_first(void)
{
    for (unsigned count = 0; count < 2 * KEYS; count++) {
        pair pairs[2 * KEYS];
        model expected = {.count = 0};
        for (unsigned i = 0; i < count; i++) {
            pairs[i] = some_pair(count % 3 ? 0 : 20);
            if (!expected.has[fake_value(PAIR_KEY(&pairs[i]))])
                model_put(&expected, pairs[i]);
        }
        void (*const fail_at[])(unsigned) = {fake_fail_at, fake_fail_comparison_at, fake_interrupt_at};
        for (unsigned kind = 0; kind < 3; kind++) {
            tree t = {.model = expected};
            size_t dropped;
            census before = census_now();
            for (unsigned n = 1; t.root == NULL; n++) {
                fail_at[kind](n);
                t.root = build_from(pairs, count, &dropped);
                CHECK(fake_failed() == (t.root == NULL));
                if (t.root == NULL)
                    check_census(before);
            }
            CHECK(dropped == count - expected.count);
            tree_verify(&t);
            tree_drop(&t);
        }
    }
}

static uint64_t hash_below_prefix(cell value) { return (uint64_t)value << 20 | 0x54321; }

static void
a_build_of_thousands(void)
{
    enum { COUNT = 3000 };
    static pair pairs[COUNT];
    uint64_t (*const hashes[])(cell) = {hash_scattered, hash_dense, hash_constant, hash_below_prefix};
    for (cell i = 0; i < COUNT; i++)
        pairs[i] = pair_of(i, i % 7);
    for (unsigned h = 0; h < sizeof hashes / sizeof *hashes; h++) {
        fake_hash = hashes[h];
        champ_node *root = build_root(pairs, COUNT);
        CHECK(champ_check(root, COUNT) == NULL);
        check_nodes(root);
        for (unsigned n = 0; n < 200; n++) {
            cell k = chance(2 * COUNT);
            probe p = fake_probe(k);
            bool failed = false;
            pair *found = champ_find(root, &p, &failed);
            CHECK(k < COUNT ? pairs_identical(found, &pairs[k]) : found == NULL);
        }
        node_release(root);
    }
}

/* ---- merge: the model of it ---- */

enum { POLICIES = 2 * 2 * (ENTRY_WIDTH > 1 ? 4 : 3) }; /* a set has no values to resolve */

static cell
resolved(cell left, cell right)
{
    return (fake_value(left) + fake_value(right)) % 2 ? left : fake_value(left) + 1;
}

static int
resolve_values(void *context, cell left, cell right, cell *value)
{
    CHECK(context == &mem);
    if (fake_fails_now(&fake_comparison_failure))
        return -1;
    cell_retain(*value = resolved(left, right));
    return 0;
}

static merger
merger_of(unsigned policy, bool count_left, bool count_right)
{
    return (merger){.mem = &mem, .keep_left = policy & 1, .keep_right = (policy & 2) != 0, .both = policy / 4,
                    .resolve = resolve_values, .context = &mem,
                    .count_left = count_left, .count_right = count_right};
}

/* What champ_merge has to make of two models; counts in m what one of them has alone. */
static model
model_merge(merger *m, const model *a, const model *b)
{
    model result = {.count = 0};
    for (unsigned k = 0; k < KEYS; k++) {
        pair s = a->has[k] ? a->at[k] : b->at[k];
        if (a->has[k] && b->has[k]) {
            if (m->both == BOTH_DROP)
                continue;
            if (m->both == BOTH_RIGHT && ENTRY_WIDTH > 1)
                PAIR_VALUE(&s) = PAIR_VALUE(&b->at[k]);
            if (m->both == BOTH_RESOLVE)
                PAIR_VALUE(&s) = resolved(PAIR_VALUE(&a->at[k]), PAIR_VALUE(&b->at[k]));
            model_put(&result, s);
        }
        else if (a->has[k] || b->has[k]) {
            m->left_only += a->has[k] && m->count_left;
            m->right_only += b->has[k] && m->count_right;
            if (a->has[k] ? m->keep_left : m->keep_right)
                model_put(&result, s);
        }
    }
    return result;
}

/* ---- merge: one of them, checked from all sides ---- */

/* After the nth allocation, for each n, has failed, or the nth comparison, or the nth call of `resolve`; or after it was
 * interrupted the nth time that it looks. */
static champ_node *
merge_after_failures(const merger *initial, const tree *a, const tree *b, void (*fail_at)(unsigned), merger *m)
{
    census before = census_now();
    for (unsigned n = 1;; n++) {
        *m = *initial;
        fail_at(n);
        champ_node *root = champ_merge(m, a->root, b->root);
        if (!fake_failed()) {
            CHECK(root != NULL);
            return root;
        }
        CHECK(root == NULL);
        check_census(before);
    }
}

static void
check_merge(const tree *a, const tree *b, unsigned policy)
{
    merger initial = merger_of(policy, chance(2), chance(2)), expected = initial, m;
    tree result = {.model = model_merge(&expected, &a->model, &b->model)};
    champ_node *first = merge_after_failures(&initial, a, b, fake_fail_at, &m);
    node_release(merge_after_failures(&initial, a, b, fake_interrupt_at, &m));
    result.root = merge_after_failures(&initial, a, b, fake_fail_comparison_at, &m);
    CHECK(m.left_only == expected.left_only && m.right_only == expected.right_only);
    tree_verify(&result);
    CHECK(same_shape(first, result.root));
    node_release(first);
    if (models_identical(&result.model, &a->model))
        CHECK(result.root == a->root || (initial.both == BOTH_DROP && a->root == b->root)); /* both empty */
    else if (models_identical(&result.model, &b->model))
        CHECK(result.root == b->root);
    tree_drop(&result);
    tree_verify(a);
    tree_verify(b);
}

/* What a second operand can be to a first. */
typedef enum { UNRELATED, DERIVED, SUBSET, REBUILT, REBUILT_SUBSET, EMPTY, ITSELF, RELATIONS } relation;

static tree
related_to(const tree *a, relation how)
{
    if (how == UNRELATED || how == EMPTY) {
        model m = some_model(how == EMPTY ? 0 : chance(KEYS), 10);
        return tree_of(&m);
    }
    if (how == REBUILT)
        return tree_of(&a->model);
    tree b = tree_copy(a);
    if (how == DERIVED)
        for (unsigned i = chance(6) + 1; i > 0; i--)
            tree_put(&b, some_pair(10), PERSISTENT);
    if (how != ITSELF)
        for (unsigned i = chance(6) + 1; i > 0; i--)
            tree_remove(&b, chance(KEYS), PERSISTENT);
    if (how == REBUILT_SUBSET) {
        tree rebuilt = tree_of(&b.model);
        tree_drop(&b);
        b = rebuilt;
    }
    return b;
}

static void
merging_agrees_with_the_model(void)
{
    for (unsigned policy = 0; policy < POLICIES; policy++)
        for (relation how = 0; how < RELATIONS; how++) {
            model m = some_model(chance(KEYS), chance(2) ? 0 : 10);
            tree a = tree_of(&m), b = related_to(&a, how);
            check_merge(&a, &b, policy);
            check_merge(&b, &a, policy);
            tree_drop(&a);
            tree_drop(&b);
        }
}

/* Equal subtrees of different origin are taken from the left, collision nodes have no order: the right operand is to be
 * recognised all the same. */
static void
a_union_with_a_rebuilt_superset_is_that_superset(void)
{
    model m = some_model(KEYS - 4, 0), larger = m;
    while (larger.count < KEYS - 2) {
        pair s = some_pair(0);
        if (!m.has[fake_value(PAIR_KEY(&s))])
            model_put(&larger, s);
    }
    tree a = tree_of(&m), b = tree_of(&larger);
    merger unite = {.mem = &mem, .keep_left = true, .keep_right = true, .both = BOTH_LEFT};
    for (unsigned swapped = 0; swapped < 2; swapped++) {
        champ_node *root = swapped ? champ_merge(&unite, b.root, a.root) : champ_merge(&unite, a.root, b.root);
        CHECK(root == b.root);
        node_release(root);
    }
    tree_drop(&a);
    tree_drop(&b);
}

/* ---- subset: a merge that only asks ---- */

static bool
model_subset(const model *a, const model *b)
{
    for (unsigned k = 0; k < KEYS; k++)
        if (a->has[k] && !b->has[k])
            return false;
    return true;
}

static void
check_subset(const tree *a, const tree *b, void (*fail_at)(unsigned))
{
    for (unsigned n = 1;; n++) {
        fail_at(n);
        int found = champ_subset(a->root, b->root);
        if (!fake_failed()) {
            CHECK(found == model_subset(&a->model, &b->model));
            return;
        }
        CHECK(found == -1);
    }
}

static void
a_subset_has_no_key_of_its_own(void)
{
    for (relation how = 0; how < RELATIONS; how++)
        for (unsigned general_percent = 0; general_percent < 20; general_percent += 10) {
            model m = some_model(chance(KEYS), general_percent);
            tree a = tree_of(&m), b = related_to(&a, how);
            check_subset(&a, &b, fake_fail_comparison_at);
            check_subset(&b, &a, fake_fail_comparison_at);
            check_subset(&a, &b, fake_interrupt_at);
            tree_drop(&a);
            tree_drop(&b);
        }
}

/* ---- merge: what it does not do ---- */

static champ_node *
large_tree(unsigned count)
{
    pair *pairs = malloc(count * sizeof(pair));
    for (cell k = 0; k < count; k++)
        pairs[k] = pair_of(k, 0);
    champ_node *root = build_root(pairs, count);
    free(pairs);
    return root;
}

/* Versions of one origin cost what distinguishes them: of thousands of entries those on one path are looked at. */
static void
shared_subtrees_are_skipped(void)
{
    enum { COUNT = 5000 };
    fake_hash = hash_counted;
    champ_node *a = large_tree(COUNT), *b = a;
    node_retain(b);
    edit put = {PUT, pair_of(77 | FAKE_TWIN, 1)}, add = {PUT, pair_of(COUNT, 1)};
    CHECK(edit_root(&b, &put, PERSISTENT) && edit_root(&b, &add, PERSISTENT));
    for (unsigned policy = 0; policy < 4 * BOTH_RESOLVE; policy++) {
        size_t compared = fake_comparisons;
        hash_calls = 0;
        merger m = merger_of(policy, true, true);
        champ_node *root = champ_merge(&m, a, b);
        CHECK(root != NULL && m.left_only == 0 && m.right_only == 1);
        CHECK(fake_comparisons - compared <= ENTRY_WIDTH);
        CHECK(hash_calls <= 8 * 2 * BRANCHES);
        node_release(root);
    }
    hash_calls = 0;
    CHECK(champ_subset(a, b) == 1 && champ_subset(b, a) == 0);
    CHECK(hash_calls <= 2 * 8 * 2 * BRANCHES);
    node_release(a);
    node_release(b);
}

/* resolve() is asked about every key that both have, even where both are one node. */
static size_t resolve_calls;

static int
resolve_counted(void *context, cell left, cell right, cell *value)
{
    (void)context, (void)right;
    resolve_calls++;
    cell_retain(*value = left);
    return 0;
}

static void
resolve_sees_shared_entries_too(void)
{
    if (ENTRY_WIDTH == 1)
        return;
    champ_node *a = large_tree(300);
    merger m = {.mem = &mem, .both = BOTH_RESOLVE, .resolve = resolve_counted};
    resolve_calls = 0;
    champ_node *root = champ_merge(&m, a, a);
    CHECK(root == a && resolve_calls == 300);
    node_release(root);
    node_release(a);
}

#endif
