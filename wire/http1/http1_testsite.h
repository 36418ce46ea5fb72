// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: a real server on loopback and a peer that sends raw
 * bytes. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "wire/http1/http1.h"
#include "wire/loop/loop.h"

enum { REPLY_BYTES = 256 * 1024, WAIT_MS = 5000, STREAM_BYTES = 16 * 1024 * 1024 };

/* ---- the site ---- */

struct source {
    struct http_stream *stream;
    size_t left_bytes;
    uint8_t next;
};

struct testsite {
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

static struct testsite site;

static inline void ping(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", SPAN("pong"));
}

static inline void answer_nothing(struct http_call *call, void *context)
{
    (void)call;
    (void)context;
}

static inline void *run_loop(void *context)
{
    struct testsite *here = context;
    loop_run(here->loop);
    return NULL;
}

static inline void say_now(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", SPAN("now"));
}

static inline void testsite_open(struct http_limits limits,
                                 const struct http_route *routes, size_t count)
{
    struct err err = {0};
    site = (struct testsite){0};
    CHECK(pipe2(site.log_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
    site.log = (struct log){site.log_pipe[1], clock_system(), "test"};
    pthread_mutex_init(&site.lock, NULL);
    site.loop = loop_new(&err);
    site.workers = workers_new(2, 4, &err);
    site.router = http_router_new();
    static const struct http_route now = {HTTP_GET, "/api/v1/now", say_now, 0};
    http_router_add(site.router, routes, count, &site);
    http_router_add_instant(site.router, &now, NULL);
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

static inline void close_site(void)
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

static inline struct http_limits usual(void)
{
    return http_default_limits();
}

static inline bool comes_true(const atomic_int *count, int expected)
{
    for (int i = 0; i < WAIT_MS && atomic_load(count) < expected; i++)
        usleep(1000);
    return atomic_load(count) >= expected;
}

static inline struct http_call *wait_for_kept(void)
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

static inline int dial(void)
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

static inline void say(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server may well have cut us */
        bytes += sent;
        len -= (size_t)sent;
    }
}

static inline void say_string(int fd, const char *string)
{
    say(fd, string, strlen(string));
}

/* Until the end, or until `enough` is seen. */
static inline void listen_for(int fd, const char *enough)
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

static inline void ask(const char *bytes, size_t len)
{
    int fd = dial();
    say(fd, bytes, len);
    listen_for(fd, NULL);
    close(fd);
}

static inline int status_of_reply(void)
{
    int status = 0;
    for (int i = 9; i < 12 && reply.len > 12 && reply.bytes[i] >= '0'; i++)
        status = status * 10 + (reply.bytes[i] - '0');
    return strncmp(reply.bytes, "HTTP/1.1 ", 9) == 0 ? status : 0;
}

static inline bool has(const char *part)
{
    return strstr(reply.bytes, part) != NULL;
}

#define OWN "Host: localhost\r\n"
#define LAST OWN "Connection: close\r\n\r\n"
#define START "GET /api/v1/ping HTTP/1.1\r\n"
