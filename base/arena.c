// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BLOCK_BYTES = 4096,
    SMALL_BLOCK_BYTES = 512,
    LARGEST_GROWTH_BYTES = 1 << 20
};

struct arena_block {
    struct arena_block *older;
    size_t size_bytes;
    alignas(max_align_t) uint8_t bytes[];
};

struct arena arena_init(size_t cap_bytes)
{
    return (struct arena){.cap_bytes = cap_bytes};
}

struct arena arena_init_small(size_t cap_bytes)
{
    return (struct arena){.cap_bytes = cap_bytes, .first_bytes = SMALL_BLOCK_BYTES};
}

static struct arena emptied(const struct arena *arena)
{
    return (struct arena){.cap_bytes = arena->cap_bytes,
                          .first_bytes = arena->first_bytes};
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->block;
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    *arena = emptied(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->block;
    if (!kept)
        return;
    arena->block = kept->older;
    arena_free(arena);
    kept->older = NULL;
    arena->block = kept;
}

void arena_wipe(struct arena *arena)
{
    if (arena->block)
        memset(arena->block->bytes, 0, arena->block_used_bytes);
    arena_reset(arena);
}

static bool add_block(struct arena *arena, size_t needed, struct err *err)
{
    size_t first = arena->first_bytes > 0 ? arena->first_bytes : FIRST_BLOCK_BYTES;
    size_t size = arena->block ? arena->block->size_bytes * 2 : first;
    if (size > LARGEST_GROWTH_BYTES)
        size = LARGEST_GROWTH_BYTES;
    if (size < needed)
        size = needed;
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return err_set(err, ERR_BUSY, "memory_short", "no memory for %zu bytes", size);
    block->older = arena->block;
    block->size_bytes = size;
    arena->block = block;
    arena->block_used_bytes = 0;
    return true;
}

void *arena_take_unset(struct arena *arena, size_t count, size_t size, struct err *err)
{
    size_t bytes = 0;
    size_t rounded = 0;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, alignof(max_align_t) - 1, &rounded) ||
        (rounded &= ~(alignof(max_align_t) - 1)) >
            arena->cap_bytes - arena->taken_bytes) {
        err_set(err, ERR_LIMIT, "arena_full", "more than %zu bytes", arena->cap_bytes);
        return NULL;
    }
    bool fits =
        arena->block && arena->block->size_bytes - arena->block_used_bytes >= rounded;
    if (!fits && !add_block(arena, rounded, err))
        return NULL;
    void *at = arena->block->bytes + arena->block_used_bytes;
    arena->block_used_bytes += rounded;
    arena->taken_bytes += rounded;
    return at;
}

void *arena_take(struct arena *arena, size_t count, size_t size, struct err *err)
{
    void *at = arena_take_unset(arena, count, size, err);
    if (at)
        memset(at, 0, count * size);
    return at;
}

void *arena_grow(struct arena *arena, void *old, size_t used, size_t needed, size_t size,
                 size_t *room, struct err *err)
{
    if (old && needed <= *room)
        return old;
    size_t more = *room > SIZE_MAX / 2 ? SIZE_MAX : *room * 2;
    if (more < needed)
        more = needed;
    uint8_t *grown = arena_take_unset(arena, more, size, err);
    if (!grown)
        return NULL;
    if (used > 0)
        memcpy(grown, old, used * size);
    memset(grown + used * size, 0, (more - used) * size);
    *room = more;
    return grown;
}

bool arena_copy(struct arena *arena, struct span bytes, struct span *copy,
                struct err *err)
{
    uint8_t *at = arena_take_unset(arena, bytes.len, 1, err);
    if (!at)
        return false;
    if (bytes.len)
        memcpy(at, bytes.at, bytes.len);
    *copy = span_of(at, bytes.len);
    return true;
}

const char *arena_string(struct arena *arena, struct span bytes, struct err *err)
{
    if (bytes.len == SIZE_MAX) {
        err_set(err, ERR_LIMIT, "arena_full", "more than %zu bytes", arena->cap_bytes);
        return NULL;
    }
    char *at = arena_take_unset(arena, bytes.len + 1, 1, err);
    if (!at)
        return NULL;
    if (bytes.len)
        memcpy(at, bytes.at, bytes.len);
    at[bytes.len] = '\0';
    return at;
}
