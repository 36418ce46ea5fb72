// SPDX-License-Identifier: Apache-2.0
#include "wire/tunnel/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/test.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"

/* A centre and gateways in one process, each with its own loop, over TLS on loopback;
 * where lines are to be cut or frozen, a relay stands between them. */

enum { WAIT_MS = 20000, PIECE_BYTES = 16 * 1024, WINDOW_BYTES = 64 * 1024 };

static char folder[64];
static char fingerprints[3][HASH_HEX_BYTES]; /* of gateway-a, gateway-b, stranger */

/* ---- waiting for what other threads do ---- */

static pthread_mutex_t board = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t board_changed = PTHREAD_COND_INITIALIZER;

static void announce(void)
{
    pthread_mutex_lock(&board);
    pthread_cond_broadcast(&board_changed);
    pthread_mutex_unlock(&board);
}

static bool wait_more(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if ((now.tv_sec - start->tv_sec) * 1000 > WAIT_MS)
        return false;
    now.tv_nsec += 20 * 1000 * 1000;
    if (now.tv_nsec >= 1000000000) {
        now.tv_sec++;
        now.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&board);
    pthread_cond_timedwait(&board_changed, &board, &now);
    pthread_mutex_unlock(&board);
    return true;
}

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        struct timespec wait_start;                                                      \
        clock_gettime(CLOCK_REALTIME, &wait_start);                                      \
        while (!(condition) && wait_more(&wait_start))                                   \
            continue;                                                                    \
        CHECK(condition);                                                                \
    } while (0)

struct errand {
    void (*fn)(void *context);
    void *context;
    atomic_bool is_done;
};

static void run_errand(void *context)
{
    struct errand *errand = context;
    errand->fn(errand->context);
    atomic_store(&errand->is_done, true);
    announce();
}

/* Runs fn on the loop's thread and waits for it. */
static void run_on(struct loop *loop, void (*fn)(void *context), void *context)
{
    struct errand errand = {.fn = fn, .context = context};
    loop_post(loop, run_errand, &errand);
    CHECK_SOON(atomic_load(&errand.is_done));
}

static void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static uint8_t pattern(size_t index)
{
    return (uint8_t)(index * 31 + index / 251);
}

/* ---- certificates ---- */

static const char *in_folder(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder, name);
    return out;
}

