/* What all containers of the local memory share, whatever their nodes look like. */

#include "memory/local.h"

int
local_container_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT((PyObject *)((container *)self)->root);
    return 0;
}

PyObject *
local_container_again(PyObject *self)
{
    container *c = (container *)self;
    node_retain(c->root);
    return container_new(Py_TYPE(self), c->root, c->count);
}

void
local_spares_open(local_spares *spares)
{
    spares->limit = SPARES_LIMIT;
}

/* When the module goes away: what dies from now on is freed at once. */
void
local_spares_close(local_spares *spares)
{
    PyObject *spare;
    spares->limit = 0;
    while ((spare = spare_take(&spares->headers)) != NULL)
        PyObject_GC_Del(spare);
    for (size_t class = 0; class < SPARE_CLASSES; class++)
        while ((spare = spare_take(&spares->nodes[class])) != NULL)
            PyObject_Free(spare);
}

/* Containers nested in each other are freed without recursion: the trashcan takes over below a certain depth.  Nodes
 * need none of their own, for between two containers stand at most HASH_LEVELS + 1 of them. */
void
local_container_dealloc(PyObject *self)
{
    container *c = (container *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, local_container_dealloc)
    weakrefs_clear(self, &c->weakrefs);
    if (c->root != NULL)
        node_release(c->root);
    local_spares *spares = container_type_state(type);
    if (UNLIKELY(spares == NULL || !spare_keep(spares, &spares->headers, self)))
        type->tp_free(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}
