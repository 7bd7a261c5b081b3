/* find, put, remove: persistent and in place. */
#ifndef FROZEN_TESTS_CHAMP_EDIT_H
#define FROZEN_TESTS_CHAMP_EDIT_H

#include "champ_model.h"

/* ---- histories: any sequence of edits, against the model ---- */

static edit
some_edit(unsigned put_percent, unsigned general_percent)
{
    return (edit){chance(100) < put_percent ? PUT : REMOVE, some_pair(general_percent)};
}

/* Equal contents have equal shapes, however they came about. */
static void
check_canonical(const tree *t)
{
    tree built = tree_of(&t->model);
    tree_verify(&built);
    CHECK(same_shape(t->root, built.root));
    tree_drop(&built);
}

static void
history(edit_mode mode, unsigned general_percent)
{
    tree t = tree_new(), kept[6];
    enum { VERSIONS = sizeof kept / sizeof *kept, STEPS = 200 };
    for (unsigned i = 0; i < VERSIONS; i++)
        kept[i] = tree_copy(&t);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned put_percent = step / 40 % 2 ? 20 : 75; /* grow, shrink to nothing, grow again */
        tree_edit(&t, some_edit(put_percent, general_percent), mode);
        tree_verify(&t);
        if (step % 10 == 0)
            check_canonical(&t);
        if (chance(25) == 0) {
            tree *version = &kept[chance(VERSIONS)];
            tree_verify(version);
            tree_drop(version);
            *version = tree_copy(&t);
        }
    }
    for (unsigned i = 0; i < VERSIONS; i++) {
        tree_verify(&kept[i]);
        tree_drop(&kept[i]);
    }
    tree_verify(&t);
    tree_drop(&t);
}

static void
any_history_of_versions(void)
{
    history(PERSISTENT, 0);
    history(PERSISTENT, 15);
}

static void
any_history_in_place(void)
{
    history(IN_PLACE, 0);
    history(IN_PLACE, 15);
}

static void
removing_all_leaves_the_empty_root(void)
{
    for (edit_mode mode = PERSISTENT; mode <= IN_PLACE; mode++) {
        model full = some_model(KEYS, 0);
        tree t = tree_of(&full);
        while (t.model.count > 0) {
            tree_remove(&t, chance(KEYS), mode);
            check_canonical(&t);
        }
        CHECK(t.root->datamap == 0 && t.root->nodemap == 0 && fake_node_count == 1);
        tree_drop(&t);
    }
}

/* ---- chosen shapes ---- */

static void
two_keys_part_where_their_hashes_do(void)
{
    fake_hash = hash_one_bit;
    for (cell k = 1; k < KEYS; k++) {
        tree t = tree_new();
        tree_put(&t, pair_of(k, 0), PERSISTENT);
        tree_put(&t, pair_of(k - 1, 0), PERSISTENT);
        champ_node *n = t.root;
        unsigned level = 0;
        for (; n->datamap == 0; level++) {
            CHECK(bits_count(n->nodemap) == 1);
            n = node_children(n)[0];
        }
        CHECK(bits_count(n->datamap) == 2 && n->nodemap == 0);
        CHECK(level == (unsigned)(k - 1) / CORE_BITS && fake_node_count == level + 1);
        tree_remove(&t, k, PERSISTENT); /* one entry: the whole chain goes */
        CHECK(fake_node_count == 1 && bits_count(t.root->datamap) == 1);
        tree_drop(&t);
    }
}

static void
keys_of_one_hash_stand_below_all_levels(void)
{
    fake_hash = hash_constant;
    tree t = tree_new();
    for (cell k = 0; k < 3; k++)
        tree_put(&t, pair_of(k, k), PERSISTENT);
    CHECK(fake_node_count == HASH_LEVELS + 1);
    champ_node *n = t.root;
    for (unsigned level = 0; level < HASH_LEVELS; level++)
        n = node_children(n)[0];
    CHECK(node_is_collision(n) && layout_of(n).entries == 3);
    tree_remove(&t, 1, PERSISTENT);
    CHECK(fake_node_count == HASH_LEVELS + 1);
    tree_remove(&t, 0, PERSISTENT);
    CHECK(fake_node_count == 1 && bits_count(t.root->datamap) == 1);
    tree_drop(&t);
}

/* A plain node stores only the low half, which 1 and 1 + 2^32 share: the key's hash is computed before the key is
 * compared, which cell_matches() of the fake memory insists on. */
