// SPDX-License-Identifier: Apache-2.0
/* Route: getLive. */
#include "exchange/live/live.h"

#include "exchange/live/live_stream.h"
#include "exchange/session/session.h"
#include "wire/http/http.h"

void live_stream_end(struct live_stream *stream)
{
    stream->is_over = true;
    if (stream->http)
        http_stream_end(stream->http);
    stream->http = NULL;
}

static void look_at(struct live_stream *stream, size_t queued)
{
    if (queued <= HTTP_STREAM_HIGH_BYTES)
        return;
    http_stream_abort(stream->http);
    stream->http = NULL;
    stream->is_over = true;
}

void live_stream_send(struct live_stream *stream, const char *kind, int64_t number,
                      const char *data)
{
    if (stream->http)
        look_at(stream, http_stream_event(stream->http, kind, number, span_cstr(data)));
}

void live_stream_keep_alive(struct live_stream *stream, int64_t now_ms)
{
    if (!stream->http || now_ms - stream->sent_ms < LIVE_HEARTBEAT_MS)
        return;
    stream->sent_ms = now_ms;
    look_at(stream, http_stream_event(stream->http, NULL, -1, SPAN("")));
}

/* On the connection's loop; the thread of `live` frees it. */
static void on_closed(void *context)
{
    struct live_stream *stream = context;
    struct live *live = stream->live;
    live_lock(live);
    stream->http = NULL;
    stream->is_over = true;
    stream->is_closed = true;
    live_unlock(live);
}

static void on_drained(void *context)
{
    (void)context; /* a stream above the mark was cut already */
}

static int64_t last_event_id(const struct http_call *call)
{
    uint64_t number = 0;
    struct span value = http_header(call, "last-event-id");
    return span_uint(value, INT64_MAX, &number) ? (int64_t)number : -1;
}

static bool open_live(struct live *live, struct http_call *call, struct err *err)
{
    static const struct http_stream_events events = {on_drained, on_closed};
    struct session_actor actor;
    if (!session_require(live_sessions(live), call, SESSION_WATCHES, &actor, err))
        return false;
    struct live_stream *stream =
        live_enter(live, actor.session, last_event_id(call), err);
    if (!stream)
        return false;
    /* `closed` waits for this lock, so the stream cannot go while it is entered. */
    live_lock(live);
    http_add_header(call, "X-Accel-Buffering", "no");
    stream->http = http_stream_open(call, 200, "text/event-stream", -1, &events, stream);
    if (stream->http)
        look_at(stream, http_stream_event(stream->http, NULL, -1, SPAN("")));
    else
        stream->is_over = stream->is_closed = true; /* answered with 503 already */
    live_unlock(live);
    return true;
}

static void answer_live(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!open_live(context, call, &err))
        session_answer_problem(call, &err);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/live", answer_live, 0},
};

void live_routes(struct http_router *router, struct live *live)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, live);
}
