/* What shared/ is told of the boxes and nodes of a shared map or set, in rows of the table of kinds.
 *
 * The including instance has included shared/nodes.h and the container's type.inc.h. */
#ifndef FROZEN_BINDINGS_KEYED_BOXED_INC_H
#define FROZEN_BINDINGS_KEYED_BOXED_INC_H

#include "bindings/keyed/methods.inc.h"
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

#define BOXED_ROW {shared_container_decode, same_root, boxed_equal, boxed_hash, contents_root, true}

#endif
