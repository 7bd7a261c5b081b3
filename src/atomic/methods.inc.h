/* The methods of AtomicMap and SharedAtomicMap, as far as they are the same.
 *
 * Beside what table.inc.h needs, the including file has said:
 *
 *     TABLE_OF(op), TABLE_ABSENT(op)     the table of an object; the interpreter's frozen.ABSENT
 *     TABLE_TYPE, OTHER_TABLE_TYPE       of a module state: the type; that over the other memory
 *     TABLE_MAY_CHANGE(op)               what every change begins with; false with an exception set. May run Python code
 *     SNAPSHOT_TITLE                     what users call the type of its snapshots
 *     TABLE_ADD                          the method `add`
 *     MIRROR_STORE_IF                    compare_and_set of the mirror's type
 *     map_family(op)                     the types of its snapshots; NULL: the module is being torn down (exception set)
 *     map_look, map_has                  what reads a key
 *
 * and defines map_mirror, table_edit_objects and table_try_update.
 *
 * Watches are those of a reference, the mirror, in which each change publishes a snapshot while a watch is open. */
#ifndef FROZEN_ATOMIC_METHODS_INC_H
#define FROZEN_ATOMIC_METHODS_INC_H

#include "atomic/tally.h"
#include "bindings/common/arguments.h"
#include "platform/budget.h"

/* The mirror of a map, a new reference, made when it is asked for first; NULL: failed (exception set). */
static PyObject *map_mirror(PyObject *op);

static PyObject *
table_snapshot(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    family *types = map_family(op);
    return types != NULL ? map_snapshot(TABLE_OF(op), types, NULL) : NULL;
}

/* ---- one key ---- */

static PyObject *
table_subscript(PyObject *op, PyObject *key)
{
    bool failed;
    PyObject *value = map_look(TABLE_OF(op), key, &failed);
    if (value == NULL && !failed)
        set_key_error(key);
    return value;
}

static PyObject *
table_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = Py_None;
    bool failed;
    if (!parse_key_default("get", args, nargs, names, &key, &fallback))
        return NULL;
    PyObject *value = map_look(TABLE_OF(op), key, &failed);
    return value != NULL || failed ? value : Py_NewRef(fallback);
}

static int
table_contains(PyObject *op, PyObject *key)
{
    return map_has(TABLE_OF(op), key);
}

/* As map_edit of the map `op`, of objects; NULL stands for no value. With -1, *before is what a call that was interrupted has
 * taken out. */
static int table_edit_objects(PyObject *op, family *types, PyObject *key, condition needed, PyObject *expected,
                              PyObject *value, PyObject **before);

/* The same, but that what an interrupted call has taken out is in the exception. A value that is frozen.ABSENT stands for
 * none, where `may_remove`. */
static int
table_edit(PyObject *op, PyObject *key, condition needed, PyObject *expected, PyObject *value, bool may_remove,
           PyObject **before)
{
    family *types = map_family(op);
    if (before != NULL)
        *before = NULL;
    if (types == NULL || !TABLE_MAY_CHANGE(op))
        return -1;
    if (UNLIKELY(value == TABLE_ABSENT(op))) {
        if (!may_remove) {
            raise_about(PyExc_ValueError, "ABSENT says that there is no value, it cannot be one: delete the key ", key,
                        " instead");
            return -1;
        }
        value = NULL;
    }
    int status = table_edit_objects(op, types, key, needed, expected, value, before);
    if (UNLIKELY(status < 0) && before != NULL && *before != NULL) {
        interrupt_hands_over(*before);
        *before = NULL;
    }
    return status;
}

static int
table_assign(PyObject *op, PyObject *key, PyObject *value)
{
    int status = value != NULL ? table_edit(op, key, IF_ANY, NULL, value, false, NULL)
                               : table_edit(op, key, IF_THERE, NULL, NULL, true, NULL);
    if (status == 0)
        set_key_error(key);
    return status > 0 ? 0 : -1;
}

