/* Iterating over a vector, forwards and backwards: leaf by leaf, one descent for each. */
#ifndef FROZEN_BINDINGS_VECTOR_ITER_INC_H
#define FROZEN_BINDINGS_VECTOR_ITER_INC_H

#include "bindings/vector/methods.inc.h"

typedef struct {
    PyObject_HEAD
    PyObject *vector; /* keeps the leaves alive; NULL: exhausted */
    const cell *next; /* in the current leaf, which holds `run` more in the direction of `step` */
    Py_ssize_t index; /* of the first cell after the current leaf */
    int run, step;    /* step: 1 or -1 */
} vector_iterator;

_Static_assert(sizeof(vector_iterator) == sizeof(container), "an iterator is made and freed as a header is");

/* To the leaf of the cell at `index`; false: past the end. */
static bool
vector_iterator_refill(vector_iterator *it)
{
    if ((size_t)it->index >= (size_t)VECTOR_LENGTH(it->vector))
        return false;
    size_t slot = (size_t)it->index;
    const rrb_node *leaf = rrb_leaf(((container *)it->vector)->root, &slot);
    it->next = leaf_cells(leaf) + slot;
    Py_ssize_t left = VECTOR_LENGTH(it->vector) - it->index; /* a shared tail may be longer */
    it->run = (int)(it->step > 0 ? Py_MIN(leaf->length - (Py_ssize_t)slot, left) : (Py_ssize_t)slot + 1);
    it->index += it->step * it->run;
    return true;
}

/* What the collector does not track is in no cycle, and neither is what refers to nothing else. */
static PyObject *
vector_iterator_new(PyObject *self, Py_ssize_t index, int step)
{
    family *types = family_of(self);
    vector_iterator *it = (vector_iterator *)free_lists_header_new(types->nodes.free_lists, types->iterator);
    if (UNLIKELY(it == NULL))
        return NULL;
    it->vector = Py_NewRef(self);
    it->index = index;
    it->step = step;
    it->run = 0;
    vector_iterator_refill(it);
    if (PyObject_GC_IsTracked(self))
        PyObject_GC_Track(it);
    return (PyObject *)it;
}

static PyObject *
vector_iter(PyObject *self)
{
    return vector_iterator_new(self, 0, 1);
}

static PyObject *
vector_reversed(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return vector_iterator_new(self, VECTOR_LENGTH(self) - 1, -1);
}

/* To the next leaf; false: there is none, or interrupted (exception set). CPython's loops over an iterator, list(v) for
 * one, do not look at signals. */
static NO_INLINE bool
vector_iterator_go_on(vector_iterator *it)
{
    if (it->vector == NULL)
        return false;
    if ((size_t)it->index < (size_t)VECTOR_LENGTH(it->vector) && !nested_steps(BRANCHES))
        return false;
    if (it->run > 0) /* a signal's handler has gone on with this very iterator */
        return true;
    if (it->vector == NULL)
        return false;
    if (!vector_iterator_refill(it)) {
        Py_CLEAR(it->vector);
        return false;
    }
    return true;
}

static inline PyObject *
vector_iterator_step(vector_iterator *it)
{
    if (UNLIKELY(it->run == 0) && !vector_iterator_go_on(it))
        return NULL;
    it->run--;
    cell c = *it->next;
    it->next += it->step;
    return cell_to_object(c);
}

/* One iterator may be advanced by several threads: each element goes to one of them. The one that finds the end gives
 * up the vector, while another one may still be making an object of the last element. */
static PyObject *
vector_iterator_next(PyObject *self)
{
    PyObject *result, *held = NULL;
    OBJECT_LOCK(self);
    if (CELLS_ARE_DECODED)
        held = Py_XNewRef(((vector_iterator *)self)->vector);
    result = vector_iterator_step((vector_iterator *)self);
    OBJECT_UNLOCK();
    Py_XDECREF(held);
    return result;
}

/* How many elements are to come. */
static Py_ssize_t
vector_iterator_left(const vector_iterator *it)
{
    if (it->vector == NULL)
        return 0;
    return it->run + (it->step > 0 ? VECTOR_LENGTH(it->vector) - it->index : it->index + 1);
}

static PyObject *
vector_iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t left;
    OBJECT_LOCK(self);
    left = vector_iterator_left((vector_iterator *)self);
    OBJECT_UNLOCK();
    return PyLong_FromSsize_t(left);
}

/* Pickled midway: an iterator over a vector of what is left. */
static PyObject *
vector_iterator_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    vector_iterator *it = (vector_iterator *)self;
    PyObject *vector = NULL;
    Py_ssize_t left;
    int step = it->step;
    OBJECT_LOCK(self);
    vector = Py_XNewRef(it->vector);
    left = vector_iterator_left(it);
    OBJECT_UNLOCK();
    PyObject *function = imported("builtins", step > 0 ? "iter" : "reversed");
    if (vector == NULL || function == NULL) {
        Py_XDECREF(vector);
        return Py_BuildValue("N(())", function);
    }
    Py_ssize_t length = VECTOR_LENGTH(vector);
    PyObject *rest = PySequence_GetSlice(vector, step > 0 ? length - left : 0, step > 0 ? length : left);
    Py_DECREF(vector);
    return Py_BuildValue("N(N)", function, rest);
}

static int
vector_iterator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((vector_iterator *)self)->vector);
    return 0;
}

static void
vector_iterator_dealloc(PyObject *self)
{
    free_lists *lists = type_module_state(Py_TYPE(self));
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((vector_iterator *)self)->vector);
    free_lists_header_free(lists, self);
}

static PyMethodDef vector_iterator_methods[] = {
    {"__length_hint__", vector_iterator_length_hint, METH_NOARGS, NULL},
    {"__reduce__", vector_iterator_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot vector_iterator_slots[] = {
    {Py_tp_dealloc, (void *)vector_iterator_dealloc}, {Py_tp_traverse, (void *)vector_iterator_traverse},
    {Py_tp_iter, (void *)PyObject_SelfIter},          {Py_tp_iternext, (void *)vector_iterator_next},
    {Py_tp_methods, vector_iterator_methods},         {0, NULL},
};

#endif
