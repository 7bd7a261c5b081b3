/* The RRB tree against a plain array: random histories in which every invariant is checked after each step, every
 * allocation made to fail in turn, and every version read again at the end. */

#include "fake_memory.h"

#include "trees/rrb/check.inc.h"
#include "trees/rrb/concat.inc.h"
#include "trees/rrb/iter.inc.h"
#include "trees/rrb/mutate.inc.h"

static memory mem;
static uint64_t random_state = 1;

static size_t
random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return limit ? (size_t)(random_state % limit) : 0;
}

/* One cell in 64 is general, so that many trees are plain here and general there. */
static cell
random_cell(void)
{
    return random_below(1000) | (random_below(64) == 0 ? FAKE_GENERAL : 0);
}

/* ---- the model ---- */

#define MODEL_MAX 6000
static const cell no_cells[1];

typedef struct {
    rrb v;
    size_t count;
    cell *cells;
} version;

static version
version_new(rrb v, const cell *cells, size_t count)
{
    version made = {v, count, malloc((count + 1) * sizeof(cell))};
    memcpy(made.cells, cells, count * sizeof(cell));
    return made;
}

static void
version_drop(version *version)
{
    if (version->v.root != NULL)
        node_release(version->v.root);
    free(version->cells);
}

static void
check_nodes(void *node)
{
    fake_check_node(node);
    node_contents held = contents_of(node);
    for (size_t i = 0; i < held.child_count; i++)
        check_nodes(held.children[i]);
}

static void
check_sound(rrb v)
{
    const char *broken = rrb_check(v);
    if (broken != NULL)
        fake_die(broken, __FILE__, __LINE__);
    if (v.root != NULL)
        check_nodes(v.root);
}

static void
check_version(const version *version)
{
    CHECK(version->v.count == version->count);
    check_sound(version->v);
    for (size_t i = 0; i < version->count; i++)
        CHECK(rrb_get(version->v.root, i) == version->cells[i]);
    rrb_cursor cursor;
    size_t from = random_below(version->count), at = from;
    const cell *cells;
    cursor_init(&cursor, version->v, from);
    for (unsigned n; (n = cursor_cells(&cursor, &cells)) > 0; at += n) {
        n = 1 + (unsigned)random_below(n);
        CHECK(memcmp(cells, version->cells + at, n * sizeof(cell)) == 0);
        cursor_advance(&cursor, n);
    }
    CHECK(at == version->count);
}

/* ---- operations: on the tree and on the array; the tree's own may fail ---- */

typedef struct { size_t i, j; cell c; rrb other; const cell *other_cells; } arguments;
typedef bool (*operation)(rrb v, const arguments *a, rrb *result);
typedef size_t (*model)(cell *cells, size_t count, const arguments *a);

static bool do_push(rrb v, const arguments *a, rrb *result) { return rrb_push(&mem, v, a->c, result); }
static bool do_set(rrb v, const arguments *a, rrb *result) { return rrb_set(&mem, v, a->i, a->c, result); }
static bool do_take(rrb v, const arguments *a, rrb *result) { return rrb_take(&mem, v, a->i, result); }
static bool do_drop(rrb v, const arguments *a, rrb *result) { return rrb_drop(&mem, v, a->i, result); }
static bool do_append(rrb v, const arguments *a, rrb *result) { return rrb_concat(&mem, v, a->other, result); }
static bool do_prepend(rrb v, const arguments *a, rrb *result) { return rrb_concat(&mem, a->other, v, result); }
static bool do_repeat(rrb v, const arguments *a, rrb *result) { return rrb_repeat(&mem, v, a->j, result); }

static bool
do_splice(rrb v, const arguments *a, rrb *result)
{
    return rrb_splice(&mem, v, a->i, a->j, a->other, result);
}

