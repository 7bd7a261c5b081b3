/* The format: docs/encoding.md says what it is and why. Here are its numbers.
 *
 * CBOR (RFC 8949) in its core deterministic encoding (section 4.2.1): one encoding for each value. What follows is known
 * to C; of the other tags `frozen/_encoding.py` knows what they mean. */
#ifndef FROZEN_CODEC_FORMAT_H
#define FROZEN_CODEC_FORMAT_H

#include "module.h"

enum { MAJOR_UNSIGNED, MAJOR_NEGATIVE, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };

enum {
    BYTE_FALSE = 0xf4,
    BYTE_TRUE = 0xf5,
    BYTE_NULL = 0xf6,
    BYTE_FLOAT16 = 0xf9,
    BYTE_FLOAT32 = 0xfa,
    BYTE_FLOAT64 = 0xfb,
};

/* An array without a tag is a Vector, a map without one a Map. Tags from 39200 on are ours. */
enum {
    TAG_TIMESTAMP = 0, /* RFC 3339: a datetime with a fixed offset of whole minutes */
    TAG_BIG = 2,
    TAG_NEGATIVE_BIG = 3,
    TAG_DECIMAL = 4, /* [exponent, digits] */
    TAG_OBJECT = 27, /* [name of a registered class, ...] */
    TAG_UUID = 37,
    TAG_SET = 258,
    TAG_DATE = 1004,
    TAG_COMPLEX = 43000,
    TAG_TUPLE = 39200,
    TAG_LIST = 39201,
    TAG_DICT = 39202,
    TAG_MUTABLE_SET = 39203,
    TAG_FROZENSET = 39204,
    TAG_BYTEARRAY = 39205,
    TAG_DATETIME = 39206, /* every other datetime: text, or [text, fold, zone] */
    TAG_TIME = 39207,
    TAG_TIMEDELTA = 39208,
    TAG_NONE = -1, /* no tag */
};

/* Keys and members nest no deeper: CPython hashes tuples by recursion. */
#define KEY_DEPTH 200

/* Ints within keys and members are no longer, in bytes: CPython compares an int with a Decimal, and finds what the parts of
 * a Fraction have in common, in quadratic time. frozen/_encoding.py has the same number of bits. */
#define KEY_INT_BYTES 8192

/* So many keys of one container may have the same hash; RFC 8949's section 10 on crafted collisions. */
#define ALIKE_MOST 64

/* The longest text of a datetime, `2024-01-02T03:04:05.000006+00:00`. */
#define TIME_TEXT 40

#endif
