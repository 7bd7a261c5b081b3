/* SharedVector, its mutation and iterator: the vector over the shared memory. */

#define TYPE_NAME SharedVector
#define FAMILY shared_vector
#define FAMILY_NODES NODE_VECTOR

#include "bindings/common/instance_names.inc.h"
#include "bindings/common/direct.h"
#include "shared/handle.h"
#include "shared/nodes.h"

#define VECTOR_FAMILY_METHODS SHARED_HANDLE_METHOD(DOC(handle))
#include "bindings/vector/type.inc.h"
#include "bindings/vector/bulk.inc.h"
#include "bindings/vector/contents.inc.h"

#define COUNTERPART local_vector
#include "bindings/common/counterpart.inc.h"

VECTOR_SPECS(frozen_shared_vector, "frozen.SharedVector", 0);

/* For bulk.h. */
int
shared_vector_each(PyObject *self, visit_item visit, void *context)
{
    rrb v = vector_value(self);
    bool unique;
    return v.root == NULL ? 0 : items_visit(v.root, 1, visit, context, &unique);
}

PyObject *
shared_vector_of(module_state *state, PyObject *const *elements, Py_ssize_t count)
{
    return vector_of(&state->shared_vector, elements, count);
}

/* For contents.h. */
int
shared_vector_contents(PyObject *self, cell *out)
{
    return vector_take_contents(self, out);
}

/* ---- its boxes and nodes, for shared/ ---- */

static node_contents
vector_node_contents(block *node)
{
    return contents_of(node);
}

static rrb
vector_of_box(box *b)
{
    return (rrb){b->size > 0 ? *box_root(b) : NULL, b->size};
}

static int
boxed_vector_hash(box *b, uint64_t *hash)
{
    int status = rrb_hash(vector_of_box(b), hash);
    if (status >= 0 && *hash == UINT64_MAX)
        *hash = (uint64_t)-2;
    return status;
}

static int
boxed_vector_equal(box *a, box *b)
{
    size_t index;
    int differ = rrb_mismatch(vector_of_box(a), vector_of_box(b), &index);
    return differ < 0 ? -1 : !differ;
}

static int
boxed_vector_equals_local(void *root, uint64_t size, PyObject *local)
{
    rrb_cursor cursor;
    const cell *cells;
    uint64_t walked[VECTOR_WALK_ROOM / sizeof(uint64_t)];
    PyObject *element = NULL;
    budget left = BUDGET;
    int equal = 1;
    cursor_init(&cursor, (rrb){root, size}, 0);
    local_vector_walk(local, walked);
    for (unsigned n; equal > 0 && (n = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, n)) {
        if (!budget_spend(&left, n))
            return -1;
        for (unsigned i = 0; i < n && equal > 0 && local_vector_walk_next(walked, &element); i++)
            equal = cell_equals_object(cells[i], element);
    }
    return equal;
}

static const kind_row boxed_vector = {
    shared_container_decode, same_root, boxed_vector_equal,   boxed_vector_hash,
    contents_root,           true,      is_local_counterpart, boxed_vector_equals_local,
};
static const kind_row vector_node = {.contents = vector_node_contents};

int
shared_vector_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    kind_register(KIND_VECTOR, &boxed_vector);
    kind_register(NODE_VECTOR, &vector_node);
    return vector_family_setup(&state->shared_vector);
}
