// SPDX-License-Identifier: Apache-2.0
/* Streams and kept calls over real sockets: how a peer may read, stall and leave. */
#include "wire/http1/http1_testsite.h"

static void keep(struct http_call *call, void *context)
{
    struct testsite *here = context;
    http_keep(call);
    atomic_store(&here->kept, call);
}

static void count_closed(void *context)
{
    struct testsite *here = context;
    pthread_mutex_lock(&here->lock);
    here->events = NULL;
    pthread_mutex_unlock(&here->lock);
    atomic_fetch_add(&here->closed_count, 1);
}

static void go_on(struct source *source)
{
    while (source->left_bytes > 0) {
        uint8_t piece[10007];
        size_t len =
            source->left_bytes < sizeof piece ? source->left_bytes : sizeof piece;
        for (size_t i = 0; i < len; i++)
            piece[i] = source->next++;
        source->left_bytes -= len;
        size_t queued = http_stream_write(source->stream, span_of(piece, len));
        if (queued > HTTP_STREAM_HIGH_BYTES) {
            atomic_store(&site.most_queued_bytes, queued);
            return;
        }
    }
    http_stream_end(source->stream);
}

static void go_on_later(void *context)
{
    struct testsite *here = context;
    atomic_fetch_add(&here->drained_count, 1);
    go_on(&here->source);
}

static const struct http_stream_events source_events = {.drained = go_on_later,
                                                        .closed = count_closed};
static const struct http_stream_events plain_events = {.closed = count_closed};

static void stream_all(struct http_call *call, void *context)
{
    struct testsite *here = context;
    struct span length;
    bool is_announced = http_query(call, "length", &length);
    here->source = (struct source){.left_bytes = STREAM_BYTES};
    here->source.stream =
        http_stream_open(call, 200, "application/octet-stream",
                         is_announced ? STREAM_BYTES : -1, &source_events, here);
    go_on(&here->source);
}

static void stream_and_break(struct http_call *call, void *context)
{
    struct span length;
    bool is_announced = http_query(call, "length", &length);
    atomic_fetch_add(&site.entered_count, 1);
    struct http_stream *stream =
        http_stream_open(call, 200, "application/octet-stream", is_announced ? 100 : -1,
                         &plain_events, context);
    http_stream_write(stream, SPAN("some of it"));
    http_stream_abort(stream);
}

static void stream_too_short(struct http_call *call, void *context)
{
    atomic_fetch_add(&site.entered_count, 1);
    struct http_stream *stream = http_stream_open(call, 200, "application/octet-stream",
                                                  100, &plain_events, context);
    http_stream_write(stream, SPAN("some of it"));
    http_stream_end(stream);
}

static void stream_too_long(struct http_call *call, void *context)
{
    struct http_stream *stream = http_stream_open(call, 200, "application/octet-stream",
                                                  4, &plain_events, context);
    http_stream_write(stream, SPAN("more than four"));
    http_stream_end(stream);
}

/* A source that never looks at what is queued. */
static void stream_without_end(struct http_call *call, void *context)
{
    struct testsite *here = context;
    int before = atomic_load(&here->closed_count);
    struct http_stream *stream = http_stream_open(call, 200, "application/octet-stream",
                                                  -1, &plain_events, context);
    static const uint8_t piece[16384];
    for (int i = 0; i < 1000000 && atomic_load(&here->closed_count) == before; i++)
        http_stream_write(stream, span_of(piece, sizeof piece));
}

static void open_events(struct http_call *call, void *context)
{
    struct testsite *here = context;
    pthread_mutex_lock(&here->lock);
    here->events =
        http_stream_open(call, 200, "text/event-stream", -1, &plain_events, here);
    http_stream_event(here->events, "hello", 7, SPAN("{\"a\":1}"));
    pthread_mutex_unlock(&here->lock);
}

/* A source of its own for each call, fed from its handler and then from the loop. */
struct own_source {
    struct http_stream *stream;
    size_t left_bytes;
};

static void feed(struct own_source *own)
{
    static const uint8_t piece[8000];
    while (own->left_bytes > 0) {
        own->left_bytes -= sizeof piece;
        if (http_stream_write(own->stream, span_of(piece, sizeof piece)) >
            HTTP_STREAM_HIGH_BYTES)
            return;
    }
    http_stream_end(own->stream);
}

static void feed_on(void *context)
{
    feed(context);
}

static void own_closed(void *context)
{
    (void)context;
    atomic_fetch_add(&site.closed_count, 1);
}

