/* `encode` and `decode`: their arguments. */

#include "docs.h"
#include "bindings/common/arguments.h"
#include "codec/decode.h"
#include "codec/encode.h"
#include "codec/errors.h"
#include "platform/bounded_repr.h"

#define DEPTH_DEFAULT 1000
#define BYTES_DEFAULT ((Py_ssize_t)64 << 20)

/* A keyword argument, as far as it was given: borrowed, else NULL. */
typedef struct {
    const char *name;
    PyObject *value;
} option;

/* `function(value, *, ...)`: 0, or -1 (exception set). */
static int
parse_options(const char *function, PyObject *const *args, Py_ssize_t nargs, PyObject *names, option *options)
{
    if (!check_positional(function, nargs, 1, 1))
        return -1;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        option *o = options;
        while (o->name != NULL && PyUnicode_CompareWithASCIIString(name, o->name) != 0)
            o++;
        if (o->name == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%.100U'", function, name);
            return -1;
        }
        o->value = args[nargs + i];
    }
    return 0;
}

/* The number that bounds something: `most` if it was not given, none for None. */
static int
parse_bound(const option *o, Py_ssize_t most, Py_ssize_t *bound)
{
    *bound = o->value == Py_None ? PY_SSIZE_T_MAX : most;
    if (o->value == NULL || o->value == Py_None)
        return 0;
    PyObject *number = PyNumber_Index(o->value);
    if (number == NULL)
        return -1;
    *bound = PyNumber_AsSsize_t(number, NULL); /* the nearest that fits */
    Py_DECREF(number);
    if (*bound >= 0)
        return 0;
    raise_about(PyExc_ValueError, "", o->value, ": %s must not be negative", o->name);
    return -1;
}

/* The registry of `types=`, or None: a new reference; NULL (exception set). */
static PyObject *
registry_of(const option *types)
{
    if (types->value == NULL || (PyTuple_CheckExact(types->value) && PyTuple_GET_SIZE(types->value) == 0))
        return Py_NewRef(Py_None);
    return call_encoding("_Registry", "(O)", types->value);
}

static PyObject *
codec_encode(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    option options[] = {{"types", NULL}, {"max_depth", NULL}, {NULL, NULL}};
    Py_ssize_t max_depth;
    if (parse_options("encode", args, nargs, names, options) < 0
        || parse_bound(&options[1], DEPTH_DEFAULT, &max_depth) < 0)
        return NULL;
    PyObject *types = registry_of(&options[0]), *result = NULL;
    if (types == NULL)
        return NULL;
    encoder e;
    encoder_open(&e, PyModule_GetState(module), types, max_depth);
    if (encoder_run(&e, args[0]) == 0)
        result = PyBytes_FromStringAndSize((const char *)e.out.data, (Py_ssize_t)e.out.size);
    encoder_close(&e);
    Py_DECREF(types);
    return result;
}

static PyObject *
codec_decode_bytes(PyObject *module, const void *data, Py_ssize_t size, PyObject *types, Py_ssize_t max_depth)
{
    decoder d = {
        .state = PyModule_GetState(module),
        .types = types,
        .data = data,
        .size = (size_t)size,
        .max_depth = max_depth,
    };
    return decoder_run(&d);
}

/* What can be changed is copied: another thread could do so between a check and the use of what was checked. */
static PyObject *
decode_view(PyObject *module, const Py_buffer *view, PyObject *types, Py_ssize_t max_depth)
{
    if (view->readonly)
        return codec_decode_bytes(module, view->buf, view->len, types, max_depth);
    PyObject *copy = PyBytes_FromStringAndSize(view->buf, view->len);
    PyObject *result = NULL;
    if (copy != NULL)
        result = codec_decode_bytes(module, PyBytes_AS_STRING(copy), view->len, types, max_depth);
    Py_XDECREF(copy);
    return result;
}

static PyObject *
codec_decode(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    option options[] = {{"types", NULL}, {"max_bytes", NULL}, {"max_depth", NULL}, {NULL, NULL}};
    Py_ssize_t max_depth, max_bytes;
    Py_buffer view;
    if (parse_options("decode", args, nargs, names, options) < 0
        || parse_bound(&options[1], BYTES_DEFAULT, &max_bytes) < 0
        || parse_bound(&options[2], DEPTH_DEFAULT, &max_depth) < 0)
        return NULL;
    PyObject *types = registry_of(&options[0]), *result = NULL;
    if (types == NULL || PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0) {
        Py_XDECREF(types);
        return NULL;
    }
    if (view.len > max_bytes) {
        encoding_error("%zd bytes are more than max_bytes=%zd: pass a larger one for data that you trust", view.len,
                       max_bytes);
        error_at_offset(0, false);
    }
    else
        result = decode_view(module, &view, types, max_depth);
    PyBuffer_Release(&view);
    Py_DECREF(types);
    return result;
}

PyMethodDef codec_functions[] = {
    {"encode", FASTCALL(codec_encode), METH_FASTCALL | METH_KEYWORDS, DOC_encode},
    {"decode", FASTCALL(codec_decode), METH_FASTCALL | METH_KEYWORDS, DOC_decode},
    {NULL, NULL, 0, NULL},
};
