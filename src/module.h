/* Module state: what one interpreter holds of `frozen._core`.
 *
 * Nothing here is a C static: the module is multi-phase, every interpreter has a state of its own, and all types are
 * immutable heap types created for it.  `PyType_GetModuleState(Py_TYPE(self))` therefore finds the state in a few
 * nanoseconds for every object whose exact type is ours; subclasses go through `module_state_of`.
 */
#ifndef FROZEN_MODULE_H
#define FROZEN_MODULE_H

#include "memory/python.h"

/* The types, one line each: X(field of module_state, PyType_Spec, name published in the module or NULL).
 * module.c creates, publishes, traverses and clears them from this list alone. */
#define FROZEN_TYPES(X) \
    X(atomic_ref, frozen_atomic_ref_spec, "AtomicRef")

typedef struct {
#define X(field, spec, name) PyTypeObject *field;
    FROZEN_TYPES(X)
#undef X
} module_state;

#define X(field, spec, name) extern PyType_Spec spec;
FROZEN_TYPES(X)
#undef X

extern struct PyModuleDef frozen_module;

/* The state behind an object of one of our types or of a subclass of one; never NULL for such an object. */
static inline module_state *
module_state_of(PyObject *self)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(self), &frozen_module);
    return module ? (module_state *)PyModule_GetState(module) : NULL;
}

#endif