static void stream_own(struct http_call *call, void *context)
{
    static const struct http_stream_events own_events = {.drained = feed_on,
                                                         .closed = own_closed};
    struct err err = {0};
    struct span length;
    (void)context;
    struct own_source *own = ARENA_NEW(http_arena(call), struct own_source, &err);
    own->left_bytes = 8000 * 60;
    bool is_announced = http_query(call, "length", &length);
    atomic_fetch_add(&site.entered_count, 1);
    own->stream = http_stream_open(call, 200, "application/octet-stream",
                                   is_announced ? 8000 * 60 : -1, &own_events, own);
    if (own->stream)
        feed(own);
    else
        atomic_fetch_sub(&site.entered_count, 1);
}

static void keep_and_resume(struct http_call *call, void *context)
{
    (void)context;
    http_keep(call);
    http_resume(call, ping, NULL);
}

/* A head of some kilobytes, and nothing behind it. */
static void answer_head_only(struct http_call *call, void *context)
{
    static char value[3001];
    (void)context;
    memset(value, 'v', sizeof value - 1);
    http_add_header(call, "x-long", value);
    atomic_fetch_add(&site.entered_count, 1);
    http_answer_empty(call);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/head_only", answer_head_only, 0},
    {HTTP_GET, "/api/v1/own", stream_own, 0},
    {HTTP_GET, "/api/v1/resumed", keep_and_resume, 0},
    {HTTP_GET, "/api/v1/ping", ping, 0},
    {HTTP_GET, "/api/v1/kept", keep, 0},
    {HTTP_GET, "/api/v1/stream", stream_all, 0},
    {HTTP_GET, "/api/v1/broken", stream_and_break, 0},
    {HTTP_GET, "/api/v1/short", stream_too_short, 0},
    {HTTP_GET, "/api/v1/long", stream_too_long, 0},
    {HTTP_GET, "/api/v1/endless", stream_without_end, 0},
    {HTTP_GET, "/api/v1/events", open_events, 0},
};

static void open_site(struct http_limits limits)
{
    testsite_open(limits, routes, sizeof routes / sizeof *routes);
}

/* ---- kept calls ---- */

static void a_kept_call_is_answered_later(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/kept HTTP/1.1\r\n" LAST);
    struct http_call *call = wait_for_kept();
    http_answer(call, 200, "text/plain", SPAN("at last"));
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 200 && has("at last"));
    close(fd);
    close_site();
}

static void a_kept_call_is_resumed_in_a_worker(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/kept HTTP/1.1\r\n" LAST);
    http_resume(wait_for_kept(), ping, NULL);
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 200 && has("pong"));
    close(fd);
    atomic_store(&site.kept, NULL);
    fd = dial();
    say_string(fd, "GET /api/v1/kept HTTP/1.1\r\n" LAST);
    http_resume(wait_for_kept(), answer_nothing, NULL);
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 500);
    close(fd);
    close_site();
}

static void a_kept_call_survives_its_client(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/kept HTTP/1.1\r\n" OWN "\r\n");
    struct http_call *call = wait_for_kept();
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    ask(START LAST, strlen(START LAST));
    CHECK(status_of_reply() == 200);
    CHECK(http_call_method(call) == HTTP_GET);
    http_answer(call, 200, "text/plain", SPAN("to nobody"));
    ask(START LAST, strlen(START LAST));
    CHECK(status_of_reply() == 200);
    close_site();
}

static void a_stream_for_a_dead_client_is_told_so(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/kept HTTP/1.1\r\n" OWN "\r\n");
    struct http_call *call = wait_for_kept();
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    ask(START LAST, strlen(START LAST));
    http_resume(call, open_events, &site);
    CHECK(comes_true(&site.closed_count, 1));
    close_site();
}

static void a_kept_call_may_outlive_the_server(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/kept HTTP/1.1\r\n" OWN "\r\n");
    struct http_call *call = wait_for_kept();
    loop_stop(site.loop);
    pthread_join(site.thread, NULL);
    http_server_close(site.server);
    http_answer(call, 200, "text/plain", SPAN("to nobody"));
    workers_free(site.workers);
    loop_free(site.loop);
    http_router_free(site.router);
    listen_for(fd, NULL);
    CHECK(reply.len == 0);
    close(fd);
    close(site.log_pipe[0]);
    close(site.log_pipe[1]);
}

/* ---- streams ---- */

