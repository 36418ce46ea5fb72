// SPDX-License-Identifier: Apache-2.0
/* Streams under a codec that takes its time. */
#include "wire/http/call.h"
#include "wire/http/http_testsite.h"

static void count_drained(void *context)
{
    (void)context;
    site.drained_count++;
}

static void count_closed(void *context)
{
    (void)context;
    site.closed_count++;
}

static void open_stream(struct http_call *call, void *context)
{
    static const struct http_stream_events events = {count_drained, count_closed};
    site.stream =
        http_stream_open(call, 200, "application/octet-stream", -1, &events, context);
}

static const struct http_route route = {HTTP_GET, "/api/v1/stream", open_stream, 0};

/* The codec may know of the stream before the handler has it in its hands. */
static struct http_stream *ask_for_stream(void)
{
    site.stream = NULL;
    ask((struct wish){.target = "/api/v1/stream", .is_lazy = true});
    while (!site.stream)
        usleep(100);
    return site.stream;
}

static void drained_comes_once_after_too_much_was_queued(void)
{
    static const uint8_t piece[100 * 1024];
    testsite_open(NULL, &route, 1);
    struct http_stream *stream = ask_for_stream();
    CHECK(http_stream_write(stream, span_of(piece, sizeof piece)) == sizeof piece);
    CHECK(http_stream_write(stream, span_of(piece, sizeof piece)) == 2 * sizeof piece);
    CHECK(http_stream_write(stream, span_of(piece, sizeof piece)) >
          HTTP_STREAM_HIGH_BYTES);
    for (size_t left = 3 * sizeof piece; left > 1024; left -= 1024) {
        CHECK(http_call_peek(site.last.call).len > 0);
        http_call_take(site.last.call, 1024);
        CHECK(site.drained_count == (left - 1024 <= HTTP_STREAM_LOW_BYTES));
    }
    CHECK(!http_call_is_finished(site.last.call));
    http_stream_end(stream);
    CHECK(http_call_peek(site.last.call).len == 1024 &&
          !http_call_is_finished(site.last.call));
    http_call_take(site.last.call, 1024);
    CHECK(http_call_is_finished(site.last.call) && site.drained_count == 1 &&
          site.closed_count == 0);
    done();
    CHECK(site.closed_count == 1);
    close_site();
}

static void below_the_mark_nobody_is_told_to_go_on(void)
{
    static const uint8_t piece[200 * 1024];
    testsite_open(NULL, &route, 1);
    struct http_stream *stream = ask_for_stream();
    http_stream_write(stream, span_of(piece, sizeof piece));
    CHECK(http_call_peek(site.last.call).len == sizeof piece);
    http_call_take(site.last.call, sizeof piece);
    CHECK(site.drained_count == 0);
    close_site();
    CHECK(site.closed_count == 1);
}

static void a_stream_cut_by_its_source_is_cut_once(void)
{
    testsite_open(NULL, &route, 1);
    struct http_stream *stream = ask_for_stream();
    http_stream_abort(stream);
    http_stream_abort(stream);
    CHECK(http_stream_write(stream, SPAN("more")) == 0);
    run();
    CHECK(site.last.cut_count == 1 && !http_call_is_finished(site.last.call));
    loop_post(site.loop, stop, NULL);
    run();
    CHECK(site.last.cut_count == 1);
    close_site();
    CHECK(site.closed_count == 1);
}

static void an_answer_after_the_peer_left_goes_nowhere(void)
{
    testsite_open(NULL, &route, 1);
    begin((struct wish){.target = "/api/v1/stream"});
    http_call_dispatch(site.last.call);
    done();
    workers_free(site.workers);
    loop_post(site.loop, stop, NULL);
    run();
    CHECK(site.last.answered_count == 0 && site.closed_count == 1);
    site.workers = NULL;
    close_site();
}

static struct buf made_of(const char *bytes)
{
    struct buf buf = buf_init(64);
    buf_cstr(&buf, bytes);
    return buf;
}

