// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "wire/tunnel/tunnel_parts.h"

_Static_assert((int)TUNNEL_CREDIT_BYTES == (int)HTTP2_STREAM_WINDOW_BYTES, "the same");

static void forget_copies(struct tunnel_exchange *exchange)
{
    memory_free(exchange->copies);
    exchange->copies = NULL;
    exchange->request.method = exchange->request.path = NULL;
    exchange->request.grant = exchange->request.body = (struct span){0};
}

static void release(struct tunnel_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->references, 1) > 1)
        return;
    tunnel_release(&exchange->tunnel);
    forget_copies(exchange);
    memory_free(exchange);
}

static int64_t now_ms(void)
{
    struct clock clock = clock_system();
    return clock_monotonic_ms(&clock);
}

/* ---- the end ---- */

/* True for the one caller who ends it. */
static bool take_off(struct tunnel_exchange *exchange)
{
    struct tunnel *tunnel = exchange->tunnel;
    pthread_mutex_lock(&tunnel->lock);
    bool is_first = exchange->link != NULL;
    if (is_first) {
        *exchange->link = exchange->next;
        if (exchange->next)
            exchange->next->link = exchange->link;
        exchange->link = NULL;
    }
    pthread_mutex_unlock(&tunnel->lock);
    return is_first;
}

static bool has_ended(struct tunnel_exchange *exchange)
{
    pthread_mutex_lock(&exchange->tunnel->lock);
    bool has = exchange->link == NULL;
    pthread_mutex_unlock(&exchange->tunnel->lock);
    return has;
}

/* code NULL = complete. */
static void end(struct tunnel_exchange *exchange, const char *code)
{
    struct err err = {0};
    if (!take_off(exchange))
        return;
    loop_timer_free(exchange->timer);
    exchange->timer = NULL;
    if (code && exchange->stream)
        http2_stream_reset(exchange->stream, HTTP2_CANCEL);
    if (code)
        err_set(&err, ERR_BUSY, code, "the exchange with a gateway was not completed");
    exchange->events->ended(exchange->context, code == NULL, &err);
    release(exchange);
}

void tunnel_stop(struct tunnel *tunnel)
{
    pthread_mutex_lock(&tunnel->lock);
    tunnel->is_alive = false;
    pthread_mutex_unlock(&tunnel->lock);
}

void tunnel_end_exchanges(struct tunnel *tunnel)
{
    for (;;) {
        pthread_mutex_lock(&tunnel->lock);
        struct tunnel_exchange *exchange = tunnel->exchanges;
        pthread_mutex_unlock(&tunnel->lock);
        /* only this thread takes any off, so it is still there */
        if (!exchange)
            return;
        end(exchange, "gateway_away");
    }
}

/* ---- events of the session, on the loop ---- */

static void arm(struct tunnel_exchange *exchange)
{
    const struct tunnel_request *request = &exchange->request;
    int64_t passed_ms = now_ms() - exchange->begun_ms;
    int64_t left_ms = -1;
    if (request->total_ms > 0)
        left_ms = request->total_ms > passed_ms ? request->total_ms - passed_ms : 0;
    if (!exchange->has_head && request->first_byte_ms > 0) {
        int64_t head_ms =
            request->first_byte_ms > passed_ms ? request->first_byte_ms - passed_ms : 0;
        left_ms = left_ms < 0 || head_ms < left_ms ? head_ms : left_ms;
    }
    loop_timer_set(exchange->timer, (int)left_ms);
}

static void on_late(void *context)
{
    struct tunnel_exchange *exchange = context;
    struct http2_line *line = exchange->tunnel->line;
    end(exchange, "gateway_silent");
    if (line)
        http2_line_flush(line);
}

static int64_t read_length(struct span value)
{
    uint64_t length = 0;
    return span_uint(value, INT64_MAX, &length) ? (int64_t)length : -1;
}

