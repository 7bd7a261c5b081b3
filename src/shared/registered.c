/* Types that register themselves (frozen/_sharing.py), and the errors of sharing: that file has the words. */

#include "shared/cell.h"

/* A call into frozen._sharing; a new reference, or NULL (exception set). */
static PyObject *
call_sharing(const char *function, const char *format, ...)
{
    PyObject *callable = imported("frozen._sharing", function);
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

int
registered_encode(PyObject *object, PyObject **name, PyObject **value, unsigned *hash)
{
    PyObject *found = call_sharing("_encode", "(O)", object), *differs;
    if (found == NULL)
        return -1;
    int ok = PyArg_ParseTuple(found, "UOO;frozen._sharing._encode", name, value, &differs);
    if (ok) {
        Py_INCREF(*name);
        Py_INCREF(*value);
        *hash = hash_flag(object, differs);
    }
    Py_DECREF(found);
    return ok ? 0 : -1;
}

PyObject *
registered_decode(PyObject *name, PyObject *value)
{
    return call_sharing("_decode", "(OO)", name, value);
}

void
not_shareable(PyObject *object, const char *reason)
{
    PyObject *error = call_sharing("NotShareableError", "(Os)", object, reason);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
}

void
not_shareable_at(const char *brackets, PyObject *key)
{
    PyObject *error = take_exception();
    PyObject *done = error && key ? call_sharing("_found_at", "(OsO)", error, brackets, key) : NULL;
    Py_XDECREF(key);
    if (done == NULL && error != NULL && !PyErr_ExceptionMatches(PyExc_Exception)) {
        Py_DECREF(error); /* KeyboardInterrupt: it matters more than what it interrupts */
        return;
    }
    if (done == NULL)
        PyErr_Clear(); /* the error itself matters more than its path */
    Py_XDECREF(done);
    restore_exception(error);
}

bool
not_shareable_clear(void)
{
    PyObject *error = take_exception(), *cls = imported("frozen._sharing", "NotShareableError");
    int found = cls != NULL ? PyObject_IsInstance(error, cls) : -1;
    Py_XDECREF(cls);
    if (found != 0) { /* below 0: finding out failed, which is reported instead */
        Py_XDECREF(error);
        return found > 0;
    }
    restore_exception(error);
    return false;
}
