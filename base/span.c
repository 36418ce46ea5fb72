// SPDX-License-Identifier: Apache-2.0
#include "base/span.h"

#include <string.h>

int span_compare(struct span a, struct span b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.at, b.at, shared);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && is_blank(span.at[0])) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.at[span.len - 1]))
        span.len--;
    return span;
}

bool span_take(struct span *rest, uint8_t separator, struct span *part)
{
    if (!rest->at)
        return false;
    const uint8_t *hit = rest->len ? memchr(rest->at, separator, rest->len) : NULL;
    if (!hit) {
        *part = *rest;
        *rest = span_of(NULL, 0);
        return true;
    }
    size_t before = (size_t)(hit - rest->at);
    *part = span_of(rest->at, before);
    *rest = span_of(hit + 1, rest->len - before - 1);
    return true;
}

bool span_all_digits(struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        if (span.at[i] < '0' || span.at[i] > '9')
            return false;
    return span.len > 0;
}

bool span_uint(struct span span, uint64_t max, uint64_t *value)
{
    if (!span_all_digits(span))
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < span.len; i++) {
        if (__builtin_mul_overflow(sum, 10U, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(span.at[i] - '0'), &sum))
            return false;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}
