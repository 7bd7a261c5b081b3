/* The two node types of one container over the local memory. Included after the container's algorithms, which supply
 * contents_of() and size_of(); the including file names the types by NODE_NAME ("frozen._core.map_node"), and may give
 * them methods by NODE_METHODS. */
#ifndef FROZEN_LOCAL_NODE_TYPES_INC_H
#define FROZEN_LOCAL_NODE_TYPES_INC_H

#include "local/nodes.h"

static inline node_contents contents_of(void *node);
static inline size_t size_of(void *node);
static inline void node_ending(void *node);

/* How many counts, spread over the whole heap, are on their way from memory while one is changed. */
#define RELEASE_AHEAD 8

static inline void
cells_release(cell *cells, size_t count)
{
    size_t i = 0;
    UNROLL(4)
    for (; i + RELEASE_AHEAD < count; i++) {
        PREFETCH_WRITE(cells[i + RELEASE_AHEAD]);
        cell_release(cells[i]);
    }
    for (; i < count; i++)
        cell_release(cells[i]);
}

static void
local_general_node_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    node_ending(self);
    node_contents held = contents_of(self);
    cells_release(held.cells, held.cell_count);
    for (size_t i = 0; i < held.child_count; i++)
        node_release(held.children[i]);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static void plain_node_free(PyObject *self, free_lists *lists);

/* The children of a plain node are plain: with this, a dying tree looks for the free lists once. They are there until
 * its root is gone, because that refers to its type, and so to the module. */
static inline void
plain_child_release(PyObject *child, free_lists *lists)
{
    if (node_dies(child))
        plain_node_free(child, lists);
    else
        Py_DECREF(child);
}

static inline void
plain_children_release(void **children, size_t count, free_lists *lists)
{
    size_t i = 0;
    UNROLL(4)
    for (; i + RELEASE_AHEAD < count; i++) {
        PREFETCH_WRITE(children[i + RELEASE_AHEAD]);
        plain_child_release(children[i], lists);
    }
    for (; i < count; i++)
        plain_child_release(children[i], lists);
}

/* `lists`: NULL, or those that may take the block. */
static void
plain_node_free(PyObject *self, free_lists *lists)
{
    node_ending(self);
    node_contents held = contents_of(self);
    size_t class = free_list_class(size_of(self));
    cells_release(held.cells, held.cell_count);
    plain_children_release(held.children, held.child_count, lists);
    if (LIKELY(lists != NULL && class < FREE_LIST_CLASSES && free_list_keep(lists, &lists->nodes[class], self)))
        return;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static void
local_plain_node_dealloc(PyObject *self)
{
    plain_node_free(self, type_module_state(Py_TYPE(self)));
}

static int
local_node_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    node_contents held = contents_of(self);
    for (size_t i = 0; i < held.cell_count; i++)
        Py_VISIT(held.cells[i]);
    for (size_t i = 0; i < held.child_count; i++)
        Py_VISIT((PyObject *)held.children[i]);
    return 0;
}

/* No tp_clear: nodes never change, so every cycle through them also passes through something that can be cleared. */
#ifndef NODE_METHODS
#define NODE_METHODS local_node_methods
static PyMethodDef local_node_methods[] = {
    {NULL, NULL, 0, NULL},
};
#endif

static PyType_Slot local_plain_node_slots[] = {
    {Py_tp_dealloc, (void *)local_plain_node_dealloc},
    {Py_tp_methods, NODE_METHODS},
    {0, NULL},
};

static PyType_Slot local_general_node_slots[] = {
    {Py_tp_dealloc, (void *)local_general_node_dealloc},
    {Py_tp_methods, NODE_METHODS},
    {Py_tp_traverse, (void *)local_node_traverse},
    {0, NULL},
};

#define LOCAL_NODE_FLAGS (FROZEN_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION)

#define LOCAL_NODE_SPECS(plain_spec, general_spec)                                                        \
    PyType_Spec plain_spec = {NODE_NAME, sizeof(PyObject), 0, LOCAL_NODE_FLAGS, local_plain_node_slots};  \
    PyType_Spec general_spec = {NODE_NAME "_general", sizeof(PyObject), 1,                                \
                                LOCAL_NODE_FLAGS | Py_TPFLAGS_HAVE_GC, local_general_node_slots}

#endif
