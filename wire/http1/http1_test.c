// SPDX-License-Identifier: Apache-2.0
/* Raw bytes against a real server on loopback: what a peer may send, and how it may
 * leave. */
#include "wire/http1/http1.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"
#include "wire/loop/loop.h"

enum { REPLY_BYTES = 256 * 1024, WAIT_MS = 5000, STREAM_BYTES = 6 * 1024 * 1024 };

/* ---- the site ---- */

struct source {
    struct http_stream *stream;
    size_t left_bytes;
    uint8_t next;
};

struct site {
    struct loop *loop;
    struct workers *workers;
    struct http_router *router;
    struct http_server *server;
    struct log log;
    int log_pipe[2];
    pthread_t thread;
    atomic_int closed_count;
    atomic_int drained_count;
    atomic_int entered_count;
    atomic_bool may_leave;
    _Atomic(struct http_call *) kept;
    struct source source;
    atomic_size_t most_queued_bytes;
    pthread_mutex_t lock; /* guards events */
    struct http_stream *events;
};

static struct site site;

static void ping(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", SPAN("pong"));
}

static void echo(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/octet-stream", http_body(call));
}

static void show_item(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", http_param(call, "item"));
}

static void answer_nothing(struct http_call *call, void *context)
{
    (void)call;
    (void)context;
}

static void wait_inside(struct http_call *call, void *context)
{
    struct site *here = context;
    atomic_fetch_add(&here->entered_count, 1);
    while (!atomic_load(&here->may_leave))
        usleep(200);
    http_answer_empty(call);
}

static void keep(struct http_call *call, void *context)
{
    struct site *here = context;
    http_keep(call);
    atomic_store(&here->kept, call);
}

static void count_closed(void *context)
{
    struct site *here = context;
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
    struct site *here = context;
    atomic_fetch_add(&here->drained_count, 1);
    go_on(&here->source);
}

static const struct http_stream_events source_events = {.drained = go_on_later,
                                                        .closed = count_closed};
static const struct http_stream_events plain_events = {.closed = count_closed};

static void stream_all(struct http_call *call, void *context)
{
    struct site *here = context;
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
    struct http_stream *stream =
        http_stream_open(call, 200, "application/octet-stream", is_announced ? 100 : -1,
                         &plain_events, context);
    http_stream_write(stream, SPAN("some of it"));
    http_stream_abort(stream);
}

static void stream_too_short(struct http_call *call, void *context)
{
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
    struct site *here = context;
    int before = atomic_load(&here->closed_count);
    struct http_stream *stream = http_stream_open(call, 200, "application/octet-stream",
                                                  -1, &plain_events, context);
    static const uint8_t piece[16384];
    for (int i = 0; i < 1000000 && atomic_load(&here->closed_count) == before; i++)
        http_stream_write(stream, span_of(piece, sizeof piece));
}

static void open_events(struct http_call *call, void *context)
{
    struct site *here = context;
    pthread_mutex_lock(&here->lock);
    here->events =
        http_stream_open(call, 200, "text/event-stream", -1, &plain_events, here);
    http_stream_event(here->events, "hello", 7, SPAN("{\"a\":1}"));
    pthread_mutex_unlock(&here->lock);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/ping", ping, 0},
    {HTTP_POST, "/api/v1/echo", echo, 1000},
    {HTTP_GET, "/api/v1/items/{item}", show_item, 0},
    {HTTP_DELETE, "/api/v1/items/{item}", show_item, 0},
    {HTTP_GET, "/api/v1/nothing", answer_nothing, 0},
    {HTTP_GET, "/api/v1/wait", wait_inside, 0},
    {HTTP_GET, "/api/v1/kept", keep, 0},
    {HTTP_GET, "/api/v1/stream", stream_all, 0},
    {HTTP_GET, "/api/v1/broken", stream_and_break, 0},
    {HTTP_GET, "/api/v1/short", stream_too_short, 0},
    {HTTP_GET, "/api/v1/long", stream_too_long, 0},
    {HTTP_GET, "/api/v1/endless", stream_without_end, 0},
    {HTTP_GET, "/api/v1/events", open_events, 0},
};

