/* find, put, remove: one descent each.
 *
 * Changing happens in two steps. champ_locate() goes down and writes the way into a champ_path; keys are compared here,
 * so arbitrary code may run here and only here. champ_put() and champ_remove() then build the new version from the
 * path, bottom up, without calling anything that could re-enter. A mutation looks between the two whether its root is
 * still the one it located in.
 *
 * In place. Of the nodes of a path the first `own` may be edited in place: champ_owned() counts those that only the
 * caller can reach, because each is uniquely referenced from one that is (Rust's Rc::make_mut; no owner tokens in the
 * nodes). A persistent operation passes 0, and then everything on the path is copied.
 * */
#ifndef FROZEN_TREES_CHAMP_ACCESS_INC_H
#define FROZEN_TREES_CHAMP_ACCESS_INC_H

#include "trees/champ/node.inc.h"

/* The pair whose key matches, borrowed from the tree; NULL: absent, or *failed set because a comparison failed. */
FORCE_INLINE pair *
champ_find(champ_node *n, const probe *p, bool *failed)
{
    uint64_t rest = p->hash;
    for (unsigned shift = 0; shift < HASH_BITS; shift += CORE_BITS) {
        bitmap bit = (bitmap)1 << (rest & LEVEL_MASK);
        if (n->datamap & bit) {
            layout v = layout_sized(n, bits_count(n->datamap), bits_count(n->nodemap), node_is_general(n));
            unsigned i = bits_rank(n->datamap, bit);
            int match = entry_matches(&v, i, p);
            if (UNLIKELY(match < 0))
                *failed = true;
            return match > 0 ? &v.pair[i] : NULL;
        }
        if (!(n->nodemap & bit))
            return NULL;
        n = child_load(&node_children(n)[bits_rank(n->nodemap, bit)]);
        rest >>= CORE_BITS;
        /* upper nodes are dense: the child will be near the place of its digit */
        PREFETCH_READ((char *)(n + 1) + 8 * (rest & LEVEL_MASK));
    }
    layout v = layout_of(n);
    for (unsigned i = 0; i < v.entries; i++) {
        int match = entry_matches(&v, i, p);
        if (match != 0) {
            *failed = match < 0;
            return match > 0 ? &v.pair[i] : NULL;
        }
    }
    return NULL;
}

/* Where a descent ended, in the last node of the path. */
typedef enum {
    PLACE_FAILED = -1, /* comparing keys failed */
    PLACE_OPEN,        /* absent, and its branch is empty (or: the end of a collision node) */
    PLACE_TAKEN,       /* absent, another key holds its branch: entry `index` */
    PLACE_FOUND,       /* entry `index` */
} place;

typedef struct {
    champ_node *node[HASH_LEVELS + 1]; /* borrowed: root first */
    uint64_t hash;
    pair *found;    /* with PLACE_FOUND: the entry's */
    unsigned depth; /* of the last node; HASH_LEVELS: a collision node */
    unsigned index;
} champ_path;

static inline bitmap
path_bit(const champ_path *path, unsigned level)
{
    return hash_bit(path->hash, level * CORE_BITS);
}

/* Ask for what a copy of this node will retain, while the descent still waits for the next one. */
static inline void
prefetch_children(champ_node *n)
{
    champ_node **child = node_children(n);
    for (unsigned i = 0, count = bits_count(n->nodemap); i < count; i++)
        PREFETCH_WRITE(child[i]);
}

static inline void
prefetch_pairs(const layout *v)
{
    for (unsigned i = 0; i < v->entries; i++)
        for (unsigned w = 0; w < ENTRY_WIDTH; w++)
            cell_prefetch(v->pair[i].cells[w]);
}

static place
locate_in_collision(champ_path *path, const probe *p)
{
    layout v = layout_of(path->node[path->depth]);
    for (path->index = 0; path->index < v.entries; path->index++) {
        int match = entry_matches(&v, path->index, p);
        path->found = &v.pair[path->index];
        if (match != 0)
            return match < 0 ? PLACE_FAILED : PLACE_FOUND;
    }
    return PLACE_OPEN;
}

