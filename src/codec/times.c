/* date, datetime and time: written and read here where their zone is none or a fixed offset of whole minutes.
 * frozen/_encoding.py does the rest. */

#include "codec/times.h"

#include <datetime.h>

#include "codec/errors.h"
#include "shared/native.h"

void
calendar_close(calendar *c)
{
    Py_CLEAR(c->zone);
    Py_CLEAR(c->described);
}

/* NULL: there is none (c->in_python), or an exception is set. */
static PyDateTime_CAPI *
calendar_open(calendar *c)
{
    (void)PyDateTimeAPI; /* CPython's static pointer is not used */
    if (c->api == NULL && !c->in_python) {
        c->api = datetime_functions();
        if (c->api == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            c->in_python = true;
        }
    }
    return c->api;
}

int
calendar_is_in_c(calendar *c)
{
    return calendar_open(c) != NULL ? 1 : c->in_python ? 0 : -1;
}

/* ---- writing ---- */

static char *
put_digits(char *out, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--, value /= 10)
        out[i - 1] = (char)('0' + value % 10);
    return out + digits;
}

static char *
put_date(char *out, const moment *m)
{
    out = put_digits(out, (unsigned)m->year, 4);
    *out++ = '-';
    out = put_digits(out, (unsigned)m->month, 2);
    *out++ = '-';
    return put_digits(out, (unsigned)m->day, 2);
}

static char *
put_clock(char *out, const moment *m)
{
    out = put_digits(out, (unsigned)m->hour, 2);
    *out++ = ':';
    out = put_digits(out, (unsigned)m->minute, 2);
    *out++ = ':';
    out = put_digits(out, (unsigned)m->second, 2);
    if (m->microsecond != 0) {
        *out++ = '.';
        out = put_digits(out, (unsigned)m->microsecond, 6);
    }
    return out;
}

/* The text of a moment without its zone. */
static char *
put_moment(char *out, native_form form, const moment *m)
{
    if (form != NATIVE_TIME)
        out = put_date(out, m);
    if (form == NATIVE_DATETIME)
        *out++ = 'T';
    return form != NATIVE_DATE ? put_clock(out, m) : out;
}

static char *
put_offset(char *out, long minutes)
{
    if (minutes == 0) {
        *out++ = 'Z';
        return out;
    }
    unsigned size = (unsigned)(minutes < 0 ? -minutes : minutes);
    *out++ = minutes < 0 ? '-' : '+';
    out = put_digits(out, size / 60, 2);
    *out++ = ':';
    return put_digits(out, size % 60, 2);
}

#define MICROSECONDS_OF_MINUTE 60000000

/* A time zone as it is encoded, borrowed: None, an offset in microseconds, a name, or the tuple of both. */
static PyObject *
described_zone(calendar *c, PyDateTime_CAPI *api, PyObject *zone)
{
    if (zone == Py_None)
        return Py_None;
    if (c->zone != zone) {
        PyObject *described =
            zone == api->TimeZone_UTC ? PyLong_FromLong(0) : call_encoding("_describe_zone", "(O)", zone);
        if (described == NULL)
            return NULL;
        Py_XSETREF(c->described, described);
        Py_XSETREF(c->zone, Py_NewRef(zone));
    }
    return c->described;
}

/* Whether RFC 3339 has a word for the zone: one of whole minutes. */
static bool
offset_in_minutes(PyObject *described, long *minutes)
{
    if (!PyLong_CheckExact(described))
        return false;
    long long offset = PyLong_AsLongLong(described); /* below 24 hours */
    *minutes = (long)(offset / MICROSECONDS_OF_MINUTE);
    return offset % MICROSECONDS_OF_MINUTE == 0;
}

/* One part of a zone's description. */
static int
write_zone_part(writer *w, PyObject *part)
{
    if (part == Py_None)
        return write_byte(w, BYTE_NULL);
    return PyLong_Check(part) ? write_int(w, part, false) : write_text(w, part);
}

/* [text, fold, zone], or [text, fold, offset, name] for an offset that has a name. */
static int
write_with_zone(writer *w, int64_t tag, const char *text, size_t size, int fold, PyObject *described)
{
    bool named = PyTuple_Check(described);
    if (write_tagged_head(w, tag, MAJOR_ARRAY, named ? 4 : 3) < 0 || write_block(w, MAJOR_TEXT, text, size) < 0
        || write_head(w, MAJOR_UNSIGNED, (uint64_t)fold) < 0)
        return -1;
    if (!named)
        return write_zone_part(w, described);
    return write_zone_part(w, PyTuple_GET_ITEM(described, 0)) < 0 ? -1
                                                                  : write_zone_part(w, PyTuple_GET_ITEM(described, 1));
}

