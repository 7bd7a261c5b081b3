/* What any sequence is asked for, answered by vectors: comparison, hash, repr, lists and tuples, copies, size. */
#ifndef FROZEN_BINDINGS_VECTOR_PROTOCOL_INC_H
#define FROZEN_BINDINGS_VECTOR_PROTOCOL_INC_H

#include "bindings/common/equal.inc.h"
#include "bindings/common/inspect.h"
#include "bindings/vector/iter.inc.h"

/* ---- comparison and hash ---- */

/* The order of the elements where the vectors first differ. */
static PyObject *
compare_at(rrb a, rrb b, size_t index, int op)
{
    PyObject *x, *y;
    if (!cells_to_objects(rrb_get(a.root, index), rrb_get(b.root, index), &x, &y))
        return NULL;
    PyObject *result = PyObject_RichCompare(x, y, op);
    Py_DECREF(x);
    Py_DECREF(y);
    return result;
}

/* Against a vector of another memory.  (As lists, which the collector may know while they grow.) */
static PyObject *
compare_as_lists(PyObject *self, PyObject *other, int op)
{
    PyObject *left = PySequence_List(self), *right = left != NULL ? PySequence_List(other) : NULL;
    PyObject *result = right != NULL ? PyObject_RichCompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

static int
contents_equal(PyObject *a, PyObject *b)
{
    size_t index = 0;
    if (Py_EnterRecursiveCall(" while comparing vectors") != 0)
        return -1;
    int differ = rrb_mismatch(vector_value(a), vector_value(b), &index);
    Py_LeaveRecursiveCall();
    return differ < 0 ? -1 : !differ;
}

/* Equality and order are a tuple's: by the first elements that differ, identity first.  O(what differs). */
static PyObject *
container_richcompare(PyObject *self, PyObject *other, int op)
{
    bool ours = is_vector(family_of(self), other);
    if (!ours && !is_vector_of_any_memory(self, other))
        Py_RETURN_NOTIMPLEMENTED;
    if (VECTOR_LENGTH(self) != VECTOR_LENGTH(other) && (op == Py_EQ || op == Py_NE))
        return PyBool_FromLong(op == Py_NE);
    if (!nested_step())
        return NULL;
    if ((op == Py_EQ || op == Py_NE) && (ours || are_counterparts(self, other))) {
        int equal = ours ? containers_equal(self, other) : counterparts_equal(self, other);
        return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
    }
    if (!ours)
        return compare_as_lists(self, other, op);
    rrb a = vector_value(self), b = vector_value(other);
    size_t index = 0;
    int differ = 0;
    if (a.root != b.root) {
        if (Py_EnterRecursiveCall(" while comparing vectors") != 0)
            return NULL;
        differ = rrb_mismatch(a, b, &index);
        Py_LeaveRecursiveCall();
    }
    if (differ < 0)
        return NULL;
    if (differ > 0)
        return compare_at(a, b, index, op);
    Py_RETURN_RICHCOMPARE(a.count, b.count, op);
}

/* _difference(other, start): the first index from `start` on at which the elements are not the very same, and both of
 * them; None if there is none.  For frozen/_sameness.py. */
static PyObject *
vector_difference(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_difference", nargs, 2, 2))
        return NULL;
    if (!is_vector(family_of(self), args[0]))
        return raise_about(PyExc_TypeError, "_difference() takes a vector of the same family, not ", args[0], "");
    size_t index = PyLong_AsSize_t(args[1]);
    if (index == (size_t)-1 && PyErr_Occurred())
        return NULL;
    rrb a = vector_value(self), b = vector_value(args[0]);
    int differ = a.root != b.root ? rrb_mismatch_from(a, b, true, &index) : 0;
    if (differ == 0)
        Py_RETURN_NONE;
    PyObject *x, *y;
    if (differ < 0 || !cells_to_objects(rrb_get(a.root, index), rrb_get(b.root, index), &x, &y))
        return NULL;
    return Py_BuildValue("(nNN)", (Py_ssize_t)index, x, y);
}

static int
container_mix_hash(PyObject *self, Py_hash_t *hash)
{
    uint64_t mixed;
    if (rrb_hash(vector_value(self), &mixed) < 0)
        return -1;
    *hash = (Py_hash_t)mixed;
    return 0;
}

/* ---- lists and tuples ---- */

/* Fills places with new references to what is in `v`: how many, fewer if making an object failed, or interrupted. */
static Py_ssize_t
rrb_to_objects(rrb v, PyObject **objects)
{
    rrb_cursor cursor;
    const cell *cells;
    PyObject **place = objects;
    cursor_init(&cursor, v, 0);
    budget left = BUDGET;
    for (unsigned n; (n = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, n)) {
        if (!budget_spend(&left, n))
            break;
        for (unsigned i = 0; i < n; i++, place++)
            if (UNLIKELY((*place = cell_to_object(cells[i])) == NULL))
                return place - objects;
    }
    return place - objects;
}

static PyObject *
rrb_to_list(rrb v)
{
    PyObject *list = unknown_list((Py_ssize_t)v.count);
    if (list == NULL)
        return NULL;
    if (rrb_to_objects(v, ((PyListObject *)list)->ob_item) < (Py_ssize_t)v.count)
        Py_CLEAR(list);
    else
        sequence_known(list);
    return list;
}

static PyObject *
vector_tolist(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return rrb_to_list(vector_value(self));
}

static PyObject *
vector_totuple(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    rrb v = vector_value(self);
    PyObject *tuple = unknown_tuple((Py_ssize_t)v.count);
    if (tuple == NULL)
        return NULL;
    if (v.count > 0 && rrb_to_objects(v, &PyTuple_GET_ITEM(tuple, 0)) < (Py_ssize_t)v.count)
        Py_CLEAR(tuple);
    else
        sequence_known(tuple);
    return tuple;
}

/* ---- repr ---- */

/* `Vector([1, 2])`, and `Vector()` for an empty one. */
static NO_INLINE PyObject *
container_repr_as(PyObject *self, const char *name)
{
    if (VECTOR_LENGTH(self) == 0)
        return PyUnicode_FromFormat("%s()", name);
    PyObject *list = rrb_to_list(vector_value(self));
    if (list == NULL)
        return NULL;
    PyObject *result = PyUnicode_FromFormat("%s(%R)", name, list);
    Py_DECREF(list);
    return result;
}

/* ---- copies ---- */

static PyObject *
vector_deepcopy(PyObject *self, PyObject *memo)
{
    if (is_its_own_deepcopy(memo))
        return Py_NewRef(self);
    bool changed = false;
    PyObject *list = rrb_to_list(vector_value(self));
    if (list != NULL && deepcopy_items(list, memo, &changed) < 0)
        Py_CLEAR(list);
    return container_deepcopy(self, list, changed, memo);
}

#endif
