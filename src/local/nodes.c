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
local_container_new_header(PyObject *self)
{
    container *c = (container *)self;
    node_retain(c->root);
    return container_new(Py_TYPE(self), c->root, c->count);
}

enum { ELEMENTS_BETWEEN_SIGNALS = 1 << 16 };

static int
elements_equal(PyObject *a, PyObject *b)
{
    int equal = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a) && equal > 0; i++) {
        if (UNLIKELY(i % ELEMENTS_BETWEEN_SIGNALS == ELEMENTS_BETWEEN_SIGNALS - 1)) {
            comparison *paused = comparison_pause();
            int raised = PyErr_CheckSignals();
            comparison_resume(paused);
            if (raised)
                return -1;
        }
        equal = cell_equal(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i));
    }
    return equal;
}

/* As Python compares tuples.  But tuples of containers, which are in tuples, are as many paths as containers in
 * containers: they are remembered like those.  What is around them keeps both alive. */
int
local_tuples_equal(PyObject *a, PyObject *b)
{
    comparison *c = comparison_running;
    address_key key = {(uintptr_t)a, (uintptr_t)b, (uint64_t)PyTuple_GET_SIZE(a)};
    if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b))
        return 0;
    if (comparison_remembers(c, a, b) && address_find(&c->equal, key) != NULL)
        return 1;
    if (Py_EnterRecursiveCall(" in comparison") != 0)
        return -1;
    int equal = elements_equal(a, b);
    Py_LeaveRecursiveCall();
    if (equal > 0)
        comparison_met(c, a, b, key);
    return equal;
}

void
free_lists_open(free_lists *lists)
{
    lists->limit = FREE_LIST_LIMIT;
}

static void
free_list_clear(free_list *list, void (*block_free)(void *))
{
    for (PyObject *block; (block = free_list_pop(list)) != NULL;) {
        PyTypeObject *type = Py_TYPE(block);
        block_free(block);
        Py_DECREF(type);
    }
}

/* When the module goes away: what dies from now on is freed at once. */
void
free_lists_close(free_lists *lists)
{
    lists->limit = 0;
    free_list_clear(&lists->headers, PyObject_GC_Del);
    for (size_t class = 0; class < FREE_LIST_CLASSES; class++)
        free_list_clear(&lists->nodes[class], PyObject_Free);
}

static int
free_list_traverse(const free_list *list, visitproc visit, void *arg)
{
    for (PyObject *block = list->first; block != NULL; block = *free_list_next(block))
        Py_VISIT(Py_TYPE(block));
    return 0;
}

/* The module's. The collector does not see the blocks, but has to know what holds the types. */
int
free_lists_traverse(free_lists *lists, visitproc visit, void *arg)
{
    int status = free_list_traverse(&lists->headers, visit, arg);
    for (size_t class = 0; status == 0 && class < FREE_LIST_CLASSES; class++)
        status = free_list_traverse(&lists->nodes[class], visit, arg);
    return status;
}

/* Containers nested in each other are freed without recursion: the trashcan takes over below a certain depth.  Nodes
 * need none of their own, because there are at most HASH_LEVELS + 1 of them between two containers. */
void
local_container_dealloc(PyObject *self)
{
    container *c = (container *)self;
    PyTypeObject *type = Py_TYPE(self);
    free_lists *lists = container_type_state(type);
    if (lists == NULL || c->root == NULL || node_is_general(c->root)) /* as container_new says; else it is untracked */
        PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, local_container_dealloc)
    weakrefs_clear(self, &c->weakrefs);
    if (c->root != NULL)
        node_release(c->root);
    free_lists_header_free(lists, self);
    Py_TRASHCAN_END
}
