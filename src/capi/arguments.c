/* The errors of entries: refused arguments. */

#include "capi/arguments.h"

int
refuse_null(const char *entry)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_SystemError, "frozen's C API: %s() was given NULL in place of an object", entry);
    return -1;
}

int
refuse_type(const char *entry, const char *needed, PyObject *object)
{
    if (object == NULL)
        return refuse_null(entry);
    PyErr_Format(PyExc_TypeError, "frozen's C API: %s() takes a %s, not %.200s", entry, needed,
                 Py_TYPE(object)->tp_name);
    return -1;
}