static bool
do_extend(rrb v, const arguments *a, rrb *result)
{
    rrb_builder builder;
    if (!builder_begin_behind(&builder, &mem, v))
        return false;
    for (size_t i = 0; i < a->other.count; i++) {
        cell_retain(a->other_cells[i]);
        if (!builder_push(&builder, a->other_cells[i])) {
            builder_abandon(&builder);
            return false;
        }
    }
    CHECK(builder_count(&builder) == v.count + a->other.count);
    return builder_end(&builder, result);
}

/* Several edits in place on a version that others hold. */
static bool
do_mutate(rrb v, const arguments *a, rrb *result)
{
    rrb transient;
    cell old;
    CHECK(rrb_share(v, &transient));
    for (unsigned i = 0; i < 5; i++) {
        if (!rrb_edit_set(&mem, &transient, a->i, a->c, &old))
            goto fail;
        cell_release(old);
        if (!rrb_edit_push(&mem, &transient, a->c))
            goto fail;
        check_sound(transient);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (!rrb_edit_pop(&mem, &transient, &old))
            goto fail;
        cell_release(old);
        check_sound(transient);
    }
    if (!rrb_edit_trim(&mem, &transient))
        goto fail;
    *result = transient;
    return true;
fail:
    check_sound(transient);
    node_release(transient.root);
    return false;
}

static size_t
model_splice_at(cell *cells, size_t count, size_t from, size_t to, const cell *middle, size_t length)
{
    memmove(cells + from + length, cells + to, (count - to) * sizeof(cell));
    memcpy(cells + from, middle, length * sizeof(cell));
    return count - (to - from) + length;
}

static size_t
model_push(cell *cells, size_t count, const arguments *a)
{
    return model_splice_at(cells, count, count, count, &a->c, 1);
}

static size_t
model_set(cell *cells, size_t count, const arguments *a)
{
    return model_splice_at(cells, count, a->i, a->i + 1, &a->c, 1);
}

static size_t
model_take(cell *cells, size_t count, const arguments *a)
{
    (void)cells;
    (void)count;
    return a->i;
}

static size_t
model_drop(cell *cells, size_t count, const arguments *a)
{
    return model_splice_at(cells, count, 0, a->i, no_cells, 0);
}

static size_t
model_append(cell *cells, size_t count, const arguments *a)
{
    return model_splice_at(cells, count, count, count, a->other_cells, a->other.count);
}

static size_t
model_prepend(cell *cells, size_t count, const arguments *a)
{
    return model_splice_at(cells, count, 0, 0, a->other_cells, a->other.count);
}

static size_t
model_splice(cell *cells, size_t count, const arguments *a)
{
    return model_splice_at(cells, count, a->i, a->j, a->other_cells, a->other.count);
}

static size_t
model_repeat(cell *cells, size_t count, const arguments *a)
{
    for (size_t i = 1; i < a->j; i++)
        memcpy(cells + i * count, cells, count * sizeof(cell));
    return a->j * count;
}

static size_t
model_mutate(cell *cells, size_t count, const arguments *a)
{
    cells[a->i] = a->c;
    cells[count] = a->c;
    return count + 1;
}

static const struct { operation run; model on_cells; bool needs_cells; } operations[] = {
    {do_push, model_push, false},      {do_set, model_set, true},         {do_take, model_take, false},
    {do_drop, model_drop, false},      {do_append, model_append, false},  {do_prepend, model_prepend, false},
    {do_splice, model_splice, false},  {do_repeat, model_repeat, false},  {do_extend, model_append, false},
    {do_mutate, model_mutate, true},
};
enum { PUSH, SET, TAKE, DROP, APPEND, PREPEND, SPLICE, REPEAT, EXTEND, MUTATE, OPERATIONS };

/* Runs the operation again and again, each allocation failing once; the last run's result. */
static rrb
run_with_failures(operation run, rrb v, const arguments *a)
{
    rrb result = {NULL, 0};
    for (unsigned n = 1;; n++) {
        size_t nodes = fake_node_count, references = fake_cell_references;
        fake_fail_at(n);
        bool done = run(v, a, &result);
        bool failed = fake_failed();
        CHECK(done != failed);
        if (done)
            return result;
        CHECK(fake_node_count == nodes && fake_cell_references == references);
    }
}

