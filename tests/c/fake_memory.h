/* The fake memory: trees/ with no Python at all, so that deep trees, failing allocations, ASan and UBSan run in
 * milliseconds.  It keeps the contract of trees/memory_contract.h and checks that its caller does.
 *
 *   a cell     value | FAKE_TWIN | FAKE_GENERAL, an integer below FAKE_CELLS.  Two cells are equal when their values
 *              are, identical when all their bits are; a twin is equal to its sibling, but another one.  Every
 *              reference is counted in a global table, cell by cell.
 *   a node     a block of malloc, counted, in a list of all that live.  The contents of a new block are garbage on
 *              purpose; so are those of a freed one, when ASan does not catch the reader first.
 *   failure    fake_fail_at(n): the nth allocation from now on fails, once.  Comparisons: fake_fail_comparison_at(n); long
 *              loops: fake_interrupt_at(n) ends them when they ask for the nth time.
 *   effort     fake_comparisons counts the comparisons of cells that are not identical.
 *
 *   for (unsigned n = 1; ; n++) {
 *       fake_fail_at(n);
 *       ... one operation, which must leave its inputs as they were when it fails ...
 *       if (!fake_failed()) break;                       it succeeded: every allocation has failed once
 *   }
 *   ... release everything ...
 *   fake_check_no_leak();
 *
 * Include it, then the algorithms; the last of them defines contents_of(). */
#ifndef FROZEN_TESTS_FAKE_MEMORY_H
#define FROZEN_TESTS_FAKE_MEMORY_H

#include "trees/memory_contract.h"

#include <stdio.h>
#include <stdlib.h>

