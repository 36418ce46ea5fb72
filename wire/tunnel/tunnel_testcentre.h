// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: waiting for other threads, a network's certificates, and
 * a centre with a loop of its own. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/test.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"

enum { WAIT_MS = 20000 };

static char folder[64];
static char fingerprints[3][HASH_HEX_BYTES]; /* of gateway-a, gateway-b, stranger */

/* ---- waiting for what other threads do ---- */

static pthread_mutex_t board = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t board_changed = PTHREAD_COND_INITIALIZER;

static inline void announce(void)
{
    pthread_mutex_lock(&board);
    pthread_cond_broadcast(&board_changed);
    pthread_mutex_unlock(&board);
}

static inline bool wait_more(const struct timespec *start)
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

static inline void run_errand(void *context)
{
    struct errand *errand = context;
    errand->fn(errand->context);
    atomic_store(&errand->is_done, true);
    announce();
}

/* Runs fn on the loop's thread and waits for it. */
static inline void run_on(struct loop *loop, void (*fn)(void *context), void *context)
{
    struct errand errand = {.fn = fn, .context = context};
    loop_post(loop, run_errand, &errand);
    CHECK_SOON(atomic_load(&errand.is_done));
}

static inline void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static inline uint8_t pattern(size_t index)
{
    return (uint8_t)(index * 31 + index / 251);
}

/* ---- certificates ---- */

static const char *in_folder(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder, name);
    return out;
}

static inline void issue(const char *authority, const char *name, const char *hosts,
                         char fingerprint[HASH_HEX_BYTES])
{
    struct err err = {0};
    char prefix[128];
    char authority_prefix[128];
    if (!tls_issue(in_folder(authority, authority_prefix), in_folder(name, prefix), name,
                   hosts, 30, fingerprint, &err)) {
        printf("Bail out! %s\n", err.text);
        abort();
    }
}

static inline void make_certificates(void)
{
    struct err err = {0};
    char prefix[128];
    char ignored[HASH_HEX_BYTES];
    snprintf(folder, sizeof folder, "/tmp/tunnel-test-XXXXXX");
    if (!mkdtemp(folder) ||
        !tls_make_authority(in_folder("network", prefix), "Network", &err) ||
        !tls_make_authority(in_folder("other", prefix), "Other", &err))
        abort();
    issue("network", "centre", "localhost,127.0.0.1", ignored);
    issue("network", "gateway-a", NULL, fingerprints[0]);
    issue("network", "gateway-b", NULL, fingerprints[1]);
    issue("network", "stranger", NULL, fingerprints[2]);
    issue("other", "impostor", NULL, ignored);
}

static inline void remove_certificates(void)
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

static inline struct tls_context *context_of(const char *own, const char *authority,
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
        abort();
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

static inline void *on_connected(void *context, struct tunnel *tunnel,
                                 const char *fingerprint)
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

static inline void on_disconnected(void *context, struct tunnel *tunnel, void *peer)
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

static inline void open_hub(void *context)
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

static inline void close_hub(void *context)
{
    struct centre *centre = context;
    tunnel_hub_close(centre->hub);
    centre->hub = NULL;
}

static inline struct centre *centre_new(int ping_ms)
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

static inline void centre_stop(struct centre *centre)
{
    if (!centre->is_running)
        return;
    loop_stop(centre->loop);
    pthread_join(centre->thread, NULL);
    centre->is_running = false;
}

static inline void centre_free(struct centre **at)
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
static inline struct tunnel *tunnel_of(struct centre *centre, int which)
{
    pthread_mutex_lock(&centre->lock);
    struct tunnel *tunnel =
        centre->tunnels[which] ? tunnel_keep(centre->tunnels[which]) : NULL;
    pthread_mutex_unlock(&centre->lock);
    return tunnel;
}

#define CENTRE CLEANUP(centre_free) struct centre *
#define TUNNEL CLEANUP(tunnel_release) struct tunnel *
