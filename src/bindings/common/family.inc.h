/* What ties a container's sources to one family.  Each file that instantiates a container names its place in the module
 * state and its type, and for the shared memory the kind of its nodes, before it includes a memory, this header and the
 * sources:
 *
 *     #define TYPE_NAME Map                       #define TYPE_NAME SharedMap
 *     #define FAMILY local_map                    #define FAMILY shared_map
 *                                                 #define FAMILY_NODES NODE_MAP
 */
#ifndef FROZEN_BINDINGS_COMMON_FAMILY_INC_H
#define FROZEN_BINDINGS_COMMON_FAMILY_INC_H

#include "docs.h"
#include "module.h"
#include "platform/bounded_repr.h"

/* The docstring of a member of the instance's type, DOC(get), and of a helper's, HELPER_DOC(Mutation, finish). */
#define DOC(member) DOC_OF(TYPE_NAME, , member)
#define HELPER_DOC(helper, member) DOC_OF(TYPE_NAME, helper, member)
#define DOC_OF(type, helper, member) DOC_PASTED(type, helper, member)
#define DOC_PASTED(type, helper, member) DOC_##type##helper##_##member

#define MUTATION_SEALED "this mutation has been finished: call mutate() on its result to go on"

NO_INLINE static family *
family_of_subtype(PyTypeObject *type)
{
    return &module_state_of_type(type)->FAMILY;
}

/* A container's exact type is told by its dealloc: the shortest way to the state. */
static inline family *
family_of_type(PyTypeObject *type)
{
    module_state *state = LIKELY(type->tp_dealloc == container_dealloc) ? type_module_state(type) : NULL;
    return LIKELY(state != NULL) ? &state->FAMILY : family_of_subtype(type);
}

static inline family *
family_of(PyObject *self)
{
    return family_of_type(Py_TYPE(self));
}

#ifdef FAMILY_NODES

/* The nodes are of no type and of no interpreter. */
static inline memory *
family_memory(family *types)
{
    (void)types;
    static memory nodes = {FAMILY_NODES};
    return &nodes;
}

#else

static inline memory *
family_memory(family *types)
{
    return &types->nodes;
}

#endif

/* Two cells as objects, new references; false: failed, and neither is there.  The second one is made only if the first
 * one is, because that may run arbitrary code, which must not find an error set. */
static inline bool
cells_to_objects(cell first, cell second, PyObject **first_object, PyObject **second_object)
{
    *second_object = NULL;
    if ((*first_object = cell_to_object(first)) == NULL)
        return false;
    if ((*second_object = cell_to_object(second)) != NULL)
        return true;
    Py_CLEAR(*first_object);
    return false;
}

/* What every family supplies to module.c and inspect.c, beside its types. */
static inline int
family_setup(family *types, void *empty, const family_tools *tools)
{
    bounded_repr_knows(container_dealloc);
    types->tools = tools;
    types->empty = empty;
    return empty != NULL ? 0 : -1;
}

static void
family_release_empty(void *root)
{
    node_release(root);
}

#endif
