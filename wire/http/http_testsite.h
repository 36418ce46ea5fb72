// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: the protocol-neutral part without sockets, under a codec
 * that only writes down what it is told. Everything runs on the test's thread but the
 * handlers. */

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "wire/http/protocol.h"
#include "wire/loop/loop.h"

enum { BODY_BYTES = 1 << 20, WAIT_MS = 5000 };

/* ---- a site without sockets ---- */

struct exchange {
    struct http_call *call;
    struct http_answer_head head;
    struct buf body;
    int answered_count;
    int cut_count;
    bool is_lazy; /* does not take what comes */
};

struct testsite {
    struct loop *loop;
    struct workers *workers;
    struct http_router *router;
    struct http_service *service;
    struct exchange last;
    _Atomic(struct http_stream *) stream; /* the handler's, once it has it */
    int drained_count;
    int closed_count;
};

static struct testsite site;

static inline void stop(void *context)
{
    (void)context;
    loop_stop(site.loop);
}

static inline void take_all(struct exchange *exchange)
{
    for (;;) {
        struct span piece = http_call_peek(exchange->call);
        if (piece.len == 0)
            break;
        buf_span(&exchange->body, piece);
        http_call_take(exchange->call, piece.len);
    }
    if (http_call_is_finished(exchange->call))
        loop_stop(site.loop);
}

static inline void answered(void *context)
{
    struct exchange *exchange = context;
    exchange->answered_count++;
    exchange->head = *http_call_answer(exchange->call);
    if (exchange->is_lazy)
        loop_stop(site.loop);
    else
        take_all(exchange);
}

static inline void more(void *context)
{
    struct exchange *exchange = context;
    if (!exchange->is_lazy)
        take_all(exchange);
}

static inline void cut(void *context)
{
    struct exchange *exchange = context;
    exchange->cut_count++;
    loop_stop(site.loop);
}

static const struct http_plug plug = {.answered = answered, .more = more, .cut = cut};

/* Runs the loop until somebody stops it, or too long. */
static inline void run(void)
{
    struct err err = {0};
    struct loop_timer *guard = loop_timer_new(site.loop, stop, NULL, &err);
    loop_timer_set(guard, WAIT_MS);
    loop_run(site.loop);
    loop_timer_free(guard);
}

struct wish {
    const char *method;
    const char *target;
    const char *host;
    const char *fields[8][2];
    const char *body;
    bool is_secure;
    bool is_lazy;
};

static inline void begin(struct wish wish)
{
    struct http_field fields[8];
    size_t count = 0;
    for (; count < 8 && wish.fields[count][0]; count++)
        fields[count] = (struct http_field){span_cstr(wish.fields[count][0]),
                                            span_cstr(wish.fields[count][1])};
    struct http_head head = {.method = span_cstr(wish.method ? wish.method : "GET"),
                             .target = span_cstr(wish.target),
                             .host = span_cstr(wish.host ? wish.host : "centre.example"),
                             .fields = fields,
                             .field_count = count,
                             .body_bytes = wish.body ? (int64_t)strlen(wish.body) : 0};
    struct http_peer peer = {.address = "127.0.0.1", .is_secure = wish.is_secure};
    buf_free(&site.last.body);
    site.last = (struct exchange){.body = buf_init(BODY_BYTES), .is_lazy = wish.is_lazy};
    site.last.call = http_call_begin(site.service, &head, &peer, &plug, &site.last);
    CHECK(site.last.call != NULL);
}

/* One exchange from its head to its end; the fields of the answer live until `done`. */
static inline void ask(struct wish wish)
{
    begin(wish);
    bool takes = http_call_takes_body(site.last.call);
    if (wish.body && takes)
        takes = http_call_body(site.last.call, span_cstr(wish.body));
    CHECK(takes == !http_call_is_decided(site.last.call));
    http_call_dispatch(site.last.call);
    run();
    CHECK(site.last.answered_count == 1);
}

static inline void done(void)
{
    if (site.last.call)
        http_call_done(site.last.call);
    site.last.call = NULL;
}

static inline struct span field(const char *name)
{
    for (size_t i = 0; i < site.last.head.field_count; i++)
        if (span_is(site.last.head.fields[i].name, name))
            return site.last.head.fields[i].value;
    return span_of(NULL, 0);
}

static inline bool is_problem(int status, const char *code)
{
    char expected[200];
    snprintf(expected, sizeof expected,
             "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\"}",
             http_reason(status), status, code);
    return site.last.head.status == status &&
           span_is(buf_view(&site.last.body), expected) &&
           span_is(field("content-type"), "application/problem+json");
}

static inline void testsite_open(const char *const *hosts,
                                 const struct http_route *routes, size_t count)
{
    struct err err = {0};
    site = (struct testsite){.loop = loop_new(&err), .workers = workers_new(1, 4, &err)};
    site.router = http_router_new();
    for (size_t i = 0; i < count; i++) {
        char *path = NULL; /* each handler's context is its route */
        memcpy(&path, &routes[i].path, sizeof path);
        http_router_add(site.router, &routes[i], 1, path);
    }
    struct http_service_config config = {.loop = site.loop,
                                         .workers = site.workers,
                                         .router = site.router,
                                         .limits = http_default_limits(),
                                         .hosts = hosts};
    site.service = http_service_new(&config, &err);
    CHECK(site.service != NULL);
}

static inline void close_site(void)
{
    done();
    buf_free(&site.last.body);
    workers_free(site.workers);
    http_service_free(site.service);
    loop_free(site.loop);
    http_router_free(site.router);
}
