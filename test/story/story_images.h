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
    const char *lossy; /* NULL = not said */
    const char *body;  /* or: */
    size_t pattern;    /* so many bytes that are counted */
    bool says_length;  /* the right one */
    bool is_cut;       /* ends in the middle */
    bool is_silent;
};

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
        {"/archive", {200, "application/zip", .pattern = 1000}},
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

static inline size_t asked_from(struct span body)
{
    uint64_t from = 0;
    const uint8_t *at = memmem(body.at, body.len, "\"from\":", 7);
    struct span rest =
        span_part(body, at ? (size_t)(at - body.at) + 7 : body.len, body.len);
    while (rest.len > 0 && !span_uint(rest, UINT32_MAX, &from))
        rest.len--; /* what stands behind the number */
    return (size_t)from;
}

/* Half of it, then the rest when the story lets it go. */
static inline void stream_image(struct hospital *hospital, struct http_call *call,
                                const struct image_script *script, size_t from)
{
    static const struct http_stream_events events = {.drained = original_closed,
                                                     .closed = original_closed};
    size_t all = script->pattern;
    size_t half = from + (all - from) / 2;
    struct http_stream *stream = http_stream_open(
        call, script->status, script->type,
        script->says_length ? (int64_t)(all - from) : -1, &events, hospital);
    write_half(stream, from, half);
    while (atomic_load(&hospital->original_gate) == 0)
        usleep(2000);
    if (atomic_load(&hospital->original_gate) < 0)
        return; /* it was cut: the stream is gone */
    if (script->is_cut) {
        http_stream_abort(stream);
        return;
    }
    write_half(stream, half, all);
    http_stream_end(stream);
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
    const struct image_script *script =
        hospital->image ? hospital->image : usual_image(path, body);
    if (script->is_silent) {
        http_keep(call);
        hospital->silent = call;
    }
    pthread_mutex_unlock(&hospital->lock);
    if (script->is_silent)
        return;
    if (script->lossy)
        http_add_header(call, "tsumugi-lossy", script->lossy);
    if (script->pattern > 0)
        stream_image(hospital, call, script, asked_from(body));
    else
        http_answer(call, script->status, script->type, span_cstr(script->body));
}
