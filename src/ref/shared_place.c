#include "ref/shared_place.h"

#include "platform/bounded_repr.h"
#include "ref/shared_names.h"

static const struct {
    const char *title, *initial, *variable; /* the type; what it is made of, and what it is called, in errors */
} of_kind[KIND_COUNT] = {
    [KIND_REF] = {"SharedRef", "an initial value", "ref"},
    [KIND_ATOMIC_MAP] = {"SharedAtomicMap", "initial contents", "map"},
    [KIND_COUNTER] = {"SharedAtomicCounter", "an initial number", "counter"},
};

void *
place_alloc(block_kind kind, size_t size, const char *name, size_t name_length)
{
    bool fits = name_length <= PTRDIFF_MAX - size;
    shared_place *self = fits ? block_alloc(size + name_length, kind) : NULL;
    if (self == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    atomic_init(&self->generation, atomic_load(&fork_generation));
    self->next = NULL;
    self->name_hash = 0;
    self->name_length = name_length;
    self->name = (char *)self + size;
    if (name_length > 0)
        memcpy(self->name, name, name_length);
    return self;
}

/* ---- arguments ---- */

bool
place_parse_new(block_kind kind, PyObject *args, PyObject *kwargs, PyObject **name, PyObject **initial)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args), keywords = kwargs != NULL ? PyDict_GET_SIZE(kwargs) : 0;
    PyObject *keyword = keywords == 1 ? PyDict_GetItemString(kwargs, "initial") : NULL;
    *name = NULL;
    if (count + keywords > 2 || (keywords > 0 && keyword == NULL)) {
        PyErr_Format(PyExc_TypeError, "%s() takes %s, or a name and %s", of_kind[kind].title, of_kind[kind].initial,
                     of_kind[kind].initial);
        return false;
    }
    if (count + keywords == 2)
        *name = PyTuple_GET_ITEM(args, 0);
    *initial = Py_XNewRef(keyword != NULL || count == 0 ? keyword : PyTuple_GET_ITEM(args, count - 1));
    return true;
}

bool
place_parse_name(block_kind kind, PyObject *name, const char **text, size_t *length)
{
    Py_ssize_t size = 0;
    const char *title = of_kind[kind].title;
    *text = "";
    *length = 0;
    if (name == NULL)
        return true;
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError,
                     "the name of a %s is a str, not %.200s: %s(value) is anonymous, "
                     "%s(name, value) is found by %s.attach(name)",
                     title, Py_TYPE(name)->tp_name, title, title, title);
        return false;
    }
    *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (*text != NULL && size == 0)
        PyErr_Format(PyExc_ValueError, "the name of a %s must not be empty", title);
    *length = (size_t)size;
    return *text != NULL && size > 0;
}

/* ---- names ---- */

/* No place of that kind and name is there. Returns NULL. */
static void *
raise_no_name(block_kind kind, PyObject *name, bool is_attached)
{
    const char *title = of_kind[kind].title;
    PyObject *named = bounded_repr(name);
    if (named != NULL && is_attached)
        PyErr_Format(PyExc_LookupError, "no %s is named %U in this process: %s(%U, initial) makes one", title, named,
                     title, named);
    else if (named != NULL)
        PyErr_Format(PyExc_LookupError, "no %s is named %U in this process", title, named);
    Py_XDECREF(named);
    return NULL;
}

bool
place_add(shared_place *self, PyObject *name)
{
    if (name == NULL || names_add(self))
        return true;
    const char *title = of_kind[self->head.kind].title;
    PyObject *named = bounded_repr(name);
    if (named != NULL)
        PyErr_Format(PyExc_ValueError,
                     "a %s named %U exists in this process: %s.attach(%U) finds it, %s.unlink(%U) frees the name",
                     title, named, title, named, title, named);
    Py_XDECREF(named);
    return false;
}

shared_place *
place_find(block_kind kind, PyObject *name)
{
    size_t length;
    const char *text;
    if (!place_parse_name(kind, name, &text, &length))
        return NULL;
    shared_place *found = names_find(kind, text, length);
    return found != NULL ? found : raise_no_name(kind, name, true);
}

PyObject *
place_unlink(block_kind kind, PyObject *name)
{
    size_t length;
    const char *text;
    if (!place_parse_name(kind, name, &text, &length))
        return NULL;
    shared_place *found = names_remove(kind, text, length);
    if (found == NULL)
        return raise_no_name(kind, name, false);
    place_release(found);
    Py_RETURN_NONE;
}

PyObject *
place_name(shared_place *self)
{
    if (self->name_length == 0)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(self->name, (Py_ssize_t)self->name_length, NULL);
}

/* ---- copies, forks ---- */

PyObject *
place_reduce(block_kind kind)
{
    const char *title = of_kind[kind].title;
    return PyErr_Format(PyExc_TypeError,
                        "a %s is a place, not a value: it has no copies and no pickle. Send %s.handle() within "
                        "the process, or its name, for %s.attach(name)",
                        title, of_kind[kind].variable, title);
}

/* The place was made before this process was forked, so that each process has a place of its own since: says so once for
 * each place. */
NO_INLINE bool
place_warn_of_fork(shared_place *self)
{
    uint32_t generation = atomic_load_explicit(&fork_generation, memory_order_relaxed);
    uint32_t made = atomic_exchange(&self->generation, generation);
    if (made == generation) /* another thread warns */
        return true;
    PyObject *warn = imported("frozen._forking", "warn"), *name = place_name(self), *result = NULL;
    if (warn != NULL && name != NULL)
        result = PyObject_CallFunction(warn, "sO", of_kind[self->head.kind].title, name);
    Py_XDECREF(warn);
    Py_XDECREF(name);
    Py_XDECREF(result);
    if (result == NULL)
        atomic_store(&self->generation, made);
    return result != NULL;
}
