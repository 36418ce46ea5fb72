// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Untrusted bytes: a borrowed view {at, len}. A span says nothing about its encoding;
 * text that may be shown to people is `struct text` (base/text.h). Spans never own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *at;
    size_t len;
};

/* A span over a string literal. */
#define SPAN(literal) ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})

/* Inline, because parsers call them for every value and literals then cost no strlen. */
static inline struct span span_of(const void *at, size_t len)
{
    return (struct span){at, len};
}

static inline struct span span_cstr(const char *string)
{
    return span_of(string, strlen(string));
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool span_is(struct span span, const char *string)
{
    return span_equal(span, span_cstr(string));
}

static inline bool span_starts(struct span span, const char *prefix)
{
    size_t len = strlen(prefix);
    return span.len >= len && (len == 0 || memcmp(span.at, prefix, len) == 0);
}

/* Order as memcmp, then the shorter first. */
int span_compare(struct span a, struct span b);
/* The part from `from` of at most `len` bytes; out of range gives an empty span. */
static inline struct span span_part(struct span span, size_t from, size_t len)
{
    if (from >= span.len)
        return span_of(span.at, 0);
    size_t left = span.len - from;
    return span_of(span.at + from, len < left ? len : left);
}
/* Without leading and trailing spaces and tabs. */
struct span span_trim(struct span span);
/* Takes what stands before `separator` off the front of `rest` (all of it when there is
 * none) and moves `rest` behind the separator; false when `rest` was already used up,
 * which is when rest->at is NULL. */
bool span_take(struct span *rest, uint8_t separator, struct span *part);
/* Decimal digits only; false when empty, not digits, or larger than `max`. */
bool span_uint(struct span span, uint64_t max, uint64_t *value);
bool span_all_digits(struct span span);
