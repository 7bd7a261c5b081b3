/* What makes one vector of another one, for frozen/_diff.py. */
#ifndef FROZEN_BINDINGS_VECTOR_DIFF_INC_H
#define FROZEN_BINDINGS_VECTOR_DIFF_INC_H

#include "trees/rrb/align.inc.h"
#include "bindings/common/diff.inc.h"
#include "bindings/common/same.h"
#include "bindings/vector/methods.inc.h"

typedef struct {
    rrb_aligner aligner;
    PyObject *same_value, *edits;
} alignment;

/* rrb_aligner.same */
static int
cells_same(rrb_aligner *aligner, cell a, cell b)
{
    PyObject *left, *right;
    if (!cells_to_objects(a, b, &left, &right))
        return -1;
    int same = objects_same(left, right, ((alignment *)aligner)->same_value);
    Py_DECREF(left);
    Py_DECREF(right);
    return same;
}

/* rrb_aligner.report */
static int
list_edit(rrb_aligner *aligner, const aligned_edit *edit)
{
    PyObject *item = Py_BuildValue("(nnnn)", (Py_ssize_t)edit->a, (Py_ssize_t)(edit->a + edit->deleted),
                                   (Py_ssize_t)edit->b, (Py_ssize_t)(edit->b + edit->inserted));
    int status = item != NULL ? PyList_Append(((alignment *)aligner)->edits, item) : -1;
    Py_XDECREF(item);
    return status;
}

/* _edits(new, same_value): the edits that make `new` of this vector, in order, each as (i, j, k, l): elements [i, j) of
 * this one become elements [k, l) of `new`, as many or none on one side. */
static PyObject *
vector_edits(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_edits", nargs, 2, 2))
        return NULL;
    if (!is_vector(family_of(self), args[0]))
        return raise_about(PyExc_TypeError, "_edits() takes a vector of the same family, not ", args[0], "");
    alignment found = {
        .aligner = {.a = vector_value(self), .b = vector_value(args[0]), .same = cells_same, .report = list_edit},
        .same_value = args[1],
        .edits = PyList_New(0),
    };
    if (found.edits != NULL && rrb_align(&found.aligner) < 0)
        Py_CLEAR(found.edits);
    return found.edits;
}

#endif
