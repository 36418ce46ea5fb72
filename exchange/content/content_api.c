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
static bool locate(struct content_service *service, struct http_call *call,
                   struct id entry, struct disclosure_request *request, struct err *err)
{
    struct registry_place place;
    struct arena *arena = http_arena(call);
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

static bool open_entry(struct content_service *service, struct http_call *call,
                       struct err *err)
{
    struct session_actor actor;
    struct id entry;
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !http_param_id(call, "entry", &entry, err))
        return false;
    struct id_text object = id_to_text(entry);
    struct disclosure_request request = {.purpose = PERMIT_CARE,
                                         .event = "entry",
                                         .request = http_request_id(call),
                                         .actor = &actor,
                                         .object = id_view(&object),
                                         .day = DAY_NONE};
    if (!locate(service, call, entry, &request, err))
        return false;
    CLEANUP(opening_release)
    struct opening *opening =
        opening_begin(service->config.openings, &request, entry, err);
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

/* ---- getContent, getOriginal ---- */

/* The opening named in the path, which must be an entry's. */
static struct opening *take_entry(struct content_service *service, struct http_call *call,
                                  struct err *err)
{
    struct session_actor actor;
    struct id handle;
    if (!session_require(service->config.sessions, call, SESSION_READS, &actor, err) ||
        !http_param_id(call, "opening", &handle, err))
        return NULL;
    struct opening *opening = opening_take(service->config.openings, handle, &actor, err);
    if (opening && strcmp(opening_event(opening), "entry") != 0) {
        opening_release(&opening);
        err_set(err, ERR_MISSING, "not_found", "not an entry");
    }
    return opening;
}

/* ?part=N&list=…: a place in the list that came with the content, never a name. */
static bool read_part(struct http_call *call, struct content_wish *wish, struct err *err)
{
    struct span part = {0};
    struct span list = {0};
    uint64_t number = 0;
    bool has_part = http_query(call, "part", &part);
    bool has_list = http_query(call, "list", &list);
    if (!has_part && !has_list)
        return true;
    if (!has_part || !has_list || !span_uint(part, CONTENT_PARTS_MAX, &number) ||
        number == 0 || !text_from_utf8(list, &wish->list, err) ||
        !content_is_list(wish->list)) {
        err_clear(err);
        return err_set(err, ERR_SYNTAX, "part_invalid", "no part of any list");
    }
    wish->part = (int64_t)number;
    return true;
}

static bool fetch(struct content_service *service, struct http_call *call,
                  bool wants_original, struct err *err)
{
    struct arena *arena = http_arena(call);
    struct registry_entry *entry = ARENA_NEW(arena, struct registry_entry, err);
    struct content_parties *parties =
        entry ? ARENA_NEW(arena, struct content_parties, err) : NULL;
    CLEANUP(opening_release)
    struct opening *opening = parties ? take_entry(service, call, err) : NULL;
    if (!opening)
        return false;
    const struct disclosure_permit *permit = opening_permit(opening);
    if (!content_read_entry(service->config.store, permit, opening_object(opening), arena,
                            entry, err) ||
        !content_read_parties(service->config.store, entry->facility,
                              permit_read(permit)->viewer.facility, arena, parties, err))
        return false;
    struct content_wish wish = {.call = call,
                                .opening = opening,
                                .entry = entry,
                                .parties = parties,
                                .wants_original = wants_original};
    return (!wants_original || read_part(call, &wish, err)) &&
           content_fetch_start(service, &wish, err);
}

static void answer_content(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!fetch(context, call, false, &err))
        session_answer_problem(call, &err);
}

static void answer_original(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!fetch(context, call, true, &err))
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
