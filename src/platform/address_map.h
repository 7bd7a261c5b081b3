/* A small hash table from one or two addresses, and a length, to a word: what one walk through nested values has met,
 * so that a value that can be reached on many paths is looked at once. */
#ifndef FROZEN_PLATFORM_ADDRESS_MAP_H
#define FROZEN_PLATFORM_ADDRESS_MAP_H

#include "platform/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    uintptr_t a, b; /* a == 0: no entry */
    uint64_t length;
} address_key;

typedef struct {
    address_key key;
    uint64_t value;
} address_entry;

#define ADDRESS_FEW 6

/* Zeroed: empty.  A few entries are in the struct itself, in the order of insertion. */
typedef struct {
    address_entry few[ADDRESS_FEW], *slots; /* slots NULL: all are among the few */
    size_t used, mask;
} address_map;

static inline bool
address_equal(address_key x, address_key y)
{
    return x.a == y.a && x.b == y.b && x.length == y.length;
}

/* The slot of the key, or the empty one where it belongs. */
static inline address_entry *
address_slot(address_entry *slots, size_t mask, address_key key)
{
    uint64_t b = (uint64_t)key.b << 32 | (uint64_t)key.b >> 32;
    uint64_t hash = ((uint64_t)key.a ^ b ^ key.length << 4) * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(hash >> 20) & mask;
    while (slots[i].key.a != 0 && !address_equal(slots[i].key, key))
        i = (i + 1) & mask;
    return &slots[i];
}

/* The entry, valid until one is added; or NULL. */
static inline address_entry *
address_find(address_map *map, address_key key)
{
    if (map->slots != NULL) {
        address_entry *slot = address_slot(map->slots, map->mask, key);
        return slot->key.a != 0 ? slot : NULL;
    }
    for (size_t i = 0; i < map->used; i++)
        if (address_equal(map->few[i].key, key))
            return &map->few[i];
    return NULL;
}

static inline bool
address_grow(address_map *map)
{
    size_t mask = map->slots != NULL ? 2 * map->mask + 1 : 31;
    address_entry *old = map->slots != NULL ? map->slots : map->few;
    size_t count = map->slots != NULL ? map->mask + 1 : map->used;
    address_entry *slots = calloc(mask + 1, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (old[i].key.a != 0)
            *address_slot(slots, mask, old[i].key) = old[i];
    free(map->slots);
    map->slots = slots;
    map->mask = mask;
    return true;
}

/* Add a key that is not there; false: no memory, *not* reported, and the map is as it was. */
static inline bool
address_add(address_map *map, address_key key, uint64_t value)
{
    address_entry entry = {key, value};
    if (map->slots == NULL && map->used < ADDRESS_FEW) {
        map->few[map->used++] = entry;
        return true;
    }
    if ((map->slots == NULL || 2 * map->used > map->mask) && !address_grow(map))
        return false;
    *address_slot(map->slots, map->mask, key) = entry;
    map->used++;
    return true;
}

/* The next entry from *position on, which starts at 0; NULL: no more. */
static inline address_entry *
address_next(address_map *map, size_t *position)
{
    address_entry *slots = map->slots != NULL ? map->slots : map->few;
    size_t count = map->slots != NULL ? map->mask + 1 : map->used;
    while (*position < count)
        if (slots[(*position)++].key.a != 0)
            return &slots[*position - 1];
    return NULL;
}

static inline void
address_free(address_map *map)
{
    free(map->slots);
}

#endif
