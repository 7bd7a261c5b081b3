/* What `freeze`, `thaw` and `share` make of each type that is known in C.  `rule` in engine.h says what a rule is. */

#include "convert/engine.h"
#include "bindings/common/bulk.h"

/* ---- builtins: their contents at one moment ---- */

/* Keys and values of a dict, as slots by turns. */
static int
open_dict(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    PyObject *dict = f->source, *key, *value;
    Py_ssize_t position = 0;
    bool fits;
    OBJECT_LOCK(dict);
    fits = slots_reserve(r, 2 * (size_t)PyDict_GET_SIZE(dict));
    while (fits && PyDict_Next(dict, &position, &key, &value)) {
        slot_push(r, Py_NewRef(key));
        slot_push(r, Py_NewRef(value));
    }
    OBJECT_UNLOCK();
    f->unique = true;
    return fits ? OPENED : FAILED;
}

static int
open_list(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    PyObject *list = f->source;
    bool fits;
    OBJECT_LOCK(list);
    fits = slots_reserve(r, (size_t)PyList_GET_SIZE(list));
    for (Py_ssize_t i = 0; fits && i < PyList_GET_SIZE(list); i++)
        slot_push(r, Py_NewRef(PyList_GET_ITEM(list, i)));
    OBJECT_UNLOCK();
    f->unique = true;
    return fits ? OPENED : FAILED;
}

