/* The C API of frozen, for extensions in C11, C++11 and Cython. Nothing is linked: this header is all that they need.
 *
 * All functions are entries of one table. frozen_import() finds it at run time, once, and checks that the installed
 * frozen has what this header declares:
 *
 *     #include <Python.h>
 *     #include <frozen.h>                            // python -c "import frozen; print(frozen.get_include())"
 *
 *     static const frozen_api *api;                  // the same in every interpreter: it may be a C static
 *
 *     static int
 *     exec(PyObject *module)                         // Py_mod_exec
 *     {
 *         return (api = frozen_import()) != NULL ? 0 : -1;
 *     }
 *
 *     static PyObject *
 *     squares(PyObject *module, PyObject *map)       // {key: value} -> Map({key: value * value})
 *     {
 *         frozen_map_iter iter;
 *         PyObject *key, *value, *result = NULL, *draft = api->map_draft(NULL);
 *         if (draft == NULL || api->map_iter(map, &iter) < 0)
 *             goto done;
 *         while (api->map_next(&iter, &key, &value)) {
 *             PyObject *square = PyNumber_Multiply(value, value);
 *             int status = square != NULL ? api->map_draft_set(draft, key, square) : -1;
 *             Py_XDECREF(square);
 *             if (status < 0)
 *                 goto done;
 *         }
 *         result = api->map_draft_finish(draft);
 *     done:
 *         Py_XDECREF(draft);
 *         return result;
 *     }
 *
 * Rules for all entries
 * - The calling thread has an attached thread state, as for nearly all of CPython's API. Any thread may call, with the
 *   GIL and without it. Keys' __hash__ and __eq__ may run Python code, and so may dropping what is replaced.
 * - Arguments are borrowed. What is returned as PyObject *, or through PyObject **value, is a new reference, unless the
 *   comment of the entry says that it is borrowed.
 * - NULL or -1 means: failed, and an exception is set. An int result is 1 for yes, found or done, and 0 for no. Where
 *   an entry answers 0 or -1, *value is NULL.
 * - An argument of a wrong type is a TypeError that names the type. NULL where an object is needed leaves the exception
 *   that is set (so that the result of a failed call may be passed on), and is a SystemError if there is none. Where
 *   NULL stands for nothing, the call fails if an exception is set.
 * - Entries work on the object itself, as PyDict_GetItem does: methods that a subclass overrides are not called.
 * - Objects are made for the interpreter that is running. They are of no use to another one, but for those that cross:
 *   a SharedRef and what it holds.
 *
 * Compatibility
 * - The table only grows: no entry is moved, removed or changed. An extension runs with the frozen whose header it was
 *   compiled against and every later one that has the same FROZEN_ABI.
 * - FROZEN_TARGET, defined before this header is included, is the oldest version that the extension shall run with:
 *   later entries are not declared. Without it, that is 0.1.0.
 * - An extension for the free-threaded build of CPython is another one than that for the usual build. */
#ifndef FROZEN_H
#define FROZEN_H

#include <Python.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes only if an entry had to change, and with it the name of the capsule; both live on for two versions then. */
#define FROZEN_ABI 1
#define FROZEN_CAPSULE "frozen._core._C_API"

/* 0xMMmmpp: 0x000203 is version 0.2.3. */
#define FROZEN_VERSION_HEX 0x000100
#ifndef FROZEN_TARGET
#define FROZEN_TARGET 0x000100
#endif

/* Bits of frozen_api.flags. */
#define FROZEN_FREE_THREADED 1u /* compiled for a CPython without the GIL */

/* Stands for every version: see ref_compare_and_set. */
#define FROZEN_ANY_VERSION UINT64_MAX

/* Where an iteration stands. Lives in the caller's memory, on its stack for instance; has to be given nothing back.
 * Belongs to one thread. */
typedef struct {
    uint64_t opaque[64];
} frozen_map_iter;
typedef struct {
    uint64_t opaque[8];
} frozen_vector_iter;

