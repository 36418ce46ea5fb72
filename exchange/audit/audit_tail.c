// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit_tail.h"

#include <string.h>

#include "base/memory.h"
#include "formats/json/json.h"

enum { BUCKETS = 4096, CLOSING_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 4096 };

/* A permit that somebody got, with its record. */
struct audit_open_decision {
    struct id request;
    struct hash event;
    struct audit_open_decision *next; /* in its bucket */
    struct audit_open_decision *older;
    struct audit_open_decision *newer;
    size_t len;
    uint8_t json[];
};

static struct audit_open_decision **bucket_of(struct audit_tail *tail, struct id request)
{
    size_t index = (size_t)request.bytes[0] << 8 | request.bytes[1];
    return &tail->buckets[index % BUCKETS];
}

static struct audit_open_decision **find(struct audit_tail *tail, struct id request,
                                         const struct hash *event)
{
    struct audit_open_decision **at = bucket_of(tail, request);
    while (*at &&
           (!id_equal((*at)->request, request) || !hash_equal(&(*at)->event, event)))
        at = &(*at)->next;
    return at;
}

static bool add(struct audit_tail *tail, struct id request, const struct hash *event,
                struct span json, struct err *err)
{
    struct audit_open_decision *decision =
        memory_new(1, sizeof *decision + json.len, err);
    if (!decision)
        return false;
    struct audit_open_decision **bucket = bucket_of(tail, request);
    decision->request = request;
    decision->event = *event;
    decision->len = json.len;
    memcpy(decision->json, json.at, json.len);
    decision->next = *bucket;
    *bucket = decision;
    decision->older = tail->decisions;
    if (tail->decisions)
        tail->decisions->newer = decision;
    tail->decisions = decision;
    return true;
}

static void finish(struct audit_tail *tail, struct audit_open_decision **at)
{
    struct audit_open_decision *decision = *at;
    *at = decision->next;
    if (decision->newer)
        decision->newer->older = decision->older;
    else
        tail->decisions = decision->older;
    if (decision->older)
        decision->older->newer = decision->newer;
    memory_free(decision);
}

static void forget_all(struct audit_tail *tail)
{
    while (tail->decisions) {
        struct audit_open_decision *decision = tail->decisions;
        tail->decisions = decision->older;
        memory_free(decision);
    }
    if (tail->buckets)
        memset(tail->buckets, 0, BUCKETS * sizeof(struct audit_open_decision *));
}

void audit_tail_free(struct audit_tail *tail)
{
    forget_all(tail);
    audit_heads_free(&tail->heads);
    memory_free(tail->buckets);
    tail->buckets = NULL;
}

/* Keeps account of permits and their ends. */
static bool note(struct audit_tail *tail, struct span json, struct err *err)
{
    struct span phase;
    struct span event;
    struct span verdict;
    struct span hex;
    struct id request = {0};
    if (!audit_take_word(json, "phase", &phase) ||
        !audit_take_word(json, "event", &event) ||
        !audit_take_word(json, "verdict", &verdict))
        return err_set(err, ERR_SYSTEM, "audit_broken", "a record without a phase");
    if (span_is(phase, "event") && span_is(event, AUDIT_START_EVENT)) {
        forget_all(tail);
        tail->has_start = true;
    }
    if (!audit_heads_see(&tail->heads, json, err))
        return false;
    if (!audit_take_word(json, "request", &hex) ||
        !hash_from_hex(hex, request.bytes, ID_BYTES))
        return true; /* nothing that could be tied to another record */
    struct hash key = hash_sha256(event);
    if (span_is(phase, "decision") && span_is(verdict, "permit"))
        return add(tail, request, &key, json, err);
    struct audit_open_decision **at = find(tail, request, &key);
    if (span_is(phase, "finish") && *at)
        finish(tail, at);
    return true;
}

static bool read_from(struct audit_tail *tail, struct audit_reader *reader, size_t index,
                      struct err *err)
{
    enum audit_read result = AUDIT_READ_RECORD;
    forget_all(tail);
    if (!audit_reader_start(reader, index, err))
        return false;
    while (result == AUDIT_READ_RECORD) {
        result = audit_reader_next(reader, err);
        if (result == AUDIT_READ_RECORD && !note(tail, reader->json, err))
            return false;
    }
    if (result == AUDIT_READ_BAD)
        return err_set(err, ERR_SYSTEM, "audit_broken", "record %llu: %s",
                       (unsigned long long)reader->last.number + 1, reader->fault);
    tail->has_piece = result == AUDIT_READ_CUT;
    return result != AUDIT_READ_FAILED;
}

bool audit_tail_read(struct audit_tail *tail, int directory, const char *node,
                     struct err *err)
{
    CLEANUP(audit_reader_close) struct audit_reader reader;
    bool is_good = audit_reader_open(&reader, directory, node, err);
    if (is_good)
        tail->buckets = memory_new(BUCKETS, sizeof(struct audit_open_decision *), err);
    is_good = is_good && tail->buckets != NULL;
    size_t index = reader.month_count;
    while (is_good && index > 0 && !tail->has_start) {
        index--;
        is_good = read_from(tail, &reader, index, err);
    }
    if (!is_good || reader.month_count == 0)
        return is_good;
    tail->last = reader.last;
    tail->month = reader.months[reader.month_count - 1];
    tail->file_bytes = reader.offset;
    return true;
}

/* ---- closing ---- */

struct member {
    const char *key;
    struct text *text;
};

static bool take_texts(const struct json_value *root, struct audit_record *record,
                       struct err *err)
{
    struct audit_actor *actor = &record->actor;
    const struct member members[] = {
        {"staff", &actor->staff_id},        {"name", &actor->name},
        {"profession", &actor->profession}, {"role", &actor->role},
        {"facility", &actor->facility_id},  {"facility_name", &actor->facility_name},
        {"session", &actor->session_hash},  {"person", &record->person},
        {"provider", &record->provider},    {"local_number", &record->local_number},
        {"object", &record->object},        {"kind", &record->kind},
        {"day", &record->title_day},        {"purpose", &record->purpose},
        {"consent", &record->consent},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (!json_take_text_or(root, members[i].key, AUDIT_RECORD_BYTES_MAX,
                               members[i].text, err))
            return false;
    return true;
}

static bool close_one(const struct audit_open_decision *decision,
                      audit_tail_append *append, void *context, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(CLOSING_BYTES_MAX);
    CLEANUP(json_free_at)
    struct json_document *document =
        json_parse(span_of(decision->json, decision->len), err);
    if (!document)
        return false;
    struct audit_record record = {.phase = AUDIT_FINISH, .verdict = "unknown"};
    const struct json_value *root = json_root(document);
    struct text event;
    if (!json_take_text(root, "event", TEXT_BYTES_MAX, &event, err))
        return false;
    record.event = text_to_cstr(event, &arena, err);
    record.request = decision->request;
    return record.event && take_texts(root, &record, err) &&
           append(context, &record, err);
}

bool audit_tail_close_decisions(struct audit_tail *tail, audit_tail_append *append,
                                void *context, struct err *err)
{
    struct audit_open_decision *decision = tail->decisions;
    while (decision && decision->older)
        decision = decision->older;
    for (; decision; decision = decision->newer)
        if (!close_one(decision, append, context, err))
            return false;
    return true;
}
