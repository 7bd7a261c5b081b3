/* Which objects stand for shared values: the shared containers and Blob; and which cross interpreters: places
 * too. */

#include "shared/current.h"
#include "shared/nodes.h"

/* X(kind of its box, family) */
#define SHARED_CONTAINERS(X)     \
    X(KIND_MAP, shared_map)      \
    X(KIND_SET, shared_set)      \
    X(KIND_VECTOR, shared_vector)

static block_kind
kind_of_container(module_state *state, PyObject *object)
{
#define X(kind, family)                                   \
    if (Py_IS_TYPE(object, state->family.container))      \
        return kind;
    SHARED_CONTAINERS(X)
#undef X
    Py_UNREACHABLE();
}

static PyTypeObject *
type_of_kind(module_state *state, unsigned kind)
{
#define X(its_kind, family)                   \
    if (kind == its_kind)                     \
        return state->family.container;
    SHARED_CONTAINERS(X)
#undef X
    Py_UNREACHABLE();
}

/* A box around a container's root.  Each call makes a new one, because headers do not know each other: 56 bytes. */
static int
container_encode(PyObject *object, cell *c)
{
    container *held = (container *)object;
    box *b = box_alloc(kind_of_container(module_state_of(object), object), sizeof(void *));
    if (b == NULL)
        return -1;
    b->size = (uint64_t)held->count;
    node_retain(held->root);
    *box_root(b) = held->root;
    *c = cell_of_box(b);
    return 1;
}

PyObject *
shared_container_decode(box *b)
{
    module_state *state = current_state();
    if (state == NULL)
        return NULL;
    node_retain(*box_root(b));
    return container_new(type_of_kind(state, b->head.kind), *box_root(b), (Py_ssize_t)b->size);
}

/* ---- what lies above: the same in every interpreter ---- */

static _Atomic(object_encoder) blob_encoder, place_encoders[PLACE_KINDS];

void
blob_encode_register(object_encoder encode)
{
    atomic_store_explicit(&blob_encoder, encode, memory_order_relaxed);
}

void
crossing_encode_register(block_kind kind, object_encoder encode)
{
    atomic_store_explicit(&place_encoders[kind - FIRST_PLACE_KIND], encode, memory_order_relaxed);
}

/* ---- */

int
shared_object_encode(PyObject *object, cell *c)
{
    if (Py_TYPE(object)->tp_dealloc == shared_container_dealloc)
        return container_encode(object, c);
    return atomic_load_explicit(&blob_encoder, memory_order_relaxed)(object, c);
}

int
crossing_encode(PyObject *object, cell *c)
{
    for (int i = 0; i < PLACE_KINDS; i++) {
        int known = atomic_load_explicit(&place_encoders[i], memory_order_relaxed)(object, c);
        if (known != 0)
            return known;
    }
    return shared_object_encode(object, c);
}
