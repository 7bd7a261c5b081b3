/* The words of a counter, of which each thread adds to one: the same for AtomicCounter and SharedAtomicCounter.
 *
 * Each word has a cache line of its own, so that no two cores pass a line back and forth; the number is the sum of the words.
 *
 * add() takes effect with the one successful exchange of its word. get() loads one word after the other: each add that
 * returned before get() began is in the sum, none that begins afterwards is, and those in between may be. Where all adds
 * have one sign the sum therefore lies between the number at the begin of the call and that at its end, and is the
 * number at an instant in between if each of them adds 1. take() exchanges each word with 0: what an add put there is
 * in the result of exactly one take().
 *
 * The words are of memory of the object, or of a block to which it has a reference, which the caller holds: nothing is freed
 * while they are used. No lock is there to be held across a fork. */
#ifndef FROZEN_ATOMIC_COUNTER_WORDS_H
#define FROZEN_ATOMIC_COUNTER_WORDS_H

#include "module.h"
#include "platform/bounded_repr.h"
#include "platform/fork.h"

/* A word never leaves [-WORD_MAX, WORD_MAX], so that the sum of all is an int64_t. */
#define WORD_MAX (INT64_C(1) << 57)
enum { CACHE_LINE = 64, MOST_WORDS = 32 };

typedef struct {
    _Atomic(int64_t) value;
    char apart[CACHE_LINE - sizeof(int64_t)];
} counter_word;

/* `block` has room for one word more than `count`; *words begins at a line of it. */
static inline counter_word *
words_init(void *block, int count, int64_t value)
{
    counter_word *words = (counter_word *)(((uintptr_t)block + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    for (int i = 0; i < count; i++)
        atomic_init(&words[i].value, i == 0 ? value : 0);
    return words;
}

/* The int that an object means, if a word can hold it; false with an exception set. `title` is the counter's type. */
static inline bool
words_parse(const char *title, PyObject *number, int64_t *value)
{
    int overflow;
    PyObject *index = PyNumber_Index(number);
    if (index == NULL)
        return false;
    *value = PyLong_AsLongLongAndOverflow(index, &overflow);
    bool fits = overflow == 0 && *value >= -WORD_MAX && *value <= WORD_MAX;
    if (!fits) {
        PyObject *shown = bounded_repr(index);
        if (shown != NULL)
            PyErr_Format(PyExc_OverflowError, "%s counts up to 2**57, it cannot add %U", title, shown);
        Py_XDECREF(shown);
    }
    Py_DECREF(index);
    return fits;
}

/* Adds to the calling thread's word; false, with an exception set: the word cannot hold the sum, and is as it was. */
static inline bool
words_add(const char *title, counter_word *words, int count, int64_t by)
{
    _Atomic(int64_t) *word = &words[count > 1 ? thread_number() % (unsigned)count : 0].value;
    int64_t before = atomic_load_explicit(word, memory_order_relaxed), after;
    do {
        after = before + by;
        if (UNLIKELY(after > WORD_MAX || after < -WORD_MAX)) {
            PyErr_Format(PyExc_OverflowError, "%s counts up to 2**57: take() what has been counted in time", title);
            return false;
        }
    } while (!atomic_compare_exchange_weak(word, &before, after));
    return true;
}

static inline int64_t
words_sum(counter_word *words, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += atomic_load(&words[i].value);
    return sum;
}

/* The sum as an int; the words are 0 afterwards. NULL: out of memory (exception set). */
static inline PyObject *
words_take(counter_word *words, int count)
{
    int64_t parts[MOST_WORDS], sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i] = atomic_exchange(&words[i].value, 0);
    PyObject *taken = PyLong_FromLongLong(sum);
    /* Out of memory: each word gets back what was its own, so that nothing is lost. It may then lie beyond WORD_MAX, by
     * what was added in between; an int64_t has room for that. */
    for (int i = 0; taken == NULL && i < count; i++)
        atomic_fetch_add(&words[i].value, parts[i]);
    return taken;
}

#endif
