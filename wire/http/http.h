// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One shape of request and answer for HTTP/1.1, HTTP/2 and the reversed tunnel
 * (RFC 9110, 9112, 9113; problem details RFC 9457; SSE as in the HTML standard).
 *
 * A complete request (head and a body within the route's limit) is handed to a worker
 * thread with its own arena; the handler may block on the database, never on the network:
 * what waits for a peer answers later (http_keep) or streams (http_stream_*).
 *
 * A `struct http_call` is borrowed for the duration of the handler, or until it is
 * answered when it was kept. Every call is answered exactly once; a handler that returns
 * without answer or http_keep gives 500. Security headers of the server's profile
 * (CSP, nosniff, no-store for /api) are set here, not by handlers. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"

struct http_call;
struct http_router;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE };

typedef void http_handler(struct http_call *call, void *context);

struct http_route {
    enum http_method method;
    const char *path; /* "/api/v1/persons/{person}/calendar/openings" */
    http_handler *handler;
    size_t body_max_bytes; /* 0 = no body accepted */
};

/* ---- router: *owned*; filled at start, read-only afterwards ---- */
struct http_router *http_router_new(void);
void http_router_free(struct http_router *router);
/* `routes` are static tables and are kept by address; `context` goes to each handler.
 * Asserts on two routes of the same method and shape. */
void http_router_add(struct http_router *router, const struct http_route *routes,
                     size_t count, void *context);
/* A body that is taken as it comes and never held; HTTP/1.1 only. All of it on the loop,
 * must not block. A status other than 0 refuses, with a code; then nothing follows
 * `begin` and `dropped` follows `write`. */
struct http_intake {
    int (*begin)(struct http_call *call, void *context, void **self, const char **code);
    /* Takes all. *is_full: no more until http_intake_resume. */
    int (*write)(void *self, struct span bytes, bool *is_full, const char **code);
    /* The rest will not come. Else the handler is called when all of it came. */
    void (*dropped)(void *self);
};

/* A route whose bodies go there; body_max_bytes does not count. Both are kept. */
void http_router_add_intake(struct http_router *router, const struct http_route *route,
                            const struct http_intake *intake, void *context);
/* A route that is answered on the loop, past all that wait for a thread: must not block.
 */
void http_router_add_instant(struct http_router *router, const struct http_route *route,
                             void *context);
/* For the test that the OpenAPI file names every route: calls see for each. */
void http_router_each(const struct http_router *router,
                      void (*see)(void *context, enum http_method method,
                                  const char *path),
                      void *context);
const char *http_method_name(enum http_method method);

/* ---- what came; all borrowed from the call ---- */
enum http_method http_call_method(const struct http_call *call);
struct span http_path(const struct http_call *call);
/* Value of {name}, percent-decoded; asserts that the route has it. */
struct span http_param(const struct http_call *call, const char *name);
/* 32 hex digits or ERR_MISSING "not_found": a malformed id is an unknown id. */
MUST_CHECK bool http_param_id(const struct http_call *call, const char *name,
                              struct id *id, struct err *err);
/* First value of a query parameter, percent-decoded; false when absent. */
bool http_query(const struct http_call *call, const char *name, struct span *value);
/* The index-th as they came, for whoever refuses unknown ones; false behind the last. */
bool http_query_at(const struct http_call *call, int index, struct span *name,
                   struct span *value);
/* Lower-case name; empty span when absent. */
struct span http_header(const struct http_call *call, const char *name);
/* Where the request was sent: Host (HTTP/1.1) or :authority (HTTP/2); may be empty. */
struct span http_host(const struct http_call *call);
struct span http_cookie(const struct http_call *call, const char *name);
struct span http_body(const struct http_call *call);
/* What `begin` of the route's intake gave. */
void *http_intake_self(const struct http_call *call);
/* From any thread, while the call is held: by the handler, or from `begin` on by
 * http_intake_hold until http_intake_release. */
void http_intake_resume(struct http_call *call);
void http_intake_hold(struct http_call *call);
void http_intake_release(struct http_call *call);
struct arena *http_arena(struct http_call *call);
/* Fingerprint (SHA-256, hex) of the peer's certificate; "" without TLS client
 * certificate. */
const char *http_peer_fingerprint(const struct http_call *call);
/* "127.0.0.1" */
const char *http_remote_address(const struct http_call *call);
/* Random, one per call; in the log, the audit and the X-Request-Id answer header. */
struct id http_request_id(const struct http_call *call);
bool http_is_secure(const struct http_call *call);

/* ---- answering, from a worker or any thread that holds a kept call ---- */
/* Before the answer; name and value are copied; CR, LF and NUL are refused by assert. */
void http_add_header(struct http_call *call, const char *name, const char *value);
void http_answer(struct http_call *call, int status, const char *content_type,
                 struct span body);
void http_answer_json(struct http_call *call, int status, const struct buf *json);
/* 204 */
void http_answer_empty(struct http_call *call);
/* problem+json with err->code; ERR_BUSY carries Retry-After. The text of the error is for
 * the log; users get words by code. */
