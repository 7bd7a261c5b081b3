/* Iterating over a vector, forwards and backwards: leaf by leaf, one descent for each. */
#ifndef FROZEN_BINDINGS_VECTOR_ITER_INC_H
#define FROZEN_BINDINGS_VECTOR_ITER_INC_H

#include "bindings/vector/methods.inc.h"

typedef struct {
    PyObject_HEAD
    PyObject *source; /* the vector; keeps the leaves alive; NULL: exhausted */
    const cell *next; /* in the current leaf, which holds `run` more in the direction of `step` */
    Py_ssize_t index; /* of the first cell after the current leaf */
    int run, step;    /* step: 1 or -1 */
} iterator;

_Static_assert(sizeof(iterator) == sizeof(container), "an iterator is made and freed as a header is");

/* To the leaf of the cell at `index`; false: past the end. */
static bool
iterator_refill(iterator *it)
{
    if ((size_t)it->index >= (size_t)VECTOR_LENGTH(it->source))
        return false;
    size_t slot = (size_t)it->index;
    const rrb_node *leaf = rrb_leaf(((container *)it->source)->root, &slot);
    it->next = leaf_cells(leaf) + slot;
    Py_ssize_t left = VECTOR_LENGTH(it->source) - it->index; /* a shared tail may be longer */
    it->run = (int)(it->step > 0 ? Py_MIN(leaf->length - (Py_ssize_t)slot, left) : (Py_ssize_t)slot + 1);
    it->index += it->step * it->run;
    return true;
}

/* What the collector does not track is in no cycle, and neither is what refers to nothing else. */
static PyObject *
iterator_new(PyObject *self, Py_ssize_t index, int step)
{
    family *types = family_of(self);
    iterator *it = (iterator *)free_lists_header_new(types->nodes.free_lists, types->iterator);
    if (UNLIKELY(it == NULL))
        return NULL;
    it->source = Py_NewRef(self);
    it->index = index;
    it->step = step;
    it->run = 0;
    iterator_refill(it);
    if (PyObject_GC_IsTracked(self))
        PyObject_GC_Track(it);
    return (PyObject *)it;
}

static PyObject *
vector_iter(PyObject *self)
{
    return iterator_new(self, 0, 1);
}

static PyObject *
vector_reversed(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return iterator_new(self, VECTOR_LENGTH(self) - 1, -1);
}

/* To the next leaf; false: there is none, or interrupted (exception set). CPython's loops over an iterator, list(v) for
 * one, do not look at signals. */
static NO_INLINE bool
iterator_go_on(iterator *it)
{
    if (it->source == NULL)
        return false;
    if ((size_t)it->index < (size_t)VECTOR_LENGTH(it->source) && !nested_steps(BRANCHES))
        return false;
    if (it->run > 0) /* a signal's handler has gone on with this very iterator */
        return true;
    if (it->source == NULL)
        return false;
    if (!iterator_refill(it)) {
        Py_CLEAR(it->source);
        return false;
    }
    return true;
}

static inline PyObject *
iterator_step(iterator *it)
{
    if (UNLIKELY(it->run == 0) && !iterator_go_on(it))
        return NULL;
    it->run--;
    cell c = *it->next;
    it->next += it->step;
    return cell_to_object(c);
}

/* How many elements are to come. */
static Py_ssize_t
iterator_left(const iterator *it)
{
    if (it->source == NULL)
        return 0;
    return it->run + (it->step > 0 ? VECTOR_LENGTH(it->source) - it->index : it->index + 1);
}

/* Pickled midway: an iterator over a vector of what is left. */
static PyObject *
iterator_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    iterator *it = (iterator *)self;
    PyObject *vector = NULL;
    Py_ssize_t left;
    int step = it->step;
    OBJECT_LOCK(self);
    vector = Py_XNewRef(it->source);
    left = iterator_left(it);
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

static inline PyObject *
iterator_kept(iterator *Py_UNUSED(it))
{
    return NULL;
}

static void
iterator_free(PyObject *self)
{
    free_lists_header_free(type_module_state(Py_TYPE(self)), self);
}

#include "bindings/common/iterator.inc.h"

#endif
