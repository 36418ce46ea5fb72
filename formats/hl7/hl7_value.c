// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "formats/hl7/hl7_message.h"

enum { ESCAPE = 0x1B, BAD = 0xFFFD };

unsigned hl7_oddities(const struct hl7_message *message)
{
    return message->oddities;
}

size_t hl7_odd_segment(const struct hl7_message *message, enum hl7_oddity oddity)
{
    if (!(message->oddities & oddity))
        return HL7_NONE;
    return message->odd_segments[__builtin_ctz(oddity)];
}

size_t hl7_segment_count(const struct hl7_message *message)
{
    return message->segment_count;
}

/* ------------------------------------------------------------------ places */

/* Bytes of the field with that index in its segment (0 = the name) and its marks. */
static struct span entry(const struct hl7_message *message, size_t segment, size_t index,
                         uint32_t *marks)
{
    *marks = 0;
    if (segment >= message->segment_count ||
        index >= message->segments[segment].field_count)
        return (struct span){0};
    const uint32_t *field =
        message->fields + message->segments[segment].first_field + index;
    uint32_t start = field[0] & HL7_OFFSET_MASK;
    uint32_t end = (field[1] & HL7_OFFSET_MASK) - 1;
    *marks = field[0] & ~(uint32_t)HL7_OFFSET_MASK;
    return span_of(message->bytes.at + start, end - start);
}

struct span hl7_segment_name(const struct hl7_message *message, size_t segment)
{
    uint32_t marks = 0;
    return entry(message, segment, 0, &marks);
}

size_t hl7_segment_offset(const struct hl7_message *message, size_t segment)
{
    if (segment >= message->segment_count)
        return message->stripped + message->bytes.len;
    return message->stripped + message->segments[segment].start;
}

bool hl7_segment_is(const struct hl7_message *message, size_t segment, const char *name)
{
    return segment < message->segment_count &&
           span_is(hl7_segment_name(message, segment), name);
}

size_t hl7_find(const struct hl7_message *message, const char *name, size_t from)
{
    for (size_t i = from; i < message->segment_count; i++)
        if (hl7_segment_is(message, i, name))
            return i;
    return HL7_NONE;
}

size_t hl7_field_count(const struct hl7_message *message, size_t segment)
{
    if (segment >= message->segment_count)
        return 0;
    size_t fields = message->segments[segment].field_count - 1;
    return message->segments[segment].is_msh ? fields + 1 : fields;
}

/* The whole field. *is_literal: MSH-1 and MSH-2, which are separators and have no
 * repetitions, components or escapes. */
static struct span whole_field(const struct hl7_message *message, size_t segment,
                               size_t field, uint32_t *marks, bool *is_literal)
{
    *is_literal = false;
    if (segment >= message->segment_count || !message->segments[segment].is_msh)
        return entry(message, segment, field, marks);
    *is_literal = field == 1 || field == 2;
    *marks = 0;
    if (field != 1)
        return entry(message, segment, field > 0 ? field - 1 : 0, marks);
    struct span name = hl7_segment_name(message, segment);
    bool has_separator = hl7_field_count(message, segment) > 1;
    return span_of(name.at + name.len, has_separator ? 1 : 0);
}

/* Takes the part before the next separator off `rest`, as span_take, but never finds a
 * separator inside a character. */
static bool take_part(const struct hl7_message *message, struct span *rest,
                      uint8_t separator, bool is_coded, struct span *part)
{
    if (!is_coded || !rest->at)
        return span_take(rest, separator, part);
    enum charset_state state = CHARSET_STATE_ASCII;
    size_t i = 0;
    while (i < rest->len) {
        uint8_t byte = rest->at[i];
        bool is_ascii = state == CHARSET_STATE_ASCII && byte < 0x80 && byte != ESCAPE;
        size_t len = 1;
        if (state == CHARSET_STATE_JISX0208 && hl7_is_pair(rest->at + i, rest->len - i))
            len = 2;
        else if (!is_ascii)
            len = hl7_step(message->charset, span_of(rest->at + i, rest->len - i), &state,
                           &is_ascii);
        if (is_ascii && rest->at[i] == separator)
            break;
        i += len;
    }
    *part = span_of(rest->at, i);
    *rest =
        i < rest->len ? span_of(rest->at + i + 1, rest->len - i - 1) : (struct span){0};
    return true;
}

/* Part number `index`, from 0; at = NULL when there are fewer. */
static struct span nth_part(const struct hl7_message *message, struct span whole,
                            uint8_t separator, size_t index, bool is_coded)
{
    struct span rest = whole;
    struct span part = {0};
    for (size_t i = 0; i <= index; i++)
        if (!take_part(message, &rest, separator, is_coded, &part))
            return (struct span){0};
    return part;
}

