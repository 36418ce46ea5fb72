// SPDX-License-Identifier: Apache-2.0
/* The listener: accepts within its caps, waits for the handshake, hands the connection
 * to the codec that was agreed on. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "wire/http/call.h"
#include "wire/http1/http1.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"

enum { BACKLOG = 512, ACCEPTS_PER_TURN = 16, PAUSE_MS = 200 };

struct accepted {
    struct http_server *server;
    struct http_connection *connection;
    char address[HTTP_ADDRESS_BYTES];
    bool is_given_up; /* closed, and only not yet gone */
    struct accepted *previous;
    struct accepted *next;
};

struct http_server {
    struct http_service *service;
    struct loop *loop;
    struct tls_context *tls;
    int fd;
    uint16_t port;
    struct loop_watch *watch;
    struct loop_timer *pause; /* out of descriptors: tries again later */
    struct accepted *newest;
    atomic_int count; /* read from any thread */
    bool is_closed;   /* freed with its last connection */
};

static void free_server(struct http_server *server)
{
    http_service_free(server->service);
    memory_free(server);
}

/* ---- a connection on its way to its codec ---- */

static void gone(void *counter)
{
    struct accepted *accepted = counter;
    struct http_server *server = accepted->server;
    if (accepted->previous)
        accepted->previous->next = accepted->next;
    else
        server->newest = accepted->next;
    if (accepted->next)
        accepted->next->previous = accepted->previous;
    memory_free(accepted);
    server->count--;
    if (server->is_closed && server->count == 0)
        free_server(server);
}

static void established(void *self)
{
    struct accepted *accepted = self;
    struct http_server *server = accepted->server;
    struct err err = {0};
    http_connection_deadline(accepted->connection, -1);
    const char *alpn = http_connection_alpn(accepted->connection);
    http_serve *serve = strcmp(alpn, "h2") == 0 ? http2_serve : http1_serve;
    if (!serve(accepted->connection, server->service, &err))
        http_connection_close(accepted->connection);
}

static size_t received(void *self, struct span bytes)
{
    (void)self; /* bytes before the codec wait for it */
    (void)bytes;
    return 0;
}

static void closed(void *self, const struct err *reason)
{
    (void)self; /* a failed handshake is no event worth a line: scanners make them */
    (void)reason;
}

static const struct http_connection_events events_before_codec = {
    .established = established, .received = received, .closed = closed};

/* What the newcomer's arrival fills: the share of its address, or the whole house. */
struct crowd {
    int same_count;
    int count;
    struct accepted *same_oldest; /* who waited longest for its peer */
    struct accepted *oldest;
};

/* Asked from the newest to the oldest, so the older of two that are alike wins. */
static bool waits_longer(const struct accepted *one, const struct accepted *other)
{
    int64_t since_ms = http_connection_waits_since(one->connection);
    return since_ms != INT64_MAX &&
           (!other || since_ms <= http_connection_waits_since(other->connection));
}

static struct crowd count_crowd(const struct http_server *server,
                                const char address[HTTP_ADDRESS_BYTES])
{
    struct crowd crowd = {0};
    for (struct accepted *one = server->newest; one; one = one->next) {
        if (one->is_given_up)
            continue;
        crowd.count++;
        if (waits_longer(one, crowd.oldest))
            crowd.oldest = one;
        if (strcmp(one->address, address) != 0)
            continue;
        crowd.same_count++;
        if (waits_longer(one, crowd.same_oldest))
            crowd.same_oldest = one;
    }
    return crowd;
}

static bool give_up(struct accepted *accepted)
{
    if (!accepted)
        return false;
    accepted->is_given_up = true;
    http_connection_close(accepted->connection);
    return true;
}

/* A full house gives up whoever kept it waiting longest (an unfinished handshake or
 * request, a reader that takes nothing, an idle line); only when all of them are being
 * served the newcomer is turned away. Else a few idle lines would keep all others out. */
static bool make_room_for(const struct http_server *server,
                          const char address[HTTP_ADDRESS_BYTES])
{
    const struct http_limits *limits = &server->service->limits;
    struct crowd crowd = count_crowd(server, address);
    if (crowd.same_count >= limits->connections_per_address_max)
        return give_up(crowd.same_oldest);
    return crowd.count < limits->connections_max || give_up(crowd.oldest);
}

