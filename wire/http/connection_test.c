// SPDX-License-Identifier: Apache-2.0
/* Connections against the server of this folder and against bare sockets, all on one
 * loop. */
#include "wire/http/connection.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "wire/http/http.h"
#include "wire/http/http_testproxy.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"

enum { WAIT_MS = 5000, LARGE_BYTES = 3 * 1024 * 1024 };

static char folder[64];

struct site {
    struct loop *loop;
    struct workers *workers;
    struct http_router *router;
    struct http_server *server;
    struct tls_context *server_context;
    struct tls_context *client_context;
};

static struct site site;

/* One end of a connection and what it has seen. */
struct end {
    struct http_connection *connection;
    struct buf received;
    size_t takes_at_most; /* per offer; 0 = all */
    int established_count;
    int ended_count;
    int drained_count;
    int expired_count;
    int closed_count;
    size_t to_send_bytes;
    struct err reason;
    const char *stops_at; /* the loop, when this was received */
};

static void stop(void *context)
{
    (void)context;
    loop_stop(site.loop);
}

static void run(void)
{
    struct err err = {0};
    struct loop_timer *guard = loop_timer_new(site.loop, stop, NULL, &err);
    loop_timer_set(guard, WAIT_MS);
    loop_run(site.loop);
    loop_timer_free(guard);
}

static void send_more(struct end *end)
{
    static uint8_t piece[50000];
    while (end->to_send_bytes > 0 &&
           http_connection_queued(end->connection) <= HTTP_CONNECTION_HIGH_BYTES) {
        size_t len =
            end->to_send_bytes < sizeof piece ? end->to_send_bytes : sizeof piece;
        memset(piece, 'x', len);
        end->to_send_bytes -= len;
        http_connection_write(end->connection, span_of(piece, len));
    }
}

static void established(void *self)
{
    struct end *end = self;
    end->established_count++;
    send_more(end);
}

static size_t received(void *self, struct span bytes)
{
    struct end *end = self;
    size_t len = end->takes_at_most > 0 && end->takes_at_most < bytes.len
                     ? end->takes_at_most
                     : bytes.len;
    buf_put(&end->received, bytes.at, len);
    struct span all = buf_view(&end->received);
    if (end->stops_at && memmem(all.at, all.len, end->stops_at, strlen(end->stops_at)))
        loop_stop(site.loop);
    return len;
}

static size_t leave_all(void *self, struct span bytes)
{
    (void)self;
    (void)bytes;
    return 0;
}

static void ended(void *self)
{
    struct end *end = self;
    end->ended_count++;
    http_connection_finish(end->connection);
}

static void drained(void *self)
{
    struct end *end = self;
    end->drained_count++;
    send_more(end);
}

static void expired(void *self)
{
    struct end *end = self;
    end->expired_count++;
    http_connection_close(end->connection);
}

static void closed(void *self, const struct err *reason)
{
    struct end *end = self;
    end->closed_count++;
    end->reason = *reason;
    end->connection = NULL;
    loop_stop(site.loop);
}

static const struct http_connection_events events = {established, received, ended,
                                                     drained,     expired,  closed};
static const struct http_connection_events short_events = {.received = received,
                                                           .closed = closed};
static const struct http_connection_events deaf_events = {
    .received = leave_all, .ended = ended, .closed = closed};

static struct end end_new(void)
{
    return (struct end){.received = buf_init(2 * LARGE_BYTES)};
}

/* ---- the site ---- */

static void say_who(struct http_call *call, void *context)
{
    (void)context;
    const char *fingerprint = http_peer_fingerprint(call);
    http_answer(call, http_is_secure(call) ? 200 : 400, "text/plain",
                span_cstr(fingerprint));
}

static const struct http_route routes[] = {{HTTP_GET, "/api/v1/who", say_who, 0}};

static const char *in_folder(const char *name)
{
    static char names[8][128];
    static int count;
    char *at = names[count++ % 8];
    snprintf(at, sizeof names[0], "%s/%s", folder, name);
    return at;
}

static struct tls_files files_of(const char *name)
{
    char part[32];
    struct tls_files files = {.authority_file = in_folder("ca.crt")};
    if (!name)
        return files;
    snprintf(part, sizeof part, "%s.crt", name);
    files.certificate_file = in_folder(part);
    snprintf(part, sizeof part, "%s.key", name);
    files.key_file = in_folder(part);
    return files;
}

