/* Errors that name a value. %R would write a container out as a whole, and raise what a `__repr__` raises in place of
 * the error that is being reported. */

#include "platform/bounded_repr.h"

#define SHOWN_MOST 200  /* characters, before what closes the brackets */
#define SHOWN_DEPTH 4   /* brackets within brackets */
#define SHOWN_BITS 640  /* of an int: fewer than 200 digits */

typedef struct {
    PyObject *text;
    unsigned depth;
} shown; /* text NULL: failed (exception set) */

static bool show(shown *s, PyObject *object);

/* Steals `piece`, which may be NULL (exception set).  False: failed. */
static bool
show_text(shown *s, PyObject *piece)
{
    if (piece == NULL)
        Py_CLEAR(s->text);
    else
        PyUnicode_AppendAndDel(&s->text, piece);
    return s->text != NULL;
}

static bool
show_ascii(shown *s, const char *piece)
{
    return show_text(s, PyUnicode_FromString(piece));
}

static bool
show_type(shown *s, PyObject *object)
{
    return show_text(s, PyUnicode_FromFormat("<%.100s object>", short_type_name(Py_TYPE(object))));
}

/* Forgets the error that is set, if it is an Exception: 0; else -1. */
static int
error_forgotten(void)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    return 0;
}

/* What did not work out is shown by its type. */
static bool
show_type_instead(shown *s, PyObject *object)
{
    if (error_forgotten() < 0) {
        Py_CLEAR(s->text);
        return false;
    }
    return show_type(s, object);
}

/* Its own repr, cut. */
static bool
show_own(shown *s, PyObject *object)
{
    PyObject *text = PyObject_Repr(object);
    if (text == NULL)
        return show_type_instead(s, object);
    if (PyUnicode_GET_LENGTH(text) <= SHOWN_MOST)
        return show_text(s, text);
    Py_SETREF(text, PyUnicode_Substring(text, 0, SHOWN_MOST));
    return show_text(s, text) && show_ascii(s, "...");
}

/* The repr of the beginning of a long str or bytes. */
static bool
show_beginning(shown *s, PyObject *object)
{
    PyObject *part = PyUnicode_Check(object) ? PyUnicode_Substring(object, 0, SHOWN_MOST)
                                             : PyBytes_FromStringAndSize(PyBytes_AS_STRING(object), SHOWN_MOST);
    bool done = part != NULL && show_own(s, part) && show_ascii(s, "...");
    if (part == NULL)
        Py_CLEAR(s->text);
    Py_XDECREF(part);
    return done;
}

/* ---- what is short ---- */

static bool
int_is_short(PyObject *o)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(o, &overflow);
    (void)value;
    if (overflow == 0)
        return true;
    PyObject *bits = PyObject_CallMethod((PyObject *)&PyLong_Type, "bit_length", "O", o);
    long count = bits != NULL ? PyLong_AsLong(bits) : -1;
    Py_XDECREF(bits);
    PyErr_Clear();
    return count >= 0 && count <= SHOWN_BITS;
}

/* An atom whose repr is short, of a type that Python code cannot have changed. */
static bool
is_short_atom(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyUnicode_Type)
        return PyUnicode_GET_LENGTH(o) <= SHOWN_MOST;
    if (type == &PyBytes_Type)
        return PyBytes_GET_SIZE(o) <= SHOWN_MOST;
    if (type == &PyLong_Type)
        return int_is_short(o);
    return o == Py_None || o == Py_Ellipsis || o == Py_NotImplemented || type == &PyBool_Type || type == &PyFloat_Type
           || type == &PyComplex_Type || PyType_Check(o) || type == &PyFunction_Type || type == &PyCFunction_Type;
}

/* Whether the object has more members than an error can show: 1, 0, or -1 (exception set). */
static int
has_many_members(PyObject *o)
{
    if (PyObject_Size(o) > SHOWN_MOST / 4)
        return 1;
    return PyErr_Occurred() != NULL ? error_forgotten() : 0;
}

/* Whether the object refers to nothing but short atoms, itself or through `depth` others, so that only a wilful
 * `__repr__` can be long: 1, 0, or -1 (exception set). The collector's list is a snapshot, taken safely without the
 * GIL, too. */
static int
holds_short_atoms_only(PyObject *o, int depth)
{
    int many = has_many_members(o);
    if (many != 0)
        return many < 0 ? -1 : 0;
    PyObject *get_referents = imported("gc", "get_referents");
    PyObject *held = sequence_unknown(get_referents != NULL ? PyObject_CallOneArg(get_referents, o) : NULL);
    int all = held == NULL ? -1 : PyList_GET_SIZE(held) <= SHOWN_MOST / 2;
    for (Py_ssize_t i = 0; all > 0 && i < PyList_GET_SIZE(held); i++) {
        PyObject *member = PyList_GET_ITEM(held, i);
        if (!is_short_atom(member))
            all = depth > 0 && PyObject_IS_GC(member) ? holds_short_atoms_only(member, depth - 1) : 0;
    }
    Py_XDECREF(held);
    Py_XDECREF(get_referents);
    return all;
}

/* Whether an object of a type that is not known here has a short repr, as far as can be told: 1, 0, or -1
 * (exception set). */
static int
is_short(PyObject *o)
{
    Py_buffer view;
    if (PyUnicode_Check(o) && PyUnicode_GET_LENGTH(o) > SHOWN_MOST)
        return 0;
    if (PyLong_Check(o) && !int_is_short(o))
        return 0;
    if (PyObject_CheckBuffer(o)) {
        if (PyObject_GetBuffer(o, &view, PyBUF_FULL_RO) < 0)
            return -1;
        Py_ssize_t length = view.len;
        PyBuffer_Release(&view);
        if (length > SHOWN_MOST)
            return 0;
    }
    return !PyObject_IS_GC(o) ? 1 : holds_short_atoms_only(o, 3);
}

