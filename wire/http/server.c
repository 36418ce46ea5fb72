// SPDX-License-Identifier: Apache-2.0
/* The listener: accepts within its caps, waits for the handshake, hands the connection
 * to the codec that was agreed on. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "wire/http/call.h"
#include "wire/http1/http1.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop_listen.h"
#include "wire/tls/tls.h"

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
    struct loop_listener *listener;
    struct accepted *newest;
    atomic_int count; /* both read from any thread */
    atomic_uint_fast64_t given_up_count;
    bool is_closed; /* freed with its last connection */
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
    accepted->server->given_up_count++;
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

static void take(void *context, int fd)
{
    struct http_server *server = context;
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

/* ---- opening and closing ---- */

static bool start(struct http_server *server, const struct loop_address *at,
                  struct err *err)
{
    struct loop_listener_config listener = {
        .loop = server->loop, .at = *at, .accepted = take, .context = server};
    server->listener = loop_listen(&listener, err);
    return server->listener != NULL;
}

struct http_server *http_server_open(const struct http_server_config *config,
                                     struct err *err)
{
    struct loop_address at;
    if (!loop_read_address(config->address, config->port, !config->tls, &at, err))
        return NULL;
    struct http_server *server = memory_new(1, sizeof *server, err);
    if (!server)
        return NULL;
    server->loop = config->loop;
    server->tls = config->tls;
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
    meter_put_head(out, "tsumugi_http_given_up_total", "counter",
                   "Connections ended or turned away because there were too many.");
    meter_put(out, "tsumugi_http_given_up_total", "",
              (int64_t)atomic_load(&server->given_up_count));
}

uint16_t http_server_port(const struct http_server *server)
{
    return loop_listener_port(server->listener);
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    loop_listener_close(server->listener);
    server->is_closed = true;
    for (struct accepted *one = server->newest; one; one = one->next)
        http_connection_close(one->connection);
    if (server->count == 0)
        free_server(server);
}
