// SPDX-License-Identifier: Apache-2.0
#include "exchange/opening/opening.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum { PRINTED_BYTES_MAX = 4096 };

static bool close_opening(struct opening_table *table, struct http_call *call,
                          struct err *err)
{
    struct session_actor actor;
    struct id handle;
    if (!session_require(opening_sessions(table), call, SESSION_CHANGES, &actor, err) ||
        !http_param_id(call, "opening", &handle, err))
        return false;
    CLEANUP(opening_release)
    struct opening *opening = opening_take(table, handle, &actor, err);
    if (!opening)
        return false;
    opening_end(opening, "done", NULL);
    return true;
}

static bool print_opening(struct opening_table *table, struct http_call *call,
                          struct err *err)
{
    struct session_actor actor;
    struct id handle;
    struct opening_printed printed;
    if (!session_require(opening_sessions(table), call, SESSION_CHANGES, &actor, err) ||
        !http_param_id(call, "opening", &handle, err))
        return false;
    CLEANUP(opening_release)
    struct opening *opening = opening_take(table, handle, &actor, err);
    if (!opening || !opening_print(opening, http_request_id(call), &printed, err))
        return false;
    CLEANUP(buf_free) struct buf out = buf_init(PRINTED_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_id(&writer, "request", printed.request);
    json_put_int(&writer, "at", printed.at_ms);
    json_put_text(&writer, "staff", printed.staff);
    json_put_text(&writer, "facility", printed.facility);
    json_close_object(&writer);
    if (!buf_check(&out, err))
        return false;
    http_answer_json(call, 201, &out);
    return true;
}

static void answer_print(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!print_opening(context, call, &err))
        session_answer_problem(call, &err);
}

static void answer_close(struct http_call *call, void *context)
{
    struct err err = {0};
    if (close_opening(context, call, &err))
        http_answer_empty(call);
    else
        session_answer_problem(call, &err);
}

static const struct http_route routes[] = {
    {HTTP_DELETE, "/api/v1/openings/{opening}", answer_close, 0},
    {HTTP_POST, "/api/v1/openings/{opening}/prints", answer_print, 1024},
};

void opening_routes(struct http_router *router, struct opening_table *table)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, table);
}