static void *run_loop(void *context)
{
    struct site *here = context;
    loop_run(here->loop);
    return NULL;
}

static void open_site(struct http_limits limits)
{
    struct err err = {0};
    site = (struct site){0};
    CHECK(pipe2(site.log_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
    site.log = (struct log){site.log_pipe[1], clock_system(), "test"};
    pthread_mutex_init(&site.lock, NULL);
    site.loop = loop_new(&err);
    site.workers = workers_new(2, 4, &err);
    site.router = http_router_new();
    http_router_add(site.router, routes, sizeof routes / sizeof *routes, &site);
    struct http_server_config config = {.loop = site.loop,
                                        .workers = site.workers,
                                        .router = site.router,
                                        .address = "127.0.0.1",
                                        .limits = limits,
                                        .log = &site.log};
    site.server = http_server_open(&config, &err);
    CHECK(site.server != NULL);
    pthread_create(&site.thread, NULL, run_loop, &site);
}

static void close_site(void)
{
    loop_stop(site.loop);
    pthread_join(site.thread, NULL);
    http_server_close(site.server);
    workers_free(site.workers);
    loop_free(site.loop);
    http_router_free(site.router);
    close(site.log_pipe[0]);
    close(site.log_pipe[1]);
    pthread_mutex_destroy(&site.lock);
}

static struct http_limits usual(void)
{
    return http_default_limits();
}

static bool comes_true(const atomic_int *count, int expected)
{
    for (int i = 0; i < WAIT_MS && atomic_load(count) < expected; i++)
        usleep(1000);
    return atomic_load(count) >= expected;
}

static struct http_call *wait_for_kept(void)
{
    for (int i = 0; i < WAIT_MS && !atomic_load(&site.kept); i++)
        usleep(1000);
    return atomic_load(&site.kept);
}

/* ---- the peer ---- */

struct reply {
    char bytes[REPLY_BYTES + 1];
    size_t len;
    bool has_ended; /* the server closed in order */
    bool was_reset;
};

static struct reply reply;

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(site.server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    CHECK(connect(fd, (struct sockaddr *)(void *)&at, sizeof at) == 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server may well have cut us */
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void say_string(int fd, const char *string)
{
    say(fd, string, strlen(string));
}

/* Until the end, or until `enough` is seen. */
static void listen_for(int fd, const char *enough)
{
    reply.len = 0;
    reply.has_ended = false;
    reply.was_reset = false;
    while (reply.len < REPLY_BYTES) {
        ssize_t len = recv(fd, reply.bytes + reply.len, REPLY_BYTES - reply.len, 0);
        reply.has_ended = len == 0;
        reply.was_reset = len < 0 && errno == ECONNRESET;
        if (len <= 0)
            break;
        reply.len += (size_t)len;
        reply.bytes[reply.len] = '\0';
        if (enough && strstr(reply.bytes, enough))
            break;
    }
    reply.bytes[reply.len] = '\0';
}

static void ask(const char *bytes, size_t len)
{
    int fd = dial();
    say(fd, bytes, len);
    listen_for(fd, NULL);
    close(fd);
}

static int status_of_reply(void)
{
    int status = 0;
    for (int i = 9; i < 12 && reply.len > 12 && reply.bytes[i] >= '0'; i++)
        status = status * 10 + (reply.bytes[i] - '0');
    return strncmp(reply.bytes, "HTTP/1.1 ", 9) == 0 ? status : 0;
}

static bool has(const char *part)
{
    return strstr(reply.bytes, part) != NULL;
}

#define OWN "Host: localhost\r\n"
#define LAST OWN "Connection: close\r\n\r\n"

struct refused {
    const char *bytes;
    int status;
    const char *code;
};

static void check_refused(const struct refused *refused, size_t count)
{
    open_site(usual());
    for (size_t i = 0; i < count; i++) {
        char code[64];
        snprintf(code, sizeof code, "\"code\":\"%s\"", refused[i].code);
        ask(refused[i].bytes, strlen(refused[i].bytes));
        bool is_right = status_of_reply() == refused[i].status && has(code) &&
                        has("connection: close\r\n") && reply.has_ended &&
                        has("content-type: application/problem+json\r\n") &&
                        has("x-content-type-options: nosniff\r\n");
        if (!is_right)
            printf("# row %zu: %s\n# got %s\n", i, refused[i].code, reply.bytes);
        CHECK(is_right);
    }
    close_site();
}

#define CHECK_REFUSED(rows) check_refused(rows, sizeof rows / sizeof *rows)

/* ---- refusals ---- */

static void odd_request_lines_are_refused(void)
{
    static const struct refused rows[] = {
        {"GET\r\n\r\n", 400, "request_line_invalid"},
        {"GET /api/v1/ping\r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"GET  /api/v1/ping HTTP/1.1\r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"GET /api/v1/ping  HTTP/1.1\r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"GET /api/v1/ping HTTP/1.1 \r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"GET /api/v1/ping http/1.1\r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"GET /api/v1/ping HTTP/1.10\r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"GET /api/v1/ping HTTP/1.0\r\n" OWN "\r\n", 505, "version_unsupported"},
        {"GET /api/v1/ping HTTP/2.0\r\n" OWN "\r\n", 505, "version_unsupported"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version_unsupported"},
        {" GET /api/v1/ping HTTP/1.1\r\n" OWN "\r\n", 400, "head_invalid"},
        {"\r\n\r\nGET /api/v1/ping HTTP/1.1\r\n" OWN "\r\n", 400, "head_invalid"},
        {"GE(T /api/v1/ping HTTP/1.1\r\n" OWN "\r\n", 400, "request_line_invalid"},
        {"get /api/v1/ping HTTP/1.1\r\n" OWN "\r\n", 501, "method_unknown"},
        {"FROB /api/v1/ping HTTP/1.1\r\n" LAST, 501, "method_unknown"},
        {"TRACE /api/v1/ping HTTP/1.1\r\n" LAST, 501, "method_unknown"},
        {"CONNECT /api/v1/ping HTTP/1.1\r\n" LAST, 501, "method_unknown"},
        {"\x16\x03\x01\x02", 400, "head_invalid"},
    };
    CHECK_REFUSED(rows);
}

static void targets_that_are_no_path_are_refused(void)
{
    static const struct refused rows[] = {
        {"GET http://localhost/api/v1/ping HTTP/1.1\r\n" LAST, 400, "target_invalid"},
        {"GET localhost:80 HTTP/1.1\r\n" LAST, 400, "target_invalid"},
        {"GET * HTTP/1.1\r\n" LAST, 400, "target_invalid"},
        {"GET /api/v1/../ping HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/./ping HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/%2e%2E/ping HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/items/a%2Fb HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/items/a%5cb HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/items/a%00b HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/items/a%0d%0ab HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/items/a%zz HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/items/a%2 HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET //api/v1/ping HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api//v1/ping HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/pi\"ng HTTP/1.1\r\n" LAST, 400, "path_invalid"},
        {"GET /api/v1/ping?a=%0 HTTP/1.1\r\n" LAST, 400, "query_invalid"},
        {"GET /api/v1/ping?a=%0A HTTP/1.1\r\n" LAST, 400, "query_invalid"},
        {"GET /api/v1/ping?a=<b> HTTP/1.1\r\n" LAST, 400, "query_invalid"},
        {"GET /api/v1/nowhere HTTP/1.1\r\n" LAST, 404, "not_found"},
        {"GET /api/v1/items/ HTTP/1.1\r\n" LAST, 404, "not_found"},
        {"GET /api/v1/ping/ HTTP/1.1\r\n" LAST, 404, "not_found"},
        {"GET /API/v1/ping HTTP/1.1\r\n" LAST, 404, "not_found"},
        {"PUT /api/v1/ping HTTP/1.1\r\n" LAST, 405, "method_not_allowed"},
    };
    CHECK_REFUSED(rows);
}

static void odd_header_lines_are_refused(void)
{
#define START "GET /api/v1/ping HTTP/1.1\r\n"
    static const struct refused rows[] = {
        {START "Host: localhost\n\r\n", 400, "head_invalid"},
        {"GET /api/v1/ping HTTP/1.1\nHost: localhost\r\n\r\n", 400, "head_invalid"},
        {START "Host: localhost\r\n\n", 400, "head_invalid"},
        {START "Host: localhost\rX: y\r\n\r\n", 400, "head_invalid"},
        {START OWN "X: a\r\n b\r\n\r\n", 400, "head_invalid"},
        {START OWN "X: a\r\n\tb\r\n\r\n", 400, "head_invalid"},
        {START OWN "X: a\x01\r\n\r\n", 400, "head_invalid"},
        {START OWN "X: a\x7f\r\n\r\n", 400, "head_invalid"},
        {START OWN "X : a\r\n\r\n", 400, "head_invalid"},
        {START OWN "X\r\n\r\n", 400, "head_invalid"},
        {START OWN ": a\r\n\r\n", 400, "head_invalid"},
        {START OWN "X(y): a\r\n\r\n", 400, "head_invalid"},
        {START OWN "X\xc3\xa4: a\r\n\r\n", 400, "head_invalid"},
        {START "\r\n", 400, "host_invalid"},
        {START OWN OWN "\r\n", 400, "host_invalid"},
        {START OWN "host: localhost\r\n\r\n", 400, "host_invalid"},
        {START OWN "Expect: 200-ok\r\n\r\n", 417, "expectation_unknown"},
    };
    CHECK_REFUSED(rows);
}

static void a_host_that_is_not_ours_is_refused(void)
{
#define TO(host) START "Host: " host "\r\nConnection: close\r\n\r\n"
    static const struct refused rows[] = {
        {TO("evil.example"), 421, "host_unknown"},
        {TO("localhost.evil.example"), 421, "host_unknown"},
        {TO("evil.example:80"), 421, "host_unknown"},
        {TO("127.0.0.1.evil.example"), 421, "host_unknown"},
        {TO("10.0.0.1"), 421, "host_unknown"},
        {TO(".localhost"), 421, "host_unknown"},
        {TO("localhost:"), 421, "host_unknown"},
        {TO("localhost:99999"), 421, "host_unknown"},
        {TO("localhost:80:80"), 421, "host_unknown"},
        {TO("local host"), 421, "host_unknown"},
        {TO("a@localhost"), 421, "host_unknown"},
        {TO("[::1"), 421, "host_unknown"},
        {TO(""), 421, "host_unknown"},
    };
    CHECK_REFUSED(rows);
}

static void bodies_of_unclear_length_are_refused(void)
{
#define POST "POST /api/v1/echo HTTP/1.1\r\n" OWN
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
    static const struct refused rows[] = {
        {POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
         NULL},
        {POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400,
         NULL},
        {POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: 4, 4\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: +4\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: -4\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: 0x4\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: 4 4\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length:\r\n\r\nabcd", 400, NULL},
        {POST "Content-Length: 99999999999999999999\r\n\r\n", 400, NULL},
        {POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, NULL},
        {POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501, NULL},
        {POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, NULL},
        {POST "Transfer-Encoding: identity\r\n\r\n", 501, NULL},
        {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 501,
         NULL},
        {CHUNKED "g\r\n", 400, "chunk_invalid"},
        {CHUNKED "\r\n", 400, "chunk_invalid"},
        {CHUNKED "-1\r\n", 400, "chunk_invalid"},
        {CHUNKED "4\nabcd\r\n0\r\n\r\n", 400, "chunk_invalid"},
        {CHUNKED "4\r\nabcdX", 400, "chunk_invalid"},
        {CHUNKED "4\r\nabcd\n", 400, "chunk_invalid"},
        {CHUNKED "4;name=value\r\nabcd\r\n0\r\n\r\n", 400, "chunk_invalid"},
        {CHUNKED " 4\r\nabcd\r\n0\r\n\r\n", 400, "chunk_invalid"},
        {CHUNKED "000000004\r\nabcd\r\n0\r\n\r\n", 400, "chunk_invalid"},
        {CHUNKED "0\r\nTrailer: x\r\n\r\n", 400, "chunk_invalid"},
    };
    open_site(usual());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(rows[i].bytes, strlen(rows[i].bytes));
        bool is_400_or_501 = status_of_reply() == rows[i].status ||
                             (rows[i].status == 501 && status_of_reply() == 400);
        bool is_right = is_400_or_501 && reply.has_ended &&
                        has("connection: close\r\n") &&
                        (!rows[i].code || has(rows[i].code)) && !has("200 OK");
        if (!is_right)
            printf("# row %zu got %s\n", i, reply.bytes);
        CHECK(is_right);
    }
    close_site();
}

static void bodies_that_are_too_large_are_refused(void)
{
    static const struct refused rows[] = {
        {POST "Content-Length: 1001\r\n\r\n", 413, "body_too_large"},
        {POST "Content-Length: 999999999999\r\n\r\n", 413, "body_too_large"},
        {CHUNKED "ffffffff\r\n", 0, ""},
        {START OWN "Content-Length: 1\r\n\r\nx", 413, "body_too_large"},
        {"DELETE /api/v1/items/1 HTTP/1.1\r\n" OWN
         "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
         413, "body_too_large"},
        {POST "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", 415,
         "encoding_unsupported"},
    };
    check_refused(rows, 2);
    check_refused(rows + 3, 3);
    open_site(usual());
    char bytes[2200];
    int len = snprintf(bytes, sizeof bytes, CHUNKED "400\r\n");
    memset(bytes + len, 'x', 1024);
    ask(bytes, (size_t)len + 1024);
    CHECK(status_of_reply() == 413 && reply.has_ended);
    close_site();
}

static void a_body_that_fits_exactly_is_taken(void)
{
    open_site(usual());
    char bytes[2200];
    int len = snprintf(bytes, sizeof bytes,
                       POST "Connection: close\r\nContent-Length: 1000\r\n\r\n");
    memset(bytes + len, 'x', 1000);
    ask(bytes, (size_t)len + 1000);
    CHECK(status_of_reply() == 200 && has("content-length: 1000\r\n"));
    close_site();
}

static void a_huge_upload_is_told_why_it_is_refused(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, POST "Content-Length: 4000000\r\n\r\n");
    static char body[4000000];
    say(fd, body, sizeof body);
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 413 && has("body_too_large"));
    close(fd);
    close_site();
}

static void heads_that_are_too_large_are_refused(void)
{
    static char bytes[40000];
    open_site(usual());
    int len = snprintf(bytes, sizeof bytes, "GET /");
    memset(bytes + len, 'a', 9000);
    snprintf(bytes + len + 9000, 100, " HTTP/1.1\r\n" OWN "\r\n");
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 414 && has("target_too_long") && reply.has_ended);
    memset(bytes + len, 'a', 20000);
    bytes[len + 20000] = '\0';
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 414 && reply.has_ended);
    len = snprintf(bytes, sizeof bytes, START OWN "X: ");
    memset(bytes + len, 'a', 17000);
    bytes[len + 17000] = '\0';
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 431 && has("headers_too_large") && reply.has_ended);
    len = snprintf(bytes, sizeof bytes, START OWN);
    for (int i = 0; i < 64; i++)
        len += snprintf(bytes + len, 32, "X-%d: y\r\n", i);
    snprintf(bytes + len, 32, "\r\n");
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 431 && has("headers_too_many") && reply.has_ended);
    close_site();
}