/* `prefetch`: the tree is larger than the caches and the path will be copied. */
static inline place
champ_locate(champ_node *n, const probe *p, champ_path *path, bool prefetch)
{
    path->hash = p->hash;
    for (unsigned level = 0; level < HASH_LEVELS; level++) {
        bitmap bit = path_bit(path, level);
        path->node[level] = n;
        path->depth = level;
        if (n->nodemap & bit) {
            if (prefetch)
                prefetch_children(n);
            n = node_children(n)[bits_rank(n->nodemap, bit)];
            continue;
        }
        path->index = bits_rank(n->datamap, bit);
        if (!(n->datamap & bit))
            return PLACE_OPEN;
        layout v = layout_of(n);
        if (prefetch)
            prefetch_pairs(&v);
        path->found = &v.pair[path->index];
        int match = entry_matches(&v, path->index, p);
        return match < 0 ? PLACE_FAILED : match > 0 ? PLACE_FOUND : PLACE_TAKEN;
    }
    path->node[HASH_LEVELS] = n;
    path->depth = HASH_LEVELS;
    return locate_in_collision(path, p);
}

/* How many nodes from the root on may be edited in place.  What goes in being general, plain nodes may not: they and
 * their ancestors have to become general ones. */
static inline unsigned
champ_owned(const champ_path *path, bool general)
{
    unsigned own = 0;
    while (own <= path->depth && node_is_unique(path->node[own]) && (!general || node_is_general(path->node[own])))
        own++;
    return own;
}

/* What an in-place edit dropped: the caller releases it once its own state is consistent and no lock is held, because a
 * release may run arbitrary code; and not before the readers have left, where there are any. */
typedef struct {
    champ_node *node;
#ifdef NODES_HAVE_READERS
    champ_node *moved_out; /* has its contents still, but no references to them */
#endif
    pair pair;
    unsigned cells;
} deferred;

/* The contents of a node that only the caller held are in another one, which has taken its place. */
static inline void
node_moved_out(champ_node *n, deferred *left)
{
    assert(node_is_unique(n));
#ifdef NODES_HAVE_READERS
    node_unready(n);
    left->moved_out = n;
#else
    (void)left;
    champ_discard(n);
#endif
}

static inline void
deferred_release(deferred *left)
{
#ifdef NODES_HAVE_READERS
    if (left->moved_out)
        champ_discard(left->moved_out);
#endif
    while (left->cells)
        cell_release(left->pair.cells[--left->cells]);
    if (left->node)
        node_release(left->node);
}

/* `n` (stolen) takes the place of the path's node at `level`.  `consumed`: that node is gone already, otherwise its
 * parent's reference to it is dropped or was never ours.  Returns the new root, NULL: out of memory, n released. */
static champ_node *
path_attach(memory *mem, const champ_path *path, unsigned level, champ_node *n, unsigned own, bool consumed,
            deferred *left)
{
    while (level > own) {
        layout parent = layout_of(path->node[--level]);
        champ_node *above = node_with(mem, &parent, path_bit(path, level), (content){NULL, n}, false);
        if (above == NULL) {
            node_release(n);
            return NULL;
        }
        n = above;
    }
    if (level == 0)
        return n;
    for (unsigned i = 0; i < level; i++)
        forget_item_hash(path->node[i]);
    champ_node *parent = path->node[level - 1];
    assert(node_is_unique(parent) && (parent->nodemap & path_bit(path, level - 1)));
    assert(node_is_general(parent) || !node_is_general(n));
    champ_node **child = &node_children(parent)[bits_rank(parent->nodemap, path_bit(path, level - 1))];
    if (!consumed)
        left->node = *child;
    child_store(child, n);
    return path->node[0];
}

/* Replace the value of the entry that was found. */
static champ_node *
champ_replace(memory *mem, const champ_path *path, cell value, unsigned own, deferred *left)
{
    unsigned level = path->depth;
    pair *found = path->found;
    if (own > level) {
        assert(node_is_unique(path->node[level]) && (node_is_general(path->node[level]) || value_is_plain(value)));
        left->pair.cells[0] = PAIR_VALUE(found);
        left->cells = 1;
        cell_retain(value);
        value_store(found, value);
        for (unsigned i = 0; i <= level; i++)
            forget_item_hash(path->node[i]);
        return path->node[0];
    }
    layout v = layout_of(path->node[level]);
    assert(path->index < v.entries && found == &v.pair[path->index]);
    entry changed = {path->hash, *found};
    PAIR_VALUE(&changed.pair) = value;
    champ_node *n = level == HASH_LEVELS ? collision_with(mem, &v, path->index, &changed, false)
                                         : node_with(mem, &v, path_bit(path, level), (content){&changed, NULL}, false);
    return n ? path_attach(mem, path, level, n, own, false, left) : NULL;
}

