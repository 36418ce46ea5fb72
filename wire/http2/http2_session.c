// SPDX-License-Identifier: Apache-2.0
#include "wire/http2/http2_session.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { REQUEST_FIELDS_MAX = 16, UNWANTED_MS = 200 };

struct http2_settings http2_default_settings(enum http2_role role)
{
    return (struct http2_settings){
        .role = role,
        .streams_max = 128,
        .head_max_bytes = 16 * 1024,
        .fields_max = 64,
        /* what recurs on a tunnel is less than 1 kB; browsers are told nothing */
        .table_bytes = role == HTTP2_CLIENT ? 1024 : 4096,
        /* a viewer that is closed may cancel some hundred images at once */
        .resets_burst = 1000,
        .resets_per_second = 30,
        .control_burst = 200,
        .control_per_second = 50,
        .clock = clock_system(),
    };
}

static int64_t now_ms(const struct http2_session *session)
{
    return clock_monotonic_ms(&session->settings.clock);
}

/* ---- rates ---- */

struct bucket http2_bucket_new(uint32_t burst, uint32_t per_second, int64_t at_ms)
{
    return (struct bucket){.left_thousandths = (int64_t)burst * 1000,
                           .burst_thousandths = (int64_t)burst * 1000,
                           .per_second = per_second,
                           .filled_ms = at_ms};
}

bool http2_bucket_take(struct bucket *bucket, int64_t at_ms)
{
    int64_t passed_ms = at_ms - bucket->filled_ms;
    if (passed_ms > 0) {
        /* An hour fills any bucket; the bound keeps the product small. */
        passed_ms = passed_ms > 3600000 ? 3600000 : passed_ms;
        bucket->left_thousandths += passed_ms * bucket->per_second;
        if (bucket->left_thousandths > bucket->burst_thousandths)
            bucket->left_thousandths = bucket->burst_thousandths;
        bucket->filled_ms = at_ms;
    }
    if (bucket->left_thousandths < 1000)
        return false;
    bucket->left_thousandths -= 1000;
    return true;
}

