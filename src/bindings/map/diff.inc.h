/* What distinguishes two maps, for frozen/_delta.py, which makes paths of it, and deltas of these.  `Map.diff` and
 * `Map.apply` lead there. */
#ifndef FROZEN_BINDINGS_MAP_DIFF_INC_H
#define FROZEN_BINDINGS_MAP_DIFF_INC_H

#include "trees/champ/diff.inc.h"
#include "bindings/map/methods.inc.h"

typedef struct {
    PyObject *list, *absent;
} difference_list;

/* New references: the key and the value of an entry, or `absent` for the value of none. */
static PyObject *
entry_value(const entry *e, PyObject *absent)
{
    return e != NULL ? cell_to_object(PAIR_VALUE(&e->pair)) : Py_NewRef(absent);
}

/* differ.report: add (key, old value, new value). */
static int
list_difference(void *context, const entry *left, const entry *right)
{
    difference_list *found = context;
    PyObject *key = cell_to_object(PAIR_KEY(left != NULL ? &left->pair : &right->pair));
    PyObject *old = key != NULL ? entry_value(left, found->absent) : NULL;
    PyObject *new = old != NULL ? entry_value(right, found->absent) : NULL;
    PyObject *triple = new != NULL ? PyTuple_Pack(3, key, old, new) : NULL;
    int status = triple != NULL ? PyList_Append(found->list, triple) : -1;
    Py_XDECREF(key);
    Py_XDECREF(old);
    Py_XDECREF(new);
    Py_XDECREF(triple);
    return status;
}

/* _differences(new, absent): the keys whose values are not the very same object, each with both values, `absent`
 * standing for the one of a map that lacks the key. */
static PyObject *
map_differences(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_differences", nargs, 2, 2))
        return NULL;
    family *types = family_of(self);
    if (!is_ours(types, args[0]))
        return PyErr_Format(PyExc_TypeError, "diff() compares a %s with another one, not with a %s: freeze it first",
                            short_type_name(types->container), short_type_name(Py_TYPE(args[0])));
    difference_list found = {PyList_New(0), args[1]};
    if (found.list == NULL)
        return NULL;
    differ d = {.report = list_difference, .context = &found};
    if (champ_diff(&d, ROOT(self), ROOT(args[0])) < 0)
        Py_CLEAR(found.list);
    return found.list;
}

static PyObject *
delta_call(const char *function, PyObject *self, PyObject *argument)
{
    PyObject *module = PyImport_ImportModule("frozen._delta");
    if (module == NULL)
        return NULL;
    PyObject *result = PyObject_CallMethod(module, function, "OO", self, argument);
    Py_DECREF(module);
    return result;
}

static PyObject *
map_diff(PyObject *self, PyObject *new)
{
    return delta_call("diff", self, new);
}

static PyObject *
map_apply(PyObject *self, PyObject *delta)
{
    return delta_call("apply", self, delta);
}

#endif
