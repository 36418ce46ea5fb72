// SPDX-License-Identifier: Apache-2.0
#include "formats/csv/csv.h"

#include <assert.h>

#include "base/day.h"

struct csv_writer csv_writer(struct buf *out, enum csv_mark mark)
{
    if (mark == CSV_WITH_MARK)
        buf_cstr(out, "\xEF\xBB\xBF");
    return (struct csv_writer){.out = out};
}

static size_t count_digits(struct text text, size_t from)
{
    size_t at = from;
    while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9')
        at++;
    return at - from;
}

/* [+-] digits [. digits] and nothing else. */
static bool is_plain_number(struct text text)
{
    size_t at = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+') ? 1 : 0;
    size_t digits = count_digits(text, at);
    at += digits;
    if (digits > 0 && at < text.len && text.at[at] == '.') {
        digits = count_digits(text, at + 1);
        at += 1 + digits;
    }
    return digits > 0 && at == text.len;
}

static bool is_blank(uint32_t code_point)
{
    return code_point == ' ' || code_point == 0xA0 || code_point == 0x3000 ||
           code_point == 0x200B || code_point == 0xFEFF;
}

/* What spreadsheets take for the start of a formula, also in Japanese input. */
static bool starts_formula(uint32_t code_point)
{
    switch (code_point) {
    case '=':
    case '+':
    case '-':
    case '@':
    case '\t':
    case '\r':
    case '\n':
    case 0xFF1D: /* ＝ */
    case 0xFF0B: /* ＋ */
    case 0xFF0D: /* － */
    case 0xFF20: /* ＠ */
    case 0x2212: /* − */
        return true;
    default:
        return false;
    }
}

static bool is_formula(struct text text)
{
    uint32_t code_point = 0;
    struct text rest = text;
    bool has_first = text_next(&rest, &code_point);
    while (has_first && is_blank(code_point))
        has_first = text_next(&rest, &code_point);
    return has_first && starts_formula(code_point) && !is_plain_number(text);
}

/* A picture for controls, also for those that turn the direction of writing, with which
 * one name can be made to look like another. */
static uint32_t shown(uint32_t code_point)
{
    if (code_point < 0x20)
        return 0x2400 + code_point;
    if (code_point == 0x7F)
        return 0x2421;
    bool is_c1 = code_point >= 0x80 && code_point < 0xA0;
    bool is_direction = (code_point >= 0x202A && code_point <= 0x202E) ||
                        (code_point >= 0x2066 && code_point <= 0x2069) ||
                        code_point == 0x200E || code_point == 0x200F;
    return is_c1 || is_direction ? 0xFFFD : code_point;
}

static void put_shown(struct buf *out, uint32_t code_point)
{
    char bytes[4];
    size_t len = text_encode(shown(code_point), bytes);
    buf_put(out, bytes, len);
}

static void put_quoted(struct buf *out, struct text text)
{
    uint32_t code_point = 0;
    bool was_return = false;
    while (text_next(&text, &code_point)) {
        bool is_second = was_return && code_point == '\n'; /* CR LF is one break */
        was_return = code_point == '\r';
        if (is_second)
            continue;
        if (code_point == '\r' || code_point == '\n')
            buf_byte(out, '\n');
        else if (code_point == '"')
            buf_cstr(out, "\"\"");
        else
            put_shown(out, code_point);
    }
}

static bool needs_quotes(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        if (byte == '"' || byte == ',' || byte == '\r' || byte == '\n')
            return true;
    }
    return text.len > 0 && (text.at[0] == ' ' || text.at[text.len - 1] == ' ');
}

static void begin_field(struct csv_writer *writer)
{
    if (writer->has_fields)
        buf_byte(writer->out, ',');
    writer->has_fields = true;
}

void csv_text(struct csv_writer *writer, struct text text)
{
    bool is_quoted = needs_quotes(text);
    begin_field(writer);
    if (is_quoted)
        buf_byte(writer->out, '"');
    if (is_formula(text))
        buf_byte(writer->out, '\'');
    put_quoted(writer->out, text);
    if (is_quoted)
        buf_byte(writer->out, '"');
}

void csv_cstr(struct csv_writer *writer, const char *word)
{
    csv_text(writer, text_cstr(word));
}

void csv_int(struct csv_writer *writer, int64_t value)
{
    begin_field(writer);
    buf_format(writer->out, "%lld", (long long)value);
}

void csv_day(struct csv_writer *writer, int32_t day)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(day, iso);
    begin_field(writer);
    buf_cstr(writer->out, iso);
}

void csv_end_row(struct csv_writer *writer)
{
    assert(writer->has_fields);
    buf_cstr(writer->out, "\r\n");
    writer->has_fields = false;
}
