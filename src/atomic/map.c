/* AtomicMap: a mapping whose entries all threads of an interpreter read and replace atomically.
 *
 * The structure is map.h's, reading map_reads.h's, what edits take out map_leftovers.h's, the contents as a whole
 * map_whole.h's, update() map_update.h's, waiting and watching map_watch.h's; here is the Python type. */

#define ENTRY_WIDTH 2
#define FAMILY atomic_map
#define MATCHES_OBJECT atomic_map_matches_object
#define NODES_HAVE_NO_OWNER

#include "platform/cpython.h" /* says whether there is a GIL */
#ifdef Py_GIL_DISABLED
#define NODES_HAVE_READERS
#endif

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "trees/champ/access.inc.h"

#include "docs.h"
#include "bindings/common/arguments.h"
#include "bindings/common/containers.h"
#include "bindings/common/same.h"
#include "atomic/direct.h"
#include "atomic/map_update.h"
#include "atomic/map_watch.h"

static PyObject *
atomic_map_snapshot(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    family *types = map_family(op);
    return types != NULL ? map_snapshot((AtomicMapObject *)op, types, NULL) : NULL;
}

/* ---- one key ---- */

static PyObject *
atomic_map_subscript(PyObject *op, PyObject *key)
{
    bool failed;
    PyObject *value = map_look((AtomicMapObject *)op, key, &failed);
    if (value == NULL && !failed)
        set_key_error(key);
    return value;
}

static PyObject *
atomic_map_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = Py_None;
    bool failed;
    if (!parse_key_default("get", args, nargs, names, &key, &fallback))
        return NULL;
    PyObject *value = map_look((AtomicMapObject *)op, key, &failed);
    return value != NULL || failed ? value : Py_NewRef(fallback);
}

static int
atomic_map_contains(PyObject *op, PyObject *key)
{
    return map_has((AtomicMapObject *)op, key);
}

/* As map_edit of the map `op`. A value that is frozen.ABSENT stands for none, where `may_remove`. */
static int
atomic_map_edit(PyObject *op, PyObject *key, condition needed, PyObject *expected, PyObject *value, bool may_remove,
                PyObject **before)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    family *types = map_family(op);
    if (before != NULL)
        *before = NULL;
    if (types == NULL)
        return -1;
    if (UNLIKELY(value == self->absent)) {
        if (!may_remove) {
            raise_about(PyExc_ValueError, "ABSENT says that there is no value, it cannot be one: delete the key ", key,
                        " instead");
            return -1;
        }
        value = NULL;
    }
    return map_edit(self, &types->nodes, key, needed, expected, value, before);
}

static int
atomic_map_assign(PyObject *op, PyObject *key, PyObject *value)
{
    int status = value != NULL ? atomic_map_edit(op, key, IF_ANY, NULL, value, false, NULL)
                               : atomic_map_edit(op, key, IF_THERE, NULL, NULL, true, NULL);
    if (status == 0)
        set_key_error(key);
    return status > 0 ? 0 : -1;
}

static PyObject *
atomic_map_setdefault(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *value = Py_None, *before;
    if (!parse_key_default("setdefault", args, nargs, names, &key, &value))
        return NULL;
    int status = atomic_map_edit(op, key, IF_ABSENT, NULL, value, false, &before);
    return status > 0 ? Py_NewRef(value) : before;
}

static PyObject *
atomic_map_pop(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *key, *fallback = NULL, *before;
    if (!parse_key_default("pop", args, nargs, names, &key, &fallback))
        return NULL;
    int status = atomic_map_edit(op, key, IF_THERE, NULL, NULL, true, &before);
    if (status != 0)
        return before;
    if (fallback == NULL)
        set_key_error(key);
    return Py_XNewRef(fallback);
}

static PyObject *
atomic_map_exchange(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *before;
    if (!check_positional("exchange", nargs, 2, 3)
        || atomic_map_edit(op, args[0], IF_ANY, NULL, args[1], true, &before) < 0)
        return NULL;
    return before != NULL ? before : Py_NewRef(nargs > 2 ? args[2] : Py_None);
}

static PyObject *
atomic_map_compare_and_set(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    if (!check_positional("compare_and_set", nargs, 3, 3))
        return NULL;
    condition needed = args[1] == ((AtomicMapObject *)op)->absent ? IF_ABSENT : IF_SAME;
    int status = atomic_map_edit(op, args[0], needed, args[1], args[2], true, NULL);
    return status >= 0 ? PyBool_FromLong(status) : NULL;
}

