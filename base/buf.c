// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buf buf_init(size_t max_bytes)
{
    return (struct buf){.max_bytes = max_bytes};
}

void buf_free(struct buf *buf)
{
    free(buf->at);
    *buf = buf_init(buf->max_bytes);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->has_failed = false;
    buf->lacks_memory = false;
}

static bool make_room(struct buf *buf, size_t more)
{
    size_t needed = 0;
    if (buf->has_failed)
        return false;
    if (__builtin_add_overflow(buf->len, more, &needed) || needed > buf->max_bytes) {
        buf->has_failed = true;
        return false;
    }
    if (needed <= buf->size_bytes)
        return true;
    size_t size = buf->size_bytes < 256 ? 256 : buf->size_bytes;
    while (size < needed)
        size = size > buf->max_bytes / 2 ? buf->max_bytes : size * 2;
    if (size > buf->max_bytes)
        size = buf->max_bytes;
    uint8_t *at = realloc(buf->at, size);
    if (!at) {
        buf->has_failed = true;
        buf->lacks_memory = true;
        return false;
    }
    buf->at = at;
    buf->size_bytes = size;
    return true;
}

void buf_put_growing(struct buf *buf, const void *at, size_t len)
{
    if (!make_room(buf, len))
        return;
    memcpy(buf->at + buf->len, at, len);
    buf->len += len;
}

uint8_t *buf_take(struct buf *buf, size_t len)
{
    if (len == 0 || !make_room(buf, len))
        return NULL;
    uint8_t *at = buf->at + buf->len;
    buf->len += len;
    return at;
}

void buf_reserve(struct buf *buf, size_t len)
{
    (void)make_room(buf, len);
}

void buf_cstr(struct buf *buf, const char *string)
{
    buf_put(buf, string, strlen(string));
}

void buf_span(struct buf *buf, struct span span)
{
    buf_put(buf, span.at, span.len);
}

void buf_text(struct buf *buf, struct text text)
{
    buf_put(buf, text.at, text.len);
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* vsnprintf also writes a NUL, so it needs one byte more than it says. */
    if (len >= 0 && make_room(buf, (size_t)len + 1)) {
        vsnprintf((char *)buf->at + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    } else {
        buf->has_failed = true;
    }
    va_end(again);
}

void buf_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_put(buf, digits + at, sizeof digits - at);
}

void buf_drop(struct buf *buf, size_t count)
{
    if (count > buf->len)
        count = buf->len;
    if (count < buf->len)
        memmove(buf->at, buf->at + count, buf->len - count);
    buf->len -= count;
}

struct span buf_view(const struct buf *buf)
{
    return span_of(buf->at, buf->len);
}

bool buf_check(const struct buf *buf, struct err *err)
{
    if (buf->lacks_memory)
        return err_set(err, ERR_BUSY, "memory_short", "no memory for the buffer");
    if (buf->has_failed)
        return err_set(err, ERR_LIMIT, "buf_full", "more than %zu bytes", buf->max_bytes);
    return true;
}

bool buf_to_arena(const struct buf *buf, struct arena *arena, struct span *copy,
                  struct err *err)
{
    return buf_check(buf, err) && arena_copy(arena, buf_view(buf), copy, err);
}
