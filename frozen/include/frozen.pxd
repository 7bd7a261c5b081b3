# The C API of frozen for Cython: `cimport frozen`. frozen.h documents each entry.
#
#     cimport frozen
#     from cpython.object cimport PyObject
#
#     cdef const frozen.frozen_api *api = frozen.frozen_import()
#
#     def total(m):
#         cdef frozen.frozen_map_iter it
#         cdef PyObject *value
#         cdef long long total = 0
#         api.map_iter(m, &it)
#         while api.map_next(&it, NULL, &value):
#             total += <object>value
#         return total
#
# What is declared `object` is counted by Cython. A PyObject * that comes out of a call is a new reference or borrowed,
# as frozen.h says: `<object>value` takes another one, and cpython.ref.Py_DECREF gives back the new one.

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "frozen.h":
    int FROZEN_ABI
    int FROZEN_VERSION_HEX
    int FROZEN_TARGET
    unsigned int FROZEN_FREE_THREADED
    uint64_t FROZEN_ANY_VERSION

    ctypedef struct frozen_map_iter:
        pass

    ctypedef struct frozen_vector_iter:
        pass

    ctypedef struct frozen_api:
        uint32_t abi
        uint32_t size
        uint32_t version
        uint32_t flags

        int (*map_check)(object) noexcept
        object (*map_new)(PyObject *source_or_null)
        Py_ssize_t (*map_len)(object map) except -1
        int (*map_get)(object map, object key, PyObject **value) except -1
        int (*map_peek)(object map, object key, PyObject **value) except -1
        int (*map_iter)(object map, frozen_map_iter *iter) except -1
        int (*map_next)(frozen_map_iter *iter, PyObject **key, PyObject **value) noexcept
        object (*map_set)(object map, object key, object value)
        object (*map_without)(object map, object key)

        object (*map_draft)(PyObject *map_or_null)
        int (*map_draft_get)(object draft, object key, PyObject **value) except -1
        int (*map_draft_set)(object draft, object key, object value) except -1
        int (*map_draft_drop)(object draft, object key) except -1
        object (*map_draft_finish)(object draft)

        int (*vector_check)(object) noexcept
        object (*vector_new)(PyObject *iterable_or_null)
        Py_ssize_t (*vector_len)(object vector) except -1
        object (*vector_get)(object vector, Py_ssize_t index)
        PyObject *(*vector_peek)(object vector, Py_ssize_t index) except NULL
        int (*vector_iter)(object vector, frozen_vector_iter *iter) except -1
        int (*vector_next)(frozen_vector_iter *iter, PyObject **value) noexcept
        object (*vector_append)(object vector, object value)
        object (*vector_set)(object vector, Py_ssize_t index, object value)

        object (*vector_draft)(PyObject *vector_or_null)
        Py_ssize_t (*vector_draft_len)(object draft) except -1
        int (*vector_draft_append)(object draft, object value) except -1
        int (*vector_draft_set)(object draft, Py_ssize_t index, object value) except -1
        object (*vector_draft_finish)(object draft)

        int (*ref_check)(object) noexcept
        object (*ref_new)(object value)
        object (*shared_ref_new)(object value)
        object (*ref_get)(object ref, uint64_t *version_or_null)
        int (*ref_set)(object ref, object value) except -1
        int (*ref_compare_and_set)(object ref, object expected, object value, uint64_t version_or_any) except -1

        int (*atomic_map_check)(object) noexcept
        object (*atomic_map_new)(PyObject *source_or_null)
        Py_ssize_t (*atomic_map_len)(object map) except -1
        int (*atomic_map_get)(object map, object key, PyObject **value) except -1
        int (*atomic_map_set)(object map, object key, object value) except -1
        int (*atomic_map_drop)(object map, object key) except -1
        int (*atomic_map_compare_and_set)(object map, object key, PyObject *expected_or_null,
                                          PyObject *value_or_null) except -1
        int (*atomic_map_add)(object map, object key, int64_t by, PyObject **sum_or_null) except -1
        object (*atomic_map_snapshot)(object map)

    const frozen_api *frozen_import() except NULL
