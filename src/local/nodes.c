/* What all containers of the local memory share, whatever their nodes look like. */

#include "local/nodes.h"

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

static void
spares_free(spare_list *list, void (*block_free)(void *))
{
    for (PyObject *spare; (spare = spare_pop(list)) != NULL;) {
        PyTypeObject *type = Py_TYPE(spare);
        block_free(spare);
        Py_DECREF(type);
    }
}

/* When the module goes away: what dies from now on is freed at once. */
void
local_spares_close(local_spares *spares)
{
    spares->limit = 0;
    spares_free(&spares->headers, PyObject_GC_Del);
    for (size_t class = 0; class < SPARE_CLASSES; class++)
        spares_free(&spares->nodes[class], PyObject_Free);
}

static int
spares_traverse(const spare_list *list, visitproc visit, void *arg)
{
    for (PyObject *spare = list->first; spare != NULL; spare = *spare_next(spare))
        Py_VISIT(Py_TYPE(spare));
    return 0;
}

/* The module's: the collector sees no spares, but has to know what holds the types. */
int
local_spares_traverse(local_spares *spares, visitproc visit, void *arg)
{
    int status = spares_traverse(&spares->headers, visit, arg);
    for (size_t class = 0; status == 0 && class < SPARE_CLASSES; class++)
        status = spares_traverse(&spares->nodes[class], visit, arg);
    return status;
}

/* Containers nested in each other are freed without recursion: the trashcan takes over below a certain depth.  Nodes
 * need none of their own, because there are at most HASH_LEVELS + 1 of them between two containers. */
void
local_container_dealloc(PyObject *self)
{
    container *c = (container *)self;
    PyTypeObject *type = Py_TYPE(self);
    local_spares *spares = container_type_state(type);
    if (spares == NULL || c->root == NULL || node_is_general(c->root)) /* as container_new says; else it is untracked */
        PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, local_container_dealloc)
    weakrefs_clear(self, &c->weakrefs);
    if (c->root != NULL)
        node_release(c->root);
    spare_header_free(spares, self);
    Py_TRASHCAN_END
}
