// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Text that people may see: validated UTF-8 without NUL (RFC 3629), a borrowed view.
 * Only text_from_utf8 and formats/charset make one from outside bytes, so unconverted
 * bytes cannot reach JSON, HTML or SQL by accident. */

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct text {
    const char *at;
    size_t len;
};

/* A text over a string literal (the source files are UTF-8). */
#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

/* Checks the bytes; ERR_SYNTAX "text_not_utf8" with the offset of the first bad byte. */
MUST_CHECK bool text_from_utf8(struct span bytes, struct text *text, struct err *err);
/* For our own literals and for what this program wrote itself: asserts validity. */
struct text text_cstr(const char *string);
struct span text_span(struct text text);
bool text_is(struct text text, const char *string);
bool text_equal(struct text a, struct text b);
int text_compare(struct text a, struct text b);
bool text_is_empty(struct text text);
/* NUL-terminated copy in the arena, for calls of libc and of libraries. */
MUST_CHECK const char *text_to_cstr(struct text text, struct arena *arena,
                                    struct err *err);
MUST_CHECK bool text_copy(struct text text, struct arena *arena, struct text *copy,
                          struct err *err);
/* Decodes one code point and moves `rest` behind it; false at the end. */
bool text_next(struct text *rest, uint32_t *code_point);
/* Writes 1..4 bytes of UTF-8; 0 for surrogates and values above U+10FFFF. */
size_t text_encode(uint32_t code_point, char out[4]);
/* Number of code points. */
size_t text_count(struct text text);
