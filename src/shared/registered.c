/* Types that register themselves (frozen/_sharing.py), and the errors of sharing: that file has the words. */

#include "shared/cell.h"
#include "shared/current.h"

/* The thread that imports frozen._sharing publishes the tuple, once: a thread that loads it sees what is in it.  The
 * module gives it up when it is cleared, after which no code of the interpreter runs that could come here. */
static _Atomic(PyObject *) *
sharing_of(module_state *state)
{
    return (_Atomic(PyObject *) *)&state->sharing;
}

/* `frozen._sharing` that is loaded again changes nothing: its classes would not be those that users have. */
PyObject *
register_sharing(PyObject *module, PyObject *functions)
{
    module_state *state = PyModule_GetState(module);
    PyObject *none = NULL;
    if (PyTuple_GET_SIZE(functions) != SHARING_FUNCTIONS)
        return PyErr_Format(PyExc_TypeError, "_register_sharing() takes %d functions", SHARING_FUNCTIONS);
    if (atomic_compare_exchange_strong_explicit(sharing_of(state), &none, Py_NewRef(functions), memory_order_release,
                                                memory_order_relaxed))
        Py_RETURN_NONE;
    Py_DECREF(functions);
    Py_RETURN_NONE;
}

/* One of them: a new reference, or NULL (exception set). */
static PyObject *
sharing_function(int which)
{
    module_state *state = current_state();
    PyObject *functions = state != NULL ? atomic_load_explicit(sharing_of(state), memory_order_acquire) : NULL;
    if (UNLIKELY(functions == NULL)) { /* the first shared object to arrive in this interpreter */
        PyObject *module = state != NULL ? PyImport_ImportModule("frozen._sharing") : NULL;
        if (module == NULL)
            return NULL;
        Py_DECREF(module);
        functions = atomic_load_explicit(sharing_of(state), memory_order_acquire);
        if (functions == NULL) {
            PyErr_SetString(PyExc_ImportError, "frozen._sharing is not imported, or not any more");
            return NULL;
        }
    }
    return Py_NewRef(PyTuple_GET_ITEM(functions, which));
}

PyObject *
sharing_call(int which, const char *format, ...)
{
    PyObject *callable = sharing_function(which);
    va_list values;
    va_start(values, format);
    PyObject *args = callable ? Py_VaBuildValue(format, values) : NULL;
    va_end(values);
    PyObject *result = args ? PyObject_CallObject(callable, args) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(callable);
    return result;
}

/* Where _encode does not know, the class does: one without a hash of its own has that of object, the address. */
static unsigned
hash_flag(PyObject *object, PyObject *differs)
{
    if (differs == Py_None)
        return Py_TYPE(object)->tp_hash == PyBaseObject_Type.tp_hash ? BOX_HASH_DIFFERS : 0;
    return differs == Py_True ? BOX_HASH_DIFFERS : BOX_HASH_AGREES;
}

PyObject *
registered_encode(PyObject *object, unsigned *hash)
{
    PyObject *found = sharing_call(SHARING_ENCODE, "(O)", object), *name, *value, *differs;
    if (found != NULL && !PyArg_ParseTuple(found, "UOO;frozen._sharing._encode", &name, &value, &differs))
        Py_CLEAR(found);
    if (found != NULL)
        *hash = hash_flag(object, differs);
    return found;
}

PyObject *
registered_decode(PyObject *name, PyObject *value)
{
    return sharing_call(SHARING_DECODE, "(OO)", name, value);
}

void
not_shareable(PyObject *object, const char *reason)
{
    PyObject *error = sharing_call(SHARING_NOT_SHAREABLE, "(Os)", object, reason);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
}

bool
not_shareable_raised(void)
{
    PyObject *error = take_exception(), *cls = error != NULL ? sharing_function(SHARING_NOT_SHAREABLE) : NULL;
    bool raised = cls != NULL && PyErr_GivenExceptionMatches(error, cls);
    if (cls == NULL)
        PyErr_Clear();
    Py_XDECREF(cls);
    restore_exception(error);
    return raised;
}

void
not_shareable_within(PyObject *steps)
{
    PyObject *error = take_exception();
    PyObject *done = error != NULL ? sharing_call(SHARING_FOUND_AT, "(OO)", error, steps) : NULL;
    Py_DECREF(steps);
    if (done == NULL && error != NULL && !PyErr_ExceptionMatches(PyExc_Exception)) {
        Py_DECREF(error); /* KeyboardInterrupt: it matters more than what it interrupts */
        return;
    }
    if (done == NULL)
        PyErr_Clear(); /* the error itself matters more than its path */
    Py_XDECREF(done);
    restore_exception(error);
}

void
not_shareable_at(const char *brackets, PyObject *key)
{
    PyObject *error = take_exception();
    PyObject *steps = key != NULL ? Py_BuildValue("((sO))", brackets, key) : NULL;
    Py_XDECREF(key);
    if (steps == NULL)
        PyErr_Clear();
    restore_exception(error);
    if (steps != NULL)
        not_shareable_within(steps);
}

bool
not_shareable_clear(void)
{
    PyObject *error = take_exception(), *cls = sharing_function(SHARING_NOT_SHAREABLE);
    int found = cls != NULL ? PyObject_IsInstance(error, cls) : -1;
    Py_XDECREF(cls);
    if (found != 0) { /* below 0: finding out failed, which is reported instead */
        Py_XDECREF(error);
        return found > 0;
    }
    restore_exception(error);
    return false;
}
