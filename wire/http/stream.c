// SPDX-License-Identifier: Apache-2.0
/* Bytes go from the source's thread to the loop in pieces that change owners, so that the
 * lock is held for a copy or a swap and never while something is sent. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "wire/http/call.h"
#include "wire/loop/loop.h"

enum {
    /* What grows by doubling to hold the high mark and a piece more is used again. */
    KEPT_BUFFER_BYTES = 2 * HTTP_STREAM_HIGH_BYTES,
    SMALL_BYTES = 16 * 1024 /* what is copied is put together up to here */
};

/* ---- from the source to the loop ---- */

static void more_on_loop(void *context)
{
    struct http_call *call = context;
    struct http_stream *stream = call->stream;
    pthread_mutex_lock(&stream->lock);
    stream->is_posted = false;
    bool is_aborted = stream->is_aborted;
    pthread_mutex_unlock(&stream->lock);
    if (call->exchange && !call->is_cut) {
        call->is_cut = is_aborted;
        if (is_aborted)
            call->plug->cut(call->exchange);
        else
            call->plug->more(call->exchange);
    }
    http_call_release(call);
}

/* With the lock held. */
static void post_more(struct http_stream *stream)
{
    if (stream->is_posted || stream->is_dead)
        return;
    stream->is_posted = true;
    http_call_hold(stream->call);
    loop_post(stream->call->service->loop, more_on_loop, stream->call);
}

/* More than was promised would run into the next answer on the same connection. */
static bool keeps_promise(struct http_stream *stream, size_t len)
{
    if (stream->promised_bytes < 0)
        return true;
    if (len > (uint64_t)stream->promised_bytes)
        return false;
    stream->promised_bytes -= (int64_t)len;
    return true;
}

/* The lock is held. */
static struct buf *pending_at(struct http_stream *stream, int index)
{
    return &stream->pending[(stream->first_pending + index) % HTTP_STREAM_PIECES_MAX];
}

/* The lock is held: what the bytes lie in, against a buffer that is empty. Each keeps its
 * own bound. */
static bool take_whole(struct http_stream *stream, struct buf *bytes)
{
    bool is_small = bytes && stream->pending_count > 0 && bytes->len <= SMALL_BYTES;
    if (!bytes || is_small || stream->pending_count == HTTP_STREAM_PIECES_MAX)
        return false;
    struct buf *piece = pending_at(stream, stream->pending_count++);
    size_t max_bytes = bytes->max_bytes;
    *piece = *bytes;
    piece->max_bytes = HTTP_STREAM_MAX_BYTES;
    *bytes = stream->spare;
    bytes->max_bytes = max_bytes;
    stream->spare = buf_init(HTTP_STREAM_MAX_BYTES);
    return true;
}

/* The lock is held. False: there is no memory. */
static bool copy(struct http_stream *stream, struct span bytes)
{
    struct err err = {0};
    int count = stream->pending_count;
    struct buf *last = count > 0 ? pending_at(stream, count - 1) : NULL;
    bool is_new =
        !last || (last->len + bytes.len > SMALL_BYTES && count < HTTP_STREAM_PIECES_MAX);
    if (is_new) {
        last = pending_at(stream, stream->pending_count++);
        *last = stream->spare;
        stream->spare = buf_init(HTTP_STREAM_MAX_BYTES);
    }
    buf_span(last, bytes);
    return buf_check(last, &err);
}

/* whole: what the bytes lie in; NULL = they are copied. */
static size_t put(struct http_stream *stream, struct span bytes, struct buf *whole)
{
    pthread_mutex_lock(&stream->lock);
    bool is_open = !stream->is_dead && !stream->is_ended && !stream->is_aborted;
    if (is_open && bytes.len > 0) {
        bool has_room = bytes.len <= HTTP_STREAM_MAX_BYTES - stream->queued_bytes;
        if (!has_room || !keeps_promise(stream, bytes.len) ||
            (!take_whole(stream, whole) && !copy(stream, bytes)))
            stream->is_aborted = true;
        else
            stream->queued_bytes += bytes.len;
        stream->was_told_high |= stream->queued_bytes > HTTP_STREAM_HIGH_BYTES;
        post_more(stream);
    }
    size_t queued_bytes = stream->is_dead ? 0 : stream->queued_bytes;
    pthread_mutex_unlock(&stream->lock);
    return queued_bytes;
}

size_t http_stream_write(struct http_stream *stream, struct span bytes)
{
    return put(stream, bytes, NULL);
}

size_t http_stream_give(struct http_stream *stream, struct buf *bytes)
{
    size_t queued_bytes = put(stream, buf_view(bytes), bytes);
    buf_reset(bytes);
    return queued_bytes;
}

void http_stream_end(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    if (stream->promised_bytes > 0)
        stream->is_aborted = true; /* a short body must not look whole */
    stream->is_ended = true;
    post_more(stream);
    pthread_mutex_unlock(&stream->lock);
}

void http_stream_abort(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->is_aborted = true;
    post_more(stream);
    pthread_mutex_unlock(&stream->lock);
}

/* A line break inside the data starts another data line, which the reader joins again. */
static void put_data(struct buf *out, struct span data)
{
    struct span line;
    while (span_take(&data, '\n', &line)) {
        buf_cstr(out, "data: ");
        for (size_t i = 0; i < line.len; i++)
            if (line.at[i] != '\r')
                buf_byte(out, line.at[i]);
        buf_byte(out, '\n');
    }
}

