// SPDX-License-Identifier: Apache-2.0
#include "formats/multipart/multipart.h"

#include <strings.h>

enum { PREAMBLE_BYTES_MAX = 1024, PADDING_BYTES_MAX = 256 };

/* ---- reading ---- */

static bool is_boundary_byte(uint8_t c)
{
    bool is_word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_word || (c != 0 && strchr("'()+_,-./:=? ", c));
}

bool multipart_begin(struct multipart *multipart, struct span boundary, struct err *err)
{
    bool is_good = boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_BYTES &&
                   boundary.at[boundary.len - 1] != ' ';
    for (size_t i = 0; is_good && i < boundary.len; i++)
        is_good = is_boundary_byte(boundary.at[i]);
    if (!is_good)
        return err_set(err, ERR_SYNTAX, "boundary", "not a boundary");
    *multipart = (struct multipart){.delimiter = "\r\n--",
                                    .delimiter_bytes = 4 + boundary.len,
                                    .matched = 2}; /* the first line's has no CRLF */
    memcpy(multipart->delimiter + 4, boundary.at, boundary.len);
    return true;
}

static struct span taken(struct span *bytes, size_t len)
{
    struct span front = span_part(*bytes, 0, len);
    *bytes = span_part(*bytes, len, bytes->len);
    return front;
}

/* How much of the end of `bytes` may be the beginning of a delimiter. Its first byte
 * stands in it nowhere else. */
static size_t suspicious_bytes(const struct multipart *multipart, struct span bytes)
{
    size_t most = multipart->delimiter_bytes - 1;
    size_t from = bytes.len > most ? bytes.len - most : 0;
    const uint8_t *at =
        bytes.len > from ? memrchr(bytes.at + from, '\r', bytes.len - from) : NULL;
    size_t len = at ? bytes.len - (size_t)(at - bytes.at) : 0;
    return len > 0 && memcmp(at, multipart->delimiter, len) == 0 ? len : 0;
}

static enum multipart_event end_part(struct multipart *multipart)
{
    bool was_part = multipart->state == MULTIPART_AT_DATA;
    multipart->state = MULTIPART_AT_DELIMITER;
    multipart->matched = multipart->passed = 0;
    multipart->last = 0;
    return was_part ? MULTIPART_PART_END : MULTIPART_MORE;
}

/* Some of a delimiter came at the end of the bytes before. */
static enum multipart_event go_on_matching(struct multipart *multipart,
                                           struct span *bytes, struct span *data)
{
    while (bytes->len > 0 && multipart->matched < multipart->delimiter_bytes &&
           bytes->at[0] == multipart->delimiter[multipart->matched]) {
        multipart->matched++;
        (void)taken(bytes, 1);
    }
    if (multipart->matched == multipart->delimiter_bytes)
        return end_part(multipart);
    if (bytes->len == 0)
        return MULTIPART_MORE;
    *data = span_of(multipart->delimiter, multipart->matched); /* it was none */
    multipart->matched = 0;
    return MULTIPART_DATA;
}

static enum multipart_event take_data(struct multipart *multipart, struct span *bytes,
                                      struct span *data)
{
    if (multipart->matched > 0)
        return go_on_matching(multipart, bytes, data);
    const uint8_t *at =
        memmem(bytes->at, bytes->len, multipart->delimiter, multipart->delimiter_bytes);
    size_t len =
        at ? (size_t)(at - bytes->at) : bytes->len - suspicious_bytes(multipart, *bytes);
    if (len > 0) {
        *data = taken(bytes, len);
        return MULTIPART_DATA;
    }
    multipart->matched = taken(bytes, at ? multipart->delimiter_bytes : bytes->len).len;
    return at ? end_part(multipart) : MULTIPART_MORE;
}

static enum multipart_event fail(struct multipart *multipart)
{
    multipart->state = MULTIPART_AT_FAULT;
    return MULTIPART_BROKEN;
}

static enum multipart_event take_preamble(struct multipart *multipart, struct span *bytes)
{
    struct span data = {0};
    if (take_data(multipart, bytes, &data) != MULTIPART_DATA)
        return MULTIPART_MORE;
    multipart->passed += data.len;
    return multipart->passed > PREAMBLE_BYTES_MAX ? fail(multipart) : MULTIPART_MORE;
}

/* Behind a delimiter: "--", or blanks and the end of the line. */
static enum multipart_event take_delimiter(struct multipart *multipart,
                                           struct span *bytes)
{
    uint8_t last = multipart->last;
    uint8_t c = taken(bytes, 1).at[0];
    bool is_blank = c == ' ' || c == '\t';
    multipart->last = c;
    multipart->passed++;
    if (last == '-' && c == '-') {
        multipart->state = MULTIPART_AT_END;
        return MULTIPART_END;
    }
    if (last == '\r' && c == '\n') {
        multipart->state = MULTIPART_AT_HEAD;
        multipart->head_bytes = multipart->field_count = 0;
        return MULTIPART_MORE;
    }
    bool is_first = multipart->passed == 1;
    bool is_fine = (c == '-' && is_first) ||
                   ((is_blank || c == '\r') && last != '-' && last != '\r');
    return is_fine && multipart->passed < PADDING_BYTES_MAX ? MULTIPART_MORE
                                                            : fail(multipart);
}

/* ---- fields ---- */

static bool is_token_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        if (!is_token_byte(span.at[i]))
            return false;
    return span.len > 0;
}

