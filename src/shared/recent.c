/* Where a thread finds what it used last: see recent.h. */

#include "shared/recent.h"

#include "platform/thread_local.h"
#include "shared/current.h"
#include "shared/decoded.h"

/* Code that runs meanwhile may read, and so begin anew. */
static void
let_go(recent_use *recent)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(recent->plans); i++) {
        recent->plans[i].key = 0;
        Py_CLEAR(recent->plans[i].plan);
    }
    void *decoded = recent->decoded;
    recent->decoded = NULL;
    decoded_drop(decoded);
}

int
recent_traverse(module_state *state, visitproc visit, void *arg)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(state->recent.plans); i++)
        Py_VISIT(state->recent.plans[i].plan);
    return decoded_traverse(state->recent.decoded, visit, arg);
}

#ifndef Py_GIL_DISABLED

recent_use *
recent_here(void)
{
    module_state *state = current_state();
    if (LIKELY(state != NULL))
        return &state->recent;
    PyErr_Clear(); /* who makes the object finds out, too */
    return NULL;
}

void
recent_forget(module_state *state)
{
    let_go(&state->recent);
}

static void
end_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}

#else

/* A thread state, by address and number: addresses are used again. */
typedef struct {
    PyThreadState *state;
    uint64_t id;
} owner;

typedef struct {
    recent_use use;
    module_state *state;
    unsigned registrations; /* of the state when this was used last */
    unsigned long thread;
    owner owner;
    _Atomic(bool) closed; /* by another thread than its own, which frees it */
} thread_recent;

/* What the thread state has in its dict. */
typedef struct {
    PyObject_HEAD
    thread_recent *recent;
} recent_end;

/* That of the thread state that read last in this thread. */
static FROZEN_THREAD_LOCAL thread_recent *current;

/* The thread state that ended last in this thread: destructors that run while it is torn down begin nothing anew. */
static FROZEN_THREAD_LOCAL owner ended;

/* acquire: a thread that sees the number sees what was done to the plans before */
static bool
is_up_to_date(const thread_recent *recent, module_state *state)
{
    return recent->registrations == atomic_load_explicit(&state->registrations, memory_order_acquire);
}

/* What the thread state has, or a new one; NULL (an exception may be set). */
static thread_recent *
of_thread_state(module_state *state, PyThreadState *tstate)
{
    PyObject *dict = PyThreadState_GetDict(), *type = (PyObject *)state->recent_end; /* borrowed */
    PyObject *known = dict != NULL && type != NULL ? PyDict_GetItemWithError(dict, type) : NULL;
    if (known != NULL || dict == NULL || type == NULL || PyErr_Occurred())
        return known != NULL ? ((recent_end *)known)->recent : NULL;
    recent_end *end = (recent_end *)state->recent_end->tp_alloc(state->recent_end, 0);
    if (end == NULL)
        return NULL;
    thread_recent *recent = end->recent = calloc(1, sizeof *recent);
    if (recent != NULL) {
        recent->state = state;
        recent->registrations = atomic_load_explicit(&state->registrations, memory_order_acquire);
        recent->thread = PyThread_get_thread_ident();
        recent->owner = (owner){tstate, PyThreadState_GetID(tstate)};
        if (PyDict_SetItem(dict, type, (PyObject *)end) < 0) {
            free(recent);
            recent = end->recent = NULL;
        }
    }
    Py_DECREF((PyObject *)end);
    return recent;
}

NO_INLINE static thread_recent *
recent_of(module_state *state, PyThreadState *tstate)
{
    if (current != NULL && atomic_load_explicit(&current->closed, memory_order_acquire)) {
        free(current);
        current = NULL;
    }
    if (ended.state == tstate && ended.id == PyThreadState_GetID(tstate))
        return NULL;
    thread_recent *recent = of_thread_state(state, tstate);
    if (recent == NULL) {
        PyErr_Clear();
        return NULL;
    }
    current = recent;
    if (!is_up_to_date(recent, state)) {
        recent->registrations = atomic_load_explicit(&state->registrations, memory_order_acquire);
        let_go(&recent->use);
    }
    return recent;
}

/* Whether it is that of the thread state, for the module whose state that is. What is not closed keeps both: one thread
 * state and one module at a time have these addresses. A thread may run one thread state after the other, and a thread
 * state may go to another thread, so a thread alone does not tell whose it is. */
static bool
is_of(thread_recent *recent, module_state *state, PyThreadState *tstate)
{
    return recent != NULL && recent->state == state && recent->owner.state == tstate
           && !atomic_load_explicit(&recent->closed, memory_order_acquire);
}

recent_use *
recent_here(void)
{
    module_state *state = current_state();
    if (UNLIKELY(state == NULL)) {
        PyErr_Clear(); /* who makes the object finds out, too */
        return NULL;
    }
    thread_recent *recent = current;
    PyThreadState *tstate = PyThreadState_Get();
    if (UNLIKELY(!is_of(recent, state, tstate) || !is_up_to_date(recent, state)))
        recent = recent_of(state, tstate);
    return recent != NULL ? &recent->use : NULL;
}

void
recent_forget(module_state *state)
{
    if (is_of(current, state, PyThreadState_Get()))
        let_go(&current->use);
}

static void
end_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    thread_recent *recent = ((recent_end *)op)->recent;
    if (recent != NULL) {
        bool own = recent->thread == PyThread_get_thread_ident();
        if (own) {
            ended = recent->owner;
            if (current == recent)
                current = NULL;
        }
        let_go(&recent->use);
        if (own)
            free(recent);
        else
            atomic_store_explicit(&recent->closed, true, memory_order_release);
    }
    type->tp_free(op);
    Py_DECREF(type);
}

#endif

static PyType_Slot end_slots[] = {
    {Py_tp_dealloc, end_tp_dealloc},
    {0, NULL},
};

PyType_Spec frozen_recent_end_spec = {
    .name = "frozen._core.recent_end",
#ifdef Py_GIL_DISABLED
    .basicsize = sizeof(recent_end),
#else
    .basicsize = sizeof(PyObject),
#endif
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = end_slots,
};
