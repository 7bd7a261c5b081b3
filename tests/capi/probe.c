/* Each entry of frozen's C API as a function of Python, with NULL for None where an entry takes NULL. A look-up gives the
 * value, or Ellipsis where there is none. Compiled under the name PROBE, against the header FROZEN_HEADER. */

#include <Python.h>
#include FROZEN_HEADER
#include <stddef.h>

#define PASTED_(a, b) a##b
#define PASTED(a, b) PASTED_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)

static const frozen_api *api;

static PyObject *
none_as_null(PyObject *object)
{
    return object != Py_None ? object : NULL;
}

/* What a look-up put into its place; `borrowed`: its reference is not ours. */
static PyObject *
found(int status, PyObject *const *place, int borrowed)
{
    PyObject *value = *place;
    if (status < 0)
        return value == NULL ? NULL : PyErr_Format(PyExc_AssertionError, "failed, and a value came out");
    if ((status == 1) != (value != NULL))
        return PyErr_Format(PyExc_AssertionError, "found %d, but the value is %p", status, (void *)value);
    if (status == 0)
        return Py_NewRef(Py_Ellipsis);
    return borrowed ? Py_NewRef(value) : value;
}

static PyObject *
answer(Py_ssize_t status)
{
    return status >= 0 ? PyLong_FromSsize_t(status) : NULL;
}

#define ARGUMENTS(count)                                                                                     \
    PyObject *a = NULL, *b = NULL, *c = NULL, *d = NULL, *value = (PyObject *)&value;                        \
    (void)module, (void)a, (void)b, (void)c, (void)d, (void)value;                                           \
    if (!PyArg_UnpackTuple(args, "probe", count, count, &a, &b, &c, &d))                                     \
        return NULL;

#define PROBE_FUNCTION(name, count, ...)                  \
    static PyObject *probe_##name(PyObject *module, PyObject *args) \
    {                                                     \
        ARGUMENTS(count)                                  \
        return __VA_ARGS__;                               \
    }

PROBE_FUNCTION(map_check, 1, answer(api->map_check(a)))
PROBE_FUNCTION(map_new, 1, api->map_new(none_as_null(a)))
PROBE_FUNCTION(map_len, 1, answer(api->map_len(a)))
PROBE_FUNCTION(map_get, 2, found(api->map_get(a, b, &value), &value, 0))
PROBE_FUNCTION(map_peek, 2, found(api->map_peek(a, b, &value), &value, 1))
PROBE_FUNCTION(map_set, 3, api->map_set(a, b, c))
PROBE_FUNCTION(map_without, 2, api->map_without(a, b))
PROBE_FUNCTION(map_draft, 1, api->map_draft(none_as_null(a)))
PROBE_FUNCTION(map_draft_get, 2, found(api->map_draft_get(a, b, &value), &value, 0))
PROBE_FUNCTION(map_draft_set, 3, answer(api->map_draft_set(a, b, c)))
PROBE_FUNCTION(map_draft_drop, 2, answer(api->map_draft_drop(a, b)))
PROBE_FUNCTION(map_draft_finish, 1, api->map_draft_finish(a))

PROBE_FUNCTION(vector_check, 1, answer(api->vector_check(a)))
PROBE_FUNCTION(vector_new, 1, api->vector_new(none_as_null(a)))
PROBE_FUNCTION(vector_len, 1, answer(api->vector_len(a)))
PROBE_FUNCTION(vector_get, 2, api->vector_get(a, PyLong_AsSsize_t(b)))
PROBE_FUNCTION(vector_peek, 2, Py_XNewRef(api->vector_peek(a, PyLong_AsSsize_t(b))))
PROBE_FUNCTION(vector_append, 2, api->vector_append(a, b))
PROBE_FUNCTION(vector_set, 3, api->vector_set(a, PyLong_AsSsize_t(b), c))
PROBE_FUNCTION(vector_draft, 1, api->vector_draft(none_as_null(a)))
PROBE_FUNCTION(vector_draft_len, 1, answer(api->vector_draft_len(a)))
PROBE_FUNCTION(vector_draft_append, 2, answer(api->vector_draft_append(a, b)))
PROBE_FUNCTION(vector_draft_set, 3, answer(api->vector_draft_set(a, PyLong_AsSsize_t(b), c)))
PROBE_FUNCTION(vector_draft_finish, 1, api->vector_draft_finish(a))

PROBE_FUNCTION(ref_check, 1, answer(api->ref_check(a)))
PROBE_FUNCTION(ref_new, 1, api->ref_new(a))
PROBE_FUNCTION(shared_ref_new, 1, api->shared_ref_new(a))
PROBE_FUNCTION(ref_get, 1, api->ref_get(a, NULL))
PROBE_FUNCTION(ref_set, 2, answer(api->ref_set(a, b)))
PROBE_FUNCTION(ref_compare_and_set, 4,
               answer(api->ref_compare_and_set(
                   a, b, c, d != Py_None ? PyLong_AsUnsignedLongLong(d) : FROZEN_ANY_VERSION)))

PROBE_FUNCTION(atomic_map_check, 1, answer(api->atomic_map_check(a)))
PROBE_FUNCTION(atomic_map_new, 1, api->atomic_map_new(none_as_null(a)))
PROBE_FUNCTION(atomic_map_len, 1, answer(api->atomic_map_len(a)))
PROBE_FUNCTION(atomic_map_get, 2, found(api->atomic_map_get(a, b, &value), &value, 0))
PROBE_FUNCTION(atomic_map_set, 3, answer(api->atomic_map_set(a, b, c)))
PROBE_FUNCTION(atomic_map_drop, 2, answer(api->atomic_map_drop(a, b)))
PROBE_FUNCTION(atomic_map_compare_and_set, 4,
               answer(api->atomic_map_compare_and_set(a, b, none_as_null(c), none_as_null(d))))
