/* Dates and times: their texts, and CPython's own types for them. */
#ifndef FROZEN_CODEC_TIMES_H
#define FROZEN_CODEC_TIMES_H

#include "codec/writer.h"
#include "shared/native.h"

/* What one call of encode or decode knows of the datetime module. */
typedef struct {
    void *api;      /* NULL: not asked for yet */
    bool in_python; /* the module is its version in Python, which has no C interface: subinterpreters of 3.12 */
    PyObject *zone, *described; /* the last time zone met, and its form in the encoding */
} calendar;

void calendar_close(calendar *c);

/* 1: dates and times are read here; 0: not, because the datetime module is in Python; or -1 (exception set). */
int calendar_is_in_c(calendar *c);

/* Whether the exact type is one of date, datetime, time in C, and then writes the value: 1, 0, or -1 (exception set).
 * `levels` says how many arrays may still nest. */
int write_moment(calendar *c, writer *w, PyObject *object, Py_ssize_t levels);

/* The same of a date, datetime or time in shared memory; 0 also if there is more to it than a text: nothing is written then. */
int write_shared_moment(writer *w, native_form form, const uint64_t *words);

/* The object that a tag and a text of `size` bytes stand for; a new reference, or NULL (exception set). The text is as
 * write_moment writes it, or there is an error. */
PyObject *read_moment(calendar *c, int64_t tag, const unsigned char *text, size_t size);

#endif