static void issue(const char *authority, const char *name, enum tls_usage usage,
                  char fingerprint[HASH_HEX_BYTES])
{
    struct err err = {0};
    char prefix[128];
    char authority_prefix[128];
    const char *hosts = usage == TLS_USE_SERVER ? "localhost,127.0.0.1" : NULL;
    if (!tls_issue(in_folder(authority, authority_prefix), in_folder(name, prefix), name,
                   hosts, usage, 30, fingerprint, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

static void make_certificates(void)
{
    struct err err = {0};
    char prefix[128];
    char ignored[HASH_HEX_BYTES];
    snprintf(folder, sizeof folder, "/tmp/tunnel-test-XXXXXX");
    if (!mkdtemp(folder) ||
        !tls_make_authority(in_folder("network", prefix), "Network", &err) ||
        !tls_make_authority(in_folder("other", prefix), "Other", &err))
        exit(1);
    issue("network", "centre", TLS_USE_SERVER, ignored);
    issue("network", "gateway-a", TLS_USE_CLIENT, fingerprints[0]);
    issue("network", "gateway-b", TLS_USE_CLIENT, fingerprints[1]);
    issue("network", "stranger", TLS_USE_CLIENT, fingerprints[2]);
    issue("other", "impostor", TLS_USE_CLIENT, ignored);
}

static void remove_certificates(void)
{
    static const char *const names[] = {"network",   "other",    "centre",  "gateway-a",
                                        "gateway-b", "stranger", "impostor"};
    char path[192];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s.crt", folder, names[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s.key", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static const char *const tunnel_alpn[] = {TUNNEL_ALPN, NULL};
static const char *const other_alpn[] = {"h2", NULL};

static struct tls_context *context_of(const char *own, const char *authority,
                                      bool is_server, const char *const *alpn)
{
    struct err err = {0};
    char certificate[192];
    char key[192];
    char trusted[192];
    snprintf(certificate, sizeof certificate, "%s/%s.crt", folder, own ? own : "");
    snprintf(key, sizeof key, "%s/%s.key", folder, own ? own : "");
    snprintf(trusted, sizeof trusted, "%s/%s.crt", folder, authority);
    struct tls_files files = {.certificate_file = own ? certificate : NULL,
                              .key_file = own ? key : NULL,
                              .authority_file = trusted};
    struct tls_context *context = is_server ? tls_server_open(&files, true, alpn, &err)
                                            : tls_client_open(&files, alpn, &err);
    if (!context) {
        printf("Bail out! %s %s\n", err.code, err.text);
        exit(1);
    }
    return context;
}

/* ---- the centre ---- */

struct centre {
    struct loop *loop;
    pthread_t thread;
    bool is_running;
    struct tls_context *tls;
    struct tunnel_hub *hub;
    uint16_t port;
    int ping_ms;
    pthread_mutex_t lock;
    struct tunnel *tunnels[2]; /* kept; of gateway-a and gateway-b */
    atomic_int connected_count;
    atomic_int disconnected_count;
    atomic_int alive_count;
    atomic_int most_alive;
};

static void *on_connected(void *context, struct tunnel *tunnel, const char *fingerprint)
{
    struct centre *centre = context;
    for (int i = 0; i < 2; i++) {
        if (strcmp(fingerprint, fingerprints[i]) != 0)
            continue;
        pthread_mutex_lock(&centre->lock);
        tunnel_release(&centre->tunnels[i]);
        centre->tunnels[i] = tunnel_keep(tunnel);
        pthread_mutex_unlock(&centre->lock);
        int alive = atomic_fetch_add(&centre->alive_count, 1) + 1;
        if (alive > atomic_load(&centre->most_alive))
            atomic_store(&centre->most_alive, alive);
        atomic_fetch_add(&centre->connected_count, 1);
        announce();
        return &centre->tunnels[i];
    }
    return NULL;
}

static void on_disconnected(void *context, struct tunnel *tunnel, void *peer)
{
    struct centre *centre = context;
    CHECK(!tunnel_is_alive(tunnel));
    CHECK(peer == &centre->tunnels[0] || peer == &centre->tunnels[1]);
    atomic_fetch_sub(&centre->alive_count, 1);
    atomic_fetch_add(&centre->disconnected_count, 1);
    announce();
}

static const struct tunnel_hub_events hub_events = {.connected = on_connected,
                                                    .disconnected = on_disconnected};

static void open_hub(void *context)
{
    struct centre *centre = context;
    struct err err = {0};
    struct tunnel_hub_config config = {.loop = centre->loop,
                                       .tls = centre->tls,
                                       .address = "127.0.0.1",
                                       .port = centre->port,
                                       .events = &hub_events,
                                       .context = centre,
                                       .ping_ms = centre->ping_ms};
    centre->hub = tunnel_hub_open(&config, &err);
    CHECK(centre->hub);
    if (centre->hub)
        centre->port = tunnel_hub_port(centre->hub);
}

static void close_hub(void *context)
{
    struct centre *centre = context;
    tunnel_hub_close(centre->hub);
    centre->hub = NULL;
}

static struct centre *centre_new(int ping_ms)
{
    struct err err = {0};
    struct centre *centre = memory_new(1, sizeof *centre, &err);
    if (!centre)
        abort();
    pthread_mutex_init(&centre->lock, NULL);
    centre->ping_ms = ping_ms;
    centre->loop = loop_new(&err);
    centre->tls = context_of("centre", "network", true, tunnel_alpn);
    open_hub(centre);
    pthread_create(&centre->thread, NULL, run_loop, centre->loop);
    centre->is_running = true;
    return centre;
}

static void centre_stop(struct centre *centre)
{
    if (!centre->is_running)
        return;
    loop_stop(centre->loop);
    pthread_join(centre->thread, NULL);
    centre->is_running = false;
}

static void centre_free(struct centre **at)
{
    struct centre *centre = *at;
    centre_stop(centre);
    tunnel_hub_close(centre->hub);
    tunnel_release(&centre->tunnels[0]);
    tunnel_release(&centre->tunnels[1]);
    CHECK(atomic_load(&centre->alive_count) == 0);
    loop_free(centre->loop);
    tls_context_free(centre->tls);
    pthread_mutex_destroy(&centre->lock);
    memory_free(centre);
}

/* The tunnel of a gateway, kept. */
static struct tunnel *tunnel_of(struct centre *centre, int which)
{
    pthread_mutex_lock(&centre->lock);
    struct tunnel *tunnel =
        centre->tunnels[which] ? tunnel_keep(centre->tunnels[which]) : NULL;
    pthread_mutex_unlock(&centre->lock);
    return tunnel;
}

#define CENTRE CLEANUP(centre_free) struct centre *
#define TUNNEL CLEANUP(tunnel_release) struct tunnel *

/* ---- a gateway ---- */

struct gateway {
    struct loop *loop;
    pthread_t thread;
    struct workers *workers;
    struct tls_context *tls;
    struct http_router *router;
    struct tunnel_dialer *dialer;
    struct log log;
    atomic_int ups;
    atomic_int downs;
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

static void source_release(struct source *source)
{
    if (atomic_fetch_sub(&source->references, 1) > 1)
        return;
    atomic_fetch_sub(&source->gateway->sources_open, 1);
    announce();
    pthread_mutex_destroy(&source->lock);
    memory_free(source);
}

static void pump_locked(struct source *source)
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

static void on_source_drained(void *context)
{
    struct source *source = context;
    pthread_mutex_lock(&source->lock);
    pump_locked(source);
    pthread_mutex_unlock(&source->lock);
}

static void on_source_closed(void *context)
{
    struct source *source = context;
    pthread_mutex_lock(&source->lock);
    source->is_closed = true;
    pthread_mutex_unlock(&source->lock);
    source_release(source);
}

static const struct http_stream_events source_events = {.drained = on_source_drained,
                                                        .closed = on_source_closed};

static void serve_large(struct http_call *call, void *context)
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

static void serve_small(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", SPAN("hello"));
}

static void serve_echo(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/octet-stream", http_body(call));
}

static void serve_grant(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", http_header(call, "tsumugi-grant"));
}

static void serve_never(struct http_call *call, void *context)
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

static void on_nothing(void *context)
{
    (void)context;
}

static const struct http_stream_events no_events = {.drained = on_nothing,
                                                    .closed = on_nothing};

static void serve_abort(struct http_call *call, void *context)
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
    {HTTP_GET, "/small", serve_small, 0}, {HTTP_POST, "/echo", serve_echo, 4 << 20},
    {HTTP_GET, "/grant", serve_grant, 0}, {HTTP_GET, "/never", serve_never, 0},
    {HTTP_GET, "/abort", serve_abort, 0}, {HTTP_GET, "/large/{bytes}", serve_large, 0},
};

static void on_changed(void *context, bool is_connected)
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

static void open_dialer(struct gateway *gateway, const struct setup *setup)
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

static struct gateway *gateway_new(struct setup setup)
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

static void answer_kept(struct gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    for (int i = 0; i < gateway->kept_count; i++)
        http_answer_empty(gateway->kept[i]);
    gateway->kept_count = 0;
    pthread_mutex_unlock(&gateway->lock);
}

static void close_dialer(void *context)
{
    struct gateway *gateway = context;
    tunnel_dialer_close(gateway->dialer);
    gateway->dialer = NULL;
}

static void gateway_free(struct gateway **at)
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

static struct setup setup_of(const char *own, uint16_t port)
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

/* ---- asking ---- */

static struct tunnel_request get(const char *path)
{
    return (struct tunnel_request){.method = "GET", .path = path, .first_byte_ms = 10000};
}

struct told {
    int status;
    size_t body_bytes;
    char body[64];
    bool is_done;
    bool is_pattern;
    struct err err;
};

static struct told ask(struct tunnel *tunnel, struct tunnel_request request)
{
    struct told told = {.is_pattern = true};
    struct span body = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    told.is_done =
        tunnel_ask(tunnel, &request, 32 << 20, &arena, &told.status, &body, &told.err);
    told.body_bytes = body.len;
    for (size_t i = 0; i < body.len; i++)
        told.is_pattern = told.is_pattern && body.at[i] == pattern(i);
    if (body.len > 0 && body.len < sizeof told.body)
        memcpy(told.body, body.at, body.len);
    return told;
}

static bool is_busy(const struct told *told, const char *code)
{
    return !told->is_done && told->err.kind == ERR_BUSY &&
           strcmp(told->err.code, code) == 0;
}

/* An exchange watched event by event. */
struct watcher {
    pthread_mutex_t lock;
    struct tunnel_exchange *exchange;
    int status;
    size_t received_bytes;
    bool is_pattern;
    bool consumes;
    bool has_ended;
    bool is_complete;
    struct err err;
};

static void watcher_head(void *context, int status)
{
    struct watcher *watcher = context;
    pthread_mutex_lock(&watcher->lock);
    CHECK(watcher->status == 0 && !watcher->has_ended);
    watcher->status = status;
    pthread_mutex_unlock(&watcher->lock);
    announce();
}

static void watcher_data(void *context, struct span bytes)
{
    struct watcher *watcher = context;
    pthread_mutex_lock(&watcher->lock);
    CHECK(watcher->status != 0 && !watcher->has_ended);
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.at[i] != pattern(watcher->received_bytes + i))
            watcher->is_pattern = false;
    watcher->received_bytes += bytes.len;
    if (watcher->consumes)
        tunnel_consume(watcher->exchange, bytes.len);
    pthread_mutex_unlock(&watcher->lock);
    announce();
}

static void watcher_ended(void *context, bool complete, const struct err *err)
{
    struct watcher *watcher = context;
    pthread_mutex_lock(&watcher->lock);
    CHECK(!watcher->has_ended);
    watcher->has_ended = true;
    watcher->is_complete = complete;
    watcher->err = *err;
    watcher->exchange = NULL;
    pthread_mutex_unlock(&watcher->lock);
    announce();
}

static const struct tunnel_events watcher_events = {
    .head = watcher_head, .data = watcher_data, .ended = watcher_ended};

static void watch(struct watcher *watcher, struct tunnel *tunnel,
                  struct tunnel_request request, bool consumes)
{
    struct err err = {0};
    *watcher = (struct watcher){.consumes = consumes, .is_pattern = true};
    pthread_mutex_init(&watcher->lock, NULL);
    pthread_mutex_lock(&watcher->lock);
    watcher->exchange = tunnel_send(tunnel, &request, &watcher_events, watcher, &err);
    CHECK(watcher->exchange);
    watcher->has_ended = !watcher->exchange;
    pthread_mutex_unlock(&watcher->lock);
}

static bool watcher_has_ended(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    bool has = watcher->has_ended;
    pthread_mutex_unlock(&watcher->lock);
    return has;
}

static size_t watcher_received(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    size_t received = watcher->received_bytes;
    pthread_mutex_unlock(&watcher->lock);
    return received;
}

static void watcher_cancel(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    if (watcher->exchange)
        tunnel_cancel(watcher->exchange);
    pthread_mutex_unlock(&watcher->lock);
}

/* ---- the relay ---- */

enum { LINKS_MAX = 16 };

struct relay_link {
    int fds[2];
    long passed_bytes;
};

struct relay {
    int listener;
    uint16_t port;
    uint16_t target;
    pthread_t thread;
    atomic_bool is_stopping;
    atomic_bool is_frozen;
    atomic_long cut_after_bytes; /* < 0 = never; at the next connection */
    atomic_int cut_count;
    struct relay_link links[LINKS_MAX];
};

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void cut_link(struct relay_link *link)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 2; i++) {
        if (link->fds[i] < 0)
            continue;
        setsockopt(link->fds[i], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(link->fds[i]);
        link->fds[i] = -1;
    }
    link->passed_bytes = 0;
}

static void relay_accept(struct relay *relay)
{
    struct sockaddr_in at = loopback(relay->target);
    int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    struct relay_link *link = relay->links;
    while (link < relay->links + LINKS_MAX && link->fds[0] >= 0)
        link++;
    if (fd < 0 || link == relay->links + LINKS_MAX) {
        close(fd);
        return;
    }
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    link->fds[0] = fd;
    link->fds[1] = other;
    if (connect(other, (const struct sockaddr *)&at, sizeof at) != 0)
        cut_link(link);
}

static bool send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

static void relay_pass(struct relay *relay, struct relay_link *link, int from)
{
    char bytes[4096];
    long limit = atomic_load(&relay->cut_after_bytes);
    size_t max = sizeof bytes;
    if (limit >= 0 && limit - link->passed_bytes < (long)max)
        max = limit > link->passed_bytes ? (size_t)(limit - link->passed_bytes) : 0;
    ssize_t len = max > 0 ? recv(link->fds[from], bytes, max, MSG_DONTWAIT) : 0;
    if (len < 0 && errno == EAGAIN)
        return;
    if (len > 0 && send_all(link->fds[1 - from], bytes, (size_t)len)) {
        link->passed_bytes += len;
        return;
    }
    cut_link(link);
    atomic_fetch_add(&relay->cut_count, 1);
    announce();
}

static void *run_relay(void *context)
{
    struct relay *relay = context;
    while (!atomic_load(&relay->is_stopping)) {
        struct pollfd fds[1 + 2 * LINKS_MAX];
        fds[0] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
        bool is_frozen = atomic_load(&relay->is_frozen);
        for (int i = 0; i < 2 * LINKS_MAX; i++)
            fds[1 + i] = (struct pollfd){
                .fd = is_frozen ? -1 : relay->links[i / 2].fds[i % 2], .events = POLLIN};
        if (poll(fds, 1 + 2 * LINKS_MAX, 10) <= 0)
            continue;
        for (int i = 0; i < 2 * LINKS_MAX; i++)
            if (fds[1 + i].revents && relay->links[i / 2].fds[i % 2] == fds[1 + i].fd)
                relay_pass(relay, &relay->links[i / 2], i % 2);
        if (fds[0].revents)
            relay_accept(relay);
    }
    for (int i = 0; i < LINKS_MAX; i++)
        cut_link(&relay->links[i]);
    return NULL;
}

static struct relay *relay_new(uint16_t target)
{
    struct err err = {0};
    struct relay *relay = memory_new(1, sizeof *relay, &err);
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    if (!relay)
        abort();
    for (int i = 0; i < LINKS_MAX; i++)
        relay->links[i].fds[0] = relay->links[i].fds[1] = -1;
    atomic_init(&relay->cut_after_bytes, -1);
    relay->target = target;
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay->listener, (const struct sockaddr *)&at, len) != 0 ||
        listen(relay->listener, 64) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&at, &len) != 0)
        abort();
    relay->port = ntohs(at.sin_port);
    pthread_create(&relay->thread, NULL, run_relay, relay);
    return relay;
}

