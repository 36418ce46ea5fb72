// SPDX-License-Identifier: Apache-2.0
#include "wire/http2/http2.h"

#include <assert.h>
#include <stdint.h>

#include "base/memory.h"

/* The first byte chooses: bit 0 the role, bit 1 whether the client's preface is given for
 * free, bit 2 whether consumers take what comes, bit 3 whether sources pause, bit 4
 * whether answers are given at once, bits 5 to 7 the pieces in which the rest comes. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_BYTES = 100000, REQUESTS = 3 };

struct fuzz_exchange {
    struct http2_stream *stream;
    size_t received_bytes;
    size_t left_bytes;
    size_t fills;
    bool has_ended;
};

struct choices {
    bool is_client;
    bool has_preface;
    bool consumes;
    bool pauses;
    bool answers;
    size_t piece_bytes;
};

static struct choices choice;
static int64_t open_exchanges;

static int64_t no_time(void *self)
{
    (void)self;
    return 0;
}

static void answer(struct fuzz_exchange *exchange)
{
    const struct http_field fields[] = {{SPAN("content-type"), SPAN("text/plain")}};
    struct http_answer_head head = {.status = 200,
                                    .fields = fields,
                                    .field_count = 1,
                                    .body_bytes = BODY_BYTES,
                                    .has_body = true};
    http2_stream_answer(exchange->stream, &head);
}

static struct fuzz_exchange *exchange_new(struct http2_stream *stream)
{
    struct err err = {0};
    struct fuzz_exchange *exchange = memory_new(1, sizeof *exchange, &err);
    if (!exchange)
        return NULL;
    exchange->stream = stream;
    exchange->left_bytes = BODY_BYTES;
    open_exchanges++;
    return exchange;
}

static void check_field(struct http_field field)
{
    assert(field.name.len > 0 && field.name.at[0] != ':');
    for (size_t i = 0; i < field.name.len; i++)
        assert(field.name.at[i] > ' ' && field.name.at[i] < 0x7f &&
               !(field.name.at[i] >= 'A' && field.name.at[i] <= 'Z'));
    for (size_t i = 0; i < field.value.len; i++)
        assert(field.value.at[i] != '\n' && field.value.at[i] != '\r' &&
               field.value.at[i] != 0);
}

static void *on_request(void *self, struct http2_stream *stream,
                        const struct http_head *head, int refusal)
{
    (void)self;
    assert(!choice.is_client);
    if (refusal == 0) {
        assert(head->target.len > 0 && head->target.at[0] == '/');
        assert(head->method.len > 0 && head->body_bytes >= -1);
        for (size_t i = 0; i < head->field_count; i++)
            check_field(head->fields[i]);
    }
    struct fuzz_exchange *exchange = exchange_new(stream);
    if (exchange && choice.answers)
        answer(exchange);
    return exchange;
}

static void on_response(void *self, int status, const struct http_field *fields,
                        size_t field_count)
{
    (void)self;
    assert(choice.is_client && status >= 200 && status <= 599);
    for (size_t i = 0; i < field_count; i++)
        check_field(fields[i]);
}

static void on_data(void *self, struct span bytes)
{
    struct fuzz_exchange *exchange = self;
    assert(!exchange->has_ended);
    exchange->received_bytes += bytes.len;
    if (choice.consumes)
        http2_stream_consume(exchange->stream, bytes.len);
    else
        assert(exchange->received_bytes <= HTTP2_STREAM_WINDOW_BYTES);
}

static void on_ended(void *self)
{
    struct fuzz_exchange *exchange = self;
    assert(!exchange->has_ended);
    exchange->has_ended = true;
}

static size_t on_fill(void *self, uint8_t *out, size_t max, bool *is_last)
{
    struct fuzz_exchange *exchange = self;
    if (choice.pauses && exchange->fills++ % 2 == 0)
        return 0;
    size_t count = exchange->left_bytes < max ? exchange->left_bytes : max;
    for (size_t i = 0; i < count; i++)
        out[i] = 'x';
    exchange->left_bytes -= count;
    *is_last = exchange->left_bytes == 0;
    return count;
}

static void on_closed(void *self, uint32_t code)
{
    (void)code;
    open_exchanges--;
    memory_free(self);
}

static const struct http2_events events = {.request = on_request,
                                           .response = on_response,
                                           .data = on_data,
                                           .ended = on_ended,
                                           .fill = on_fill,
                                           .closed = on_closed};

static bool speak(struct http2_session *session)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4 * HTTP2_SEND_BYTES);
    return http2_session_send(session, &out, HTTP2_SEND_BYTES, &err);
}

static void ask(struct http2_session *session)
{
    for (int i = 0; i < REQUESTS; i++) {
        struct err err = {0};
        struct http2_request request = {.method = i ? SPAN("POST") : SPAN("GET"),
                                        .path = SPAN("/"),
                                        .authority = SPAN("gateway"),
                                        .has_body = i > 0};
        struct fuzz_exchange *exchange = exchange_new(NULL);
        if (!exchange)
            return;
        exchange->stream = http2_session_request(session, &request, exchange, &err);
        if (!exchange->stream)
            on_closed(exchange, 0);
    }
}

static void listen_to(struct http2_session *session, struct span rest)
{
    bool is_going = true;
    while (is_going && rest.len > 0) {
        struct err err = {0};
        is_going =
            http2_session_receive(session, span_part(rest, 0, choice.piece_bytes), &err);
        is_going = speak(session) && is_going;
        rest = span_part(rest, choice.piece_bytes, rest.len);
    }
}

static void run(struct span rest)
{
    struct err err = {0};
    struct http2_budget budget;
    atomic_init(&budget.left_bytes, 1000000);
    struct http2_settings settings =
        http2_default_settings(choice.is_client ? HTTP2_CLIENT : HTTP2_SERVER);
    settings.clock = (struct clock){no_time, no_time, NULL};
    settings.budget = &budget;
    struct http2_session *session = http2_session_new(&settings, &events, NULL, &err);
    if (!session)
        return;
    if (choice.is_client)
        ask(session);
    bool is_going = speak(session);
    if (is_going && !choice.is_client && choice.has_preface)
        is_going = http2_session_receive(
            session, SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"), &err);
    if (is_going)
        listen_to(session, rest);
    http2_session_tick(session, 0, 0);
    (void)speak(session);
    (void)http2_session_is_over(session);
    http2_session_free(session);
    assert(open_exchanges == 0);
    assert(atomic_load(&budget.left_bytes) == 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 2, 3, 7, 50, 500, 5000, 100000};
    if (size == 0)
        return 0;
    choice = (struct choices){.is_client = data[0] & 1,
                              .has_preface = data[0] & 2,
                              .consumes = data[0] & 4,
                              .pauses = data[0] & 8,
                              .answers = data[0] & 16,
                              .piece_bytes = pieces[data[0] >> 5]};
    run(span_of(data + 1, size - 1));
    return 0;
}
