// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The plug between the protocol-neutral part (routes, calls, workers, streams, static
 * files, security headers, problem+json, logging) and a codec (wire/http1, wire/http2).
 * Private to wire/.
 *
 * Life of one exchange, all of it on the thread of the service's loop:
 *
 *   codec: head parsed         call = http_call_begin(service, &head, peer, &plug, x)
 *   codec: body bytes          if (!http_call_body(call, bytes)) … stop, it is decided
 *   codec: request complete    http_call_dispatch(call)          → a worker, or at once
 *   neutral: plug.answered(x)  codec reads http_call_answer(call), sends the head with
 *                              as much of http_call_peek(call) as fits, http_call_take
 *   neutral: plug.more(x)      there is more to peek, or http_call_is_finished turned
 * true neutral: plug.cut(x)       the source gave up: RST_STREAM or close the connection
 *   codec: done or peer gone   http_call_done(call), exactly once; x may be freed then
 *
 * - plug.answered comes at most once, plug.more only after it, plug.cut at most once and
 *   nothing after it. None of them comes from inside a call below: they are posted, so a
 *   codec need not be re-entrant. None comes after http_call_done.
 * - A call is decided when its answer is known before the request was complete: unknown
 *   route, body too large, bad path. plug.answered follows without http_call_dispatch.
 *   Body bytes of a decided call are to be thrown away (http_call_takes_body is false);
 *   HTTP/1 answers with Connection: close when the body was not read to its end.
 * - References: the codec holds one until http_call_done; the answering side (worker,
 *   kept call, stream) its own. A call therefore survives its connection: the codec
 *   says http_call_done whenever the connection or the stream dies, late answers fall
 *   into the void, and stream sources are told through their `closed` event.
 * - Workers and other threads never see the codec; they reach it by loop_post.
 * - Back-pressure: a source is told the bytes nobody took yet (http_stream_write); it
 *   goes on at `drained`, which http_call_take brings about. So a codec takes only what
 *   its own window allows (HTTP/2) or while http_connection_queued is at most
 *   HTTP_CONNECTION_HIGH_BYTES, and looks again when its connection has drained.
 * - Head, body and idle deadlines are the codec's (limits in http_service_limits); on a
 *   deadline or broken framing before http_call_dispatch it says http_call_refuse.
 * - The codec sets http_connection_stall(connection, limits->stream_stall_ms); HTTP/2
 *   also watches streams whose window stays shut for so long.
 */

#include "wire/http/connection.h"
#include "wire/http/http.h"

struct http_service; /* *owned*; lives on underneath until its last call is gone */

struct http_service_config {
    struct loop *loop;
    struct workers *workers;
    const struct http_router *router;
    struct http_limits limits;
    const struct log *log;        /* NULL = no log */
    const char *const *hosts;     /* NULL-ended names for Host without port; NULL = any */
    bool has_loopback_hosts_only; /* localhost, *.localhost, 127.0.0.1, [::1] as well */
};

/* http_server_open makes its own; the gateway's end of a tunnel makes one by hand. */
MUST_CHECK struct http_service *http_service_new(const struct http_service_config *config,
                                                 struct err *err);
void http_service_free(struct http_service *service);
const struct http_limits *http_service_limits(const struct http_service *service);
struct loop *http_service_loop(const struct http_service *service);

struct http_plug {
    void (*answered)(void *exchange);
    void (*more)(void *exchange);
    void (*cut)(void *exchange);
    /* A paused body may go on. NULL = this codec cannot pause one: routes with an intake
     * are then refused. */
    void (*resumed)(void *exchange);
};

struct http_field {
    struct span name; /* lower-case */
    struct span value;
};

/* Borrowed until http_call_begin returns. The codec has checked the framing: names are
 * lower-case tokens, values hold no control characters but tabs, one host. */
struct http_head {
    struct span method;              /* "GET" */
    struct span target;              /* origin-form: path and query as they came */
    struct span host;                /* Host or :authority */
    const struct http_field *fields; /* without pseudo-headers; cookies may be several */
    size_t field_count;
    int64_t body_bytes; /* announced length; 0 = no body, < 0 = unknown length */
};

/* NULL without memory: reset the stream or close the connection. */
struct http_call *http_call_begin(struct http_service *service,
                                  const struct http_head *head,
                                  const struct http_peer *peer,
                                  const struct http_plug *plug, void *exchange);
/* A request that never got a head (broken, too large, too late): a decided call that only
 * carries the refusal, so that it has a request id and is logged like any other. */
struct http_call *http_call_begin_refused(struct http_service *service,
                                          const struct http_peer *peer,
                                          const struct http_plug *plug, void *exchange,
                                          int status, const char *code);
/* Decides a call that was begun and not dispatched; does nothing when it is decided. The
 * code is a literal. 400, 408, 413, 431 … */
void http_call_refuse(struct http_call *call, int status, const char *code);
bool http_call_takes_body(const struct http_call *call);
/* Adds to the body (copied); false: it is too large, the call is decided now. */
MUST_CHECK bool http_call_body(struct http_call *call, struct span bytes);
/* The body is taken as it comes (struct http_intake). */
bool http_call_has_intake(const struct http_call *call);
/* No more of it until plug.resumed. */
bool http_call_is_paused(const struct http_call *call);
/* The request is complete. Does nothing when the call is decided. */
void http_call_dispatch(struct http_call *call);
bool http_call_is_decided(const struct http_call *call);

/* ---- the answer; from plug.answered on ---- */
struct http_answer_head {
    int status;
    const struct http_field *fields; /* all but the codec's own; lower-case names */
    size_t field_count;
    /* The length of the body that follows; < 0 = unknown (stream). A content-length is
     * already in `fields` where one belongs. */
    int64_t body_bytes;
    bool has_body; /* false: HEAD, 204, 304; nothing is to be peeked */
};
const struct http_answer_head *http_call_answer(const struct http_call *call);
/* Bytes that can go out now, borrowed until the next take; empty while a source is slow.
 */
struct span http_call_peek(struct http_call *call);
void http_call_take(struct http_call *call, size_t count);
/* True when all of the body was taken and the source said it was all. */
bool http_call_is_finished(struct http_call *call);
/* The codec is through with it, well or badly; also writes the access log. */
void http_call_done(struct http_call *call);

/* "Not Found"; "" for a status this project does not use. */
const char *http_reason(int status);

/* ---- a codec at work ---- */
/* They have this shape (http1_serve, http2_serve): take over an established connection
 * with http_connection_use, free themselves at `closed`. On failure the caller closes
 * the connection. */
typedef bool http_serve(struct http_connection *connection, struct http_service *service,
                        struct err *err);
