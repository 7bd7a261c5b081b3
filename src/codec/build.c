/* What decode makes of the items of a container, and the rules for keys and members. */

#include "codec/decode.h"

#include "bindings/common/bulk.h"
#include "bindings/common/contents.h"
#include "codec/encode.h"
#include "codec/errors.h"

/* ---- keys ---- */

/* Two keys of these types are equal only if their encodings are the same. Hashes of str and bytes have a secret in them,
 * and those of small ints differ: so an attacker cannot make many that are alike. */
static inline bool
key_is_simple(PyObject *key)
{
    int overflow;
    if (LIKELY(PyUnicode_CheckExact(key)) || PyBytes_CheckExact(key))
        return true;
    if (!PyLong_CheckExact(key))
        return false;
    long long value = PyLong_AsLongLongAndOverflow(key, &overflow);
    return overflow == 0 && value > -(1LL << 60) && value < 1LL << 60; /* its own hash */
}

int
decoder_check_key(decoder_frame *f, PyObject *key)
{
    if (LIKELY(key_is_simple(key)))
        return 0;
    f->odd = true;
    if (PyObject_Hash(key) != -1)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
        return -1;
    PyErr_Clear();
    return encoding_error_about(key, "can be no key and no member of a set: it has no hash");
}

static int
compare_hashes(const void *a, const void *b)
{
    Py_hash_t left = *(const Py_hash_t *)a, right = *(const Py_hash_t *)b;
    return (left > right) - (left < right);
}

/* Few keys may have one hash: in a table or trie, each of them takes time in proportion to their number. */
static int
refuse_alike(PyObject *const *keys, size_t count, size_t width)
{
    Py_hash_t *hashes = PyMem_Malloc(count * sizeof *hashes);
    size_t alike = 0;
    if (hashes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        hashes[i] = PyObject_Hash(keys[i * width]);
        if (hashes[i] == -1) {
            PyMem_Free(hashes);
            return -1;
        }
    }
    qsort(hashes, count, sizeof *hashes, compare_hashes);
    for (size_t i = 1, run = 1; i < count; i++) {
        run = hashes[i] == hashes[i - 1] ? run + 1 : 1;
        alike = Py_MAX(alike, run);
    }
    PyMem_Free(hashes);
    return alike <= ALIKE_MOST ? 0 : encoding_error("%zu keys or members that all have the same hash", alike);
}

/* Keys whose encodings differ may be equal nevertheless: 1, 1.0 and True. */
static int
refuse_equal(PyObject *const *keys, size_t count, size_t width)
{
    PyObject *all = PySet_New(NULL);
    int status = all != NULL ? 0 : -1;
    budget left = BUDGET;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = budget_spend(&left, 1) ? PySet_Add(all, keys[i * width]) : -1;
    if (status == 0 && (size_t)PySet_GET_SIZE(all) != count)
        status = encoding_error("two keys or members that are equal");
    Py_XDECREF(all);
    return status;
}

/* ---- containers ---- */

/* The last items go over into the list; below, into the tuple. */
static PyObject *
build_list(decoder *d, size_t base)
{
    size_t count = d->count - base;
    PyObject *list = unknown_list((Py_ssize_t)count);
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        PyList_SET_ITEM(list, (Py_ssize_t)i, d->values[base + i]);
    d->count = base;
    sequence_known(list);
    return list;
}

static PyObject *
build_tuple(decoder *d, size_t base)
{
    size_t count = d->count - base;
    PyObject *tuple = unknown_tuple((Py_ssize_t)count);
    if (tuple == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, d->values[base + i]);
    d->count = base;
    sequence_known(tuple);
    return tuple;
}

static PyObject *
build_dict(PyObject *const *pairs, size_t count)
{
    PyObject *dict = PyDict_New();
    budget left = BUDGET;
    for (size_t i = 0; dict != NULL && i < count; i++)
        if (!budget_spend(&left, 1) || PyDict_SetItem(dict, pairs[2 * i], pairs[2 * i + 1]) < 0)
            Py_CLEAR(dict);
    return dict;
}

static PyObject *
build_set(PyObject *const *members, size_t count)
{
    PyObject *set = PySet_New(NULL);
    budget left = BUDGET;
    for (size_t i = 0; set != NULL && i < count; i++)
        if (!budget_spend(&left, 1) || PySet_Add(set, members[i]) < 0)
            Py_CLEAR(set);
    return set;
}

/* By way of a set: a frozenset that is not full must not be known to the collector. */
static PyObject *
build_frozenset(PyObject *const *members, size_t count)
{
    PyObject *set = build_set(members, count), *frozen = set != NULL ? PyFrozenSet_New(set) : NULL;
    Py_XDECREF(set);
    return frozen;
}

/* Maps and sets. */
static PyObject *
build_keyed(decoder *d, const decoder_frame *f)
{
    PyObject *const *items = d->values + f->base;
    size_t width = f->kind >= MADE_MAP ? 2 : 1, count = (d->count - f->base) / width;
    if (f->odd && (refuse_alike(items, count, width) < 0 || refuse_equal(items, count, width) < 0))
        return NULL;
    switch (f->kind) {
    case MADE_MAP: return local_map_of(d->state, items, (Py_ssize_t)count);
    case MADE_SET: return local_set_of(d->state, items, (Py_ssize_t)count);
    case MADE_DICT: return build_dict(items, count);
    case MADE_MUTABLE_SET: return build_set(items, count);
    default: return build_frozenset(items, count);
    }
}

/* ---- what Python makes ---- */

/* Of a value there is one encoding: writes it again, and compares. */
static int
refuse_another_encoding(decoder *d, PyObject *value, size_t start)
{
    encoder again;
    encoder_open(&again, d->state, Py_None, PY_SSIZE_T_MAX);
    int status = encoder_run(&again, value);
    if (status == 0
        && (again.out.size != d->at - start || memcmp(again.out.data, d->data + start, again.out.size) != 0))
        status = encoding_error_about(value, "is not encoded as encode() does it");
    encoder_close(&again);
    return status;
}

PyObject *
decoder_put_together(decoder *d, size_t start, int64_t tag, PyObject *content)
{
    PyObject *put_together = kept_put_together(d->state), *value = NULL;
    PyObject *number = put_together != NULL ? PyLong_FromLongLong(tag) : NULL;
    if (number != NULL && deep_call_enter(" while a value is decoded") == 0) {
        PyObject *args[] = {number, content, d->types};
        value = PyObject_Vectorcall(put_together, args, 3, NULL);
        deep_call_leave(DEEP_CALL);
    }
    Py_XDECREF(put_together);
    Py_XDECREF(number);
    if (value != NULL && tag != TAG_OBJECT && refuse_another_encoding(d, value, start) < 0)
        Py_CLEAR(value);
    return value;
}

static PyObject *
build_parts(decoder *d, const decoder_frame *f)
{
    PyObject *parts = build_tuple(d, f->base);
    PyObject *value = parts != NULL ? decoder_put_together(d, f->start, f->tag, parts) : NULL;
    Py_XDECREF(parts);
    return value;
}

PyObject *
decoder_build(decoder *d, const decoder_frame *f)
{
    switch (f->kind) {
    case MADE_VECTOR: return local_vector_of(d->state, d->values + f->base, (Py_ssize_t)(d->count - f->base));
    case MADE_TUPLE: return build_tuple(d, f->base);
    case MADE_LIST: return build_list(d, f->base);
    case MADE_PARTS: return build_parts(d, f);
    default: return build_keyed(d, f);
    }
}
