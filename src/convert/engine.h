/* Deep conversion: one walk, of which `freeze`, `thaw` and `share` are three sets of rules (convert/rules.c).
 *
 * The walk keeps its own stack, so nesting is bounded by memory and not by the C stack.  A *frame* is a container whose
 * parts are being converted.  Its rule opens it, which puts its parts into *slots*; the engine converts one slot after
 * the other, in place; then the rule closes it, which makes the result of the slots.
 *
 *     frames    [dict]------------[list]--------------[dict]
 *     slots     k v k v k v ...   e e e e e ...       k v k v
 *                   ^                 ^                   ^ next: the part that is being converted
 *
 * Exact builtins and our own containers have rules in C.  Every other type has one in Python (frozen/_convert.py), found
 * once a walk, which says what the parts are and what makes the result of them.
 *
 * Foreign code runs wherever a rule is, in Python or in C: it may change what is being converted, call the conversion
 * again for the parts of an object (that is a *run* of its own in the same walk), and run on in another greenlet.  So
 * slots own what they hold, nothing of a walk is on the C stack, and a frame is looked up anew after each such point. */
#ifndef FROZEN_CONVERT_ENGINE_H
#define FROZEN_CONVERT_ENGINE_H

#include "platform/cpython.h"
#include "module.h"
#include "platform/address_map.h"

struct walk;
typedef struct rule rule;

/* A conversion as Python has it: what `freeze` calls. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    const struct rule_set *rules;
    PyObject *(*converter_new)(struct walk *); /* what hooks call for the parts of their object: new; NULL: reported */
    void (*converter_end)(PyObject *); /* it must not outlive the walk */
    PyObject *find_rule; /* (cls, convert) -> a rule in Python, or None: objects of that type stay */
    PyObject *find_hook; /* the same for what users registered, which comes first; None: nothing is registered */
    PyObject *place; /* (error, labels) -> the error to be raised */
    PyObject *cycle; /* (obj) -> the error that says that it contains itself */
    PyObject *member; /* (key) -> the label of a key, or of a member of a set */
    PyObject *atoms; /* types that stay, for rules in Python: they may leave out such parts */
} conversion;

typedef struct {
    PyObject *source; /* owned; NULL: the frame of the whole, whose one slot is what is to be converted */
    const rule *rule;
    size_t base, next, end; /* of its slots; next < end: that one is being converted */
    uint8_t known; /* whether `met` has it, see there */
    bool changed; /* a slot has become another object */
    bool unique; /* its parts can be met here only, if nothing but this container holds them */
} frame;

/* One call of the conversion: that of the user, or of a hook for the parts of its object. */
typedef struct run {
    struct walk *walk;
    struct run *outer; /* which waits for this one; NULL: none */
    bool disowned; /* the one outside went on without waiting */
    frame *frames;
    size_t depth, frames_room;
    PyObject **slots; /* owned; NULL: given up */
    size_t used, slots_room;
    budget left;
} run;

/* One conversion of one object, with all that hooks convert on the way. */
typedef struct walk {
    conversion *rules; /* owned */
    module_state *state;
    run *current; /* the innermost run */
    size_t runs; /* that have not ended: the last one frees the walk */
    size_t depth; /* frames of all runs that wait for each other */
    bool any_hook;
    address_map met; /* objects that have been met: MET_OPEN, 0: neither, or the result (both are owned then) */
    address_map types; /* type -> rule_of_type, owned as far as it is an object */
    PyObject *atoms; /* a set, or NULL: not asked for yet */
    PyObject *convert; /* what hooks call, or NULL */
    PyObject *placed; /* the error that says already where it was raised */
} walk;

enum { MET_OPEN = 1 };

/* Values of frame.known: `met` does not have it; it is marked as open; its result will be kept. */
enum { UNKNOWN, MARKED, REMEMBERED };

/* Frames up to this depth are compared one by one where a part might be one of them; deeper ones are marked. */
enum { DEPTH_OF_SCAN = 32 };

enum { FAILED = -1, OPENED, SAME };

struct rule {
    /* Puts the parts into the slots of the frame, which is new and on top: OPENED; SAME: there is nothing to convert and
     * the object stays; or FAILED. `opener` is the rule in Python. */
    int (*open)(run *r, frame *f, PyObject *opener);
    /* The result, a new reference, or NULL (reported).  May take the references out of the slots. */
    PyObject *(*close)(run *r, frame *f);
    PyObject *(*label)(run *r, const frame *f); /* of the part that is being converted, new; NULL: reported */
    uint8_t first, stride; /* which slots are converted */
    bool only_changes; /* what has not changed is taken out of the slots, with the key in the slot before */
    bool keys; /* keys and values by turns, of which frame.changed tells about the keys */
    bool python; /* parts come one by one from an iterator */
};

/* For each type that C knows, the rule, or NULL: objects stay as they are. `is` tells such a type from all others. */
typedef struct rule_set {
    const char *name;
    bool remembers; /* an object that is met twice is converted once */
    const rule *dict, *list, *tuple, *set, *frozenset;
    const rule *local_map, *local_vector, *local_set, *shared_map, *shared_vector, *shared_set;
    const rule *python; /* of all types whose rule is in Python */
} rule_set;

extern const rule_set freeze_rules, thaw_rules, share_rules, local_rules;

/* A new reference, or NULL (reported). */
PyObject *convert_object(conversion *rules, PyObject *object);
/* The same for a part of what `w`, which is running, converts. */
PyObject *convert_part(walk *w, PyObject *part);

/* For the engine (convert/errors.c): lets the error that is set say where it was raised. */
void place_error(run *r);

/* ---- for rules ---- */

/* Types without parts that data mostly consists of. */
static inline bool
is_atom(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type
           || o == Py_None || type == &PyBytes_Type || type == &PyComplex_Type || o == Py_Ellipsis;
}

/* Room for so many slots more: false, no memory (reported). */
bool slots_reserve(run *r, size_t more);

static inline void
slot_push(run *r, PyObject *owned)
{
    r->slots[r->used++] = owned;
}

static inline PyObject **
frame_slots(run *r, const frame *f)
{
    return r->slots + f->base;
}

static inline Py_ssize_t
frame_size(const run *r, const frame *f)
{
    return (Py_ssize_t)(r->used - f->base);
}

/* What `atoms` are for rules in Python, borrowed; NULL: reported. */
PyObject *walk_atoms(walk *w);

#endif
