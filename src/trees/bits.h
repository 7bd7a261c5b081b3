/* The branching factor and the arithmetic of bitmaps. No other file spells 5 or 32. */
#ifndef FROZEN_TREES_BITS_H
#define FROZEN_TREES_BITS_H

#include <stdint.h>

/* Bits of the hash (or index) that one level consumes. 5 wins get and memory per entry, 4 wins set and memory per kept
 * version; the product's benchmarks decide, and tests also run with 2, for deep trees out of few entries. */
#ifndef CORE_BITS
#define CORE_BITS 5
#endif
#if CORE_BITS < 1 || CORE_BITS > 5
#error "CORE_BITS must be 1 to 5: a bitmap has 32 bits"
#endif

#define BRANCHES (1u << CORE_BITS)
#define LEVEL_MASK (BRANCHES - 1)
#define HASH_BITS 64
/* levels that consume hash bits; a trie has one level more, of collision nodes */
#define HASH_LEVELS ((HASH_BITS + CORE_BITS - 1) / CORE_BITS)

typedef uint32_t bitmap;

/* bits_count() of a processor without the instruction. */
static inline unsigned
bits_count_portable(bitmap map)
{
    map -= (map >> 1) & 0x55555555u;
    map = (map & 0x33333333u) + ((map >> 2) & 0x33333333u);
    return (((map + (map >> 4)) & 0x0F0F0F0Fu) * 0x01010101u) >> 24;
}

static inline unsigned
bits_count(bitmap map)
{
#if (defined(__GNUC__) || defined(__clang__)) && (defined(__POPCNT__) || !defined(__x86_64__))
    return (unsigned)__builtin_popcount(map);
#else
#if defined(__GNUC__) || defined(__clang__)
    /* The instruction is worth a quarter of a lookup in small maps and is absent from the x86-64 baseline only in
     * name: ask the processor (one predicted branch) instead of compiling everything twice. */
    if (__builtin_expect(__builtin_cpu_supports("popcnt") != 0, 1)) {
        unsigned count;
        __asm__("popcntl %1, %0" : "=r"(count) : "r"(map) : "cc");
        return count;
    }
#endif
    return bits_count_portable(map);
#endif
}

/* The number of trailing zeros of a map that is not empty: the index of its first member. */
static inline unsigned
bits_first(bitmap map)
{
#if defined(__GNUC__) || defined(__clang__)
    return (unsigned)__builtin_ctz(map);
#else
    return bits_count((map & (0u - map)) - 1);
#endif
}

/* The number of members of `map` below `bit`: the array index of what `bit` denotes. */
static inline unsigned
bits_rank(bitmap map, bitmap bit)
{
    return bits_count(map & (bit - 1));
}

/* The digit of `hash` that chooses a branch at the level which starts at bit `shift`. */
static inline unsigned
hash_digit(uint64_t hash, unsigned shift)
{
    return (unsigned)(hash >> shift) & LEVEL_MASK;
}

static inline bitmap
hash_bit(uint64_t hash, unsigned shift)
{
    return (bitmap)1 << hash_digit(hash, shift);
}

#endif
