/* Vector, VectorMutation and its iterator: the vector over the local memory. */

#define TYPE_NAME Vector
#define FAMILY local_vector

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "bindings/common/direct.h"
#include "bindings/vector/type.inc.h"
#include "bindings/vector/bulk.inc.h"
#include "bindings/vector/contents.inc.h"

#define NODE_NAME "frozen._core.vector_node"
#define NODE_METHODS vector_node_methods
#include "local/node_types.inc.h"

LOCAL_NODE_SPECS(frozen_vector_node_spec, frozen_vector_node_general_spec);
VECTOR_SPECS(frozen_vector, "frozen.Vector", Py_TPFLAGS_BASETYPE);

int
local_vector_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    return vector_family_setup(&state->local_vector);
}

/* For bulk.h. */
int
local_vector_each(PyObject *self, visit_item visit, void *context, bool *unique)
{
    rrb v = vector_value(self);
    return v.root == NULL ? 0 : items_visit(v.root, 1, visit, context, unique);
}

PyObject *
local_vector_of(module_state *state, PyObject *const *elements, Py_ssize_t count)
{
    return vector_of(&state->local_vector, elements, count);
}

PyMethodDef local_vector_functions[] = {
    {"_chain", FASTCALL(vector_chain), METH_FASTCALL,
     PyDoc_STR("_chain($module, type, lists, /)\n--\n\nHow a pickle of a large vector is loaded: type(all elements).")},
    {NULL, NULL, 0, NULL},
};

/* For contents.h. */
int
local_vector_contents(PyObject *self, PyObject **out)
{
    return vector_take_contents(self, out);
}

/* ---- for direct.h ---- */

/* Where a walk stands: `run` more cells in the leaf of `next`, then the leaf at `index`. Borrows the root. */
typedef struct {
    void *root;
    const cell *next;
    Py_ssize_t index, count, run;
} vector_walk;

_Static_assert(sizeof(vector_walk) <= VECTOR_WALK_ROOM, "frozen_vector_iter of frozen.h is what extensions reserve");

PyObject *
local_vector_at(PyObject *self, Py_ssize_t index)
{
    if (UNLIKELY((size_t)index >= (size_t)VECTOR_LENGTH(self))) {
        index_error(self, index, VECTOR_LENGTH(self));
        return NULL;
    }
    return rrb_get(((container *)self)->root, (size_t)index);
}

void
local_vector_walk(PyObject *self, void *walk)
{
    *(vector_walk *)walk = (vector_walk){.root = ((container *)self)->root, .count = VECTOR_LENGTH(self)};
}

bool
local_vector_walk_next(void *walk, PyObject **value)
{
    vector_walk *w = walk;
    if (w->run == 0) {
        if (w->index == w->count)
            return false;
        size_t slot = (size_t)w->index;
        const rrb_node *leaf = rrb_leaf(w->root, &slot);
        w->next = leaf_cells(leaf) + slot;
        w->run = Py_MIN(leaf->length - (Py_ssize_t)slot, w->count - w->index); /* a shared tail may be longer */
        w->index += w->run;
    }
    w->run--;
    *value = *w->next++;
    return true;
}

PyObject *
local_vector_with(PyObject *self, Py_ssize_t index, PyObject *value)
{
    if (UNLIKELY((size_t)index >= (size_t)VECTOR_LENGTH(self))) {
        index_error(self, index, VECTOR_LENGTH(self));
        return NULL;
    }
    PyObject *number = PyLong_FromSsize_t(index);
    PyObject *const args[] = {number, value};
    PyObject *result = number != NULL ? vector_set(self, args, 2) : NULL;
    Py_XDECREF(number);
    return result;
}

PyObject *
local_vector_with_last(PyObject *self, PyObject *value)
{
    return vector_append(self, value);
}

PyObject *
local_vector_draft(PyObject *self)
{
    return vector_mutate(self, NULL);
}

bool
local_vector_is_draft(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == mutation_dealloc;
}

Py_ssize_t
local_vector_draft_len(PyObject *draft)
{
    return mutation_length(draft);
}

int
local_vector_draft_append(PyObject *draft, PyObject *value)
{
    PyObject *none = mutation_append(draft, value);
    Py_XDECREF(none);
    return none != NULL ? 0 : -1;
}

int
local_vector_draft_set(PyObject *draft, Py_ssize_t index, PyObject *value)
{
    if (index < 0) {
        index_error(draft, index, mutation_length(draft));
        return -1;
    }
    return mutation_set_item(draft, index, value);
}

PyObject *
local_vector_draft_finish(PyObject *draft)
{
    return mutation_finish(draft, NULL);
}
