/* Flat Deltas, whose changes are of a map's own values: most are. frozen/_diff.py and frozen/_apply.py do all others. */
#ifndef FROZEN_BINDINGS_MAP_DELTA_INC_H
#define FROZEN_BINDINGS_MAP_DELTA_INC_H

#include "bindings/keyed/diff.inc.h"
#include "bindings/map/source.inc.h"

/* ---- diff ---- */

/* `C_PARTS` of frozen/_delta.py. */
enum {
    PART_MAP,
    PART_ABSENT,
    PART_CHANGE,
    PART_IN_MAP,
    PART_NODES,
    PART_DELTA,
    PART_ROOT,
    PART_ENTRIES,
    PART_SHARED,
    PARTS,
};

/* An instance of a class of ours that has slots, one of them set: a new reference, or NULL (exception set). */
static PyObject *
instance_with(PyObject *cls, PyObject *slot, PyObject *value)
{
    PyObject *o = ((PyTypeObject *)cls)->tp_alloc((PyTypeObject *)cls, 0);
    if (o != NULL && PyObject_GenericSetAttr(o, slot, value) < 0)
        Py_CLEAR(o);
    return o;
}

/* The Delta of {key: Change}. */
static PyObject *
delta_of_changes(PyObject *const *parts, PyObject *changes, bool shared)
{
    PyObject *root = Py_NewRef(Py_None);
    if (PyDict_GET_SIZE(changes) > 0)
        Py_SETREF(root, instance_with(parts[PART_IN_MAP], parts[PART_NODES], changes));
    PyObject *delta = root != NULL ? instance_with(parts[PART_DELTA], parts[PART_ROOT], root) : NULL;
    if (delta != NULL
        && (PyObject_GenericSetAttr(delta, parts[PART_ENTRIES], Py_None) < 0
            || PyObject_GenericSetAttr(delta, parts[PART_SHARED], shared ? Py_True : Py_False) < 0))
        Py_CLEAR(delta);
    Py_XDECREF(root);
    return delta;
}

/* The Delta between two maps of one family if it is flat: a new reference; NULL without an exception: it is not, or the
 * Python layer is that of another copy of frozen, whose `diff` says so. */
static PyObject *
flat_delta(module_state *state, PyObject *old, PyObject *new)
{
    PyObject *parts = kept_delta_parts(state), *found = NULL, *delta = NULL;
    if (parts == NULL)
        return NULL;
    PyObject *const *part = &PyTuple_GET_ITEM(parts, 0);
    assert(PyTuple_GET_SIZE(parts) == PARTS);
    if (part[PART_MAP] == (PyObject *)state->local_map.container)
        found = differences_between(old, new, part[PART_ABSENT], part[PART_CHANGE]);
    if (found != NULL && PyList_GET_SIZE(PyTuple_GET_ITEM(found, 1)) == 0)
        delta = delta_of_changes(part, PyTuple_GET_ITEM(found, 0), family_of(old) == &state->shared_map);
    Py_XDECREF(found);
    Py_DECREF(parts);
    return delta;
}

static PyObject *
map_diff(PyObject *self, PyObject *new)
{
    PyTypeObject *type = Py_TYPE(self);
    if (type == Py_TYPE(new) && type == family_of(self)->container) {
        PyObject *delta = flat_delta(module_state_of(self), self, new);
        if (delta != NULL || PyErr_Occurred())
            return delta;
    }
    return container_diff(self, new);
}

/* ---- apply ---- */

typedef struct {
    memory *mem;
    PyObject *absent;
    PyTypeObject *change_type;
    bool only_plain; /* every other key or value has to be converted first */
    transient d; /* of this call alone: no code that runs in between can change it */
} applier;

typedef enum { APPLY_FAILED = -1, APPLY_ASK_PYTHON, APPLY_DONE } apply_outcome;

static inline bool
is_plain_or_absent(const applier *a, PyObject *value)
{
    return value == a->absent || is_plain_value(value);
}

/* Whether the value where the look-up ended, or none, is the one that the change was made from. Python looks into what
 * is not plain, and names what does not fit. */
static apply_outcome
finds_expected(const applier *a, const champ_path *path, place where, PyObject *expected)
{
    PyObject *found = where == PLACE_FOUND ? cell_to_object(PAIR_VALUE(path->found)) : Py_NewRef(a->absent);
    if (found == NULL)
        return APPLY_FAILED;
    int same = found == expected;
    if (!same && is_plain_or_absent(a, found) && is_plain_or_absent(a, expected))
        same = plain_values_same(found, expected);
    Py_DECREF(found);
    return same < 0 ? APPLY_FAILED : same ? APPLY_DONE : APPLY_ASK_PYTHON;
}

/* Puts a value, which may be absent, where the look-up for the key ended: 0 or -1. */
static int
put_new_value(applier *a, const champ_path *path, place where, PyObject *key, const probe *p, PyObject *value)
{
    pair in;
    if (value == a->absent)
        return where != PLACE_FOUND || transient_remove_at(a->mem, &a->d, path) > 0 ? 0 : -1;
    if (pair_open(key, p, value, &in) < 0)
        return -1;
    int status = transient_put_at(a->mem, &a->d, path, where, PAIR_KEY(&in), PAIR_VALUE(&in));
    pair_close(&in);
    return status;
}

