// SPDX-License-Identifier: Apache-2.0
#include "formats/uplink/uplink.h"

#include <string.h>

#include "formats/uplink/uplink_words.h"

static const char *const type_ids[UPLINK_EVENT_TYPE_COUNT] = {
    [UPLINK_ENTRY_PUT] = "entry_put",
    [UPLINK_ENTRY_WITHDRAWN] = "entry_withdrawn",
    [UPLINK_NUMBER_ENDED] = "number_ended",
    [UPLINK_NUMBER_REPLACED] = "number_replaced",
    [UPLINK_NUMBER_RESTORED] = "number_restored",
    [UPLINK_NUMBER_GIVEN_AGAIN] = "number_given_again",
    [UPLINK_POLICY_CHANGED] = "policy_changed",
    [UPLINK_LINK_DECIDED] = "link_decided",
    [UPLINK_IN_STEP] = "in_step",
};

static const char *const match_ids[UPLINK_MATCH_COUNT] = {
    [UPLINK_CONFIRMED] = "confirmed",           [UPLINK_MISMATCH] = "mismatch",
    [UPLINK_UNKNOWN_NUMBER] = "unknown_number", [UPLINK_HELD] = "held",
    [UPLINK_RATE_LIMITED] = "rate_limited",
};

static const char *const reading_ids[UPLINK_READING_COUNT] = {
    [UPLINK_READ] = "read",
    [UPLINK_NOT_YET_READ] = "not_yet",
    [UPLINK_STORAGE_AWAY] = "away",
    [UPLINK_READ_FAILED] = "failed",
};

static bool find_word(const char *const *words, int count, struct text id, int *index)
{
    for (int i = 0; i < count; i++)
        if (text_is(id, words[i])) {
            *index = i;
            return true;
        }
    return false;
}

const char *uplink_event_type_id(enum uplink_event_type type)
{
    return type_ids[type];
}

bool uplink_event_type_parse(struct text id, enum uplink_event_type *type)
{
    int index = 0;
    if (!find_word(type_ids, UPLINK_EVENT_TYPE_COUNT, id, &index))
        return false;
    *type = (enum uplink_event_type)index;
    return true;
}

const char *uplink_reading_id(enum uplink_reading reading)
{
    return reading_ids[reading];
}

const char *uplink_match_id(enum uplink_match match)
{
    return match_ids[match];
}

bool uplink_match_parse(struct text id, enum uplink_match *match)
{
    int index = 0;
    if (!find_word(match_ids, UPLINK_MATCH_COUNT, id, &index))
        return false;
    *match = (enum uplink_match)index;
    return true;
}

static bool unknown_word(struct err *err, const char *key)
{
    return err_set(err, ERR_SYNTAX, "uplink_word", "member %s has an unknown word", key);
}

static bool take_hash(const struct json_value *value, const char *key,
                      uint8_t hash[HASH_BYTES], struct err *err)
{
    struct text hex = {0};
    if (!json_take_text(value, key, 2 * HASH_BYTES, &hex, err))
        return false;
    return hash_from_hex(text_span(hex), hash, HASH_BYTES) || unknown_word(err, key);
}

/* Absent or null = DAY_NONE. */
static bool take_day(const struct json_value *value, const char *key, int32_t *day,
                     struct err *err)
{
    struct text iso = {0};
    *day = DAY_NONE;
    if (!json_take_text_or(value, key, 10, &iso, err))
        return false;
    if (iso.len == 0)
        return true;
    *day = day_from_iso(text_span(iso));
    return *day != DAY_NONE || unknown_word(err, key);
}

static bool take_epoch(const struct json_value *value, struct text *epoch,
                       struct err *err)
{
    struct id id;
    return json_take_text(value, "epoch", 2 * ID_BYTES, epoch, err) &&
           id_parse(text_span(*epoch), &id, err);
}

bool uplink_read_head(const struct json_value *value, struct uplink_head *head,
                      struct err *err)
{
    return json_take_text(value, "node", 32, &head->node, err) &&
           json_take_int(value, "number", 0, INT64_MAX, &head->number, err) &&
           json_take_int_or(value, "clock", 0, INT64_MAX, &head->clock_ms, err) &&
           take_hash(value, "hash", head->hash, err);
}

static bool take_head(const struct json_value *value, struct uplink_head *head,
                      struct err *err)
{
    const struct json_value *inner = NULL;
    return json_take_object(value, "head", &inner, err) &&
           uplink_read_head(inner, head, err);
}

