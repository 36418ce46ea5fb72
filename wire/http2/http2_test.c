// SPDX-License-Identifier: Apache-2.0
#include "wire/http2/http2.h"

#include <string.h>

#include "base/memory.h"
#include "base/test.h"

/* A client session and a server session in one process, wired by two buffers. */

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
    size_t field_count;
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
    bool is_server;
    bool has_failed;
    const char *code;
    int pongs;
    int goaways;
};

struct pair {
    struct side client;
    struct side server;
    size_t answer_bytes; /* body of each answer */
    int answer_status;
    bool answers_at_once;
    bool server_consumes;
    bool client_consumes;
    int64_t now_ms;
};

static uint8_t pattern(size_t index)
{
    return (uint8_t)(index * 31 + index / 251);
}

static int64_t test_now(void *self)
{
    return ((struct pair *)self)->now_ms;
}

static struct exchange *next_exchange(struct pair *pair, struct side *side)
{
    if (side->count == EXCHANGES_MAX)
        return NULL;
    struct exchange *exchange = &side->exchanges[side->count++];
    exchange->pair = pair;
    return exchange;
}

static void copy_span(char *out, size_t size, struct span span)
{
    size_t len = span.len < size - 1 ? span.len : size - 1;
    if (len > 0)
        memcpy(out, span.at, len);
    out[len] = 0;
}

static void answer(struct exchange *exchange)
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

static void *on_request(void *self, struct http2_stream *stream,
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
        exchange->field_count = head->field_count;
        exchange->announced_bytes = head->body_bytes;
        for (size_t i = 0; i < head->field_count; i++)
            if (span_is(head->fields[i].name, "x-test"))
                copy_span(exchange->echo, sizeof exchange->echo, head->fields[i].value);
    }
    if (pair->answers_at_once)
        answer(exchange);
    return exchange;
}

static void on_response(void *self, int status, const struct http_field *fields,
                        size_t field_count)
{
    struct exchange *exchange = self;
    CHECK(exchange->status == 0);
    exchange->status = status;
    exchange->field_count = field_count;
    for (size_t i = 0; i < field_count; i++)
        if (span_is(fields[i].name, "x-test"))
            copy_span(exchange->echo, sizeof exchange->echo, fields[i].value);
}

static void on_data(void *self, struct span bytes)
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

static void on_ended(void *self)
{
    struct exchange *exchange = self;
    CHECK(!exchange->has_ended && !exchange->is_closed);
    exchange->has_ended = true;
}

static size_t on_fill(void *self, uint8_t *out, size_t max, bool *is_last)
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

static void on_closed(void *self, uint32_t code)
{
    struct exchange *exchange = self;
    CHECK(!exchange->is_closed);
    exchange->is_closed = true;
    exchange->code = code;
    exchange->stream = NULL;
}

static void on_pong(void *self)
{
    ((struct pair *)self)->client.pongs++;
}

static void on_goaway(void *self)
{
    ((struct pair *)self)->client.goaways++;
}

static const struct http2_events events = {.request = on_request,
                                           .response = on_response,
                                           .data = on_data,
                                           .ended = on_ended,
                                           .fill = on_fill,
                                           .closed = on_closed,
                                           .pong = on_pong,
                                           .goaway = on_goaway};

static struct pair *pair_new_with(const struct http2_settings *client,
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
    pair->server.is_server = true;
    pair->answer_status = 200;
    pair->answers_at_once = pair->server_consumes = pair->client_consumes = true;
    if (!pair->client.session || !pair->server.session)
        abort();
    return pair;
}

static struct pair *pair_new(void)
{
    return pair_new_with(NULL, NULL);
}

static void pair_free(struct pair **pair)
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

static bool give(struct side *to, struct span bytes)
{
    struct err err = {0};
    if (http2_session_receive(to->session, bytes, &err))
        return true;
    to->has_failed = true;
    to->code = err.code;
    return false;
}

/* Moves what one side has to say to the other; false when it was nothing. */
static bool carry(struct side *from, struct side *to)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct err err = {0};
    if (!http2_session_send(from->session, &out, HTTP2_SEND_BYTES, &err))
        return false;
    if (out.len == 0)
        return false;
    if (!to->has_failed)
        (void)give(to, buf_view(&out));
    return true;
}

static void run(struct pair *pair)
{
    bool is_moving = true;
    while (is_moving) {
        is_moving = carry(&pair->client, &pair->server);
        is_moving = carry(&pair->server, &pair->client) || is_moving;
    }
}