/* Component number `index`, from 0, of a repetition. Readers ask for one component after
 * the other: what was split stays split until they ask for another repetition. */
static struct span nth_component(const struct hl7_message *message,
                                 struct hl7_place place, struct span whole, bool is_coded)
{
    const struct hl7_separators *separators = &message->separators;
    struct hl7_split *split = message->split;
    size_t index = place.component - 1U;
    if (split->segment != place.segment || split->field != place.field ||
        split->repetition != place.repetition) {
        split->segment = place.segment;
        split->field = place.field;
        split->repetition = place.repetition;
        split->count = 0;
        split->rest =
            nth_part(message, whole, separators->repetition, place.repetition, is_coded);
    }
    while (split->count <= index && split->count < HL7_SPLIT_MAX &&
           take_part(message, &split->rest, separators->component, is_coded,
                     &split->parts[split->count]))
        split->count++;
    if (index < split->count)
        return split->parts[index];
    if (index < HL7_SPLIT_MAX)
        return (struct span){0};
    return nth_part(message, split->rest, separators->component, index - HL7_SPLIT_MAX,
                    is_coded);
}

static struct span find_place(const struct hl7_message *message, struct hl7_place place,
                              uint32_t *marks)
{
    bool is_literal = false;
    struct span whole =
        whole_field(message, place.segment, place.field, marks, &is_literal);
    bool is_coded = *marks & HL7_MARK_CODED;
    const struct hl7_separators *separators = &message->separators;
    if (whole.len == 0)
        return whole;
    if (is_literal) {
        bool is_first =
            place.repetition == 0 && place.component <= 1 && place.subcomponent <= 1;
        return is_first ? whole : (struct span){0};
    }
    struct span value = place.component > 0
                            ? nth_component(message, place, whole, is_coded)
                            : nth_part(message, whole, separators->repetition,
                                       place.repetition, is_coded);
    if (place.subcomponent > 0)
        value = nth_part(message, value, separators->subcomponent,
                         place.subcomponent - 1U, is_coded);
    return value;
}

struct span hl7_raw(const struct hl7_message *message, struct hl7_place place)
{
    uint32_t marks = 0;
    return find_place(message, place, &marks);
}

size_t hl7_offset(const struct hl7_message *message, struct hl7_place place)
{
    struct span value = hl7_raw(message, place);
    if (!value.at)
        return hl7_segment_offset(message, place.segment);
    return message->stripped + (size_t)(value.at - message->bytes.at);
}

void hl7_name_place(const struct hl7_message *message, size_t offset,
                    char name[HL7_PLACE_NAME_BYTES])
{
    enum { NAME_BYTES = 3, FIELD_MAX = 9999 };
    name[0] = '\0';
    size_t i = message->segment_count;
    while (i > 0 && hl7_segment_offset(message, i - 1) > offset)
        i--;
    if (i == 0 || offset > message->stripped + message->bytes.len)
        return;
    const struct hl7_segment *segment = &message->segments[i - 1];
    struct span tag = hl7_segment_name(message, i - 1);
    size_t at = offset - message->stripped;
    uint32_t field = 0;
    while (field + 1 < segment->field_count &&
           (message->fields[segment->first_field + field + 1] & HL7_OFFSET_MASK) <= at)
        field++;
    if (tag.len != NAME_BYTES)
        return;
    memcpy(name, tag.at, NAME_BYTES);
    name[NAME_BYTES] = '\0';
    if (field > 0 && field <= FIELD_MAX)
        snprintf(name + NAME_BYTES, HL7_PLACE_NAME_BYTES - NAME_BYTES, "-%u",
                 (unsigned)(field + segment->is_msh));
}

bool hl7_is_null(const struct hl7_message *message, struct hl7_place place)
{
    return span_is(hl7_raw(message, place), "\"\"");
}

size_t hl7_repetition_count(const struct hl7_message *message, size_t segment,
                            uint16_t field)
{
    uint32_t marks = 0;
    bool is_literal = false;
    struct span rest = whole_field(message, segment, field, &marks, &is_literal);
    uint8_t mark = message->separators.repetition;
    if (rest.len == 0 || is_literal || !memchr(rest.at, mark, rest.len))
        return rest.len > 0;
    struct span part;
    size_t count = 0;
    while (take_part(message, &rest, message->separators.repetition,
                     marks & HL7_MARK_CODED, &part))
        count++;
    return count;
}

/* ------------------------------------------------------------------ text */

/* A writer over memory that is known to be large enough. */
struct writer {
    char *at;
    size_t len;
};

