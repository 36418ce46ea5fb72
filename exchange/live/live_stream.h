// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/live: one browser's stream. Everything here happens under the lock
 * of `live`; `closed` of the HTTP stream takes it too. */

#include "base/hash.h"
#include "exchange/live/live.h"

struct http_stream;

struct live_stream {
    struct live *live;
    struct live_stream *next;
    struct hash session;
    struct http_stream *http; /* NULL before the answer's head and after its end */
    int64_t given;            /* number of the last event that was looked at */
    int64_t checked_ms;
    int64_t sent_ms;
    bool is_over;   /* ended or cut by us */
    bool is_closed; /* the connection is gone: may be freed */
};

/* A stream that takes nothing is cut. */
void live_stream_send(struct live_stream *stream, const char *kind, int64_t number,
                      const char *data);
void live_stream_keep_alive(struct live_stream *stream, int64_t now_ms);
void live_stream_end(struct live_stream *stream);

/* last_id < 0 = none. ERR_BUSY too_many_streams. */
MUST_CHECK struct live_stream *live_enter(struct live *live, struct hash session,
                                          int64_t last_id, struct err *err);
void live_lock(struct live *live);
/* Lets the thread look at the streams again. */
void live_unlock(struct live *live);
struct session_service *live_sessions(const struct live *live);
