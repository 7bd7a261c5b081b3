/* What distinguishes two maps or two sets, for frozen/_diff.py, which makes deltas of it. */
#ifndef FROZEN_BINDINGS_KEYED_DIFF_INC_H
#define FROZEN_BINDINGS_KEYED_DIFF_INC_H

#include "trees/champ/diff.inc.h"
#include "bindings/common/diff.inc.h"
#include "bindings/common/same.h"
#include "bindings/keyed/methods.inc.h"

typedef struct {
    PyObject *absent, *change_type;
    PyObject *changes; /* a dict of Changes, of a map */
    PyObject *list; /* what Python has to look at */
} differences;

/* New reference: the value of a map's entry, the member of a set's, or `absent` for that of none. */
static PyObject *
entry_part(const entry *e, PyObject *absent)
{
    if (e == NULL)
        return Py_NewRef(absent);
    return cell_to_object(ENTRY_WIDTH == 1 ? PAIR_KEY(&e->pair) : PAIR_VALUE(&e->pair));
}

/* Whether two values that are not one object are known to be different: 1; 0: the same; 2: not known; or -1 (exception
 * set). */
static int
parts_differ(const differences *found, PyObject *old, PyObject *new)
{
    bool old_is_plain = old == found->absent || is_plain_value(old);
    bool new_is_plain = new == found->absent || is_plain_value(new);
    if (old_is_plain && new_is_plain) {
        int same = plain_values_same(old, new);
        return same < 0 ? -1 : !same;
    }
    return old_is_plain || new_is_plain ? 1 : 2;
}

/* Of a map: a Change, or (key, old value, new value) where Python has to look into them. */
static int
note_values(const differences *found, const pair *where, PyObject *old, PyObject *new)
{
    int differ = parts_differ(found, old, new), status = -1;
    if (differ <= 0)
        return differ;
    PyObject *key = cell_to_object(PAIR_KEY(where));
    PyObject *item = key == NULL   ? NULL
                     : differ == 1 ? pair_of_type((PyTypeObject *)found->change_type, old, new)
                                   : PyTuple_Pack(3, key, old, new);
    if (item != NULL)
        status = differ == 1 ? PyDict_SetItem(found->changes, key, item) : PyList_Append(found->list, item);
    Py_XDECREF(key);
    Py_XDECREF(item);
    return status;
}

/* Of a set: (old member, new member). */
static int
note_members(const differences *found, PyObject *old, PyObject *new)
{
    PyObject *item = PyTuple_Pack(2, old, new);
    int status = item != NULL ? PyList_Append(found->list, item) : -1;
    Py_XDECREF(item);
    return status;
}

/* differ.report */
static int
note_difference(void *context, const entry *left, const entry *right)
{
    const differences *found = context;
    PyObject *old = entry_part(left, found->absent);
    PyObject *new = old != NULL ? entry_part(right, found->absent) : NULL;
    int status = -1;
    if (new != NULL)
        status = ENTRY_WIDTH == 1 ? note_members(found, old, new)
                                  : note_values(found, left != NULL ? &left->pair : &right->pair, old, new);
    Py_XDECREF(old);
    Py_XDECREF(new);
    return status;
}

/* What `_differences` returns. */
static PyObject *
differences_between(PyObject *old, PyObject *new, PyObject *absent, PyObject *change_type)
{
    differences found = {.absent = absent, .change_type = change_type};
    differ d = {.report = note_difference, .context = &found};
    PyObject *result = NULL;
    found.changes = PyDict_New();
    found.list = PyList_New(0);
    if (found.changes != NULL && found.list != NULL && champ_diff(&d, ROOT(old), ROOT(new)) == 0)
        result = PyTuple_Pack(2, found.changes, found.list);
    Py_XDECREF(found.changes);
    Py_XDECREF(found.list);
    return result;
}

/* _differences(new, ABSENT, Change): of maps the keys whose values are not the same, as ({key: Change}, [(key, old,
 * new)]), where the list has those that Python has to look into; of sets ({}, [(old member, new member)]) for the
 * members that are not the very same object.  ABSENT stands for what one of both lacks. */
static PyObject *
keyed_differences(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_differences", nargs, 3, 3))
        return NULL;
    if (!is_ours(family_of(self), args[0]))
        return raise_about(PyExc_TypeError, "_differences() takes one of the same family, not ", args[0], "");
    if (!PyType_Check(args[2]) || !PyType_IsSubtype((PyTypeObject *)args[2], &PyTuple_Type))
        return raise_about(PyExc_TypeError, "_differences() takes the class Change, not ", args[2], "");
    return differences_between(self, args[0], args[1], args[2]);
}

#endif
