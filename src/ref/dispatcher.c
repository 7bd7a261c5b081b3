/* The queues of watches that are due, and the threads that deliver them: see dispatcher.h. */

#include "ref/dispatcher.h"

enum {
    SLOW = 0,
    QUICK = 1,
    PATIENCE = 10000,  /* microseconds */
    LINGER = 100000,   /* microseconds that an idle thread stays when no watch is open */
    NO_STATE = 10000,  /* microseconds after which a thread that got no thread state tries again */
    IDLE_MOST = 2,
    LATE_MOST = 100,   /* calls of one watch while the interpreter ends: callbacks may keep publishing */
};

ref_mutex dispatcher_lock = REF_MUTEX_INIT;
bool dispatchers_hold;

void
dispatcher_release(dispatcher *self)
{
    if (atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) != 1)
        return;
    ref_mutex_lock(&dispatcher_lock);
    links_remove(&self->all);
    ref_mutex_unlock(&dispatcher_lock);
    parker_free(&self->parker);
    PyMem_RawFree(self);
}

/* ---- what is due ---- */

void
dispatcher_ring(dispatcher *self)
{
    if (self->rung)
        return;
    self->rung = true;
    parker_unpark(&self->parker);
}

/* Whether a thread at work comes back to the queues before it leaves.  The caller holds the lock. */
static bool
somebody_will_look(dispatcher *self)
{
    for (links *place = self->at_work.next; place != &self->at_work; place = place->next) {
        if (LINKS_OWNER(place, worker, place)->since != LEAVES)
            return true;
    }
    return false;
}

/* A publisher stores the version before it comes here, and a thread that takes a listener from the queue reads versions
 * after, both under the lock: whatever is published after a thread has looked makes the watch due again. */
void
dispatcher_due(listener *self)
{
    dispatcher *d = self->dispatcher;
    ref_mutex_lock(&dispatcher_lock);
    if (self->open.next != NULL && self->due.next == NULL && !(d->ending && self->late >= LATE_MOST)) {
        bool quick = self->watch->is_signal;
        links_append(&d->due[quick ? QUICK : SLOW], &self->due);
        if (quick || d->patient == 0 || !somebody_will_look(d))
            dispatcher_ring(d);
    }
    ref_mutex_unlock(&dispatcher_lock);
}

/* How long the user's functions are left to the threads that are at work, but for `me`, PATIENCE at most: 0 if these
 * are all in a call that takes its time, or there are none. The caller holds the lock. */
static long long
time_to_leave(dispatcher *self, const worker *me)
{
    long long left = 0, now = 0;
    for (links *place = self->at_work.next; place != &self->at_work; place = place->next) {
        const worker *other = LINKS_OWNER(place, worker, place);
        if (other == me || other->since == LEAVES)
            continue;
        if (other->since == ENTERS)
            return PATIENCE;
        if (now == 0)
            now = monotonic_microseconds();
        /* no longer than PATIENCE, even if the clock went back, as that of a virtual machine may that is moved */
        left = Py_MAX(left, Py_MIN(other->since + PATIENCE - now, PATIENCE));
    }
    return left;
}

/* The queue that `me`, or an idle thread, may take from now, or NULL: then in *wait the time after which to look again,
 * unless a ring comes before.  The caller holds the lock. */
static links *
queue_to_take(dispatcher *self, const worker *me, long long *wait)
{
    *wait = PARK_FOREVER;
    if (dispatchers_hold && !self->ending)
        return NULL;
    if (!links_empty(&self->due[QUICK]))
        return &self->due[QUICK];
    if (links_empty(&self->due[SLOW]))
        return NULL;
    *wait = time_to_leave(self, me);
    return *wait == 0 ? &self->due[SLOW] : NULL;
}

/* A watch that is due (new reference), for `me` to deliver now, or NULL. */
static WatchObject *
take_due(worker *me)
{
    dispatcher *self = me->dispatcher;
    WatchObject *watch = NULL;
    long long wait;
    ref_mutex_lock(&dispatcher_lock);
    links *queue = queue_to_take(self, me, &wait);
    if (queue != NULL) {
        listener *next = LINKS_OWNER(queue->next, listener, due);
        links_remove(&next->due);
        next->late += self->ending;
        watch = (WatchObject *)Py_NewRef(next->watch); /* it is open: the list still owns it */
        if (self->patient == 0 && !links_empty(&self->due[SLOW]))
            dispatcher_ring(self); /* this thread took the ring for all that is due, and may stay away with the first */
    }
    me->since = watch != NULL ? monotonic_microseconds() : LEAVES;
    ref_mutex_unlock(&dispatcher_lock);
    return watch;
}

/* Tells Python's `threading` about a thread that is about to run callbacks, or has run them. */
static void
tell_threading(const char *what)
{
    PyObject *function = imported("frozen._watching", what);
    PyObject *result = function != NULL ? PyObject_CallNoArgs(function) : NULL;
    if (result == NULL)
        PyErr_WriteUnraisable(function);
    Py_XDECREF(function);
    Py_XDECREF(result);
}

static void
deliver_one(WatchObject *watch, PyObject **interrupt)
{
    PyObject *here = NULL;
    watch_deliver(watch, interrupt != NULL ? interrupt : &here);
    if (here == NULL)
        return;
    restore_exception(here);
    PyErr_WriteUnraisable(watch->callback);
}

