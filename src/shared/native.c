/* Everyday values taken apart and made again, by the plans of their classes: see native.h. */

#include "shared/native.h"

#include "platform/bounded_repr.h"
#include "platform/wide_int.h"

/* ---- apart ---- */

static int
took(native_value *v, PyObject *parts)
{
    v->parts = parts;
    return parts != NULL ? 1 : -1;
}

/* The tuple of one object, which is given up. */
static PyObject *
tuple_of_one(PyObject *o)
{
    PyObject *tuple = o != NULL ? PyTuple_Pack(1, o) : NULL;
    Py_XDECREF(o);
    return tuple;
}

/* Code of the class may run for each attribute. */
static PyObject *
attributes(PyObject *o, PyObject *names)
{
    Py_ssize_t size = PyTuple_GET_SIZE(names);
    PyObject *values = unknown_tuple(size);
    for (Py_ssize_t i = 0; values != NULL && i < size; i++) {
        PyObject *value = PyObject_GetAttr(o, PyTuple_GET_ITEM(names, i));
        if (value != NULL)
            PyTuple_SET_ITEM(values, i, value);
        else
            Py_CLEAR(values);
    }
    if (values != NULL)
        sequence_known(values);
    else if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        not_shareable(o, "has a field without a value: give it one");
    }
    return values;
}

/* `extra`: the names of the attributes, and SafeUUID.unknown. */
static int
take_uuid(PyObject *o, PyObject *extra, native_value *v)
{
    PyObject *number = PyObject_GetAttr(o, PyTuple_GET_ITEM(extra, 0));
    PyObject *safe = number != NULL ? PyObject_GetAttr(o, PyTuple_GET_ITEM(extra, 1)) : NULL;
    int status = safe != NULL ? wide_int_take(number, v->words) : -1;
    if (status > 0 && safe != PyTuple_GET_ITEM(extra, 2))
        status = took(v, tuple_of_one(PyObject_GetAttrString(safe, "value")));
    Py_XDECREF(number);
    Py_XDECREF(safe);
    return status;
}

