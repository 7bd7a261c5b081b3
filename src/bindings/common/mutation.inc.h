/* What the mutations of all containers have in common: `with`, comparing, showing, their life as objects.
 *
 * The including file has said what a mutation is:
 *
 *     mutation                  PyObject_HEAD, `transient` (with a `root`), `result` (what finish() returned), `source`
 *                               (what it began as, as long as nothing was changed; or NULL), `weakrefs`
 *     mutation_is_open(m)       whether it can be edited still; if not, ValueError is set.  Under the object's lock.
 *     mutation_contents(self)   what it holds now, sealed or not, as a container: a new reference
 *     mutation_finish(self)     the method
 *     transient_clear(&m->transient)  leave no root
 * */
#ifndef FROZEN_BINDINGS_COMMON_MUTATION_INC_H
#define FROZEN_BINDINGS_COMMON_MUTATION_INC_H

#include "bindings/common/protocol.inc.h"

static PyObject *
mutation_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    bool open;
    OBJECT_LOCK(self);
    open = mutation_is_open((mutation *)self);
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

static PyObject *
mutation_richcompare(PyObject *self, PyObject *other, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *left = mutation_contents(self);
    PyObject *right = Py_IS_TYPE(other, Py_TYPE(self)) ? mutation_contents(other) : Py_NewRef(other);
    PyObject *result = left != NULL && right != NULL ? container_richcompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

static PyObject *
mutation_repr(PyObject *self)
{
    return repr_with(self, mutation_contents(self));
}

static PyObject *
mutation_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyErr_Format(PyExc_TypeError, "cannot pickle a %s: pickle what finish() returns",
                        short_type_name(Py_TYPE(self)));
}

static int
mutation_traverse(PyObject *self, visitproc visit, void *arg)
{
    mutation *m = (mutation *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(m->result);
    Py_VISIT(m->source);
    return root_traverse(m->transient.root, visit, arg);
}

/* The collector breaks cycles here, because only a mutation can hold itself. */
static int
mutation_clear(PyObject *self)
{
    mutation *m = (mutation *)self;
    Py_CLEAR(m->result);
    Py_CLEAR(m->source);
    transient_clear(&m->transient);
    return 0;
}

static void
mutation_dealloc(PyObject *self)
{
    mutation *m = (mutation *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, mutation_dealloc)
    weakrefs_clear(self, &m->weakrefs);
    mutation_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMemberDef mutation_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(mutation, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define MUTATION_COMMON_METHODS                                                                  \
    {"finish", mutation_finish, METH_NOARGS, HELPER_DOC(Mutation, finish)},                      \
    {"__enter__", mutation_enter, METH_NOARGS, HELPER_DOC(Mutation, __enter__)},                 \
    {"__exit__", FASTCALL(mutation_exit), METH_FASTCALL, HELPER_DOC(Mutation, __exit__)},        \
    {"__reduce__", mutation_reduce, METH_NOARGS, NULL},                                          \
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL}

#define MUTATION_COMMON_SLOTS                                    \
    {Py_tp_dealloc, (void *)mutation_dealloc},                   \
    {Py_tp_traverse, (void *)mutation_traverse},                 \
    {Py_tp_clear, (void *)mutation_clear},                       \
    {Py_tp_repr, (void *)mutation_repr},                         \
    {Py_tp_richcompare, (void *)mutation_richcompare},           \
    {Py_tp_hash, (void *)PyObject_HashNotImplemented},           \
    {Py_tp_members, mutation_members}

#endif