typedef struct {
    uint32_t abi;     /* FROZEN_ABI of the library */
    uint32_t size;    /* bytes of the table that the library has */
    uint32_t version; /* of the library, as FROZEN_VERSION_HEX */
    uint32_t flags;

    /* ---- Map: frozen.Map and its subclasses. Immutable, so any thread may read one without further ado ---- */

    /* Whether it is a Map, of whichever interpreter: 1 or 0; never fails. */
    int (*map_check)(PyObject *object);
    /* A Map of a mapping or an iterable of pairs, an empty one for NULL. */
    PyObject *(*map_new)(PyObject *source_or_null);
    Py_ssize_t (*map_len)(PyObject *map);
    int (*map_get)(PyObject *map, PyObject *key, PyObject **value);
    /* The same with a borrowed value, which is there for as long as the caller holds the map: counts nothing. */
    int (*map_peek)(PyObject *map, PyObject *key, PyObject **value);
    /* Begins an iteration, in the order of Python's. The caller holds the map until it has ended: 0, or -1. */
    int (*map_iter)(PyObject *map, frozen_map_iter *iter);
    /* The next entry, borrowed, into *key and *value, either of which may be NULL: 1; at the end, and after a failed
     * map_iter(), 0. Never fails. */
    int (*map_next)(frozen_map_iter *iter, PyObject **key, PyObject **value);
    /* Another map with the key set, or without it. Where nothing changes it is the same one. */
    PyObject *(*map_set)(PyObject *map, PyObject *key, PyObject *value);
    PyObject *(*map_without)(PyObject *map, PyObject *key);

    /* ---- drafts of maps: frozen.MapMutation, an object like any other (Py_DECREF gives one up at any time). Many
     * changes cost much less in a draft than in maps. Calls of several threads are safe, but those of one thread are
     * what it is made for ---- */

    /* A draft that begins as the map, which stays as it is; as an empty one for NULL. */
    PyObject *(*map_draft)(PyObject *map_or_null);
    int (*map_draft_get)(PyObject *draft, PyObject *key, PyObject **value);
    int (*map_draft_set)(PyObject *draft, PyObject *key, PyObject *value); /* 0 or -1 */
    int (*map_draft_drop)(PyObject *draft, PyObject *key);                 /* 1, 0: it was not there, -1 */
    /* The Map, the same each time; afterwards a change of the draft is a ValueError. */
    PyObject *(*map_draft_finish)(PyObject *draft);

    /* ---- Vector: frozen.Vector and its subclasses, as Map. Indices count from 0; others are an IndexError ---- */

    int (*vector_check)(PyObject *object);
    PyObject *(*vector_new)(PyObject *iterable_or_null);
    Py_ssize_t (*vector_len)(PyObject *vector);
    PyObject *(*vector_get)(PyObject *vector, Py_ssize_t index);
    PyObject *(*vector_peek)(PyObject *vector, Py_ssize_t index); /* borrowed, as map_peek */
    int (*vector_iter)(PyObject *vector, frozen_vector_iter *iter); /* as map_iter */
    int (*vector_next)(frozen_vector_iter *iter, PyObject **value); /* borrowed, as map_next */
    PyObject *(*vector_append)(PyObject *vector, PyObject *value);
    PyObject *(*vector_set)(PyObject *vector, Py_ssize_t index, PyObject *value);

    /* ---- drafts of vectors: frozen.VectorMutation, as those of maps ---- */

    PyObject *(*vector_draft)(PyObject *vector_or_null);
    Py_ssize_t (*vector_draft_len)(PyObject *draft);
    int (*vector_draft_append)(PyObject *draft, PyObject *value);                /* 0 or -1 */
    int (*vector_draft_set)(PyObject *draft, Py_ssize_t index, PyObject *value); /* 0 or -1 */
    PyObject *(*vector_draft_finish)(PyObject *draft);

    /* ---- references: frozen.AtomicRef (threads of one interpreter), frozen.SharedRef (all interpreters) ---- */

    int (*ref_check)(PyObject *object); /* either of them */
    PyObject *(*ref_new)(PyObject *value);        /* an AtomicRef */
    PyObject *(*shared_ref_new)(PyObject *value); /* a SharedRef without a name; TypeError: cannot be shared */
    /* The value, and the number of its version unless `version` is NULL. */
    PyObject *(*ref_get)(PyObject *ref, uint64_t *version_or_null);
    int (*ref_set)(PyObject *ref, PyObject *value); /* 0 or -1 */
    /* Publishes `value` if what is there is `expected` (the same version of a container; of other values the same
     * object, in a SharedRef an equal value) and has that number, or any for FROZEN_ANY_VERSION: 1, 0, or -1. */
    int (*ref_compare_and_set)(PyObject *ref, PyObject *expected, PyObject *value, uint64_t version_or_any);

    /* ---- frozen.AtomicMap: a mapping that threads write at once ---- */

    int (*atomic_map_check)(PyObject *object);
    PyObject *(*atomic_map_new)(PyObject *source_or_null); /* a Map is taken over without a copy */
    Py_ssize_t (*atomic_map_len)(PyObject *map);
    int (*atomic_map_get)(PyObject *map, PyObject *key, PyObject **value);
    int (*atomic_map_set)(PyObject *map, PyObject *key, PyObject *value); /* 0 or -1 */
    int (*atomic_map_drop)(PyObject *map, PyObject *key);                 /* 1, 0: it was not there, -1 */
    /* Stores `value` if what is there is `expected`: an equal number, text or other plain value, the same version of a
     * container, the same object. NULL stands for absence: as `expected`, the key is not there; as `value`, it is
     * removed. 1, 0, or -1. */
    int (*atomic_map_compare_and_set)(PyObject *map, PyObject *key, PyObject *expected_or_null,
                                      PyObject *value_or_null);
    /* Adds to the number under the key, 0 if there is none: 0 or -1. *sum, unless `sum` is NULL: what it is now. */
    int (*atomic_map_add)(PyObject *map, PyObject *key, int64_t by, PyObject **sum_or_null);
    PyObject *(*atomic_map_snapshot)(PyObject *map); /* a Map, of one instant */

    /* Version 0.1.0 ends here. Later entries stand in #if FROZEN_TARGET >= ... and are appended. */
} frozen_api;

