/* Shared objects cross as a reference to the value that they stand for. */

#include "shared/crossing.h"

#include "platform/cross_interpreter.h"
#include "shared/cell.h"

static void
release_payload(void *payload)
{
    cell_release((cell)(uintptr_t)payload);
}

/* In the receiving interpreter. It *consumes* the payload, in success and failure: `free` is called by the sender's
 * interpreter, if at all, from a queue that drops what is too much for it. So it serves for what no interpreter
 * received. */
static PyObject *
receive(crossing_data *data)
{
    void *payload = data->data;
    if (payload == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this shared object was received already");
        return NULL;
    }
    data->data = NULL;
    PyObject *object = cell_to_object((cell)(uintptr_t)payload);
    release_payload(payload);
    return object;
}

static int
send(PyThreadState *thread, PyObject *object, crossing_data *data)
{
    cell c;
    int known = crossing_encode(object, &c);
    if (known <= 0) {
        if (known == 0)
            PyErr_Format(PyExc_TypeError, "%s objects do not cross interpreters", Py_TYPE(object)->tp_name);
        return -1;
    }
    cross_interpreter_fill(data, thread, (void *)(uintptr_t)c, receive, release_payload);
    return 0;
}

bool
crossing_is_native(void)
{
    return cross_interpreter_is_known();
}

int
crossing_register(PyTypeObject *type)
{
    return cross_interpreter_register(type, send);
}
