/* Sorting encodings. What all of a group begin with is skipped; the eight bytes behind it are a number, by which the
 * group is sorted, one byte after the other from the last; those whose numbers are the same are a group again. Few, and
 * groups within groups within groups, are sorted by merging, so that no input takes long. */

#include "codec/order.h"

#define FEW 16 /* are sorted by insertion */
#define MANY 512 /* are sorted by their digits, and fewer by merging */
#define COUNTS 2048 /* of each digit that there can be */
#define VERY_MANY 16384 /* are sorted by digits of 11 bits instead of 8: two thirds of the passes, more to count */
#define LEVELS 6 /* of groups that are sorted by their digits */

typedef struct {
    const span *spans;
    const unsigned char *bytes;
    size_t *counts; /* COUNTS of them, if there are MANY spans */
    budget left;
} sorting;

static inline const unsigned char *
bytes_of(const sorting *s, const ranked *r)
{
    return s->bytes + s->spans[r->index].at;
}

/* How many bytes all of them begin with. */
static size_t
common_beginning(const sorting *s, const ranked *group, size_t count)
{
    const unsigned char *first = bytes_of(s, group);
    size_t common = s->spans[group[0].index].size;
    for (size_t i = 1; i < count && common > 0; i++) {
        const unsigned char *other = bytes_of(s, &group[i]);
        size_t most = Py_MIN(common, s->spans[group[i].index].size), same = 0;
        while (same < most && first[same] == other[same])
            same++;
        common = same;
    }
    return common;
}

/* The eight bytes behind the first `skip`; zeros stand where it has ended. */
static uint64_t
word_of(const sorting *s, const ranked *r, size_t skip)
{
    const unsigned char *bytes = bytes_of(s, r) + skip;
    size_t size = s->spans[r->index].size - skip;
    if (LIKELY(size >= 8))
        return (uint64_t)bytes[0] << 56 | (uint64_t)bytes[1] << 48 | (uint64_t)bytes[2] << 40 | (uint64_t)bytes[3] << 32
               | (uint64_t)bytes[4] << 24 | (uint64_t)bytes[5] << 16 | (uint64_t)bytes[6] << 8 | bytes[7];
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++)
        word = word << 8 | (i < size ? bytes[i] : 0);
    return word;
}

static inline bool
ranked_less(const sorting *s, const ranked *a, const ranked *b)
{
    if (LIKELY(a->word != b->word))
        return a->word < b->word;
    return bytes_compare(bytes_of(s, a), s->spans[a->index].size, bytes_of(s, b), s->spans[b->index].size) < 0;
}

static void
insertion_sort(const sorting *s, ranked *group, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        ranked moved = group[i];
        size_t j = i;
        for (; j > 0 && ranked_less(s, &moved, &group[j - 1]); j--)
            group[j] = group[j - 1];
        group[j] = moved;
    }
}

/* Two sorted runs side by side into `to`. */
static void
merge(const sorting *s, const ranked *from, size_t left, size_t count, ranked *to)
{
    size_t i = 0, j = left;
    for (size_t k = 0; k < count; k++)
        to[k] = i < left && (j == count || !ranked_less(s, &from[j], &from[i])) ? from[i++] : from[j++];
}

/* 0; -1: interrupted (exception set). */
static int
merge_sort(sorting *s, ranked *group, ranked *spare, size_t count)
{
    ranked *from = group, *to = spare;
    for (size_t i = 0; i < count; i += FEW)
        insertion_sort(s, group + i, Py_MIN(FEW, count - i));
    for (size_t run = FEW; run < count; run *= 2) {
        for (size_t i = 0; i < count; i += 2 * run) {
            size_t both = Py_MIN(2 * run, count - i);
            if (!budget_spend(&s->left, both))
                return -1;
            merge(s, from + i, Py_MIN(run, both), both, to + i);
        }
        ranked *other = from;
        from = to;
        to = other;
    }
    if (from != group)
        memcpy(group, from, count * sizeof *group);
    return 0;
}

