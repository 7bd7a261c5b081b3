/* Many threads (pthreads) read one tree at once, under the thread sanitizer.
 *
 * Reading writes nothing but the cached item hashes: relaxed atomic words, which each thread that computes one sets to
 * the same value, and which nothing else is read through.  Each round has new trees, whose caches are empty. */
#define ENTRY_WIDTH 2
#include "champ_model.h"

#include "trees/champ/iter.inc.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS = 4, ROUNDS = 6 };

typedef struct {
    tree tree, version; /* share most nodes */
    uint64_t tree_hash, version_hash;
    atomic_int waiting; /* all start when this is 0 */
} round_of_readers;

static uint64_t
item_hash(champ_node *root)
{
    uint64_t shares;
    CHECK(champ_item_hash(root, &shares) == 1);
    return shares;
}

static void
read_all(const tree *t)
{
    size_t visited = 0;
    champ_iter it;
    champ_iter_init(&it, t->root);
    for (pair *s; (s = champ_iter_next(&it)) != NULL; visited++) {
        probe p = fake_probe(PAIR_KEY(s));
        bool failed = false;
        CHECK(champ_find(t->root, &p, &failed) == s && !failed);
    }
    CHECK(visited == t->model.count && champ_count(t->root) == visited);
}

static void *
reader(void *context)
{
    round_of_readers *r = context;
    atomic_fetch_sub(&r->waiting, 1);
    while (atomic_load(&r->waiting) > 0)
        sched_yield();
    CHECK(item_hash(r->version.root) == r->version_hash);
    CHECK(champ_equal(r->tree.root, r->version.root) == 0);
    CHECK(item_hash(r->tree.root) == r->tree_hash);
    read_all(&r->tree);
    read_all(&r->version);
    return NULL;
}

/* The hash as one thread computes it, of nodes that nobody else has. */
static uint64_t
expected_hash(const tree *t)
{
    tree rebuilt = tree_of(&t->model);
    uint64_t hash = item_hash(rebuilt.root);
    tree_drop(&rebuilt);
    return hash;
}

static void
threads_read_one_tree(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        model m = some_model(KEYS / 2, i % 3 ? 0 : 10);
        round_of_readers r = {.tree = tree_of(&m), .waiting = THREADS};
        r.version = tree_copy(&r.tree);
        tree_put(&r.version, pair_of(chance(KEYS), FAKE_VALUES - 1), PERSISTENT);
        tree_remove(&r.version, chance(KEYS), PERSISTENT);
        tree_put(&r.version, pair_of(chance(KEYS), FAKE_VALUES - 2), PERSISTENT);
        r.tree_hash = expected_hash(&r.tree);
        r.version_hash = expected_hash(&r.version);
        pthread_t threads[THREADS];
        for (unsigned t = 0; t < THREADS; t++)
            CHECK(pthread_create(&threads[t], NULL, reader, &r) == 0);
        for (unsigned t = 0; t < THREADS; t++)
            CHECK(pthread_join(threads[t], NULL) == 0);
        tree_verify(&r.tree);
        tree_verify(&r.version);
        tree_drop(&r.tree);
        tree_drop(&r.version);
    }
}

int
main(void)
{
    for_each_hash(threads_read_one_tree);
    return 0;
}
