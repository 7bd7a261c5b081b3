/* Everyday values that C takes apart and makes again: dates and times, UUID, Decimal, members of enums, records.
 *
 * A box of KIND_NATIVE has a form in its head, two words, and cells:
 *
 *     form         words                                  cells
 *     date         day, packed                            -
 *     datetime     moment, packed | zone, see times.c     the zone, if it is none of those that a word holds
 *     time         the same
 *     timedelta    days | seconds, microseconds           -
 *     uuid         the number, its low half first         is_safe, unless that is unknown
 *     decimal      up to 16 characters of text            else: the text
 *     call         class                                  the arguments
 *     fields       class                                  the attributes
 *     path         class                                  the text
 *     named tuple  class                                  the items
 *     member       class and member                       -
 *     flag         class                                  the value
 *     zone         key of a ZoneInfo                      -
 *
 * A class or key is the address of its name (names.h).  What an interpreter needs for it is a plan, which frozen/_sharing.py
 * makes once; module_state.plans keeps it (plans.c).
 *
 * `size` of the box counts the cells.  Two boxes of equal forms, words and cells hold one value.  Python's own equality
 * and hash decide everything else, on objects that are made of the boxes. */
#ifndef FROZEN_SHARED_NATIVE_H
#define FROZEN_SHARED_NATIVE_H

#include "shared/cell.h"
#include "shared/names.h"

/* _sharing.py has the same numbers. */
typedef enum {
    NATIVE_NONE,
    NATIVE_DATE,
    NATIVE_DATETIME,
    NATIVE_TIME,
    NATIVE_TIMEDELTA,
    NATIVE_UUID,
    NATIVE_DECIMAL,
    NATIVE_CALL,
    NATIVE_FIELDS,
    NATIVE_PATH,
    NATIVE_NAMED_TUPLE,
    NATIVE_MEMBER,
    NATIVE_FLAG,
    NATIVE_ZONE,
    NATIVE_FORMS,
} native_form;

enum { NATIVE_WORDS = 2 };

/* An object taken apart: `parts` is a tuple (owned) of what becomes the cells, or NULL: there are none. */
typedef struct {
    native_form form;
    unsigned flags; /* BOX_HASH_DIFFERS, BOX_HASH_AGREES or 0 */
    uint64_t words[NATIVE_WORDS];
    PyObject *parts;
} native_value;

static inline uint64_t *
native_words(const box *b)
{
    return (uint64_t *)((box *)b)->data;
}

static inline cell *
native_cells(const box *b)
{
    return (cell *)(((box *)b)->data + NATIVE_WORDS * sizeof(uint64_t));
}

/* ---- plans.c ---- */

/* A tuple: form, address of the name, what is called or made, flags for the hash, and what the form says. */
enum { PLAN_FORM, PLAN_NAME, PLAN_TARGET, PLAN_FLAGS, PLAN_EXTRA, PLAN_SIZE };

/* In PLAN_FLAGS of what makes objects of boxes: attributes of such an object can be set. */
enum { PLAN_OPEN = 16 };

static inline PyObject *
plan_item(PyObject *plan, int which)
{
    return PyTuple_GET_ITEM(plan, which);
}

/* How to take objects of its type apart: a new reference, of form NATIVE_NONE if C does not; None: the same, of a type
 * that may not be shared; NULL: failed (exception set). */
PyObject *plan_of_type(PyObject *object);

/* The same of a member of an enum, or NULL. */
PyObject *plan_of_member(PyObject *member);

/* How to make an object of a box, or NULL. */
PyObject *plan_of_box(const box *b);

/* The key of a ZoneInfo by which any reader finds it: 1; 0: it is another kind of zone; -1: failed (exception set), with
 * NotShareableError where no reader would find it. */
int zone_name(PyObject *zone, const name **n);

/* The ZoneInfo of that key in this interpreter: a new reference, or NULL (exception set). */
PyObject *zone_of_name(const name *n);

/* Which registrations plans are made of: the number changes before they are forgotten. */
unsigned registrations_now(void);

/* `_core._forget_plans()`: what is registered anew is planned anew. */
PyObject *forget_plans(PyObject *module, PyObject *unused);

/* ---- times.c ---- */

/* The C functions of the datetime module in this interpreter, a PyDateTime_CAPI. CPython's macros keep a static
 * pointer for the whole process, which several interpreters would share; so each asks its own. NULL: failed (exception
 * set), with AttributeError where the module is its version in Python: in subinterpreters of 3.12. */
void *datetime_functions(void);

/* An object of that form: 1: taken apart; 0: of a class that is not in C; -1: failed (exception set). */
int times_take(PyObject *object, native_value *v);

/* What a date, datetime or time says, without its zone. */
typedef struct {
    int year, month, day, hour, minute, second, microsecond, fold;
} moment;

/* Where the zone of a datetime or time is. */
typedef enum { ZONE_NONE, ZONE_UTC, ZONE_CELL, ZONE_OFFSET, ZONE_NAMED } zone_place;

/* The words of such a box, read. */
moment times_moment(native_form form, const uint64_t *words);

/* The same of the zone of a datetime or time; in `*offset` its microseconds, if it is one of a fixed offset. */
zone_place times_zone(const uint64_t *words, int64_t *offset);

/* A new object; `zone` is the one in the cells, or NULL. */
PyObject *times_make(native_form form, const uint64_t *words, PyObject *zone);

/* ---- native.c ---- */

/* 1: taken apart; 0: none of these types; -1: failed (exception set). */
int native_take(PyObject *object, native_value *v);

/* A new object of the box, whose cells were decoded to the tuple `parts` (borrowed; NULL if there are none). */
PyObject *native_make(const box *b, PyObject *parts);

/* Whether no attribute of an object of the box can be set, as far as its own class decides. */
bool native_is_closed(const box *b);

/* Whether equal words are the equality of that form. */
bool native_words_decide(native_form form);

#endif
