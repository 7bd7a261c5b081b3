/* The local memory: cells are references to Python objects, nodes are Python objects of one interpreter.
 *
 * Nodes are objects, and not plain blocks, so that the collector sees exactly what refers to what, however many
 * versions share a node, and so that counts are plain under the GIL and biased towards the owning thread without it.
 * Each container has two node types: one that the collector tracks, for general nodes, and one that it never sees.
 *
 * Included once by each file that instantiates a container over this memory; see trees/memory_contract.h for the
 * meaning of each name. local/node_types.inc.h, included after the algorithms, makes the two types. */
#ifndef FROZEN_LOCAL_NODES_H
#define FROZEN_LOCAL_NODES_H

#include "trees/memory_contract.h"
#include "platform/cpython.h"
#include "platform/comparison.h"
#include "platform/cpython_private.h"
#include "local/free_list.h"

#define container_dealloc local_container_dealloc
#define container_traverse local_container_traverse
int local_container_traverse(PyObject *self, visitproc visit, void *arg);

typedef local_memory memory; /* the node types of one container in one interpreter */

typedef PyObject *cell;
typedef struct {
    uint64_t hash;
    PyObject *object;
} probe;
typedef NODE_CONTENTS(cell) node_contents;
#define NODE_HEAD PyObject ob_base
#ifndef Py_GIL_DISABLED
#define MEMORY_IS_SERIAL true /* the GIL; and no other interpreter sees these objects */
#else
#define MEMORY_IS_SERIAL false
#endif
#define NODES_ARE_OBJECTS /* pickles may refer to them: bindings/map/pickle.inc.h */

/* ---- nodes ---- */

/* Nodes that threads edit in turn, under a lock, are made to have no owner: NODES_HAVE_NO_OWNER, defined before. */
#ifdef NODES_HAVE_NO_OWNER
#define NODE_MADE(node) object_disown(node)
#define NODE_IS_UNIQUE(node) object_is_unique_in_any_thread(node)
#else
#define NODE_MADE(node) ((void)(node))
#define NODE_IS_UNIQUE(node) object_is_unique(node)
#endif

static inline bool
node_is_general(const void *node)
{
    return PyType_HasFeature(Py_TYPE((PyObject *)node), Py_TPFLAGS_HAVE_GC);
}

NO_INLINE static void *
plain_node_alloc(memory *mem, size_t class)
{
    PyObject *node = PyObject_Malloc(class * FREE_LIST_UNIT);
    return node != NULL ? PyObject_Init(node, mem->plain) : PyErr_NoMemory();
}

#ifdef NODES_HAVE_SPARES
/* A plain node of the class that nobody has any longer, with one reference and no owner, or NULL. Of the including file. */
static inline PyObject *spare_take(memory *mem, size_t class);
#endif

static inline void *
node_alloc(memory *mem, size_t size, bool general)
{
    PyObject *node = NULL;
    if (UNLIKELY(general)) {
        /* writes ob_size, which is where the first member behind the head is: the caller fills that in afterwards */
        node = (PyObject *)PyObject_GC_NewVar(PyVarObject, mem->general, (Py_ssize_t)(size - sizeof(PyObject)));
    }
    else {
        size_t class = free_list_class(size);
#ifdef NODES_HAVE_SPARES
        if ((node = spare_take(mem, class)) != NULL)
            return node;
#endif
        if (LIKELY(class < FREE_LIST_CLASSES))
            node = free_list_take(&mem->free_lists->nodes[class], mem->plain);
        if (UNLIKELY(node == NULL))
            node = plain_node_alloc(mem, class);
    }
    if (LIKELY(node != NULL))
        NODE_MADE(node);
    return node;
}

static inline void
node_ready(void *node)
{
    if (UNLIKELY(node_is_general(node)))
        PyObject_GC_Track(node);
}

/* The opposite: its contents are another node's now. */
static inline void
node_unready(void *node)
{
    if (UNLIKELY(node_is_general(node)))
        PyObject_GC_UnTrack(node);
}

static inline void
node_retain(void *node)
{
    Py_INCREF((PyObject *)node);
}

/* Whether the reference about to be given up is the last: then the node is freed without a detour through CPython,
 * which would look after the C stack. Containers do that (local/nodes.c); between two of them there are few nodes. */
static inline bool
node_dies(void *node)
{
#if !defined(Py_GIL_DISABLED) && !defined(Py_REF_DEBUG)
    return Py_REFCNT((PyObject *)node) == 1;
#else
    (void)node;
    return false;
#endif
}

static inline void
node_release(void *node)
{
    if (node_dies(node))
        Py_TYPE((PyObject *)node)->tp_dealloc(node);
    else
        Py_DECREF((PyObject *)node);
}

static inline bool
node_is_unique(void *node)
{
    return NODE_IS_UNIQUE((PyObject *)node);
}

/* Bytes that the allocator's caller does not see: the collector's head of a tracked node. */
static inline size_t
node_overhead(const void *node)
{
    return node_is_general(node) ? 2 * sizeof(void *) : 0;
}

