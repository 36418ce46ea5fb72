// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/memory.h"
#include "wire/http2/http2_session.h"

void http2_collected_drop(struct collected *head)
{
    buf_free(&head->bytes);
    memory_free(head->places);
    memory_free(head->fields);
    head->places = NULL;
    head->fields = NULL;
}

static int64_t now_ms(const struct http2_session *session)
{
    return clock_monotonic_ms(&session->settings.clock);
}

static struct http2_stream *find_stream(nghttp2_session *inner, int32_t id)
{
    return id > 0 ? nghttp2_session_get_stream_user_data(inner, id) : NULL;
}

/* ---- frames that cost the peer nothing ---- */

/* What a peer provokes is counted when it goes out (on_frame_send), which it does not
 * to a peer that reads nothing. A client sends in its own time, and waits with it. */
static bool has_too_much_waiting(const struct http2_session *session)
{
    const struct http2_settings *settings = &session->settings;
    size_t max = settings->resets_burst +
                 (size_t)settings->streams_max * WAITING_FRAMES_PER_STREAM;
    return settings->role == HTTP2_SERVER &&
           nghttp2_session_get_outbound_queue_size(session->inner) > max;
}

static int on_begin_frame(nghttp2_session *inner, const nghttp2_frame_hd *frame,
                          void *user)
{
    (void)inner;
    struct http2_session *session = user;
    if (has_too_much_waiting(session))
        return http2_session_calm(session);
    switch (frame->type) {
    case NGHTTP2_DATA:
        if (frame->length > 0 || (frame->flags & NGHTTP2_FLAG_END_STREAM))
            return 0;
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: /* nghttp2 counts these within a head */
    case NGHTTP2_RST_STREAM:   /* counted when it is complete */
        return 0;
    case NGHTTP2_WINDOW_UPDATE:
        /* What we send earns them. */
        return session->update_credit-- > 0 ? 0 : http2_session_calm(session);
    default:
        break;
    }
    return http2_bucket_take(&session->control, now_ms(session))
               ? 0
               : http2_session_calm(session);
}

/* ---- heads ---- */

static int on_begin_headers(nghttp2_session *inner, const nghttp2_frame *frame,
                            void *user)
{
    (void)inner;
    (void)frame;
    struct http2_session *session = user;
    struct collected *head = &session->head;
    struct err err = {0};
    http2_collected_drop(head);
    head->places = memory_new(session->settings.fields_max, sizeof *head->places, &err);
    head->fields = memory_new(session->settings.fields_max, sizeof *head->fields, &err);
    if (!head->places || !head->fields)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset */
    head->count = 0;
    head->size_bytes = 0;
    head->is_too_large = false;
    memset(head->has_pseudo, 0, sizeof head->has_pseudo);
    return 0;
}

static enum pseudo find_pseudo(struct span name)
{
    static const char *const names[PSEUDO_COUNT] = {
        [PSEUDO_METHOD] = ":method",
        [PSEUDO_PATH] = ":path",
        [PSEUDO_AUTHORITY] = ":authority",
        [PSEUDO_STATUS] = ":status",
    };
    enum pseudo which = 0;
    while (which < PSEUDO_COUNT && !span_is(name, names[which]))
        which++;
    return which;
}

static struct field_place keep_field(struct collected *head, struct span name,
                                     struct span value)
{
    struct field_place place = {head->bytes.len, name.len, 0, value.len};
    buf_span(&head->bytes, name);
    place.value_at = head->bytes.len;
    buf_span(&head->bytes, value);
    return place;
}

