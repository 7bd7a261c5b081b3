#include "ref/updating.h"
#include "memory/thread_local.h"

/* Entered and left by address, not as a stack: greenlets may leave in another order than they entered. */
static FROZEN_THREAD_LOCAL struct {
    int count;
    const ref_slot *slots[UPDATES_AT_ONCE];
} updating;

static int
updating_find(const ref_slot *slot)
{
    for (int i = updating.count - 1; i >= 0; i--) {
        if (updating.slots[i] == slot)
            return i;
    }
    return -1;
}

bool
updating_any(void)
{
    return updating.count != 0;
}

bool
updating_permits(const ref_slot *slot, const char *verb)
{
    if (updating.count == 0 || updating_find(slot) < 0)
        return true;
    PyErr_Format(PyExc_RuntimeError,
                 "%s() of a reference called by the function that this thread's update() of it runs: "
                 "return the new value from that function instead", verb);
    return false;
}

bool
updating_enter(const ref_slot *slot)
{
    if (!updating_permits(slot, "update"))
        return false;
    if (updating.count == UPDATES_AT_ONCE) {
        PyErr_Format(PyExc_RuntimeError,
                     "this thread is inside updates of %d references: a transaction over them does it in one",
                     UPDATES_AT_ONCE);
        return false;
    }
    updating.slots[updating.count++] = slot;
    return true;
}

void
updating_leave(const ref_slot *slot)
{
    int i = updating_find(slot);
    updating.slots[i] = updating.slots[--updating.count];
}
