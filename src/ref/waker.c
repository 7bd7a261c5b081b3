/* _Waker(wake): the callback of a watch that asks an event loop, by calling wake(), to look at a reference
 * (frozen/_aio.py).
 *
 * Until the loop has said by noticed() that it is about to look, further calls do nothing: a thousand publications cost
 * one wake-up. `state` is QUIET; RUNG once wake() has returned; or, while a thread is in wake(), that thread's number
 * (platform/fork.h), doubled: in the child of a fork a thread that only the parent has wakes no loop, so another one
 * does.
 *
 * No wake-up is lost. A publisher stores the version, then exchanges QUIET for its mark or finds that it need not. The
 * loop exchanges the state for QUIET, then, behind a fence, reads the version. All of it is sequentially consistent: a
 * publisher that found a mark that was there before the loop's exchange stored a version that the loop reads. And a
 * signal whose handler raises does not end the call before wake() has been called to its end. */

#include "platform/fork.h"
#include "module.h"

enum { QUIET = 0, RUNG = 1, TRIES = 100 };

typedef struct {
    PyObject_HEAD
    PyObject *wake;
    _Atomic(uint64_t) state;
} WakerObject;

/* Calls wake(), again if it is interrupted: false with an exception set, if it was; then *woken says whether it has
 * been called to its end all the same. */
static bool
call_wake(WakerObject *self, bool *woken)
{
    PyObject *interrupt = NULL;
    *woken = false;
    for (int tries = 0; !*woken && tries < TRIES; tries++) {
        PyObject *result = PyObject_CallNoArgs(self->wake);
        *woken = result != NULL;
        Py_XDECREF(result);
        if (result == NULL && PyErr_ExceptionMatches(PyExc_Exception))
            break;
        if (result == NULL && interrupt == NULL)
            interrupt = take_exception();
        else
            PyErr_Clear();
    }
    if (interrupt != NULL) {
        PyErr_Clear();
        restore_exception(interrupt);
    }
    return !PyErr_Occurred();
}

static PyObject *
waker_call(PyObject *op, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    WakerObject *self = (WakerObject *)op;
    uint64_t mine = thread_number() << 1, seen = QUIET;
    bool woken;
    while (!atomic_compare_exchange_strong(&self->state, &seen, mine)) {
        if (seen == RUNG || !thread_vanished(seen >> 1))
            Py_RETURN_NONE;
    }
    bool done = call_wake(self, &woken);
    uint64_t expected = mine; /* unless the loop has noticed already */
    atomic_compare_exchange_strong(&self->state, &expected, woken ? RUNG : QUIET);
    return done ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
waker_noticed(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    atomic_exchange(&((WakerObject *)op)->state, QUIET);
    atomic_thread_fence(memory_order_seq_cst);
    Py_RETURN_NONE;
}

static PyObject *
waker_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"wake", NULL};
    PyObject *wake;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:_Waker", names, &wake))
        return NULL;
    WakerObject *self = (WakerObject *)type->tp_alloc(type, 0);
    if (self != NULL)
        self->wake = Py_NewRef(wake);
    return (PyObject *)self;
}

static int
waker_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((WakerObject *)op)->wake);
    return 0;
}

/* No tp_clear: a waker never changes; cycles through it are broken at the listener whose method it calls. */
static void
waker_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, waker_tp_dealloc)
    Py_XDECREF(((WakerObject *)op)->wake);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef waker_methods[] = {
    {"noticed", waker_noticed, METH_NOARGS,
     "noticed($self, /)\n--\n\nThe loop looks now: the next call wakes it again."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot waker_slots[] = {
    {Py_tp_new, waker_tp_new},         {Py_tp_call, waker_call},       {Py_tp_traverse, waker_tp_traverse},
    {Py_tp_dealloc, waker_tp_dealloc}, {Py_tp_methods, waker_methods}, {0, NULL},
};

PyType_Spec frozen_waker_spec = {
    .name = "frozen._core._Waker",
    .basicsize = sizeof(WakerObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = waker_slots,
};
