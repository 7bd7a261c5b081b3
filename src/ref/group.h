/* One or more references read and published as one: what update() and transactions are made of. */
#ifndef FROZEN_REF_GROUP_H
#define FROZEN_REF_GROUP_H

#include "ref/reference.h"
#include "ref/slots.h"
#include "bindings/common/arguments.h"

enum { GROUP_MAX = 16 };

typedef struct {
    Py_ssize_t count;
    reference *refs[GROUP_MAX];  /* in the caller's order; borrowed, but by a transaction */
    ref_slot *sorted[GROUP_MAX]; /* their slots, in the order of locking */
} ref_group;

/* What is current in all of them at one moment: new references, and the versions.  False: failed (exception set). */
bool group_read(const ref_group *group, PyObject **objects, uint64_t *versions);

/* Publishes `objects` (borrowed) in all of them at one moment; if `versions` is given, only while it is current in all.
 * 1: `old` receives what each held, to be passed to group_published; 0: not current; -1: failed (exception set).
 * group_published: false, with an exception set, when a callback of a watch was interrupted; all is done then all the
 * same. */
int group_publish(const ref_group *group, const uint64_t *versions, PyObject *const *objects, void **old);
bool group_published(const ref_group *group, void **old);

/* Replaces the values by fn(*values, *args, **kwargs), where `args` is the vectorcall argument list with fn at its
 * head. Returns the new value, or the tuple of them if the group has more than one reference; if `gives_old`, the value
 * that was replaced, of a group of one. */
PyObject *
group_update(const ref_group *group, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, bool gives_old);

#endif
