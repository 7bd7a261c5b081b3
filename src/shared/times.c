/* date, datetime, time and timedelta of the C implementation, in two words.
 *
 * A zone takes the second word of a datetime or time: none, UTC, a fixed offset without a name, in microseconds, or the
 * key of a ZoneInfo, by the address of its name.  Any other is in a cell.
 *
 * A reader of a key finds the ZoneInfo by the address alone, as it finds classes, and touches no other memory than the
 * box: names are never freed (names.h), and there are as many as the time zone database has keys, because a key is looked
 * up before it becomes a name.  The plan of the key owns the object (plans.c): it is the interpreter's, or on free-threaded
 * builds also the thread's, and ends with it. */

#include "shared/current.h"
#include "shared/native.h"

#include <datetime.h>

enum { ZONE_BITS = 3 }; /* below them is a zone_place: addresses of names are multiples of 8 */

#define SECONDS_OF_DAY 86400
#define DAY INT64_C(86400000000) /* microseconds */

/* The first thread that has the capsule publishes it, and the module owns it. */
void *
datetime_functions(void)
{
    module_state *state = current_state();
    (void)PyDateTimeAPI;
    if (state == NULL)
        return NULL;
    _Atomic(PyObject *) *known = (_Atomic(PyObject *) *)&state->datetime;
    PyObject *capsule = atomic_load_explicit(known, memory_order_acquire);
    if (UNLIKELY(capsule == NULL)) {
        PyObject *none = NULL;
        if ((capsule = imported("datetime", "datetime_CAPI")) == NULL)
            return NULL;
        if (!atomic_compare_exchange_strong_explicit(known, &none, capsule, memory_order_acq_rel,
                                                     memory_order_acquire)) {
            Py_DECREF(capsule);
            capsule = none;
        }
    }
    return PyCapsule_GetPointer(capsule, PyDateTime_CAPSULE_NAME);
}

/* ---- apart ---- */

static uint64_t
pack_day(PyObject *o)
{
    return ((uint64_t)PyDateTime_GET_YEAR(o) << 4 | (uint64_t)PyDateTime_GET_MONTH(o)) << 5
           | (uint64_t)PyDateTime_GET_DAY(o);
}

static uint64_t
pack_clock(int hour, int minute, int second, int microsecond, int fold)
{
    uint64_t seconds = ((uint64_t)hour << 6 | (uint64_t)minute) << 6 | (uint64_t)second;
    return (seconds << 20 | (uint64_t)microsecond) << 1 | (uint64_t)fold;
}

enum { CLOCK_BITS = 5 + 6 + 6 + 20 + 1 };

/* The offset of a timezone without a name, in microseconds: 1; 0: it has one; -1: failed. */
static int
offset_of(PyObject *zone, int64_t *offset)
{
    PyObject *args = PyObject_CallMethod(zone, "__getinitargs__", NULL);
    if (args == NULL)
        return -1;
    bool plain = PyTuple_Check(args) && PyTuple_GET_SIZE(args) == 1;
    if (plain) {
        PyObject *delta = PyTuple_GET_ITEM(args, 0);
        *offset = PyDateTime_DELTA_GET_DAYS(delta) * DAY + PyDateTime_DELTA_GET_SECONDS(delta) * INT64_C(1000000)
                  + PyDateTime_DELTA_GET_MICROSECONDS(delta);
    }
    Py_DECREF(args);
    return plain;
}

static int
take_zone(PyDateTime_CAPI *api, PyObject *zone, native_value *v)
{
    int64_t offset = 0;
    if (zone == Py_None || zone == api->TimeZone_UTC) {
        v->words[1] = zone == Py_None ? ZONE_NONE : ZONE_UTC;
        return 1;
    }
    if (Py_IS_TYPE(zone, Py_TYPE(api->TimeZone_UTC))) {
        int plain = offset_of(zone, &offset);
        if (plain != 0) {
            v->words[1] = (uint64_t)(offset + DAY) << ZONE_BITS | ZONE_OFFSET;
            return plain;
        }
    }
    const name *key;
    int named = zone_name(zone, &key);
    if (named != 0) {
        v->words[1] = named > 0 ? (uint64_t)(uintptr_t)key | ZONE_NAMED : 0;
        return named;
    }
    v->words[1] = ZONE_CELL;
    v->parts = PyTuple_Pack(1, zone);
    return v->parts != NULL ? 1 : -1;
}

int
times_take(PyObject *o, native_value *v)
{
    PyDateTime_CAPI *api = datetime_functions();
    if (api == NULL)
        return -1;
    if (Py_IS_TYPE(o, api->DateTimeType)) {
        v->words[0] =
            pack_day(o) << CLOCK_BITS
            | pack_clock(PyDateTime_DATE_GET_HOUR(o), PyDateTime_DATE_GET_MINUTE(o), PyDateTime_DATE_GET_SECOND(o),
                         PyDateTime_DATE_GET_MICROSECOND(o), PyDateTime_DATE_GET_FOLD(o));
        return take_zone(api, PyDateTime_DATE_GET_TZINFO(o), v);
    }
    if (Py_IS_TYPE(o, api->DateType)) {
        v->words[0] = pack_day(o);
        return 1;
    }
    if (Py_IS_TYPE(o, api->DeltaType)) {
        v->words[0] = (uint64_t)(int64_t)PyDateTime_DELTA_GET_DAYS(o);
        v->words[1] = (uint64_t)PyDateTime_DELTA_GET_SECONDS(o) << 20 | (uint64_t)PyDateTime_DELTA_GET_MICROSECONDS(o);
        return 1;
    }
    if (!Py_IS_TYPE(o, api->TimeType))
        return 0;
    v->words[0] = pack_clock(PyDateTime_TIME_GET_HOUR(o), PyDateTime_TIME_GET_MINUTE(o), PyDateTime_TIME_GET_SECOND(o),
                             PyDateTime_TIME_GET_MICROSECOND(o), PyDateTime_TIME_GET_FOLD(o));
    if (PyDateTime_TIME_GET_TZINFO(o) == Py_None)
        v->flags = BOX_HASH_AGREES; /* of 3.12, too */
    return take_zone(api, PyDateTime_TIME_GET_TZINFO(o), v);
}

