# cython: language_level=3, freethreading_compatible=True
cimport frozen
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

cdef const frozen.frozen_api *api = frozen.frozen_import()


def get(m, key, default=None):
    cdef PyObject *value
    return <object>value if api.map_peek(m, key, &value) else default


def items(m):
    cdef frozen.frozen_map_iter it
    cdef PyObject *key
    cdef PyObject *value
    pairs = []
    api.map_iter(m, &it)
    while api.map_next(&it, &key, &value):
        pairs.append((<object>key, <object>value))
    return pairs


def squares(vector):
    cdef frozen.frozen_vector_iter it
    cdef PyObject *value
    draft = api.vector_draft(NULL)
    api.vector_iter(vector, &it)
    while api.vector_next(&it, &value):
        number = <object>value
        api.vector_draft_append(draft, number * number)
    return api.vector_draft_finish(draft)


def index(keys):
    draft = api.map_draft(NULL)
    for i, key in enumerate(keys):
        api.map_draft_set(draft, key, i)
    return api.map_draft_finish(draft)


def add(atomic_map, key, int by):
    cdef PyObject *total
    api.atomic_map_add(atomic_map, key, by, &total)
    result = <object>total
    Py_DECREF(result)  # the reference that came out
    return result


def claim(atomic_map, key, value):
    return bool(api.atomic_map_compare_and_set(atomic_map, key, NULL, <PyObject *>value))


def swap(ref, expected, value):
    return bool(api.ref_compare_and_set(ref, expected, value, frozen.FROZEN_ANY_VERSION))