int http2_session_calm(struct http2_session *session)
{
    if (!session->is_flooded) {
        session->is_flooded = true;
        nghttp2_session_terminate_session(session->inner, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- streams ---- */

struct http2_stream *http2_stream_new(struct http2_session *session, int32_t id)
{
    struct err err = {0};
    struct http2_stream *stream = memory_new(1, sizeof *stream, &err);
    if (!stream)
        return NULL;
    stream->session = session;
    stream->id = id;
    stream->window_bytes = HTTP2_STREAM_WINDOW_BYTES;
    stream->opened_ms = stream->moved_ms = now_ms(session);
    stream->next = session->streams;
    stream->link = &session->streams;
    if (stream->next)
        stream->next->link = &stream->next;
    session->streams = stream;
    session->stream_count++;
    return stream;
}

static void budget_return(struct http2_stream *stream)
{
    struct http2_budget *budget = stream->session->settings.budget;
    if (budget && stream->window_bytes > HTTP2_STREAM_WINDOW_BYTES)
        atomic_fetch_add(&budget->left_bytes,
                         stream->window_bytes - HTTP2_STREAM_WINDOW_BYTES);
    stream->window_bytes = HTTP2_STREAM_WINDOW_BYTES;
}

void http2_stream_end(struct http2_stream *stream, uint32_t code)
{
    struct http2_session *session = stream->session;
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    session->stream_count--;
    budget_return(stream);
    nghttp2_session_set_stream_user_data(session->inner, stream->id, NULL);
    if (stream->exchange)
        session->events->closed(stream->exchange, stream->code ? stream->code : code);
    memory_free(stream);
}

static bool budget_take(struct http2_budget *budget, size_t count)
{
    size_t left = atomic_load(&budget->left_bytes);
    while (left >= count)
        if (atomic_compare_exchange_weak(&budget->left_bytes, &left, left - count))
            return true;
    return false;
}

/* As far as the budget has it; else it stays as it is. */
static void widen(struct http2_stream *stream, size_t window_bytes)
{
    struct http2_session *session = stream->session;
    struct http2_budget *budget = session->settings.budget;
    size_t more = window_bytes - stream->window_bytes;
    if (!budget || !budget_take(budget, more))
        return;
    if (nghttp2_session_set_local_window_size(session->inner, NGHTTP2_FLAG_NONE,
                                              stream->id, (int32_t)window_bytes) != 0) {
        atomic_fetch_add(&budget->left_bytes, more);
        return;
    }
    stream->window_bytes = window_bytes;
}

/* A consumer that took two windows' worth and keeps nothing back is slowed by the window
 * alone: it gets twice as much, if the budget has it. */
static void grow_window(struct http2_stream *stream)
{
    struct http2_session *session = stream->session;
    size_t window = stream->window_bytes;
    size_t waiting = stream->received_bytes - stream->consumed_bytes;
    if (!session->settings.budget || window >= HTTP2_STREAM_WINDOW_MAX ||
        stream->has_peer_ended || waiting > window / 4 ||
        stream->consumed_bytes - stream->grown_at_bytes < 2 * window)
        return;
    stream->grown_at_bytes = stream->consumed_bytes;
    widen(stream, 2 * window);
}

size_t http2_stream_window(const struct http2_stream *stream)
{
    return stream->window_bytes;
}

void http2_stream_consume(struct http2_stream *stream, size_t count)
{
    size_t waiting = stream->received_bytes - stream->consumed_bytes;
    if (count > waiting)
        count = waiting;
    if (count == 0)
        return;
    stream->consumed_bytes += count;
    grow_window(stream);
    /* Fails for want of memory only; then the stream stalls and is cut by its owner. */
    if (nghttp2_session_consume_stream(stream->session->inner, stream->id, count) != 0)
        http2_stream_reset(stream, HTTP2_INTERNAL_ERROR);
}

void http2_stream_reset(struct http2_stream *stream, enum http2_code code)
{
    if (stream->is_reset)
        return;
    stream->is_reset = true;
    stream->code = code;
    stream->session->has_unsent_reset = true;
    if (nghttp2_submit_rst_stream(stream->session->inner, NGHTTP2_FLAG_NONE, stream->id,
                                  code) != 0)
        stream->session->is_broken = true;
}

void http2_stream_more(struct http2_stream *stream)
{
    if (!stream->is_deferred)
        return;
    stream->is_deferred = false;
    stream->moved_ms = now_ms(stream->session);
    nghttp2_session_resume_data(stream->session->inner, stream->id);
}

/* ---- sending ---- */

/* Behind a large frame others follow. */
static void make_room(struct buf *out, size_t length)
{
    if (length >= HTTP2_FRAME_BYTES / 2 && out->size_bytes < HTTP2_SENT_BYTES_MAX &&
        out->max_bytes >= HTTP2_SENT_BYTES_MAX)
        buf_reserve(out, HTTP2_SENT_BYTES_MAX - out->len);
}

/* Straight to where the frame goes out, behind the room for its head: through nghttp2's
 * own buffer all bytes would be copied twice more. */
static ssize_t on_fill(nghttp2_session *inner, /* allowed: nghttp2's shape */
                       int32_t id, uint8_t *unused, size_t length, uint32_t *flags,
                       nghttp2_data_source *source, void *user)
{
    (void)inner, (void)id, (void)unused;
    struct http2_session *session = user;
    struct http2_stream *stream = source->ptr;
    bool is_last = false;
    session->frame_at = session->out->len;
    make_room(session->out, length);
    uint8_t *frame = buf_take(session->out, FRAME_HEAD_BYTES + length);
    if (!frame)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    size_t count = session->events->fill(stream->exchange, frame + FRAME_HEAD_BYTES,
                                         length, &is_last);
    assert(count <= length);
    session->out->len = session->frame_at + FRAME_HEAD_BYTES + count;
    if (is_last) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        stream->has_body = false;
    } else if (count == 0) {
        session->out->len = session->frame_at;
        stream->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    stream->moved_ms = now_ms(session);
    return (ssize_t)count;
}

/* The pause lets http2_session_send see whether it is enough. */
static int on_send_data(nghttp2_session *inner, /* allowed: nghttp2's shape */
                        nghttp2_frame *frame, const uint8_t *head, size_t length,
                        nghttp2_data_source *source, void *user)
{
    (void)inner, (void)source;
    struct http2_session *session = user;
    assert(frame->data.padlen == 0 &&
           session->out->len == session->frame_at + FRAME_HEAD_BYTES + length);
    memcpy(session->out->at + session->frame_at, head, FRAME_HEAD_BYTES);
    return NGHTTP2_ERR_PAUSE;
}

/* As much as windows and the peer's frames allow. */
static ssize_t on_fill_length(nghttp2_session *inner, /* allowed: nghttp2's shape */
                              uint8_t type, int32_t id, int32_t session_window,
                              int32_t stream_window, uint32_t frame_max, void *user)
{
    (void)inner, (void)type, (void)id, (void)user;
    int64_t length = HTTP2_FRAME_BYTES;
    length = session_window < length ? session_window : length;
    length = stream_window < length ? stream_window : length;
    return (ssize_t)((int64_t)frame_max < length ? (int64_t)frame_max : length);
}

/* A reset that nobody on our side asked for was provoked by the peer, so it counts as if
 * the peer had sent it. */
static int on_frame_send(nghttp2_session *inner, const nghttp2_frame *frame, void *user)
{
    struct http2_session *session = user;
    struct http2_stream *stream =
        nghttp2_session_get_stream_user_data(inner, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        bool is_ours = stream && stream->is_reset;
        if (!is_ours && !http2_bucket_take(&session->resets, now_ms(session)))
            http2_session_calm(session);
        return 0;
    }
    bool is_data = frame->hd.type == NGHTTP2_DATA;
    if (stream && !stream->is_sent && stream->wished_bytes > stream->window_bytes)
        widen(stream, stream->wished_bytes);
    if (stream)
        stream->is_sent = true;
    if (is_data && session->update_credit < UPDATE_CREDIT_MAX)
        session->update_credit += 4;
    if ((is_data || frame->hd.type == NGHTTP2_HEADERS) && stream)
        stream->is_done = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    return 0;
}

/* nghttp2 takes names and values without const but only reads them. */
static uint8_t *plain_bytes(struct span span)
{
    return (uint8_t *)(uintptr_t)span.at;
}

/* What is a secret, and what comes once only: in the table it would take the place of
 * what recurs. */
static bool is_never_indexed(struct span name)
{
    static const char *const names[] = {"set-cookie", "authorization", "tsumugi-grant",
                                        "x-request-id", "date"};
    size_t i = 0;
    while (i < sizeof names / sizeof *names && !span_is(name, names[i]))
        i++;
    return i < sizeof names / sizeof *names;
}

static nghttp2_nv pair(struct span name, struct span value)
{
    return (nghttp2_nv){.name = plain_bytes(name),
                        .value = plain_bytes(value),
                        .namelen = name.len,
                        .valuelen = value.len,
                        .flags = is_never_indexed(name) ? NGHTTP2_NV_FLAG_NO_INDEX
                                                        : NGHTTP2_NV_FLAG_NONE};
}

static struct span status_digits(int status, uint8_t digits[3])
{
    assert(status >= 100 && status <= 599);
    digits[0] = (uint8_t)('0' + status / 100);
    digits[1] = (uint8_t)('0' + status / 10 % 10);
    digits[2] = (uint8_t)('0' + status % 10);
    return span_of(digits, 3);
}

void http2_stream_continue(struct http2_stream *stream)
{
    uint8_t digits[3];
    nghttp2_nv status = pair(SPAN(":status"), status_digits(100, digits));
    if (!stream->is_answered && !stream->is_reset &&
        nghttp2_submit_headers(stream->session->inner, NGHTTP2_FLAG_NONE, stream->id,
                               NULL, &status, 1, NULL) < 0)
        http2_stream_reset(stream, HTTP2_INTERNAL_ERROR);
}

void http2_stream_answer(struct http2_stream *stream,
                         const struct http_answer_head *answer)
{
    assert(stream->session->settings.role == HTTP2_SERVER && !stream->is_answered);
    stream->is_answered = true;
    if (stream->is_reset)
        return;
    nghttp2_nv pairs[HTTP2_ANSWER_FIELDS_MAX + 1];
    uint8_t digits[3];
    size_t count = 0;
    pairs[count++] = pair(SPAN(":status"), status_digits(answer->status, digits));
    if (answer->field_count > HTTP2_ANSWER_FIELDS_MAX) {
        http2_stream_reset(stream, HTTP2_INTERNAL_ERROR);
        return;
    }
    for (size_t i = 0; i < answer->field_count; i++)
        pairs[count++] = pair(answer->fields[i].name, answer->fields[i].value);
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = on_fill};
    stream->has_body = answer->has_body;
    stream->moved_ms = now_ms(stream->session);
    if (nghttp2_submit_response(stream->session->inner, stream->id, pairs, count,
                                answer->has_body ? &body : NULL) != 0)
        http2_stream_reset(stream, HTTP2_INTERNAL_ERROR);
}

struct http2_stream *http2_session_request(struct http2_session *session,
                                           const struct http2_request *request,
                                           void *exchange, struct err *err)
{
    assert(session->settings.role == HTTP2_CLIENT && exchange);
    assert(request->field_count <= REQUEST_FIELDS_MAX);
    nghttp2_nv pairs[REQUEST_FIELDS_MAX + 4];
    size_t count = 0;
    if (session->is_broken || session->is_flooded || session->has_stopped ||
        !nghttp2_session_check_request_allowed(session->inner)) {
        err_set(err, ERR_BUSY, "http2_closing", "no new streams on this connection");
        return NULL;
    }
    pairs[count++] = pair(SPAN(":method"), request->method);
    pairs[count++] = pair(SPAN(":scheme"), SPAN("https"));
    pairs[count++] = pair(SPAN(":authority"), request->authority);
    pairs[count++] = pair(SPAN(":path"), request->path);
    for (size_t i = 0; i < request->field_count; i++)
        pairs[count++] = pair(request->fields[i].name, request->fields[i].value);
    struct http2_stream *stream = http2_stream_new(session, 0);
    if (!stream) {
        err_set(err, ERR_BUSY, "memory_short", "no memory for a stream");
        return NULL;
    }
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = on_fill};
    stream->has_body = request->has_body;
    stream->wished_bytes = request->window_bytes < HTTP2_STREAM_WINDOW_MAX
                               ? request->window_bytes
                               : (size_t)HTTP2_STREAM_WINDOW_MAX;
    stream->id = nghttp2_submit_request(session->inner, NULL, pairs, count,
                                        request->has_body ? &body : NULL, stream);
    if (stream->id < 0) {
        http2_stream_end(stream, HTTP2_INTERNAL_ERROR);
        err_set(err, ERR_BUSY, "http2_closing", "no stream could be opened");
        return NULL;
    }
    stream->exchange = exchange;
    return stream;
}

/* A request that still waits for a free stream is forgotten by nghttp2 only when its turn
 * comes; its owner is told at once. */
static void end_unsent(struct http2_session *session)
{
    if (!session->has_unsent_reset)
        return;
    session->has_unsent_reset = false;
    struct http2_stream *next = session->streams;
    while (next) {
        struct http2_stream *stream = next;
        next = stream->next;
        if (stream->is_reset && !stream->is_sent &&
            session->settings.role == HTTP2_CLIENT)
            http2_stream_end(stream, stream->code);
    }
}

bool http2_session_send(struct http2_session *session, struct buf *out, size_t enough,
                        struct err *err)
{
    size_t before = SIZE_MAX;
    session->out = out;
    while (!session->is_broken && out->len < enough && out->len != before) {
        const uint8_t *at = NULL;
        before = out->len;
        ssize_t count = nghttp2_session_mem_send(session->inner, &at);
        if (count < 0)
            session->is_broken = true;
        else
            buf_put(out, at, (size_t)count);
    }
    session->out = NULL;
    end_unsent(session);
    if (!buf_check(out, err))
        return false;
    return !session->is_broken ||
           err_set(err, ERR_SYSTEM, "http2_failed", "the session cannot go on");
}

/* ---- the session ---- */

static nghttp2_option *make_option(const struct http2_settings *settings, struct err *err)
{
    nghttp2_option *option = NULL;
    if (nghttp2_option_new(&option) != 0) {
        err_set(err, ERR_BUSY, "memory_short", "no memory");
        return NULL;
    }
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_stream_reset_rate_limit(option, settings->resets_burst,
                                               settings->resets_per_second);
    nghttp2_option_set_max_continuations(option, 8);
    nghttp2_option_set_max_outbound_ack(option, 100);
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    nghttp2_option_set_max_send_header_block_length(option, 64 * 1024);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, settings->table_bytes);
    return option;
}

