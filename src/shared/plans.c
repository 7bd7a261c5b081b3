/* How objects of a class are taken apart and made: what frozen/_sharing.py says once for each class, or member. */

#include "shared/current.h"
#include "shared/names.h"
#include "shared/native.h"
#include "shared/recent.h"

/* state->plans: a dict from an address to a plan, of a type or of a member of an enum, and to make objects of boxes: see
 * key_of_box.  A plan owns the type or the member, so that nothing else comes to be at its address while the dict has
 * the plan.  Keys are ints: a look-up runs no Python code. */

/* The dict; NULL (exception set): an interpreter that ends has cleared the module. */
static PyObject *
known_plans(void)
{
    module_state *state = current_state();
    if (state != NULL && state->plans == NULL)
        PyErr_SetString(PyExc_ImportError, "frozen._sharing is not imported any more");
    return state != NULL ? state->plans : NULL;
}

/* A new reference in `*plan`, or NULL: not known; and the key for it. 0, or -1 (exception set). */
static int
find(const void *address, PyObject **plan, PyObject **key)
{
    PyObject *plans = known_plans();
    *plan = NULL;
    *key = plans != NULL ? PyLong_FromVoidPtr((void *)address) : NULL;
    return *key != NULL && dict_lookup(plans, *key, plan) >= 0 ? 0 : -1;
}

/* What _sharing.py says, (form, text, target, flags, extra), with the name in place of the text.  Steals. */
static PyObject *
with_name(PyObject *said)
{
    PyObject *text, *target, *extra, *plan = NULL;
    int form, flags;
    if (PyArg_ParseTuple(said, "iUOiO;a plan of frozen._sharing", &form, &text, &target, &flags, &extra)) {
        const name *n = name_of_text(text);
        plan = n != NULL ? Py_BuildValue("(iNOiO)", form, PyLong_FromVoidPtr((void *)n), target, flags, extra) : NULL;
    }
    Py_DECREF(said);
    return plan;
}

unsigned
registrations_now(void)
{
    module_state *state = current_state();
    return state != NULL ? atomic_load_explicit(&state->registrations, memory_order_acquire) : 0;
}

/* What is recent in other threads is not looked at any longer: recent.h. */
static void
another_registration(void)
{
    module_state *state = current_state();
    if (state != NULL)
        atomic_fetch_add_explicit(&state->registrations, 1, memory_order_acq_rel);
    else
        PyErr_Clear(); /* the interpreter ends */
}

/* Keep what _sharing.py says, unless it is None.  Steals `said`, also if it is NULL: failed.
 *
 * A thread may register a class while another one asks for its plan.  The plan that was asked for `before` is not kept, or
 * taken out of the dict again: either this thread sees the new number, or the thread that registers clears the dict later.
 * What threads made of it while it was in the dict goes as after a registration. */
static PyObject *
keep(PyObject *key, PyObject *said, unsigned before)
{
    if (said == NULL || said == Py_None)
        return said;
    PyObject *plan = with_name(said), *plans = plan != NULL ? known_plans() : NULL;
    if (plan == NULL || (plans != NULL && registrations_now() != before))
        return plan;
    if (plans == NULL || PyDict_SetItem(plans, key, plan) < 0)
        Py_CLEAR(plan);
    if (plan != NULL && registrations_now() != before) {
        if (PyDict_DelItem(plans, key) < 0) {
            if (!PyErr_ExceptionMatches(PyExc_KeyError))
                Py_CLEAR(plan);
            else
                PyErr_Clear(); /* the other thread has cleared the dict in the meantime */
        }
        another_registration();
    }
    return plan;
}

PyObject *
plan_of_type(PyObject *object)
{
    PyObject *plan, *key;
    unsigned before = registrations_now();
    if (find(Py_TYPE(object), &plan, &key) == 0 && plan == NULL)
        plan = keep(key, sharing_call(SHARING_PLAN, "(O)", object), before);
    Py_XDECREF(key);
    return plan;
}

PyObject *
plan_of_member(PyObject *member)
{
    PyObject *plan, *key;
    unsigned before = registrations_now();
    if (find(member, &plan, &key) == 0 && plan == NULL)
        plan = keep(key, sharing_call(SHARING_MEMBER_PLAN, "(O)", member), before);
    Py_XDECREF(key);
    return plan;
}

static PyObject *
plan_by_name(native_form form, const name *n)
{
    PyObject *text = n != NULL ? name_text(n) : PyUnicode_New(0, 0);
    PyObject *said = text != NULL ? sharing_call(SHARING_NAMED_PLAN, "(iO)", (int)form, text) : NULL;
    Py_XDECREF(text);
    return said;
}

