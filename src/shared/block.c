/* Allocation and freeing of counted blocks, and the table of their kinds. */

#include "shared/block.h"
#include "shared/cell.h"

#include "platform/fork.h"
#include "platform/thread_local.h"

#include <stdlib.h>

/* ---- counting ---- */

/* How many blocks are alive, for tests, at next to no cost: each of the first threads that make or free blocks has a
 * counter that no other thread writes, so it needs no atomic addition.  Threads with later numbers share the other
 * counters.  A counter outlives its thread, because the thread's blocks do. */
#define OWNED 256
#define COMMON 16
typedef struct {
    _Alignas(64) atomic_long alive;
} counter;
static counter counters[OWNED + COMMON];

static FROZEN_THREAD_LOCAL counter *counter_of_thread; /* NULL: not known yet */

static counter *
counter_find(void)
{
    uint64_t number = thread_number();
    return counter_of_thread = &counters[number < OWNED ? number : OWNED + number % COMMON];
}

static inline void
count_alive(long change)
{
    counter *c = counter_of_thread;
    if (UNLIKELY(c == NULL))
        c = counter_find();
    if (LIKELY(c < counters + OWNED)) {
        long alive = atomic_load_explicit(&c->alive, memory_order_relaxed);
        atomic_store_explicit(&c->alive, alive + change, memory_order_relaxed);
    }
    else
        atomic_fetch_add_explicit(&c->alive, change, memory_order_relaxed);
}

long
blocks_alive(void)
{
    long sum = 0;
    for (int i = 0; i < OWNED + COMMON; i++)
        sum += atomic_load_explicit(&counters[i].alive, memory_order_relaxed);
    return sum;
}

/* ---- the table of kinds ---- */

_Atomic(const kind_row *) kind_table[KIND_COUNT];

void
kind_register(block_kind kind, const kind_row *row)
{
    atomic_store_explicit(&kind_table[kind], row, memory_order_relaxed);
}

node_contents
block_contents(block *b)
{
    const kind_row *row = kind_row_of(b);
    return row->contents != NULL ? row->contents(b) : (node_contents){0};
}

/* ---- allocation ---- */

typedef void *allocator(size_t size);

/* For tests: the allocation that finds 0 fails. */
static atomic_long allocations_until_failure = -1;

static void *
malloc_until_failure(size_t size)
{
    return atomic_fetch_sub(&allocations_until_failure, 1) == 0 ? NULL : malloc(size);
}

/* A function of another library is called through a pointer in any case: that tests can put theirs here costs nothing
 * more. */
static _Atomic(allocator *) allocate = malloc;

long
block_fail_after(long count)
{
    long left = atomic_exchange(&allocations_until_failure, count);
    atomic_store(&allocate, count >= 0 ? malloc_until_failure : malloc);
    return left;
}

void *
block_alloc(size_t size, block_kind kind)
{
    block *b = atomic_load_explicit(&allocate, memory_order_relaxed)(size);
    if (b == NULL)
        return NULL;
    atomic_init(&b->count, 1);
    b->kind = (uint8_t)kind;
    b->form = 0;
    atomic_init(&b->flags, 0);
    count_alive(1);
    return b;
}

void
block_make_immortal(block *b)
{
    /* The store may take the place of another thread's count: nothing depends on a count from here on, because the
     * caller holds a reference.  release: pairs with block_is_immortal(). */
    uint32_t before = atomic_exchange_explicit(&b->count, COUNT_IMMORTAL, memory_order_acq_rel);
    if (before < COUNT_MARKED)
        count_alive(-1);
}

/* ---- freeing ---- */

/* Dead blocks wait for their turn in a list through their own heads: a dead block needs no count any more.  malloc
 * aligns to 16 bytes and addresses have less than 60 bits, so the next block's address and this one's kind share a
 * word. */
_Static_assert(sizeof(block) == sizeof(uint64_t), "the link of dead blocks takes the place of the head");

static block *
dead_push(block *list, block *b)
{
    uint64_t link = (uint64_t)(uintptr_t)list << 4 | b->kind;
    memcpy(b, &link, sizeof link);
    return b;
}

static block *
dead_pop(block *b)
{
    uint64_t link;
    memcpy(&link, b, sizeof link);
    b->kind = (uint8_t)link;
    return (block *)(uintptr_t)(link >> 8 << 4);
}

/* Drop everything that `b` owns; what dies with it joins the list. */
static block *
drop_contents(block *b, block *list)
{
    node_contents held = block_contents(b);
    for (size_t i = 0; i < held.child_count; i++)
        PREFETCH_WRITE(held.children[i]);
    for (size_t i = 0; i < held.cell_count; i++)
        cell_prefetch(held.cells[i]);
    for (size_t i = 0; i < held.cell_count; i++)
        if (cell_is_box(held.cells[i]) && block_drop(cell_block(held.cells[i])))
            list = dead_push(list, cell_block(held.cells[i]));
    for (size_t i = 0; i < held.child_count; i++)
        if (block_drop(held.children[i]))
            list = dead_push(list, held.children[i]);
    return list;
}

_Atomic(uint64_t) block_generations[BLOCK_SETS];

/* The address will be that of another block: step 1 of decoded.h.  Relaxed, because what hands the memory to another
 * thread, and the new block to a reader, orders this before both. */
static inline void
forget_decoded(const block *b)
{
    if (b->kind == KIND_NATIVE || b->kind == KIND_TUPLE)
        atomic_fetch_add_explicit(&block_generations[block_set_of(b)], 1, memory_order_relaxed);
}

void
block_free(block *dead)
{
    block *list = dead_push(NULL, dead);
    while (list != NULL) {
        block *b = list;
        list = dead_pop(b);
        list = drop_contents(b, list);
        forget_decoded(b);
        free(b);
        count_alive(-1);
    }
}
