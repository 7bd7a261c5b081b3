/* What every container answers in the same way: its hash once computed, repr, copies, pickles.
 *
 * The including file has said how the contents are shown and hashed:
 *
 *     CONTAINER_ELLIPSIS              what stands for a container within its own repr
 *     container_repr_as(self, name)   the repr, as of a type called `name`
 *     container_mix_hash(self, &h)    the hash of the contents: 0 or -1 (reported)
 */
#ifndef FROZEN_TYPES_PROTOCOL_H
#define FROZEN_TYPES_PROTOCOL_H

#include "types/arguments.h"
#include "types/family.h"

static PyObject *container_repr_as(PyObject *self, const char *name);
static int container_mix_hash(PyObject *self, Py_hash_t *hash);

static Py_hash_t
container_hash(PyObject *self)
{
    container *c = (container *)self;
    Py_hash_t hash = atomic_load_explicit(&c->hash, memory_order_relaxed);
    if (hash != -1)
        return hash;
    if (Py_EnterRecursiveCall(" while hashing a container") != 0)
        return -1;
    int status = container_mix_hash(self, &hash);
    Py_LeaveRecursiveCall();
    if (status < 0)
        return -1;
    hash = hash == -1 ? -2 : hash;
    atomic_store_explicit(&c->hash, hash, memory_order_relaxed);
    return hash;
}

/* The repr of `self`, which holds what `contents` does (a container, stolen; NULL: failed). */
static PyObject *
repr_with(PyObject *self, PyObject *contents)
{
    if (contents == NULL)
        return NULL;
    const char *name = short_type_name(Py_TYPE(self));
    PyObject *result = NULL;
    int entered = Py_ReprEnter(self);
    if (entered > 0)
        result = PyUnicode_FromFormat("%s(" CONTAINER_ELLIPSIS ")", name);
    else if (entered == 0) {
        result = container_repr_as(contents, name);
        Py_ReprLeave(self);
    }
    Py_DECREF(contents);
    return result;
}

static PyObject *
container_repr(PyObject *self)
{
    return repr_with(self, Py_NewRef(self));
}

static PyObject *
container_copy(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

/* copy.deepcopy of one object: a new reference. */
static PyObject *
deepcopied(PyObject *deepcopy, PyObject *o, PyObject *memo)
{
    return PyObject_CallFunctionObjArgs(deepcopy, o, memo, NULL);
}

/* The items of a new list replaced by their deep copies; *changed when one of them is another object.  0 or -1.  Copying
 * runs foreign code, from which the list is hidden: it must not free the item that is being copied. */
static int
deepcopy_items(PyObject *list, PyObject *memo, bool *changed)
{
    PyObject *deepcopy = imported("copy", "deepcopy");
    int status = deepcopy != NULL ? 0 : -1;
    sequence_unknown(list);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *old = PyList_GET_ITEM(list, i), *copied = deepcopied(deepcopy, old, memo);
        if (copied != NULL) {
            *changed |= copied != old;
            status = PyList_SetItem(list, i, copied);
        }
        else
            status = -1;
    }
    sequence_known(list);
    Py_XDECREF(deepcopy);
    return status;
}

/* Self, if deep copies of all that it holds are the same objects; as tuple does it, also within a cycle.  `contents`
 * (stolen, NULL: failed) is what the constructor makes the copy of. */
static PyObject *
container_deepcopy(PyObject *self, PyObject *contents, bool changed, PyObject *memo)
{
    if (contents == NULL)
        return NULL;
    if (!PyDict_Check(memo)) {
        Py_DECREF(contents);
        return raise_about(PyExc_TypeError, "__deepcopy__() takes the memo of copy.deepcopy(), a dict, not ", memo, "");
    }
    PyObject *result = NULL, *id = PyLong_FromVoidPtr(self);
    if (id != NULL && dict_lookup(memo, id, &result) == 0)
        result = changed ? PyObject_CallOneArg((PyObject *)Py_TYPE(self), contents) : Py_NewRef(self);
    Py_XDECREF(id);
    Py_DECREF(contents);
    return result;
}

/* Pickled as a call of `make` with `arguments` (stolen, NULL: failed); a subclass brings its attributes along. */
static PyObject *
container_reduce_by(PyObject *self, PyObject *make, PyObject *arguments)
{
    if (arguments == NULL)
        return NULL;
    if (Py_TYPE(self) == family_of(self)->container)
        return Py_BuildValue("ON", make, arguments);
    PyObject *attributes;
    int status = attribute_if_any(self, "__dict__", &attributes);
    if (status < 0) {
        Py_DECREF(arguments);
        return NULL;
    }
    return Py_BuildValue("ONN", make, arguments, status ? attributes : Py_NewRef(Py_None));
}

/* Pickled as a call of the type with `contents` (stolen, NULL: failed). */
static PyObject *
container_reduce(PyObject *self, PyObject *contents)
{
    return contents != NULL ? container_reduce_by(self, (PyObject *)Py_TYPE(self), Py_BuildValue("(N)", contents)) : NULL;
}

#endif