/* The table of the installed frozen, which is imported if need be; NULL: failed (ImportError). Each interpreter that
 * runs the extension calls it, so that frozen is there; all get the same table. */
static inline const frozen_api *
frozen_import(void)
{
    const frozen_api *api;
    const unsigned target = (unsigned)FROZEN_TARGET, needed = (unsigned)sizeof(frozen_api);
    PyObject *core = PyImport_ImportModule("frozen._core"), *capsule;
    if (core == NULL)
        return NULL;
    capsule = PyObject_GetAttrString(core, "_C_API");
    Py_DECREF(core);
    if (capsule == NULL) {
        PyErr_Clear();
        PyErr_Format(PyExc_ImportError,
                     "the installed frozen has no C API: this extension needs frozen %u.%u.%u or later, upgrade frozen",
                     target >> 16, target >> 8 & 0xff, target & 0xff);
        return NULL;
    }
    api = (const frozen_api *)PyCapsule_GetPointer(capsule, FROZEN_CAPSULE);
    Py_DECREF(capsule); /* the table itself is of the library, which is never unloaded */
    if (api == NULL)
        return NULL;
    if (api->abi != FROZEN_ABI) {
        PyErr_Format(
            PyExc_ImportError,
            "this extension was compiled for ABI %u of frozen's C API, the installed frozen has ABI %u: compile "
            "the extension again, with the frozen.h of this frozen",
            (unsigned)FROZEN_ABI, (unsigned)api->abi);
        return NULL;
    }
    if (api->version < target || api->size < needed) {
        PyErr_Format(PyExc_ImportError,
                     "this extension needs frozen %u.%u.%u or later (%u bytes of its C API), the "
                     "installed frozen is %u.%u.%u (%u bytes): upgrade frozen",
                     target >> 16, target >> 8 & 0xff, target & 0xff, needed, (unsigned)(api->version >> 16),
                     (unsigned)(api->version >> 8 & 0xff), (unsigned)(api->version & 0xff), (unsigned)api->size);
        return NULL;
    }
#ifdef Py_GIL_DISABLED
    if (!(api->flags & FROZEN_FREE_THREADED)) {
        PyErr_SetString(PyExc_ImportError,
                        "this extension was compiled for free-threaded CPython, the installed frozen "
                        "for CPython with the GIL: compile the extension for this CPython");
        return NULL;
    }
#else
    if (api->flags & FROZEN_FREE_THREADED) {
        PyErr_SetString(PyExc_ImportError, "this extension was compiled for CPython with the GIL, the installed frozen "
                                           "for free-threaded CPython: compile the extension for this CPython");
        return NULL;
    }
#endif
    return api;
}

#ifdef __cplusplus
}
#endif

#endif
