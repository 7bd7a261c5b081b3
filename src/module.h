/* Module state: what one interpreter holds of `frozen._core`.
 *
 * Nothing here is a C static: the module is multi-phase, every interpreter has a state of its own, and all types are
 * immutable heap types created for it.  `PyType_GetModuleState(Py_TYPE(self))` therefore finds the state in a few
 * nanoseconds for every object whose exact type is ours; subclasses go through `module_state_of`.
 */
#ifndef FROZEN_MODULE_H
#define FROZEN_MODULE_H

#include "local/free_list.h"

/* What C calls of the Python layer again and again: X(field, module, name). An interpreter imports each once. */
#define FROZEN_KEPT_IMPORTS(X)                   \
    X(diff, "frozen._diff", "diff")              \
    X(apply, "frozen._apply", "apply")           \
    X(apply_tried, "frozen._apply", "apply_tried") \
    X(delta_parts, "frozen._delta", "C_PARTS")   \
    X(put_together, "frozen._encoding", "_put_together") \
    X(take_apart, "frozen._encoding", "_take_apart")

/* What a kind of container can do for module.c and inspect.c. */
typedef struct {
    void (*release_empty)(void *root);
    PyObject *(*check)(PyObject *self);                /* None, or AssertionError naming the broken invariant */
    PyObject *(*dump)(PyObject *self);                 /* the tree as text */
    int (*collect)(PyObject *self, PyObject *seen);    /* the addresses of all nodes into a set: 0 or -1 */
} family_tools;

/* The types that belong together with one kind of container over one memory. */
typedef struct {
    local_memory nodes; /* node types, for the local memory */
    void *empty;        /* the root of every empty container */
    const family_tools *tools;
    PyTypeObject *container, *mutation, *iterator;
    PyTypeObject *keys, *values, *items; /* maps only */
} family;

/* The families, each a field of module_state, with a file of its own in bindings/. */
#define FROZEN_FAMILIES(X) X(local_map) X(local_set) X(local_vector) X(shared_map) X(shared_set) X(shared_vector)

/* What was used last of shared memory: shared/recent.h says by whom. */
typedef struct {
    struct {
        uintptr_t key;
        PyObject *plan;
    } plans[64]; /* shared/plans.c */
    void *decoded; /* objects that were made of boxes: shared/decoded.h */
} recent_use;

typedef struct {
    free_lists free_lists; /* first, see there */
#define X(name) family name;
    FROZEN_FAMILIES(X)
#undef X
    PyTypeObject *blob, *handle, *atomic_ref, *shared_ref, *transaction, *watch, *waker;
    PyTypeObject *mapped_number, *file_reader;
    PyTypeObject *atomic_counter, *atomic_map, *shared_atomic_map, *shared_atomic_counter;
    PyTypeObject *cache, *cache_entry, *cached, *ready;
    PyTypeObject *file_image, *file_map, *file_set, *file_vector, *file_iterator;
    PyTypeObject *conversion, *converter;
    PyTypeObject *reader_registry, *reader_cache;
    PyObject *readers; /* the reader_registry */
    PyTypeObject *recent_end; /* shared/recent.c */
    PyObject *plans; /* how objects of everyday types are taken apart and made: shared/plans.c */
    recent_use recent; /* where the interpreter has a lock */
    _Atomic(unsigned) registrations; /* which ones the plans are made of, and what is recent: shared/plans.c */
    PyObject *datetime; /* the capsule of CPython's own C functions for dates and times: shared/times.c */
    PyObject *sharing; /* the functions of frozen/_sharing.py, in a tuple: shared/registered.c */
    struct {
#define X(field, module, name) _Atomic(PyObject *) field;
        FROZEN_KEPT_IMPORTS(X)
#undef X
    } imports; /* NULL: not needed yet */
    struct dispatcher *dispatcher; /* of the interpreter's SharedRef watches */
} module_state;

/* The types, one line each: X(field of module_state, PyType_Spec, name published in the module or NULL).
 * module.c creates, publishes, traverses and clears them from this list alone. */
