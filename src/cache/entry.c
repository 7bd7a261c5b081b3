/* Entries as objects: any map holds them, and the collector sees through them. */

#include "cache/entry.h"

cache_entry *
entry_new(PyTypeObject *type, PyObject *key, Py_hash_t hash, PyObject *value)
{
    cache_entry *e = PyObject_GC_New(cache_entry, type);
    if (e == NULL)
        return NULL;
    e->key = Py_NewRef(key);
    e->value = Py_NewRef(value);
    e->older = e->newer = NULL;
    e->expires = NEVER;
    e->hash = hash;
    e->queue = 0;
    e->weight = 1;
    atomic_init(&e->mark, 0);
    atomic_init(&e->state, ENTRY_NEW);
    e->reason = GONE_SIZE;
    e->is_error = false;
    PyObject_GC_Track((PyObject *)e);
    return e;
}

PyObject *
entry_reason_word(entry_reason reason)
{
    static const char *const words[] = {"size", "expired", "replaced", "deleted", "cleared"};
    return PyUnicode_InternFromString(words[reason]);
}

/* An entry has no tp_clear: it does not change while threads may read it. Cycles through it are broken at the cache. */
static int
entry_tp_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((cache_entry *)op)->key);
    Py_VISIT(((cache_entry *)op)->value);
    return 0;
}

static void
entry_tp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, entry_tp_dealloc)
    Py_DECREF(((cache_entry *)op)->key);
    Py_DECREF(((cache_entry *)op)->value);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyType_Slot entry_slots[] = {
    {Py_tp_traverse, entry_tp_traverse},
    {Py_tp_dealloc, entry_tp_dealloc},
    {0, NULL},
};

PyType_Spec frozen_cache_entry_spec = {
    .name = "frozen._CacheEntry",
    .basicsize = sizeof(cache_entry),
    .flags = FROZEN_TYPE_FLAGS | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = entry_slots,
};
