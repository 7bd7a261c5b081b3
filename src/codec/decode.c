/* The walk of decode: one item after the other, a stack of what is open, and a stack of values. Nothing is taken on
 * trust: a length is compared with the bytes that are left before anything is made for it, and each error says where it
 * is. */

#include "codec/decode.h"

#include "codec/errors.h"
#include "codec/order.h"

#include <math.h>

/* Returns -1: what begins at `start` is wrong. */
#define REFUSE(start, ...) (encoding_error(__VA_ARGS__), error_at_offset(start, false))

/* The first byte of an item and the number in it. */
typedef struct {
    unsigned major;
    uint64_t argument;
} head;

static int
ends_early(size_t start)
{
    return REFUSE(start, "the data ends within the item that begins here");
}

static uint64_t
big_endian(const unsigned char *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The head at d->at, which is passed; not of a float. `start`: of the item, for errors. */
static int
read_head(decoder *d, size_t start, head *h)
{
    if (d->at == d->size)
        return d->size == start ? REFUSE(start, "the data ends where an item should begin") : ends_early(start);
    unsigned char first = d->data[d->at++];
    unsigned low = first & 31;
    h->major = first >> 5;
    h->argument = low;
    if (LIKELY(low < 24))
        return 0;
    if (low > 27)
        return low == 31 ? REFUSE(start, "an indefinite length, which is not allowed here")
                         : REFUSE(start, "byte 0x%02x begins no item", first);
    unsigned bytes = 1u << (low - 24);
    if (d->size - d->at < bytes)
        return ends_early(start);
    h->argument = big_endian(d->data + d->at, bytes);
    d->at += bytes;
    uint64_t least = low == 24 ? 24 : (uint64_t)1 << 4 * bytes;
    if (h->argument < least)
        return REFUSE(start, "a number or length in more bytes than it needs");
    return 0;
}

static int
push_value(decoder *d, PyObject *value)
{
    if (value == NULL)
        return -1;
    if (d->count == d->values_room) {
        size_t room = d->values_room == 0 ? 64 : d->values_room * 2;
        PyObject **values = PyMem_Realloc(d->values, room * sizeof *values);
        if (values == NULL) {
            Py_DECREF(value);
            PyErr_NoMemory();
            return -1;
        }
        d->values = values;
        d->values_room = room;
    }
    d->values[d->count++] = value;
    return 0;
}

/* ---- atoms ---- */

/* The `h->argument` bytes of a string, which are passed; NULL (exception set): there are not so many. */
static const unsigned char *
take_bytes(decoder *d, size_t start, const head *h)
{
    if (h->argument > d->size - d->at) {
        ends_early(start);
        return NULL;
    }
    const unsigned char *bytes = d->data + d->at;
    d->at += (size_t)h->argument;
    return bytes;
}

static PyObject *
read_text(decoder *d, size_t start, const head *h)
{
    const unsigned char *bytes = take_bytes(d, start, h);
    if (bytes == NULL)
        return NULL;
    PyObject *text = PyUnicode_DecodeUTF8((const char *)bytes, (Py_ssize_t)h->argument, NULL);
    if (UNLIKELY(text == NULL) && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear(); /* it has a copy of all the bytes */
        (void)REFUSE(start, "text that is no UTF-8");
    }
    return text;
}

#define KNOWN_SIZE 32 /* bytes of the longest text that is remembered */

/* Where a text is remembered; NULL (exception set). */
static PyObject **
known_place(decoder *d, const unsigned char *bytes, size_t size)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    if (d->known == NULL && (d->known = PyMem_Calloc(KNOWN_TEXTS, sizeof *d->known)) == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return &d->known[(hash ^ hash >> 16) % KNOWN_TEXTS];
}

/* The key of a map within another container: tables have the same few again and again. One object stands for all of
 * them, which has its hash already. */
static PyObject *
read_repeated_text(decoder *d, size_t start, const head *h)
{
    size_t size = (size_t)h->argument;
    if (h->argument > KNOWN_SIZE || h->argument > d->size - d->at)
        return read_text(d, start, h);
    PyObject **place = known_place(d, d->data + d->at, size);
    if (place == NULL)
        return NULL;
    if (*place != NULL && (size_t)PyUnicode_GET_LENGTH(*place) == size
        && memcmp(PyUnicode_DATA(*place), d->data + d->at, size) == 0) {
        d->at += size;
        return Py_NewRef(*place);
    }
    PyObject *text = read_text(d, start, h);
    if (text != NULL && PyUnicode_IS_ASCII(text))
        Py_XSETREF(*place, Py_NewRef(text));
    return text;
}

static PyObject *
read_bytes(decoder *d, size_t start, const head *h)
{
    const unsigned char *bytes = take_bytes(d, start, h);
    return bytes != NULL ? PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)h->argument) : NULL;
}

