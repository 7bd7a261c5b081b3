/* A dispatcher's life: it is made with the first module of an interpreter, and ends with the interpreter.
 *
 * The interpreter's own dict holds it, in a capsule, so that a second import of the module finds the same one.  What
 * atexit and os.register_at_fork() call holds the capsule and no object of the module's: an interpreter forgets those
 * functions after its last collection. */

#include "ref/dispatcher.h"

#include "platform/fork.h"

static const char capsule_name[] = "frozen dispatcher";
static links dispatchers = {&dispatchers, &dispatchers}; /* of the process */

static dispatcher *
dispatcher_in(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, capsule_name);
}

/* ---- the end of an interpreter ---- */

/* Whether all threads but the calling one are stopped for good: what they are in will not be finished. */
static bool
process_is_finalizing(void)
{
    PyObject *function = PySys_GetObject("is_finalizing"); /* borrowed */
    PyObject *answer = function != NULL ? PyObject_CallNoArgs(function) : NULL;
    bool yes = answer == Py_True;
    if (answer == NULL)
        PyErr_Clear();
    Py_XDECREF(answer);
    return yes;
}

/* Whether another thread than the caller has entered the interpreter.  The caller holds the lock. */
static bool
others_at_work(const dispatcher *self)
{
    uint64_t mine = thread_number(); /* a callback that ends its own interpreter does not wait for itself */
    for (links *place = self->at_work.next; place != &self->at_work; place = place->next) {
        if (LINKS_OWNER(place, worker, place)->thread != mine)
            return true;
    }
    return false;
}

/* Lets other threads run for a millisecond; false: a signal handler raised. */
static bool
nap(void)
{
    parker never;
    if (!parker_init(&never)) {
        PyErr_NoMemory();
        return false;
    }
    park_result result = parker_park(&never, 1000);
    parker_free(&never);
    return result != PARK_ERROR;
}

/* Delivers what is due and waits for the callbacks under way, until neither is left, and then sets *flag, if that is
 * not NULL, before anything else can become due. False with an exception set: interrupted, by a callback when all is
 * done. */
static bool
settle(dispatcher *self, bool *flag)
{
    PyObject *interrupt = NULL;
    bool quiet, interrupted = false;
    do {
        worker me;
        ref_mutex_lock(&dispatcher_lock);
        worker_begin(&me, self, false);
        ref_mutex_unlock(&dispatcher_lock);
        dispatcher_deliver(&me, &interrupt);
        bool alone = process_is_finalizing();
        ref_mutex_lock(&dispatcher_lock);
        worker_end(&me);
        bool due = !links_empty(&self->due[0]) || !links_empty(&self->due[1]);
        quiet = !due && (alone || !others_at_work(self));
        if (quiet && flag != NULL)
            *flag = true;
        ref_mutex_unlock(&dispatcher_lock);
        interrupted = !quiet && !nap();
    } while (!quiet && !interrupted);
    if (interrupted) { /* that says enough */
        Py_XDECREF(interrupt);
        return false;
    }
    restore_exception(interrupt);
    return interrupt == NULL;
}

/* Lets no thread enter any interpreter any more, and waits for those inside: for the atexit of the main interpreter.
 *
 * Up to 3.13 the end of the process ends interpreters that were left open when it has stopped all threads; a thread of
 * theirs that is stopped then keeps its thread state, and CPython aborts or hangs.  Those interpreters' own ends still
 * deliver. */
static bool
hold_all(void)
{
    bool quiet;
    do {
        quiet = true;
        ref_mutex_lock(&dispatcher_lock);
        dispatchers_hold = true;
        for (links *place = dispatchers.next; place != &dispatchers; place = place->next)
            quiet = quiet && !others_at_work(LINKS_OWNER(place, dispatcher, all));
        ref_mutex_unlock(&dispatcher_lock);
    } while (!quiet && nap());
    return quiet;
}

static void
close_all(dispatcher *self)
{
    WatchObject *watch;
    do {
        ref_mutex_lock(&dispatcher_lock);
        self->ended = true;
        links *first = self->open.next;
        watch = first != &self->open ? LINKS_OWNER(first, listener, open)->watch : NULL;
        Py_XINCREF(watch);
        ref_mutex_unlock(&dispatcher_lock);
        if (watch != NULL) {
            atomic_store(&watch->closed, true);
            dispatcher_close(watch->listener);
        }
        Py_XDECREF(watch);
    } while (watch != NULL);
    ref_mutex_lock(&dispatcher_lock);
    if (self->idle > 0)
        dispatcher_ring(self);
    ref_mutex_unlock(&dispatcher_lock);
}

/* ---- the keeper ----
 *
 * CPython 3.13.0 and 3.13.1 keep an interpreter's first thread state in the interpreter, and hand it out again as soon
 * as the interpreter has no other.  A thread that leaves may not have cleared it by then, and the process ends with
 * "thread state already initialized" (gh-126914).  The dispatcher's threads enter an interpreter while others leave it,
 * so it gets a thread state there that stays until its end: CPython allocates each further one.  Py_EndInterpreter()
 * wants no other thread state than the caller's after atexit. */

