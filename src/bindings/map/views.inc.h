/* keys(), values() and items(): views that know their length; keys and items are sets in all but name. */
#ifndef FROZEN_BINDINGS_MAP_VIEWS_INC_H
#define FROZEN_BINDINGS_MAP_VIEWS_INC_H

#include "bindings/keyed/iter.inc.h"

typedef struct {
    PyObject_HEAD
    PyObject *map;
    yields what;
} map_view;

#define VIEW_MAP(self) (((map_view *)(self))->map)
#define VIEW_YIELDS(self) (((map_view *)(self))->what)

static PyObject *
map_view_new(PyObject *map, yields what)
{
    family *types = family_of(map);
    PyTypeObject *type = what == YIELD_KEYS ? types->keys : what == YIELD_VALUES ? types->values : types->items;
    map_view *view = PyObject_GC_New(map_view, type);
    if (view == NULL)
        return NULL;
    view->map = Py_NewRef(map);
    view->what = what;
    PyObject_GC_Track(view);
    return (PyObject *)view;
}

static PyObject *
map_keys(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return map_view_new(self, YIELD_KEYS);
}

static PyObject *
map_values(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return map_view_new(self, YIELD_VALUES);
}

static PyObject *
map_items(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return map_view_new(self, YIELD_ITEMS);
}

static Py_ssize_t
view_len(PyObject *self)
{
    return COUNT(VIEW_MAP(self));
}

static PyObject *
view_iter(PyObject *self)
{
    return iterator_new(VIEW_MAP(self), VIEW_YIELDS(self), false);
}

static PyObject *
view_reversed(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return iterator_new(VIEW_MAP(self), VIEW_YIELDS(self), true);
}

static PyObject *
view_repr(PyObject *self)
{
    int entered = Py_ReprEnter(self);
    if (entered != 0)
        return entered > 0 ? PyUnicode_FromFormat("%s([...])", short_type_name(Py_TYPE(self))) : NULL;
    PyObject *list = PySequence_List(self);
    PyObject *result = list != NULL ? PyUnicode_FromFormat("%s(%R)", short_type_name(Py_TYPE(self)), list) : NULL;
    Py_XDECREF(list);
    Py_ReprLeave(self);
    return result;
}

/* The map a view belongs to; for keys and items, as dict's views have it. */
static PyObject *
view_mapping(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(VIEW_MAP(self));
}

static int
view_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(VIEW_MAP(self));
    return 0;
}

static void
view_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_DECREF(VIEW_MAP(self));
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* ---- membership ---- */

static int
keys_contains(PyObject *self, PyObject *key)
{
    return keyed_contains(VIEW_MAP(self), key);
}

static int
items_contains(PyObject *self, PyObject *item)
{
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2)
        return 0;
    bool failed = false;
    pair *found = keyed_lookup(VIEW_MAP(self), PyTuple_GET_ITEM(item, 0), &failed);
    if (found == NULL)
        return failed ? -1 : 0;
    PyObject *value = cell_to_object(PAIR_VALUE(found));
    if (value == NULL)
        return -1;
    int equal = PyObject_RichCompareBool(value, PyTuple_GET_ITEM(item, 1), Py_EQ);
    Py_DECREF(value);
    return equal;
}

/* ---- keys and items as sets ---- */

static inline bool
is_set_view(PyObject *o)
{
    return Py_TYPE(o)->tp_dealloc == view_dealloc && VIEW_YIELDS(o) != YIELD_VALUES;
}

/* The keys or items of a map of whichever memory, or a builtin set or set-like view. */
static inline bool
is_set_like(module_state *state, PyObject *o)
{
    return PyAnySet_Check(o) || PyDictViewSet_Check(o) || Py_IS_TYPE(o, state->local_map.keys)
           || Py_IS_TYPE(o, state->local_map.items) || Py_IS_TYPE(o, state->shared_map.keys)
           || Py_IS_TYPE(o, state->shared_map.items);
}

/* 1: every member of `part` is in `whole`, 0: not, -1. */
static int
all_in(PyObject *part, PyObject *whole)
{
    PyObject *member, *iter = PyObject_GetIter(part);
    budget left = BUDGET;
    int status = iter != NULL ? 1 : -1;
    while (status > 0 && (member = PyIter_Next(iter)) != NULL) {
        status = budget_spend(&left, 1) ? PySequence_Contains(whole, member) : -1;
        Py_DECREF(member);
    }
    Py_XDECREF(iter);
    return status > 0 && PyErr_Occurred() ? -1 : status;
}

static PyObject *
view_richcompare(PyObject *self, PyObject *other, int op)
{
    if (!is_set_like(module_state_of(self), other))
        Py_RETURN_NOTIMPLEMENTED;
    Py_ssize_t own = view_len(self), others = PyObject_Size(other);
    if (others < 0)
        return NULL;
    int holds;
    switch (op) {
    case Py_LT: holds = own < others ? all_in(self, other) : 0; break;
    case Py_LE: holds = own <= others ? all_in(self, other) : 0; break;
    case Py_GT: holds = own > others ? all_in(other, self) : 0; break;
    case Py_GE: holds = own >= others ? all_in(other, self) : 0; break;
    default: /* == and != */
        holds = own == others ? all_in(self, other) : 0;
        if (holds >= 0 && op == Py_NE)
            holds = !holds;
    }
    return holds < 0 ? NULL : PyBool_FromLong(holds);
}

