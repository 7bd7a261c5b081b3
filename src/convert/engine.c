/* The walk: frames, slots, what has been met. */

#include "convert/engine.h"

/* ---- frames and slots ---- */

/* Doubles an array until `needed` of its members fit. */
static bool
grow(void **array, size_t *room, size_t needed, size_t size)
{
    size_t wanted = *room > 0 ? *room : 16;
    while (wanted < needed && wanted <= (size_t)PY_SSIZE_T_MAX / size)
        wanted *= 2;
    void *bigger = wanted <= (size_t)PY_SSIZE_T_MAX / size ? PyMem_Realloc(*array, wanted * size) : NULL;
    if (bigger == NULL) {
        PyErr_NoMemory();
        return false;
    }
    *array = bigger;
    *room = wanted;
    return true;
}

bool
slots_reserve(run *r, size_t more)
{
    if (LIKELY(more <= r->slots_room - r->used))
        return true;
    void *slots = r->slots;
    bool done = more <= (size_t)PY_SSIZE_T_MAX && grow(&slots, &r->slots_room, r->used + more, sizeof(PyObject *));
    if (more > (size_t)PY_SSIZE_T_MAX)
        PyErr_NoMemory();
    r->slots = slots;
    return done;
}

/* Gives up the slots from `base` on, the last one first: foreign code may run. */
static void
slots_drop(run *r, size_t base)
{
    while (r->used > base) {
        PyObject *last = r->slots[--r->used];
        Py_XDECREF(last);
    }
}

/* A new frame on top, without slots. */
static frame *
frame_push(run *r, PyObject *source, const rule *rule)
{
    if (UNLIKELY(r->depth == r->frames_room)) {
        void *frames = r->frames;
        bool done = grow(&frames, &r->frames_room, r->depth + 1, sizeof(frame));
        r->frames = frames;
        if (!done)
            return NULL;
    }
    frame *f = &r->frames[r->depth++];
    r->walk->depth++;
    *f = (frame){.source = Py_XNewRef(source), .rule = rule, .base = r->used, .next = r->used, .end = r->used};
    return f;
}

/* ---- what has been met ---- */

static address_entry *
met_find(walk *w, PyObject *object)
{
    return address_find(&w->met, (address_key){(uintptr_t)object, 0, 0});
}

/* Marks the source of a frame as open: 0 or -1. */
static int
met_mark(run *r, frame *f, bool remember)
{
    address_entry *entry = met_find(r->walk, f->source);
    if (entry != NULL)
        entry->value = MET_OPEN;
    else if (!address_add(&r->walk->met, (address_key){(uintptr_t)f->source, 0, 0}, MET_OPEN)) {
        PyErr_NoMemory();
        return -1;
    }
    f->known = remember ? REMEMBERED : MARKED;
    return 0;
}

/* The frame has ended, with a result or with none. */
static void
met_close(walk *w, const frame *f, PyObject *result)
{
    address_entry *entry = f->known != UNKNOWN ? met_find(w, f->source) : NULL;
    if (entry == NULL)
        return;
    bool kept = f->known == REMEMBERED && result != NULL;
    entry->value = kept ? (uint64_t)(uintptr_t)Py_NewRef(result) : 0;
    if (kept)
        Py_INCREF(f->source);
}

/* Whether one of the frames that are open converts this object. Those without a mark are the outermost ones. */
static bool
is_open(const run *r, PyObject *object)
{
    for (; r != NULL; r = r->outer)
        for (size_t i = 0; i < r->depth && i < DEPTH_OF_SCAN; i++)
            if (r->frames[i].source == object)
                return true;
    return false;
}

static int
raise_cycle(run *r, PyObject *part)
{
    PyObject *error = PyObject_CallOneArg(r->walk->rules->cycle, part);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return FAILED;
}

/* Where the object has been met already: SAME or OPENED and its result, a new reference; FAILED: it is open; NOT_MET. */
enum { NOT_MET = 2 };