static PyObject *
read_negative(uint64_t argument)
{
    if (LIKELY(argument <= INT64_MAX))
        return PyLong_FromLongLong(-1 - (long long)argument);
    PyObject *magnitude = PyLong_FromUnsignedLongLong(argument);
    PyObject *number = magnitude != NULL ? PyNumber_Invert(magnitude) : NULL;
    Py_XDECREF(magnitude);
    return number;
}

/* The number of those bytes, the highest first. */
static PyObject *
int_of_bytes(const unsigned char *bytes, size_t size)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromUnsignedNativeBytes(bytes, size, Py_ASNATIVEBYTES_BIG_ENDIAN);
#else
    PyObject *copy = PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size);
    PyObject *order = copy != NULL ? PyUnicode_InternFromString("big") : NULL, *number = NULL;
    if (order != NULL)
        number = call_method((PyObject *)&PyLong_Type, "from_bytes", copy, order);
    Py_XDECREF(copy);
    Py_XDECREF(order);
    return number;
#endif
}

static PyObject *
read_big(decoder *d, size_t start, int64_t tag, const head *h)
{
    const unsigned char *bytes = take_bytes(d, start, h);
    if (bytes == NULL)
        return NULL;
    if (h->argument <= 8 || bytes[0] == 0) {
        (void)REFUSE(start, "an integer in more bytes than it needs");
        return NULL;
    }
    if (h->argument > KEY_INT_BYTES && d->key_floor >= 0) {
        (void)REFUSE(start, "an int of more than %d bits within a key or a member of a set", 8 * KEY_INT_BYTES);
        return NULL;
    }
    PyObject *number = int_of_bytes(bytes, (size_t)h->argument);
    if (number != NULL && tag == TAG_NEGATIVE_BIG)
        Py_SETREF(number, PyNumber_Invert(number));
    return number;
}

static double
half_value(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = (double)(bits & 0x3ff), size;
    if (exponent == 31)
        size = mantissa == 0 ? HUGE_VAL : Py_NAN;
    else
        size = exponent == 0 ? ldexp(mantissa, -24) : ldexp(mantissa + 1024, exponent - 25);
    return bits & 0x8000 ? -size : size;
}

