/* Fuzzing the trie with clang's libFuzzer: the input is a program over four versions of a map, whose hash it chooses.
 *
 *     clang -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -DCORE_BITS=2 -Isrc -Itests/c tests/c/fuzz_champ.c
 *     ./a.out -max_total_time=60
 *
 * What it finds becomes a named test in champ_edit.h, champ_bulk.h or champ_walk.h. */
#define ENTRY_WIDTH 2
#include "champ_model.h"

#include "core/champ_merge.h"

/* ---- the input, a byte at a time; zeros when it is used up ---- */

static const uint8_t *input, *input_end;

static unsigned
next_byte(void)
{
    return input < input_end ? *input++ : 0;
}

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

/* ---- the program ---- */

enum { VERSIONS = 4 };

static void
replace(tree *t, tree by)
{
    tree_drop(t);
    *t = by;
}

static void
fuzz_edit(tree *t, unsigned what)
{
    edit_mode mode = what & 1 ? IN_PLACE : PERSISTENT;
    if (what & 2)
        tree_remove(t, next_cell(KEYS), mode);
    else {
        cell key = next_cell(KEYS);
        tree_put(t, slot_of(key, next_cell(4)), mode);
    }
}

static int
take_right(void *context, cell left, cell right, cell *value)
{
    (void)context, (void)left;
    cell_retain(*value = right);
    return 0;
}

static tree
fuzz_merge(const tree *a, const tree *b, unsigned policy)
{
    merger m = {.mem = &mem, .keep_left = policy & 1, .keep_right = (policy & 2) != 0, .both = policy / 4 % 4,
                .resolve = take_right, .count_left = true, .count_right = true};
    tree result = {.root = champ_merge(&m, a->root, b->root)};
    size_t left_only = 0, right_only = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        bool left = a->model.has[k], right = b->model.has[k];
        left_only += left && !right;
        right_only += right && !left;
        if (left && right ? m.both == BOTH_DROP : !(left && m.keep_left) && !(right && m.keep_right))
            continue;
        if (left)
            model_put(&result.model, a->model.at[k]);
        if (right && (!left || m.both >= BOTH_RIGHT))
            model_put(&result.model, b->model.at[k]);
    }
    if (models_identical(&result.model, &a->model) && a->root != b->root)
        CHECK(result.root == a->root);
    else if (models_identical(&result.model, &b->model) && a->root != b->root)
        CHECK(result.root == b->root);
    CHECK(m.left_only == left_only && m.right_only == right_only);
    return result;
}

static void
fuzz_compare(const tree *a, const tree *b)
{
    bool equal = a->model.count == b->model.count;
    for (unsigned k = 0; k < KEYS; k++)
        equal = equal && a->model.has[k] == b->model.has[k]
            && (!a->model.has[k] || cell_equal(SLOT_VALUE(&a->model.at[k]), SLOT_VALUE(&b->model.at[k])));
    uint64_t hash_a, hash_b;
    CHECK(champ_equal(a->root, b->root) == equal);
    CHECK(champ_item_hash(a->root, &hash_a) == 0 && champ_item_hash(b->root, &hash_b) == 0);
    CHECK(!equal || hash_a == hash_b);
}

static void
fuzz_rebuild(tree *a, const tree *b)
{
    replace(a, tree_of(&b->model));
    CHECK(same_shape(a->root, b->root) && champ_equal(a->root, b->root) == 1);
}

static void
fuzz_step(tree *version)
{
    unsigned what = next_byte();
    tree *a = &version[what % VERSIONS], *b = &version[what / VERSIONS % VERSIONS];
    switch (what >> 4) {
    default: fuzz_edit(a, what >> 4); break;
    case 10: case 11: replace(a, tree_copy(b)); break;
    case 12: replace(a, fuzz_merge(a, b, next_byte())); break;
    case 13: replace(a, fuzz_merge(b, a, next_byte())); break;
    case 14: fuzz_compare(a, b); break;
    case 15: fuzz_rebuild(a, b); break;
    }
    tree_verify(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tree version[VERSIONS];
    input = data;
    input_end = data + size;
    chance_state = size;
    choose_hashes();
    for (unsigned i = 0; i < VERSIONS; i++)
        version[i] = tree_new();
    while (input < input_end)
        fuzz_step(version);
    for (unsigned i = 0; i < VERSIONS; i++) {
        tree_verify(&version[i]);
        tree_drop(&version[i]);
    }
    fake_check_no_leak();
    return 0;
}