static size_t
apply(unsigned which, version *old, const arguments *a, version *made)
{
    static cell cells[8 * MODEL_MAX];
    rrb result = run_with_failures(operations[which].run, old->v, a);
    memcpy(cells, old->cells, old->count * sizeof(cell));
    size_t count = operations[which].on_cells(cells, old->count, a);
    *made = version_new(result, cells, count);
    check_version(made);
    return count;
}

/* ---- tails ---- */

static const rrb_node *
shared_tail(rrb v)
{
    const rrb_node *tail = rrb_tail(v).node;
    return tail != NULL && tail->kind == RRB_TAIL ? tail : NULL;
}

/* Every shared tail is as long as the longest version over it, and counts as many tops of each length as there are. */
static void
check_shared_tails(const version *versions, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const rrb_node *tail = shared_tail(versions[i].v);
        size_t longest = 0;
        unsigned tops = 0;
        for (unsigned j = 0; tail != NULL && j < count; j++) {
            rrb_tree other = rrb_tail(versions[j].v);
            bool seen = false;
            if (other.node != tail)
                continue;
            for (unsigned k = 0; k < j; k++)
                seen |= versions[k].v.root == versions[j].v.root;
            tops += !seen && other.count == rrb_tail(versions[i].v).count;
            longest = other.count > longest ? other.count : longest;
        }
        CHECK(tail == NULL || (tail->length == longest && tail_tops(tail)[rrb_tail(versions[i].v).count - 1] == tops));
    }
}

static version counting_version(size_t count);

/* Appends that start from one version share its tail as long as they can, and no longer. */
static void
the_first_append_takes_the_place(void)
{
    version base = counting_version(BRANCHES + 1), step, first, second;
    arguments a = {.c = 7}, b = {.c = 8};
    apply(PUSH, &base, &a, &step); /* a tail with room */
    apply(PUSH, &step, &a, &first);
    apply(PUSH, &step, &b, &second);
    CHECK(rrb_tail(step.v).count == 2 && rrb_tail(first.v).count == 3);
    if (MEMORY_IS_SERIAL && BRANCHES > 4) {
        CHECK(shared_tail(first.v) == shared_tail(step.v) && shared_tail(step.v) != NULL);
        CHECK(shared_tail(second.v) != shared_tail(step.v));
    }
    version all[] = {base, step, first, second};
    check_shared_tails(all, 4);
    for (unsigned i = 0; i < 4; i++)
        version_drop(&all[i]);
    fake_check_no_leak();
}

/* What was appended, or is popped, ends with the last version that holds it, whoever else uses the tail. */
static void
cells_end_with_their_versions(void)
{
    version base = counting_version(BRANCHES + 1), step, longer, longest, popped;
    arguments a = {.c = 999}, b = {.c = 998};
    apply(PUSH, &base, &b, &step);
    apply(PUSH, &step, &b, &longer);
    apply(PUSH, &longer, &a, &longest);
    CHECK(fake_cell_counts[999] > 0);
    arguments less = {.i = longer.count};
    apply(TAKE, &longest, &less, &popped);
    version_drop(&longest);
    CHECK(fake_cell_counts[999] == 0);
    check_version(&popped);
    check_version(&longer);
    version_drop(&popped);
    version_drop(&longer);
    CHECK(fake_cell_counts[998] > 0);
    version_drop(&step);
    CHECK(fake_cell_counts[998] == 0);
    check_version(&base);
    version_drop(&base);
    fake_check_no_leak();
}

/* More tops of one length than a tail can count. */
static void
a_tail_may_have_any_number_of_tops(void)
{
    enum { VERSIONS = 2 * UINT8_MAX + 10 };
    static version versions[VERSIONS];
    versions[0] = counting_version(4 * BRANCHES + 2);
    for (unsigned i = 1; i < VERSIONS; i++) {
        arguments set = {.i = i % BRANCHES, .c = i};
        apply(SET, &versions[0], &set, &versions[i]);
    }
    for (unsigned i = 0; i < VERSIONS; i++)
        check_version(&versions[i]);
    for (unsigned i = 0; i < VERSIONS; i++)
        version_drop(&versions[i]);
    fake_check_no_leak();
}

