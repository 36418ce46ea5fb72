// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests: an HTTP proxy on loopback that knows CONNECT alone (RFC 9110 9.3.6), in a
 * thread of its own. What it is asked is kept; it answers with `answer` and, when that is
 * a 200, passes bytes on to `port`, whatever name was asked for. */

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

struct proxy {
    int listener;
    uint16_t own_port;
    uint16_t port;      /* of the server behind */
    const char *answer; /* whole head */
    pthread_t thread;
    atomic_bool is_over;
    atomic_int asked_count;
    char asked[2048]; /* the last head; look at it when asked_count has risen */
};

static inline struct sockaddr_in proxy_address(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Both ways until one side ends. */
static inline void proxy_relay(struct proxy *proxy, int left, int right)
{
    char bytes[16384];
    bool goes_on = true;
    while (goes_on && !atomic_load(&proxy->is_over)) {
        struct pollfd ends[] = {{.fd = left, .events = POLLIN},
                                {.fd = right, .events = POLLIN}};
        poll(ends, 2, 50);
        for (int i = 0; goes_on && i < 2; i++) {
            if (ends[i].revents == 0)
                continue;
            ssize_t len = recv(ends[i].fd, bytes, sizeof bytes, 0);
            goes_on =
                len > 0 && send(ends[1 - i].fd, bytes, (size_t)len, MSG_NOSIGNAL) == len;
        }
    }
}

static inline void proxy_serve(struct proxy *proxy, int client)
{
    size_t len = 0;
    char head[sizeof proxy->asked] = "";
    while (len < sizeof head - 1 && !strstr(head, "\r\n\r\n")) {
        ssize_t got = recv(client, head + len, sizeof head - 1 - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        head[len] = '\0';
    }
    memcpy(proxy->asked, head, sizeof head);
    atomic_fetch_add(&proxy->asked_count, 1);
    struct sockaddr_in at = proxy_address(proxy->port);
    int behind = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_good = connect(behind, (struct sockaddr *)(void *)&at, sizeof at) == 0 &&
                   send(client, proxy->answer, strlen(proxy->answer), MSG_NOSIGNAL) > 0;
    if (is_good && strstr(proxy->answer, " 200 "))
        proxy_relay(proxy, client, behind);
    close(behind);
}

/* One connection after the other. */
static inline void *proxy_run(void *context)
{
    struct proxy *proxy = context;
    while (!atomic_load(&proxy->is_over)) {
        struct pollfd one = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&one, 1, 50) != 1)
            continue;
        int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            continue;
        proxy_serve(proxy, client);
        close(client);
    }
    return NULL;
}

static inline void proxy_open(struct proxy *proxy, uint16_t port, const char *answer)
{
    struct sockaddr_in at = proxy_address(0);
    socklen_t len = sizeof at;
    *proxy = (struct proxy){.port = port, .answer = answer};
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(proxy->listener, (struct sockaddr *)(void *)&at, sizeof at) == 0);
    CHECK(listen(proxy->listener, 8) == 0);
    CHECK(getsockname(proxy->listener, (struct sockaddr *)(void *)&at, &len) == 0);
    proxy->own_port = ntohs(at.sin_port);
    CHECK(pthread_create(&proxy->thread, NULL, proxy_run, proxy) == 0);
}

static inline void proxy_close(struct proxy *proxy)
{
    atomic_store(&proxy->is_over, true);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
}
