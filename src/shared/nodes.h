/* The shared memory: cells are encoded values, nodes are plain memory with atomic counts, owned by no interpreter.
 *
 * The same tries over this memory are the shared family: what one interpreter builds, every other reads in place.  The
 * price is an atomic operation where the local memory has a plain one, and an object made anew at each read; in return
 * a read writes nothing that another thread could be waiting for.
 *
 * Included once by each file that instantiates a container over this memory; see trees/memory_contract.h for the
 * meaning of each name. */
#ifndef FROZEN_SHARED_NODES_H
#define FROZEN_SHARED_NODES_H

#include "shared/cell.h"

/* A shared container's header refers to no object, so no collector looks at it; there are no subclasses. */
int shared_container_traverse(PyObject *self, visitproc visit, void *arg);
#define container_dealloc shared_container_dealloc
#define container_traverse shared_container_traverse

/* As node_release, where this may be the last reference to many entries: detaches the thread while it frees them. */
void shared_root_release(void *root, Py_ssize_t count);

/* What the nodes of a tree are, for block.c: all that freeing them needs to know. */
typedef struct {
    block_kind node_kind;
} memory;

/* A key that is looked for: an object, or (NULL) a cell.  `word`: the key's cell, where that takes no allocation. */
typedef struct {
    uint64_t hash;
    PyObject *object;
    cell word;
} probe;

#define NODE_HEAD block head
#define MEMORY_IS_SERIAL false

/* ---- nodes ---- */

static inline void *
node_alloc(memory *mem, size_t size, bool general)
{
    (void)general;
    void *node = block_alloc(size, mem->node_kind);
    return LIKELY(node != NULL) ? node : PyErr_NoMemory();
}

static inline void
node_ready(void *node)
{
    (void)node;
}
static inline void
node_unready(void *node)
{
    (void)node;
}
static inline void
node_retain(void *node)
{
    block_retain(node);
}
static inline void
node_release(void *node)
{
    block_release(node);
}
static inline bool
node_is_unique(void *node)
{
    return block_is_unique(node);
}
static inline bool
node_is_general(const void *node)
{
    (void)node;
    return false;
}

