/* The results of calls that the callback of a watch interrupts. */

#include "ref/interrupt.h"

void
interrupt_hands_over(PyObject *result)
{
    PyObject *interrupt = take_exception(), *empty = PyList_New(0), *list = NULL;
    PyObject *attributes = empty != NULL ? PyObject_GenericGetDict(interrupt, NULL) : NULL;
    if (attributes != NULL) /* the callback may have been interrupted in such a call itself: then there is a list */
        list = PyObject_CallMethod(attributes, "setdefault", "sO", "undelivered", empty);
    if (list == NULL || PyList_Append(list, result) < 0)
        PyErr_WriteUnraisable(result);
    Py_XDECREF(list);
    Py_XDECREF(attributes);
    Py_XDECREF(empty);
    Py_DECREF(result);
    restore_exception(interrupt);
}
