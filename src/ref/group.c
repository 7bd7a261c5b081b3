/* Reading and publishing references together, and the retry loop of update().
 *
 * update() is optimistic: read, call the function without any lock, publish if no other thread did meanwhile. A thread
 * that loses backs off, each time longer; after OPTIMISTIC_TRIES losses it takes a turn (turns.h). While a thread has
 * the turn, new updates queue behind instead of trying, so that the holder competes only with tries already under way,
 * of which each thread has one, and a slow function finishes. set() and compare_and_set() do not queue: they never wait
 * for a user's function, and update() competes with them for as long as they keep publishing.
 *
 * A thread that is already inside an update never waits for a turn: two nested updates in opposite order would
 * wait for each other, and an update inside an update of the same reference for itself.  This goes by thread, not by
 * greenlet: a thread that sleeps runs none of its greenlets, and one of them may have the turn.
 *
 * What is published from inside takes effect, and the update around it tries again (updating.h). */

#include "ref/group.h"
#include "ref/interrupt.h"
#include "ref/updating.h"

enum { STACK_ARGUMENTS = 16 };

/* The objects behind `values`, which are stolen; false: failed (exception set), and none are left. */
static bool
group_open(const ref_group *group, void *const *values, PyObject **objects)
{
    bool open = true;
    for (Py_ssize_t i = 0; i < group->count; i++) {
        const ref_kind *kind = group->refs[i]->kind;
        objects[i] = NULL;
        if (open)
            open = (objects[i] = kind->to_object(values[i])) != NULL;
        else
            kind->release(values[i]);
    }
    for (Py_ssize_t i = 0; !open && i < group->count; i++)
        Py_XDECREF(objects[i]);
    return open;
}

bool
group_read(const ref_group *group, PyObject **objects, uint64_t *versions)
{
    void *values[GROUP_MAX];
    slots_lock(group->sorted, group->count);
    for (Py_ssize_t i = 0; i < group->count; i++) {
        ref_slot *slot = &group->refs[i]->pub->slot;
        values[i] = group->refs[i]->kind->retain(slot->value);
        versions[i] = slot_version(slot);
    }
    slots_unlock(group->sorted, group->count);
    return group_open(group, values, objects);
}

static bool
group_is_at(const ref_group *group, const uint64_t *versions)
{
    for (Py_ssize_t i = 0; i < group->count; i++) {
        if (slot_version(&group->refs[i]->pub->slot) != versions[i])
            return false;
    }
    return true;
}

static void
group_release(const ref_group *group, Py_ssize_t count, void *const *values)
{
    while (count-- > 0)
        group->refs[count]->kind->release(values[count]);
}

int
group_publish(const ref_group *group, const uint64_t *versions, PyObject *const *objects, void **old)
{
    void *values[GROUP_MAX];
    const void *roots[GROUP_MAX];
    for (Py_ssize_t i = 0; i < group->count; i++) {
        reference *ref = group->refs[i];
        if ((ref->kind->may_publish != NULL && !ref->kind->may_publish((PyObject *)ref))
            || !ref->kind->from_object(objects[i], &values[i], &roots[i])) {
            group_release(group, i, values);
            return -1;
        }
    }
    slots_lock(group->sorted, group->count);
    bool current = versions == NULL || group_is_at(group, versions);
    for (Py_ssize_t i = 0; current && i < group->count; i++)
        old[i] = slot_publish(&group->refs[i]->pub->slot, values[i], roots[i]);
    slots_unlock(group->sorted, group->count);
    if (!current)
        group_release(group, group->count, values);
    return current;
}

bool
group_published(const ref_group *group, void **old)
{
    PyObject *interrupt = NULL;
    for (Py_ssize_t i = 0; i < group->count; i++) {
        PyObject *object = (PyObject *)group->refs[i];
        if (group->refs[i]->kind->published(object, old[i]))
            continue;
        if (interrupt == NULL)
            interrupt = take_exception();
        else
            PyErr_WriteUnraisable(object);
    }
    restore_exception(interrupt);
    return interrupt == NULL;
}

/* A call of fn(*values, *args, **kwargs), its argument list prepared once and used for every try. */
typedef struct {
    PyObject *fn;
    PyObject **arguments;   /* one spare place before the first, which vectorcall may use */
    Py_ssize_t count;       /* positional ones */
    PyObject *kwnames;
    bool gives_old;         /* the caller wants the value that was replaced, of one reference */
    PyObject *small[STACK_ARGUMENTS];
} update_call;

static const char *
call_name(const update_call *call)
{
    return call->gives_old ? "fetch_update" : "update";
}

static bool
call_prepare(update_call *call, Py_ssize_t values, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (nargs < 1) {
        PyErr_Format(PyExc_TypeError, "%s() needs a function of the current value", call_name(call));
        return false;
    }
    Py_ssize_t passed_on = nargs - 1 + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    call->fn = args[0];
    call->count = values + nargs - 1;
    call->kwnames = kwnames;
    call->arguments = call->small;
    if (1 + values + passed_on > STACK_ARGUMENTS) {
        call->arguments = PyMem_New(PyObject *, 1 + values + passed_on);
        if (call->arguments == NULL) {
            PyErr_NoMemory();
            return false;
        }
    }
    memcpy(call->arguments + 1 + values, args + 1, (size_t)passed_on * sizeof(PyObject *));
    return true;
}

static PyObject *
call_with(update_call *call, PyObject *const *values, Py_ssize_t count)
{
    memcpy(call->arguments + 1, values, (size_t)count * sizeof(PyObject *));
    return PyObject_Vectorcall(call->fn, call->arguments + 1, (size_t)call->count | PY_VECTORCALL_ARGUMENTS_OFFSET,
                               call->kwnames);
}

