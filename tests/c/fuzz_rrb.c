/* Fuzzing the RRB tree: the input is a program over six vectors of any length up to 2^63 - 1, against ropes (rrb_rope.h).
 *
 *     clang -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_BY_LIBFUZZER -DCORE_BITS=2 -Isrc -Itests/c \
 *         tests/c/fuzz_rrb.c
 *     ./a.out -max_total_time=60
 *
 * or with any compiler, without the first sanitizer and -DFUZZ_BY_LIBFUZZER: fuzz.h.  Both CORE_BITS=2, where a short
 * input makes tall trees, and 5, the real one, whose tallest trees are made by thin_out().  Each allocation of each step
 * fails once before the step succeeds, the invariants are checked after it, and nothing is alive at the end.
 *
 * What it finds becomes a named test in test_rrb.c. */
#include "fuzz.h"
#include "rrb_rope.h"

/* Giants share their nodes: a node that was found sound in one place, with one count, need not be walked again. */
static bool known_to_be_sound(const void *node, size_t count, bool first, bool last);
#define RRB_KNOWN_TO_BE_SOUND(tree, first, last) known_to_be_sound((tree).node, (tree).count, first, last)

#include "trees/rrb/check.inc.h"
#include "trees/rrb/concat.inc.h"
#include "trees/rrb/iter.inc.h"
#include "trees/rrb/mutate.inc.h"

#pragma GCC diagnostic ignored "-Wunused-function"

static memory mem;

enum { VECTORS = 6, SMALL = 700, LONG = 4096 };
#define COUNT_MAX (SIZE_MAX / 2)

typedef struct {
    rrb v;
    const rope *holds;
} vector;

static vector vectors[VECTORS];

/* ---- the invariants ---- */

typedef struct { const void *node; size_t count; bool first, last; } soundness;
enum { SOUND = 1 << 15 };
static soundness sound[SOUND];
static unsigned sound_count;

static bool
known_to_be_sound(const void *node, size_t count, bool first, bool last)
{
    soundness this = {.node = node, .count = count, .first = first, .last = last};
    size_t mixed = ((uintptr_t)node >> 4) * 0x9E3779B97F4A7C15u + count * 0xC2B2AE3D27D4EB4Fu + first * 2u + last;
    for (size_t at = mixed >> 40;; at++) {
        soundness *known = &sound[at % SOUND];
        if (known->node == node && known->count == count && known->first == first && known->last == last)
            return true;
        if (known->node == NULL) {
            if (sound_count < SOUND / 2) {
                *known = this;
                sound_count++;
            }
            return false; /* it is checked next; what is unsound ends the program */
        }
    }
}

static void
check_sound(rrb v)
{
    if (sound_count > 0)
        memset(sound, 0, sizeof sound);
    sound_count = 0;
    const char *broken = rrb_check(v);
    if (broken != NULL)
        fake_die(broken, __FILE__, __LINE__);
}

static void
check_all_nodes(void)
{
    for (fake_head *head = fake_nodes.next; head != &fake_nodes; head = head->next)
        fake_check_node(head);
}

/* ---- choosing: numbers, cells, indices ---- */

static size_t
next_number(unsigned bytes)
{
    size_t n = 0;
    while (bytes-- > 0)
        n = n << 8 | next_byte();
    return n;
}

static cell
next_cell(void)
{
    return counted_cell(next_number(2));
}

/* Where some child of some node on a path from the root begins.  The path goes to any child, or from some level on to
 * the last one, or the first. */
static size_t
index_of_a_seam(rrb v)
{
    const rrb_top *top = rrb_top_of(v.root);
    if (top == NULL)
        return 0;
    size_t index = 0;
    rrb_tree tree = {top->tree, top->tree_count};
    unsigned how = next_byte(), turns = how % 4 == 0 ? RRB_HEIGHTS : how / 4 % 8, end = next_byte();
    for (; tree.node->height > 0; turns -= turns > 0) {
        unsigned last = tree.node->length - 1u, slot = end & 1 ? last : 0;
        if (turns > 0) {
            unsigned byte = next_byte();
            slot = byte < 64 ? 0 : byte < 128 ? last : byte % tree.node->length;
        }
        index += inner_offset(tree.node, slot);
        tree = tree_child(tree, slot);
        if (end >> 1 == tree.node->height + 1u)
            break;
    }
    return index;
}

