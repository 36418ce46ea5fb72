// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/rand.h"
#include "wire/http/protocol.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop.h"
#include "wire/tunnel/tunnel_parts.h"

enum {
    CONNECT_MS = 10000,
    GREETING_MS = 10000, /* until the centre's first HTTP/2 bytes */
    STEADY_MS = 10000,   /* a tunnel that lived so long makes the next try soon again */
    ADDRESSES_MAX = 8,
    FIRST_SPREAD = 3, /* the first delay is between retry_min_ms and so many of it */
    NAME_BYTES_MAX = 255
};

/* A name's addresses, tried one after the other: an IPv6 address is of no use where only
 * IPv4 gets through. */
struct addresses {
    struct http_address at[ADDRESSES_MAX];
    size_t count;
};

struct tunnel_dialer {
    struct tunnel_dialer_config config;
    char *host;
    char *through; /* "host:port" for a proxy; NULL = none */
    char *proxy_host;
    uint16_t proxy_port;
    char *authorization;
    struct http_service *service;
    struct loop_timer *timer;
    struct clock clock;
    struct rand rand;
    struct resolution *resolution;      /* under way in a worker */
    struct http_connection *connection; /* not yet HTTP/2 */
    struct http2_line *line;
    struct addresses addresses; /* of this round */
    size_t next_address;
    int delay_ms; /* upper bound of the next */
    int64_t greeted_ms;
    bool is_greeted;
};

/* Outlives its dialer, which it then finds gone. */
struct resolution {
    struct tunnel_dialer *dialer; /* on the loop's thread; NULL when it was closed */
    struct loop *loop;
    char *host;
    uint16_t port;
    struct addresses addresses;
};

static void begin(void *context);
static void try_next(struct tunnel_dialer *dialer);

static void log_reason(const struct tunnel_dialer *dialer, const char *event,
                       const struct err *reason)
{
    if (dialer->config.log)
        LOG(dialer->config.log, event,
            LOG_WORD("reason", reason->code ? reason->code : "none"),
            LOG_WORD("text", reason->text));
}

/* ---- trying again ---- */

int tunnel_next_delay(int *bound_ms, int min_ms, int max_ms, const struct rand *rand)
{
    int64_t delay_ms =
        *bound_ms > 0 ? 2 * (int64_t)*bound_ms : FIRST_SPREAD * (int64_t)min_ms;
    if (delay_ms > max_ms)
        delay_ms = max_ms;
    *bound_ms = (int)delay_ms;
    uint64_t spread = delay_ms > min_ms ? (uint64_t)(delay_ms - min_ms) : 0;
    return min_ms + (int)(spread > 0 ? rand_u64(rand) % (spread + 1) : 0);
}

static void try_later(struct tunnel_dialer *dialer)
{
    const struct tunnel_dialer_config *config = &dialer->config;
    loop_timer_set(dialer->timer,
                   tunnel_next_delay(&dialer->delay_ms, config->retry_min_ms,
                                     config->retry_max_ms, &dialer->rand));
}

/* ---- the tunnel ---- */

static void on_greeted(void *self)
{
    struct tunnel_dialer *dialer = self;
    loop_timer_set(dialer->timer, -1);
    dialer->is_greeted = true;
    dialer->greeted_ms = clock_monotonic_ms(&dialer->clock);
    if (dialer->config.log)
        LOG(dialer->config.log, "tunnel_up", LOG_NUMBER("port", dialer->config.port));
    if (dialer->config.changed)
        dialer->config.changed(dialer->config.context, true);
}

static void lost(struct tunnel_dialer *dialer, const struct err *reason)
{
    bool was_greeted = dialer->is_greeted;
    int64_t lived_ms = clock_monotonic_ms(&dialer->clock) - dialer->greeted_ms;
    int steady_ms =
        dialer->config.retry_max_ms < STEADY_MS ? dialer->config.retry_max_ms : STEADY_MS;
    dialer->line = NULL;
    dialer->is_greeted = false;
    log_reason(dialer, "tunnel_down", reason);
    if (was_greeted && lived_ms >= steady_ms)
        dialer->delay_ms = 0;
    if (was_greeted && dialer->config.changed)
        dialer->config.changed(dialer->config.context, false);
}

