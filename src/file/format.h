/* The bytes of a file of `save`, as docs/file-format.md says: all that both the writer and the reader know.
 *
 * A cell is a word of 64 bits. Its lowest three bits say what the others are: a number, a short text, a constant, or the
 * offset of a box. A box lies behind the boxes that its cells name, so that no way along offsets goes on for ever. */
#ifndef FROZEN_FILE_FORMAT_H
#define FROZEN_FILE_FORMAT_H

#include "platform/cpython.h"

#include <stdint.h>
#include <string.h>

typedef uint64_t cell_word;

enum { TAG_BITS = 3, TAG_MASK = 7 };
enum { CELL_BOX = 0, CELL_INT = 1, CELL_STR = 2, CELL_CONST = 3, CELL_FLOAT = 4 };
enum { CONST_NONE, CONST_FALSE, CONST_TRUE, CONST_COUNT };

/* The kinds of boxes. The numbers are those in the files: they are never used again for something else. */
enum { BOX_STR = 1, BOX_BYTES, BOX_INT, BOX_TUPLE, BOX_FROZENSET, BOX_MAP, BOX_SET, BOX_VECTOR, BOX_CODED };

enum {
    FLAG_ASCII = 1,      /* of a text: all characters are below 128 */
    FLAG_PLAIN_KEYS = 2, /* of a map or set: all keys are texts, bytes, or ints of a cell */
};

typedef struct {
    uint8_t kind;
    uint8_t form; /* of a text the bytes of a character; of a map or set: its index has 2^form slots, 0: it has none */
    uint16_t flags;
    uint32_t size;
} box_head;

typedef struct {
    unsigned char magic[8];
    uint32_t version, flags;
    uint64_t size; /* of the whole file */
    uint64_t seed;
    cell_word root;
    uint64_t body_sum, reserved, head_sum;
} file_header;

#define FILE_MAGIC_BYTES {0x89, 'F', 'R', 'Z', 'N', '\r', '\n', 0x1A}
enum { FILE_VERSION = 1 };
_Static_assert(sizeof(box_head) == 8 && sizeof(file_header) == 64, "the header and the boxes have no gaps");

enum {
    SHORT_STR = 7, /* characters of a text that a cell holds */
    WITHOUT_INDEX = 8, /* entries that are looked through one by one */
    COPIED_DEPTH = 200, /* how deep tuples and frozensets nest: they are copied, by a function that calls itself */
    CONTAINER_DEPTH = 1000, /* how deep everything nests */
};

#define CONST_CELL(n) ((cell_word)(n) << TAG_BITS | CELL_CONST)
#define INT_CELL_MAX (((int64_t)1 << 60) - 1)

static inline bool
int_fits_cell(int64_t value)
{
    return value >= -INT_CELL_MAX - 1 && value <= INT_CELL_MAX;
}

static inline cell_word
int_cell(int64_t value)
{
    return (cell_word)value << TAG_BITS | CELL_INT;
}

/* Arithmetic: the sign is that of the highest bit. */
static inline int64_t
int_of_cell(cell_word c)
{
    return (int64_t)c >> TAG_BITS;
}

/* The cell of a short ASCII text, which has its length in bits 3 to 7 and its characters above; 0: it needs a box. */
static inline cell_word
short_str_cell(PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if (length > SHORT_STR || !PyUnicode_IS_ASCII(text))
        return 0;
    uint64_t characters = 0;
    memcpy(&characters, PyUnicode_1BYTE_DATA(text), (size_t)length);
    return characters << 8 | (cell_word)length << TAG_BITS | CELL_STR;
}

/* ---- sums and hashes ---- */

/* A step that takes words one by one. For a given word it is a bijection of the sum, and for a given sum one of the word:
 * files of which one word differs have different sums. */
static inline uint64_t
sum_step(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9FB21C651E98DF25);
    return sum ^ sum >> 32;
}

static inline uint64_t
sum_of_words(uint64_t sum, const unsigned char *bytes, size_t size)
{
    uint64_t word;
    for (; size >= 8; bytes += 8, size -= 8) {
        memcpy(&word, bytes, 8);
        sum = sum_step(sum, word);
    }
    if (size > 0) {
        word = 0;
        memcpy(&word, bytes, size);
        sum = sum_step(sum, word);
    }
    return sum;
}

/* The two halves of a product of 128 bits, as one word: each bit of both factors changes half of its bits. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), high = (a >> 32) * (b >> 32);
    uint64_t left = (a >> 32) * (b & UINT32_MAX), right = (a & UINT32_MAX) * (b >> 32);
    uint64_t middle = (low >> 32) + (left & UINT32_MAX) + (right & UINT32_MAX);
    high += (left >> 32) + (right >> 32) + (middle >> 32);
    return (middle << 32 | (low & UINT32_MAX)) ^ high;
#endif
}

#define HASH_A UINT64_C(0xA0761D6478BD642F)
#define HASH_B UINT64_C(0xE7037ED1A0B428DB)

static inline uint64_t
hash_end(uint64_t hash)
{
    return fold(hash ^ HASH_A, HASH_B);
}

static inline uint64_t
hash_step(uint64_t hash, uint64_t word)
{
    return fold(hash ^ HASH_A, word ^ HASH_B);
}

static inline uint64_t
word_at(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

/* Up to 7 bytes as a word; the others are 0. */
static inline uint64_t
short_word(const unsigned char *bytes, size_t size)
{
    uint32_t first, last;
    if (size >= 4) {
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + size - 4, 4);
        return first | (uint64_t)last << 8 * (size - 4);
    }
    return size == 0
               ? 0
               : bytes[0] | (uint64_t)bytes[size >> 1] << 8 * (size >> 1) | (uint64_t)bytes[size - 1] << 8 * (size - 1);
}

/* In the manner of wyhash (Wang Yi 2019): two words a step; the last two are those at the end, which may overlap with the
 * ones before. Nothing is read beyond the bytes. */
static inline uint64_t
hash_of_bytes(uint64_t seed, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = seed ^ (uint64_t)size * UINT64_C(0x9E3779B97F4A7C15), a, b;
    if (size < 8) {
        a = short_word(bytes, size);
        b = 0;
    }
    else {
        for (size_t left = size; left > 16; left -= 16, bytes += 16)
            hash = fold(word_at(bytes) ^ HASH_A, word_at(bytes + 8) ^ hash);
        bytes = data;
        a = word_at(bytes + (size > 16 ? size - 16 : 0));
        b = word_at(bytes + size - 8);
    }
    return hash_end(fold(a ^ HASH_A, b ^ hash));
}

/* Whether as many bytes are the same. */
static inline bool
same_bytes(const void *left, const void *right, size_t size)
{
    const unsigned char *a = left, *b = right;
    if (size < 8)
        return short_word(a, size) == short_word(b, size);
    for (size_t i = 0; i + 8 < size; i += 8)
        if (word_at(a + i) != word_at(b + i))
            return false;
    return word_at(a + size - 8) == word_at(b + size - 8);
}

static inline uint64_t
header_sum(const file_header *header)
{
    return sum_of_words(0, (const unsigned char *)header, offsetof(file_header, head_sum));
}

/* How many slots the index of so many entries has, as a power of two: at most three quarters of them are taken. */
static inline unsigned
index_bits(size_t count)
{
    unsigned bits = 4;
    if (count <= WITHOUT_INDEX)
        return 0;
    while (((size_t)1 << bits) * 3 / 4 < count)
        bits++;
    return bits;
}

#endif
