/* What a vector of any length should hold: the history of operations that made it, read backwards for each cell.
 *
 * A vector of 2^62 cells is made by some dozens of operations, and is an array in no memory.  A rope is the formula
 * instead: a piece of counted cells, two ropes side by side, one many times over, a part of one.  Ropes live until
 * ropes_clear(). */
#ifndef FROZEN_TESTS_RRB_ROPE_H
#define FROZEN_TESTS_RRB_ROPE_H

#include "fake_memory.h"

typedef struct rope {
    enum { PIECE, SINGLE, JOIN, REPEATED, PART } kind;
    size_t count, at; /* PIECE: of its first cell; SINGLE: the cell; PART: where it begins */
    const struct rope *left, *right;
} rope;

enum { ROPES = 1 << 16 };
static rope ropes[ROPES];
static unsigned rope_count;
static const rope no_rope = {.kind = PIECE};

static void
ropes_clear(void)
{
    rope_count = 0;
}

/* No room is left for what one step of a fuzzer makes. */
static bool
ropes_are_used_up(void)
{
    return rope_count > ROPES - 4096;
}

static const rope *
rope_new(rope r)
{
    CHECK(rope_count < ROPES);
    ropes[rope_count] = r;
    return &ropes[rope_count++];
}

/* The cells of pieces: a general one now and then. */
static cell
counted_cell(size_t n)
{
    return n % 1000 | (n % 256 == 255 ? FAKE_GENERAL : 0);
}

static const rope *
rope_piece(size_t first, size_t count)
{
    return count == 0 ? &no_rope : rope_new((rope){.kind = PIECE, .count = count, .at = first});
}

static const rope *
rope_single(cell c)
{
    return rope_new((rope){.kind = SINGLE, .count = 1, .at = c});
}

static const rope *
rope_join(const rope *left, const rope *right)
{
    if (left->count == 0 || right->count == 0)
        return left->count == 0 ? right : left;
    return rope_new((rope){.kind = JOIN, .count = left->count + right->count, .left = left, .right = right});
}

static const rope *
rope_repeat(const rope *r, size_t times)
{
    return r->count == 0 ? r : rope_new((rope){.kind = REPEATED, .count = r->count * times, .left = r});
}

/* The cells [from, to). */
static const rope *
rope_part(const rope *r, size_t from, size_t to)
{
    for (;;) {
        CHECK(from <= to && to <= r->count);
        if (from == to)
            return &no_rope;
        if (from == 0 && to == r->count)
            return r;
        if (r->kind == PIECE)
            return rope_piece(r->at + from, to - from);
        size_t skipped = r->kind == PART ? r->at : 0;
        if (r->kind == JOIN && from >= r->left->count) {
            from -= r->left->count, to -= r->left->count;
            r = r->right;
        }
        else if ((r->kind == JOIN && to <= r->left->count) || r->kind == PART) {
            from += skipped, to += skipped;
            r = r->left;
        }
        else
            return rope_new((rope){.kind = PART, .count = to - from, .at = from, .left = r});
    }
}

static cell
rope_get(const rope *r, size_t index)
{
    for (;;) {
        CHECK(index < r->count);
        switch (r->kind) {
        case PIECE:
            return counted_cell(r->at + index);
        case SINGLE:
            return r->at;
        case JOIN: {
            bool right = index >= r->left->count;
            index -= right ? r->left->count : 0;
            r = right ? r->right : r->left;
            break;
        }
        case REPEATED:
            r = r->left;
            index %= r->count;
            break;
        case PART:
            index += r->at;
            r = r->left;
            break;
        }
    }
}

#endif
