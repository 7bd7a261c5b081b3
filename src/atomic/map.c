/* AtomicMap: a mapping whose entries all threads of an interpreter read and replace atomically.
 *
 * The structure is map.h's and table.inc.h's, reading map_reads.h's, what edits take out map_leftovers.h's, what update()
 * calls value_call.h's; most methods are in methods.inc.h, which SharedAtomicMap has too; here is the rest of the type. */

#define ENTRY_WIDTH 2
#define FAMILY atomic_map
#define MATCHES_OBJECT atomic_map_matches_object
#define NODES_HAVE_NO_OWNER

#include "platform/cpython.h" /* says whether there is a GIL */
#ifdef Py_GIL_DISABLED
#define NODES_HAVE_READERS
#define NODES_HAVE_SPARES
#endif

#include "bindings/common/instance_names.inc.h"
#include "local/nodes.h"
#include "trees/champ/access.inc.h"

#include "docs.h"
#include "bindings/common/arguments.h"
#include "bindings/common/containers.h"
#include "bindings/common/same.h"
#include "atomic/direct.h"
#include "atomic/map_reads.h"
#include "ref/direct.h"

static PyObject *atomic_map_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs);

#define TABLE_OF(op) ((AtomicMapObject *)(op))
#define TABLE_ABSENT(op) (TABLE_OF(op)->absent)
#define TABLE_TYPE(state) ((state)->atomic_map)
#define OTHER_TABLE_TYPE(state) ((state)->shared_atomic_map)
#define TABLE_MAY_CHANGE(op) true
#define TABLE_ADD atomic_map_add
#define MIRROR_STORE_IF atomic_ref_store_if
#define SNAPSHOT_TITLE "Map"
#include "atomic/methods.inc.h"

/* An AtomicRef of snapshots. */
static PyObject *
map_mirror(PyObject *op)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    PyObject *mirror = atomic_load(&self->mirror), *none = NULL;
    if (mirror != NULL)
        return Py_NewRef(mirror);
    module_state *state = module_state_of(op);
    PyObject *snapshot = state != NULL ? map_snapshot(self, &state->local_map, NULL) : NULL;
    mirror = snapshot != NULL ? PyObject_CallOneArg((PyObject *)state->atomic_ref, snapshot) : NULL;
    Py_XDECREF(snapshot);
    if (mirror == NULL || atomic_compare_exchange_strong(&self->mirror, &none, mirror))
        return Py_XNewRef(mirror);
    Py_DECREF(mirror);
    return Py_NewRef(none);
}

/* The memory of an edit's nodes. */
static inline memory
map_memory(AtomicMapObject *self, family *types)
{
    memory mem = types->nodes;
    mem.spares = &self->left;
    return mem;
}

static int
table_edit_objects(PyObject *op, family *types, PyObject *key, condition needed, PyObject *expected, PyObject *value,
                   PyObject **before)
{
    probe looked_for;
    if (UNLIKELY(probe_init(&looked_for, key) < 0))
        return -1;
    memory mem = map_memory(TABLE_OF(op), types);
    return map_edit(TABLE_OF(op), &mem, &looked_for, key, needed, expected, value, before);
}

static PyObject *
table_try_update(void *context, value_call *call, bool *stored)
{
    key_update *what = context;
    AtomicMapObject *self = TABLE_OF(what->op);
    bool failed;
    *stored = false;
    PyObject *value = map_find(self, what->key, &failed);
    if (failed)
        return NULL;
    PyObject *result = value_call_result(call, value);
    int status = 0;
    if (result != NULL)
        status = table_edit_objects(what->op, what->types, what->key, value != NULL ? IF_OBJECT : IF_ABSENT, value,
                                    result != self->absent ? result : NULL, NULL);
    if (status < 0)
        Py_CLEAR(result);
    *stored = status > 0;
    Py_XDECREF(value);
    return result;
}

/* ---- add ---- */

/* The sum of two small ints in one visit: 1, with the sum in *sum; 0: they are something else; -1. */
static int
map_add_small(AtomicMapObject *self, memory *mem, PyObject *key, Py_ssize_t by, PyObject **sum)
{
    probe looked_for;
    entry_visit v;
    Py_ssize_t number = 0;
    *sum = NULL;
    if (probe_init(&looked_for, key) < 0 || !entry_open(self, &looked_for, &v))
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
map_add_object(PyObject *op, family *types, PyObject *key, PyObject *by)
{
    for (unsigned tries = 0; tries < MAP_RETRIES; tries++) {
        bool failed;
        PyObject *number = map_find(TABLE_OF(op), key, &failed), *zero = NULL;
        if (failed || (number == NULL && (zero = PyLong_FromLong(0)) == NULL))
            return NULL;
        PyObject *sum = PyNumber_Add(number != NULL ? number : zero, by);
        int status = -1;
        if (sum != NULL)
            status = table_edit_objects(op, types, key, number != NULL ? IF_OBJECT : IF_ABSENT, number, sum, NULL);
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
        memory mem = map_memory(self, types);
        int status = map_add_small(self, &mem, args[0], small, &sum);
        if (status != 0)
            return sum;
    }
    PyObject *by = nargs > 1 ? Py_NewRef(args[1]) : PyLong_FromLong(1);
    PyObject *sum = by != NULL ? map_add_object(op, types, args[0], by) : NULL;
    Py_XDECREF(by);
    return sum;
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
    return table_assign(op, key, value);
}

int
atomic_map_drop(PyObject *op, PyObject *key)
{
    return table_edit(op, key, IF_THERE, NULL, NULL, true, NULL);
}

int
atomic_map_store_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value)
{
    bool absent = expected == NULL || expected == ((AtomicMapObject *)op)->absent;
    return table_edit(op, key, absent ? IF_ABSENT : IF_SAME, expected, value, true, NULL);
}

int
atomic_map_exchange_if(PyObject *op, PyObject *key, PyObject *expected, PyObject *value, PyObject **before)
{
    return table_edit(op, key, expected != NULL ? IF_OBJECT : IF_ABSENT, expected, value, true, before);
}

int
atomic_map_take(PyObject *op, PyObject *key, PyObject **before)
{
    return table_edit(op, key, IF_THERE, NULL, NULL, true, before);
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
    return table_len(op);
}

PyObject *
atomic_map_contents(PyObject *op)
{
    return table_snapshot(op, NULL);
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
    self->absent = imported("frozen._absent", "ABSENT");
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
    map_changed(self, &self->slots[0], 0);
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
    TABLE_METHODS(AtomicMap),
    {"add", FASTCALL(atomic_map_add), METH_FASTCALL, DOC_AtomicMap_add},
    {"_reader_records", atomic_map_reader_records, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef atomic_map_getset[] = {
    {"version", table_version, NULL, DOC_AtomicMap_version, NULL},
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
    {Py_tp_methods, atomic_map_methods},
    {Py_tp_getset, atomic_map_getset},
    {Py_tp_members, atomic_map_members},
    TABLE_TYPE_SLOTS,
    {0, NULL},
};

PyType_Spec frozen_atomic_map_spec = {
    .name = "frozen.AtomicMap",
    .basicsize = sizeof(AtomicMapObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING,
    .slots = atomic_map_slots,
};
