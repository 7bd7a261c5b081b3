/* The path of what was being converted when an error was raised. */

#include "convert/engine.h"

/* The way to what is being converted, from the outermost run to `r`, into a list: 0 or -1. */
static int
labels_collect(run *r, PyObject *labels)
{
    if (r->outer != NULL && labels_collect(r->outer, labels) < 0)
        return -1;
    for (size_t i = 0; i < r->depth; i++) {
        const frame *f = &r->frames[i];
        if (f->next >= f->end || f->rule->label == NULL)
            continue;
        PyObject *label = f->rule->label(r, f);
        int status = label != NULL ? PyList_Append(labels, label) : -1;
        Py_XDECREF(label);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* Lets the error that is set say where it was raised, once: it may pass through several hooks. */
void
place_error(run *r)
{
    walk *w = r->walk;
    PyObject *error = take_exception();
    if (error == w->placed) {
        restore_exception(error);
        return;
    }
    PyObject *labels = PyList_New(0), *placed = NULL;
    if (labels != NULL && labels_collect(r, labels) == 0)
        placed = PyObject_CallFunctionObjArgs(w->rules->place, error, labels, NULL);
    Py_XDECREF(labels);
    if (placed == NULL) /* what interrupts placing the error matters more */
        placed = take_exception();
    else if (placed != error && PyExceptionInstance_Check(placed))
        PyException_SetCause(placed, NULL); /* raised from None */
    Py_DECREF(error);
    PyObject *before = w->placed;
    w->placed = Py_XNewRef(placed);
    Py_XDECREF(before);
    restore_exception(placed);
}
