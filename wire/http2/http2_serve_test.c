// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/test.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"

/* The server with its routes, over TLS with ALPN h2, asked by our own client. The server
 * has its own thread; the client's loop runs on the test's. */

enum { ASKED_MAX = 128, GUARD_MS = 20000, PIECE_BYTES = 16 * 1024 };

static char folder[64];
static struct tls_context *server_tls;
static struct tls_context *client_tls;

/* ---- the server ---- */

struct site {
    struct loop *loop;
    pthread_t thread;
    struct workers *workers;
    struct http_router *router;
    struct http_server *server;
    atomic_int closed_streams;
};

static void serve_hello(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", SPAN("hello"));
}

static void serve_echo(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/octet-stream", http_body(call));
}

static void serve_taken(struct http_call *call, void *context)
{
    (void)context;
    http_answer_empty(call);
}

static void on_drained(void *context)
{
    (void)context;
}

static void on_stream_closed(void *context)
{
    struct site *site = context;
    atomic_fetch_add(&site->closed_streams, 1);
}

static const struct http_stream_events stream_events = {.drained = on_drained,
                                                        .closed = on_stream_closed};

/* More than any window: 200 KB, then an end, or none. */
static void serve_much(struct http_call *call, void *context)
{
    static const uint8_t piece[PIECE_BYTES];
    bool is_endless = span_is(http_param(call, "end"), "never");
    struct http_stream *stream =
        http_stream_open(call, 200, "text/plain", -1, &stream_events, context);
    if (!stream)
        return;
    for (int i = 0; i < 13; i++)
        http_stream_write(stream, span_of(piece, sizeof piece));
    if (!is_endless)
        http_stream_end(stream);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/hello", serve_hello, 0},
    {HTTP_POST, "/api/echo", serve_echo, 400000},
    {HTTP_POST, "/api/take", serve_taken, 50000000},
    {HTTP_GET, "/api/much/{end}", serve_much, 0},
};

static void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static struct site *site_new(const struct http_limits *limits)
{
    struct err err = {0};
    struct site *site = memory_new(1, sizeof *site, &err);
    if (!site)
        abort();
    site->loop = loop_new(&err);
    site->workers = workers_new(2, 256, &err);
    site->router = http_router_new();
    http_router_add(site->router, routes, sizeof routes / sizeof *routes, site);
    struct http_server_config config = {.loop = site->loop,
                                        .workers = site->workers,
                                        .tls = server_tls,
                                        .router = site->router,
                                        .address = "127.0.0.1",
                                        .limits =
                                            limits ? *limits : http_default_limits()};
    site->server = http_server_open(&config, &err);
    if (!site->server)
        abort();
    pthread_create(&site->thread, NULL, run_loop, site->loop);
    return site;
}

static void site_free(struct site **at)
{
    struct site *site = *at;
    loop_stop(site->loop);
    pthread_join(site->thread, NULL);
    http_server_close(site->server);
    workers_free(site->workers);
    loop_free(site->loop);
    http_router_free(site->router);
    memory_free(site);
}

#define SITE CLEANUP(site_free) struct site *

/* ---- the client ---- */

struct asked {
    struct client *client;
    struct http2_stream *stream;
    int status;
    bool has_csp;
    size_t body_bytes;
    size_t sent_bytes;
    size_t to_send_bytes;
    bool consumes;
    bool is_paused;
    bool has_ended;
    bool is_closed;
    bool is_awaited; /* its answer's head ends the run */
    uint32_t code;
    char body[200];
};

struct client {
    struct loop *loop;
    struct loop_timer *guard;
    struct http_connection *connection;
    struct http2_line *line;
    struct asked asked[ASKED_MAX];
    int asked_count;
    int open_count;
    int goaways;
    bool is_closed;
    bool waits_for_the_end;
    bool has_timed_out;
};

static void on_response(void *context, int status, const struct http_field *fields,
                        size_t count)
{
    struct asked *asked = context;
    asked->status = status;
    if (asked->is_awaited)
        loop_stop(asked->client->loop);
    for (size_t i = 0; i < count; i++)
        asked->has_csp =
            asked->has_csp || span_is(fields[i].name, "x-content-type-options");
}

static void on_data(void *context, struct span bytes)
{
    struct asked *asked = context;
    size_t room = sizeof asked->body - 1;
    if (asked->body_bytes + bytes.len < room)
        memcpy(asked->body + asked->body_bytes, bytes.at, bytes.len);
    asked->body_bytes += bytes.len;
    if (asked->consumes)
        http2_stream_consume(asked->stream, bytes.len);
}

