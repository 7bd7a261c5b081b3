/* What distinguishes two trees. */
#ifndef FROZEN_TESTS_CHAMP_COMPARE_H
#define FROZEN_TESTS_CHAMP_COMPARE_H

#include "champ_bulk.h"

#include "trees/champ/diff.inc.h"

/* What was reported, by side. */
typedef struct {
    model left, right;
} differences;

static void
note(model *m, const entry *e)
{
    cell key = fake_value(PAIR_KEY(&e->pair));
    CHECK(!m->has[key] && e->hash == fake_hash(key));
    model_put(m, e->pair);
}

static int
note_difference(void *context, const entry *left, const entry *right)
{
    differences *seen = context;
    if (fake_fails_now(&fake_comparison_failure))
        return -1;
    CHECK(left != NULL || right != NULL);
    if (left != NULL)
        note(&seen->left, left);
    if (right != NULL)
        note(&seen->right, right);
    if (left != NULL && right != NULL)
        CHECK(fake_value(PAIR_KEY(&left->pair)) == fake_value(PAIR_KEY(&right->pair)));
    return 0;
}

static differences
model_diff(const model *a, const model *b)
{
    differences result = {.left = {.count = 0}};
    for (unsigned k = 0; k < KEYS; k++) {
        const pair *x = &a->at[k], *y = &b->at[k];
        bool identical = ENTRY_WIDTH == 1 ? cell_identical(PAIR_KEY(x), PAIR_KEY(y))
                                          : cell_identical(PAIR_VALUE(x), PAIR_VALUE(y));
        if (a->has[k] && b->has[k] && identical)
            continue;
        if (a->has[k])
            model_put(&result.left, a->at[k]);
        if (b->has[k])
            model_put(&result.right, b->at[k]);
    }
    return result;
}

/* After each comparison and each report has failed once, or each interruption has come. */
static void
check_diff(const tree *a, const tree *b, void (*fail_at)(unsigned))
{
    differences expected = model_diff(&a->model, &b->model);
    for (unsigned n = 1;; n++) {
        differences seen = {.left = {.count = 0}};
        differ d = {.report = note_difference, .context = &seen};
        fail_at(n);
        int status = champ_diff(&d, a->root, b->root);
        if (!fake_failed()) {
            CHECK(status == 0);
            CHECK(models_identical(&seen.left, &expected.left) && models_identical(&seen.right, &expected.right));
            return;
        }
        CHECK(status == -1);
    }
}

static void
differences_are_those_of_the_model(void)
{
    for (unsigned round = 0; round < 10; round++)
        for (relation how = 0; how < RELATIONS; how++) {
            model m = some_model(chance(KEYS), chance(2) ? 0 : 10);
            tree a = tree_of(&m), b = related_to(&a, how);
            check_diff(&a, &b, fake_fail_comparison_at);
            check_diff(&b, &a, fake_fail_comparison_at);
            check_diff(&a, &b, fake_interrupt_at);
            tree_drop(&a);
            tree_drop(&b);
        }
}

static int
count_report(void *context, const entry *left, const entry *right)
{
    (void)left, (void)right;
    ++*(size_t *)context;
    return 0;
}

/* Of thousands of entries those on the changed paths are looked at. */
static void
differences_are_found_without_looking_at_the_rest(void)
{
    enum { COUNT = 5000 };
    fake_hash = hash_counted;
    champ_node *a = large_tree(COUNT), *b = a;
    node_retain(b);
    edit put = {PUT, pair_of(77 | FAKE_TWIN, 1)}, add = {PUT, pair_of(COUNT, 1)};
    CHECK(edit_root(&b, &put, PERSISTENT) && edit_root(&b, &add, PERSISTENT));
    size_t compared = fake_comparisons, reports = 0;
    hash_calls = 0;
    differ d = {.report = count_report, .context = &reports};
    CHECK(champ_diff(&d, a, b) == 0);
    CHECK(reports == 2);
    CHECK(fake_comparisons - compared <= ENTRY_WIDTH);
    CHECK(hash_calls <= 8 * 2 * BRANCHES);
    node_release(a);
    node_release(b);
}

#endif
