// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests of the program: a browser with a client certificate, against the server of a
 * site. One request on a connection of its own, HTTP/1.1. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "cli/command_testsite.h"

struct browser {
    const struct site *site;
    const char *certificate; /* NAME.crt and NAME.key in the folder */
    char cookie[200];
    char csrf[80]; /* once logged in; then each request also has a key of its own */
    int keys;
    int status;
    char answer[SITE_OUT_BYTES];
};

static inline int browser_connect(const struct site *site)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)site->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        path_close(&fd);
    return fd;
}

static inline bool browser_put(int fd, struct buf *wire)
{
    struct span rest = buf_view(wire);
    while (rest.len > 0) {
        ssize_t put = send(fd, rest.at, rest.len, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        rest = span_part(rest, (size_t)put, rest.len);
    }
    buf_reset(wire);
    return true;
}

static inline void browser_exchange(struct browser *browser, struct tls_session *session,
                                    struct span request)
{
    CLEANUP(path_close) int fd = browser_connect(browser->site);
    CLEANUP(buf_free) struct buf wire = buf_init(SITE_OUT_BYTES);
    CLEANUP(buf_free) struct buf plain = buf_init(SITE_OUT_BYTES - 1);
    struct err err = {0};
    char chunk[16384];
    bool is_closed = false;
    bool goes_on = fd >= 0 && tls_start(session, &wire, &err) &&
                   tls_send(session, request, &wire, &err) && browser_put(fd, &wire);
    while (goes_on && !is_closed) {
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        goes_on = got > 0 &&
                  tls_receive(session, span_of((uint8_t *)chunk, (size_t)got), &plain,
                              &wire, &is_closed, &err) &&
                  browser_put(fd, &wire);
    }
    memcpy(browser->answer, plain.at ? plain.at : (uint8_t *)chunk, plain.len);
    browser->answer[plain.len] = '\0';
}

static inline void browser_keep_cookie(struct browser *browser)
{
    const char *set = strcasestr(browser->answer, "\r\nset-cookie: ");
    size_t len = set ? strcspn(set + 14, ";") : 0;
    if (len > 0 && len < sizeof browser->cookie)
        snprintf(browser->cookie, sizeof browser->cookie, "%.*s", (int)len, set + 14);
}

/* The value of a text member, the first of that name; false when there is none. */
static inline bool browser_member(const struct browser *browser, const char *name,
                                  char *out, size_t size)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(browser->answer, key);
    if (at)
        snprintf(out, size, "%.*s", (int)strcspn(at + strlen(key), "\""),
                 at + strlen(key));
    return at != NULL;
}

static inline void browser_write_token(struct browser *browser, struct buf *out)
{
    if (*browser->csrf)
        buf_format(out, "X-CSRF-Token: %s\r\nIdempotency-Key: %016x%08x%08x\r\n",
                   browser->csrf, 7U, (unsigned)getpid(), (unsigned)++browser->keys);
}

/* One request on a connection of its own; the status, 0 when nothing came back. */
static inline int browser_ask(struct browser *browser, const char *method,
                              const char *path, const char *json)
{
    static const char *const alpn[] = {"http/1.1", NULL};
    char certificate[SITE_PATH_BYTES], key[SITE_PATH_BYTES], authority[SITE_PATH_BYTES];
    char name[80];
    struct err err = {0};
    snprintf(name, sizeof name, "%s.crt", browser->certificate);
    site_path(browser->site, name, certificate);
    snprintf(name, sizeof name, "%s.key", browser->certificate);
    site_path(browser->site, name, key);
    site_path(browser->site, "ca.crt", authority);
    struct tls_files files = {certificate, key, authority};
    struct tls_context *context = tls_client_open(&files, alpn, &err);
    struct tls_session *session =
        context ? tls_session_new(context, "localhost", &err) : NULL;
    CLEANUP(buf_free) struct buf request = buf_init(1 << 16);
    buf_format(&request,
               "%s %s HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: https://localhost:%d\r\n"
               "Connection: close\r\nCookie: %s\r\n",
               method, path, browser->site->port, browser->site->port, browser->cookie);
    browser_write_token(browser, &request);
    buf_format(&request, "Content-Length: %zu\r\n%s\r\n%s", json ? strlen(json) : 0,
               json ? "Content-Type: application/json\r\n" : "", json ? json : "");
    browser->answer[0] = '\0';
    if (session)
        browser_exchange(browser, session, buf_view(&request));
    tls_session_free(session);
    tls_context_free(context);
    browser_keep_cookie(browser);
    browser->status = site_number(browser->answer, "HTTP/1.1 ");
    browser_member(browser, "csrf", browser->csrf, sizeof browser->csrf);
    return browser->status;
}

/* Waits, at most half a minute, until the answer to GET `path` has this status and holds
 * this word. */
static inline bool browser_waits(struct browser *browser, const char *path, int status,
                                 const char *word)
{
    for (int i = 0; i < 300; i++) {
        if (browser_ask(browser, "GET", path, NULL) == status &&
            strstr(browser->answer, word))
            return true;
        usleep(100000);
    }
    printf("# %s: %d %.300s\n", path, browser->status, browser->answer);
    return false;
}
