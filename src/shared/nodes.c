/* What all containers of the shared memory have in common, whatever their nodes look like. */

#include "shared/nodes.h"

/* Freeing that many entries takes a while: other threads of the interpreter shall not wait for it. */
#define DETACH_FROM 4096

int
shared_container_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

PyObject *
shared_container_new_header(PyObject *self)
{
    container *c = (container *)self;
    node_retain(c->root);
    return container_new(Py_TYPE(self), c->root, c->count);
}

void
shared_root_release(void *root, Py_ssize_t count)
{
    if (!block_drop(root))
        return;
    if (count < DETACH_FROM) {
        block_free(root);
        return;
    }
    /* no thread can reach the tree any more, and freeing it needs no interpreter */
    Py_BEGIN_ALLOW_THREADS
    block_free(root);
    Py_END_ALLOW_THREADS
}

void
cell_release_detached(cell c)
{
    if (!cell_is_box(c) || !block_drop(cell_block(c)))
        return;
    block *b = cell_block(c);
    bool owns = kind_row_of(b)->contents != NULL;
    if (!owns || (b->kind < FIRST_PLACE_KIND && ((box *)b)->size < DETACH_FROM)) {
        block_free(b);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    block_free(b);
    Py_END_ALLOW_THREADS
}

void
shared_container_dealloc(PyObject *self)
{
    container *c = (container *)self;
    PyTypeObject *type = Py_TYPE(self);
    weakrefs_clear(self, &c->weakrefs);
    void *root = c->root;
    Py_ssize_t count = c->count;
    PyObject_GC_Del(self);
    Py_DECREF(type);
    shared_root_release(root, count);
}