#define FROZEN_TYPES(X)                                                                \
    X(local_map.nodes.plain, frozen_map_node_spec, NULL)                               \
    X(local_map.nodes.general, frozen_map_node_general_spec, NULL)                     \
    X(local_map.container, frozen_map_spec, "Map")                                     \
    X(local_map.mutation, frozen_map_mutation_spec, "MapMutation")                     \
    X(local_map.keys, frozen_map_keys_spec, "MapKeys")                                 \
    X(local_map.values, frozen_map_values_spec, "MapValues")                           \
    X(local_map.items, frozen_map_items_spec, "MapItems")                              \
    X(local_map.iterator, frozen_map_iterator_spec, "MapIterator")                     \
    X(local_set.nodes.plain, frozen_set_node_spec, NULL)                               \
    X(local_set.nodes.general, frozen_set_node_general_spec, NULL)                     \
    X(local_set.container, frozen_set_spec, "Set")                                     \
    X(local_set.mutation, frozen_set_mutation_spec, "SetMutation")                     \
    X(local_set.iterator, frozen_set_iterator_spec, "SetIterator")                     \
    X(local_vector.nodes.plain, frozen_vector_node_spec, NULL)                         \
    X(local_vector.nodes.general, frozen_vector_node_general_spec, NULL)               \
    X(local_vector.container, frozen_vector_spec, "Vector")                            \
    X(local_vector.mutation, frozen_vector_mutation_spec, "VectorMutation")            \
    X(local_vector.iterator, frozen_vector_iterator_spec, "VectorIterator")            \
    X(shared_map.container, frozen_shared_map_spec, "SharedMap")                       \
    X(shared_map.mutation, frozen_shared_map_mutation_spec, "SharedMapMutation")       \
    X(shared_map.keys, frozen_shared_map_keys_spec, "SharedMapKeys")                   \
    X(shared_map.values, frozen_shared_map_values_spec, "SharedMapValues")             \
    X(shared_map.items, frozen_shared_map_items_spec, "SharedMapItems")                \
    X(shared_map.iterator, frozen_shared_map_iterator_spec, "SharedMapIterator")       \
    X(shared_set.container, frozen_shared_set_spec, "SharedSet")                       \
    X(shared_set.mutation, frozen_shared_set_mutation_spec, "SharedSetMutation")       \
    X(shared_set.iterator, frozen_shared_set_iterator_spec, "SharedSetIterator")       \
    X(shared_vector.container, frozen_shared_vector_spec, "SharedVector")              \
    X(shared_vector.mutation, frozen_shared_vector_mutation_spec, "SharedVectorMutation") \
    X(shared_vector.iterator, frozen_shared_vector_iterator_spec, "SharedVectorIterator") \
    X(blob, frozen_blob_spec, "Blob")                                                  \
    X(handle, frozen_handle_spec, "Handle")                                            \
    X(atomic_ref, frozen_atomic_ref_spec, "AtomicRef")                                 \
    X(shared_ref, frozen_shared_ref_spec, "SharedRef")                                 \
    X(transaction, frozen_transaction_spec, "transaction")                             \
    X(watch, frozen_watch_spec, "Watch")                                               \
    X(waker, frozen_waker_spec, "_Waker")                                              \
    X(mapped_number, frozen_mapped_number_spec, "_MappedNumber")                       \
    X(file_reader, frozen_file_reader_spec, "_FileReader")                             \
    X(atomic_counter, frozen_atomic_counter_spec, "AtomicCounter")                     \
    X(atomic_map, frozen_atomic_map_spec, "AtomicMap")                                 \
    X(shared_atomic_map, frozen_shared_atomic_map_spec, "SharedAtomicMap")             \
    X(shared_atomic_counter, frozen_shared_atomic_counter_spec, "SharedAtomicCounter") \
    X(cache, frozen_cache_spec, "Cache")                                               \
    X(cache_entry, frozen_cache_entry_spec, NULL)                                      \
    X(cached, frozen_cached_spec, "_CachedFunction")                                   \
    X(ready, frozen_ready_spec, "_Ready")                                              \
    X(file_image, frozen_file_image_spec, NULL)                                        \
    X(file_map, frozen_file_map_spec, "FileMap")                                       \
    X(file_set, frozen_file_set_spec, "FileSet")                                       \
    X(file_vector, frozen_file_vector_spec, "FileVector")                              \
    X(file_iterator, frozen_file_iterator_spec, "_FileIterator")                       \
    X(conversion, frozen_conversion_spec, "_Conversion")                               \
    X(converter, frozen_converter_spec, NULL)                                          \
    X(reader_registry, frozen_reader_registry_spec, NULL)                              \
    X(reader_cache, frozen_reader_cache_spec, NULL)                                    \
    X(recent_end, frozen_recent_end_spec, NULL)

/* Those whose objects cross from interpreter to interpreter. */
#define FROZEN_CROSSING_TYPES(X) \
    X(shared_map.container)      \
    X(shared_set.container)      \
    X(shared_vector.container)   \
    X(blob)                      \
    X(shared_ref)                \
    X(shared_atomic_map)         \
    X(shared_atomic_counter)

