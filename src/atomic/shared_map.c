/* SharedAtomicMap: a mapping whose entries all interpreters of the process read and replace atomically.
 *
 * The structure is shared_map.h's and table.inc.h's; most methods are in methods.inc.h, which AtomicMap has too; here is
 * what goes between objects and cells, and the rest of the Python type, a header that each interpreter makes for itself. */

#define ENTRY_WIDTH 2
#define FAMILY shared_atomic_map
#define MATCHES_OBJECT shared_atomic_map_matches_object
#define NODES_HAVE_READERS

#include "bindings/common/instance_names.inc.h"
#include "shared/nodes.h"
#include "trees/champ/access.inc.h"

#include "docs.h"
#include "bindings/common/arguments.h"
#include "platform/bounded_repr.h"
#include "platform/fork.h"
#include "shared/handle.h"
#include "atomic/shared_map.h"
#include "ref/direct.h"

typedef struct {
    PyObject_HEAD
    shared_table *table; /* one reference */
    PyObject *absent; /* frozen.ABSENT */
    PyObject *weakrefs;
} SharedAtomicMapObject;

static void shared_atomic_map_tp_dealloc(PyObject *op);

static inline family *
map_family(PyObject *op)
{
    module_state *state = module_state_of(op);
    return state != NULL ? &state->shared_map : NULL;
}

/* ---- reading ---- */

/* The object of a cell (stolen); NULL: failed (exception set). */
static PyObject *
object_of(cell value)
{
    PyObject *object = cell_to_object(value);
    cell_release_detached(value);
    return object;
}

/* A new object of what is under the key; NULL: absent, or *failed (exception set). */
static PyObject *
map_look(shared_table *self, PyObject *key, bool *failed)
{
    probe looked_for;
    cell value = NO_CELL;
    *failed = probe_init(&looked_for, key) < 0 || !table_read(self, &looked_for, &value);
    if (*failed || value == NO_CELL)
        return NULL;
    PyObject *object = object_of(value);
    *failed = object == NULL;
    return object;
}

static int
map_has(shared_table *self, PyObject *key)
{
    probe looked_for;
    return probe_init(&looked_for, key) == 0 ? table_has(self, &looked_for) : -1;
}

/* ---- methods that AtomicMap has too ---- */

static PyObject *shared_atomic_map_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs);

#define TABLE_OF(op) (((SharedAtomicMapObject *)(op))->table)
#define TABLE_ABSENT(op) (((SharedAtomicMapObject *)(op))->absent)
#define TABLE_TYPE(state) ((state)->shared_atomic_map)
#define OTHER_TABLE_TYPE(state) ((state)->atomic_map)
#define TABLE_MAY_CHANGE(op) place_may_change(&TABLE_OF(op)->place)
#define TABLE_ADD shared_atomic_map_add
#define MIRROR_STORE_IF shared_ref_store_if
#define SNAPSHOT_TITLE "SharedMap"
#include "atomic/methods.inc.h"

/* A SharedRef of snapshots over the table's variable. */
static PyObject *
map_mirror(PyObject *op)
{
    shared_table *self = TABLE_OF(op);
    module_state *state = module_state_of(op);
    if (state == NULL)
        return NULL;
    shared_variable *mirror = atomic_load(&self->mirror), *none = NULL;
    if (mirror == NULL) {
        cell value;
        PyObject *snapshot = map_snapshot(self, &state->shared_map, NULL);
        if (snapshot == NULL || cell_from_object(snapshot, &value) < 0) {
            Py_XDECREF(snapshot);
            return NULL;
        }
        mirror = variable_new(value, ((container *)snapshot)->root, "", 0);
        Py_DECREF(snapshot);
        if (mirror == NULL) {
            cell_release_detached(value);
            return NULL;
        }
        if (!atomic_compare_exchange_strong(&self->mirror, &none, mirror)) {
            variable_release(mirror);
            mirror = none;
        }
    }
    return mirror_over(state, mirror);
}

/* ---- edits ---- */

