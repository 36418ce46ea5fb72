// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/rand.h"
#include "wire/loop/loop_listen.h"
#include "wire/tunnel/tunnel_parts.h"

enum {
    TUNNELS_MAX = 4096,
    ARRIVALS_MAX = 2048,            /* handshakes under way at once */
    ARRIVALS_PER_ADDRESS_MAX = 256, /* many gateways may share one */
    HANDSHAKE_MS = 10000,
    STALL_MS = 30000,
    PEER_STREAMS_MAX = 0, /* gateways ask nothing over HTTP/2 */
    BUDGET_BYTES = 64 * 1024 * 1024
};

struct tunnel_hub {
    struct tunnel_hub_config config;
    struct loop_listener *listener;
    struct http2_budget budget;
    struct tunnel *tunnels;
    size_t tunnel_count;
    struct arrival *arrivals;
};

/* A connection whose handshake is not through. */
struct arrival {
    struct tunnel_hub *hub;
    struct http_connection *connection;
    bool is_given_up; /* closed, and only not yet gone */
    struct arrival *next;
    struct arrival **link;
};

/* ---- a tunnel's life ---- */

struct tunnel *tunnel_keep(struct tunnel *tunnel)
{
    atomic_fetch_add(&tunnel->references, 1);
    return tunnel;
}

void tunnel_release(struct tunnel **tunnel)
{
    struct tunnel *released = *tunnel;
    *tunnel = NULL;
    if (!released || atomic_fetch_sub(&released->references, 1) > 1)
        return;
    pthread_mutex_destroy(&released->lock);
    memory_free(released);
}

bool tunnel_is_alive(const struct tunnel *tunnel)
{
    /* the lock is no part of what callers see as the tunnel's value */
    struct tunnel *locked = (struct tunnel *)(uintptr_t)tunnel;
    pthread_mutex_lock(&locked->lock);
    bool is_alive = locked->is_alive;
    pthread_mutex_unlock(&locked->lock);
    return is_alive;
}

struct id tunnel_id(const struct tunnel *tunnel)
{
    return tunnel->id;
}

static struct tunnel *tunnel_new(struct tunnel_hub *hub, const char *fingerprint)
{
    struct err err = {0};
    struct rand rand = rand_system();
    struct tunnel *tunnel = memory_new(1, sizeof *tunnel, &err);
    if (!tunnel)
        return NULL;
    atomic_init(&tunnel->references, 1);
    pthread_mutex_init(&tunnel->lock, NULL);
    tunnel->loop = hub->config.loop;
    tunnel->hub = hub;
    tunnel->id = id_new(&rand);
    memcpy(tunnel->fingerprint, fingerprint, sizeof tunnel->fingerprint);
    tunnel->is_alive = true;
    return tunnel;
}

static void log_tunnel(const struct tunnel *tunnel, const char *event,
                       const struct err *reason)
{
    const struct log *log = tunnel->hub->config.log;
    struct id_text id = id_to_text(tunnel->id);
    if (log)
        LOG(log, event, LOG_WORD("tunnel", id.at),
            LOG_WORD("reason", reason && reason->code ? reason->code : "none"));
}

static void leave(struct tunnel *tunnel)
{
    tunnel_stop(tunnel);
    tunnel_end_exchanges(tunnel);
    pthread_mutex_lock(&tunnel->lock);
    tunnel->is_gone = true;
    pthread_mutex_unlock(&tunnel->lock);
}

/* Dead from here on, for everybody: no new exchanges, the open ones have ended. */
static void retire(struct tunnel *tunnel, const struct err *reason)
{
    struct tunnel_hub *hub = tunnel->hub;
    struct tunnel **link = &hub->tunnels;
    while (*link != tunnel)
        link = &(*link)->next;
    *link = tunnel->next;
    hub->tunnel_count--;
    leave(tunnel);
    log_tunnel(tunnel, "tunnel_down", reason);
    hub->config.events->disconnected(hub->config.context, tunnel, tunnel->peer);
    tunnel->hub = NULL;
    tunnel_release(&tunnel);
}

static void on_line_closed(void *self, const struct err *reason)
{
    struct tunnel *tunnel = self;
    if (!tunnel->line)
        return; /* it was cut, and retired then */
    tunnel->line = NULL;
    retire(tunnel, reason);
}

