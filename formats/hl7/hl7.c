// SPDX-License-Identifier: Apache-2.0
#include "formats/hl7/hl7.h"

#include <string.h>

#include "formats/hl7/hl7_message.h"

static const char CLAUSE_SEGMENTS[] = "HL7 v2.5 2.5.2";
static const char CLAUSE_SEPARATORS[] = "HL7 v2.5 2.15.9.2";

enum { ESCAPE = 0x1B, BLOCK_START = 0x0B, BLOCK_END = 0x1C, NAME_BYTES = 3 };

/* What a byte is to the scanner. */
enum class { ORDINARY, FIELD_END, LINE_END, CODED, CONTROL, HL7_ESCAPE };

struct scanner {
    struct hl7_message *message;
    size_t at;
    uint32_t field_used; /* entries of message->fields */
    bool ends_with_cr;
    uint8_t classes[256];
};

static bool is_line_end(uint8_t byte)
{
    return byte == '\r' || byte == '\n';
}

static bool is_two_byte(enum charset_state state)
{
    return state == CHARSET_STATE_JISX0208 || state == CHARSET_STATE_JISX0212;
}

static bool is_graphic(uint8_t byte)
{
    return byte >= 0x21 && byte <= 0x7E;
}

size_t hl7_step(enum charset charset, struct span rest, enum charset_state *state,
                bool *is_ascii)
{
    uint8_t byte = rest.at[0];
    *is_ascii = false;
    if (charset == CHARSET_ISO2022JP && byte == ESCAPE) {
        size_t len = charset_escape(rest, state);
        return len ? len : 1;
    }
    if (is_line_end(byte))
        *state = CHARSET_STATE_ASCII;
    if (byte >= 0x80)
        return charset_step(charset, rest);
    if (is_two_byte(*state))
        return rest.len >= 2 && is_graphic(byte) && is_graphic(rest.at[1]) ? 2 : 1;
    *is_ascii = *state != CHARSET_STATE_KANA;
    return 1;
}

static bool is_name(struct span name)
{
    if (name.len != NAME_BYTES)
        return false;
    for (size_t i = 0; i < NAME_BYTES; i++) {
        bool is_letter = name.at[i] >= 'A' && name.at[i] <= 'Z';
        bool is_digit = name.at[i] >= '0' && name.at[i] <= '9';
        if (!is_letter && !(is_digit && i > 0))
            return false;
    }
    return true;
}

static struct span rest_from(const struct hl7_message *message, size_t offset)
{
    return span_part(message->bytes, offset, message->bytes.len - offset);
}

static void note(struct hl7_message *message, enum hl7_oddity oddity, size_t segment)
{
    if (message->oddities & oddity)
        return;
    message->oddities |= oddity;
    message->odd_segments[__builtin_ctz(oddity)] = segment;
}

/* ------------------------------------------------------------------ the envelope */

static void strip(struct hl7_message *message, struct span bytes)
{
    struct span rest = bytes;
    if (span_starts(rest, "\xEF\xBB\xBF"))
        rest = span_part(rest, 3, rest.len - 3);
    while (rest.len > 0 && (rest.at[0] == BLOCK_START || is_line_end(rest.at[0])))
        rest = span_part(rest, 1, rest.len - 1);
    if (span_starts(rest, "\xEF\xBB\xBF"))
        rest = span_part(rest, 3, rest.len - 3);
    message->stripped = bytes.len - rest.len;
    message->bytes = rest;
    bool has_end = false;
    while (message->bytes.len > 0) {
        uint8_t last = message->bytes.at[message->bytes.len - 1];
        if (last != BLOCK_END && !is_line_end(last))
            break;
        message->bytes.len--;
        has_end = true;
    }
    if (!has_end)
        note(message, HL7_NO_END, HL7_NONE);
}

static bool is_batch(struct span rest)
{
    return span_starts(rest, "FHS") || span_starts(rest, "BHS") ||
           span_starts(rest, "BTS") || span_starts(rest, "FTS");
}