/* Called by a thread that runs in the interpreter, whose other thread states may be gone. */
static void
keeper_stays(dispatcher *self)
{
    if (Py_Version >= 0x030D0000 && Py_Version < 0x030D0200 && self->interpreter != PyInterpreterState_Main())
        self->keeper = PyThreadState_New(self->interpreter);
}

/* The end of a process deletes an interpreter's newest thread state unasked, so the keeper is looked for; its memory
 * may then be the calling thread's own state. */
static void
keeper_goes(dispatcher *self)
{
    PyThreadState *state = self->keeper == NULL ? NULL : PyInterpreterState_ThreadHead(self->interpreter);
    while (state != NULL && state != self->keeper)
        state = PyThreadState_Next(state);
    self->keeper = NULL;
    if (state == NULL || state == PyThreadState_Get())
        return;
    PyThreadState_Clear(state);
    PyThreadState_Delete(state);
}

/* ---- the end ---- */

/* For atexit.  Everything that was due has been delivered when it returns, unless it was interrupted. */
static PyObject *
end(PyObject *capsule, PyObject *Py_UNUSED(ignored))
{
    dispatcher *self = dispatcher_in(capsule);
    ref_mutex_lock(&dispatcher_lock);
    self->ending = true;
    ref_mutex_unlock(&dispatcher_lock);
    bool done = settle(self, &self->ended);
    PyObject *error = done ? NULL : take_exception();
    close_all(self);
    keeper_goes(self);
    if (self->interpreter == PyInterpreterState_Main() && !hold_all()) {
        if (error != NULL)
            PyErr_Clear();
        else
            error = take_exception();
    }
    restore_exception(error);
    return error == NULL ? Py_NewRef(Py_None) : NULL;
}

/* When the interpreter's dict goes, whether atexit was heeded or not: its memory is about to be freed. */
static void
capsule_freed(PyObject *capsule)
{
    dispatcher *self = dispatcher_in(capsule);
    ref_mutex_lock(&dispatcher_lock);
    self->ended = true;
    ref_mutex_unlock(&dispatcher_lock);
    dispatcher_release(self);
}

/* ---- fork ---- */

/* Forgets the workers that the child does not have; how many threads of the dispatcher's it has: one, if the thread
 * that forked is in a callback, or none. */
static int
workers_after_fork(dispatcher *self)
{
    int own = 0;
    for (links *place = self->at_work.next, *next; place != &self->at_work; place = next) {
        const worker *here = LINKS_OWNER(place, worker, place);
        next = place->next;
        if (thread_vanished(here->thread))
            links_remove(place);
        else
            own += here->is_own;
    }
    return own;
}