/* ---- histories ---- */

#define KEPT 24

static arguments
random_arguments(const version *v, const version *other)
{
    arguments a = {random_below(v->count + 1), random_below(v->count + 1), random_cell(), other->v, other->cells};
    if (a.i > a.j) {
        size_t i = a.i;
        a.i = a.j;
        a.j = i;
    }
    return a;
}

static void
random_history(unsigned steps)
{
    version kept[KEPT];
    for (unsigned i = 0; i < KEPT; i++)
        kept[i] = version_new((rrb){NULL, 0}, no_cells, 0);
    for (unsigned step = 0; step < steps; step++) {
        version *old = &kept[random_below(KEPT)], *other = &kept[random_below(KEPT)], made;
        unsigned which = (unsigned)random_below(OPERATIONS);
        arguments a = random_arguments(old, other);
        if (operations[which].needs_cells && old->count == 0)
            continue;
        if (which == SET || which == MUTATE)
            a.i = random_below(old->count);
        if (which == REPEAT)
            a.j = 1 + random_below(5);
        if (which == SPLICE && random_below(2))
            a.j = a.i; /* pure insertion, at one place */
        if (old->count + other->count > MODEL_MAX || (which == REPEAT && a.j * old->count > MODEL_MAX))
            which = random_below(2) ? TAKE : DROP;
        apply(which, old, &a, &made);
        check_version(old);
        version *replaced = &kept[random_below(KEPT)];
        version_drop(replaced);
        *replaced = made;
        check_shared_tails(kept, KEPT);
    }
    for (unsigned i = 0; i < KEPT; i++) {
        check_version(&kept[i]);
        version_drop(&kept[i]);
    }
    fake_check_no_leak();
}

/* Cut small pieces out of the vector and put them in elsewhere, thousands of times: the tree must stay low. */
static void
many_concats_keep_the_tree_low(void)
{
    arguments a = {.i = 0};
    version v = version_new((rrb){NULL, 0}, no_cells, 0), next;
    for (unsigned i = 0; i < 1000; i++) {
        a.c = i;
        apply(PUSH, &v, &a, &next);
        version_drop(&v);
        v = next;
    }
    for (unsigned step = 0; step < 4000; step++) {
        size_t from = random_below(v.count), length = 1 + random_below(3 * BRANCHES), to = from + length;
        to = to < v.count ? to : v.count;
        rrb head, middle, tail, rest, swapped;
        CHECK(rrb_take(&mem, v.v, from, &head));
        CHECK(rrb_take(&mem, v.v, to, &rest));
        CHECK(rrb_drop(&mem, rest, from, &middle));
        node_release(rest.root);
        CHECK(rrb_drop(&mem, v.v, to, &tail));
        CHECK(rrb_concat(&mem, tail, head, &rest));
        CHECK(rrb_concat(&mem, rest, middle, &swapped));
        for (unsigned i = 0; i < 4; i++) {
            rrb part = ((rrb[]){head, middle, tail, rest})[i];
            check_sound(part);
            if (part.root != NULL)
                node_release(part.root);
        }
        node_release(v.v.root);
        v.v = swapped;
        CHECK(swapped.count == v.count);
        check_sound(swapped); /* R5 bounds the height by the count */
    }
    uint32_t seen[1000] = {0};
    for (size_t i = 0; i < v.count; i++)
        seen[rrb_get(v.v.root, i)]++;
    for (size_t i = 0; i < v.count; i++)
        CHECK(seen[i] == 1);
    version_drop(&v);
    fake_check_no_leak();
}