static void cut(struct tunnel *tunnel, bool is_orderly, const struct err *reason)
{
    struct http2_line *line = tunnel->line;
    if (!line)
        return;
    /* its streams name exchanges, which name the tunnel: both stay until then */
    struct tunnel *kept = tunnel_keep(tunnel);
    tunnel->line = NULL;
    retire(tunnel, reason);
    http2_line_abandon(line, is_orderly);
    tunnel_release(&kept);
}

static void cut_later(void *context)
{
    struct tunnel *tunnel = context;
    struct err reason = {0};
    err_set(&reason, ERR_REFUSED, "tunnel_cut", "cut on demand");
    cut(tunnel, false, &reason);
    tunnel_release(&tunnel);
}

void tunnel_cut(struct tunnel *tunnel)
{
    pthread_mutex_lock(&tunnel->lock);
    if (!tunnel->is_gone)
        loop_post(tunnel->loop, cut_later, tunnel_keep(tunnel));
    pthread_mutex_unlock(&tunnel->lock);
}

/* ---- arrivals ---- */

static void arrival_free(struct arrival *arrival)
{
    *arrival->link = arrival->next;
    if (arrival->next)
        arrival->next->link = arrival->link;
    memory_free(arrival);
}

static void refuse(struct tunnel_hub *hub, struct http_connection *connection,
                   const char *code)
{
    const char *fingerprint = http_connection_peer(connection)->fingerprint;
    if (hub->config.log)
        LOG(hub->config.log, "tunnel_refused", LOG_WORD("reason", code),
            LOG_WORD("certificate", fingerprint));
    http_connection_close(connection);
}

/* One certificate, one tunnel: a gateway that comes back has lost the old one, whether
 * or not this side has noticed. */
static void cut_older(struct tunnel_hub *hub, const char *fingerprint)
{
    struct err reason = {0};
    struct tunnel *tunnel = hub->tunnels;
    while (tunnel && strcmp(tunnel->fingerprint, fingerprint) != 0)
        tunnel = tunnel->next;
    if (!tunnel)
        return;
    err_set(&reason, ERR_CONFLICT, "tunnel_replaced", "the gateway came again");
    cut(tunnel, false, &reason);
}

static bool open_line(struct tunnel *tunnel, struct http_connection *connection)
{
    struct err err = {0};
    struct tunnel_hub *hub = tunnel->hub;
    struct http2_settings settings = http2_default_settings(HTTP2_CLIENT);
    settings.streams_max = PEER_STREAMS_MAX;
    settings.budget = &hub->budget;
    struct http2_line_config config = {
        .settings = &settings,
        .events = &tunnel_session_events,
        .self = tunnel,
        .ping_ms = hub->config.ping_ms,
        .stall_ms = STALL_MS,
        .body_ms = -1,
        .idle_ms = -1,
        .closed = on_line_closed,
    };
    tunnel->line = http2_line_open(connection, &config, &err);
    return tunnel->line != NULL;
}

static const char *open_tunnel(struct tunnel_hub *hub, struct http_connection *connection)
{
    const char *fingerprint = http_connection_peer(connection)->fingerprint;
    if (strcmp(http_connection_alpn(connection), TUNNEL_ALPN) != 0)
        return "tunnel_wrong_protocol";
    if (!fingerprint[0])
        return "tunnel_without_certificate";
    cut_older(hub, fingerprint);
    if (hub->tunnel_count >= TUNNELS_MAX)
        return "tunnels_full";
    struct tunnel *tunnel = tunnel_new(hub, fingerprint);
    if (!tunnel)
        return "memory_short";
    void *peer = hub->config.events->connected(hub->config.context, tunnel, fingerprint);
    tunnel->peer = peer;
    if (!peer || !open_line(tunnel, connection)) {
        leave(tunnel);
        if (peer)
            hub->config.events->disconnected(hub->config.context, tunnel, peer);
        tunnel->hub = NULL;
        tunnel_release(&tunnel);
        return peer ? "memory_short" : "tunnel_unknown_certificate";
    }
    tunnel->next = hub->tunnels;
    hub->tunnels = tunnel;
    hub->tunnel_count++;
    log_tunnel(tunnel, "tunnel_up", NULL);
    return NULL;
}

static size_t throw_away(void *self, struct span bytes)
{
    (void)self;
    return bytes.len;
}

static void nobody_cares(void *self, const struct err *reason)
{
    (void)self;
    (void)reason;
}

static const struct http_connection_events refused_events = {
    .received = throw_away,
    .closed = nobody_cares,
};