bool uplink_read_hello(const struct json_value *value, struct uplink_hello *hello,
                       struct err *err)
{
    return json_take_int(value, "protocol_min", 1, INT32_MAX, &hello->protocol_min,
                         err) &&
           json_take_int(value, "protocol_max", 1, INT32_MAX, &hello->protocol_max,
                         err) &&
           json_take_text(value, "node", 32, &hello->node, err) &&
           json_take_id(value, "tunnel", &hello->tunnel, err) &&
           take_head(value, &hello->head, err);
}

enum { DAY_S = 86400 };

bool uplink_standing_equal(const struct uplink_standing *a,
                           const struct uplink_standing *b)
{
    return a->reading == b->reading && a->since_ms == b->since_ms &&
           a->polled_s == b->polled_s;
}

bool uplink_take_standing(const struct json_value *answer,
                          struct uplink_standing *standing, struct err *err)
{
    enum { WORD_BYTES_MAX = 32 };
    int reading = UPLINK_READ;
    struct text word = text_cstr(reading_ids[UPLINK_READ]);
    const struct json_value *value = json_member(answer, "standing");
    standing->reading = UPLINK_READ;
    standing->since_ms = 0;
    if (!value)
        return true;
    if (!json_take_text(value, "reading", WORD_BYTES_MAX, &word, err) ||
        !json_take_int(value, "since", 0, INT64_MAX, &standing->since_ms, err) ||
        !json_take_int(value, "polled_s", 0, DAY_S, &standing->polled_s, err))
        return false;
    bool is_known = find_word(reading_ids, UPLINK_READING_COUNT, word, &reading);
    standing->reading = is_known ? (enum uplink_reading)reading : UPLINK_READ_FAILED;
    return true;
}

bool uplink_read_welcome(const struct json_value *value, struct uplink_welcome *welcome,
                         struct err *err)
{
    struct uplink_standing *standing = &welcome->standing;
    standing->polled_s = 0; /* gateways of before say nothing, of their clock neither */
    welcome->clock_ms = 0;
    return json_take_int(value, "protocol", 1, INT32_MAX, &welcome->protocol, err) &&
           json_take_int_or(value, "polled_s", 0, DAY_S, &standing->polled_s, err) &&
           uplink_take_standing(value, standing, err) &&
           json_take_int_or(value, "clock", 0, INT64_MAX, &welcome->clock_ms, err) &&
           json_take_text(value, "facility_code", 10, &welcome->facility_code, err) &&
           json_take_text(value, "node", 32, &welcome->node, err) &&
           take_epoch(value, &welcome->epoch, err) &&
           json_take_text(value, "software", 64, &welcome->software, err) &&
           json_take_text(value, "policy", UPLINK_POLICY_BYTES_MAX, &welcome->policy,
                          err) &&
           take_head(value, &welcome->head, err);
}

bool uplink_agree(const struct uplink_hello *hello, int64_t *protocol, struct err *err)
{
    int64_t highest = hello->protocol_max < UPLINK_PROTOCOL_MAX ? hello->protocol_max
                                                                : UPLINK_PROTOCOL_MAX;
    if (highest < hello->protocol_min || highest < UPLINK_PROTOCOL_MIN)
        return err_set(err, ERR_CONFLICT, "protocol_unknown", "no common protocol");
    *protocol = highest;
    return true;
}

static bool take_kind(const struct json_value *value, enum entry_kind *kind,
                      struct err *err)
{
    struct text id = {0};
    return json_take_text(value, "kind", 32, &id, err) &&
           (entry_kind_parse(id, kind) || unknown_word(err, "kind"));
}

static bool take_state(const struct json_value *value, enum entry_state *state,
                       struct err *err)
{
    struct text id = {0};
    if (!json_take_text(value, "state", 32, &id, err))
        return false;
    for (int i = 0; i < ENTRY_STATE_COUNT; i++)
        if (text_is(id, entry_state_id((enum entry_state)i))) {
            *state = (enum entry_state)i;
            return true;
        }
    return unknown_word(err, "state");
}

