/* Look-ups: an open-addressing index with linear probing (Knuth, TAOCP 6.4, algorithm L). A slot has 32 bits of the hash
 * beside the number of the entry, so that other keys are seldom looked at. At most eight entries have no index.
 *
 * Texts and ints are compared as cells and bytes, and nothing is made. For all other keys, and where the map has
 * others, an object of the key in the file is made and asked whether it is equal, as a dict does. */

#include "file/keyed.h"

#include "file/hash.h"
#include "platform/budget.h"

typedef struct {
    PyObject *key;
    cell_word word; /* the cell that equals the key; 0: there is none */
    const void *data; /* of a long text; NULL: it is none */
    size_t bytes;
    uint32_t length;
    uint8_t form;
} sought;

static sought
sought_key(PyObject *key)
{
    sought s = {.key = key};
    if (PyUnicode_CheckExact(key)) {
        s.word = short_str_cell(key);
        if (s.word == 0 && (uint64_t)PyUnicode_GET_LENGTH(key) <= UINT32_MAX) {
            s.length = (uint32_t)PyUnicode_GET_LENGTH(key);
            s.form = (uint8_t)PyUnicode_KIND(key);
            s.bytes = (size_t)s.length * s.form;
            s.data = PyUnicode_DATA(key);
        }
    }
    else if (PyLong_CheckExact(key)) {
        Py_ssize_t small;
        if (LIKELY(small_int_value(key, &small)))
            s.word = int_cell((int64_t)small);
        else {
            int overflow;
            long long value = PyLong_AsLongLongAndOverflow(key, &overflow);
            if (overflow == 0 && int_fits_cell(value))
                s.word = int_cell(value);
        }
    }
    return s;
}

/* `hash`: Python's of the key, if the two are compared only where it is the same, as a dict does; -1: it was compared. */
static int
equal_as_objects(file_view *self, cell_word c, PyObject *key, Py_hash_t hash)
{
    PyObject *stored = file_object(self->image, c, self->at, true);
    if (stored == NULL)
        return -1;
    int equal = 1;
    if (hash != -1) {
        Py_hash_t other = PyObject_Hash(stored);
        if (other == -1)
            equal = -1;
        else if (other != hash)
            equal = 0;
    }
    if (equal == 1)
        equal = PyObject_RichCompareBool(stored, key, Py_EQ);
    Py_DECREF(stored);
    return equal;
}

/* Whether a cell of the map is the key: 1, 0, or -1 (exception set). `hash` is for equal_as_objects. */
static inline int
file_key_is(file_view *self, cell_word c, const sought *s, Py_hash_t hash)
{
    if (s->word != 0) {
        if (c == s->word)
            return 1;
        if (LIKELY(self->plain_keys))
            return 0;
    }
    else if (s->data != NULL && (c & TAG_MASK) == CELL_BOX) {
        const box_head *head = c < self->at ? file_box(self->image, c, s->bytes) : NULL;
        if (UNLIKELY(head == NULL) && (c >= self->at || file_box(self->image, c, 0) == NULL)) {
            file_damaged(self->image, self->at, "is damaged: an offset that leads out of it, or ahead");
            return -1;
        }
        if (head != NULL && head->kind == BOX_STR && head->size == s->length && head->form == s->form
            && same_bytes(head + 1, s->data, s->bytes))
            return 1;
        if (LIKELY(self->plain_keys))
            return 0;
    }
    else if (s->data != NULL && LIKELY(self->plain_keys))
        return 0;
    return equal_as_objects(self, c, s->key, hash);
}

/* Of at most eight entries. Objects are compared where Python's hashes are the same: an `__eq__` that says yes to
 * everything, or warns (bytes, with -b), is asked no more than in a Map. */
static int
find_without_index(file_view *self, const sought *s, Py_ssize_t *index)
{
    Py_ssize_t width = file_entry_width(self);
    Py_hash_t hash = PyObject_Hash(s->key);
    if (hash == -1)
        return -1;
    for (Py_ssize_t i = 0; i < self->count; i++) {
        int equal = file_key_is(self, self->cells[i * width], s, hash);
        if (equal != 0) {
            *index = i;
            return equal;
        }
    }
    return 0;
}

static int
sought_hash(file_view *self, const sought *s, uint64_t *hash)
{
    uint64_t seed = self->image->seed;
    if (PyUnicode_CheckExact(s->key))
        *hash = file_hash_of_text(s->key, seed);
    else if (s->word != 0)
        *hash = file_hash_of_int(int_of_cell(s->word), seed);
    else
        return file_hash(s->key, seed, hash);
    return 0;
}

static int
find(file_view *self, PyObject *key, Py_ssize_t *index)
{
    uint64_t hash, slot;
    sought s = sought_key(key);
    if (self->slots == NULL)
        return find_without_index(self, &s, index);
    if (UNLIKELY(sought_hash(self, &s, &hash) < 0))
        return -1;
    budget steps = BUDGET;
    uint64_t mask = (UINT64_C(1) << self->bits) - 1;
    Py_ssize_t width = file_entry_width(self);
    for (uint64_t i = hash & mask, left = mask + 1; left > 0 && (slot = self->slots[i]) != 0;
         i = (i + 1) & mask, left--) {
        if (UNLIKELY(!budget_spend(&steps, 1)))
            return -1;
        if (slot >> 32 != hash >> 32)
            continue;
        Py_ssize_t entry = (Py_ssize_t)(uint32_t)slot - 1;
        if (UNLIKELY(entry < 0 || entry >= self->count)) {
            file_damaged(self->image, self->at, "is damaged: an index that leads to no entry");
            return -1;
        }
        int equal = file_key_is(self, self->cells[entry * width], &s, -1);
        if (equal != 0) {
            *index = entry;
            return equal;
        }
    }
    return 0;
}

int
file_find(file_view *self, PyObject *key, Py_ssize_t *index)
{
    int found = find(self, key, index);
    return LIKELY(found < 0 || file_is_whole(self->image)) ? found : -1;
}
