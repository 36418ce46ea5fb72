// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: stands between a gateway and its centre, and cuts lines
 * after so many bytes or freezes them. */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "wire/tunnel/tunnel_testcentre.h"

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

static inline struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static inline void cut_link(struct relay_link *link)
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

static inline void relay_accept(struct relay *relay)
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

static inline bool send_all(int fd, const char *at, size_t len)
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

static inline void relay_pass(struct relay *relay, struct relay_link *link, int from)
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

static inline void *run_relay(void *context)
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

static inline struct relay *relay_new(uint16_t target)
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

static inline void relay_free(struct relay **relay)
{
    atomic_store(&(*relay)->is_stopping, true);
    pthread_join((*relay)->thread, NULL);
    close((*relay)->listener);
    memory_free(*relay);
}

#define RELAY CLEANUP(relay_free) struct relay *