static struct exchange *ask_with(struct pair *pair, size_t body_bytes,
                                 const struct http_field *fields, size_t field_count)
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

static struct exchange *ask(struct pair *pair, size_t body_bytes)
{
    return ask_with(pair, body_bytes, NULL, 0);
}

static bool is_whole(const struct exchange *exchange, size_t bytes)
{
    return exchange->has_ended && exchange->received_bytes == bytes &&
           exchange->checksum == 0;
}

/* ---- what works ---- */

static void a_request_and_its_answer_arrive_whole(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 5;
    const struct http_field field = {SPAN("x-test"), SPAN("from the client")};
    struct exchange *asked = ask_with(pair, 0, &field, 1);
    run(pair);
    struct exchange *served = &pair->server.exchanges[0];
    CHECK(pair->server.count == 1);
    CHECK(strcmp(served->method, "GET") == 0);
    CHECK(strcmp(served->target, "/uplink/v1/content?x=1") == 0);
    CHECK(strcmp(served->host, "gateway") == 0);
    CHECK(strcmp(served->echo, "from the client") == 0);
    CHECK(served->announced_bytes == 0 && served->has_ended);
    CHECK(asked->status == 200 && is_whole(asked, 5));
    CHECK(strcmp(asked->echo, "from the server") == 0);
    CHECK(asked->is_closed && asked->code == HTTP2_NO_ERROR);
    CHECK(served->is_closed && served->code == HTTP2_NO_ERROR);
    CHECK(http2_session_stream_count(pair->client.session) == 0);
}

static void bodies_larger_than_the_window_arrive_whole_both_ways(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 3000000;
    struct exchange *asked = ask(pair, 2000000);
    run(pair);
    CHECK(is_whole(&pair->server.exchanges[0], 2000000));
    CHECK(pair->server.exchanges[0].announced_bytes == -1);
    CHECK(is_whole(asked, 3000000) && asked->code == HTTP2_NO_ERROR);
}

static void an_answer_without_body_ends_with_its_head(void)
{
    PAIR pair = pair_new();
    pair->answer_status = 204;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    CHECK(asked->status == 204 && is_whole(asked, 0) && asked->is_closed);
}

static void many_streams_run_side_by_side(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 20000;
    for (int i = 0; i < 500; i++)
        (void)ask(pair, 100);
    run(pair);
    size_t whole_count = 0;
    for (int i = 0; i < 500; i++)
        whole_count += is_whole(&pair->client.exchanges[i], 20000);
    CHECK(whole_count == 500);
    CHECK(pair->server.count == 500);
}

static void a_paused_source_goes_on_when_it_says_so(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 100000;
    pair->answers_at_once = false;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    struct exchange *served = &pair->server.exchanges[0];
    served->is_paused = true;
    answer(served);
    run(pair);
    CHECK(asked->status == 200 && asked->received_bytes == 0 && !asked->has_ended);
    served->is_paused = false;
    http2_stream_more(served->stream);
    run(pair);
    CHECK(is_whole(asked, 100000));
}

static void a_ping_comes_back(void)
{
    PAIR pair = pair_new();
    http2_session_ping(pair->client.session);
    run(pair);
    CHECK(pair->client.pongs == 1);
}

/* ---- back-pressure ---- */

static void a_stalled_stream_keeps_what_its_window_holds_and_no_more(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 10000000;
    pair->client_consumes = false;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    CHECK(asked->received_bytes == HTTP2_STREAM_WINDOW_BYTES);
    http2_stream_consume(asked->stream, asked->unconsumed_bytes);
    run(pair);
    CHECK(asked->received_bytes == 2 * HTTP2_STREAM_WINDOW_BYTES);
}

static void stalled_streams_do_not_stop_another(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 20000000;
    pair->client_consumes = false;
    /* Together they hold more than the connection's window. */
    for (int i = 0; i < 100; i++)
        (void)ask(pair, 0);
    run(pair);
    CHECK(pair->client.exchanges[99].received_bytes == HTTP2_STREAM_WINDOW_BYTES);
    pair->client_consumes = true;
    struct exchange *lively = ask(pair, 0);
    run(pair);
    CHECK(is_whole(lively, 20000000));
    CHECK(pair->client.exchanges[0].received_bytes == HTTP2_STREAM_WINDOW_BYTES);
}