/* What a file has to do in a new interpreter once all types are there, in this order: 0, or -1 (exception set).  Rows
 * of the table of kinds come first: blocks are made from then on. */
#define FROZEN_SETUPS(X) \
    X(cells_setup)        \
    X(plans_setup)        \
    X(blob_setup)         \
    X(local_map_setup)    \
    X(local_set_setup)    \
    X(local_vector_setup) \
    X(reader_setup)       \
    X(shared_map_setup)   \
    X(shared_set_setup)   \
    X(shared_vector_setup) \
    X(shared_ref_setup)   \
    X(shared_atomic_map_setup) \
    X(shared_atomic_counter_setup) \
    X(dispatcher_setup)   \
    X(interp_setup)       \
    X(inspect_setup)      \
    X(capi_setup)

/* What it has to give back when the module goes away, before its types do. */
#define FROZEN_TEARDOWNS(X) \
    X(interp_teardown)     \
    X(dispatcher_teardown)

/* Functions of the module itself: tables of their own, by the files that have something to offer. */
#define FROZEN_FUNCTIONS(X)   \
    X(local_map_functions)    \
    X(local_vector_functions) \
    X(inspect_functions)      \
    X(reader_functions)       \
    X(dispatcher_functions)   \
    X(codec_functions)        \
    X(cached_functions)       \
    X(file_functions)         \
    X(interp_functions)

#define X(field, spec, name) extern PyType_Spec spec;
FROZEN_TYPES(X)
#undef X

#define X(setup) int setup(PyObject *module, module_state *state);
FROZEN_SETUPS(X)
#undef X

#define X(teardown) void teardown(module_state *state);
FROZEN_TEARDOWNS(X)
#undef X

#define X(table) extern PyMethodDef table[];
FROZEN_FUNCTIONS(X)
#undef X

int plans_traverse(module_state *state, visitproc visit, void *arg);

/* Forget all plans (shared/plans.c): from module_clear, too. */
void plans_clear(module_state *state);

extern struct PyModuleDef frozen_module;

/* The module that one of our types, or a subclass of one, was made for: borrowed; NULL without an error: none of ours,
 * or the module is gone.
 *
 * What decides is whose layout the objects have.  That is told by tp_base, which CPython keeps right, and not by the
 * method resolution order, which a metaclass may make up (as PyType_GetModuleByDef goes by).  Types that are ours know
 * their module.  Only types made in C are immutable, so that flags tell them apart from subclasses. */
static inline PyObject *
module_of_type(PyTypeObject *type)
{
    for (; type != NULL; type = type->tp_base) {
        if (UNLIKELY(!PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE)
                     || !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)))
            continue;
        PyObject *module = ((PyHeapTypeObject *)type)->ht_module;
        if (LIKELY(module != NULL && PyModule_GetDef(module) == &frozen_module))
            return module;
    }
    return NULL;
}

/* The state behind one of our types or a subclass of one; NULL: there is none (TypeError). */
static inline module_state *
module_state_of_type(PyTypeObject *type)
{
    PyObject *module = module_of_type(type);
    if (LIKELY(module != NULL))
        return (module_state *)PyModule_GetState(module);
    PyErr_Format(PyExc_TypeError, "%s is no type of frozen's, or its module is gone", type->tp_name);
    return NULL;
}

static inline module_state *
module_state_of(PyObject *self)
{
    return module_state_of_type(Py_TYPE(self));
}

/* `from module import name`, kept in `place`, which belongs to the module's state: a new reference, or NULL (exception
 * set). Of several threads the first one to store publishes what it found, and the others take that: it is whole before
 * they can see it, and goes when the state is cleared, which nobody uses any more. */
static inline PyObject *
kept_import(_Atomic(PyObject *) *place, const char *module, const char *name)
{
    PyObject *found = atomic_load_explicit(place, memory_order_acquire), *none = NULL;
    if (LIKELY(found != NULL))
        return Py_NewRef(found);
    found = imported(module, name);
    if (found == NULL)
        return NULL;
    if (atomic_compare_exchange_strong_explicit(place, &none, found, memory_order_acq_rel, memory_order_acquire))
        return Py_NewRef(found);
    Py_DECREF(found);
    return Py_NewRef(none);
}

#define X(field, module, name)                                        \
    MAYBE_UNUSED static inline PyObject *                             \
    kept_##field(module_state *state)                                 \
    {                                                                 \
        return kept_import(&state->imports.field, module, name);      \
    }
FROZEN_KEPT_IMPORTS(X)
#undef X

#endif
