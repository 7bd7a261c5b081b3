/* Calls of a container's type, as tp_new and by vectorcall: at most one source, and keywords where the container takes
 * them.
 *
 * The including file has said with TAKES_KEYWORDS whether keywords are entries. */
#ifndef FROZEN_BINDINGS_COMMON_CONSTRUCT_INC_H
#define FROZEN_BINDINGS_COMMON_CONSTRUCT_INC_H

#include "bindings/common/arguments.h"
#include "bindings/common/family.inc.h"

/* Supplied by the container: a new one, or the source if that is one already.  `source` may be NULL; `keywords` is NULL
 * or a dict that is not empty. */
static PyObject *container_construct(PyTypeObject *type, family *types, PyObject *source, PyObject *keywords);

/* A subclass may have an __init__ that takes keywords of its own. */
static bool
source_and_keywords_fit(PyTypeObject *type, family *types, Py_ssize_t sources, bool keywords)
{
    if (!check_positional(short_type_name(type), sources, 0, 1))
        return false;
    if (!keywords || TAKES_KEYWORDS || type != types->container)
        return true;
    PyErr_Format(PyExc_TypeError, "%s() takes no keyword arguments", short_type_name(type));
    return false;
}

static PyObject *
container_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    family *types = family_of_type(type);
    Py_ssize_t sources = PyTuple_GET_SIZE(args);
    PyObject *keywords = kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0 ? kwargs : NULL;
    if (!source_and_keywords_fit(type, types, sources, keywords != NULL))
        return NULL;
    return container_construct(type, types, sources > 0 ? PyTuple_GET_ITEM(args, 0) : NULL, keywords);
}

/* The exact type is called without making a tuple, and where there are no keywords a dict, of its arguments. */
static PyObject *
container_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *names)
{
    PyTypeObject *type = (PyTypeObject *)callable;
    family *types = family_of_type(type);
    Py_ssize_t sources = PyVectorcall_NARGS(nargsf);
    bool has_keywords = names != NULL && PyTuple_GET_SIZE(names) > 0;
    if (!source_and_keywords_fit(type, types, sources, has_keywords))
        return NULL;
    PyObject *keywords = NULL;
    if (has_keywords && (keywords = dict_of_keywords(args + sources, names)) == NULL)
        return NULL;
    PyObject *self = container_construct(type, types, sources > 0 ? args[0] : NULL, keywords);
    Py_XDECREF(keywords);
    return self;
}

#endif
