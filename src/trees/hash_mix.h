/* How CPython mixes the hashes of members into that of a tuple or frozenset, the same in all versions of it. */
#ifndef FROZEN_TREES_HASH_MIX_H
#define FROZEN_TREES_HASH_MIX_H

#include <stddef.h>
#include <stdint.h>

/* The constants of CPython's tuple hash (xxHash, Collet) and frozenset hash. */
#define TUPLE_PRIME_1 UINT64_C(11400714785074694791)
#define TUPLE_PRIME_2 UINT64_C(14029467366897019727)
#define TUPLE_PRIME_5 UINT64_C(2870177450012600261)

/* What a tuple's hash begins with, before its members. */
#define TUPLE_HASH_START TUPLE_PRIME_5

static inline uint64_t
tuple_lane(uint64_t acc, uint64_t lane)
{
    acc += lane * TUPLE_PRIME_2;
    acc = (acc << 31) | (acc >> 33);
    return acc * TUPLE_PRIME_1;
}

/* The hash of a tuple whose `length` members went through tuple_lane. */
static inline uint64_t
tuple_hash_end(uint64_t acc, size_t length)
{
    acc += (uint64_t)length ^ (TUPLE_PRIME_5 ^ UINT64_C(3527539));
    return acc == UINT64_MAX ? UINT64_C(1546275796) : acc;
}

/* hash((key, value)) */
static inline uint64_t
pair_hash(uint64_t key, uint64_t value)
{
    return tuple_hash_end(tuple_lane(tuple_lane(TUPLE_HASH_START, key), value), 2);
}

/* One member's share in the hash of a frozenset. */
static inline uint64_t
member_hash(uint64_t hash)
{
    return ((hash ^ UINT64_C(89869747)) ^ (hash << 16)) * UINT64_C(3644798167);
}

/* hash(frozenset) of `count` members whose shares XOR to `shares`. */
static inline uint64_t
frozenset_hash(uint64_t shares, size_t count)
{
    uint64_t hash = shares ^ ((uint64_t)count + 1) * UINT64_C(1927868237);
    hash ^= (hash >> 11) ^ (hash >> 25);
    hash = hash * 69069 + UINT64_C(907133923);
    return hash == UINT64_MAX ? UINT64_C(590923713) : hash;
}

#endif