/* ---- requests that are fine ---- */

static void a_request_is_answered_with_all_security_headers(void)
{
    open_site(usual());
    ask("GET /api/v1/ping HTTP/1.1\r\n" LAST,
        strlen("GET /api/v1/ping HTTP/1.1\r\n" LAST));
    CHECK(status_of_reply() == 200 && has("\r\n\r\npong") && reply.has_ended);
    CHECK(has("content-length: 4\r\n") && has("content-type: text/plain\r\n"));
    CHECK(has("content-security-policy: default-src 'none'; script-src 'self';"));
    CHECK(has("trusted-types tsumugi\r\n") && has("cache-control: no-store\r\n"));
    CHECK(has("referrer-policy: no-referrer\r\n"));
    CHECK(has("cross-origin-opener-policy: same-origin\r\n"));
    CHECK(has("x-request-id: ") && has("date: ") && !has("strict-transport-security"));
    close_site();
}

static void requests_in_one_piece_are_answered_in_their_order(void)
{
    static const char bytes[] =
        "GET /api/v1/items/first HTTP/1.1\r\n" OWN "\r\n" POST
        "Content-Length: 6\r\n\r\nsecond"
        "\r\nGET /api/v1/items/third HTTP/1.1\r\n" OWN "\r\n" POST
        "Transfer-Encoding: chunked\r\n\r\n3\r\nfou\r\n3\r\nrth\r\n0\r\n\r\n"
        "GET /api/v1/items/fifth HTTP/1.1\r\n" LAST;
    open_site(usual());
    ask(bytes, strlen(bytes));
    const char *at = reply.bytes;
    static const char *const expected[] = {"\r\n\r\nfirst", "\r\n\r\nsecond",
                                           "\r\n\r\nthird", "\r\n\r\nfourth",
                                           "\r\n\r\nfifth"};
    for (int i = 0; i < 5 && at; i++)
        at = strstr(at, expected[i]);
    CHECK(at != NULL && reply.has_ended);
    close_site();
}

