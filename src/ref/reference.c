/* The methods that AtomicRef and SharedRef share. */

#include "platform/bounded_repr.h"
#include "ref/group.h"
#include <math.h>

PyObject *
reference_read(reference *self, uint64_t *version)
{
    ref_slot *slot = &self->pub->slot;
    ref_mutex_lock(slot->lock);
    void *value = self->kind->retain(slot->value);
    *version = slot_version(slot);
    ref_mutex_unlock(slot->lock);
    return self->kind->to_object(value);
}

bool
parse_version(PyObject *number, uint64_t *version)
{
    int overflow;
    PyObject *index = PyNumber_Index(number);
    if (index == NULL)
        return false;
    long long value = PyLong_AsLongLongAndOverflow(index, &overflow);
    if (overflow < 0 || (overflow == 0 && value < 0))
        raise_about(PyExc_ValueError, "there is no version ", index, ": they are counted from 0, the initial value");
    Py_DECREF(index);
    *version = overflow > 0 ? NO_VERSION : (uint64_t)value;
    return !PyErr_Occurred();
}

bool
parse_compare_and_set(Py_ssize_t nargs, PyObject *const *keyword_values, PyObject *kwnames, uint64_t *version)
{
    *version = ANY_VERSION;
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "compare_and_set() takes the expected and the new value (%zd given)", nargs);
        return false;
    }
    Py_ssize_t count = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    if (count == 0)
        return true;
    PyObject *name = PyTuple_GET_ITEM(kwnames, 0);
    if (count > 1 || PyUnicode_CompareWithASCIIString(name, "version") != 0) {
        raise_about(PyExc_TypeError,
                    "compare_and_set() got an unexpected keyword argument, not 'version': ", count > 1 ? kwnames : name,
                    "");
        return false;
    }
    return keyword_values[0] == Py_None || parse_version(keyword_values[0], version);
}

PyObject *
versioned_pair(PyObject *value, uint64_t version)
{
    return value != NULL ? Py_BuildValue("(NK)", value, (unsigned long long)version) : NULL;
}

static PyObject *
update_one(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, bool gives_old)
{
    reference *self = reference_of(op);
    ref_group group = {.count = 1, .refs = {self}, .sorted = {&self->pub->slot}};
    return group_update(&group, args, nargs, kwnames, gives_old);
}

PyObject *
reference_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return update_one(op, args, nargs, kwnames, false);
}

PyObject *
reference_fetch_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return update_one(op, args, nargs, kwnames, true);
}

bool
parse_timeout(PyObject *seconds, long long *microseconds)
{
    *microseconds = PARK_FOREVER;
    if (seconds == NULL || seconds == Py_None)
        return true;
    if (!PyNumber_Check(seconds)) {
        raise_about(PyExc_TypeError, "timeout must be a number of seconds or None, not ", seconds, "");
        return false;
    }
    double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred())
        return false;
    if (isnan(value)) {
        PyErr_SetString(PyExc_ValueError, "timeout is nan: give seconds, or None to wait for ever");
        return false;
    }
    value *= 1e6;
    if (value < (double)PY_TIMEOUT_MAX)
        *microseconds = value > 0 ? (long long)value : 0;
    return true;
}

/* Whether gevent or eventlet has made greenlets of this interpreter's threads; -1 with an exception set. */
static int
threads_are_greenlets(void)
{
    PyObject *modules = PySys_GetObject("modules"); /* borrowed */
    if (modules == NULL || !PyDict_Check(modules)
        || (PyDict_GetItemString(modules, "gevent") == NULL && PyDict_GetItemString(modules, "eventlet") == NULL))
        return 0;
    PyObject *ask = imported("frozen._threads", "are_greenlets");
    PyObject *answer = ask != NULL ? PyObject_CallNoArgs(ask) : NULL;
    int found = answer != NULL ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    Py_XDECREF(ask);
    return found;
}

PyObject *
wait_for_version(PyObject *op, waiter_list *list, version_reader *current, const void *source, PyObject *args,
                 PyObject *kwargs)
{
    static char *names[] = {"version", "timeout", NULL};
    PyObject *number, *timeout = NULL;
    uint64_t version;
    long long microseconds;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:wait", names, &number, &timeout)
        || !parse_version(number, &version) || !parse_timeout(timeout, &microseconds))
        return NULL;
    int greenlets = current(source) <= version ? threads_are_greenlets() : 0;
    if (greenlets != 0) /* to sleep here would stop all of them, and the one that would publish */
        return greenlets > 0 ? call_python_layer("frozen._threads", "wait_for_version", op, args, kwargs) : NULL;
    park_result result = waiters_sleep(list, current, source, version, microseconds);
    return result != PARK_ERROR ? PyBool_FromLong(result == PARK_WOKEN) : NULL;
}

static uint64_t
version_of_slot(const void *slot)
{
    return atomic_load_explicit(&((ref_slot *)slot)->version, memory_order_seq_cst);
}

PyObject *
reference_wait(PyObject *op, PyObject *args, PyObject *kwargs)
{
    publication *pub = reference_of(op)->pub;
    return wait_for_version(op, &pub->waiters, version_of_slot, &pub->slot, args, kwargs);
}

/* In frozen._aio is what needs an event loop. */
PyObject *
reference_changed(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._aio", "changed", op, args, kwargs);
}

PyObject *
reference_changes(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return call_python_layer("frozen._aio", "changes", op, args, kwargs);
}
