/* The order of keys and members: that of their encodings, byte by byte (RFC 8949, 4.2.1). */
#ifndef FROZEN_CODEC_ORDER_H
#define FROZEN_CODEC_ORDER_H

#include "platform/cpython.h"

/* Where an encoded key or member is. */
typedef struct {
    size_t at, size;
} span;

/* What stands for one of many in their order: those with equal words are a group. */
typedef struct {
    uint64_t word;
    size_t index;
} ranked;

/* Sorts by the words, no two of which are the same. The array has ranked_room() bytes. 0; -1: interrupted (exception set). */
int ranked_sort(ranked *group, size_t count);

/* For an array of so many, for as many beside them, and for what sorting by digits counts. */
size_t ranked_room(size_t count);

/* Which of the spans of `bytes` is the first, second ... in order: a block for PyMem_Free, or NULL (exception set).
 * *twice becomes the index of a span that has the bytes of another one, or `count`. Arbitrary code may run where signals
 * are looked at. */
size_t *spans_order(const span *spans, size_t count, const unsigned char *bytes, size_t *twice);

/* Copies what the spans are of into `to`, in that order, one behind the other. */
void spans_gather(const span *spans, const size_t *order, size_t count, const unsigned char *bytes, unsigned char *to);

/* Below 0, 0 or above 0, as memcmp. No encoding is the beginning of another one. */
static inline int
bytes_compare(const unsigned char *a, size_t a_size, const unsigned char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

#endif
