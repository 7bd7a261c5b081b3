#include "atomic/tally.h"

#include "platform/budget.h"

enum { FIRST_BITS = 6, MOST_BITS = 31 };

/* Where the search for a hash begins: by Fibonacci hashing (Knuth), because hashes of ints differ in few bits. */
static inline uint32_t
place_of(const tally *self, Py_hash_t hash)
{
    return (uint32_t)(((uint64_t)hash * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - self->bits));
}

static inline uint32_t
place_after(const tally *self, uint32_t place)
{
    return (place + 1) & (((uint32_t)1 << self->bits) - 1);
}

/* Twice the places, and room for entries in half of them. False: out of memory (exception set), and nothing has changed. */
NO_INLINE static bool
tally_grow(tally *self)
{
    unsigned bits = self->places != NULL ? self->bits + 1 : FIRST_BITS;
    uint32_t room = (uint32_t)1 << (bits - 1);
    uint32_t *places = bits <= MOST_BITS ? PyMem_Calloc((size_t)room * 2, sizeof(uint32_t)) : NULL;
    tally_entry *entries = places != NULL ? PyMem_Realloc(self->entries, room * sizeof(tally_entry)) : NULL;
    if (entries == NULL) {
        PyMem_Free(places);
        PyErr_NoMemory();
        return false;
    }
    PyMem_Free(self->places);
    *self = (tally){entries, places, self->count, room, bits};
    for (uint32_t i = 0; i < self->count; i++) {
        uint32_t place = place_of(self, entries[i].hash);
        while (places[place] != 0)
            place = place_after(self, place);
        places[place] = i + 1;
    }
    return true;
}

/* 1, 0, or -1 (exception set). May run arbitrary code, which does not reach the tally. */
static inline int
keys_equal(PyObject *a, PyObject *b)
{
    if (a == b)
        return 1;
    if (LIKELY(PyUnicode_CheckExact(a) && PyUnicode_CheckExact(b)))
        return unicode_equal(a, b);
    return PyObject_RichCompareBool(a, b, Py_EQ);
}

/* Counts one key (stolen). */
static bool
tally_key(tally *self, PyObject *key)
{
    Py_hash_t hash = PyUnicode_CheckExact(key) ? unicode_known_hash(key) : -1;
    if ((hash == -1 && (hash = PyObject_Hash(key)) == -1) || (self->count == self->room && !tally_grow(self))) {
        Py_DECREF(key);
        return false;
    }
    uint32_t place = place_of(self, hash);
    for (; self->places[place] != 0; place = place_after(self, place)) {
        tally_entry *entry = &self->entries[self->places[place] - 1];
        int equal = entry->hash == hash ? keys_equal(entry->key, key) : 0;
        if (equal == 0)
            continue;
        entry->times += equal > 0;
        Py_DECREF(key);
        return equal > 0;
    }
    self->entries[self->count] = (tally_entry){key, hash, 1};
    self->places[place] = ++self->count;
    return true;
}

bool
tally_keys(tally *self, PyObject *keys)
{
    PyObject *iterator = PyObject_GetIter(keys), *key;
    if (iterator == NULL)
        return false;
    bool done = true;
    budget left = BUDGET;
    while (done && (key = PyIter_Next(iterator)) != NULL)
        done = tally_key(self, key) && budget_spend(&left, 1);
    Py_DECREF(iterator);
    return done && !PyErr_Occurred();
}

void
tally_release(tally *self)
{
    while (self->count > 0)
        Py_DECREF(self->entries[--self->count].key);
    PyMem_Free(self->entries);
    PyMem_Free(self->places);
}