static void credit_for_more_than_came_is_not_given(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 1000000;
    pair->client_consumes = false;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    http2_stream_consume(asked->stream, 100000000);
    run(pair);
    CHECK(asked->received_bytes == 2 * HTTP2_STREAM_WINDOW_BYTES);
}

static void a_window_grows_out_of_the_budget_and_gives_it_back(void)
{
    struct http2_budget budget = {.left_bytes = 1000000};
    struct http2_settings settings = http2_default_settings(HTTP2_CLIENT);
    settings.budget = &budget;
    PAIR pair = pair_new_with(&settings, NULL);
    pair->answer_bytes = 5000000;
    struct exchange *asked = ask(pair, 0);
    for (int i = 0; i < 20; i++) {
        carry(&pair->client, &pair->server);
        carry(&pair->server, &pair->client);
    }
    CHECK(!asked->is_closed);
    CHECK(atomic_load(&budget.left_bytes) < 1000000);
    run(pair);
    CHECK(is_whole(asked, 5000000));
    CHECK(atomic_load(&budget.left_bytes) == 1000000);
}

static void a_stalled_stream_takes_nothing_from_the_budget(void)
{
    struct http2_budget budget = {.left_bytes = 1000000};
    struct http2_settings settings = http2_default_settings(HTTP2_CLIENT);
    settings.budget = &budget;
    PAIR pair = pair_new_with(&settings, NULL);
    pair->answer_bytes = 5000000;
    pair->client_consumes = false;
    (void)ask(pair, 0);
    run(pair);
    CHECK(atomic_load(&budget.left_bytes) == 1000000);
}

static void a_reader_that_takes_nothing_is_cut_after_the_stall(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 1000000;
    pair->client_consumes = false;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    pair->now_ms = 900;
    http2_session_tick(pair->server.session, 1000, -1);
    run(pair);
    CHECK(!asked->is_closed);
    pair->now_ms = 1100;
    http2_session_tick(pair->server.session, 1000, -1);
    run(pair);
    CHECK(asked->is_closed && asked->code == HTTP2_CANCEL && !asked->has_ended);
}

static void a_slow_source_is_not_a_stall(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 1000;
    pair->answers_at_once = false;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    pair->server.exchanges[0].is_paused = true;
    answer(&pair->server.exchanges[0]);
    run(pair);
    pair->now_ms = 100000;
    http2_session_tick(pair->server.session, 1000, 1000);
    run(pair);
    CHECK(!asked->is_closed);
}

static void a_request_that_is_never_completed_is_cut(void)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    struct exchange *asked = ask(pair, 1000);
    asked->is_paused = true;
    run(pair);
    pair->now_ms = 2000;
    http2_session_tick(pair->server.session, -1, 1000);
    run(pair);
    CHECK(asked->is_closed && asked->code == HTTP2_CANCEL);
}

/* ---- cancelling ---- */

static void a_cancelled_request_ends_at_both_sides_and_others_go_on(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 1000000;
    pair->client_consumes = false;
    struct exchange *asked = ask(pair, 0);
    pair->client_consumes = true;
    struct exchange *other = ask(pair, 0);
    carry(&pair->client, &pair->server);
    carry(&pair->server, &pair->client);
    http2_stream_reset(asked->stream, HTTP2_CANCEL);
    http2_stream_reset(asked->stream, HTTP2_CANCEL);
    run(pair);
    CHECK(asked->is_closed && asked->code == HTTP2_CANCEL && !asked->has_ended);
    CHECK(pair->server.exchanges[0].is_closed);
    CHECK(pair->server.exchanges[0].code == HTTP2_CANCEL);
    CHECK(is_whole(other, 1000000));
}

static void a_request_can_be_cancelled_before_it_went_out(void)
{
    PAIR pair = pair_new();
    struct exchange *asked = ask(pair, 0);
    http2_stream_reset(asked->stream, HTTP2_CANCEL);
    run(pair);
    CHECK(asked->is_closed && !asked->has_ended);
    CHECK(pair->server.count == 0);
}

static void a_request_that_waits_for_a_free_stream_can_be_cancelled(void)
{
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.streams_max = 2;
    PAIR pair = pair_new_with(NULL, &settings);
    pair->answers_at_once = false;
    run(pair);
    struct exchange *first = ask(pair, 0);
    (void)ask(pair, 0);
    struct exchange *waiting = ask(pair, 0);
    struct exchange *cancelled = ask(pair, 0);
    run(pair);
    CHECK(pair->server.count == 2);
    http2_stream_reset(cancelled->stream, HTTP2_CANCEL);
    run(pair);
    CHECK(cancelled->is_closed);
    answer(&pair->server.exchanges[0]);
    run(pair);
    CHECK(first->is_closed && pair->server.count == 3 && !waiting->is_closed);
}

