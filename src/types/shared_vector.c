/* SharedVector, its mutation and iterator: the vector over the shared memory. */

#define FAMILY shared_vector
#define FAMILY_NODES NODE_VECTOR

#include "interp/handle.h"
#include "memory/shared.h"

#define VECTOR_SUMMARY                                                                                       \
    "SharedVector(iterable=(), /)\n--\n\n"                                                                   \
    "A Vector in memory that all interpreters of the process share: it crosses to another one in O(1).\n\n"   \
    "Holds values, not objects: what is read is made anew in the interpreter that reads.\n"
#define VECTOR_FAMILY_METHODS SHARED_HANDLE_METHOD,
#include "types/vector_type.h"

VECTOR_SPECS(frozen_shared_vector, "frozen.SharedVector", 0);

int
shared_vector_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    return vector_family_setup(&state->shared_vector);
}

/* For memory/. */
node_contents
shared_vector_contents(block *node)
{
    return contents_of(node);
}