static void open_site(const char *client, struct http_limits limits)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    struct err err = {0};
    struct tls_files server_files = files_of("server"), client_files = files_of(client);
    site = (struct site){.loop = loop_new(&err), .workers = workers_new(1, 8, &err)};
    site.server_context = tls_server_open(&server_files, true, alpn, &err);
    site.client_context = tls_client_open(&client_files, alpn + 1, &err);
    site.router = http_router_new();
    http_router_add(site.router, routes, 1, NULL);
    struct http_server_config config = {.loop = site.loop,
                                        .workers = site.workers,
                                        .tls = site.server_context,
                                        .router = site.router,
                                        .address = "127.0.0.1",
                                        .limits = limits};
    site.server = http_server_open(&config, &err);
    CHECK(site.server && site.server_context && site.client_context);
}

static void close_site(void)
{
    http_server_close(site.server);
    workers_free(site.workers);
    loop_free(site.loop);
    http_router_free(site.router);
    tls_context_free(site.server_context);
    tls_context_free(site.client_context);
}

static struct http_dial dial_to(uint16_t port, const char *name)
{
    struct err err = {0};
    struct http_dial dial = {.context = site.client_context, .host = name};
    CHECK(http_resolve("127.0.0.1", port, &dial.address, &err));
    return dial;
}

static void connect_end(struct end *end, const char *name)
{
    struct err err = {0};
    struct http_dial dial = dial_to(http_server_port(site.server), name);
    end->connection = http_connection_dial(site.loop, &dial, &events, end, &err);
    CHECK(end->connection != NULL);
}

#define WHO "GET /api/v1/who HTTP/1.1\r\nHost: localhost\r\n"

static bool has(const struct end *end, const char *part)
{
    return end->received.len > 0 &&
           memmem(end->received.at, end->received.len, part, strlen(part)) != NULL;
}

/* ---- against the server ---- */

static void a_request_goes_over_mutual_tls(void)
{
    open_site("client", http_default_limits());
    struct end end = end_new();
    connect_end(&end, "localhost");
    /* before the handshake is through: kept and sent then */
    http_connection_write(end.connection, SPAN(WHO "Connection: close\r\n\r\n"));
    run();
    CHECK(end.established_count == 1 && end.ended_count == 1 && end.closed_count == 1);
    CHECK(end.reason.kind == ERR_NONE && has(&end, "HTTP/1.1 200 OK\r\n"));
    CHECK(has(&end, "strict-transport-security: max-age=31536000\r\n"));
    CHECK(has(&end, "content-length: 64\r\n"));
    buf_free(&end.received);
    close_site();
}

static void the_agreed_protocol_and_the_peer_are_known(void)
{
    open_site("client", http_default_limits());
    struct end end = end_new();
    end.stops_at = "\r\n\r\n";
    connect_end(&end, "localhost");
    http_connection_write(end.connection, SPAN(WHO "\r\n"));
    run();
    CHECK(end.connection != NULL);
    CHECK(strcmp(http_connection_alpn(end.connection), "http/1.1") == 0);
    const struct http_peer *peer = http_connection_peer(end.connection);
    CHECK(peer->is_secure && strlen(peer->fingerprint) == 64);
    CHECK(strcmp(peer->address, "127.0.0.1") == 0);
    CHECK(http_connection_loop(end.connection) == site.loop);
    http_connection_finish(end.connection);
    http_connection_finish(end.connection);
    http_connection_write(end.connection, SPAN("too late"));
    run();
    CHECK(end.closed_count == 1 && end.reason.kind == ERR_NONE);
    buf_free(&end.received);
    close_site();
}

static void a_client_without_certificate_is_refused(void)
{
    open_site(NULL, http_default_limits());
    struct end end = end_new();
    connect_end(&end, "localhost");
    http_connection_write(end.connection, SPAN(WHO "\r\n"));
    run();
    CHECK(end.closed_count == 1 && end.received.len == 0);
    CHECK(end.reason.kind == ERR_REFUSED &&
          strcmp(end.reason.code, "tls_peer_refused") == 0);
    close_site();
}

static void a_server_under_another_name_is_refused(void)
{
    open_site("client", http_default_limits());
    struct end end = end_new();
    connect_end(&end, "centre.example");
    run();
    CHECK(end.closed_count == 1 && end.established_count == 0);
    CHECK(end.reason.kind == ERR_REFUSED);
    close_site();
}

static void a_client_that_speaks_plainly_gets_nothing(void)
{
    open_site("client", http_default_limits());
    struct end end = end_new();
    struct http_dial dial = dial_to(http_server_port(site.server), NULL);
    struct err err = {0};
    dial.context = NULL;
    end.connection = http_connection_dial(site.loop, &dial, &events, &end, &err);
    CHECK(end.connection != NULL);
    http_connection_write(end.connection, SPAN(WHO "\r\n"));
    run();
    CHECK(end.closed_count == 1 && !has(&end, "HTTP/1.1"));
    buf_free(&end.received);
    close_site();
}

