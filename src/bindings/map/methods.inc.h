/* The map: slots and methods over the trie, written once for every memory.
 *
 * A map is a `container`: root, count, cached hash. See bindings/keyed/methods.inc.h for what the including file
 * supplies. */
#ifndef FROZEN_BINDINGS_MAP_METHODS_INC_H
#define FROZEN_BINDINGS_MAP_METHODS_INC_H

#include "bindings/map/source.inc.h"

/* ---- construction ---- */

static PyObject *
container_construct(PyTypeObject *type, family *types, PyObject *source, PyObject *keywords)
{
    memory *mem = family_memory(types);
    if (source != NULL && type == types->container && Py_TYPE(source) == type && keywords == NULL)
        return Py_NewRef(source);
    transient d = {(champ_node *)types->empty, 0};
    node_retain(d.root);
    if (transient_update_all(mem, types, &d, &source, source != NULL, keywords) < 0) {
        transient_clear(&d);
        return NULL;
    }
    return keyed_new(type, d.root, d.count);
}

static PyObject *
map_fromkeys(PyObject *cls, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("fromkeys", nargs, 1, 2))
        return NULL;
    PyObject *dict = call_method((PyObject *)&PyDict_Type, "fromkeys", args[0], nargs > 1 ? args[1] : Py_None);
    if (dict == NULL)
        return NULL;
    PyObject *self = PyObject_CallOneArg(cls, dict);
    Py_DECREF(dict);
    return self;
}

/* ---- lookup ---- */

static PyObject *
map_subscript(PyObject *self, PyObject *key)
{
    bool failed = false;
    pair *found = keyed_lookup(self, key, &failed);
    if (LIKELY(found != NULL))
        return cell_to_object(PAIR_VALUE(found));
    if (!failed)
        set_key_error(key);
    return NULL;
}

static inline PyObject *
map_lookup(PyObject *self, PyObject *key, PyObject *fallback)
{
    bool failed = false;
    pair *found = keyed_lookup(self, key, &failed);
    if (LIKELY(found != NULL))
        return cell_to_object(PAIR_VALUE(found));
    return failed ? NULL : Py_NewRef(fallback);
}

static PyObject *
map_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = Py_None;
    if (!parse_key_default("get", args, nargs, names, &key, &fallback))
        return NULL;
    return map_lookup(self, key, fallback);
}

/* ---- derived maps ---- */

/* The map with a key and a value, cells that stay the caller's, where champ_locate() has ended. */
static PyObject *
map_put_at(PyObject *self, const champ_path *path, place where, const pair *put)
{
    deferred left = {0};
    if (where == PLACE_FOUND && cell_identical(PAIR_VALUE(path->found), PAIR_VALUE(put)))
        return unchanged(self);
    entry in = {path->hash, *put};
    champ_node *n = champ_put(family_memory(family_of(self)), path, where, &in, 0, &left);
    way_must_hold(n, path->hash);
    return derived(self, n, COUNT(self) + (where != PLACE_FOUND));
}

/* The same with objects; the key is the one that was located. */
static PyObject *
map_put_object_at(PyObject *self, const champ_path *path, place where, PyObject *key, const probe *p, PyObject *value)
{
    pair put;
    if (pair_open(key, p, value, &put) < 0)
        return NULL;
    PyObject *result = map_put_at(self, path, where, &put);
    pair_close(&put);
    return result;
}

static place
map_locate(PyObject *self, const probe *p, champ_path *path)
{
    return champ_locate(ROOT(self), p, path, COUNT(self) >= PREFETCH_FROM);
}

static PyObject *
map_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("set", nargs, 2, 2))
        return NULL;
    probe p;
    pair put;
    if (probe_init(&p, args[0]) < 0 || pair_open(args[0], &p, args[1], &put) < 0)
        return NULL;
    champ_path path;
    place where = map_locate(self, &p, &path);
    PyObject *result = where != PLACE_FAILED ? map_put_at(self, &path, where, &put) : NULL;
    pair_close(&put);
    return result;
}

static PyObject *
map_setdefault(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("setdefault", nargs, 1, 2))
        return NULL;
    probe p;
    champ_path path;
    if (probe_init(&p, args[0]) < 0)
        return NULL;
    place where = map_locate(self, &p, &path);
    if (where == PLACE_FAILED || where == PLACE_FOUND)
        return where == PLACE_FOUND ? unchanged(self) : NULL;
    return map_put_object_at(self, &path, where, args[0], &p, nargs > 1 ? args[1] : Py_None);
}

/* fn(value), where the key was located, or fn(fallback) where it is absent. */
static PyObject *
altered_value(PyObject *key, PyObject *fn, PyObject *fallback, const champ_path *path, place where)
{
    if (where != PLACE_FOUND && fallback == NULL) {
        set_key_error(key);
        return NULL;
    }
    PyObject *old = where == PLACE_FOUND ? cell_to_object(PAIR_VALUE(path->found)) : Py_NewRef(fallback);
    PyObject *value = NULL;
    if (old != NULL && deep_call_enter(" while altering a map") == 0) {
        value = PyObject_CallOneArg(fn, old);
        deep_call_leave(DEEP_CALL);
    }
    Py_XDECREF(old);
    return value;
}

