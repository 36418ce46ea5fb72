// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories about images: what the hospital's gateway answers of a study, as it
 * should or as the story says. */

#include "test/story/story_gateway.h"

#define STUDY                                                                            \
    "{\"study_uid\":\"1.2\",\"date\":\"\",\"time\":\"\",\"description\":\"<i>胸部\","  \
    "\"accession\":\"\",\"modalities\":[\"CT\"],\"series\":[{\"number\":1,\"uid\":"      \
    "\"1.2.3\",\"modality\":\"CT\",\"description\":\"\",\"body_part\":\"\","             \
    "\"laterality\":\"\",\"kind\":\"image\",\"instances\":[]}]}"

struct image_script {
    int status;
    const char *type;
    const char *lossy;  /* NULL = not said */
    const char *body;   /* or: */
    size_t pattern;     /* so many bytes that are counted */
    bool says_length;   /* the right one */
    const char *claims; /* or another, NULL = none */
    const char *stamp;  /* of the file, NULL = it does not say */
    bool is_new;        /* it counts from the end, too, and says how long the whole is */
    const char *whole;  /* or says this */
    bool is_cut;        /* ends in the middle */
    bool is_from_zero;  /* whatever was asked for */
    bool is_silent;
};

/* What it has, by the entry's key. */
struct told_study {
    const char *key;
    struct image_script script;
};

static inline const struct image_script *told_study(const struct told_study *studies,
                                                    struct span body)
{
    static const struct image_script none = {404, "application/problem+json",
                                             .body = "{\"code\":\"not_found\"}"};
    for (; studies->key; studies++) {
        char key[128];
        snprintf(key, sizeof key, "\"key\":\"%s\"", studies->key);
        if (memmem(body.at, body.len, key, strlen(key)))
            return &studies->script;
    }
    return &none;
}

static inline const struct image_script *usual_image(struct span path, struct span body)
{
    static const struct {
        const char *path;
        struct image_script script;
    } usual[] = {
        {"/study", {200, "application/json", .body = STUDY}},
        {"/frame", {200, "image/jpeg", "false", .body = "\xFF\xD8\xFF\xE0 a picture"}},
        {"/instance", {200, "application/dicom", .pattern = 1000, .says_length = true}},
        {"/document", {200, "application/octet-stream", .body = "%PDF-1.7"}},
        {"/report", {200, "application/json", .body = "{\"items\":[]}"}},
        {"/waveform", {200, "application/octet-stream", .body = "{}\n"}},
        {"/archive", {200, "application/zip", .pattern = 1000}},
        {"/metadata", {200, "application/dicom+json", .body = "[{}]"}},
    };
    static const struct image_script raw = {200, "application/octet-stream", "true",
                                            .pattern = 512, .says_length = true};
    if (memmem(body.at, body.len, "\"raw\"", 5))
        return &raw;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (span_is(path, usual[i].path))
            return &usual[i].script;
    return NULL;
}

static inline uint64_t asked_number(struct span body, const char *key)
{
    uint64_t number = 0;
    const uint8_t *at = memmem(body.at, body.len, key, strlen(key));
    struct span rest =
        span_part(body, at ? (size_t)(at - body.at) + strlen(key) : body.len, body.len);
    while (rest.len > 0 && !span_uint(rest, INT64_MAX, &number))
        rest.len--; /* what stands behind the number */
    return number;
}

static inline size_t asked_from(const struct image_script *script, struct span body)
{
    uint64_t last = asked_number(body, "\"last\":");
    if (!script->is_new || !memmem(body.at, body.len, "\"last\":", 7))
        return asked_number(body, "\"from\":");
    return last < script->pattern ? script->pattern - last : 0;
}

static inline void tell_whole(struct http_call *call, const struct image_script *script)
{
    char whole[24];
    snprintf(whole, sizeof whole, "%zu", script->pattern);
    if (script->is_new || script->whole)
        http_add_header(call, "tsumugi-length", script->whole ? script->whole : whole);
}

/* One answer that is written as fast as it is taken. */
struct image_stream {
    pthread_mutex_t lock;
    struct http_stream *stream; /* NULL = gone */
    atomic_int holders;         /* the writer, and the stream until it has closed */
};

static inline void image_stream_release(struct image_stream *image)
{
    if (atomic_fetch_sub(&image->holders, 1) > 1)
        return;
    pthread_mutex_destroy(&image->lock);
    free(image);
}

static inline void image_closed(void *context)
{
    struct image_stream *image = context;
    pthread_mutex_lock(&image->lock);
    image->stream = NULL;
    pthread_mutex_unlock(&image->lock);
    image_stream_release(image);
}

static inline void image_drained(void *context)
{
    (void)context; /* the writer looks by itself */
}

