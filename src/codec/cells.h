/* Values in shared memory, written without making objects of them. */
#ifndef FROZEN_CODEC_CELLS_H
#define FROZEN_CODEC_CELLS_H

#include "codec/writer.h"
#include "shared/cell.h"

/* Writes what is no container, if that is known here: 1; 0: nothing is written, and the caller makes an object; -1: failed
 * (exception set). The bytes are those of the object. `levels` says how many arrays may still nest. Runs no Python code. */
int write_cell(writer *w, cell c, Py_ssize_t levels);

/* An int that fits into 64 bits and has a sign. */
static inline bool
cell_fits(cell c, int64_t *value)
{
    if (LIKELY(cell_tag(c) == TAG_INT)) {
        *value = cell_int(c);
        return true;
    }
    if (!cell_is_kind(c, KIND_INT))
        return false;
    *value = cell_box(c)->integer;
    return true;
}

#endif