static void on_ended(void *context)
{
    struct asked *asked = context;
    asked->has_ended = true;
}

static size_t on_fill(void *context, uint8_t *out, size_t max, bool *is_last)
{
    struct asked *asked = context;
    if (asked->is_paused)
        return 0;
    size_t left = asked->to_send_bytes - asked->sent_bytes;
    size_t count = left < max ? left : max;
    memset(out, 'x', count);
    asked->sent_bytes += count;
    *is_last = count == left;
    return count;
}

static void on_closed(void *context, uint32_t code)
{
    struct asked *asked = context;
    asked->is_closed = true;
    asked->code = code;
    if (--asked->client->open_count == 0 && !asked->client->waits_for_the_end)
        loop_stop(asked->client->loop);
}

static void on_goaway(void *self)
{
    struct client *client = self;
    client->goaways++;
}

static const struct http2_events client_events = {.response = on_response,
                                                  .data = on_data,
                                                  .ended = on_ended,
                                                  .fill = on_fill,
                                                  .closed = on_closed,
                                                  .goaway = on_goaway};

static void on_line_closed(void *self, const struct err *reason)
{
    (void)reason;
    struct client *client = self;
    client->line = NULL;
    client->is_closed = true;
    loop_stop(client->loop);
}

static void on_established(void *self)
{
    struct client *client = self;
    struct err err = {0};
    struct http2_settings settings = http2_default_settings(HTTP2_CLIENT);
    struct http2_line_config config = {.settings = &settings,
                                       .events = &client_events,
                                       .self = client,
                                       .stall_ms = -1,
                                       .body_ms = -1,
                                       .idle_ms = -1,
                                       .closed = on_line_closed};
    CHECK(strcmp(http_connection_alpn(client->connection), "h2") == 0);
    client->line = http2_line_open(client->connection, &config, &err);
    CHECK(client->line);
    loop_stop(client->loop);
}

static size_t on_received(void *self, struct span bytes)
{
    (void)self;
    (void)bytes;
    return 0;
}

static void on_connection_closed(void *self, const struct err *reason)
{
    struct client *client = self;
    printf("# not connected: %s\n", reason->code ? reason->code : "?");
    client->is_closed = true;
    loop_stop(client->loop);
}

static const struct http_connection_events connection_events = {
    .established = on_established,
    .received = on_received,
    .closed = on_connection_closed};

static void on_guard(void *context)
{
    struct client *client = context;
    client->has_timed_out = true;
    loop_stop(client->loop);
}

static void run(struct client *client)
{
    loop_timer_set(client->guard, GUARD_MS);
    loop_run(client->loop);
    CHECK(!client->has_timed_out);
}

static struct client *client_new(const struct site *site)
{
    struct err err = {0};
    struct client *client = memory_new(1, sizeof *client, &err);
    if (!client)
        abort();
    client->loop = loop_new(&err);
    client->guard = loop_timer_new(client->loop, on_guard, client, &err);
    struct http_dial dial = {.context = client_tls, .host = "127.0.0.1"};
    if (!http_resolve("127.0.0.1", http_server_port(site->server), &dial.address, &err))
        abort();
    client->connection =
        http_connection_dial(client->loop, &dial, &connection_events, client, &err);
    run(client);
    CHECK(client->line);
    return client;
}

static void client_free(struct client **at)
{
    struct client *client = *at;
    if (client->line)
        http2_line_abandon(client->line, false);
    loop_timer_free(client->guard);
    loop_free(client->loop);
    memory_free(client);
}

#define CLIENT CLEANUP(client_free) struct client *

static struct asked *ask_with(struct client *client, const char *method, const char *path,
                              size_t body_bytes, size_t field_bytes)
{
    struct err err = {0};
    struct asked *asked = &client->asked[client->asked_count++];
    static char large[40000];
    memset(large, 'v', sizeof large);
    const struct http_field field = {SPAN("x-large"), span_of(large, field_bytes)};
    struct http2_request request = {.method = span_cstr(method),
                                    .path = span_cstr(path),
                                    .authority = SPAN("127.0.0.1"),
                                    .fields = &field,
                                    .field_count = field_bytes > 0 ? 1 : 0,
                                    .has_body = body_bytes > 0};
    *asked =
        (struct asked){.client = client, .to_send_bytes = body_bytes, .consumes = true};
    client->open_count++;
    asked->stream =
        http2_session_request(http2_line_session(client->line), &request, asked, &err);
    CHECK(asked->stream);
    return asked;
}