static int on_header(nghttp2_session *inner, /* allowed: nghttp2's shape */
                     const nghttp2_frame *frame, const uint8_t *name_at, size_t name_len,
                     const uint8_t *value_at, size_t value_len, uint8_t flags, void *user)
{
    (void)inner;
    (void)frame;
    (void)flags;
    struct http2_session *session = user;
    struct collected *head = &session->head;
    struct span name = span_of(name_at, name_len);
    struct span value = span_of(value_at, value_len);
    head->size_bytes += name.len + value.len + FIELD_OVERHEAD_BYTES;
    if (head->size_bytes > session->settings.head_max_bytes) {
        head->is_too_large = true;
        bool is_bomb =
            head->size_bytes / HEAD_BOMB_FACTOR > session->settings.head_max_bytes;
        return is_bomb ? http2_session_calm(session) : 0;
    }
    bool is_pseudo = name.len > 0 && name.at[0] == ':';
    enum pseudo which = is_pseudo ? find_pseudo(name) : PSEUDO_COUNT;
    if (which < PSEUDO_COUNT) {
        head->pseudo[which] = keep_field(head, name, value);
        head->has_pseudo[which] = true;
    } else if (!is_pseudo && head->count < session->settings.fields_max) {
        head->places[head->count++] = keep_field(head, name, value);
    } else if (!is_pseudo) {
        head->is_too_large = true;
    }
    return 0;
}

