/* The versions of an AtomicMap, waiting for one, and watches. Included by map.c alone.
 *
 * The watches are those of an AtomicRef, the mirror, in which each change publishes a snapshot while a watch is open. */
#ifndef FROZEN_ATOMIC_MAP_WATCH_H
#define FROZEN_ATOMIC_MAP_WATCH_H

#include "atomic/map_whole.h"

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

/* As slot_wait in ref/waiters.h, for the versions of all slots. */
static park_result
map_wait(AtomicMapObject *self, uint64_t version, long long microseconds)
{
    if (map_version(self) > version)
        return PARK_WOKEN;
    waiter *w = PyMem_RawCalloc(1, sizeof(waiter));
    if (w == NULL || !parker_init(&w->parker)) {
        PyMem_RawFree(w);
        PyErr_NoMemory();
        return PARK_ERROR;
    }
    w->version = version;
    w->thread = thread_number();
    waiters_add(&self->waiters, w);
    park_result result = map_version(self) <= version ? parker_park(&w->parker, microseconds) : PARK_WOKEN;
    waiters_remove(&self->waiters, w);
    parker_free(&w->parker);
    PyMem_RawFree(w);
    return result == PARK_TIMEOUT && map_version(self) > version ? PARK_WOKEN : result;
}

static PyObject *
atomic_map_wait(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"version", "timeout", NULL};
    PyObject *number, *timeout = NULL;
    uint64_t version;
    long long microseconds;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:wait", names, &number, &timeout)
        || !parse_version(number, &version) || !parse_timeout(timeout, &microseconds))
        return NULL;
    park_result result = map_wait((AtomicMapObject *)op, version, microseconds);
    return result != PARK_ERROR ? PyBool_FromLong(result == PARK_WOKEN) : NULL;
}

/* Publishes what the map holds in its mirror, if that has something else: then the mirror's watches are called.
 *
 * The snapshot is taken after the mirror's version was read, and published only if that is still its version. So the
 * snapshots in the mirror follow each other as they were taken, and once a writer that has changed the map returns from
 * here, the mirror has a snapshot with that change. */
static bool
map_reflect(AtomicMapObject *self, reference *mirror)
{
    for (int done = 0; !done;) {
        uint64_t version;
        PyObject *known = reference_read(mirror, &version);
        family *types = map_family((PyObject *)self);
        PyObject *snapshot = NULL, *result = NULL;
        if (known != NULL && types != NULL && Py_TYPE(known) == types->container) {
            map_lock(self);
            done = map_holds(self, ((container *)known)->root);
            map_unlock(self);
            if (!done && (snapshot = map_snapshot(self, types, NULL)) != NULL) {
                PyObject *number = PyLong_FromUnsignedLongLong(version);
                PyObject *method =
                    number != NULL ? PyObject_GetAttrString((PyObject *)mirror, "compare_and_set") : NULL;
                PyObject *names = method != NULL ? Py_BuildValue("(s)", "version") : NULL;
                PyObject *args[] = {known, snapshot, number};
                result = names != NULL ? PyObject_Vectorcall(method, args, 2, names) : NULL;
                done = result == Py_True;
                Py_XDECREF(names);
                Py_XDECREF(method);
                Py_XDECREF(number);
            }
        }
        bool failed = !done && result == NULL;
        Py_XDECREF(known);
        Py_XDECREF(snapshot);
        Py_XDECREF(result);
        if (!failed)
            continue;
        if (!PyErr_Occurred() || !PyErr_ExceptionMatches(PyExc_Exception))
            return !PyErr_Occurred();
        PyErr_WriteUnraisable((PyObject *)self); /* the change itself is done */
        return true;
    }
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

/* A function of frozen._atomic_map, with self at the head of the arguments. */
static PyObject *
call_python(const char *name, PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyObject *function = imported("frozen._atomic_map", name);
    PyObject *bound = function != NULL ? PyMethod_New(function, op) : NULL;
    PyObject *result = bound != NULL ? PyObject_Call(bound, args, kwargs) : NULL;
    Py_XDECREF(bound);
    Py_XDECREF(function);
    return result;
}

static PyObject *
atomic_map_changed(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python("changed", op, args, kwargs);
}

static PyObject *
atomic_map_changes(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python("changes", op, args, kwargs);
}

#endif