static struct tunnel_head read_head(int status, const struct http_field *fields,
                                    size_t field_count)
{
    struct tunnel_head head = {
        .status = status, .content_length = -1, .whole_length = -1};
    for (size_t i = 0; i < field_count; i++) {
        struct span value = fields[i].value;
        if (value.len > TUNNEL_FIELD_MAX)
            continue;
        if (span_is(fields[i].name, "content-type"))
            head.content_type = value;
        else if (span_is(fields[i].name, "tsumugi-lossy"))
            head.lossy = value;
        else if (span_is(fields[i].name, "tsumugi-stamp"))
            head.stamp = value;
        else if (span_is(fields[i].name, "tsumugi-length"))
            head.whole_length = read_length(value);
        else if (span_is(fields[i].name, "content-length"))
            head.content_length = read_length(value);
    }
    return head;
}

static void on_response(void *context, int status, const struct http_field *fields,
                        size_t field_count)
{
    struct tunnel_exchange *exchange = context;
    if (has_ended(exchange))
        return;
    exchange->has_head = true;
    arm(exchange);
    struct tunnel_head head = read_head(status, fields, field_count);
    head.credit_bytes = http2_stream_window(exchange->stream);
    exchange->events->head(exchange->context, &head);
}

static void on_data(void *context, struct span bytes)
{
    struct tunnel_exchange *exchange = context;
    if (!has_ended(exchange))
        exchange->events->data(exchange->context, bytes);
}

static void on_ended(void *context)
{
    struct tunnel_exchange *exchange = context;
    /* an end without a head is not an answer */
    end(exchange, exchange->has_head ? NULL : "gateway_cut");
}

static size_t on_fill(void *context, uint8_t *out, size_t max, bool *is_last)
{
    struct tunnel_exchange *exchange = context;
    struct span rest = span_part(exchange->request.body, exchange->sent_bytes, max);
    if (rest.len > 0)
        memcpy(out, rest.at, rest.len);
    exchange->sent_bytes += rest.len;
    *is_last = exchange->sent_bytes == exchange->request.body.len;
    if (*is_last)
        forget_copies(exchange); /* all is sent, and a long poll's answer may be far */
    return rest.len;
}

static void on_stream_closed(void *context, uint32_t code)
{
    struct tunnel_exchange *exchange = context;
    exchange->stream = NULL;
    if (code == HTTP2_CONNECTION_LOST)
        end(exchange, "gateway_away");
    else
        end(exchange, code == HTTP2_REFUSED_STREAM ? "gateway_busy" : "gateway_cut");
    release(exchange);
}

static void on_goaway(void *self)
{
    tunnel_stop(self);
}

const struct http2_events tunnel_session_events = {
    .response = on_response,
    .data = on_data,
    .ended = on_ended,
    .fill = on_fill,
    .closed = on_stream_closed,
    .goaway = on_goaway,
};

/* ---- what other threads asked for, on the loop ---- */

static bool open_stream(struct tunnel_exchange *exchange)
{
    struct err err = {0};
    const struct tunnel_request *asked = &exchange->request;
    const struct http_field fields[] = {{SPAN("tsumugi-grant"), asked->grant}};
    struct http2_request request = {
        .method = span_cstr(asked->method),
        .path = span_cstr(asked->path),
        .authority = SPAN("gateway"),
        .fields = fields,
        .field_count = asked->grant.len > 0 ? 1 : 0,
        .has_body = asked->body.len > 0,
        .window_bytes = asked->credit_bytes,
    };
    exchange->timer = loop_timer_new(exchange->tunnel->loop, on_late, exchange, &err);
    if (!exchange->timer)
        return false;
    exchange->stream = http2_session_request(http2_line_session(exchange->tunnel->line),
                                             &request, exchange, &err);
    return exchange->stream != NULL;
}

static void begin(struct tunnel_exchange *exchange)
{
    exchange->has_begun = true;
    exchange->begun_ms = now_ms();
    if (!exchange->tunnel->line || !open_stream(exchange)) {
        end(exchange, "gateway_away");
        return;
    }
    atomic_fetch_add(&exchange->references, 1); /* the stream's */
    arm(exchange);
}