static int
met_before(run *r, PyObject *part, bool remember, PyObject **result)
{
    walk *w = r->walk;
    address_entry *entry = remember || w->depth > DEPTH_OF_SCAN ? met_find(w, part) : NULL;
    if (entry != NULL && entry->value == MET_OPEN)
        return raise_cycle(r, part);
    if (entry != NULL && entry->value != 0) { /* also for what was taken for unique: the container has let go of it */
        *result = Py_NewRef((PyObject *)(uintptr_t)entry->value);
        return *result == part ? SAME : OPENED;
    }
    return is_open(r, part) ? raise_cycle(r, part) : NOT_MET;
}

/* ---- which rule ---- */

/* What `types` has for a type. */
enum { STAYS = 1, IN_PYTHON = 2 }; /* the latter is a flag in the address of a Python object */

typedef struct {
    const rule *rule; /* NULL: it stays */
    PyObject *opener; /* owned; NULL: a rule in C */
} rule_of_type;

/* The rule for exactly this type in C; false: there is none. */
static bool
builtin_rule(const walk *w, PyTypeObject *type, const rule **found)
{
    const rule_set *rules = w->rules->rules;
    const module_state *state = w->state;
    const struct {
        PyTypeObject *type;
        const rule *rule;
    } rows[] = {
        {&PyDict_Type, rules->dict},
        {&PyList_Type, rules->list},
        {state->local_map.container, rules->local_map},
        {state->local_vector.container, rules->local_vector},
        {&PyTuple_Type, rules->tuple},
        {&PySet_Type, rules->set},
        {&PyFrozenSet_Type, rules->frozenset},
        {state->local_set.container, rules->local_set},
        {state->shared_map.container, rules->shared_map},
        {state->shared_vector.container, rules->shared_vector},
        {state->shared_set.container, rules->shared_set},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].type == type) {
            *found = rows[i].rule;
            return true;
        }
    return false;
}

PyObject *
walk_atoms(walk *w)
{
    if (w->atoms == NULL)
        w->atoms = PySet_New(w->any_hook ? NULL : w->rules->atoms);
    return w->atoms;
}

/* Asks Python for a rule: 1 and a new reference, 0: there is none, or -1. */
static int
ask_for_rule(walk *w, PyObject *finder, PyTypeObject *type, PyObject **opener)
{
    if (w->convert == NULL && (w->convert = w->rules->converter_new(w)) == NULL)
        return -1;
    PyObject *convert = Py_NewRef(w->convert);
    *opener = PyObject_CallFunctionObjArgs(finder, (PyObject *)type, convert, NULL);
    Py_DECREF(convert);
    if (*opener == NULL)
        return -1;
    if (*opener != Py_None)
        return 1;
    Py_CLEAR(*opener);
    return 0;
}

/* Finds out what becomes of a type, and keeps it: 0 or -1. */
static int
find_rule(walk *w, PyTypeObject *type, PyObject *object, rule_of_type *found)
{
    *found = (rule_of_type){NULL, NULL};
    int status = w->any_hook ? ask_for_rule(w, w->rules->find_hook, type, &found->opener) : 0;
    if (status == 0 && !is_atom(object) && !builtin_rule(w, type, &found->rule))
        status = ask_for_rule(w, w->rules->find_rule, type, &found->opener);
    if (status < 0)
        return -1;
    uint64_t value = (uint64_t)(uintptr_t)found->rule;
    if (found->opener != NULL) {
        found->rule = w->rules->rules->python;
        value = (uint64_t)(uintptr_t)Py_NewRef(found->opener) | IN_PYTHON;
    }
    else if (found->rule == NULL) {
        value = STAYS;
        PyObject *atoms = walk_atoms(w);
        if (atoms == NULL || PySet_Add(atoms, (PyObject *)type) < 0)
            return -1;
    }
    if (address_find(&w->types, (address_key){(uintptr_t)type, 0, 0}) == NULL
        && address_add(&w->types, (address_key){(uintptr_t)type, 0, 0}, value))
        Py_INCREF(type);
    else if (value & IN_PYTHON) /* found anew next time */
        Py_DECREF(found->opener);
    return 0;
}

