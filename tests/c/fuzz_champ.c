/* Fuzzing the trie: the input is a program over four versions of a map, whose hashes it chooses, against models.
 *
 *     clang -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_BY_LIBFUZZER -DCORE_BITS=2 -Isrc -Itests/c \
 *         tests/c/fuzz_champ.c
 *     ./a.out -max_total_time=60
 *
 * or with any compiler, without the first sanitizer and -DFUZZ_BY_LIBFUZZER: fuzz.h.  -DENTRY_WIDTH=1 fuzzes sets.  Each
 * allocation and each comparison of each step fails once before the step succeeds, the invariants are checked after it,
 * and nothing is alive at the end.
 *
 * What it finds becomes a named test in champ_edit.h, champ_bulk.h, champ_compare.h or champ_walk.h. */
#include "fuzz.h"

#ifndef ENTRY_WIDTH
#define ENTRY_WIDTH 2
#endif

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

#include "champ_compare.h"
#include "champ_walk.h"

/* ---- choosing ---- */

static uint64_t chosen_hashes[KEYS];

static uint64_t
hash_chosen(cell value)
{
    return chosen_hashes[value % KEYS];
}

/* Few values at a time, in any byte of the hash: prefixes, halves and whole hashes agree often. */
static void
choose_hashes(void)
{
    uint64_t pool[4] = {0};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            pool[i] = pool[i] << 8 | next_byte();
    for (unsigned k = 0; k < KEYS; k++) {
        unsigned pick = next_byte();
        uint64_t low = UINT64_MAX >> (pick >> 4) * 4 >> 1;
        chosen_hashes[k] = (pool[pick % 4] & low) | (pool[pick / 4 % 4] & ~low);
    }
    fake_hash = hash_chosen;
}

static cell
next_cell(unsigned values)
{
    unsigned byte = next_byte();
    return byte % values | (byte & 64 ? FAKE_TWIN : 0) | (byte & 128 ? FAKE_GENERAL : 0);
}

/* ---- the steps of a program ---- */

enum { VERSIONS = 4 };

static void
replace(tree *t, tree by)
{
    tree_drop(t);
    *t = by;
}

static void
step_edit(tree *t, unsigned what)
{
    edit_mode mode = what & 1 ? IN_PLACE : PERSISTENT;
    if (what & 2)
        tree_remove(t, next_cell(KEYS), mode);
    else {
        cell key = next_cell(KEYS);
        tree_put(t, pair_of(key, next_cell(4)), mode);
    }
}

static void
step_merge(tree *place, const tree *a, const tree *b)
{
    unsigned policy = next_byte() % POLICIES;
    check_merge(a, b, policy);
    merger m = merger_of(policy, true, true), expected = m;
    tree made = {.model = model_merge(&expected, &a->model, &b->model)};
    made.root = champ_merge(&m, a->root, b->root);
    CHECK(made.root != NULL && m.left_only == expected.left_only && m.right_only == expected.right_only);
    replace(place, made);
}

/* Equality and hash, after each comparison has failed once. */
static void
check_equality(const tree *a, const tree *b)
{
    bool equal = a->model.count == b->model.count;
    for (unsigned k = 0; k < KEYS; k++)
        equal = equal && a->model.has[k] == b->model.has[k]
            && (!a->model.has[k]
                || fake_value(PAIR_VALUE(&a->model.at[k])) == fake_value(PAIR_VALUE(&b->model.at[k])));
    for (unsigned n = 1;; n++) {
        fake_fail_comparison_at(n);
        int found = champ_equal(a->root, b->root);
        bool failed = fake_failed();
        CHECK(found == (failed ? -1 : equal));
        if (!failed)
            break;
    }
    uint64_t hash;
    for (unsigned n = 1; fake_fail_comparison_at(n), champ_item_hash(a->root, &hash) < 0; n++)
        CHECK(fake_failed());
    fake_failed();
    check_item_hash_of(a);
    if (next_byte() & 1) /* or b compares by its cells */
        check_item_hash_of(b);
    CHECK(champ_equal(a->root, b->root) == equal);
}

static void
check_iteration(const tree *t)
{
    model left = t->model;
    pair *seen[KEYS];
    unsigned visited = 0;
    champ_iter it;
    champ_iter_init(&it, t->root);
    for (pair *s; (s = champ_iter_next(&it)) != NULL; seen[visited++] = s) {
        cell k = fake_value(PAIR_KEY(s));
        CHECK(left.has[k] && pairs_identical(s, &left.at[k]));
        CHECK(champ_iter_hash(&it, s) == fake_hash(k));
        left.has[k] = false;
    }
    CHECK(visited == t->model.count && champ_count(t->root) == visited);
    champ_iter_init_back(&it, t->root);
    for (pair *s; (s = champ_iter_prev(&it)) != NULL;)
        CHECK(visited > 0 && s == seen[--visited]);
    CHECK(visited == 0);
}

static void
step_compare(const tree *a, const tree *b)
{
    void (*fail_at)(unsigned) = next_byte() & 1 ? fake_interrupt_at : fake_fail_comparison_at;
    switch (next_byte() % 4) {
    case 0: check_equality(a, b); break;
    case 1: check_diff(a, b, fail_at); break;
    case 2: check_subset(a, b, fail_at); break;
    case 3: check_iteration(a); break;
    }
}

/* The same contents built at once, with some keys twice, after each allocation and each comparison has failed once. */
static void
step_build(tree *place, const tree *a)
{
    pair pairs[2 * KEYS];
    size_t count = model_pairs(&a->model, pairs), own = count, dropped;
    for (unsigned again = own > 0 ? next_byte() % KEYS : 0; again > 0; again--)
        pairs[count++] = pair_of(PAIR_KEY(&pairs[next_byte() % own]) ^ FAKE_TWIN, next_cell(4));
    void (*const fail_at[])(unsigned) = {fake_fail_at, fake_fail_comparison_at};
    for (unsigned kind = 0; kind < 2; kind++) {
        tree made = {.model = a->model};
        census before = census_now();
        for (unsigned n = 1; made.root == NULL; n++) {
            fail_at[kind](n);
            made.root = build_from(pairs, count, &dropped);
            CHECK(fake_failed() == (made.root == NULL));
            if (made.root == NULL)
                check_census(before);
        }
        CHECK(dropped == count - own && same_shape(a->root, made.root));
        if (kind == 0)
            tree_drop(&made);
        else
            replace(place, made);
    }
}

static void
step(tree *version)
{
    unsigned what = next_byte();
    tree *a = &version[what % VERSIONS], *b = &version[what / VERSIONS % VERSIONS];
    switch (what >> 4) {
    default: step_edit(a, what >> 4); break;
    case 10: replace(a, tree_copy(b)); break;
    case 11: case 12: step_merge(a, a, b); break;
    case 13: step_merge(a, b, a); break;
    case 14: step_compare(a, b); break;
    case 15: step_build(a, b); break;
    }
    tree_verify(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tree version[VERSIONS];
    input_begin(data, size);
    chance_state = size;
    choose_hashes();
    for (unsigned i = 0; i < VERSIONS; i++)
        version[i] = tree_new();
    while (input_is_left())
        step(version);
    for (unsigned i = 0; i < VERSIONS; i++) {
        tree_verify(&version[i]);
        tree_drop(&version[i]);
    }
    fake_check_no_leak();
    return 0;
}