static PyObject *
table_setdefault(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *value = Py_None, *before;
    if (!parse_key_default("setdefault", args, nargs, names, &key, &value))
        return NULL;
    int status = table_edit(op, key, IF_ABSENT, NULL, value, false, &before);
    return status > 0 ? Py_NewRef(value) : before;
}

static PyObject *
table_pop(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = NULL, *before;
    if (!parse_key_default("pop", args, nargs, names, &key, &fallback))
        return NULL;
    int status = table_edit(op, key, IF_THERE, NULL, NULL, true, &before);
    if (status != 0)
        return before;
    if (fallback == NULL)
        set_key_error(key);
    return Py_XNewRef(fallback);
}

static PyObject *
table_exchange(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *before;
    if (!check_positional("exchange", nargs, 2, 3) || table_edit(op, args[0], IF_ANY, NULL, args[1], true, &before) < 0)
        return NULL;
    return before != NULL ? before : Py_NewRef(nargs > 2 ? args[2] : Py_None);
}

static PyObject *
table_compare_and_set(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("compare_and_set", nargs, 3, 3))
        return NULL;
    condition needed = args[1] == TABLE_ABSENT(op) ? IF_ABSENT : IF_SAME;
    int status = table_edit(op, args[0], needed, args[1], args[2], true, NULL);
    return status >= 0 ? PyBool_FromLong(status) : NULL;
}

/* One try of update() of the map `op`, as update_try. */
typedef struct {
    PyObject *op, *key;
    family *types;
} key_update;

static PyObject *table_try_update(void *context, value_call *call, bool *stored);

static PyObject *
table_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    key_update what = {.op = op, .types = map_family(op)};
    value_call call;
    if (what.types == NULL || !TABLE_MAY_CHANGE(op)
        || !value_call_prepare(&call, TABLE_ABSENT(op), args, nargs, kwnames))
        return NULL;
    what.key = args[0];
    probe looked_for; /* an edit notes its publication under the slot of this hash, which may not be Python's */
    PyObject *result = NULL;
    if (probe_init(&looked_for, what.key) == 0) {
        const ref_slot *identity = slot_identity(TABLE_OF(op), slot_of(TABLE_OF(op), looked_for.hash));
        result = update_retrying(table_try_update, &what, &call, &TABLE_OF(op)->writers, identity);
    }
    value_call_release(&call);
    return result;
}

/* ---- the whole ---- */

static Py_ssize_t
table_len(PyObject *op)
{
    TABLE *self = TABLE_OF(op);
    map_lock(self);
    Py_ssize_t count = map_count(self);
    map_unlock(self);
    return count;
}

/* A Map, exactly, of the object's items: a new reference, or NULL (exception set). Those of an atomic map are of
 * one instant. */
static PyObject *
as_map(family *types, PyObject *source)
{
    if (Py_TYPE(source) == types->container)
        return Py_NewRef(source);
    module_state *state = module_state_of_type(types->container);
    if (state == NULL)
        return NULL;
    if (PyObject_TypeCheck(source, TABLE_TYPE(state)))
        return table_snapshot(source, NULL);
    if (!PyObject_TypeCheck(source, OTHER_TABLE_TYPE(state)))
        return PyObject_CallOneArg((PyObject *)types->container, source);
    PyObject *snapshot = PyObject_CallMethod(source, "snapshot", NULL), *map = NULL;
    if (snapshot != NULL)
        map = PyObject_CallOneArg((PyObject *)types->container, snapshot);
    Py_XDECREF(snapshot);
    return map;
}

/* replace(), drain() and clear(): what was there comes out as a Map in *old, unless that is NULL. */
static int
table_put_all(PyObject *op, PyObject *source, PyObject **old)
{
    family *types = map_family(op);
    PyObject *map = NULL;
    if (types != NULL && TABLE_MAY_CHANGE(op))
        map = source != NULL ? as_map(types, source) : PyObject_CallNoArgs((PyObject *)types->container);
    if (map == NULL)
        return -1;
    int status = map_exchange(TABLE_OF(op), types, NULL, map, old);
    Py_DECREF(map);
    return status;
}

