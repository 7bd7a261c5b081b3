/* What the tests of the trie share: hashes that choose the shape of a tree, a model that says what is in it, and edits
 * during which every allocation fails once.
 *
 * Each body of tests (champ_edit.h, champ_bulk.h, champ_compare.h, champ_walk.h) is compiled twice: with ENTRY_WIDTH 2 by
 * test_champ_map.c, and 1 by test_champ_set.c. */
#ifndef FROZEN_TESTS_CHAMP_MODEL_H
#define FROZEN_TESTS_CHAMP_MODEL_H

#include "fake_memory.h"

#include "trees/champ/build.inc.h"
#include "trees/champ/check.inc.h"

static memory mem;

/* ---- chance, the same in every run ---- */

static uint64_t chance_state = 1;

static unsigned
chance(unsigned below)
{
    chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((chance_state >> 33) % below);
}

/* ---- hashes ---- */

static uint64_t hash_scattered(cell value) { return fake_scrambled_hash(value); }
static uint64_t hash_dense(cell value) { return value; }
static uint64_t hash_constant(cell value) { (void)value; return UINT64_C(0x8123456789ABCDEF); }
/* 16 hashes that part in the last level only */
static uint64_t hash_late(cell value) { return (uint64_t)value << 60 | 0xABCDE; }
/* plain nodes store the same low half for all */
static uint64_t hash_low_half_same(cell value) { return (uint64_t)value << 32 | 1; }
/* 1 and 1 + 2^32, 2 and 2 + 2^32, ... */
static uint64_t hash_twin_halves(cell value) { return ((uint64_t)value >> 1) + 1 + ((uint64_t)(value & 1) << 32); }
/* each value parts from the greater ones in another bit: the longest chains */
static uint64_t hash_one_bit(cell value) { return UINT64_C(1) << (value % 64); }
static uint64_t hash_mixed(cell value) { return value % 3 ? fake_scrambled_hash(value) : UINT64_MAX; }

/* how often the hash of a plain key was computed again */
static size_t hash_calls;
MAYBE_UNUSED static uint64_t hash_counted(cell value) { hash_calls++; return fake_scrambled_hash(value); }

static uint64_t (*const all_hashes[])(cell) = {
    hash_scattered, hash_dense,       hash_constant, hash_late,
    hash_low_half_same, hash_twin_halves, hash_one_bit,  hash_mixed,
};
#define HASHES (sizeof all_hashes / sizeof *all_hashes)

MAYBE_UNUSED static void
for_each_hash(void (*test)(void))
{
    for (unsigned i = 0; i < HASHES; i++) {
        fake_hash = all_hashes[i];
        chance_state = i + 1;
        test();
        fake_check_no_leak();
    }
    fake_hash = fake_scrambled_hash;
}

/* ---- pairs ---- */

static pair
pair_of(cell key, cell value)
{
    pair s;
    s.cells[ENTRY_WIDTH - 1] = value;
    s.cells[0] = key;
    return s;
}

static entry
entry_of(pair s)
{
    return (entry){fake_hash(fake_value(PAIR_KEY(&s))), s};
}

/* One of the four cells that are equal to `value`. */
static cell
some_cell(cell value, unsigned general_percent)
{
    return value | (chance(4) == 0 ? FAKE_TWIN : 0) | (chance(100) < general_percent ? FAKE_GENERAL : 0);
}

/* ---- the model: what is in a tree, by the value of the key ---- */

enum { KEYS = 44 };

typedef struct {
    bool has[KEYS];
    pair at[KEYS];
    size_t count;
} model;

static pair
some_pair(unsigned general_percent)
{
    return pair_of(some_cell(chance(KEYS), general_percent), some_cell(chance(5), general_percent));
}

/* A key that is there stays and gets the new value; a set's value is its key. */
static void
model_put(model *m, pair s)
{
    cell k = fake_value(PAIR_KEY(&s));
    if (m->has[k])
        PAIR_VALUE(&m->at[k]) = PAIR_VALUE(&s);
    else
        m->at[k] = s;
    m->count += !m->has[k];
    m->has[k] = true;
}

static void
model_remove(model *m, cell key)
{
    m->count -= m->has[fake_value(key)];
    m->has[fake_value(key)] = false;
}

MAYBE_UNUSED static bool
models_identical(const model *a, const model *b)
{
    for (unsigned k = 0; k < KEYS; k++)
        if (a->has[k] != b->has[k] || (a->has[k] && !pairs_identical(&a->at[k], &b->at[k])))
            return false;
    return true;
}

/* ---- trees, each with the model of what it holds ---- */

typedef struct {
    champ_node *root;
    model model;
} tree;

MAYBE_UNUSED static tree
tree_new(void)
{
    tree t = {.root = champ_empty(&mem)};
    CHECK(t.root != NULL);
    return t;
}

static tree
tree_copy(const tree *t)
{
    node_retain(t->root);
    return *t;
}

static void
tree_drop(tree *t)
{
    node_release(t->root);
    t->root = NULL;
}

static void
check_nodes(champ_node *n)
{
    fake_check_node(n);
    layout v = layout_of(n);
    for (unsigned i = 0; i < v.children; i++)
        check_nodes(v.child[i]);
}