/* One cell at a time, always in the same place: the case that makes thin trees, if anything does. */
static void
many_inserts_at_one_place(void)
{
    rrb v = {NULL, 0}, one, next;
    for (size_t i = 0; i < 3000; i++) {
        CHECK(rrb_push(&mem, (rrb){NULL, 0}, i, &one));
        size_t at = i / 2;
        CHECK(rrb_splice(&mem, v, at, at, one, &next));
        node_release(one.root);
        if (v.root != NULL)
            node_release(v.root);
        v = next;
        if (i % 16 == 0)
            check_sound(v);
    }
    node_release(v.root);
    fake_check_no_leak();
}

/* Cut a little behind, and a little before, where a node of many levels begins: chains of nodes with one child each, which
 * meet at the seam of a concat.  Thin nodes must not stay there (R4, which bounds the height). */
static void
chains_of_single_children_join(void)
{
    const size_t size = CORE_BITS == 2 ? 1024 : (size_t)BRANCHES * BRANCHES * BRANCHES, chain = 3 * BRANCHES;
    version v = counting_version(2 * size + chain);
    for (size_t taken = size + 1; taken < size + chain; taken += 1 + BRANCHES / 3) {
        for (size_t dropped = size - chain; dropped < size; dropped += 1 + BRANCHES / 3) {
            rrb left, right, parts[2][2], both;
            CHECK(rrb_take(&mem, v.v, taken, &left));
            CHECK(rrb_drop(&mem, v.v, dropped, &right));
            memcpy(parts, (rrb[]){left, right, right, left}, sizeof parts);
            for (unsigned order = 0; order < 2; order++) {
                arguments append = {.other = parts[order][1]};
                both = run_with_failures(do_append, parts[order][0], &append);
                check_sound(both);
                node_release(both.root);
            }
            node_release(left.root);
            node_release(right.root);
        }
    }
    version_drop(&v);
    fake_check_no_leak();
}

static void
repeating_costs_a_logarithm(void)
{
    rrb one, huge;
    CHECK(rrb_push(&mem, (rrb){NULL, 0}, 7, &one));
    CHECK(rrb_repeat(&mem, one, SIZE_MAX / 2, &huge));
    CHECK(huge.count == SIZE_MAX / 2 && fake_node_count < 5000);
    CHECK(rrb_get(huge.root, 0) == 7 && rrb_get(huge.root, huge.count - 1) == 7);
    CHECK(rrb_get(huge.root, huge.count / 3) == 7);
    rrb part, rest;
    CHECK(rrb_take(&mem, huge, huge.count / 3, &part));
    CHECK(rrb_drop(&mem, part, huge.count / 5, &rest));
    CHECK(rrb_get(rest.root, rest.count / 2) == 7);
    node_release(one.root);
    node_release(huge.root);
    node_release(part.root);
    node_release(rest.root);
    fake_check_no_leak();
}

/* ---- the greatest heights ---- */

static rrb_tree
tree_of(rrb v)
{
    const rrb_top *top = rrb_top_of(v.root);
    CHECK(top != NULL);
    return (rrb_tree){top->tree, top->tree_count};
}

/* Replaces `*v` by `next`. */
static void
replace(rrb *v, rrb next)
{
    node_release(v->root);
    *v = next;
}

/* The cell at `index`, found by adding up. */
static cell
counted_out(rrb v, size_t index)
{
    const rrb_top *top = rrb_top_of(v.root);
    rrb_tree tree = {v.root, v.count};
    if (top != NULL) {
        tree = index < top->tree_count ? tree_of(v) : top_tail(top);
        index -= index < top->tree_count ? 0 : top->tree_count;
    }
    while (tree.node->height > 0) {
        unsigned slot = 0;
        for (; index >= tree_child(tree, slot).count; slot++)
            index -= tree_child(tree, slot).count;
        tree = tree_child(tree, slot);
    }
    return leaf_cells(tree.node)[index];
}

