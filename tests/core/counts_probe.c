/* src/platform/private_counts.c with a fault of CPython put in: FAULT says which. */
#include "platform/cpython_private.h"

static bool safepoint(void);

#if FAULT == 1 /* another thread than the owner frees */
#define COUNTS_DROP(op) _Py_Dealloc(op)
#define COUNTS_IN_C() ((void)0)
#define COUNTS_SAFEPOINT() safepoint()
#elif FAULT == 2 /* C code is interrupted */
#define COUNTS_DROP(op) Py_DECREF(op)
#define COUNTS_IN_C() ((void)safepoint())
#define COUNTS_SAFEPOINT() safepoint()
#elif FAULT == 3 /* nothing is freed at safepoints */
#define COUNTS_DROP(op) Py_DECREF(op)
#define COUNTS_IN_C() ((void)0)
#define COUNTS_SAFEPOINT() true
#elif FAULT == 4 /* what is given up is its owner's all the same */
#define object_give_up(op) ((void)(op))
#elif FAULT == 5 /* objects have no owner */
#define object_is_mine(op) ((void)(op), true)
#elif FAULT == 6 /* there is no second thread */
#define PyThread_start_new_thread(function, argument) ((void)(function), (void)(argument), PYTHREAD_INVALID_THREAD_ID)
#endif

#include "platform/clock.c"
#include "platform/private_counts.c"

static PyObject *
ask(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arg))
{
    return private_counts_faults();
}

static PyMethodDef functions[] = {{"faults", ask, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}, {0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "counts_probe", NULL, 0, functions, slots, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_counts_probe(void)
{
    return PyModuleDef_Init(&module);
}