/* nghttp2 would leave out a malformed field and go on; we do not guess. */
static int on_invalid_header(nghttp2_session *inner, /* allowed: nghttp2's shape */
                             const nghttp2_frame *frame, const uint8_t *name_at,
                             size_t name_len, const uint8_t *value_at, size_t value_len,
                             uint8_t flags, void *user)
{
    (void)inner;
    (void)frame;
    (void)name_at;
    (void)name_len;
    (void)value_at;
    (void)value_len;
    (void)flags;
    (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static struct span pseudo_value(const struct collected *head, enum pseudo which)
{
    if (!head->has_pseudo[which])
        return span_of(NULL, 0);
    return span_part(buf_view(&head->bytes), head->pseudo[which].value_at,
                     head->pseudo[which].value_len);
}

/* Turns positions into spans, now that the buffer stays where it is. */
static void make_fields(struct collected *head)
{
    struct span bytes = buf_view(&head->bytes);
    for (size_t i = 0; i < head->count; i++) {
        const struct field_place *place = &head->places[i];
        head->fields[i].name = span_part(bytes, place->name_at, place->name_len);
        head->fields[i].value = span_part(bytes, place->value_at, place->value_len);
    }
}

/* Origin form only, without what could split a line or a log (RFC 9113 section 8.3.1). */
static bool is_clean_target(struct span target)
{
    if (target.len == 0 || target.at[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= ' ' || target.at[i] >= 0x7f || target.at[i] == '#')
            return false;
    return true;
}

/* Fills in `out` from what was collected; 0 or the status of the refusal. */
static int make_request(struct collected *head, bool is_complete, struct http_head *out)
{
    if (head->is_too_large || head->bytes.has_failed)
        return 431;
    make_fields(head);
    *out = (struct http_head){
        .method = pseudo_value(head, PSEUDO_METHOD),
        .target = pseudo_value(head, PSEUDO_PATH),
        .host = pseudo_value(head, PSEUDO_AUTHORITY),
        .fields = head->fields,
        .field_count = head->count,
        .body_bytes = is_complete ? 0 : -1,
    };
    for (size_t i = 0; i < head->count; i++) {
        uint64_t number = 0;
        struct span value = head->fields[i].value;
        if (span_is(head->fields[i].name, "content-length") && !is_complete) {
            if (!span_uint(value, INT64_MAX, &number))
                return 400;
            out->body_bytes = (int64_t)number;
        } else if (span_is(head->fields[i].name, "host")) {
            if (out->host.len > 0 && !span_equal(out->host, value))
                return 400;
            out->host = value;
        }
    }
    return is_clean_target(out->target) ? 0 : 400;
}

static void take_request(struct http2_session *session, const nghttp2_frame *frame)
{
    int32_t id = frame->hd.stream_id;
    struct http2_stream *stream = http2_stream_new(session, id);
    if (!stream ||
        nghttp2_session_set_stream_user_data(session->inner, id, stream) != 0) {
        if (stream)
            http2_stream_end(stream, HTTP2_INTERNAL_ERROR);
        nghttp2_submit_rst_stream(session->inner, NGHTTP2_FLAG_NONE, id,
                                  NGHTTP2_REFUSED_STREAM);
        return;
    }
    stream->has_peer_ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct http_head head = {0};
    int refusal = make_request(&session->head, stream->has_peer_ended, &head);
    stream->exchange = session->events->request(session->self, stream, &head, refusal);
    if (!stream->exchange)
        http2_stream_reset(stream, HTTP2_REFUSED_STREAM);
}

static void take_response(struct http2_session *session, struct http2_stream *stream)
{
    struct collected *head = &session->head;
    uint64_t status = 0;
    if (stream->has_response)
        return; /* trailers */
    if (head->is_too_large || head->bytes.has_failed ||
        !span_uint(pseudo_value(head, PSEUDO_STATUS), 599, &status) || status < 100) {
        http2_stream_reset(stream, HTTP2_PROTOCOL_ERROR);
        return;
    }
    if (status < 200)
        return;
    stream->has_response = true;
    make_fields(head);
    session->events->response(stream->exchange, (int)status, head->fields, head->count);
}

static void take_headers(struct http2_session *session, const nghttp2_frame *frame)
{
    struct http2_stream *stream = find_stream(session->inner, frame->hd.stream_id);
    if (session->settings.role == HTTP2_SERVER) {
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            take_request(session, frame);
    } else if (stream && !stream->is_reset) {
        take_response(session, stream);
    }
}

/* ---- bodies and ends ---- */

static void take_end(struct http2_session *session, const nghttp2_frame *frame)
{
    struct http2_stream *stream = find_stream(session->inner, frame->hd.stream_id);
    if (!stream || stream->is_reset || !stream->exchange)
        return;
    stream->has_peer_ended = true;
    session->events->ended(stream->exchange);
}

/* Padding gives its credit back at once, so nothing but this bounds how much of it comes.
 */
static bool is_padding_only(const nghttp2_frame *frame)
{
    return frame->hd.length > 0 && frame->hd.length == frame->data.padlen &&
           !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
}

static int on_frame(nghttp2_session *inner, const nghttp2_frame *frame, void *user)
{
    (void)inner;
    struct http2_session *session = user;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        if (is_padding_only(frame) &&
            !http2_bucket_take(&session->control, now_ms(session)))
            return http2_session_calm(session);
        break;
    case NGHTTP2_HEADERS:
        take_headers(session, frame);
        http2_collected_drop(&session->head);
        break;
    case NGHTTP2_SETTINGS:
        if (!session->is_greeted && session->events->greeted)
            session->events->greeted(session->self);
        session->is_greeted = true;
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && session->events->pong)
            session->events->pong(session->self);
        break;
    case NGHTTP2_GOAWAY:
        if (session->events->goaway)
            session->events->goaway(session->self);
        break;
    case NGHTTP2_RST_STREAM:
        if (!http2_bucket_take(&session->resets, now_ms(session)))
            return http2_session_calm(session);
        break;
    default:
        break;
    }
    bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        take_end(session, frame);
    return 0;
}

static int on_data(nghttp2_session *inner, uint8_t flags, int32_t id, const uint8_t *at,
                   size_t len, void *user)
{
    (void)flags;
    struct http2_session *session = user;
    struct http2_stream *stream = find_stream(inner, id);
    /* One stalled reader must not stop the other streams of its connection. */
    if (nghttp2_session_consume_connection(inner, len) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!stream || stream->is_reset || !stream->exchange)
        return 0;
    stream->received_bytes += len;
    session->events->data(stream->exchange, span_of(at, len));
    return 0;
}

static int on_stream_close(nghttp2_session *inner, int32_t id, uint32_t code, void *user)
{
    (void)user;
    struct http2_stream *stream = find_stream(inner, id);
    if (stream)
        http2_stream_end(stream, code);
    return 0;
}

void http2_receive_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks,
                                                             on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