static int
rule_for(walk *w, PyObject *object, rule_of_type *found)
{
    PyTypeObject *type = Py_TYPE(object);
    found->opener = NULL;
    if (!w->any_hook && builtin_rule(w, type, &found->rule))
        return 0;
    address_entry *entry = address_find(&w->types, (address_key){(uintptr_t)type, 0, 0});
    if (entry == NULL)
        return find_rule(w, type, object, found);
    if (entry->value & IN_PYTHON) {
        found->rule = w->rules->rules->python;
        found->opener = Py_NewRef((PyObject *)(uintptr_t)(entry->value & ~(uint64_t)IN_PYTHON));
    }
    else
        found->rule = entry->value == STAYS ? NULL : (const rule *)(uintptr_t)entry->value;
    return 0;
}

/* ---- opening and closing ---- */

/* Pops the top frame, whose result this is; NULL: none. */
static void
frame_pop(run *r, PyObject *result)
{
    frame f = r->frames[--r->depth];
    r->walk->depth--;
    met_close(r->walk, &f, result);
    slots_drop(r, f.base);
    Py_XDECREF(f.source);
}

/* Opens an object: SAME: it stays; OPENED: there is a frame for it on top; FAILED. */
static int
open_object(run *r, PyObject *object, const rule_of_type *found, bool remember)
{
    frame *f = frame_push(r, object, found->rule);
    if (f == NULL)
        return FAILED;
    bool mark = remember || r->walk->depth > DEPTH_OF_SCAN;
    int status = mark && met_mark(r, f, remember) < 0 ? FAILED : found->rule->open(r, f, found->opener);
    if (status == OPENED) {
        f = &r->frames[r->depth - 1];
        f->end = r->used;
        f->next = Py_MIN(f->base + found->rule->first, f->end);
        return OPENED;
    }
    if (status == SAME)
        frame_pop(r, object);
    return status;
}

/* The part in the current slot of the top frame: SAME; OPENED and *result, a new reference; OPENED and NULL there: a frame
 * for it is on top; or FAILED. */
static int
convert_slot(run *r, PyObject *part, bool unique, PyObject **result)
{
    walk *w = r->walk;
    rule_of_type found;
    *result = NULL;
    if (rule_for(w, part, &found) < 0)
        return FAILED;
    if (found.rule == NULL)
        return SAME;
    bool remember = w->rules->rules->remembers && !(unique && object_is_held_once(part, 1));
    int status = met_before(r, part, remember, result);
    if (status == NOT_MET)
        status = budget_spend(&r->left, 1) ? open_object(r, part, &found, remember) : FAILED;
    Py_XDECREF(found.opener);
    return status;
}

/* The slot `next` of the top frame has been converted: its result, which is stolen; NULL: the part itself. */
static int
slot_done(run *r, PyObject *result)
{
    frame *f = &r->frames[r->depth - 1];
    PyObject **slot = &r->slots[f->next];
    PyObject *part = *slot;
    int status = 0;
    bool same = result == NULL || result == part;
    if (f->rule->python) {
        if (!same) {
            PyObject **slots = frame_slots(r, f);
            PyObject *scratch = Py_NewRef(slots[1]), *label = Py_NewRef(slots[3]);
            status = PyObject_SetItem(scratch, label, result);
            Py_DECREF(scratch);
            Py_DECREF(label);
        }
        Py_XDECREF(result);
        return status;
    }
    f->next += f->rule->stride;
    if (same) {
        Py_XDECREF(result);
        if (f->rule->only_changes) {
            PyObject *key = slot[-1];
            slot[0] = slot[-1] = NULL;
            Py_XDECREF(key);
            Py_DECREF(part);
        }
        return 0;
    }
    f->changed |= !f->rule->keys || (slot - frame_slots(r, f)) % 2 == 0;
    *slot = result;
    Py_DECREF(part);
    return 0;
}