static double
float_value(unsigned char first, uint64_t bits)
{
    double number;
    if (first == BYTE_FLOAT16)
        return half_value(bits);
    if (first == BYTE_FLOAT32) {
        uint32_t narrow = (uint32_t)bits;
        float single;
        memcpy(&single, &narrow, sizeof single);
        return (double)single;
    }
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* None, True, False and floats: d->at is at their first byte. */
static PyObject *
read_simple(decoder *d, size_t start)
{
    unsigned char first = d->data[d->at], again[HEAD_MOST];
    unsigned bytes = 1u << (first & 3); /* of a float: 2, 4 or 8 */
    if (first >= BYTE_FALSE && first <= BYTE_NULL) {
        d->at++;
        return Py_NewRef(first == BYTE_NULL ? Py_None : first == BYTE_TRUE ? Py_True : Py_False);
    }
    if (first < BYTE_FLOAT16 || first > BYTE_FLOAT64) {
        (void)REFUSE(start, "byte 0x%02x begins no item", first);
        return NULL;
    }
    if (d->size - d->at < 1 + bytes) {
        ends_early(start);
        return NULL;
    }
    double number = float_value(first, big_endian(d->data + d->at + 1, bytes));
    if (put_float(again, number) != 1 + bytes || memcmp(again, d->data + d->at, 1 + bytes) != 0) {
        (void)REFUSE(start, "a float in more bytes than it needs, or a NaN other than 0xf97e00");
        return NULL;
    }
    d->at += 1 + bytes;
    return PyFloat_FromDouble(number);
}

/* ---- containers ---- */

static made_kind
kind_of_tag(int64_t tag)
{
    switch (tag) {
    case TAG_NONE: return MADE_VECTOR;
    case TAG_TUPLE: return MADE_TUPLE;
    case TAG_LIST: return MADE_LIST;
    case TAG_SET: return MADE_SET;
    case TAG_MUTABLE_SET: return MADE_MUTABLE_SET;
    case TAG_FROZENSET: return MADE_FROZENSET;
    default: return MADE_PARTS;
    }
}

/* Whether the next item of the frame is a key or member. */
static inline bool
awaits_key(const decoder_frame *f)
{
    return f->kind >= MADE_MAP ? f->left % 2 == 0 : f->kind >= MADE_SET;
}

static int
grow_frames(decoder *d)
{
    Py_ssize_t room = d->room == 0 ? 16 : d->room * 2;
    decoder_frame *frames = PyMem_Realloc(d->frames, (size_t)room * sizeof *frames);
    if (frames == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    d->frames = frames;
    d->room = room;
    return 0;
}

static int
open_frame(decoder *d, size_t start, made_kind kind, int64_t tag, uint64_t argument)
{
    uint64_t width = kind >= MADE_MAP ? 2 : 1;
    if (argument > (d->size - d->at) / width)
        return REFUSE(start, "%llu items are announced, and %zu bytes are left", (unsigned long long)argument,
                      d->size - d->at);
    if (d->depth >= d->max_depth)
        return REFUSE(start, "nested deeper than max_depth=%zd", d->max_depth);
    if (d->key_floor >= 0 && d->depth - d->key_floor >= KEY_DEPTH)
        return REFUSE(start, "a key or a member of a set nests more than %d containers", KEY_DEPTH);
    if (d->depth == d->room && grow_frames(d) < 0)
        return -1;
    d->frames[d->depth++] = (decoder_frame){
        .kind = kind,
        .tag = tag,
        .left = width * argument,
        .start = start,
        .base = d->count,
    };
    return 0;
}

/* Text behind a tag. */
static PyObject *
read_tagged_text(decoder *d, size_t start, int64_t tag, const head *h)
{
    bool is_moment = tag == TAG_TIMESTAMP || tag == TAG_DATE || tag == TAG_DATETIME || tag == TAG_TIME;
    int read_here = is_moment ? calendar_is_in_c(&d->times) : 0;
    if (read_here < 0)
        return NULL;
    if (read_here > 0) {
        const unsigned char *bytes = take_bytes(d, start, h);
        return bytes != NULL ? read_moment(&d->times, tag, bytes, (size_t)h->argument) : NULL;
    }
    PyObject *text = read_text(d, start, h);
    PyObject *value = text != NULL ? decoder_put_together(d, start, tag, text) : NULL;
    Py_XDECREF(text);
    return value;
}

static PyObject *
read_tagged_bytes(decoder *d, size_t start, int64_t tag, const head *h)
{
    if (tag == TAG_BIG || tag == TAG_NEGATIVE_BIG)
        return read_big(d, start, tag, h);
    PyObject *bytes = read_bytes(d, start, h), *value = NULL;
    if (bytes != NULL)
        value = tag == TAG_BYTEARRAY ? PyByteArray_FromObject(bytes) : decoder_put_together(d, start, tag, bytes);
    Py_XDECREF(bytes);
    return value;
}

/* The item after a tag: an array or map, which is opened, or a string. */
static int
read_tagged(decoder *d, size_t start, int64_t tag)
{
    head h;
    PyObject *value;
    if (read_head(d, start, &h) < 0)
        return -1;
    if (h.major == MAJOR_ARRAY && tag != TAG_DICT)
        return open_frame(d, start, kind_of_tag(tag), tag, h.argument);
    if (h.major == MAJOR_MAP && tag == TAG_DICT)
        return open_frame(d, start, MADE_DICT, tag, h.argument);
    if (kind_of_tag(tag) != MADE_PARTS || tag == TAG_DICT || (h.major != MAJOR_TEXT && h.major != MAJOR_BYTES))
        return REFUSE(start, "tag %lld is not known, or not with this content", (long long)tag);
    value = h.major == MAJOR_TEXT ? read_tagged_text(d, start, tag, &h) : read_tagged_bytes(d, start, tag, &h);
    if (value == NULL)
        return error_at_offset(start, true);
    return push_value(d, value);
}

/* Text without a tag. */
static PyObject *
read_plain_text(decoder *d, size_t start, const head *h)
{
    bool repeated = d->depth > 1 && d->frames[d->depth - 1].kind >= MADE_MAP && awaits_key(&d->frames[d->depth - 1]);
    return repeated ? read_repeated_text(d, start, h) : read_text(d, start, h);
}

/* Reads the item at d->at, which begins at `start`: pushes it, or opens it and reads its head alone. */
static int
read_item(decoder *d, size_t start)
{
    head h;
    if (d->at < d->size && d->data[d->at] >> 5 == MAJOR_SIMPLE)
        return push_value(d, read_simple(d, start));
    if (read_head(d, start, &h) < 0)
        return -1;
    switch (h.major) {
    case MAJOR_UNSIGNED: return push_value(d, PyLong_FromUnsignedLongLong(h.argument));
    case MAJOR_NEGATIVE: return push_value(d, read_negative(h.argument));
    case MAJOR_BYTES: return push_value(d, read_bytes(d, start, &h));
    case MAJOR_TEXT: return push_value(d, read_plain_text(d, start, &h));
    case MAJOR_ARRAY: return open_frame(d, start, MADE_VECTOR, TAG_NONE, h.argument);
    case MAJOR_MAP: return open_frame(d, start, MADE_MAP, TAG_NONE, h.argument);
    default:
        if (h.argument > INT32_MAX)
            return REFUSE(start, "tag %llu is not known", (unsigned long long)h.argument);
        return read_tagged(d, start, (int64_t)h.argument);
    }
}

/* ---- the walk ---- */

/* The item that began at `start` is the last on the stack of values: counts it, and looks at it if it is a key. */
static int
item_done(decoder *d, size_t start)
{
    if (d->depth == 0)
        return 0;
    decoder_frame *f = &d->frames[d->depth - 1];
    bool is_key = awaits_key(f);
    f->left--;
    if (!is_key)
        return 0;
    size_t size = d->at - start;
    int order = f->keyed ? bytes_compare(d->data + f->key_at, f->key_size, d->data + start, size) : -1;
    if (UNLIKELY(order >= 0))
        return order == 0 ? REFUSE(start, "a key or member that is there already")
                          : REFUSE(start, "a key or member that should stand before the last one");
    f->keyed = true;
    f->key_at = start;
    f->key_size = size;
    if (f->kind >= MADE_MAP && d->key_floor == d->depth)
        d->key_floor = -1;
    return decoder_check_key(f, d->values[d->count - 1]) < 0 ? error_at_offset(start, true) : 0;
}

/* All items of the innermost frame are there: makes what they are. */
static int
close_frame(decoder *d)
{
    decoder_frame f = d->frames[d->depth - 1];
    PyObject *value = decoder_build(d, &f);
    if (value == NULL)
        return error_at_offset(f.start, true);
    while (d->count > f.base)
        Py_DECREF(d->values[--d->count]);
    d->depth--;
    if (d->key_floor > d->depth)
        d->key_floor = -1;
    if (push_value(d, value) < 0)
        return -1;
    return item_done(d, f.start);
}

static int
decode_item(decoder *d)
{
    size_t start = d->at;
    Py_ssize_t depth = d->depth;
    if (depth > 0 && d->key_floor < 0 && awaits_key(&d->frames[depth - 1]))
        d->key_floor = depth;
    if (!budget_spend(&d->left, 1) || read_item(d, start) < 0)
        return -1;
    if (d->depth == depth && item_done(d, start) < 0)
        return -1;
    while (d->depth > 0 && d->frames[d->depth - 1].left == 0)
        if (close_frame(d) < 0)
            return -1;
    return 0;
}

static void
decoder_close(decoder *d)
{
    while (d->count > 0)
        Py_DECREF(d->values[--d->count]);
    for (size_t i = 0; d->known != NULL && i < KNOWN_TEXTS; i++)
        Py_XDECREF(d->known[i]);
    PyMem_Free(d->known);
    PyMem_Free(d->values);
    PyMem_Free(d->frames);
    calendar_close(&d->times);
}

PyObject *
decoder_run(decoder *d)
{
    PyObject *value = NULL;
    int status;
    d->key_floor = -1;
    d->left = BUDGET;
    do
        status = decode_item(d);
    while (status == 0 && d->depth > 0);
    if (status == 0 && d->at < d->size)
        status = REFUSE(d->at, "%zu bytes behind the value", d->size - d->at);
    if (status == 0)
        value = d->values[--d->count];
    decoder_close(d);
    return value;
}
