/* What local container an instance over the shared memory has for a counterpart: one that may be equal to its own. */
#ifndef FROZEN_BINDINGS_COMMON_COUNTERPART_INC_H
#define FROZEN_BINDINGS_COMMON_COUNTERPART_INC_H

#include "bindings/common/family.inc.h"

static bool
is_local_counterpart(PyObject *o)
{
    bool local = Py_TYPE(o)->tp_dealloc == local_container_dealloc;
    module_state *state = local ? type_module_state(Py_TYPE(o)) : NULL;
    return state != NULL && Py_IS_TYPE(o, state->COUNTERPART.container);
}

#endif