static void one_byte_at_a_time_is_enough(void)
{
    static const char bytes[] = POST "Connection: close\r\nTransfer-Encoding: chunked"
                                     "\r\n\r\n4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n";
    open_site(usual());
    int fd = dial();
    for (size_t i = 0; i < strlen(bytes); i++) {
        say(fd, bytes + i, 1);
        usleep(50);
    }
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 200 && has("\r\n\r\nabcdef"));
    close(fd);
    close_site();
}

static void the_connection_is_kept_for_the_next_request(void)
{
    open_site(usual());
    int fd = dial();
    for (int i = 0; i < 5; i++) {
        say_string(fd, START OWN "\r\n");
        listen_for(fd, "pong");
        CHECK(status_of_reply() == 200 && !has("connection: close"));
    }
    say_string(fd, "GET /api/v1/nowhere HTTP/1.1\r\n" OWN "\r\n");
    listen_for(fd, "not_found");
    CHECK(status_of_reply() == 404 && !has("connection: close"));
    say_string(fd, START OWN "\r\n");
    listen_for(fd, "pong");
    CHECK(status_of_reply() == 200);
    close(fd);
    close_site();
}

static void head_has_the_length_but_no_body(void)
{
    static const char bytes[] = "HEAD /api/v1/ping HTTP/1.1\r\n" OWN "\r\n"
                                "HEAD /api/v1/nowhere HTTP/1.1\r\n" OWN "\r\n"
                                "HEAD /api/v1/stream HTTP/1.1\r\n" LAST;
    open_site(usual());
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 200 && has("content-length: 4\r\n") && !has("pong"));
    CHECK(has("404 Not Found") && !has("not_found"));
    CHECK(!has("transfer-encoding") && reply.has_ended);
    CHECK(comes_true(&site.closed_count, 1));
    close_site();
}

