/* The objects that were made of boxes lately, to hand out again where the same box is read again, as a Map
 * hands out the object that it holds.
 *
 * A kept object belongs to the address of a box.  The table does not hold the box: a reader counts nothing and writes
 * nothing that other interpreters read.  So a box may be freed while an object of it is kept, and another box may come
 * to be at its address.  This is why that is noticed:
 *
 *   1. Addresses fall into BLOCK_SETS sets, and each set has a number (block_generations, block.h), the same for all
 *      interpreters.  The thread that frees a box of a kind that can be kept increments the number of its set, by one
 *      atomic addition, before it gives the memory to free().  No number is ever stored otherwise, so none comes back.
 *   2. decoded_keep() loads the number while its caller keeps the box alive: the box is freed after that load, if ever.
 *   3. decoded_find() is called by a reader that keeps the box alive, and loads the number then.  If the object was made
 *      of another box at that address, that one was freed between 2 and 3.  Its increment happens before the free(),
 *      which happens before the malloc() that returned the address again, which happens before the publication of the
 *      new box and so before the reader's load.  The reader sees another number than that of 2, and the set is emptied.
 *
 * A box never changes once others can see it, so the same box always stands for the same value.
 *
 * What is kept is immutable and small, down to its last part (is_constant() in cell_decode.c): containers, objects of
 * registered functions, objects whose attributes can be set (PLAN_OPEN), and what is longer than a few hundred characters
 * are made anew.  What a cached_property or object.__setattr__ does to a frozen dataclass stays with the kept object, as
 * with one that a Map holds.  An object takes the place of another one only if its box was asked for twice with no other
 * of the set in between, so a walk over many values drives out next to none; or at each 63rd miss of the set, so that
 * objects which nobody reads any longer give way to those that are read by turns.  A hit writes nothing into the table, so
 * that count goes by misses alone; it needs no atomic operation, because no two threads are in one table.
 * The table never has more than BLOCK_SETS * DECODED_WAYS objects; those of freed boxes leave it when their set is used
 * again, when classes are registered, with the module, or with the thread.
 *
 * A table is an interpreter's, or on free-threaded builds a thread's (recent.h): no two threads are in it at once.  Such a
 * thread counts, at each read, an object that it made itself: that writes no memory that another thread reads. */
#ifndef FROZEN_SHARED_DECODED_H
#define FROZEN_SHARED_DECODED_H

#include "module.h"
#include "shared/cell.h"

#define DECODED_WAYS 2

/* The object made of the box before: a new reference, or NULL without an exception.  Then `*again` says whether the box
 * was asked for lately, and decoded_keep() is worth its while.  Runs arbitrary code: objects of freed boxes may end. */
PyObject *decoded_find(recent_use *recent, const box *b, bool *again);

/* Keep the object that was just made of the box.  Runs arbitrary code: an object that gives way may end. */
void decoded_keep(recent_use *recent, const box *b, PyObject *made);

int decoded_traverse(void *decoded, visitproc visit, void *arg);

/* Let go of all objects of a table, which nobody finds any longer, and of its memory.  NULL: there is none. */
void decoded_drop(void *decoded);

#endif
