/* The tables that maps and sets have in common. */
#ifndef FROZEN_BINDINGS_KEYED_TYPE_INC_H
#define FROZEN_BINDINGS_KEYED_TYPE_INC_H

#include "bindings/keyed/debug.inc.h"
#include "bindings/keyed/iter.inc.h"
#include "bindings/keyed/mutation.inc.h"
#include "bindings/common/mutation.inc.h"

static PyMemberDef keyed_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(container, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define KEYED_COMMON_SLOTS                                       \
    {Py_tp_dealloc, (void *)container_dealloc},                  \
    {Py_tp_traverse, (void *)container_traverse},                \
    {Py_tp_repr, (void *)container_repr},                            \
    {Py_tp_hash, (void *)container_hash},                            \
    {Py_tp_richcompare, (void *)container_richcompare},          \
    {Py_tp_members, keyed_members},                              \
    {Py_mp_length, (void *)keyed_len}

#define KEYED_MUTATION_SLOTS                                     \
    MUTATION_COMMON_SLOTS,                                       \
    {Py_tp_doc, (void *)HELPER_DOC(Mutation, class)},                           \
    {Py_tp_iter, (void *)mutation_iter},                         \
    {Py_tp_methods, mutation_methods},                           \
    {Py_mp_length, (void *)mutation_len},                        \
    {Py_sq_contains, (void *)mutation_contains}

#define CONTAINER_FLAGS (FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC)
#define HELPER_FLAGS (CONTAINER_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION)

/* The specs that every family has; module.h lists them, under names that begin with `prefix`. */
#define KEYED_SPECS(prefix, name, flags, slots, mutation_slots)                                                   \
    PyType_Spec prefix##_spec = {name, sizeof(container), 0, CONTAINER_FLAGS | (flags), slots};                   \
    PyType_Spec prefix##_mutation_spec = {name "Mutation", sizeof(mutation), 0, HELPER_FLAGS, mutation_slots};    \
    PyType_Spec prefix##_iterator_spec = {name "Iterator", sizeof(iterator), 0, HELPER_FLAGS, iterator_slots}

/* After the types of a family were made: its empty root, and the shortcut for calling the type. */
static int
keyed_family_setup(family *types)
{
    types->container->tp_vectorcall = container_vectorcall;
    return family_setup(types, champ_empty(family_memory(types)), &keyed_tools);
}

#endif
