// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests of the program: a browser that holds the stream of events. */

#include <pthread.h>

#include "cli/command_testregion.h"

struct listener {
    struct browser browser; /* whose session */
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf heard;
    int fd;
};

static inline struct tls_session *open_session(const struct site *site,
                                               struct tls_context **context)
{
    static const char *const alpn[] = {"http/1.1", NULL};
    char certificate[SITE_PATH_BYTES], key[SITE_PATH_BYTES], authority[SITE_PATH_BYTES];
    struct err err = {0};
    struct tls_files files = {site_path(site, "desk.crt", certificate),
                              site_path(site, "desk.key", key),
                              site_path(site, "ca.crt", authority)};
    *context = tls_client_open(&files, alpn, &err);
    return *context ? tls_session_new(*context, "localhost", &err) : NULL;
}

static inline void listen_on(struct listener *listener, struct tls_session *session)
{
    CLEANUP(buf_free) struct buf wire = buf_init(SITE_OUT_BYTES);
    CLEANUP(buf_free) struct buf request = buf_init(4096);
    struct err err = {0};
    uint8_t chunk[16384];
    bool is_closed = false;
    buf_format(&request,
               "GET /api/v1/live HTTP/1.1\r\nHost: localhost:%d\r\nCookie: %s\r\n\r\n",
               listener->browser.site->port, listener->browser.cookie);
    bool goes_on = tls_start(session, &wire, &err) &&
                   tls_send(session, buf_view(&request), &wire, &err) &&
                   browser_put(listener->fd, &wire);
    while (goes_on && !is_closed) {
        CLEANUP(buf_free) struct buf plain = buf_init(SITE_OUT_BYTES);
        ssize_t got = recv(listener->fd, chunk, sizeof chunk, 0);
        goes_on = got > 0 &&
                  tls_receive(session, span_of(chunk, (size_t)got), &plain, &wire,
                              &is_closed, &err) &&
                  browser_put(listener->fd, &wire);
        pthread_mutex_lock(&listener->lock);
        buf_span(&listener->heard, buf_view(&plain));
        pthread_mutex_unlock(&listener->lock);
    }
}

static inline void *run_listener(void *context)
{
    struct listener *listener = context;
    struct tls_context *tls = NULL;
    struct tls_session *session = open_session(listener->browser.site, &tls);
    if (session)
        listen_on(listener, session);
    tls_session_free(session);
    tls_context_free(tls);
    return NULL;
}

static inline bool heard(struct listener *listener, const char *word)
{
    pthread_mutex_lock(&listener->lock);
    bool is_there =
        listener->heard.len > 0 &&
        memmem(listener->heard.at, listener->heard.len, word, strlen(word)) != NULL;
    pthread_mutex_unlock(&listener->lock);
    return is_there;
}

static inline void forget(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    buf_reset(&listener->heard);
    pthread_mutex_unlock(&listener->lock);
}

static inline void begin_listening(struct listener *listener,
                                   const struct browser *browser)
{
    listener->browser = *browser;
    pthread_mutex_init(&listener->lock, NULL);
    listener->heard = buf_init(SITE_OUT_BYTES);
    listener->fd = browser_connect(browser->site);
    pthread_create(&listener->thread, NULL, run_listener, listener);
    CHECK_SOON(heard(listener, "\nid: "));
}

static inline void end_listening(struct listener *listener)
{
    shutdown(listener->fd, SHUT_RDWR);
    pthread_join(listener->thread, NULL);
    close(listener->fd);
    buf_free(&listener->heard);
    pthread_mutex_destroy(&listener->lock);
}
