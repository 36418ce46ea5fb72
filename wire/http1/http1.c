// SPDX-License-Identifier: Apache-2.0
#include "wire/http1/http1.h"

#include "base/memory.h"
#include "wire/loop/loop.h"

enum {
    HEAD_ARENA_BYTES = 128 * 1024,
    PIECE_BYTES = 128 * 1024,
    COPIED_BYTES_MAX = 16 * 1024, /* into one record with its chunk's ends */
    OUT_MAX_BYTES = 256 * 1024,
    STEP_BYTES = 256 * 1024, /* of a long body within each deadline */
    HEAD_LIMIT_BYTES = HTTP_CONNECTION_UNREAD_BYTES / 2
};

enum state {
    STATE_IDLE, /* nothing of a request has come */
    STATE_HEAD,
    STATE_BODY,
    STATE_WAITING, /* the request is complete; what comes now stays unread */
    STATE_DISCARD, /* the answer is the last one; what comes now is thrown away */
};

struct http1 {
    struct http_connection *connection;
    struct http_service *service;
    const struct http_limits *limits;
    enum state state;
    struct http_call *call;
    struct http1_scanner scanner;
    bool is_chunked;
    struct http1_chunks chunks;
    uint64_t body_left_bytes;
    size_t step_bytes; /* of a body that is handed on, since its deadline was set */
    bool closes;       /* after this answer */
    bool has_unread;   /* what was left when it was last offered */
    bool has_peer_ended;
    bool is_answering;
    bool sends_chunks;
};

static void answered(void *exchange);
static void more(void *exchange);
static void cut(void *exchange);
static void resumed(void *exchange);

static const struct http_plug plug = {
    .answered = answered, .more = more, .cut = cut, .resumed = resumed};

/* ---- one request after the other ---- */

static void begin_waiting_for_head(struct http1 *http1)
{
    http1->state = STATE_IDLE;
    http1->scanner = (struct http1_scanner){0};
    http1->is_answering = false;
    http_connection_owe(http1->connection, false);
    http_connection_deadline(http1->connection, http1->limits->idle_deadline_ms);
}

static void last_answer_follows(struct http1 *http1)
{
    http1->closes = true;
    http1->state = STATE_DISCARD;
    http_connection_owe(http1->connection, true);
    http_connection_deadline(http1->connection, -1);
}

static void refuse(struct http1 *http1, struct http1_refusal refusal)
{
    last_answer_follows(http1);
    http1->call =
        http_call_begin_refused(http1->service, http_connection_peer(http1->connection),
                                &plug, http1, refusal.status, refusal.code);
    if (!http1->call)
        http_connection_close(http1->connection);
}

static void dispatch(struct http1 *http1)
{
    http1->state = STATE_WAITING;
    http_connection_owe(http1->connection, true);
    http_connection_deadline(http1->connection, -1);
    http_call_dispatch(http1->call); /* nothing when it was decided at its head */
}

static void begin_step(struct http1 *http1)
{
    http1->step_bytes = 0;
    http_connection_deadline(http1->connection, http1->limits->body_deadline_ms);
}

