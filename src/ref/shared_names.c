/* A hash table by chaining that grows by one bucket at a time (linear hashing, Litwin 1980), so that no call holds the
 * lock, which all interpreters share, for longer than it takes to look through a chain or two.
 *
 * Names often come from outside: they are hashed with the process's secret, so that no client can choose names that
 * meet in one bucket. Buckets are in segments, each as large as all before it; a segment is allocated outside of the
 * lock. */

#include "ref/shared_names.h"

#include "platform/fork.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 256, SEGMENTS = 32 };

static struct {
    ref_mutex lock;
    size_t count, buckets; /* `buckets`: in use, 0: FIRST_BUCKETS */
    shared_place *first[FIRST_BUCKETS];
    shared_place **segment[SEGMENTS]; /* segment s: buckets from FIRST_BUCKETS << s on, as many again */
} names = {.lock = REF_MUTEX_INIT};

/* Of names that are not empty; without the interpreter. */
static uint64_t
name_hash(const char *name, size_t length)
{
    return (uint64_t)PyHash_GetFuncDef()->hash(name, (Py_ssize_t)length);
}

/* ---- all below are called with the lock held, up to names_grow ---- */

static size_t
buckets_in_use(void)
{
    return names.buckets != 0 ? names.buckets : FIRST_BUCKETS;
}

/* The segment that holds bucket number `bucket`, which is not among the first. */
static unsigned
segment_of(size_t bucket)
{
    unsigned s = 0;
    while (bucket >= (size_t)FIRST_BUCKETS << (s + 1))
        s++;
    return s;
}

static shared_place **
bucket_at(size_t bucket)
{
    if (bucket < FIRST_BUCKETS)
        return &names.first[bucket];
    unsigned s = segment_of(bucket);
    return &names.segment[s][bucket - ((size_t)FIRST_BUCKETS << s)];
}

/* The largest size that the table doubled to: from there on it grows bucket by bucket. */
static size_t
full_size(size_t buckets)
{
    size_t size = FIRST_BUCKETS;
    while (2 * size <= buckets)
        size *= 2;
    return size;
}

static shared_place **
bucket_of(uint64_t hash)
{
    size_t buckets = buckets_in_use(), size = full_size(buckets), bucket = hash & (2 * size - 1);
    return bucket_at(bucket < buckets ? bucket : hash & (size - 1));
}

/* The link to the place of that kind and name, or to the end of its bucket. */
static shared_place **
names_link(block_kind kind, uint64_t hash, const char *name, size_t length)
{
    shared_place **link = bucket_of(hash);
    while (*link != NULL
           && ((*link)->name_hash != hash || (*link)->head.kind != kind || (*link)->name_length != length
               || memcmp((*link)->name, name, length) != 0))
        link = &(*link)->next;
    return link;
}

/* One more bucket: what belongs there comes from the one that has had it so far. */
static void
names_split(void)
{
    size_t added = buckets_in_use(), size = full_size(added);
    shared_place **link = bucket_at(added - size), **end = bucket_at(added);
    while (*link != NULL) {
        shared_place *place = *link;
        if ((place->name_hash & (2 * size - 1)) != added) {
            link = &place->next;
            continue;
        }
        *link = place->next;
        place->next = NULL;
        *end = place;
        end = &place->next;
    }
    names.buckets = added + 1;
}

/* Keeps about one name to a bucket.  Returns the segment that is missing for it, or SEGMENTS. */
static unsigned
names_grow(void)
{
    size_t buckets = buckets_in_use();
    if (names.count <= buckets)
        return SEGMENTS;
    unsigned s = segment_of(buckets);
    if (s < SEGMENTS && names.segment[s] == NULL)
        return s;
    if (s < SEGMENTS)
        names_split();
    return SEGMENTS;
}

/* ---- */

/* Without memory the chains become longer. */
static void
add_segment(unsigned s)
{
    shared_place **fresh = calloc((size_t)FIRST_BUCKETS << s, sizeof *fresh);
    ref_mutex_lock(&names.lock);
    if (names.segment[s] == NULL) {
        names.segment[s] = fresh;
        fresh = NULL;
    }
    ref_mutex_unlock(&names.lock);
    free(fresh); /* another thread was faster */
}

bool
names_add(shared_place *place)
{
    place->name_hash = name_hash(place->name, place->name_length);
    unsigned missing = SEGMENTS;
    ref_mutex_lock(&names.lock);
    shared_place **link = names_link(place->head.kind, place->name_hash, place->name, place->name_length);
    bool is_free = *link == NULL;
    if (is_free) {
        block_retain(&place->head);
        *link = place;
        names.count++;
        missing = names_grow();
    }
    ref_mutex_unlock(&names.lock);
    if (missing < SEGMENTS)
        add_segment(missing);
    return is_free;
}

shared_place *
names_find(block_kind kind, const char *name, size_t length)
{
    uint64_t hash = name_hash(name, length);
    ref_mutex_lock(&names.lock);
    shared_place *found = *names_link(kind, hash, name, length);
    if (found != NULL)
        block_retain(&found->head);
    ref_mutex_unlock(&names.lock);
    return found;
}

shared_place *
names_remove(block_kind kind, const char *name, size_t length)
{
    uint64_t hash = name_hash(name, length);
    ref_mutex_lock(&names.lock);
    shared_place **link = names_link(kind, hash, name, length), *found = *link;
    if (found != NULL) {
        *link = found->next;
        found->next = NULL;
        names.count--;
    }
    ref_mutex_unlock(&names.lock);
    return found;
}

int
names_setup(void)
{
    return fork_guard(&names.lock, 1);
}
