#include "platform/private_counts.h"

#include "platform/clock.h"
#include "platform/parker.h"
#include "platform/spinlock.h"

/* What reader.h and atomic/map.h need of CPython's counting is no public promise. It was read in the sources of some
 * versions and tested on fewer. On the others each process tries it, with four objects of the thread that loads the
 * extension (the owner) and a second thread, which exists for that:
 *
 *     second thread                                 owner, in C code without a call into the interpreter
 *     -------------                                 ----------------------------------------------------
 *     another reference to `merged`                 waits, attached
 *     drops the reference to `read`, `left`         `read`, `left` live: only their owner may free them, and at a
 *     drops the reference to `disowned`                safepoint only; this is where a header is loaded and counted
 *                                                   `disowned` is freed, by the second thread, at once
 *                                                   takes a reference to `read`
 *                                                   drops its own to `merged`, which has no owner then, then the other's:
 *                                                      it is freed at once
 *                                                   a safepoint
 *                                                   `left` is freed, `read` lives until its reference is dropped
 *
 * While both are attached no thread can stop the world, for the collector say. So neither waits long for the other in that
 * state: it detaches now and then, and both meet once the world goes on. If they do not meet, the counts are not
 * relied on: references are read under their lock then, which is always right. */

#if REF_THREAD_HEADERS

_Atomic(int) private_counts_decision;

/* Tests put faults of CPython in their place. */
#ifndef COUNTS_DROP
#define COUNTS_DROP(op) Py_DECREF(op)
#define COUNTS_IN_C() ((void)0)
#define COUNTS_SAFEPOINT() safepoint()
#endif

enum { /* microseconds */
       PATIENCE = 5 * 1000,          /* ... that a thread waits attached */
       MEETING = 500 * 1000,         /* ... that the owner tries to meet the second thread */
       LONG_PATIENCE = 10 * 1000000, /* ... detached, for the end of the second thread */
};

typedef enum {
    OWNER_OUT, /* the owner is not attached, or about to detach */
    OWNER_IN,  /* ... waits attached */
    ACTING,    /* ... still does, until the second thread has done its part */
    DONE,
    GIVEN_UP,
} meeting;

typedef enum {
    FAULT_OWNER = 1 << 0,
    FAULT_OTHERS_FREE = 1 << 1,
    FAULT_FREED_IN_C = 1 << 2,
    FAULT_SAFEPOINT = 1 << 3,
    FAULT_MERGED = 1 << 4,
    FAULT_UNDECIDED = 1 << 5,
} count_fault;

static const char *const faults[] = {
    "a thread knows which objects are its own",
    "an object that is not merged is freed by its owner alone",
    "no C code between two calls into the interpreter has a safepoint",
    "an owner frees at its next safepoint what others dropped",
    "an object without an owner is freed by the thread that drops it last, at once",
    "a second thread could run",
};

typedef enum { READ, LEFT, MERGED, DISOWNED, PROBES } probe_name;

typedef struct {
    PyObject *probes[PROBES];
    _Atomic(unsigned long) freed_by[PROBES]; /* a thread; 0: the probe lives */
    PyThreadState *state; /* the second thread's */
    parker end;
    unsigned found; /* by the second thread, before DONE */
    _Atomic(int) phase;
    bool is_abandoned; /* the second thread has not ended, and may still come to all of this: nothing is freed */
} trial;

typedef struct {
    PyObject_HEAD
    _Atomic(unsigned long) *freed_by;
} probe_object;

static void
probe_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    atomic_store(((probe_object *)op)->freed_by, PyThread_get_thread_ident());
    type->tp_free(op);
    Py_DECREF(type);
}

static PyType_Slot probe_slots[] = {
    {Py_tp_dealloc, probe_dealloc},
    {0, NULL},
};

