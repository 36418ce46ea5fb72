// SPDX-License-Identifier: Apache-2.0
#include "formats/ssmix/ssmix_codes.h"

#include <string.h>

#include "formats/ssmix/ssmix.h"

struct row {
    const char *code;
    struct text text;
};

// clang-format off
#define TABLE(name) static const struct row rows_##name[] = {
#define ROW(code, text) {code, {text, sizeof(text) - 1}},
#define END };
// clang-format on
#include "formats/ssmix/ssmix_codes.def"
#undef TABLE
#undef ROW
#undef END

static const struct {
    const struct row *rows;
    size_t count;
} tables[SSMIX_TABLE_COUNT] = {
#define TABLE(name)                                                                      \
    [SSMIX_TABLE_##name] = {rows_##name, sizeof(rows_##name) / sizeof(rows_##name[0])},
#define ROW(code, text)
#define END
#include "formats/ssmix/ssmix_codes.def"
#undef TABLE
#undef ROW
#undef END
};

struct span ssmix_narrow(struct span key, uint8_t out[], size_t max)
{
    size_t len = 0;
    size_t i = 0;
    while (i < key.len) {
        struct span rest = span_part(key, i, key.len - i);
        bool is_low = span_starts(rest, "\xEF\xBC") && rest.len >= 3; /* FF01 to FF3F */
        bool is_high = span_starts(rest, "\xEF\xBD") && rest.len >= 3 &&
                       rest.at[2] <= 0x9E; /* FF40 to FF5E */
        if (len == max || (!is_low && !is_high && rest.at[0] >= 0x80))
            return key;
        if (is_low)
            out[len++] = (uint8_t)(rest.at[2] - 0x60);
        else if (is_high)
            out[len++] = (uint8_t)(rest.at[2] - 0x20);
        else
            out[len++] = rest.at[0];
        i += is_low || is_high ? 3 : 1;
    }
    return span_of(out, len);
}

struct text ssmix_code_text(enum ssmix_table table, struct span code)
{
    enum { CODE_MAX = 16 };
    uint8_t narrow[CODE_MAX];
    struct span key = span_trim(code);
    if (key.len > 0 && key.at[0] >= 0x80)
        key = ssmix_narrow(key, narrow, CODE_MAX);
    for (size_t i = 0; i < tables[table].count && key.len > 0; i++)
        if (span_is(key, tables[table].rows[i].code))
            return tables[table].rows[i].text;
    return (struct text){0};
}

struct text ssmix_department_name(struct span code)
{
    struct text name = ssmix_code_text(SSMIX_TABLE_DEPARTMENT, code);
    struct span key = span_trim(code);
    if (name.len == 0 && key.len == 3)
        return ssmix_code_text(SSMIX_TABLE_DEPARTMENT, span_part(key, 0, 2));
    return name;
}
