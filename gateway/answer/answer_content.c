// SPDX-License-Identifier: Apache-2.0
/* Content against a grant: the gate decides and writes first, then the source is read as
 * it is now, and only the entry that was granted is answered. */
#include <string.h>

#include "gateway/answer/answer_parts.h"

/* What is asked for: an entry, of its original perhaps one part, as it stood in a list.
 */
struct asked {
    struct text key;
    struct text list;
    size_t part; /* 0 = the original itself */
    bool wants_original;
};

/* `part` and `list` come together: a number means nothing without the list that it is
 * from. Older centres name neither. */
static bool take_part(const struct json_value *body, struct asked *asked,
                      struct arena *arena, struct err *err)
{
    int64_t part = 0;
    struct text list = {0};
    if (!json_take_int_or(body, "part", 1, UPLINK_PARTS_MAX, &part, err) ||
        !json_take_text_or(body, "list", UPLINK_LIST_DIGITS, &list, err))
        return false;
    if ((part == 0) != (list.len == 0))
        return err_set(err, ERR_SYNTAX, "part_invalid", "no part of any list");
    asked->part = (size_t)part;
    return text_copy(list, arena, &asked->list, err);
}

static const struct release_permit *ask_gate(struct answer *answer,
                                             struct http_call *call, struct asked *asked,
                                             struct err *err)
{
    struct text key = {0};
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    if (!document ||
        !json_take_text(json_root(document), "key", UPLINK_KEY_BYTES_MAX, &key, err) ||
        !text_copy(key, http_arena(call), &asked->key, err) ||
        (asked->wants_original &&
         !take_part(json_root(document), asked, http_arena(call), err)))
        return NULL;
    struct release_request request = {.grant = http_header(call, "tsumugi-grant"),
                                      .entry_key = asked->key,
                                      .wants_original = asked->wants_original,
                                      .part = asked->part};
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

bool answer_say_changed(struct answer *answer, struct text path, struct err *err)
{
    struct err fault = {0};
    if (!collect_look_at(answer->config.collect, path, &fault) && answer->config.log)
        log_err(answer->config.log, "source_changed", &fault);
    return err_set(err, ERR_BUSY, "source_changed", "the source has changed since");
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
    return text_is(place->hash, hex) || answer_say_changed(answer, place->path, err);
}

/* The document and the list of what lies beside it. Nothing in that list was judged, so
 * one that changed since is shown as it is now; but a number is of the list that it came
 * with. */
static bool read_content(struct answer *answer, const struct release_permit *permit,
                         struct arena *arena, struct collect_content *content,
                         struct err *err)
{
    return read_judged(answer, permit, arena, &content->bytes, err) &&
           collect_list_beside(answer->config.collect, release_place(permit)->path, arena,
                               &content->beside, err);
}

/* Names the list: the document as it was judged, and what lies beside it. */
static void name_list(const struct index_place *place,
                      const struct collect_content *content, char digits[HASH_HEX_BYTES])
{
    uint8_t both[2 * HASH_BYTES];
    struct hash document = hash_sha256(text_span(place->hash));
    memcpy(both, document.bytes, HASH_BYTES);
    memcpy(both + HASH_BYTES, content->beside.stamp.bytes, HASH_BYTES);
    struct hash hash = hash_sha256(span_of(both, sizeof both));
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), digits);
    digits[UPLINK_LIST_DIGITS] = '\0';
}

/* A study has no file of its own: its entry is made from its files' headers, and what it
 * is made of is asked for piece by piece. */
static bool write_study_entry(struct answer *answer, const struct index_place *place,
                              struct arena *arena, struct buf *out, struct err *err)
{
    struct entry_list list = {0};
    struct json_writer writer = json_writer(out);
    if (!study_read_entry(answer->config.study, place, arena, &list, err))
        return false;
    json_open_object(&writer);
    json_key(&writer, "entry");
    entry_write(&writer, list.first);
    write_warnings(&writer, &list);
    json_close_object(&writer);
    return buf_check(out, err);
}

static bool write_entry(struct answer *answer, const struct release_permit *permit,
                        struct arena *arena, struct buf *out, struct err *err)
{
    const struct index_place *place = release_place(permit);
    struct collect_content content = {0};
    struct entry_list list = {0};
    char digits[HASH_HEX_BYTES];
    if (answer->config.study && study_is_place(place))
        return write_study_entry(answer, place, arena, out, err);
    if (!read_content(answer, permit, arena, &content, err) ||
        !collect_read_list(answer->config.collect, place->path, &content, arena, &list,
                           err))
        return false;
    const struct entry *entry = find_part(&list, place, base_of(place->entry_key));
    if (!entry)
        return err_set(err, ERR_MISSING, "not_found", "the source has changed");
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "entry");
    entry_write(&writer, entry);
    write_warnings(&writer, &list);
    name_list(place, &content, digits);
    json_put_cstr(&writer, "list", digits);
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
    struct asked asked = {0};
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_done = permit && write_entry(answer, permit, http_arena(call), &out, &err);
    if (permit)
        is_done = finish(answer, permit, is_done, out.len, &err);
    answer_send(call, &out, is_done, &err);
}

/* A file of the list that the viewer saw, or none: another list may have another file in
 * that place. */
static bool read_part(struct answer *answer, const struct release_permit *permit,
                      const struct asked *asked, struct arena *arena, struct span *bytes,
                      struct err *err)
{
    const struct index_place *place = release_place(permit);
    struct collect_content content = {0};
    char digits[HASH_HEX_BYTES];
    if (!read_content(answer, permit, arena, &content, err))
        return false;
    name_list(place, &content, digits);
    if (!text_is(asked->list, digits))
        return answer_say_changed(answer, place->path, err);
    return collect_read_part(answer->config.collect, place->path, &content, asked->part,
                             arena, bytes, err);
}

void answer_original(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct span bytes = {0};
    struct asked asked = {.wants_original = true};
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_done =
        permit && (asked.part > 0
                       ? read_part(answer, permit, &asked, http_arena(call), &bytes, &err)
                       : read_judged(answer, permit, http_arena(call), &bytes, &err));
    if (permit)
        is_done = finish(answer, permit, is_done, bytes.len, &err);
    if (is_done)
        http_answer(call, 200, "application/octet-stream", bytes);
    else
        http_answer_problem(call, &err);
}