static void an_aborted_answer_is_never_complete(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 1000000;
    struct exchange *asked = ask(pair, 0);
    carry(&pair->client, &pair->server);
    carry(&pair->server, &pair->client);
    http2_stream_reset(pair->server.exchanges[0].stream, HTTP2_INTERNAL_ERROR);
    run(pair);
    CHECK(asked->received_bytes > 0 && !asked->has_ended);
    CHECK(asked->is_closed && asked->code == HTTP2_INTERNAL_ERROR);
}

static void an_answer_before_the_end_of_the_request_stops_the_request(void)
{
    PAIR pair = pair_new();
    pair->server_consumes = false;
    pair->answer_status = 413;
    struct exchange *asked = ask(pair, 5000000);
    run(pair);
    CHECK(asked->status == 413 && asked->has_ended && asked->is_closed);
    CHECK(asked->code == HTTP2_NO_ERROR);
    CHECK(pair->server.exchanges[0].received_bytes <= HTTP2_STREAM_WINDOW_BYTES);
}

static void closing_gives_up_what_is_open_and_takes_nothing_new(void)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    struct exchange *asked = ask(pair, 0);
    run(pair);
    http2_session_goaway(pair->server.session, HTTP2_NO_ERROR);
    run(pair);
    CHECK(pair->client.goaways == 1);
    CHECK(http2_session_is_over(pair->server.session));
    struct exchange *late = ask(pair, 0);
    CHECK(!late->stream);
    CHECK(strcmp(pair->client.code, "http2_closing") == 0);
    CHECK(!asked->has_ended);
}

/* ---- hostile peers ---- */

static void frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t id,
                  struct span payload)
{
    const uint8_t head[FRAME_HEAD_BYTES] = {(uint8_t)(payload.len >> 16),
                                            (uint8_t)(payload.len >> 8),
                                            (uint8_t)payload.len,
                                            type,
                                            flags,
                                            (uint8_t)(id >> 24),
                                            (uint8_t)(id >> 16),
                                            (uint8_t)(id >> 8),
                                            (uint8_t)id};
    buf_put(out, head, sizeof head);
    buf_span(out, payload);
}

/* The client's side of a connection written by hand, up to and with SETTINGS. */
static struct buf preface(void)
{
    struct buf out = buf_init(64 << 20);
    buf_cstr(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(&out, 4, 0, 0, SPAN(""));
    return out;
}

/* :method GET, :scheme https, :path /, :authority a (RFC 7541, static table). */
#define GET_BLOCK                                                                        \
    SPAN("\x82\x87\x84\x41\x01"                                                          \
         "a")

/* What the server says to the bytes: the code of its GOAWAY, or UINT32_MAX. */
static uint32_t goaway_of(struct side *server)
{
    CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
    struct err err = {0};
    uint32_t code = UINT32_MAX;
    if (!http2_session_send(server->session, &out, 16 << 20, &err))
        return code;
    struct span rest = buf_view(&out);
    while (rest.len >= FRAME_HEAD_BYTES) {
        size_t len = (size_t)rest.at[0] << 16 | (size_t)rest.at[1] << 8 | rest.at[2];
        if (rest.at[3] == 7 && rest.len >= FRAME_HEAD_BYTES + 8)
            code = (uint32_t)rest.at[13] << 24 | (uint32_t)rest.at[14] << 16 |
                   (uint32_t)rest.at[15] << 8 | rest.at[16];
        rest = span_part(rest, FRAME_HEAD_BYTES + len, rest.len);
    }
    return code;
}

static void a_flood_of_resets_ends_the_connection(void)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 500; id += 2) {
        frame(&in, 1, 5, id, GET_BLOCK);
        frame(&in, 3, 0, id, SPAN("\0\0\0\x08"));
    }
    (void)give(&pair->server, buf_view(&in));
    CHECK(goaway_of(&pair->server) != UINT32_MAX);
    CHECK(http2_session_is_over(pair->server.session));
    CHECK(pair->server.count <= 202);
}