static void take(struct http_server *server, int fd)
{
    struct err err = {0};
    struct accepted *accepted = memory_new(1, sizeof *accepted, &err);
    if (!accepted) {
        close(fd);
        return;
    }
    accepted->server = server;
    accepted->connection = http_connection_accept(server->loop, fd, server->tls,
                                                  &events_before_codec, accepted, &err);
    if (!accepted->connection) {
        memory_free(accepted);
        return;
    }
    const struct http_peer *peer = http_connection_peer(accepted->connection);
    memcpy(accepted->address, peer->address, sizeof accepted->address);
    bool has_room = make_room_for(server, accepted->address);
    accepted->next = server->newest;
    if (server->newest)
        server->newest->previous = accepted;
    server->newest = accepted;
    server->count++;
    http_connection_on_gone(accepted->connection, gone, accepted);
    http_connection_deadline(accepted->connection,
                             server->service->limits.head_deadline_ms);
    if (!has_room)
        give_up(accepted);
}

/* ---- the listener ---- */

static void resume(void *context)
{
    struct http_server *server = context;
    loop_watch_change(server->watch, LOOP_READABLE);
}

static void ready(void *context, unsigned events)
{
    struct http_server *server = context;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(server, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* level-triggered: without a pause the loop would spin */
            loop_watch_change(server->watch, 0);
            loop_timer_set(server->pause, PAUSE_MS);
        }
        return;
    }
}

static bool read_address(const char *address, uint16_t port, struct http_address *at,
                         bool *is_loopback)
{
    struct sockaddr_in *four = (void *)&at->at;
    struct sockaddr_in6 *six = (void *)&at->at;
    *at = (struct http_address){0};
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        at->len = sizeof *four;
        *is_loopback = ntohl(four->sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        at->len = sizeof *six;
        *is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
        return true;
    }
    return false;
}

static bool listen_on(struct http_server *server, const struct http_address *at,
                      struct err *err)
{
    int on = 1;
    struct http_address bound = {.len = sizeof bound.at};
    server->fd = socket(at->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0 ||
        setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(server->fd, (const struct sockaddr *)(const void *)&at->at, at->len) != 0 ||
        listen(server->fd, BACKLOG) != 0 ||
        getsockname(server->fd, (struct sockaddr *)(void *)&bound.at, &bound.len) != 0)
        return err_set(err, ERR_SYSTEM, "listen_failed", "listen: %s", strerror(errno));
    const struct sockaddr_in *four = (const void *)&bound.at;
    const struct sockaddr_in6 *six = (const void *)&bound.at;
    server->port = ntohs(bound.at.ss_family == AF_INET ? four->sin_port : six->sin6_port);
    return true;
}

static bool start(struct http_server *server, const struct http_address *at,
                  struct err *err)
{
    if (!listen_on(server, at, err))
        return false;
    server->watch =
        loop_watch(server->loop, server->fd, LOOP_READABLE, ready, server, err);
    if (!server->watch)
        return false;
    server->pause = loop_timer_new(server->loop, resume, server, err);
    return server->pause != NULL;
}

struct http_server *http_server_open(const struct http_server_config *config,
                                     struct err *err)
{
    struct http_address at;
    bool is_loopback = false;
    if (!read_address(config->address, config->port, &at, &is_loopback)) {
        err_set(err, ERR_SYNTAX, "address_invalid", "not a numeric address");
        return NULL;
    }
    if (!config->tls && !is_loopback) {
        err_set(err, ERR_REFUSED, "plain_refused", "without TLS only on loopback");
        return NULL;
    }
    struct http_server *server = memory_new(1, sizeof *server, err);
    if (!server)
        return NULL;
    server->loop = config->loop;
    server->tls = config->tls;
    server->fd = -1;
    struct http_service_config service = {.loop = config->loop,
                                          .workers = config->workers,
                                          .router = config->router,
                                          .limits = config->limits,
                                          .log = config->log,
                                          .hosts = config->hosts,
                                          .has_loopback_hosts_only =
                                              !config->tls && !config->hosts};
    server->service = http_service_new(&service, err);
    if (!server->service) {
        memory_free(server);
        return NULL;
    }
    if (!start(server, &at, err)) {
        http_server_close(server);
        return NULL;
    }
    return server;
}

void http_server_put_meters(struct http_server *server, struct buf *out)
{
    http_service_put_meters(server->service, out);
    meter_put_head(out, "tsumugi_http_connections", "gauge", "Connections open now.");
    meter_put(out, "tsumugi_http_connections", "", atomic_load(&server->count));
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    loop_unwatch(server->watch);
    loop_timer_free(server->pause);
    if (server->fd >= 0)
        close(server->fd);
    server->is_closed = true;
    for (struct accepted *one = server->newest; one; one = one->next)
        http_connection_close(one->connection);
    if (server->count == 0)
        free_server(server);
}
