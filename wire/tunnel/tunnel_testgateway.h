// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: a gateway with a loop, workers and routes of its own. */

#include <sys/mman.h>

#include "wire/tunnel/tunnel_testcentre.h"

enum { PIECE_BYTES = 16 * 1024 };

/* ---- a gateway ---- */

struct gateway {
    struct loop *loop;
    pthread_t thread;
    struct workers *workers;
    struct tls_context *tls;
    struct http_router *router;
    struct tunnel_dialer *dialer;
    struct log log;
    atomic_int ups, downs;
    pthread_mutex_t lock;
    struct http_call *kept[64];
    atomic_int kept_count;
    atomic_int sources_open;
};

/* Writes a pattern into an answer, no faster than it is taken. */
struct source {
    struct gateway *gateway;
    pthread_mutex_t lock;
    struct http_stream *stream;
    size_t sent_bytes;
    size_t total_bytes;
    bool is_pumping;
    bool is_ended;
    bool is_closed;
    atomic_int references;
};

static inline void source_release(struct source *source)
{
    if (atomic_fetch_sub(&source->references, 1) > 1)
        return;
    atomic_fetch_sub(&source->gateway->sources_open, 1);
    announce();
    pthread_mutex_destroy(&source->lock);
    memory_free(source);
}

static inline void pump_locked(struct source *source)
{
    uint8_t piece[PIECE_BYTES];
    while (source->stream && !source->is_closed && !source->is_ended) {
        size_t left = source->total_bytes - source->sent_bytes;
        size_t count = left < sizeof piece ? left : sizeof piece;
        if (count == 0) {
            source->is_ended = true;
            http_stream_end(source->stream);
            return;
        }
        for (size_t i = 0; i < count; i++)
            piece[i] = pattern(source->sent_bytes + i);
        source->sent_bytes += count;
        if (http_stream_write(source->stream, span_of(piece, count)) >
            HTTP_STREAM_HIGH_BYTES)
            return;
    }
}

static inline void on_source_drained(void *context)
{
    struct source *source = context;
    pthread_mutex_lock(&source->lock);
    pump_locked(source);
    pthread_mutex_unlock(&source->lock);
}

static inline void on_source_closed(void *context)
{
    struct source *source = context;
    pthread_mutex_lock(&source->lock);
    source->is_closed = true;
    pthread_mutex_unlock(&source->lock);
    source_release(source);
}

static const struct http_stream_events source_events = {.drained = on_source_drained,
                                                        .closed = on_source_closed};

static inline void serve_large(struct http_call *call, void *context)
{
    struct gateway *gateway = context;
    struct err err = {0};
    uint64_t total = 0;
    struct source *source = memory_new(1, sizeof *source, &err);
    if (!source || !span_uint(http_param(call, "bytes"), 1 << 30, &total))
        abort();
    atomic_fetch_add(&gateway->sources_open, 1);
    source->gateway = gateway;
    source->total_bytes = total;
    atomic_init(&source->references, 2);
    pthread_mutex_init(&source->lock, NULL);
    pthread_mutex_lock(&source->lock);
    source->stream = http_stream_open(call, 200, "application/octet-stream", -1,
                                      &source_events, source);
    bool is_open = source->stream != NULL;
    pump_locked(source);
    pthread_mutex_unlock(&source->lock);
    if (!is_open)
        source_release(source);
    source_release(source);
}

static inline void serve_small(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", SPAN("hello"));
}

static inline void serve_lossy(struct http_call *call, void *context)
{
    char value[256] = "";
    uint64_t count = 0;
    (void)context;
    if (!span_uint(http_param(call, "letters"), sizeof value - 1, &count))
        abort();
    memset(value, 'x', count);
    http_add_header(call, "tsumugi-lossy", value);
    http_add_header(call, "tsumugi-length", count == 128 ? "4096" : "12a");
    http_answer(call, 200, "image/jpeg", SPAN("12345"));
}

static inline void serve_echo(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/octet-stream", http_body(call));
}

static inline void serve_grant(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", http_header(call, "tsumugi-grant"));
}

static inline void serve_never(struct http_call *call, void *context)
{
    struct gateway *gateway = context;
    pthread_mutex_lock(&gateway->lock);
    if (gateway->kept_count == 64)
        abort();
    http_keep(call);
    gateway->kept[atomic_fetch_add(&gateway->kept_count, 1)] = call;
    pthread_mutex_unlock(&gateway->lock);
    announce();
}

static inline void on_nothing(void *context)
{
    (void)context;
}

static const struct http_stream_events no_events = {.drained = on_nothing,
                                                    .closed = on_nothing};