/* The key of the plan that makes objects of a box.  Without a name it is the form, which is below every address.  With
 * one it is an address inside the name, where nothing else begins, and for each form another one: a class of the same
 * name may be a record in one interpreter, or at one time, and a named tuple in another. */
static uintptr_t
key_of_box(native_form form, const name *n)
{
    return (uintptr_t)n + form;
}

/* The dict's plan, or what _sharing.py says. */
static PyObject *
plan_at(uintptr_t address, native_form form, const name *n)
{
    PyObject *plan, *key;
    unsigned before = registrations_now();
    if (find((const void *)address, &plan, &key) == 0 && plan == NULL)
        plan = keep(key, plan_by_name(form, n), before);
    Py_XDECREF(key);
    return plan;
}

/* What a thread has for itself has no count that other threads write: there the plan is a tuple of the thread's own.
 * NULL (exception set): no memory. */
static PyObject *
plan_to_count_here(PyObject *plan)
{
#ifdef Py_GIL_DISABLED
    return PyTuple_Pack(PLAN_SIZE, plan_item(plan, 0), plan_item(plan, 1), plan_item(plan, 2), plan_item(plan, 3),
                        plan_item(plan, 4));
#else
    return Py_NewRef(plan);
#endif
}

/* A new reference, or NULL (exception set). */
static PyObject *
plan_to_make(native_form form, const name *n)
{
    uintptr_t address = key_of_box(form, n);
    recent_use *recent = recent_here();
    size_t place = (address ^ address >> 4) % Py_ARRAY_LENGTH(recent->plans);
    if (LIKELY(recent != NULL && recent->plans[place].key == address))
        return Py_NewRef(recent->plans[place].plan);
    unsigned before = registrations_now();
    PyObject *plan = plan_at(address, form, n);
    if (plan == NULL || plan == Py_None || (recent = recent_here()) == NULL || registrations_now() != before)
        return plan;
    PyObject *mine = plan_to_count_here(plan), *old = recent->plans[place].plan;
    if (mine != NULL) {
        recent->plans[place].plan = mine;
        recent->plans[place].key = address;
        Py_XDECREF(old);
    }
    else
        PyErr_Clear();
    return plan;
}

PyObject *
plan_of_box(const box *b)
{
    native_form form = b->head.form;
    return plan_to_make(form, form > NATIVE_DECIMAL ? (const name *)(uintptr_t)native_words(b)[0] : NULL);
}

/* ---- zones ---- */

int
zone_name(PyObject *zone, const name **n)
{
    PyObject *plan = plan_of_type(zone);
    if (plan == NULL)
        return -1;
    int status = 0;
    if (plan != Py_None && PyLong_AsLong(plan_item(plan, PLAN_FORM)) == NATIVE_ZONE) {
        PyObject *key = PyObject_CallOneArg(plan_item(plan, PLAN_EXTRA), zone);
        *n = key != NULL ? name_of_text(key) : NULL;
        status = *n != NULL ? 1 : -1;
        Py_XDECREF(key);
    }
    Py_DECREF(plan);
    return status;
}

PyObject *
zone_of_name(const name *n)
{
    PyObject *plan = plan_to_make(NATIVE_ZONE, n), *zone = NULL;
    if (plan == Py_None)
        PyErr_SetString(PyExc_ImportError, "frozen._sharing has no plan for a time zone");
    else if (plan != NULL)
        zone = Py_NewRef(plan_item(plan, PLAN_TARGET));
    Py_XDECREF(plan);
    return zone;
}

int
plans_traverse(module_state *state, visitproc visit, void *arg)
{
    Py_VISIT(state->plans);
    return recent_traverse(state, visit, arg);
}

void
plans_clear(module_state *state)
{
    if (state->plans != NULL)
        PyDict_Clear(state->plans);
    recent_forget(state);
}

PyObject *
forget_plans(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    module_state *state = current_state();
    if (state == NULL)
        return NULL;
    atomic_fetch_add_explicit(&state->registrations, 1, memory_order_acq_rel);
    plans_clear(state);
    atomic_fetch_add_explicit(&state->registrations, 1, memory_order_acq_rel); /* for what is recent: recent.h */
    Py_RETURN_NONE;
}

int
plans_setup(PyObject *Py_UNUSED(module), module_state *state)
{
    state->plans = PyDict_New();
    return state->plans != NULL ? 0 : -1;
}