size_t http_stream_event(struct http_stream *stream, const char *event, int64_t id,
                         struct span data)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(HTTP_STREAM_MAX_BYTES);
    if (!event) {
        buf_cstr(&out, ":\n");
    } else {
        assert(!strpbrk(event, "\r\n"));
        if (id >= 0)
            buf_format(&out, "id: %lld\n", (long long)id);
        buf_format(&out, "event: %s\n", event);
        put_data(&out, data.at ? data : SPAN(""));
    }
    buf_byte(&out, '\n');
    if (!buf_check(&out, &err)) {
        http_stream_abort(stream); /* half an event is worse than a new connection */
        return 0;
    }
    return http_stream_write(stream, buf_view(&out));
}

/* ---- on the loop ---- */

/* The lock is held. */
static void keep_spare(struct http_stream *stream, struct buf *used_up)
{
    bool is_kept = stream->spare.size_bytes < used_up->size_bytes &&
                   used_up->size_bytes <= KEPT_BUFFER_BYTES && !stream->is_dead;
    struct buf *freed = is_kept ? &stream->spare : used_up;
    buf_free(freed);
    if (is_kept) {
        stream->spare = *used_up;
        buf_reset(&stream->spare);
    }
}

struct span http_stream_peek(struct http_stream *stream)
{
    if (stream->sent_bytes == stream->sending.len) {
        stream->sent_bytes = 0;
        pthread_mutex_lock(&stream->lock);
        keep_spare(stream, &stream->sending);
        stream->sending = buf_init(HTTP_STREAM_MAX_BYTES);
        if (stream->pending_count > 0) {
            stream->sending = *pending_at(stream, 0);
            *pending_at(stream, 0) = buf_init(HTTP_STREAM_MAX_BYTES);
            stream->first_pending = (stream->first_pending + 1) % HTTP_STREAM_PIECES_MAX;
            stream->pending_count--;
        }
        pthread_mutex_unlock(&stream->lock);
    }
    return span_part(buf_view(&stream->sending), stream->sent_bytes, SIZE_MAX);
}

void http_stream_take(struct http_stream *stream, size_t count)
{
    assert(count <= stream->sending.len - stream->sent_bytes);
    stream->sent_bytes += count;
    pthread_mutex_lock(&stream->lock);
    stream->queued_bytes -= count;
    bool is_low = stream->queued_bytes <= HTTP_STREAM_LOW_BYTES;
    bool tells = stream->was_told_high && is_low && !stream->is_ended;
    if (is_low)
        stream->was_told_high = false;
    pthread_mutex_unlock(&stream->lock);
    if (tells && stream->events.drained)
        stream->events.drained(stream->context);
}

bool http_stream_is_finished(struct http_stream *stream)
{
    if (stream->sent_bytes < stream->sending.len)
        return false;
    pthread_mutex_lock(&stream->lock);
    bool is_finished =
        stream->is_ended && !stream->is_aborted && stream->pending_count == 0;
    pthread_mutex_unlock(&stream->lock);
    return is_finished;
}

static void free_waiting(struct http_stream *stream)
{
    for (int i = 0; i < stream->pending_count; i++)
        buf_free(pending_at(stream, i));
    stream->pending_count = 0;
    buf_free(&stream->spare);
}

void http_stream_close(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->is_dead = true;
    free_waiting(stream);
    pthread_mutex_unlock(&stream->lock);
    atomic_fetch_sub(&stream->call->service->stream_count, 1);
    if (stream->events.closed)
        stream->events.closed(stream->context);
    http_call_release(stream->call);
}

void http_stream_free(struct http_stream *stream)
{
    if (!stream)
        return;
    pthread_mutex_destroy(&stream->lock);
    free_waiting(stream);
    buf_free(&stream->sending);
    memory_free(stream);
}

/* ---- opening ---- */

static struct http_stream *make(struct http_call *call, int64_t content_length)
{
    struct err err = {0};
    struct http_service *service = call->service;
    if (atomic_fetch_add(&service->stream_count, 1) >= service->limits.connections_max) {
        atomic_fetch_sub(&service->stream_count, 1);
        return NULL;
    }
    struct http_stream *stream = memory_new(1, sizeof *stream, &err);
    if (!stream) {
        atomic_fetch_sub(&service->stream_count, 1);
        return NULL;
    }
    pthread_mutex_init(&stream->lock, NULL);
    stream->call = call;
    stream->spare = buf_init(HTTP_STREAM_MAX_BYTES);
    stream->sending = buf_init(HTTP_STREAM_MAX_BYTES);
    stream->promised_bytes = content_length;
    return stream;
}

struct http_stream *http_stream_open(struct http_call *call, int status,
                                     const char *content_type, int64_t content_length,
                                     const struct http_stream_events *events,
                                     void *context)
{
    struct http_stream *stream = make(call, content_length);
    if (!stream) {
        struct err err = {0};
        err_set(&err, ERR_BUSY, "streams_full", "too many streams are open");
        http_answer_problem(call, &err);
        return NULL;
    }
    http_answer_begin(call);
    if (events)
        stream->events = *events;
    stream->context = context;
    call->stream = stream;
    http_answer_seal(call, status, content_type, content_length < 0 ? -1 : content_length,
                     NULL);
    http_call_post_answer(call);
    return stream;
}