static void
equal_halves_are_not_equal_hashes(void)
{
    fake_hash = hash_low_half_same;
    tree t = tree_new();
    tree_put(&t, pair_of(0, 1), PERSISTENT);
    size_t compared = fake_comparisons;
    probe other = fake_probe(1);
    bool failed = false;
    CHECK(champ_find(t.root, &other, &failed) == NULL && !failed);
    edit put = {PUT, pair_of(1, 2)};
    CHECK(edit_root(&t.root, &put, PERSISTENT) && fake_comparisons == compared);
    model_put(&t.model, put.pair);
    tree_verify(&t);
    tree_drop(&t);
}

/* ---- failing comparisons ---- */

static void
a_failing_comparison_is_told_from_absence(void)
{
    for (unsigned h = 0; h < 2; h++) {
        fake_hash = h ? hash_constant : hash_scattered;
        tree t = tree_new();
        for (cell k = 0; k < 4; k++)
            tree_put(&t, pair_of(k, k), PERSISTENT);
        probe p = fake_probe(2 | FAKE_TWIN);
        for (unsigned n = 1;; n++) {
            bool failed = false;
            fake_fail_comparison_at(n);
            pair *found = champ_find(t.root, &p, &failed);
            bool asked = fake_comparison_failure.happened;
            CHECK(failed == asked && (found != NULL) == !asked);
            champ_path path;
            fake_fail_comparison_at(n);
            CHECK(champ_locate(t.root, &p, &path, false) == (asked ? PLACE_FAILED : PLACE_FOUND));
            if (!fake_failed())
                break;
        }
        tree_drop(&t);
    }
}

/* ---- in place ---- */

static uint64_t
hash_in_three_levels(cell value)
{
    return (value % 4) | (value / 4 % 4) << CORE_BITS | (value / 16) << 2 * CORE_BITS;
}

enum { DEEP_KEY = 16 };

/* A tree of three levels, all its nodes unique: four children each, and three entries around DEEP_KEY. */
static tree
deep_tree(void)
{
    fake_hash = hash_in_three_levels;
    tree t = tree_new();
    for (cell k = 0; k < KEYS; k++)
        tree_put(&t, pair_of(k, 0), PERSISTENT);
    CHECK(fake_node_count == 1 + 4 + 16);
    return t;
}

static void
what_is_unique_is_edited_where_it_is(void)
{
    tree t = deep_tree();
    champ_node *root = t.root;
    tree_put(&t, pair_of(DEEP_KEY, 1), IN_PLACE);
    CHECK(t.root == root);
    tree_remove(&t, DEEP_KEY, IN_PLACE);
    CHECK(t.root == root);
    tree_put(&t, pair_of(DEEP_KEY, 2), IN_PLACE);
    CHECK(t.root == root);
    tree_verify(&t);
    tree_drop(&t);
}

static void
replacing_in_place_allocates_nothing(void)
{
    tree t = deep_tree();
    edit replace = {PUT, pair_of(DEEP_KEY | FAKE_TWIN, 1)};
    fake_fail_at(1);
    CHECK(edit_root(&t.root, &replace, IN_PLACE) && !fake_failed());
    model_put(&t.model, replace.pair);
    tree_verify(&t);
    tree_drop(&t);
}

static void
what_is_shared_is_copied_and_the_rest_is_not(void)
{
    tree t = deep_tree();
    tree version = tree_copy(&t);
    size_t nodes = fake_node_count;
    tree_put(&t, pair_of(DEEP_KEY, 1), IN_PLACE);
    size_t copied = fake_node_count - nodes;
    CHECK(t.root != version.root && copied >= 2 && copied < nodes);
    champ_node *root = t.root;
    tree_put(&t, pair_of(DEEP_KEY, 2), IN_PLACE); /* the copies are ours by now */
    CHECK(t.root == root && fake_node_count == nodes + copied);
    tree_verify(&version);
    tree_verify(&t);
    tree_drop(&version);
    tree_drop(&t);
}

static void
a_general_entry_makes_its_ancestors_general(void)
{
    for (edit_mode mode = PERSISTENT; mode <= IN_PLACE; mode++) {
        tree t = deep_tree();
        tree version = tree_copy(&t);
        CHECK(!node_is_general(t.root));
        tree_put(&t, pair_of(DEEP_KEY | FAKE_GENERAL, FAKE_GENERAL), mode);
        CHECK(node_is_general(t.root) && !node_is_general(version.root));
        tree_verify(&version);
        tree_verify(&t);
        tree_drop(&version);
        champ_node *root = t.root;
        tree_put(&t, pair_of((DEEP_KEY + 1) | FAKE_GENERAL, 1 | FAKE_GENERAL), mode);
        CHECK((t.root == root) == (mode == IN_PLACE)); /* it is general already: it stays where it is */
        tree_verify(&t);
        tree_drop(&t);
    }
}

#endif
