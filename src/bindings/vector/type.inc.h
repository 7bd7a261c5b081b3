/* The vector's tables: which slot and which name lead where. */
#ifndef FROZEN_BINDINGS_VECTOR_TYPE_INC_H
#define FROZEN_BINDINGS_VECTOR_TYPE_INC_H

#include "bindings/vector/debug.inc.h"
#include "bindings/vector/pickle.inc.h"
#include "bindings/vector/seal.inc.h"
#include "bindings/common/mutation.inc.h"

static PyObject *
vector_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *names)
{
    PyTypeObject *type = (PyTypeObject *)callable;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if (names != NULL && PyTuple_GET_SIZE(names) > 0)
        return PyErr_Format(PyExc_TypeError, "%s() takes no keyword arguments", short_type_name(type));
    if (!check_positional(short_type_name(type), count, 0, 1))
        return NULL;
    return vector_construct(type, family_of_type(type), count > 0 ? args[0] : NULL);
}

/* A family may have its own words, and methods that the others lack. */
#ifndef VECTOR_SUMMARY
#define VECTOR_SUMMARY "Vector(iterable=(), /)\n--\n\n" \
                       "An immutable, persistent sequence of any values.\n" \
                       "An instance of a subclass keeps its attributes in copies and pickles; what is derived from it is a Vector, as with tuple.\n\n"
#endif

