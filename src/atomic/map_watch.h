/* The versions of an AtomicMap, waiting for one, and watches. Included by map.c alone.
 *
 * The watches are those of an AtomicRef, the mirror, in which each change publishes a snapshot while a watch is open. */
#ifndef FROZEN_ATOMIC_MAP_WATCH_H
#define FROZEN_ATOMIC_MAP_WATCH_H

#include "atomic/map_whole.h"
#include "ref/direct.h"

static PyObject *
atomic_map_version(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(map_version((AtomicMapObject *)op));
}

static PyObject *
atomic_map_get_versioned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    uint64_t version = 0;
    family *types = map_family(op);
    PyObject *snapshot = types != NULL ? map_snapshot((AtomicMapObject *)op, types, &version) : NULL;
    return versioned_pair(snapshot, version);
}

static PyObject *
atomic_map_wait(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return wait_for_version(&((AtomicMapObject *)op)->waiters, map_version, op, args, kwargs);
}

/* Publishes what the map holds in its mirror, if that has something else: then the mirror's watches are called.
 *
 * The snapshot is taken after the mirror's version was read, and published only if that is still its version. So the
 * snapshots in the mirror follow each other as they were taken, and once a writer that has changed the map returns from
 * here, the mirror has a snapshot with that change. */
static bool
map_reflect(AtomicMapObject *self, reference *mirror)
{
    int done = 0;
    while (done == 0) {
        uint64_t version;
        PyObject *known = reference_read(mirror, &version), *snapshot = NULL;
        family *types = map_family((PyObject *)self);
        done = -1;
        if (known != NULL && types != NULL && Py_TYPE(known) == types->container) {
            map_lock(self);
            done = map_holds(self, ((container *)known)->root);
            map_unlock(self);
            if (done == 0) {
                snapshot = map_snapshot(self, types, NULL);
                done = snapshot != NULL ? atomic_ref_store_if((PyObject *)mirror, known, snapshot, version) : -1;
            }
        }
        Py_XDECREF(known);
        Py_XDECREF(snapshot);
    }
    if (done > 0 || !PyErr_Occurred())
        return true;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return false;
    PyErr_WriteUnraisable((PyObject *)self); /* the change itself is done */
    return true;
}

/* The AtomicRef of snapshots (borrowed), made when it is asked for first; NULL: failed (exception set). */
static PyObject *
map_mirror(AtomicMapObject *self)
{
    PyObject *mirror = atomic_load(&self->mirror), *none = NULL;
    if (mirror != NULL)
        return mirror;
    module_state *state = module_state_of((PyObject *)self);
    PyObject *snapshot = state != NULL ? map_snapshot(self, &state->local_map, NULL) : NULL;
    mirror = snapshot != NULL ? PyObject_CallOneArg((PyObject *)state->atomic_ref, snapshot) : NULL;
    Py_XDECREF(snapshot);
    if (mirror == NULL || atomic_compare_exchange_strong(&self->mirror, &none, mirror))
        return mirror;
    Py_DECREF(mirror);
    return none;
}

/* `_mirror`: for frozen._atomic_map. It is brought up to date, which no writer does while there is no watch. */
static PyObject *
atomic_map_mirror(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    PyObject *mirror = map_mirror(self);
    return mirror != NULL && map_reflect(self, (reference *)mirror) ? Py_NewRef(mirror) : NULL;
}

/* The mirror is brought up to date again once the watch is open, for a writer may not have seen it before. */
static PyObject *
atomic_map_watch(PyObject *op, PyObject *callback)
{
    AtomicMapObject *self = (AtomicMapObject *)op;
    PyObject *mirror = atomic_map_mirror(op, NULL);
    PyObject *method = mirror != NULL ? PyObject_GetAttrString(mirror, "watch") : NULL;
    PyObject *watch = method != NULL ? PyObject_CallOneArg(method, callback) : NULL;
    bool undisturbed = watch == NULL || map_reflect(self, (reference *)mirror);
    Py_XDECREF(method);
    Py_XDECREF(mirror);
    if (undisturbed)
        return watch;
    PyObject *interrupt = take_exception(), *closed = PyObject_CallMethod(watch, "close", NULL);
    Py_XDECREF(closed);
    Py_DECREF(watch);
    restore_exception(interrupt);
    return NULL;
}

static PyObject *
atomic_map_changed(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "changed", op, args, kwargs);
}

static PyObject *
atomic_map_changes(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._atomic_map", "changes", op, args, kwargs);
}

#endif
