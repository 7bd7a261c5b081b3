/* CPython's registry of types that cross interpreters is private, and the same in 3.12.1-3.15 up to names: its
 * functions are found at run time, and the layout of its struct is tested before it is relied on. */

#include "platform/cross_interpreter.h"

#ifndef _WIN32
#include <dlfcn.h>
#endif

typedef struct {
    crossing_sender basic;
    void *fallback;
} get_data_pair;

typedef void init_function(crossing_data *, PyInterpreterState *, void *, PyObject *, PyObject *(*)(crossing_data *));
typedef int register_function(PyTypeObject *, crossing_sender); /* 3.12, 3.13 */
typedef int register_pair_function(PyThreadState *, PyTypeObject *, get_data_pair); /* 3.14, 3.15 */

static struct {
    atomic_int known; /* 0 not looked yet, 1 usable, 2 not */
    init_function *init;
    register_function *register_class;
    register_pair_function *register_pair;
} registry;

static void *
find_symbol(const char *name)
{
#ifdef _WIN32
    (void)name;
    return NULL;
#else
    void *program = dlopen(NULL, RTLD_LAZY);
    void *symbol = program != NULL ? dlsym(program, name) : NULL;
    if (program != NULL)
        dlclose(program);
    return symbol;
#endif
}

/* The pieces of a pointer to a function that dlsym returned as a pointer to data. */
#define FIND_FUNCTION(target, name)                       \
    do {                                                  \
        void *symbol = find_symbol(name);                 \
        memcpy(&(target), &symbol, sizeof symbol);        \
    } while (0)

static PyObject *
layout_probe(crossing_data *data)
{
    (void)data;
    return NULL;
}

/* Let CPython fill in a struct and look at what it wrote where, and that it wrote nothing behind it. */
static bool
layout_is_known(void)
{
    enum { TAIL = 64, FILLING = 0xA5 };
    union {
        crossing_data data;
        unsigned char bytes[sizeof(crossing_data) + TAIL];
    } area;
    memset(&area, FILLING, sizeof area);
    memset(&area.data, 0, sizeof area.data);
    PyInterpreterState *interp = PyInterpreterState_Get();
    registry.init(&area.data, interp, &area, NULL, layout_probe);
    bool known = area.data.data == &area && area.data.obj == NULL && area.data.free == NULL
                 && area.data.interpreter == PyInterpreterState_GetID(interp) && area.data.new_object == layout_probe;
    for (size_t i = sizeof(crossing_data); i < sizeof area; i++)
        known = known && area.bytes[i] == FILLING;
    return known;
}

/* Interpreters that import at the same moment all find the same. */
bool
cross_interpreter_is_known(void)
{
    int known = atomic_load(&registry.known);
    if (known == 0) {
        if (Py_Version >= 0x030E0000 && Py_Version < 0x03100000) {
            FIND_FUNCTION(registry.init, "_PyXIData_Init");
            FIND_FUNCTION(registry.register_pair, "_PyXIData_RegisterClass");
        }
        else if (Py_Version >= 0x030C0100 && Py_Version < 0x030E0000) {
            /* 3.12.0 has one registry for all interpreters, which heap types must not enter */
            FIND_FUNCTION(registry.init, "_PyCrossInterpreterData_Init");
            FIND_FUNCTION(registry.register_class, "_PyCrossInterpreterData_RegisterClass");
        }
        bool usable = registry.init && (registry.register_class || registry.register_pair) && layout_is_known();
        atomic_store(&registry.known, known = usable ? 1 : 2);
    }
    return known == 1;
}

int
cross_interpreter_register(PyTypeObject *type, crossing_sender send)
{
    if (!cross_interpreter_is_known())
        return 0;
    if (registry.register_pair != NULL)
        return registry.register_pair(PyThreadState_Get(), type, (get_data_pair){send, NULL});
    return registry.register_class(type, send);
}

void
cross_interpreter_fill(crossing_data *data, PyThreadState *thread, void *payload, PyObject *(*receive)(crossing_data *),
                       void (*drop)(void *))
{
    registry.init(data, PyThreadState_GetInterpreter(thread), payload, NULL, receive);
    data->free = drop;
}

PyObject *
cross_interpreter_script(PyObject *fresh)
{
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get()), *found = NULL;
    if (dict == NULL)
        return PyErr_NoMemory();
    PyObject *key = PyUnicode_FromString("CACHED_MODULE_NS___main__");
    int known = key != NULL ? dict_lookup(dict, key, &found) : -1;
    if (known == 0 && fresh != Py_None && PY_VERSION_HEX >= 0x030E0000)
        known = PyDict_SetItem(dict, key, fresh);
    Py_XDECREF(key);
    if (known < 0)
        return NULL;
    return found != NULL ? found : Py_NewRef(fresh);
}
