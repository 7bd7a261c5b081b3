/* Walking a whole tree: iteration, hash, equality, and the check of the invariants. */
#ifndef FROZEN_TESTS_CHAMP_WALK_H
#define FROZEN_TESTS_CHAMP_WALK_H

#include "champ_bulk.h"
#include "champ_edit.h"

/* ---- iterate ---- */

static void
iteration_visits_each_entry_once(void)
{
    for (unsigned count = 0; count <= KEYS; count += count % 4 + 1) {
        model m = some_model(count, 10);
        tree t = tree_of(&m);
        pair *seen[KEYS];
        unsigned visited = 0;
        champ_iter it;
        champ_iter_init(&it, t.root);
        for (pair *s; (s = champ_iter_next(&it)) != NULL; seen[visited++] = s) {
            cell k = fake_value(PAIR_KEY(s));
            CHECK(visited < count && m.has[k] && pairs_identical(s, &m.at[k]));
            CHECK(champ_iter_hash(&it, s) == fake_hash(k));
            m.has[k] = false;
        }
        CHECK(visited == count && champ_iter_next(&it) == NULL);
        CHECK(champ_count(t.root) == count);
        champ_iter_init_back(&it, t.root);
        for (pair *s; (s = champ_iter_prev(&it)) != NULL;)
            CHECK(visited > 0 && s == seen[--visited]);
        CHECK(visited == 0 && champ_iter_prev(&it) == NULL);
        tree_drop(&t);
    }
}

/* ---- hash ---- */

static uint64_t
hash_of(champ_node *root, size_t count)
{
    uint64_t shares;
    CHECK(champ_item_hash(root, &shares) == 1);
    return frozenset_hash(shares, count);
}

/* What CPython computes: hash(frozenset((i, i % 5) for i in range(count))), for sets hash(frozenset(range(count))). */
static const struct { size_t count; uint64_t hash; } known[] = {
#if ENTRY_WIDTH > 1
    {0, 0x00007918A246F6F8}, {1, 0x38FD08C19B6A69F1}, {2, 0xB58BECFD617CFEE5},
    {3, 0xB8AAEC07F731DD4A}, {10, 0x7AA0923169BAE702}, {40, 0x64925E3F99EBC938},
#else
    {0, 0x00007918A246F6F8}, {1, 0xDA78941D72DF8A7E}, {2, 0x7CE82DE3FB989F49},
    {3, 0xBCB0FE57665EC946}, {10, 0x360DEE61F9A818F8}, {40, 0x044395F639A1F3B6},
#endif
};

static void
the_hash_is_that_of_a_frozenset(void)
{
    pair pairs[KEYS];
    fake_hash = hash_dense; /* small integers are their own hash */
    for (cell i = 0; i < KEYS; i++)
        pairs[i] = pair_of(i, i % 5);
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        champ_node *root = build_root(pairs, known[i].count);
        CHECK(hash_of(root, known[i].count) == known[i].hash);
        node_release(root);
    }
}

/* -1 says "failed" in CPython, so no hash is. */
static void
no_hash_is_minus_one(void)
{
    CHECK(pair_hash(1, 0x2E2E567E5FE2BF66) == 1546275796);
    CHECK(frozenset_hash(member_hash(0xE21FC05DF3933D0D), 1) == 590923713);
}

static uint64_t
naive_item_hash(const model *m)
{
    uint64_t shares = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        if (!m->has[k])
            continue;
        uint64_t hash = fake_hash(k);
        if (ENTRY_WIDTH > 1)
            hash = pair_hash(hash, fake_hash(fake_value(PAIR_VALUE(&m->at[k]))));
        shares ^= member_hash(hash);
    }
    return shares;
}

static void
check_item_hash_of(const tree *t)
{
    uint64_t shares;
    CHECK(champ_item_hash(t->root, &shares) == 1 && shares == naive_item_hash(&t->model));
}

static void
no_edit_leaves_a_stale_hash(void)
{
    for (edit_mode mode = PERSISTENT; mode <= IN_PLACE; mode++) {
        model m = some_model(KEYS / 2, 5);
        tree t = tree_of(&m);
        for (unsigned step = 0; step < 150; step++) {
            tree version = tree_copy(&t);
            if (chance(2)) /* or else it is edited in place */
                tree_drop(&version);
            check_item_hash_of(&t);
            tree_edit(&t, (edit){chance(2) ? PUT : REMOVE, some_pair(5)}, mode);
            check_item_hash_of(&t);
            if (version.root != NULL) {
                check_item_hash_of(&version);
                tree_drop(&version);
            }
        }
        tree_drop(&t);
    }
}