static inline void *
scratch_alloc(size_t size)
{
    void *block = PyMem_Malloc(size);
    return block != NULL ? block : PyErr_NoMemory();
}

static inline void
scratch_free(void *block)
{
    PyMem_Free(block);
}

/* ---- cells ---- */

static inline void
cell_retain(cell c)
{
    Py_INCREF(c);
}
static inline void
cell_release(cell c)
{
    Py_DECREF(c);
}
static inline void
cell_prefetch(cell c)
{
    PREFETCH_WRITE(c);
}
static inline bool
cell_identical(cell a, cell b)
{
    return a == b;
}

static inline bool
is_atom(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyBytes_Type || type == &PyFloat_Type
           || type == &PyBool_Type || type == Py_TYPE(Py_None) || type == &PyComplex_Type;
}

/* Plain keys are hashed again and plain tuples looked through wherever nodes are made: that must cost what it costs for
 * ordinary ones.  What is longer is general. */
#define PLAIN_DIGITS 32
#define PLAIN_MEMBERS 32

/* An atom whose hash takes bounded time: str and bytes remember theirs. */
static inline bool
is_atomic_key(PyObject *o)
{
    return is_atom(o) && LIKELY(!PyLong_CheckExact(o) || int_digits(o) <= PLAIN_DIGITS);
}

static inline bool
is_tuple_of(PyObject *o, bool (*member)(PyObject *))
{
    if (!PyTuple_CheckExact(o) || PyTuple_GET_SIZE(o) > PLAIN_MEMBERS)
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++)
        if (!member(PyTuple_GET_ITEM(o, i)))
            return false;
    return true;
}

/* A closed list, because the hash of a plain key must be pure and take bounded time (trees/memory_contract.h). */
static inline bool
key_is_plain(cell c)
{
    return LIKELY(is_atomic_key(c)) || is_tuple_of(c, is_atomic_key);
}

/* One of our containers (no subclass) that is not tracked holds plain things only, for good: it is in no cycle. */
static inline bool
container_is_untracked(PyObject *o)
{
    return Py_TYPE(o)->tp_dealloc == local_container_dealloc && !PyObject_GC_IsTracked(o);
}

/* An object that refers to nothing and that freeze leaves as it is. Both must hold of all that a plain node has: the
 * collector does not look into it, and neither does freeze. Types made in Python, which can come without the collector's
 * head and hold anything all the same (msgspec makes such), are not immutable as types in C are; bytearray is the one
 * builtin without references that freeze makes something else of. */
static inline bool
is_leaf_object(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    if (UNLIKELY(PyType_HasFeature(type, Py_TPFLAGS_HAVE_GC)))
        return !PyObject_IS_GC(o);
    return LIKELY(PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE) && type != &PyByteArray_Type);
}

static inline bool
value_is_plain(cell c)
{
    return LIKELY(is_leaf_object(c)) || is_tuple_of(c, is_leaf_object) || container_is_untracked(c);
}

static inline uint64_t
cell_hash(cell c)
{
    return (uint64_t)PyObject_Hash(c);
}

static inline probe
probe_of(cell key, uint64_t hash)
{
    return (probe){hash, key};
}

/* Whether comparing two objects of that type, exactly, is part of the comparison that the thread is in: of numbers, which
 * runs no other code, and of containers of ours, which go on with it. */
static inline bool
type_compares_within(PyTypeObject *type)
{
    return type == &PyLong_Type || type == &PyFloat_Type || type->tp_dealloc == local_container_dealloc;
}

/* Two tuples, within the comparison that the thread is in: 1, 0, or -1 (exception set). */
int local_tuples_equal(PyObject *a, PyObject *b);

/* So is comparing tuples.  Anything else is arbitrary code, before which the comparison pauses. */
static inline int
objects_equal(PyObject *a, PyObject *b)
{
    if (comparison_running == NULL || (Py_TYPE(a) == Py_TYPE(b) && type_compares_within(Py_TYPE(a))))
        return PyObject_RichCompareBool(a, b, Py_EQ);
    if (PyTuple_CheckExact(a) && PyTuple_CheckExact(b))
        return local_tuples_equal(a, b);
    comparison *paused = comparison_pause();
    int equal = PyObject_RichCompareBool(a, b, Py_EQ);
    comparison_resume(paused);
    return equal;
}

NO_INLINE static int
cell_matches_object(cell c, const probe *p, bool hash_known)
{
    /* The stored hash was a plain key's low half: `__eq__` is for equal hashes only, as in dict. */
    if (!hash_known && cell_hash(c) != p->hash)
        return 0;
    return objects_equal(c, p->object);
}

/* An includer that may not run arbitrary code everywhere names a function of its own before it includes this. */
#ifndef MATCHES_OBJECT
#define MATCHES_OBJECT cell_matches_object
#else
static int MATCHES_OBJECT(cell c, const probe *p, bool hash_known);
#endif