static void a_handshake_has_a_deadline_on_both_sides(void)
{
    struct http_limits limits = http_default_limits();
    limits.head_deadline_ms = 50;
    open_site("client", limits);
    struct end end = end_new();
    struct http_dial dial = dial_to(http_server_port(site.server), NULL);
    struct err err = {0};
    dial.context = NULL;
    end.connection = http_connection_dial(site.loop, &dial, &short_events, &end, &err);
    run(); /* silent: the server gives up */
    CHECK(end.closed_count == 1);
    close_site();
}

static void a_server_that_never_answers_runs_into_the_deadline(void)
{
    open_site("client", http_default_limits());
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    CHECK(bind(fd, (struct sockaddr *)(void *)&at, sizeof at) == 0);
    CHECK(listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)(void *)&at, &len) == 0);
    struct end end = end_new();
    struct err err = {0};
    struct http_dial dial = dial_to(ntohs(at.sin_port), "localhost");
    end.connection = http_connection_dial(site.loop, &dial, &events, &end, &err);
    http_connection_deadline(end.connection, 50);
    run();
    CHECK(end.expired_count == 1 && end.closed_count == 1 && end.established_count == 0);
    close(fd);
    end = end_new();
    end.connection = http_connection_dial(site.loop, &dial, &events, &end, &err);
    run(); /* nobody listens there any more */
    CHECK(end.closed_count == 1 && end.reason.kind == ERR_BUSY);
    close_site();
}

static void without_tls_only_loopback_is_dialled(void)
{
    open_site("client", http_default_limits());
    struct err err = {0};
    struct end end = end_new();
    struct http_dial dial = {0};
    CHECK(http_resolve("192.0.2.1", 80, &dial.address, &err));
    CHECK(!http_connection_dial(site.loop, &dial, &events, &end, &err));
    CHECK(err.kind == ERR_REFUSED && end.closed_count == 0);
    err_clear(&err);
    CHECK(!http_resolve("no such host", 80, &dial.address, &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "host_unresolved") == 0);
    close_site();
}

/* ---- through a proxy ---- */

static void connect_through(struct end *end, const struct proxy *proxy,
                            const char *authorization)
{
    struct err err = {0};
    struct http_dial dial = dial_to(proxy->own_port, "localhost");
    dial.through = "localhost:8443";
    dial.authorization = authorization;
    end->connection = http_connection_dial(site.loop, &dial, &events, end, &err);
    CHECK(end->connection != NULL);
}

static void a_request_goes_through_a_proxy_and_stays_between_its_ends(void)
{
    open_site("client", http_default_limits());
    struct proxy proxy;
    struct end end = end_new();
    proxy_open(&proxy, http_server_port(site.server),
               "HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n");
    connect_through(&end, &proxy, "Basic dTpw");
    http_connection_write(end.connection, SPAN(WHO "Connection: close\r\n\r\n"));
    run();
    CHECK(end.established_count == 1 && end.closed_count == 1);
    CHECK(has(&end, "HTTP/1.1 200 OK\r\n") && !has(&end, "Via"));
    CHECK(strcmp(proxy.asked, "CONNECT localhost:8443 HTTP/1.1\r\n"
                              "Host: localhost:8443\r\n"
                              "Proxy-Authorization: Basic dTpw\r\n\r\n") == 0);
    proxy_close(&proxy);
    buf_free(&end.received);
    close_site();
}

static void what_a_proxy_says_against_it_is_named(void)
{
    static const struct {
        const char *answer;
        const char *code;
    } rows[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy_authentication"},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "proxy_refused"},
        {"HTTP/1.0 502 Bad Gateway\r\n\r\n", "proxy_refused"},
        {"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", "proxy_refused"},
        {"HTTP/1.1 2x0 What\r\n\r\n", "proxy_unclear"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "proxy_unclear"},
        {"HTTP/1.1 999 What\r\n\r\n", "proxy_unclear"},
        {"HTTP/1.1 204 half a head\r\n", "proxy_refused"}, /* it ends */
    };
    open_site("client", http_default_limits());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct proxy proxy;
        struct end end = end_new();
        proxy_open(&proxy, http_server_port(site.server), rows[i].answer);
        connect_through(&end, &proxy, NULL);
        run();
        CHECK(end.established_count == 0 && end.closed_count == 1);
        CHECK(end.reason.kind == ERR_BUSY && strcmp(end.reason.code, rows[i].code) == 0);
        CHECK(!strstr(proxy.asked, "Authorization"));
        proxy_close(&proxy);
        buf_free(&end.received);
    }
    close_site();
}