static int make_inner(struct http2_session *session, const nghttp2_option *option)
{
    nghttp2_session_callbacks *callbacks = NULL;
    int status = nghttp2_session_callbacks_new(&callbacks);
    if (status != 0)
        return status;
    http2_receive_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks,
                                                                   on_fill_length);
    nghttp2_mem memory = http2_memory_of(&session->frame);
    if (session->settings.role == HTTP2_SERVER)
        status = nghttp2_session_server_new3(&session->inner, callbacks, session, option,
                                             &memory);
    else
        status = nghttp2_session_client_new3(&session->inner, callbacks, session, option,
                                             &memory);
    nghttp2_session_callbacks_del(callbacks);
    return status;
}

static int submit_settings(struct http2_session *session)
{
    const struct http2_settings *settings = &session->settings;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)settings->head_max_bytes},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, HTTP2_FRAME_BYTES},
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, (uint32_t)settings->table_bytes},
    };
    /* ENABLE_PUSH is the client's alone to send; browsers send nothing large. */
    size_t count = settings->role == HTTP2_CLIENT ? 6 : 3;
    int status =
        nghttp2_submit_settings(session->inner, NGHTTP2_FLAG_NONE, entries, count);
    if (status != 0)
        return status;
    return nghttp2_session_set_local_window_size(session->inner, NGHTTP2_FLAG_NONE, 0,
                                                 HTTP2_CONNECTION_WINDOW_BYTES);
}

