/* The table of decoded objects: see decoded.h for why a kept object is that of its box. */

#include "shared/decoded.h"

/* One set, in a cache line of its own. */
typedef struct {
    _Alignas(64) uint64_t generation; /* the set's number when the objects were kept */
    uintptr_t boxes[DECODED_WAYS]; /* 0: none */
    PyObject *objects[DECODED_WAYS]; /* owned */
    uintptr_t missed; /* the box that was asked for last and not found */
    uint32_t turn; /* the way that gives way next */
    uint32_t misses; /* since an object was kept last, with no room for one */
} decoded_set;

/* So many misses, and objects of boxes that nobody reads any longer give way to those that are read by turns. */
enum { MISSES_OF_AN_AGE = 63 };

/* The sets are in a larger block of memory, which may begin in the middle of a cache line. */
static decoded_set *
first_set(void *memory)
{
    return (decoded_set *)(((uintptr_t)memory + sizeof(decoded_set) - 1) & ~(uintptr_t)(sizeof(decoded_set) - 1));
}

/* The set of a box, NULL: no memory.  Pages of the table that no box falls into are never touched. */
static decoded_set *
set_of(recent_use *recent, const box *b)
{
    if (UNLIKELY(recent->decoded == NULL)) {
        recent->decoded = calloc(BLOCK_SETS + 1, sizeof(decoded_set));
        if (recent->decoded == NULL)
            return NULL;
    }
    return first_set(recent->decoded) + block_set_of(b);
}

static uint64_t
generation_of(const box *b)
{
    return atomic_load_explicit(&block_generations[block_set_of(b)], memory_order_relaxed);
}

/* Take all objects out, into `gone`: the caller drops them when it has no more business with the table, because that
 * runs arbitrary code. */
static void
set_empty(decoded_set *set, PyObject *gone[DECODED_WAYS])
{
    for (int way = 0; way < DECODED_WAYS; way++) {
        gone[way] = set->objects[way];
        set->objects[way] = NULL;
        set->boxes[way] = 0;
    }
    set->misses = 0;
}

static void
drop(PyObject *gone[DECODED_WAYS])
{
    for (int way = 0; way < DECODED_WAYS; way++)
        Py_XDECREF(gone[way]);
}

PyObject *
decoded_find(recent_use *recent, const box *b, bool *again)
{
    decoded_set *set = set_of(recent, b);
    *again = false;
    if (UNLIKELY(set == NULL))
        return NULL;
    uintptr_t address = (uintptr_t)b;
    uint64_t generation = generation_of(b);
    if (UNLIKELY(set->generation != generation)) {
        PyObject *gone[DECODED_WAYS];
        set_empty(set, gone);
        set->generation = generation;
        set->missed = address;
        *again = true;
        drop(gone);
        return NULL;
    }
    bool room = false;
    for (int way = 0; way < DECODED_WAYS; way++) {
        if (set->boxes[way] == address)
            return Py_NewRef(set->objects[way]);
        room |= set->boxes[way] == 0;
    }
    *again = room || set->missed == address || ++set->misses >= MISSES_OF_AN_AGE;
    set->missed = address;
    return NULL;
}

void
decoded_keep(recent_use *recent, const box *b, PyObject *made)
{
    decoded_set *set = set_of(recent, b);
    uint64_t generation = generation_of(b);
    if (set == NULL || set->generation != generation)
        return; /* the next reader empties it */
    for (int way = 0; way < DECODED_WAYS; way++)
        if (set->boxes[way] == (uintptr_t)b)
            return; /* code that making the object ran has read the box, too */
    size_t way = set->boxes[0] == 0 ? 0 : set->boxes[1] == 0 ? 1 : set->turn++ % DECODED_WAYS;
    PyObject *gone = set->objects[way];
    set->boxes[way] = (uintptr_t)b;
    set->objects[way] = Py_NewRef(made);
    set->misses = 0;
    Py_XDECREF(gone);
}

int
decoded_traverse(void *decoded, visitproc visit, void *arg)
{
    if (decoded == NULL)
        return 0;
    decoded_set *sets = first_set(decoded);
    for (size_t i = 0; i < BLOCK_SETS; i++)
        for (int way = 0; way < DECODED_WAYS; way++)
            Py_VISIT(sets[i].objects[way]);
    return 0;
}

void
decoded_drop(void *decoded)
{
    if (decoded == NULL)
        return;
    decoded_set *sets = first_set(decoded);
    for (size_t i = 0; i < BLOCK_SETS; i++)
        drop(sets[i].objects);
    free(decoded);
}
