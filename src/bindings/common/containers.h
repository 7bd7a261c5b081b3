/* What ref/ needs to know about the containers: when two objects are one version.
 *
 * A container object is a thin header over its root; operations that change nothing, and AtomicRef itself, may hand
 * out different headers over one root.  A version is therefore compared by root, never by the header's identity. */
#ifndef FROZEN_BINDINGS_COMMON_CONTAINERS_H
#define FROZEN_BINDINGS_COMMON_CONTAINERS_H

#include "trees/memory_contract.h"
#include "module.h"

/* The root (borrowed) when `op` is exactly one of our containers, NULL for every other object, subclasses included:
 * they have another dealloc. Equal versions have equal roots; where equal roots do not suffice, container_same says
 * so. */
static inline const void *
container_root(PyObject *op)
{
    destructor memory = Py_TYPE(op)->tp_dealloc;
    bool ours = memory == local_container_dealloc || memory == shared_container_dealloc;
    return ours ? ((container *)op)->root : NULL;
}

/* Whether `a` and `b` are one version: the same object, or two headers of one type over the same root. */
static inline bool
container_same(PyObject *a, PyObject *b)
{
    if (a == b)
        return true;
    const void *root = container_root(a);
    return root != NULL && Py_IS_TYPE(b, Py_TYPE(a)) && root == container_root(b);
}

/* Another header over the root of `op`, which is exactly one of our containers: owned by the calling thread. */
static inline PyObject *
container_new_header(PyObject *op)
{
    bool local = Py_TYPE(op)->tp_dealloc == local_container_dealloc;
    PyObject *header = local ? local_container_new_header(op) : shared_container_new_header(op);
    if (header != NULL) {
        Py_hash_t hash = atomic_load_explicit(&((container *)op)->hash, memory_order_relaxed);
        atomic_store_explicit(&((container *)header)->hash, hash, memory_order_relaxed);
    }
    return header;
}

PyObject *local_map_lookup(PyObject *self, PyObject *key, PyObject *fallback);
PyObject *shared_map_lookup(PyObject *self, PyObject *key, PyObject *fallback);

/* op[key], or `fallback` where there is no such item: a new reference, or NULL with the exception set. */
static inline PyObject *
container_lookup(PyObject *op, PyObject *key, PyObject *fallback)
{
    if (LIKELY(PyType_HasFeature(Py_TYPE(op), Py_TPFLAGS_MAPPING))) {
        destructor memory = Py_TYPE(op)->tp_dealloc; /* no subclass has it */
        if (memory == local_container_dealloc)
            return local_map_lookup(op, key, fallback);
        if (memory == shared_container_dealloc)
            return shared_map_lookup(op, key, fallback);
    }
    PyObject *item = PyObject_GetItem(op, key);
    if (item == NULL && PyErr_ExceptionMatches(PyExc_LookupError)) {
        PyErr_Clear();
        return Py_NewRef(fallback);
    }
    return item;
}

#endif