static bool open_inner(struct http2_session *session, struct err *err)
{
    nghttp2_option *option = make_option(&session->settings, err);
    if (!option)
        return false;
    int status = make_inner(session, option);
    nghttp2_option_del(option);
    if (status == 0)
        status = submit_settings(session);
    return status == 0 || err_set(err, ERR_BUSY, "memory_short", "no HTTP/2 session");
}

struct http2_session *http2_session_new(const struct http2_settings *settings,
                                        const struct http2_events *events, void *self,
                                        struct err *err)
{
    struct http2_session *session = memory_new(1, sizeof *session, err);
    if (!session)
        return NULL;
    session->settings = *settings;
    session->events = events;
    session->self = self;
    session->update_credit = UPDATE_CREDIT_FIRST;
    int64_t now = now_ms(session);
    session->resets =
        http2_bucket_new(settings->resets_burst, settings->resets_per_second, now);
    session->control =
        http2_bucket_new(settings->control_burst, settings->control_per_second, now);
    session->head.bytes = buf_init(settings->head_max_bytes);
    if (!open_inner(session, err)) {
        http2_session_free(session);
        return NULL;
    }
    return session;
}

void http2_session_free(struct http2_session *session)
{
    if (!session)
        return;
    while (session->streams)
        http2_stream_end(session->streams, HTTP2_CONNECTION_LOST);
    nghttp2_session_del(session->inner);
    http2_collected_drop(&session->head);
    memory_free(session);
}

