/* One or more references read and published as one: what update() and transactions are made of. */
#ifndef FROZEN_REF_GROUP_H
#define FROZEN_REF_GROUP_H

#include "ref/atomic_ref.h"
#include "ref/slots.h"
#include "ref/updating.h"

enum { GROUP_MAX = UPDATES_AT_ONCE };

typedef struct {
    Py_ssize_t count;
    AtomicRefObject *refs[GROUP_MAX];  /* borrowed, in the caller's order */
    ref_slot *sorted[GROUP_MAX];       /* their slots, in the order of locking */
} ref_group;

/* What is current in all of them at one moment: new references, and the versions. */
void group_read(const ref_group *group, PyObject **values, uint64_t *versions);

/* Publishes `values` (borrowed) in all of them at one moment; if `versions` is given, only while it is current in all.
 * On success `old` receives what each held, to be passed to group_published. */
bool group_publish(const ref_group *group, module_state *state, const uint64_t *versions,
                   PyObject *const *values, PyObject **old);
void group_published(const ref_group *group, PyObject **old);

/* Replaces the values by fn(*values, *args, **kwargs), where `args` is the vectorcall argument list with fn at its head.
 * Returns the new value, or the tuple of them if the group has more than one reference. */
PyObject *group_update(const ref_group *group, module_state *state,
                       PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

#endif