static void a_client_that_expects_continue_gets_it(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, POST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    listen_for(fd, "\r\n\r\n");
    CHECK(strcmp(reply.bytes, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
    say_string(fd, "abcd");
    listen_for(fd, "abcd");
    CHECK(status_of_reply() == 200);
    say_string(fd, POST "Expect: 100-continue\r\nContent-Length: 4000\r\n\r\n");
    listen_for(fd, NULL);
    CHECK(status_of_reply() == 413 && reply.has_ended);
    close(fd);
    close_site();
}

static void params_are_decoded_once(void)
{
    static const char bytes[] = "GET /api/v1/items/%E7%B4%AC%252F HTTP/1.1\r\n" LAST;
    open_site(usual());
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 200 && has("\r\n\r\n紬%2F"));
    close_site();
}

static void every_name_of_loopback_is_ours(void)
{
    static const char *const hosts[] = {"localhost:8080", "127.0.0.1", "[::1]:1",
                                        "LOCALHOST", "tsumugi.localhost:443"};
    open_site(usual());
    for (size_t i = 0; i < 5; i++) {
        char bytes[200];
        snprintf(bytes, sizeof bytes, START "Host: %s\r\nConnection: close\r\n\r\n",
                 hosts[i]);
        ask(bytes, strlen(bytes));
        CHECK(status_of_reply() == 200);
    }
    close_site();
}

static void a_handler_that_says_nothing_is_a_fault(void)
{
    static const char bytes[] = "GET /api/v1/nothing HTTP/1.1\r\n" LAST;
    open_site(usual());
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 500 && has("no_answer"));
    close_site();
}

