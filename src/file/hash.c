/* Hashing keys. Texts, bytes, numbers, tuples and frozensets are hashed here. Of everything else
 * frozen/_file.py makes one of these, so that what is equal becomes equal. */

#include "file/hash.h"

#include "platform/budget.h"

/* A Vector is hashed as ("Vector", (its elements)), a Map as ("Map", frozenset of pairs): up to four levels for each of
 * the key. */
enum { HASHED_DEPTH = 4 * COPIED_DEPTH + 4, LEVELS_ASKED = 16 };

typedef struct {
    uint64_t seed;
    int depth;
    budget left;
    PyObject *known; /* dict: the hash of what is no tuple or frozenset and was met; NULL: there is none yet */
} hashing;

static int hash_any(hashing *h, PyObject *key, uint64_t *hash);

static int
hash_tuple_members(hashing *h, PyObject *tuple, uint64_t *hash)
{
    uint64_t sum = h->seed ^ 17;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        uint64_t member;
        if (!budget_spend(&h->left, 1) || hash_any(h, PyTuple_GET_ITEM(tuple, i), &member) < 0)
            return -1;
        sum = hash_step(sum, member);
    }
    *hash = hash_end(sum);
    return 0;
}

/* The order of a set differs in each process: its members' hashes are added. */
static int
hash_set_members(hashing *h, PyObject *set, uint64_t *hash)
{
    uint64_t sum = h->seed ^ 18;
    PyObject *member, *iter = PyObject_GetIter(set);
    while (iter != NULL && (member = PyIter_Next(iter)) != NULL) {
        uint64_t one = 0;
        int status = budget_spend(&h->left, 1) ? hash_any(h, member, &one) : -1;
        Py_DECREF(member);
        if (status < 0)
            break;
        sum += hash_end(one);
    }
    Py_XDECREF(iter);
    *hash = hash_end(sum);
    return PyErr_Occurred() ? -1 : 0;
}

static int
hash_form(hashing *h, PyObject *key, uint64_t *hash)
{
    PyObject *form = NULL, *function = imported("frozen._file", "_key_form");
    if (function != NULL)
        form = PyObject_CallOneArg(function, key);
    Py_XDECREF(function);
    int status = form != NULL ? hash_any(h, form, hash) : -1;
    Py_XDECREF(form);
    return status;
}

/* Equal keys have equal hashes, so what equals one that was met has the same: v = Vector([v, v]), sixty times, is hashed
 * sixty times, and not 2^60. The key itself is met once only. */
static int
hash_other(hashing *h, PyObject *key, uint64_t *hash)
{
    PyObject *number = NULL;
    if (h->depth == 1)
        return hash_form(h, key, hash);
    if (h->known == NULL && (h->known = PyDict_New()) == NULL)
        return -1;
    int status = dict_lookup(h->known, key, &number);
    if (status > 0)
        *hash = PyLong_AsUnsignedLongLong(number);
    else if (status == 0 && (status = hash_form(h, key, hash)) == 0) {
        number = PyLong_FromUnsignedLongLong(*hash);
        status = number != NULL ? PyDict_SetItem(h->known, key, number) : -1;
    }
    Py_XDECREF(number);
    return status < 0 ? -1 : 0;
}

static int
hash_number(hashing *h, PyObject *key, uint64_t *hash)
{
    Py_hash_t python = PyObject_Hash(key);
    *hash = file_hash_of_number(python, h->seed);
    return python == -1 ? -1 : 0;
}

/* A key of several parts, one level deeper. */
static int
hash_parts(hashing *h, PyObject *key, uint64_t *hash)
{
    bool asked = h->depth % LEVELS_ASKED == LEVELS_ASKED - 1;
    if (h->depth >= HASHED_DEPTH) {
        PyErr_SetString(PyExc_RecursionError, "a key of a file nests too deep");
        return -1;
    }
    if (asked && Py_EnterRecursiveCall(" while a key of a file is hashed") != 0)
        return -1;
    h->depth++;
    int status = PyTuple_CheckExact(key)       ? hash_tuple_members(h, key, hash)
                 : PyFrozenSet_CheckExact(key) ? hash_set_members(h, key, hash)
                                               : hash_other(h, key, hash);
    h->depth--;
    if (asked)
        Py_LeaveRecursiveCall();
    return status;
}

static int
hash_any(hashing *h, PyObject *key, uint64_t *hash)
{
    PyTypeObject *type = Py_TYPE(key);
    if (type == &PyUnicode_Type)
        *hash = file_hash_of_text(key, h->seed);
    else if (type == &PyLong_Type || type == &PyBool_Type || type == &PyFloat_Type || type == &PyComplex_Type)
        return hash_number(h, key, hash);
    else if (type == &PyBytes_Type)
        *hash = hash_of_bytes(h->seed ^ 8, PyBytes_AS_STRING(key), (size_t)PyBytes_GET_SIZE(key));
    else if (key == Py_None)
        *hash = hash_end(h->seed ^ 19);
    else
        return hash_parts(h, key, hash);
    return 0;
}

int
file_hash(PyObject *key, uint64_t seed, uint64_t *hash)
{
    hashing h = {.seed = seed, .left = BUDGET};
    int status = hash_any(&h, key, hash);
    Py_XDECREF(h.known);
    return status;
}
