/* What a map or set holds, and making one of many objects: bindings/common/contents.h. */
#ifndef FROZEN_BINDINGS_KEYED_CONTENTS_INC_H
#define FROZEN_BINDINGS_KEYED_CONTENTS_INC_H

#include "trees/champ/iter.inc.h"
#include "bindings/common/contents.h"
#include "bindings/keyed/methods.inc.h"

static int
keyed_take_contents(PyObject *self, cell *out)
{
    champ_iter it;
    budget left = BUDGET;
    pair *s;
    champ_iter_init(&it, ROOT(self));
    for (; (s = champ_iter_next(&it)) != NULL; out += ENTRY_WIDTH) {
        if (!budget_spend(&left, 1))
            return -1;
        for (size_t i = 0; i < ENTRY_WIDTH; i++)
            out[i] = s->cells[i];
    }
    return 0;
}

/* An entry that owns its cells: 0 or -1. */
static inline int
entry_from_objects(PyObject *const *objects, entry *out)
{
    probe p;
    if (probe_init(&p, objects[0]) < 0 || cell_from_key(objects[0], &p, &PAIR_KEY(&out->pair)) < 0)
        return -1;
    out->hash = p.hash;
#if ENTRY_WIDTH == 2
    if (cell_from_object(objects[1], &PAIR_VALUE(&out->pair)) < 0) {
        cell_release(PAIR_KEY(&out->pair));
        return -1;
    }
#endif
    return 0;
}

/* A tree over that many entries, at least one. */
MAYBE_UNUSED static champ_node *
root_from_objects(memory *mem, PyObject *const *objects, Py_ssize_t count)
{
    builder b = {.mem = mem, .left = BUDGET};
    workspace w;
    champ_node *root = NULL;
    Py_ssize_t made = 0;
    if ((uint64_t)count >= UINT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "%zd entries built at once; the most is %u", count, UINT32_MAX - 1);
        return NULL;
    }
    if (!workspace_open(&w, (size_t)count))
        return NULL;
    while (made < count && budget_spend(&b.left, 1)
           && entry_from_objects(objects + made * ENTRY_WIDTH, &w.items[made]) == 0)
        b.any_general |= pair_is_general(&w.items[made++].pair);
    if (made == count)
        root = champ_build(&b, w.items, w.spare, (size_t)made, 0);
    else
        entries_release(w.items, (size_t)made);
    workspace_close(&w);
    return root;
}

MAYBE_UNUSED static PyObject *
keyed_of_objects(family *types, PyObject *const *objects, Py_ssize_t count)
{
    champ_node *root = types->empty;
    if (count == 0)
        node_retain(root);
    else
        root = root_from_objects(family_memory(types), objects, count);
    return root != NULL ? keyed_new(types->container, root, count) : NULL;
}

#endif
