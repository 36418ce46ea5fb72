// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit_file.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "formats/json/json.h"

static const char *const phase_names[] = {
    [AUDIT_DECISION] = "decision",
    [AUDIT_FINISH] = "finish",
    [AUDIT_EVENT] = "event",
};

/* Members without a value are left out: one form only for one content. */
static void put_text(struct json_writer *writer, const char *key, struct text text)
{
    if (text.len > 0)
        json_put_text(writer, key, text);
}

static void put_count(struct json_writer *writer, const char *key, int64_t count)
{
    if (count != 0)
        json_put_int(writer, key, count);
}

static void put_actor(struct json_writer *writer, const struct audit_actor *actor)
{
    put_text(writer, "staff", actor->staff_id);
    put_text(writer, "name", actor->name);
    put_text(writer, "profession", actor->profession);
    put_text(writer, "role", actor->role);
    put_text(writer, "facility", actor->facility_id);
    put_text(writer, "facility_name", actor->facility_name);
    put_text(writer, "session", actor->session_hash);
    put_text(writer, "factors", actor->factors);
    put_text(writer, "certificate", actor->certificate);
    put_text(writer, "address", actor->address);
}

static void put_record(struct json_writer *writer, const struct audit_record *record)
{
    assert(record->event && record->verdict);
    json_put_cstr(writer, "phase", phase_names[record->phase]);
    json_put_cstr(writer, "event", record->event);
    json_put_cstr(writer, "verdict", record->verdict);
    if (record->reason)
        json_put_cstr(writer, "reason", record->reason);
    if (!id_is_zero(record->request))
        json_put_id(writer, "request", record->request);
    put_actor(writer, &record->actor);
    put_text(writer, "person", record->person);
    put_text(writer, "provider", record->provider);
    put_text(writer, "local_number", record->local_number);
    put_text(writer, "object", record->object);
    put_text(writer, "kind", record->kind);
    put_text(writer, "day", record->title_day);
    put_text(writer, "purpose", record->purpose);
    put_text(writer, "consent", record->consent);
    put_text(writer, "detail", record->detail);
    put_count(writer, "bytes", record->bytes);
    put_count(writer, "parts", record->number_of_parts);
}

static void put_head(struct json_writer *writer, const struct audit_line *line)
{
    char hex[AUDIT_HEX_BYTES];
    hash_to_hex(span_of(line->peer_head->hash.bytes, HASH_BYTES), hex);
    json_put_cstr(writer, "phase", "event");
    json_put_cstr(writer, "event", "head");
    json_put_cstr(writer, "verdict", "done");
    json_put_text(writer, "peer", line->peer_node);
    json_put_int(writer, "peer_number", (int64_t)line->peer_head->number);
    json_put_cstr(writer, "peer_hash", hex);
}

void audit_put_json(struct buf *out, const struct audit_line *line)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_int(&writer, "v", 1);
    json_put_cstr(&writer, "node", line->node);
    json_put_int(&writer, "n", (int64_t)line->number);
    json_put_int(&writer, "at", line->at_ms);
    json_put_int(&writer, "monotonic", line->monotonic_ms);
    if (line->peer_head)
        put_head(&writer, line);
    else
        put_record(&writer, line->record);
    json_close_object(&writer);
}

/* What stands behind "key": up to the end of the record. */
static bool find_member(struct span json, const char *key, struct span *rest)
{
    char name[40];
    int len = snprintf(name, sizeof name, "\"%s\":", key);
    assert(len > 0 && (size_t)len < sizeof name);
    const uint8_t *at = memmem(json.at, json.len, name, (size_t)len);
    if (!at)
        return false;
    *rest = span_part(json, (size_t)(at - json.at) + (size_t)len, json.len);
    return true;
}

bool audit_take_word(struct span json, const char *key, struct span *word)
{
    struct span rest;
    if (!find_member(json, key, &rest) || !span_starts(rest, "\""))
        return false;
    rest = span_part(rest, 1, rest.len);
    return span_take(&rest, '"', word) && rest.at;
}

bool audit_take_count(struct span json, const char *key, uint64_t *count)
{
    struct span rest;
    size_t len = 0;
    if (!find_member(json, key, &rest))
        return false;
    while (len < rest.len && rest.at[len] >= '0' && rest.at[len] <= '9')
        len++;
    return span_uint(span_part(rest, 0, len), INT64_MAX, count);
}

/* A text and its closing quote; the opening one is taken already. */
static bool take_string(struct span *rest, struct span *text, bool *is_escaped)
{
    const uint8_t *at = rest->at;
    const uint8_t *end = at + rest->len;
    while (at < end && *at != '"') {
        *is_escaped = *is_escaped || *at == '\\';
        at += *at == '\\' ? 2 : 1;
    }
    if (at >= end)
        return false;
    *text = span_of(rest->at, (size_t)(at - rest->at));
    *rest = span_of(at + 1, (size_t)(end - at - 1));
    return true;
}

static bool take_byte(struct span *rest, uint8_t byte)
{
    if (rest->len == 0 || *rest->at != byte)
        return false;
    *rest = span_of(rest->at + 1, rest->len - 1);
    return true;
}

/* A whole number: what stands before the next member. */
static bool take_digits(struct span *rest, struct span *number)
{
    size_t len = 0;
    while (len < rest->len && rest->at[len] != ',' && rest->at[len] != '}')
        len++;
    *number = span_of(rest->at, len);
    *rest = span_of(rest->at + len, rest->len - len);
    return len > 0;
}

bool audit_take_member(struct span *rest, struct audit_member *member)
{
    bool is_escaped = false;
    *member = (struct audit_member){.is_text = false};
    if (rest->len == 1 && take_byte(rest, '}'))
        return false;
    if (!take_byte(rest, ',') && !take_byte(rest, '{'))
        return false;
    if (!take_byte(rest, '"') || !take_string(rest, &member->key, &is_escaped) ||
        is_escaped || !take_byte(rest, ':'))
        return false;
    member->is_text = take_byte(rest, '"');
    return member->is_text ? take_string(rest, &member->value, &member->is_escaped)
                           : take_digits(rest, &member->value);
}
