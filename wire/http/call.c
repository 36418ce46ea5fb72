// SPDX-License-Identifier: Apache-2.0
#include "wire/http/call.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "wire/loop/loop.h"

/* ---- references ---- */

void http_call_hold(struct http_call *call)
{
    atomic_fetch_add(&call->references, 1);
}

void http_call_release(struct http_call *call)
{
    if (atomic_fetch_sub(&call->references, 1) != 1)
        return;
    struct http_service *service = call->service;
    http_stream_free(call->stream);
    buf_free(&call->body);
    buf_free(&call->answer_text);
    buf_free(&call->answer_copy);
    arena_free(&call->arena);
    memory_free(call);
    http_service_release(service);
}

static struct http_call *make(struct http_service *service, const struct http_peer *peer,
                              const struct http_plug *plug, void *exchange)
{
    struct err err = {0};
    struct http_call *call = memory_new(1, sizeof *call, &err);
    if (!call)
        return NULL;
    atomic_fetch_add(&service->references, 1);
    atomic_store(&call->references, 1);
    call->service = service;
    call->plug = plug;
    call->exchange = exchange;
    call->peer = *peer;
    call->request_id = id_new(&service->rand);
    call->begun_ms = clock_monotonic_ms(&service->clock);
    call->arena = arena_init(service->limits.arena_max_bytes);
    call->answer_text = buf_init(HTTP_ANSWER_TEXT_BYTES);
    call->answer_copy = buf_init(HTTP_ANSWER_MAX_BYTES);
    return call;
}

/* ---- beginning ---- */

static bool copy_fields(struct http_call *call, const struct http_head *head,
                        struct err *err)
{
    struct http_field *fields =
        ARENA_MANY(&call->arena, struct http_field, head->field_count, err);
    if (!fields)
        return false;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!arena_copy(&call->arena, head->fields[i].name, &fields[i].name, err) ||
            !arena_copy(&call->arena, head->fields[i].value, &fields[i].value, err))
            return false;
    }
    call->fields = fields;
    call->field_count = head->field_count;
    return arena_copy(&call->arena, head->host, &call->host, err);
}

static bool read_method(struct http_call *call, struct span name)
{
    for (unsigned method = HTTP_GET; method <= HTTP_DELETE; method++) {
        if (span_is(name, http_method_name((enum http_method)method))) {
            call->method = (enum http_method)method;
            call->has_method = true;
        }
    }
    return call->has_method;
}

void http_call_decide(struct http_call *call)
{
    assert(!call->is_decided && !call->was_dispatched);
    call->is_decided = true;
    buf_free(&call->body); /* nobody will ask for it */
    http_call_hold(call);  /* the side's, consumed by its answer */
    http_intake_drop(call);
}

void http_call_refuse(struct http_call *call, int status, const char *code)
{
    if (call->is_decided || call->was_dispatched)
        return;
    http_call_decide(call);
    http_answer_status(call, status, code, SPAN(""));
}

static void refuse_for(struct http_call *call, const struct err *err)
{
    bool is_long = err->kind == ERR_LIMIT;
    http_call_refuse(call, is_long ? 414 : err_http_status(err->kind), err->code);
}

static void find_route(struct http_call *call, int64_t body_bytes)
{
    struct http_found found =
        http_router_find(call->service->router, call->method, &call->target);
    if (found.entry) {
        call->entry = found.entry;
        if (found.entry->intake) {
            http_intake_begin(call);
            return;
        }
        call->body_max_bytes = found.entry->route->body_max_bytes;
        call->body = buf_init(call->body_max_bytes);
        if (body_bytes > 0 && (uint64_t)body_bytes > call->body_max_bytes)
            http_call_refuse(call, 413, "body_too_large");
    } else if (found.file && body_bytes != 0) {
        http_call_refuse(call, 413, "body_too_large");
    } else if (found.file) {
        call->is_file = true;
        http_call_decide(call);
        http_answer_file(call, found.file, found.etag);
    } else if (found.allowed_methods != 0) {
        http_call_decide(call);
        http_answer_allow(call, found.allowed_methods);
    } else {
        http_call_refuse(call, 404, "not_found");
    }
}

