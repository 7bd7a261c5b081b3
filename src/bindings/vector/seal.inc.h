/* VectorMutation as an object: sealing it; all else is as for every mutation. */
#ifndef FROZEN_BINDINGS_VECTOR_SEAL_INC_H
#define FROZEN_BINDINGS_VECTOR_SEAL_INC_H

#include "bindings/vector/mutation.inc.h"

/* The vector, the same each time; a new reference. */
static PyObject *
mutation_finish(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mutation *m = (mutation *)self;
    family *types = family_of(self);
    PyObject *result = NULL;
    OBJECT_LOCK(self);
    if (m->result == NULL && m->source != NULL) {
        rrb source = vector_value(m->source);
        if (m->transient.root == source.root && m->transient.count == source.count) {
            m->result = m->source;
            m->source = NULL;
        }
    }
    if (m->result == NULL) {
        rrb v;
        COLLECTOR_PAUSE();
        if (rrb_edit_trim(family_memory(types), &m->transient)) {
            rrb_share(m->transient, &v);
            m->result = vector_new(types->container, types, v);
        }
        COLLECTOR_RESUME();
    }
    result = Py_XNewRef(m->result);
    OBJECT_UNLOCK();
    return result;
}

static void
transient_clear(rrb *transient)
{
    rrb old = *transient;
    *transient = (rrb){NULL, 0};
    rrb_release(old);
}

#endif
