// SPDX-License-Identifier: Apache-2.0
/* Raw bytes against a real server on loopback: what a peer may send. */
#include "wire/http1/http1_testsite.h"

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

static void wait_inside(struct http_call *call, void *context)
{
    struct testsite *here = context;
    atomic_fetch_add(&here->entered_count, 1);
    while (!atomic_load(&here->may_leave))
        usleep(200);
    http_answer_empty(call);
}

static void count_closed(void *context)
{
    struct testsite *here = context;
    atomic_fetch_add(&here->closed_count, 1);
}

/* A stream that HEAD asked for: there is nothing to send. */
static void stream_nothing(struct http_call *call, void *context)
{
    static const struct http_stream_events events = {.closed = count_closed};
    http_stream_open(call, 200, "application/octet-stream", -1, &events, context);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/ping", ping, 0},
    {HTTP_POST, "/api/v1/echo", echo, 1000},
    {HTTP_GET, "/api/v1/items/{item}", show_item, 0},
    {HTTP_DELETE, "/api/v1/items/{item}", show_item, 0},
    {HTTP_GET, "/api/v1/nothing", answer_nothing, 0},
    {HTTP_GET, "/api/v1/wait", wait_inside, 0},
    {HTTP_GET, "/api/v1/stream", stream_nothing, 0},
};

static void open_site(struct http_limits limits)
{
    testsite_open(limits, routes, sizeof routes / sizeof *routes);
}

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

static void a_host_that_is_none_or_not_ours_is_refused(void)
{
#define TO(host) START "Host: " host "\r\nConnection: close\r\n\r\n"
    static const struct refused rows[] = {
        {TO("evil.example"), 421, "host_unknown"},
        {TO("localhost.evil.example"), 421, "host_unknown"},
        {TO("evil.example:80"), 421, "host_unknown"},
        {TO("127.0.0.1.evil.example"), 421, "host_unknown"},
        {TO("10.0.0.1"), 421, "host_unknown"},
        {TO(".localhost"), 421, "host_unknown"},
        {TO("localhost:"), 400, "host_invalid"},
        {TO("localhost:99999"), 400, "host_invalid"},
        {TO("localhost:80:80"), 400, "host_invalid"},
        {TO("local host"), 400, "host_invalid"},
        {TO("a@localhost"), 400, "host_invalid"},
        {TO("[::1"), 400, "host_invalid"},
        {TO(""), 400, "host_invalid"},
        {TO("localhost, evil.example"), 400, "host_invalid"},
        {TO("localhost/evil"), 400, "host_invalid"},
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
    CHECK(has("cross-origin-resource-policy: same-origin\r\n"));
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
    /* what restarts a process that is dead must not restart a busy one */
    int now = dial();
    say_string(now, "GET /api/v1/now HTTP/1.1\r\n" LAST);
    listen_for(now, "now");
    CHECK(status_of_reply() == 200);
    close(now);
    atomic_store(&site.may_leave, true);
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    close_site();
}

static bool is_answered(int fd, const char *request, const char *word)
{
    say_string(fd, request);
    listen_for(fd, word);
    return status_of_reply() == 200;
}

static bool is_turned_away(int fd)
{
    listen_for(fd, "pong");
    return reply.len == 0 && (reply.was_reset || reply.has_ended);
}

static bool has_given_up(int count)
{
    char line[64];
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    http_server_put_meters(site.server, &out);
    snprintf(line, sizeof line, "\ntsumugi_http_given_up_total %d\n", count);
    return memmem(out.at, out.len, line, strlen(line)) != NULL;
}

static void a_full_house_gives_up_who_kept_it_waiting_longest(void)
{
    struct http_limits limits = usual();
    limits.connections_per_address_max = 3;
    open_site(limits);
    int slow = dial(), served = dial();
    say_string(slow, START "Host: loc"); /* begun and never completed */
    say_string(served, "GET /api/v1/wait HTTP/1.1\r\n" LAST);
    CHECK(comes_true(&site.entered_count, 1));
    int idle = dial();
    CHECK(is_answered(idle, START OWN "\r\n", "pong"));
    int first = dial();
    CHECK(is_answered(first, START OWN "\r\n", "pong"));
    CHECK(is_turned_away(slow));
    int second = dial();
    CHECK(is_answered(second, START OWN "\r\n", "pong"));
    CHECK(is_turned_away(idle));
    CHECK(is_answered(first, START OWN "\r\n", "pong"));
    atomic_store(&site.may_leave, true);
    listen_for(served, NULL);
    CHECK(status_of_reply() == 204); /* whoever waits for an answer gets it */
    CHECK(has_given_up(2));
    const int fds[] = {slow, served, idle, first, second};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
    close_site();
}

static void check_full_house(struct http_limits limits)
{
    open_site(limits);
    int fds[3];
    for (int i = 0; i < 2; i++) {
        fds[i] = dial();
        say_string(fds[i], "GET /api/v1/wait HTTP/1.1\r\n" LAST);
    }
    CHECK(comes_true(&site.entered_count, 2));
    fds[2] = dial();
    say_string(fds[2], START OWN "\r\n");
    CHECK(is_turned_away(fds[2]) && has_given_up(1));
    atomic_store(&site.may_leave, true);
    for (int i = 0; i < 2; i++) {
        listen_for(fds[i], NULL);
        CHECK(status_of_reply() == 204);
        close(fds[i]);
    }
    close(fds[2]);
    bool has_room = false;
    for (int i = 0; i < 100 && !has_room; i++) {
        ask(START LAST, strlen(START LAST));
        has_room = status_of_reply() == 200;
    }
    CHECK(has_room);
    close_site();
}

static void a_house_full_of_those_being_served_turns_the_next_away(void)
{
    struct http_limits limits = usual();
    limits.connections_per_address_max = 2;
    check_full_house(limits);
    limits = usual();
    limits.connections_max = 2;
    check_full_house(limits);
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
    RUN(a_host_that_is_none_or_not_ours_is_refused);
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
    RUN(a_full_house_gives_up_who_kept_it_waiting_longest);
    RUN(a_house_full_of_those_being_served_turns_the_next_away);
    RUN(the_access_log_names_routes_not_paths);
    return test_done();
}