static PyObject *
atomic_map_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    family *types = map_family(op);
    value_call call;
    if (types == NULL || !value_call_prepare(&call, self->absent, args, nargs, kwnames))
        return NULL;
    bool nested = updating.updates++ != 0;
    PyObject *result = map_update_retrying(self, &types->nodes, args[0], &call, nested);
    updating.updates--;
    value_call_release(&call);
    return result;
}

/* ---- add ---- */

/* The sum of two small ints in one visit: 1, with the sum in *sum; 0: they are something else; -1. */
static int
map_add_small(AtomicMapObject *self, memory *mem, PyObject *key, Py_ssize_t by, PyObject **sum)
{
    entry_visit v;
    Py_ssize_t number = 0;
    *sum = NULL;
    if (!entry_open(self, key, &v))
        return -1;
    PyObject *current = entry_value(&v);
    int status = current == NULL || small_int_value(current, &number);
    if (status > 0 && ((*sum = PyLong_FromSsize_t(number + by)) == NULL || !entry_put(mem, &v, key, *sum)))
        status = -1;
    if (!entry_close(self, &v))
        status = -1;
    if (status < 0)
        Py_CLEAR(*sum);
    return status;
}

/* Any other sum is made without a lock, and stored if the number is still there. NULL: failed (exception set). */
static PyObject *
map_add_object(AtomicMapObject *self, memory *mem, PyObject *key, PyObject *by)
{
    for (unsigned tries = 0; tries < MAP_RETRIES; tries++) {
        bool failed;
        PyObject *number = map_find(self, key, &failed), *zero = NULL;
        if (failed || (number == NULL && (zero = PyLong_FromLong(0)) == NULL))
            return NULL;
        PyObject *sum = PyNumber_Add(number != NULL ? number : zero, by);
        int status = -1;
        if (sum != NULL)
            status = map_edit(self, mem, key, number != NULL ? IF_OBJECT : IF_ABSENT, number, sum, NULL);
        Py_XDECREF(number);
        Py_XDECREF(zero);
        if (status > 0)
            return sum;
        Py_XDECREF(sum);
        if (status < 0 || PyErr_CheckSignals() < 0)
            return NULL;
    }
    return PyErr_Format(PyExc_RuntimeError, "add() gave up: the number was changed in each of %d tries", MAP_RETRIES);
}

static PyObject *
atomic_map_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    family *types = map_family(op);
    Py_ssize_t small = 1;
    if (types == NULL || !check_positional("add", nargs, 1, 2))
        return NULL;
    if (nargs == 1 || small_int_value(args[1], &small)) {
        PyObject *sum;
        int status = map_add_small(self, &types->nodes, args[0], small, &sum);
        if (status != 0)
            return sum;
    }
    PyObject *by = nargs > 1 ? Py_NewRef(args[1]) : PyLong_FromLong(1);
    PyObject *sum = by != NULL ? map_add_object(self, &types->nodes, args[0], by) : NULL;
    Py_XDECREF(by);
    return sum;
}

/* ---- the whole ---- */

static Py_ssize_t
atomic_map_len(PyObject *op)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    map_lock(self);
    Py_ssize_t count = map_count(self);
    map_unlock(self);
    return count;
}

/* A Map, exactly, of the object's items: a new reference, or NULL (exception set). Those of an AtomicMap, and of a
 * subclass, are of one instant. */
static PyObject *
as_map(family *types, PyObject *source)
{
    if (Py_TYPE(source) == types->container)
        return Py_NewRef(source);
    module_state *state = module_state_of_type(types->container);
    if (state != NULL && PyObject_TypeCheck(source, state->atomic_map))
        return atomic_map_snapshot(source, NULL);
    return PyObject_CallOneArg((PyObject *)types->container, source);
}

/* replace(), drain() and clear(): what was there comes out as a Map in *old, unless that is NULL. */
static int
atomic_map_put_all(PyObject *op, PyObject *source, PyObject **old)
{
    family *types = map_family(op);
    PyObject *map = NULL;
    if (types != NULL)
        map = source != NULL ? as_map(types, source) : PyObject_CallNoArgs((PyObject *)types->container);
    if (map == NULL)
        return -1;
    int status = map_exchange((AtomicMapObject *)op, types, NULL, map, old);
    Py_DECREF(map);
    return status;
}

