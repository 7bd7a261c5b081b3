/* The table of the C API, and the capsule in which extensions find it.
 *
 * One table serves all interpreters: it is a constant of the library, which CPython never unloads, so an extension may
 * keep its address in a C static. It holds no state; an entry that makes an object asks for the module of the
 * interpreter that is running (shared/current.h).
 *
 * Entries are appended, at the end of frozen_api, and never changed: tests/capi has each version's list. */

#include "capi/entries.h"

#ifdef Py_GIL_DISABLED
#define BUILD_FLAGS FROZEN_FREE_THREADED
#else
#define BUILD_FLAGS 0
#endif

static const frozen_api table = {
    .abi = FROZEN_ABI,
    .size = sizeof(frozen_api),
    .version = FROZEN_VERSION_HEX,
    .flags = BUILD_FLAGS,

    .map_check = capi_map_check,
    .map_new = capi_map_new,
    .map_len = capi_map_len,
    .map_get = capi_map_get,
    .map_peek = capi_map_peek,
    .map_iter = capi_map_iter,
    .map_next = capi_map_next,
    .map_set = capi_map_set,
    .map_without = capi_map_without,

    .map_draft = capi_map_draft,
    .map_draft_get = capi_map_draft_get,
    .map_draft_set = capi_map_draft_set,
    .map_draft_drop = capi_map_draft_drop,
    .map_draft_finish = capi_map_draft_finish,

    .vector_check = capi_vector_check,
    .vector_new = capi_vector_new,
    .vector_len = capi_vector_len,
    .vector_get = capi_vector_get,
    .vector_peek = capi_vector_peek,
    .vector_iter = capi_vector_iter,
    .vector_next = capi_vector_next,
    .vector_append = capi_vector_append,
    .vector_set = capi_vector_set,

    .vector_draft = capi_vector_draft,
    .vector_draft_len = capi_vector_draft_len,
    .vector_draft_append = capi_vector_draft_append,
    .vector_draft_set = capi_vector_draft_set,
    .vector_draft_finish = capi_vector_draft_finish,

    .ref_check = capi_ref_check,
    .ref_new = capi_ref_new,
    .shared_ref_new = capi_shared_ref_new,
    .ref_get = capi_ref_get,
    .ref_set = capi_ref_set,
    .ref_compare_and_set = capi_ref_compare_and_set,

    .atomic_map_check = capi_atomic_map_check,
    .atomic_map_new = capi_atomic_map_new,
    .atomic_map_len = capi_atomic_map_len,
    .atomic_map_get = capi_atomic_map_get,
    .atomic_map_set = capi_atomic_map_set,
    .atomic_map_drop = capi_atomic_map_drop,
    .atomic_map_compare_and_set = capi_atomic_map_compare_and_set,
    .atomic_map_add = capi_atomic_map_add,
    .atomic_map_snapshot = capi_atomic_map_snapshot,
};

int
capi_setup(PyObject *module, module_state *state)
{
    (void)state;
    PyObject *capsule = PyCapsule_New((void *)(uintptr_t)&table, FROZEN_CAPSULE, NULL);
    int status = capsule != NULL ? PyModule_AddObjectRef(module, "_C_API", capsule) : -1;
    Py_XDECREF(capsule);
    return status;
}