static void what_is_given_moves_and_keeps_its_place(void)
{
    testsite_open(NULL, &route, 1);
    struct http_stream *stream = ask_for_stream();
    CLEANUP(buf_free) struct buf first = made_of("first ");
    CLEANUP(buf_free) struct buf second = made_of("second");
    const uint8_t *where = first.at;
    CHECK(http_stream_give(stream, &first) == 6 && first.len == 0 && first.at != where);
    CHECK(http_stream_give(stream, &second) == 12 && second.len == 0);
    http_stream_write(stream, SPAN(" third"));
    http_stream_end(stream);
    struct span all = http_call_peek(site.last.call);
    CHECK(span_is(all, "first second third"));
    http_call_take(site.last.call, all.len);
    CHECK(http_call_is_finished(site.last.call));
    buf_cstr(&second, "too late");
    CHECK(http_stream_give(stream, &second) == 0 && second.len == 0);
    done();
    close_site();
}

/* More than may wait one by one: the last of them are put together. */
static void large_ones_go_out_from_where_they_lie_in_the_order_they_came(void)
{
    enum { LARGE = 20 * 1024, COUNT = HTTP_STREAM_PIECES_MAX + 3 };
    const uint8_t *where[COUNT];
    testsite_open(NULL, &route, 1);
    struct http_stream *stream = ask_for_stream();
    for (int i = 0; i < COUNT; i++) {
        CLEANUP(buf_free) struct buf large = buf_init(LARGE);
        where[i] = memset(buf_take(&large, LARGE), i, LARGE);
        CHECK(http_stream_give(stream, &large) == (size_t)(i + 1) * LARGE);
        CHECK(large.len == 0 && large.max_bytes == LARGE);
    }
    http_stream_end(stream);
    size_t wrong = 0;
    for (size_t at = 0; at < (size_t)COUNT * LARGE;) {
        struct span piece = http_call_peek(site.last.call);
        size_t i = at / LARGE;
        CHECK(piece.len > 0 && (i >= HTTP_STREAM_PIECES_MAX - 1 || piece.at == where[i]));
        piece = span_part(piece, 0, LARGE - at % LARGE);
        for (size_t k = 0; k < piece.len; k++)
            wrong += piece.at[k] != i;
        http_call_take(site.last.call, piece.len);
        at += piece.len;
    }
    CHECK(wrong == 0 && http_call_is_finished(site.last.call));
    done();
    close_site();
}

/* A source that does not pause is cut, whatever waits in however many pieces. */
static void more_than_eight_megabytes_cut_it(void)
{
    enum { LARGE = 1024 * 1024 };
    testsite_open(NULL, &route, 1);
    struct http_stream *stream = ask_for_stream();
    for (int i = 0; i < 9; i++) {
        CLEANUP(buf_free) struct buf large = buf_init(LARGE);
        memset(buf_take(&large, LARGE), 7, LARGE);
        http_stream_give(stream, &large);
    }
    run();
    CHECK(site.last.cut_count == 1 && !http_call_is_finished(site.last.call));
    close_site();
}

static void one_stream_too_many_is_told_to_come_back(void)
{
    testsite_open(NULL, &route, 1);
    site.service->limits.connections_max = 1;
    ask_for_stream();
    struct http_call *first = site.last.call;
    ask((struct wish){.target = "/api/v1/stream"});
    CHECK(is_problem(503, "streams_full") && span_is(field("retry-after"), "1"));
    done();
    http_call_done(first);
    CHECK(site.closed_count == 1);
    CHECK(ask_for_stream() && site.last.head.status == 200);
    close_site();
}

int main(void)
{
    RUN(drained_comes_once_after_too_much_was_queued);
    RUN(below_the_mark_nobody_is_told_to_go_on);
    RUN(a_stream_cut_by_its_source_is_cut_once);
    RUN(an_answer_after_the_peer_left_goes_nowhere);
    RUN(what_is_given_moves_and_keeps_its_place);
    RUN(large_ones_go_out_from_where_they_lie_in_the_order_they_came);
    RUN(more_than_eight_megabytes_cut_it);
    RUN(one_stream_too_many_is_told_to_come_back);
    return test_done();
}