/* Offset of a line further on that starts with MSH and a separator; 0 = none. */
static size_t find_later_msh(struct span bytes)
{
    enum { LOOKED_AT_BYTES = 4096, START_BYTES = 5 };
    size_t end = bytes.len < LOOKED_AT_BYTES ? bytes.len : LOOKED_AT_BYTES;
    for (size_t i = 0; i + START_BYTES <= end; i++)
        if ((is_line_end(bytes.at[i]) || bytes.at[i] == BLOCK_START) &&
            memcmp(bytes.at + i + 1, "MSH", NAME_BYTES) == 0 && bytes.at[i + 4] > ' ')
            return i + 1;
    return 0;
}

/* What is nearly a message is told so: its sender can set that right. */
static bool refuse_start(struct span bytes, size_t at, struct err *err)
{
    static const uint8_t little[] = {'M', 0, 'S', 0, 'H', 0};
    static const uint8_t big[] = {0, 'M', 0, 'S', 0, 'H'};
    struct span head = span_part(bytes, 0, sizeof big);
    bool has_mark = span_starts(bytes, "\xFF\xFE") || span_starts(bytes, "\xFE\xFF");
    if (has_mark)
        head = span_part(bytes, 2, sizeof big);
    if (head.len == sizeof big && (memcmp(head.at, little, sizeof little) == 0 ||
                                   memcmp(head.at, big, sizeof big) == 0))
        return err_at(err, ERR_SYNTAX, "hl7_utf16", 0, "HL7 v2.5 2.15.9.18");
    size_t later = find_later_msh(bytes);
    if (later > 0)
        return err_at(err, ERR_SYNTAX, "hl7_before_msh", later, "HL7 v2.5 2.5.1");
    return err_at(err, ERR_SYNTAX, "hl7_no_msh", at, CLAUSE_SEGMENTS);
}

/* Leaves the scanner at MSH, behind headers of files and batches. */
static bool find_msh(struct scanner *scanner, struct span whole, struct err *err)
{
    struct hl7_message *message = scanner->message;
    struct span rest = message->bytes;
    while (is_batch(rest)) {
        size_t len = 0;
        while (len < rest.len && !is_line_end(rest.at[len]))
            len++;
        while (len < rest.len && is_line_end(rest.at[len]))
            len++;
        rest = span_part(rest, len, rest.len - len);
    }
    scanner->at = message->bytes.len - rest.len;
    if (!span_starts(rest, "MSH"))
        return refuse_start(whole, message->stripped + scanner->at, err);
    return true;
}

static bool is_separator(uint8_t byte)
{
    bool is_alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z');
    return is_graphic(byte) && !is_alphanumeric && byte != '"';
}

static bool are_distinct(const uint8_t *separators, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (separators[i] == separators[j])
                return false;
    return true;
}

/* How many signs stand in MSH-2, up to one more than there may be. */
static size_t count_signs(struct span msh, size_t first)
{
    enum { SIGNS_MAX = 5 };
    size_t count = 0;
    while (first + count < msh.len && count <= SIGNS_MAX &&
           is_separator(msh.at[first + count]) &&
           msh.at[first + count] != msh.at[first - 1])
        count++;
    return count;
}

/* MSH-1 and MSH-2. The escape character and the one of sub-components may be absent when
 * the message needs none (2.5.4); a fifth (2.7: truncation) is accepted and not used. */
