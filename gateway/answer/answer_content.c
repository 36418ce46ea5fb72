// SPDX-License-Identifier: Apache-2.0
/* Content against a grant: the gate decides and writes first, then the source is read as
 * it is now, and only the entry that was granted is answered. */
#include <string.h>

#include "gateway/answer/answer_parts.h"

static const struct release_permit *ask_gate(struct answer *answer,
                                             struct http_call *call, bool wants_original,
                                             struct err *err)
{
    struct text key = {0};
    struct text kept = {0};
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    if (!document ||
        !json_take_text(json_root(document), "key", UPLINK_KEY_BYTES_MAX, &key, err) ||
        !text_copy(key, http_arena(call), &kept, err))
        return NULL;
    struct release_request request = {.grant = http_header(call, "tsumugi-grant"),
                                      .entry_key = kept,
                                      .wants_original = wants_original};
    return release_decide(answer->config.release, &request, http_arena(call), err);
}

static const struct entry *find_part(const struct entry_list *list,
                                     const struct index_place *place, struct text base)
{
    struct text part = {0};
    if (place->entry_key.len > base.len)
        part = (struct text){place->entry_key.at + base.len + 1,
                             place->entry_key.len - base.len - 1};
    for (const struct entry *entry = list->first; entry; entry = entry->next)
        if (text_equal(entry->part, part))
            return entry;
    return NULL;
}

/* "day/type/key": the first three parts of an entry key. */
static struct text base_of(struct text key)
{
    size_t slashes = 0;
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] == '/' && ++slashes == 3)
            return (struct text){key.at, i};
    return key;
}

static void write_warnings(struct json_writer *writer, const struct entry_list *list)
{
    json_key(writer, "warnings");
    json_open_array(writer);
    for (const struct entry_warning *one = list->warnings; one; one = one->next) {
        json_open_object(writer);
        json_put_cstr(writer, "code", one->code);
        json_put_text(writer, "text", one->text);
        json_close_object(writer);
    }
    json_close_array(writer);
}

/* The bytes that were judged when they were indexed, and no others: what changed since
 * may hold other kinds, or another patient. It is read again, and asked for again. */
static bool read_judged(struct answer *answer, const struct release_permit *permit,
                        struct arena *arena, struct span *bytes, struct err *err)
{
    char hex[HASH_HEX_BYTES];
    const struct index_place *place = release_place(permit);
    if (!collect_read_source(answer->config.collect, place->path, arena, bytes, err))
        return false;
    struct hash hash = hash_sha256(*bytes);
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
    if (text_is(place->hash, hex))
        return true;
    struct err fault = {0};
    if (!collect_look_at(answer->config.collect, place->path, &fault) &&
        answer->config.log)
        log_err(answer->config.log, "source_changed", &fault);
    return err_set(err, ERR_BUSY, "source_changed", "the source has changed since");
}

static bool write_entry(struct answer *answer, const struct release_permit *permit,
                        struct arena *arena, struct buf *out, struct err *err)
{
    const struct index_place *place = release_place(permit);
    struct span bytes = {0};
    struct entry_list list = {0};
    if (!read_judged(answer, permit, arena, &bytes, err) ||
        !collect_read_list(answer->config.collect, place->path, bytes, arena, &list, err))
        return false;
    const struct entry *entry = find_part(&list, place, base_of(place->entry_key));
    if (!entry)
        return err_set(err, ERR_MISSING, "not_found", "the source has changed");
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "entry");
    entry_write(&writer, entry);
    write_warnings(&writer, &list);
    json_close_object(&writer);
    return buf_check(out, err);
}

/* The finish row comes before the last byte: without it nothing is answered. */
static bool finish(struct answer *answer, const struct release_permit *permit,
                   bool is_done, size_t bytes, struct err *err)
{
    struct err fault = {0};
    bool is_written =
        release_finish(answer->config.release, permit, is_done ? "done" : "failed",
                       is_done ? (int64_t)bytes : 0, &fault);
    if (!is_done)
        return false;
    if (!is_written)
        *err = fault;
    return is_written;
}

void answer_content(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    const struct release_permit *permit = ask_gate(answer, call, false, &err);
    bool is_done = permit && write_entry(answer, permit, http_arena(call), &out, &err);
    if (permit)
        is_done = finish(answer, permit, is_done, out.len, &err);
    answer_send(call, &out, is_done, &err);
}

void answer_original(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct span bytes = {0};
    const struct release_permit *permit = ask_gate(answer, call, true, &err);
    bool is_done = permit && read_judged(answer, permit, http_arena(call), &bytes, &err);
    if (permit)
        is_done = finish(answer, permit, is_done, bytes.len, &err);
    if (is_done)
        http_answer(call, 200, "application/octet-stream", bytes);
    else
        http_answer_problem(call, &err);
}