/* Waits only before a stream that is cut for what nobody takes; false when it is gone. */
static inline bool write_image(struct image_stream *image, size_t from, size_t to)
{
    enum { QUEUED_MAX = 7 << 20 };
    bool is_there = true;
    while (is_there && from < to) {
        size_t queued_bytes = 0;
        size_t end = to - from < 65536 ? to : from + 65536;
        pthread_mutex_lock(&image->lock);
        is_there = image->stream != NULL;
        if (is_there)
            queued_bytes = http_stream_write(image->stream, SPAN(""));
        if (is_there && queued_bytes < QUEUED_MAX) {
            write_half(image->stream, from, end);
            from = end;
        }
        pthread_mutex_unlock(&image->lock);
        if (queued_bytes >= QUEUED_MAX)
            usleep(500);
    }
    return is_there;
}

static inline void end_image(struct image_stream *image, bool is_cut)
{
    pthread_mutex_lock(&image->lock);
    if (image->stream && is_cut)
        http_stream_abort(image->stream);
    else if (image->stream)
        http_stream_end(image->stream);
    pthread_mutex_unlock(&image->lock);
}

/* Half of it, then the rest when the story lets it go. */
static inline void stream_image(struct hospital *hospital, struct http_call *call,
                                const struct image_script *script, size_t from)
{
    static const struct http_stream_events events = {image_drained, image_closed};
    size_t all = script->pattern;
    size_t half = from + (all - from) / 2;
    struct image_stream *image = calloc(1, sizeof *image);
    pthread_mutex_init(&image->lock, NULL);
    atomic_init(&image->holders, 2);
    pthread_mutex_lock(&image->lock);
    image->stream = http_stream_open(call, script->status, script->type,
                                     script->says_length ? (int64_t)(all - from) : -1,
                                     &events, image);
    CHECK(image->stream != NULL);
    pthread_mutex_unlock(&image->lock);
    bool is_there = write_image(image, from, half);
    while (is_there && atomic_load(&hospital->original_gate) == 0)
        usleep(2000);
    if (is_there && !script->is_cut)
        is_there = write_image(image, half, all);
    end_image(image, script->is_cut);
    image_stream_release(image);
}

/* The files as parts, under the boundary that was asked for. */
static inline void answer_parts(struct http_call *call, struct span body)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    const uint8_t *at = memmem(body.at, body.len, "\"boundary\":\"", 12);
    CHECK(at != NULL);
    for (int i = 0; at && i < 2; i++)
        buf_format(&out, "--%.32s\r\nContent-Type: application/dicom\r\n\r\nDICM%d\r\n",
                   (const char *)at + 12, i);
    buf_format(&out, "--%.32s--\r\n", at ? (const char *)at + 12 : "");
    http_answer(call, 200, "multipart/related", buf_view(&out));
}

static inline void hospital_image(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    struct span body = http_body(call);
    struct span path = http_path(call);
    CHECK(check_grant(hospital, call));
    pthread_mutex_lock(&hospital->lock);
    snprintf(hospital->original_body, sizeof hospital->original_body, "%.*s",
             (int)body.len, (const char *)body.at);
    snprintf(hospital->image_path, sizeof hospital->image_path, "%.*s", (int)path.len,
             (const char *)path.at);
    bool is_parts = !hospital->image && memmem(body.at, body.len, "\"boundary\"", 10);
    const struct image_script *script =
        hospital->image ? hospital->image : usual_image(path, body);
    if (hospital->studies && span_is(path, "/study"))
        script = told_study(hospital->studies, body);
    if (hospital->later &&
        memmem(body.at, body.len, hospital->later_part, strlen(hospital->later_part)))
        script = hospital->later;
    buf_span(&hospital->asked, path);
    buf_byte(&hospital->asked, ' ');
    buf_span(&hospital->asked, body);
    buf_byte(&hospital->asked, '\n');
    if (script->is_silent) {
        http_keep(call);
        hospital->silent = call;
    }
    pthread_mutex_unlock(&hospital->lock);
    if (script->is_silent)
        return;
    if (is_parts) {
        answer_parts(call, body);
        return;
    }
    if (script->lossy)
        http_add_header(call, "tsumugi-lossy", script->lossy);
    if (script->stamp)
        http_add_header(call, "tsumugi-stamp", script->stamp);
    bool is_other = script->stamp && memmem(body.at, body.len, "\"if_stamp\"", 10) &&
                    !memmem(body.at, body.len, script->stamp, strlen(script->stamp));
    if (script->claims)
        http_add_header(call, "content-length", script->claims);
    size_t from = is_other || script->is_from_zero ? 0 : asked_from(script, body);
    tell_whole(call, script);
    if (script->is_new && from >= script->pattern)
        http_answer(call, 400, "application/problem+json",
                    SPAN("{\"code\":\"range_unsatisfiable\"}"));
    else if (script->pattern > 0)
        stream_image(hospital, call, script, from);
    else
        http_answer(call, script->status, script->type, span_cstr(script->body));
}
