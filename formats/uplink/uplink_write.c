// SPDX-License-Identifier: Apache-2.0
#include "formats/uplink/uplink.h"

#include "formats/uplink/uplink_words.h"

static void put_hash(struct json_writer *writer, const char *key,
                     const uint8_t hash[HASH_BYTES])
{
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_of(hash, HASH_BYTES), hex);
    json_put_cstr(writer, key, hex);
}

void uplink_write_head(struct json_writer *writer, const struct uplink_head *head)
{
    json_open_object(writer);
    json_put_text(writer, "node", head->node);
    json_put_int(writer, "number", head->number);
    put_hash(writer, "hash", head->hash);
    if (head->clock_ms > 0)
        json_put_int(writer, "clock", head->clock_ms);
    json_close_object(writer);
}

void uplink_write_hello(struct json_writer *writer, const struct uplink_hello *hello)
{
    json_open_object(writer);
    json_put_int(writer, "protocol_min", hello->protocol_min);
    json_put_int(writer, "protocol_max", hello->protocol_max);
    json_put_text(writer, "node", hello->node);
    json_put_id(writer, "tunnel", hello->tunnel);
    json_key(writer, "head");
    uplink_write_head(writer, &hello->head);
    json_close_object(writer);
}

void uplink_put_standing(struct json_writer *writer,
                         const struct uplink_standing *standing)
{
    json_key(writer, "standing");
    json_open_object(writer);
    json_put_cstr(writer, "reading", uplink_reading_id(standing->reading));
    json_put_int(writer, "since", standing->since_ms);
    json_put_int(writer, "polled_s", standing->polled_s);
    json_close_object(writer);
}

void uplink_write_welcome(struct json_writer *writer,
                          const struct uplink_welcome *welcome)
{
    json_open_object(writer);
    json_put_int(writer, "protocol", welcome->protocol);
    json_put_text(writer, "facility_code", welcome->facility_code);
    json_put_text(writer, "node", welcome->node);
    json_put_text(writer, "epoch", welcome->epoch);
    json_put_text(writer, "software", welcome->software);
    json_put_text(writer, "policy", welcome->policy);
    /* Centres of before know it by itself alone. */
    json_put_int(writer, "polled_s", welcome->standing.polled_s);
    uplink_put_standing(writer, &welcome->standing);
    if (welcome->clock_ms > 0)
        json_put_int(writer, "clock", welcome->clock_ms);
    json_key(writer, "head");
    uplink_write_head(writer, &welcome->head);
    json_close_object(writer);
}

static void put_entry(struct json_writer *writer, const struct uplink_put *put)
{
    json_put_text(writer, "version", put->version);
    json_put_cstr(writer, "kind", entry_kind_id(put->kind));
    json_put_cstr(writer, "state", entry_state_id(put->state));
    json_put_int(writer, "flags", put->flags);
    json_put_day(writer, "day", put->day);
    json_put_day(writer, "end_day", put->end_day);
    json_put_bool(writer, "is_open", put->is_open);
    json_put_text(writer, "title", put->title);
    json_put_text(writer, "department_code", put->department_code);
    json_put_text(writer, "department", put->department);
    json_put_text(writer, "author", put->author);
    json_put_text(writer, "time", put->time);
    json_put_text(writer, "order_number", put->order_number);
    json_put_int(writer, "visible_from", put->visible_from_ms);
}

static void put_sum(struct json_writer *writer, const struct uplink_sum *sum)
{
    json_put_id(writer, "record", sum->record);
    json_put_text(writer, "epoch", sum->epoch);
    json_put_int(writer, "revision", sum->revision);
    json_put_int(writer, "count", sum->count);
    put_hash(writer, "digest", sum->digest);
}

static void put_numbers(struct json_writer *writer, const struct uplink_event *event)
{
    if (event->type == UPLINK_NUMBER_REPLACED)
        json_put_text(writer, "new_number", event->new_number);
    json_put_text(writer, "number", event->number);
    if (!id_is_zero(event->record))
        json_put_id(writer, "record", event->record);
}

void uplink_write_event(struct json_writer *writer, const struct uplink_event *event)
{
    json_open_object(writer);
    json_put_int(writer, "sequence", event->sequence);
    json_put_cstr(writer, "type", uplink_event_type_id(event->type));
    switch (event->type) {
    case UPLINK_ENTRY_PUT:
        json_put_id(writer, "record", event->record);
        json_put_text(writer, "key", event->key);
        put_entry(writer, &event->put);
        break;
    case UPLINK_ENTRY_WITHDRAWN:
        json_put_id(writer, "record", event->record);
        json_put_text(writer, "key", event->key);
        break;
    case UPLINK_NUMBER_REPLACED:
    case UPLINK_NUMBER_ENDED:
    case UPLINK_NUMBER_RESTORED:
    case UPLINK_NUMBER_GIVEN_AGAIN:
        put_numbers(writer, event);
        break;
    case UPLINK_POLICY_CHANGED:
        json_put_text(writer, "policy", event->policy);
        break;
    case UPLINK_LINK_DECIDED:
        json_put_id(writer, "record", event->record);
        json_put_cstr(writer, "result", uplink_match_id(event->match));
        break;
    case UPLINK_IN_STEP:
        put_sum(writer, &event->sum);
        break;
    case UPLINK_EVENT_TYPE_COUNT:
        break;
    }
    json_close_object(writer);
}

void uplink_write_answers(struct json_writer *writer, const struct uplink_answer *answers,
                          size_t count)
{
    json_open_object(writer);
    json_key(writer, "answers");
    json_open_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_open_object(writer);
        json_put_int(writer, "sequence", answers[i].sequence);
        json_put_cstr(writer, "result", answers[i].rejected ? "rejected" : "stored");
        if (answers[i].rejected)
            json_put_cstr(writer, "code", answers[i].rejected);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_close_object(writer);
}

void uplink_write_link(struct json_writer *writer, const struct uplink_link *link)
{
    char sex[2] = {link->sex, '\0'};
    json_open_object(writer);
    json_put_id(writer, "record", link->record);
    json_put_text(writer, "number", link->number);
    json_put_text(writer, "name", link->name);
    json_put_text(writer, "kana", link->kana);
    json_put_day(writer, "birth_date", link->birth_day);
    json_put_cstr(writer, "sex", sex);
    json_close_object(writer);
}

void uplink_write_sum(struct json_writer *writer, const struct uplink_sum *sum)
{
    json_open_object(writer);
    put_sum(writer, sum);
    json_close_object(writer);
}

void uplink_write_snapshot(struct json_writer *writer,
                           const struct uplink_snapshot *snapshot)
{
    json_open_object(writer);
    put_sum(writer, &snapshot->sum);
    json_key(writer, "keys");
    json_open_array(writer);
    for (size_t i = 0; i < snapshot->count; i++) {
        json_open_object(writer);
        json_put_text(writer, "key", snapshot->keys[i]);
        json_put_text(writer, "version", snapshot->versions[i]);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_put_text(writer, "next", snapshot->next);
    json_close_object(writer);
}
