// SPDX-License-Identifier: Apache-2.0
/* llhttp's names of the methods are ours too, with other numbers; its own are not used */
#define HTTP_GET LLHTTP_GET
#define HTTP_HEAD LLHTTP_HEAD
#define HTTP_POST LLHTTP_POST
#define HTTP_PUT LLHTTP_PUT
#define HTTP_DELETE LLHTTP_DELETE
#include <llhttp.h>
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_DELETE
#include <string.h>
#include <strings.h>

#include "wire/http1/http1.h"

/* ---- the end of a head ---- */

static bool is_text_byte(uint8_t c)
{
    return (c >= 0x20 && c != 0x7F) || c == '\t';
}

/* A line is over at scanner->offset, behind its CRLF. */
static enum http1_scan end_line(struct http1_scanner *scanner)
{
    size_t len = scanner->offset - scanner->line_begin;
    scanner->line_begin = scanner->offset;
    if (len > 2) {
        scanner->has_request_line = true;
        return HTTP1_SCAN_MORE;
    }
    if (scanner->has_request_line)
        return HTTP1_SCAN_COMPLETE;
    /* one empty line before a request is forgiven (RFC 9112 2.2), not two */
    return scanner->offset > 2 ? HTTP1_SCAN_BROKEN : HTTP1_SCAN_MORE;
}

enum http1_scan http1_scan_head(struct http1_scanner *scanner, struct span bytes)
{
    while (scanner->offset < bytes.len) {
        uint8_t c = bytes.at[scanner->offset];
        bool after_cr = scanner->offset > scanner->line_begin &&
                        bytes.at[scanner->offset - 1] == '\r';
        bool begins_line = scanner->offset == scanner->line_begin;
        if (after_cr != (c == '\n') || (c != '\n' && c != '\r' && !is_text_byte(c)) ||
            (begins_line && (c == ' ' || c == '\t')))
            return HTTP1_SCAN_BROKEN;
        scanner->offset++;
        if (c != '\n')
            continue;
        enum http1_scan scan = end_line(scanner);
        if (scan != HTTP1_SCAN_MORE)
            return scan;
    }
    return HTTP1_SCAN_MORE;
}

/* ---- llhttp ---- */

struct reading {
    struct http_field *fields;
    size_t field_count;
    size_t fields_max;
    struct span method;
    struct span target;
    bool has_too_many;
    bool is_complete;
};

static struct span joined(struct span span, const char *at, size_t len)
{
    /* the head is given in one piece, so parts of one element lie side by side */
    if (!span.at)
        return span_of(at, len);
    return span_of(span.at, span.len + len);
}

static int on_method(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    reading->method = joined(reading->method, at, len);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    reading->target = joined(reading->target, at, len);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    if (reading->field_count == reading->fields_max) {
        reading->has_too_many = true;
        return -1;
    }
    struct http_field *field = &reading->fields[reading->field_count];
    field->name = joined(field->name, at, len);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    struct http_field *field = &reading->fields[reading->field_count];
    field->value = joined(field->value, at, len);
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct reading *reading = parser->data;
    reading->field_count++;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct reading *reading = parser->data;
    reading->is_complete = true;
    return HPE_PAUSED; /* the body is framed elsewhere */
}

static const llhttp_settings_t settings = {.on_method = on_method,
                                           .on_url = on_url,
                                           .on_header_field = on_field,
                                           .on_header_value = on_value,
                                           .on_header_value_complete = on_value_complete,
                                           .on_headers_complete = on_headers_complete};

static bool refuse(struct http1_refusal *refusal, int status, const char *code)
{
    *refusal = (struct http1_refusal){status, code};
    return false;
}

static bool run_llhttp(struct span bytes, struct reading *reading,
                       struct http1_refusal *refusal)
{
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = reading;
    llhttp_errno_t result = llhttp_execute(&parser, (const char *)bytes.at, bytes.len);
    if (reading->has_too_many)
        return refuse(refusal, 431, "headers_too_many");
    if (result == HPE_INVALID_METHOD)
        return refuse(refusal, 501, "method_unknown");
    if (!reading->is_complete || (result != HPE_PAUSED && result != HPE_PAUSED_UPGRADE))
        return refuse(refusal, 400, "head_invalid");
    return true;
}

