/* immortalize(): blocks that are never freed, and never counted again.
 *
 * A page that a process shares with the one it was forked from becomes its own when it writes there. Reading nested
 * containers and deriving versions count references; where the count says that the block is immortal, nothing is
 * written (block.h).
 *
 * Order. A block is marked after all that it holds. So below a marked block there is nothing to do: a walk that was
 * interrupted, or ran out of memory, leaves whole marked parts behind, and the next one goes on from there. Each block is
 * entered once, though many may hold it, because nothing holds itself: by the time that a walk meets it again, it is
 * marked.
 *
 * Other threads may read, derive and mark at the same time. What is walked through is immutable and kept alive by the
 * caller's object, and two walks that meet store the same mark. */

#include "docs.h"
#include "platform/bounded_repr.h"
#include "platform/budget.h"
#include "platform/address_map.h"
#include "shared/cell.h"
#include "shared/immortal.h"

/* ---- the walk: each block after those that it holds ---- */

typedef struct {
    block *block;
    size_t next; /* how many of those that it holds have been entered or passed */
} step;

typedef struct {
    step *steps; /* the path to where the walk stands */
    size_t used, size;
    bool (*enter)(void *, block *); /* whether to walk into it */
    void (*leave)(void *, block *);
    void *arg;
} walk_below;

/* false: out of memory (exception set) */
static bool
walk_enter(walk_below *w, block *b)
{
    if (!w->enter(w->arg, b))
        return true;
    if (w->used == w->size) {
        size_t size = w->size != 0 ? 2 * w->size : 32;
        step *steps = PyMem_Realloc(w->steps, size * sizeof *steps);
        if (steps == NULL) {
            PyErr_NoMemory();
            return false;
        }
        w->steps = steps;
        w->size = size;
    }
    w->steps[w->used++] = (step){b, 0};
    return true;
}

/* The next block that `s` holds, NULL: no more. */
static block *
step_next(step *s)
{
    node_contents held = block_contents(s->block);
    while (s->next < held.cell_count) {
        cell c = held.cells[s->next++];
        if (cell_is_box(c))
            return cell_block(c);
    }
    size_t child = s->next - held.cell_count;
    if (child >= held.child_count)
        return NULL;
    s->next++;
    return held.children[child];
}

/* 0, or -1: out of memory or interrupted (exception set). */
static int
walk_from(walk_below *w, block *first)
{
    budget left = BUDGET;
    int result = walk_enter(w, first) ? 0 : -1;
    while (result == 0 && w->used > 0) {
        step *last = &w->steps[w->used - 1];
        block *next = step_next(last);
        if (next == NULL) {
            w->leave(w->arg, last->block);
            w->used--;
        }
        else if (!walk_enter(w, next) || !budget_spend(&left, 1))
            result = -1;
    }
    PyMem_Free(w->steps);
    return result;
}

/* ---- marking ---- */

static bool
is_mortal(void *Py_UNUSED(arg), block *b)
{
    return !block_is_immortal(b);
}

static void
mark(void *Py_UNUSED(arg), block *b)
{
    block_make_immortal(b);
}

/* What a cell of a container or Blob stands for: for a container its root, because each header makes a box anew. */
static block *
block_of_object(cell c)
{
    block *b = cell_block(c);
    return b->kind == KIND_BLOB ? b : *box_root((box *)b);
}

/* A cell as shared_object_encode makes it, or -1 (exception set). */
static int
encode_immortal(PyObject *object, cell *c)
{
    int known = shared_object_encode(object, c);
    if (known == 0)
        raise_about(PyExc_TypeError, "immortalize() takes a SharedMap, SharedSet, SharedVector or Blob, not ", object,
                    ": share() it first");
    return known > 0 ? 0 : -1;
}

PyObject *
immortalize(PyObject *Py_UNUSED(module), PyObject *object)
{
    cell c;
    if (encode_immortal(object, &c) < 0)
        return NULL;
    walk_below w = {.enter = is_mortal, .leave = mark};
    int result = walk_from(&w, block_of_object(c));
    cell_release(c);
    return result == 0 ? Py_NewRef(object) : NULL;
}

/* ---- for tests ---- */

typedef struct {
    address_map met;
    bool failed;
    unsigned long long blocks, immortal, references;
} census;

static bool
census_enter(void *arg, block *b)
{
    census *found = arg;
    address_key key = {(uintptr_t)b, 0, 0};
    if (address_find(&found->met, key) != NULL)
        return false;
    found->failed |= !address_add(&found->met, key, 0);
    return !found->failed;
}

static void
census_leave(void *arg, block *b)
{
    census *found = arg;
    found->blocks++;
    found->immortal += block_is_immortal(b);
    found->references += atomic_load_explicit(&b->count, memory_order_relaxed);
}

PyObject *
count_shared_blocks(PyObject *Py_UNUSED(module), PyObject *object)
{
    cell c;
    if (encode_immortal(object, &c) < 0)
        return NULL;
    census found = {0};
    walk_below w = {.enter = census_enter, .leave = census_leave, .arg = &found};
    int result = walk_from(&w, block_of_object(c));
    address_free(&found.met);
    cell_release(c);
    if (result < 0)
        return NULL;
    return found.failed ? PyErr_NoMemory() : Py_BuildValue("KKK", found.blocks, found.immortal, found.references);
}
