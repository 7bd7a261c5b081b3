/* The table of tickets, one for the process, outside of any interpreter.
 *
 * A ticket's number is its place and the count of tickets issued before it, so that a place that is used again makes a
 * new number. Places are in segments, each twice as large as the one before: a segment is allocated and freed outside
 * of the lock, and no place ever moves.
 *
 * Tickets with a deadline are also in a binary heap, the next one to expire first.  Each call that changes the table
 * ends a few tickets that have expired, so a call takes O(log n) steps under the lock that all interpreters share, and
 * expired tickets become fewer with each ticket that is issued.  Values are released after the lock. */

#include "shared/tickets.h"

#include "platform/fork.h"
#include "platform/clock.h"
#include "platform/spinlock.h"

#include <stdlib.h>

enum {
    FIRST_SEGMENT = 16, /* places; segment s has FIRST_SEGMENT << s of them */
    SEGMENTS = 27,      /* together fewer places than 32 bits can number */
    EXPIRED_A_CALL = 8,
};

#define NOWHERE UINT32_MAX

typedef struct {
    cell value; /* NO_CELL: this place is free */
    int64_t deadline;
    uint32_t issue; /* the ticket's number is made of it */
    uint32_t uses;  /* redemptions left */
    uint32_t link;  /* free: the next free place of the segment; taken: its index in the heap, or NOWHERE */
    uint32_t heap; /* has nothing to do with this ticket: entry number `place` of the heap, the place of another one */
} ticket;

typedef struct {
    ticket *places;
    uint32_t taken, free; /* `free`: the first free place, or NOWHERE */
} segment;

static struct {
    ref_mutex lock;
    uint32_t segments, issued, with_deadline;
    segment segment[SEGMENTS];
} table = {.lock = REF_MUTEX_INIT};

static uint32_t
segment_size(uint32_t s)
{
    return (uint32_t)FIRST_SEGMENT << s;
}
static uint32_t
segment_start(uint32_t s)
{
    return segment_size(s) - FIRST_SEGMENT;
}

/* What a call took out of the table, to be released after it has given back the lock. */
typedef struct {
    cell values[EXPIRED_A_CALL + 1];
    ticket *segments[SEGMENTS];
    unsigned value_count, segment_count;
} removed;

static void
removed_release(const removed *gone)
{
    for (unsigned i = 0; i < gone->value_count; i++)
        cell_release_detached(gone->values[i]);
    for (unsigned i = 0; i < gone->segment_count; i++)
        free(gone->segments[i]);
}

/* ---- places; all functions called table_* and heap_* are called with the lock held ---- */

/* The highest bit of `place / FIRST_SEGMENT + 1`. */
static uint32_t
segment_of(uint32_t place)
{
#if defined(__GNUC__) || defined(__clang__)
    return 31 - (uint32_t)__builtin_clz(place / FIRST_SEGMENT + 1);
#else
    uint32_t s = 0;
    while (place >= segment_start(s + 1))
        s++;
    return s;
#endif
}

static ticket *
table_at(uint32_t place)
{
    uint32_t s = segment_of(place);
    return &table.segment[s].places[place - segment_start(s)];
}

/* Borrowed, or NULL: no such ticket any more. */
static ticket *
table_find(uint64_t number)
{
    uint32_t place = (uint32_t)number;
    if (place >= segment_start(table.segments))
        return NULL;
    ticket *t = table_at(place);
    return t->value != NO_CELL && t->issue == number >> 32 ? t : NULL;
}

/* ---- the heap: no entry expires before its parent ---- */

static ticket *
heap_ticket(uint32_t entry)
{
    return table_at(table_at(entry)->heap);
}

static void
heap_put(uint32_t entry, uint32_t place)
{
    table_at(entry)->heap = place;
    table_at(place)->link = entry;
}

/* Puts `place` at the entry or above or below it, wherever its deadline belongs. */
static void
heap_settle(uint32_t entry, uint32_t place)
{
    int64_t deadline = table_at(place)->deadline;
    for (; entry > 0 && heap_ticket((entry - 1) / 2)->deadline > deadline; entry = (entry - 1) / 2)
        heap_put(entry, table_at((entry - 1) / 2)->heap);
    for (uint32_t child; (child = 2 * entry + 1) < table.with_deadline; entry = child) {
        if (child + 1 < table.with_deadline && heap_ticket(child + 1)->deadline < heap_ticket(child)->deadline)
            child++;
        if (heap_ticket(child)->deadline >= deadline)
            break;
        heap_put(entry, table_at(child)->heap);
    }
    heap_put(entry, place);
}

static void
heap_remove(uint32_t entry)
{
    uint32_t last = table_at(--table.with_deadline)->heap;
    if (entry != table.with_deadline)
        heap_settle(entry, last);
}