bool http2_session_receive(struct http2_session *session, struct span bytes,
                           struct err *err)
{
    ssize_t count = session->has_stopped || session->is_flooded
                        ? NGHTTP2_ERR_CALLBACK_FAILURE
                        : nghttp2_session_mem_recv(session->inner, bytes.at, bytes.len);
    if (count == NGHTTP2_ERR_FLOODED)
        (void)http2_session_calm(session);
    session->has_stopped = session->has_stopped || count < 0;
    if (session->is_flooded)
        return err_set(err, ERR_LIMIT, "http2_flood", "too many frames without content");
    if (count < 0 || (size_t)count != bytes.len)
        return err_set(err, ERR_SYNTAX, "http2_broken", "not HTTP/2");
    return true;
}

bool http2_session_is_over(const struct http2_session *session)
{
    bool reads = !session->has_stopped && !session->is_flooded &&
                 nghttp2_session_want_read(session->inner);
    return session->is_broken || (!reads && !nghttp2_session_want_write(session->inner));
}

size_t http2_session_stream_count(const struct http2_session *session)
{
    return session->stream_count;
}

void http2_session_ping(struct http2_session *session)
{
    if (nghttp2_submit_ping(session->inner, NGHTTP2_FLAG_NONE, NULL) != 0)
        session->is_broken = true;
}

void http2_session_goaway(struct http2_session *session, enum http2_code code)
{
    if (nghttp2_session_terminate_session(session->inner, code) != 0)
        session->is_broken = true;
}

static bool is_late(const struct http2_stream *stream, int64_t now, int body_ms)
{
    return body_ms >= 0 && stream->session->settings.role == HTTP2_SERVER &&
           stream->exchange && !stream->is_reset && !stream->has_peer_ended &&
           !stream->is_answered && now - stream->opened_ms > body_ms;
}

/* RFC 9113 section 8.1: the answer is out, the rest of the request is not wanted. Clients
 * that find answer and reset together lose the answer, so the reset comes later; without
 * credit the request has stopped anyway. */
static bool is_unwanted(const struct http2_stream *stream, int64_t now)
{
    return stream->session->settings.role == HTTP2_SERVER && stream->is_done &&
           !stream->has_peer_ended && now - stream->moved_ms > UNWANTED_MS;
}

void http2_session_tick(struct http2_session *session, int stall_ms, int body_ms)
{
    int64_t now = now_ms(session);
    for (struct http2_stream *stream = session->streams; stream; stream = stream->next) {
        bool is_stalled = stall_ms >= 0 && stream->has_body && !stream->is_deferred &&
                          now - stream->moved_ms > stall_ms;
        if (is_unwanted(stream, now))
            http2_stream_reset(stream, HTTP2_NO_ERROR);
        else if (is_late(stream, now, body_ms) && session->events->late)
            session->events->late(stream->exchange);
        else if (is_late(stream, now, body_ms) || is_stalled)
            http2_stream_reset(stream, HTTP2_CANCEL);
    }
}
