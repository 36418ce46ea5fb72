// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <math.h>

#include "base/day.h"
#include "formats/json/json.h"

struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){.out = out};
}

static uint64_t level_bit(const struct json_writer *writer)
{
    return 1ULL << writer->depth;
}

/* Before any value or key: the comma, and the state of the level. */
static void begin_item(struct json_writer *writer)
{
    if (writer->has_items & level_bit(writer))
        buf_byte(writer->out, ',');
    writer->has_items |= level_bit(writer);
}

static void begin_value(struct json_writer *writer)
{
    bool is_in_object = writer->depth > 0 && (writer->is_object & level_bit(writer));
    assert(is_in_object == writer->has_key);
    if (!writer->has_key)
        begin_item(writer);
    writer->has_key = false;
}

static void open_level(struct json_writer *writer, char bracket, bool is_object)
{
    begin_value(writer);
    assert(writer->depth + 1 < JSON_DEPTH_MAX);
    buf_byte(writer->out, (uint8_t)bracket);
    writer->depth++;
    writer->has_items &= ~level_bit(writer);
    writer->is_object &= ~level_bit(writer);
    if (is_object)
        writer->is_object |= level_bit(writer);
}

static void close_level(struct json_writer *writer, char bracket, bool is_object)
{
    assert(writer->depth > 0 && !writer->has_key);
    assert(is_object == ((writer->is_object & level_bit(writer)) != 0));
    writer->depth--;
    buf_byte(writer->out, (uint8_t)bracket);
}

void json_open_object(struct json_writer *writer)
{
    open_level(writer, '{', true);
}

void json_close_object(struct json_writer *writer)
{
    close_level(writer, '}', true);
}

void json_open_array(struct json_writer *writer)
{
    open_level(writer, '[', false);
}

void json_close_array(struct json_writer *writer)
{
    close_level(writer, ']', false);
}

static void put_unicode_escape(struct buf *out, unsigned code_unit)
{
    buf_format(out, "\\u%04x", code_unit);
}

/* Besides what RFC 8259 demands, < > & are escaped, and U+2028 and U+2029, so that an
 * answer is harmless wherever it ends up. */
enum { PLAIN, ESCAPED, PERHAPS /* E2: may begin a separator */ };

static const uint8_t byte_classes[256] = {
    ['"'] = ESCAPED, ['\\'] = ESCAPED, ['<'] = ESCAPED,  ['>'] = ESCAPED,
    ['&'] = ESCAPED, [0x7F] = ESCAPED, [0xE2] = PERHAPS,
};

static bool is_separator(struct text text, size_t i)
{
    return i + 2 < text.len && (uint8_t)text.at[i + 1] == 0x80 &&
           ((uint8_t)text.at[i + 2] & 0xFE) == 0xA8;
}

/* Length of the stretch that needs no escape. */
static size_t plain_stretch(struct text text)
{
    size_t i = 0;
    for (; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        uint8_t class = byte < 0x20 ? ESCAPED : byte_classes[byte];
        if (class == ESCAPED || (class == PERHAPS && is_separator(text, i)))
            break;
    }
    return i;
}

static size_t put_escaped(struct buf *out, struct text text)
{
    uint8_t byte = (uint8_t)text.at[0];
    if (byte == 0xE2) {
        put_unicode_escape(out, 0x2000U | ((uint8_t)text.at[2] & 0x3FU));
        return 3;
    }
    if (byte == '"' || byte == '\\') {
        buf_byte(out, '\\');
        buf_byte(out, byte);
    } else if (byte == '\n') {
        buf_cstr(out, "\\n");
    } else {
        put_unicode_escape(out, byte);
    }
    return 1;
}

static void put_string(struct buf *out, struct text text)
{
    buf_byte(out, '"');
    while (text.len > 0) {
        size_t plain = plain_stretch(text);
        buf_put(out, text.at, plain);
        text = (struct text){text.at + plain, text.len - plain};
        if (text.len > 0) {
            size_t taken = put_escaped(out, text);
            text = (struct text){text.at + taken, text.len - taken};
        }
    }
    buf_byte(out, '"');
}

