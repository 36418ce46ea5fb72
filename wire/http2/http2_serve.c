// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/memory.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop.h"

/* What one served connection may have beyond the first windows of its streams: enough
 * for a file's upload over a slow line, bounded whatever the number of streams. */
enum {
    SERVE_BUDGET_BYTES = 1024 * 1024,
    SERVE_STREAMS_MAX = 128,
    SERVE_PING_MS = 30000, /* live streams would else outlive a peer that vanished */
    /* Bodies that all requests of one connection may hold at once: HTTP/2 would else
     * multiply a route's limit by the number of streams. */
    SERVE_BODIES_MAX_BYTES = 64 * 1024 * 1024
};

struct served {
    struct http_service *service;
    struct http2_line *line;
    struct http2_budget budget;
    struct http_peer peer;
    size_t body_bytes; /* of all exchanges */
    void (*greeted)(void *self);
    void (*closed)(void *self, const struct err *reason);
    void *self;
};

struct exchange {
    struct served *served;
    struct http2_stream *stream;
    struct http_call *call;
    size_t body_bytes;
};

/* ---- from the neutral part ---- */

static void on_answered(void *context)
{
    struct exchange *exchange = context;
    http2_stream_answer(exchange->stream, http_call_answer(exchange->call));
    http2_line_flush(exchange->served->line);
}

static void on_more(void *context)
{
    struct exchange *exchange = context;
    http2_stream_more(exchange->stream);
    http2_line_flush(exchange->served->line);
}

static void on_cut(void *context)
{
    struct exchange *exchange = context;
    http2_stream_reset(exchange->stream, HTTP2_INTERNAL_ERROR);
    http2_line_flush(exchange->served->line);
}

static const struct http_plug plug = {
    .answered = on_answered, .more = on_more, .cut = on_cut};

/* ---- from the session ---- */

static bool expects_continue(const struct http_head *head)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (span_is(head->fields[i].name, "expect"))
            return span_is(head->fields[i].value, "100-continue");
    return false;
}

static void *on_request(void *self, struct http2_stream *stream,
                        const struct http_head *head, int refusal)
{
    struct served *served = self;
    struct err err = {0};
    struct exchange *exchange = memory_new(1, sizeof *exchange, &err);
    if (!exchange)
        return NULL;
    exchange->served = served;
    exchange->stream = stream;
    if (refusal == 0)
        exchange->call =
            http_call_begin(served->service, head, &served->peer, &plug, exchange);
    else
        exchange->call = http_call_begin_refused(
            served->service, &served->peer, &plug, exchange, refusal,
            refusal == 431 ? "head_too_large" : "request_broken");
    if (!exchange->call) {
        memory_free(exchange);
        return NULL;
    }
    if (refusal == 0 && http_call_takes_body(exchange->call) && expects_continue(head))
        http2_stream_continue(stream);
    return exchange;
}

static void forget_body(struct exchange *exchange)
{
    exchange->served->body_bytes -= exchange->body_bytes;
    exchange->body_bytes = 0;
}

/* A decided call's body is thrown away without credit: the peer stops by itself. */
static void on_data(void *context, struct span bytes)
{
    struct exchange *exchange = context;
    struct served *served = exchange->served;
    if (served->body_bytes + bytes.len > SERVE_BODIES_MAX_BYTES)
        http_call_refuse(exchange->call, 503, "connection_full");
    if (!http_call_takes_body(exchange->call) || !http_call_body(exchange->call, bytes)) {
        forget_body(exchange); /* so that its neighbours may go on */
        return;
    }
    exchange->body_bytes += bytes.len;
    served->body_bytes += bytes.len;
    http2_stream_consume(exchange->stream, bytes.len);
}

static void on_ended(void *context)
{
    struct exchange *exchange = context;
    http_call_dispatch(exchange->call);
}

static void on_late(void *context)
{
    struct exchange *exchange = context;
    http_call_refuse(exchange->call, 408, "request_late");
}

static size_t on_fill(void *context, uint8_t *out, size_t max, bool *is_last)
{
    struct exchange *exchange = context;
    size_t count = 0;
    while (count < max) {
        struct span ready = http_call_peek(exchange->call);
        if (ready.len == 0)
            break;
        size_t part = ready.len < max - count ? ready.len : max - count;
        memcpy(out + count, ready.at, part);
        http_call_take(exchange->call, part);
        count += part;
    }
    *is_last = http_call_is_finished(exchange->call);
    return count;
}

static void on_stream_closed(void *context, uint32_t code)
{
    (void)code;
    struct exchange *exchange = context;
    forget_body(exchange);
    http_call_done(exchange->call);
    memory_free(exchange);
}

static void on_greeted(void *self)
{
    struct served *served = self;
    if (served->greeted)
        served->greeted(served->self);
}

static const struct http2_events events = {
    .request = on_request,
    .data = on_data,
    .ended = on_ended,
    .fill = on_fill,
    .closed = on_stream_closed,
    .late = on_late,
    .greeted = on_greeted,
};

static void on_line_closed(void *self, const struct err *reason)
{
    struct served *served = self;
    if (served->closed)
        served->closed(served->self, reason);
    memory_free(served);
}

/* ---- beginning ---- */

struct http2_line *http2_serve_line(struct http_connection *connection,
                                    const struct http2_serve_config *config,
                                    struct err *err)
{
    const struct http_limits *limits = http_service_limits(config->service);
    struct served *served = memory_new(1, sizeof *served, err);
    if (!served)
        return NULL;
    served->service = config->service;
    served->greeted = config->greeted;
    served->closed = config->closed;
    served->self = config->self;
    served->peer = *http_connection_peer(connection);
    atomic_init(&served->budget.left_bytes, SERVE_BUDGET_BYTES);
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.streams_max = config->streams_max;
    settings.head_max_bytes = limits->head_max_bytes;
    settings.fields_max = limits->headers_max;
    settings.budget = &served->budget;
    struct http2_line_config line = {
        .settings = &settings,
        .events = &events,
        .self = served,
        .ping_ms = config->ping_ms,
        .stall_ms = limits->stream_stall_ms,
        .body_ms = limits->body_deadline_ms,
        .idle_ms = config->stays_when_idle ? -1 : limits->idle_deadline_ms,
        .closed = on_line_closed,
    };
    served->line = http2_line_open(connection, &line, err);
    if (!served->line)
        memory_free(served);
    return served->line;
}

bool http2_serve(struct http_connection *connection, struct http_service *service,
                 struct err *err)
{
    struct http2_serve_config config = {
        .service = service, .streams_max = SERVE_STREAMS_MAX, .ping_ms = SERVE_PING_MS};
    return http2_serve_line(connection, &config, err) != NULL;
}
