// SPDX-License-Identifier: Apache-2.0
#include "formats/charset/charset.h"

#include <string.h>

#include "formats/charset/charset_tables.h"

enum {
    ESCAPE = 0x1B,
    BAD = 0xFFFD,
    ON_STACK_BYTES = 768,
    UTF8_MAX_BYTES = 3, /* per input byte: no input byte grows to more */
};

const char *charset_name(enum charset charset)
{
    static const char *const names[] = {
        [CHARSET_ISO2022JP] = "iso-2022-jp", [CHARSET_UTF8] = "utf-8",
        [CHARSET_CP932] = "cp932",           [CHARSET_EUCJP] = "euc-jp",
        [CHARSET_ASCII] = "us-ascii",        [CHARSET_LATIN1] = "iso-8859-1",
    };
    return names[charset];
}

/* One character of a multi-byte set. */
struct unit {
    uint32_t code_point; /* BAD when not decodable */
    size_t len;
    unsigned findings;
};

static struct unit bad_byte(void)
{
    return (struct unit){BAD, 1, CHARSET_BAD_BYTES};
}

/* Row and cell count from 1. */
static struct unit from_jisx0208(unsigned row, unsigned cell, size_t len)
{
    uint32_t code_point = charset_jisx0208[(row - 1) * CHARSET_CELLS + cell - 1];
    if (code_point == 0)
        return (struct unit){BAD, len, CHARSET_BAD_BYTES};
    bool is_vendor = row == 13 || row >= 89;
    return (struct unit){code_point, len, is_vendor ? CHARSET_VENDOR_CHARACTERS : 0};
}

static struct unit from_jisx0212(unsigned row, unsigned cell, size_t len)
{
    uint32_t code_point = charset_jisx0212[(row - 1) * CHARSET_CELLS + cell - 1];
    /* 〓 says that there was a character; U+FFFD that there were broken bytes. */
    return (struct unit){code_point ? code_point : 0x3013, len, CHARSET_JISX0212};
}

static bool is_cp932_lead(uint8_t byte)
{
    return (byte >= 0x81 && byte <= 0x9F) || (byte >= 0xE0 && byte <= 0xFC);
}

static bool is_cp932_trail(uint8_t byte)
{
    return byte >= 0x40 && byte <= 0xFC && byte != 0x7F;
}

/* A byte >= 0x80 at the front. */
static struct unit next_cp932(struct span bytes)
{
    uint8_t lead = bytes.at[0];
    if (lead >= 0xA1 && lead <= 0xDF)
        return (struct unit){0xFF61 + lead - 0xA1U, 1, CHARSET_HALF_WIDTH_KANA};
    if (!is_cp932_lead(lead) || bytes.len < 2 || !is_cp932_trail(bytes.at[1]))
        return bad_byte();
    unsigned trail = bytes.at[1];
    unsigned row = (lead - (lead < 0xA0 ? 0x81U : 0xC1U)) * 2 + 1;
    unsigned cell = trail - (trail < 0x7F ? 0x3FU : 0x40U);
    if (trail >= 0x9F) {
        row++;
        cell = trail - 0x9EU;
    }
    if (row <= CHARSET_CELLS)
        return from_jisx0208(row, cell, 2);
    uint32_t code_point = 0;
    if (row >= CHARSET_IBM_FIRST_ROW && row < CHARSET_IBM_FIRST_ROW + CHARSET_IBM_ROWS)
        code_point =
            charset_ibm[(row - CHARSET_IBM_FIRST_ROW) * CHARSET_CELLS + cell - 1];
    if (code_point == 0)
        return (struct unit){BAD, 2, CHARSET_BAD_BYTES};
    return (struct unit){code_point, 2, CHARSET_VENDOR_CHARACTERS};
}

static bool is_euc(uint8_t byte)
{
    return byte >= 0xA1 && byte <= 0xFE;
}

static struct unit next_eucjp(struct span bytes)
{
    uint8_t lead = bytes.at[0];
    if (bytes.len < 2 || !is_euc(bytes.at[1]))
        return bad_byte();
    if (lead == 0x8E && bytes.at[1] <= 0xDF)
        return (struct unit){0xFF61 + bytes.at[1] - 0xA1U, 2, CHARSET_HALF_WIDTH_KANA};
    if (lead == 0x8F && bytes.len >= 3 && is_euc(bytes.at[2]))
        return from_jisx0212(bytes.at[1] - 0xA0U, bytes.at[2] - 0xA0U, 3);
    if (!is_euc(lead))
        return bad_byte();
    return from_jisx0208(lead - 0xA0U, bytes.at[1] - 0xA0U, 2);
}