static void a_half_closed_peer_still_gets_its_answer(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/items/one HTTP/1.1\r\n" OWN
                   "\r\nGET /api/v1/items/two HTTP/1.1\r\n" OWN "\r\nGET /api");
    shutdown(fd, SHUT_WR);
    listen_for(fd, NULL);
    CHECK(has("\r\n\r\none") && has("\r\n\r\ntwo") && reply.has_ended);
    close(fd);
    close_site();
}

/* ---- deadlines and load ---- */

static void a_slow_head_is_cut_off(void)
{
    struct http_limits limits = usual();
    limits.head_deadline_ms = 80;
    open_site(limits);
    ask("GET /api", 8);
    CHECK(status_of_reply() == 408 && has("head_too_slow") && reply.has_ended);
    close_site();
}

static void a_slow_body_is_cut_off(void)
{
    struct http_limits limits = usual();
    limits.body_deadline_ms = 80;
    open_site(limits);
    ask(POST "Content-Length: 4\r\n\r\nab", strlen(POST "Content-Length: 4\r\n\r\nab"));
    CHECK(status_of_reply() == 408 && has("body_too_slow") && reply.has_ended);
    close_site();
}

static void an_idle_connection_is_closed_without_a_word(void)
{
    struct http_limits limits = usual();
    limits.idle_deadline_ms = 80;
    open_site(limits);
    ask("", 0);
    CHECK(reply.len == 0 && reply.has_ended);
    close_site();
}