FORCE_INLINE int
cell_matches(cell c, const probe *p, bool hash_known)
{
    if (c == p->object)
        return 1;
    if (LIKELY(PyUnicode_CheckExact(c) && PyUnicode_CheckExact(p->object)))
        return unicode_equal(c, p->object);
    return MATCHES_OBJECT(c, p, hash_known);
}

static inline int
cell_equal(cell a, cell b)
{
    if (a == b)
        return 1;
    if (PyUnicode_CheckExact(a) && PyUnicode_CheckExact(b))
        return unicode_equal(a, b);
    return objects_equal(a, b);
}

static inline int
cell_key_hash(cell c, uint64_t *hash)
{
    (void)c;
    (void)hash;
    return 1;
}

static inline int
cell_value_hash(cell c, uint64_t *hash)
{
    Py_hash_t h = PyObject_Hash(c);
    *hash = (uint64_t)h;
    return h == -1 ? -1 : 1;
}

static inline bool
cell_pure_hash(cell c, uint64_t *hash)
{
    if (!key_is_plain(c))
        return false;
    *hash = cell_hash(c);
    return true;
}

/* ---- cells and the objects that users see: what bindings/ needs beside trees/memory_contract.h ---- */

/* What a collector has to see of a root that an object other than a container holds; NULL is allowed. */
static inline int
root_traverse(void *root, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)root);
    return 0;
}

/* The module state behind an exact container type; NULL for all other types. */
static inline void *
container_type_state(PyTypeObject *type)
{
    return LIKELY(type->tp_dealloc == local_container_dealloc) ? type_module_state(type) : NULL;
}

/* A new header over `root`, which is stolen even on failure.  The collector tracks it where the root is general, or
 * where a subclass may hold anything. */
static inline PyObject *
container_new(PyTypeObject *type, void *root, Py_ssize_t count)
{
    bool ours = type->tp_dealloc == local_container_dealloc;
    container *self =
        (container *)(ours ? free_lists_header_new(type_module_state(type), type) : type->tp_alloc(type, 0));
    if (UNLIKELY(self == NULL)) {
        node_release(root);
        return NULL;
    }
    self->root = root;
    self->count = count;
    atomic_init(&self->hash, -1);
    self->weakrefs = NULL;
    if (ours && node_is_general(root))
        PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* 0, or -1: the object has no hash (exception set). */
static inline int
probe_init(probe *p, PyObject *key)
{
    p->object = key;
    if (LIKELY(PyUnicode_CheckExact(key))) {
        Py_hash_t known = unicode_known_hash(key);
        if (LIKELY(known != -1)) {
            p->hash = (uint64_t)known;
            return 0;
        }
    }
    Py_hash_t hash = PyObject_Hash(key);
    p->hash = (uint64_t)hash;
    return hash == -1 ? -1 : 0;
}

/* A reference of its own in `*c`: 0, or -1: this memory cannot hold the object (exception set). */
static inline int
cell_from_object(PyObject *object, cell *c)
{
    *c = Py_NewRef(object);
    return 0;
}

/* A cell for the length of a call, given back by cell_close: borrowed here, encoded by other memories. */
static inline int
cell_open(PyObject *object, cell *c)
{
    *c = object;
    return 0;
}

static inline void
cell_close(cell c)
{
    (void)c;
}

/* Whether every object can become a cell. */
#define CELLS_HOLD_ALL true

/* Whether the error that is set says that an object could not: it is cleared then. */
static inline bool
refusal_clear(void)
{
    return false;
}

/* The same two for keys, whose probe is known. */
static inline int
cell_from_key(PyObject *key, const probe *p, cell *c)
{
    (void)p;
    return cell_from_object(key, c);
}

static inline int
key_open(PyObject *key, const probe *p, cell *c)
{
    (void)p;
    return cell_open(key, c);
}

/* The value under `key` could not become a cell, which was reported: add to the report where it would be. */
static inline void
value_not_shareable(PyObject *key)
{
    (void)key;
}

/* The same for the element at `index` of a sequence. */
static inline void
element_not_shareable(Py_ssize_t index)
{
    (void)index;
}

/* An object that many cells are compared with: any object, whether it could become a cell or not. */
typedef PyObject *needle;

static inline int
needle_open(PyObject *object, needle *s)
{
    *s = object;
    return 0;
}

static inline void
needle_close(const needle *s)
{
    (void)s;
}

static inline int
needle_equals(const needle *s, cell c)
{
    return cell_equal(c, *s);
}

/* A new reference, or NULL (exception set). */
static inline PyObject *
cell_to_object(cell c)
{
    return Py_NewRef(c);
}

/* The same, and the cell is given up. */
static inline PyObject *
cell_into_object(cell c)
{
    return c;
}

/* Whether cell_to_object may run arbitrary code: then what holds the cell must be kept alive meanwhile. */
#define CELLS_ARE_DECODED false

#endif
