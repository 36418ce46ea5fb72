// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "base/memory.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop.h"

enum { TICK_MIN_MS = 10, TICK_MAX_MS = 1000, SILENT_PINGS_MAX = 2 };

struct http2_line {
    struct http_connection *connection;
    struct http2_session *session;
    struct http2_line_config config;
    struct clock clock;
    struct loop_timer *tick;
    int64_t heard_ms;  /* bytes last came */
    int64_t pinged_ms; /* we last asked */
    int64_t busy_ms;   /* there was last a stream */
    int silent_pings;
    bool is_inside;  /* the session is at work: it must not be entered again */
    bool is_closing; /* finish or close was asked for */
    struct err reason;
};

/* ---- flushing ---- */

static void give_up(struct http2_line *line, enum err_kind kind, const char *code)
{
    if (line->reason.kind == ERR_NONE)
        err_set(&line->reason, kind, code, "%s", code);
}

static void end_orderly(struct http2_line *line)
{
    line->is_closing = true;
    http_connection_finish(line->connection);
}

/* False: nothing was left to send, or no room for it. */
static bool flush_some(struct http2_line *line)
{
    struct err err = {0};
    if (http_connection_queued(line->connection) > HTTP_CONNECTION_HIGH_BYTES)
        return false;
    CLEANUP(buf_free) struct buf out = buf_init(HTTP2_SENT_BYTES_MAX);
    if (!http2_session_send(line->session, &out, HTTP2_SEND_BYTES, &err)) {
        give_up(line, err.kind, err.code);
        line->is_closing = true;
        http_connection_close(line->connection);
        return false;
    }
    http_connection_write(line->connection, buf_view(&out));
    return out.len > 0;
}

void http2_line_flush(struct http2_line *line)
{
    if (line->is_inside || line->is_closing)
        return;
    line->is_inside = true;
    while (!line->is_closing && flush_some(line))
        continue;
    line->is_inside = false;
    if (line->is_closing)
        return;
    http_connection_owe(line->connection, http2_session_stream_count(line->session) > 0);
    if (http2_session_is_over(line->session))
        end_orderly(line);
}

/* ---- events of the connection ---- */

static size_t on_received(void *self, struct span bytes)
{
    struct http2_line *line = self;
    struct err err = {0};
    if (line->is_closing)
        return bytes.len;
    line->heard_ms = clock_monotonic_ms(&line->clock);
    line->silent_pings = 0;
    /* What is found wrong is told to the peer by the flush, which then ends it. */
    line->is_inside = true;
    if (!http2_session_receive(line->session, bytes, &err))
        give_up(line, err.kind, err.code);
    line->is_inside = false;
    http2_line_flush(line);
    return bytes.len;
}

static void on_drained(void *self)
{
    http2_line_flush(self);
}

/* A peer that sends no more cannot give credit either: nothing can be completed. */
static void on_ended(void *self)
{
    struct http2_line *line = self;
    if (!line->is_closing)
        end_orderly(line);
}

static void line_free(struct http2_line *line)
{
    loop_timer_free(line->tick);
    http2_session_free(line->session);
    memory_free(line);
}

static void on_closed(void *self, const struct err *reason)
{
    struct http2_line *line = self;
    line->is_closing = true;
    /* Streams end before the line does, so that owners may free what these name. */
    http2_session_free(line->session);
    line->session = NULL;
    if (line->config.closed)
        line->config.closed(line->config.self,
                            line->reason.kind != ERR_NONE ? &line->reason : reason);
    line_free(line);
}

static const struct http_connection_events connection_events = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .closed = on_closed,
};

/* For a line whose owner is gone already: only the end of the connection is left. */
static size_t throw_away(void *self, struct span bytes)
{
    (void)self;
    return bytes.len;
}

static void nobody_cares(void *self, const struct err *reason)
{
    (void)self;
    (void)reason;
}

static const struct http_connection_events abandoned_events = {
    .received = throw_away,
    .closed = nobody_cares,
};