/* The path stays valid while the function runs: the caller's map holds its nodes, and no thread edits nodes that a map
 * holds. */
static PyObject *
map_alter(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *fallback = NULL;
    if (!parse_default("alter", "a key, a function", 2, args, nargs, names, &fallback))
        return NULL;
    if (!PyCallable_Check(args[1]))
        return raise_about(PyExc_TypeError, "alter() takes a function of the value as second argument, not ", args[1],
                           "");
    probe p;
    champ_path path;
    if (probe_init(&p, args[0]) < 0)
        return NULL;
    place where = map_locate(self, &p, &path);
    PyObject *value = where != PLACE_FAILED ? altered_value(args[0], args[1], fallback, &path, where) : NULL;
    if (value == NULL)
        return NULL;
    PyObject *result = map_put_object_at(self, &path, where, args[0], &p, value);
    Py_DECREF(value);
    return result;
}

static PyObject *
map_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *keywords = NULL;
    if (names != NULL && (keywords = dict_of_keywords(args + nargs, names)) == NULL)
        return NULL;
    family *types = family_of(self);
    transient d = transient_of(self);
    int status = transient_update_all(family_memory(types), types, &d, args, nargs, keywords);
    Py_XDECREF(keywords);
    return derived_from_transient(self, &d, status);
}

/* What == and | take on the other side: a map of whichever memory, a dict or frozendict, any collections.abc.Mapping.
 * 1, 0, or -1 (exception set). */
static int
is_mapping(PyObject *self, PyObject *o)
{
    module_state *state = module_state_of(self);
    if (PyObject_TypeCheck(o, state->local_map.container) || PyObject_TypeCheck(o, state->shared_map.container)
        || is_any_dict(o))
        return 1;
    if (o == Py_None || PyUnicode_CheckExact(o) || PyLong_CheckExact(o) || PyList_CheckExact(o)
        || PyTuple_CheckExact(o))
        return 0;
    PyObject *abc = imported("collections.abc", "Mapping");
    int known = abc != NULL ? PyObject_IsInstance(o, abc) : -1;
    Py_XDECREF(abc);
    return known;
}

/* dict | self gives a dict, frozendict | self a frozendict. */
static PyObject *
dict_or_map(PyObject *left, PyObject *right)
{
    PyObject *dict = PyDict_New();
    if (dict == NULL || PyDict_Update(dict, left) < 0 || PyDict_Update(dict, right) < 0)
        Py_CLEAR(dict);
    if (dict == NULL || !is_frozendict(left))
        return dict;
    PyObject *result = PyObject_CallOneArg((PyObject *)Py_TYPE(left), dict);
    Py_DECREF(dict);
    return result;
}

/* The union of two mappings, one of which is ours, the right one's values winning. Of what type it is the left operand
 * says, if it is ours or CPython's; how any other mapping is made is not known, so that mapping | self is one of
 * ours. */
static PyObject *
map_or(PyObject *left, PyObject *right)
{
    family *types = family_of_operands(left, right);
    memory *mem = family_memory(types);
    bool own = is_ours(types, left);
    int known = is_mapping(own ? left : right, own ? right : left);
    if (known <= 0)
        return known < 0 ? NULL : Py_NewRef(Py_NotImplemented);
    if (!own && is_any_dict(left))
        return dict_or_map(left, right);
    PyObject *self = own ? Py_NewRef(left) : container_construct(types->container, types, left, NULL);
    if (self == NULL)
        return NULL;
    transient d = transient_of(self);
    PyObject *result = derived_from_transient(self, &d, transient_update_from(mem, types, &d, right));
    Py_DECREF(self);
    return result;
}

/* merger.resolve for merge(other, fn): what fn(old, new) returns. */
static int
resolve_by_call(void *function, cell left, cell right, cell *value)
{
    PyObject *args[2];
    if (!cells_to_objects(left, right, &args[0], &args[1]))
        return -1;
    PyObject *result = NULL;
    if (deep_call_enter(" while merging maps") == 0) {
        result = PyObject_Vectorcall(function, args, 2, NULL);
        deep_call_leave(DEEP_CALL);
    }
    Py_DECREF(args[0]);
    Py_DECREF(args[1]);
    if (result == NULL)
        return -1;
    int status = cell_from_object(result, value);
    Py_DECREF(result);
    return status;
}

static PyObject *
map_merge(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("merge", nargs, 2, 2))
        return NULL;
    if (!PyCallable_Check(args[1]))
        return raise_about(PyExc_TypeError, "merge() takes a function of (old, new) as second argument, not ", args[1],
                           "");
    family *types = family_of(self);
    PyObject *other =
        is_ours(types, args[0]) ? Py_NewRef(args[0]) : container_construct(types->container, types, args[0], NULL);
    if (other == NULL)
        return NULL;
    merger m = {.mem = family_memory(types),
                .keep_left = true,
                .keep_right = true,
                .both = BOTH_RESOLVE,
                .resolve = resolve_by_call,
                .context = args[1],
                .count_right = true};
    champ_node *n = champ_merge(&m, ROOT(self), ROOT(other));
    PyObject *result = derived(self, n, COUNT(self) + (Py_ssize_t)m.right_only);
    Py_DECREF(other);
    return result;
}

#endif