static void relay_free(struct relay **relay)
{
    atomic_store(&(*relay)->is_stopping, true);
    pthread_join((*relay)->thread, NULL);
    close((*relay)->listener);
    memory_free(*relay);
}

#define RELAY CLEANUP(relay_free) struct relay *

/* ---- what works ---- */

static void a_gateway_connects_and_answers(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/small"));
    CHECK(told.is_done && told.status == 200 && strcmp(told.body, "hello") == 0);
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    CHECK(!id_is_zero(tunnel_id(tunnel)) && tunnel_is_alive(tunnel));
}

static void bodies_and_grants_go_both_ways(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct err err = {0};
    size_t size = 3 << 20;
    uint8_t *body = memory_new(size, 1, &err);
    for (size_t i = 0; i < size; i++)
        body[i] = pattern(i);
    struct tunnel_request request = {.method = "POST",
                                     .path = "/echo",
                                     .body = span_of(body, size),
                                     .first_byte_ms = 10000,
                                     .total_ms = 20000};
    struct told told = ask(tunnel, request);
    memory_free(body);
    CHECK(told.is_done && told.status == 200 && told.body_bytes == size);
    CHECK(told.is_pattern);
    request = get("/grant");
    request.grant = SPAN("v1.abc.def");
    told = ask(tunnel, request);
    CHECK(told.is_done && strcmp(told.body, "v1.abc.def") == 0);
    told = ask(tunnel, get("/grant"));
    CHECK(told.is_done && told.body_bytes == 0);
}

