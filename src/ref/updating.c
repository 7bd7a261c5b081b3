#include "ref/updating.h"

FROZEN_THREAD_LOCAL updating_state updating;

update_record *
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

void
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
