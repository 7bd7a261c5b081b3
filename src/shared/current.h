/* The module of the interpreter that is running: what makes objects out of shared values has nothing else to ask. */
#ifndef FROZEN_SHARED_CURRENT_H
#define FROZEN_SHARED_CURRENT_H

#include "module.h"

/* The state of `frozen._core` in the current interpreter, importing it if need be. NULL: that failed (exception set),
 * or another copy of the extension serves this interpreter. 2-3 ns once a thread knows it. */
module_state *current_state(void);

/* From module_exec: `module` serves its interpreter from here on. */
int current_publish(PyObject *module, module_state *state);

/* From module_free: no thread may use the state that it remembers any longer. */
void current_forget(void);

#endif