static PyObject *
table_replace(PyObject *op, PyObject *source)
{
    PyObject *old;
    return table_put_all(op, source, &old) > 0 ? old : NULL;
}

static PyObject *
table_drain(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *old;
    return table_put_all(op, NULL, &old) > 0 ? old : NULL;
}

static PyObject *
table_clear(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return table_put_all(op, NULL, NULL) > 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
table_compare_and_set_all(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    family *types = map_family(op);
    if (types == NULL || !check_positional("compare_and_set_all", nargs, 2, 2) || !TABLE_MAY_CHANGE(op))
        return NULL;
    if (Py_TYPE(args[0]) != types->container)
        return raise_about(PyExc_TypeError,
                           "compare_and_set_all() compares with a snapshot, a " SNAPSHOT_TITLE ", not with ", args[0],
                           "");
    PyObject *map = as_map(types, args[1]);
    int status = map != NULL ? map_exchange(TABLE_OF(op), types, args[0], map, NULL) : -1;
    Py_XDECREF(map);
    return status >= 0 ? PyBool_FromLong(status) : NULL;
}

static PyObject *
table_update_all(PyObject *op, PyObject *source)
{
    TABLE *self = TABLE_OF(op);
    family *types = map_family(op);
    PyObject *changes = types != NULL && TABLE_MAY_CHANGE(op) ? as_map(types, source) : NULL;
    if (changes == NULL)
        return NULL;
    int status = 0;
    for (unsigned tries = 0; status == 0 && tries < MAP_RETRIES; tries++) {
        PyObject *old = map_snapshot(self, types, NULL);
        PyObject *method = old != NULL ? PyObject_GetAttrString(old, "update") : NULL;
        PyObject *map = method != NULL ? PyObject_CallOneArg(method, changes) : NULL;
        status = map != NULL ? map_exchange(self, types, old, map, NULL) : -1;
        Py_XDECREF(map);
        Py_XDECREF(method);
        Py_XDECREF(old);
        if (status == 0 && PyErr_CheckSignals() < 0)
            status = -1;
    }
    Py_DECREF(changes);
    if (status > 0)
        Py_RETURN_NONE;
    if (status == 0)
        PyErr_Format(PyExc_RuntimeError, "update_all() gave up: the map was changed in each of %d tries", MAP_RETRIES);
    return NULL;
}

/* What a method of a snapshot answers. */
static PyObject *
of_snapshot(PyObject *op, const char *method)
{
    PyObject *snapshot = table_snapshot(op, NULL);
    PyObject *bound = snapshot != NULL ? PyObject_GetAttrString(snapshot, method) : NULL;
    PyObject *result = bound != NULL ? PyObject_CallNoArgs(bound) : NULL;
    Py_XDECREF(bound);
    Py_XDECREF(snapshot);
    return result;
}

static PyObject *
table_keys(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "keys");
}

static PyObject *
table_values(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "values");
}

static PyObject *
table_items(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "items");
}

static PyObject *
table_reversed(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "__reversed__");
}

static PyObject *
table_iter(PyObject *op)
{
    PyObject *snapshot = table_snapshot(op, NULL);
    PyObject *iterator = snapshot != NULL ? PyObject_GetIter(snapshot) : NULL;
    Py_XDECREF(snapshot);
    return iterator;
}

