/* Edit scripts between vectors of one origin and of others: applied to an array they give the other array, small ones
 * are the shortest, and each allocation, comparison and interruption that fails is reported. */

#include "fake_memory.h"

#include "trees/rrb/align.inc.h"
#include "trees/rrb/concat.inc.h"

#define CELLS_MAX 4000

static memory mem;
static uint64_t random_state = 7;

static size_t
random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return limit ? (size_t)(random_state % limit) : 0;
}

typedef struct {
    rrb_aligner aligner;
    cell result[3 * CELLS_MAX]; /* of what the script has made so far */
    size_t count, passed; /* cells of `a` that it has passed */
    size_t length; /* the number of edits, cell by cell */
} replay;

static int
same(rrb_aligner *w, cell a, cell b)
{
    (void)w;
    return cell_equal(a, b);
}

static void
copy_cells(replay *r, rrb v, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        r->result[r->count++] = rrb_get(v.root, i);
}

static int
note(rrb_aligner *w, const aligned_edit *edit)
{
    replay *r = (replay *)w;
    CHECK(edit->a >= r->passed && (edit->deleted > 0 || edit->inserted > 0));
    CHECK(edit->deleted == edit->inserted || edit->deleted == 0 || edit->inserted == 0);
    copy_cells(r, w->a, r->passed, edit->a);
    CHECK(r->count == edit->b);
    copy_cells(r, w->b, edit->b, edit->b + edit->inserted);
    r->passed = edit->a + edit->deleted;
    r->length += edit->deleted > edit->inserted ? edit->deleted : edit->inserted;
    return 0;
}

static replay replayed;

/* The number of edits of the script that makes `b` of `a`, which is checked. */
static size_t
check_script(rrb a, rrb b, void (*fail_at)(unsigned))
{
    for (unsigned n = 1; n < 2000; n++) {
        replay *r = &replayed;
        r->aligner = (rrb_aligner){.a = a, .b = b, .same = same, .report = note};
        r->count = r->passed = r->length = 0;
        fail_at(n);
        int status = rrb_align(&r->aligner);
        if (fake_failed()) {
            CHECK(status == -1);
            continue;
        }
        CHECK(status == 0);
        break;
    }
    replay *r = &replayed;
    copy_cells(r, a, r->passed, a.count);
    CHECK(r->count == b.count);
    for (size_t i = 0; i < b.count; i++)
        CHECK(cell_equal(r->result[i], rrb_get(b.root, i)) == 1);
    return r->length;
}

static rrb
random_vector(size_t count, size_t alphabet)
{
    rrb v = {NULL, 0};
    for (size_t i = 0; i < count; i++) {
        rrb longer;
        CHECK(rrb_push(&mem, v, random_below(alphabet), &longer));
        if (v.root != NULL)
            node_release(v.root);
        v = longer;
    }
    return v;
}

static void
drop(rrb v)
{
    if (v.root != NULL)
        node_release(v.root);
}

/* By the textbook's table. */
static size_t
distance(rrb a, rrb b)
{
    static size_t row[16][16];
    for (size_t i = 0; i <= a.count; i++)
        for (size_t j = 0; j <= b.count; j++) {
            if (i == 0 || j == 0) {
                row[i][j] = i + j;
                continue;
            }
            size_t replaced = row[i - 1][j - 1] + (rrb_get(a.root, i - 1) != rrb_get(b.root, j - 1));
            size_t one = (row[i - 1][j] < row[i][j - 1] ? row[i - 1][j] : row[i][j - 1]) + 1;
            row[i][j] = replaced < one ? replaced : one;
        }
    return row[a.count][b.count];
}

static void
short_scripts_are_the_shortest(void)
{
    for (unsigned round = 0; round < 200; round++) {
        rrb a = random_vector(random_below(12), 1 + random_below(3)), b = random_vector(random_below(12), 3);
        CHECK(check_script(a, b, fake_fail_at) == distance(a, b));
        check_script(a, b, fake_fail_comparison_at);
        drop(a);
        drop(b);
    }
}

/* Blocks of a vector come, go and are replaced; some of them far apart. */
static void
versions_of_one_origin_are_aligned(void)
{
    for (unsigned round = 0; round < 25; round++) {
        size_t alphabet = round % 3 == 0 ? 2 : 100000;
        rrb old = random_vector(random_below(CELLS_MAX / 2), alphabet), new = old;
        if (new.root != NULL)
            node_retain(new.root);
        for (size_t edits = 1 + random_below(20); edits > 0; edits--) {
            size_t from = random_below(new.count + 1),
                   to = from + random_below(random_below(3) ? 3 : new.count - from + 1);
            rrb block = random_vector(random_below(random_below(3) ? 3 : 90), alphabet), next;
            CHECK(rrb_splice(&mem, new, from, to < new.count ? to : new.count, block, &next));
            drop(new);
            drop(block);
            new = next;
        }
        check_script(old, new, fake_fail_at);
        check_script(old, new, fake_interrupt_at);
        drop(old);
        drop(new);
    }
}

int
main(void)
{
    short_scripts_are_the_shortest();
    versions_of_one_origin_are_aligned();
    CHECK(fake_node_count == 0);
    return 0;
}
