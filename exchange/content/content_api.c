// SPDX-License-Identifier: Apache-2.0
/* Routes: openEntry, getContent, getOriginal. */
#include <string.h>

#include "exchange/content/content_parts.h"
#include "wire/http/http.h"

enum { HEAD_BYTES_MAX = 64 * 1024 };

/* ---- openEntry ---- */

static void put_neighbour(struct json_writer *writer, const char *key, struct id entry)
{
    if (id_is_zero(entry))
        json_put_null(writer, key);
    else
        json_put_id(writer, key, entry);
}

static bool answer_opened(struct content_service *service, struct http_call *call,
                          struct opening *opening, struct err *err)
{
    struct content_head head = {0};
    if (!content_read_head(service->config.store, opening_permit(opening),
                           opening_object(opening), http_arena(call), &head, err))
        return false;
    CLEANUP(buf_free) struct buf out = buf_init(HEAD_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_id(&writer, "opening", opening_handle(opening));
    json_key(&writer, "entry");
    registry_write_entry(&writer, &head.entry);
    put_neighbour(&writer, "previous", head.previous);
    put_neighbour(&writer, "next", head.next);
    json_close_object(&writer);
    if (!buf_check(&out, err))
        return false;
    http_answer_json(call, 201, &out);
    return true;
}

/* Where the entry stands; one that nobody has is denied like somebody else's. */
static bool locate(struct content_service *service, struct id entry, struct arena *arena,
                   struct disclosure_request *request, struct err *err)
{
    struct registry_place place;
    if (!content_locate(service->config.store, entry, arena, &place, &request->person,
                        err))
        return disclosure_deny_missing(service->config.gate, request, arena, err);
    request->provider = place.facility;
    request->kind = entry_kind_id(place.kind);
    request->kind_bit = place.kind;
    request->day = place.day;
    request->department = place.department_code;
    request->is_sensitive = place.is_sensitive;
    return true;
}

struct opening *content_open(struct content_service *service,
                             const struct session_actor *actor, struct id entry,
                             struct id request_id, struct arena *arena, struct err *err)
{
    struct id_text object = id_to_text(entry);
    struct disclosure_request request = {.purpose = PERMIT_CARE,
                                         .event = "entry",
                                         .request = request_id,
                                         .actor = actor,
                                         .object = id_view(&object),
                                         .day = DAY_NONE};
    return locate(service, entry, arena, &request, err)
               ? opening_begin(service->config.openings, &request, entry, err)
               : NULL;
}

static bool open_entry(struct content_service *service, struct http_call *call,
                       struct err *err)
{
    struct session_actor actor;
    struct id entry;
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !http_param_id(call, "entry", &entry, err))
        return false;
    CLEANUP(opening_release)
    struct opening *opening = content_open(service, &actor, entry, http_request_id(call),
                                           http_arena(call), err);
    if (!opening)
        return false;
    if (answer_opened(service, call, opening, err))
        return true;
    opening_end(opening, "failed", err->code);
    return false;
}

static void answer_open_entry(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!open_entry(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- what ways have in common ---- */

bool content_check_type(const struct content_fetched *fetched, const char *type,
                        struct err *err)
{
    return strcmp(fetched->type, type) == 0 ||
           err_set(err, ERR_SYNTAX, "content_type", "not %s", type);
}

bool content_tell_lossy(const struct content_wish *wish,
                        const struct content_fetched *fetched, struct err *err)
{
    bool is_lossy = strcmp(fetched->lossy, "true") == 0;
    if (!is_lossy && strcmp(fetched->lossy, "false") != 0)
        return err_set(err, ERR_SYNTAX, "frame_lossy", "not said whether it is lossy");
    http_add_header(wish->call, "tsumugi-lossy", is_lossy ? "true" : "false");
    return true;
}

bool content_answer_jpeg(const struct content_wish *wish,
                         const struct content_fetched *fetched, struct span body,
                         struct err *err)
{
    if (!content_check_type(fetched, "image/jpeg", err))
        return false;
    if (!span_starts(body, "\xFF\xD8\xFF"))
        return err_set(err, ERR_SYNTAX, "frame_no_jpeg", "not the beginning of a JPEG");
    if (!content_tell_lossy(wish, fetched, err))
        return false;
    content_count(wish, body.len);
    http_answer(wish->call, 200, "image/jpeg", body);
    return true;
}

/* ---- getContent ---- */

static bool take_content(const struct content_wish *wish,
                         const struct content_fetched *fetched, struct span body,
                         struct err *err)
{
    const struct content_service *service = wish->context;
    CLEANUP(buf_free) struct buf out = buf_init(2 * CONTENT_BYTES_MAX);
    struct content_answer answer = {.entry = &wish->target->entry,
                                    .body = body,
                                    .fetched_at_ms =
                                        clock_wall_ms(&service->config.clock)};
    (void)fetched;
    if (!content_write(&answer, &out, err))
        return false;
    content_count(wish, out.len);
    http_answer_json(wish->call, 200, &out);
    return true;
}

static void answer_content(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/content",
                                           .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                           .bytes_max = CONTENT_BYTES_MAX,
                                           .answer = take_content};
    struct err err = {0};
    if (!content_fetch_start(context, call, &way, context, &err))
        session_answer_problem(call, &err);
}

/* ---- getOriginal ---- */

/* ?part=N&list=…: a place in the list that came with the content, never a name. */
static bool ask_original(struct content_wish *wish, struct json_writer *writer,
                         struct err *err)
{
    struct span part = {0};
    struct span list = {0};
    struct text name = {0};
    uint64_t number = 0;
    bool has_part = http_query(wish->call, "part", &part);
    bool has_list = http_query(wish->call, "list", &list);
    if (!has_part && !has_list)
        return true;
    if (!has_part || !has_list || !span_uint(part, CONTENT_ORIGINAL_PARTS_MAX, &number) ||
        number == 0 || !text_from_utf8(list, &name, err) || !content_is_list(name)) {
        err_clear(err);
        return err_set(err, ERR_SYNTAX, "part_invalid", "no part of any list");
    }
    json_put_int(writer, "part", (int64_t)number);
    json_put_text(writer, "list", name);
    return true;
}

/* A name of its own would carry the patient's data into download folders. */
static bool begin_original(const struct content_wish *wish,
                           const struct content_fetched *fetched,
                           struct content_passage *passage, struct err *err)
{
    (void)fetched;
    (void)err;
    http_add_header(wish->call, "content-disposition",
                    "attachment; filename=\"original.bin\"");
    passage->type = "application/octet-stream";
    return true;
}

static void answer_original(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/original",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .ask = ask_original,
                                           .begin = begin_original};
    struct err err = {0};
    if (!content_fetch_start(context, call, &way, context, &err))
        session_answer_problem(call, &err);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/entries/{entry}/openings", answer_open_entry, 1024},
    {HTTP_GET, "/api/v1/openings/{opening}/content", answer_content, 0},
    {HTTP_GET, "/api/v1/openings/{opening}/original", answer_original, 0},
};

void content_routes(struct http_router *router, struct content_service *service)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