/* map_edit, with a cell made of the key where it is to be inserted. */
static int
edit_cells(shared_table *self, PyObject *key, const probe *looked_for, condition needed, cell expected, cell value,
           cell *before)
{
    cell stored_key = looked_for->word; /* or NO_CELL */
    int status = map_edit(self, &table_nodes, looked_for, stored_key, needed, expected, value, before);
    if (status != EDIT_NEEDS_KEY)
        return status;
    if (cell_from_key(key, looked_for, &stored_key) < 0)
        return -1;
    status = map_edit(self, &table_nodes, looked_for, stored_key, needed, expected, value, before);
    cell_release(stored_key);
    return status;
}

/* Only where what is there is the same value as `wanted`. */
static int
edit_if_same(shared_table *self, PyObject *key, const probe *looked_for, cell wanted, cell value)
{
    for (unsigned tries = 0; tries < MAP_RETRIES; tries++) {
        cell current;
        if (!table_read(self, looked_for, &current))
            return -1;
        if (current == NO_CELL)
            return 0;
        int status = cell_interchangeable(current, wanted);
        bool compared = status > 0;
        if (compared)
            status = edit_cells(self, key, looked_for, IF_OBJECT, current, value, NULL);
        cell_release_detached(current);
        if (status != 0 || !compared)
            return status;
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
    PyErr_Format(PyExc_RuntimeError, "compare_and_set() gave up: the value was replaced in each of %d tries",
                 MAP_RETRIES);
    return -1;
}

static int
edit_if_same_object(shared_table *self, PyObject *key, const probe *looked_for, PyObject *expected, cell value)
{
    cell wanted;
    if (cell_from_object(expected, &wanted) < 0)
        return -1;
    int status = edit_if_same(self, key, looked_for, wanted, value);
    cell_release_detached(wanted);
    return status;
}

/* An edit of what is under the key, nothing (unless `needed` is IF_THERE) or a value, whose object comes out in *before. The
 * object is made first, and the edit is that of the very cell that it was made of: a value that cannot be decoded stays. */
static int
edit_and_take(shared_table *self, PyObject *key, const probe *looked_for, condition needed, cell value,
              PyObject **before)
{
    for (unsigned tries = 0; tries < MAP_RETRIES; tries++) {
        cell current, was = NO_CELL;
        if (!table_read(self, looked_for, &current))
            return -1;
        if (current == NO_CELL && needed == IF_THERE)
            return 0;
        PyObject *object = current != NO_CELL ? cell_to_object(current) : NULL;
        int status = -1;
        if (current == NO_CELL)
            status = edit_cells(self, key, looked_for, IF_ABSENT, NO_CELL, value, NULL);
        else if (object != NULL)
            status = edit_cells(self, key, looked_for, IF_OBJECT, current, value, &was);
        if (status != 0 && was != NO_CELL)
            *before = object;
        else
            Py_XDECREF(object);
        if (was != NO_CELL)
            cell_release_detached(was);
        if (current != NO_CELL)
            cell_release_detached(current);
        if (status != 0)
            return status;
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
    PyErr_Format(PyExc_RuntimeError, "pop() or exchange() gave up: the value was replaced in each of %d tries",
                 MAP_RETRIES);
    return -1;
}

/* `value` becomes a cell before the key is looked for. */
static int
table_edit_objects(PyObject *op, family *types, PyObject *key, condition needed, PyObject *expected, PyObject *value,
                   PyObject **before)
{
    shared_table *self = TABLE_OF(op);
    probe looked_for;
    cell stored = NO_CELL, was = NO_CELL;
    (void)types;
    if (probe_init(&looked_for, key) < 0)
        return -1;
    if (value != NULL && cell_from_object(value, &stored) < 0) {
        value_not_shareable(key);
        return -1;
    }
    int status;
    if (needed == IF_SAME)
        status = edit_if_same_object(self, key, &looked_for, expected, stored);
    else if (before != NULL && needed != IF_ABSENT)
        status = edit_and_take(self, key, &looked_for, needed, stored, before);
    else
        status = edit_cells(self, key, &looked_for, needed, NO_CELL, stored, before != NULL ? &was : NULL);
    if (stored != NO_CELL)
        cell_release_detached(stored);
    if (was == NO_CELL)
        return status;
    *before = object_of(was); /* which is there still: the edit required that nothing is */
    return *before != NULL ? status : -1;
}

static PyObject *
table_try_update(void *context, value_call *call, bool *stored)
{
    key_update *what = context;
    shared_table *self = TABLE_OF(what->op);
    probe looked_for;
    cell current = NO_CELL, next = NO_CELL;
    *stored = false;
    if (probe_init(&looked_for, what->key) < 0 || !table_read(self, &looked_for, &current))
        return NULL;
    PyObject *value = current != NO_CELL ? cell_to_object(current) : NULL, *result = NULL;
    if (current == NO_CELL || value != NULL)
        result = value_call_result(call, value);
    Py_XDECREF(value);
    int status = result != NULL ? 0 : -1;
    if (result != NULL && result != TABLE_ABSENT(what->op) && cell_from_object(result, &next) < 0) {
        value_not_shareable(what->key);
        status = -1;
    }
    if (status == 0)
        status =
            edit_cells(self, what->key, &looked_for, current != NO_CELL ? IF_OBJECT : IF_ABSENT, current, next, NULL);
    if (status < 0)
        Py_CLEAR(result);
    *stored = status > 0;
    if (next != NO_CELL)
        cell_release_detached(next);
    if (current != NO_CELL)
        cell_release_detached(current);
    return result;
}

/* ---- add ---- */

/* An exact int whose cell is a word. */
static bool
word_int(PyObject *o, int64_t *value)
{
    int overflow;
    if (!PyLong_CheckExact(o))
        return false;
    *value = PyLong_AsLongLongAndOverflow(o, &overflow);
    return overflow == 0 && *value >= CELL_INT_MIN && *value <= CELL_INT_MAX;
}

/* The sum of two ints in one visit: 1, with the sum in *sum; 0: they are something else, or the sum is no word; -1;
 * EDIT_NEEDS_KEY. */
static int
add_words(shared_table *self, const probe *looked_for, cell stored_key, int64_t by, int64_t *sum)
{
    entry_visit v;
    if (!entry_open(self, looked_for, &v))
        return -1;
    cell current = entry_value(&v);
    int status = current == NO_CELL || cell_tag(current) == TAG_INT;
    *sum = by + (current != NO_CELL && status ? cell_int(current) : 0);
    if (status && (*sum < CELL_INT_MIN || *sum > CELL_INT_MAX))
        status = 0;
    if (status && v.where != PLACE_FOUND && stored_key == NO_CELL)
        status = EDIT_NEEDS_KEY;
    if (status == 1 && !entry_put(&table_nodes, &v, stored_key, cell_of_int(*sum)))
        status = -1;
    return entry_close(self, &v) ? status : -1;
}

static int
add_small(shared_table *self, PyObject *key, const probe *looked_for, int64_t by, int64_t *sum)
{
    cell stored_key = looked_for->word;
    int status = add_words(self, looked_for, stored_key, by, sum);
    if (status != EDIT_NEEDS_KEY)
        return status;
    if (cell_from_key(key, looked_for, &stored_key) < 0)
        return -1;
    status = add_words(self, looked_for, stored_key, by, sum);
    cell_release(stored_key);
    return status;
}

/* The sum that Python makes of what the cell (NO_CELL: 0) stands for. */
static PyObject *
sum_of(cell current, PyObject *by)
{
    PyObject *number = current != NO_CELL ? cell_to_object(current) : PyLong_FromLong(0);
    PyObject *sum = number != NULL ? PyNumber_Add(number, by) : NULL;
    Py_XDECREF(number);
    return sum;
}

/* Any other sum is made without a lock, and stored if the number is still there. NULL: failed (exception set). */
static PyObject *
add_objects(shared_table *self, PyObject *key, const probe *looked_for, PyObject *by)
{
    for (unsigned tries = 0; tries < MAP_RETRIES; tries++) {
        cell current = NO_CELL, next = NO_CELL;
        if (!table_read(self, looked_for, &current))
            return NULL;
        PyObject *sum = sum_of(current, by);
        int status = -1;
        if (sum != NULL && cell_from_object(sum, &next) < 0)
            value_not_shareable(key);
        else if (sum != NULL)
            status = edit_cells(self, key, looked_for, current != NO_CELL ? IF_OBJECT : IF_ABSENT, current, next, NULL);
        if (next != NO_CELL)
            cell_release_detached(next);
        if (current != NO_CELL)
            cell_release_detached(current);
        if (status > 0)
            return sum;
        Py_XDECREF(sum);
        if (status < 0 || PyErr_CheckSignals() < 0)
            return NULL;
    }
    return PyErr_Format(PyExc_RuntimeError, "add() gave up: the number was changed in each of %d tries", MAP_RETRIES);
}

static PyObject *
shared_atomic_map_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    shared_table *self = TABLE_OF(op);
    probe looked_for;
    int64_t small = 1, sum;
    if (!check_positional("add", nargs, 1, 2) || !TABLE_MAY_CHANGE(op) || probe_init(&looked_for, args[0]) < 0)
        return NULL;
    if (nargs == 1 || word_int(args[1], &small)) {
        int status = add_small(self, args[0], &looked_for, small, &sum);
        if (status != 0)
            return status > 0 ? PyLong_FromLongLong(sum) : NULL;
    }
    PyObject *by = nargs > 1 ? Py_NewRef(args[1]) : PyLong_FromLong(1);
    PyObject *result = by != NULL ? add_objects(self, args[0], &looked_for, by) : NULL;
    Py_XDECREF(by);
    return result;
}

/* `_reader_records`: how many threads have ever read at once, as grace.h counts them. For tests. */
static PyObject *
shared_atomic_map_reader_records(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(grace_records());
}

/* ---- names ---- */

/* A header over `table`, which is stolen even on failure. */
static PyObject *
map_object_over(module_state *state, shared_table *table)
{
    PyObject *absent = imported("frozen._absent", "ABSENT");
    SharedAtomicMapObject *self = NULL;
    if (absent != NULL)
        self = (SharedAtomicMapObject *)state->shared_atomic_map->tp_alloc(state->shared_atomic_map, 0);
    if (self == NULL) {
        Py_XDECREF(absent);
        place_release(&table->place);
        return NULL;
    }
    self->table = table;
    self->absent = absent;
    return (PyObject *)self;
}

static PyObject *
shared_atomic_map_attach(PyObject *type, PyObject *name)
{
    shared_place *found = place_find(KIND_ATOMIC_MAP, name);
    if (found == NULL)
        return NULL;
    module_state *state = module_state_of_type((PyTypeObject *)type);
    if (state != NULL)
        return map_object_over(state, (shared_table *)found);
    place_release(found);
    return NULL;
}

static PyObject *
shared_atomic_map_unlink(PyObject *Py_UNUSED(none), PyObject *name)
{
    return place_unlink(KIND_ATOMIC_MAP, name);
}

static PyObject *
shared_atomic_map_name(PyObject *op, void *Py_UNUSED(closure))
{
    return place_name(&TABLE_OF(op)->place);
}

static PyObject *
shared_atomic_map_reduce(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
    return place_reduce(KIND_ATOMIC_MAP);
}

/* ---- life ---- */

/* A table that holds `contents`, a SharedMap; NULL: failed (exception set). */
static shared_table *
table_of_map(family *types, PyObject *contents, const char *name, size_t name_length)
{
    shared_table *table = table_new(types->empty, name, name_length);
    if (table == NULL)
        return NULL;
    if (map_exchange(table, types, NULL, contents, NULL) < 0) {
        place_release(&table->place);
        return NULL;
    }
    /* the first contents, which this thread has put in, are version 0 */
    atomic_store(&table->changes[thread_number() % CHANGE_WORDS].version, 0);
    return table;
}

static PyObject *
shared_atomic_map_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *initial, *contents = NULL;
    const char *text;
    size_t length;
    module_state *state = module_state_of_type(type);
    if (state == NULL || !place_parse_new(KIND_ATOMIC_MAP, args, kwargs, &name, &initial))
        return NULL;
    family *types = &state->shared_map;
    if (place_parse_name(KIND_ATOMIC_MAP, name, &text, &length))
        contents = initial != NULL ? as_map(types, initial) : PyObject_CallNoArgs((PyObject *)types->container);
    Py_XDECREF(initial);
    if (contents == NULL)
        return NULL;
    shared_table *table = table_of_map(types, contents, text, length);
    Py_DECREF(contents);
    PyObject *self = table != NULL ? map_object_over(state, table) : NULL;
    if (self != NULL && !place_add(&table->place, name))
        Py_CLEAR(self);
    return self;
}