static void an_error_status_is_an_answer(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/nowhere"));
    CHECK(told.is_done && told.status == 404);
    struct tunnel_request request = get("/small");
    request.method = "POST";
    request.body = SPAN("a body where none belongs");
    told = ask(tunnel, request);
    CHECK(told.is_done && told.status >= 400);
}

static void a_large_answer_streams_whole(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/large/20000000"));
    CHECK(told.is_done && told.body_bytes == 20000000 && told.is_pattern);
}

static void one_stalled_consumer_does_not_stop_another(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher stalled;
    watch(&stalled, tunnel, get("/large/20000000"), false);
    CHECK_SOON(watcher_received(&stalled) == WINDOW_BYTES);
    struct watcher lively;
    watch(&lively, tunnel, get("/large/20000000"), true);
    CHECK_SOON(watcher_has_ended(&lively));
    CHECK(lively.is_complete && lively.is_pattern && lively.received_bytes == 20000000);
    CHECK(watcher_received(&stalled) == WINDOW_BYTES);
    /* and the stalled one goes on where it was */
    pthread_mutex_lock(&stalled.lock);
    stalled.consumes = true;
    tunnel_consume(stalled.exchange, stalled.received_bytes);
    pthread_mutex_unlock(&stalled.lock);
    CHECK_SOON(watcher_has_ended(&stalled));
    CHECK(stalled.is_complete && stalled.is_pattern &&
          stalled.received_bytes == 20000000);
}

