// SPDX-License-Identifier: Apache-2.0
/* Single coded sets, for standards that switch between them in their own way. */
#include "formats/charset/charset.h"
#include "formats/charset/charset_tables.h"

enum {
    BAD = 0xFFFD,
    FOUR_BYTE_BMP = 39420,    /* codes 81308130 … 8431A439 */
    FOUR_BYTE_UPPER = 189000, /* 90308130 = U+10000 */
    UPPER_CODES = 0x110000 - 0x10000,
};

bool charset_set_is_double(enum charset_set set)
{
    return set >= CHARSET_SET_JISX0208 && set <= CHARSET_SET_GB2312;
}

static uint32_t from_table(const uint16_t *table, uint8_t first, uint8_t second)
{
    if (first < 0x21 || first > 0x7E || second < 0x21 || second > 0x7E)
        return 0;
    return table[(size_t)(first - 0x21) * CHARSET_CELLS + second - 0x21];
}

static uint32_t from_roman(uint8_t byte)
{
    if (byte == 0x5C)
        return 0xA5;
    return byte == 0x7E ? 0x203E : byte;
}

uint32_t charset_set_code_point(enum charset_set set, uint8_t first, uint8_t second)
{
    switch (set) {
    case CHARSET_SET_NONE:
        return 0;
    case CHARSET_SET_ASCII:
        return first;
    case CHARSET_SET_ROMAN:
        return from_roman(first);
    case CHARSET_SET_KANA:
        return first >= 0x21 && first <= 0x5F ? 0xFF61U + first - 0x21U : 0;
    case CHARSET_SET_JISX0208:
        return from_table(charset_jisx0208, first, second);
    case CHARSET_SET_JISX0212:
        return from_table(charset_jisx0212, first, second);
    case CHARSET_SET_KSX1001:
        return from_table(charset_ksx1001, first, second);
    case CHARSET_SET_GB2312:
        return from_table(charset_gb2312, first, second);
    case CHARSET_SET_LATIN1:
    case CHARSET_SET_LATIN2:
    case CHARSET_SET_LATIN3:
    case CHARSET_SET_LATIN4:
    case CHARSET_SET_CYRILLIC:
    case CHARSET_SET_ARABIC:
    case CHARSET_SET_GREEK:
    case CHARSET_SET_HEBREW:
    case CHARSET_SET_LATIN5:
    case CHARSET_SET_LATIN9:
    case CHARSET_SET_THAI:
        break;
    }
    if (first < 0x20 || first > 0x7F)
        return 0;
    return charset_single[(set - CHARSET_SET_LATIN1) * CHARSET_SINGLE_CELLS + first -
                          0x20U];
}

/* ------------------------------------------------------------------ GB 18030 */

static uint32_t from_four(const uint8_t *b)
{
    uint32_t number =
        (((b[0] - 0x81U) * 10 + (b[1] - 0x30U)) * 126 + (b[2] - 0x81U)) * 10 +
        (b[3] - 0x30U);
    if (number >= FOUR_BYTE_UPPER)
        return number - FOUR_BYTE_UPPER < UPPER_CODES
                   ? number - FOUR_BYTE_UPPER + 0x10000U
                   : BAD;
    if (number >= FOUR_BYTE_BMP)
        return BAD;
    size_t low = 0;
    size_t high = charset_gb_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (charset_gb_from[middle] <= number)
            low = middle;
        else
            high = middle;
    }
    uint32_t first = charset_gb_unicode[low];
    return first ? first + (number - charset_gb_from[low]) : BAD;
}

static bool is_digit(uint8_t byte)
{
    return byte >= 0x30 && byte <= 0x39;
}

static bool is_lead(uint8_t byte)
{
    return byte >= 0x81 && byte <= 0xFE;
}

size_t charset_gb18030(struct span bytes, uint32_t *code_point)
{
    const uint8_t *b = bytes.at;
    *code_point = b[0];
    if (b[0] < 0x80)
        return 1;
    *code_point = BAD;
    if (!is_lead(b[0]) || bytes.len < 2)
        return 1;
    if (is_digit(b[1])) {
        if (bytes.len < 4 || !is_lead(b[2]) || !is_digit(b[3]))
            return 1;
        *code_point = from_four(b);
        return 4;
    }
    if (b[1] < 0x40 || b[1] == 0x7F || b[1] == 0xFF)
        return 1;
    size_t trail = b[1] - (b[1] < 0x7F ? 0x40U : 0x41U);
    uint32_t found = charset_gb_pairs[(size_t)(b[0] - 0x81) * CHARSET_GB_TRAILS + trail];
    *code_point = found ? found : BAD;
    return 2;
}