PROBE_FUNCTION(atomic_map_add, 3,
               found(api->atomic_map_add(a, b, PyLong_AsLongLong(c), &value) < 0 ? -1 : 1, &value, 0))
PROBE_FUNCTION(atomic_map_snapshot, 1, api->atomic_map_snapshot(a))

static PyObject *
probe_ref_get_versioned(PyObject *module, PyObject *args)
{
    ARGUMENTS(1)
    uint64_t version = 0;
    value = api->ref_get(a, &version);
    return value != NULL ? Py_BuildValue("NK", value, (unsigned long long)version) : NULL;
}

/* A list of the pairs. A failed map_iter() is an end, too. */
static PyObject *
probe_map_items(PyObject *module, PyObject *args)
{
    ARGUMENTS(1)
    frozen_map_iter iter;
    PyObject *key, *list;
    if (api->map_iter(a, &iter) < 0)
        return api->map_next(&iter, &key, &value) == 0 ? NULL : PyErr_Format(PyExc_AssertionError, "no end");
    list = PyList_New(0);
    while (list != NULL && api->map_next(&iter, &key, &value)) {
        PyObject *pair = PyTuple_Pack(2, key, value);
        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    if (list != NULL && (api->map_next(&iter, NULL, NULL) != 0 || api->map_iter(a, &iter) < 0
                         || api->map_next(&iter, NULL, NULL) != (PyList_GET_SIZE(list) > 0)))
        return PyErr_Format(PyExc_AssertionError, "an end is not the end");
    return list;
}

static PyObject *
probe_vector_items(PyObject *module, PyObject *args)
{
    ARGUMENTS(1)
    frozen_vector_iter iter;
    PyObject *list;
    if (api->vector_iter(a, &iter) < 0)
        return api->vector_next(&iter, &value) == 0 ? NULL : PyErr_Format(PyExc_AssertionError, "no end");
    list = PyList_New(0);
    while (list != NULL && api->vector_next(&iter, &value)) {
        if (PyList_Append(list, value) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* Counts an iterable's items in an AtomicMap, without sums. */
static PyObject *
probe_count_words(PyObject *module, PyObject *args)
{
    ARGUMENTS(2)
    PyObject *iterator = PyObject_GetIter(b), *word;
    if (iterator == NULL)
        return NULL;
    while ((word = PyIter_Next(iterator)) != NULL) {
        int status = api->atomic_map_add(a, word, 1, NULL);
        Py_DECREF(word);
        if (status < 0)
            break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* What entries do with NULL: `failing` says whether an exception is set already. */
static PyObject *
probe_null(PyObject *module, PyObject *args)
{
    ARGUMENTS(3)
    PyObject *map = a, *atomic = b;
    int status, failing = PyObject_IsTrue(c);
    for (int entry = 0; entry < 6; entry++) {
        if (failing)
            PyErr_SetString(PyExc_KeyError, "from before");
        switch (entry) {
        case 0: status = api->map_get(map, NULL, &value); break;
        case 1: status = api->map_set(map, Py_None, NULL) != NULL; break;
        case 2: status = (int)api->map_len(NULL); break;
        case 3: status = api->ref_set(NULL, Py_None); break;
        case 4: status = api->atomic_map_set(atomic, Py_None, NULL); break;
        default: status = api->vector_new(NULL) == NULL ? -1 : 1; break;
        }
        if ((entry < 5 || failing) && (status > 0 || !PyErr_ExceptionMatches(failing ? PyExc_KeyError : PyExc_SystemError)))
            return PyErr_Format(PyExc_AssertionError, "entry %d answered %d", entry, status);
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static PyObject *
probe_head(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    (void)module;
    return Py_BuildValue("{sIsIsIsIsKsk}", "abi", api->abi, "size", api->size, "version", api->version, "flags",
                         api->flags, "address", (unsigned long long)(uintptr_t)api, "compiled_size",
                         (unsigned long)sizeof(frozen_api));
}

#define ROW(name) {#name, probe_##name, METH_VARARGS, NULL}

static PyMethodDef functions[] = {
    ROW(map_check), ROW(map_new), ROW(map_len), ROW(map_get), ROW(map_peek), ROW(map_set), ROW(map_without),
    ROW(map_draft), ROW(map_draft_get), ROW(map_draft_set), ROW(map_draft_drop), ROW(map_draft_finish),
    ROW(vector_check), ROW(vector_new), ROW(vector_len), ROW(vector_get), ROW(vector_peek), ROW(vector_append),
    ROW(vector_set), ROW(vector_draft), ROW(vector_draft_len), ROW(vector_draft_append), ROW(vector_draft_set),
    ROW(vector_draft_finish), ROW(ref_check), ROW(ref_new), ROW(shared_ref_new), ROW(ref_get), ROW(ref_set),
    ROW(ref_compare_and_set), ROW(ref_get_versioned), ROW(atomic_map_check), ROW(atomic_map_new), ROW(atomic_map_len),
    ROW(atomic_map_get), ROW(atomic_map_set), ROW(atomic_map_drop), ROW(atomic_map_compare_and_set),
    ROW(atomic_map_add), ROW(atomic_map_snapshot), ROW(map_items), ROW(vector_items), ROW(count_words), ROW(null),
    {"head", probe_head, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Every interpreter finds the same table, so a C static may hold it. */
static int
probe_exec(PyObject *module)
{
    (void)module;
    api = frozen_import();
    return api != NULL ? 0 : -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)probe_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, STRING(PROBE), NULL, 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PASTED(PyInit_, PROBE)(void)
{
    return PyModuleDef_Init(&definition);
}