/* ---- made ---- */

moment
times_moment(native_form form, const uint64_t *words)
{
    uint64_t clock = form == NATIVE_DATE ? 0 : words[0] & ((UINT64_C(1) << CLOCK_BITS) - 1);
    uint64_t day = form == NATIVE_DATE ? words[0] : words[0] >> CLOCK_BITS;
    return (moment){
        .year = (int)(day >> 9),
        .month = (int)(day >> 5) & 15,
        .day = (int)day & 31,
        .hour = (int)(clock >> 33) & 31,
        .minute = (int)(clock >> 27) & 63,
        .second = (int)(clock >> 21) & 63,
        .microsecond = (int)(clock >> 1) & 0xFFFFF,
        .fold = (int)clock & 1,
    };
}

zone_place
times_zone(const uint64_t *words, int64_t *offset)
{
    zone_place place = (zone_place)(words[1] & ((1 << ZONE_BITS) - 1));
    *offset = place == ZONE_OFFSET ? (int64_t)(words[1] >> ZONE_BITS) - DAY : 0;
    return place;
}

static const name *
name_of_zone(const uint64_t *words)
{
    return (const name *)(uintptr_t)(words[1] & ~(uint64_t)((1 << ZONE_BITS) - 1));
}

/* A new reference, or NULL (exception set). */
static PyObject *
make_zone(PyDateTime_CAPI *api, const uint64_t *words, PyObject *zone)
{
    int64_t offset;
    switch (times_zone(words, &offset)) {
    case ZONE_NONE: return Py_NewRef(Py_None);
    case ZONE_UTC: return Py_NewRef(api->TimeZone_UTC);
    case ZONE_CELL: return Py_NewRef(zone);
    case ZONE_NAMED: return zone_of_name(name_of_zone(words));
    default: break;
    }
    int seconds = (int)(offset / 1000000), microseconds = (int)(offset % 1000000);
    PyObject *delta = api->Delta_FromDelta(0, seconds, microseconds, 1, api->DeltaType);
    PyObject *made = delta != NULL ? api->TimeZone_FromTimeZone(delta, NULL) : NULL;
    Py_XDECREF(delta);
    return made;
}

static PyObject *
make_in_zone(PyDateTime_CAPI *api, native_form form, const moment *m, PyObject *zone)
{
    if (form == NATIVE_TIME)
        return api->Time_FromTimeAndFold(m->hour, m->minute, m->second, m->microsecond, zone, m->fold, api->TimeType);
    return api->DateTime_FromDateAndTimeAndFold(m->year, m->month, m->day, m->hour, m->minute, m->second,
                                                m->microsecond, zone, m->fold, api->DateTimeType);
}

/* By _sharing.py, in an interpreter whose datetime module is not in C. */
static PyObject *
make_in_python(native_form form, const uint64_t *words, const moment *m, PyObject *zone)
{
    if (form == NATIVE_TIMEDELTA)
        return sharing_call(SHARING_MAKE_TIME, "(i(Lii))", (int)form, (long long)(int64_t)words[0],
                            (int)(words[1] >> 20), (int)(words[1] & 0xFFFFF));
    if (form == NATIVE_DATE)
        return sharing_call(SHARING_MAKE_TIME, "(i(iii))", (int)form, m->year, m->month, m->day);
    int64_t offset;
    zone_place place = times_zone(words, &offset);
    PyObject *in = place == ZONE_NAMED ? zone_of_name(name_of_zone(words)) : Py_NewRef(zone != NULL ? zone : Py_None);
    PyObject *made =
        in == NULL ? NULL
                   : sharing_call(SHARING_MAKE_TIME, "(i(iiiiiiii)iLO)", (int)form, m->year, m->month, m->day, m->hour,
                                  m->minute, m->second, m->microsecond, m->fold, (int)place, (long long)offset, in);
    Py_XDECREF(in);
    return made;
}

PyObject *
times_make(native_form form, const uint64_t *words, PyObject *zone)
{
    PyDateTime_CAPI *api = datetime_functions();
    moment m = times_moment(form, words);
    if (UNLIKELY(api == NULL)) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear();
        return make_in_python(form, words, &m, zone);
    }
    if (form == NATIVE_DATE)
        return api->Date_FromDate(m.year, m.month, m.day, api->DateType);
    if (form == NATIVE_TIMEDELTA)
        return api->Delta_FromDelta((int)(int64_t)words[0], (int)(words[1] >> 20), (int)(words[1] & 0xFFFFF), 1,
                                    api->DeltaType);
    PyObject *in = make_zone(api, words, zone);
    PyObject *made = in != NULL ? make_in_zone(api, form, &m, in) : NULL;
    Py_XDECREF(in);
    return made;
}
