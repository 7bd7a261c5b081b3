/* Publications from inside an update: by its own function, a signal handler, a finalizer, another greenlet.
 *
 * They take effect, and the update loses its try and runs its function again, as if another thread had published. A
 * function that publishes to its own reference each time would never end, so update() counts the tries that were lost
 * to a publication from within. "Within" is told by the Python frames: the publisher has the caller of update() among
 * its frames. A greenlet of the same thread has not; a thread that went into another interpreter has another thread
 * state.
 *
 * An update pays for this two increments of a thread-local count, until it has lost a try to its own thread. */
#ifndef FROZEN_REF_UPDATING_H
#define FROZEN_REF_UPDATING_H

#include "platform/thread_local.h"
#include "ref/slot.h"

enum { LOST_TO_ITSELF_MAX = 1000 };

/* An update that has lost a try to its own thread. On the heap and in a list of its thread, never on a stack: the stack
 * of a greenlet is moved away while another one runs. */
typedef struct update_record {
    struct update_record *next, **link;
    PyThreadState *state;
    PyObject *caller;  /* the frame that called update(); NULL if no Python code did */
    bool disturbed;    /* this try was, from within */
    Py_ssize_t count;
    const ref_slot *slots[];
} update_record;

typedef struct {
    unsigned updates;      /* under way in this thread, in whichever greenlet */
    uint64_t publications; /* by this thread while there are any */
    update_record *records;
} updating_state;

extern FROZEN_THREAD_LOCAL updating_state updating;

/* The tries of one call of update(). Begins as {0}. */
typedef struct {
    unsigned lost, lost_to_itself;
    uint64_t publications; /* by this thread when the try began */
    update_record *record; /* or NULL: no try was lost to this thread */
} update_tries;

/* So many tries are made before the update takes a turn. */
enum { OPTIMISTIC_TRIES = 8 };

static inline void
update_try_begin(update_tries *tries)
{
    tries->publications = updating.publications;
    if (tries->record != NULL)
        tries->record->disturbed = false;
}

/* After a try that was lost, of update() or what `name` says: whether to try again, which is after a while that grows;
 * false with an exception set. The slots stand for what is updated, a `what` to the user. */
bool update_may_try_again(update_tries *tries, const ref_slot *const *slots, Py_ssize_t count, const char *name,
                          const char *what);

void update_tries_end(update_tries *tries);

/* Whether a function that was given the value may have changed it in place: unhashable stands for mutable. */
static inline bool
may_change_in_place(PyObject *value)
{
    return Py_TYPE(value)->tp_hash == PyObject_HashNotImplemented;
}

/* Whether the result of the function can be meant; false with an exception set, whose text ends with `hint`. A function
 * that changes a mutable value in place, such as dict.update, returns None; stored, that would be the loss of it. */
bool update_result_is_meant(PyObject *value, PyObject *result, const char *name, const char *hint);

/* Notes that the calling thread has published in `slot`. */
void updating_note_publication(const ref_slot *slot);

static inline void
updating_published(const ref_slot *slot)
{
    if (updating.updates != 0)
        updating_note_publication(slot);
}

#endif
