/* Hashing keys. Texts, bytes, numbers, tuples and frozensets are hashed here. Of everything else
 * frozen/_file.py makes one of these, so that what is equal becomes equal. */

#include "file/hash.h"

static int hash_any(PyObject *key, uint64_t seed, int depth, uint64_t *hash);

static int
hash_tuple_members(PyObject *tuple, uint64_t seed, int depth, uint64_t *hash)
{
    uint64_t sum = seed ^ 17;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        uint64_t member;
        if (hash_any(PyTuple_GET_ITEM(tuple, i), seed, depth, &member) < 0)
            return -1;
        sum = hash_step(sum, member);
    }
    *hash = hash_end(sum);
    return 0;
}

/* The order of a set differs in each process: its members' hashes are added. */
static int
hash_set_members(PyObject *set, uint64_t seed, int depth, uint64_t *hash)
{
    uint64_t sum = seed ^ 18;
    PyObject *member, *iter = PyObject_GetIter(set);
    while (iter != NULL && (member = PyIter_Next(iter)) != NULL) {
        uint64_t one = 0;
        int status = hash_any(member, seed, depth, &one);
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
hash_other(PyObject *key, uint64_t seed, int depth, uint64_t *hash)
{
    PyObject *form = NULL, *function = imported("frozen._file", "_key_form");
    if (function != NULL)
        form = PyObject_CallOneArg(function, key);
    Py_XDECREF(function);
    int status = form != NULL ? hash_any(form, seed, depth, hash) : -1;
    Py_XDECREF(form);
    return status;
}

static int
hash_number(PyObject *key, uint64_t seed, uint64_t *hash)
{
    Py_hash_t python = PyObject_Hash(key);
    *hash = file_hash_of_number(python, seed);
    return python == -1 ? -1 : 0;
}

static int
hash_any(PyObject *key, uint64_t seed, int depth, uint64_t *hash)
{
    PyTypeObject *type = Py_TYPE(key);
    if (depth > COPIED_DEPTH) {
        PyErr_Format(PyExc_RecursionError, "a key nests more than %d tuples or frozensets", COPIED_DEPTH);
        return -1;
    }
    if (type == &PyUnicode_Type)
        *hash = file_hash_of_text(key, seed);
    else if (type == &PyLong_Type || type == &PyBool_Type || type == &PyFloat_Type || type == &PyComplex_Type)
        return hash_number(key, seed, hash);
    else if (type == &PyBytes_Type)
        *hash = hash_of_bytes(seed ^ 8, PyBytes_AS_STRING(key), (size_t)PyBytes_GET_SIZE(key));
    else if (key == Py_None)
        *hash = hash_end(seed ^ 19);
    else if (type == &PyTuple_Type)
        return hash_tuple_members(key, seed, depth + 1, hash);
    else if (type == &PyFrozenSet_Type)
        return hash_set_members(key, seed, depth + 1, hash);
    else
        return hash_other(key, seed, depth + 1, hash);
    return 0;
}

int
file_hash(PyObject *key, uint64_t seed, uint64_t *hash)
{
    return hash_any(key, seed, 0, hash);
}