static int
write_tagged_text(writer *w, int64_t tag, const char *text, const char *end)
{
    return write_head(w, MAJOR_TAG, (uint64_t)tag) < 0 ? -1 : write_block(w, MAJOR_TEXT, text, (size_t)(end - text));
}

static int64_t
tag_of(native_form form)
{
    return form == NATIVE_DATE ? TAG_DATE : form == NATIVE_TIME ? TAG_TIME : TAG_DATETIME;
}

/* The text up to `out` is without zone. */
static int
write_in_zone(writer *w, native_form form, int fold, PyObject *described, char *text, char *out, Py_ssize_t levels)
{
    long minutes;
    if (fold == 0 && described == Py_None)
        return write_tagged_text(w, tag_of(form), text, out);
    if (fold == 0 && form == NATIVE_DATETIME && offset_in_minutes(described, &minutes))
        return write_tagged_text(w, TAG_TIMESTAMP, text, put_offset(out, minutes));
    if (levels < 1)
        return encoding_error("nested deeper than max_depth");
    return write_with_zone(w, tag_of(form), text, (size_t)(out - text), fold, described);
}

/* The form of an object that is exactly of one of the three types, else NATIVE_NONE. */
static native_form
form_of(PyDateTime_CAPI *api, PyObject *o)
{
    return Py_IS_TYPE(o, api->DateTimeType) ? NATIVE_DATETIME
           : Py_IS_TYPE(o, api->DateType)   ? NATIVE_DATE
           : Py_IS_TYPE(o, api->TimeType)   ? NATIVE_TIME
                                            : NATIVE_NONE;
}

/* What the object says; its zone in `*zone`, borrowed. */
static moment
moment_of(native_form form, PyObject *o, PyObject **zone)
{
    moment m = {0};
    *zone = Py_None;
    if (form != NATIVE_TIME)
        m = (moment){PyDateTime_GET_YEAR(o), PyDateTime_GET_MONTH(o), PyDateTime_GET_DAY(o), 0, 0, 0, 0, 0};
    if (form == NATIVE_TIME) {
        m = (moment){0,
                     0,
                     0,
                     PyDateTime_TIME_GET_HOUR(o),
                     PyDateTime_TIME_GET_MINUTE(o),
                     PyDateTime_TIME_GET_SECOND(o),
                     PyDateTime_TIME_GET_MICROSECOND(o),
                     PyDateTime_TIME_GET_FOLD(o)};
        *zone = PyDateTime_TIME_GET_TZINFO(o);
    }
    else if (form == NATIVE_DATETIME) {
        m.hour = PyDateTime_DATE_GET_HOUR(o);
        m.minute = PyDateTime_DATE_GET_MINUTE(o);
        m.second = PyDateTime_DATE_GET_SECOND(o);
        m.microsecond = PyDateTime_DATE_GET_MICROSECOND(o);
        m.fold = PyDateTime_DATE_GET_FOLD(o);
        *zone = PyDateTime_DATE_GET_TZINFO(o);
    }
    return m;
}

int
write_moment(calendar *c, writer *w, PyObject *object, Py_ssize_t levels)
{
    char text[TIME_TEXT];
    PyDateTime_CAPI *api = calendar_open(c);
    PyObject *zone;
    if (api == NULL)
        return c->in_python ? 0 : -1;
    native_form form = form_of(api, object);
    if (form == NATIVE_NONE)
        return 0;
    moment m = moment_of(form, object, &zone);
    PyObject *described = described_zone(c, api, zone);
    if (described == NULL)
        return -1;
    return write_in_zone(w, form, m.fold, described, text, put_moment(text, form, &m), levels) < 0 ? -1 : 1;
}

int
write_shared_moment(writer *w, native_form form, const uint64_t *words)
{
    char text[TIME_TEXT];
    moment m = times_moment(form, words);
    int64_t offset = 0;
    zone_place place = form == NATIVE_DATE ? ZONE_NONE : times_zone(words, &offset);
    char *end = put_moment(text, form, &m);
    int status;
    if (m.fold == 0 && place == ZONE_NONE)
        status = write_tagged_text(w, tag_of(form), text, end);
    else if (m.fold == 0 && (place == ZONE_UTC || place == ZONE_OFFSET) && form == NATIVE_DATETIME
             && offset % MICROSECONDS_OF_MINUTE == 0)
        status = write_tagged_text(w, TAG_TIMESTAMP, text, put_offset(end, (long)(offset / MICROSECONDS_OF_MINUTE)));
    else
        return 0;
    return status < 0 ? -1 : 1;
}