/* ---- what has brackets ---- */

/* `key: value`, or (`pair` false) the object itself. */
static bool
show_member(shown *s, PyObject *member, bool pair)
{
    if (!pair)
        return show(s, member);
    if (!PyTuple_Check(member) || PyTuple_GET_SIZE(member) != 2)
        return show_type(s, member);
    return show(s, PyTuple_GET_ITEM(member, 0)) && show_ascii(s, ": ") && show(s, PyTuple_GET_ITEM(member, 1));
}

/* What the iterator (stolen; NULL: an error is set) yields, until there is enough. */
static bool
show_members(shown *s, PyObject *iterator, bool pairs)
{
    PyObject *member = NULL;
    bool done = true;
    for (bool first = true; done && iterator != NULL; first = false) {
        if ((member = PyIter_Next(iterator)) == NULL)
            break;
        done = first || show_ascii(s, ", ");
        bool enough = done && PyUnicode_GET_LENGTH(s->text) >= SHOWN_MOST;
        done = done && (enough ? show_ascii(s, "...") : show_member(s, member, pairs));
        Py_DECREF(member);
        if (enough)
            break;
    }
    Py_XDECREF(iterator);
    if (!done || !PyErr_Occurred())
        return done;
    if (error_forgotten() < 0) {
        Py_CLEAR(s->text);
        return false;
    }
    return show_ascii(s, "...");
}

/* `prefix`, the members of `o` between the brackets, `o` being one of the types that show() knows. */
static bool
show_bracketed(shown *s, PyObject *o, const char *opening, const char *closing, bool pairs)
{
    if (!show_ascii(s, opening))
        return false;
    if (s->depth >= SHOWN_DEPTH)
        return show_ascii(s, "...") && show_ascii(s, closing);
    PyObject *items = pairs ? PyObject_CallMethod(o, "items", NULL) : Py_NewRef(o);
    PyObject *iterator = items != NULL ? PyObject_GetIter(items) : NULL;
    Py_XDECREF(items);
    s->depth++;
    bool done = show_members(s, iterator, pairs);
    s->depth--;
    return done && show_ascii(s, closing);
}

/* How the containers of either memory are told from others: by how an exact one is freed. */
static _Atomic(destructor) container_deallocs[2];

void
bounded_repr_knows(destructor container_dealloc)
{
    for (int i = 0; i < 2; i++) {
        destructor known = NULL;
        if (atomic_compare_exchange_strong(&container_deallocs[i], &known, container_dealloc)
            || known == container_dealloc)
            return;
    }
}

static bool
is_container(PyTypeObject *type)
{
    return type->tp_dealloc == atomic_load_explicit(&container_deallocs[0], memory_order_relaxed)
           || type->tp_dealloc == atomic_load_explicit(&container_deallocs[1], memory_order_relaxed);
}

/* A container of either memory, no subclass: by its first members. */
static bool
show_container(shown *s, PyObject *o)
{
    const char *name = short_type_name(Py_TYPE(o));
    bool is_map = strstr(name, "Map") != NULL, is_set = strstr(name, "Set") != NULL;
    if (!show_ascii(s, name))
        return false;
    if (((container *)o)->count == 0)
        return show_ascii(s, "()");
    return show_bracketed(s, o, is_map || is_set ? "({" : "([", is_map || is_set ? "})" : "])", is_map);
}

static bool
show(shown *s, PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    if (is_short_atom(o))
        return show_own(s, o);
    if (type == &PyUnicode_Type || type == &PyBytes_Type)
        return show_beginning(s, o);
    if (type == &PyList_Type)
        return show_bracketed(s, o, "[", "]", false);
    if (type == &PyTuple_Type)
        return show_bracketed(s, o, "(", PyTuple_GET_SIZE(o) == 1 ? ",)" : ")", false);
    if (type == &PyDict_Type)
        return show_bracketed(s, o, "{", "}", true);
    if (type == &PySet_Type && PySet_GET_SIZE(o) > 0)
        return show_bracketed(s, o, "{", "}", false);
    if (type == &PyFrozenSet_Type && PySet_GET_SIZE(o) > 0)
        return show_bracketed(s, o, "frozenset({", "})", false);
    if (is_container(type))
        return show_container(s, o);
    int known_short = is_short(o);
    return known_short < 0 ? show_type_instead(s, o) : known_short ? show_own(s, o) : show_type(s, o);
}

PyObject *
bounded_repr(PyObject *object)
{
    shown s = {PyUnicode_FromString(""), 0};
    if (s.text != NULL && show(&s, object) && PyUnicode_GET_LENGTH(s.text) > SHOWN_MOST + 10) {
        Py_SETREF(s.text, PyUnicode_Substring(s.text, 0, SHOWN_MOST));
        show_ascii(&s, "...");
    }
    return s.text;
}

void *
raise_about(PyObject *exception, const char *before, PyObject *object, const char *after, ...)
{
    va_list arguments;
    PyObject *named = bounded_repr(object), *rest = NULL;
    if (named == NULL)
        return NULL;
    va_start(arguments, after);
    rest = PyUnicode_FromFormatV(after, arguments);
    va_end(arguments);
    if (rest != NULL)
        PyErr_Format(exception, "%s%U%U", before, named, rest);
    Py_XDECREF(rest);
    Py_DECREF(named);
    return NULL;
}
