// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <assert.h>
#include <string.h>

/* Decodes the sequence at `at`; returns its length or 0 when it is not valid UTF-8
 * (RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t decode(const uint8_t *at, size_t left, uint32_t *code_point)
{
    uint8_t lead = at[0];
    if (lead < 0x80) {
        *code_point = lead;
        return 1;
    }
    size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xC2 || lead > 0xF4 || left < len)
        return 0;
    uint32_t value = lead & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3FU);
    }
    bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < smallest[len] || value > 0x10FFFF || is_surrogate)
        return 0;
    *code_point = value;
    return len;
}

/* How many bytes from `i` on are ASCII and not 0, in steps of eight. */
static size_t plain_bytes(struct span bytes, size_t i)
{
    static const uint64_t ones = 0x0101010101010101U;
    static const uint64_t tops = 0x8080808080808080U;
    size_t start = i;
    for (; bytes.len - i >= sizeof ones; i += sizeof ones) {
        uint64_t word;
        memcpy(&word, bytes.at + i, sizeof word);
        /* The top bit shows a byte that is not ASCII, or that borrowed because it is 0.
         */
        if ((word | (word - ones)) & tops)
            break;
    }
    return i - start;
}

bool text_from_utf8(struct span bytes, struct text *text, struct err *err)
{
    size_t i = plain_bytes(bytes, 0);
    while (i < bytes.len) {
        uint32_t code_point = 0;
        size_t len = decode(bytes.at + i, bytes.len - i, &code_point);
        if (len == 0 || code_point == 0)
            return err_at(err, ERR_SYNTAX, "text_not_utf8", i, "RFC 3629 section 4");
        i += len;
        if (len == 1)
            i += plain_bytes(bytes, i);
    }
    *text = (struct text){(const char *)bytes.at, bytes.len};
    return true;
}

struct text text_cstr(const char *string)
{
    struct err err = {0};
    struct text text = {0};
    bool is_valid = text_from_utf8(span_cstr(string), &text, &err);
    assert(is_valid);
    (void)is_valid;
    return text;
}

struct span text_span(struct text text)
{
    return span_of(text.at, text.len);
}

bool text_is(struct text text, const char *string)
{
    return span_is(text_span(text), string);
}

bool text_equal(struct text a, struct text b)
{
    return span_equal(text_span(a), text_span(b));
}

int text_compare(struct text a, struct text b)
{
    return span_compare(text_span(a), text_span(b));
}

bool text_is_empty(struct text text)
{
    return text.len == 0;
}

const char *text_to_cstr(struct text text, struct arena *arena, struct err *err)
{
    return arena_string(arena, text_span(text), err);
}

bool text_copy(struct text text, struct arena *arena, struct text *copy, struct err *err)
{
    const char *at = text_to_cstr(text, arena, err);
    if (!at)
        return false;
    *copy = (struct text){at, text.len};
    return true;
}

bool text_next(struct text *rest, uint32_t *code_point)
{
    if (rest->len == 0)
        return false;
    size_t len = decode((const uint8_t *)rest->at, rest->len, code_point);
    assert(len > 0);
    rest->at += len;
    rest->len -= len;
    return true;
}

size_t text_encode(uint32_t code_point, char out[4])
{
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
        return 0;
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80U | (code_point & 0x3FU));
        code_point >>= 6;
    }
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[len] | code_point);
    return len;
}

size_t text_count(struct text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((uint8_t)text.at[i] & 0xC0) != 0x80;
    return count;
}