struct crowd {
    struct tunnel *tunnel;
    atomic_int good_count;
};

static void *ask_often(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < 10; i++) {
        char path[32];
        size_t bytes = (size_t)(i * 7001);
        snprintf(path, sizeof path, "/large/%zu", bytes);
        struct told told = ask(crowd->tunnel, i % 2 ? get(path) : get("/small"));
        bool is_good = told.is_done && told.status == 200 &&
                       (i % 2 ? told.body_bytes == bytes && told.is_pattern
                              : strcmp(told.body, "hello") == 0);
        atomic_fetch_add(&crowd->good_count, is_good);
        if (!is_good)
            printf("# %s: status %d, %s\n", path, told.status,
                   told.err.code ? told.err.code : "no error");
    }
    return NULL;
}

static void fifty_threads_ask_at_once(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct crowd crowd = {.tunnel = tunnel};
    pthread_t threads[50];
    for (int i = 0; i < 50; i++)
        pthread_create(&threads[i], NULL, ask_often, &crowd);
    for (int i = 0; i < 50; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&crowd.good_count) == 500);
}

static void two_gateways_have_a_tunnel_each(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY one = gateway_new(setup_of("gateway-a", centre->port));
    GATEWAY two = gateway_new(setup_of("gateway-b", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
    TUNNEL first = tunnel_of(centre, 0);
    TUNNEL second = tunnel_of(centre, 1);
    CHECK(first != second);
    CHECK(!id_equal(tunnel_id(first), tunnel_id(second)));
    CHECK(ask(first, get("/small")).is_done && ask(second, get("/small")).is_done);
}

/* ---- limits and cancelling ---- */

static void an_answer_larger_than_asked_for_is_refused(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct tunnel_request request = get("/large/10000000");
    struct err err = {0};
    struct span body = {0};
    int status = 0;
    CHECK(!tunnel_ask(tunnel, &request, 1000, &arena, &status, &body, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "tunnel_answer_too_large") == 0);
    CHECK(ask(tunnel, get("/small")).is_done);
    CHECK_SOON(atomic_load(&gateway->sources_open) == 0);
}

static void a_cancelled_exchange_stops_its_source(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher watcher;
    watch(&watcher, tunnel, get("/large/100000000"), true);
    CHECK_SOON(watcher_received(&watcher) > 0);
    watcher_cancel(&watcher);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(!watcher.is_complete && strcmp(watcher.err.code, "tunnel_cancelled") == 0);
    CHECK_SOON(atomic_load(&gateway->sources_open) == 0);
    CHECK(ask(tunnel, get("/small")).is_done);
}

static void a_cancel_right_after_sending_ends_once(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    static struct watcher watchers[100];
    for (int i = 0; i < 100; i++) {
        watch(&watchers[i], tunnel, get(i % 2 ? "/small" : "/large/1000000"), true);
        watcher_cancel(&watchers[i]);
    }
    for (int i = 0; i < 100; i++) {
        CHECK_SOON(watcher_has_ended(&watchers[i]));
        CHECK(watchers[i].is_complete ||
              strcmp(watchers[i].err.code, "tunnel_cancelled") == 0);
    }
    CHECK(ask(tunnel, get("/small")).is_done);
}

static void an_answer_cut_by_the_gateway_is_never_complete(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/abort"));
    CHECK(is_busy(&told, "gateway_cut"));
    CHECK(ask(tunnel, get("/small")).is_done);
}

static void deadlines_end_what_does_not_come(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct tunnel_request request = get("/never");
    request.first_byte_ms = 100;
    struct told told = ask(tunnel, request);
    CHECK(is_busy(&told, "gateway_silent"));
    request = get("/never");
    request.first_byte_ms = 0;
    request.total_ms = 100;
    told = ask(tunnel, request);
    CHECK(is_busy(&told, "gateway_silent"));
    /* the head in time, the rest never taken, so never there */
    struct watcher watcher;
    request = get("/large/20000000");
    request.total_ms = 300;
    watch(&watcher, tunnel, request, false);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(watcher.status == 200 && !watcher.is_complete);
    CHECK(strcmp(watcher.err.code, "gateway_silent") == 0);
    CHECK(ask(tunnel, get("/small")).is_done);
    CHECK_SOON(atomic_load(&gateway->sources_open) == 0);
}

/* ---- who is let in ---- */

/* It dials at least three times and never gets in. */
static void check_kept_out(struct setup setup)
{
    CENTRE centre = centre_new(20000);
    setup.port = centre->port;
    setup.ping_ms = 20000;
    GATEWAY gateway = gateway_new(setup);
    CHECK_SOON(
        log_count(gateway, "tunnel_not_opened") + log_count(gateway, "tunnel_down") >= 3);
    CHECK(atomic_load(&centre->connected_count) == 0);
    CHECK(atomic_load(&gateway->ups) == 0);
}

static void a_certificate_of_another_authority_is_kept_out(void)
{
    check_kept_out((struct setup){.own = "impostor"});
}

static void a_gateway_without_certificate_is_kept_out(void)
{
    check_kept_out((struct setup){.own = NULL});
}

static void a_certificate_that_nobody_knows_is_kept_out(void)
{
    check_kept_out((struct setup){.own = "stranger"});
}

static void another_protocol_is_kept_out(void)
{
    check_kept_out((struct setup){.own = "gateway-a", .alpn = other_alpn});
}

static void a_centre_of_another_authority_is_not_trusted(void)
{
    check_kept_out((struct setup){.own = "gateway-a", .authority = "other"});
}

/* ---- lines that break ---- */

static void a_tunnel_kept_beyond_its_end_answers_that_it_is_away(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher watcher;
    watch(&watcher, tunnel, get("/never"), true);
    run_on(gateway->loop, close_dialer, gateway);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(!watcher.is_complete);
    CHECK_SOON(atomic_load(&centre->disconnected_count) == 1);
    CHECK(!tunnel_is_alive(tunnel));
    struct told told = ask(tunnel, get("/small"));
    CHECK(is_busy(&told, "gateway_away"));
    tunnel_cut(tunnel);
}

static void a_cut_tunnel_comes_back(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL first = tunnel_of(centre, 0);
    struct watcher watcher;
    watch(&watcher, first, get("/large/100000000"), false);
    CHECK_SOON(watcher_received(&watcher) > 0);
    tunnel_cut(first);
    tunnel_cut(first);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(!watcher.is_complete && strcmp(watcher.err.code, "gateway_away") == 0);
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
    TUNNEL second = tunnel_of(centre, 0);
    CHECK(!tunnel_is_alive(first) && !id_equal(tunnel_id(first), tunnel_id(second)));
    CHECK(ask(second, get("/small")).is_done);
}

static void a_centre_is_found_at_any_address_of_its_name(void)
{
    CENTRE centre = centre_new(20000);
    struct setup setup = setup_of("gateway-a", centre->port);
    setup.host = "localhost"; /* ::1 as well, on most machines, where nobody listens */
    GATEWAY gateway = gateway_new(setup);
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
}

static void a_restarted_centre_is_found_again(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    TUNNEL first = tunnel_of(centre, 0);
    run_on(centre->loop, close_hub, centre);
    CHECK(!tunnel_is_alive(first));
    CHECK_SOON(log_count(gateway, "tunnel_not_opened") >= 2);
    run_on(centre->loop, open_hub, centre);
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
    TUNNEL second = tunnel_of(centre, 0);
    CHECK(ask(second, get("/small")).is_done);
    CHECK_SOON(atomic_load(&gateway->ups) == 2);
}

static void a_silent_line_is_noticed_on_both_sides(void)
{
    CENTRE centre = centre_new(100);
    RELAY relay = relay_new(centre->port);
    struct setup setup = setup_of("gateway-a", relay->port);
    setup.ping_ms = 100;
    GATEWAY gateway = gateway_new(setup);
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    /* PINGs keep an idle line alive */
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct tunnel_request request = get("/never");
    request.first_byte_ms = 800;
    struct told told = ask(tunnel, request);
    CHECK(is_busy(&told, "gateway_silent"));
    CHECK(tunnel_is_alive(tunnel) && atomic_load(&gateway->downs) == 0);
    atomic_store(&relay->is_frozen, true);
    CHECK_SOON(atomic_load(&centre->disconnected_count) == 1);
    CHECK_SOON(atomic_load(&gateway->downs) == 1);
    CHECK(!tunnel_is_alive(tunnel));
    atomic_store(&relay->is_frozen, false);
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
}

static void the_newer_tunnel_of_a_certificate_wins(void)
{
    CENTRE centre = centre_new(20000);
    RELAY relay = relay_new(centre->port);
    GATEWAY older = gateway_new(setup_of("gateway-a", relay->port));
    CHECK_SOON(atomic_load(&older->ups) == 1);
    TUNNEL first = tunnel_of(centre, 0);
    atomic_store(&relay->is_frozen, true);
    struct watcher watcher;
    watch(&watcher, first, get("/small"), true);
    GATEWAY newer = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&newer->ups) == 1);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(strcmp(watcher.err.code, "gateway_away") == 0);
    CHECK(!tunnel_is_alive(first));
    CHECK(atomic_load(&centre->most_alive) == 1);
    TUNNEL second = tunnel_of(centre, 0);
    CHECK(ask(second, get("/small")).is_done);
}