void
dispatcher_deliver(worker *me, PyObject **interrupt)
{
    bool told = false;
    WatchObject *watch;
    while ((watch = take_due(me)) != NULL) {
        if (!watch->is_signal) {
            dispatcher_keep_one_idle(me->dispatcher); /* if there is none to be had, the others wait for this call */
            if (me->is_own && !told)
                tell_threading("thread_begins");
            told = true;
        }
        deliver_one(watch, interrupt);
        Py_DECREF(watch);
    }
    if (me->is_own && told)
        tell_threading("thread_ends");
}

/* ---- threads ---- */

void
worker_begin(worker *me, dispatcher *self, bool is_own)
{
    me->dispatcher = self;
    me->thread = thread_number();
    me->is_own = is_own;
    me->since = ENTERS;
    links_append(&self->at_work, &me->place);
}

void
worker_end(worker *me)
{
    links_remove(&me->place);
}

/* Sleeps until rung, or for so many microseconds.  Called, and returns, with the lock held. */
static bool
thread_parks(dispatcher *self, long long microseconds)
{
    ref_mutex_unlock(&dispatcher_lock);
    bool woken = parker_sleep(&self->parker, microseconds);
    ref_mutex_lock(&dispatcher_lock);
    if (woken)
        self->rung = false;
    return woken;
}

/* Enters the interpreter and delivers.  Called, and returns, with the lock held. */
static void
thread_works(dispatcher *self)
{
    worker me;
    worker_begin(&me, self, true);
    ref_mutex_unlock(&dispatcher_lock);
    PyThreadState *state = PyThreadState_New(self->interpreter);
    if (state != NULL) {
        PyEval_RestoreThread(state);
        dispatcher_deliver(&me, NULL);
        PyThreadState_Clear(state);
        PyThreadState_DeleteCurrent();
    }
    ref_mutex_lock(&dispatcher_lock);
    worker_end(&me);
    if (state == NULL)
        thread_parks(self, NO_STATE); /* memory is short: try again later */
}

/* Sleeps until this thread has to deliver; false: until it is not needed.  Called, and returns, with the lock held. */
static bool
thread_sleeps(dispatcher *self)
{
    bool lingers = false;
    for (;;) {
        long long wait;
        if (self->ended || self->idle > IDLE_MOST || (lingers && links_empty(&self->open)))
            return false;
        if (queue_to_take(self, NULL, &wait) != NULL)
            return true;
        bool is_patient = wait != PARK_FOREVER;
        lingers = links_empty(&self->open);
        self->patient += is_patient;
        if (thread_parks(self, lingers ? LINGER : wait))
            lingers = false;
        self->patient -= is_patient;
    }
}

static void
thread_main(void *argument)
{
    dispatcher *self = argument;
    ref_mutex_lock(&dispatcher_lock);
    for (;;) {
        bool needed = thread_sleeps(self);
        self->idle--; /* it was counted when it was started */
        if (!needed)
            break;
        thread_works(self);
        self->idle++;
    }
    self->threads--;
    if (self->idle > 0)
        dispatcher_ring(self); /* this thread may have taken the others' ring: let one of them look */
    ref_mutex_unlock(&dispatcher_lock);
    dispatcher_release(self);
}

bool
dispatcher_keep_one_idle(dispatcher *self)
{
    ref_mutex_lock(&dispatcher_lock);
    bool start = self->idle == 0;
    if (start) {
        self->idle++;
        self->threads++;
    }
    ref_mutex_unlock(&dispatcher_lock);
    if (!start)
        return true;
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    if (PyThread_start_new_thread(thread_main, self) != PYTHREAD_INVALID_THREAD_ID)
        return true;
    ref_mutex_lock(&dispatcher_lock);
    self->idle--;
    self->threads--;
    ref_mutex_unlock(&dispatcher_lock);
    dispatcher_release(self);
    return false;
}

/* ---- opening and closing ---- */

static void
listener_heard(waiter *self)
{
    dispatcher_due((listener *)self);
}

bool
dispatcher_open(listener *self)
{
    dispatcher *d = self->dispatcher;
    publication *pub = self->watch->target->pub;
    ref_mutex_lock(&dispatcher_lock);
    bool open = !d->ended;
    if (open) {
        links_append(&d->open, &self->open);
        Py_INCREF(self->watch);
    }
    ref_mutex_unlock(&dispatcher_lock);
    if (!open) {
        PyErr_SetString(PyExc_RuntimeError, "this interpreter is ending: no new watches");
        return false;
    }
    self->waiter.version = self->watch->last_version;
    self->waiter.heard = listener_heard;
    waiters_add(&pub->waiters, &self->waiter);
    if (!dispatcher_keep_one_idle(d)) {
        dispatcher_close(self);
        PyErr_SetString(PyExc_RuntimeError,
                        "can't start a thread that calls the watches of SharedRefs: the system gives none");
        return false;
    }
    if (slot_version(&pub->slot) > self->waiter.version)
        dispatcher_due(self); /* a publication before waiters_add() rang no dispatcher */
    return true;
}

void
dispatcher_close(listener *self)
{
    dispatcher *d = self->dispatcher;
    ref_mutex_lock(&dispatcher_lock);
    bool was_open = links_remove(&self->open);
    links_remove(&self->due);
    if (was_open && links_empty(&d->open) && d->idle > 0)
        dispatcher_ring(d); /* the threads are not needed any more */
    ref_mutex_unlock(&dispatcher_lock);
    if (!was_open)
        return;
    waiters_remove(&self->watch->target->pub->waiters, &self->waiter);
    Py_DECREF(self->watch);
}
