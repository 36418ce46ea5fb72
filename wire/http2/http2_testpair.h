// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: a client session and a server session in one process,
 * wired by two buffers, with exchanges that write down what they are told. */

#include <string.h>

#include "base/memory.h"
#include "base/test.h"
#include "wire/http2/http2.h"

enum { EXCHANGES_MAX = 600, FRAME_HEAD_BYTES = 9 };

struct pair;

struct exchange {
    struct pair *pair;
    struct http2_stream *stream;
    /* what came */
    size_t received_bytes;
    size_t unconsumed_bytes;
    uint8_t checksum;
    int status;
    int refusal;
    bool has_ended;
    bool is_closed;
    uint32_t code;
    char method[8];
    char target[64];
    char host[64];
    char echo[64]; /* field "x-test" */
    int64_t announced_bytes;
    /* what goes out */
    size_t left_bytes;
    size_t filled_bytes;
    bool is_paused;
    bool consumes;
};

struct side {
    struct http2_session *session;
    struct exchange exchanges[EXCHANGES_MAX];
    size_t count;
    bool has_failed;
    const char *code;
    int pongs, goaways;
};

struct pair {
    struct side client;
    struct side server;
    size_t answer_bytes; /* body of each answer */
    size_t window_bytes; /* that each request asks for */
    int answer_status;
    bool answers_at_once;
    bool server_consumes;
    bool client_consumes;
    int64_t now_ms;
};

static inline uint8_t pattern(size_t index)
{
    return (uint8_t)(index * 31 + index / 251);
}

static inline int64_t test_now(void *self)
{
    return ((struct pair *)self)->now_ms;
}

static inline struct exchange *next_exchange(struct pair *pair, struct side *side)
{
    if (side->count == EXCHANGES_MAX)
        return NULL;
    struct exchange *exchange = &side->exchanges[side->count++];
    exchange->pair = pair;
    return exchange;
}

static inline void copy_span(char *out, size_t size, struct span span)
{
    size_t len = span.len < size - 1 ? span.len : size - 1;
    if (len > 0)
        memcpy(out, span.at, len);
    out[len] = 0;
}

static inline void keep_echo(struct exchange *exchange, const struct http_field *fields,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(fields[i].name, "x-test"))
            copy_span(exchange->echo, sizeof exchange->echo, fields[i].value);
}

static inline void answer(struct exchange *exchange)
{
    const struct http_field fields[] = {{SPAN("content-type"), SPAN("text/plain")},
                                        {SPAN("x-test"), SPAN("from the server")}};
    struct http_answer_head head = {
        .status = exchange->pair->answer_status,
        .fields = fields,
        .field_count = 2,
        .body_bytes = (int64_t)exchange->pair->answer_bytes,
        .has_body = exchange->pair->answer_bytes > 0,
    };
    exchange->left_bytes = exchange->pair->answer_bytes;
    http2_stream_answer(exchange->stream, &head);
}

static inline void *on_request(void *self, struct http2_stream *stream,
                               const struct http_head *head, int refusal)
{
    struct pair *pair = self;
    struct exchange *exchange = next_exchange(pair, &pair->server);
    if (!exchange)
        return NULL;
    exchange->stream = stream;
    exchange->refusal = refusal;
    exchange->consumes = pair->server_consumes;
    if (refusal == 0) {
        copy_span(exchange->method, sizeof exchange->method, head->method);
        copy_span(exchange->target, sizeof exchange->target, head->target);
        copy_span(exchange->host, sizeof exchange->host, head->host);
        exchange->announced_bytes = head->body_bytes;
        keep_echo(exchange, head->fields, head->field_count);
    }
    if (pair->answers_at_once)
        answer(exchange);
    return exchange;
}

static inline void on_response(void *self, int status, const struct http_field *fields,
                               size_t field_count)
{
    struct exchange *exchange = self;
    CHECK(exchange->status == 0);
    exchange->status = status;
    keep_echo(exchange, fields, field_count);
}

static inline void on_data(void *self, struct span bytes)
{
    struct exchange *exchange = self;
    CHECK(!exchange->has_ended && !exchange->is_closed);
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.at[i] != pattern(exchange->received_bytes + i))
            exchange->checksum = 1;
    exchange->received_bytes += bytes.len;
    if (exchange->consumes)
        http2_stream_consume(exchange->stream, bytes.len);
    else
        exchange->unconsumed_bytes += bytes.len;
}

static inline void on_ended(void *self)
{
    struct exchange *exchange = self;
    CHECK(!exchange->has_ended && !exchange->is_closed);
    exchange->has_ended = true;
}