static void attend(void *context)
{
    struct tunnel_exchange *exchange = context;
    struct tunnel *tunnel = exchange->tunnel;
    pthread_mutex_lock(&tunnel->lock);
    exchange->is_posted = false;
    size_t taken_bytes = exchange->taken_bytes;
    exchange->taken_bytes = 0;
    bool is_cancelled = exchange->is_cancelled;
    bool is_over = exchange->link == NULL;
    pthread_mutex_unlock(&tunnel->lock);
    if (!is_over && is_cancelled)
        end(exchange, "tunnel_cancelled");
    else if (!is_over && !exchange->has_begun)
        begin(exchange);
    else if (!is_over && taken_bytes > 0 && exchange->stream)
        http2_stream_consume(exchange->stream, taken_bytes);
    if (tunnel->line)
        http2_line_flush(tunnel->line);
    release(exchange);
}

/* With the lock held. What has ended posts no more, so that nothing is posted to a loop
 * that is gone. */
static void post(struct tunnel_exchange *exchange)
{
    if (exchange->is_posted || !exchange->link)
        return;
    exchange->is_posted = true;
    atomic_fetch_add(&exchange->references, 1);
    loop_post(exchange->tunnel->loop, attend, exchange);
}

/* ---- from any thread ---- */

static bool away(struct err *err)
{
    return err_set(err, ERR_BUSY, "gateway_away", "the gateway is not connected");
}

/* One block for all that is copied: grant, body, method and path with their NULs. */
static bool copy_request(struct tunnel_exchange *exchange,
                         const struct tunnel_request *request, struct err *err)
{
    size_t method_bytes = strlen(request->method) + 1;
    size_t path_bytes = strlen(request->path) + 1;
    size_t total = 0;
    if (__builtin_add_overflow(request->body.len, request->grant.len, &total) ||
        __builtin_add_overflow(total, method_bytes + path_bytes, &total))
        return err_set(err, ERR_LIMIT, "tunnel_request_too_large", "sizes overflow");
    char *at = memory_new(total, 1, err);
    if (!at)
        return false;
    exchange->copies = at;
    exchange->request = *request;
    exchange->request.method = memcpy(at, request->method, method_bytes);
    at += method_bytes;
    exchange->request.path = memcpy(at, request->path, path_bytes);
    at += path_bytes;
    if (request->grant.len > 0)
        memcpy(at, request->grant.at, request->grant.len);
    exchange->request.grant = span_of(at, request->grant.len);
    at += request->grant.len;
    if (request->body.len > 0)
        memcpy(at, request->body.at, request->body.len);
    exchange->request.body = span_of(at, request->body.len);
    return true;
}

static struct tunnel_exchange *make(struct tunnel *tunnel,
                                    const struct tunnel_request *request, struct err *err)
{
    struct tunnel_exchange *exchange = memory_new(1, sizeof *exchange, err);
    if (!exchange)
        return NULL;
    if (!copy_request(exchange, request, err)) {
        memory_free(exchange);
        return NULL;
    }
    atomic_init(&exchange->references, 1); /* until it has ended */
    exchange->tunnel = tunnel_keep(tunnel);
    return exchange;
}

struct tunnel_exchange *tunnel_send(struct tunnel *tunnel,
                                    const struct tunnel_request *request,
                                    const struct tunnel_events *events, void *context,
                                    struct err *err)
{
    assert(strcmp(request->method, "GET") == 0 || strcmp(request->method, "POST") == 0);
    assert(request->path[0] == '/');
    struct tunnel_exchange *exchange = make(tunnel, request, err);
    if (!exchange)
        return NULL;
    exchange->events = events;
    exchange->context = context;
    pthread_mutex_lock(&tunnel->lock);
    bool is_alive = tunnel->is_alive;
    if (is_alive) {
        exchange->next = tunnel->exchanges;
        exchange->link = &tunnel->exchanges;
        if (exchange->next)
            exchange->next->link = &exchange->next;
        tunnel->exchanges = exchange;
        post(exchange);
    }
    pthread_mutex_unlock(&tunnel->lock);
    if (is_alive)
        return exchange;
    release(exchange);
    away(err);
    return NULL;
}