static PyObject *
atomic_map_replace(PyObject *op, PyObject *source)
{
    PyObject *old;
    return atomic_map_put_all(op, source, &old) > 0 ? old : NULL;
}

static PyObject *
atomic_map_drain(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *old;
    return atomic_map_put_all(op, NULL, &old) > 0 ? old : NULL;
}

static PyObject *
atomic_map_clear(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return atomic_map_put_all(op, NULL, NULL) > 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
atomic_map_compare_and_set_all(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    family *types = map_family(op);
    if (types == NULL || !check_positional("compare_and_set_all", nargs, 2, 2))
        return NULL;
    if (Py_TYPE(args[0]) != types->container)
        return raise_about(PyExc_TypeError, "compare_and_set_all() compares with a snapshot, a Map, not with ", args[0],
                           "");
    PyObject *map = as_map(types, args[1]);
    int status = map != NULL ? map_exchange((AtomicMapObject *)op, types, args[0], map, NULL) : -1;
    Py_XDECREF(map);
    return status >= 0 ? PyBool_FromLong(status) : NULL;
}

static PyObject *
atomic_map_update_all(PyObject *op, PyObject *source)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    family *types = map_family(op);
    PyObject *changes = types != NULL ? as_map(types, source) : NULL;
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
    PyObject *snapshot = atomic_map_snapshot(op, NULL);
    PyObject *bound = snapshot != NULL ? PyObject_GetAttrString(snapshot, method) : NULL;
    PyObject *result = bound != NULL ? PyObject_CallNoArgs(bound) : NULL;
    Py_XDECREF(bound);
    Py_XDECREF(snapshot);
    return result;
}

static PyObject *
atomic_map_keys(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "keys");
}

static PyObject *
atomic_map_values(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "values");
}

static PyObject *
atomic_map_items(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "items");
}

static PyObject *
atomic_map_reversed(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(op, "__reversed__");
}

static PyObject *
atomic_map_iter(PyObject *op)
{
    PyObject *snapshot = atomic_map_snapshot(op, NULL);
    PyObject *iterator = snapshot != NULL ? PyObject_GetIter(snapshot) : NULL;
    Py_XDECREF(snapshot);
    return iterator;
}

static PyObject *
atomic_map_richcompare(PyObject *left, PyObject *right, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    if (left == right)
        return PyBool_FromLong(op == Py_EQ);
    PyObject *a = atomic_map_snapshot(left, NULL), *b = NULL;
    if (a != NULL)
        b = Py_TYPE(right)->tp_richcompare == atomic_map_richcompare ? atomic_map_snapshot(right, NULL)
                                                                     : Py_NewRef(right);
    PyObject *result = b != NULL ? PyObject_RichCompare(a, b, op) : NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *
atomic_map_repr(PyObject *op)
{
    const char *dot = strrchr(Py_TYPE(op)->tp_name, '.');
    const char *name = dot ? dot + 1 : Py_TYPE(op)->tp_name;
    int entered = Py_ReprEnter(op);
    if (entered != 0)
        return entered < 0 ? NULL : PyUnicode_FromFormat("%s({...})", name);
    PyObject *snapshot = atomic_map_snapshot(op, NULL), *text = NULL;
    PyObject *shown = snapshot != NULL ? PyObject_Repr(snapshot) : NULL; /* Map({...}) */
    PyObject *contents = shown != NULL ? PyUnicode_Substring(shown, 3, PyUnicode_GET_LENGTH(shown)) : NULL;
    if (contents != NULL)
        text = PyUnicode_FromFormat("%s%U", name, contents);
    Py_XDECREF(contents);
    Py_XDECREF(shown);
    Py_XDECREF(snapshot);
    Py_ReprLeave(op);
    return text;
}

static PyObject *
atomic_map_count(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "count", op, args, kwargs);
}

static PyObject *
atomic_map_reduce(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "reduce", op, args, kwargs);
}

/* `_reader_records`: how many threads have ever read at once, as grace.h counts them. For tests. */
static PyObject *
atomic_map_reader_records(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
#ifdef NODES_HAVE_READERS
    return PyLong_FromSize_t(grace_records());
#else
    return PyLong_FromLong(0);
#endif
}

/* ---- for direct.h ---- */

int
atomic_map_find(PyObject *op, PyObject *key, PyObject **value)
{
    bool failed;
    *value = map_look((AtomicMapObject *)op, key, &failed);
    return failed ? -1 : *value != NULL;
}