/* A tuple of atoms has nothing to convert. */
static int
open_tuple(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    PyObject *tuple = f->source;
    Py_ssize_t size = PyTuple_GET_SIZE(tuple), i = 0;
    if (!r->walk->any_hook) {
        while (i < size && is_atom(PyTuple_GET_ITEM(tuple, i)))
            i++;
        if (i == size)
            return SAME;
    }
    if (!slots_reserve(r, (size_t)size))
        return FAILED;
    for (i = 0; i < size; i++)
        slot_push(r, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    f->unique = true;
    return OPENED;
}

/* The members of any set. */
static int
open_set(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    PyObject *members = PySequence_List(f->source);
    if (members == NULL)
        return FAILED;
    bool fits = slots_reserve(r, (size_t)PyList_GET_SIZE(members));
    for (Py_ssize_t i = 0; fits && i < PyList_GET_SIZE(members); i++)
        slot_push(r, Py_NewRef(PyList_GET_ITEM(members, i)));
    Py_DECREF(members);
    return fits ? OPENED : FAILED;
}

/* The members of sets are hashable, so they are frozen already, and stay: there is nothing to convert but the set. */
static int
open_whole(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    (void)r;
    (void)f;
    return OPENED;
}

/* ---- our own containers: what is to be converted in them ---- */

/* A value that freeze leaves as it is, as can be told at once: an atom, or a container that holds nothing but what stays.
 * The latter are those that no collector tracks: local/nodes.h has what they may hold. */
static bool
is_frozen(const run *r, PyObject *value)
{
    const module_state *state = r->walk->state;
    PyTypeObject *type = Py_TYPE(value);
    if (r->walk->any_hook)
        return false;
    if (is_atom(value))
        return true;
    return (type == state->local_map.container || type == state->local_vector.container)
           && !PyObject_GC_IsTracked(value);
}

static int
push_pair(run *r, PyObject *key, PyObject *value)
{
    if (!slots_reserve(r, 2))
        return -1;
    slot_push(r, Py_NewRef(key));
    slot_push(r, Py_NewRef(value));
    return 0;
}

/* visit_item: those of a Map that may have to be frozen. */
static int
visit_to_freeze(void *context, PyObject *key, PyObject *value)
{
    run *r = context;
    return is_frozen(r, value) ? 0 : push_pair(r, key, value);
}

static int
open_local_map(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    if (is_frozen(r, f->source))
        return SAME;
    f->unique = true;
    if (local_map_each(f->source, visit_to_freeze, r, &f->unique) < 0)
        return FAILED;
    return r->used > f->base ? OPENED : SAME;
}

/* visit_item: the same for a Vector, with the index of the element. */
typedef struct {
    run *r;
    Py_ssize_t index;
} indexed;

static int
visit_element_to_freeze(void *context, PyObject *Py_UNUSED(first), PyObject *element)
{
    indexed *at = context;
    Py_ssize_t i = at->index++;
    if (is_frozen(at->r, element))
        return 0;
    PyObject *index = PyLong_FromSsize_t(i);
    int status = index != NULL ? push_pair(at->r, index, element) : -1;
    Py_XDECREF(index);
    return status;
}

static int
open_local_vector(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    indexed at = {r, 0};
    if (is_frozen(r, f->source))
        return SAME;
    f->unique = true;
    if (local_vector_each(f->source, visit_element_to_freeze, &at, &f->unique) < 0)
        return FAILED;
    return r->used > f->base ? OPENED : SAME;
}

/* visit_item: all that there is. */
static int
visit_pair(void *context, PyObject *key, PyObject *value)
{
    return push_pair(context, key, value);
}

static int
visit_element(void *context, PyObject *Py_UNUSED(first), PyObject *element)
{
    run *r = context;
    if (!slots_reserve(r, 1))
        return -1;
    slot_push(r, Py_NewRef(element));
    return 0;
}

/* What a Map holds as slots. */
static int
open_all_of_map(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    return local_map_each(f->source, visit_pair, r, &f->unique) < 0 ? FAILED : OPENED;
}

static int
open_all_of_shared_map(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    return shared_map_each(f->source, visit_pair, r) < 0 ? FAILED : OPENED;
}

static int
open_all_of_vector(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    Py_ssize_t size = ((container *)f->source)->count;
    if (size > 1 << 20 && !array_fits((size_t)size, sizeof(PyObject *)))
        return FAILED;
    return local_vector_each(f->source, visit_element, r, &f->unique) < 0 ? FAILED : OPENED;
}

static int
open_all_of_shared_vector(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    Py_ssize_t size = ((container *)f->source)->count;
    if (size > 1 << 20 && !array_fits((size_t)size, sizeof(PyObject *)))
        return FAILED;
    return shared_vector_each(f->source, visit_element, r) < 0 ? FAILED : OPENED;
}

/* A dict of what the mapping holds; then as slots the pairs whose value has to be converted. The dict is that of the
 * result, in the first slot; the second one is not used. */

static bool
needs_thaw(const run *r, PyObject *value)
{
    return r->walk->any_hook || !is_atom(value);
}

static int
push_copy(run *r, PyObject *dict)
{
    if (dict == NULL || !slots_reserve(r, 2)) {
        Py_XDECREF(dict);
        return -1;
    }
    slot_push(r, dict);
    slot_push(r, NULL);
    return 0;
}

/* CPython 3.15 crashes if a copy of an empty dict gets no memory. */
static PyObject *
copy_of_dict(PyObject *dict)
{
    return PyDict_GET_SIZE(dict) == 0 ? PyDict_New() : PyDict_Copy(dict);
}

static int
thaw_dict(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    PyObject *copy = copy_of_dict(f->source), *key, *value;
    Py_ssize_t position = 0;
    int status = push_copy(r, copy);
    if (status < 0)
        return FAILED;
    OBJECT_LOCK(copy);
    while (status == 0 && PyDict_Next(copy, &position, &key, &value))
        if (needs_thaw(r, value))
            status = push_pair(r, key, value);
    OBJECT_UNLOCK();
    return status < 0 ? FAILED : OPENED;
}

typedef struct {
    run *r;
    PyObject *dict;
} thawing;

static int
visit_to_thaw(void *context, PyObject *key, PyObject *value)
{
    thawing *t = context;
    if (PyDict_SetItem(t->dict, key, value) < 0)
        return -1;
    return needs_thaw(t->r, value) ? push_pair(t->r, key, value) : 0;
}

static int
thaw_local_map(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    thawing t = {r, PyDict_New()};
    if (push_copy(r, t.dict) < 0)
        return FAILED;
    return local_map_each(f->source, visit_to_thaw, &t, &f->unique) < 0 ? FAILED : OPENED;
}

static int
thaw_shared_map(run *r, frame *f, PyObject *Py_UNUSED(opener))
{
    thawing t = {r, PyDict_New()};
    if (push_copy(r, t.dict) < 0)
        return FAILED;
    return shared_map_each(f->source, visit_to_thaw, &t) < 0 ? FAILED : OPENED;
}

/* ---- results ---- */

static PyObject *
close_map(run *r, frame *f)
{
    return local_map_of_pairs(r->walk->state, frame_slots(r, f), frame_size(r, f) / 2);
}

static PyObject *
close_vector(run *r, frame *f)
{
    return local_vector_of(r->walk->state, frame_slots(r, f), frame_size(r, f));
}

static PyObject *
close_shared_vector(run *r, frame *f)
{
    return shared_vector_of(r->walk->state, frame_slots(r, f), frame_size(r, f));
}

/* A key that changed may be equal to another one now: a dict keeps the first of them, with the last value. */
static PyObject *
dict_of_pairs(PyObject *const *slots, Py_ssize_t size)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < size; i += 2)
        if (PyDict_SetItem(dict, slots[i], slots[i + 1]) < 0)
            Py_CLEAR(dict);
    return dict;
}