/* Asks for as long as it takes the relay to cut two lines. */
static int ask_through_cuts(struct centre *centre, struct relay *relay)
{
    int whole_count = 0;
    int cut_count = atomic_load(&relay->cut_count);
    struct timespec start;
    clock_gettime(CLOCK_REALTIME, &start);
    while (atomic_load(&relay->cut_count) < cut_count + 2) {
        TUNNEL tunnel = tunnel_of(centre, 0);
        if (!tunnel || !tunnel_is_alive(tunnel)) {
            if (!wait_more(&start))
                break;
            continue;
        }
        struct told told = ask(tunnel, get("/large/100000"));
        CHECK(told.is_done ? told.body_bytes == 100000 && told.is_pattern
                           : told.err.kind == ERR_BUSY);
        whole_count += told.is_done;
    }
    CHECK(atomic_load(&relay->cut_count) >= cut_count + 2);
    return whole_count;
}

static void lines_cut_at_any_byte_leave_no_half_answers(void)
{
    CENTRE centre = centre_new(20000);
    RELAY relay = relay_new(centre->port);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", relay->port));
    static const long cuts[] = {0,    1,    5,    200,   900,   1500,   2000,   2500,
                                3000, 3500, 4000, 10000, 70000, 101000, 150000, 700000};
    int whole_count = 0;
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        atomic_store(&relay->cut_after_bytes, cuts[i]);
        whole_count += ask_through_cuts(centre, relay);
    }
    atomic_store(&relay->cut_after_bytes, -1);
    int connected = atomic_load(&centre->connected_count);
    TUNNEL last = tunnel_of(centre, 0);
    tunnel_cut(last);
    CHECK_SOON(atomic_load(&centre->connected_count) > connected);
    TUNNEL tunnel = tunnel_of(centre, 0);
    CHECK(ask(tunnel, get("/large/100000")).is_done);
    /* lines of 700,000 bytes carried some, lines of 70,000 could not */
    CHECK(whole_count >= 6 && connected >= 10);
}

