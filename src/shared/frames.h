/* Stacks of frames that begin in their owner, and go to the heap when they outgrow it. */
#ifndef FROZEN_SHARED_FRAMES_H
#define FROZEN_SHARED_FRAMES_H

#include "platform/cpython.h"

#include <string.h>

/* The frames, of `size` bytes each, with twice the room; `within` is where they began. NULL: out of memory (exception
 * set), and nothing has changed. */
static inline void *
frames_doubled(void *frames, const void *within, size_t *room, size_t size)
{
    bool grown = frames != within;
    void *doubled = PyMem_Realloc(grown ? frames : NULL, 2 * *room * size);
    if (doubled == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (!grown)
        memcpy(doubled, within, *room * size);
    *room *= 2;
    return doubled;
}

#endif