static bool take_separators(struct scanner *scanner, struct err *err)
{
    enum { FIRST = NAME_BYTES, LEAST = 2, MOST = 5 };
    static const uint8_t ABSENT = '\r'; /* in no field */
    struct hl7_message *message = scanner->message;
    struct span msh = rest_from(message, scanner->at);
    bool is_good = msh.len > FIRST + 1 && is_separator(msh.at[FIRST]);
    size_t count = is_good ? count_signs(msh, FIRST + 1) : 0;
    size_t end = FIRST + 1 + count;
    is_good = count >= LEAST && count <= MOST && end < msh.len &&
              are_distinct(msh.at + FIRST, 1 + (count < MOST ? count : MOST - 1)) &&
              (msh.at[end] == msh.at[FIRST] || (count > 3 && is_line_end(msh.at[end])));
    if (!is_good)
        return err_at(err, ERR_SYNTAX,
                      msh.len == NAME_BYTES ? "hl7_segment_cut" : "hl7_bad_separators",
                      message->stripped + scanner->at + FIRST, CLAUSE_SEPARATORS);
    message->separators = (struct hl7_separators){
        .field = msh.at[FIRST],
        .component = msh.at[FIRST + 1],
        .repetition = msh.at[FIRST + 2],
        .escape = count > 2 ? msh.at[FIRST + 3] : ABSENT,
        .subcomponent = count > 3 ? msh.at[FIRST + 4] : ABSENT,
    };
    return true;
}

/* ------------------------------------------------------------------ the index */

static void classify(struct scanner *scanner)
{
    const struct hl7_message *message = scanner->message;
    for (size_t byte = 0; byte < 256; byte++)
        scanner->classes[byte] = byte >= 0x80                  ? CODED
                                 : byte < 0x20 || byte == 0x7F ? CONTROL
                                                               : ORDINARY;
    scanner->classes[ESCAPE] = CODED;
    scanner->classes[0] = CODED;
    scanner->classes[message->separators.escape] = HL7_ESCAPE;
    scanner->classes['\r'] = LINE_END; /* an absent escape character is none */
    scanner->classes['\n'] = LINE_END;
    scanner->classes[message->separators.field] = FIELD_END;
}

/* How often the byte occurs; eight at once: equal bytes become 0x80. */
static size_t count_byte(struct span bytes, uint8_t wanted)
{
    const uint64_t low = 0x7F7F7F7F7F7F7F7FU;
    uint64_t pattern = 0x0101010101010101U * wanted;
    size_t count = 0;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.at + i, sizeof word);
        uint64_t differs = word ^ pattern;
        uint64_t equal = ~(((differs & low) + low) | differs | low);
        count += (size_t)__builtin_popcountll(equal);
    }
    for (; i < bytes.len; i++)
        count += bytes.at[i] == wanted;
    return count;
}

/* Room for the most segments and fields that there can be. */
static bool take_index(struct scanner *scanner, struct arena *arena, struct err *err)
{
    struct hl7_message *message = scanner->message;
    struct span rest = rest_from(message, scanner->at);
    size_t lines = 1 + count_byte(rest, '\r') + count_byte(rest, '\n');
    size_t fields = count_byte(rest, message->separators.field);
    size_t segments = lines < HL7_SEGMENTS_MAX ? lines : HL7_SEGMENTS_MAX;
    /* Per segment the name and the end. */
    fields += segments * 2;
    message->segments = ARENA_MANY(arena, struct hl7_segment, segments, err);
    if (!message->segments)
        return false;
    message->fields = ARENA_MANY(arena, uint32_t, fields, err);
    message->findings =
        message->fields ? ARENA_NEW(arena, struct hl7_findings, err) : NULL;
    message->split = message->findings ? ARENA_NEW(arena, struct hl7_split, err) : NULL;
    if (message->split)
        message->split->segment = HL7_NONE;
    return message->split != NULL;
}

/* In a message whose segments end with CR a line feed is text, unless a segment follows:
 * losing a segment would be worse than splitting a text. */
static bool ends_segment(const struct scanner *scanner, size_t at)
{
    const struct hl7_message *message = scanner->message;
    if (message->bytes.at[at] == '\r' || !scanner->ends_with_cr)
        return true;
    struct span next = rest_from(message, at + 1);
    return is_name(span_part(next, 0, NAME_BYTES)) &&
           (next.len == NAME_BYTES || next.at[NAME_BYTES] == message->separators.field ||
            is_line_end(next.at[NAME_BYTES]));
}