static void a_full_queue_sheds_load(void)
{
    int fds[12];
    open_site(usual());
    for (int i = 0; i < 2; i++) {
        fds[i] = dial();
        say_string(fds[i], "GET /api/v1/wait HTTP/1.1\r\n" LAST);
    }
    CHECK(comes_true(&site.entered_count, 2));
    for (int i = 2; i < 12; i++) {
        fds[i] = dial();
        say_string(fds[i], "GET /api/v1/wait HTTP/1.1\r\n" LAST);
    }
    int shed = 0;
    struct timeval soon = {.tv_usec = 300000};
    for (int i = 2; i < 12; i++) {
        setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
        listen_for(fds[i], NULL);
        shed +=
            status_of_reply() == 503 && has("server_busy") && has("retry-after: 1\r\n");
    }
    CHECK(shed == 6);
    atomic_store(&site.may_leave, true);
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    close_site();
}

static void one_address_gets_its_share_of_connections(void)
{
    struct http_limits limits = usual();
    limits.connections_per_address_max = 3;
    open_site(limits);
    int fds[4];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        say_string(fds[i], START OWN "\r\n");
        listen_for(fds[i], "pong");
        CHECK(status_of_reply() == 200);
    }
    fds[3] = dial();
    say_string(fds[3], START OWN "\r\n");
    listen_for(fds[3], "pong");
    CHECK(reply.len == 0 && (reply.was_reset || reply.has_ended));
    close(fds[0]);
    close(fds[3]);
    bool has_room = false;
    for (int i = 0; i < 100 && !has_room; i++) {
        ask(START LAST, strlen(START LAST));
        has_room = status_of_reply() == 200;
    }
    CHECK(has_room);
    close(fds[1]);
    close(fds[2]);
    close_site();
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