/* ---- time ---- */

static void check_silence(struct http2_line *line, int64_t now_ms)
{
    int ping_ms = line->config.ping_ms;
    if (ping_ms <= 0 || now_ms - line->pinged_ms < ping_ms ||
        now_ms - line->heard_ms < ping_ms)
        return;
    if (line->silent_pings >= SILENT_PINGS_MAX) {
        give_up(line, ERR_BUSY, "peer_silent");
        http2_line_cut(line);
        return;
    }
    line->silent_pings++;
    line->pinged_ms = now_ms;
    http2_session_ping(line->session);
}

static void check_idleness(struct http2_line *line, int64_t now_ms)
{
    if (http2_session_stream_count(line->session) > 0)
        line->busy_ms = now_ms;
    else if (line->config.idle_ms >= 0 && now_ms - line->busy_ms > line->config.idle_ms)
        http2_session_goaway(line->session, HTTP2_NO_ERROR);
}

static int tick_ms(const struct http2_line_config *config)
{
    int shortest = TICK_MAX_MS * 4;
    const int periods[] = {config->ping_ms > 0 ? config->ping_ms : -1, config->stall_ms,
                           config->body_ms, config->idle_ms};
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
        if (periods[i] >= 0 && periods[i] < shortest)
            shortest = periods[i];
    return shortest / 4 < TICK_MIN_MS ? TICK_MIN_MS : shortest / 4;
}

static void on_tick(void *context)
{
    struct http2_line *line = context;
    if (line->is_closing)
        return;
    int64_t now_ms = clock_monotonic_ms(&line->clock);
    http2_session_tick(line->session, line->config.stall_ms, line->config.body_ms);
    check_idleness(line, now_ms);
    check_silence(line, now_ms);
    http2_line_flush(line);
    loop_timer_set(line->tick, tick_ms(&line->config));
}

/* ---- beginning and end ---- */

struct http2_line *http2_line_open(struct http_connection *connection,
                                   const struct http2_line_config *config,
                                   struct err *err)
{
    struct http2_line *line = memory_new(1, sizeof *line, err);
    if (!line)
        return NULL;
    line->connection = connection;
    line->config = *config;
    line->config.settings = NULL; /* copied by the session */
    line->clock = config->settings->clock;
    line->heard_ms = line->pinged_ms = line->busy_ms = clock_monotonic_ms(&line->clock);
    line->session =
        http2_session_new(config->settings, config->events, config->self, err);
    if (line->session)
        line->tick = loop_timer_new(http_connection_loop(connection), on_tick, line, err);
    if (!line->tick) {
        line_free(line);
        return NULL;
    }
    loop_timer_set(line->tick, tick_ms(config));
    http_connection_deadline(connection, -1);
    http_connection_stall(connection, config->stall_ms);
    http_connection_use(connection, &connection_events, line);
    /* our SETTINGS; a failure shows as `closed` */
    http2_line_flush(line);
    return line;
}

struct http2_session *http2_line_session(struct http2_line *line)
{
    return line->session;
}

const struct http_connection *http2_line_connection(const struct http2_line *line)
{
    return line->connection;
}

void http2_line_finish(struct http2_line *line)
{
    if (line->is_closing)
        return;
    http2_session_goaway(line->session, HTTP2_NO_ERROR);
    http2_line_flush(line);
    /* within an event the flush that follows it ends the line */
    if (!line->is_closing && !line->is_inside)
        end_orderly(line);
}

void http2_line_cut(struct http2_line *line)
{
    line->is_closing = true;
    http_connection_close(line->connection);
}

void http2_line_abandon(struct http2_line *line, bool is_orderly)
{
    static const struct err none = {0};
    assert(!line->is_inside);
    struct http_connection *connection = line->connection;
    http2_line_finish(line);
    if (!is_orderly)
        http_connection_close(connection);
    http_connection_use(connection, &abandoned_events, NULL);
    on_closed(line, &none);
}
