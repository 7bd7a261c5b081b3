/* The entries for Map, Vector and their drafts. */

#include "capi/arguments.h"
#include "capi/entries.h"
#include "bindings/common/direct.h"
#include "shared/current.h"
#include "trees/memory_contract.h"

_Static_assert(sizeof(frozen_map_iter) == MAP_WALK_ROOM, "compiled extensions reserve that much");
_Static_assert(sizeof(frozen_vector_iter) == VECTOR_WALK_ROOM, "compiled extensions reserve that much");

/* The exact type is told by its dealloc, which all containers of the local memory have, and by its flag, which only one
 * of them has. */
static inline bool
is_container(PyObject *object, unsigned long flag, size_t container_in_state)
{
    PyTypeObject *type = Py_TYPE(object);
    if (LIKELY(type->tp_dealloc == local_container_dealloc))
        return PyType_HasFeature(type, flag);
    module_state *state = PyType_HasFeature(type, flag) ? state_behind(object) : NULL;
    PyTypeObject *container = state != NULL ? *(PyTypeObject **)((char *)state + container_in_state) : NULL;
    return container != NULL && PyType_IsSubtype(type, container);
}

static inline bool
is_map(PyObject *object)
{
    return LIKELY(object != NULL)
           && is_container(object, Py_TPFLAGS_MAPPING, offsetof(module_state, local_map.container));
}

static inline bool
is_vector(PyObject *object)
{
    return LIKELY(object != NULL)
           && is_container(object, Py_TPFLAGS_SEQUENCE, offsetof(module_state, local_vector.container));
}

static inline bool
is_map_draft(PyObject *object)
{
    return LIKELY(object != NULL) && local_map_is_draft(object);
}

static inline bool
is_vector_draft(PyObject *object)
{
    return LIKELY(object != NULL) && local_vector_is_draft(object);
}

/* What a call of the type gives for `source`, or for nothing where that is NULL. */
static PyObject *
make(const family *types, PyObject *source)
{
    PyObject *type = (PyObject *)types->container;
    return source != NULL ? PyObject_CallOneArg(type, source) : PyObject_CallNoArgs(type);
}

/* ---- Map ---- */

int
capi_map_check(PyObject *object)
{
    return is_map(object);
}

PyObject *
capi_map_new(PyObject *source)
{
    module_state *state = has_failed(source) ? NULL : current_state();
    return state != NULL ? make(&state->local_map, source) : NULL;
}

Py_ssize_t
capi_map_len(PyObject *map)
{
    return is_map(map) ? ((container *)map)->count : refuse_type("map_len", "Map", map);
}

int
capi_map_peek(PyObject *map, PyObject *key, PyObject **value)
{
    *value = NULL;
    if (UNLIKELY(!is_map(map)))
        return refuse_type("map_peek", "Map", map);
    return LIKELY(key != NULL) ? local_map_find(map, key, value) : refuse_null("map_peek");
}

int
capi_map_get(PyObject *map, PyObject *key, PyObject **value)
{
    *value = NULL;
    if (UNLIKELY(!is_map(map)))
        return refuse_type("map_get", "Map", map);
    int status = LIKELY(key != NULL) ? local_map_find(map, key, value) : refuse_null("map_get");
    Py_XINCREF(*value);
    return status;
}

/* An iteration that failed to begin is all zeros, which is an end. */
int
capi_map_iter(PyObject *map, frozen_map_iter *iter)
{
    if (UNLIKELY(!is_map(map))) {
        memset(iter, 0, sizeof(*iter));
        return refuse_type("map_iter", "Map", map);
    }
    local_map_walk(map, iter);
    return 0;
}

int
capi_map_next(frozen_map_iter *iter, PyObject **key, PyObject **value)
{
    PyObject *next_key, *next_value;
    if (!local_map_walk_next(iter, &next_key, &next_value))
        return 0;
    if (key != NULL)
        *key = next_key;
    if (value != NULL)
        *value = next_value;
    return 1;
}

PyObject *
capi_map_set(PyObject *map, PyObject *key, PyObject *value)
{
    if (UNLIKELY(!is_map(map)))
        return refuse_type("map_set", "Map", map), NULL;
    return LIKELY(key != NULL && value != NULL) ? local_map_with(map, key, value) : (refuse_null("map_set"), NULL);
}

PyObject *
capi_map_without(PyObject *map, PyObject *key)
{
    if (UNLIKELY(!is_map(map)))
        return refuse_type("map_without", "Map", map), NULL;
    return LIKELY(key != NULL) ? local_map_without(map, key) : (refuse_null("map_without"), NULL);
}

/* ---- drafts of maps ---- */

PyObject *
capi_map_draft(PyObject *map)
{
    if (map != NULL)
        return is_map(map) ? local_map_draft(map) : (refuse_type("map_draft", "Map", map), NULL);
    PyObject *empty = capi_map_new(NULL);
    PyObject *draft = empty != NULL ? local_map_draft(empty) : NULL;
    Py_XDECREF(empty);
    return draft;
}