static PyType_Spec probe_spec = {
    .name = "frozen._core.count_probe",
    .basicsize = sizeof(probe_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = probe_slots,
};

static unsigned long
freed_by(trial *self, probe_name name)
{
    return atomic_load(&self->freed_by[name]);
}

static bool
pass_to(trial *self, meeting from, meeting to)
{
    int expected = from;
    return atomic_compare_exchange_strong(&self->phase, &expected, to);
}

/* The second thread's part. */
static void
act(trial *self)
{
    for (int name = 0; name < PROBES; name++)
        if (object_is_mine(self->probes[name]) || (name != DISOWNED && object_is_merged(self->probes[name])))
            self->found |= FAULT_OWNER;
    Py_INCREF(self->probes[MERGED]);
    COUNTS_DROP(self->probes[READ]);
    COUNTS_DROP(self->probes[LEFT]);
    COUNTS_DROP(self->probes[DISOWNED]);
    atomic_store(&self->phase, DONE);
}

static void
second_thread(void *argument)
{
    trial *self = argument;
    PyEval_AcquireThread(self->state);
    long long end = monotonic_microseconds() + PATIENCE;
    bool met;
    while (!(met = pass_to(self, OWNER_IN, ACTING)) && atomic_load(&self->phase) != GIVEN_UP) {
        if (monotonic_microseconds() > end) {
            PyEval_ReleaseThread(self->state);
            PyEval_AcquireThread(self->state);
            end = monotonic_microseconds() + PATIENCE;
        }
        THREAD_YIELD();
    }
    if (met)
        act(self);
    PyThreadState_Clear(self->state);
    PyThreadState_DeleteCurrent();
    parker_unpark(&self->end);
}

/* Handlers of what is due run, and this thread frees what others queued for it. False: exception set. */
static bool
safepoint(void)
{
    PyObject *names = PyDict_New(), *result = NULL;
    if (names != NULL)
        result = PyRun_String("None", Py_eval_input, names, names);
    Py_XDECREF(names);
    Py_XDECREF(result);
    return result != NULL;
}

/* Waits until the second thread has done its part while this one stayed attached. False: they have not met. */
static bool
meet_attached(trial *self)
{
    long long give_up = monotonic_microseconds() + MEETING;
    for (;;) {
        long long now = monotonic_microseconds(), end = now + PATIENCE;
        if (now > give_up) {
            atomic_store(&self->phase, GIVEN_UP);
            return false;
        }
        atomic_store(&self->phase, OWNER_IN);
        while (atomic_load(&self->phase) == OWNER_IN && monotonic_microseconds() < end)
            THREAD_YIELD();
        if (!pass_to(self, OWNER_IN, OWNER_OUT)) {
            while (atomic_load(&self->phase) != DONE)
                THREAD_YIELD();
            return true;
        }
        Py_BEGIN_ALLOW_THREADS
        THREAD_YIELD();
        Py_END_ALLOW_THREADS
    }
}

static bool
wait_for_end(trial *self)
{
    bool ended;
    Py_BEGIN_ALLOW_THREADS
    ended = parker_sleep(&self->end, LONG_PATIENCE);
    Py_END_ALLOW_THREADS
    return ended;
}

/* What became of `read` and `left` before the safepoint. */
static unsigned
look_at_dropped(trial *self, unsigned long me)
{
    unsigned found = 0;
    for (int name = READ; name <= LEFT; name++)
        if (freed_by(self, name) != 0)
            found |= freed_by(self, name) == me ? FAULT_FREED_IN_C : FAULT_OTHERS_FREE;
    return found;
}

/* The owner gives `merged` up, then drops the last reference to it. */
static unsigned
drop_merged(trial *self, unsigned long me)
{
    PyObject *op = self->probes[MERGED];
    unsigned found = 0;
    if (!object_is_mine(op) || object_is_merged(op))
        found |= FAULT_OWNER;
    Py_DECREF(op);
    if (freed_by(self, MERGED) != 0)
        return found | FAULT_MERGED;
    if (object_is_mine(op) || !object_is_merged(op))
        found |= FAULT_MERGED;
    Py_DECREF(op);
    return freed_by(self, MERGED) == me ? found : found | FAULT_MERGED;
}

/* After the safepoint. */
static unsigned
look_at_freed(trial *self, bool held, unsigned long me)
{
    unsigned found = freed_by(self, LEFT) == me ? 0 : FAULT_SAFEPOINT;
    if (!held)
        return found;
    if (freed_by(self, READ) != 0)
        return found | FAULT_SAFEPOINT; /* although its owner held it */
    Py_DECREF(self->probes[READ]);
    return freed_by(self, READ) == me ? found : found | FAULT_SAFEPOINT;
}

/* The owner's part, once the second thread has done its own. -1: exception set. */
static int
examine(trial *self)
{
    unsigned long me = PyThread_get_thread_ident(), disowned = freed_by(self, DISOWNED);
    COUNTS_IN_C();
    unsigned found = self->found | look_at_dropped(self, me);
    if (disowned == 0 || disowned == me)
        found |= FAULT_MERGED;
    bool held = freed_by(self, READ) == 0;
    if (held)
        Py_INCREF(self->probes[READ]);
    found |= drop_merged(self, me);
    bool passed = COUNTS_SAFEPOINT();
    found |= look_at_freed(self, held, me);
    return passed ? (int)found : -1;
}

static bool
make_probes(trial *self)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(&probe_spec);
    for (int name = 0; type != NULL && name < PROBES; name++) {
        probe_object *probe = (probe_object *)type->tp_alloc(type, 0);
        self->probes[name] = (PyObject *)probe;
        if (probe == NULL)
            break;
        probe->freed_by = &self->freed_by[name];
    }
    Py_XDECREF((PyObject *)type);
    return self->probes[PROBES - 1] != NULL;
}

