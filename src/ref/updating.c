#include "ref/updating.h"

FROZEN_THREAD_LOCAL updating_state updating;

/* A record for an update of these slots, which the calling thread has begun; NULL: out of memory (exception set). */
static update_record *
update_record_new(const ref_slot *const *slots, Py_ssize_t count)
{
    update_record *self = PyMem_RawMalloc(sizeof(update_record) + (size_t)count * sizeof(slots[0]));
    if (self == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    self->state = PyThreadState_Get();
    self->caller = (PyObject *)PyThreadState_GetFrame(self->state);
    self->disturbed = false;
    self->count = count;
    memcpy(self->slots, slots, (size_t)count * sizeof(slots[0]));
    self->next = updating.records;
    self->link = &updating.records;
    if (self->next != NULL)
        self->next->link = &self->next;
    updating.records = self;
    return self;
}

static void
update_record_free(update_record *self)
{
    if (self == NULL)
        return;
    *self->link = self->next;
    if (self->next != NULL)
        self->next->link = self->link;
    Py_XDECREF(self->caller);
    PyMem_RawFree(self);
}

bool
update_may_try_again(update_tries *tries, const ref_slot *const *slots, Py_ssize_t count, const char *name,
                     const char *what)
{
    if (PyErr_CheckSignals() < 0)
        return false;
    if (tries->record == NULL && updating.publications != tries->publications) {
        tries->record = update_record_new(slots, count);
        if (tries->record == NULL)
            return false;
    }
    else if (tries->record != NULL && tries->record->disturbed && ++tries->lost_to_itself == LOST_TO_ITSELF_MAX) {
        PyErr_Format(
            PyExc_RuntimeError,
            "%s() gave up: in each of %d tries something published to the %s from inside the function, so that "
            "it is called again; let the function return the new value instead",
            name, LOST_TO_ITSELF_MAX, what);
        return false;
    }
    for (unsigned spins = 1u << tries->lost; spins > 0; spins--)
        SPIN_PAUSE();
    if (tries->lost < OPTIMISTIC_TRIES)
        tries->lost++;
    return true;
}

void
update_tries_end(update_tries *tries)
{
    update_record_free(tries->record);
}

bool
update_result_is_meant(PyObject *value, PyObject *result, const char *name, const char *hint)
{
    if (result != Py_None || !may_change_in_place(value))
        return true;
    PyErr_Format(PyExc_TypeError,
                 "the function given to %s() returned None for a %.100s, which it may have changed in place: let it "
                 "return the new value, best one that is immutable (a Map, freeze(value))%s",
                 name, Py_TYPE(value)->tp_name, hint);
    return false;
}

/* Whether the calling code runs inside the call of update() that `self` is about. */
static bool
runs_within(const update_record *self)
{
    PyThreadState *state = PyThreadState_Get();
    if (self->caller == NULL || self->state != state)
        return true;
    PyFrameObject *frame = PyThreadState_GetFrame(state);
    while (frame != NULL && (PyObject *)frame != self->caller) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    Py_XDECREF(frame);
    return frame != NULL;
}

void
updating_note_publication(const ref_slot *slot)
{
    updating.publications++;
    for (update_record *record = updating.records; record != NULL; record = record->next) {
        for (Py_ssize_t i = 0; i < record->count && !record->disturbed; i++)
            record->disturbed = record->slots[i] == slot && runs_within(record);
    }
}
