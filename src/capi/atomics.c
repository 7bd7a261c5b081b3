/* The entries for AtomicRef, SharedRef and AtomicMap. */

#include "capi/entries.h"
#include "atomic/direct.h"
#include "capi/arguments.h"
#include "ref/direct.h"
#include "ref/reference.h"
#include "shared/current.h"

typedef enum { NO_REFERENCE, ATOMIC_REF, SHARED_REF } reference_kind;

/* SharedRef has no subclasses. */
static inline reference_kind
kind_of(PyObject *object)
{
    module_state *state = LIKELY(object != NULL) ? state_behind(object) : NULL;
    if (UNLIKELY(state == NULL || state->atomic_ref == NULL))
        return NO_REFERENCE;
    if (PyObject_TypeCheck(object, state->atomic_ref))
        return ATOMIC_REF;
    return Py_IS_TYPE(object, state->shared_ref) ? SHARED_REF : NO_REFERENCE;
}

static inline bool
is_atomic_map(PyObject *object)
{
    module_state *state = LIKELY(object != NULL) ? state_behind(object) : NULL;
    return LIKELY(state != NULL && state->atomic_map != NULL) && PyObject_TypeCheck(object, state->atomic_map);
}

static int
refuse_reference(const char *entry, PyObject *object)
{
    return refuse_type(entry, "AtomicRef or SharedRef", object);
}

/* ---- references ---- */

int
capi_ref_check(PyObject *object)
{
    return kind_of(object) != NO_REFERENCE;
}

PyObject *
capi_ref_new(PyObject *value)
{
    module_state *state = value != NULL ? current_state() : (refuse_null("ref_new"), NULL);
    return state != NULL ? PyObject_CallOneArg((PyObject *)state->atomic_ref, value) : NULL;
}

PyObject *
capi_shared_ref_new(PyObject *value)
{
    module_state *state = value != NULL ? current_state() : (refuse_null("shared_ref_new"), NULL);
    return state != NULL ? PyObject_CallOneArg((PyObject *)state->shared_ref, value) : NULL;
}

PyObject *
capi_ref_get(PyObject *ref, uint64_t *version)
{
    switch (kind_of(ref)) {
    case ATOMIC_REF: return atomic_ref_load(ref, version);
    case SHARED_REF: return shared_ref_load(ref, version);
    default: refuse_reference("ref_get", ref); return NULL;
    }
}

int
capi_ref_set(PyObject *ref, PyObject *value)
{
    reference_kind kind = kind_of(ref);
    if (kind == NO_REFERENCE)
        return refuse_reference("ref_set", ref);
    if (value == NULL)
        return refuse_null("ref_set");
    return kind == ATOMIC_REF ? atomic_ref_store(ref, value) : shared_ref_store(ref, value);
}

int
capi_ref_compare_and_set(PyObject *ref, PyObject *expected, PyObject *value, uint64_t version)
{
    _Static_assert(FROZEN_ANY_VERSION == UINT64_MAX, "what ANY_VERSION is");
    reference_kind kind = kind_of(ref);
    if (kind == NO_REFERENCE)
        return refuse_reference("ref_compare_and_set", ref);
    if (expected == NULL || value == NULL)
        return refuse_null("ref_compare_and_set");
    return (kind == ATOMIC_REF ? atomic_ref_store_if : shared_ref_store_if)(ref, expected, value, version);
}

/* ---- AtomicMap ---- */

static int
refuse_map(const char *entry, PyObject *object)
{
    return refuse_type(entry, "AtomicMap", object);
}

int
capi_atomic_map_check(PyObject *object)
{
    return is_atomic_map(object);
}

PyObject *
capi_atomic_map_new(PyObject *source)
{
    module_state *state = has_failed(source) ? NULL : current_state();
    if (state == NULL)
        return NULL;
    PyObject *type = (PyObject *)state->atomic_map;
    return source != NULL ? PyObject_CallOneArg(type, source) : PyObject_CallNoArgs(type);
}

Py_ssize_t
capi_atomic_map_len(PyObject *map)
{
    return is_atomic_map(map) ? atomic_map_count_all(map) : refuse_map("atomic_map_len", map);
}

int
capi_atomic_map_get(PyObject *map, PyObject *key, PyObject **value)
{
    *value = NULL;
    if (UNLIKELY(!is_atomic_map(map)))
        return refuse_map("atomic_map_get", map);
    return LIKELY(key != NULL) ? atomic_map_find(map, key, value) : refuse_null("atomic_map_get");
}

int
capi_atomic_map_set(PyObject *map, PyObject *key, PyObject *value)
{
    if (UNLIKELY(!is_atomic_map(map)))
        return refuse_map("atomic_map_set", map);
    return LIKELY(key != NULL && value != NULL) ? atomic_map_store(map, key, value) : refuse_null("atomic_map_set");
}

int
capi_atomic_map_drop(PyObject *map, PyObject *key)
{
    if (UNLIKELY(!is_atomic_map(map)))
        return refuse_map("atomic_map_drop", map);
    return LIKELY(key != NULL) ? atomic_map_drop(map, key) : refuse_null("atomic_map_drop");
}

/* NULL stands for absence here, unless it is the result of a call that failed. */
int
capi_atomic_map_compare_and_set(PyObject *map, PyObject *key, PyObject *expected, PyObject *value)
{
    if (UNLIKELY(!is_atomic_map(map)))
        return refuse_map("atomic_map_compare_and_set", map);
    if (UNLIKELY(key == NULL || has_failed(expected) || has_failed(value)))
        return refuse_null("atomic_map_compare_and_set");
    return atomic_map_store_if(map, key, expected, value);
}

int
capi_atomic_map_add(PyObject *map, PyObject *key, int64_t by, PyObject **sum)
{
    if (sum != NULL)
        *sum = NULL;
    if (UNLIKELY(!is_atomic_map(map)))
        return refuse_map("atomic_map_add", map);
    if (UNLIKELY(key == NULL))
        return refuse_null("atomic_map_add");
    PyObject *number = PyLong_FromLongLong(by), *result = number != NULL ? atomic_map_increase(map, key, number) : NULL;
    Py_XDECREF(number);
    if (result == NULL)
        return -1;
    if (sum != NULL)
        *sum = result;
    else
        Py_DECREF(result);
    return 0;
}

PyObject *
capi_atomic_map_snapshot(PyObject *map)
{
    return is_atomic_map(map) ? atomic_map_contents(map) : (refuse_map("atomic_map_snapshot", map), NULL);
}