struct http_call *http_call_begin(struct http_service *service,
                                  const struct http_head *head,
                                  const struct http_peer *peer,
                                  const struct http_plug *plug, void *exchange)
{
    struct http_call *call = make(service, peer, plug, exchange);
    struct err err = {0};
    if (!call)
        return NULL;
    if (head->field_count > service->limits.headers_max)
        http_call_refuse(call, 431, "headers_too_many");
    else if (!read_method(call, head->method))
        http_call_refuse(call, 501, "method_unknown");
    else if (!http_host_is_valid(head->host))
        http_call_refuse(call, 400, "host_invalid"); /* RFC 9112 3.2 */
    else if (!http_host_is_ours(service, head->host))
        http_call_refuse(call, 421, "host_unknown");
    else if (!http_target_parse(head->target, &call->arena, &call->target, &err) ||
             !copy_fields(call, head, &err))
        refuse_for(call, &err);
    else if (http_header(call, "content-encoding").len > 0)
        http_call_refuse(call, 415, "encoding_unsupported");
    else
        find_route(call, head->body_bytes);
    return call;
}

struct http_call *http_call_begin_refused(struct http_service *service,
                                          const struct http_peer *peer,
                                          const struct http_plug *plug, void *exchange,
                                          int status, const char *code)
{
    struct http_call *call = make(service, peer, plug, exchange);
    if (call)
        http_call_refuse(call, status, code);
    return call;
}

bool http_call_takes_body(const struct http_call *call)
{
    return !call->is_decided && !call->was_dispatched;
}

bool http_call_is_decided(const struct http_call *call)
{
    return call->is_decided;
}

bool http_call_body(struct http_call *call, struct span bytes)
{
    struct err err = {0};
    if (!http_call_takes_body(call))
        return false;
    if (call->has_intake)
        return http_intake_write(call, bytes);
    if (bytes.len > call->body_max_bytes - call->body.len) {
        http_call_refuse(call, 413, "body_too_large");
        return false;
    }
    buf_span(&call->body, bytes);
    if (!buf_check(&call->body, &err)) {
        http_call_refuse(call, 503, "memory_short");
        return false;
    }
    return true;
}

/* ---- running in a worker, or at once ---- */

static void run(void *context)
{
    struct http_call *call = context;
    call->handler(call, call->handler_context);
    /* the last one to let go of it must have answered */
    if (atomic_fetch_sub(&call->holds, 1) == 1 && !atomic_load(&call->is_answered))
        http_answer_status(call, 500, "no_answer", SPAN(""));
    http_call_release(call);
}

typedef bool post_job(struct workers *workers, void (*fn)(void *context), void *context);

static void prepare_run(struct http_call *call, http_handler *handler, void *context)
{
    call->handler = handler;
    call->handler_context = context;
    http_call_hold(call); /* the run's own */
}

static bool post_run(struct http_call *call, http_handler *handler, void *context,
                     post_job *post)
{
    prepare_run(call, handler, context);
    if (post(call->service->workers, run, call))
        return true;
    http_answer_status(call, 503, "server_busy", SPAN(""));
    http_call_release(call);
    return false;
}

void http_call_dispatch(struct http_call *call)
{
    if (call->is_decided || call->was_dispatched)
        return;
    call->was_dispatched = true;
    http_call_hold(call); /* the side's, consumed by its answer */
    atomic_store(&call->holds, 1);
    if (call->entry->is_instant) {
        prepare_run(call, call->entry->route->handler, call->entry->context);
        run(call);
        return;
    }
    if (!post_run(call, call->entry->route->handler, call->entry->context, workers_post))
        http_intake_drop(call);
    call->has_intake = false; /* it is the handler's */
}

void http_keep(struct http_call *call)
{
    atomic_fetch_add(&call->holds, 1);
}

/* The kept hold becomes the hold of the run. */
void http_resume(struct http_call *call, http_handler *resume, void *context)
{
    (void)post_run(call, resume, context, workers_resume);
}

/* ---- the answer on the loop ---- */

static void answered_on_loop(void *context)
{
    struct http_call *call = context;
    bool is_stream = call->stream != NULL;
    if (call->exchange) {
        call->is_told = true;
        call->plug->answered(call->exchange);
    } else if (is_stream) {
        http_stream_close(call->stream);
    }
    if (!is_stream)
        http_call_release(call);
}

void http_call_post_answer(struct http_call *call)
{
    loop_post(call->service->loop, answered_on_loop, call);
}

const struct http_answer_head *http_call_answer(const struct http_call *call)
{
    return &call->head;
}

struct span http_call_peek(struct http_call *call)
{
    if (!call->head.has_body)
        return SPAN("");
    if (call->stream)
        return http_stream_peek(call->stream);
    return span_part(call->answer_body, call->taken_bytes, SIZE_MAX);
}

void http_call_take(struct http_call *call, size_t count)
{
    call->sent_bytes += (int64_t)count;
    if (call->stream) {
        http_stream_take(call->stream, count);
        return;
    }
    assert(count <= call->answer_body.len - call->taken_bytes);
    call->taken_bytes += count;
}

bool http_call_is_finished(struct http_call *call)
{
    if (!call->head.has_body)
        return true;
    if (call->stream)
        return http_stream_is_finished(call->stream);
    return call->taken_bytes == call->answer_body.len;
}