/* ---- reading ---- */

/* What is left of a text. */
typedef struct {
    const unsigned char *at, *end;
    bool wrong;
} reading;

static int
take_digits(reading *r, unsigned digits)
{
    int value = 0;
    for (unsigned i = 0; i < digits; i++, r->at++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9') {
            r->wrong = true;
            return 0;
        }
        value = value * 10 + (*r->at - '0');
    }
    return value;
}

/* Whether the next character is this one, which is then taken. */
static bool
takes(reading *r, char wanted)
{
    bool found = r->at < r->end && *r->at == (unsigned char)wanted;
    r->at += found;
    return found;
}

static void
needs(reading *r, char wanted)
{
    if (!takes(r, wanted))
        r->wrong = true;
}

static void
take_date(reading *r, moment *m)
{
    m->year = take_digits(r, 4);
    needs(r, '-');
    m->month = take_digits(r, 2);
    needs(r, '-');
    m->day = take_digits(r, 2);
}

static void
take_clock(reading *r, moment *m)
{
    m->hour = take_digits(r, 2);
    needs(r, ':');
    m->minute = take_digits(r, 2);
    needs(r, ':');
    m->second = take_digits(r, 2);
    m->microsecond = 0;
    if (takes(r, '.')) {
        m->microsecond = take_digits(r, 6);
        r->wrong |= m->microsecond == 0; /* is left out */
    }
}

/* The zone of an RFC 3339 text: a new reference, or NULL (exception set, or `wrong`). The last one is remembered. */
static PyObject *
take_zone(calendar *c, reading *r)
{
    PyDateTime_CAPI *api = c->api;
    if (takes(r, 'Z'))
        return Py_NewRef(api->TimeZone_UTC);
    bool west = takes(r, '-');
    if (!west)
        needs(r, '+');
    int hours = take_digits(r, 2);
    needs(r, ':');
    int minutes = take_digits(r, 2);
    r->wrong |= hours > 23 || minutes > 59 || hours + minutes == 0;
    if (r->wrong)
        return NULL;
    PyObject *offset = api->Delta_FromDelta(0, (west ? -60 : 60) * (60 * hours + minutes), 0, 1, api->DeltaType);
    if (offset == NULL)
        return NULL;
    int same = c->described != NULL ? PyObject_RichCompareBool(c->described, offset, Py_EQ) : 0;
    if (same == 0) {
        PyObject *zone = api->TimeZone_FromTimeZone(offset, NULL);
        if (zone != NULL) {
            Py_XSETREF(c->zone, zone);
            Py_XSETREF(c->described, Py_NewRef(offset));
        }
        same = zone != NULL ? 1 : -1;
    }
    Py_DECREF(offset);
    return same > 0 ? Py_NewRef(c->zone) : NULL;
}

static PyObject *
make_moment(calendar *c, int64_t tag, reading *r, moment *m)
{
    PyDateTime_CAPI *api = c->api;
    PyObject *zone = tag == TAG_TIMESTAMP && !r->wrong ? take_zone(c, r) : Py_NewRef(Py_None), *made = NULL;
    if (zone == NULL && PyErr_Occurred())
        return NULL;
    if (r->wrong || r->at != r->end)
        encoding_error("no date or time as encode() writes it, `2024-01-02T03:04:05.000006Z` or a part of that");
    else if (tag == TAG_DATE)
        made = api->Date_FromDate(m->year, m->month, m->day, api->DateType);
    else if (tag == TAG_TIME)
        made = api->Time_FromTime(m->hour, m->minute, m->second, m->microsecond, zone, api->TimeType);
    else
        made = api->DateTime_FromDateAndTime(m->year, m->month, m->day, m->hour, m->minute, m->second, m->microsecond,
                                             zone, api->DateTimeType);
    Py_XDECREF(zone);
    return made;
}

PyObject *
read_moment(calendar *c, int64_t tag, const unsigned char *text, size_t size)
{
    reading r = {text, text + size, false};
    moment m = {0};
    if (calendar_open(c) == NULL)
        return NULL;
    if (tag != TAG_TIME)
        take_date(&r, &m);
    if (tag == TAG_TIMESTAMP || tag == TAG_DATETIME)
        needs(&r, 'T');
    if (tag != TAG_DATE)
        take_clock(&r, &m);
    return make_moment(c, tag, &r, &m);
}
