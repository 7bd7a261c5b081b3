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

/* A record for an update of these slots, which the calling thread has begun; NULL: out of memory (exception set). */
update_record *update_record_new(const ref_slot *const *slots, Py_ssize_t count);
void update_record_free(update_record *self); /* NULL does no harm */

/* Notes that the calling thread has published in `slot`. */
void updating_note_publication(const ref_slot *slot);

static inline void
updating_published(const ref_slot *slot)
{
    if (updating.updates != 0)
        updating_note_publication(slot);
}

#endif