static struct asked *ask(struct client *client, const char *method, const char *path)
{
    return ask_with(client, method, path, 0, 0);
}

static void finish(struct client *client)
{
    http2_line_flush(client->line);
    run(client);
}

/* Its source is open then: it stands before another request is looked at. */
static struct asked *ask_for_source(struct client *client)
{
    struct asked *asked = ask(client, "GET", "/api/much/never");
    asked->is_awaited = true;
    http2_line_flush(client->line);
    run(client);
    CHECK(asked->status == 200);
    return asked;
}

/* ---- behaviour ---- */

static void a_route_answers_over_http2(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    struct asked *asked = ask(client, "GET", "/api/hello");
    finish(client);
    CHECK(asked->status == 200 && strcmp(asked->body, "hello") == 0);
    CHECK(asked->has_ended && asked->code == HTTP2_NO_ERROR && asked->has_csp);
}

static void a_body_comes_back_whole(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    struct asked *asked = ask_with(client, "POST", "/api/echo", 300000, 0);
    finish(client);
    CHECK(asked->status == 200 && asked->body_bytes == 300000 && asked->has_ended);
}

/* Each within its route's limit; together more than one connection may hold. */
static void bodies_of_one_connection_have_a_limit_together(void)
{
    enum { EACH = 40000000 };
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    struct asked *first = ask_with(client, "POST", "/api/take", EACH, 0);
    struct asked *second = ask_with(client, "POST", "/api/take", EACH, 0);
    finish(client);
    CHECK((first->status == 204 && second->status == 503) ||
          (first->status == 503 && second->status == 204));
    struct asked *refused = first->status == 503 ? first : second;
    CHECK(strstr(refused->body, "\"code\":\"connection_full\""));
    struct asked *third = ask_with(client, "POST", "/api/take", EACH, 0);
    finish(client);
    CHECK(third->status == 204); /* what was held is given back */
}

static void a_hundred_requests_share_a_connection(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    for (int i = 0; i < 100; i++)
        (void)ask(client, "GET", i % 2 ? "/api/much/soon" : "/api/hello");
    finish(client);
    int good_count = 0;
    for (int i = 0; i < 100; i++)
        good_count += client->asked[i].status == 200 && client->asked[i].has_ended &&
                      client->asked[i].body_bytes == (i % 2 ? 13 * PIECE_BYTES : 5);
    CHECK(good_count == 100);
}

static void refusals_leave_the_connection_in_use(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    struct asked *unknown = ask(client, "GET", "/api/nothing");
    struct asked *method = ask(client, "DELETE", "/api/hello");
    struct asked *odd = ask(client, "BREW", "/api/hello");
    struct asked *large = ask_with(client, "POST", "/api/echo", 2000000, 0);
    struct asked *head = ask_with(client, "GET", "/api/hello", 0, 30000);
    struct asked *unwanted = ask_with(client, "GET", "/api/hello", 1000, 0);
    finish(client);
    CHECK(unknown->status == 404 && strstr(unknown->body, "\"code\"") != NULL);
    CHECK(method->status == 405 && odd->status >= 400);
    CHECK(large->status == 413 && large->sent_bytes < 2000000);
    CHECK(head->status == 431);
    CHECK(unwanted->status == 413 || unwanted->status == 400);
    struct asked *asked = ask(client, "GET", "/api/hello");
    finish(client);
    CHECK(asked->status == 200 && asked->has_ended);
}

static void head_has_no_body(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    struct asked *asked = ask(client, "HEAD", "/api/hello");
    finish(client);
    CHECK(asked->status == 200 && asked->body_bytes == 0 && asked->has_ended);
}

static void an_idle_connection_is_ended_with_goaway(void)
{
    struct http_limits limits = http_default_limits();
    limits.idle_deadline_ms = 100;
    SITE site = site_new(&limits);
    CLIENT client = client_new(site);
    client->waits_for_the_end = true;
    struct asked *asked = ask(client, "GET", "/api/hello");
    finish(client);
    CHECK(asked->status == 200 && client->is_closed && client->goaways == 1);
}

