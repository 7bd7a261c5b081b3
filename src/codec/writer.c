/* Writing what needs no walk: numbers and texts. */

#include "codec/writer.h"

#include <float.h>
#include <math.h>

#include "codec/errors.h"

void
writer_close(writer *w)
{
    PyMem_Free(w->data);
    w->data = NULL;
}

int
writer_grow(writer *w, size_t more)
{
    size_t needed = w->size + more, room = w->room < 64 ? 128 : w->room + w->room / 2;
    if (needed < more || needed > PY_SSIZE_T_MAX)
        goto too_large;
    if (room < needed)
        room = needed;
    unsigned char *data = PyMem_Realloc(w->data, room);
    if (data == NULL)
        goto too_large;
    w->data = data;
    w->room = room;
    return 0;
too_large:
    PyErr_NoMemory();
    return -1;
}

int
write_raw(writer *w, const void *data, size_t size)
{
    if (writer_reserve(w, size) < 0)
        return -1;
    if (size > 0)
        memcpy(w->data + w->size, data, size);
    w->size += size;
    return 0;
}

int
write_block(writer *w, unsigned major, const char *data, size_t size)
{
    return write_head(w, major, size) < 0 ? -1 : write_raw(w, data, size);
}

/* ---- text ---- */

static inline size_t
utf8_size(Py_UCS4 c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static inline unsigned char *
utf8_put(unsigned char *out, Py_UCS4 c)
{
    if (c < 0x80) {
        *out++ = (unsigned char)c;
        return out;
    }
    size_t more = utf8_size(c) - 1;
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (unsigned char)(first[more] | c >> 6 * more);
    while (more > 0)
        *out++ = (unsigned char)(0x80 | ((c >> 6 * --more) & 0x3f));
    return out;
}

/* Not by PyUnicode_AsUTF8AndSize, which keeps the bytes for as long as the str lives. */
int
write_characters(writer *w, int kind, const void *data, size_t length)
{
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        if (UNLIKELY(c >= 0xd800 && c < 0xe000))
            return 0;
        size += utf8_size(c);
    }
    if (write_head(w, MAJOR_TEXT, size) < 0 || writer_reserve(w, size) < 0)
        return -1;
    unsigned char *out = w->data + w->size;
    for (size_t i = 0; i < length; i++)
        out = utf8_put(out, PyUnicode_READ(kind, data, i));
    w->size += size;
    return 1;
}

int
write_ascii(writer *w, const void *data, size_t size)
{
    if (writer_reserve(w, HEAD_MOST + size) < 0)
        return -1;
    w->size += put_head(w->data + w->size, MAJOR_TEXT, size);
    memcpy(w->data + w->size, data, size);
    w->size += size;
    return 0;
}

int
write_text(writer *w, PyObject *text)
{
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0)
        return -1;
#endif
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    if (LIKELY(PyUnicode_IS_ASCII(text)))
        return write_ascii(w, PyUnicode_DATA(text), length);
    int status = write_characters(w, (int)PyUnicode_KIND(text), PyUnicode_DATA(text), length);
    if (status == 0)
        return encoding_error_about(text, "has a lone surrogate, which UTF-8 has not: encode it to bytes first");
    return status < 0 ? -1 : 0;
}

/* ---- numbers ---- */

/* The bytes of an int above zero, the highest first. */
static PyObject *
magnitude_bytes(PyObject *magnitude)
{
    PyObject *bits = call_method(magnitude, "bit_length", NULL, NULL);
    long long count = bits != NULL ? PyLong_AsLongLong(bits) : -1;
    Py_XDECREF(bits);
    if (count < 0)
        return NULL;
    PyObject *size = PyLong_FromLongLong((count + 7) / 8), *order = PyUnicode_InternFromString("big");
    PyObject *bytes = size != NULL && order != NULL ? call_method(magnitude, "to_bytes", size, order) : NULL;
    Py_XDECREF(size);
    Py_XDECREF(order);
    return bytes;
}

/* An int that no int64_t holds: as a head while 64 bits hold its magnitude, as a byte string beyond. */
static int
write_large_int(writer *w, PyObject *number, bool negative, bool in_key)
{
    PyObject *magnitude = negative ? PyNumber_Invert(number) : Py_NewRef(number);
    if (magnitude == NULL)
        return -1;
    int status = -1;
    unsigned long long small = PyLong_AsUnsignedLongLong(magnitude);
    if (small != (unsigned long long)-1 || !PyErr_Occurred()) {
        status = write_head(w, negative ? MAJOR_NEGATIVE : MAJOR_UNSIGNED, small);
    }
    else if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        PyObject *bytes = magnitude_bytes(magnitude);
        if (bytes != NULL && in_key && PyBytes_GET_SIZE(bytes) > KEY_INT_BYTES)
            status = encoding_error("an int of more than %d bits within a key or a member of a set", 8 * KEY_INT_BYTES);
        else if (bytes != NULL)
            status = write_tagged_head(w, negative ? TAG_NEGATIVE_BIG : TAG_BIG, MAJOR_BYTES,
                                       (uint64_t)PyBytes_GET_SIZE(bytes))
                     || write_raw(w, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
        Py_XDECREF(bytes);
    }
    Py_DECREF(magnitude);
    return status != 0 ? -1 : 0;
}

int
write_int(writer *w, PyObject *number, bool in_key)
{
    int overflow = 0;
    Py_ssize_t small;
    long long value = small_int_value(number, &small) ? small : PyLong_AsLongLongAndOverflow(number, &overflow);
    if (UNLIKELY(overflow != 0))
        return write_large_int(w, number, overflow < 0, in_key);
    return value >= 0 ? write_head(w, MAJOR_UNSIGNED, (uint64_t)value)
                      : write_head(w, MAJOR_NEGATIVE, ~(uint64_t)value);
}

/* The 16 bits of a number that is no NaN, if they hold it. */
static bool
half_of(float number, uint32_t *half)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, mantissa = bits & 0x7fffff;
    int exponent = (int)(bits >> 23 & 0xff) - 127;
    if (exponent == 128 || (exponent == -127 && mantissa == 0)) { /* an infinity or a zero */
        *half = sign | (exponent == 128 ? 0x7c00 : 0);
        return true;
    }
    if (exponent > 15 || exponent < -24)
        return false;
    unsigned lost = exponent >= -14 ? 13 : (unsigned)(13 + -14 - exponent);
    uint32_t whole = exponent >= -14 ? mantissa : mantissa | 0x800000; /* below, the leading 1 is written */
    if (whole & ((1u << lost) - 1))
        return false;
    *half = sign | (exponent >= -14 ? (uint32_t)(exponent + 15) << 10 : 0) | whole >> lost;
    return true;
}

size_t
put_float(unsigned char *out, double number)
{
    uint64_t bits;
    uint32_t half = 0x7e00, single;
    float narrow = 0;
    bool fits = isnan(number);
    if (!fits && (isinf(number) || fabs(number) <= FLT_MAX)) {
        narrow = (float)number;
        fits = (double)narrow == number;
        if (fits && !half_of(narrow, &half)) {
            out[0] = BYTE_FLOAT32;
            memcpy(&single, &narrow, sizeof single);
            put_big_endian(out + 1, (uint64_t)single << 32);
            return 5;
        }
    }
    if (fits) {
        out[0] = BYTE_FLOAT16;
        put_big_endian(out + 1, (uint64_t)half << 48);
        return 3;
    }
    out[0] = BYTE_FLOAT64;
    memcpy(&bits, &number, sizeof bits);
    put_big_endian(out + 1, bits);
    return 9;
}
