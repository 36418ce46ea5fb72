// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "wire/http/call.h"

static const char path_punctuation[] = "-._~!$&'()*+,;=:@%/";
/* what browsers leave as it is in a query (URL standard, query percent-encode set) */
static const char query_punctuation[] = "-._~!$&'()*+,;=:@%/?[]{}|^`\\";

static bool is_allowed(struct span bytes, const char *punctuation)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.at[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (c == 0 || !strchr(punctuation, c)))
            return false;
    }
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes into `out` of at least in.len bytes; a control character is refused, however
 * it is written. */
static bool decode(struct span in, bool plus_is_space, uint8_t *out, struct span *decoded)
{
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.at[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_digit(in.at[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_digit(in.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7F)
            return false;
        out[len++] = c;
    }
    *decoded = span_of(out, len);
    return true;
}

/* Dots and slashes, written plainly or in percents, would mean another path to whoever
 * decodes once more. */
static bool is_plain_segment(struct span segment)
{
    if (span_is(segment, ".") || span_is(segment, ".."))
        return false;
    return segment.len == 0 || (!memchr(segment.at, '/', segment.len) &&
                                !memchr(segment.at, '\\', segment.len));
}

static bool parse_path(struct http_target *target, uint8_t *room, struct err *err)
{
    struct span rest = span_part(target->path, 1, target->path.len);
    struct span raw, segment;
    while (span_take(&rest, '/', &raw)) {
        if (target->segment_count == HTTP_SEGMENTS_MAX ||
            !decode(raw, false, room, &segment) || !is_plain_segment(segment) ||
            (segment.len == 0 && rest.at != NULL))
            return err_set(err, ERR_SYNTAX, "path_invalid", "path of a request");
        target->segments[target->segment_count++] = segment;
        room += raw.len;
    }
    return true;
}

static bool parse_query(struct span query, struct arena *arena, uint8_t *room,
                        struct http_target *target, struct err *err)
{
    target->queries = ARENA_MANY(arena, struct http_query_pair, HTTP_QUERIES_MAX, err);
    if (!target->queries)
        return false;
    struct span raw;
    while (span_take(&query, '&', &raw)) {
        if (raw.len == 0)
            continue;
        struct span value = raw, name;
        struct http_query_pair *pair = &target->queries[target->query_count];
        if (target->query_count == HTTP_QUERIES_MAX || !span_take(&value, '=', &name) ||
            !decode(name, true, room, &pair->name) ||
            !decode(value, true, room + name.len, &pair->value))
            return err_set(err, ERR_SYNTAX, "query_invalid", "query of a request");
        target->query_count++;
        room += raw.len;
    }
    return true;
}

bool http_target_parse(struct span target, struct arena *arena,
                       struct http_target *parsed, struct err *err)
{
    *parsed = (struct http_target){0};
    if (target.len > HTTP_TARGET_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "target_too_long", "target of a request");
    struct span query, path;
    if (!arena_copy(arena, target, &target, err))
        return false;
    query = target;
    if (!span_take(&query, '?', &path) || path.len == 0 || path.at[0] != '/' ||
        !is_allowed(path, path_punctuation))
        return err_set(err, ERR_SYNTAX, "path_invalid", "path of a request");
    if (!is_allowed(query, query_punctuation))
        return err_set(err, ERR_SYNTAX, "query_invalid", "query of a request");
    parsed->path = path;
    uint8_t *room = arena_take(arena, target.len + 1, 1, err);
    return room && parse_path(parsed, room, err) &&
           (query.len == 0 || parse_query(query, arena, room + path.len, parsed, err));
}