void tunnel_consume(struct tunnel_exchange *exchange, size_t count)
{
    pthread_mutex_lock(&exchange->tunnel->lock);
    exchange->taken_bytes += count;
    post(exchange);
    pthread_mutex_unlock(&exchange->tunnel->lock);
}

void tunnel_cancel(struct tunnel_exchange *exchange)
{
    pthread_mutex_lock(&exchange->tunnel->lock);
    exchange->is_cancelled = true;
    post(exchange);
    pthread_mutex_unlock(&exchange->tunnel->lock);
}

/* ---- the blocking form ---- */

struct asker {
    pthread_mutex_t lock;
    pthread_cond_t has_ended_now;
    struct tunnel_exchange *exchange;
    struct buf answer;
    int status;
    bool has_ended;
    bool is_complete;
    struct err err;
};

static void asker_head(void *context, const struct tunnel_head *head)
{
    struct asker *asker = context;
    pthread_mutex_lock(&asker->lock);
    asker->status = head->status;
    pthread_mutex_unlock(&asker->lock);
}

static void asker_data(void *context, struct span bytes)
{
    struct asker *asker = context;
    pthread_mutex_lock(&asker->lock);
    buf_span(&asker->answer, bytes);
    if (asker->answer.has_failed)
        tunnel_cancel(asker->exchange);
    else
        tunnel_consume(asker->exchange, bytes.len);
    pthread_mutex_unlock(&asker->lock);
}

static void asker_ended(void *context, bool complete, const struct err *err)
{
    struct asker *asker = context;
    pthread_mutex_lock(&asker->lock);
    asker->has_ended = true;
    asker->is_complete = complete;
    asker->err = *err;
    pthread_cond_signal(&asker->has_ended_now);
    pthread_mutex_unlock(&asker->lock);
}

static const struct tunnel_events asker_events = {
    .head = asker_head, .data = asker_data, .ended = asker_ended};

static bool wait_for(struct asker *asker, struct tunnel *tunnel,
                     const struct tunnel_request *request, struct err *err)
{
    pthread_mutex_lock(&asker->lock);
    asker->exchange = tunnel_send(tunnel, request, &asker_events, asker, err);
    bool is_sent = asker->exchange != NULL;
    while (is_sent && !asker->has_ended)
        pthread_cond_wait(&asker->has_ended_now, &asker->lock);
    pthread_mutex_unlock(&asker->lock);
    if (!is_sent)
        return false;
    if (asker->answer.has_failed)
        return err_set(err, ERR_LIMIT, "tunnel_answer_too_large",
                       "the answer is larger than asked for");
    if (!asker->is_complete)
        *err = asker->err;
    return asker->is_complete;
}

bool tunnel_ask(struct tunnel *tunnel, const struct tunnel_request *request,
                size_t max_bytes, struct arena *arena, int *status, struct span *body,
                struct err *err)
{
    if (!tunnel_is_alive(tunnel))
        return away(err);
    assert(!loop_is_current(tunnel->loop));
    struct asker asker = {.answer = buf_init(max_bytes)};
    pthread_mutex_init(&asker.lock, NULL);
    pthread_cond_init(&asker.has_ended_now, NULL);
    bool is_done = wait_for(&asker, tunnel, request, err);
    pthread_cond_destroy(&asker.has_ended_now);
    pthread_mutex_destroy(&asker.lock);
    if (is_done) {
        *status = asker.status;
        is_done = arena_copy(arena, buf_view(&asker.answer), body, err);
    }
    buf_free(&asker.answer);
    return is_done;
}