/* By one digit of the words; what is the same there keeps its order. */
static void
sort_by_digit(size_t *counts, const ranked *from, ranked *to, size_t count, unsigned shift, uint64_t mask)
{
    size_t sum = 0;
    memset(counts, 0, ((size_t)mask + 1) * sizeof *counts);
    for (size_t i = 0; i < count; i++)
        counts[from[i].word >> shift & mask]++;
    for (size_t digit = 0; digit <= mask; digit++) {
        size_t size = counts[digit];
        counts[digit] = sum;
        sum += size;
    }
    for (size_t i = 0; i < count; i++)
        to[counts[from[i].word >> shift & mask]++] = from[i];
}

/* By those digits of the words in which some differ. */
static void
sort_by_words(size_t *counts, ranked *group, ranked *spare, size_t count)
{
    uint64_t differing = 0;
    for (size_t i = 1; i < count; i++)
        differing |= group[i].word ^ group[0].word;
    ranked *from = group, *to = spare;
    unsigned width = count < VERY_MANY ? 8 : 11;
    uint64_t mask = ((uint64_t)1 << width) - 1;
    for (unsigned shift = 0; shift < 64; shift += width) {
        if ((differing >> shift & mask) == 0)
            continue;
        sort_by_digit(counts, from, to, count, shift, mask);
        ranked *other = from;
        from = to;
        to = other;
    }
    if (from != group)
        memcpy(group, from, count * sizeof *group);
}

size_t
ranked_room(size_t count)
{
    return 2 * count * sizeof(ranked) + (count >= MANY ? COUNTS * sizeof(size_t) : 0);
}

int
ranked_sort(ranked *group, size_t count)
{
    sorting s = {.left = BUDGET}; /* without spans: words that differ are not looked behind */
    if (count < MANY)
        return merge_sort(&s, group, group + count, count);
    sort_by_words((size_t *)(group + 2 * count), group, group + count, count);
    return 0;
}

/* 0; -1: interrupted (exception set). */
static int
sort_group(sorting *s, ranked *group, ranked *spare, size_t count, unsigned level)
{
    if (!budget_spend(&s->left, count))
        return -1;
    size_t skip = common_beginning(s, group, count);
    for (size_t i = 0; i < count; i++)
        group[i].word = word_of(s, &group[i], skip);
    if (count < MANY || level == LEVELS)
        return merge_sort(s, group, spare, count);
    sort_by_words(s->counts, group, spare, count);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && group[end].word == group[begin].word;)
            end++;
        if (end - begin > 1 && sort_group(s, group + begin, spare, end - begin, level + 1) < 0)
            return -1;
    }
    return 0;
}

static size_t
first_twice(const sorting *s, const ranked *sorted, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const span *a = &s->spans[sorted[i - 1].index], *b = &s->spans[sorted[i].index];
        if (sorted[i - 1].word == sorted[i].word && a->size == b->size
            && memcmp(s->bytes + a->at, s->bytes + b->at, a->size) == 0)
            return sorted[i].index;
    }
    return count;
}

size_t *
spans_order(const span *spans, size_t count, const unsigned char *bytes, size_t *twice)
{
    sorting s = {.spans = spans, .bytes = bytes, .left = BUDGET};
    ranked *group = count < SIZE_MAX / 64 ? PyMem_Malloc(ranked_room(count)) : NULL;
    if (group == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    s.counts = (size_t *)(group + 2 * count);
    for (size_t i = 0; i < count; i++)
        group[i].index = i;
    if (sort_group(&s, group, group + count, count, 0) < 0) {
        PyMem_Free(group);
        return NULL;
    }
    *twice = first_twice(&s, group, count);
    size_t *order = (size_t *)group; /* what comes later stands behind what is written */
    for (size_t i = 0; i < count; i++)
        order[i] = group[i].index;
    size_t *shrunk = PyMem_Realloc(order, count * sizeof *order); /* it is kept while the values are written */
    return shrunk != NULL ? shrunk : order;
}

void
spans_gather(const span *spans, const size_t *order, size_t count, const unsigned char *bytes, unsigned char *to)
{
    for (size_t i = 0; i < count; i++) {
        const span *next = &spans[order[i]];
        memcpy(to, bytes + next->at, next->size);
        to += next->size;
    }
}