static void
check_places(rrb v)
{
    const char *broken = rrb_check(v);
    if (broken != NULL)
        fake_die(broken, __FILE__, __LINE__);
    const size_t places[] = {v.count / 3, v.count / 2, v.count - 1 - v.count / 7, v.count - 2, v.count - 1};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++)
        CHECK(rrb_get(v.root, places[i]) == counted_out(v, places[i]));
    for (size_t i = 0; i < 3 * BRANCHES; i++)
        CHECK(rrb_get(v.root, i) == counted_out(v, i));
}

/* Of `*thin` the multiple that is one level higher, with as few children a node as can be; false: it would be too long. */
static bool
grow_thin(rrb *thin)
{
    rrb grown, next;
    unsigned height = tree_of(*thin).node->height;
    CHECK(rrb_share(*thin, &grown));
    while (tree_of(grown).node->height == height || tree_of(grown).node->length < RRB_MIN_LENGTH + 2) {
        if (grown.count > SIZE_MAX / 2 - thin->count) {
            node_release(grown.root);
            return false;
        }
        CHECK(rrb_concat(&mem, grown, *thin, &next));
        replace(&grown, next);
    }
    rrb_tree first = tree_child(tree_of(grown), 0);
    if (first.node->length == BRANCHES) { /* the first child is fuller than the others */
        CHECK(rrb_drop(&mem, grown, first.count, &next));
        replace(&grown, next);
    }
    replace(thin, grown);
    return true;
}

/* Leaves of the first child one leaf: nodes of one child are regular at every height. */
static void
a_lone_left_spine_is_read(rrb v)
{
    rrb_tree last = tree_child(tree_of(v), 0);
    size_t dropped = last.count;
    rrb cut, other;
    cell old;
    while (last.node->height > 0)
        last = tree_child(last, last.node->length - 1u);
    dropped -= last.count;
    CHECK(rrb_drop(&mem, v, dropped, &cut));
    check_places(cut);
    for (size_t i = 0; i < last.count + 3; i++) {
        CHECK(rrb_get(cut.root, i) == counted_out(v, dropped + i));
        CHECK(rrb_set(&mem, cut, i, 7777, &other) && counted_out(other, i) == 7777);
        check_places(other);
        node_release(other.root);
        CHECK(rrb_drop(&mem, cut, i + 1, &other) && rrb_get(other.root, 0) == counted_out(v, dropped + i + 1));
        check_places(other);
        node_release(other.root);
        CHECK(rrb_take(&mem, cut, i + 1, &other) && rrb_get(other.root, i) == counted_out(v, dropped + i));
        node_release(other.root);
    }
    rrb_cursor cursor;
    const cell *cells;
    cursor_init(&cursor, cut, 0);
    for (size_t at = 0; at < 8 * BRANCHES;) {
        unsigned n = cursor_cells(&cursor, &cells);
        for (unsigned i = 0; i < n; i++, at++)
            CHECK(cells[i] == counted_out(cut, at));
        cursor_advance(&cursor, n);
    }
    CHECK(rrb_edit_set(&mem, &cut, 1, 9, &old) && rrb_edit_push(&mem, &cut, 11) && counted_out(cut, 1) == 9);
    cell_release(old);
    check_places(cut);
    node_release(cut.root);
}

