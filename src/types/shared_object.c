/* Which objects stand for shared values: the shared containers, Blob and SharedRef. */

#include "types/shared_object.h"

#include "interp/current.h"
#include "memory/shared.h"

/* A box around a container's root.  Each time a new one, for headers do not know each other: 56 bytes. */
static int
container_encode(PyObject *object, block_kind kind, cell *c)
{
    container *held = (container *)object;
    box *b = box_alloc(kind, sizeof(void *));
    if (b == NULL)
        return -1;
    b->size = (uint64_t)held->count;
    node_retain(held->root);
    *box_root(b) = held->root;
    *c = cell_of_box(b);
    return 1;
}

static PyObject *
container_decode(PyTypeObject *type, box *b)
{
    node_retain(*box_root(b));
    return container_new(type, *box_root(b), (Py_ssize_t)b->size);
}

int
shared_object_encode(PyObject *object, cell *c)
{
    if (blob_encode(object, c))
        return 1;
    if (Py_TYPE(object)->tp_dealloc != shared_container_dealloc)
        return 0;
    module_state *state = module_state_of(object);
    return container_encode(object, Py_IS_TYPE(object, state->shared_map.container) ? KIND_MAP : KIND_SET, c);
}

PyObject *
shared_map_decode(box *b)
{
    module_state *state = current_state();
    return state != NULL ? container_decode(state->shared_map.container, b) : NULL;
}

PyObject *
shared_set_decode(box *b)
{
    module_state *state = current_state();
    return state != NULL ? container_decode(state->shared_set.container, b) : NULL;
}