static void a_proxy_s_head_has_an_end(void)
{
    static char endless[20000] = "HTTP/1.1 200 OK\r\nX: ";
    open_site("client", http_default_limits());
    struct proxy proxy;
    struct end end = end_new();
    memset(endless + strlen(endless), 'x', sizeof endless - strlen(endless) - 1);
    proxy_open(&proxy, http_server_port(site.server), endless);
    connect_through(&end, &proxy, NULL);
    run();
    CHECK(end.closed_count == 1 && strcmp(end.reason.code, "proxy_unclear") == 0);
    proxy_close(&proxy);
    buf_free(&end.received);
    close_site();
}

static void nothing_goes_through_a_proxy_without_tls(void)
{
    open_site("client", http_default_limits());
    struct err err = {0};
    struct end end = end_new();
    struct http_dial dial = dial_to(1, NULL);
    dial.context = NULL;
    dial.through = "localhost:8443";
    CHECK(!http_connection_dial(site.loop, &dial, &events, &end, &err));
    CHECK(err.kind == ERR_REFUSED && strcmp(err.code, "plain_refused") == 0);
    close_site();
}

/* ---- end to end ---- */

struct two {
    struct end left;
    struct end right;
};

/* Two connections over one socket pair; TLS is of no matter here. */
static void join(struct two *two, const struct http_connection_events *right_events)
{
    struct err err = {0};
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    two->left.connection =
        http_connection_accept(site.loop, pair[0], NULL, &events, &two->left, &err);
    two->right.connection =
        http_connection_accept(site.loop, pair[1], NULL, right_events, &two->right, &err);
}

static void run_until_closed(struct two *two, int count)
{
    while (two->left.closed_count + two->right.closed_count < count)
        run();
}

static struct two two_new(void)
{
    struct err err = {0};
    site = (struct site){.loop = loop_new(&err)};
    return (struct two){.left = end_new(), .right = end_new()};
}

static void two_free(struct two *two)
{
    loop_free(site.loop);
    buf_free(&two->left.received);
    buf_free(&two->right.received);
}

static void a_writer_is_told_when_its_queue_has_drained(void)
{
    struct two two = two_new();
    two.left.to_send_bytes = LARGE_BYTES;
    two.right.takes_at_most = 5000;
    join(&two, &events);
    struct err err = {0};
    struct loop_timer *timer = loop_timer_new(site.loop, stop, NULL, &err);
    while (two.right.received.len < LARGE_BYTES && two.left.closed_count == 0) {
        loop_timer_set(timer, 20);
        loop_run(site.loop);
    }
    loop_timer_free(timer);
    CHECK(two.right.received.len == LARGE_BYTES && two.left.drained_count > 3);
    http_connection_finish(two.left.connection);
    run_until_closed(&two, 2);
    CHECK(two.right.ended_count == 1 && two.left.reason.kind == ERR_NONE);
    two_free(&two);
}

static void a_reader_that_takes_nothing_stops_the_writer(void)
{
    struct two two = two_new();
    two.left.to_send_bytes = LARGE_BYTES;
    join(&two, &deaf_events);
    struct err err = {0};
    struct loop_timer *timer = loop_timer_new(site.loop, stop, NULL, &err);
    loop_timer_set(timer, 50);
    loop_run(site.loop);
    CHECK(http_connection_queued(two.left.connection) > 0);
    CHECK(two.left.to_send_bytes > LARGE_BYTES / 2);
    http_connection_stall(two.left.connection, 50);
    run_until_closed(&two, 1);
    CHECK(two.left.reason.kind == ERR_BUSY &&
          strcmp(two.left.reason.code, "peer_stalled") == 0);
    if (two.right.connection)
        http_connection_close(two.right.connection);
    run_until_closed(&two, 2);
    loop_timer_free(timer);
    two_free(&two);
}

static void what_one_user_left_the_next_one_gets(void)
{
    struct two two = two_new();
    join(&two, &deaf_events);
    http_connection_write(two.left.connection, SPAN("hello"));
    struct err err = {0};
    struct loop_timer *timer = loop_timer_new(site.loop, stop, NULL, &err);
    loop_timer_set(timer, 20);
    loop_run(site.loop);
    loop_timer_free(timer);
    CHECK(two.right.received.len == 0);
    two.right.stops_at = "hello";
    http_connection_use(two.right.connection, &events, &two.right);
    CHECK(two.right.received.len == 0); /* from the loop, not from inside */
    run();
    CHECK(span_is(buf_view(&two.right.received), "hello"));
    http_connection_close(two.right.connection);
    http_connection_close(two.right.connection);
    run_until_closed(&two, 2);
    CHECK(two.right.closed_count == 1 && two.left.closed_count == 1);
    two_free(&two);
}

