/* Names that the whole process knows by one address: those of classes, and of members of enums.
 *
 * A box that holds an object of such a class has the address in a word, so that a reader finds its own class by an
 * integer, and need not make a str.  A name is made once and never freed, so an address always stands for the same
 * name.  There are as many as there are classes, and members of enums, of which objects were ever shared. */
#ifndef FROZEN_SHARED_NAMES_H
#define FROZEN_SHARED_NAMES_H

#include "platform/cpython.h"

typedef struct name name;

/* The name of that text; NULL: failed (exception set). */
const name *name_of_text(PyObject *text);

/* A new str; NULL: failed (exception set). */
PyObject *name_text(const name *n);

#endif
