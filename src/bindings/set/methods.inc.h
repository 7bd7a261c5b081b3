/* The set: slots and methods over the trie at entry width one, written once for every memory.  frozenset's interface,
 * and persistent changes; see bindings/keyed/methods.inc.h for what the including file supplies. */
#ifndef FROZEN_BINDINGS_SET_METHODS_INC_H
#define FROZEN_BINDINGS_SET_METHODS_INC_H

#include "bindings/common/equal.inc.h"
#include "bindings/set/algebra.inc.h"

/* ---- construction ---- */

static PyObject *
container_construct(PyTypeObject *type, family *types, PyObject *source, PyObject *Py_UNUSED(keywords))
{
    if (source != NULL && type == types->container && Py_TYPE(source) == type)
        return Py_NewRef(source);
    transient d = {(champ_node *)types->empty, 0};
    if (source == NULL)
        node_retain(d.root);
    else if (transient_from_iterable(family_memory(types), types, source, &d) < 0)
        return NULL;
    return keyed_new(type, d.root, d.count);
}

/* ---- members ---- */

/* After a call with `member` failed: NULL, or, if it did because a plain set is not hashable, a frozenset of it to try
 * again with.  So sets of sets can be asked for sets, as frozenset allows. */
static PyObject *
hashable_instead(PyObject *member)
{
    if (!PySet_Check(member) || !PyErr_ExceptionMatches(PyExc_TypeError))
        return NULL;
    PyErr_Clear();
    return PyFrozenSet_New(member);
}

static PyObject *
with_hashable(PyObject *self, PyObject *member, PyObject *(*function)(PyObject *, PyObject *))
{
    PyObject *result = function(self, member), *instead;
    if (result == NULL && (instead = hashable_instead(member)) != NULL) {
        result = function(self, instead);
        Py_DECREF(instead);
    }
    return result;
}

NO_INLINE static int
contains_instead(PyObject *self, PyObject *member)
{
    PyObject *instead = hashable_instead(member);
    int found = instead != NULL ? keyed_contains(self, instead) : -1;
    Py_XDECREF(instead);
    return found;
}

static int
set_contains(PyObject *self, PyObject *member)
{
    bool failed = false;
    pair *found = keyed_lookup(self, member, &failed);
    return UNLIKELY(failed) ? contains_instead(self, member) : found != NULL;
}

static PyObject *
set_remove(PyObject *self, PyObject *member)
{
    return with_hashable(self, member, keyed_delete);
}

static PyObject *
set_discard(PyObject *self, PyObject *member)
{
    return with_hashable(self, member, keyed_discard);
}

static PyObject *
set_add(PyObject *self, PyObject *member)
{
    transient d = transient_of(self);
    return derived_from_transient(self, &d, transient_add(family_memory(family_of(self)), &d, member));
}

/* ---- the named methods: any iterables ---- */

static PyObject *
set_combine(PyObject *self, PyObject *const *others, Py_ssize_t count, set_operation op)
{
    family *types = family_of(self);
    transient d = transient_of(self);
    int status = 0;
    for (Py_ssize_t i = 0; i < count && status == 0; i++)
        status = transient_combine(family_memory(types), types, &d, others[i], op);
    return derived_from_transient(self, &d, status);
}

static PyObject *
set_union(PyObject *self, PyObject *const *others, Py_ssize_t count)
{
    return set_combine(self, others, count, SET_UNION);
}

static PyObject *
set_intersection(PyObject *self, PyObject *const *others, Py_ssize_t count)
{
    return set_combine(self, others, count, SET_INTERSECTION);
}

static PyObject *
set_difference(PyObject *self, PyObject *const *others, Py_ssize_t count)
{
    return set_combine(self, others, count, SET_DIFFERENCE);
}

static PyObject *
set_symmetric_difference(PyObject *self, PyObject *other)
{
    return set_combine(self, &other, 1, SET_SYMMETRIC);
}

/* ---- comparing ---- */

/* The iterable as a set of this family, a new reference. */
static PyObject *
as_set(PyObject *self, PyObject *iterable)
{
    family *types = family_of(self);
    return is_ours(types, iterable) ? Py_NewRef(iterable)
                                    : container_construct(types->container, types, iterable, NULL);
}

/* Where this memory cannot hold just any object, a set of another type is compared by frozenset. */
static inline bool
compared_by_frozenset(PyObject *self, PyObject *other)
{
    return !CELLS_HOLD_ALL && !is_ours(family_of(self), other);
}

static PyObject *
ask_frozenset(PyObject *self, const char *method, PyObject *other)
{
    PyObject *frozen = PyFrozenSet_New(self);
    PyObject *answer = frozen != NULL ? PyObject_CallMethod(frozen, method, "O", other) : NULL;
    Py_XDECREF(frozen);
    return answer;
}

static PyObject *
compare_frozensets(PyObject *self, PyObject *other, int op)
{
    PyObject *left = PyFrozenSet_New(self), *right = left != NULL ? PyFrozenSet_New(other) : NULL;
    PyObject *answer = right != NULL ? PyObject_RichCompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return answer;
}

static int
set_is_subset(PyObject *part, PyObject *whole)
{
    return COUNT(part) <= COUNT(whole) ? champ_subset(ROOT(part), ROOT(whole)) : 0;
}

static PyObject *
set_issubset(PyObject *self, PyObject *other)
{
    if (compared_by_frozenset(self, other))
        return ask_frozenset(self, "issubset", other);
    PyObject *set = as_set(self, other);
    int holds = set != NULL ? set_is_subset(self, set) : -1;
    Py_XDECREF(set);
    return holds < 0 ? NULL : PyBool_FromLong(holds);
}