static PyObject *
close_shared_map(run *r, frame *f)
{
    module_state *state = r->walk->state;
    if (!f->changed)
        return shared_map_of_pairs(state, frame_slots(r, f), frame_size(r, f) / 2);
    PyObject *dict = dict_of_pairs(frame_slots(r, f), frame_size(r, f));
    PyObject *result = dict != NULL ? PyObject_CallOneArg((PyObject *)state->shared_map.container, dict) : NULL;
    Py_XDECREF(dict);
    return result;
}

/* The slots as a list: new, or NULL. */
static PyObject *
close_list(run *r, frame *f)
{
    Py_ssize_t size = frame_size(r, f);
    PyObject *list = unknown_list(size);
    if (list == NULL)
        return NULL;
    PyObject **slots = frame_slots(r, f);
    for (Py_ssize_t i = 0; i < size; i++)
        PyList_SET_ITEM(list, i, Py_NewRef(slots[i]));
    sequence_known(list);
    return list;
}

static PyObject *
close_tuple(run *r, frame *f)
{
    if (!f->changed)
        return Py_NewRef(f->source);
    Py_ssize_t size = frame_size(r, f);
    PyObject *tuple = unknown_tuple(size);
    if (tuple == NULL)
        return NULL;
    PyObject **slots = frame_slots(r, f);
    for (Py_ssize_t i = 0; i < size; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(slots[i]));
    sequence_known(tuple);
    return tuple;
}

static PyObject *
close_frozenset(run *r, frame *f)
{
    if (!f->changed)
        return Py_NewRef(f->source);
    PyObject *members = close_list(r, f), *set = members != NULL ? PyFrozenSet_New(members) : NULL;
    Py_XDECREF(members);
    return set;
}

static PyObject *
set_of_type(run *r, frame *f, PyTypeObject *type)
{
    PyObject *members = f->changed ? close_list(r, f) : Py_NewRef(f->source);
    PyObject *set = members != NULL ? PyObject_CallOneArg((PyObject *)type, members) : NULL;
    Py_XDECREF(members);
    return set;
}

static PyObject *
close_shared_set(run *r, frame *f)
{
    return set_of_type(r, f, r->walk->state->shared_set.container);
}

static PyObject *
close_local_set(run *r, frame *f)
{
    return set_of_type(r, f, r->walk->state->local_set.container);
}

static PyObject *
close_plain_set(run *r, frame *f)
{
    (void)r;
    return PySet_New(f->source);
}