static PyObject *
table_richcompare(PyObject *left, PyObject *right, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    if (left == right)
        return PyBool_FromLong(op == Py_EQ);
    PyObject *a = table_snapshot(left, NULL), *b = NULL;
    if (a != NULL)
        b = Py_TYPE(right)->tp_richcompare == table_richcompare ? table_snapshot(right, NULL) : Py_NewRef(right);
    PyObject *result = b != NULL ? PyObject_RichCompare(a, b, op) : NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *
table_repr(PyObject *op)
{
    const char *name = short_type_name(Py_TYPE(op));
    int entered = Py_ReprEnter(op);
    if (entered != 0)
        return entered < 0 ? NULL : PyUnicode_FromFormat("%s({...})", name);
    PyObject *snapshot = table_snapshot(op, NULL), *text = NULL;
    PyObject *shown =
        snapshot != NULL ? PyObject_Repr(snapshot) : NULL; /* Map({...}), of a type that is never derived */
    Py_ssize_t named = snapshot != NULL ? (Py_ssize_t)strlen(short_type_name(Py_TYPE(snapshot))) : 0;
    PyObject *contents = shown != NULL ? PyUnicode_Substring(shown, named, PyUnicode_GET_LENGTH(shown)) : NULL;
    if (contents != NULL)
        text = PyUnicode_FromFormat("%s%U", name, contents);
    Py_XDECREF(contents);
    Py_XDECREF(shown);
    Py_XDECREF(snapshot);
    Py_ReprLeave(op);
    return text;
}

static PyObject *
table_count(PyObject *op, PyObject *keys)
{
    tally shares = {0};
    bool done = tally_keys(&shares, keys);
    budget left = BUDGET;
    for (uint32_t i = 0; done && i < shares.count; i++) {
        PyObject *times = PyLong_FromSsize_t(shares.entries[i].times), *args[] = {shares.entries[i].key, times};
        PyObject *sum = times != NULL ? TABLE_ADD(op, args, 2) : NULL;
        done = sum != NULL && budget_spend(&left, 1);
        Py_XDECREF(times);
        Py_XDECREF(sum);
    }
    PyObject *error = PyErr_Occurred() ? take_exception() : NULL; /* not in the way of destructors */
    tally_release(&shares);
    restore_exception(error);
    return done ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
table_reduce(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "reduce", op, args, kwargs);
}

/* ---- versions, waiting, watches ---- */

/* Publishes what the map holds in its mirror, if that has something else: then the mirror's watches are called.
 *
 * The snapshot is taken after the mirror's version was read, and published only if that is still its version. So the
 * snapshots in the mirror follow each other as they were taken, and once a writer that has changed the map returns from
 * here, the mirror has a snapshot with that change. */
static bool
map_reflect(TABLE *self, family *types, reference *mirror)
{
    int done = 0;
    while (done == 0) {
        uint64_t version;
        PyObject *known = reference_read(mirror, &version), *snapshot = NULL;
        done = -1;
        if (known != NULL && Py_TYPE(known) == types->container) {
            map_lock(self);
            done = map_holds(self, ((container *)known)->root);
            map_unlock(self);
            if (done == 0) {
                snapshot = map_snapshot(self, types, NULL);
                done = snapshot != NULL ? MIRROR_STORE_IF((PyObject *)mirror, known, snapshot, version) : -1;
            }
        }
        Py_XDECREF(known);
        Py_XDECREF(snapshot);
    }
    if (done > 0 || !PyErr_Occurred())
        return true;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return false;
    PyErr_WriteUnraisable((PyObject *)mirror); /* the change itself is done */
    return true;
}

static PyObject *
table_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(map_version(TABLE_OF(op)));
}

static PyObject *
table_get_versioned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t version = 0;
    family *types = map_family(op);
    PyObject *snapshot = types != NULL ? map_snapshot(TABLE_OF(op), types, &version) : NULL;
    return versioned_pair(snapshot, version);
}

static PyObject *
table_wait(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return wait_for_version(op, &TABLE_OF(op)->waiters, map_version, TABLE_OF(op), args, kwargs);
}

/* `_mirror`: for frozen._atomic_map. It is brought up to date, which no writer does while there is no watch. */
static PyObject *
table_mirror(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    family *types = map_family(op);
    PyObject *mirror = types != NULL ? map_mirror(op) : NULL;
    if (mirror != NULL && !map_reflect(TABLE_OF(op), types, (reference *)mirror))
        Py_CLEAR(mirror);
    return mirror;
}

