/* What was used last of shared memory: objects that were made of boxes (decoded.h), and plans by which objects are made
 * (plans.c).
 *
 * Where the interpreter has a lock, that lock guards one for the interpreter; the module owns it.
 *
 * On free-threaded builds each thread has its own, so that no thread waits for another one and a kept object is
 * counted by the thread that made it alone:
 *
 *   - Only the thread reads and writes it, and finds it by a thread-local pointer, if that is of the thread state that it
 *     runs.  An object in the dict of its thread
 *     state ends with that thread state, and with it what is recent.  What destructors read after that is not kept.
 *   - What lets go of plans increments module_state.registrations, before and after it does.  A thread that finds another
 *     number than the last time lets go of what is recent: when it reads next.  What it kept in the meantime, of a plan
 *     that was about to be forgotten, has the number in between and goes as well.
 *   - A thread state that another thread clears (in the child of a fork, or with an interpreter that is destroyed from
 *     afar) has no reader any longer, but a thread may have the pointer: so that thread frees the memory, when it finds it
 *     marked as closed.
 *   - The object has its type, and so the module: the state outlives all that is recent of its threads. */
#ifndef FROZEN_SHARED_RECENT_H
#define FROZEN_SHARED_RECENT_H

#include "module.h"

/* That of the caller.  NULL: it has none; no exception.  Valid until arbitrary code runs. */
recent_use *recent_here(void);

/* Let go of that of the interpreter, or of the calling thread in it. */
void recent_forget(module_state *state);

int recent_traverse(module_state *state, visitproc visit, void *arg);

#endif