/* A dict, with its values that were converted. */
static PyObject *
close_dict(run *r, frame *f)
{
    PyObject *dict = Py_NewRef(frame_slots(r, f)[0]);
    for (size_t i = f->base + 2; i + 1 < r->used; i += 2)
        if (r->slots[i] != NULL && PyDict_SetItem(dict, r->slots[i], r->slots[i + 1]) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    return dict;
}

/* The container with its changed values replaced, sharing what did not change. */
static PyObject *
close_local_map(run *r, frame *f)
{
    if (!f->changed)
        return Py_NewRef(f->source);
    PyObject *changes = PyDict_New();
    for (size_t i = f->base; changes != NULL && i < r->used; i += 2)
        if (r->slots[i] != NULL && PyDict_SetItem(changes, r->slots[i], r->slots[i + 1]) < 0)
            Py_CLEAR(changes);
    PyObject *result = changes != NULL ? call_method(f->source, "update", changes, NULL) : NULL;
    Py_XDECREF(changes);
    return result;
}

static PyObject *
close_local_vector(run *r, frame *f)
{
    if (!f->changed)
        return Py_NewRef(f->source);
    PyObject *draft = call_method(f->source, "mutate", NULL, NULL);
    int status = draft != NULL ? 0 : -1;
    for (size_t i = f->base; status == 0 && i < r->used; i += 2)
        if (r->slots[i] != NULL)
            status = PyObject_SetItem(draft, r->slots[i], r->slots[i + 1]);
    PyObject *result = status == 0 ? call_method(draft, "finish", NULL, NULL) : NULL;
    Py_XDECREF(draft);
    return result;
}

/* ---- rules in Python ---- */

/* Slots: what makes the result, its scratch, the iterator over the parts, the label of the current part, the part. */
enum { SLOT_MAKE, SLOT_SCRATCH, SLOT_PARTS, PYTHON_SLOTS = 5 };

static int
open_python(run *r, frame *f, PyObject *opener)
{
    PyObject *atoms = walk_atoms(r->walk), *make, *scratch, *parts, *iterator = NULL;
    if (atoms == NULL || !slots_reserve(r, PYTHON_SLOTS))
        return FAILED;
    Py_INCREF(atoms);
    PyObject *opened = PyObject_CallFunctionObjArgs(opener, f->source, atoms, NULL);
    Py_DECREF(atoms);
    if (opened == NULL)
        return FAILED;
    int status = PyArg_ParseTuple(opened, "OOO;a rule returns three", &make, &scratch, &parts) ? OPENED : FAILED;
    int any = status == OPENED ? PyObject_IsTrue(parts) : 0;
    if (any < 0 || (any > 0 && (iterator = PyObject_GetIter(parts)) == NULL))
        status = FAILED;
    if (status == OPENED) {
        slot_push(r, Py_NewRef(make));
        slot_push(r, Py_NewRef(scratch));
        slot_push(r, iterator);
        slot_push(r, NULL);
        slot_push(r, NULL);
    }
    Py_DECREF(opened);
    return status;
}

static PyObject *
close_python(run *r, frame *f)
{
    PyObject **slots = frame_slots(r, f);
    PyObject *make = Py_NewRef(slots[SLOT_MAKE]), *scratch = Py_NewRef(slots[SLOT_SCRATCH]);
    PyObject *result = PyObject_CallFunctionObjArgs(make, f->source, scratch, NULL);
    Py_DECREF(make);
    Py_DECREF(scratch);
    return result;
}

/* ---- labels ---- */

/* Of slots that are keys and values by turns, the key. */
static PyObject *
label_of_value(run *r, const frame *f)
{
    return Py_NewRef(r->slots[f->next - 1]);
}

static PyObject *
label_of_member(run *r, const frame *f)
{
    return PyObject_CallOneArg(r->walk->rules->member, r->slots[f->next]);
}

static PyObject *
label_of_key_or_value(run *r, const frame *f)
{
    return (f->next - f->base) % 2 == 0 ? label_of_member(r, f) : label_of_value(r, f);
}

static PyObject *
label_of_element(run *r, const frame *f)
{
    (void)r;
    return PyLong_FromSize_t(f->next - f->base);
}

/* ---- the rules ---- */

#define PAIRS .label = label_of_value, .first = 1, .stride = 2
#define ELEMENTS .label = label_of_element, .stride = 1
#define MEMBERS .label = label_of_member, .stride = 1

static const rule python_rule = {
    .open = open_python, .close = close_python, .label = label_of_value, .stride = 1, .python = true};
static const rule tuple_rule = {.open = open_tuple, .close = close_tuple, ELEMENTS};

static const rule freeze_dict = {.open = open_dict, .close = close_map, PAIRS};
static const rule freeze_list = {.open = open_list, .close = close_vector, ELEMENTS};
static const rule freeze_set = {.open = open_whole, .close = close_local_set, ELEMENTS};
static const rule freeze_map = {.open = open_local_map, .close = close_local_map, PAIRS, .only_changes = true};
static const rule freeze_vector = {.open = open_local_vector, .close = close_local_vector, PAIRS, .only_changes = true};

const rule_set freeze_rules = {
    .name = "freeze",
    .remembers = true,
    .python = &python_rule,
    .dict = &freeze_dict,
    .list = &freeze_list,
    .tuple = &tuple_rule,
    .set = &freeze_set,
    .local_map = &freeze_map,
    .local_vector = &freeze_vector,
};

/* The first two slots are taken by the dict that is made. */
#define PATCHES .label = label_of_value, .first = 3, .stride = 2, .only_changes = true

static const rule thaw_of_dict = {.open = thaw_dict, .close = close_dict, PATCHES};
static const rule thaw_of_local_map = {.open = thaw_local_map, .close = close_dict, PATCHES};
static const rule thaw_of_shared_map = {.open = thaw_shared_map, .close = close_dict, PATCHES};
static const rule thaw_list = {.open = open_list, .close = close_list, ELEMENTS};
static const rule thaw_local_vector = {.open = open_all_of_vector, .close = close_list, ELEMENTS};
static const rule thaw_shared_vector = {.open = open_all_of_shared_vector, .close = close_list, ELEMENTS};
static const rule thaw_set = {.open = open_whole, .close = close_plain_set, ELEMENTS};

const rule_set thaw_rules = {
    .name = "thaw",
    .remembers = false, /* every mutable container in the result is another one */
    .python = &python_rule,
    .dict = &thaw_of_dict,
    .list = &thaw_list,
    .tuple = &tuple_rule,
    .set = &thaw_set,
    .local_map = &thaw_of_local_map,
    .local_vector = &thaw_local_vector,
    .local_set = &thaw_set,
    .shared_map = &thaw_of_shared_map,
    .shared_vector = &thaw_shared_vector,
    .shared_set = &thaw_set,
};

/* Keys and members are converted, too. */
#define KEYS_AND_VALUES .label = label_of_key_or_value, .stride = 1, .keys = true

static const rule share_dict = {.open = open_dict, .close = close_shared_map, KEYS_AND_VALUES};
static const rule share_map = {.open = open_all_of_map, .close = close_shared_map, KEYS_AND_VALUES};
static const rule share_list = {.open = open_list, .close = close_shared_vector, ELEMENTS};
static const rule share_vector = {.open = open_all_of_vector, .close = close_shared_vector, ELEMENTS};
static const rule share_frozenset = {.open = open_set, .close = close_frozenset, MEMBERS};
static const rule share_set = {.open = open_set, .close = close_shared_set, MEMBERS};

const rule_set share_rules = {
    .name = "share",
    .remembers = true,
    .python = &python_rule,
    .dict = &share_dict,
    .list = &share_list,
    .tuple = &tuple_rule,
    .set = &share_set,
    .frozenset = &share_frozenset,
    .local_map = &share_map,
    .local_vector = &share_vector,
    .local_set = &share_set,
};

/* Shared containers as the local ones: what frozen/_apply.py compares changes in.  Keys and members are converted, too,
 * and are distinct afterwards: a local container equals what the shared one does. */

static const rule local_of_map = {.open = open_all_of_shared_map, .close = close_map, KEYS_AND_VALUES};
static const rule local_of_vector = {.open = open_all_of_shared_vector, .close = close_vector, ELEMENTS};
static const rule local_of_set = {.open = open_set, .close = close_local_set, MEMBERS};

const rule_set local_rules = {
    .name = "_local",
    .remembers = true,
    .python = &python_rule,
    .tuple = &tuple_rule,
    .shared_map = &local_of_map,
    .shared_vector = &local_of_vector,
    .shared_set = &local_of_set,
    .frozenset = &share_frozenset,
};