void http_answer_problem(struct http_call *call, const struct err *err);
/* The same with further members, an object's inside without braces, e.g. from a writer:
 * used for reasons a screen explains ("retry_after_ms", "fields"). */
void http_answer_problem_with(struct http_call *call, const struct err *err,
                              struct span members);

/* Keeps the call beyond the handler; the arena stays too. */
void http_keep(struct http_call *call);
/* Runs `resume` for a kept call in a worker (from any thread), before calls that have not
 * begun. */
void http_resume(struct http_call *call, http_handler *resume, void *context);

/* ---- streaming answers; callable from any thread ---- */
struct http_stream;
struct http_stream_events {
    /* A write had returned more than HTTP_STREAM_HIGH_BYTES, and at most the low-water
     * mark is queued again: the source may go on, here on the loop or anywhere. */
    void (*drained)(void *context);
    /* The peer is gone or the stream was ended; called exactly once, after which the
     * stream pointer must not be used. Runs on the connection's loop: must not block. */
    void (*closed)(void *context);
};
/* Answers with a head now and a body to come. content_length < 0 = unknown. NULL (call
 * already answered with 503) when too many streams are open. `closed` may run on the loop
 * before this returns; inside the handler the pointer stays good all the same, beyond it
 * the owner's own lock must keep writers and `closed` apart. */
struct http_stream *http_stream_open(struct http_call *call, int status,
                                     const char *content_type, int64_t content_length,
                                     const struct http_stream_events *events,
                                     void *context);
/* Queues bytes (copied); returns the number now queued. Above HTTP_STREAM_HIGH_BYTES the
 * caller stops and leaves its source to `drained`, which may run on the loop before this
 * returns: bring the source's own state up to date before writing. Below that `drained`
 * does not come. A caller that goes on regardless is cut at 8 MiB. */
enum { HTTP_STREAM_HIGH_BYTES = 256 * 1024, HTTP_STREAM_LOW_BYTES = 64 * 1024 };
size_t http_stream_write(struct http_stream *stream, struct span bytes);
/* The same, which takes the bytes themselves instead of a copy when nothing waits before
 * them; the buffer is empty afterwards, and freed by whoever has it. */
size_t http_stream_give(struct http_stream *stream, struct buf *bytes);
/* The whole body was written. */
void http_stream_end(struct http_stream *stream);
/* Cuts it so that the receiver can tell: RST or a closed connection, never a clean end.
 */
void http_stream_abort(struct http_stream *stream);
/* One SSE event; id < 0 = none. event NULL: a comment that keeps the line alive. */
size_t http_stream_event(struct http_stream *stream, const char *event, int64_t id,
                         struct span data);

/* ---- static files (the embedded client) ---- */
struct http_static_file {
    const char *path; /* "/assets/index-abc.js" */
    const char *content_type;
    struct span bytes;
    struct span gzip; /* empty = none */
    struct span brotli;
    bool is_immutable; /* hashed name: cached for a year; else no-cache */
};
/* Serves the files; any other path outside /api, /fhir, /dicom-web, /healthz, /metrics
 * gets its first folder's "/x/index.html", or "/index.html", so that the client's routes
 * can be opened directly. */
void http_router_static(struct http_router *router, const struct http_static_file *files,
                        size_t count);

/* ---- serving ---- */
struct loop;
struct workers;
struct tls_context;

struct http_limits {
    size_t head_max_bytes;  /* 16 KiB */
    size_t headers_max;     /* 64 */
    size_t arena_max_bytes; /* per call */
    int connections_max;
    int connections_per_address_max;
    int head_deadline_ms;
    int body_deadline_ms;
    int idle_deadline_ms;
    int stream_stall_ms; /* a reader that takes nothing for so long is cut */
};
struct http_limits http_default_limits(void);

struct http_server_config {
    struct loop *loop;
    struct workers *workers;
    struct tls_context *tls; /* NULL = plain, allowed on loopback addresses only */
    const struct http_router *router;
    const char *address; /* "127.0.0.1" */
    uint16_t port;       /* 0 = any free */
    struct http_limits limits;
    const struct log *log;
    /* NULL-ended names accepted as Host, without port. NULL: under TLS any; on a plain
     * (loopback) listener localhost, *.localhost, 127.0.0.1 and [::1] only, against DNS
     * rebinding. */
    const char *const *hosts;
};
struct http_server; /* *owned* */
MUST_CHECK struct http_server *http_server_open(const struct http_server_config *config,
                                                struct err *err);
/* Requests by route and status, durations, streams, connections: lines for /metrics. */
void http_server_put_meters(struct http_server *server, struct buf *out);
uint16_t http_server_port(const struct http_server *server);
/* Cuts all connections. On the loop's thread, or after loop_run has returned. Calls that
 * are still in workers or kept may be answered (into the void) until loop_free; so the
 * order at the end is: loop_stop and join, http_server_close, workers_free, loop_free. */
void http_server_close(struct http_server *server);