static inline size_t on_fill(void *self, uint8_t *out, size_t max, bool *is_last)
{
    struct exchange *exchange = self;
    size_t count = exchange->left_bytes < max ? exchange->left_bytes : max;
    if (exchange->is_paused)
        return 0;
    for (size_t i = 0; i < count; i++)
        out[i] = pattern(exchange->filled_bytes + i);
    exchange->filled_bytes += count;
    exchange->left_bytes -= count;
    *is_last = exchange->left_bytes == 0;
    return count;
}

static inline void on_closed(void *self, uint32_t code)
{
    struct exchange *exchange = self;
    CHECK(!exchange->is_closed);
    exchange->is_closed = true;
    exchange->code = code;
    exchange->stream = NULL;
}

static inline void on_pong(void *self)
{
    ((struct pair *)self)->client.pongs++;
}

static inline void on_goaway(void *self)
{
    ((struct pair *)self)->client.goaways++;
}

static const struct http2_events events = {on_request, on_response, on_data, on_ended,
                                           on_fill,    on_closed,   NULL,    NULL,
                                           on_pong,    on_goaway};

static inline struct pair *pair_new_with(const struct http2_settings *client,
                                         const struct http2_settings *server)
{
    struct err err = {0};
    struct pair *pair = memory_new(1, sizeof *pair, &err);
    if (!pair)
        abort();
    struct http2_settings settings =
        client ? *client : http2_default_settings(HTTP2_CLIENT);
    settings.clock = (struct clock){test_now, test_now, pair};
    pair->client.session = http2_session_new(&settings, &events, pair, &err);
    settings = server ? *server : http2_default_settings(HTTP2_SERVER);
    settings.clock = (struct clock){test_now, test_now, pair};
    pair->server.session = http2_session_new(&settings, &events, pair, &err);
    pair->answer_status = 200;
    pair->answers_at_once = pair->server_consumes = pair->client_consumes = true;
    if (!pair->client.session || !pair->server.session)
        abort();
    return pair;
}

#define pair_new() pair_new_with(NULL, NULL)
static inline void pair_free(struct pair **pair)
{
    http2_session_free((*pair)->client.session);
    http2_session_free((*pair)->server.session);
    for (size_t i = 0; i < (*pair)->client.count; i++)
        CHECK((*pair)->client.exchanges[i].is_closed);
    for (size_t i = 0; i < (*pair)->server.count; i++)
        CHECK((*pair)->server.exchanges[i].is_closed);
    memory_free(*pair);
}

#define PAIR CLEANUP(pair_free) struct pair *

static inline bool give(struct side *to, struct span bytes)
{
    struct err err = {0};
    to->has_failed = !http2_session_receive(to->session, bytes, &err);
    to->code = err.code;
    return !to->has_failed;
}

/* Moves what one side has to say to the other; false when it was nothing. */
static inline bool carry(struct side *from, struct side *to)
{
    CLEANUP(buf_free) struct buf out = buf_init(HTTP2_SENT_BYTES_MAX);
    struct err err = {0};
    if (!http2_session_send(from->session, &out, HTTP2_SEND_BYTES, &err) || out.len == 0)
        return false;
    if (!to->has_failed)
        (void)give(to, buf_view(&out));
    return true;
}

static inline void run(struct pair *pair)
{
    for (bool is_moving = true; is_moving;) {
        is_moving = carry(&pair->client, &pair->server);
        is_moving = carry(&pair->server, &pair->client) || is_moving;
    }
}

static inline struct exchange *ask_with(struct pair *pair, size_t body_bytes,
                                        const struct http_field *fields,
                                        size_t field_count)
{
    struct err err = {0};
    struct exchange *exchange = next_exchange(pair, &pair->client);
    if (!exchange)
        abort();
    struct http2_request request = {
        .method = body_bytes > 0 ? SPAN("POST") : SPAN("GET"),
        .path = SPAN("/uplink/v1/content?x=1"),
        .authority = SPAN("gateway"),
        .fields = fields,
        .field_count = field_count,
        .has_body = body_bytes > 0,
        .window_bytes = pair->window_bytes,
    };
    exchange->left_bytes = body_bytes;
    exchange->consumes = pair->client_consumes;
    exchange->stream =
        http2_session_request(pair->client.session, &request, exchange, &err);
    if (!exchange->stream) {
        exchange->is_closed = true;
        pair->client.code = err.code;
    }
    return exchange;
}

static inline struct exchange *ask(struct pair *pair, size_t body_bytes)
{
    return ask_with(pair, body_bytes, NULL, 0);
}

static inline bool is_whole(const struct exchange *exchange, size_t bytes)
{
    return exchange->has_ended && exchange->received_bytes == bytes &&
           exchange->checksum == 0;
}
