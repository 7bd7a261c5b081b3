/* Names that the whole process knows by one address: see names.h.
 *
 * Chains by hash, to which threads of all interpreters add in front.  The exchange that adds a name publishes it
 * (release): a thread that finds it from the head of the chain (acquire) sees its text, and that of all behind it,
 * which the thread that added it had seen.  Nothing is ever taken out, so no thread waits for another, and the child of
 * a fork finds whole chains. */

#include "shared/names.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct name {
    struct name *next;
    uint64_t hash;
    size_t size;
    char text[]; /* UTF-8; surrogates as if they were characters */
};

#define CHAINS 1024
static _Atomic(name *) chains[CHAINS];

static uint64_t
hash_of_text(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* The one of that text before `end`, which is looked at already. */
static name *
find_between(name *first, const name *end, const name *wanted)
{
    for (name *n = first; n != end; n = n->next)
        if (n->hash == wanted->hash && n->size == wanted->size && memcmp(n->text, wanted->text, n->size) == 0)
            return n;
    return NULL;
}

/* Add it, unless there is one of its text: that is returned, and the new one freed. */
static name *
add(name *fresh)
{
    _Atomic(name *) *chain = &chains[fresh->hash % CHAINS];
    name *seen = NULL, *first = atomic_load_explicit(chain, memory_order_acquire);
    do {
        name *known = find_between(first, seen, fresh);
        if (known != NULL) {
            free(fresh);
            return known;
        }
        fresh->next = seen = first;
    } while (!atomic_compare_exchange_weak_explicit(chain, &first, fresh, memory_order_release, memory_order_acquire));
    return fresh;
}

const name *
name_of_text(PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (bytes == NULL)
        return NULL;
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    name *fresh = malloc(sizeof(name) + size);
    if (fresh != NULL) {
        memcpy(fresh->text, PyBytes_AS_STRING(bytes), size);
        fresh->size = size;
        fresh->hash = hash_of_text(fresh->text, size);
    }
    Py_DECREF(bytes);
    return fresh != NULL ? add(fresh) : (name *)PyErr_NoMemory();
}

PyObject *
name_text(const name *n)
{
    return PyUnicode_DecodeUTF8(n->text, (Py_ssize_t)n->size, "surrogatepass");
}
