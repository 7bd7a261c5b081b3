/* What a vector holds, as an array: bindings/common/contents.h. */
#ifndef FROZEN_BINDINGS_VECTOR_CONTENTS_INC_H
#define FROZEN_BINDINGS_VECTOR_CONTENTS_INC_H

#include "bindings/common/contents.h"
#include "bindings/vector/methods.inc.h"

static int
vector_take_contents(PyObject *self, cell *out)
{
    rrb_cursor cursor;
    const cell *cells;
    budget left = BUDGET;
    cursor_init(&cursor, vector_value(self), 0);
    for (unsigned count; (count = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, count)) {
        if (!budget_spend(&left, count))
            return -1;
        memcpy(out, cells, count * sizeof *out);
        out += count;
    }
    return 0;
}

#endif
