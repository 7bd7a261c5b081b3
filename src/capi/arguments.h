/* What entries say of arguments that are not what they need. */
#ifndef FROZEN_CAPI_ARGUMENTS_H
#define FROZEN_CAPI_ARGUMENTS_H

#include "module.h"

/* NULL came where an object is needed: -1, with the exception that is set, or SystemError. */
int refuse_null(const char *entry);

/* TypeError, which names the type of what came in place of a `needed`: -1. */
int refuse_type(const char *entry, const char *needed, PyObject *object);

/* Whether NULL, where it may stand for nothing, is the result of a call that failed. */
static inline bool
has_failed(PyObject *object)
{
    return object == NULL && PyErr_Occurred() != NULL;
}

/* The state of the interpreter for which the type of `object` was made; NULL without an exception: it is none of ours,
 * or the module is being torn down. */
static inline module_state *
state_behind(PyObject *object)
{
    PyObject *module = module_of_type(Py_TYPE(object));
    return module != NULL ? (module_state *)PyModule_GetState(module) : NULL;
}

#endif