static void a_stream_waits_for_its_reader(void)
{
    open_site(usual());
    int fd = dial();
    say_string(fd, "GET /api/v1/stream HTTP/1.1\r\n" OWN "\r\n");
    read_head(fd);
    CHECK(has("transfer-encoding: chunked\r\n") && !has("content-length"));
    CHECK(read_pattern(fd, true, true) == STREAM_BYTES);
    CHECK(comes_true(&site.closed_count, 1));
    CHECK(atomic_load(&site.drained_count) > 5);
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
    CHECK(has("content-length: 6291456\r\n") && !has("chunked"));
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

static void the_access_log_names_routes_not_paths(void)
{
    static const char bytes[] = "GET /api/v1/items/secret?q=hidden HTTP/1.1\r\n" LAST;
    char log[2048];
    open_site(usual());
    ask(bytes, strlen(bytes));
    CHECK(status_of_reply() == 200);
    ssize_t len = -1;
    for (int i = 0; i < WAIT_MS && len <= 0; i++, usleep(1000))
        len = read(site.log_pipe[0], log, sizeof log - 1);
    log[len > 0 ? len : 0] = '\0';
    CHECK(strstr(log, "\"route\":\"/api/v1/items/{item}\"") != NULL);
    CHECK(strstr(log, "\"status\":200") && strstr(log, "\"bytes\":6"));
    CHECK(!strstr(log, "secret") && !strstr(log, "hidden") && !strstr(log, "127.0.0"));
    close_site();
}

int main(void)
{
    RUN(odd_request_lines_are_refused);
    RUN(targets_that_are_no_path_are_refused);
    RUN(odd_header_lines_are_refused);
    RUN(a_host_that_is_not_ours_is_refused);
    RUN(bodies_of_unclear_length_are_refused);
    RUN(bodies_that_are_too_large_are_refused);
    RUN(a_body_that_fits_exactly_is_taken);
    RUN(a_huge_upload_is_told_why_it_is_refused);
    RUN(heads_that_are_too_large_are_refused);
    RUN(a_request_is_answered_with_all_security_headers);
    RUN(requests_in_one_piece_are_answered_in_their_order);
    RUN(one_byte_at_a_time_is_enough);
    RUN(the_connection_is_kept_for_the_next_request);
    RUN(head_has_the_length_but_no_body);
    RUN(a_client_that_expects_continue_gets_it);
    RUN(params_are_decoded_once);
    RUN(every_name_of_loopback_is_ours);
    RUN(a_handler_that_says_nothing_is_a_fault);
    RUN(a_half_closed_peer_still_gets_its_answer);
    RUN(a_slow_head_is_cut_off);
    RUN(a_slow_body_is_cut_off);
    RUN(an_idle_connection_is_closed_without_a_word);
    RUN(a_full_queue_sheds_load);
    RUN(one_address_gets_its_share_of_connections);
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
    RUN(a_reader_that_leaves_ends_the_stream);
    RUN(events_arrive_one_by_one);
    RUN(the_access_log_names_routes_not_paths);
    return test_done();
}