static void write_key(struct json_writer *writer, struct text key)
{
    assert(writer->depth > 0 && (writer->is_object & level_bit(writer)));
    assert(!writer->has_key);
    begin_item(writer);
    put_string(writer->out, key);
    buf_byte(writer->out, ':');
    writer->has_key = true;
}

void json_key(struct json_writer *writer, const char *key)
{
    struct span span = span_cstr(key);
    write_key(writer, (struct text){(const char *)span.at, span.len});
}

void json_text_value(struct json_writer *writer, struct text text)
{
    begin_value(writer);
    put_string(writer->out, text);
}

void json_cstr_value(struct json_writer *writer, const char *word)
{
    json_text_value(writer, text_cstr(word));
}

static void put_int(struct buf *out, int64_t value)
{
    if (value >= 0 && value <= 9) {
        buf_byte(out, (uint8_t)('0' + value));
        return;
    }
    char digits[21];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    buf_put(out, digits + at, sizeof digits - at);
}

void json_int_value(struct json_writer *writer, int64_t value)
{
    begin_value(writer);
    put_int(writer->out, value);
}

void json_double_value(struct json_writer *writer, double value)
{
    if (!isfinite(value)) {
        json_null_value(writer);
        return;
    }
    begin_value(writer);
    buf_format(writer->out, "%.12g", value);
}

void json_written_value(struct json_writer *writer, struct text json)
{
    begin_value(writer);
    buf_put(writer->out, json.at, json.len);
}

void json_bool_value(struct json_writer *writer, bool value)
{
    begin_value(writer);
    buf_cstr(writer->out, value ? "true" : "false");
}

void json_null_value(struct json_writer *writer)
{
    begin_value(writer);
    buf_cstr(writer->out, "null");
}

void json_id_value(struct json_writer *writer, struct id id)
{
    char quoted[ID_TEXT_BYTES + 2];
    begin_value(writer);
    quoted[0] = '"'; /* hexadecimal digits need no escape */
    hash_to_hex(span_of(id.bytes, ID_BYTES), quoted + 1);
    quoted[ID_TEXT_BYTES] = '"'; /* in the place of the NUL */
    buf_put(writer->out, quoted, ID_TEXT_BYTES + 1);
}

void json_put_double(struct json_writer *writer, const char *key, double value)
{
    json_key(writer, key);
    json_double_value(writer, value);
}

void json_put_ints(struct json_writer *writer, const char *key, const int64_t *values,
                   size_t count)
{
    json_key(writer, key);
    json_open_array(writer);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(writer->out, ',');
        put_int(writer->out, values[i]);
    }
    json_close_array(writer);
}

void json_put_text(struct json_writer *writer, const char *key, struct text text)
{
    json_key(writer, key);
    json_text_value(writer, text);
}

void json_put_cstr(struct json_writer *writer, const char *key, const char *word)
{
    json_key(writer, key);
    json_cstr_value(writer, word);
}

void json_put_int(struct json_writer *writer, const char *key, int64_t value)
{
    json_key(writer, key);
    json_int_value(writer, value);
}

void json_put_bool(struct json_writer *writer, const char *key, bool value)
{
    json_key(writer, key);
    json_bool_value(writer, value);
}

void json_put_null(struct json_writer *writer, const char *key)
{
    json_key(writer, key);
    json_null_value(writer);
}

void json_put_id(struct json_writer *writer, const char *key, struct id id)
{
    json_key(writer, key);
    json_id_value(writer, id);
}

void json_put_day(struct json_writer *writer, const char *key, int32_t day)
{
    char iso[DAY_TEXT_BYTES];
    json_key(writer, key);
    day_to_iso(day, iso);
    if (day == DAY_NONE)
        json_null_value(writer);
    else
        json_cstr_value(writer, iso);
}

void json_put_named(struct json_writer *writer, struct text key, struct text text)
{
    write_key(writer, key);
    json_text_value(writer, text);
}