/* Of a rule in Python, takes the next part: 1, 0: there is none, or -1. */
static int
python_next(run *r)
{
    frame *f = &r->frames[r->depth - 1];
    size_t base = f->base;
    f->next = f->end;
    PyObject *iterator = Py_XNewRef(r->slots[base + 2]);
    if (iterator == NULL)
        return 0;
    PyObject *pair = PyIter_Next(iterator);
    Py_DECREF(iterator);
    if (pair == NULL)
        return PyErr_Occurred() ? -1 : 0;
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "a rule's parts are pairs of label and part");
        Py_DECREF(pair);
        return -1;
    }
    PyObject *old_label = r->slots[base + 3], *old_part = r->slots[base + 4];
    r->slots[base + 3] = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    r->slots[base + 4] = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
    Py_XDECREF(old_label);
    Py_XDECREF(old_part);
    Py_DECREF(pair);
    f = &r->frames[r->depth - 1];
    f->next = base + 4;
    return 1;
}

/* Goes on to the next part of the top frame that is no atom: 1, 0: there is none, or -1. */
static int
next_part(run *r)
{
    frame *f = &r->frames[r->depth - 1];
    if (f->rule->python)
        return python_next(r);
    if (r->walk->any_hook)
        return f->next < f->end;
    size_t next = f->next, stride = f->rule->stride;
    while (next < f->end && is_atom(r->slots[next]))
        next += stride;
    f->next = Py_MIN(next, f->end);
    return next < f->end;
}

/* What was hashed before it was converted may be a key. */
static int
keep_hash(PyObject *source, PyObject *made)
{
    bool was_hashed = made != source && PyTuple_Check(source) && tuple_known_hash(source) != -1;
    return was_hashed ? tuple_hash_level(made) : 0;
}

/* All parts of the top frame are converted: the frame below gets the result, if there is one: 1; 0: that was the last,
 * *result is the result of the whole; or -1. */
static int
close_top(run *r, PyObject **result)
{
    frame *f = &r->frames[r->depth - 1];
    if (f->source == NULL) {
        *result = Py_NewRef(r->slots[f->base]);
        frame_pop(r, NULL);
        return 0;
    }
    PyObject *made = f->rule->close(r, f);
    if (made == NULL)
        return -1;
    if (UNLIKELY(r->walk->depth > DEPTH_OF_SCAN) && keep_hash(r->frames[r->depth - 1].source, made) < 0) {
        Py_DECREF(made);
        return -1;
    }
    frame_pop(r, made);
    return slot_done(r, made) < 0 ? -1 : 1;
}

/* Makes `r` the innermost run.  Those inside it wait in other greenlets: they fail when they go on, and do not look at
 * what is outside of them any more. */
static void
run_disown_inner(run *r)
{
    walk *w = r->walk;
    for (run *inner = w->current, *outer; inner != r; inner = outer) {
        outer = inner->outer;
        inner->disowned = true;
        inner->outer = NULL;
        w->depth -= inner->depth;
    }
    w->current = r;
}

/* Whether this run goes on.  A hook may have left another one inside it unfinished, in another greenlet. */
static bool
run_goes_on(run *r)
{
    if (UNLIKELY(r->disowned)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the conversion that this call of convert() belongs to has gone on without it");
        return false;
    }
    if (UNLIKELY(r->walk->current != r))
        run_disown_inner(r);
    return true;
}

/* Converts what the frames ask for: a new reference, or NULL. */
static PyObject *
run_loop(run *r)
{
    PyObject *result = NULL;
    for (;;) {
        if (!run_goes_on(r))
            return NULL;
        int status = next_part(r);
        if (status < 0)
            return NULL;
        if (status == 0) {
            if ((status = close_top(r, &result)) < 0)
                return NULL;
            if (status == 0)
                return result;
            continue;
        }
        frame *f = &r->frames[r->depth - 1];
        status = convert_slot(r, r->slots[f->next], f->unique, &result);
        if (status == FAILED)
            return NULL;
        if (status == OPENED && result == NULL)
            continue;
        if (slot_done(r, result) < 0)
            return NULL;
    }
}

