#include "file/copy.h"

enum { LONGEST_TEXT = 1024, LONGEST_TUPLE = 16, NOT_COPIED = -1 };

/* What an object takes, roughly; NOT_COPIED: it is large, or of a kind that may change or refer to what is around it. */
static Py_ssize_t
cost_of(module_state *state, PyObject *o, bool inside)
{
    PyTypeObject *type = Py_TYPE(o);
    Py_ssize_t size = 0;
    if (type == &PyUnicode_Type)
        size = PyUnicode_GET_LENGTH(o) * PyUnicode_KIND(o);
    else if (type == &PyBytes_Type)
        size = PyBytes_GET_SIZE(o);
    else if (type == &PyTuple_Type && !inside && PyTuple_GET_SIZE(o) <= LONGEST_TUPLE) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++) {
            Py_ssize_t one = cost_of(state, PyTuple_GET_ITEM(o, i), true);
            if (one == NOT_COPIED)
                return NOT_COPIED;
            size += one;
        }
        return size + 64;
    }
    else if (type == state->file_map || type == state->file_set || type == state->file_vector)
        return 128;
    else if (type != &PyLong_Type && type != &PyFloat_Type && type != &PyBool_Type && o != Py_None)
        return NOT_COPIED;
    return size > LONGEST_TEXT ? NOT_COPIED : size + 64;
}

/* Whether making an object of the cell is quick and runs no code of others. Ints of more than 64 bits do. */
static bool
is_quickly_made(file_view *self, cell_word c)
{
    if ((c & TAG_MASK) != CELL_BOX)
        return true;
    const box_head *head = c < self->at ? file_box(self->image, c, 0) : NULL;
    return head != NULL && head->kind != BOX_CODED && head->kind != BOX_FROZENSET
           && ((head->kind != BOX_STR && head->kind != BOX_BYTES) || head->size <= LONGEST_TEXT)
           && (head->kind != BOX_TUPLE || head->size <= LONGEST_TUPLE);
}

/* One entry: what it takes; NOT_COPIED, perhaps with an exception. */
static Py_ssize_t
copy_entry(module_state *state, file_view *self, Py_ssize_t index, PyObject *copy)
{
    if (!is_quickly_made(self, self->cells[2 * index]) || !is_quickly_made(self, self->cells[2 * index + 1]))
        return NOT_COPIED;
    PyObject *key = file_key_at(self, index), *value = key != NULL ? file_value_at(self, index) : NULL;
    Py_ssize_t cost = NOT_COPIED;
    if (value != NULL) {
        Py_ssize_t of_key = cost_of(state, key, true), of_value = cost_of(state, value, false);
        if (of_key != NOT_COPIED && of_value != NOT_COPIED && PyDict_SetItem(copy, key, value) == 0)
            cost = of_key + of_value + 64;
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return cost;
}

/* A new dict of all entries, or NULL, perhaps with an exception. `cost`: what was spent of the file's bytes. */
static PyObject *
copy_entries(module_state *state, file_view *self, int64_t *cost)
{
    PyObject *copy = PyDict_New();
    for (Py_ssize_t i = 0; copy != NULL && i < self->count; i++) {
        Py_ssize_t one = copy_entry(state, self, i, copy);
        bool fits = one != NOT_COPIED && atomic_fetch_sub(&self->image->copy_bytes, one) >= one;
        *cost += one != NOT_COPIED ? one : 0;
        if (!fits)
            Py_CLEAR(copy);
    }
    if (copy != NULL && PyDict_GET_SIZE(copy) != self->count)
        Py_CLEAR(copy); /* a damaged file: a key is there twice */
    return copy;
}

bool
file_copy_made(file_view *self, PyObject **copy)
{
    module_state *state = self->plain_keys ? type_module_state(Py_TYPE(self)) : NULL;
    int64_t cost = 0;
    if (state == NULL)
        return true;
    PyObject *made = copy_entries(state, self, &cost), *known = NULL;
    if (made != NULL)
        PyObject_GC_UnTrack(made); /* nobody finds and changes it. file_view_traverse visits its views */
    if (made != NULL && atomic_compare_exchange_strong(&self->copy, &known, made)) {
        self->copy_cost = cost; /* read at the view's end, which comes after this call */
        *copy = made;
        return true;
    }
    *copy = known; /* of another thread, or NULL */
    atomic_fetch_add(&self->image->copy_bytes, cost);
    Py_XDECREF(made);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear(); /* of damage or lacking memory: look-ups find out where it matters */
    return !PyErr_Occurred();
}
