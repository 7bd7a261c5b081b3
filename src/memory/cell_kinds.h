/* The functions that cell_kinds.c puts into the table; for the cell_*.c files only. */
#ifndef FROZEN_MEMORY_CELL_KINDS_H
#define FROZEN_MEMORY_CELL_KINDS_H

#include "memory/cell.h"

PyObject *decode_str(box *b);
PyObject *decode_int(box *b);
PyObject *decode_big_int(box *b);
PyObject *decode_float(box *b);
PyObject *decode_complex(box *b);
PyObject *decode_bytes(box *b);
PyObject *decode_tuple(box *b);
PyObject *decode_frozenset(box *b);
PyObject *decode_foreign(box *b);

#endif
