/* Conversions as Python has them: `convert`, what registered functions call for the parts of their object, and
 * `_Conversion`, what frozen/_convert.py makes `freeze`, `thaw` and `share` of. */

#include "convert/engine.h"
#include "bindings/common/arguments.h"
#include "platform/fork.h"

/* ---- convert ---- */

/* Another thread must not look at the walk, which only its own thread keeps alive: `thread` tells, and never changes. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    conversion *rules; /* owned */
    walk *walk;        /* NULL: it has ended */
    uint64_t thread;
} converter;

/* In another thread, or after the end, a part is a whole of its own. */
static PyObject *
converter_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *names)
{
    converter *self = (converter *)op;
    if (PyVectorcall_NARGS(nargsf) != 1 || (names != NULL && PyTuple_GET_SIZE(names) > 0))
        return PyErr_Format(PyExc_TypeError, "convert() takes exactly one positional argument");
    if (Py_EnterRecursiveCall(" while converting"))
        return NULL;
    walk *walk = self->thread == thread_number() ? self->walk : NULL;
    PyObject *result = walk != NULL ? convert_part(walk, args[0]) : convert_object(self->rules, args[0]);
    Py_LeaveRecursiveCall();
    return result;
}

static PyObject *
converter_new(walk *w)
{
    PyTypeObject *type = w->state->converter;
    converter *self = PyObject_GC_New(converter, type);
    if (self == NULL)
        return NULL;
    self->vectorcall = converter_vectorcall;
    self->rules = (conversion *)Py_NewRef((PyObject *)w->rules);
    self->walk = w;
    self->thread = thread_number();
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static void
converter_end(PyObject *op)
{
    ((converter *)op)->walk = NULL;
}

static int
converter_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)((converter *)op)->rules);
    return 0;
}

static void
converter_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_DECREF((PyObject *)((converter *)op)->rules);
    PyObject_GC_Del(op);
    Py_DECREF(type);
}

static PyMemberDef converter_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(converter, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot converter_slots[] = {
    {Py_tp_call, (void *)PyVectorcall_Call},
    {Py_tp_traverse, (void *)converter_traverse},
    {Py_tp_dealloc, (void *)converter_dealloc},
    {Py_tp_members, converter_members},
    {0, NULL},
};

PyType_Spec frozen_converter_spec = {
    "frozen._core._Converter",
    sizeof(converter),
    0,
    FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    converter_slots,
};

/* ---- _Conversion ---- */

static PyObject *
conversion_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if (count != 1 || (names != NULL && PyTuple_GET_SIZE(names) > 0))
        return PyErr_Format(PyExc_TypeError, "%s() takes exactly one positional argument",
                            ((conversion *)self)->rules->name);
    return convert_object((conversion *)self, args[0]);
}

static const rule_set *
rules_named(PyObject *name)
{
    const rule_set *all[] = {&freeze_rules, &thaw_rules, &share_rules, &local_rules};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (PyUnicode_CompareWithASCIIString(name, all[i]->name) == 0)
            return all[i];
    raise_about(PyExc_ValueError, "there are no rules called ", name, "");
    return NULL;
}

static PyObject *
conversion_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "find_rule", "find_hook", "place", "cycle", "member", "atoms", NULL};
    PyObject *name, *find_rule, *find_hook, *place, *cycle, *member, *atoms;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UOOOOOO:_Conversion", names, &name, &find_rule, &find_hook, &place,
                                     &cycle, &member, &atoms))
        return NULL;
    const rule_set *rules = rules_named(name);
    conversion *self = rules != NULL ? (conversion *)type->tp_alloc(type, 0) : NULL;
    if (self == NULL)
        return NULL;
    self->vectorcall = conversion_vectorcall;
    self->rules = rules;
    self->converter_new = converter_new;
    self->converter_end = converter_end;
    self->find_rule = Py_NewRef(find_rule);
    self->find_hook = Py_NewRef(find_hook);
    self->place = Py_NewRef(place);
    self->cycle = Py_NewRef(cycle);
    self->member = Py_NewRef(member);
    self->atoms = Py_NewRef(atoms);
    return (PyObject *)self;
}

static int
conversion_traverse(PyObject *op, visitproc visit, void *arg)
{
    conversion *self = (conversion *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->find_rule);
    Py_VISIT(self->find_hook);
    Py_VISIT(self->place);
    Py_VISIT(self->cycle);
    Py_VISIT(self->member);
    Py_VISIT(self->atoms);
    return 0;
}

/* Nothing clears a conversion before it dies, because a call of it may be under way; its referents break cycles. */
static void
conversion_dealloc(PyObject *op)
{
    conversion *self = (conversion *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_XDECREF(self->find_rule);
    Py_XDECREF(self->find_hook);
    Py_XDECREF(self->place);
    Py_XDECREF(self->cycle);
    Py_XDECREF(self->member);
    Py_XDECREF(self->atoms);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMemberDef conversion_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(conversion, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot conversion_slots[] = {
    {Py_tp_new, (void *)conversion_new},           {Py_tp_call, (void *)PyVectorcall_Call},
    {Py_tp_traverse, (void *)conversion_traverse}, {Py_tp_dealloc, (void *)conversion_dealloc},
    {Py_tp_members, conversion_members},           {0, NULL},
};

PyType_Spec frozen_conversion_spec = {
    "frozen._core._Conversion",
    sizeof(conversion),
    0,
    FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    conversion_slots,
};
