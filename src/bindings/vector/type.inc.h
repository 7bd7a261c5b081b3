/* The vector's tables: which slot and which name lead where. */
#ifndef FROZEN_BINDINGS_VECTOR_TYPE_INC_H
#define FROZEN_BINDINGS_VECTOR_TYPE_INC_H

#include "bindings/common/hooks.inc.h"
#include "bindings/vector/debug.inc.h"
#include "bindings/vector/diff.inc.h"
#include "bindings/vector/pickle.inc.h"
#include "bindings/vector/seal.inc.h"
#include "bindings/common/mutation.inc.h"

static PyMethodDef vector_methods[] = {
    {"append", vector_append, METH_O, DOC(append)},
    {"extend", vector_extend, METH_O, DOC(extend)},
    {"set", FASTCALL(vector_set), METH_FASTCALL, DOC(set)},
    {"insert", FASTCALL(vector_insert), METH_FASTCALL, DOC(insert)},
    {"delete", FASTCALL(vector_delete), METH_FASTCALL, DOC(delete)},
    {"pop", vector_pop, METH_NOARGS, DOC(pop)},
    {"index", FASTCALL(vector_index), METH_FASTCALL, DOC(index)},
    {"count", vector_count, METH_O, DOC(count)},
    {"mutate", vector_mutate, METH_NOARGS, DOC(mutate)},
    {"tolist", vector_tolist, METH_NOARGS, DOC(tolist)},
    {"totuple", vector_totuple, METH_NOARGS, DOC(totuple)},
    {"copy", container_copy, METH_NOARGS, DOC(copy)},
    HOOK_METHODS,
#ifdef VECTOR_FAMILY_METHODS
    VECTOR_FAMILY_METHODS,
#endif
    {"diff", container_diff, METH_O, DOC(diff)},
    {"apply", container_apply, METH_O, DOC(apply)},
    {"_edits", FASTCALL(vector_edits), METH_FASTCALL, NULL},
    {"_difference", FASTCALL(vector_difference), METH_FASTCALL, NULL},
    {"_root", container_root_address, METH_NOARGS, NULL},
    {"__copy__", container_copy, METH_NOARGS, DOC(__copy__)},
    {"__deepcopy__", vector_deepcopy, METH_O, DOC(__deepcopy__)},
    {"__reduce__", vector_reduce, METH_NOARGS, DOC(__reduce__)},
    {"__reversed__", vector_reversed, METH_NOARGS, DOC(__reversed__)},
    {"__sizeof__", container_sizeof, METH_NOARGS, DOC(__sizeof__)},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef vector_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(container, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot vector_slots[] = {
    {Py_tp_doc, (void *)DOC(class)},
    {Py_tp_new, (void *)container_tp_new},
    {Py_tp_dealloc, (void *)container_dealloc},
    {Py_tp_traverse, (void *)container_traverse},
    {Py_tp_repr, (void *)container_repr},
    {Py_tp_hash, (void *)container_hash},
    {Py_tp_richcompare, (void *)container_richcompare},
    {Py_tp_iter, (void *)vector_iter},
    {Py_tp_methods, vector_methods},
    {Py_tp_getset, hook_getset},
    {Py_tp_members, vector_members},
    {Py_mp_length, (void *)vector_length},
    {Py_mp_subscript, (void *)vector_subscript},
    {Py_sq_length, (void *)vector_length},
    {Py_sq_item, (void *)vector_item},
    {Py_sq_concat, (void *)vector_concat},
    {Py_sq_repeat, (void *)vector_repeat},
    {Py_sq_contains, (void *)vector_contains},
    {0, NULL},
};

static PyMethodDef vector_mutation_methods[] = {
    {"append", mutation_append, METH_O, HELPER_DOC(Mutation, append)},
    {"extend", mutation_extend, METH_O, HELPER_DOC(Mutation, extend)},
    {"insert", FASTCALL(mutation_insert), METH_FASTCALL, HELPER_DOC(Mutation, insert)},
    {"pop", FASTCALL(mutation_pop), METH_FASTCALL, HELPER_DOC(Mutation, pop)},
    {"remove", mutation_remove, METH_O, HELPER_DOC(Mutation, remove)},
    {"clear", mutation_clear_all, METH_NOARGS, HELPER_DOC(Mutation, clear)},
    {"reverse", mutation_reverse, METH_NOARGS, HELPER_DOC(Mutation, reverse)},
    {"sort", FASTCALL(mutation_sort), METH_FASTCALL | METH_KEYWORDS, HELPER_DOC(Mutation, sort)},
    {"index", FASTCALL(mutation_index_of), METH_FASTCALL, HELPER_DOC(Mutation, index)},
    {"count", mutation_count, METH_O, HELPER_DOC(Mutation, count)},
    MUTATION_COMMON_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot vector_mutation_slots[] = {
    MUTATION_COMMON_SLOTS,
    {Py_tp_doc, (void *)HELPER_DOC(Mutation, class)},
    {Py_tp_iter, (void *)PySeqIter_New},
    {Py_tp_methods, vector_mutation_methods},
    {Py_mp_length, (void *)mutation_length},
    {Py_mp_subscript, (void *)mutation_subscript},
    {Py_mp_ass_subscript, (void *)mutation_assign},
    {Py_sq_length, (void *)mutation_length},
    {Py_sq_item, (void *)mutation_item},
    {Py_sq_contains, (void *)mutation_contains},
    {Py_sq_inplace_concat, (void *)mutation_inplace_concat},
    {0, NULL},
};

#define VECTOR_FLAGS (FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC)
#define VECTOR_HELPER_FLAGS (VECTOR_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION)

/* The specs that module.h lists, under names that begin with `prefix`. */
#define VECTOR_SPECS(prefix, name, flags)                                                                         \
    PyType_Spec prefix##_spec = {name, sizeof(container), 0, VECTOR_FLAGS | Py_TPFLAGS_SEQUENCE | (flags),        \
                                 vector_slots};                                                                   \
    PyType_Spec prefix##_mutation_spec = {name "Mutation", sizeof(mutation), 0,                            \
                                          VECTOR_HELPER_FLAGS | Py_TPFLAGS_SEQUENCE, vector_mutation_slots};      \
    PyType_Spec prefix##_iterator_spec = {name "Iterator", sizeof(iterator), 0, VECTOR_HELPER_FLAGS,       \
                                          iterator_slots}

/* After the types of a family were made: its empty leaf, and the shortcut for calling the type. */
static int
vector_family_setup(family *types)
{
    types->container->tp_vectorcall = container_vectorcall;
    rrb_node *empty = leaf_alloc(family_memory(types), 0, 0, false);
    if (empty != NULL)
        node_ready(empty);
    return family_setup(types, empty, &vector_tools);
}

#endif
