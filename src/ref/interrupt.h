/* What becomes of a result whose call is interrupted after it has done its work. */
#ifndef FROZEN_REF_INTERRUPT_H
#define FROZEN_REF_INTERRUPT_H

#include "platform/cpython.h"

/* What a call would have returned (stolen) that was interrupted by the callback of a watch after it had done its work: it
 * goes to the end of the list `undelivered` of the exception that is set, so that it is not lost. If there is no memory
 * for that, sys.unraisablehook gets it. */
void interrupt_hands_over(PyObject *result);

#endif
