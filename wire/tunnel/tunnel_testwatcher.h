// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: asking, with and without watching event by event. */

#include "wire/tunnel/tunnel_testcentre.h"

enum { WINDOW_BYTES = 64 * 1024 };

/* ---- asking ---- */

static inline struct tunnel_request get(const char *path)
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

static inline struct told ask(struct tunnel *tunnel, struct tunnel_request request)
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

static inline bool is_busy(const struct told *told, const char *code)
{
    return !told->is_done && told->err.kind == ERR_BUSY &&
           strcmp(told->err.code, code) == 0;
}

/* An exchange watched event by event. */
struct watcher {
    pthread_mutex_t lock;
    struct tunnel_exchange *exchange;
    int status;
    int64_t content_length;
    int64_t whole_length;
    char content_type[TUNNEL_FIELD_MAX + 1];
    char lossy[TUNNEL_FIELD_MAX + 1];
    size_t received_bytes;
    size_t credit_bytes;
    bool is_pattern;
    bool consumes;
    bool has_ended;
    bool is_complete;
    struct err err;
};

static inline void copy_field(char out[TUNNEL_FIELD_MAX + 1], struct span value)
{
    CHECK(value.len <= TUNNEL_FIELD_MAX);
    memcpy(out, value.len > 0 ? value.at : (const uint8_t *)"", value.len);
    out[value.len] = '\0';
}

static inline void watcher_head(void *context, const struct tunnel_head *head)
{
    struct watcher *watcher = context;
    pthread_mutex_lock(&watcher->lock);
    CHECK(watcher->status == 0 && !watcher->has_ended);
    watcher->status = head->status;
    watcher->whole_length = head->whole_length;
    watcher->content_length = head->content_length;
    watcher->credit_bytes = head->credit_bytes;
    copy_field(watcher->content_type, head->content_type);
    copy_field(watcher->lossy, head->lossy);
    pthread_mutex_unlock(&watcher->lock);
    announce();
}

static inline void watcher_data(void *context, struct span bytes)
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

static inline void watcher_ended(void *context, bool complete, const struct err *err)
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

static inline void watch(struct watcher *watcher, struct tunnel *tunnel,
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

static inline bool watcher_has_ended(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    bool has = watcher->has_ended;
    pthread_mutex_unlock(&watcher->lock);
    return has;
}

static inline size_t watcher_received(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    size_t received = watcher->received_bytes;
    pthread_mutex_unlock(&watcher->lock);
    return received;
}

static inline void watcher_cancel(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    if (watcher->exchange)
        tunnel_cancel(watcher->exchange);
    pthread_mutex_unlock(&watcher->lock);
}