/* An index up to and including `count`, where things happen: the ends, the tail, the seams between nodes. */
static size_t
next_index(rrb v)
{
    unsigned how = next_byte();
    size_t index = 0, near = how >> 4;
    switch (how % 8) {
    case 0: index = near; break;
    case 1: index = v.count - near; break;
    case 2: index = v.count - rrb_tail(v).count + near - 8; break;
    case 3: index = next_number(8); break;
    case 4: index = next_number(2); break;
    case 5: index = ((size_t)1 << next_byte() % 64) + near - 8; break;
    default: index = index_of_a_seam(v) + near - 8; break;
    }
    return v.count == SIZE_MAX ? index : index % (v.count + 1);
}

/* ---- what a vector holds is what its rope says ---- */

static void
check_cells_from(const vector *a, size_t from, size_t count)
{
    rrb_cursor cursor;
    const cell *cells;
    cursor_init(&cursor, a->v, from);
    for (unsigned n; count > 0 && (n = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, n)) {
        n = n < count ? n : (unsigned)count;
        for (unsigned i = 0; i < n; i++)
            CHECK(cells[i] == rope_get(a->holds, from + i));
        from += n, count -= n;
    }
    CHECK(count == 0 || from == a->v.count);
}

static void
check_cell(const vector *a, size_t index)
{
    if (index < a->v.count)
        CHECK(rrb_get(a->v.root, index) == rope_get(a->holds, index));
}

static void
check_vector(const vector *a)
{
    size_t count = a->v.count;
    CHECK(count == a->holds->count);
    check_sound(a->v);
    if (count <= SMALL) {
        for (size_t i = 0; i < count; i++)
            check_cell(a, i);
        check_cells_from(a, 0, count);
        return;
    }
    for (size_t i = 0; i < 2 * BRANCHES; i++) {
        check_cell(a, i);
        check_cell(a, count - 1 - i);
        size_t seam = index_of_a_seam(a->v);
        check_cell(a, seam);
        check_cell(a, seam - 1);
    }
    check_cells_from(a, index_of_a_seam(a->v), 3 * BRANCHES);
    check_cells_from(a, count - 2 * BRANCHES, 3 * BRANCHES);
}

/* ---- one operation, after each of its allocations has failed ---- */

typedef struct { size_t i, j; cell c; rrb other; const cell *cells; size_t length; } arguments;
typedef bool (*operation)(rrb v, const arguments *a, rrb *result);

static bool run_push(rrb v, const arguments *a, rrb *result) { return rrb_push(&mem, v, a->c, result); }
static bool run_set(rrb v, const arguments *a, rrb *result) { return rrb_set(&mem, v, a->i, a->c, result); }
static bool run_take(rrb v, const arguments *a, rrb *result) { return rrb_take(&mem, v, a->i, result); }
static bool run_drop(rrb v, const arguments *a, rrb *result) { return rrb_drop(&mem, v, a->i, result); }
static bool run_concat(rrb v, const arguments *a, rrb *result) { return rrb_concat(&mem, v, a->other, result); }
static bool run_repeat(rrb v, const arguments *a, rrb *result) { return rrb_repeat(&mem, v, a->i, result); }

static bool
run_splice(rrb v, const arguments *a, rrb *result)
{
    return rrb_splice(&mem, v, a->i, a->j, a->other, result);
}

static bool
run_extend(rrb v, const arguments *a, rrb *result)
{
    rrb_builder builder;
    if (!builder_begin_behind(&builder, &mem, v))
        return false;
    for (size_t i = 0; i < a->length; i++) {
        cell_retain(a->cells[i]);
        if (!builder_push(&builder, a->cells[i])) {
            builder_abandon(&builder);
            return false;
        }
    }
    CHECK(builder_count(&builder) == v.count + a->length);
    return builder_end(&builder, result);
}

/* Failures far into a long operation are like the ones before: the distance between those that are tried grows. */
static rrb
run_with_failures(operation run, rrb v, const arguments *a)
{
    size_t nodes = fake_node_count, references = fake_cell_references, scratch = fake_scratch_count;
    rrb result = {NULL, 0};
    for (unsigned n = 1;; n += 1 + n / 16) {
        fake_fail_at(n);
        bool done = run(v, a, &result), failed = fake_failed();
        CHECK(done != failed);
        if (done)
            return result;
        CHECK(fake_node_count == nodes && fake_cell_references == references && fake_scratch_count == scratch);
    }
}

static void
vector_drop(vector *a)
{
    if (a->v.root != NULL)
        node_release(a->v.root);
    *a = (vector){{NULL, 0}, &no_rope};
}

static void
replace(vector *place, operation run, const vector *old, const arguments *a, const rope *holds)
{
    rrb made = run_with_failures(run, old->v, a);
    vector_drop(place);
    *place = (vector){made, holds};
    check_vector(place);
}

static const rope *
rope_spliced(const rope *r, size_t from, size_t to, const rope *middle)
{
    return rope_join(rope_join(rope_part(r, 0, from), middle), rope_part(r, to, r->count));
}