/* The mirror is brought up to date again once the watch is open, because a writer may not have seen it before. */
static PyObject *
table_watch(PyObject *op, PyObject *callback)
{
    PyObject *mirror = table_mirror(op, NULL);
    PyObject *method = mirror != NULL ? PyObject_GetAttrString(mirror, "watch") : NULL;
    PyObject *watch = method != NULL ? PyObject_CallOneArg(method, callback) : NULL;
    bool undisturbed = watch == NULL || map_reflect(TABLE_OF(op), map_family(op), (reference *)mirror);
    Py_XDECREF(method);
    Py_XDECREF(mirror);
    if (undisturbed)
        return watch;
    PyObject *interrupt = take_exception(), *closed = PyObject_CallMethod(watch, "close", NULL);
    Py_XDECREF(closed);
    Py_DECREF(watch);
    restore_exception(interrupt);
    return NULL;
}

static PyObject *
table_changed(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "changed", op, args, kwargs);
}

static PyObject *
table_changes(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "changes", op, args, kwargs);
}

/* ---- for the tables of the type ---- */

/* clang-format off */
#define TABLE_METHODS(type) \
    {"get", FASTCALL(table_get), METH_FASTCALL | METH_KEYWORDS, DOC_##type##_get}, \
    {"setdefault", FASTCALL(table_setdefault), METH_FASTCALL | METH_KEYWORDS, DOC_##type##_setdefault}, \
    {"pop", FASTCALL(table_pop), METH_FASTCALL | METH_KEYWORDS, DOC_##type##_pop}, \
    {"exchange", FASTCALL(table_exchange), METH_FASTCALL, DOC_##type##_exchange}, \
    {"compare_and_set", FASTCALL(table_compare_and_set), METH_FASTCALL, DOC_##type##_compare_and_set}, \
    {"update", FASTCALL(table_update), METH_FASTCALL | METH_KEYWORDS, DOC_##type##_update}, \
    {"count", table_count, METH_O, DOC_##type##_count}, \
    {"reduce", FASTCALL(table_reduce), METH_VARARGS | METH_KEYWORDS, DOC_##type##_reduce}, \
    {"snapshot", table_snapshot, METH_NOARGS, DOC_##type##_snapshot}, \
    {"get_versioned", table_get_versioned, METH_NOARGS, DOC_##type##_get_versioned}, \
    {"drain", table_drain, METH_NOARGS, DOC_##type##_drain}, \
    {"clear", table_clear, METH_NOARGS, DOC_##type##_clear}, \
    {"replace", table_replace, METH_O, DOC_##type##_replace}, \
    {"compare_and_set_all", FASTCALL(table_compare_and_set_all), METH_FASTCALL, DOC_##type##_compare_and_set_all}, \
    {"update_all", table_update_all, METH_O, DOC_##type##_update_all}, \
    {"keys", table_keys, METH_NOARGS, DOC_##type##_keys}, \
    {"values", table_values, METH_NOARGS, DOC_##type##_values}, \
    {"items", table_items, METH_NOARGS, DOC_##type##_items}, \
    {"wait", FASTCALL(table_wait), METH_VARARGS | METH_KEYWORDS, DOC_##type##_wait}, \
    {"watch", table_watch, METH_O, DOC_##type##_watch}, \
    {"changed", FASTCALL(table_changed), METH_VARARGS | METH_KEYWORDS, DOC_##type##_changed}, \
    {"changes", FASTCALL(table_changes), METH_VARARGS | METH_KEYWORDS, DOC_##type##_changes}, \
    {"_mirror", table_mirror, METH_NOARGS, NULL}, \
    {"__reversed__", table_reversed, METH_NOARGS, DOC_##type##___reversed__}, \
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL}

#define TABLE_TYPE_SLOTS \
    {Py_tp_repr, table_repr}, \
    {Py_tp_hash, PyObject_HashNotImplemented}, \
    {Py_tp_richcompare, table_richcompare}, \
    {Py_tp_iter, table_iter}, \
    {Py_mp_length, table_len}, \
    {Py_mp_subscript, table_subscript}, \
    {Py_mp_ass_subscript, table_assign}, \
    {Py_sq_contains, table_contains}
/* clang-format on */

#endif
