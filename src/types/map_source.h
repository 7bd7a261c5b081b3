/* Where a map's entries come from: dicts, mappings, pairs, keywords.
 *
 * Everything but a map goes through a dict, CPython's own engine for telling mappings from pairs, keeping the first of
 * equal keys and the last of their values; the dict then becomes a tree in bulk (champ_build.h). */
#ifndef FROZEN_TYPES_MAP_SOURCE_H
#define FROZEN_TYPES_MAP_SOURCE_H

#include "types/keyed.h"

/* The other side's values win, keys that are there stay. */
static const merger map_union = {.keep_left = true, .keep_right = true, .both = BOTH_RIGHT, .count_right = true};

typedef struct {
    PyObject *key, *value;
} pair;

/* The items of a dict at one moment, as new references: how many, or -1.  Nothing foreign runs in between. */
static Py_ssize_t
dict_items(PyObject *dict, pair **items)
{
    Py_ssize_t count = 0, position = 0;
    OBJECT_LOCK(dict);
    Py_ssize_t size = PyDict_Size(dict);
    *items = scratch_alloc((size_t)(size ? size : 1) * sizeof(pair));
    if (*items != NULL) {
        pair *next = *items;
        while (count < size && PyDict_Next(dict, &position, &next->key, &next->value)) {
            Py_INCREF(next->key);
            Py_INCREF(next->value);
            next++;
            count++;
        }
    }
    else
        count = -1;
    OBJECT_UNLOCK();
    return count;
}

static void
items_release(pair *items, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_DECREF(items[i].key);
        Py_DECREF(items[i].value);
    }
    scratch_free(items);
}

/* An entry that owns its cells: 0 or -1. */
static inline int
entry_from_pair(const pair *item, entry *out)
{
    probe p;
    if (probe_init(&p, item->key) < 0)
        return -1;
    out->hash = p.hash;
    if (cell_from_key(item->key, &p, &SLOT_KEY(&out->slot)) < 0)
        return -1;
    if (cell_from_object(item->value, &SLOT_VALUE(&out->slot)) < 0) {
        value_refused(item->key);
        cell_release(SLOT_KEY(&out->slot));
        return -1;
    }
    return 0;
}

/* A tree over items with distinct keys; a new reference, or NULL. */
static champ_node *
root_from_items(memory *mem, const pair *items, Py_ssize_t count)
{
    if ((uint64_t)count >= UINT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "a map of %zd entries built at once; the most is %u", count, UINT32_MAX - 1);
        return NULL;
    }
    builder b = {.mem = mem};
    workspace w;
    if (!workspace_open(&w, (size_t)count))
        return NULL;
    Py_ssize_t made = 0;
    while (made < count && entry_from_pair(&items[made], &w.items[made]) == 0)
        b.any_general |= slot_is_general(&w.items[made++].slot);
    champ_node *root = NULL;
    if (made == count)
        root = champ_build(&b, w.items, w.spare, (size_t)count, 0);
    else
        entries_release(w.items, (size_t)made);
    workspace_close(&w);
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
    status = pairs != NULL ? PyDict_MergeFromSeq2(dict, pairs, 1) : -1;
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

/* draft_put with objects: what they are as cells ends with the call. */
static int
draft_set(memory *mem, draft *d, PyObject *key, PyObject *value)
{
    probe p;
    cell key_cell, value_cell;
    if (probe_init(&p, key) < 0 || key_open(key, &p, &key_cell) < 0)
        return -1;
    int status = cell_open(value, &value_cell);
    if (status == 0) {
        status = draft_put(mem, d, &p, key_cell, value_cell);
        cell_close(value_cell);
    }
    else
        value_refused(key);
    cell_close(key_cell);
    return status;
}

/* The entries one by one, all or none. */
static int
draft_set_items(memory *mem, draft *d, const pair *items, Py_ssize_t count)
{
    draft_changes changes;
    int status;
    if (count == 1)
        return draft_set(mem, d, items->key, items->value);
    do {
        if ((status = draft_begin(d, &changes)) < 0)
            return -1;
        for (Py_ssize_t i = 0; i < count && status == 0; i++)
            status = draft_set(mem, &changes.next, items[i].key, items[i].value);
    } while (!draft_commit(d, &changes, status));
    return status;
}

/* A few entries are put one by one, many are built and merged. */
static int
draft_update_from_dict(memory *mem, draft *d, PyObject *dict)
{
    pair *items;
    Py_ssize_t count = dict_items(dict, &items);
    if (count < 0)
        return -1;
    int status;
    if (count > d->count / 4) {
        draft other = {root_from_items(mem, items, count), count};
        status = other.root != NULL ? draft_merge(mem, d, &other, &map_union) : -1;
        draft_clear(&other);
    }
    else
        status = draft_set_items(mem, d, items, count);
    items_release(items, count);
    return status;
}

/* Take over what a map, a mapping or an iterable of pairs holds: 0 or -1. */
static int
draft_update_from(memory *mem, family *types, draft *d, PyObject *source)
{
    if (PyObject_TypeCheck(source, types->container)) {
        draft other = {ROOT(source), COUNT(source)};
        return draft_merge(mem, d, &other, &map_union);
    }
    if (PyDict_CheckExact(source))
        return draft_update_from_dict(mem, d, source);
    PyObject *dict = dict_from_source(source);
    if (dict == NULL)
        return -1;
    int status = draft_update_from_dict(mem, d, dict);
    Py_DECREF(dict);
    return status;
}

/* The entries of several sources and of keywords, in this order; `keywords` is a dict or NULL. */
static int
draft_update_all(memory *mem, family *types, draft *d, PyObject *const *sources, Py_ssize_t count, PyObject *keywords)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (draft_update_from(mem, types, d, sources[i]) < 0)
            return -1;
    if (keywords != NULL && PyDict_Size(keywords) > 0)
        return draft_update_from_dict(mem, d, keywords);
    return 0;
}

#endif