/* ---- the steps of a program: each replaces `place` by what it makes of `a` and `b`, which may be the same ---- */

static void
step_push(vector *place, const vector *a)
{
    arguments with = {.c = next_cell()};
    if (a->v.count < COUNT_MAX)
        replace(place, run_push, a, &with, rope_join(a->holds, rope_single(with.c)));
}

static void
step_set(vector *place, const vector *a)
{
    arguments with = {.c = next_cell(), .i = next_index(a->v)};
    if (with.i < a->v.count)
        replace(place, run_set, a, &with, rope_spliced(a->holds, with.i, with.i + 1, rope_single(with.c)));
}

static void
step_cut(vector *place, const vector *a, bool left)
{
    arguments with = {.i = next_index(a->v)};
    size_t from = left ? 0 : with.i, to = left ? with.i : a->v.count;
    replace(place, left ? run_take : run_drop, a, &with, rope_part(a->holds, from, to));
}

static void
step_concat(vector *place, const vector *a, const vector *b)
{
    arguments with = {.other = b->v};
    if (b->v.count <= COUNT_MAX - a->v.count)
        replace(place, run_concat, a, &with, rope_join(a->holds, b->holds));
}

static void
step_splice(vector *place, const vector *a, const vector *b)
{
    arguments with = {.i = next_index(a->v), .j = next_index(a->v), .other = b->v};
    if (with.i > with.j)
        with = (arguments){.i = with.j, .j = with.i, .other = b->v};
    if (b->v.count <= COUNT_MAX - (a->v.count - (with.j - with.i)))
        replace(place, run_splice, a, &with, rope_spliced(a->holds, with.i, with.j, b->holds));
}

static void
step_repeat(vector *place, const vector *a)
{
    arguments with = {.i = 1 + next_number(1 + next_byte() % 4)};
    if (a->v.count == 0 || with.i <= COUNT_MAX / a->v.count)
        replace(place, run_repeat, a, &with, rope_repeat(a->holds, with.i));
}

static void
step_extend(vector *place, const vector *a)
{
    static cell cells[LONG];
    size_t from = next_byte(), length = next_number(1 + next_byte() % 2) % LONG;
    arguments with = {.cells = cells, .length = length};
    for (size_t i = 0; i < length; i++)
        cells[i] = counted_cell(from + i);
    if (length <= COUNT_MAX - a->v.count)
        replace(place, run_extend, a, &with, rope_join(a->holds, rope_piece(from, length)));
}

/* ---- edits in place ---- */

typedef struct { rrb v; const rope *holds; } transient;

/* One edit of a transient; false: an allocation failed, and the transient holds what it held. */
static bool
edit_once(transient *d, unsigned what, cell c, size_t index)
{
    cell old;
    if (what % 4 == 0 && d->v.count > 0) {
        index %= d->v.count;
        if (!rrb_edit_set(&mem, &d->v, index, c, &old))
            return false;
        CHECK(old == rope_get(d->holds, index));
        cell_release(old);
        d->holds = rope_spliced(d->holds, index, index + 1, rope_single(c));
    }
    else if (what % 4 == 1 && d->v.count > 0) {
        if (!rrb_edit_pop(&mem, &d->v, &old))
            return false;
        CHECK(old == rope_get(d->holds, d->v.count));
        cell_release(old);
        d->holds = rope_part(d->holds, 0, d->v.count);
    }
    else if (d->v.count < COUNT_MAX) {
        if (!rrb_edit_push(&mem, &d->v, c))
            return false;
        d->holds = rope_join(d->holds, rope_single(c));
    }
    return true;
}

/* A transient of `a`, which others may hold, edited and trimmed. */
static void
step_mutate(vector *place, const vector *a)
{
    transient d = {.holds = a->holds};
    CHECK(rrb_share(a->v, &d.v));
    for (unsigned left = next_byte() % 48 + 1; left > 0; left--) {
        unsigned what = next_byte();
        cell c = next_cell();
        size_t index = next_index(d.v);
        bool done = false;
        for (unsigned n = 1; !done; n++) {
            fake_fail_at(n);
            done = edit_once(&d, what, c, index);
            CHECK(fake_failed() != done);
            vector now = {d.v, d.holds};
            if (n == 1 || !done)
                CHECK(now.v.count == now.holds->count);
            check_sound(d.v);
        }
    }
    for (unsigned n = 1; fake_fail_at(n), !rrb_edit_trim(&mem, &d.v); n++)
        CHECK(fake_failed());
    fake_failed();
    vector_drop(place);
    *place = (vector){d.v, d.holds};
    check_vector(place);
}

