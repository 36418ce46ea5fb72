// SPDX-License-Identifier: Apache-2.0
/* Units as people read them. They are written in ASCII (clause 2.8.3): "ug/dl" is μg/dl,
 * ".10*3/ul" is ×10³/μl, "cel" is ℃. Other systems' codes are shown as they are. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

enum { UNIT_BYTES_MAX = 24, SHOWN_BYTES_MAX = UNIT_BYTES_MAX * 3 };

/* What stands at the front of a unit, or of what follows its "/". */
static const struct sign {
    const char *written;
    const char *before; /* one of these must follow; "" = whatever */
    struct text shown;
} signs[] = {
    {".10*", "", {"×10", sizeof("×10") - 1}}, {"10*", "", {"10", 2}},
    {"permil", "", {"‰", sizeof("‰") - 1}},   {"cel", "", {"℃", sizeof("℃") - 1}},
    {"pcs", "", {"個", sizeof("個") - 1}},    {"u", "glmLUIM", {"μ", sizeof("μ") - 1}},
};

static const struct sign *sign_at(struct span rest)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (!span_starts(rest, signs[i].written))
            continue;
        size_t len = strlen(signs[i].written);
        const char *before = signs[i].before;
        if (before[0] == '\0' ||
            (rest.len > len && memchr(before, rest.at[len], strlen(before))))
            return &signs[i];
    }
    return NULL;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Takes what becomes one sign off the front. *is_start: a part of the unit begins here;
 * *is_power: digits here stand behind "10*". */
static struct text take_shown(struct span *rest, bool *is_start, bool *is_power)
{
    static const char powers[][4] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    const struct sign *sign = *is_start ? sign_at(*rest) : NULL;
    struct text shown = {(const char *)rest->at, 1};
    uint8_t last = rest->at[0];
    size_t taken = 1;
    *is_power = *is_power && !sign && is_digit(last);
    if (sign) {
        taken = strlen(sign->written);
        shown = sign->shown;
        last = rest->at[taken - 1];
        *is_power = last == '*';
    } else if (*is_power) {
        shown = text_cstr(powers[last - '0']);
    }
    *is_start = last == '/';
    *rest = span_of(rest->at + taken, rest->len - taken);
    return shown;
}

static struct text shown_unit(struct ssmix_reader *reader, struct text code)
{
    char out[SHOWN_BYTES_MAX];
    size_t len = 0;
    bool is_start = true;
    bool is_power = false;
    bool is_changed = false;
    struct span rest = text_span(code);
    if (code.len > UNIT_BYTES_MAX)
        return code;
    while (rest.len > 0) {
        const uint8_t *written = rest.at;
        struct text shown = take_shown(&rest, &is_start, &is_power);
        is_changed |= shown.at != (const char *)written;
        memcpy(out + len, shown.at, shown.len);
        len += shown.len;
    }
    return is_changed ? ssmix_copy(reader, span_of(out, len)) : code;
}

struct text ssmix_unit(struct ssmix_reader *reader, size_t segment, uint16_t field)
{
    struct text text = ssmix_at(reader, segment, field, 2);
    if (text.len > 0)
        return text;
    struct text code = ssmix_at(reader, segment, field, 1);
    struct span system = ssmix_raw(reader, segment, field, 3);
    if (system.len == 0 || span_is(system, "ISO+"))
        return shown_unit(reader, code);
    struct text name = {0};
    if (span_is(system, "MR9P"))
        name = ssmix_code_text(SSMIX_TABLE_UNIT, text_span(code));
    return name.len > 0 ? name : code;
}