static bool is_same_word(struct span a, struct span b)
{
    return a.len == b.len &&
           strncasecmp((const char *)a.at, (const char *)b.at, a.len) == 0;
}

static bool is_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7F)
            return false;
    return true;
}

static bool add_field(struct multipart *multipart, struct span line)
{
    struct span value = line, name = {0};
    if (!span_take(&value, ':', &name) || !value.at || !is_token(name) ||
        !is_value(value) || multipart->field_count == MULTIPART_FIELDS_MAX)
        return false;
    for (size_t i = 0; i < multipart->field_count; i++)
        if (is_same_word(multipart->fields[i].name, name))
            return false;
    multipart->fields[multipart->field_count++] =
        (struct multipart_field){name, span_trim(value)};
    return true;
}

static bool read_fields(struct multipart *multipart)
{
    struct span rest = span_of(multipart->head, multipart->head_bytes - 2);
    struct span line = {0};
    while (rest.len > 0) {
        const uint8_t *end = memmem(rest.at, rest.len, "\r\n", 2);
        if (!end)
            return false;
        line = taken(&rest, (size_t)(end - rest.at));
        (void)taken(&rest, 2);
        if (!add_field(multipart, line))
            return false;
    }
    return true;
}

static enum multipart_event take_head(struct multipart *multipart, struct span *bytes)
{
    while (bytes->len > 0) {
        if (multipart->head_bytes == sizeof multipart->head)
            return fail(multipart);
        multipart->head[multipart->head_bytes++] = taken(bytes, 1).at[0];
        size_t len = multipart->head_bytes;
        const uint8_t *end = multipart->head + len;
        bool is_empty = len == 2 && memcmp(multipart->head, "\r\n", 2) == 0;
        if (!is_empty && (len < 4 || memcmp(end - 4, "\r\n\r\n", 4) != 0))
            continue;
        if (!read_fields(multipart))
            return fail(multipart);
        multipart->state = MULTIPART_AT_DATA;
        return MULTIPART_PART;
    }
    return MULTIPART_MORE;
}

static enum multipart_event step(struct multipart *multipart, struct span *bytes,
                                 struct span *data)
{
    switch (multipart->state) {
    case MULTIPART_AT_PREAMBLE:
        return take_preamble(multipart, bytes);
    case MULTIPART_AT_DATA:
        return take_data(multipart, bytes, data);
    case MULTIPART_AT_DELIMITER:
        return take_delimiter(multipart, bytes);
    case MULTIPART_AT_HEAD:
        return take_head(multipart, bytes);
    case MULTIPART_AT_END:
        (void)taken(bytes, bytes->len);
        return MULTIPART_MORE;
    case MULTIPART_AT_FAULT:
        break;
    }
    return MULTIPART_BROKEN;
}

enum multipart_event multipart_next(struct multipart *multipart, struct span *bytes,
                                    struct span *data)
{
    enum multipart_event event = MULTIPART_MORE;
    *data = span_of(NULL, 0);
    while (event == MULTIPART_MORE && bytes->len > 0)
        event = step(multipart, bytes, data);
    return event;
}

struct span multipart_field(const struct multipart *multipart, const char *name)
{
    for (size_t i = 0; i < multipart->field_count; i++)
        if (is_same_word(multipart->fields[i].name, span_cstr(name)))
            return multipart->fields[i].value;
    return SPAN("");
}

/* ---- Content-Type ---- */

bool multipart_is_media(struct span media, const char *expected)
{
    return is_same_word(media, span_cstr(expected));
}

/* A quoted string with an escape is refused: none of the values needs one. */
static bool take_value(struct span *rest, struct span *value)
{
    if (rest->len > 0 && rest->at[0] == '"') {
        (void)taken(rest, 1);
        return span_take(rest, '"', value) && rest->at &&
               !memchr(value->at, '\\', value->len);
    }
    size_t len = 0;
    while (len < rest->len && rest->at[len] != ';' && rest->at[len] != ' ' &&
           rest->at[len] != '\t' && rest->at[len] != '"')
        len++;
    *value = taken(rest, len);
    return len > 0;
}

static bool take_parameter(struct span *rest, struct multipart_type *type)
{
    struct span name = {0}, value = {0};
    if (!span_take(rest, '=', &name) || !rest->at || !is_token(name) ||
        !take_value(rest, &value))
        return false;
    struct span *known = multipart_is_media(name, "type")       ? &type->type
                         : multipart_is_media(name, "boundary") ? &type->boundary
                                                                : NULL;
    if (known && known->at)
        return false;
    if (known)
        *known = value;
    return true;
}

bool multipart_read_type(struct span text, struct multipart_type *type, struct err *err)
{
    struct span rest = text;
    size_t len = 0;
    *type = (struct multipart_type){0};
    while (len < rest.len && (is_token_byte(rest.at[len]) || rest.at[len] == '/'))
        len++;
    type->media = taken(&rest, len);
    bool is_good = len > 0;
    while (is_good && (rest = span_trim(rest)).len > 0) {
        is_good = taken(&rest, 1).at[0] == ';';
        rest = span_trim(rest);
        if (is_good && rest.len > 0 && rest.at[0] != ';')
            is_good = take_parameter(&rest, type);
    }
    return is_good || err_set(err, ERR_SYNTAX, "content_type", "not a media type");
}