int
atomic_map_find_part(PyObject *op, PyObject *key, value_taker take, void *into, PyObject **value)
{
    bool found;
    return map_read((AtomicMapObject *)op, key, READ_PART, take, into, &found, value) ? found : -1;
}

int
atomic_map_store(PyObject *op, PyObject *key, PyObject *value)
{
    return atomic_map_assign(op, key, value);
}

int
atomic_map_drop(PyObject *op, PyObject *key)
{
    return atomic_map_edit(op, key, IF_THERE, NULL, NULL, true, NULL);
}

int
atomic_map_store_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value)
{
    bool absent = expected == NULL || expected == ((AtomicMapObject *)op)->absent;
    return atomic_map_edit(op, key, absent ? IF_ABSENT : IF_SAME, expected, value, true, NULL);
}

int
atomic_map_exchange_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value, PyObject **before)
{
    return atomic_map_edit(op, key, expected != NULL ? IF_OBJECT : IF_ABSENT, expected, value, true, before);
}

int
atomic_map_take(PyObject *op, PyObject *key, PyObject **before)
{
    return atomic_map_edit(op, key, IF_THERE, NULL, NULL, true, before);
}

PyObject *
atomic_map_increase(PyObject *op, PyObject *key, PyObject *by)
{
    PyObject *const args[] = {key, by};
    return atomic_map_add(op, args, 2);
}

Py_ssize_t
atomic_map_count_all(PyObject *op)
{
    return atomic_map_len(op);
}

PyObject *
atomic_map_contents(PyObject *op)
{
    return atomic_map_snapshot(op, NULL);
}

/* ---- the object ---- */

static PyObject *
atomic_map_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *source = NULL;
    module_state *state = module_state_of_type(type);
    if (state == NULL || !PyArg_UnpackTuple(args, "AtomicMap", 0, 1, &source))
        return NULL;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0 && type == state->atomic_map)
        return PyErr_Format(PyExc_TypeError, "AtomicMap() takes no keyword arguments: give it a Map or a dict");
    family *types = &state->local_map;
    PyObject *map = source != NULL ? as_map(types, source) : PyObject_CallNoArgs((PyObject *)types->container);
    AtomicMapObject *self = map != NULL ? (AtomicMapObject *)type->tp_alloc(type, 0) : NULL;
    if (self == NULL) {
        Py_XDECREF(map);
        return NULL;
    }
    self->empty = types->empty;
    node_retain(self->empty);
    for (int i = 0; i < SLOTS; i++) {
        root_set(self, i, self->empty);
        node_retain(self->empty);
    }
    turns_init(&self->writers, &self->writers_lock);
    waiters_init(&self->waiters, &self->waiters_lock);
    self->absent = imported("frozen._delta", "ABSENT");
    if (self->absent == NULL || map_exchange(self, types, NULL, map, NULL) < 0)
        Py_CLEAR(self);
    else
        atomic_store(&self->slots[0].version, 0); /* the first contents are version 0 */
    Py_DECREF(map);
    return (PyObject *)self;
}

static int
atomic_map_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->absent);
    Py_VISIT((PyObject *)self->empty);
    Py_VISIT(atomic_load_explicit(&self->mirror, memory_order_relaxed));
    for (int i = 0; i < SLOTS; i++)
        Py_VISIT((PyObject *)root_get(self, i));
#ifdef NODES_HAVE_READERS
    return leftovers_traverse(&self->left, visit, arg);
#else
    return 0;
#endif
}

/* Threads may still reach the map when the collector clears it: it is emptied as clear() does, and stays usable.
 * Cycles through the mirror are broken there. */
static int
atomic_map_tp_clear(PyObject *op)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    champ_node *roots[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        roots[i] = self->empty;
        node_retain(self->empty);
    }
    map_lock(self);
    map_put(self, roots, 0);
    slot_changed(&self->slots[0]);
    map_unlock(self);
    map_leave(self, roots);
    return 0;
}

static void
atomic_map_tp_dealloc(PyObject *op)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, atomic_map_tp_dealloc)
    weakrefs_clear(op, &self->weakrefs);
    for (int i = 0; i < SLOTS; i++)
        node_release(root_get(self, i));
#ifdef NODES_HAVE_READERS
    leftovers_end(&self->left);
