/* Where a map's entries come from: dicts, mappings, pairs, keywords.
 *
 * Everything but a map goes through a dict, CPython's own engine for telling mappings from pairs, keeping the first of
 * equal keys and the last of their values; the dict then becomes a tree in bulk (trees/champ/build.inc.h). */
#ifndef FROZEN_BINDINGS_MAP_SOURCE_INC_H
#define FROZEN_BINDINGS_MAP_SOURCE_INC_H

#include "bindings/keyed/methods.inc.h"

/* The other side's values win, keys that are there stay. */
static const merger map_union = {.keep_left = true, .keep_right = true, .both = BOTH_RIGHT, .count_right = true};

typedef struct {
    PyObject *key, *value;
} object_pair;

/* The items of a dict at one moment, as references of its own. */
typedef struct {
    object_pair *items, few[16];
    Py_ssize_t count;
} snapshot;

/* 0 or -1.  No arbitrary code runs in between. */
static int
snapshot_take(snapshot *s, PyObject *dict)
{
    Py_ssize_t position = 0, size;
    s->count = 0;
    OBJECT_LOCK(dict);
    size = PyDict_GET_SIZE(dict);
    s->items = size <= (Py_ssize_t)(sizeof s->few / sizeof(object_pair))
                   ? s->few
                   : scratch_alloc((size_t)size * sizeof(object_pair));
    if (s->items != NULL) {
        object_pair *next = s->items;
        while (s->count < size && PyDict_Next(dict, &position, &next->key, &next->value)) {
            Py_INCREF(next->key);
            Py_INCREF(next->value);
            next++;
            s->count++;
        }
    }
    OBJECT_UNLOCK();
    return s->items != NULL ? 0 : -1;
}

/* Give up what is left of it, from item `first` on. */
static void
snapshot_release(snapshot *s, Py_ssize_t first)
{
    for (Py_ssize_t i = first; i < s->count; i++) {
        Py_DECREF(s->items[i].key);
        Py_DECREF(s->items[i].value);
    }
    if (s->items != s->few)
        scratch_free(s->items);
}

/* An entry that owns its cells: 0, and the item's references have gone over; or -1. */
static inline int
entry_from_pair(const object_pair *item, entry *out)
{
    probe p;
    if (probe_init(&p, item->key) < 0 || cell_from_key(item->key, &p, &PAIR_KEY(&out->pair)) < 0)
        return -1;
    if (cell_from_object(item->value, &PAIR_VALUE(&out->pair)) < 0) {
        value_not_shareable(item->key);
        cell_release(PAIR_KEY(&out->pair));
        return -1;
    }
    out->hash = p.hash;
    Py_DECREF(item->key);
    Py_DECREF(item->value);
    return 0;
}

/* A tree over pairs with distinct keys, of which the first *made go over; a new reference, or NULL. */
NO_INLINE static champ_node *
root_from_pairs(memory *mem, const object_pair *items, Py_ssize_t count, Py_ssize_t *made)
{
    builder b = {.mem = mem, .left = BUDGET};
    workspace w;
    champ_node *root = NULL;
    *made = 0;
    if ((uint64_t)count >= UINT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "a map of %zd entries built at once; the most is %u", count, UINT32_MAX - 1);
        return NULL;
    }
    if (!workspace_open(&w, (size_t)count))
        return NULL;
    Py_ssize_t i = 0;
    while (i < count && budget_spend(&b.left, 1) && entry_from_pair(&items[i], &w.items[i]) == 0)
        b.any_general |= pair_is_general(&w.items[i++].pair);
    *made = i;
    if (i == count)
        root = champ_build(&b, w.items, w.spare, (size_t)i, 0);
    else
        entries_release(w.items, (size_t)i);
    workspace_close(&w);
    return root;
}

/* The same of a snapshot, which goes over. */
static champ_node *
root_from_snapshot(memory *mem, snapshot *s)
{
    Py_ssize_t made;
    champ_node *root = root_from_pairs(mem, s->items, s->count, &made);
    snapshot_release(s, made);
    return root;
}

static int
has_keys(PyObject *source)
{
    PyObject *keys;
    int status = attribute_if_any(source, "keys", &keys);
    Py_XDECREF(keys);
    return status;
}

/* The items of a list or tuple, if it has two, as new references: how many it has. They are taken at one moment, for
 * other threads may replace those of a list. (PyDict_MergeFromSeq2 borrows them, on free-threaded builds, too.) */
static Py_ssize_t
take_two(PyObject *sequence, PyObject **first, PyObject **second)
{
    Py_ssize_t length;
    OBJECT_LOCK(sequence);
    length = PySequence_Fast_GET_SIZE(sequence);
    if (length == 2) {
        *first = Py_NewRef(PySequence_Fast_GET_ITEM(sequence, 0));
        *second = Py_NewRef(PySequence_Fast_GET_ITEM(sequence, 1));
    }
    OBJECT_UNLOCK();
    return length;
}

/* What no pair is: TypeError, or ValueError if it has another length.  An error of its iteration stays. */
static int
no_pair(PyObject *item, Py_ssize_t index, Py_ssize_t length)
{
    if (length >= 0)
        raise_about(PyExc_ValueError, "expected pairs of key and value, got ", item, " as number %zd, of length %zd",
                    index, length);
    else if (Py_TYPE(item)->tp_iter == NULL && !PySequence_Check(item)) {
        PyErr_Clear();
        raise_about(PyExc_TypeError, "expected pairs of key and value, got ", item, " as number %zd", index);
    }
    return -1;
}