static int
shared_atomic_map_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(TABLE_ABSENT(op));
    return 0;
}

static void
shared_atomic_map_tp_dealloc(PyObject *op)
{
    SharedAtomicMapObject *self = (SharedAtomicMapObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    weakrefs_clear(op, &self->weakrefs);
    Py_XDECREF(self->absent);
    place_release(&self->table->place);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- for shared/ ---- */

static int
map_object_encode(PyObject *object, cell *c)
{
    if (Py_TYPE(object)->tp_dealloc != shared_atomic_map_tp_dealloc)
        return 0;
    place_retain(&TABLE_OF(object)->place);
    *c = (cell)(uintptr_t)TABLE_OF(object);
    return 1;
}

static PyObject *
map_object_decode(box *b)
{
    module_state *state = current_state();
    if (state == NULL)
        return NULL;
    block_retain(&b->head);
    return map_object_over(state, (shared_table *)b);
}

static const kind_row table_row = {.decode = map_object_decode, .contents = table_contents};

int
shared_atomic_map_setup(PyObject *Py_UNUSED(module), module_state *Py_UNUSED(state))
{
    _Static_assert(sizeof(ref_mutex) == 4 && sizeof queue_locks == GROUPS * 2 * sizeof(ref_mutex), "locks alone");
    kind_register(KIND_ATOMIC_MAP, &table_row);
    crossing_encode_register(KIND_ATOMIC_MAP, map_object_encode);
    if (fork_guard(&stripes[0].lock, GROUPS * SLOTS * (LINE / sizeof(ref_mutex))) < 0)
        return -1;
    return fork_guard(&queue_locks[0][0], GROUPS * 2);
}

/* ---- the type ---- */

static PyMethodDef shared_atomic_map_methods[] = {
    TABLE_METHODS(SharedAtomicMap),
    {"add", FASTCALL(shared_atomic_map_add), METH_FASTCALL, DOC_SharedAtomicMap_add},
    SHARED_HANDLE_METHOD(DOC_SharedAtomicMap_handle),
    {"attach", shared_atomic_map_attach, METH_O | METH_CLASS, DOC_SharedAtomicMap_attach},
    {"unlink", shared_atomic_map_unlink, METH_O | METH_STATIC, DOC_SharedAtomicMap_unlink},
    {"_reader_records", shared_atomic_map_reader_records, METH_NOARGS, NULL},
    {"__reduce__", shared_atomic_map_reduce, METH_NOARGS, DOC_SharedAtomicMap___reduce__},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef shared_atomic_map_getset[] = {
    {"version", table_version, NULL, DOC_SharedAtomicMap_version, NULL},
    {"name", shared_atomic_map_name, NULL, DOC_SharedAtomicMap_name, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef shared_atomic_map_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(SharedAtomicMapObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot shared_atomic_map_slots[] = {
    {Py_tp_doc, (void *)DOC_SharedAtomicMap_class},
    {Py_tp_new, shared_atomic_map_tp_new},
    {Py_tp_traverse, shared_atomic_map_tp_traverse},
    {Py_tp_dealloc, shared_atomic_map_tp_dealloc},
    {Py_tp_methods, shared_atomic_map_methods},
    {Py_tp_getset, shared_atomic_map_getset},
    {Py_tp_members, shared_atomic_map_members},
    TABLE_TYPE_SLOTS,
    {0, NULL},
};

PyType_Spec frozen_shared_atomic_map_spec = {
    .name = "frozen.SharedAtomicMap",
    .basicsize = sizeof(SharedAtomicMapObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING,
    .slots = shared_atomic_map_slots,
};