/* A set of the left operand's members, changed by the named method of set with the right operand. */
static PyObject *
view_set_operation(PyObject *left, PyObject *right, const char *method)
{
    if (!is_set_view(left) && Py_TYPE(left)->tp_iter == NULL && !PySequence_Check(left))
        Py_RETURN_NOTIMPLEMENTED; /* what can be iterated over, but fails, raises its own error */
    PyObject *set = PySet_New(left);
    PyObject *done = set != NULL ? call_method(set, method, right, NULL) : NULL;
    if (done == NULL) {
        Py_CLEAR(set);
        return NULL;
    }
    Py_DECREF(done);
    return set;
}

static PyObject *
view_and(PyObject *left, PyObject *right)
{
    return view_set_operation(left, right, "intersection_update");
}

static PyObject *
view_or(PyObject *left, PyObject *right)
{
    return view_set_operation(left, right, "update");
}

static PyObject *
view_subtract(PyObject *left, PyObject *right)
{
    return view_set_operation(left, right, "difference_update");
}

static PyObject *
view_xor(PyObject *left, PyObject *right)
{
    return view_set_operation(left, right, "symmetric_difference_update");
}

static PyObject *
view_isdisjoint(PyObject *self, PyObject *other)
{
    PyObject *member, *iter = PyObject_GetIter(other);
    if (iter == NULL)
        return NULL;
    budget left = BUDGET;
    int shared = 0;
    while (shared == 0 && (member = PyIter_Next(iter)) != NULL) {
        shared = budget_spend(&left, 1) ? PySequence_Contains(self, member) : -1;
        Py_DECREF(member);
    }
    Py_DECREF(iter);
    return shared < 0 || PyErr_Occurred() ? NULL : PyBool_FromLong(!shared);
}

/* ---- the three types ---- */

/* Each view has tables of its own, because it has docstrings of its own. */
#define VIEW_REVERSED(View) {"__reversed__", view_reversed, METH_NOARGS, HELPER_DOC(View, __reversed__)}
#define VIEW_ISDISJOINT(View) {"isdisjoint", view_isdisjoint, METH_O, HELPER_DOC(View, isdisjoint)}
#define VIEW_MAPPING(View) {"mapping", view_mapping, NULL, HELPER_DOC(View, mapping), NULL}

static PyMethodDef keys_methods[] = {VIEW_REVERSED(Keys), VIEW_ISDISJOINT(Keys), {NULL, NULL, 0, NULL}};
static PyMethodDef values_methods[] = {VIEW_REVERSED(Values), {NULL, NULL, 0, NULL}};
static PyMethodDef items_methods[] = {VIEW_REVERSED(Items), VIEW_ISDISJOINT(Items), {NULL, NULL, 0, NULL}};

static PyGetSetDef keys_getset[] = {VIEW_MAPPING(Keys), {NULL, NULL, NULL, NULL, NULL}};
static PyGetSetDef values_getset[] = {VIEW_MAPPING(Values), {NULL, NULL, NULL, NULL, NULL}};
static PyGetSetDef items_getset[] = {VIEW_MAPPING(Items), {NULL, NULL, NULL, NULL, NULL}};

#define VIEW_SLOTS                                         \
    {Py_tp_dealloc, (void *)view_dealloc},                 \
    {Py_tp_traverse, (void *)view_traverse},               \
    {Py_tp_repr, (void *)view_repr},                       \
    {Py_tp_iter, (void *)view_iter},                       \
    {Py_sq_length, (void *)view_len}

#define SET_VIEW_SLOTS                                     \
    VIEW_SLOTS,                                            \
    {Py_tp_richcompare, (void *)view_richcompare},         \
    {Py_tp_hash, (void *)PyObject_HashNotImplemented},     \
    {Py_nb_and, (void *)view_and},                         \
    {Py_nb_or, (void *)view_or},                           \
    {Py_nb_subtract, (void *)view_subtract},               \
    {Py_nb_xor, (void *)view_xor}

static PyType_Slot map_keys_slots[] = {
    {Py_tp_doc, (void *)HELPER_DOC(Keys, class)},
    SET_VIEW_SLOTS,
    {Py_tp_methods, keys_methods},
    {Py_tp_getset, keys_getset},
    {Py_sq_contains, (void *)keys_contains},
    {0, NULL},
};

static PyType_Slot map_items_slots[] = {
    {Py_tp_doc, (void *)HELPER_DOC(Items, class)},
    SET_VIEW_SLOTS,
    {Py_tp_methods, items_methods},
    {Py_tp_getset, items_getset},
    {Py_sq_contains, (void *)items_contains},
    {0, NULL},
};

static PyType_Slot map_values_slots[] = {
    {Py_tp_doc, (void *)HELPER_DOC(Values, class)},
    VIEW_SLOTS,
    {Py_tp_methods, values_methods},
    {Py_tp_getset, values_getset},
    {0, NULL},
};

#endif