/* Reads a chunked or plain body and checks its pattern; the number of bytes. */
static size_t read_pattern(int fd, bool is_chunked, bool is_slow)
{
    static uint8_t bytes[65536];
    struct http1_chunks chunks = {0};
    size_t count = 0;
    for (;;) {
        ssize_t len = recv(fd, bytes, is_slow ? 8192 : sizeof bytes, 0);
        if (len <= 0)
            return count;
        struct span rest = span_of(bytes, (size_t)len);
        while (rest.len > 0) {
            struct span data = is_chunked ? http1_take_chunk(&chunks, &rest) : rest;
            rest = is_chunked ? rest : SPAN("");
            for (size_t i = 0; i < data.len; i++)
                if (data.at[i] != (uint8_t)(count + i))
                    return 0;
            count += data.len;
            if (chunks.state >= HTTP1_CHUNK_DONE)
                return chunks.state == HTTP1_CHUNK_DONE ? count : 0;
        }
        if (is_slow && count % 20 == 0)
            usleep(500);
    }
}

/* The head, byte by byte, so that nothing of the body is taken. */
static void read_head(int fd)
{
    reply.len = 0;
    while (reply.len < REPLY_BYTES && recv(fd, reply.bytes + reply.len, 1, 0) == 1) {
        reply.bytes[++reply.len] = '\0';
        if (has("\r\n\r\n"))
            return;
    }
}

/* The buffers of both systems are full, and the source has stopped. */
static bool comes_to_a_stop(void)
{
    for (int i = 0; i < WAIT_MS && atomic_load(&site.most_queued_bytes) == 0; i++)
        usleep(1000);
    return atomic_load(&site.most_queued_bytes) > 0;
}

static void a_stream_waits_for_its_reader(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/stream HTTP/1.1\r\n" OWN "\r\n");
    read_head(fd);
    CHECK(comes_to_a_stop());
    CHECK(has("transfer-encoding: chunked\r\n") && !has("content-length"));
    CHECK(read_pattern(fd, true, true) == STREAM_BYTES);
    CHECK(comes_true(&site.closed_count, 1));
    CHECK(atomic_load(&site.drained_count) > 0);
    CHECK(atomic_load(&site.most_queued_bytes) <= HTTP_STREAM_HIGH_BYTES + 10007);
    say_string(fd, START LAST);
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 200);
    close(fd);
    close_site();
}

static void a_stream_of_known_length_has_no_chunks(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/stream?length=1 HTTP/1.1\r\n" LAST);
    read_head(fd);
    CHECK(has("content-length: 16777216\r\n") && !has("chunked"));
    CHECK(read_pattern(fd, false, false) == STREAM_BYTES);
    close(fd);
    CHECK(comes_true(&site.closed_count, 1));
    close_site();
}

static void check_cut(const char *path)
{
    char bytes[128];
    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\n" OWN "\r\n", path);
    open_site(usual());
    ask(bytes, strlen(bytes));
    CHECK(!has("0\r\n\r\n") && !reply.has_ended && reply.was_reset);
    CHECK(comes_true(&site.closed_count, 1));
    close_site();
}

static void an_aborted_stream_never_looks_whole(void)
{
    check_cut("/api/v1/broken");
    check_cut("/api/v1/broken?length=1");
    check_cut("/api/v1/short");
    check_cut("/api/v1/long");
}

static void a_source_that_does_not_pause_is_cut(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/endless HTTP/1.1\r\n" OWN "\r\n");
    CHECK(comes_true(&site.closed_count, 1));
    close(fd);
    close_site();
}

static void a_stalled_reader_is_cut(void)
{
    struct http_limits limits = usual();
    limits.stream_stall_ms = 150;
    open_site(limits);
    int fd = dial();
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say_string(fd, "GET /api/v1/stream HTTP/1.1\r\n" OWN "\r\n");
    CHECK(comes_true(&site.closed_count, 1));
    close(fd);
    close_site();
}

/* True when no more of them began for a while. */
static bool comes_to_rest(const atomic_int *count, int all)
{
    enum { REST_MS = 300 };
    int before = -1, rested_ms = 0;
    for (int i = 0; i < 4 * WAIT_MS && rested_ms < REST_MS; i++, rested_ms++) {
        int now = atomic_load(count);
        rested_ms = now == before ? rested_ms : 0;
        before = now;
        usleep(1000);
    }
    return before > 0 && before < all;
}

static int count_answers(int fd)
{
    static const char status_line[] = "HTTP/1.1 204 ";
    static char bytes[65536];
    size_t kept = 0;
    int count = 0;
    for (;;) {
        ssize_t len = recv(fd, bytes + kept, sizeof bytes - kept, 0);
        if (len <= 0)
            return count;
        const char *at = bytes, *end = bytes + kept + len;
        for (const char *next;
             (next = memmem(at, (size_t)(end - at), status_line, strlen(status_line)));
             count++)
            at = next + 1;
        kept = end - at < 12 ? (size_t)(end - at) : 12;
        memmove(bytes, end - kept, kept);
    }
}

