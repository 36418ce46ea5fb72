// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Output under construction: grows up to a maximum that must be named at the start.
 * Appending past the maximum (or without memory) makes the buffer fail for good and
 * changes nothing more, so that writers append freely and ask once, at the end:
 *
 *     CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
 *     buf_cstr(&out, "…"); …
 *     if (!buf_check(&out, err)) return false;
 *
 * The buffer owns its bytes; buf_span borrows them until the next append. */

#include "base/arena.h"
#include "base/text.h"

struct buf {
    uint8_t *at;
    size_t len;
    size_t size_bytes;
    size_t max_bytes;
    bool has_failed;
    bool lacks_memory; /* which is why */
};

struct buf buf_init(size_t max_bytes);
void buf_free(struct buf *buf);
/* Empties it, keeps the memory, forgets a failure. */
void buf_reset(struct buf *buf);
/* What buf_put does when there is no room yet. */
void buf_put_growing(struct buf *buf, const void *at, size_t len);

/* Room for `len` bytes at the end, which count as appended; NULL when there is none, or
 * nothing was asked for. */
uint8_t *buf_take(struct buf *buf, size_t len);

/* Room for so much behind what there is, at once instead of by doubling again and again.
 */
void buf_reserve(struct buf *buf, size_t len);

/* Inline, because writers call them for every few bytes. The room never exceeds the
 * maximum. */
static inline void buf_put(struct buf *buf, const void *at, size_t len)
{
    if (len == 0)
        return;
    if (buf->has_failed || len > buf->size_bytes - buf->len) {
        buf_put_growing(buf, at, len);
        return;
    }
    memcpy(buf->at + buf->len, at, len);
    buf->len += len;
}

static inline void buf_byte(struct buf *buf, uint8_t byte)
{
    buf_put(buf, &byte, 1);
}

void buf_cstr(struct buf *buf, const char *string);
void buf_span(struct buf *buf, struct span span);
void buf_text(struct buf *buf, struct text text);
void buf_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_u64(struct buf *buf, uint64_t value);
/* Removes the first `count` bytes (a queue's head). */
void buf_drop(struct buf *buf, size_t count);
struct span buf_view(const struct buf *buf);
/* ERR_LIMIT "buf_full" when something did not fit, ERR_BUSY "memory_short". */
MUST_CHECK bool buf_check(const struct buf *buf, struct err *err);
/* Checks, then copies the bytes into the arena. */
MUST_CHECK bool buf_to_arena(const struct buf *buf, struct arena *arena,
                             struct span *copy, struct err *err);