static uint32_t marks_of(enum class class, bool is_ascii)
{
    uint32_t marks = class == CODED || !is_ascii ? HL7_MARK_CODED : 0;
    if (class == CONTROL || class == LINE_END)
        marks |= HL7_MARK_CONTROL;
    if (class == HL7_ESCAPE && is_ascii)
        marks |= HL7_MARK_ESCAPE;
    return marks;
}

/* Bytes from `at` that are nothing but themselves: what most of a text consists of. */
static size_t count_plain(const struct scanner *scanner, enum charset_state state,
                          size_t at)
{
    struct span rest = rest_from(scanner->message, at);
    size_t count = 0;
    if (state == CHARSET_STATE_ASCII)
        while (count < rest.len && scanner->classes[rest.at[count]] == ORDINARY)
            count++;
    else if (state == CHARSET_STATE_JISX0208)
        while (hl7_is_pair(rest.at + count, rest.len - count))
            count += 2;
    return count;
}

/* Walks over one segment; its fields are entered. Returns the offset of its end and the
 * state there. */
static size_t scan_segment(struct scanner *scanner, struct hl7_segment *segment,
                           enum charset_state *state)
{
    struct hl7_message *message = scanner->message;
    struct span bytes = message->bytes;
    uint32_t marks = 0;
    uint32_t *start = message->fields + segment->first_field;
    size_t i = segment->start;
    *start = segment->start;
    while (i < bytes.len) {
        size_t plain = count_plain(scanner, *state, i);
        if (plain > 0) {
            marks |= *state == CHARSET_STATE_ASCII ? 0 : HL7_MARK_CODED;
            i += plain;
            continue;
        }
        enum class class = scanner->classes[bytes.at[i]];
        if (class == LINE_END && ends_segment(scanner, i))
            break;
        bool is_ascii = false;
        size_t len = hl7_step(message->charset, span_of(bytes.at + i, bytes.len - i),
                              state, &is_ascii);
        if (class == FIELD_END && is_ascii) {
            *start++ |= marks;
            *start = (uint32_t)i + 1;
            marks = 0;
        } else {
            marks |= marks_of(class, is_ascii);
        }
        if (class == LINE_END)
            note(message, HL7_LINE_FEED_IN_TEXT, message->segment_count);
        i += len;
    }
    *start++ |= marks;
    *start = (uint32_t)i + 1;
    segment->field_count = (uint32_t)(start - message->fields) - segment->first_field;
    return i;
}

static void judge_segment(struct hl7_message *message, size_t segment,
                          enum charset_state state)
{
    struct span name = hl7_segment_name(message, segment);
    message->segments[segment].is_msh = span_is(name, "MSH");
    if (!is_name(name))
        note(message, HL7_JUNK_SEGMENT, segment);
    if (message->segments[segment].field_count == 1)
        note(message, HL7_BARE_SEGMENT, segment);
    if (segment > 0 && span_is(name, "MSH"))
        note(message, HL7_SECOND_MSH, segment);
    if (is_two_byte(state) || state == CHARSET_STATE_KANA)
        note(message, HL7_UNCLOSED_STATE, segment);
}

static bool add_segment(struct scanner *scanner, enum charset_state *state,
                        struct err *err)
{
    struct hl7_message *message = scanner->message;
    uint64_t offset = message->stripped + scanner->at;
    if (message->segment_count == HL7_SEGMENTS_MAX)
        return err_at(err, ERR_LIMIT, "hl7_too_many_segments", offset, CLAUSE_SEGMENTS);
    struct hl7_segment *segment = &message->segments[message->segment_count];
    *segment = (struct hl7_segment){.start = (uint32_t)scanner->at,
                                    .first_field = scanner->field_used};
    *state = CHARSET_STATE_ASCII;
    scanner->at = scan_segment(scanner, segment, state);
    scanner->field_used += segment->field_count + 1;
    message->segment_count++;
    if (segment->field_count > HL7_FIELDS_MAX)
        return err_at(err, ERR_LIMIT, "hl7_too_many_fields", offset, CLAUSE_SEGMENTS);
    judge_segment(message, message->segment_count - 1, *state);
    return true;
}

