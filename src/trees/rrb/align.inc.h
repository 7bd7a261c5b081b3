/* An edit script: which cells of one vector have to be replaced, deleted and inserted to make another one of it.
 *
 * The distance of two sequences counts replacements, deletions and insertions.  Landau and Vishkin (Fast parallel and
 * serial approximate string matching, 1989, after Ukkonen, 1985) find it by how far one gets: reach[d][k] is the number
 * of cells of `a` that d edits can pass if the same number and k more cells of `a` than of `b` are passed (diagonal k).
 * What follows without an edit, the *run*, is free, and passes what both vectors share by pointer.
 *
 * Distances are looked for in *windows*: a window begins where the vectors differ, and ends with a run of ALIGN_ANCHOR
 * cells, or at the end of both vectors.  Edits that lie apart cost their number, and not its square.  Where
 * ALIGN_EDITS edits lead to no such run, the vectors' common end is cut off; after that a window ends at the furthest
 * place that was reached, and the next one tries fewer edits.  So the script is correct always, the shortest where few
 * edits lie together, and found in time that is linear in what differs. */
#ifndef FROZEN_TREES_RRB_ALIGN_INC_H
#define FROZEN_TREES_RRB_ALIGN_INC_H

#include "trees/rrb/iter.inc.h"

#define ALIGN_ANCHOR 32
#define ALIGN_EDITS 24
#define ALIGN_DIAGONALS (2 * ALIGN_EDITS + 5) /* two more at either side, which are never reached */
#define NOT_REACHED SIZE_MAX

/* Cells [a, a + deleted) of one vector become [b, b + inserted) of the other: as many, or none on one side. */
typedef struct {
    size_t a, deleted, b, inserted;
} aligned_edit;

/* Off the C stack, for arbitrary code runs below. */
typedef struct {
    size_t reach[ALIGN_EDITS + 1][ALIGN_DIAGONALS];
    aligned_edit edits[ALIGN_EDITS];
} align_scratch;

typedef struct rrb_aligner {
    rrb a, b; /* the caller keeps them alive */
    int (*same)(struct rrb_aligner *, cell a, cell b); /* 1, 0, or -1 (exception set); may run arbitrary code */
    int (*report)(struct rrb_aligner *, const aligned_edit *); /* in order: 0, or -1 (exception set) */
    size_t i, j; /* what is before them is aligned */
    size_t end_a, end_b; /* what is behind them is the same */
    aligned_edit pending; /* the last edit, which the next one may continue */
    unsigned most; /* edits that a window tries */
    bool end_is_known;
    budget left;
    align_scratch *scratch;
} rrb_aligner;

/* The number of cells at the cursors that are the same, up to `most`, without those above the leaves: passes what both
 * hold in the same node.  -1: `same` failed, or interrupted. */
static int
align_leaves(rrb_aligner *w, rrb_cursor *a, rrb_cursor *b, size_t most, size_t *passed)
{
    const cell *cells_a, *cells_b;
    size_t n = cursor_cells(a, &cells_a), left_b = cursor_cells(b, &cells_b), i = 0;
    n = n < left_b ? n : left_b;
    n = n < most ? n : most;
    if (cells_a == cells_b)
        i = n;
    for (; i < n; i++) {
        int same = cell_identical(cells_a[i], cells_b[i]) ? 1 : w->same(w, cells_a[i], cells_b[i]);
        if (same < 0)
            return -1;
        if (same == 0)
            break;
    }
    *passed += i;
    if (!budget_spend(&w->left, i + 1))
        return -1;
    if (i < n)
        return 0;
    cursor_advance(a, (unsigned)n);
    cursor_advance(b, (unsigned)n);
    return 1;
}

/* The height of the highest node that begins at both cursors and holds at most `most` cells; -1: none. */
static int
align_shared_height(const rrb_cursor *a, const rrb_cursor *b, size_t most)
{
    int shared = -1;
    for (unsigned h = 0; h <= a->height && h <= b->height && a->slot[h] == 0 && b->slot[h] == 0; h++) {
        const rrb_tree *one = &a->path[h], *other = &b->path[h];
        if (one->node == other->node && one->count == other->count && one->count <= most)
            shared = (int)h;
    }
    return shared;
}

