/* One function for each kind of box that is written as it lies in memory. Every other kind is written by its object: large
 * ints, what registered functions encode, members of enums, and what has its bytes from frozen/_encoding.py. */

#include "codec/cells.h"

#include "codec/times.h"
#include "shared/native.h"

/* 1, 0 or -1, as write_cell. */
typedef int (*box_writer)(writer *w, const box *b, Py_ssize_t levels);

static inline int
written(int status)
{
    return status < 0 ? -1 : 1;
}

static int
write_int_box(writer *w, const box *b, Py_ssize_t Py_UNUSED(levels))
{
    return written(write_int64(w, b->integer));
}

static int
write_float_box(writer *w, const box *b, Py_ssize_t Py_UNUSED(levels))
{
    return written(write_float(w, b->real));
}

static int
write_bytes_box(writer *w, const box *b, Py_ssize_t Py_UNUSED(levels))
{
    return written(write_block(w, MAJOR_BYTES, (const char *)b->data, b->size));
}

/* A lone surrogate is refused where there is an object to show. */
static int
write_str_box(writer *w, const box *b, Py_ssize_t Py_UNUSED(levels))
{
    if (LIKELY(block_flags(&b->head) & BOX_ASCII))
        return written(write_ascii(w, b->data, b->size));
    return write_characters(w, b->head.form, b->data, b->size);
}

/* ---- everyday values ---- */

static int
write_moment_box(writer *w, const box *b, Py_ssize_t Py_UNUSED(levels))
{
    return write_shared_moment(w, (native_form)b->head.form, native_words(b));
}

/* [days, seconds, microseconds] */
static int
write_timedelta_box(writer *w, const box *b, Py_ssize_t levels)
{
    const uint64_t *words = native_words(b);
    if (levels < 1)
        return 0;
    if (write_tagged_head(w, TAG_TIMEDELTA, MAJOR_ARRAY, 3) < 0 || write_int64(w, (int64_t)words[0]) < 0
        || write_int64(w, (int64_t)(words[1] >> 20)) < 0)
        return -1;
    return written(write_int64(w, (int64_t)(words[1] & 0xFFFFF)));
}

/* The number's 16 bytes; whether it is safe is no part of it. */
static int
write_uuid_box(writer *w, const box *b, Py_ssize_t Py_UNUSED(levels))
{
    unsigned char bytes[16];
    put_big_endian(bytes, native_words(b)[1]);
    put_big_endian(bytes + 8, native_words(b)[0]);
    if (write_head(w, MAJOR_TAG, TAG_UUID) < 0)
        return -1;
    return written(write_block(w, MAJOR_BYTES, (const char *)bytes, sizeof bytes));
}

/* A Decimal as [exponent, digits]. */
typedef struct {
    int64_t exponent, digits;
} scaled;

/* Reads digits up to `end`, at most 16 of them; returns behind the last one. */
static const char *
decimal_digits(const char *at, const char *end, int64_t *number)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (*at - '0');
    return at;
}

/* `-12.5E+3`, as str() writes it, with at most 16 characters. False: infinite, no number, or a zero with a sign. */
static bool
read_decimal(const char *at, const char *end, scaled *out)
{
    bool negative = at < end && *at == '-';
    int64_t digits = 0, exponent = 0;
    const char *begin = at + negative, *next = decimal_digits(begin, end, &digits);
    if (next == begin)
        return false;
    if (next < end && *next == '.') {
        const char *fraction = next + 1;
        next = decimal_digits(fraction, end, &digits);
        exponent = -(int64_t)(next - fraction);
    }
    if (next < end && (*next == 'E' || *next == 'e')) {
        int64_t power = 0;
        bool below = next + 1 < end && next[1] == '-';
        next = decimal_digits(next + 2, end, &power);
        exponent += below ? -power : power;
    }
    *out = (scaled){exponent, negative ? -digits : digits};
    return next == end && !(negative && digits == 0);
}

static int
write_decimal_box(writer *w, const box *b, Py_ssize_t levels)
{
    const char *text = (const char *)native_words(b);
    scaled number;
    size_t length = 0;
    while (length < NATIVE_WORDS * sizeof(uint64_t) && text[length] != '\0')
        length++;
    if (levels < 1 || b->size > 0 || !read_decimal(text, text + length, &number))
        return 0;
    if (write_tagged_head(w, TAG_DECIMAL, MAJOR_ARRAY, 2) < 0 || write_int64(w, number.exponent) < 0)
        return -1;
    return written(write_int64(w, number.digits));
}

/* NULL: by its object. */
static const box_writer native_writers[NATIVE_FORMS] = {
    [NATIVE_DATE] = write_moment_box, [NATIVE_DATETIME] = write_moment_box,     [NATIVE_TIME] = write_moment_box,
    [NATIVE_UUID] = write_uuid_box,   [NATIVE_TIMEDELTA] = write_timedelta_box, [NATIVE_DECIMAL] = write_decimal_box,
};

static int
write_native_box(writer *w, const box *b, Py_ssize_t levels)
{
    box_writer write = native_writers[b->head.form];
    return write != NULL ? write(w, b, levels) : 0;
}

static const box_writer box_writers[KIND_COUNT] = {
    [KIND_INT] = write_int_box, [KIND_FLOAT] = write_float_box,   [KIND_BYTES] = write_bytes_box,
    [KIND_STR] = write_str_box, [KIND_NATIVE] = write_native_box,
};

/* ---- words ---- */

static int
write_short_str(writer *w, cell c)
{
    unsigned length = cell_str_length(c);
    if (writer_reserve(w, 1 + CELL_STR_MAX) < 0)
        return -1;
    unsigned char *out = w->data + w->size;
    *out++ = (unsigned char)(MAJOR_TEXT << 5 | length);
    cell_str_copy(c, (char *)out);
    w->size += 1 + length;
    return 1;
}

static int
write_constant(writer *w, cell c)
{
    switch (c) {
    case CELL_NONE: return written(write_byte(w, BYTE_NULL));
    case CELL_FALSE: return written(write_byte(w, BYTE_FALSE));
    case CELL_TRUE: return written(write_byte(w, BYTE_TRUE));
    default: return 0;
    }
}

int
write_cell(writer *w, cell c, Py_ssize_t levels)
{
    switch (cell_tag(c)) {
    case TAG_INT: return written(write_int64(w, cell_int(c)));
    case TAG_STR: return write_short_str(w, c);
    case TAG_CONSTANT: return write_constant(w, c);
    default: break;
    }
    box_writer write = box_writers[cell_block(c)->kind];
    return write != NULL ? write(w, cell_box(c), levels) : 0;
}