static void
call_release(update_call *call)
{
    if (call->arguments != call->small)
        PyMem_Free(call->arguments);
}

/* The new values behind what the function returned: itself, or the items of a tuple as long as the group. Borrowed from
 * `result`, which is replaced by that tuple. */
static PyObject *const *
unpack_result(const ref_group *group, PyObject **result)
{
    if (group->count == 1)
        return result;
    PyObject *tuple = tuple_of(*result);
    if (tuple != NULL && PyTuple_GET_SIZE(tuple) != group->count) {
        PyErr_Format(PyExc_ValueError, "the function returned %zd values for a transaction over %zd references",
                     PyTuple_GET_SIZE(tuple), group->count);
        Py_CLEAR(tuple);
    }
    Py_SETREF(*result, tuple);
    return tuple != NULL ? &PyTuple_GET_ITEM(tuple, 0) : NULL;
}

static bool
results_are_meant(const ref_group *group, const update_call *call, PyObject *const *values, PyObject *const *results)
{
    for (Py_ssize_t i = 0; i < group->count; i++) {
        if (!update_result_is_meant(values[i], results[i], call_name(call), "; set(None) publishes None"))
            return false;
    }
    return true;
}

/* Whether the function returned the very objects that it was given, unchanged: then there is nothing to publish. */
static bool
results_are_unchanged(const ref_group *group, PyObject *const *values, PyObject *const *results)
{
    for (Py_ssize_t i = 0; i < group->count; i++) {
        if (results[i] != values[i] || may_change_in_place(values[i]))
            return false;
    }
    return true;
}

typedef enum { TRY_FAILED = -1, TRY_LOST, TRY_PUBLISHED, TRY_UNCHANGED } try_status;

/* What the function returned takes the place of what it was given, if that is current still. */
static try_status
group_publish_results(const ref_group *group, const update_call *call, const uint64_t *versions,
                      PyObject *const *values, PyObject *const *results, void **old)
{
    if (!results_are_meant(group, call, values, results))
        return TRY_FAILED;
    if (!results_are_unchanged(group, values, results))
        return (try_status)group_publish(group, versions, results, old);
    slots_lock(group->sorted, group->count);
    bool current = group_is_at(group, versions);
    slots_unlock(group->sorted, group->count);
    return current ? TRY_UNCHANGED : TRY_LOST;
}

/* One try.  Returns what the call is to return, or NULL with the exception set. */
static PyObject *
group_try_update(const ref_group *group, update_call *call, void **old, try_status *status)
{
    PyObject *values[GROUP_MAX];
    uint64_t versions[GROUP_MAX];
    *status = TRY_FAILED;
    if (!group_read(group, values, versions))
        return NULL;
    PyObject *result = call_with(call, values, group->count);
    PyObject *const *unpacked = result != NULL ? unpack_result(group, &result) : NULL;
    if (unpacked != NULL)
        *status = group_publish_results(group, call, versions, values, unpacked, old);
    if (*status == TRY_FAILED)
        Py_CLEAR(result);
    else if (*status != TRY_LOST && call->gives_old)
        Py_SETREF(result, Py_NewRef(values[0]));
    for (Py_ssize_t i = 0; i < group->count; i++)
        Py_DECREF(values[i]);
    return result;
}

static bool
group_has_turn_taken(const ref_group *group)
{
    for (Py_ssize_t i = 0; i < group->count; i++) {
        if (turns_taken(&group->refs[i]->pub->writers))
            return true;
    }
    return false;
}

static void
group_release_turns(const ref_group *group, Py_ssize_t count)
{
    while (count-- > 0)
        turns_release(&publication_of_slot(group->sorted[count])->writers);
}

static bool
group_acquire_turns(const ref_group *group)
{
    for (Py_ssize_t i = 0; i < group->count; i++) {
        if (!turns_acquire(&publication_of_slot(group->sorted[i])->writers)) {
            group_release_turns(group, i);
            return false;
        }
    }
    return true;
}

/* Tries until it succeeds or fails; `old` is filled if it published. */
static PyObject *
group_update_retrying(const ref_group *group, update_call *call, bool nested, void **old, try_status *status)
{
    bool has_turn = false;
    update_tries tries = {0};
    PyObject *result = NULL;
    for (;;) {
        if (!has_turn && !nested && (tries.lost >= OPTIMISTIC_TRIES || group_has_turn_taken(group))) {
            has_turn = group_acquire_turns(group);
            if (!has_turn)
                break;
        }
        update_try_begin(&tries);
        result = group_try_update(group, call, old, status);
        if (*status != TRY_LOST)
            break;
        Py_CLEAR(result);
        if (!update_may_try_again(&tries, (const ref_slot *const *)group->sorted, group->count, call_name(call),
                                  "reference"))
            break;
    }
    if (has_turn)
        group_release_turns(group, group->count);
    update_tries_end(&tries);
    return result;
}

PyObject *
group_update(const ref_group *group, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, bool gives_old)
{
    update_call call;
    void *old[GROUP_MAX];
    try_status status = TRY_FAILED;
    call.gives_old = gives_old;
    if (!call_prepare(&call, group->count, args, nargs, kwnames))
        return NULL;
    bool nested = updating.updates++ != 0;
    PyObject *result = group_update_retrying(group, &call, nested, old, &status);
    updating.updates--;
    if (result != NULL && status == TRY_PUBLISHED && !group_published(group, old)) {
        if (gives_old)
            interrupt_hands_over(result);
        else /* it was published */
            Py_DECREF(result);
        result = NULL;
    }
    call_release(&call);
    return result;
}
