/* Reading one key of an AtomicMap: without a lock where that is possible. Included by map.c alone. See map.h for the
 * argument. */
#ifndef FROZEN_ATOMIC_MAP_READS_H
#define FROZEN_ATOMIC_MAP_READS_H

#include "atomic/direct.h"
#include "atomic/map.h"

/* What a reader wants to know of a key. */
typedef enum {
    READ_PRESENCE, /* whether it has a value */
    READ_OBJECT,   /* the value, that very object */
    READ_VALUE,    /* the value, or an int equal to it */
    READ_PART,     /* what `take` takes of it, or else the value */
} reading;

#ifdef NODES_HAVE_READERS

/* The same without a lock: true, with whether the key has a value in *found. False: it has to be done under the lock, or
 * has *failed.
 *
 * A small int that all threads would count in one place is copied: threads that read one counter, or keys with one value,
 * then write nothing that others read. */
FORCE_INLINE bool
map_read_inside(AtomicMapObject *self, map_key *k, reading what, value_taker take, void *into, bool *found,
                PyObject **value, bool *failed)
{
    bool undecided = false, copied = false;
    Py_ssize_t number = 0;
    grace_record *visit = grace_enter(self);
    if (UNLIKELY(visit == NULL))
        return false;
    champ_node *root = atomic_load_explicit(&self->roots[slot_index(k->probe.hash)], memory_order_seq_cst);
    pair *entry = champ_find(root, &k->probe, &undecided);
    *found = entry != NULL;
    if (entry != NULL && what != READ_PRESENCE) {
        PyObject *object = value_load(entry);
        copied = what == READ_VALUE && object_is_counted_by_all(object) && small_int_value(object, &number);
        if (!copied && (what != READ_PART || !take(object, into)))
            *value = Py_NewRef(object);
    }
    bool awaited = grace_leave(visit);
    if (copied)
        *value = PyLong_FromSsize_t(number);
    *failed = copied ? *value == NULL : undecided && PyErr_Occurred() != NULL;
    if (UNLIKELY(awaited) && !*failed)
        late_release(self, &self->left);
    return !undecided && !*failed;
}

#endif

/* True, with a new reference in *value, or NULL if the key has no value; *found says that too, and it alone does with
 * READ_PRESENCE, and with READ_PART where the part was taken. False: failed (exception set). */
FORCE_INLINE bool
map_read(AtomicMapObject *self, PyObject *key, reading what, value_taker take, void *into, bool *found,
         PyObject **value)
{
    map_key k;
    *value = NULL;
    if (UNLIKELY(probe_init(&k.probe, key) < 0))
        return false;
    k.in_place = true;
#ifdef NODES_HAVE_READERS
    bool failed = false;
    if (LIKELY(map_read_inside(self, &k, what, take, into, found, value, &failed)))
        return true;
    if (UNLIKELY(failed))
        return false;
#else
    (void)what;
    (void)take;
    (void)into;
#endif
    bool done = map_read_locked(self, &k, value);
    *found = *value != NULL;
    return done;
}

/* A new reference to what is under the key, or to an int equal to it; NULL: absent, or *failed (exception set). */
static inline PyObject *
map_look(AtomicMapObject *self, PyObject *key, bool *failed)
{
    bool found;
    PyObject *value;
    *failed = !map_read(self, key, READ_VALUE, NULL, NULL, &found, &value);
    return value;
}

/* A new reference to the very object that is under the key; NULL: absent, or *failed (exception set). */
static inline PyObject *
map_find(AtomicMapObject *self, PyObject *key, bool *failed)
{
    bool found;
    PyObject *value;
    *failed = !map_read(self, key, READ_OBJECT, NULL, NULL, &found, &value);
    return value;
}

/* Whether there is something under the key: 1, 0, or -1 (exception set). */
static inline int
map_has(AtomicMapObject *self, PyObject *key)
{
    bool found;
    PyObject *value;
    if (!map_read(self, key, READ_PRESENCE, NULL, NULL, &found, &value))
        return -1;
    Py_XDECREF(value);
    return found;
}

#endif
