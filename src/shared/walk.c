#include "shared/walk.h"

#include "platform/comparison.h"

static _Thread_local walk *current;

walk *
walk_current(void)
{
    return current;
}

void
walk_begin(walk *own)
{
    *own = (walk){.left = BUDGET};
    current = own;
}

void
walk_end(walk *own)
{
    current = NULL;
    address_free(&own->met);
}

walk *
walk_pause(void)
{
    walk *paused = current;
    current = NULL;
    return paused;
}

void
walk_resume(walk *paused)
{
    current = paused;
}

bool
interrupted(void)
{
    walk *paused = walk_pause();
    comparison *comparing = comparison_pause();
    bool raised = PyErr_CheckSignals() != 0;
    comparison_resume(comparing);
    walk_resume(paused);
    return raised;
}

/* CPython bounds the depth by a number, before 3.14, that is meant for frames of some hundred bytes: a walk through a
 * container takes a kilobyte of stack. */
static int
weight(block_kind kind)
{
    return kind == KIND_MAP || kind == KIND_SET || kind == KIND_VECTOR ? 2 : 1;
}

int
walk_down(walk *w, block_kind kind)
{
    if (!budget_spend(&w->left, 1))
        return -1;
    for (int entered = 0; entered < weight(kind); entered++) {
        if (Py_EnterRecursiveCall(" while walking through shared values")) {
            while (entered-- > 0)
                Py_LeaveRecursiveCall();
            return -1;
        }
    }
    return 0;
}

void
walk_up(block_kind kind)
{
    for (int left = weight(kind); left > 0; left--)
        Py_LeaveRecursiveCall();
}