static void what_was_queued_arrives_before_the_end(void)
{
    struct two two = two_new();
    join(&two, &short_events);
    static uint8_t bytes[400000];
    memset(bytes, 'y', sizeof bytes);
    http_connection_write(two.left.connection, span_of(bytes, sizeof bytes));
    http_connection_finish(two.left.connection);
    http_connection_write(two.left.connection, SPAN("no more"));
    run_until_closed(&two, 2);
    CHECK(two.right.received.len == sizeof bytes);
    CHECK(two.left.reason.kind == ERR_NONE && two.right.reason.kind == ERR_NONE);
    two_free(&two);
}

static void too_much_in_the_queue_closes_the_connection(void)
{
    struct two two = two_new();
    join(&two, &deaf_events);
    static uint8_t bytes[1 << 20];
    for (int i = 0; i < 20; i++)
        http_connection_write(two.left.connection, span_of(bytes, sizeof bytes));
    CHECK(two.left.closed_count == 0); /* posted */
    run_until_closed(&two, 1);
    CHECK(two.left.reason.kind == ERR_LIMIT);
    if (two.right.connection)
        http_connection_close(two.right.connection);
    run_until_closed(&two, 2);
    two_free(&two);
}

static void a_loop_freed_early_still_tells_the_end(void)
{
    struct two two = two_new();
    join(&two, &events);
    http_connection_close(two.left.connection);
    http_connection_close(two.right.connection);
    two_free(&two);
    CHECK(two.left.closed_count == 1 && two.right.closed_count == 1);
}

/* Nobody's any more, it waits for a peer that takes nothing; the loop ends before. */
static void a_loop_freed_early_ends_what_was_ending_in_order(void)
{
    static uint8_t bytes[LARGE_BYTES];
    struct two two = two_new();
    join(&two, &deaf_events);
    http_connection_write(two.left.connection, span_of(bytes, sizeof bytes));
    http_connection_finish(two.left.connection);
    http_connection_finish(two.right.connection);
    CHECK(two.left.closed_count == 0 && two.right.closed_count == 0);
    two_free(&two);
    CHECK(two.left.closed_count == 1 && two.right.closed_count == 1);
}

/* ---- the network of the tests ---- */

static void found_the_network(void)
{
    struct err err = {0};
    char fingerprint[HASH_HEX_BYTES];
    snprintf(folder, sizeof folder, "/tmp/tsumugi-connection-%ld", (long)getpid());
    CHECK(path_make_directory(folder, &err));
    CHECK(tls_make_authority(in_folder("ca"), "Tsumugi test authority", &err));
    CHECK(tls_issue(in_folder("ca"), in_folder("server"), "centre", "localhost", 30,
                    fingerprint, &err));
    CHECK(tls_issue(in_folder("ca"), in_folder("client"), "clinic", NULL, 30, fingerprint,
                    &err));
}

static void remove_the_network(void)
{
    static const char *const names[] = {"ca.crt",     "ca.key",     "server.crt",
                                        "server.key", "client.crt", "client.key"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    CHECK(rmdir(folder) == 0);
}

int main(void)
{
    RUN(found_the_network);
    RUN(a_request_goes_over_mutual_tls);
    RUN(the_agreed_protocol_and_the_peer_are_known);
    RUN(a_client_without_certificate_is_refused);
    RUN(a_server_under_another_name_is_refused);
    RUN(a_client_that_speaks_plainly_gets_nothing);
    RUN(a_handshake_has_a_deadline_on_both_sides);
    RUN(a_server_that_never_answers_runs_into_the_deadline);
    RUN(without_tls_only_loopback_is_dialled);
    RUN(a_request_goes_through_a_proxy_and_stays_between_its_ends);
    RUN(what_a_proxy_says_against_it_is_named);
    RUN(a_proxy_s_head_has_an_end);
    RUN(nothing_goes_through_a_proxy_without_tls);
    RUN(a_writer_is_told_when_its_queue_has_drained);
    RUN(a_reader_that_takes_nothing_stops_the_writer);
    RUN(what_one_user_left_the_next_one_gets);
    RUN(what_was_queued_arrives_before_the_end);
    RUN(too_much_in_the_queue_closes_the_connection);
    RUN(a_loop_freed_early_still_tells_the_end);
    RUN(a_loop_freed_early_ends_what_was_ending_in_order);
    RUN(remove_the_network);
    return test_done();
}