static void a_stalled_reader_is_cut_and_another_goes_on(void)
{
    struct http_limits limits = http_default_limits();
    limits.stream_stall_ms = 200;
    SITE site = site_new(&limits);
    CLIENT client = client_new(site);
    struct asked *stalled = ask(client, "GET", "/api/much/soon");
    struct asked *lively = ask(client, "GET", "/api/much/soon");
    stalled->consumes = false;
    finish(client);
    CHECK(lively->has_ended && lively->body_bytes == 13 * PIECE_BYTES);
    CHECK(!stalled->has_ended && stalled->code == HTTP2_CANCEL);
    CHECK(stalled->body_bytes == HTTP2_STREAM_WINDOW_BYTES);
}

static void a_request_that_is_never_completed_is_told_so(void)
{
    struct http_limits limits = http_default_limits();
    limits.body_deadline_ms = 100;
    SITE site = site_new(&limits);
    CLIENT client = client_new(site);
    struct asked *asked = ask_with(client, "POST", "/api/echo", 1000, 0);
    asked->is_paused = true;
    finish(client);
    CHECK(asked->status == 408 && asked->has_ended && asked->code == HTTP2_NO_ERROR);
}

/* Asks until the server has heard of the end of so many sources; it may take a moment. */
static void await_closed_sources(struct site *site, struct client *client, int count)
{
    for (int i = 0; i < 100 && atomic_load(&site->closed_streams) < count; i++) {
        (void)ask(client, "GET", "/api/hello");
        finish(client);
    }
    CHECK(atomic_load(&site->closed_streams) == count);
}

static void a_source_hears_that_its_reader_cancelled(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    struct asked *asked = ask_for_source(client);
    CHECK(!asked->is_closed);
    http2_stream_reset(asked->stream, HTTP2_CANCEL);
    finish(client);
    CHECK(asked->is_closed && !asked->has_ended);
    await_closed_sources(site, client, 1);
}

static void a_connection_cut_in_the_middle_closes_its_sources(void)
{
    SITE site = site_new(NULL);
    {
        CLIENT client = client_new(site);
        (void)ask_for_source(client);
        (void)ask_for_source(client);
    }
    CLIENT next = client_new(site);
    await_closed_sources(site, next, 2);
}

static void a_server_that_closes_gives_up_open_streams(void)
{
    SITE site = site_new(NULL);
    CLIENT client = client_new(site);
    (void)ask_for_source(client);
    /* site_free checks the rest under the sanitizers: nothing may be left */
}

int main(void)
{
    struct err err = {0};
    char authority[96];
    char prefix[96];
    char file[4][128];
    char ignored[HASH_HEX_BYTES];
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    snprintf(folder, sizeof folder, "/tmp/http2-test-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(authority, sizeof authority, "%s/network", folder);
    snprintf(prefix, sizeof prefix, "%s/centre", folder);
    if (!tls_make_authority(authority, "Network", &err) ||
        !tls_issue(authority, prefix, "centre", "127.0.0.1", 30, ignored, &err))
        abort();
    snprintf(file[0], sizeof file[0], "%s.crt", prefix);
    snprintf(file[1], sizeof file[1], "%s.key", prefix);
    snprintf(file[2], sizeof file[2], "%s.crt", authority);
    snprintf(file[3], sizeof file[3], "%s.key", authority);
    struct tls_files server = {file[0], file[1], NULL};
    struct tls_files client = {NULL, NULL, file[2]};
    server_tls = tls_server_open(&server, false, alpn, &err);
    client_tls = tls_client_open(&client, alpn, &err);
    if (!server_tls || !client_tls)
        abort();
    RUN(a_route_answers_over_http2);
    RUN(a_body_comes_back_whole);
    RUN(bodies_of_one_connection_have_a_limit_together);
    RUN(a_hundred_requests_share_a_connection);
    RUN(refusals_leave_the_connection_in_use);
    RUN(head_has_no_body);
    RUN(an_idle_connection_is_ended_with_goaway);
    RUN(a_stalled_reader_is_cut_and_another_goes_on);
    RUN(a_request_that_is_never_completed_is_told_so);
    RUN(a_source_hears_that_its_reader_cancelled);
    RUN(a_connection_cut_in_the_middle_closes_its_sources);
    RUN(a_server_that_closes_gives_up_open_streams);
    tls_context_free(server_tls);
    tls_context_free(client_tls);
    for (int i = 0; i < 4; i++)
        unlink(file[i]);
    rmdir(folder);
    return test_done();
}