/* ... and nothing half done is kept. */
static void
a_value_without_hash_fails_the_whole(void)
{
    if (ENTRY_WIDTH == 1)
        return;
    model m = some_model(KEYS / 2, 10);
    tree t = tree_of(&m);
    for (unsigned n = 1;; n++) {
        uint64_t shares;
        fake_fail_comparison_at(n);
        int status = champ_item_hash(t.root, &shares);
        bool failed = fake_failed();
        CHECK(status == (failed ? -1 : 1));
        if (!failed)
            break;
    }
    check_item_hash_of(&t);
    tree_drop(&t);
}

static void
a_known_hash_is_not_computed_again(void)
{
    fake_hash = hash_counted;
    model m = some_model(KEYS, 0);
    tree t = tree_of(&m);
    check_item_hash_of(&t);
    uint64_t shares;
    hash_calls = 0;
    CHECK(t.root->nodemap != 0 && champ_item_hash(t.root, &shares) == 1 && hash_calls == 0);
    tree_drop(&t);
}

/* ---- equality ---- */

static void
check_equal(const tree *a, const tree *b, int expected)
{
    CHECK(champ_equal(a->root, b->root) == expected);
    CHECK(champ_equal(b->root, a->root) == expected);
}

/* Equal, and no cell nor any node's kind need be the same. */
static model
respelled(const model *m, unsigned general_percent)
{
    model result = *m;
    for (unsigned k = 0; k < KEYS; k++)
        if (m->has[k])
            result.at[k] = pair_of(some_cell(k, general_percent),
                                   some_cell(fake_value(PAIR_VALUE(&m->at[k])), general_percent));
    return result;
}

static void
equality_follows_from_contents(void)
{
    for (unsigned round = 0; round < 40; round++) {
        unsigned general_percent = round % 3 ? 0 : 20;
        model m = some_model(chance(KEYS) + 1, general_percent), equal = respelled(&m, round % 2 ? 0 : 30);
        tree a = tree_of(&m), b = tree_of(&equal);
        if (chance(2))
            hash_of(a.root, m.count);
        if (chance(2))
            hash_of(b.root, m.count);
        check_equal(&a, &a, 1);
        check_equal(&a, &b, 1);
        cell k;
        do
            k = chance(KEYS);
        while (!m.has[k]);
        tree c = tree_copy(&b);
        tree_remove(&c, k, PERSISTENT);
        check_equal(&a, &c, 0);
        tree_put(&c, b.model.at[k], PERSISTENT);
        check_equal(&a, &c, 1);
        if (ENTRY_WIDTH > 1) {
            tree_put(&c, pair_of(k, some_cell(9, 0)), PERSISTENT);
            check_equal(&a, &c, 0);
        }
        tree_drop(&a);
        tree_drop(&b);
        tree_drop(&c);
    }
}

/* The same number of keys, in trees of the same shape if hashes collide. */
static void
one_other_key_is_not_equal(void)
{
    for (unsigned round = 0; round < 20; round++) {
        model m = some_model(chance(KEYS - 1) + 1, 0), other = m;
        cell gone, come;
        do
            gone = chance(KEYS);
        while (!m.has[gone]);
        do
            come = chance(KEYS);
        while (m.has[come]);
        model_remove(&other, gone);
        model_put(&other, pair_of(come, PAIR_VALUE(&m.at[gone])));
        tree a = tree_of(&m), b = tree_of(&other);
        check_equal(&a, &b, 0);
        tree_drop(&a);
        tree_drop(&b);
    }
}

static void
a_failing_comparison_fails_equality(void)
{
    for (unsigned general_percent = 0; general_percent < 100; general_percent += 50) {
        model m = some_model(KEYS / 2, general_percent), other = respelled(&m, 0);
        tree a = tree_of(&m), b = tree_of(&other);
        for (unsigned n = 1;; n++) {
            fake_fail_comparison_at(n);
            fake_interrupt_at(2 * n);
            int equal = champ_equal(a.root, b.root);
            if (!fake_failed()) {
                CHECK(equal == 1);
                break;
            }
            CHECK(equal == -1);
        }
        tree_drop(&a);
        tree_drop(&b);
    }
}

static void
equality_skips_what_is_shared_and_what_hashes_tell(void)
{
    enum { COUNT = 5000 };
    fake_hash = hash_counted;
    champ_node *a = large_tree(COUNT), *b = a;
    node_retain(b);
    edit put = {PUT, pair_of(77 | FAKE_TWIN, 1)}, put_back = {PUT, pair_of(77, 0)};
    CHECK(edit_root(&b, &put, PERSISTENT));
    if (ENTRY_WIDTH > 1) {
        hash_of(a, COUNT);
        hash_of(b, COUNT);
        size_t compared = fake_comparisons;
        CHECK(champ_equal(a, b) == 0 && fake_comparisons == compared);
    }
    CHECK(edit_root(&b, &put_back, PERSISTENT));
    hash_calls = 0;
    CHECK(a != b && champ_equal(a, b) == 1 && hash_calls <= 8 * 2 * BRANCHES);
    node_release(a);
    node_release(b);
}