#endif
    node_release(self->empty);
    Py_XDECREF(self->absent);
    Py_XDECREF(atomic_load_explicit(&self->mirror, memory_order_relaxed));
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef atomic_map_methods[] = {
    {"get", FASTCALL(atomic_map_get), METH_FASTCALL | METH_KEYWORDS, DOC_AtomicMap_get},
    {"setdefault", FASTCALL(atomic_map_setdefault), METH_FASTCALL | METH_KEYWORDS, DOC_AtomicMap_setdefault},
    {"pop", FASTCALL(atomic_map_pop), METH_FASTCALL | METH_KEYWORDS, DOC_AtomicMap_pop},
    {"exchange", FASTCALL(atomic_map_exchange), METH_FASTCALL, DOC_AtomicMap_exchange},
    {"compare_and_set", FASTCALL(atomic_map_compare_and_set), METH_FASTCALL, DOC_AtomicMap_compare_and_set},
    {"update", FASTCALL(atomic_map_update), METH_FASTCALL | METH_KEYWORDS, DOC_AtomicMap_update},
    {"add", FASTCALL(atomic_map_add), METH_FASTCALL, DOC_AtomicMap_add},
    {"count", FASTCALL(atomic_map_count), METH_VARARGS | METH_KEYWORDS, DOC_AtomicMap_count},
    {"reduce", FASTCALL(atomic_map_reduce), METH_VARARGS | METH_KEYWORDS, DOC_AtomicMap_reduce},
    {"snapshot", atomic_map_snapshot, METH_NOARGS, DOC_AtomicMap_snapshot},
    {"get_versioned", atomic_map_get_versioned, METH_NOARGS, DOC_AtomicMap_get_versioned},
    {"drain", atomic_map_drain, METH_NOARGS, DOC_AtomicMap_drain},
    {"clear", atomic_map_clear, METH_NOARGS, DOC_AtomicMap_clear},
    {"replace", atomic_map_replace, METH_O, DOC_AtomicMap_replace},
    {"compare_and_set_all", FASTCALL(atomic_map_compare_and_set_all), METH_FASTCALL, DOC_AtomicMap_compare_and_set_all},
    {"update_all", atomic_map_update_all, METH_O, DOC_AtomicMap_update_all},
    {"keys", atomic_map_keys, METH_NOARGS, DOC_AtomicMap_keys},
    {"values", atomic_map_values, METH_NOARGS, DOC_AtomicMap_values},
    {"items", atomic_map_items, METH_NOARGS, DOC_AtomicMap_items},
    {"wait", FASTCALL(atomic_map_wait), METH_VARARGS | METH_KEYWORDS, DOC_AtomicMap_wait},
    {"watch", atomic_map_watch, METH_O, DOC_AtomicMap_watch},
    {"changed", FASTCALL(atomic_map_changed), METH_VARARGS | METH_KEYWORDS, DOC_AtomicMap_changed},
    {"changes", FASTCALL(atomic_map_changes), METH_VARARGS | METH_KEYWORDS, DOC_AtomicMap_changes},
    {"_mirror", atomic_map_mirror, METH_NOARGS, NULL},
    {"_reader_records", atomic_map_reader_records, METH_NOARGS, NULL},
    {"__reversed__", atomic_map_reversed, METH_NOARGS, DOC_AtomicMap___reversed__},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef atomic_map_getset[] = {
    {"version", atomic_map_version, NULL, DOC_AtomicMap_version, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef atomic_map_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(AtomicMapObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot atomic_map_slots[] = {
    {Py_tp_doc, (void *)DOC_AtomicMap_class},
    {Py_tp_new, atomic_map_tp_new},
    {Py_tp_traverse, atomic_map_tp_traverse},
    {Py_tp_clear, atomic_map_tp_clear},
    {Py_tp_dealloc, atomic_map_tp_dealloc},
    {Py_tp_repr, atomic_map_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, atomic_map_richcompare},
    {Py_tp_iter, atomic_map_iter},
    {Py_tp_methods, atomic_map_methods},
    {Py_tp_getset, atomic_map_getset},
    {Py_tp_members, atomic_map_members},
    {Py_mp_length, atomic_map_len},
    {Py_mp_subscript, atomic_map_subscript},
    {Py_mp_ass_subscript, atomic_map_assign},
    {Py_sq_contains, atomic_map_contains},
    {0, NULL},
};

PyType_Spec frozen_atomic_map_spec = {
    .name = "frozen.AtomicMap",
    .basicsize = sizeof(AtomicMapObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING,
    .slots = atomic_map_slots,
};
