// SPDX-License-Identifier: Apache-2.0
#include "formats/charset/charset.h"

#include "formats/charset/charset_kana.h"
#include "formats/charset/charset_tables.h"

enum { GETA_JIS = 0x2223 /* ■ */ };

/* JIS X 0208 code of a character, 0 when it has none. */
static uint16_t to_jis(uint32_t code_point)
{
    size_t low = 0;
    size_t high = charset_back_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (charset_back_unicode[middle] == code_point)
            return charset_back_jis[middle];
        if (charset_back_unicode[middle] < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

struct encoder {
    struct buf *out;
    size_t *replaced;
    bool is_two_byte;
};

static void put_ascii(struct encoder *encoder, uint32_t code_point)
{
    if (encoder->is_two_byte)
        buf_cstr(encoder->out, "\x1B(B");
    encoder->is_two_byte = false;
    buf_byte(encoder->out, (uint8_t)code_point);
}

static void put_jis(struct encoder *encoder, uint16_t jis)
{
    if (!encoder->is_two_byte)
        buf_cstr(encoder->out, "\x1B$B");
    encoder->is_two_byte = true;
    buf_byte(encoder->out, (uint8_t)(jis >> 8));
    buf_byte(encoder->out, (uint8_t)(jis & 0xFF));
}

/* A character of JIS X 0208 or ASCII; false for all others. */
static bool put_known(struct encoder *encoder, uint32_t code_point)
{
    if (code_point < 0x80) {
        put_ascii(encoder, code_point);
        return true;
    }
    uint16_t jis = to_jis(code_point);
    if (jis)
        put_jis(encoder, jis);
    return jis != 0;
}

static void put_unknown(struct encoder *encoder, uint32_t code_point)
{
    const char *replacement = charset_replacement(code_point);
    if (!replacement) {
        put_jis(encoder, GETA_JIS);
        (*encoder->replaced)++;
        return;
    }
    struct text rest = text_cstr(replacement);
    while (text_next(&rest, &code_point))
        (void)put_known(encoder, code_point);
}

void charset_encode_iso2022jp(struct text text, struct buf *out, size_t *replaced)
{
    struct encoder encoder = {.out = out, .replaced = replaced};
    struct text rest = text;
    uint32_t code_point = 0;
    while (text_next(&rest, &code_point)) {
        code_point = charset_widen(code_point);
        struct text after = rest;
        uint32_t mark = 0;
        uint32_t voiced = text_next(&after, &mark) ? charset_voice(code_point, mark) : 0;
        if (voiced) {
            code_point = voiced;
            rest = after;
        }
        if (!put_known(&encoder, code_point))
            put_unknown(&encoder, code_point);
    }
    if (encoder.is_two_byte)
        buf_cstr(out, "\x1B(B");
}