static bool take_entry_texts(const struct json_value *value, struct uplink_put *put,
                             struct err *err)
{
    return json_take_text(value, "title", UPLINK_TITLE_BYTES_MAX, &put->title, err) &&
           json_take_text(value, "department_code", UPLINK_NAME_BYTES_MAX,
                          &put->department_code, err) &&
           json_take_text(value, "department", UPLINK_NAME_BYTES_MAX, &put->department,
                          err) &&
           json_take_text(value, "author", UPLINK_NAME_BYTES_MAX, &put->author, err) &&
           json_take_text(value, "time", 32, &put->time, err) &&
           json_take_text(value, "order_number", 64, &put->order_number, err);
}

static bool take_put(const struct json_value *value, struct uplink_put *put,
                     struct err *err)
{
    int64_t flags = 0;
    if (!json_take_text(value, "version", UPLINK_VERSION_BYTES, &put->version, err) ||
        !take_kind(value, &put->kind, err) || !take_state(value, &put->state, err) ||
        !json_take_int(value, "flags", 0, INT32_MAX, &flags, err) ||
        !take_day(value, "day", &put->day, err) ||
        !take_day(value, "end_day", &put->end_day, err) ||
        !json_take_bool(value, "is_open", &put->is_open, err) ||
        !json_take_int(value, "visible_from", 0, INT64_MAX, &put->visible_from_ms, err))
        return false;
    if (put->version.len != UPLINK_VERSION_BYTES)
        return unknown_word(err, "version");
    put->flags = (unsigned)flags;
    return take_entry_texts(value, put, err);
}

bool uplink_read_sum(const struct json_value *value, struct uplink_sum *sum,
                     struct err *err)
{
    return json_take_id(value, "record", &sum->record, err) &&
           take_epoch(value, &sum->epoch, err) &&
           json_take_int(value, "revision", 0, INT64_MAX, &sum->revision, err) &&
           json_take_int(value, "count", 0, INT64_MAX, &sum->count, err) &&
           take_hash(value, "digest", sum->digest, err);
}

static bool take_match(const struct json_value *value, enum uplink_match *match,
                       struct err *err)
{
    struct text id = {0};
    return json_take_text(value, "result", 32, &id, err) &&
           (uplink_match_parse(id, match) || unknown_word(err, "result"));
}

static bool take_key(const struct json_value *value, struct uplink_event *event,
                     struct err *err)
{
    return json_take_id(value, "record", &event->record, err) &&
           json_take_text(value, "key", UPLINK_KEY_BYTES_MAX, &event->key, err);
}

static bool take_number(const struct json_value *value, const char *key,
                        struct text *number, struct err *err)
{
    return json_take_text(value, key, UPLINK_NUMBER_BYTES_MAX, number, err);
}

/* Which link is meant; gateways before this member say the number alone. */
static bool take_named_record(const struct json_value *value, struct uplink_event *event,
                              struct err *err)
{
    return !json_member(value, "record") ||
           json_take_id(value, "record", &event->record, err);
}

static bool take_event(const struct json_value *value, struct uplink_event *event,
                       struct err *err)
{
    struct text type = {0};
    if (!json_take_text(value, "type", 32, &type, err))
        return false;
    if (!uplink_event_type_parse(type, &event->type))
        return unknown_word(err, "type");
    switch (event->type) {
    case UPLINK_ENTRY_PUT:
        return take_key(value, event, err) && take_put(value, &event->put, err);
    case UPLINK_ENTRY_WITHDRAWN:
        return take_key(value, event, err);
    case UPLINK_NUMBER_REPLACED:
        return take_named_record(value, event, err) &&
               take_number(value, "number", &event->number, err) &&
               take_number(value, "new_number", &event->new_number, err);
    case UPLINK_NUMBER_ENDED:
    case UPLINK_NUMBER_RESTORED:
    case UPLINK_NUMBER_GIVEN_AGAIN:
        return take_named_record(value, event, err) &&
               take_number(value, "number", &event->number, err);
    case UPLINK_POLICY_CHANGED:
        return json_take_text(value, "policy", UPLINK_POLICY_BYTES_MAX, &event->policy,
                              err);
    case UPLINK_LINK_DECIDED:
        return json_take_id(value, "record", &event->record, err) &&
               take_match(value, &event->match, err);
    case UPLINK_IN_STEP:
        return uplink_read_sum(value, &event->sum, err);
    case UPLINK_EVENT_TYPE_COUNT:
        break;
    }
    return false;
}