/* The number of cells that are the same from `i` and `j` on, up to the ends: 0, or -1 (exception set). */
static NO_INLINE int
align_run(rrb_aligner *w, size_t i, size_t j, size_t *run)
{
    size_t most = w->end_a - i < w->end_b - j ? w->end_a - i : w->end_b - j;
    *run = 0;
    if (most == 0)
        return 0;
    rrb_cursor a, b;
    cursor_init(&a, w->a, i);
    cursor_init(&b, w->b, j);
    while (*run < most) {
        int height = align_shared_height(&a, &b, most - *run);
        if (height >= 0) {
            *run += a.path[height].count;
            cursor_leave(&a, (unsigned)height);
            cursor_leave(&b, (unsigned)height);
            continue;
        }
        int status = align_leaves(w, &a, &b, most - *run, run);
        if (status <= 0)
            return status;
    }
    return 0;
}

/* Cuts off what is the same at the ends, as far as the windows have not come: 0, or -1 (exception set). */
static int
align_end(rrb_aligner *w)
{
    w->end_is_known = true;
    while (w->end_a > w->i && w->end_b > w->j) {
        size_t i = w->end_a - 1, j = w->end_b - 1;
        const rrb_node *leaf_a = rrb_leaf(w->a.root, &i), *leaf_b = rrb_leaf(w->b.root, &j);
        size_t n = i < j ? i + 1 : j + 1, passed = 0;
        n = n < w->end_a - w->i ? n : w->end_a - w->i;
        n = n < w->end_b - w->j ? n : w->end_b - w->j;
        if (leaf_a == leaf_b && i == j)
            passed = n;
        for (; passed < n; passed++) {
            cell one = leaf_cells(leaf_a)[i - passed], other = leaf_cells(leaf_b)[j - passed];
            int same = cell_identical(one, other) ? 1 : w->same(w, one, other);
            if (same < 0)
                return -1;
            if (same == 0)
                break;
        }
        w->end_a -= passed;
        w->end_b -= passed;
        if (!budget_spend(&w->left, passed + 1))
            return -1;
        if (passed < n)
            return 0;
    }
    return 0;
}

/* ---- edits ---- */

static int
align_flush(rrb_aligner *w)
{
    bool is_empty = w->pending.deleted == 0 && w->pending.inserted == 0;
    int status = is_empty ? 0 : w->report(w, &w->pending);
    w->pending = (aligned_edit){0};
    return status;
}

/* The next edit; what continues the one before is joined to it. 0, or -1 (exception set). */
static int
align_add(rrb_aligner *w, aligned_edit next)
{
    aligned_edit *last = &w->pending;
    bool adjoins = last->a + last->deleted == next.a && last->b + last->inserted == next.b;
    bool alike = (last->deleted == 0) == (next.deleted == 0) && (last->inserted == 0) == (next.inserted == 0);
    if (adjoins && alike) {
        last->deleted += next.deleted;
        last->inserted += next.inserted;
        return 0;
    }
    if (align_flush(w) < 0)
        return -1;
    w->pending = next;
    return 0;
}

/* ---- windows: places in them count from (i, j) ---- */

typedef struct {
    unsigned d;
    int k;
} window_place; /* on diagonal k after d edits and a run */

static size_t *
reach_of(const rrb_aligner *w, unsigned d, int k)
{
    return &w->scratch->reach[d][k + ALIGN_EDITS + 2];
}

/* Nothing is reached by d edits yet. */
static void
window_begin(rrb_aligner *w, unsigned d)
{
    for (int k = -(int)d - 2; k <= (int)d + 2; k++)
        *reach_of(w, d, k) = NOT_REACHED;
}

/* How far edit number d leads on diagonal k, without the run; NOT_REACHED: nowhere.  `*from` is the diagonal before. */
static size_t
window_step(const rrb_aligner *w, unsigned d, int k, int *from)
{
    size_t most_a = w->end_a - w->i, most_b = w->end_b - w->j, best = NOT_REACHED;
    /* An insertion, a deletion, a replacement: of scripts of one length the one that replaces first. */
    const int before[3] = {k + 1, k - 1, k};
    for (int way = 0; way < 3; way++) {
        size_t x = *reach_of(w, d - 1, before[way]);
        if (x == NOT_REACHED)
            continue;
        x += way != 0;
        if (x > most_a || (ptrdiff_t)x - k > (ptrdiff_t)most_b || (best != NOT_REACHED && x <= best))
            continue;
        best = x;
        *from = before[way];
    }
    return best;
}

