// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/http2: what the two halves of the session share (receiving in
 * http2_receive.c, everything else in http2_session.c). nghttp2 owns the protocol's
 * state; here stand our limits, the streams' owners and the fields being collected. */

#include <nghttp2/nghttp2.h>

#include "wire/http2/http2.h"

enum {
    FIELD_OVERHEAD_BYTES = 32, /* RFC 9113 section 6.5.2 */
    /* A head this many times too large ends the connection, not only its stream. */
    HEAD_BOMB_FACTOR = 8,
    UPDATE_CREDIT_FIRST = 2000,
    UPDATE_CREDIT_MAX = 100000,
    /* Frames that wait to be sent: what an honest peer's streams bring about, each, while
     * it takes nothing; beside these, resets up to their burst. */
    WAITING_FRAMES_PER_STREAM = 16,
    FRAME_HEAD_BYTES = 9 /* RFC 9113 section 4.1 */
};

/* Counts down with each event, refills over time. */
struct bucket {
    int64_t left_thousandths;
    int64_t burst_thousandths;
    int64_t per_second;
    int64_t filled_ms;
};

/* Positions in collected.bytes: the buffer moves while it grows. */
struct field_place {
    size_t name_at;
    size_t name_len;
    size_t value_at;
    size_t value_len;
};

enum pseudo { PSEUDO_METHOD, PSEUDO_PATH, PSEUDO_AUTHORITY, PSEUDO_STATUS, PSEUDO_COUNT };

/* The head that is arriving; there is never more than one on a connection. Tunnels are
 * many and mostly wait: nothing of it stays behind. */
struct collected {
    struct buf bytes;
    struct field_place *places; /* fields_max, or NULL between heads */
    struct http_field *fields;  /* fields_max, made when complete */
    size_t count;
    size_t size_bytes;
    struct field_place pseudo[PSEUDO_COUNT];
    bool has_pseudo[PSEUDO_COUNT];
    bool is_too_large;
};

/* The buffer in which nghttp2 makes a frame that is no DATA: 16 kB for as long as the
 * session lasts, of which most sessions never write more than the first page. Mapped for
 * itself, so that only what was written is resident (http2_memory.c). */
struct frame_buffer {
    void *at; /* NULL = none yet */
    size_t bytes;
};

struct http2_session {
    nghttp2_session *inner;
    struct frame_buffer frame;
    struct http2_settings settings;
    const struct http2_events *events;
    void *self;
    struct http2_stream *streams;
    size_t stream_count;
    struct buf *out; /* of http2_session_send, while it runs */
    size_t frame_at; /* in it: the DATA that was filled last */
    struct collected head;
    struct bucket resets;
    struct bucket control;
    int64_t update_credit;
    bool is_greeted;
    bool is_flooded;       /* GOAWAY was said because of a flood */
    bool has_stopped;      /* nothing more is understood; the rest may be sent */
    bool is_broken;        /* nothing more can be sent */
    bool has_unsent_reset; /* a client's stream was reset, perhaps before it was sent */
};

struct http2_stream {
    struct http2_session *session;
    struct http2_stream *next;
    struct http2_stream **link; /* what points here */
    void *exchange;
    int32_t id;
    uint32_t code; /* our own reason for a reset */
    int64_t opened_ms;
    int64_t moved_ms; /* bytes last went to the peer, or there were none to go */
    size_t window_bytes;
    size_t wished_bytes; /* of a request, as soon as its head is out */
    size_t received_bytes;
    size_t consumed_bytes;
    size_t grown_at_bytes;
    bool has_body; /* of ours, still to send */
    bool is_deferred;
    bool is_answered;
    bool has_response;
    bool is_sent; /* client: the request's head is out */
    bool is_reset;
    bool is_done; /* our side is complete */
    bool has_peer_ended;
};

/* http2_session.c */
struct bucket http2_bucket_new(uint32_t burst, uint32_t per_second, int64_t now_ms);
bool http2_bucket_take(struct bucket *bucket, int64_t now_ms);
/* NULL without memory. */
struct http2_stream *http2_stream_new(struct http2_session *session, int32_t id);
void http2_stream_end(struct http2_stream *stream, uint32_t code);
/* Too much of something cheap: GOAWAY; what a callback returns to stop. */
int http2_session_calm(struct http2_session *session);

/* http2_receive.c */
void http2_receive_callbacks(nghttp2_session_callbacks *callbacks);
void http2_collected_drop(struct collected *head);

/* http2_memory.c: for a session whose frame this is. */
nghttp2_mem http2_memory_of(struct frame_buffer *frame);
