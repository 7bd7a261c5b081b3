/* Set algebra: one walk over two trees with four policies (trees/champ/merge.inc.h), and a shorter way where one is
 * small. */
#ifndef FROZEN_BINDINGS_SET_ALGEBRA_INC_H
#define FROZEN_BINDINGS_SET_ALGEBRA_INC_H

#include "trees/champ/iter.inc.h"
#include "bindings/set/source.inc.h"

typedef enum { SET_UNION, SET_INTERSECTION, SET_DIFFERENCE, SET_SYMMETRIC } set_operation;

/* In the order of set_operation. */
static const merger set_policies[] = {
    {.keep_left = true, .keep_right = true, .both = BOTH_LEFT, .count_right = true},
    {.both = BOTH_LEFT, .count_left = true},
    {.keep_left = true, .both = BOTH_DROP, .count_left = true},
    {.keep_left = true, .keep_right = true, .both = BOTH_DROP, .count_left = true, .count_right = true},
};

/* Those members of another tree that the transient has, as the transient has them, into `items`; for a build `b`.
 * Returns how many, *failed if comparing failed or was interrupted (exception set). */
NO_INLINE static size_t
gather_common(const transient *d, champ_node *other, entry *items, builder *b, bool *failed)
{
    champ_iter it;
    pair *s, *found;
    size_t count = 0;
    champ_iter_init(&it, other);
    while (!*failed && (s = champ_iter_next(&it)) != NULL) {
        if ((*failed = !budget_spend(&b->left, 1)))
            break;
        probe p = probe_of(PAIR_KEY(s), champ_iter_hash(&it, s));
        if ((found = champ_find(d->root, &p, failed)) != NULL) {
            pair_retain(found);
            b->any_general |= pair_is_general(found);
            items[count++] = (entry){p.hash, *found};
        }
    }
    return count;
}

/* A tree over those of a few members that the transient has. */
static champ_node *
common_members(memory *mem, const transient *d, champ_node *other, Py_ssize_t other_count, Py_ssize_t *count)
{
    builder b = {.mem = mem, .left = BUDGET};
    workspace w;
    if (!workspace_open(&w, (size_t)other_count))
        return NULL;
    bool failed = false;
    size_t found_count = gather_common(d, other, w.items, &b, &failed);
    champ_node *n = NULL;
    *count = (Py_ssize_t)found_count;
    if (!failed)
        n = champ_build(&b, w.items, w.spare, found_count, 0);
    else
        entries_release(w.items, found_count);
    workspace_close(&w);
    return n;
}

/* Add, remove or toggle one member of another tree: 0 or -1. */
NO_INLINE static int
combine_member(memory *mem, transient *d, const probe *p, cell member, set_operation op)
{
    int removed = op == SET_UNION ? 0 : transient_remove(mem, d, p);
    if (removed != 0 || op == SET_DIFFERENCE)
        return removed < 0 ? -1 : 0;
    return transient_put(mem, d, p, member, member);
}

/* The same where the other tree is small beside the transient: member by member. */
static int
combine_members(memory *mem, transient *d, champ_node *other, set_operation op)
{
    champ_iter it;
    pair *s;
    budget left = BUDGET;
    int status = 0;
    champ_iter_init(&it, other);
    while (status == 0 && (s = champ_iter_next(&it)) != NULL) {
        probe p = probe_of(PAIR_KEY(s), champ_iter_hash(&it, s));
        status = budget_spend(&left, 1) ? combine_member(mem, d, &p, PAIR_KEY(s), op) : -1;
    }
    return status;
}

/* An intersection with few members is built of those alone.  The transient is private here, or its root held. */
static int
intersect_few(memory *mem, transient *d, champ_node *other, Py_ssize_t other_count)
{
    deferred left = {0};
    Py_ssize_t count;
    champ_node *n = common_members(mem, d, other, other_count, &count);
    return transient_store(d, n, 0, count - d->count, &left);
}

#define FEW(part, whole) ((part) <= (whole) / 8)

/* Combine a private transient with another one: 0 or -1. */
static int
transient_combine_trees(memory *mem, transient *d, const transient *other, set_operation op)
{
    if (!FEW(other->count, d->count))
        return transient_merge(mem, d, other, &set_policies[op]);
    if (op == SET_INTERSECTION)
        return intersect_few(mem, d, other->root, other->count);
    return combine_members(mem, d, other->root, op);
}

/* Add, remove, toggle or keep (in `kept`) one object, which may be none that this memory can hold: 0 or -1. */
static int
combine_object(memory *mem, transient *d, transient *kept, PyObject *object, set_operation op)
{
    probe p;
    bool failed = false;
    if (probe_init(&p, object) < 0)
        return -1;
    pair *found = champ_find(d->root, &p, &failed);
    if (failed)
        return -1;
    if (found == NULL)
        return op == SET_UNION || op == SET_SYMMETRIC ? transient_add(mem, d, object) : 0;
    if (op == SET_INTERSECTION)
        return transient_put(mem, kept, &p, PAIR_KEY(found), PAIR_KEY(found));
    return op == SET_UNION || transient_remove(mem, d, &p) >= 0 ? 0 : -1;
}

/* Combine a private transient with objects some of which this memory cannot hold: they are in no set of it, unless
 * equal to one that it can, and only what has to be added is an error.  0 or -1. */
static int
transient_combine_objects(memory *mem, family *types, transient *d, PyObject *members, set_operation op)
{
    transient kept = {(champ_node *)types->empty, 0};
    PyObject *list = distinct_members(members);
    PyObject *distinct = list != NULL ? PyList_AsTuple(list) : NULL; /* arbitrary code could empty a list */
    Py_XDECREF(list);
    int status = distinct != NULL ? 0 : -1;
    node_retain(kept.root);
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(distinct); i++)
        status = combine_object(mem, d, &kept, PyTuple_GET_ITEM(distinct, i), op);
    Py_XDECREF(distinct);
    if (status == 0 && op == SET_INTERSECTION) {
        transient all = *d;
        *d = kept;
        kept = all;
    }
    transient_clear(&kept);
    return status;
}

/* Combine a private transient with any iterable: 0 or -1. */
static int
transient_combine(memory *mem, family *types, transient *d, PyObject *source, set_operation op)
{
    if (is_ours(types, source)) {
        transient other = {ROOT(source), COUNT(source)};
        return transient_combine_trees(mem, d, &other, op);
    }
    bool any_equal;
    PyObject *members = members_of(source, &any_equal);
    if (members == NULL)
        return -1;
    transient other;
    int status = transient_from_members(mem, members, any_equal, &other);
    if (status == 0) {
        status = transient_combine_trees(mem, d, &other, op);
        transient_clear(&other);
    }
    else if (refusal_clear())
        status = transient_combine_objects(mem, types, d, members, op);
    Py_DECREF(members);
    return status;
}

#endif
