// SPDX-License-Identifier: Apache-2.0
#pragma once
/* HTTP/2 (RFC 9113, HPACK RFC 7541) in both roles, over nghttp2, which no other folder
 * includes. Three layers, each usable by itself:
 *
 *   session  bytes in, bytes out, no socket, no clock of its own: tests, fuzzers
 *   line     a session on a http_connection: flushing, PING, stalled streams, idleness
 *   serve    the server role on a line, as the codec of wire/http/protocol.h
 *
 * Flow control: a connection's credit is returned as soon as bytes came, a stream's only
 * by http2_stream_consume, so that one stalled reader stops its own stream alone. A
 * stream begins with 64 KiB; one whose consumer keeps up gets more out of a budget, and a
 * request for something large may ask for it at once.
 *
 * Not done: server push, priorities, CONNECT, trailers (accepted and thrown away).
 *
 * Everything runs on one thread (the loop's). Events may call any function of this
 * header on streams, but neither receive, send nor free a session. Sessions and lines
 * are *owned*; a stream is borrowed until its `closed`. */

#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "wire/http/protocol.h"

struct http2_session;
struct http2_stream;

enum {
    HTTP2_STREAM_WINDOW_BYTES = 64 * 1024,
    HTTP2_STREAM_WINDOW_MAX = 4 * 1024 * 1024,
    HTTP2_CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024,
    HTTP2_ANSWER_FIELDS_MAX = 64,
    HTTP2_FRAME_BYTES = 64 * 1024 - 16,       /* of a body, to a peer that takes such */
    HTTP2_SEND_BYTES = 2 * HTTP2_FRAME_BYTES, /* with their heads within 128 kB */
    /* room for one http2_session_send: its last frame begins below HTTP2_SEND_BYTES */
    HTTP2_SENT_BYTES_MAX = HTTP2_SEND_BYTES + HTTP2_FRAME_BYTES + 1024
};

/* RFC 9113 section 7 */
enum http2_code {
    HTTP2_NO_ERROR = 0,
    HTTP2_PROTOCOL_ERROR = 1,
    HTTP2_INTERNAL_ERROR = 2,
    HTTP2_REFUSED_STREAM = 7,
    HTTP2_CANCEL = 8,
    HTTP2_ENHANCE_YOUR_CALM = 11,
    HTTP2_CONNECTION_LOST = 0x7fffffff /* ours: the session ended around the stream */
};

/* What all streams of several sessions may have beyond their first window. */
struct http2_budget {
    atomic_size_t left_bytes;
};

enum http2_role { HTTP2_SERVER, HTTP2_CLIENT };

struct http2_settings {
    enum http2_role role;
    uint32_t streams_max;        /* that the peer may have open at once */
    size_t head_max_bytes;       /* names and values, 32 more for each field */
    size_t fields_max;           /* in one head */
    size_t table_bytes;          /* of recurring fields, each way (RFC 7541 4.2) */
    uint32_t resets_burst;       /* streams the peer may reset, or make us reset: at */
    uint32_t resets_per_second;  /* once, and over time */
    uint32_t control_burst;      /* PING, SETTINGS, PRIORITY, empty DATA */
    uint32_t control_per_second; /* likewise */
    struct http2_budget *budget; /* borrowed; NULL = streams keep their first window */
    struct clock clock;
};
struct http2_settings http2_default_settings(enum http2_role role);

/* `exchange` is what `request` returned or what was given to http2_session_request. */
struct http2_events {
    /* Server: a head is complete, borrowed. `refusal` is 0, or the status that the codec
     * says (400, 431) when `head` is not to be used. NULL resets the stream. */
    void *(*request)(void *self, struct http2_stream *stream,
                     const struct http_head *head, int refusal);
    /* Client: the head of the final answer; fields borrowed. */
    void (*response)(void *exchange, int status, const struct http_field *fields,
                     size_t field_count);
    void (*data)(void *exchange, struct span bytes);
    /* The peer's side of the stream is complete, as it wished. */
    void (*ended)(void *exchange);
    /* Writes at most `max` bytes of the body; 0 without *is_last: not now, the source
     * says http2_stream_more later. */
    size_t (*fill)(void *exchange, uint8_t *out, size_t max, bool *is_last);
    /* Last event; HTTP2_NO_ERROR or the code of whoever reset it. */
    void (*closed)(void *exchange, uint32_t code);
    /* Optional: a request is not complete after body_ms; without it it is reset. */
    void (*late)(void *exchange);
    /* Optional: the peer's first SETTINGS came, so it is one that took us; a PING came
     * back; the peer wants no new streams. */
    void (*greeted)(void *self);
    void (*pong)(void *self);
    void (*goaway)(void *self);
};

