// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Memory of one request, message or job: taken piece by piece, given back at once, with
 * a cap. Over the cap: ERR_LIMIT "arena_full"; malloc failing below it: ERR_BUSY
 * "memory_short". Lives on the stack of whoever runs the job:
 *
 *     CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
 *
 * What it hands out is zeroed (unless it says unset), aligned for any type, and *arena*
 * owned. Not for use by several threads at once. */

#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/* Runs fn(&variable) when the variable leaves its scope; for descriptors, statements,
 * transactions, arenas and buffers. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

struct arena_block;

struct arena {
    struct arena_block *block; /* newest */
    size_t block_used_bytes;
    size_t taken_bytes;
    size_t cap_bytes;
    size_t first_bytes; /* of its first block; 0 = some kB */
};

/* Takes no memory yet. */
struct arena arena_init(size_t cap_bytes);
/* For what lives for a while and is many: begins with some hundred bytes. */
struct arena arena_init_small(size_t cap_bytes);
void arena_free(struct arena *arena);
/* Gives all back but stays usable; keeps one block for the next job. */
void arena_reset(struct arena *arena);
/* The same, and nothing of this job is left in what is kept, for whom the next job's
 * faults might show it to. */
void arena_wipe(struct arena *arena);
/* count × size zeroed bytes, overflow checked. */
MUST_CHECK void *arena_take(struct arena *arena, size_t count, size_t size,
                            struct err *err);
/* As they are: only for what is written over as a whole at once. */
MUST_CHECK void *arena_take_unset(struct arena *arena, size_t count, size_t size,
                                  struct err *err);
/* An array that grows: room for `needed` members of `size` bytes, of which `used` are
 * taken along from `old`; at least twice the room of before. `*room` is kept up to date;
 * the former array stays where it is. */
MUST_CHECK void *arena_grow(struct arena *arena, void *old, size_t used, size_t needed,
                            size_t size, size_t *room, struct err *err);
MUST_CHECK bool arena_copy(struct arena *arena, struct span bytes, struct span *copy,
                           struct err *err);
/* A copy with a NUL behind it. */
MUST_CHECK const char *arena_string(struct arena *arena, struct span bytes,
                                    struct err *err);

#define ARENA_NEW(arena, type, err) ((type *)arena_take(arena, 1, sizeof(type), err))
#define ARENA_MANY(arena, type, count, err)                                              \
    ((type *)arena_take(arena, count, sizeof(type), err))