static void resets_that_the_peer_provokes_count_like_its_own(void)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 500; id += 2) {
        frame(&in, 1, 5, id, GET_BLOCK);
        /* a window that overflows makes the server reset the stream */
        frame(&in, 8, 0, id, SPAN("\x7f\xff\xff\xff"));
    }
    /* in pieces, so that the server speaks in between */
    struct span rest = buf_view(&in);
    uint32_t code = UINT32_MAX;
    while (rest.len > 0 && code == UINT32_MAX) {
        (void)give(&pair->server, span_part(rest, 0, 1000));
        code = goaway_of(&pair->server);
        rest = span_part(rest, 1000, rest.len);
    }
    CHECK(code == HTTP2_ENHANCE_YOUR_CALM);
    CHECK(pair->server.count < 300);
}

static void check_flood(uint8_t type, uint8_t flags, uint32_t id, struct span payload,
                        int count)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    if (id > 0)
        frame(&in, 1, 4, id, GET_BLOCK);
    for (int i = 0; i < count; i++)
        frame(&in, type, flags, id, payload);
    if (give(&pair->server, buf_view(&in)))
        printf("# frame type %d is not seen as a flood\n", type);
    CHECK(pair->server.code && strcmp(pair->server.code, "http2_flood") == 0);
    (void)goaway_of(&pair->server);
    CHECK(http2_session_is_over(pair->server.session));
    CHECK(!give(&pair->server, SPAN("more")));
}

static void floods_of_cheap_frames_end_the_connection(void)
{
    check_flood(6, 0, 0, SPAN("12345678"), 1000);     /* PING */
    check_flood(6, 1, 0, SPAN("12345678"), 1000);     /* its answer */
    check_flood(4, 0, 0, SPAN(""), 1000);             /* SETTINGS */
    check_flood(2, 0, 1, SPAN("\0\0\0\0\x10"), 1000); /* PRIORITY */
    check_flood(0, 0, 1, SPAN(""), 1000);             /* empty DATA */
    check_flood(8, 0, 0, SPAN("\0\0\0\x01"), 10000);  /* WINDOW_UPDATE */
}

static void pings_now_and_then_are_fine(void)
{
    PAIR pair = pair_new();
    for (int i = 0; i < 2000; i++) {
        pair->now_ms += 20;
        http2_session_ping(pair->client.session);
        run(pair);
    }
    CHECK(pair->client.pongs == 2000 && !pair->server.has_failed);
}

/* A literal field without indexing, name and value of the given lengths. */
static void literal(struct buf *out, size_t name_len, size_t value_len)
{
    buf_byte(out, 0);
    buf_byte(out, 0x7f);
    for (size_t left = name_len - 127;; left >>= 7) {
        buf_byte(out, (uint8_t)(left > 127 ? (left & 127) | 128 : left));
        if (left <= 127)
            break;
    }
    for (size_t i = 0; i < name_len; i++)
        buf_byte(out, 'n');
    buf_byte(out, 0x7f);
    for (size_t left = value_len - 127;; left >>= 7) {
        buf_byte(out, (uint8_t)(left > 127 ? (left & 127) | 128 : left));
        if (left <= 127)
            break;
    }
    for (size_t i = 0; i < value_len; i++)
        buf_byte(out, 'v');
}

static void a_head_that_is_too_large_is_refused_and_the_connection_goes_on(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    CLEANUP(buf_free) struct buf block = buf_init(1 << 20);
    buf_span(&block, GET_BLOCK);
    literal(&block, 200, 8000);
    literal(&block, 200, 8000);
    frame(&in, 1, 1, 1, span_part(buf_view(&block), 0, 16000));
    frame(&in, 9, 4, 1, span_part(buf_view(&block), 16000, block.len));
    frame(&in, 1, 5, 3, GET_BLOCK);
    CHECK(give(&pair->server, buf_view(&in)));
    CHECK(pair->server.count == 2);
    CHECK(pair->server.exchanges[0].refusal == 431);
    CHECK(pair->server.exchanges[1].refusal == 0);
}

static void too_many_fields_are_refused(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    CLEANUP(buf_free) struct buf block = buf_init(1 << 20);
    buf_span(&block, GET_BLOCK);
    for (int i = 0; i < 65; i++)
        buf_put(&block, "\0\x01n\x01v", 5);
    frame(&in, 1, 5, 1, buf_view(&block));
    CHECK(give(&pair->server, buf_view(&in)));
    CHECK(pair->server.exchanges[0].refusal == 431);
}