/* Nodes so high that a digit of an index would begin at bit 64. */
static void
thin_trees_are_sound_up_to_the_greatest_length(void)
{
    rrb thin, next;
    rrb_builder builder;
    builder_begin(&builder, &mem);
    for (size_t i = 0; i < 4 * BRANCHES; i++) {
        cell_retain(i);
        CHECK(builder_push(&builder, i));
    }
    CHECK(builder_end(&builder, &thin));
    CHECK(rrb_drop(&mem, thin, RRB_MIN_LENGTH, &next));
    replace(&thin, next);
    CHECK(rrb_take(&mem, thin, BRANCHES + 1, &next)); /* leaves of half the length and one more */
    replace(&thin, next);
    CHECK(rrb_repeat(&mem, thin, 9, &next));
    replace(&thin, next);
    while (grow_thin(&thin)) {
        check_places(thin);
        a_lone_left_spine_is_read(thin);
    }
    CHECK(CORE_BITS * tree_of(thin).node->height >= 64);
    rrb twin = {NULL, 0};
    size_t index;
    uint64_t hash, twin_hash;
    CHECK(rrb_set(&mem, thin, thin.count / 2, rrb_get(thin.root, thin.count / 2) | FAKE_TWIN, &twin));
    CHECK(rrb_mismatch(thin, twin, &index) == 0);
    CHECK(rrb_hash(thin, &hash) == 1 && rrb_hash(twin, &twin_hash) == 1 && hash == twin_hash);
    CHECK(rrb_set(&mem, thin, thin.count / 2, 7777, &next));
    CHECK(rrb_mismatch(thin, next, &index) == 1 && index == thin.count / 2);
    CHECK(rrb_hash(next, &twin_hash) == 1 && hash != twin_hash);
    node_release(next.root);
    node_release(twin.root);
    node_release(thin.root);
    fake_check_no_leak();
}

/* ---- long loops ---- */

static void
an_interrupted_walk_ends(void)
{
    rrb one, huge, other = {NULL, 0};
    size_t index;
    uint64_t hash;
    CHECK(rrb_push(&mem, (rrb){NULL, 0}, 7, &one));
    CHECK(rrb_repeat(&mem, one, SIZE_MAX / 2, &huge) && rrb_repeat(&mem, one, SIZE_MAX / 2, &other));
    fake_interrupt_at(3);
    CHECK(rrb_hash(huge, &hash) == -1 && fake_failed());
    fake_interrupt_at(1); /* with what is remembered from then on, it may be over before the next */
    CHECK(rrb_mismatch(huge, other, &index) == -1 && fake_failed());
    for (unsigned n = 1; n < 3; n++) {
        fake_fail_at(n);
        CHECK(rrb_mismatch(huge, other, &index) == -1 && fake_failed());
    }
    fake_fail_at(1);
    CHECK(rrb_hash(huge, &hash) == -1 && fake_failed());
    size_t before = fake_comparisons;
    CHECK(rrb_mismatch(huge, other, &index) == 0); /* what was compared is not compared again */
    CHECK(fake_comparisons == before);
    node_release(one.root);
    node_release(huge.root);
    node_release(other.root);
    fake_check_no_leak();
}

/* ---- two vectors ---- */

static version
counting_version(size_t count)
{
    cell *cells = malloc((count + 1) * sizeof(cell));
    rrb_builder builder;
    rrb v;
    builder_begin(&builder, &mem);
    for (size_t i = 0; i < count; i++) {
        cell_retain(cells[i] = i % FAKE_VALUES);
        CHECK(builder_push(&builder, cells[i]));
    }
    CHECK(builder_end(&builder, &v));
    version made = version_new(v, cells, count);
    free(cells);
    return made;
}

static void
mismatch_finds_the_first_difference(void)
{
    for (size_t count = 1; count < 3000; count = count * 3 + 1) {
        version a = counting_version(count), b;
        for (unsigned round = 0; round < 20; round++) {
            size_t at = random_below(count), found = SIZE_MAX;
            arguments set = {.i = at, .c = a.cells[at] | FAKE_TWIN};
            apply(SET, &a, &set, &b);
            CHECK(rrb_mismatch(a.v, b.v, &found) == 0); /* a twin is equal */
            found = random_below(at + 1);
            CHECK(rrb_mismatch_from(a.v, b.v, true, &found) == 1 && found == at); /* but not identical */
            found++;
            CHECK(rrb_mismatch_from(a.v, b.v, true, &found) == 0);
            version_drop(&b);
            set.c = 999999 % FAKE_VALUES;
            apply(SET, &a, &set, &b);
            CHECK(rrb_mismatch(a.v, b.v, &found) == 1 && found == at);
            fake_fail_comparison_at(1);
            CHECK(rrb_mismatch(a.v, b.v, &found) == -1 && fake_failed());
            version_drop(&b);
        }
        version_drop(&a);
    }
    fake_check_no_leak();
}

