/* What is private in how CPython carries objects from one interpreter to another: the registry of types whose objects
 * its channels carry, and the copy of the script in which it finds what it unpickles. */
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

/* Fills in the form in which an object crosses: 0, or -1 (exception set). */
typedef int (*crossing_sender)(PyThreadState *, PyObject *, crossing_data *);

/* Whether this CPython has the registry, and with the known layout. */
bool cross_interpreter_is_known(void);

/* Has CPython's channels call `send` for objects of exactly this type, in this interpreter; nothing happens where the
 * registry is not known.  0, or -1 (exception set). */
int cross_interpreter_register(PyTypeObject *type, crossing_sender send);

/* For a sender: what to carry, what makes an object of it in the receiving interpreter, and what drops it if it is
 * received nowhere. The thread that drops it may be in any interpreter. */
void cross_interpreter_fill(crossing_data *data, PyThreadState *thread, void *payload,
                            PyObject *(*receive)(crossing_data *), void (*drop)(void *));

/* This interpreter's copy of the script that runs in another one, or None. CPython makes it, from 3.14 on, to unpickle
 * what belongs to `__main__`. Given a module, lets CPython use that one if there is none yet. A new reference, or NULL
 * (exception set). */
PyObject *cross_interpreter_script(PyObject *fresh);

#endif