static PyMethodDef vector_methods[] = {
    {"append", vector_append, METH_O,
     PyDoc_STR("append($self, value, /)\n--\n\nThe vector with value behind it.  O(1) in effect: one leaf is copied.")},
    {"extend", vector_extend, METH_O,
     PyDoc_STR("extend($self, iterable, /)\n--\n\n"
               "The vector with what iterable yields behind it.  O(length of iterable); O(log n) for a Vector.")},
    {"set", FASTCALL(vector_set), METH_FASTCALL,
     PyDoc_STR(
         "set($self, index, value, /)\n--\n\nThe vector with value at index; IndexError if there is none.  O(log n), base 32.")},
    {"insert", FASTCALL(vector_insert), METH_FASTCALL,
     PyDoc_STR(
         "insert($self, index, value, /)\n--\n\nThe vector with value before index, clamped as in list.insert.  O(log n).")},
    {"delete", FASTCALL(vector_delete), METH_FASTCALL,
     PyDoc_STR(
         "delete($self, index, stop=..., /)\n--\n\n"
         "The vector without the element at index (IndexError if there is none), or without [index:stop].  O(log n).")},
    {"pop", vector_pop, METH_NOARGS,
     PyDoc_STR(
         "pop($self, /)\n--\n\nThe vector without its last element, which is v[-1].  IndexError if it is empty.  O(1) in effect.")},
    {"index", FASTCALL(vector_index), METH_FASTCALL,
     PyDoc_STR("index($self, value, start=None, stop=None, /)\n--\n\n"
               "The first index of value; ValueError if it is absent.  O(n).")},
    {"count", vector_count, METH_O, PyDoc_STR("count($self, value, /)\n--\n\nHow many elements equal value.  O(n).")},
    {"mutate", vector_mutate, METH_NOARGS,
     PyDoc_STR(
         "mutate($self, /)\n--\n\nA VectorMutation that starts as this vector, to make many changes cheaply.  O(1).")},
    {"tolist", vector_tolist, METH_NOARGS,
     PyDoc_STR("tolist($self, /)\n--\n\nA list of the elements, faster than list(v).  O(n).")},
    {"totuple", vector_totuple, METH_NOARGS,
     PyDoc_STR("totuple($self, /)\n--\n\nA tuple of the elements, faster than tuple(v).  O(n).")},
    {"copy", container_copy, METH_NOARGS, PyDoc_STR("copy($self, /)\n--\n\nThe vector itself, for it never changes.")},
#ifdef VECTOR_FAMILY_METHODS
    VECTOR_FAMILY_METHODS,
#endif
    {"_difference", FASTCALL(vector_difference), METH_FASTCALL, NULL},
    {"_root", container_root_address, METH_NOARGS, NULL},
    {"__copy__", container_copy, METH_NOARGS, NULL},
    {"__deepcopy__", vector_deepcopy, METH_O, NULL},
    {"__reduce__", vector_reduce, METH_NOARGS, NULL},
    {"__reversed__", vector_reversed, METH_NOARGS,
     PyDoc_STR("__reversed__($self, /)\n--\n\nThe elements, last to first.")},
    {"__sizeof__", vector_sizeof, METH_NOARGS,
     PyDoc_STR(
         "__sizeof__($self, /)\n--\n\nBytes of the vector and all its nodes, those that other versions share included.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef vector_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(container, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(vector_doc, VECTOR_SUMMARY
"Every change makes a new vector and shares nearly everything with the old one, which stays as it is: set, append and\n"
"pop in O(log n), base 32; concatenation, slices, insert and delete in O(log n).\n"
"A relaxed radix balanced tree (RRB tree: Bagwell and Rompf 2011; Stucki, Rompf, Ureche and Bagwell, ICFP 2015).");

static PyType_Slot vector_slots[] = {
    {Py_tp_doc, (void *)vector_doc},
    {Py_tp_new, (void *)vector_tp_new},
    {Py_tp_dealloc, (void *)container_dealloc},
    {Py_tp_traverse, (void *)container_traverse},
    {Py_tp_repr, (void *)container_repr},
    {Py_tp_hash, (void *)container_hash},
    {Py_tp_richcompare, (void *)container_richcompare},
    {Py_tp_iter, (void *)vector_iter},
    {Py_tp_methods, vector_methods},
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
    {"append", mutation_append, METH_O,
     PyDoc_STR("append($self, value, /)\n--\n\nPut value behind the last element, in place.  O(1).")},
    {"extend", mutation_extend, METH_O,
     PyDoc_STR(
         "extend($self, iterable, /)\n--\n\nPut what iterable yields behind the last element.  O(log n) for a Vector.")},
    {"insert", FASTCALL(mutation_insert), METH_FASTCALL,
     PyDoc_STR("insert($self, index, value, /)\n--\n\nPut value before index, clamped as in list.insert.  O(log n).")},
    {"pop", FASTCALL(mutation_pop), METH_FASTCALL,
     PyDoc_STR(
         "pop($self, index=-1, /)\n--\n\nTake out the element at index and return it.  O(1) for the last one, or O(log n).")},
    {"remove", mutation_remove, METH_O,
     PyDoc_STR(
         "remove($self, value, /)\n--\n\nTake out the first element that equals value; ValueError if there is none.  O(n).")},
    {"clear", mutation_clear_all, METH_NOARGS, PyDoc_STR("clear($self, /)\n--\n\nTake out all elements.")},
    {"reverse", mutation_reverse, METH_NOARGS,
     PyDoc_STR("reverse($self, /)\n--\n\nPut the elements in reverse order.  O(n).")},
    {"sort", FASTCALL(mutation_sort), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("sort($self, /, *, key=None, reverse=False)\n--\n\nSort the elements, as list.sort does.  O(n log n).")},
    {"index", FASTCALL(mutation_index_of), METH_FASTCALL,
     PyDoc_STR("index($self, value, start=None, stop=None, /)\n--\n\n"
               "The first index of value; ValueError if it is absent.  O(n).")},
    {"count", mutation_count, METH_O, PyDoc_STR("count($self, value, /)\n--\n\nHow many elements equal value.  O(n).")},
    MUTATION_COMMON_METHODS,
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(vector_mutation_doc,
"A vector being edited in place, with list's methods: made by Vector.mutate(), sealed by finish() or by leaving a `with`\n"
"block.\n\n"
"Costs a fraction of deriving a vector a change, for nodes that only the mutation can reach are changed where they are.");

static PyType_Slot vector_mutation_slots[] = {
    MUTATION_COMMON_SLOTS,
    {Py_tp_doc, (void *)vector_mutation_doc},
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
    PyType_Spec prefix##_iterator_spec = {name "Iterator", sizeof(vector_iterator), 0, VECTOR_HELPER_FLAGS,       \
                                          vector_iterator_slots}

/* After the types of a family were made: its empty leaf, and the shortcut for calling the type. */
static int
vector_family_setup(family *types)
{
    types->container->tp_vectorcall = vector_vectorcall;
    rrb_node *empty = leaf_alloc(family_memory(types), 0, 0, false);
    if (empty != NULL)
        node_ready(empty);
    return family_setup(types, empty, &vector_tools);
}

#endif
