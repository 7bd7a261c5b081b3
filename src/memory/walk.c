#include "memory/walk.h"

static _Thread_local walk *current;

walk *
walk_enter(walk *own)
{
    if (current == NULL) {
        own->left = BUDGET;
        current = own;
    }
    return current;
}

void
walk_leave(walk *own)
{
    if (current == own) {
        current = NULL;
        address_free(&own->met);
    }
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
    bool raised = PyErr_CheckSignals() != 0;
    walk_resume(paused);
    return raised;
}

int
walk_down(walk *w)
{
    if (!budget_spend(&w->left, 1))
        return -1;
    return Py_EnterRecursiveCall(" while walking through shared values");
}

void
walk_up(void)
{
    Py_LeaveRecursiveCall();
}
