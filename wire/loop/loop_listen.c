// SPDX-License-Identifier: Apache-2.0
/* Binding and accepting, the same for every protocol. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "wire/loop/loop_listen.h"

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 16, PAUSE_MS = 200 };

struct loop_listener {
    struct loop_listener_config config;
    int fd;
    uint16_t port;
    struct loop_watch *watch;
    struct loop_timer *pause; /* out of descriptors: tries again later */
};

static bool read_numeric(const char *address, uint16_t port, struct loop_address *at,
                         bool *is_loopback)
{
    struct sockaddr_in *four = (void *)&at->at;
    struct sockaddr_in6 *six = (void *)&at->at;
    *at = (struct loop_address){0};
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

bool loop_read_address(const char *address, uint16_t port, bool is_plain,
                       struct loop_address *at, struct err *err)
{
    bool is_loopback = false;
    if (!read_numeric(address, port, at, &is_loopback))
        return err_set(err, ERR_SYNTAX, "address_invalid", "not a numeric address");
    return !is_plain || is_loopback ||
           err_set(err, ERR_REFUSED, "plain_refused", "without TLS only on loopback");
}

static void resume(void *context)
{
    struct loop_listener *listener = context;
    loop_watch_change(listener->watch, LOOP_READABLE);
}

static void ready(void *context, unsigned events)
{
    struct loop_listener *listener = context;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->config.accepted(listener->config.context, fd);
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* level-triggered: without a pause the loop would spin */
            loop_watch_change(listener->watch, 0);
            loop_timer_set(listener->pause, PAUSE_MS);
        }
        return;
    }
}

static bool listen_failed(const struct loop_address *at, int number, struct err *err)
{
    char address[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *four = (const void *)&at->at;
    const struct sockaddr_in6 *six = (const void *)&at->at;
    bool is_four = at->at.ss_family == AF_INET;
    inet_ntop(at->at.ss_family, is_four ? (const void *)&four->sin_addr : &six->sin6_addr,
              address, sizeof address);
    return err_set(err, ERR_SYSTEM, "listen_failed", "%s port %u: %s", address,
                   ntohs(is_four ? four->sin_port : six->sin6_port), strerror(number));
}

static bool bind_to(struct loop_listener *listener, struct err *err)
{
    int on = 1;
    const struct loop_address *at = &listener->config.at;
    struct loop_address bound = {.len = sizeof bound.at};
    listener->fd =
        socket(at->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 ||
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener->fd, (const struct sockaddr *)(const void *)&at->at, at->len) !=
            0 ||
        listen(listener->fd, BACKLOG) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)(void *)&bound.at, &bound.len) != 0)
        return listen_failed(at, errno, err);
    const struct sockaddr_in *four = (const void *)&bound.at;
    const struct sockaddr_in6 *six = (const void *)&bound.at;
    listener->port =
        ntohs(bound.at.ss_family == AF_INET ? four->sin_port : six->sin6_port);
    return true;
}

static bool start(struct loop_listener *listener, struct err *err)
{
    struct loop *loop = listener->config.loop;
    if (!bind_to(listener, err))
        return false;
    listener->pause = loop_timer_new(loop, resume, listener, err);
    listener->watch = listener->pause ? loop_watch(loop, listener->fd, LOOP_READABLE,
                                                   ready, listener, err)
                                      : NULL;
    return listener->watch != NULL;
}

struct loop_listener *loop_listen(const struct loop_listener_config *config,
                                  struct err *err)
{
    struct loop_listener *listener = memory_new(1, sizeof *listener, err);
    if (!listener)
        return NULL;
    listener->config = *config;
    listener->fd = -1;
    if (!start(listener, err)) {
        loop_listener_close(listener);
        return NULL;
    }
    return listener;
}

uint16_t loop_listener_port(const struct loop_listener *listener)
{
    return listener->port;
}

void loop_listener_close(struct loop_listener *listener)
{
    if (!listener)
        return;
    loop_unwatch(listener->watch);
    loop_timer_free(listener->pause);
    if (listener->fd >= 0)
        close(listener->fd);
    memory_free(listener);
}