static void on_line_closed(void *self, const struct err *reason)
{
    struct tunnel_dialer *dialer = self;
    if (!dialer->line)
        return; /* the dialer is closing */
    lost(dialer, reason);
    try_later(dialer);
}

static void on_established(void *self)
{
    struct tunnel_dialer *dialer = self;
    struct http_connection *connection = dialer->connection;
    struct err err = {0};
    if (strcmp(http_connection_alpn(connection), TUNNEL_ALPN) != 0) {
        err_set(&err, ERR_REFUSED, "tunnel_wrong_protocol", "the peer is no centre");
        log_reason(dialer, "tunnel_not_opened", &err);
        http_connection_close(connection);
        return;
    }
    struct http2_serve_config config = {
        .service = dialer->service,
        .streams_max = TUNNEL_STREAMS_MAX,
        .ping_ms = dialer->config.ping_ms,
        .stays_when_idle = true,
        .greeted = on_greeted,
        .closed = on_line_closed,
        .self = dialer,
    };
    /* With TLS 1.3 a certificate that the centre refuses shows only now. */
    loop_timer_set(dialer->timer, GREETING_MS);
    dialer->line = http2_serve_line(connection, &config, &err);
    if (dialer->line)
        dialer->connection = NULL;
    else
        http_connection_close(connection);
}

static void on_connection_closed(void *self, const struct err *reason)
{
    struct tunnel_dialer *dialer = self;
    dialer->connection = NULL;
    log_reason(dialer, "tunnel_not_opened", reason);
    try_next(dialer);
}

static size_t on_nothing(void *self, struct span bytes)
{
    (void)self;
    return bytes.len;
}

static void nobody_cares(void *self, const struct err *reason)
{
    (void)self;
    (void)reason;
}

static const struct http_connection_events dialling_events = {
    .established = on_established,
    .received = on_nothing,
    .closed = on_connection_closed,
};

static const struct http_connection_events abandoned_events = {
    .received = on_nothing,
    .closed = nobody_cares,
};

/* ---- names and connecting ---- */

static void resolution_free(struct resolution *resolution)
{
    memory_free(resolution->host);
    memory_free(resolution);
}

static void dial(struct tunnel_dialer *dialer, const struct http_address *address)
{
    struct err err = {0};
    struct http_dial target = {.address = *address,
                               .context = dialer->config.tls,
                               .host = dialer->host,
                               .through = dialer->through,
                               .authorization = dialer->authorization};
    dialer->connection = http_connection_dial(dialer->config.loop, &target,
                                              &dialling_events, dialer, &err);
    if (dialer->connection) {
        http_connection_deadline(dialer->connection, CONNECT_MS);
        return;
    }
    log_reason(dialer, "tunnel_not_opened", &err);
    try_later(dialer);
}

static void try_next(struct tunnel_dialer *dialer)
{
    if (dialer->next_address < dialer->addresses.count)
        dial(dialer, &dialer->addresses.at[dialer->next_address++]);
    else
        try_later(dialer);
}

static void resolved(void *context)
{
    struct resolution *resolution = context;
    struct tunnel_dialer *dialer = resolution->dialer;
    if (dialer) {
        struct err err = {0};
        dialer->resolution = NULL;
        dialer->addresses = resolution->addresses;
        dialer->next_address = 0;
        if (dialer->addresses.count == 0) {
            err_set(&err, ERR_BUSY, "host_unresolved", "the centre has no address");
            log_reason(dialer, "tunnel_not_opened", &err);
        }
        try_next(dialer);
    }
    resolution_free(resolution);
}