static void a_compressed_bomb_of_fields_ends_the_connection(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    CLEANUP(buf_free) struct buf block = buf_init(1 << 20);
    buf_span(&block, GET_BLOCK);
    /* one field of 3000 bytes into the dynamic table, then named 10,000 times */
    buf_put(&block, "\x40\x01n\x7f\xb9\x16", 6);
    for (int i = 0; i < 3000; i++)
        buf_byte(&block, 'v');
    for (int i = 0; i < 10000; i++)
        buf_byte(&block, 0xbe);
    frame(&in, 1, 5, 1, buf_view(&block));
    CHECK(!give(&pair->server, buf_view(&in)));
    CHECK(pair->server.code && strcmp(pair->server.code, "http2_flood") == 0);
    CHECK(pair->server.count == 0);
}

static void endless_continuations_end_the_connection(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 1, 1, GET_BLOCK);
    for (int i = 0; i < 100; i++)
        frame(&in, 9, 0, 1, SPAN("\0\x01n\x01v"));
    (void)give(&pair->server, buf_view(&in));
    (void)goaway_of(&pair->server);
    CHECK(http2_session_is_over(pair->server.session) || pair->server.has_failed);
    CHECK(pair->server.count == 0);
}

static void streams_beyond_the_limit_are_refused_or_end_the_connection(void)
{
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.streams_max = 10;
    PAIR pair = pair_new_with(NULL, &settings);
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 50; id += 2)
        frame(&in, 1, 5, id, GET_BLOCK);
    CHECK(give(&pair->server, buf_view(&in)));
    CHECK(pair->server.count == 10);
    CHECK(goaway_of(&pair->server) == UINT32_MAX);
    /* now the peer has seen our limit */
    buf_reset(&in);
    frame(&in, 4, 1, 0, SPAN(""));
    frame(&in, 1, 5, 101, GET_BLOCK);
    (void)give(&pair->server, buf_view(&in));
    CHECK(pair->server.count == 10);
    CHECK(goaway_of(&pair->server) == HTTP2_PROTOCOL_ERROR);
}

static int refusal_of(struct span block)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 5, 1, block);
    if (!give(&pair->server, buf_view(&in)))
        return -2;
    return pair->server.count == 0 ? -1 : pair->server.exchanges[0].refusal;
}

static void malformed_heads_never_reach_a_handler(void)
{
    CHECK(refusal_of(GET_BLOCK) == 0);
    /* :path without a slash, with a space, with a fragment, absolute */
    CHECK(refusal_of(SPAN("\x82\x87\x04\x01x\x41\x01"
                          "a")) != 0);
    CHECK(refusal_of(SPAN("\x82\x87\x04\x03/ x\x41\x01"
                          "a")) != 0);
    CHECK(refusal_of(SPAN("\x82\x87\x04\x03/#x\x41\x01"
                          "a")) == 400);
    CHECK(refusal_of(SPAN("\x82\x87\x04\x08http://x\x41\x01"
                          "a")) != 0);
    /* two hosts that differ */
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x04host\x01"
                          "b")) == 400);
    /* upper-case name, line feed in a value, a name with a colon inside */
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x01N\x01v")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x01n\x03v\nw")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x03n:m\x01v")) == -1);
    /* no :method, no :path, pseudo field after a field, connection-specific field */
    CHECK(refusal_of(SPAN("\x87\x84\x41\x01"
                          "a")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x41\x01"
                          "a")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x00\x01n\x01v\x84")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x84\x00\x0a"
                          "connection\x05"
                          "close")) == -1);
    /* content-length against an ended stream */
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x0f\x0d\x01"
                          "5")) == -1);
    /* an index that is not there */
    CHECK(refusal_of(SPAN("\x82\x87\x84\xff\xff\x7f")) < 0);
}

static void a_body_of_another_length_than_announced_is_never_complete(void)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 4, 1,
          SPAN("\x83\x87\x84\x41\x01"
               "a\x0f\x0d\x01"
               "5"));
    frame(&in, 0, 1, 1, SPAN("\x00\x1f\x3e\x5d")); /* four bytes of the pattern */
    (void)give(&pair->server, buf_view(&in));
    (void)goaway_of(&pair->server);
    CHECK(pair->server.count == 1);
    CHECK(pair->server.exchanges[0].announced_bytes == 5);
    CHECK(!pair->server.exchanges[0].has_ended && pair->server.exchanges[0].is_closed);
}

