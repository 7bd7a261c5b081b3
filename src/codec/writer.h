/* Bytes in the making: a block that grows, and the heads of CBOR. All functions that return int return 0, or -1 with an
 * exception set. */
#ifndef FROZEN_CODEC_WRITER_H
#define FROZEN_CODEC_WRITER_H

#include "codec/format.h"

typedef struct {
    unsigned char *data;
    size_t size, room;
} writer;

void writer_close(writer *w);

/* Room for `more` bytes behind those that are there. */
int writer_grow(writer *w, size_t more);

static inline int
writer_reserve(writer *w, size_t more)
{
    return LIKELY(w->room - w->size >= more) ? 0 : writer_grow(w, more);
}

/* The bytes of a number, the highest first: compilers make one store of it. */
static inline void
put_big_endian(unsigned char *out, uint64_t bits)
{
    out[0] = (unsigned char)(bits >> 56);
    out[1] = (unsigned char)(bits >> 48);
    out[2] = (unsigned char)(bits >> 40);
    out[3] = (unsigned char)(bits >> 32);
    out[4] = (unsigned char)(bits >> 24);
    out[5] = (unsigned char)(bits >> 16);
    out[6] = (unsigned char)(bits >> 8);
    out[7] = (unsigned char)bits;
}

#define HEAD_MOST 9

/* Returns the size of the head; there is room for HEAD_MOST bytes, and those behind the head may be written, too. */
static inline size_t
put_head(unsigned char *out, unsigned major, uint64_t argument)
{
    unsigned char first = (unsigned char)(major << 5);
    if (argument < 24) {
        out[0] = first | (unsigned char)argument;
        return 1;
    }
    unsigned power = argument < 1 << 8 ? 0 : argument < 1 << 16 ? 1 : argument < (uint64_t)1 << 32 ? 2 : 3;
    unsigned bytes = 1u << power;
    out[0] = first | (unsigned char)(24 + power);
    put_big_endian(out + 1, argument << (64 - 8 * bytes));
    return 1 + bytes;
}

static inline int
write_head(writer *w, unsigned major, uint64_t argument)
{
    if (writer_reserve(w, HEAD_MOST) < 0)
        return -1;
    w->size += put_head(w->data + w->size, major, argument);
    return 0;
}

/* `tag` may be TAG_NONE. */
static inline int
write_tagged_head(writer *w, int64_t tag, unsigned major, uint64_t argument)
{
    if (tag != TAG_NONE && write_head(w, MAJOR_TAG, (uint64_t)tag) < 0)
        return -1;
    return write_head(w, major, argument);
}

static inline int
write_byte(writer *w, unsigned char byte)
{
    if (writer_reserve(w, 1) < 0)
        return -1;
    w->data[w->size++] = byte;
    return 0;
}

int write_block(writer *w, unsigned major, const char *data, size_t size);
int write_raw(writer *w, const void *data, size_t size);
int write_text(writer *w, PyObject *text);
int write_ascii(writer *w, const void *data, size_t size);

/* Text of 1, 2 or 4 bytes a character, as PyUnicode_KIND says: 1; 0: nothing is written, for it has a lone surrogate; or -1. */
int write_characters(writer *w, int kind, const void *data, size_t length);

/* `in_key`: within a key or a member of a set, where it may not be of any size. */
int write_int(writer *w, PyObject *number, bool in_key);

/* An int that fits into 64 bits and has a sign. */
static inline bool
int_fits(PyObject *o, int64_t *value)
{
    Py_ssize_t small;
    int overflow = 0;
    if (LIKELY(small_int_value(o, &small))) {
        *value = small;
        return true;
    }
    if (!PyLong_CheckExact(o))
        return false;
    *value = PyLong_AsLongLongAndOverflow(o, &overflow);
    return overflow == 0;
}

/* Ranks of ints are in the order of their encodings: the major type is the highest bit, the argument is the rest. */
static inline uint64_t
int_rank(int64_t value)
{
    return value >= 0 ? (uint64_t)value : (uint64_t)1 << 63 | ~(uint64_t)value;
}

static inline unsigned
rank_major(uint64_t rank)
{
    return rank >> 63 ? MAJOR_NEGATIVE : MAJOR_UNSIGNED;
}

static inline uint64_t
rank_argument(uint64_t rank)
{
    return rank & ~((uint64_t)1 << 63);
}

static inline int
write_int64(writer *w, int64_t number)
{
    uint64_t rank = int_rank(number);
    return write_head(w, rank_major(rank), rank_argument(rank));
}

static inline int
write_any_int(writer *w, PyObject *number, bool in_key)
{
    Py_ssize_t small;
    return LIKELY(small_int_value(number, &small)) ? write_int64(w, small) : write_int(w, number, in_key);
}

/* The shortest of 16, 32 and 64 bits that holds the number; one encoding for all NaNs. Writes at most HEAD_MOST bytes,
 * and returns how many. */
size_t put_float(unsigned char *out, double number);

static inline int
write_float(writer *w, double number)
{
    if (writer_reserve(w, HEAD_MOST) < 0)
        return -1;
    w->size += put_float(w->data + w->size, number);
    return 0;
}

#endif