/* ---- the check itself: it finds what it is there to find ---- */

static void
expect_broken(champ_node *root, size_t count, const char *invariant)
{
    const char *broken = champ_check(root, count);
    CHECK(broken != NULL && strncmp(broken, invariant, 2) == 0);
}

/* The way down to the node of one key. */
static champ_path
path_to(champ_node *root, cell key)
{
    champ_path path;
    probe p = fake_probe(key);
    CHECK(champ_locate(root, &p, &path, false) == PLACE_FOUND);
    return path;
}

static void
the_check_finds_broken_bitmaps(void)
{
    tree t = deep_tree();
    champ_node *n = t.root, *child = node_children(n)[0];
    expect_broken(n, t.model.count + 1, "I7");
    n->datamap |= n->nodemap & 1;
    expect_broken(n, t.model.count, "I1");
    n->datamap = 0;
    if (CORE_BITS < 5) {
        n->nodemap <<= BRANCHES - 3; /* as many children, the last one digit too far */
        expect_broken(n, t.model.count, "I1");
        n->nodemap >>= BRANCHES - 3;
    }
    node_children(n)[0] = champ_empty(&mem);
    expect_broken(n, t.model.count, "I4");
    node_release(node_children(n)[0]);
    node_children(n)[0] = child;
    tree_verify(&t);
    tree_drop(&t);
}

static void
the_check_finds_entries_out_of_place(void)
{
    tree t = deep_tree();
    champ_path path = path_to(t.root, DEEP_KEY);
    layout v = layout_of(path.node[path.depth]);
    pair first = v.pair[0];
    v.pair[0] = v.pair[1];
    expect_broken(t.root, t.model.count, "I2");
    v.pair[0] = first;
    store_hash(&v, 0, ~full_hash(&v, 0));
    expect_broken(t.root, t.model.count, "I3");
    store_hash(&v, 0, full_hash(&v, 0));
    tree_verify(&t);
    tree_drop(&t);
}

static void
the_check_finds_broken_collisions(void)
{
    fake_hash = hash_constant;
    tree t = tree_new();
    for (cell k = 0; k < 3; k++)
        tree_put(&t, pair_of(k | FAKE_GENERAL, k), PERSISTENT);
    champ_node *n = path_to(t.root, 0).node[HASH_LEVELS];
    layout v = layout_of(n);
    uint64_t hash = full_hash(&v, 2);
    store_hash(&v, 2, hash ^ 1);
    expect_broken(t.root, 3, "I5");
    store_hash(&v, 2, hash);
    n->datamap = 1;
    expect_broken(t.root, 1, "I5");
    n->nodemap = 0;
    expect_broken(t.root, 1, "I5");
    n->datamap = 3, n->nodemap = COLLISION_NODEMAP;
    tree_verify(&t);
    tree_drop(&t);
}

static void
the_check_finds_what_a_plain_node_may_not_hold(void)
{
    for (unsigned h = 0; h < 2; h++) {
        fake_hash = h ? hash_constant : hash_in_three_levels;
        model m = some_model(KEYS, 0), general = respelled(&m, 100);
        tree t = tree_of(&m), other = tree_of(&general);
        champ_node **child = node_children(t.root), *own = *child;
        *child = *node_children(other.root);
        expect_broken(t.root, KEYS, "I6");
        *child = own;
        if (ENTRY_WIDTH > 1) {
            champ_path path = path_to(t.root, DEEP_KEY);
            cell *value = &PAIR_VALUE(path.found), kept = *value;
            *value |= FAKE_GENERAL;
            expect_broken(t.root, KEYS, "I6");
            *value = kept;
        }
        tree_verify(&t);
        tree_drop(&t);
        tree_drop(&other);
    }
}

static void
the_check_finds_a_stale_hash(void)
{
    tree t = deep_tree();
    hash_of(t.root, t.model.count);
    layout root = layout_of(t.root), below = layout_of(root.child[0]);
    for (unsigned deep = 0; deep < 2; deep++) {
        _Atomic(uint64_t) *cache = item_hash_cache(deep ? &below : &root);
        *cache ^= 1;
        expect_broken(t.root, t.model.count, "I8");
        *cache = 0;
        hash_of(t.root, t.model.count);
    }
    tree_verify(&t);
    tree_drop(&t);
}

#endif