static atomic_bool crowd_may_go;

static void *ask_until_told(void *context)
{
    struct centre *centre = context;
    while (!atomic_load(&crowd_may_go)) {
        TUNNEL tunnel = tunnel_of(centre, 0);
        if (!tunnel)
            continue;
        struct told told = ask(tunnel, get("/large/30000"));
        CHECK(told.is_done ? told.body_bytes == 30000 && told.is_pattern
                           : told.err.kind == ERR_BUSY);
        struct watcher watcher;
        struct err err = {0};
        struct tunnel_request request = get("/large/1000000");
        watcher = (struct watcher){.consumes = true, .is_pattern = true};
        pthread_mutex_init(&watcher.lock, NULL);
        pthread_mutex_lock(&watcher.lock);
        watcher.exchange = tunnel_send(tunnel, &request, &watcher_events, &watcher, &err);
        watcher.has_ended = !watcher.exchange;
        pthread_mutex_unlock(&watcher.lock);
        watcher_cancel(&watcher);
        CHECK_SOON(watcher_has_ended(&watcher));
    }
    return NULL;
}

static void asking_threads_survive_any_disconnection(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    pthread_t threads[4];
    atomic_store(&crowd_may_go, false);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, ask_until_told, centre);
    for (int i = 0; i < 15; i++) {
        int connected = atomic_load(&centre->connected_count);
        TUNNEL tunnel = tunnel_of(centre, 0);
        if (i % 5 == 4) {
            run_on(centre->loop, close_hub, centre);
            run_on(centre->loop, open_hub, centre);
        } else {
            tunnel_cut(tunnel);
        }
        CHECK_SOON(atomic_load(&centre->connected_count) > connected);
    }
    atomic_store(&crowd_may_go, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void *ask_never(void *context)
{
    struct told *told = memory_new(1, sizeof *told, &(struct err){0});
    struct tunnel_request request = get("/never");
    request.first_byte_ms = 0;
    *told = ask(context, request);
    return told;
}

static void who_waits_is_told_when_the_centre_closes_without_its_loop(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, ask_never, tunnel);
    CHECK_SOON(log_count(gateway, "tunnel_up") == 1 && gateway->kept_count == 1);
    centre_stop(centre);
    close_hub(centre);
    pthread_join(thread, &result);
    struct told *told = result;
    CHECK(is_busy(told, "gateway_away"));
    memory_free(told);
    struct told late = ask(tunnel, get("/small"));
    CHECK(is_busy(&late, "gateway_away"));
}