static void
mismatch_skips_what_is_shared(void)
{
    version a = counting_version(5000), b;
    arguments insert = {.i = 2500, .c = 1};
    apply(SET, &a, &insert, &b);
    size_t found, before = fake_comparisons;
    CHECK(rrb_mismatch(a.v, b.v, &found) == 1 && found == 2500);
    CHECK(fake_comparisons - before <= BRANCHES);
    uint64_t hash_a, hash_b;
    CHECK(rrb_hash(a.v, &hash_a) == 1 && rrb_hash(b.v, &hash_b) == 1 && hash_a != hash_b);
    version_drop(&b);

    rrb head, tail, again; /* equal, but of another shape */
    CHECK(rrb_take(&mem, a.v, 1234, &head));
    CHECK(rrb_drop(&mem, a.v, 1234, &tail));
    CHECK(rrb_concat(&mem, head, tail, &again));
    CHECK(rrb_mismatch(a.v, again, &found) == 0 && rrb_hash(again, &hash_b) == 1 && hash_a == hash_b);
    CHECK(rrb_mismatch(a.v, head, &found) == 0 && rrb_mismatch(tail, a.v, &found) == 1 && found == 0);
    fake_fail_comparison_at(77);
    CHECK(rrb_hash(a.v, &hash_a) == -1 && fake_failed());
    node_release(head.root);
    node_release(tail.root);
    node_release(again.root);
    version_drop(&a);
    fake_check_no_leak();
}

/* ---- mutation ---- */

static void
mutation_copies_what_others_hold_and_nothing_else(void)
{
    version a = counting_version(2001);
    rrb transient;
    cell old;
    rrb_share(a.v, &transient);
    CHECK(rrb_edit_set(&mem, &transient, 5, 1, &old) && old == 5);
    cell_release(old);
    size_t nodes = fake_node_count;
    CHECK(rrb_edit_set(&mem, &transient, 5, 2, &old) && old == 1);
    cell_release(old);
    CHECK(fake_node_count == nodes && rrb_get(transient.root, 5) == 2);
    void *root = transient.root;
    CHECK(rrb_edit_push(&mem, &transient, 3));
    CHECK(rrb_edit_push(&mem, &transient, 4));
    CHECK(transient.root == root);
    check_sound(transient);
    check_version(&a);
    CHECK(rrb_edit_set(&mem, &transient, 5, 6 | FAKE_GENERAL, &old) && old == 2);
    cell_release(old);
    CHECK(node_is_general(transient.root));
    check_sound(transient);
    node_release(transient.root);
    version_drop(&a);
    fake_check_no_leak();
}

static void
mutation_from_nothing_and_back(void)
{
    rrb transient = {NULL, 0};
    cell last;
    for (size_t i = 0; i < 3000; i++) {
        CHECK(rrb_edit_push(&mem, &transient, i));
        if (i % 7 == 0)
            check_sound(transient);
    }
    for (size_t i = 3000; i-- > 0;) {
        CHECK(rrb_edit_pop(&mem, &transient, &last) && last == i);
        cell_release(last);
        if (i % 7 == 0)
            check_sound(transient);
    }
    CHECK(transient.count == 0 && transient.root == NULL);
    fake_check_no_leak();
}

int
main(void)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        random_state = seed * 0x9E3779B97F4A7C15u;
        random_history(250);
    }
    the_first_append_takes_the_place();
    cells_end_with_their_versions();
    a_tail_may_have_any_number_of_tops();
    many_concats_keep_the_tree_low();
    many_inserts_at_one_place();
    chains_of_single_children_join();
    repeating_costs_a_logarithm();
    thin_trees_are_sound_up_to_the_greatest_length();
    an_interrupted_walk_ends();
    mismatch_finds_the_first_difference();
    mismatch_skips_what_is_shared();
    mutation_copies_what_others_hold_and_nothing_else();
    mutation_from_nothing_and_back();
    return 0;
}