MUST_CHECK struct http2_session *http2_session_new(const struct http2_settings *settings,
                                                   const struct http2_events *events,
                                                   void *self, struct err *err);
/* Every open stream gets its `closed` first. */
void http2_session_free(struct http2_session *session);
/* False: broken for good (ERR_SYNTAX "http2_broken", ERR_LIMIT "http2_flood"); what is
 * still to be sent, a GOAWAY as a rule, may be sent before the end. */
MUST_CHECK bool http2_session_receive(struct http2_session *session, struct span bytes,
                                      struct err *err);
/* Appends frames until `out` holds about `enough` bytes or nothing is left to send. */
MUST_CHECK bool http2_session_send(struct http2_session *session, struct buf *out,
                                   size_t enough, struct err *err);
/* Nothing more is to be read or sent: close the connection. */
bool http2_session_is_over(const struct http2_session *session);
size_t http2_session_stream_count(const struct http2_session *session);
void http2_session_ping(struct http2_session *session);
/* GOAWAY; open streams are given up. */
void http2_session_goaway(struct http2_session *session, enum http2_code code);
/* Resets streams that had bytes to send of which none went for stall_ms; sees to requests
 * that are not complete after body_ms. < 0 = never. */
void http2_session_tick(struct http2_session *session, int stall_ms, int body_ms);

/* Client. Everything is copied but the body, which is asked for through `fill` when
 * has_body. Fails with ERR_BUSY "http2_closing" or "memory_short". */
struct http2_request {
    struct span method;
    struct span path;
    struct span authority;
    const struct http_field *fields; /* lower-case names; at most 16 */
    size_t field_count;
    bool has_body;
    size_t window_bytes; /* for the answer, as far as the budget has it; 0 = the first */
};
MUST_CHECK struct http2_stream *http2_session_request(struct http2_session *session,
                                                      const struct http2_request *request,
                                                      void *exchange, struct err *err);
/* Server, once for each stream: 100 (any number of times before) or the answer. */
void http2_stream_continue(struct http2_stream *stream);
void http2_stream_answer(struct http2_stream *stream,
                         const struct http_answer_head *answer);
/* The source of the body has bytes again, or its end. */
void http2_stream_more(struct http2_stream *stream);
/* What the peer may send of a body without credit. */
size_t http2_stream_window(const struct http2_stream *stream);
/* The consumer took bytes that `data` brought: their credit goes back to the peer. */
void http2_stream_consume(struct http2_stream *stream, size_t count);
/* `closed` follows, not from inside. */
void http2_stream_reset(struct http2_stream *stream, enum http2_code code);

/* ---- line ---- */
struct http2_line;

struct http2_line_config {
    const struct http2_settings *settings;
    const struct http2_events *events;
    void *self;
    int ping_ms;  /* dead (ERR_BUSY "peer_silent") after two without any byte; 0 = none */
    int stall_ms; /* both for http2_session_tick */
    int body_ms;
    int idle_ms; /* without a stream for so long: GOAWAY and the end; < 0 = never */
    /* After the `closed` of all streams; the line is gone when it returns. */
    void (*closed)(void *self, const struct err *reason);
};
/* Takes over an established connection with http_connection_use. On failure the caller
 * closes the connection. Events come from the loop, not from inside. */
MUST_CHECK struct http2_line *http2_line_open(struct http_connection *connection,
                                              const struct http2_line_config *config,
                                              struct err *err);
struct http2_session *http2_line_session(struct http2_line *line);
const struct http_connection *http2_line_connection(const struct http2_line *line);
/* Sends what the session has to say; after changes from outside an event. */
void http2_line_flush(struct http2_line *line);
/* GOAWAY, what is queued, then the end; `closed` follows. */
void http2_line_finish(struct http2_line *line);
/* At once; `closed` follows. */
void http2_line_cut(struct http2_line *line);
/* For owners that end themselves: every `closed` comes from inside this call. What is
 * queued still goes out when is_orderly. Not from inside an event of this line. */
void http2_line_abandon(struct http2_line *line, bool is_orderly);

/* ---- serve ---- */
/* The codec for ALPN "h2"; see http_serve. */
MUST_CHECK bool http2_serve(struct http_connection *connection,
                            struct http_service *service, struct err *err);

struct http2_serve_config {
    struct http_service *service; /* borrowed, outlives the line */
    uint32_t streams_max;
    int ping_ms;
    bool stays_when_idle;
    void (*greeted)(void *self); /* optional: the peer speaks HTTP/2 */
    void (*closed)(void *self, const struct err *reason); /* optional */
    void *self;
};
/* The same for a connection that this side dialled: the line is borrowed by the caller
 * until `closed`. */
MUST_CHECK struct http2_line *http2_serve_line(struct http_connection *connection,
                                               const struct http2_serve_config *config,
                                               struct err *err);
