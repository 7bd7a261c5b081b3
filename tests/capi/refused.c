/* A module that does nothing but frozen_import(), for headers that do not fit the library. */

#include <Python.h>
#include FROZEN_HEADER

#define PASTED_(a, b) a##b
#define PASTED(a, b) PASTED_(a, b)

static int
refused_exec(PyObject *module)
{
    (void)module;
    return frozen_import() != NULL ? 0 : -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)refused_exec},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "refused", NULL, 0, NULL, slots, NULL, NULL, NULL};

PyMODINIT_FUNC
PASTED(PyInit_, PROBE)(void)
{
    return PyModuleDef_Init(&definition);
}