static void a_gateway_alone_keeps_trying_and_closes_cleanly(void)
{
    uint16_t port = 0;
    {
        CENTRE centre = centre_new(20000);
        port = centre->port;
    }
    GATEWAY gateway = gateway_new(setup_of("gateway-a", port));
    CHECK_SOON(log_count(gateway, "tunnel_not_opened") >= 3);
    CHECK(atomic_load(&gateway->ups) == 0);
}

int main(void)
{
    make_certificates();
    RUN(a_gateway_connects_and_answers);
    RUN(bodies_and_grants_go_both_ways);
    RUN(an_error_status_is_an_answer);
    RUN(a_large_answer_streams_whole);
    RUN(one_stalled_consumer_does_not_stop_another);
    RUN(fifty_threads_ask_at_once);
    RUN(two_gateways_have_a_tunnel_each);
    RUN(an_answer_larger_than_asked_for_is_refused);
    RUN(a_cancelled_exchange_stops_its_source);
    RUN(a_cancel_right_after_sending_ends_once);
    RUN(an_answer_cut_by_the_gateway_is_never_complete);
    RUN(deadlines_end_what_does_not_come);
    RUN(a_certificate_of_another_authority_is_kept_out);
    RUN(a_gateway_without_certificate_is_kept_out);
    RUN(a_certificate_that_nobody_knows_is_kept_out);
    RUN(another_protocol_is_kept_out);
    RUN(a_centre_of_another_authority_is_not_trusted);
    RUN(a_tunnel_kept_beyond_its_end_answers_that_it_is_away);
    RUN(a_cut_tunnel_comes_back);
    RUN(a_centre_is_found_at_any_address_of_its_name);
    RUN(a_restarted_centre_is_found_again);
    RUN(a_silent_line_is_noticed_on_both_sides);
    RUN(the_newer_tunnel_of_a_certificate_wins);
    RUN(lines_cut_at_any_byte_leave_no_half_answers);
    RUN(asking_threads_survive_any_disconnection);
    RUN(who_waits_is_told_when_the_centre_closes_without_its_loop);
    RUN(a_gateway_alone_keeps_trying_and_closes_cleanly);
    remove_certificates();
    return test_done();
}