int
capi_map_draft_get(PyObject *draft, PyObject *key, PyObject **value)
{
    *value = NULL;
    if (UNLIKELY(!is_map_draft(draft)))
        return refuse_type("map_draft_get", "MapMutation", draft);
    return LIKELY(key != NULL) ? local_map_draft_get(draft, key, value) : refuse_null("map_draft_get");
}

int
capi_map_draft_set(PyObject *draft, PyObject *key, PyObject *value)
{
    if (UNLIKELY(!is_map_draft(draft)))
        return refuse_type("map_draft_set", "MapMutation", draft);
    return LIKELY(key != NULL && value != NULL) ? local_map_draft_set(draft, key, value) : refuse_null("map_draft_set");
}

int
capi_map_draft_drop(PyObject *draft, PyObject *key)
{
    if (UNLIKELY(!is_map_draft(draft)))
        return refuse_type("map_draft_drop", "MapMutation", draft);
    return LIKELY(key != NULL) ? local_map_draft_drop(draft, key) : refuse_null("map_draft_drop");
}

PyObject *
capi_map_draft_finish(PyObject *draft)
{
    if (UNLIKELY(!is_map_draft(draft)))
        return refuse_type("map_draft_finish", "MapMutation", draft), NULL;
    return local_map_draft_finish(draft);
}

/* ---- Vector ---- */

int
capi_vector_check(PyObject *object)
{
    return is_vector(object);
}

PyObject *
capi_vector_new(PyObject *iterable)
{
    module_state *state = has_failed(iterable) ? NULL : current_state();
    return state != NULL ? make(&state->local_vector, iterable) : NULL;
}

Py_ssize_t
capi_vector_len(PyObject *vector)
{
    return is_vector(vector) ? ((container *)vector)->count : refuse_type("vector_len", "Vector", vector);
}

PyObject *
capi_vector_peek(PyObject *vector, Py_ssize_t index)
{
    return is_vector(vector) ? local_vector_at(vector, index) : (refuse_type("vector_peek", "Vector", vector), NULL);
}

PyObject *
capi_vector_get(PyObject *vector, Py_ssize_t index)
{
    return is_vector(vector) ? Py_XNewRef(local_vector_at(vector, index))
                             : (refuse_type("vector_get", "Vector", vector), NULL);
}

int
capi_vector_iter(PyObject *vector, frozen_vector_iter *iter)
{
    if (UNLIKELY(!is_vector(vector))) {
        memset(iter, 0, sizeof(*iter));
        return refuse_type("vector_iter", "Vector", vector);
    }
    local_vector_walk(vector, iter);
    return 0;
}

int
capi_vector_next(frozen_vector_iter *iter, PyObject **value)
{
    return local_vector_walk_next(iter, value);
}

PyObject *
capi_vector_append(PyObject *vector, PyObject *value)
{
    if (UNLIKELY(!is_vector(vector)))
        return refuse_type("vector_append", "Vector", vector), NULL;
    return LIKELY(value != NULL) ? local_vector_with_last(vector, value) : (refuse_null("vector_append"), NULL);
}

PyObject *
capi_vector_set(PyObject *vector, Py_ssize_t index, PyObject *value)
{
    if (UNLIKELY(!is_vector(vector)))
        return refuse_type("vector_set", "Vector", vector), NULL;
    return LIKELY(value != NULL) ? local_vector_with(vector, index, value) : (refuse_null("vector_set"), NULL);
}

/* ---- drafts of vectors ---- */

PyObject *
capi_vector_draft(PyObject *vector)
{
    if (vector != NULL)
        return is_vector(vector) ? local_vector_draft(vector) : (refuse_type("vector_draft", "Vector", vector), NULL);
    PyObject *empty = capi_vector_new(NULL);
    PyObject *draft = empty != NULL ? local_vector_draft(empty) : NULL;
    Py_XDECREF(empty);
    return draft;
}

Py_ssize_t
capi_vector_draft_len(PyObject *draft)
{
    return is_vector_draft(draft) ? local_vector_draft_len(draft)
                                  : refuse_type("vector_draft_len", "VectorMutation", draft);
}

int
capi_vector_draft_append(PyObject *draft, PyObject *value)
{
    if (UNLIKELY(!is_vector_draft(draft)))
        return refuse_type("vector_draft_append", "VectorMutation", draft);
    return LIKELY(value != NULL) ? local_vector_draft_append(draft, value) : refuse_null("vector_draft_append");
}

int
capi_vector_draft_set(PyObject *draft, Py_ssize_t index, PyObject *value)
{
    if (UNLIKELY(!is_vector_draft(draft)))
        return refuse_type("vector_draft_set", "VectorMutation", draft);
    return LIKELY(value != NULL) ? local_vector_draft_set(draft, index, value) : refuse_null("vector_draft_set");
}

PyObject *
capi_vector_draft_finish(PyObject *draft)
{
    if (UNLIKELY(!is_vector_draft(draft)))
        return refuse_type("vector_draft_finish", "VectorMutation", draft), NULL;
    return local_vector_draft_finish(draft);
}