/* ---- runs and walks ---- */

static const rule whole_rule = {.stride = 1};

static void
run_free(run *r)
{
    while (r->depth > 0)
        frame_pop(r, NULL);
    if (!r->disowned) {
        run_disown_inner(r);
        r->walk->current = r->outer;
    }
    PyMem_Free(r->frames);
    PyMem_Free(r->slots);
    PyMem_Free(r);
}

static void walk_free(walk *w);

/* Ends a run, and with the last one the walk.  No error is set, for foreign code runs. */
static void
run_end(run *r)
{
    walk *w = r->walk;
    if (r->disowned)
        w->depth += r->depth; /* as its frames are counted off now */
    run_free(r);
    if (--w->runs == 0)
        walk_free(w);
}

/* Gives up what the walk knows.  What it owned goes when the walk is empty, because that may call foreign code. */
static void
walk_forget(walk *w)
{
    address_map met = w->met, types = w->types;
    PyObject *owned[] = {w->atoms, w->convert, w->placed};
    w->met = w->types = (address_map){0};
    w->atoms = w->convert = w->placed = NULL;
    if (owned[1] != NULL)
        w->rules->converter_end(owned[1]);
    size_t position = 0;
    for (address_entry *entry; (entry = address_next(&met, &position)) != NULL;)
        if (entry->value > MET_OPEN) {
            Py_DECREF((PyObject *)(uintptr_t)entry->value);
            Py_DECREF((PyObject *)entry->key.a);
        }
    address_free(&met);
    position = 0;
    for (address_entry *entry; (entry = address_next(&types, &position)) != NULL;) {
        if (entry->value & IN_PYTHON)
            Py_DECREF((PyObject *)(uintptr_t)(entry->value & ~(uint64_t)IN_PYTHON));
        Py_DECREF((PyObject *)entry->key.a);
    }
    address_free(&types);
    for (int i = 0; i < 3; i++)
        Py_XDECREF(owned[i]);
}

static void
walk_free(walk *w)
{
    walk_forget(w);
    Py_DECREF(w->rules);
    PyMem_Free(w);
}

static run *
run_new(walk *w, PyObject *object)
{
    run *r = PyMem_Calloc(1, sizeof *r);
    if (r == NULL) {
        PyErr_NoMemory();
        if (w->runs == 0)
            walk_free(w);
        return NULL;
    }
    *r = (run){.walk = w, .outer = w->current, .left = BUDGET};
    w->current = r;
    w->runs++;
    if (!slots_reserve(r, 1) || frame_push(r, NULL, &whole_rule) == NULL) {
        PyObject *error = take_exception();
        run_end(r);
        restore_exception(error);
        return NULL;
    }
    slot_push(r, Py_NewRef(object));
    r->frames[0].end = 1;
    return r;
}

PyObject *
convert_part(walk *w, PyObject *part)
{
    if (!w->any_hook && is_atom(part))
        return Py_NewRef(part);
    run *r = run_new(w, part);
    if (r == NULL)
        return NULL;
    PyObject *result = run_loop(r);
    if (result == NULL && !r->disowned)
        place_error(r);
    PyObject *error = result == NULL ? take_exception() : NULL;
    run_end(r);
    restore_exception(error);
    return result;
}

PyObject *
convert_object(conversion *rules, PyObject *object)
{
    bool any_hook = rules->find_hook != Py_None;
    if (!any_hook && is_atom(object))
        return Py_NewRef(object);
    module_state *state = module_state_of((PyObject *)rules);
    walk *w = state != NULL ? PyMem_Calloc(1, sizeof *w) : NULL;
    if (w == NULL)
        return state != NULL ? PyErr_NoMemory() : NULL;
    w->rules = (conversion *)Py_NewRef((PyObject *)rules);
    w->state = state;
    w->any_hook = any_hook;
    return convert_part(w, object);
}
