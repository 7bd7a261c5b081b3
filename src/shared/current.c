/* Finding the current interpreter's module.
 *
 * The interpreter's own dict has a weak reference to it: a strong one would outlive the collector that the module's
 * cycle of types needs.  Each thread remembers the answer, by the interpreter's number, which unlike its address is
 * never used again; a module that goes away invalidates what all threads remember. */

#include "shared/current.h"

#include "trees/memory_contract.h"

/* Each copy of the extension that a process has loaded finds its own module only: its key has its own address in it. */
static PyObject *
module_key(void)
{
    return PyUnicode_FromFormat("frozen._core %p", (void *)&frozen_module);
}

static atomic_uint_fast64_t generation = 1;

static _Thread_local struct {
    uint64_t generation;
    int64_t interpreter;
    module_state *state;
} remembered;

int
current_publish(PyObject *module, module_state *state)
{
    (void)state;
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (dict == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this interpreter is ending: frozen cannot be imported any more");
        return -1;
    }
    current_forget(); /* a second import replaces the first one's module */
    PyObject *key = module_key(), *reference = PyWeakref_NewRef(module, NULL);
    int status = key != NULL && reference != NULL ? PyDict_SetItem(dict, key, reference) : -1;
    Py_XDECREF(key);
    Py_XDECREF(reference);
    return status;
}

void
current_forget(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_release);
}

/* A new reference, or NULL: not imported (any more), or failed (exception set). */
static PyObject *
published_module(PyInterpreterState *interp)
{
    PyObject *dict = PyInterpreterState_GetDict(interp);
    PyObject *key = dict != NULL ? module_key() : NULL, *reference = NULL, *module = NULL;
    if (key != NULL && dict_lookup(dict, key, &reference) > 0)
        module = PyObject_CallNoArgs(reference);
    Py_XDECREF(key);
    Py_XDECREF(reference);
    if (module == Py_None)
        Py_CLEAR(module);
    return module;
}

static PyObject *
find_module(PyInterpreterState *interp)
{
    PyObject *module = published_module(interp);
    if (module == NULL && !PyErr_Occurred()) {
        /* the first shared object to arrive in this interpreter */
        PyObject *package = PyImport_ImportModule("frozen");
        module = package != NULL ? published_module(interp) : NULL;
        Py_XDECREF(package);
    }
    if (module != NULL || PyErr_Occurred())
        return module;
    PyErr_SetString(PyExc_ImportError,
                    "the shared object belongs to another copy of frozen than the one imported in this "
                    "interpreter: make sys.path the same in all interpreters");
    return NULL;
}

module_state *
current_state(void)
{
    PyInterpreterState *interp = PyInterpreterState_Get();
    int64_t number = PyInterpreterState_GetID(interp);
    uint64_t now = atomic_load_explicit(&generation, memory_order_acquire);
    if (LIKELY(remembered.generation == now && remembered.interpreter == number))
        return remembered.state;
    PyObject *module = find_module(interp);
    if (module == NULL)
        return NULL;
    remembered.generation = now;
    remembered.interpreter = number;
    remembered.state = (module_state *)PyModule_GetState(module);
    Py_DECREF(module); /* sys.modules and every type of ours keep it */
    return remembered.state;
}