/* Signs that can be nothing but a cut, whatever ends the file. */
static bool check_last(const struct hl7_message *message, enum charset_state state,
                       struct err *err)
{
    size_t last = message->segment_count - 1;
    struct span name = hl7_segment_name(message, last);
    bool is_bare = message->segments[last].field_count == 1;
    bool is_short_name = is_bare && name.len < NAME_BYTES;
    bool is_lone_msh = is_bare && span_is(name, "MSH");
    bool is_in_character = is_two_byte(state) && message->oddities & HL7_NO_END;
    if (is_short_name || is_lone_msh || is_in_character)
        return err_at(err, ERR_SYNTAX, "hl7_segment_cut",
                      hl7_segment_offset(message, last), CLAUSE_SEGMENTS);
    return true;
}

/* What the bytes show. Only Latin-1 cannot be told from others and is believed. */
static enum charset decide_charset(const struct scanner *scanner)
{
    const struct hl7_message *message = scanner->message;
    enum charset charset = charset_detect(message->bytes);
    if (charset == CHARSET_ISO2022JP || charset == CHARSET_UTF8)
        return charset;
    struct span rest = rest_from(message, scanner->at);
    size_t len = 0;
    while (len < rest.len && !is_line_end(rest.at[len]))
        len++;
    rest.len = len;
    struct span field = {0};
    for (int i = 0; i < 18; i++)
        if (!span_take(&rest, message->separators.field, &field))
            return charset;
    bool is_latin = span_is(field, "8859/1") || span_is(field, "ISO 8859/1");
    return is_latin ? CHARSET_LATIN1 : charset;
}

static bool index_segments(struct scanner *scanner, struct err *err)
{
    struct hl7_message *message = scanner->message;
    enum charset_state state = CHARSET_STATE_ASCII;
    for (size_t i = scanner->at; i < message->bytes.len; i++)
        if (is_line_end(message->bytes.at[i])) {
            scanner->ends_with_cr = message->bytes.at[i] == '\r';
            break;
        }
    while (scanner->at < message->bytes.len) {
        struct span rest = rest_from(message, scanner->at);
        if (is_line_end(rest.at[0])) {
            scanner->at++;
        } else if (message->segment_count > 0 && is_batch(rest)) {
            while (scanner->at < message->bytes.len &&
                   !is_line_end(message->bytes.at[scanner->at]))
                scanner->at++;
        } else if (!add_segment(scanner, &state, err)) {
            return false;
        }
    }
    return check_last(message, state, err);
}

const struct hl7_message *hl7_parse(struct span bytes, struct arena *arena,
                                    struct err *err)
{
    if (bytes.len > HL7_MESSAGE_BYTES_MAX) {
        err_at(err, ERR_LIMIT, "hl7_too_large", HL7_MESSAGE_BYTES_MAX, CLAUSE_SEGMENTS);
        return NULL;
    }
    struct hl7_message *message = ARENA_NEW(arena, struct hl7_message, err);
    if (!message)
        return NULL;
    struct scanner scanner = {.message = message};
    strip(message, bytes);
    if (!find_msh(&scanner, bytes, err) || !take_separators(&scanner, err) ||
        !take_index(&scanner, arena, err))
        return NULL;
    classify(&scanner);
    message->charset = decide_charset(&scanner);
    if (!index_segments(&scanner, err))
        return NULL;
    message->odd_segments[__builtin_ctz(HL7_NO_END)] = message->segment_count - 1;
    message->is_misdeclared = hl7_declares_wrongly(message);
    return message;
}
