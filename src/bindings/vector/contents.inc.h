/* What a vector holds, as an array: bindings/common/contents.h. */
#ifndef FROZEN_BINDINGS_VECTOR_CONTENTS_INC_H
#define FROZEN_BINDINGS_VECTOR_CONTENTS_INC_H

#include "bindings/common/contents.h"
#include "bindings/vector/methods.inc.h"

static inline PyObject *
cell_contents(cell c)
{
#if CELLS_ARE_DECODED
    return cell_to_object(c);
#else
    return c;
#endif
}

static int
vector_take_contents(PyObject *self, PyObject **out)
{
    rrb_cursor cursor;
    const cell *cells;
    budget left = BUDGET;
    PyObject **next = out;
    cursor_init(&cursor, vector_value(self), 0);
    for (unsigned count; (count = cursor_cells(&cursor, &cells)) > 0; cursor_advance(&cursor, count)) {
        bool done = budget_spend(&left, count);
        for (unsigned i = 0; done && i < count; i++)
            if ((done = (*next = cell_contents(cells[i])) != NULL))
                next++;
        if (!done) {
            while (CELLS_ARE_DECODED && next > out)
                Py_DECREF(*--next);
            return -1;
        }
    }
    return 0;
}

#endif