/* ---- thin trees: as tall as there can be ---- */

static rrb_tree
tree_of_vector(const vector *a)
{
    const rrb_top *top = rrb_top_of(a->v.root);
    return top != NULL ? (rrb_tree){top->tree, top->tree_count} : (rrb_tree){a->v.root, a->v.count};
}

/* One level more, out of copies of `a` side by side: nodes in the middle need half of their slots only.  The first one,
 * which concat fills, is dropped as long as it is full. */
static bool
one_level_more(vector *place, const vector *a)
{
    vector grown = {a->v, a->holds}, level = *a;
    unsigned height = tree_of_vector(a).node->height;
    CHECK(rrb_share(a->v, &grown.v));
    for (unsigned i = 0; i < 2 * BRANCHES; i++) {
        if (grown.v.count > COUNT_MAX - level.v.count)
            break;
        step_concat(&grown, &grown, &level);
        rrb_node *root = tree_of_vector(&grown).node;
        if (root->height > height && root->length > RRB_MIN_LENGTH + 1)
            break;
    }
    rrb_tree tree = tree_of_vector(&grown);
    if (tree.node->height > height && tree.node->length > 2 && inner_children(tree.node)[0]->length == BRANCHES) {
        arguments with = {.i = inner_offset(tree.node, 1)};
        replace(&grown, run_drop, &grown, &with, rope_part(grown.holds, with.i, grown.v.count));
    }
    bool taller = tree_of_vector(&grown).node->height > height;
    vector_drop(place);
    *place = grown;
    return taller;
}

static void
thin_out(vector *place, const vector *a)
{
    if (a->v.count < BRANCHES)
        return step_extend(place, a);
    vector made = {a->v, a->holds};
    CHECK(rrb_share(a->v, &made.v));
    for (unsigned levels = next_byte() % RRB_HEIGHTS + 1; levels > 0 && !ropes_are_used_up(); levels--) {
        vector next = {{NULL, 0}, &no_rope};
        bool taller = one_level_more(&next, &made);
        vector_drop(&made);
        made = next;
        if (!taller)
            break;
    }
    vector_drop(place);
    *place = made;
    check_vector(place);
}

/* ---- two vectors ---- */

static void
step_compare(const vector *a, const vector *b)
{
    size_t common = a->v.count < b->v.count ? a->v.count : b->v.count, first = 0, found = 0;
    if (common > LONG) /* what is not shared takes a step a cell, also where a giant repeats itself */
        return;
    while (first < common && fake_value(rope_get(a->holds, first)) == fake_value(rope_get(b->holds, first)))
        first++;
    int differ = rrb_mismatch(a->v, b->v, &found);
    CHECK(differ == (first < common) && (!differ || found == first));
    if (a->v.count > LONG || b->v.count > LONG)
        return;
    uint64_t hash_a, hash_b;
    CHECK(rrb_hash(a->v, &hash_a) == 1 && rrb_hash(b->v, &hash_b) == 1);
    CHECK(differ || a->v.count != b->v.count || hash_a == hash_b);
    for (unsigned n = 1;; n += n) {
        fake_fail_comparison_at(n);
        differ = rrb_mismatch(a->v, b->v, &found);
        bool failed = fake_failed();
        CHECK(failed == (differ == -1));
        if (!failed)
            break;
    }
}

static void
step(void)
{
    unsigned what = next_byte(), which = next_byte();
    vector *place = &vectors[which % VECTORS], *a = &vectors[which / VECTORS % VECTORS];
    const vector *b = &vectors[which / VECTORS / VECTORS % VECTORS];
    switch (what % 16) {
    case 0: step_push(place, a); break;
    case 1: step_set(place, a); break;
    case 2: case 3: step_cut(place, a, true); break;
    case 4: case 5: step_cut(place, a, false); break;
    case 6: case 7: step_concat(place, a, b); break;
    case 8: case 9: step_splice(place, a, b); break;
    case 10: step_repeat(place, a); break;
    case 11: step_extend(place, a); break;
    case 12: step_mutate(place, a); break;
    case 13: step_compare(a, b); break;
    case 14: check_vector(b); break;
    case 15: thin_out(place, a); break;
    }
    check_all_nodes();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_begin(data, size);
    ropes_clear();
    for (unsigned i = 0; i < VECTORS; i++)
        vectors[i] = (vector){{NULL, 0}, &no_rope};
    while (input_is_left() && !ropes_are_used_up())
        step();
    for (unsigned i = 0; i < VECTORS; i++)
        check_vector(&vectors[i]);
    for (unsigned i = 0; i < VECTORS; i++)
        vector_drop(&vectors[i]);
    fake_check_no_leak();
    return 0;
}