/* ---- our own reading of the request line ---- */

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_token(struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        if (!is_word(span.at[i]) && !memchr("!#$%&'*+-.^_`|~", span.at[i], 15))
            return false;
    return span.len > 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool check_version(struct span version, struct http1_refusal *refusal)
{
    if (version.len != 8 || !span_starts(version, "HTTP/") || !is_digit(version.at[5]) ||
        version.at[6] != '.' || !is_digit(version.at[7]))
        return refuse(refusal, 400, "request_line_invalid");
    if (!span_is(version, "HTTP/1.1"))
        return refuse(refusal, 505, "version_unsupported");
    return true;
}

/* Exactly "method SP target SP version". */
static bool check_request_line(struct span line, struct http1_refusal *refusal)
{
    struct span method, target, version;
    if (!span_take(&line, ' ', &method) || !span_take(&line, ' ', &target) ||
        !span_take(&line, ' ', &version) || line.at || !is_token(method))
        return refuse(refusal, 400, "request_line_invalid");
    if (!check_version(version, refusal))
        return false;
    if (target.len > HTTP1_TARGET_MAX_BYTES)
        return refuse(refusal, 414, "target_too_long");
    if (target.len == 0 || target.at[0] != '/')
        return refuse(refusal, 400, "target_invalid");
    return true;
}

/* ---- fields ---- */

static bool is_same_word(struct span span, const char *word)
{
    return span.len == strlen(word) &&
           strncasecmp((const char *)span.at, word, span.len) == 0;
}

struct framing {
    int host_count;
    int length_count;
    int coding_count;
    int expect_count;
    int64_t length;
    bool is_length_valid;
    bool is_coding_known;
    bool is_expectation_known;
};

static void note_length(struct framing *framing, struct span value)
{
    uint64_t length = 0;
    framing->length_count++;
    framing->is_length_valid = value.len <= 18 && span_uint(value, INT64_MAX, &length);
    framing->length = (int64_t)length;
}

static void note_connection(struct http1_head *parsed, struct span value)
{
    struct span option;
    while (span_take(&value, ',', &option))
        if (is_same_word(span_trim(option), "close"))
            parsed->wants_close = true;
}

static void note_field(struct http1_head *parsed, struct framing *framing,
                       const struct http_field *field)
{
    if (span_is(field->name, "host")) {
        framing->host_count++;
        parsed->head.host = field->value;
    } else if (span_is(field->name, "content-length")) {
        note_length(framing, field->value);
    } else if (span_is(field->name, "transfer-encoding")) {
        framing->coding_count++;
        framing->is_coding_known = is_same_word(field->value, "chunked");
    } else if (span_is(field->name, "expect")) {
        framing->expect_count++;
        framing->is_expectation_known = is_same_word(field->value, "100-continue");
    } else if (span_is(field->name, "connection")) {
        note_connection(parsed, field->value);
    }
}

/* RFC 9112 6.3; where it leaves a choice, the request is refused. */
static bool check_framing(const struct framing *framing, struct http1_head *parsed,
                          struct http1_refusal *refusal)
{
    if (framing->host_count != 1)
        return refuse(refusal, 400, "host_invalid");
    if (framing->length_count > 0 && framing->coding_count > 0)
        return refuse(refusal, 400, "length_ambiguous");
    if (framing->length_count > 1 ||
        (framing->length_count == 1 && !framing->is_length_valid))
        return refuse(refusal, 400, "length_invalid");
    if (framing->coding_count > 1 ||
        (framing->coding_count == 1 && !framing->is_coding_known))
        return refuse(refusal, 501, "coding_unknown");
    if (framing->expect_count > 0 && !framing->is_expectation_known)
        return refuse(refusal, 417, "expectation_unknown");
    parsed->is_chunked = framing->coding_count == 1;
    parsed->expects_continue = framing->expect_count > 0;
    parsed->head.body_bytes = parsed->is_chunked ? -1 : framing->length;
    return true;
}

static bool lower_name(struct http_field *field, struct arena *arena)
{
    struct err err = {0};
    uint8_t *name = arena_take(arena, field->name.len + 1, 1, &err);
    if (!name)
        return false;
    for (size_t i = 0; i < field->name.len; i++) {
        uint8_t c = field->name.at[i];
        name[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
    field->name = span_of(name, field->name.len);
    return true;
}

static bool check_fields(struct reading *reading, struct arena *arena,
                         struct http1_head *parsed, struct http1_refusal *refusal)
{
    struct framing framing = {0};
    for (size_t i = 0; i < reading->field_count; i++) {
        struct http_field *field = &reading->fields[i];
        if (!is_token(field->name))
            return refuse(refusal, 400, "head_invalid");
        if (!lower_name(field, arena))
            return refuse(refusal, 503, "memory_short");
        field->value = span_trim(field->value);
        note_field(parsed, &framing, field);
    }
    return check_framing(&framing, parsed, refusal);
}

bool http1_parse_head(struct span bytes, size_t fields_max, struct arena *arena,
                      struct http1_head *parsed, struct http1_refusal *refusal)
{
    struct err err = {0};
    *parsed = (struct http1_head){0};
    if (span_starts(bytes, "\r\n"))
        bytes = span_part(bytes, 2, bytes.len);
    struct span rest = bytes, line;
    if (!span_take(&rest, '\n', &line) || line.len == 0 ||
        !check_request_line(span_part(line, 0, line.len - 1), refusal))
        return line.len != 0 ? false : refuse(refusal, 400, "head_invalid");
    struct reading reading = {.fields_max = fields_max < HTTP1_FIELDS_MAX
                                                ? fields_max
                                                : (size_t)HTTP1_FIELDS_MAX};
    reading.fields = ARENA_MANY(arena, struct http_field, reading.fields_max + 1, &err);
    if (!reading.fields)
        return refuse(refusal, 503, "memory_short");
    if (!run_llhttp(bytes, &reading, refusal) ||
        !check_fields(&reading, arena, parsed, refusal))
        return false;
    parsed->head.method = reading.method;
    parsed->head.target = reading.target;
    parsed->head.fields = reading.fields;
    parsed->head.field_count = reading.field_count;
    return true;
}