/* Up to 16 characters of text, all of them ASCII, are in the words. */
static int
take_decimal(PyObject *o, native_value *v)
{
    PyObject *text = PyObject_Str(o);
    if (text == NULL || !PyUnicode_IS_ASCII(text) || PyUnicode_GET_LENGTH(text) > (Py_ssize_t)sizeof v->words)
        return took(v, tuple_of_one(text));
    memcpy(v->words, PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    Py_DECREF(text);
    return 1;
}

/* A flag that its enum has under its value; _sharing.py knows what to do with another one. `extra`: the dict. */
static int
take_flag(PyObject *o, PyObject *extra, native_value *v)
{
    PyObject *value = PyObject_GetAttrString(o, "_value_"), *found = NULL;
    int status = value != NULL ? dict_lookup(extra, value, &found) : -1;
    if (status > 0)
        status = found == o ? took(v, PyTuple_Pack(1, value)) : 0;
    Py_XDECREF(found);
    Py_XDECREF(value);
    return status;
}

static int
take_member(PyObject *o, native_value *v)
{
    PyObject *plan = plan_of_member(o);
    if (plan == NULL)
        return -1;
    v->words[0] = (uint64_t)(uintptr_t)PyLong_AsVoidPtr(plan_item(plan, PLAN_NAME));
    Py_DECREF(plan);
    return 1;
}

static int
take_zone_key(PyObject *o, native_value *v)
{
    const name *key;
    int status = zone_name(o, &key);
    if (status > 0)
        v->words[0] = (uint64_t)(uintptr_t)key;
    return status;
}

static int
take_by_plan(PyObject *o, PyObject *plan, native_value *v)
{
    PyObject *extra = plan_item(plan, PLAN_EXTRA);
    switch (v->form) {
    case NATIVE_DATE:
    case NATIVE_DATETIME:
    case NATIVE_TIME:
    case NATIVE_TIMEDELTA: return times_take(o, v);
    case NATIVE_UUID: return take_uuid(o, extra, v);
    case NATIVE_DECIMAL: return take_decimal(o, v);
    case NATIVE_PATH: return took(v, tuple_of_one(PyObject_Str(o)));
    case NATIVE_CALL: return took(v, PyTuple_CheckExact(extra) ? attributes(o, extra) : PyObject_CallOneArg(extra, o));
    case NATIVE_FIELDS: return took(v, attributes(o, extra));
    case NATIVE_NAMED_TUPLE: return took(v, PyTuple_GetSlice(o, 0, PyTuple_GET_SIZE(o)));
    case NATIVE_MEMBER: return take_member(o, v);
    case NATIVE_FLAG: return take_flag(o, extra, v);
    case NATIVE_ZONE: return take_zone_key(o, v);
    default: return 0;
    }
}

int
native_take(PyObject *o, native_value *v)
{
    PyObject *plan = plan_of_type(o);
    if (plan == NULL)
        return -1;
    *v = (native_value){.form = NATIVE_NONE};
    int status = 0;
    if (plan != Py_None) {
        v->form = (native_form)PyLong_AsLong(plan_item(plan, PLAN_FORM));
        v->flags = (unsigned)PyLong_AsLong(plan_item(plan, PLAN_FLAGS));
        if (v->form > NATIVE_DECIMAL)
            v->words[0] = (uint64_t)(uintptr_t)PyLong_AsVoidPtr(plan_item(plan, PLAN_NAME));
        status = take_by_plan(o, plan, v);
    }
    Py_DECREF(plan);
    if (status > 0 && v->parts != NULL && !PyTuple_CheckExact(v->parts)) {
        raise_about(PyExc_TypeError, "a plan of frozen._sharing took ", o, " apart into no tuple");
        Py_CLEAR(v->parts);
        return -1;
    }
    return status;
}

/* ---- made ---- */

/* A new object of a class of which _sharing.py has found that object.__new__ makes one, filled by object.__setattr__:
 * what __init__ and __new__ would compute is in the attributes. Steals the values, also if one is NULL. */
static PyObject *
set_attribute(PyObject *o, PyObject *attribute, PyObject *value)
{
    if (o != NULL && (value == NULL || PyObject_GenericSetAttr(o, attribute, value) < 0))
        Py_CLEAR(o);
    Py_XDECREF(value);
    return o;
}

static PyObject *
new_object(PyObject *cls)
{
    PyObject *nothing = PyTuple_New(0);
    PyObject *o = nothing != NULL ? PyBaseObject_Type.tp_new((PyTypeObject *)cls, nothing, NULL) : NULL;
    Py_XDECREF(nothing);
    return o;
}

static PyObject *
make_uuid(const box *b, PyObject *plan, PyObject *parts)
{
    PyObject *extra = plan_item(plan, PLAN_EXTRA), *unknown = PyTuple_GET_ITEM(extra, 2);
    PyObject *o = new_object(plan_item(plan, PLAN_TARGET));
    o = set_attribute(o, PyTuple_GET_ITEM(extra, 0), o != NULL ? wide_int_make(native_words(b)) : NULL);
    if (o == NULL)
        return NULL;
    PyObject *safe = parts == NULL ? Py_NewRef(unknown)
                                   : PyObject_CallOneArg((PyObject *)Py_TYPE(unknown), PyTuple_GET_ITEM(parts, 0));
    return set_attribute(o, PyTuple_GET_ITEM(extra, 1), safe);
}

static PyObject *
make_decimal(const box *b, PyObject *cls, PyObject *parts)
{
    if (parts != NULL)
        return PyObject_CallOneArg(cls, PyTuple_GET_ITEM(parts, 0));
    const char *packed = (const char *)native_words(b);
    size_t length = 0;
    while (length < NATIVE_WORDS * sizeof(uint64_t) && packed[length] != '\0')
        length++;
    PyObject *text = PyUnicode_New((Py_ssize_t)length, 127);
    if (text == NULL)
        return NULL;
    memcpy(PyUnicode_1BYTE_DATA(text), packed, length);
    PyObject *o = PyObject_CallOneArg(cls, text);
    Py_DECREF(text);
    return o;
}

static bool
has_size(PyObject *plan, PyObject *parts, Py_ssize_t size)
{
    Py_ssize_t found = parts != NULL ? PyTuple_GET_SIZE(parts) : 0;
    if (found == size)
        return true;
    raise_about(PyExc_TypeError, "", plan_item(plan, PLAN_TARGET),
                " has %zd fields in this interpreter, and a shared object of it has %zd", size, found);
    return false;
}

static PyObject *
make_fields(PyObject *plan, PyObject *parts)
{
    PyObject *names = plan_item(plan, PLAN_EXTRA);
    Py_ssize_t size = PyTuple_GET_SIZE(names);
    PyObject *o = has_size(plan, parts, size) ? new_object(plan_item(plan, PLAN_TARGET)) : NULL;
    for (Py_ssize_t i = 0; o != NULL && i < size; i++)
        o = set_attribute(o, PyTuple_GET_ITEM(names, i), Py_NewRef(PyTuple_GET_ITEM(parts, i)));
    return o;
}

static PyObject *
make_path(PyObject *plan, PyObject *parts)
{
    PyObject *o = new_object(plan_item(plan, PLAN_TARGET));
    PyObject *texts = o != NULL ? PyList_New(1) : NULL;
    if (texts != NULL)
        PyList_SET_ITEM(texts, 0, Py_NewRef(PyTuple_GET_ITEM(parts, 0)));
    return set_attribute(o, plan_item(plan, PLAN_EXTRA), texts);
}

static PyObject *
make_named_tuple(PyObject *plan, PyObject *parts)
{
    if (!has_size(plan, parts, PyLong_AsSsize_t(plan_item(plan, PLAN_EXTRA))))
        return NULL;
    PyObject *args = parts != NULL ? PyTuple_Pack(1, parts) : PyTuple_New(0);
    PyObject *o = args != NULL ? PyTuple_Type.tp_new((PyTypeObject *)plan_item(plan, PLAN_TARGET), args, NULL) : NULL;
    Py_XDECREF(args);
    return o;
}

static PyObject *
make_flag(PyObject *plan, PyObject *value)
{
    PyObject *found;
    int status = dict_lookup(plan_item(plan, PLAN_EXTRA), value, &found);
    return status > 0 ? found : status < 0 ? NULL : PyObject_CallOneArg(plan_item(plan, PLAN_TARGET), value);
}

static PyObject *
make_by_plan(const box *b, PyObject *plan, PyObject *parts)
{
    PyObject *target = plan_item(plan, PLAN_TARGET);
    switch ((native_form)b->head.form) {
    case NATIVE_UUID: return make_uuid(b, plan, parts);
    case NATIVE_DECIMAL: return make_decimal(b, target, parts);
    case NATIVE_CALL: return PyObject_CallObject(target, parts);
    case NATIVE_FIELDS: return make_fields(plan, parts);
    case NATIVE_PATH: return make_path(plan, parts);
    case NATIVE_NAMED_TUPLE: return make_named_tuple(plan, parts);
    case NATIVE_MEMBER:
    case NATIVE_ZONE: return Py_NewRef(target);
    default: return make_flag(plan, PyTuple_GET_ITEM(parts, 0));
    }
}

PyObject *
native_make(const box *b, PyObject *parts)
{
    if (b->head.form <= NATIVE_TIMEDELTA)
        return times_make(b->head.form, native_words(b), parts != NULL ? PyTuple_GET_ITEM(parts, 0) : NULL);
    PyObject *plan = plan_of_box(b);
    PyObject *o = plan != NULL ? make_by_plan(b, plan, parts) : NULL;
    Py_XDECREF(plan);
    return o;
}

bool
native_is_closed(const box *b)
{
    if (b->head.form <= NATIVE_DECIMAL || b->head.form >= NATIVE_MEMBER)
        return true;
    PyObject *plan = plan_of_box(b);
    if (plan == NULL) {
        PyErr_Clear(); /* the object is made already, and is just not kept */
        return false;
    }
    bool closed = (PyLong_AsLong(plan_item(plan, PLAN_FLAGS)) & PLAN_OPEN) == 0;
    Py_DECREF(plan);
    return closed;
}

bool
native_words_decide(native_form form)
{
    return form == NATIVE_DATE || form == NATIVE_TIMEDELTA || form == NATIVE_UUID;
}