static void on_established(void *self)
{
    struct arrival *arrival = self;
    struct tunnel_hub *hub = arrival->hub;
    struct http_connection *connection = arrival->connection;
    http_connection_use(connection, &refused_events, NULL);
    arrival_free(arrival);
    const char *code = open_tunnel(hub, connection);
    if (code)
        refuse(hub, connection, code);
}

static void on_arrival_closed(void *self, const struct err *reason)
{
    struct arrival *arrival = self;
    if (arrival->hub->config.log && reason->kind != ERR_NONE)
        LOG(arrival->hub->config.log, "tunnel_refused", LOG_WORD("reason", reason->code),
            LOG_WORD("text", reason->text),
            LOG_WORD("address", http_connection_peer(arrival->connection)->address));
    arrival_free(arrival);
}

static const struct http_connection_events arrival_events = {
    .established = on_established,
    .received = throw_away,
    .closed = on_arrival_closed,
};

/* Who never finishes a handshake must not keep gateways out: when an address has its
 * share, or the house is full, the oldest of them goes. Called before the newcomer. */
static void make_room(const struct tunnel_hub *hub, const char *address)
{
    size_t count = 0, same_count = 0;
    struct arrival *oldest = NULL, *same_oldest = NULL;
    for (struct arrival *other = hub->arrivals; other; other = other->next) {
        if (other->is_given_up)
            continue;
        count++;
        oldest = other;
        if (strcmp(http_connection_peer(other->connection)->address, address) != 0)
            continue;
        same_count++;
        same_oldest = other;
    }
    struct arrival *ended = NULL;
    if (same_count >= ARRIVALS_PER_ADDRESS_MAX)
        ended = same_oldest;
    else if (count >= ARRIVALS_MAX)
        ended = oldest;
    if (!ended)
        return;
    ended->is_given_up = true;
    http_connection_close(ended->connection);
}

static void welcome(void *context, int fd)
{
    struct tunnel_hub *hub = context;
    struct err err = {0};
    struct arrival *arrival = memory_new(1, sizeof *arrival, &err);
    if (!arrival) {
        close(fd);
        return;
    }
    arrival->hub = hub;
    arrival->connection = http_connection_accept(hub->config.loop, fd, hub->config.tls,
                                                 &arrival_events, arrival, &err);
    if (!arrival->connection) {
        memory_free(arrival);
        return;
    }
    make_room(hub, http_connection_peer(arrival->connection)->address);
    http_connection_deadline(arrival->connection, HANDSHAKE_MS);
    arrival->next = hub->arrivals;
    arrival->link = &hub->arrivals;
    if (arrival->next)
        arrival->next->link = &arrival->next;
    hub->arrivals = arrival;
}

/* ---- opening and closing ---- */

static bool listen_at(struct tunnel_hub *hub, struct err *err)
{
    struct http_address address = {0};
    if (!http_resolve(hub->config.address, hub->config.port, &address, err))
        return false;
    struct loop_listener_config listener = {.loop = hub->config.loop,
                                            .at = {address.at, address.len},
                                            .accepted = welcome,
                                            .context = hub};
    hub->listener = loop_listen(&listener, err);
    return hub->listener != NULL;
}

struct tunnel_hub *tunnel_hub_open(const struct tunnel_hub_config *config,
                                   struct err *err)
{
    struct tunnel_hub *hub = memory_new(1, sizeof *hub, err);
    if (!hub)
        return NULL;
    hub->config = *config;
    atomic_init(&hub->budget.left_bytes, BUDGET_BYTES);
    if (listen_at(hub, err))
        return hub;
    tunnel_hub_close(hub);
    return NULL;
}

uint16_t tunnel_hub_port(const struct tunnel_hub *hub)
{
    return loop_listener_port(hub->listener);
}

void tunnel_hub_close(struct tunnel_hub *hub)
{
    struct err reason = {0};
    if (!hub)
        return;
    err_set(&reason, ERR_BUSY, "centre_closing", "this side ends");
    loop_listener_close(hub->listener);
    while (hub->arrivals) {
        struct http_connection *connection = hub->arrivals->connection;
        http_connection_use(connection, &refused_events, NULL);
        arrival_free(hub->arrivals);
        http_connection_close(connection);
    }
    /* a loop that runs no more cannot see an orderly end through */
    bool is_orderly = loop_is_current(hub->config.loop);
    while (hub->tunnels)
        cut(hub->tunnels, is_orderly, &reason);
    memory_free(hub);
}
