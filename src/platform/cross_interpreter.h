/* CPython's private registry of types whose objects its channels carry from one interpreter to another. */
#ifndef FROZEN_PLATFORM_CROSS_INTERPRETER_H
#define FROZEN_PLATFORM_CROSS_INTERPRETER_H

#include "platform/cpython.h"

/* What CPython carries: a copy of its own struct, whose layout is tested before it is used. */
typedef struct crossing_data {
    void *data;
    PyObject *obj;
    int64_t interpreter;
    PyObject *(*new_object)(struct crossing_data *);
    void (*free)(void *);
} crossing_data;

/* Fills in what stands for an object: 0, or -1 (reported). */
typedef int (*crossing_sender)(PyThreadState *, PyObject *, crossing_data *);

/* Whether this CPython has the registry, and with the known layout. */
bool cross_interpreter_is_known(void);

/* Has CPython's channels call `send` for objects of exactly this type, in this interpreter; nothing happens where the
 * registry is not known.  0, or -1 (reported). */
int cross_interpreter_register(PyTypeObject *type, crossing_sender send);

/* For a sender: what to carry, what makes an object of it in the receiving interpreter, and what drops it if it is received
 * nowhere.  The one who drops may be in any interpreter. */
void cross_interpreter_fill(crossing_data *data, PyThreadState *thread, void *payload,
                            PyObject *(*receive)(crossing_data *), void (*drop)(void *));

#endif