/* Bytes that the allocator's caller does not see: none that could be known. */
static inline size_t
node_overhead(const void *node)
{
    (void)node;
    return 0;
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

/* ---- cells: counting is in cell.h ---- */

static inline bool
key_is_plain(cell c)
{
    (void)c;
    return true;
}
static inline bool
value_is_plain(cell c)
{
    (void)c;
    return true;
}
static inline bool
cell_identical(cell a, cell b)
{
    return cell_same_value(a, b);
}

/* Only cells with a known hash become keys (cell_from_key). */
static inline uint64_t
cell_hash(cell c)
{
    uint64_t hash = 0;
    cell_known_hash(c, &hash);
    return hash;
}

/* Objects that hash by their address are found by their value (cell_probe_hash); outside, they have the hash they
 * have. */
static inline int
cell_key_hash(cell c, uint64_t *hash)
{
    return UNLIKELY(cell_is_box(c) && (block_flags(cell_block(c)) & BOX_HASH_DIFFERS)) ? cell_hash_here(c, hash) : 1;
}

static inline probe
probe_of(cell key, uint64_t hash)
{
    return (probe){hash, NULL, key};
}

NO_INLINE static int
cell_matches_slowly(cell c, const probe *p, bool hash_known)
{
    if (!hash_known && cell_hash(c) != p->hash)
        return 0;
    return p->object != NULL ? cell_equals_object(c, p->object) : cell_equals(c, p->word);
}

/* An includer that may not run arbitrary code everywhere names a function of its own before it includes this. */
#ifndef MATCHES_OBJECT
#define MATCHES_OBJECT cell_matches_slowly
#else
static int MATCHES_OBJECT(cell c, const probe *p, bool hash_known);
#endif

FORCE_INLINE int
cell_matches(cell c, const probe *p, bool hash_known)
{
    if (c == p->word)
        return 1;
    if (LIKELY(p->object != NULL && PyUnicode_CheckExact(p->object) && cell_is_kind(c, KIND_STR))) {
        box *b = cell_box(c);
        return b->size == (uint64_t)PyUnicode_GET_LENGTH(p->object)
               && b->head.form == (unsigned)PyUnicode_KIND(p->object)
               && memcmp(b->data, PyUnicode_DATA(p->object), b->size * b->head.form) == 0;
    }
    return MATCHES_OBJECT(c, p, hash_known);
}

static inline int
cell_equal(cell a, cell b)
{
    return a == b ? 1 : cell_equals(a, b);
}
static inline bool
cell_pure_hash(cell c, uint64_t *hash)
{
    return cell_known_hash(c, hash);
}

/* ---- cells and the objects that users see: what bindings/ needs beside trees/memory_contract.h ---- */

/* What a collector has to see of a root that an object holds. */
static inline int
root_traverse(void *root, visitproc visit, void *arg)
{
    (void)root;
    (void)visit;
    (void)arg;
    return 0;
}

/* A new header over `root`, which is stolen even on failure. */
static inline PyObject *
container_new(PyTypeObject *type, void *root, Py_ssize_t count)
{
    container *self = PyObject_GC_New(container, type);
    if (UNLIKELY(self == NULL)) {
        node_release(root);
        return NULL;
    }
    self->root = root;
    self->count = count;
    atomic_init(&self->hash, -1);
    self->weakrefs = NULL;
    return (PyObject *)self;
}

/* 0, or -1: the object has no hash (exception set). */
static inline int
probe_init(probe *p, PyObject *key)
{
    p->object = key;
    p->word = NO_CELL;
    if (LIKELY(PyUnicode_CheckExact(key))) {
        p->word = cell_of_short_str(key);
        Py_hash_t known = unicode_known_hash(key);
        if (LIKELY(known != -1)) {
            p->hash = (uint64_t)known;
            return 0;
        }
    }
    if (UNLIKELY(Py_TYPE(key)->tp_hash == PyBaseObject_Type.tp_hash))
        return cell_probe_hash(key, &p->hash);
    Py_hash_t hash = PyObject_Hash(key);
    p->hash = (uint64_t)hash;
    return hash == -1 ? -1 : 0;
}

/* A cell for the length of a call, given back by cell_close. */
static inline int
cell_open(PyObject *object, cell *c)
{
    return cell_from_object(object, c);
}
static inline void
cell_close(cell c)
{
    cell_release(c);
}

/* Whether every object can become a cell. */
#define CELLS_HOLD_ALL false

/* Whether the error that is set says that an object could not: it is cleared then. */
static inline bool
refusal_clear(void)
{
    return not_shareable_clear();
}

/* As cell_to_object, and the cell is given up. */
static inline PyObject *
cell_into_object(cell c)
{
    PyObject *object = cell_to_object(c);
    cell_release(c);
    return object;
}

/* Whether cell_to_object may run arbitrary code, as registered types have it: then what holds the cell must be kept
 * alive meanwhile. */
#define CELLS_ARE_DECODED true

/* The same two for keys, whose probe is known. */
static inline int
cell_from_key(PyObject *key, const probe *p, cell *c)
{
    if (p->word != NO_CELL) {
        *c = p->word;
        return 0;
    }
    return cell_from_hashed(key, p->hash, c);
}

static inline int
key_open(PyObject *key, const probe *p, cell *c)
{
    return cell_from_key(key, p, c);
}

/* The value under `key` could not become a cell, which was reported: add to the report where it would be. */
static inline void
value_not_shareable(PyObject *key)
{
    not_shareable_at("[]", Py_NewRef(key));
}

/* The same for the element at `index` of a sequence. */
static inline void
element_not_shareable(Py_ssize_t index)
{
    not_shareable_at("[]", PyLong_FromSsize_t(index));
}

/* An object that many cells are compared with: as a cell, where it can be one. */
typedef struct {
    cell word; /* NO_CELL: it cannot */
    PyObject *object;
} needle;

static inline int
needle_open(PyObject *object, needle *s)
{
    s->object = object;
    s->word = NO_CELL;
    return cell_from_object(object, &s->word) == 0 || refusal_clear() ? 0 : -1;
}

static inline void
needle_close(const needle *s)
{
    if (s->word != NO_CELL)
        cell_release(s->word);
}

static inline int
needle_equals(const needle *s, cell c)
{
    return s->word != NO_CELL ? cell_equal(c, s->word) : cell_equals_object(c, s->object);
}

#endif