/* Insert an entry that is absent, where champ_locate ended (PLACE_OPEN or PLACE_TAKEN). */
static champ_node *
champ_insert(memory *mem, const champ_path *path, place where, const entry *in, unsigned own, deferred *left)
{
    unsigned level = path->depth;
    bool move = own > level;
    layout v = layout_of(path->node[level]);
    champ_node *n;
    entry other = {0};
    assert(where == PLACE_OPEN || (where == PLACE_TAKEN && path->index < v.entries));
    if (where == PLACE_TAKEN) {
        other = entry_at(&v, path->index);
        champ_node *both = node_pair(mem, (level + 1) * CORE_BITS, &other, in);
        if (both == NULL)
            return NULL;
        n = node_with(mem, &v, path_bit(path, level), (content){NULL, both}, move);
        if (n == NULL)
            node_release(both);
    }
    else if (level == HASH_LEVELS)
        n = collision_with(mem, &v, v.entries, in, move);
    else
        n = node_with(mem, &v, path_bit(path, level), (content){in, NULL}, move);
    if (n == NULL || !move)
        return n ? path_attach(mem, path, level, n, own, false, left) : NULL;
    n = path_attach(mem, path, level, n, level, true, left);
    node_moved_out(v.node, left);
    if (where == PLACE_TAKEN) {
        left->pair = other.pair; /* not the last references: the node of both holds others */
        left->cells = ENTRY_WIDTH;
    }
    return n;
}

/* The tree with `in` at the end of the path, whatever was found there; a key that is present already stays and gets the
 * new value (a set's value is its key: callers leave a member that was found alone).  `own` from champ_owned, or 0.
 * New root: a new reference where own is 0, otherwise the old root's reference goes over.  NULL: out of memory, all is
 * as it was. */
static inline champ_node *
champ_put(memory *mem, const champ_path *path, place where, const entry *in, unsigned own, deferred *left)
{
    if (where == PLACE_FOUND)
        return champ_replace(mem, path, PAIR_VALUE(&in->pair), own, left);
    return champ_insert(mem, path, where, in, own, left);
}

/* Removal keeps the tree canonical: a node that would be left with one entry and no child is not made; the entry
 * moves up to the nearest ancestor that holds more.  `keep` is that entry's index in the path's last node. */
static champ_node *
champ_pull_up(memory *mem, const champ_path *path, const layout *last, unsigned keep, unsigned own, deferred *left)
{
    assert(path->depth > 0 && keep < last->entries);
    entry kept = entry_at(last, keep);
    unsigned level = path->depth - 1;
    while (level > 0 && path->node[level]->datamap == 0 && bits_count(path->node[level]->nodemap) == 1)
        level--;
    bool move = own > level;
    layout v = layout_of(path->node[level]);
    bitmap bit = path_bit(path, level);
    champ_node *dropped = v.child[bits_rank(v.node->nodemap, bit)];
    champ_node *n = node_with(mem, &v, bit, (content){&kept, NULL}, move);
    if (n == NULL)
        return NULL;
    n = path_attach(mem, path, level, n, move ? level : own, move, left);
    if (n != NULL && move) {
        node_moved_out(v.node, left);
        left->node = dropped;
    }
    return n;
}

/* The tree without the entry that was found, as in champ_put.  The last entry leaves an empty root. */
static champ_node *
champ_remove(memory *mem, const champ_path *path, unsigned own, deferred *left)
{
    unsigned level = path->depth;
    layout v = layout_of(path->node[level]);
    assert(path->index < v.entries && (level == 0 || v.children > 0 || v.entries >= 2)); /* I4 */
    if (level > 0 && v.entries == 2 && v.children == 0)
        return champ_pull_up(mem, path, &v, 1 - path->index, own, left);
    bool move = own > level;
    pair dropped = v.pair[path->index];
    champ_node *n = level == HASH_LEVELS ? collision_with(mem, &v, path->index, NULL, move)
                                         : node_with(mem, &v, path_bit(path, level), (content){NULL, NULL}, move);
    if (n == NULL)
        return NULL;
    n = path_attach(mem, path, level, n, move ? level : own, move, left);
    if (n != NULL && move) {
        node_moved_out(v.node, left);
        left->pair = dropped;
        left->cells = ENTRY_WIDTH;
    }
    return n;
}

#endif