bool uplink_read_event(const struct json_value *value, struct uplink_event *event,
                       bool *is_understood, struct err *err)
{
    struct err fault = {0};
    *event = (struct uplink_event){0};
    if (!json_take_int(value, "sequence", 1, INT64_MAX, &event->sequence, err))
        return false;
    *is_understood = take_event(value, event, &fault);
    return true;
}

bool uplink_read_answers(const struct json_value *value, struct arena *arena,
                         struct uplink_answers *answers, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(value, "answers", UPLINK_EVENTS_MAX, &array, err))
        return false;
    answers->count = json_count(array);
    answers->sequences = ARENA_MANY(arena, int64_t, answers->count, err);
    if (!answers->sequences)
        return false;
    answers->codes = ARENA_MANY(arena, struct text, answers->count, err);
    if (!answers->codes)
        return false;
    for (size_t i = 0; i < answers->count; i++) {
        const struct json_value *item = json_item(array, i);
        struct text result = {0};
        if (!json_take_int(item, "sequence", 1, INT64_MAX, &answers->sequences[i], err) ||
            !json_take_text(item, "result", 16, &result, err))
            return false;
        if (text_is(result, "stored"))
            continue;
        if (!text_is(result, "rejected"))
            return unknown_word(err, "result");
        if (!json_take_text(item, "code", 64, &answers->codes[i], err))
            return false;
        if (answers->codes[i].len == 0)
            return unknown_word(err, "code");
    }
    return true;
}

bool uplink_read_link(const struct json_value *value, struct uplink_link *link,
                      struct err *err)
{
    struct text sex = {0};
    if (!json_take_id(value, "record", &link->record, err) ||
        !json_take_text(value, "number", UPLINK_NUMBER_BYTES_MAX, &link->number, err) ||
        !json_take_text(value, "name", UPLINK_NAME_BYTES_MAX, &link->name, err) ||
        !json_take_text(value, "kana", UPLINK_NAME_BYTES_MAX, &link->kana, err) ||
        !take_day(value, "birth_date", &link->birth_day, err) ||
        !json_take_text(value, "sex", 1, &sex, err))
        return false;
    if (sex.len != 1 || !strchr("MFOU", sex.at[0]))
        return unknown_word(err, "sex");
    link->sex = sex.at[0];
    return true;
}

bool uplink_read_snapshot(const struct json_value *value, struct arena *arena,
                          struct uplink_snapshot *snapshot, struct err *err)
{
    const struct json_value *array = NULL;
    if (!uplink_read_sum(value, &snapshot->sum, err) ||
        !json_take_array(value, "keys", UPLINK_KEYS_MAX, &array, err) ||
        !json_take_text(value, "next", UPLINK_KEY_BYTES_MAX, &snapshot->next, err))
        return false;
    snapshot->count = json_count(array);
    snapshot->keys = ARENA_MANY(arena, struct text, snapshot->count, err);
    if (!snapshot->keys)
        return false;
    snapshot->versions = ARENA_MANY(arena, struct text, snapshot->count, err);
    if (!snapshot->versions)
        return false;
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct json_value *item = json_item(array, i);
        if (!json_take_text(item, "key", UPLINK_KEY_BYTES_MAX, &snapshot->keys[i], err) ||
            !json_take_text(item, "version", UPLINK_VERSION_BYTES, &snapshot->versions[i],
                            err))
            return false;
        if (i > 0 && text_compare(snapshot->keys[i - 1], snapshot->keys[i]) >= 0)
            return err_set(err, ERR_SYNTAX, "uplink_order", "keys are not in order");
    }
    return true;
}

void uplink_digest_add(uint8_t digest[HASH_BYTES], struct text key, struct text version)
{
    uint8_t bytes[UPLINK_KEY_BYTES_MAX + 1 + UPLINK_VERSION_BYTES + 1];
    size_t key_len = key.len < UPLINK_KEY_BYTES_MAX ? key.len : UPLINK_KEY_BYTES_MAX;
    size_t version_len =
        version.len < UPLINK_VERSION_BYTES ? version.len : UPLINK_VERSION_BYTES;
    if (key_len)
        memcpy(bytes, key.at, key_len);
    bytes[key_len] = '\n';
    if (version_len)
        memcpy(bytes + key_len + 1, version.at, version_len);
    struct hash hash = hash_sha256(span_of(bytes, key_len + 1 + version_len));
    for (size_t i = 0; i < HASH_BYTES; i++)
        digest[i] ^= hash.bytes[i];
}