static void what_is_not_http2_is_refused(void)
{
    PAIR pair = pair_new();
    CHECK(!give(&pair->server, SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    CHECK(strcmp(pair->server.code, "http2_broken") == 0);
}

static void bytes_cut_anywhere_make_no_difference(void)
{
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 4, 1,
          SPAN("\x83\x87\x84\x41\x01"
               "a\x0f\x0d\x01"
               "4"));
    frame(&in, 0, 1, 1, SPAN("\x00\x1f\x3e\x5d"));
    for (size_t cut = 0; cut <= in.len; cut++) {
        PAIR pair = pair_new();
        CHECK(give(&pair->server, span_part(buf_view(&in), 0, cut)));
        CHECK(give(&pair->server, span_part(buf_view(&in), cut, in.len)));
        CHECK(is_whole(&pair->server.exchanges[0], 4));
    }
}

static void a_session_freed_in_the_middle_closes_its_streams(void)
{
    PAIR pair = pair_new();
    pair->answer_bytes = 1000000;
    pair->client_consumes = false;
    (void)ask(pair, 0);
    (void)ask(pair, 100000);
    carry(&pair->client, &pair->server);
    carry(&pair->server, &pair->client);
    CHECK(!pair->client.exchanges[0].is_closed);
    /* pair_free checks that every exchange was closed */
}

static void server_push_is_refused_by_the_client(void)
{
    PAIR pair = pair_new();
    (void)ask(pair, 0);
    carry(&pair->client, &pair->server);
    CLEANUP(buf_free) struct buf in = buf_init(1 << 16);
    frame(&in, 4, 0, 0, SPAN(""));
    frame(&in, 4, 1, 0, SPAN(""));
    frame(&in, 5, 4, 1,
          SPAN("\0\0\0\x02\x82\x87\x84\x41\x01"
               "a"));
    (void)give(&pair->client, buf_view(&in));
    CHECK(goaway_of(&pair->client) == HTTP2_PROTOCOL_ERROR || pair->client.has_failed);
}

int main(void)
{
    RUN(a_request_and_its_answer_arrive_whole);
    RUN(bodies_larger_than_the_window_arrive_whole_both_ways);
    RUN(an_answer_without_body_ends_with_its_head);
    RUN(many_streams_run_side_by_side);
    RUN(a_paused_source_goes_on_when_it_says_so);
    RUN(a_ping_comes_back);
    RUN(a_stalled_stream_keeps_what_its_window_holds_and_no_more);
    RUN(stalled_streams_do_not_stop_another);
    RUN(credit_for_more_than_came_is_not_given);
    RUN(a_window_grows_out_of_the_budget_and_gives_it_back);
    RUN(a_stalled_stream_takes_nothing_from_the_budget);
    RUN(a_reader_that_takes_nothing_is_cut_after_the_stall);
    RUN(a_slow_source_is_not_a_stall);
    RUN(a_request_that_is_never_completed_is_cut);
    RUN(a_cancelled_request_ends_at_both_sides_and_others_go_on);
    RUN(a_request_can_be_cancelled_before_it_went_out);
    RUN(a_request_that_waits_for_a_free_stream_can_be_cancelled);
    RUN(an_aborted_answer_is_never_complete);
    RUN(an_answer_before_the_end_of_the_request_stops_the_request);
    RUN(closing_gives_up_what_is_open_and_takes_nothing_new);
    RUN(a_flood_of_resets_ends_the_connection);
    RUN(resets_that_the_peer_provokes_count_like_its_own);
    RUN(floods_of_cheap_frames_end_the_connection);
    RUN(pings_now_and_then_are_fine);
    RUN(a_head_that_is_too_large_is_refused_and_the_connection_goes_on);
    RUN(too_many_fields_are_refused);
    RUN(a_compressed_bomb_of_fields_ends_the_connection);
    RUN(endless_continuations_end_the_connection);
    RUN(streams_beyond_the_limit_are_refused_or_end_the_connection);
    RUN(malformed_heads_never_reach_a_handler);
    RUN(a_body_of_another_length_than_announced_is_never_complete);
    RUN(what_is_not_http2_is_refused);
    RUN(bytes_cut_anywhere_make_no_difference);
    RUN(a_session_freed_in_the_middle_closes_its_streams);
    RUN(server_push_is_refused_by_the_client);
    return test_done();
}