/* The pair that an iterable yielded as number `index` into the dict: 0 or -1. */
static int
dict_add_pair(PyObject *dict, PyObject *item, Py_ssize_t index)
{
    bool fast = PyTuple_CheckExact(item) || PyList_CheckExact(item);
    PyObject *both = fast ? Py_NewRef(item) : tuple_of(item), *key = NULL, *value = NULL;
    Py_ssize_t length = both != NULL ? take_two(both, &key, &value) : -1;
    Py_XDECREF(both);
    if (length != 2)
        return no_pair(item, index, length);
    int status = PyDict_SetItem(dict, key, value);
    Py_DECREF(key);
    Py_DECREF(value);
    return status;
}

/* All that an iterable yields. */
static int
dict_add_each(PyObject *dict, PyObject *pairs)
{
    PyObject *item, *iter = PyObject_GetIter(pairs);
    budget left = BUDGET;
    int status = iter != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && (item = PyIter_Next(iter)) != NULL; i++) {
        status = budget_spend(&left, 1) ? dict_add_pair(dict, item, i) : -1;
        Py_DECREF(item);
    }
    Py_XDECREF(iter);
    return status < 0 || PyErr_Occurred() ? -1 : 0;
}

/* Add pairs: those of `source.items()`, if there is such a method, otherwise those that `source` iterates over. */
static int
dict_add_pairs(PyObject *dict, PyObject *source)
{
    PyObject *items, *pairs;
    int status = attribute_if_any(source, "items", &items);
    if (status < 0)
        return -1;
    pairs = status ? PyObject_CallNoArgs(items) : Py_NewRef(source);
    Py_XDECREF(items);
    status = pairs != NULL ? dict_add_each(dict, pairs) : -1;
    Py_XDECREF(pairs);
    return status;
}

/* A new dict of what `source` offers: a mapping, something with items(), an iterable of pairs; NULL: none of these. */
static PyObject *
dict_from_source(PyObject *source)
{
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    int status = is_any_dict(source) ? 1 : has_keys(source);
    if (status >= 0)
        status = status ? PyDict_Update(dict, source) : dict_add_pairs(dict, source);
    if (status < 0)
        Py_CLEAR(dict);
    return dict;
}

/* A key and a value as cells for the length of a call: 0, then pair_close() ends it; or -1 (exception set). */
static inline int
pair_open(PyObject *key, const probe *p, PyObject *value, pair *opened)
{
    if (key_open(key, p, &PAIR_KEY(opened)) < 0)
        return -1;
    if (cell_open(value, &PAIR_VALUE(opened)) == 0)
        return 0;
    value_not_shareable(key);
    cell_close(PAIR_KEY(opened));
    return -1;
}

static inline void
pair_close(const pair *opened)
{
    cell_close(PAIR_VALUE(opened));
    cell_close(PAIR_KEY(opened));
}

/* transient_put with objects. */
static int
transient_set(memory *mem, transient *d, PyObject *key, PyObject *value)
{
    probe p;
    pair in;
    if (probe_init(&p, key) < 0 || pair_open(key, &p, value, &in) < 0)
        return -1;
    int status = transient_put(mem, d, &p, PAIR_KEY(&in), PAIR_VALUE(&in));
    pair_close(&in);
    return status;
}

/* The entries one by one, all or none. */
NO_INLINE static int
transient_set_items(memory *mem, transient *d, const object_pair *items, Py_ssize_t count)
{
    transient_changes changes = {0};
    budget left = BUDGET;
    int status;
    if (count == 1)
        return transient_set(mem, d, items->key, items->value);
    do {
        if ((status = transient_begin(d, &changes)) < 0)
            return -1;
        for (Py_ssize_t i = 0; i < count && status == 0; i++)
            status = budget_spend(&left, 1) ? transient_set(mem, &changes.next, items[i].key, items[i].value) : -1;
    } while (!transient_commit(d, &changes, status));
    return status;
}

/* A few entries are put one by one, many are built and merged. */
static int
transient_update_from_dict(memory *mem, transient *d, PyObject *dict)
{
    snapshot s;
    int status;
    if (snapshot_take(&s, dict) < 0)
        return -1;
    if (s.count > d->count / 4) {
        transient other = {.count = s.count};
        other.root = root_from_snapshot(mem, &s);
        status = other.root != NULL ? transient_merge(mem, d, &other, &map_union) : -1;
        transient_clear(&other);
    }
    else {
        status = transient_set_items(mem, d, s.items, s.count);
        snapshot_release(&s, 0);
    }
    return status;
}

/* Take over what a map, a mapping or an iterable of pairs holds: 0 or -1. */
static int
transient_update_from(memory *mem, family *types, transient *d, PyObject *source)
{
    if (PyObject_TypeCheck(source, types->container)) {
        transient other = {ROOT(source), COUNT(source)};
        return transient_merge(mem, d, &other, &map_union);
    }
    if (PyDict_CheckExact(source))
        return transient_update_from_dict(mem, d, source);
    PyObject *dict = dict_from_source(source);
    if (dict == NULL)
        return -1;
    int status = transient_update_from_dict(mem, d, dict);
    Py_DECREF(dict);
    return status;
}

/* The entries of several sources and of keywords, in this order; `keywords` is a dict or NULL. */
static int
transient_update_all(memory *mem, family *types, transient *d, PyObject *const *sources, Py_ssize_t count,
                     PyObject *keywords)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (transient_update_from(mem, types, d, sources[i]) < 0)
            return -1;
    if (keywords != NULL && PyDict_Size(keywords) > 0)
        return transient_update_from_dict(mem, d, keywords);
    return 0;
}

#endif
