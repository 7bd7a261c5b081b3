/* The fake memory itself: that it counts, fails when asked to, and finds what leaks. */

#include "fake_memory.h"

typedef struct { NODE_HEAD; size_t cell_count, child_count; cell cells[2]; void *children[2]; } pair;

static inline node_contents
contents_of(void *node)
{
    pair *p = node;
    return (node_contents){p->cells, p->children, p->cell_count, p->child_count};
}

static inline void node_ending(void *node) { (void)node; }

static memory mem;

static pair *
pair_new(cell a, void *child)
{
    pair *p = node_alloc(&mem, sizeof *p, !value_is_plain(a) || (child != NULL && node_is_general(child)));
    if (p == NULL)
        return NULL;
    cell_retain(p->cells[0] = a);
    p->children[0] = child;
    p->cell_count = 1;
    p->child_count = child != NULL;
    node_ready(p);
    fake_check_node(p);
    return p;
}

static void
a_node_releases_what_it_holds(void)
{
    pair *leaf = pair_new(7, NULL);
    pair *root = pair_new(8, leaf);
    CHECK(fake_node_count == 2 && fake_cell_references == 2);
    CHECK(node_is_unique(root) && node_is_unique(leaf));
    node_retain(leaf);
    CHECK(!node_is_unique(leaf));
    node_release(root);
    CHECK(fake_node_count == 1 && fake_cell_counts[7] == 1 && fake_cell_counts[8] == 0);
    node_release(leaf);
    fake_check_no_leak();
}

static void
the_nth_allocation_fails_once(void)
{
    fake_fail_at(2);
    pair *one = pair_new(1, NULL);
    CHECK(one != NULL && pair_new(2, NULL) == NULL);
    CHECK(fake_failed() && !fake_failed());
    pair *two = pair_new(2 | FAKE_GENERAL, one);
    CHECK(two != NULL && node_is_general(two) && !node_is_general(one));
    node_release(two);
    fake_check_no_leak();
}

static void
twins_are_equal_and_not_identical(void)
{
    CHECK(cell_equal(5, 5 | FAKE_TWIN) == 1 && !cell_identical(5, 5 | FAKE_TWIN));
    fake_fail_comparison_at(1);
    CHECK(cell_equal(5, 6) == -1 && fake_failed());
    CHECK(cell_equal(5, 6) == 0);
    probe p = fake_probe(5 | FAKE_TWIN);
    CHECK(cell_matches(5, &p, true) == 1 && cell_matches(6, &p, false) == 0);
}

int
main(void)
{
    a_node_releases_what_it_holds();
    the_nth_allocation_fails_once();
    twins_are_equal_and_not_identical();
    return 0;
}