static void put(struct writer *writer, uint32_t code_point)
{
    if (code_point == '\t')
        code_point = ' ';
    if ((code_point < 0x20 && code_point != '\n') || code_point == 0x7F ||
        (code_point >= 0x80 && code_point < 0xA0))
        code_point = BAD;
    writer->len += text_encode(code_point, writer->at + writer->len);
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

/* Formatting of FT (HL7 v2.5 2.7.6): ends of lines, and what only moves the text. */
static bool put_formatting(struct text body, struct writer *writer)
{
    static const char *const ends[] = {".br", ".sp", ".ce"};
    static const char *const moves[] = {".fi", ".nf", ".in", ".ti", ".sk"};
    struct span span = text_span(body);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (span_starts(span, ends[i])) {
            put(writer, '\n');
            return true;
        }
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
        if (span_starts(span, moves[i])) {
            if (i + 1 == sizeof(moves) / sizeof(moves[0]))
                put(writer, ' ');
            return true;
        }
    return false;
}

/* What stands between the escape characters. */
static bool put_simple(const struct hl7_message *message, struct text body,
                       struct writer *writer)
{
    const struct hl7_separators *separators = &message->separators;
    if (put_formatting(body, writer))
        return true;
    if (text_is(body, "F"))
        put(writer, separators->field);
    else if (text_is(body, "S"))
        put(writer, separators->component);
    else if (text_is(body, "T"))
        put(writer, separators->subcomponent);
    else if (text_is(body, "R"))
        put(writer, separators->repetition);
    else if (text_is(body, "E"))
        put(writer, separators->escape);
    else
        return text_is(body, "H") || text_is(body, "N");
    return true;
}

/* \Xhh…\: bytes in the message's own character set. Carriage returns become line feeds,
 * one for CR LF. False when it is not hexadecimal or the arena is full (err is set). */
static bool put_hexadecimal(const struct hl7_message *message, struct text body,
                            struct arena *arena, struct writer *writer, struct err *err)
{
    if (body.len < 3 || body.at[0] != 'X' || body.len % 2 == 0)
        return false;
    size_t count = (body.len - 1) / 2;
    for (size_t i = 1; i < body.len; i++)
        if (hex_digit(body.at[i]) < 0)
            return false;
    uint8_t *bytes = arena_take(arena, count, 1, err);
    if (!bytes)
        return false;
    for (size_t i = 0; i < count; i++)
        bytes[i] =
            (uint8_t)(hex_digit(body.at[1 + 2 * i]) << 4 | hex_digit(body.at[2 + 2 * i]));
    struct text text = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    if (!charset_decode(message->charset, span_of(bytes, count), arena, &text, &findings,
                        &first_bad, err))
        return false;
    /* Where is known to the caller, who notes what the value itself showed. */
    message->findings->bits |= findings;
    uint32_t code_point = 0;
    uint32_t before = 0;
    for (; text_next(&text, &code_point); before = code_point)
        if (!(code_point == '\n' && before == '\r'))
            put(writer, code_point == '\r' ? '\n' : code_point);
    return true;
}

/* True when the text starts with an escape character; a writer that returns from kanji
 * to JIS X 0201 instead of ASCII makes yen signs of its backslashes. */
static size_t escape_len(const struct hl7_message *message, struct text text)
{
    if (text.len > 0 && (uint8_t)text.at[0] == message->separators.escape)
        return 1;
    bool is_yen = text.len > 1 && message->separators.escape == '\\' &&
                  message->charset == CHARSET_ISO2022JP && text.at[0] == '\xC2' &&
                  text.at[1] == '\xA5';
    return is_yen ? 2 : 0;
}

/* Longest body that is looked at for its closing escape character, so that a field full
 * of escape characters costs no square time: hexadecimal ones may be longer. */
static size_t find_escape_end(const struct hl7_message *message, struct text body)
{
    enum { NAME_MAX_BYTES = 16 };
    bool is_hexadecimal = body.len > 0 && body.at[0] == 'X';
    for (size_t i = 0; i < body.len && (i < NAME_MAX_BYTES || is_hexadecimal); i++) {
        if (escape_len(message, (struct text){body.at + i, body.len - i}))
            return i;
        if (i > 0 && is_hexadecimal && hex_digit(body.at[i]) < 0)
            return 0;
    }
    return 0;
}

/* An escape sequence at the front of `rest` is resolved and taken off; false when there
 * is none that is known (or err is set). */
static bool take_escape(const struct hl7_message *message, struct text *rest,
                        struct arena *arena, struct writer *writer, struct err *err)
{
    size_t open = escape_len(message, *rest);
    if (open == 0)
        return false;
    struct text after = {rest->at + open, rest->len - open};
    size_t len = find_escape_end(message, after);
    struct text body = {after.at, len};
    if (len == 0 || (!put_simple(message, body, writer) &&
                     !put_hexadecimal(message, body, arena, writer, err)))
        return false;
    size_t close = escape_len(message, (struct text){after.at + len, after.len - len});
    *rest = (struct text){after.at + len + close, after.len - len - close};
    return true;
}

static void note_findings(const struct hl7_message *message, unsigned findings,
                          struct span raw, size_t first_bad)
{
    struct hl7_findings *known = message->findings;
    size_t offset = message->stripped + (size_t)(raw.at - message->bytes.at);
    for (size_t i = 0; i < HL7_FINDING_KINDS; i++) {
        unsigned bit = 1U << i;
        if (findings & bit & ~known->bits)
            known->offsets[i] = offset + (bit == CHARSET_BAD_BYTES ? first_bad : 0);
    }
    known->bits |= findings;
}

bool hl7_text(const struct hl7_message *message, struct hl7_place place,
              struct arena *arena, struct text *text, struct err *err)
{
    uint32_t marks = 0;
    struct span raw = find_place(message, place, &marks);
    if (raw.len == 0 || span_is(raw, "\"\"")) {
        *text = (struct text){0};
        return true;
    }
    if (marks == 0 || (place.segment == 0 && place.field <= 2)) {
        *text = (struct text){(const char *)raw.at, raw.len};
        return true;
    }
    unsigned findings = 0;
    size_t first_bad = 0;
    if (!charset_decode(message->charset, raw, arena, text, &findings, &first_bad, err))
        return false;
    if (findings & ~message->findings->bits)
        note_findings(message, findings, raw, first_bad);
    /* UTF-8 has control characters of two bytes, which carry no mark. */
    bool is_clean = !(marks & (HL7_MARK_CONTROL | HL7_MARK_ESCAPE)) &&
                    message->charset != CHARSET_UTF8;
    if (is_clean)
        return true;
    /* One control character grows to three bytes; hexadecimal digits do not grow. */
    struct writer writer = {.at = arena_take(arena, text->len, 3, err)};
    if (!writer.at)
        return false;
    struct text rest = *text;
    while (rest.len > 0) {
        if (take_escape(message, &rest, arena, &writer, err))
            continue;
        if (err->kind != ERR_NONE)
            return false;
        uint32_t code_point = 0;
        text_next(&rest, &code_point);
        put(&writer, code_point);
    }
    *text = (struct text){writer.at, writer.len};
    return true;
}

/* ------------------------------------------------------------------ what it is */

struct span hl7_message_code(const struct hl7_message *message)
{
    return hl7_raw(message, HL7_AT(0, 9, 1));
}

struct span hl7_trigger(const struct hl7_message *message)
{
    return hl7_raw(message, HL7_AT(0, 9, 2));
}

enum charset hl7_charset(const struct hl7_message *message)
{
    return message->charset;
}

unsigned hl7_charset_findings(const struct hl7_message *message)
{
    return message->findings->bits;
}

size_t hl7_finding_offset(const struct hl7_message *message, enum charset_finding finding)
{
    if (finding == CHARSET_OK || !(message->findings->bits & (unsigned)finding))
        return 0;
    return message->findings->offsets[__builtin_ctz((unsigned)finding)];
}

bool hl7_charset_is_misdeclared(const struct hl7_message *message)
{
    return message->is_misdeclared;
}

static bool contains(struct span span, const char *word)
{
    return span.len > 0 && memmem(span.at, span.len, word, strlen(word)) != NULL;
}

bool hl7_declares_wrongly(const struct hl7_message *message)
{
    struct span declared = hl7_raw(message, HL7_AT(0, 18, 0));
    bool is_japanese = false;
    bool is_utf8 = contains(declared, "UTF-8") || contains(declared, "UTF8");
    bool is_latin = contains(declared, "8859");
    uint16_t count = (uint16_t)hl7_repetition_count(message, 0, 18);
    for (uint16_t i = 0; i < count; i++) {
        struct hl7_place place = {.field = 18, .repetition = i};
        struct span part = hl7_raw(message, place);
        is_japanese |= contains(part, "IR87") || contains(part, "IR 87") ||
                       contains(part, "IR159") || contains(part, "IR 159") ||
                       contains(part, "IR14") || contains(part, "IR 14") ||
                       contains(part, "IR13") || contains(part, "IR 13");
    }
    if (count == 0 || charset_is_plain(message->bytes))
        return false;
    switch (message->charset) {
    case CHARSET_ISO2022JP:
        return !is_japanese;
    case CHARSET_UTF8:
        return !is_utf8;
    case CHARSET_LATIN1:
        return !is_latin;
    case CHARSET_CP932:
    case CHARSET_EUCJP:
    case CHARSET_ASCII:
        return true;
    }
    return true;
}
