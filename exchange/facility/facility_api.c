// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"
#include "exchange/facility/facility_parts.h"
#include "exchange/session/session.h"
#include "wire/http/http.h"

enum { LIST_BYTES_MAX = 4 << 20 };

static bool read_cursor(struct http_call *call, struct id *after, struct err *err)
{
    struct span cursor = {0};
    struct err shape = {0};
    *after = (struct id){{0}};
    return !http_query(call, "cursor", &cursor) || id_parse(cursor, after, &shape) ||
           err_set(err, ERR_SYNTAX, "cursor_invalid", "not a cursor of ours");
}

static bool list_facilities(const struct facility_service *service,
                            struct http_call *call, struct err *err)
{
    struct session_actor actor;
    CLEANUP(buf_free) struct buf body = buf_init(LIST_BYTES_MAX);
    struct facility_page page = {.day = day_of_instant(clock_wall_ms(&service->clock))};
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err) ||
        !read_cursor(call, &page.after, err))
        return false;
    page.network = actor.network;
    if (!facility_write_participants(service, &page, http_arena(call), &body, err))
        return false;
    http_answer_json(call, 200, &body);
    return true;
}

static void get_facilities(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!list_facilities(context, call, &err))
        session_answer_problem(call, &err);
}

void facility_routes(struct http_router *router, struct facility_service *service)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/api/v1/facilities", get_facilities, 0},
    };
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
