/* transaction(a, b, ...): several references that are read and published as one. */

#include "docs.h"
#include "ref/group.h"

typedef struct {
    PyObject_HEAD
    ref_group group; /* its references are owned here */
} TransactionObject;

/* Fills `group` with the arguments; it borrows them. */
static bool
group_from_arguments(ref_group *group, module_state *state, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1 || count > GROUP_MAX) {
        PyErr_Format(PyExc_ValueError, "from 1 to %d references can be read or published as one, not %zd", GROUP_MAX,
                     count);
        return false;
    }
    group->count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!is_reference(state, args[i])) {
            PyErr_Format(PyExc_TypeError, "argument %zd is neither an AtomicRef nor a SharedRef but %.200s", i + 1,
                         Py_TYPE(args[i])->tp_name);
            return false;
        }
        group->refs[i] = reference_of(args[i]);
        group->sorted[i] = &group->refs[i]->pub->slot;
    }
    slots_sort(group->sorted, count);
    for (Py_ssize_t i = 1; i < count; i++) {
        if (group->sorted[i - 1] == group->sorted[i]) {
            PyErr_SetString(PyExc_ValueError, "the same reference is given twice");
            return false;
        }
    }
    return true;
}

static PyObject *
group_snapshot(const ref_group *group)
{
    PyObject *values[GROUP_MAX];
    uint64_t versions[GROUP_MAX];
    if (!group_read(group, values, versions)) /* decodes: there must be no tuple yet that is not full */
        return NULL;
    PyObject *tuple = PyTuple_New(group->count);
    for (Py_ssize_t i = 0; i < group->count; i++) {
        if (tuple != NULL)
            PyTuple_SET_ITEM(tuple, i, values[i]);
        else
            Py_DECREF(values[i]);
    }
    return tuple;
}

PyObject *
reference_snapshot(PyObject *type, PyObject *const *args, Py_ssize_t nargs)
{
    module_state *state = module_state_of_type((PyTypeObject *)type);
    ref_group group;
    if (state == NULL || !group_from_arguments(&group, state, args, nargs))
        return NULL;
    return group_snapshot(&group);
}

static PyObject *
transaction_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return group_snapshot(&((TransactionObject *)op)->group);
}

static PyObject *
transaction_set(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    const ref_group *group = &((TransactionObject *)op)->group;
    void *old[GROUP_MAX];
    if (nargs != group->count) {
        PyErr_Format(PyExc_TypeError, "set() takes one value for each of the %zd references (%zd given)", group->count,
                     nargs);
        return NULL;
    }
    if (group_publish(group, NULL, args, old) < 0 || !group_published(group, old))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
transaction_update(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return group_update(&((TransactionObject *)op)->group, args, nargs, kwnames, false);
}

static PyObject *
transaction_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    module_state *state = PyType_GetModuleState(type);
    if (state == NULL)
        return NULL;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "transaction() takes references, no keyword arguments");
        return NULL;
    }
    TransactionObject *self = (TransactionObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    bool valid = group_from_arguments(&self->group, state, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args));
    if (!valid)
        self->group.count = 0;
    for (Py_ssize_t i = 0; i < self->group.count; i++)
        Py_INCREF((PyObject *)self->group.refs[i]);
    if (!valid)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int
transaction_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    ref_group *group = &((TransactionObject *)op)->group;
    Py_VISIT(Py_TYPE(op));
    for (Py_ssize_t i = 0; i < group->count; i++)
        Py_VISIT((PyObject *)group->refs[i]);
    return 0;
}

/* No tp_clear: a transaction never changes, so that no thread can meet it half cleared; cycles through it are broken at
 * its references. */
static void
transaction_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    ref_group *group = &((TransactionObject *)op)->group;
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, transaction_tp_dealloc)
    for (Py_ssize_t i = 0; i < group->count; i++)
        Py_DECREF((PyObject *)group->refs[i]);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef transaction_methods[] = {
    {"get", transaction_get, METH_NOARGS, DOC_transaction_get},
    {"set", FASTCALL(transaction_set), METH_FASTCALL, DOC_transaction_set},
    {"update", FASTCALL(transaction_update), METH_FASTCALL | METH_KEYWORDS, DOC_transaction_update},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot transaction_slots[] = {
    {Py_tp_doc, (void *)DOC_transaction_class}, {Py_tp_new, transaction_tp_new},
    {Py_tp_traverse, transaction_tp_traverse},  {Py_tp_dealloc, transaction_tp_dealloc},
    {Py_tp_methods, transaction_methods},       {0, NULL},
};

PyType_Spec frozen_transaction_spec = {
    .name = "frozen.transaction",
    .basicsize = sizeof(TransactionObject),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = transaction_slots,
};
