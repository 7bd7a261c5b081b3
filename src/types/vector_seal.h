/* VectorMutation as an object: sealing it, comparing and showing it, its life. */
#ifndef FROZEN_TYPES_VECTOR_SEAL_H
#define FROZEN_TYPES_VECTOR_SEAL_H

#include "types/vector_mutation.h"

/* ---- sealing ---- */

/* The vector, the same each time; a new reference. */
static PyObject *
mutation_finish(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    vector_mutation *m = (vector_mutation *)self;
    family *types = family_of(self);
    PyObject *result = NULL;
    OBJECT_LOCK(self);
    if (m->result == NULL) {
        rrb v;
        COLLECTOR_PAUSE();
        if (rrb_edit_trim(family_memory(types), &m->draft)) {
            rrb_share(m->draft, &v);
            m->result = vector_new(types->container, types, v);
        }
        COLLECTOR_RESUME();
    }
    result = Py_XNewRef(m->result);
    OBJECT_UNLOCK();
    return result;
}

static PyObject *
mutation_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    bool open;
    OBJECT_LOCK(self);
    open = mutation_is_open((vector_mutation *)self);
    OBJECT_UNLOCK();
    return open ? Py_NewRef(self) : NULL;
}

static PyObject *
mutation_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    PyObject *result = mutation_finish(self, NULL);
    if (result == NULL)
        return NULL;
    Py_DECREF(result);
    Py_RETURN_NONE;
}

/* ---- comparing and showing ---- */

static PyObject *
mutation_richcompare(PyObject *self, PyObject *other, int op)
{
    family *types = family_of(self);
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *left = mutation_vector(self);
    PyObject *right = Py_IS_TYPE(other, types->mutation) ? mutation_vector(other) : Py_NewRef(other);
    PyObject *result = left != NULL && right != NULL ? vector_richcompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

static PyObject *
mutation_repr(PyObject *self)
{
    const char *name = short_type_name(Py_TYPE(self));
    int entered = Py_ReprEnter(self);
    if (entered != 0)
        return entered > 0 ? PyUnicode_FromFormat("%s([...])", name) : NULL;
    PyObject *vector = mutation_vector(self);
    PyObject *result = vector != NULL ? vector_repr_as(vector_value(vector), name) : NULL;
    Py_XDECREF(vector);
    Py_ReprLeave(self);
    return result;
}

static PyObject *
mutation_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyErr_Format(PyExc_TypeError, "cannot pickle a %s: pickle the vector that finish() returns",
                        short_type_name(Py_TYPE(self)));
}

/* ---- life ---- */

static int
mutation_traverse(PyObject *self, visitproc visit, void *arg)
{
    vector_mutation *m = (vector_mutation *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(m->result);
    return root_traverse(m->draft.root, visit, arg);
}

/* The collector breaks cycles here, for a mutation is the one thing that can hold itself. */
static int
mutation_clear(PyObject *self)
{
    vector_mutation *m = (vector_mutation *)self;
    rrb old = m->draft;
    m->draft = (rrb){NULL, 0};
    Py_CLEAR(m->result);
    rrb_release(old);
    return 0;
}

static void
mutation_dealloc(PyObject *self)
{
    vector_mutation *m = (vector_mutation *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, mutation_dealloc)
    if (m->weakrefs != NULL)
        PyObject_ClearWeakRefs(self);
    mutation_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

#endif
