// SPDX-License-Identifier: Apache-2.0
#include "formats/charset/charset_kana.h"

enum {
    HALF_FIRST = 0xFF61,
    HALF_LAST = 0xFF9F,
    HALF_VOICED = 0xFF9E,
    HALF_SEMI = 0xFF9F
};

uint32_t charset_widen(uint32_t code_point)
{
    /* JIS X 0201 order, 0xA1 to 0xDF. */
    static const uint16_t wide[] = {
        0x3002, 0x300C, 0x300D, 0x3001, 0x30FB, 0x30F2, 0x30A1, 0x30A3, 0x30A5,
        0x30A7, 0x30A9, 0x30E3, 0x30E5, 0x30E7, 0x30C3, 0x30FC, 0x30A2, 0x30A4,
        0x30A6, 0x30A8, 0x30AA, 0x30AB, 0x30AD, 0x30AF, 0x30B1, 0x30B3, 0x30B5,
        0x30B7, 0x30B9, 0x30BB, 0x30BD, 0x30BF, 0x30C1, 0x30C4, 0x30C6, 0x30C8,
        0x30CA, 0x30CB, 0x30CC, 0x30CD, 0x30CE, 0x30CF, 0x30D2, 0x30D5, 0x30D8,
        0x30DB, 0x30DE, 0x30DF, 0x30E0, 0x30E1, 0x30E2, 0x30E4, 0x30E6, 0x30E8,
        0x30E9, 0x30EA, 0x30EB, 0x30EC, 0x30ED, 0x30EF, 0x30F3, 0x309B, 0x309C};
    if (code_point < HALF_FIRST || code_point > HALF_LAST)
        return code_point;
    return wide[code_point - HALF_FIRST];
}

static bool is_voiced_mark(uint32_t mark)
{
    return mark == HALF_VOICED || mark == 0x309B || mark == 0x3099;
}

static bool is_semi_voiced_mark(uint32_t mark)
{
    return mark == HALF_SEMI || mark == 0x309C || mark == 0x309A;
}

uint32_t charset_voice(uint32_t katakana, uint32_t mark)
{
    bool is_h = katakana >= 0x30CF && katakana <= 0x30DB && (katakana - 0x30CF) % 3 == 0;
    if (is_semi_voiced_mark(mark))
        return is_h ? katakana + 2 : 0;
    if (!is_voiced_mark(mark))
        return 0;
    if (katakana == 0x30A6)
        return 0x30F4; /* ヴ */
    /* カ … チ alternate with their voiced forms; behind ッ the parity changes. */
    bool is_k_to_ch = katakana >= 0x30AB && katakana <= 0x30C1 && katakana % 2 == 1;
    bool is_ts_to_t = katakana >= 0x30C4 && katakana <= 0x30C8 && katakana % 2 == 0;
    return is_h || is_k_to_ch || is_ts_to_t ? katakana + 1 : 0;
}

struct replacement {
    uint32_t code_point;
    const char *text;
};

const char *charset_replacement(uint32_t code_point)
{
    static const struct replacement table[] = {
#define REPLACEMENT(from, text) {from, text},
#include "formats/charset/charset_replacements.def"
#undef REPLACEMENT
    };
    size_t low = 0;
    size_t high = sizeof table / sizeof *table;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].code_point == code_point)
            return table[middle].text;
        if (table[middle].code_point < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
