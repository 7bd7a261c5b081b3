/* The watches of an AtomicRef: a list, whose callbacks the publishing thread calls after it has released every lock.
 *
 * The list owns its watches. Its lock is that of the waiters, and their count counts the watches too, so that a
 * publication of a reference that no thread waits for and no watch hears pays for one load. */

#include "ref/atomic_ref.h"
#include "ref/watch.h"

/* ---- the list ---- */

static void
atomic_watches_add(AtomicRefObject *ref, WatchObject *watch)
{
    watch_list *list = &ref->watches;
    Py_INCREF(watch);
    ref_mutex_lock(ref->pub.waiters.lock);
    watch->number = list->opened++;
    watch->next = NULL;
    if (list->first == NULL)
        list->end = &list->first;
    watch->link = list->end;
    *list->end = watch;
    list->end = &watch->next;
    atomic_fetch_add_explicit(&ref->pub.waiters.count, 1, memory_order_seq_cst);
    ref_mutex_unlock(ref->pub.waiters.lock);
}

/* The caller holds the lock and gets the list's reference; false: it is not in the list (any more). */
static bool
atomic_watches_unlink(AtomicRefObject *ref, WatchObject *watch)
{
    if (watch->link == NULL)
        return false;
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    else
        ref->watches.end = watch->link;
    watch->link = NULL;
    atomic_fetch_sub_explicit(&ref->pub.waiters.count, 1, memory_order_seq_cst);
    return true;
}

static void
atomic_watches_remove(AtomicRefObject *ref, WatchObject *watch)
{
    ref_mutex_lock(ref->pub.waiters.lock);
    bool removed = atomic_watches_unlink(ref, watch);
    ref_mutex_unlock(ref->pub.waiters.lock);
    if (removed)
        Py_DECREF(watch);
}

void
atomic_watches_forget(AtomicRefObject *self)
{
    WatchObject *watch;
    do {
        ref_mutex_lock(self->pub.waiters.lock);
        watch = self->watches.first;
        if (watch != NULL)
            atomic_watches_unlink(self, watch);
        ref_mutex_unlock(self->pub.waiters.lock);
        Py_XDECREF(watch);
    } while (watch != NULL);
}

int
atomic_watches_traverse(AtomicRefObject *self, visitproc visit, void *arg)
{
    for (WatchObject *watch = self->watches.first; watch != NULL; watch = watch->next)
        Py_VISIT(watch);
    return 0;
}

/* Where to go on after the last of `count` watches, which were taken from the list in its order.  Each may have been
 * closed since; what follows one that is still in the list was opened later than those behind it. */
static WatchObject *
atomic_watches_after(AtomicRefObject *ref, WatchObject *const *taken, Py_ssize_t count)
{
    for (Py_ssize_t i = count - 1; i >= 0; i--) {
        if (taken[i]->link != NULL)
            return taken[i]->next;
    }
    WatchObject *watch = ref->watches.first;
    while (count > 0 && watch != NULL && watch->number <= taken[count - 1]->number)
        watch = watch->next;
    return watch;
}

/* Goes through the list some watches at a time, so that it needs no memory and the lock is held shortly. A watch that
 * is opened later than this call begins looks for itself (atomic_ref_watch). */
void
atomic_watches_deliver(AtomicRefObject *self, PyObject **interrupt)
{
    enum { AT_ONCE = 32 };
    WatchObject *taken[AT_ONCE], *done[AT_ONCE];
    Py_ssize_t count = 0, previous;
    uint64_t end = UINT64_MAX;
    do {
        previous = count;
        count = 0;
        memcpy(done, taken, (size_t)previous * sizeof(taken[0]));
        ref_mutex_lock(self->pub.waiters.lock);
        if (end == UINT64_MAX)
            end = self->watches.opened;
        WatchObject *watch = atomic_watches_after(self, done, previous);
        for (; watch != NULL && watch->number < end && count < AT_ONCE; watch = watch->next)
            taken[count++] = (WatchObject *)Py_NewRef(watch);
        ref_mutex_unlock(self->pub.waiters.lock);
        for (Py_ssize_t i = 0; i < previous; i++)
            Py_DECREF(done[i]);
        for (Py_ssize_t i = 0; i < count; i++)
            watch_deliver(taken[i], interrupt);
    } while (count > 0);
}

/* ---- opening and closing ---- */

static PyObject *
atomic_ref_watch_as(PyObject *op, PyObject *callback, bool is_signal)
{
    AtomicRefObject *ref = (AtomicRefObject *)op;
    module_state *state = module_state_of(op);
    WatchObject *self = (WatchObject *)(state != NULL ? watch_new(state, op, callback, is_signal) : NULL);
    if (self == NULL)
        return NULL;
    atomic_watches_add(ref, self);
    PyObject *interrupt = NULL;
    watch_deliver(self, &interrupt); /* what was published before the line above may have found no watch */
    if (interrupt != NULL) {
        atomic_watches_remove(ref, self);
        Py_CLEAR(self);
        restore_exception(interrupt);
    }
    return (PyObject *)self;
}

PyObject *
atomic_ref_watch(PyObject *op, PyObject *callback)
{
    return atomic_ref_watch_as(op, callback, false);
}

PyObject *
atomic_ref_signal(PyObject *op, PyObject *callback)
{
    return atomic_ref_watch_as(op, callback, true);
}

/* `ref_kind.unwatch` */
void
atomic_watch_close(WatchObject *self)
{
    atomic_watches_remove((AtomicRefObject *)self->target, self);
}