static void find_addresses(struct resolution *resolution)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct addresses *addresses = &resolution->addresses;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)resolution->port);
    if (getaddrinfo(resolution->host, service, &hints, &found) != 0)
        return;
    for (struct addrinfo *at = found; at && addresses->count < ADDRESSES_MAX;
         at = at->ai_next) {
        if (at->ai_addrlen > sizeof addresses->at[0].at)
            continue;
        struct http_address *address = &addresses->at[addresses->count++];
        address->len = at->ai_addrlen;
        memcpy(&address->at, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
}

static void resolve(void *context)
{
    struct resolution *resolution = context;
    find_addresses(resolution);
    loop_post(resolution->loop, resolved, resolution);
}

static bool start_resolving(struct tunnel_dialer *dialer, struct err *err)
{
    struct resolution *resolution = memory_new(1, sizeof *resolution, err);
    if (!resolution)
        return false;
    resolution->dialer = dialer;
    resolution->loop = dialer->config.loop;
    resolution->port = dialer->through ? dialer->proxy_port : dialer->config.port;
    resolution->host =
        memory_string(dialer->through ? dialer->proxy_host : dialer->host, err);
    if (!resolution->host) {
        resolution_free(resolution);
        return false;
    }
    dialer->resolution = resolution;
    if (workers_post(dialer->config.workers, resolve, resolution))
        return true;
    dialer->resolution = NULL;
    resolution_free(resolution);
    return err_set(err, ERR_BUSY, "workers_full", "no worker for a name");
}

static void begin(void *context)
{
    struct tunnel_dialer *dialer = context;
    struct err err = {0};
    if (dialer->line) {
        /* connected, but the centre says nothing */
        http2_line_cut(dialer->line);
        return;
    }
    if (!start_resolving(dialer, &err)) {
        log_reason(dialer, "tunnel_not_opened", &err);
        try_later(dialer);
    }
}

/* ---- opening and closing ---- */

static bool copy_proxy(struct tunnel_dialer *dialer, const struct tunnel_proxy *proxy,
                       struct err *err)
{
    char through[NAME_BYTES_MAX + 16];
    bool is_numeric_six = strchr(dialer->host, ':') != NULL;
    int len = snprintf(through, sizeof through, is_numeric_six ? "[%s]:%u" : "%s:%u",
                       dialer->host, (unsigned)dialer->config.port);
    if (len < 0 || (size_t)len >= sizeof through)
        return err_set(err, ERR_LIMIT, "host_too_long", "the centre's name is too long");
    dialer->proxy_port = proxy->port;
    dialer->through = memory_string(through, err);
    dialer->proxy_host = dialer->through ? memory_string(proxy->host, err) : NULL;
    if (dialer->proxy_host && proxy->authorization)
        dialer->authorization = memory_string(proxy->authorization, err);
    return dialer->proxy_host && (!proxy->authorization || dialer->authorization);
}

static bool open_parts(struct tunnel_dialer *dialer, struct err *err)
{
    const struct tunnel_dialer_config *config = &dialer->config;
    struct http_service_config service = {
        .loop = config->loop,
        .workers = config->workers,
        .router = config->router,
        .limits = config->limits,
        .log = config->log,
    };
    dialer->host = memory_string(config->host, err);
    if (!dialer->host || (config->proxy && !copy_proxy(dialer, config->proxy, err)))
        return false;
    dialer->service = http_service_new(&service, err);
    if (!dialer->service)
        return false;
    dialer->timer = loop_timer_new(config->loop, begin, dialer, err);
    return dialer->timer != NULL;
}

struct tunnel_dialer *tunnel_dialer_open(const struct tunnel_dialer_config *config,
                                         struct err *err)
{
    struct tunnel_dialer *dialer = memory_new(1, sizeof *dialer, err);
    if (!dialer)
        return NULL;
    dialer->config = *config;
    dialer->clock = clock_system();
    dialer->rand = rand_system();
    if (!open_parts(dialer, err)) {
        tunnel_dialer_close(dialer);
        return NULL;
    }
    loop_timer_set(dialer->timer, 0);
    return dialer;
}

void tunnel_dialer_close(struct tunnel_dialer *dialer)
{
    static const struct err none = {0};
    if (!dialer)
        return;
    if (dialer->resolution)
        dialer->resolution->dialer = NULL;
    if (dialer->connection) {
        http_connection_use(dialer->connection, &abandoned_events, NULL);
        http_connection_close(dialer->connection);
    }
    if (dialer->line) {
        struct http2_line *line = dialer->line;
        lost(dialer, &none);
        http2_line_abandon(line, loop_is_current(dialer->config.loop));
    }
    loop_timer_free(dialer->timer);
    http_service_free(dialer->service);
    memory_free(dialer->host);
    memory_free(dialer->through);
    memory_free(dialer->proxy_host);
    memory_free(dialer->authorization);
    memory_free(dialer);
}