/* Else what it was answered would grow to all that a connection may queue. */
static void who_asks_and_does_not_read_is_not_read_either(void)
{
    enum { REQUESTS = 8000 };
    static const char one[] = "GET /api/v1/head_only HTTP/1.1\r\n" OWN "\r\n";
    open_site(usual());
    int fd = dial();
    for (int i = 0; i < REQUESTS; i++)
        say_string(fd, one);
    CHECK(comes_to_rest(&site.entered_count, REQUESTS));
    shutdown(fd, SHUT_WR);
    CHECK(count_answers(fd) == REQUESTS);
    close(fd);
    close_site();
}

static void a_reader_that_leaves_ends_the_stream(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/events HTTP/1.1\r\n" OWN "\r\n");
    listen_for(fd, "hello");
    close(fd);
    CHECK(comes_true(&site.closed_count, 1));
    close_site();
}

static void events_arrive_one_by_one(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/events HTTP/1.1\r\n" OWN "\r\n");
    listen_for(fd, "{\"a\":1}\n\n");
    CHECK(has("content-type: text/event-stream\r\n") && has("cache-control: no-store"));
    CHECK(has("id: 7\nevent: hello\ndata: {\"a\":1}\n\n"));
    pthread_mutex_lock(&site.lock);
    http_stream_event(site.events, "two", -1, SPAN("line\r\ndata"));
    pthread_mutex_unlock(&site.lock);
    listen_for(fd, "\n\n");
    CHECK(has("event: two\ndata: line\ndata: data\n\n") && !has("id:"));
    pthread_mutex_lock(&site.lock);
    http_stream_event(site.events, NULL, -1, SPAN(""));
    pthread_mutex_unlock(&site.lock);
    listen_for(fd, "\n\n");
    CHECK(has(":\n\n"));
    CHECK(atomic_load(&site.closed_count) == 0);
    close_site();
    CHECK(atomic_load(&site.closed_count) == 1);
    close(fd);
}

/* Each client does a little of everything and leaves when it likes. */
static void *come_and_go(void *context)
{
    static const char *const requests[] = {
        START OWN "\r\n" START OWN "\r\n",
        "GET /api/v1/broken HTTP/1.1\r\n" OWN "\r\n",
        "GET /api/v1/short HTTP/1.1\r\n" OWN "\r\n" START OWN "\r\n",
        "GET /api/v1/own HTTP/1.1\r\n" OWN "\r\n" START OWN "\r\n",
        "GET /api/v1/own?length=1 HTTP/1.1\r\n" LAST,
        "GET /api/v1/resumed HTTP/1.1\r\n" LAST,
        "GET /api/v1/nowhere HTTP/1.1\r\nHost",
        "bad\r\n\r\n",
    };
    unsigned *number = context;
    struct linger hard = {.l_onoff = 1};
    for (unsigned i = 0; i < 60; i++) {
        char bytes[4096];
        unsigned chance = (*number * 7919 + i * 104729) % 997;
        int fd = dial();
        say_string(fd, requests[chance % 8]);
        for (unsigned reads = chance % 5; reads > 0; reads--)
            if (recv(fd, bytes, sizeof bytes, 0) <= 0)
                break;
        if (chance % 3 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
    }
    return NULL;
}

static void many_clients_come_and_go(void)
{
    pthread_t threads[6];
    unsigned numbers[6];
    struct http_limits limits = usual();
    limits.idle_deadline_ms = 20; /* clients wait for more than there is to come */
    limits.head_deadline_ms = 20;
    open_site(limits);
    for (unsigned i = 0; i < 6; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, come_and_go, &numbers[i]);
    }
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    ask(START LAST, strlen(START LAST));
    CHECK(status_of_reply() == 200 || status_of_reply() == 503);
    close_site();
    CHECK(atomic_load(&site.closed_count) == atomic_load(&site.entered_count));
}

int main(void)
{
    RUN(a_kept_call_is_answered_later);
    RUN(a_kept_call_is_resumed_in_a_worker);
    RUN(a_kept_call_survives_its_client);
    RUN(a_stream_for_a_dead_client_is_told_so);
    RUN(a_kept_call_may_outlive_the_server);
    RUN(a_stream_waits_for_its_reader);
    RUN(a_stream_of_known_length_has_no_chunks);
    RUN(an_aborted_stream_never_looks_whole);
    RUN(a_source_that_does_not_pause_is_cut);
    RUN(a_stalled_reader_is_cut);
    RUN(who_asks_and_does_not_read_is_not_read_either);
    RUN(a_reader_that_leaves_ends_the_stream);
    RUN(events_arrive_one_by_one);
    RUN(many_clients_come_and_go);
    return test_done();
}