/* The invariants hold, and each key of the model is found by every cell that is equal to it, others are not. */
static void
tree_verify(const tree *t)
{
    const char *broken = champ_check(t->root, t->model.count);
    if (broken != NULL)
        fake_die(broken, __FILE__, __LINE__);
    check_nodes(t->root);
    for (cell k = 0; k < KEYS; k++) {
        probe p = fake_probe(some_cell(k, 50));
        bool failed = false;
        pair *found = champ_find(t->root, &p, &failed);
        CHECK(!failed && (found != NULL) == t->model.has[k]);
        CHECK(found == NULL || pairs_identical(found, &t->model.at[k]));
    }
}

MAYBE_UNUSED static bool
same_shape(champ_node *x, champ_node *y)
{
    layout a = layout_of(x), b = layout_of(y);
    bool same = x->datamap == y->datamap && x->nodemap == y->nodemap;
    for (unsigned i = 0; same && i < a.children; i++)
        same = same_shape(a.child[i], b.child[i]);
    return same;
}

/* ---- failing allocations ---- */

/* How much lives: after a failure nothing new may be left behind. */
typedef struct { size_t nodes, cells, scratch; } census;

static census
census_now(void)
{
    return (census){fake_node_count, fake_cell_references, fake_scratch_count};
}

static void
check_census(census before)
{
    CHECK(fake_node_count == before.nodes);
    CHECK(fake_cell_references == before.cells);
    CHECK(fake_scratch_count == before.scratch);
}

/* ---- edits ---- */

/* IN_PLACE: as a mutation does it, what nobody else can reach is edited where it is. */
typedef enum { PERSISTENT, IN_PLACE } edit_mode;

typedef struct {
    enum { PUT, REMOVE } verb;
    pair pair; /* REMOVE: its key */
} edit;

/* false: an allocation failed. */
static bool
edit_root(champ_node **root, const edit *e, edit_mode mode)
{
    entry in = entry_of(e->pair);
    probe p = fake_probe(PAIR_KEY(&e->pair));
    champ_path path;
    place where = champ_locate(*root, &p, &path, chance(2));
    CHECK(where != PLACE_FAILED);
    if (e->verb == REMOVE && where != PLACE_FOUND)
        return true;
    unsigned own = mode == IN_PLACE ? champ_owned(&path, e->verb == PUT && pair_is_general(&in.pair)) : 0;
    deferred left = {0};
    champ_node *n = e->verb == PUT ? champ_put(&mem, &path, where, &in, own, &left)
                                   : champ_remove(&mem, &path, own, &left);
    if (n == NULL) {
        CHECK(left.node == NULL && left.cells == 0);
        return false;
    }
    if (own == 0)
        node_release(*root);
    *root = n;
    deferred_release(&left);
    return true;
}

/* Apply one edit, after each of its allocations has failed once and left the tree as it was. */
static void
tree_edit(tree *t, edit e, edit_mode mode)
{
    census before = census_now();
    for (unsigned n = 1;; n++) {
        fake_fail_at(n);
        bool done = edit_root(&t->root, &e, mode);
        if (!fake_failed()) {
            CHECK(done);
            break;
        }
        CHECK(!done);
        check_census(before);
        tree_verify(t);
    }
    if (e.verb == PUT)
        model_put(&t->model, e.pair);
    else
        model_remove(&t->model, PAIR_KEY(&e.pair));
}

static void
tree_put(tree *t, pair s, edit_mode mode)
{
    tree_edit(t, (edit){PUT, s}, mode);
}

static void
tree_remove(tree *t, cell key, edit_mode mode)
{
    tree_edit(t, (edit){REMOVE, pair_of(key, key)}, mode);
}

/* ---- bulk ---- */

/* A tree of `count` pairs, whose keys are distinct unless `dropped` is asked for; NULL: an allocation or a comparison
 * failed. */
static champ_node *
build_from(const pair *pairs, size_t count, size_t *dropped)
{
    entry *items = malloc((count + 1) * sizeof(entry)), *spare = malloc((count + 1) * sizeof(entry));
    CHECK(items != NULL && spare != NULL);
    builder b = {.mem = &mem, .any_equal = dropped != NULL};
    for (size_t i = 0; i < count; i++) {
        items[i] = entry_of(pairs[i]);
        pair_retain(&pairs[i]);
        b.any_general |= pair_is_general(&pairs[i]);
    }
    champ_node *root = champ_build(&b, items, spare, count, 0);
    free(items);
    free(spare);
    if (dropped != NULL)
        *dropped = b.dropped;
    return root;
}

static champ_node *
build_root(const pair *pairs, size_t count)
{
    return build_from(pairs, count, NULL);
}

/* The model's entries in random order. */
static size_t
model_pairs(const model *m, pair *pairs)
{
    size_t count = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        if (!m->has[k])
            continue;
        pairs[count++] = m->at[k];
        pair *other = &pairs[chance((unsigned)count)];
        pairs[count - 1] = *other;
        *other = m->at[k];
    }
    CHECK(count == m->count);
    return count;
}

/* A tree that shares nothing. */
static tree
tree_of(const model *m)
{
    pair pairs[KEYS];
    size_t count = model_pairs(m, pairs);
    tree t = {.model = *m, .root = build_root(pairs, count)};
    CHECK(t.root != NULL);
    return t;
}

MAYBE_UNUSED static model
some_model(unsigned count, unsigned general_percent)
{
    model m = {.count = 0};
    while (m.count < count)
        model_put(&m, some_pair(general_percent));
    return m;
}

#endif
