/* The memory contract: what trees/ needs to know of nodes and cells, and nothing more.
 *
 * A *cell* is one stored value (a key, a value, an element). A *node* is one block of a trie or tree: it starts with
 * what the memory needs (NODE_HEAD), and holds cells and references to child nodes. The algorithms in trees/ are
 * `static inline` functions over the names below; each instance in bindings/ includes one memory, then the algorithms,
 * so that every call here is inlined and a debugger steps from the trie into the memory.
 *
 *   local/nodes.h    cells are references to Python objects, nodes are Python objects of one interpreter
 *   shared/nodes.h   cells are encoded values, nodes are plain memory with atomic counts, owned by no interpreter
 *   tests/c/fake_memory.h   cells are small integers, nodes are counted blocks; allocations fail on demand
 *
 * Types
 *   memory        where nodes come from; handed through, never looked into.
 *   cell          pointer-sized, copied by assignment; the bits themselves own nothing, references are counted apart.
 *   probe         a key that is looked for: { uint64_t hash; ... }.
 *   NODE_HEAD     the first members of every node struct.
 *
 * Nodes (`void *` stands for any node)
 *   void *node_alloc(memory *, size_t size, bool general)
 *                          new, count 1, contents undefined, not yet seen by a collector.
 *                          NULL: out of memory (exception set).
 *   void node_ready(void *)    the contents are complete and will not move: from here on a collector may look.
 *   void node_retain(void *) / node_release(void *)
 *                          the last release releases the contents.  It may run arbitrary code: never between two
 *                          stores that belong together, never under a lock.
 *   bool node_is_unique(void *)   this thread holds the only reference, so no other thread can reach the node.
 *   bool node_is_general(void *)  as asked for in node_alloc.
 *
 * Plain and general. A node is *plain* as long as everything in it is: atoms that cannot be part of a reference cycle,
 * and keys whose hash can be computed again at any time, in bounded time, without running arbitrary code or failing.
 * Everything else makes it *general*, and so its ancestors. A collector never needs to see plain nodes; general ones
 * keep the full hash of each key (trees/champ/node.inc.h). A memory without collector answers false everywhere and pays
 * nothing.
 *   bool key_is_plain(cell), value_is_plain(cell)
 *
 *   MEMORY_IS_SERIAL       true: no two threads ever touch nodes at once, so that something may be added to a node that
 *                          others hold, in a place where none of them looks.
 *
 * Readers beside a writer
 *   NODES_HAVE_READERS     defined: threads that hold no reference may read a node while its one owner edits it. An edit
 *                          in place is then one atomic store of a child or of a value; keys, hashes and bitmaps stay as
 *                          they are, also those of a node whose contents have moved out, which comes out in `deferred`.
 *                          The memory keeps what comes out there until no reader can be in it.
 *   void node_unready(void *)  only there: from here on no collector looks, though the contents are not the node's.
 *
 * Cells
 *   void cell_retain(cell) / cell_release(cell)      release may run arbitrary code, as above.
 *   void cell_prefetch(cell)                         its count is about to change.
 *   bool cell_identical(cell, cell)                  the very same value: replacing one by the other changes nothing.
 *   uint64_t cell_hash(cell)                         of a plain key only: pure, cannot fail.
 *   int  cell_matches(cell, const probe *, bool hash_known)
 *                          1 the stored key equals the probe, 0 it does not, -1 the comparison failed (exception set).
 *                          hash_known: the full hashes were compared and agree; otherwise only their low 32 bits were.
 *   probe probe_of(cell key, uint64_t hash)          look for a stored key elsewhere; borrows the cell.
 *   int  cell_equal(cell, cell)                      values: 1, 0, or -1 (exception set); identity first.
 *   int  cell_key_hash(cell, uint64_t *)             the hash that users see of a key, where the trie finds it by
 *                          another one, which is given: as cell_value_hash.
 *   int  cell_value_hash(cell, uint64_t *)           1; 0: another interpreter that can reach the node may have another
 *                          hash for this cell, so it must not be kept in a node; or -1: not hashable (exception
 *                          set).  Cells that are equal have equal hashes.
 *   bool cell_pure_hash(cell, uint64_t *)            the same where it runs no arbitrary code and cannot fail;
 *                          false elsewhere.
 *
 * Long loops (budget.h)
 *   bool interrupted(void)     true: a signal's handler raised (exception set), and the call must end
 *                          with that.  May run arbitrary code, as a release may.
 *
 * Scratch arrays, within one call
 *   void *scratch_alloc(size_t), scratch_free(void *)        NULL: out of memory (exception set).
 *   bool array_fits(size_t count, size_t size)               whether so large an array could be allocated; false: an
 *                                                            exception is set.
 *
 * A memory asks this of each algorithm, so that it can release and traverse nodes by itself:
 *   node_contents contents_of(void *node)            the node's cells and children, as two arrays (NODE_CONTENTS).
 *   size_t size_of(void *node)                       its size as asked for in node_alloc; or less, once it is emptied.
 *   void node_ending(void *node)                     the last reference is gone, the contents are about to be released;
 *                                                    needed by serial memories only.
 *
 * An algorithm that moved a node's contents elsewhere empties it (so that contents_of finds nothing) and releases it.
 *
 * Failure. Every algorithm builds first and publishes last: when it returns failure, all its inputs are as they were
 * and nothing new is left behind. The memory has reported what failed (as a Python exception, for instance).
 * */
#ifndef FROZEN_TREES_MEMORY_CONTRACT_H
#define FROZEN_TREES_MEMORY_CONTRACT_H

#include "platform/compiler.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What a node holds, for code that releases, traverses or counts it without knowing its layout.  `cells` and `children`
 * need not be full: `cell_count` and `child_count` say how many are. */
#define NODE_CONTENTS(cell_type) \
    struct { cell_type *cells; void **children; size_t cell_count, child_count; }

#endif