/* Never the path or the query: they hold identifiers (PL-1). */
static void log_call(const struct http_call *call)
{
    enum { PEER_LEFT = 499 };
    const struct log *log = call->service->log;
    if (!log)
        return;
    const char *route = call->entry     ? call->entry->route->path
                        : call->is_file ? "static"
                                        : "none";
    struct id_text request_id = id_to_text(call->request_id);
    int64_t ms = clock_monotonic_ms(&call->service->clock) - call->begun_ms;
    LOG(log, "request",
        LOG_WORD("method", call->has_method ? http_method_name(call->method) : "other"),
        LOG_WORD("route", route),
        LOG_NUMBER("status", call->is_told ? call->head.status : PEER_LEFT),
        LOG_NUMBER("took_ms", ms), LOG_NUMBER("bytes", call->sent_bytes),
        LOG_WORD("request", request_id.at));
}

static void count_call(const struct http_call *call)
{
    struct http_service *service = call->service;
    int index = call->is_file ? HTTP_METER_FILES : HTTP_METER_NONE;
    if (call->entry)
        index = HTTP_METER_ROUTES + http_router_index(service->router, call->entry);
    if (index >= service->meter_count)
        index = HTTP_METER_NONE; /* a route that came after the service was made */
    struct http_meter *meter = &service->meters[index];
    int first = call->is_told ? call->head.status / 100 : 0;
    atomic_fetch_add(&meter->answers[first >= 1 && first <= 5 ? first : 0], 1);
    meter_note(&meter->took,
               (clock_monotonic_ms(&service->clock) - call->begun_ms) * 1000);
}

void http_call_done(struct http_call *call)
{
    assert(call->exchange);
    call->exchange = NULL;
    http_intake_drop(call);
    count_call(call);
    log_call(call);
    if (call->is_told && call->stream)
        http_stream_close(call->stream);
    http_call_release(call);
}

/* ---- what came ---- */

enum http_method http_call_method(const struct http_call *call)
{
    return call->method;
}

struct span http_path(const struct http_call *call)
{
    return call->target.path;
}

struct span http_param(const struct http_call *call, const char *name)
{
    size_t len = strlen(name);
    int found = -1;
    for (int i = 0; i < call->entry->segment_count; i++) {
        struct span segment = call->entry->segments[i];
        if (segment.len == len + 2 && segment.at[0] == '{' &&
            memcmp(segment.at + 1, name, len) == 0)
            found = i;
    }
    assert(found >= 0);
    return call->target.segments[found];
}

bool http_param_id(const struct http_call *call, const char *name, struct id *id,
                   struct err *err)
{
    struct err inner = {0};
    return id_parse(http_param(call, name), id, &inner) ||
           err_set(err, ERR_MISSING, "not_found", "not an id");
}

bool http_query(const struct http_call *call, const char *name, struct span *value)
{
    for (int i = 0; i < call->target.query_count; i++) {
        if (span_is(call->target.queries[i].name, name)) {
            *value = call->target.queries[i].value;
            return true;
        }
    }
    return false;
}

bool http_query_at(const struct http_call *call, int index, struct span *name,
                   struct span *value)
{
    if (index >= call->target.query_count)
        return false;
    *name = call->target.queries[index].name;
    *value = call->target.queries[index].value;
    return true;
}

struct span http_header(const struct http_call *call, const char *name)
{
    for (size_t i = 0; i < call->field_count; i++)
        if (span_is(call->fields[i].name, name))
            return call->fields[i].value;
    return SPAN("");
}

struct span http_host(const struct http_call *call)
{
    return call->host;
}

struct span http_cookie(const struct http_call *call, const char *name)
{
    for (size_t i = 0; i < call->field_count; i++) {
        if (!span_is(call->fields[i].name, "cookie"))
            continue;
        struct span rest = call->fields[i].value, pair, found;
        while (span_take(&rest, ';', &pair)) {
            pair = span_trim(pair);
            if (span_take(&pair, '=', &found) && pair.at && span_is(found, name))
                return pair;
        }
    }
    return SPAN("");
}

struct span http_body(const struct http_call *call)
{
    return buf_view(&call->body);
}

struct arena *http_arena(struct http_call *call)
{
    return &call->arena;
}

const char *http_peer_fingerprint(const struct http_call *call)
{
    return call->peer.fingerprint;
}

const char *http_remote_address(const struct http_call *call)
{
    return call->peer.address;
}

struct id http_request_id(const struct http_call *call)
{
    return call->request_id;
}

bool http_is_secure(const struct http_call *call)
{
    return call->peer.is_secure;
}