static void
drop_probes(trial *self)
{
    for (int name = 0; name < PROBES; name++)
        Py_XDECREF(self->probes[name]);
}

static bool
start(trial *self)
{
    if (!make_probes(self)) {
        drop_probes(self);
        return false;
    }
    self->state = PyThreadState_New(PyInterpreterState_Get());
    if (self->state == NULL) {
        drop_probes(self);
        PyErr_NoMemory();
        return false;
    }
    object_give_up(self->probes[DISOWNED]);
    if (PyThread_start_new_thread(second_thread, self) != PYTHREAD_INVALID_THREAD_ID)
        return true;
    PyThreadState_Clear(self->state);
    PyThreadState_Delete(self->state);
    drop_probes(self);
    return false;
}

/* The same with the GIL, which PYTHON_GIL=1 switches on in this build too: the second thread runs only while this one is in
 * a call into the interpreter, so it is waited for in one. */
static bool
meet_detached(trial *self, bool *ended)
{
    atomic_store(&self->phase, OWNER_IN);
    *ended = wait_for_end(self);
    return atomic_load(&self->phase) == DONE;
}

/* What was found, or -1 with an exception. */
static int
try_with(trial *self, bool gil)
{
    bool ended = false;
    if (!start(self))
        return PyErr_Occurred() ? -1 : FAULT_UNDECIDED;
    int found = FAULT_UNDECIDED;
    if (gil ? meet_detached(self, &ended) : meet_attached(self))
        found = examine(self);
    else if (!gil)
        drop_probes(self);
    if (!ended && !wait_for_end(self))
        self->is_abandoned = true;
    return found;
}

/* Asks as any Python code can, since there is no public function in C. */
static int
gil_is_enabled(void)
{
    PyObject *asked = PySys_GetObject("_is_gil_enabled"); /* borrowed */
    PyObject *answer = asked != NULL ? PyObject_CallNoArgs(asked) : Py_NewRef(Py_False);
    int enabled = answer != NULL ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return enabled;
}

/* What does not hold; -1: exception set. */
static int
private_counts_try(void)
{
    int gil = gil_is_enabled();
    if (gil < 0)
        return -1;
    trial *self = PyMem_RawCalloc(1, sizeof(trial));
    if (self == NULL || !parker_init(&self->end)) {
        PyMem_RawFree(self);
        PyErr_NoMemory();
        return -1;
    }
    int found = try_with(self, gil);
    if (!self->is_abandoned) {
        parker_free(&self->end);
        PyMem_RawFree(self);
    }
    return found;
}

/* The whole suite was run there. And once a second thread exists, 3.13 makes functions, classes and modules immortal, so
 * that programs without threads would end in another way, and keep more, only because they import this library. */
static bool
is_tested_version(void)
{
    return PY_VERSION_HEX < 0x030E0000;
}

int
private_counts_setup(void)
{
    int undecided = COUNTS_UNDECIDED;
    if (atomic_load(&private_counts_decision) != undecided)
        return 0;
    const char *wish = getenv("FROZEN_PRIVATE_COUNTS");
    bool is_unwanted = wish != NULL && strcmp(wish, "0") == 0, is_doubted = wish != NULL && strcmp(wish, "try") == 0;
    int found = is_unwanted || (is_tested_version() && !is_doubted) ? 0 : private_counts_try();
    if (found < 0)
        return -1;
    /* of interpreters that try at the same time, and may find different things, one decides for all */
    (void)atomic_compare_exchange_strong(&private_counts_decision, &undecided,
                                         found == 0 && !is_unwanted ? COUNTS_RELIED_ON : COUNTS_NOT_RELIED_ON);
    return 0;
}

PyObject *
private_counts_faults(void)
{
    int found = private_counts_try();
    PyObject *list = found >= 0 ? PyList_New(0) : NULL;
    for (size_t bit = 0; list != NULL && bit < sizeof(faults) / sizeof(*faults); bit++) {
        PyObject *text = found & (1 << bit) ? PyUnicode_FromString(faults[bit]) : NULL;
        if (found & (1 << bit) && (text == NULL || PyList_Append(list, text) < 0))
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

#else

int
private_counts_setup(void)
{
    return 0;
}

PyObject *
private_counts_faults(void)
{
    return PyList_New(0);
}

#endif