static inline void serve_abort(struct http_call *call, void *context)
{
    (void)context;
    struct http_stream *stream =
        http_stream_open(call, 200, "text/plain", -1, &no_events, NULL);
    if (!stream)
        return;
    http_stream_write(stream, SPAN("half of"));
    http_stream_abort(stream);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/small", serve_small, 0},
    {HTTP_POST, "/echo", serve_echo, 4 << 20},
    {HTTP_GET, "/grant", serve_grant, 0},
    {HTTP_GET, "/never", serve_never, 0},
    {HTTP_GET, "/abort", serve_abort, 0},
    {HTTP_GET, "/large/{bytes}", serve_large, 0},
    {HTTP_GET, "/lossy/{letters}", serve_lossy, 0},
};

static inline void on_changed(void *context, bool is_connected)
{
    struct gateway *gateway = context;
    atomic_fetch_add(is_connected ? &gateway->ups : &gateway->downs, 1);
    announce();
}

struct setup {
    const char *own; /* NULL = no certificate */
    const char *authority;
    const char *const *alpn;
    const char *host; /* NULL = 127.0.0.1 */
    uint16_t port;
    int ping_ms;
};

static inline void open_dialer(struct gateway *gateway, const struct setup *setup)
{
    struct err err = {0};
    struct tunnel_dialer_config config = {.loop = gateway->loop,
                                          .workers = gateway->workers,
                                          .tls = gateway->tls,
                                          .host = setup->host ? setup->host : "127.0.0.1",
                                          .port = setup->port,
                                          .router = gateway->router,
                                          .limits = http_default_limits(),
                                          .retry_min_ms = 10,
                                          .retry_max_ms = 100,
                                          .ping_ms = setup->ping_ms,
                                          .changed = on_changed,
                                          .context = gateway,
                                          .log = &gateway->log};
    config.limits.arena_max_bytes = 8 << 20;

    gateway->dialer = tunnel_dialer_open(&config, &err);
    if (!gateway->dialer)
        abort();
}

static inline struct gateway *gateway_new(struct setup setup)
{
    struct err err = {0};
    struct gateway *gateway = memory_new(1, sizeof *gateway, &err);
    if (!gateway)
        abort();
    pthread_mutex_init(&gateway->lock, NULL);
    gateway->loop = loop_new(&err);
    gateway->workers = workers_new(4, 256, &err);
    gateway->tls = context_of(setup.own, setup.authority ? setup.authority : "network",
                              false, setup.alpn ? setup.alpn : tunnel_alpn);
    gateway->router = http_router_new();
    http_router_add(gateway->router, routes, sizeof routes / sizeof *routes, gateway);
    gateway->log =
        (struct log){memfd_create("log", MFD_CLOEXEC), clock_system(), "gateway"};
    open_dialer(gateway, &setup);
    pthread_create(&gateway->thread, NULL, run_loop, gateway->loop);
    return gateway;
}

static inline void answer_kept(struct gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    for (int i = 0; i < gateway->kept_count; i++)
        http_answer_empty(gateway->kept[i]);
    gateway->kept_count = 0;
    pthread_mutex_unlock(&gateway->lock);
}

static inline void close_dialer(void *context)
{
    struct gateway *gateway = context;
    tunnel_dialer_close(gateway->dialer);
    gateway->dialer = NULL;
}

static inline void gateway_free(struct gateway **at)
{
    struct gateway *gateway = *at;
    loop_stop(gateway->loop);
    pthread_join(gateway->thread, NULL);
    tunnel_dialer_close(gateway->dialer);
    answer_kept(gateway);
    workers_free(gateway->workers);
    answer_kept(gateway);
    loop_free(gateway->loop);
    CHECK(atomic_load(&gateway->sources_open) == 0);
    CHECK(atomic_load(&gateway->ups) == atomic_load(&gateway->downs));
    http_router_free(gateway->router);
    tls_context_free(gateway->tls);
    close(gateway->log.fd);
    pthread_mutex_destroy(&gateway->lock);
    memory_free(gateway);
}

#define GATEWAY __attribute__((unused)) CLEANUP(gateway_free) struct gateway *

static inline struct setup setup_of(const char *own, uint16_t port)
{
    return (struct setup){.own = own, .port = port, .ping_ms = 20000};
}

/* How often a word stands in the gateway's log. */
static int log_count(const struct gateway *gateway, const char *word)
{
    char text[64 * 1024];
    ssize_t len = pread(gateway->log.fd, text, sizeof text - 1, 0);
    int count = 0;
    if (len < 0)
        return -1;
    text[len] = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}