static struct unit next_utf8(struct span bytes)
{
    uint8_t lead = bytes.at[0];
    size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    struct text text;
    struct err ignored = {0};
    if (lead < 0xC2 || bytes.len < len ||
        !text_from_utf8(span_part(bytes, 0, len), &text, &ignored))
        return bad_byte();
    struct unit unit = {.len = len};
    text_next(&text, &unit.code_point);
    return unit;
}

/* A byte >= 0x80 at the front, outside the two-byte states of ISO-2022-JP. */
static struct unit next_high(enum charset charset, struct span bytes)
{
    switch (charset) {
    case CHARSET_UTF8:
        return next_utf8(bytes);
    case CHARSET_CP932:
        return next_cp932(bytes);
    case CHARSET_EUCJP:
        return next_eucjp(bytes);
    case CHARSET_LATIN1:
        if (bytes.at[0] < 0xA0)
            return bad_byte();
        return (struct unit){bytes.at[0], 1, 0};
    case CHARSET_ISO2022JP: {
        struct unit unit = next_cp932(bytes);
        unit.findings |= CHARSET_HIGH_BYTES;
        return unit;
    }
    case CHARSET_ASCII:
        break;
    }
    return bad_byte();
}

size_t charset_escape(struct span bytes, enum charset_state *state)
{
    if (bytes.len < 3 || bytes.at[0] != ESCAPE)
        return 0;
    switch (bytes.at[1] << 8 | bytes.at[2]) {
    case '(' << 8 | 'B':
        *state = CHARSET_STATE_ASCII;
        return 3;
    case '(' << 8 | 'J':
        *state = CHARSET_STATE_ROMAN;
        return 3;
    case '(' << 8 | 'I':
        *state = CHARSET_STATE_KANA;
        return 3;
    case '$' << 8 | '@':
    case '$' << 8 | 'B':
        *state = CHARSET_STATE_JISX0208;
        return 3;
    case '$' << 8 | '(':
        if (bytes.len < 4 || bytes.at[3] != 'D')
            return 0;
        *state = CHARSET_STATE_JISX0212;
        return 4;
    default:
        return 0;
    }
}

size_t charset_step(enum charset charset, struct span bytes)
{
    if (bytes.len == 0)
        return 0;
    uint8_t lead = bytes.at[0];
    if (lead < 0x80 || charset == CHARSET_UTF8 || charset == CHARSET_LATIN1)
        return 1;
    if (charset == CHARSET_EUCJP)
        return next_eucjp(bytes).len;
    /* Not next_cp932: also an unassigned pair is a pair. */
    if (charset != CHARSET_ASCII && is_cp932_lead(lead) && bytes.len >= 2 &&
        is_cp932_trail(bytes.at[1]))
        return 2;
    return 1;
}

static bool is_jis(uint8_t byte)
{
    return byte >= 0x21 && byte <= 0x7E;
}

/* A byte < 0x80 that is not an escape sequence, in the given state. */
static struct unit next_seven_bit(enum charset_state state, struct span bytes)
{
    uint8_t byte = bytes.at[0];
    if (byte == 0 || byte == ESCAPE)
        return bad_byte();
    struct unit plain = {byte, 1, 0};
    /* Spaces and control characters are the same in every state. */
    if (!is_jis(byte))
        return plain;
    switch (state) {
    case CHARSET_STATE_ASCII:
        break;
    case CHARSET_STATE_ROMAN:
        if (byte == 0x5C)
            plain.code_point = 0xA5;
        if (byte == 0x7E)
            plain.code_point = 0x203E;
        break;
    case CHARSET_STATE_KANA:
        if (byte > 0x5F)
            return bad_byte();
        return (struct unit){0xFF61 + byte - 0x21U, 1, CHARSET_HALF_WIDTH_KANA};
    case CHARSET_STATE_JISX0208:
    case CHARSET_STATE_JISX0212:
        if (bytes.len < 2 || !is_jis(bytes.at[1]))
            return bad_byte();
        if (state == CHARSET_STATE_JISX0212)
            return from_jisx0212(byte - 0x20U, bytes.at[1] - 0x20U, 2);
        return from_jisx0208(byte - 0x20U, bytes.at[1] - 0x20U, 2);
    }
    return plain;
}

/* What was found in one stretch. */
struct decoder {
    enum charset charset;
    unsigned findings;
    size_t first_bad;
    size_t written;
};

