// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/http: what a call, its answer, its stream, the router and the service
 * look like inside. Who may touch what is said at each field: "loop" is the thread of the
 * service's loop, "side" is the answering side, one thread at a time: first the loop
 * (until http_call_dispatch), then a worker or whoever holds the kept call, and the loop
 * again once the answer is posted. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/meter.h"
#include "wire/http/protocol.h"

enum {
    HTTP_SEGMENTS_MAX = 16,
    HTTP_QUERIES_MAX = 64,
    HTTP_ANSWER_FIELDS_MAX = 40,
    HTTP_ANSWER_TEXT_BYTES = 16 * 1024,
    HTTP_ANSWER_MAX_BYTES = 64 * 1024 * 1024,
    HTTP_STREAM_MAX_BYTES = 8 * 1024 * 1024, /* a source that does not pause is cut */
    HTTP_STREAM_PIECES_MAX =
        6, /* that wait one by one, so that none is copied to another */
    HTTP_TARGET_MAX_BYTES = 8 * 1024
};

/* ---- target.c: path and query of a request ---- */

struct http_query_pair {
    struct span name;
    struct span value;
};

struct http_target {
    struct span path;                        /* as it came, without query */
    struct span segments[HTTP_SEGMENTS_MAX]; /* percent-decoded */
    int segment_count;
    struct http_query_pair *queries; /* percent-decoded */
    int query_count;
};

/* ERR_SYNTAX path_invalid, query_invalid; ERR_LIMIT target_too_long. Everything lies in
 * the arena. */
MUST_CHECK bool http_target_parse(struct span target, struct arena *arena,
                                  struct http_target *parsed, struct err *err);

/* ---- router.c ---- */

struct http_entry {
    const struct http_route *route;
    const struct http_intake *intake; /* NULL = bodies in memory */
    bool is_instant;
    void *context;
    struct span segments[HTTP_SEGMENTS_MAX];
    int segment_count;
};

struct http_found {
    const struct http_entry *entry;      /* NULL = no route */
    const struct http_static_file *file; /* when there is no entry */
    const char *etag;                    /* of the file */
    unsigned allowed_methods;            /* bits by method, when neither was found */
};

int http_router_count(const struct http_router *router);
const struct http_entry *http_router_at(const struct http_router *router, int index);
/* Place of an entry among them. */
int http_router_index(const struct http_router *router, const struct http_entry *entry);
/* HEAD finds what GET finds. */
struct http_found http_router_find(const struct http_router *router,
                                   enum http_method method,
                                   const struct http_target *target);

/* ---- service ---- */

/* Of one route, or of what had none. */
struct http_meter {
    _Atomic uint64_t answers[6]; /* by the first digit of the status; 0: the peer left */
    struct meter_duration took;
};
/* Behind them the routes that the router had when the service was made. */
enum { HTTP_METER_FILES, HTTP_METER_NONE, HTTP_METER_ROUTES };

struct http_service {
    struct loop *loop;
    struct workers *workers;
    const struct http_router *router;
    struct http_limits limits;
    const struct log *log;
    const char *const *hosts;
    bool has_loopback_hosts_only;
    struct clock clock;
    struct rand rand;
    atomic_int references; /* the owner and each call */
    atomic_int stream_count;
    struct http_meter *meters; /* *owned* */
    int meter_count;
};

void http_service_put_meters(struct http_service *service, struct buf *out);
void http_service_release(struct http_service *service);
/* A name or an address, with or without a port. */
bool http_host_is_valid(struct span host);
/* True when a request for this valid Host is for us. */
bool http_host_is_ours(const struct http_service *service, struct span host);

/* ---- streams ---- */

struct http_stream {
    struct http_call *call;
    struct http_stream_events events;
    void *context;
    pthread_mutex_t lock;                       /* guards the following */
    struct buf pending[HTTP_STREAM_PIECES_MAX]; /* a ring, the oldest at first_pending */
    int first_pending;
    int pending_count;
    struct buf spare;       /* empty: room that is used again */
    size_t queued_bytes;    /* pending and sending */
    int64_t promised_bytes; /* left of the content length; < 0 = none was given */
    bool was_told_high;
    bool is_posted;
    bool is_ended;
    bool is_aborted;
    bool is_dead;
    /* loop */
    struct buf sending;
    size_t sent_bytes; /* of sending */
};

/* ---- calls ---- */

struct http_call {
    struct http_service *service;
    atomic_int references;
    /* loop */
    const struct http_plug *plug;
    void *exchange; /* NULL once the codec is done */
    bool is_decided;
    bool was_dispatched;
    bool is_cut;
    bool is_told;    /* the codec has been told of the answer */
    bool has_intake; /* `dropped` or the handler is still to come */
    bool is_paused;
    void *intake;
    size_t taken_bytes;
    int64_t sent_bytes;
    /* fixed at the beginning */
    struct id request_id;
    int64_t begun_ms;
    enum http_method method;
    bool has_method;
    const struct http_entry *entry;
    bool is_file;
    struct http_target target;
    struct span host; /* Host or :authority */
    const struct http_field *fields;
    size_t field_count;
    size_t body_max_bytes;
    struct http_peer peer;
    /* side */
    struct arena arena;
    struct buf body;
    http_handler *handler;
    void *handler_context;
    atomic_int holds; /* runs and http_keep: 0 without an answer is a fault */
    atomic_bool is_answered;
    struct buf answer_text; /* names and values of the fields */
    struct {
        size_t name_offset, name_len, value_offset, value_len;
    } answer_places[HTTP_ANSWER_FIELDS_MAX];
    struct http_field answer_fields[HTTP_ANSWER_FIELDS_MAX];
    size_t answer_field_count;
    struct buf answer_copy;
    struct span answer_body;
    struct http_answer_head head;
    struct http_stream *stream;
};

void http_call_hold(struct http_call *call);
void http_call_release(struct http_call *call);
/* On the loop, before the dispatch: the answering side is the loop itself. */
void http_call_decide(struct http_call *call);
/* Head and body are ready; posts them to the loop. Consumes the side's reference. */
void http_call_post_answer(struct http_call *call);

/* ---- intake.c ---- */
void http_intake_begin(struct http_call *call);
bool http_intake_write(struct http_call *call, struct span bytes);
void http_intake_drop(struct http_call *call); /* when there is one */

/* ---- answer.c ---- */

/* Asserts that it is the only one. */
void http_answer_begin(struct http_call *call);
/* Adds the fields every answer has and makes the head. cache_control NULL = no-store. */
void http_answer_seal(struct http_call *call, int status, const char *content_type,
                      int64_t body_bytes, const char *cache_control);
/* A problem on the side of the loop or of a worker. */
void http_answer_status(struct http_call *call, int status, const char *code,
                        struct span members);
void http_answer_file(struct http_call *call, const struct http_static_file *file,
                      const char *etag);
void http_answer_allow(struct http_call *call, unsigned allowed_methods);

/* ---- stream.c ---- */
struct span http_stream_peek(struct http_stream *stream);
void http_stream_take(struct http_stream *stream, size_t count);
bool http_stream_is_finished(struct http_stream *stream);
/* The codec is done or never came: tells the source. Consumes the side's reference. */
void http_stream_close(struct http_stream *stream);
void http_stream_free(struct http_stream *stream);
