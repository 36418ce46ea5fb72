// SPDX-License-Identifier: Apache-2.0
#include "exchange/opening/opening.h"
#include "exchange/session/session.h"
#include "wire/http/http.h"

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
};

void opening_routes(struct http_router *router, struct opening_table *table)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, table);
}
