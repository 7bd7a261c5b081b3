/* What every container answers in the same way: its hash once computed, repr, copies, pickles.
 *
 * The including file has said how the contents are shown and hashed:
 *
 *     CONTAINER_ELLIPSIS              what stands for a container within its own repr
 *     container_repr_as(self, name)   the repr, as of a type called `name`
 *     container_mix_hash(self, &h)    the hash of the contents: 0 or -1 (exception set)
 */
#ifndef FROZEN_BINDINGS_COMMON_PROTOCOL_INC_H
#define FROZEN_BINDINGS_COMMON_PROTOCOL_INC_H

#include "bindings/common/arguments.h"
#include "bindings/common/family.inc.h"

static PyObject *container_repr_as(PyObject *self, const char *name);
static int container_mix_hash(PyObject *self, Py_hash_t *hash);

/* Through containers that share their parts there may be as many ways as 2 to the depth, and showing takes each, as
 * pickling takes each through shared ones, which are other objects at each reading, and comparing each with a dict: all
 * that a thread does of these spends one budget. False: interrupted (exception set). */
static inline bool
nested_steps(size_t steps)
{
    static _Thread_local budget left = BUDGET;
    return budget_spend(&left, steps);
}

static inline bool
nested_step(void)
{
    return nested_steps(1);
}

enum { CHARACTERS_A_STEP = 64 }; /* of a text that is copied */

/* _root(): where the contents are: the same for containers that are made anew of one shared value, at each reading. */
static inline PyObject *
container_root_address(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromVoidPtr(((container *)self)->root);
}

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
    int entered = nested_step() ? Py_ReprEnter(self) : -1;
    if (entered > 0)
        result = PyUnicode_FromFormat("%s(" CONTAINER_ELLIPSIS ")", name);
    else if (entered == 0) {
        result = container_repr_as(contents, name);
        Py_ReprLeave(self);
        /* each level copies what the levels below it have written */
        if (result != NULL && !nested_steps((size_t)PyUnicode_GET_LENGTH(result) / CHARACTERS_A_STEP))
            Py_CLEAR(result);
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

/* The items of a new list replaced by their deep copies; *changed when one of them is another object. 0 or -1. Copying
 * runs arbitrary code, from which the list is hidden: it must not free the item that is being copied. */
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

/* What an instance of a subclass has beside its contents, in the words of object.__getstate__: a new reference, None
 * where there is nothing. */
static PyObject *
container_state(PyObject *self)
{
    if (Py_TYPE(self) == family_of(self)->container)
        return Py_NewRef(Py_None);
    return call_method(self, "__getstate__", NULL, NULL);
}

/* The attributes of a state, as (name, value) in `items`, each set on an object: 0 or -1. */
static int
set_attributes(PyObject *object, PyObject *attributes)
{
    PyObject *items = attributes != Py_None ? PyMapping_Items(attributes) : PyList_New(0);
    PyObject *pairs = items != NULL ? PyList_AsTuple(items) : NULL; /* setting runs arbitrary code */
    int status = pairs != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(pairs); i++) {
        PyObject *pair = PyTuple_GET_ITEM(pairs, i);
        status = PyObject_SetAttr(object, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
    }
    Py_XDECREF(items);
    Py_XDECREF(pairs);
    return status;
}

/* A state set on a new object, as pickle and copy do it: by its __setstate__, or as the entries of its __dict__, and
 * where the state is a pair as the values of its slots: 0 or -1. */
static int
set_state(PyObject *object, PyObject *state)
{
    PyObject *setter, *attributes = state, *slots = Py_None, *dict = NULL;
    int status = attribute_if_any(object, "__setstate__", &setter);
    if (status != 0) {
        PyObject *done = status > 0 ? PyObject_CallOneArg(setter, state) : NULL;
        Py_XDECREF(setter);
        Py_XDECREF(done);
        return done != NULL ? 0 : -1;
    }
    if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
        attributes = PyTuple_GET_ITEM(state, 0);
        slots = PyTuple_GET_ITEM(state, 1);
    }
    if (attributes != Py_None && (status = attribute_if_any(object, "__dict__", &dict)) > 0)
        status = PyDict_Check(dict) ? PyDict_Update(dict, attributes) : -1;
    Py_XDECREF(dict);
    return status < 0 ? -1 : set_attributes(object, slots);
}

/* The deep copy of an instance that is none of itself, from what the constructor makes it of. It stands in the memo
 * before its state is copied, which may lead back to it. */
static PyObject *
deepcopy_of_parts(PyObject *self, PyObject *contents, PyObject *state, PyObject *memo, PyObject *id)
{
    PyObject *result = PyObject_CallOneArg((PyObject *)Py_TYPE(self), contents);
    int status = result != NULL ? PyDict_SetItem(memo, id, result) : -1;
    if (status == 0 && state != Py_None) {
        PyObject *deepcopy = imported("copy", "deepcopy");
        PyObject *copied = deepcopy != NULL ? deepcopied(deepcopy, state, memo) : NULL;
        status = copied != NULL ? set_state(result, copied) : -1;
        Py_XDECREF(deepcopy);
        Py_XDECREF(copied);
    }
    if (status < 0)
        Py_CLEAR(result);
    return result;
}

/* Self, if deep copies of all that it holds are the same objects; as tuple does it, also within a cycle. That it is
 * itself is noted in the memo, too: else what several containers share would be looked through once for each way that
 * leads there. `contents` (stolen, NULL: failed) is what the constructor makes the copy of. */
static PyObject *
container_deepcopy(PyObject *self, PyObject *contents, bool changed, PyObject *memo)
{
    if (contents == NULL)
        return NULL;
    if (!PyDict_Check(memo)) {
        Py_DECREF(contents);
        return raise_about(PyExc_TypeError, "__deepcopy__() takes the memo of copy.deepcopy(), a dict, not ", memo, "");
    }
    PyObject *result = NULL, *state = NULL, *id = PyLong_FromVoidPtr(self);
    if (id != NULL && dict_lookup(memo, id, &result) == 0 && (state = container_state(self)) != NULL) {
        if (changed || state != Py_None)
            result = deepcopy_of_parts(self, contents, state, memo, id);
        else if (PyDict_SetItem(memo, id, self) == 0)
            result = Py_NewRef(self);
    }
    Py_XDECREF(id);
    Py_XDECREF(state);
    Py_DECREF(contents);
    return result;
}

/* What is read from a shared container is made anew each time: so it is its own deep copy. */
static inline bool
is_its_own_deepcopy(PyObject *memo)
{
    return CELLS_ARE_DECODED && PyDict_Check(memo);
}

/* Pickled as a call of `make` with `arguments` (stolen, NULL: failed); a subclass brings its state along. */
static PyObject *
container_reduce_by(PyObject *self, PyObject *make, PyObject *arguments)
{
    if (arguments == NULL || !nested_step()) {
        Py_XDECREF(arguments);
        return NULL;
    }
    if (Py_TYPE(self) == family_of(self)->container)
        return Py_BuildValue("ON", make, arguments);
    PyObject *state = container_state(self);
    if (state == NULL) {
        Py_DECREF(arguments);
        return NULL;
    }
    return Py_BuildValue("ONN", make, arguments, state);
}

/* Pickled as a call of the type with `contents` (stolen, NULL: failed). */
static PyObject *
container_reduce(PyObject *self, PyObject *contents)
{
    return contents != NULL ? container_reduce_by(self, (PyObject *)Py_TYPE(self), Py_BuildValue("(N)", contents))
                            : NULL;
}

#endif