static void begin_body(struct http1 *http1, const struct http1_head *parsed)
{
    http1->is_chunked = parsed->is_chunked;
    http1->chunks = (struct http1_chunks){0};
    http1->body_left_bytes = parsed->is_chunked ? 0 : (uint64_t)parsed->head.body_bytes;
    if (!parsed->is_chunked && http1->body_left_bytes == 0) {
        dispatch(http1);
    } else if (!http_call_takes_body(http1->call)) {
        last_answer_follows(http1);
    } else {
        http1->state = STATE_BODY;
        begin_step(http1);
        if (parsed->expects_continue)
            http_connection_write(http1->connection,
                                  SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void begin_request(struct http1 *http1, struct span bytes)
{
    struct http1_head parsed;
    struct http1_refusal refusal = {0};
    /* the call copies what it needs: a live stream would hold the head for hours */
    CLEANUP(arena_free) struct arena arena = arena_init(HEAD_ARENA_BYTES);
    if (!http1_parse_head(bytes, http1->limits->headers_max, &arena, &parsed, &refusal)) {
        refuse(http1, refusal);
        return;
    }
    http1->closes = parsed.wants_close;
    http1->call = http_call_begin(http1->service, &parsed.head,
                                  http_connection_peer(http1->connection), &plug, http1);
    if (!http1->call) {
        http_connection_close(http1->connection);
        return;
    }
    begin_body(http1, &parsed);
}

/* ---- receiving ---- */

static size_t head_limit(const struct http1 *http1)
{
    size_t limit = http1->limits->head_max_bytes;
    return limit < HEAD_LIMIT_BYTES ? limit : (size_t)HEAD_LIMIT_BYTES;
}

static size_t receive_head(struct http1 *http1, struct span bytes)
{
    if (http1->state == STATE_IDLE) {
        http1->state = STATE_HEAD;
        http_connection_deadline(http1->connection, http1->limits->head_deadline_ms);
    }
    enum http1_scan scan =
        http1_scan_head(&http1->scanner, span_part(bytes, 0, head_limit(http1)));
    if (scan == HTTP1_SCAN_COMPLETE) {
        begin_request(http1, span_part(bytes, 0, http1->scanner.offset));
        return http1->scanner.offset;
    }
    if (scan == HTTP1_SCAN_BROKEN) {
        refuse(http1, (struct http1_refusal){400, "head_invalid"});
        return bytes.len;
    }
    if (bytes.len >= head_limit(http1)) {
        if (http1->scanner.has_request_line)
            refuse(http1, (struct http1_refusal){431, "headers_too_large"});
        else
            refuse(http1, (struct http1_refusal){414, "target_too_long"});
        return bytes.len;
    }
    if (http1->has_peer_ended)
        http_connection_finish(http1->connection);
    return 0;
}

static struct span take_body(struct http1 *http1, struct span *rest)
{
    if (http1->is_chunked)
        return http1_take_chunk(&http1->chunks, rest);
    size_t len =
        http1->body_left_bytes < rest->len ? (size_t)http1->body_left_bytes : rest->len;
    struct span data = span_part(*rest, 0, len);
    *rest = span_part(*rest, len, rest->len);
    http1->body_left_bytes -= len;
    return data;
}

/* A body of any length has no deadline for all of it, but one for each piece, and none
 * while we are the ones who are waited for. */
static void look_at_pace(struct http1 *http1, size_t used_bytes)
{
    if (http1->state != STATE_BODY || !http_call_has_intake(http1->call))
        return;
    http1->step_bytes += used_bytes;
    bool is_paused = http_call_is_paused(http1->call);
    http_connection_owe(http1->connection, is_paused);
    if (is_paused)
        http_connection_deadline(http1->connection, -1);
    else if (http1->step_bytes >= STEP_BYTES)
        begin_step(http1);
}

static size_t receive_body(struct http1 *http1, struct span bytes)
{
    struct span rest = bytes;
    while (rest.len > 0 && http1->state == STATE_BODY &&
           !http_call_is_paused(http1->call)) {
        struct span data = take_body(http1, &rest);
        bool is_broken = http1->is_chunked && http1->chunks.state == HTTP1_CHUNK_BROKEN;
        bool is_complete = http1->is_chunked ? http1->chunks.state == HTTP1_CHUNK_DONE
                                             : http1->body_left_bytes == 0;
        if (is_broken)
            http_call_refuse(http1->call, 400, "chunk_invalid");
        if (is_broken || (data.len > 0 && !http_call_body(http1->call, data)))
            last_answer_follows(http1);
        else if (is_complete)
            dispatch(http1);
    }
    look_at_pace(http1, bytes.len - rest.len);
    if (http1->state == STATE_BODY && http1->has_peer_ended &&
        !http_call_is_paused(http1->call))
        http_connection_close(http1->connection);
    return http1->state == STATE_DISCARD ? bytes.len : bytes.len - rest.len;
}

/* Answers without a body are given out whole at once: nothing but this stops a peer that
 * goes on asking and reads none of them. `drained` offers its bytes again. */
static bool has_much_to_send(const struct http1 *http1)
{
    return http_connection_queued(http1->connection) > HTTP_CONNECTION_HIGH_BYTES;
}

static size_t received(void *self, struct span bytes)
{
    struct http1 *http1 = self;
    http1->has_unread = false;
    switch (http1->state) {
    case STATE_IDLE:
        if (has_much_to_send(http1))
            break;
        return receive_head(http1, bytes);
    case STATE_HEAD:
        return receive_head(http1, bytes);
    case STATE_BODY:
        return receive_body(http1, bytes);
    case STATE_WAITING:
        break;
    case STATE_DISCARD:
        return bytes.len;
    }
    http1->has_unread = true;
    return 0;
}

/* A half-closed peer still gets an answer that is on its way; a stream has lost its
 * reader. */
static void ended(void *self)
{
    struct http1 *http1 = self;
    http1->has_peer_ended = true;
    switch (http1->state) {
    case STATE_IDLE:
    case STATE_HEAD:
        if (!http1->has_unread) /* else it is about to be offered again */
            http_connection_finish(http1->connection);
        break;
    case STATE_BODY:
        if (!http_call_is_paused(http1->call)) /* else it is offered again */
            http_connection_close(http1->connection);
        break;
    case STATE_WAITING:
    case STATE_DISCARD:
        if (http1->is_answering && http_call_answer(http1->call)->body_bytes < 0)
            http_connection_close(http1->connection);
        break;
    }
}

static void expired(void *self)
{
    struct http1 *http1 = self;
    if (http1->state == STATE_IDLE) {
        http_connection_finish(http1->connection);
    } else if (http1->state == STATE_HEAD) {
        refuse(http1, (struct http1_refusal){408, "head_too_slow"});
    } else if (http1->state == STATE_BODY) {
        http_call_refuse(http1->call, 408, "body_too_slow");
        last_answer_follows(http1);
    }
}

static void closed(void *self, const struct err *reason)
{
    struct http1 *http1 = self;
    (void)reason;
    if (http1->call)
        http_call_done(http1->call);
    memory_free(http1);
}

/* ---- answering ---- */

static void put_head(struct http1 *http1, const struct http_answer_head *head,
                     struct buf *out)
{
    buf_format(out, "HTTP/1.1 %d %s\r\n", head->status, http_reason(head->status));
    for (size_t i = 0; i < head->field_count; i++) {
        buf_span(out, head->fields[i].name);
        buf_cstr(out, ": ");
        buf_span(out, head->fields[i].value);
        buf_cstr(out, "\r\n");
    }
    http1->sends_chunks = head->has_body && head->body_bytes < 0;
    if (http1->sends_chunks)
        buf_cstr(out, "transfer-encoding: chunked\r\n");
    if (http1->closes)
        buf_cstr(out, "connection: close\r\n");
    buf_cstr(out, "\r\n");
}

static void put_piece(struct http1 *http1, struct span piece, struct buf *out)
{
    if (http1->sends_chunks)
        buf_format(out, "%zx\r\n", piece.len);
    buf_span(out, piece);
    if (http1->sends_chunks)
        buf_cstr(out, "\r\n");
}

static void finish_answer(struct http1 *http1)
{
    struct http_call *call = http1->call;
    http1->call = NULL;
    http_call_done(call);
    if (http1->closes || (http1->has_peer_ended && !http1->has_unread)) {
        http_connection_finish(http1->connection);
        return;
    }
    begin_waiting_for_head(http1);
    http_connection_again(http1->connection);
}

/* A large piece is not copied to between its chunk's ends; they leave together. */
static void write_chunk(struct http1 *http1, struct span piece, struct buf *out)
{
    buf_format(out, "%zx\r\n", piece.len);
    const struct span parts[] = {buf_view(out), piece, SPAN("\r\n")};
    if (out->has_failed)
        return;
    http_connection_write_parts(http1->connection, parts, sizeof parts / sizeof *parts);
    buf_reset(out);
}

static void write_piece(struct http1 *http1, struct span piece, struct buf *out)
{
    if (http1->sends_chunks && piece.len > COPIED_BYTES_MAX)
        write_chunk(http1, piece, out);
    else if (http1->sends_chunks || out->len > 0)
        put_piece(http1, piece, out);
    else
        http_connection_write(http1->connection, piece);
}

/* Sends while the connection takes it; `out` may hold the head already, so that head and
 * body leave in one record. */
static void pump(struct http1 *http1, struct buf *out)
{
    struct err err = {0};
    bool is_finished = http_call_is_finished(http1->call);
    while (!is_finished &&
           http_connection_queued(http1->connection) <= HTTP_CONNECTION_HIGH_BYTES) {
        struct span piece = span_part(http_call_peek(http1->call), 0, PIECE_BYTES);
        if (piece.len == 0)
            break;
        write_piece(http1, piece, out);
        http_call_take(http1->call, piece.len);
        is_finished = http_call_is_finished(http1->call);
        if (is_finished || out->has_failed)
            break;
        http_connection_write(http1->connection, buf_view(out));
        buf_reset(out);
    }
    if (is_finished && http1->sends_chunks)
        buf_cstr(out, "0\r\n\r\n");
    if (!buf_check(out, &err)) {
        http_connection_close(http1->connection);
        return;
    }
    http_connection_write(http1->connection, buf_view(out));
    if (is_finished)
        finish_answer(http1);
}

static void answered(void *exchange)
{
    struct http1 *http1 = exchange;
    const struct http_answer_head *head = http_call_answer(http1->call);
    CLEANUP(buf_free) struct buf out = buf_init(OUT_MAX_BYTES);
    http1->is_answering = true;
    if (http1->state == STATE_BODY)
        last_answer_follows(http1);
    if (http1->has_peer_ended && head->body_bytes < 0) {
        http_connection_close(http1->connection);
        return;
    }
    put_head(http1, head, &out);
    pump(http1, &out);
}

static void more(void *exchange)
{
    struct http1 *http1 = exchange;
    CLEANUP(buf_free) struct buf out = buf_init(OUT_MAX_BYTES);
    pump(http1, &out);
}

/* The end of the connection is the one sign of HTTP/1.1 that a body is not whole. */
static void cut(void *exchange)
{
    struct http1 *http1 = exchange;
    http_connection_close(http1->connection);
}

static void resumed(void *exchange)
{
    struct http1 *http1 = exchange;
    if (http1->state != STATE_BODY)
        return;
    http_connection_owe(http1->connection, false);
    begin_step(http1);
    http_connection_again(http1->connection);
}

static void drained(void *self)
{
    struct http1 *http1 = self;
    if (http1->call && http1->is_answering)
        more(http1);
    else if (http1->state == STATE_IDLE)
        http_connection_again(http1->connection);
}

static const struct http_connection_events events = {.received = received,
                                                     .ended = ended,
                                                     .drained = drained,
                                                     .expired = expired,
                                                     .closed = closed};

bool http1_serve(struct http_connection *connection, struct http_service *service,
                 struct err *err)
{
    struct http1 *http1 = memory_new(1, sizeof *http1, err);
    if (!http1)
        return false;
    http1->connection = connection;
    http1->service = service;
    http1->limits = http_service_limits(service);
    http_connection_stall(connection, http1->limits->stream_stall_ms);
    http_connection_use(connection, &events, http1);
    begin_waiting_for_head(http1);
    return true;
}