/* `out` holds UTF8_MAX_BYTES per input byte. */
static void decode_into(struct decoder *decoder, struct span bytes, char *out)
{
    enum charset_state state = CHARSET_STATE_ASCII;
    bool has_states = decoder->charset == CHARSET_ISO2022JP;
    for (size_t i = 0; i < bytes.len;) {
        struct span rest = span_part(bytes, i, bytes.len - i);
        uint8_t byte = rest.at[0];
        if (byte == ESCAPE && has_states) {
            size_t len = charset_escape(rest, &state);
            i += len;
            if (len > 0)
                continue;
        }
        if (byte == '\r' || byte == '\n')
            state = CHARSET_STATE_ASCII;
        struct unit unit =
            byte < 0x80 ? next_seven_bit(state, rest) : next_high(decoder->charset, rest);
        if (unit.findings & CHARSET_BAD_BYTES && !(decoder->findings & CHARSET_BAD_BYTES))
            decoder->first_bad = i;
        decoder->findings |= unit.findings;
        decoder->written += text_encode(unit.code_point, out + decoder->written);
        i += unit.len;
    }
}

bool charset_is_plain(struct span bytes)
{
    size_t i = 0;
    /* Eight bytes at once: high bit, or equal to ESC or NUL (the usual zero-byte test;
     * false alarms only lead to the slower look below). */
    for (; i + 8 <= bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.at + i, sizeof word);
        uint64_t escapes = word ^ 0x1B1B1B1B1B1B1B1BU;
        uint64_t hits = word | (escapes - 0x0101010101010101U) |
                        ((word - 0x0101010101010101U) & ~word);
        if (hits & 0x8080808080808080U)
            break;
    }
    for (; i < bytes.len; i++)
        if (bytes.at[i] >= 0x80 || bytes.at[i] == ESCAPE || bytes.at[i] == 0)
            return false;
    return true;
}

bool charset_decode(enum charset charset, struct span bytes, struct arena *arena,
                    struct text *text, unsigned *findings, size_t *first_bad,
                    struct err *err)
{
    if (charset_is_plain(bytes)) {
        *text = (struct text){(const char *)bytes.at, bytes.len};
        return true;
    }
    /* Short texts are decoded beside the arena, which then gets only what is used. */
    char on_stack[ON_STACK_BYTES];
    struct decoder decoder = {.charset = charset};
    char *out = on_stack;
    bool is_short = bytes.len <= ON_STACK_BYTES / UTF8_MAX_BYTES;
    if (!is_short && !(out = arena_take(arena, bytes.len, UTF8_MAX_BYTES, err)))
        return false;
    decode_into(&decoder, bytes, out);
    *text = (struct text){out, decoder.written};
    if (is_short && !text_copy(*text, arena, text, err))
        return false;
    *findings |= decoder.findings;
    if (decoder.findings & CHARSET_BAD_BYTES)
        *first_bad = decoder.first_bad;
    return true;
}

/* What a whole file would be in a set of multi-byte characters. */
struct reading {
    bool is_lossless;
    size_t pair_count;
    size_t kana_count; /* EUC-JP rows 4 and 5 */
};

static struct reading read_as(enum charset charset, struct span bytes)
{
    struct reading reading = {.is_lossless = true};
    for (size_t i = 0; i < bytes.len;) {
        if (bytes.at[i] < 0x80) {
            i++;
            continue;
        }
        struct unit unit = next_high(charset, span_part(bytes, i, bytes.len - i));
        if (unit.findings & CHARSET_BAD_BYTES)
            reading.is_lossless = false;
        reading.pair_count += unit.len == 2;
        reading.kana_count += unit.code_point >= 0x3041 && unit.code_point <= 0x30F6;
        i += unit.len;
    }
    return reading;
}

enum charset charset_detect(struct span bytes)
{
    if (charset_is_plain(bytes))
        return CHARSET_ISO2022JP;
    if (bytes.len > 0 && memchr(bytes.at, ESCAPE, bytes.len))
        return CHARSET_ISO2022JP;
    bool has_high = false;
    for (size_t i = 0; i < bytes.len && !has_high; i++)
        has_high = bytes.at[i] >= 0x80;
    if (!has_high)
        return CHARSET_ISO2022JP;
    if (read_as(CHARSET_UTF8, bytes).is_lossless)
        return CHARSET_UTF8;
    struct reading cp932 = read_as(CHARSET_CP932, bytes);
    struct reading eucjp = read_as(CHARSET_EUCJP, bytes);
    if (!eucjp.is_lossless)
        return CHARSET_CP932;
    if (!cp932.is_lossless)
        return CHARSET_EUCJP;
    /* EUC-JP kana also read as pairs of half-width kana; the other way round a third of
     * a text would have to be half-width commas and middle dots. */
    return eucjp.kana_count * 3 >= eucjp.pair_count ? CHARSET_EUCJP : CHARSET_CP932;
}
