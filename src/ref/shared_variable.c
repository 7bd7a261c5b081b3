#include "ref/shared_variable.h"

#include "platform/fork.h"
#include "ref/shared_names.h"

/* ---- variables ---- */

enum { STRIPES = 64 };
static publication_locks stripes[STRIPES];

shared_variable *
variable_new(cell value, const void *root, const char *name, size_t name_length)
{
    shared_variable *self = place_alloc(KIND_REF, sizeof(shared_variable), name, name_length);
    if (self == NULL)
        return NULL;
    size_t stripe = ((uintptr_t)self >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 58;
    _Static_assert(STRIPES == 1 << (64 - 58), "the highest bits of the product choose");
    publication_init(&self->pub, &stripes[stripe], slot_value_of_cell(value), root);
    return self;
}

/* What a variable owns: its value, where that is a block. */
node_contents
variable_contents(block *b)
{
    ref_slot *slot = &((shared_variable *)b)->pub.slot;
    return (node_contents){.children = &slot->value, .child_count = cell_is_box(cell_of_slot_value(slot->value))};
}

cell
variable_read(shared_variable *self, uint64_t *version)
{
    ref_slot *slot = &self->pub.slot;
    ref_mutex_lock(slot->lock);
    cell value = cell_of_slot_value(slot->value);
    cell_retain(value);
    *version = slot_version(slot);
    ref_mutex_unlock(slot->lock);
    return value;
}

cell
variable_exchange(shared_variable *self, cell value, const void *root)
{
    ref_slot *slot = &self->pub.slot;
    ref_mutex_lock(slot->lock);
    void *old = slot_publish(slot, slot_value_of_cell(value), root);
    ref_mutex_unlock(slot->lock);
    return cell_of_slot_value(old);
}

bool
variable_replace(shared_variable *self, uint64_t version, cell *value, const void *root)
{
    ref_slot *slot = &self->pub.slot;
    ref_mutex_lock(slot->lock);
    bool current = slot_version(slot) == version;
    if (current)
        *value = cell_of_slot_value(slot_publish(slot, slot_value_of_cell(*value), root));
    ref_mutex_unlock(slot->lock);
    return current;
}

/* ---- fork ---- */

int
variables_setup(void)
{
    _Static_assert(sizeof stripes == STRIPES * 3 * sizeof(ref_mutex), "locks and nothing else");
    if (names_setup() < 0)
        return -1;
    return fork_guard(&stripes[0].slot, STRIPES * 3);
}