static apply_outcome
apply_change(applier *a, PyObject *key, PyObject *change)
{
    probe p;
    champ_path path;
    if (Py_TYPE(change) != a->change_type || PyTuple_GET_SIZE(change) != 2)
        return APPLY_ASK_PYTHON;
    PyObject *old = PyTuple_GET_ITEM(change, 0), *new = PyTuple_GET_ITEM(change, 1);
    if (a->only_plain && !(is_plain_or_absent(a, key) && is_plain_or_absent(a, old) && is_plain_or_absent(a, new)))
        return APPLY_ASK_PYTHON;
    place where = probe_init(&p, key) == 0 ? transient_locate(&a->d, &p, &path) : PLACE_FAILED;
    if (where == PLACE_FAILED)
        return APPLY_FAILED;
    apply_outcome outcome = finds_expected(a, &path, where, old);
    if (outcome == APPLY_DONE && put_new_value(a, &path, where, key, &p, new) < 0)
        return APPLY_FAILED;
    return outcome;
}

/* The map with the Changes of a dict {key: Change}, which have to fit; or None where Python has to look: a change does not
 * fit, is none but one inside of a value, or has values that C does not compare, or that are not stored as they are
 * (`only_plain`: all that are not plain). */
static PyObject *
with_changes(PyObject *self, PyObject *dict, PyObject *absent, PyObject *change_type, bool only_plain)
{
    snapshot changes;
    if (snapshot_take(&changes, dict) < 0)
        return NULL;
    applier a = {.mem = family_memory(family_of(self)), .absent = absent, .d = transient_of(self)};
    a.change_type = (PyTypeObject *)change_type;
    a.only_plain = only_plain;
    apply_outcome outcome = APPLY_DONE;
    budget left = BUDGET;
    for (Py_ssize_t i = 0; i < changes.count && outcome == APPLY_DONE; i++)
        outcome =
            budget_spend(&left, 1) ? apply_change(&a, changes.items[i].key, changes.items[i].value) : APPLY_FAILED;
    snapshot_release(&changes, 0);
    if (outcome == APPLY_ASK_PYTHON)
        transient_clear(&a.d);
    return outcome == APPLY_ASK_PYTHON ? Py_NewRef(Py_None) : derived_from_transient(self, &a.d, outcome);
}

/* _changed(changes, ABSENT, Change, only_plain): with_changes(), for maps within others. */
static PyObject *
map_changed(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("_changed", nargs, 4, 4))
        return NULL;
    if (!PyDict_CheckExact(args[0]) || !PyType_Check(args[2])
        || !PyType_IsSubtype((PyTypeObject *)args[2], &PyTuple_Type))
        return raise_about(PyExc_TypeError, "_changed() takes a dict of Changes, and their class, not ", args[0], "");
    int only_plain = PyObject_IsTrue(args[3]);
    return only_plain < 0 ? NULL : with_changes(self, args[0], args[1], args[2], only_plain);
}

/* The changes of a Delta's outermost map, applied to a map; None: they are not those of a map, or Python has to look. */
static PyObject *
with_changes_of(PyObject *self, PyObject *delta, PyObject *const *part)
{
    PyObject *root = PyObject_GenericGetAttr(delta, part[PART_ROOT]), *nodes = NULL, *shared = NULL, *changed = NULL;
    if (root != NULL && Py_TYPE(root) != (PyTypeObject *)part[PART_IN_MAP])
        changed = Py_NewRef(Py_None);
    else if (root != NULL && (nodes = PyObject_GenericGetAttr(root, part[PART_NODES])) != NULL)
        shared = PyObject_GenericGetAttr(delta, part[PART_SHARED]);
    if (shared != NULL)
        changed = PyDict_CheckExact(nodes) ? with_changes(self, nodes, part[PART_ABSENT], part[PART_CHANGE],
                                                          CELLS_ARE_DECODED || shared != Py_False)
                                           : Py_NewRef(Py_None);
    Py_XDECREF(root);
    Py_XDECREF(nodes);
    Py_XDECREF(shared);
    return changed;
}

/* Most Deltas are changes of a map's own values; frozen/_apply.py does all others, and raises what there is to raise. It
 * does not try again what was tried here. */
static PyObject *
map_apply(PyObject *self, PyObject *delta)
{
    if (Py_TYPE(self) != family_of(self)->container)
        return container_apply(self, delta);
    module_state *state = module_state_of(self);
    PyObject *parts = kept_delta_parts(state), *result = NULL;
    if (parts == NULL)
        return NULL;
    PyObject *const *part = &PyTuple_GET_ITEM(parts, 0);
    bool tried =
        part[PART_MAP] == (PyObject *)state->local_map.container && Py_TYPE(delta) == (PyTypeObject *)part[PART_DELTA];
    if (tried)
        result = with_changes_of(self, delta, part);
    Py_DECREF(parts);
    if (!tried)
        return container_apply(self, delta);
    if (result != Py_None)
        return result;
    Py_DECREF(result);
    return call_with_container(kept_apply_tried(state), self, delta);
}

#endif
