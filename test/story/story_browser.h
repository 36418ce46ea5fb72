// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories: HTTP/1.1 as a browser speaks it, one connection per request. */

#include "test/story/story_centre.h"

/* ---- a browser ---- */

struct reply {
    int status;
    char head[4096];
    char body[65536];
};

struct browser {
    struct world *world;
    char cookie[HASH_HEX_BYTES];
    char csrf[HASH_HEX_BYTES];
    char origin[64]; /* "" = a program that sends none */
    int keys;        /* so many Idempotency-Keys were used */
};

static inline size_t receive_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got = 0;
    while (len < size - 1 && (got = recv(fd, out + len, size - 1 - len, 0)) > 0)
        len += (size_t)got;
    out[len] = '\0';
    return len;
}

static inline int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* `key` < 0: none. */
static inline void write_request(const struct browser *browser, struct buf *out,
                                 const char *line, int key, const char *body)
{
    uint16_t port = http_server_port(browser->world->server);
    buf_format(out, "%s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n", line,
               port);
    if (*browser->cookie)
        buf_format(out, "Cookie: tsumugi=%s\r\n", browser->cookie);
    if (*browser->csrf)
        buf_format(out, "X-CSRF-Token: %s\r\n", browser->csrf);
    if (*browser->origin)
        buf_format(out, "Origin: %s\r\n", browser->origin);
    if (key >= 0)
        buf_format(out, "Idempotency-Key: %032x\r\n", (unsigned)key);
    if (*body)
        buf_format(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(body));
    buf_format(out, "\r\n%s", body);
}

static inline struct reply go_with_key(struct browser *browser, const char *line, int key,
                                       const char *body)
{
    static char all[70000];
    struct reply reply = {0};
    CLEANUP(buf_free) struct buf out = buf_init(65536);
    write_request(browser, &out, line, key, body);
    int fd = dial(http_server_port(browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    receive_all(fd, all, sizeof all);
    close(fd);
    const char *end = strstr(all, "\r\n\r\n");
    CHECK(end != NULL && strncmp(all, "HTTP/1.1 ", 9) == 0);
    if (!end)
        return reply;
    uint64_t status = 0;
    CHECK(span_uint(span_of(all + 9, 3), 999, &status));
    reply.status = (int)status;
    snprintf(reply.head, sizeof reply.head, "%.*s", (int)(end - all), all);
    snprintf(reply.body, sizeof reply.body, "%s", end + 4);
    return reply;
}

/* With a new key each time. */
static inline struct reply go(struct browser *browser, const char *line, const char *body)
{
    return go_with_key(browser, line, ++browser->keys, body);
}

static inline bool has(const struct reply *reply, const char *part)
{
    return strstr(reply->body, part) != NULL;
}

/* A text member's value, the first of that name. */
static inline const char *member(const struct reply *reply, const char *name,
                                 char out[128])
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(reply->body, key);
    out[0] = '\0';
    if (at)
        snprintf(out, 128, "%.*s", (int)strcspn(at + strlen(key), "\""),
                 at + strlen(key));
    return out;
}

static inline struct browser browser_new(struct world *world)
{
    struct browser browser = {.world = world};
    snprintf(browser.origin, sizeof browser.origin, "http://localhost:%u",
             http_server_port(world->server));
    static int number;
    browser.keys = ++number * 1000;
    return browser;
}

static inline void take_cookie(struct browser *browser, const struct reply *reply)
{
    char value[128];
    const char *at = strstr(reply->head, "tsumugi=");
    snprintf(browser->cookie, sizeof browser->cookie, "%.64s", at ? at + 8 : "");
    snprintf(browser->csrf, sizeof browser->csrf, "%.64s", member(reply, "csrf", value));
}

static inline void come_from(struct browser *browser, const char *origin)
{
    snprintf(browser->origin, sizeof browser->origin, "%s", origin);
}

/* Logged in at the facility of that login. */
static inline struct browser enter(struct world *world, const char *login)
{
    struct browser browser = browser_new(world);
    char body[256];
    bool is_hospital = strcmp(login, "hospital") == 0;
    snprintf(body, sizeof body, "{\"login\":\"%s\",\"password\":\"" PASSWORD "\"%s}",
             login, is_hospital ? ",\"post\":\"20000000000000000000000000000000\"" : "");
    struct reply reply = go(&browser, "POST /api/v1/session", body);
    CHECK(reply.status == 200);
    take_cookie(&browser, &reply);
    CHECK(strlen(browser.cookie) == 64 && strlen(browser.csrf) == 64);
    return browser;
}

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        for (int waited = 0; waited < 2000 && !(condition); waited++)                    \
            usleep(5000);                                                                \
        CHECK(condition);                                                                \
    } while (0)