/* Reports the edits that lead to a place, and goes on behind the run that follows it: 0, or -1 (exception set). */
static int
window_commit(rrb_aligner *w, window_place to)
{
    aligned_edit *edits = w->scratch->edits;
    unsigned count = to.d;
    size_t x = *reach_of(w, to.d, to.k), next_i = w->i + x, next_j = w->j + (size_t)((ptrdiff_t)x - to.k);
    for (int k = to.k; to.d > 0; to.d--) {
        int from = k;
        x = window_step(w, to.d, k, &from);
        bool deletes = from != k + 1, inserts = from != k - 1;
        size_t i = w->i + x - deletes, j = w->j + (size_t)((ptrdiff_t)x - k) - inserts;
        edits[to.d - 1] = (aligned_edit){i, deletes, j, inserts};
        k = from;
    }
    for (unsigned n = 0; n < count; n++)
        if (align_add(w, edits[n]) < 0)
            return -1;
    w->i = next_i;
    w->j = next_j;
    return 0;
}

/* Tries one edit more: 1: `*to` ends the window, 0: it does not, but is the furthest place, -1 (exception set). */
static int
window_widen(rrb_aligner *w, unsigned d, window_place *to)
{
    size_t longest = ALIGN_ANCHOR - 1, furthest = 0;
    window_begin(w, d);
    for (unsigned n = 0; n <= 2 * d; n++) { /* diagonals 0, 1, -1, 2, -2 ... */
        int k = n % 2 ? (int)(n + 1) / 2 : -(int)(n / 2), from;
        size_t x = window_step(w, d, k, &from), run;
        if (x == NOT_REACHED)
            continue;
        size_t y = (size_t)((ptrdiff_t)x - k);
        if (align_run(w, w->i + x, w->j + y, &run) < 0)
            return -1;
        *reach_of(w, d, k) = x + run;
        bool at_end = w->i + x + run == w->end_a && w->j + y + run == w->end_b;
        if (at_end || run > longest || (longest < ALIGN_ANCHOR && x + y + 2 * run > furthest)) {
            *to = (window_place){d, k};
            furthest = x + y + 2 * run;
        }
        if (at_end)
            return 1;
        longest = run > longest ? run : longest;
    }
    return longest >= ALIGN_ANCHOR;
}

/* The vectors differ at (i, j): finds the edits there.  0, or -1 (exception set). */
static int
align_window(rrb_aligner *w)
{
    window_place to = {0};
    int status = 0;
    window_begin(w, 0);
    *reach_of(w, 0, 0) = 0;
    for (unsigned d = 1; status == 0 && d <= w->most; d++)
        status = window_widen(w, d, &to);
    if (status < 0)
        return -1;
    if (status == 0 && !w->end_is_known)
        return align_end(w);
    w->most = status > 0 ? ALIGN_EDITS : (w->most + 1) / 2;
    return window_commit(w, to);
}

static int
align_windows(rrb_aligner *w)
{
    while (true) {
        size_t run;
        if (align_run(w, w->i, w->j, &run) < 0)
            return -1;
        w->i += run;
        w->j += run;
        if (w->i == w->end_a || w->j == w->end_b)
            break;
        if (align_window(w) < 0)
            return -1;
    }
    aligned_edit rest = {w->i, w->end_a - w->i, w->j, w->end_b - w->j};
    if ((rest.deleted > 0 || rest.inserted > 0) && align_add(w, rest) < 0)
        return -1;
    return align_flush(w);
}

/* Reports the edits that make `b` of `a`, in their order: 0, or -1 (exception set). The caller has set a, b, same and
 * report, and the rest to zero. */
static int
rrb_align(rrb_aligner *w)
{
    w->end_a = w->a.count;
    w->end_b = w->b.count;
    w->most = ALIGN_EDITS;
    w->left = BUDGET;
    w->scratch = scratch_alloc(sizeof *w->scratch);
    int status = w->scratch != NULL ? align_windows(w) : -1;
    scratch_free(w->scratch);
    return status;
}

#endif
