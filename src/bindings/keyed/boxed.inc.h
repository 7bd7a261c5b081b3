/* What shared/ is told of the boxes and nodes of a shared map or set, in rows of the table of kinds.
 *
 * The including instance has included shared/nodes.h and the container's type.inc.h, and named its COUNTERPART, the
 * family of the local twin. */
#ifndef FROZEN_BINDINGS_KEYED_BOXED_INC_H
#define FROZEN_BINDINGS_KEYED_BOXED_INC_H

#include "bindings/common/bulk.h"
#include "bindings/common/counterpart.inc.h"
#include "bindings/keyed/methods.inc.h"
#include "shared/walk.h"
#include "trees/champ/hash.inc.h"

static int
boxed_hash(box *b, uint64_t *hash)
{
    uint64_t shares;
    int status = champ_item_hash(*box_root(b), &shares);
    if (status >= 0)
        *hash = frozenset_hash(shares, b->size);
    return status;
}

static int
boxed_equal(box *a, box *b)
{
    return champ_equal(*box_root(a), *box_root(b));
}

/* ---- its counterpart in the local family, whose items are looked for among the shared ones ---- */

typedef struct {
    champ_node *root;
    bool differs;
} local_comparison;

/* Hashing a key runs arbitrary code. */
static int
probe_init_in_walk(probe *p, PyObject *key)
{
    walk *paused = walk_pause();
    int status = probe_init(p, key);
    walk_resume(paused);
    return status;
}

/* For a set, the value is the key once more. */
static int
local_item_is_there(void *context, PyObject *key, PyObject *value)
{
    local_comparison *c = context;
    probe p;
    bool failed = false;
    if (probe_init_in_walk(&p, key) < 0)
        return -1;
    pair *found = champ_find(c->root, &p, &failed);
    if (failed)
        return -1;
    int equal = found != NULL;
#if ENTRY_WIDTH > 1
    if (equal)
        equal = cell_equals_object(PAIR_VALUE(found), value);
#else
    (void)value;
#endif
    c->differs = equal == 0;
    return equal > 0 ? 0 : -1;
}

static int
boxed_equals_local(void *root, uint64_t Py_UNUSED(size), PyObject *local)
{
    local_comparison c = {root, false};
    bool unique;
    if (INSTANCE_EXPAND(COUNTERPART, _each)(local, local_item_is_there, &c, &unique) == 0)
        return 1;
    return c.differs ? 0 : -1;
}

#define BOXED_ROW                                                                                       \
    {shared_container_decode, same_root, boxed_equal, boxed_hash, contents_root, true, is_local_counterpart, boxed_equals_local}

#endif