static PyObject *
set_issuperset(PyObject *self, PyObject *other)
{
    if (compared_by_frozenset(self, other))
        return ask_frozenset(self, "issuperset", other);
    PyObject *set = as_set(self, other);
    int holds = set != NULL ? set_is_subset(set, self) : -1;
    Py_XDECREF(set);
    return holds < 0 ? NULL : PyBool_FromLong(holds);
}

static PyObject *
set_isdisjoint(PyObject *self, PyObject *other)
{
    if (compared_by_frozenset(self, other))
        return ask_frozenset(self, "isdisjoint", other);
    PyObject *set = as_set(self, other);
    if (set == NULL)
        return NULL;
    PyObject *small = COUNT(set) < COUNT(self) ? set : self, *large = small == set ? self : set;
    champ_iter it;
    pair *s, *found = NULL;
    bool failed = false;
    budget left = BUDGET;
    champ_iter_init(&it, ROOT(small));
    while (found == NULL && !failed && (s = champ_iter_next(&it)) != NULL) {
        if ((failed = !budget_spend(&left, 1)))
            break;
        probe p = probe_of(PAIR_KEY(s), champ_iter_hash(&it, s));
        found = champ_find(ROOT(large), &p, &failed);
    }
    Py_DECREF(set);
    return failed ? NULL : PyBool_FromLong(found == NULL);
}

/* What operators and comparisons take on the other side: sets of any kind. */
static int
is_any_set(family *types, PyObject *o)
{
    if (is_ours(types, o) || PyAnySet_Check(o) || PyDictViewSet_Check(o))
        return 1;
    if (PyList_CheckExact(o) || PyTuple_CheckExact(o) || PyUnicode_CheckExact(o) || PyDict_CheckExact(o))
        return 0;
    PyObject *abc = imported("collections.abc", "Set");
    int is_set = abc != NULL ? PyObject_IsInstance(o, abc) : -1;
    Py_XDECREF(abc);
    return is_set;
}

static int
contents_equal(PyObject *a, PyObject *b)
{
    return champ_equal(ROOT(a), ROOT(b));
}

/* `self op other` by counts and inclusion, `other` being ours. */
static int
set_compare(PyObject *self, PyObject *other, int op)
{
    Py_ssize_t own = COUNT(self), others = COUNT(other);
    switch (op) {
    case Py_EQ: return containers_equal(self, other);
    case Py_LE: return set_is_subset(self, other);
    case Py_LT: return own < others ? set_is_subset(self, other) : 0;
    case Py_GE: return set_is_subset(other, self);
    default: return own > others ? set_is_subset(other, self) : 0;
    }
}

static PyObject *
container_richcompare(PyObject *self, PyObject *other, int op)
{
    int known = is_any_set(family_of(self), other);
    if (known < 0 || !nested_step())
        return NULL;
    if (!known)
        Py_RETURN_NOTIMPLEMENTED;
    Py_ssize_t others = PyObject_Size(other);
    if (others < 0)
        return NULL;
    if ((op == Py_EQ || op == Py_NE) && COUNT(self) != others)
        return PyBool_FromLong(op == Py_NE);
    if ((op == Py_EQ || op == Py_NE) && are_counterparts(self, other)) {
        int equal = counterparts_equal(self, other);
        return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
    }
    if (compared_by_frozenset(self, other))
        return compare_frozensets(self, other, op);
    PyObject *set = as_set(self, other);
    int holds = set != NULL ? set_compare(self, set, op == Py_NE ? Py_EQ : op) : -1;
    Py_XDECREF(set);
    return holds < 0 ? NULL : PyBool_FromLong(op == Py_NE ? !holds : holds);
}

/* ---- operators: sets of any kind on either side, the result is of the left operand's type ---- */

/* A foreign left operand, in the words of the builtin set. */
static PyObject *
foreign_operator(PyObject *left, PyObject *right, set_operation op)
{
    static const char *const methods[] = {"update", "intersection_update", "difference_update",
                                          "symmetric_difference_update"};
    PyObject *set = PySet_New(left);
    PyObject *done = set != NULL ? call_method(set, methods[op], right, NULL) : NULL;
    if (done == NULL)
        Py_CLEAR(set);
    Py_XDECREF(done);
    if (set == NULL || !PyFrozenSet_Check(left))
        return set;
    PyObject *frozen = PyFrozenSet_New(set);
    Py_DECREF(set);
    return frozen;
}

static PyObject *
set_operator(PyObject *left, PyObject *right, set_operation op)
{
    family *types = family_of_operands(left, right);
    bool own = is_ours(types, left);
    int known = is_any_set(types, own ? right : left);
    if (known <= 0)
        return known < 0 ? NULL : Py_NewRef(Py_NotImplemented);
    return own ? set_combine(left, &right, 1, op) : foreign_operator(left, right, op);
}

static PyObject *
set_or(PyObject *left, PyObject *right)
{
    return set_operator(left, right, SET_UNION);
}

static PyObject *
set_and(PyObject *left, PyObject *right)
{
    return set_operator(left, right, SET_INTERSECTION);
}

static PyObject *
set_subtract(PyObject *left, PyObject *right)
{
    return set_operator(left, right, SET_DIFFERENCE);
}

static PyObject *
set_xor(PyObject *left, PyObject *right)
{
    return set_operator(left, right, SET_SYMMETRIC);
}

#endif