/* In the child, which has the forking thread only. */
static PyObject *
after_fork(PyObject *capsule, PyObject *Py_UNUSED(ignored))
{
    dispatcher *self = dispatcher_in(capsule);
    if (!parker_init(&self->parker)) /* what the parent's threads slept on is not freed */
        return PyErr_NoMemory();
    keeper_stays(self); /* CPython has freed all thread states but this thread's */
    int threads = workers_after_fork(self);
    atomic_fetch_sub_explicit(&self->references, self->threads - threads, memory_order_relaxed);
    self->threads = threads;
    self->idle = self->patient = 0;
    self->rung = false;
    dispatchers_hold = false;
    for (links *place = self->open.next; place != &self->open; place = place->next) {
        listener *open = LINKS_OWNER(place, listener, open);
        if (slot_version(&open->watch->target->pub->slot) > open->watch->last_version)
            dispatcher_due(open); /* a thread of the parent's may have taken it from the queue */
    }
    if (!links_empty(&self->open) && !dispatcher_keep_one_idle(self)) {
        PyErr_SetString(PyExc_RuntimeError, "can't start a thread in the child of a fork: its watches are not called");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- the beginning ---- */

static PyObject *
hold(PyObject *Py_UNUSED(none), PyObject *Py_UNUSED(ignored))
{
    return hold_all() ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef hooks[] = {
    {"end_of_watches", end, METH_NOARGS, NULL},
    {"watches_after_fork", after_fork, METH_NOARGS, NULL},
    {"hold_watches", hold, METH_NOARGS, NULL},
};

/* Calls `module`.`function`(hook) or (after_in_child=hook): 0, or -1 (exception set); also 0 where there is no such
 * function. */
static int
hook_add(const char *module, const char *name, const char *keyword, PyObject *capsule, PyMethodDef *hook)
{
    PyObject *function = imported(module, name), *bound = NULL, *args = NULL, *kwargs = NULL, *result = NULL;
    if (function == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return 0;
    }
    if (function != NULL && (bound = PyCFunction_New(hook, capsule)) != NULL) {
        args = keyword != NULL ? PyTuple_New(0) : PyTuple_Pack(1, bound);
        kwargs = keyword != NULL ? Py_BuildValue("{sO}", keyword, bound) : NULL;
        if (args != NULL && (keyword == NULL || kwargs != NULL))
            result = PyObject_Call(function, args, kwargs);
    }
    Py_XDECREF(function);
    Py_XDECREF(bound);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

#if PY_VERSION_HEX >= 0x030C0000 /* before, a pending call is the calling interpreter's */
/* The main interpreter's main thread calls this, before its atexit at the latest. */
static int
hold_at_exit(void *Py_UNUSED(ignored))
{
    return hook_add("atexit", "register", NULL, NULL, &hooks[2]);
}

/* The main interpreter may not have imported us: its atexit holds all the same (hold_all). */
static void
have_main_hold(void)
{
    static bool asked; /* guarded by the lock */
    ref_mutex_lock(&dispatcher_lock);
    bool ask = !asked;
    asked = true;
    ref_mutex_unlock(&dispatcher_lock);
    if (ask && Py_AddPendingCall(hold_at_exit, NULL) < 0) {
        ref_mutex_lock(&dispatcher_lock);
        asked = false; /* too many calls are pending: the next interpreter asks */
        ref_mutex_unlock(&dispatcher_lock);
    }
}
#else
static void
have_main_hold(void)
{
}
#endif

/* A new dispatcher in a capsule, or NULL (exception set). */
static PyObject *
dispatcher_new(void)
{
    dispatcher *self = PyMem_RawCalloc(1, sizeof(dispatcher));
    if (self == NULL || !parker_init(&self->parker)) {
        PyMem_RawFree(self);
        return PyErr_NoMemory();
    }
    atomic_init(&self->references, 1);
    self->interpreter = PyInterpreterState_Get();
    links_init(&self->open);
    links_init(&self->due[0]);
    links_init(&self->due[1]);
    links_init(&self->at_work);
    bool is_main = self->interpreter == PyInterpreterState_Main();
    ref_mutex_lock(&dispatcher_lock);
    links_append(&dispatchers, &self->all);
    if (is_main)
        dispatchers_hold = false; /* CPython was initialised anew in this process */
    ref_mutex_unlock(&dispatcher_lock);
    if (!is_main)
        have_main_hold();
    PyObject *capsule = PyCapsule_New(self, capsule_name, capsule_freed);
    if (capsule == NULL)
        dispatcher_release(self);
    return capsule;
}

/* The capsule of the interpreter's dispatcher, making it if need be (borrowed from the interpreter), or NULL
 * (exception set). */
static PyObject *
capsule_of_interpreter(void)
{
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (dict == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this interpreter is ending: frozen cannot be imported any more");
        return NULL;
    }
    PyObject *key = PyUnicode_FromFormat("%s %p", capsule_name, (void *)hooks),
             *capsule = NULL; /* of this copy of the code */
    if (key != NULL && dict_lookup(dict, key, &capsule) == 0 && (capsule = dispatcher_new()) != NULL) {
        if (hook_add("atexit", "register", NULL, capsule, &hooks[0]) < 0
            || hook_add("os", "register_at_fork", "after_in_child", capsule, &hooks[1]) < 0
            || PyDict_SetItem(dict, key, capsule) < 0)
            Py_CLEAR(capsule);
        else
            keeper_stays(dispatcher_in(capsule));
    }
    Py_XDECREF(key);
    Py_XDECREF(capsule); /* the dict has it */
    return capsule;
}

int
dispatcher_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    if (fork_guard(&dispatcher_lock, 1) < 0)
        return -1;
    PyObject *capsule = capsule_of_interpreter();
    if (capsule == NULL)
        return -1;
    state->dispatcher = dispatcher_in(capsule);
    atomic_fetch_add_explicit(&state->dispatcher->references, 1, memory_order_relaxed);
    return 0;
}

void
dispatcher_teardown(module_state *state)
{
    dispatcher *self = state->dispatcher;
    state->dispatcher = NULL;
    if (self != NULL)
        dispatcher_release(self);
}

/* ---- functions of the module ---- */

static PyObject *
settle_watches(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    module_state *state = PyModule_GetState(module);
    return settle(state->dispatcher, NULL) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
threads_of_watches(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    dispatcher *self = ((module_state *)PyModule_GetState(module))->dispatcher;
    ref_mutex_lock(&dispatcher_lock);
    int threads = self->threads, idle = self->idle;
    ref_mutex_unlock(&dispatcher_lock);
    return Py_BuildValue("(ii)", threads, idle);
}

PyMethodDef dispatcher_functions[] = {
    {"_settle_watches", settle_watches, METH_NOARGS,
     "Deliver what is due to watches of SharedRefs in this interpreter, and wait for the callbacks under way."},
    {"_threads_of_watches", threads_of_watches, METH_NOARGS,
     "(threads that deliver watches of SharedRefs in this interpreter, those of them that are idle), for tests."},
    {NULL, NULL, 0, NULL},
};