/* ---- taking a place and giving it back ---- */

/* A free place, of the lowest segment that has one, or NOWHERE. */
static uint32_t
table_take(void)
{
    for (uint32_t s = 0; s < table.segments; s++) {
        segment *in = &table.segment[s];
        if (in->free != NOWHERE) {
            uint32_t place = in->free;
            in->free = table_at(place)->link;
            in->taken++;
            return place;
        }
    }
    return NOWHERE;
}

/* The last segment goes when it is empty and the one before it at most half full; so the next ticket does not bring it
 * back.  (The heap has no more entries than there are tickets: they fit into the segments that stay.) */
static void
table_shrink(removed *gone)
{
    while (table.segments > 1) {
        uint32_t last = table.segments - 1;
        if (table.segment[last].taken > 0 || table.segment[last - 1].taken > segment_size(last - 1) / 2)
            return;
        gone->segments[gone->segment_count++] = table.segment[last].places;
        table.segments = last;
    }
}

static void
table_remove(uint32_t place, removed *gone)
{
    ticket *t = table_at(place);
    segment *in = &table.segment[segment_of(place)];
    if (t->link != NOWHERE)
        heap_remove(t->link);
    gone->values[gone->value_count++] = t->value;
    t->value = NO_CELL;
    t->link = in->free;
    in->free = place;
    in->taken--;
    table_shrink(gone);
}

static void
table_expire(int64_t time, removed *gone)
{
    while (gone->value_count < EXPIRED_A_CALL && table.with_deadline > 0 && heap_ticket(0)->deadline <= time)
        table_remove(table_at(0)->heap, gone);
}

/* One more segment behind `segments` of them, allocated outside of the lock: 0, or -1 (exception set). */
static int
add_segment(uint32_t s)
{
    uint32_t size = segment_size(s), start = segment_start(s);
    ticket *places = s < SEGMENTS ? malloc(size * sizeof(ticket)) : NULL;
    if (places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < size; i++)
        places[i] = (ticket){.value = NO_CELL, .link = i + 1 < size ? start + i + 1 : NOWHERE};
    ref_mutex_lock(&table.lock);
    bool added = table.segments == s;
    if (added) {
        table.segment[s] = (segment){.places = places, .free = start};
        table.segments = s + 1;
    }
    ref_mutex_unlock(&table.lock);
    if (!added) /* another thread was faster */
        free(places);
    return 0;
}

/* ---- what handles do ---- */

int
ticket_issue(cell value, uint32_t uses, int64_t deadline, uint64_t *number)
{
    for (;;) {
        removed gone = {.value_count = 0};
        int64_t time = monotonic_microseconds();
        ref_mutex_lock(&table.lock);
        table_expire(time, &gone);
        uint32_t segments = table.segments, place = table_take();
        if (place != NOWHERE) {
            ticket *t = table_at(place);
            *t = (ticket){.value = value,
                          .deadline = deadline,
                          .issue = ++table.issued,
                          .uses = uses,
                          .link = NOWHERE,
                          .heap = t->heap};
            *number = (uint64_t)t->issue << 32 | place;
            if (deadline != NO_DEADLINE)
                heap_settle(table.with_deadline++, place);
        }
        ref_mutex_unlock(&table.lock);
        removed_release(&gone);
        if (place != NOWHERE)
            return 0;
        if (add_segment(segments) < 0)
            return -1;
    }
}

bool
ticket_redeem(uint64_t number, cell *value)
{
    removed gone = {.value_count = 0};
    int64_t time = monotonic_microseconds();
    ref_mutex_lock(&table.lock);
    table_expire(time, &gone);
    ticket *t = table_find(number);
    bool found = t != NULL && t->deadline > time, last = t != NULL && (!found || --t->uses == 0);
    if (found) {
        *value = t->value;
        cell_retain(*value);
    }
    if (last)
        table_remove((uint32_t)number, &gone);
    ref_mutex_unlock(&table.lock);
    removed_release(&gone);
    return found;
}

bool
ticket_revoke(uint64_t number)
{
    removed gone = {.value_count = 0};
    ref_mutex_lock(&table.lock);
    bool found = table_find(number) != NULL;
    if (found)
        table_remove((uint32_t)number, &gone);
    ref_mutex_unlock(&table.lock);
    removed_release(&gone);
    return found;
}

size_t
ticket_places(void)
{
    ref_mutex_lock(&table.lock);
    size_t places = segment_start(table.segments);
    ref_mutex_unlock(&table.lock);
    return places;
}

int
tickets_setup(void)
{
    return fork_guard(&table.lock, 1);
}