/* Like assert(), but there in every build. */
#define CHECK(condition) \
    ((condition) ? (void)0 : fake_die(#condition, __FILE__, __LINE__))

static void
fake_die(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: CHECK(%s) does not hold\n", file, line, condition);
    abort();
}

/* ---- types ---- */

typedef uintptr_t cell;
typedef struct { uint64_t hash; cell key; } probe;
typedef NODE_CONTENTS(cell) node_contents;

typedef struct fake_head {
    size_t count;
    struct fake_head *next, *previous; /* all that live */
    bool general, ready;
} fake_head;
#define NODE_HEAD fake_head head
#ifndef MEMORY_IS_SERIAL
#define MEMORY_IS_SERIAL true
#endif

typedef struct { int unused; } memory;

#define FAKE_VALUES ((cell)1 << 18)
#define FAKE_TWIN FAKE_VALUES
#define FAKE_GENERAL (FAKE_VALUES << 1)
#define FAKE_CELLS (FAKE_VALUES << 2)

static inline cell fake_value(cell c) { return c & (FAKE_VALUES - 1); }

/* The hash of a value; a test that wants collisions or deep tries puts its own function here. */
static uint64_t
fake_scrambled_hash(cell value)
{
    uint64_t h = (uint64_t)value * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 32);
}

static uint64_t (*fake_hash)(cell value) = fake_scrambled_hash;

/* ---- what lives, and what is to fail ---- */

static fake_head fake_nodes = {0, &fake_nodes, &fake_nodes, false, false};
static size_t fake_node_count, fake_cell_references, fake_scratch_count;
static _Thread_local size_t fake_comparisons;
static uint32_t fake_cell_counts[FAKE_CELLS];

/* Counted down; 0: never, the operation runs undisturbed. */
typedef struct { unsigned left; bool happened; } fake_failure;
static fake_failure fake_allocation_failure, fake_comparison_failure, fake_interruption;

MAYBE_UNUSED static void fake_fail_at(unsigned n) { fake_allocation_failure = (fake_failure){n, false}; }
MAYBE_UNUSED static void fake_fail_comparison_at(unsigned n) { fake_comparison_failure = (fake_failure){n, false}; }
MAYBE_UNUSED static void fake_interrupt_at(unsigned n) { fake_interruption = (fake_failure){n, false}; }

/* Whether a failure that was asked for came; asks for none from here on. */
MAYBE_UNUSED static bool
fake_failed(void)
{
    bool failed = fake_allocation_failure.happened || fake_comparison_failure.happened || fake_interruption.happened;
    fake_allocation_failure = fake_comparison_failure = fake_interruption = (fake_failure){0, false};
    return failed;
}

static inline bool
fake_fails_now(fake_failure *failure)
{
    if (failure->left == 0 || --failure->left != 0)
        return false;
    return failure->happened = true;
}

MAYBE_UNUSED static void
fake_check_no_leak(void)
{
    CHECK(fake_node_count == 0);
    CHECK(fake_cell_references == 0);
    CHECK(fake_scratch_count == 0);
}

/* ---- long loops ---- */

static inline bool
interrupted(void)
{
    return fake_fails_now(&fake_interruption);
}

#define BUDGET 8 /* few steps are many here */
#include "platform/budget.h"

/* ---- scratch arrays ---- */

MAYBE_UNUSED static void *
scratch_alloc(size_t size)
{
    if (fake_fails_now(&fake_allocation_failure))
        return NULL;
    void *block = malloc(size);
    CHECK(block != NULL);
    memset(block, 0xA5, size);
    fake_scratch_count++;
    return block;
}

MAYBE_UNUSED static bool
array_fits(size_t count, size_t size)
{
    return count <= SIZE_MAX / 1024 / size;
}

MAYBE_UNUSED static void
scratch_free(void *block)
{
    fake_scratch_count -= block != NULL;
    free(block);
}

/* ---- cells ---- */

static inline void
cell_retain(cell c)
{
    CHECK(c < FAKE_CELLS);
    fake_cell_counts[c]++;
    fake_cell_references++;
}

static inline void
cell_release(cell c)
{
    CHECK(c < FAKE_CELLS && fake_cell_counts[c] > 0);
    fake_cell_counts[c]--;
    fake_cell_references--;
}

static inline void cell_prefetch(cell c) { CHECK(c < FAKE_CELLS); }
static inline bool cell_identical(cell a, cell b) { return a == b; }
static inline bool key_is_plain(cell c) { return !(c & FAKE_GENERAL); }
static inline bool value_is_plain(cell c) { return !(c & FAKE_GENERAL); }

static inline uint64_t
cell_hash(cell c)
{
    CHECK(key_is_plain(c));
    return fake_hash(fake_value(c));
}

static inline probe
probe_of(cell key, uint64_t hash)
{
    return (probe){hash, key};
}

MAYBE_UNUSED static probe
fake_probe(cell key)
{
    return probe_of(key, fake_hash(fake_value(key)));
}

static inline int
cell_equal(cell a, cell b)
{
    if (a == b)
        return 1;
    fake_comparisons++;
    return fake_fails_now(&fake_comparison_failure) ? -1 : fake_value(a) == fake_value(b);
}

static inline int
cell_matches(cell c, const probe *p, bool hash_known)
{
    if (!hash_known && fake_hash(fake_value(c)) != p->hash)
        return 0;
    CHECK(fake_hash(fake_value(c)) == p->hash); /* keys are compared when their hashes are equal, and only then */
    return cell_equal(c, p->key);
}

static inline int cell_key_hash(cell c, uint64_t *hash) { (void)c; (void)hash; return 1; }

static inline int
cell_value_hash(cell c, uint64_t *hash)
{
    if (fake_fails_now(&fake_comparison_failure))
        return -1;
    *hash = fake_hash(fake_value(c));
    return 1;
}

static inline bool
cell_pure_hash(cell c, uint64_t *hash)
{
    *hash = fake_hash(fake_value(c));
    return true;
}

/* ---- nodes ---- */

static inline node_contents contents_of(void *node);
static inline void node_ending(void *node);

static inline fake_head *fake_head_of(const void *node) { return (fake_head *)node; }
static inline bool node_is_general(const void *node) { return fake_head_of(node)->general; }

static inline void *
node_alloc(memory *mem, size_t size, bool general)
{
    (void)mem;
    CHECK(size >= sizeof(fake_head));
    if (fake_fails_now(&fake_allocation_failure))
        return NULL;
    fake_head *head = malloc(size);
    CHECK(head != NULL);
    memset(head, 0xA5, size);
    *head = (fake_head){1, fake_nodes.next, &fake_nodes, general, false};
    head->next->previous = head->previous->next = head;
    fake_node_count++;
    return head;
}

static inline void
node_ready(void *node)
{
    CHECK(!fake_head_of(node)->ready);
    fake_head_of(node)->ready = true;
}

static inline void
node_retain(void *node)
{
    CHECK(fake_head_of(node)->count > 0);
    fake_head_of(node)->count++;
}

static inline void
node_release(void *node)
{
    fake_head *head = fake_head_of(node);
    CHECK(head->count > 0);
    if (--head->count != 0)
        return;
    node_ending(node);
    node_contents held = contents_of(node);
    for (size_t i = 0; i < held.cell_count; i++)
        cell_release(held.cells[i]);
    for (size_t i = 0; i < held.child_count; i++)
        node_release(held.children[i]);
    head->next->previous = head->previous;
    head->previous->next = head->next;
    fake_node_count--;
    memset(head, 0x5A, sizeof *head);
    free(head);
}

static inline bool
node_is_unique(void *node)
{
    return fake_head_of(node)->count == 1;
}

/* What every node that others can reach must be, whatever is in it: part of each checker. */
MAYBE_UNUSED static void
fake_check_node(void *node)
{
    CHECK(fake_head_of(node)->count > 0);
    CHECK(fake_head_of(node)->ready);
    node_contents held = contents_of(node);
    for (size_t i = 0; i < held.cell_count; i++) {
        CHECK(held.cells[i] < FAKE_CELLS && fake_cell_counts[held.cells[i]] > 0);
        CHECK(node_is_general(node) || value_is_plain(held.cells[i]));
    }
    for (size_t i = 0; i < held.child_count; i++)
        CHECK(node_is_general(node) || !node_is_general(held.children[i]));
}

#endif
