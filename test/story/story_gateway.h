// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories about records: what the hospital's gateway answers. */

#include "test/story/story_words.h"

/* ---- what it answers ---- */

static inline void hospital_hello(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    struct uplink_hello hello;
    struct err err = {0};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    CHECK(body && uplink_read_hello(json_root(body), &hello, &err));
    pthread_mutex_lock(&hospital->lock);
    hospital->tunnel = hello.tunnel;
    hospital->hello_ms = world_monotonic_ms(hospital->world);
    hospital->window = (struct grant_window){0};
    pthread_mutex_unlock(&hospital->lock);
    serve_hello(call, hospital->world);
}

static inline void hospital_links(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    struct uplink_link link;
    struct err err = {0};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    CHECK(body && uplink_read_link(json_root(body), &link, &err));
    pthread_mutex_lock(&hospital->lock);
    bool is_refused = hospital->refuses_links > 0;
    hospital->refuses_links -= is_refused;
    hospital->has_forgotten &= is_refused;
    hospital->record = link.record;
    hospital->link_count++;
    pthread_mutex_unlock(&hospital->lock);
    if (!is_refused) {
        serve_links(call, hospital->world);
        return;
    }
    err_set(&err, ERR_BUSY, "store_full", "the disk is full");
    http_answer_problem(call, &err);
}

static inline void hospital_link_end(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    serve_link_end(call, hospital->world);
}

static inline void take_answers(struct hospital *hospital, int lane,
                                struct http_call *call)
{
    struct uplink_answers answers;
    struct err err = {0};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    CHECK(body && uplink_read_answers(json_root(body), http_arena(call), &answers, &err));
    for (size_t i = 0; err.kind == ERR_NONE && i < answers.count; i++) {
        bool is_stored = text_is_empty(answers.codes[i]);
        hospital->stored_count += is_stored;
        hospital->stored_of[lane] += is_stored;
        hospital->rejected_count += !is_stored;
        if (!is_stored)
            snprintf(hospital->code, sizeof hospital->code, "%.*s",
                     (int)answers.codes[i].len, answers.codes[i].at);
    }
    if (err.kind == ERR_NONE && answers.count == 0)
        tell_again(hospital, lane);
    buf_reset(&hospital->told[lane]);
}

static inline void hospital_poll(struct hospital *hospital, int lane,
                                 struct http_call *call)
{
    pthread_mutex_lock(&hospital->lock);
    if (hospital->fails_polls > 0) {
        hospital->fails_polls--;
        pthread_mutex_unlock(&hospital->lock);
        http_answer(call, 500, "text/plain", SPAN("no"));
        return;
    }
    take_answers(hospital, lane, call);
    http_keep(call);
    struct http_call *former = hospital->waiting[lane];
    hospital->waiting[lane] = call;
    bool has_news = hospital->queue[lane].len > 0;
    pthread_mutex_unlock(&hospital->lock);
    if (former)
        http_answer_empty(former);
    if (has_news)
        answer_poll(hospital, lane);
}

static inline void hospital_live(struct http_call *call, void *context)
{
    hospital_poll(context, 0, call);
}

static inline void hospital_backfill_lane(struct http_call *call, void *context)
{
    hospital_poll(context, 1, call);
}

/* Tells an entry that the snapshot does not name, and waits until it is stored. */
static inline void tell_late(struct hospital *hospital, const char *key)
{
    say_put(hospital, 0, key, "202610010900000001", "途中");
    wait_until_stored(hospital, hospital->late_count);
}

static inline void hospital_snapshots(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    const char *late_key = hospital->late_key;
    hospital->late_key = NULL;
    if (late_key)
        tell_late(hospital, late_key);
    struct text keys[KEYS_MAX];
    struct text versions[KEYS_MAX];
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct json_writer writer = json_writer(&out);
    pthread_mutex_lock(&hospital->lock);
    hospital->snapshot_count++;
    for (int i = 0; i < hospital->key_count; i++) {
        keys[i] = text_cstr(hospital->key_of[i]);
        versions[i] = text_cstr(hospital->version_of[i]);
    }
    struct uplink_snapshot snapshot = {.sum = sum_of(hospital),
                                       .keys = keys,
                                       .versions = versions,
                                       .count = (size_t)hospital->key_count,
                                       .next = TEXT("")};
    uplink_write_snapshot(&writer, &snapshot);
    pthread_mutex_unlock(&hospital->lock);
    if (late_key) /* the next one does */
        has_key(hospital, late_key, "202610010900000001");
    http_answer_json(call, 200, &out);
}

static inline void hospital_digests(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    CLEANUP(buf_free) struct buf out = buf_init(65536);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_key(&writer, "sums");
    json_open_array(&writer);
    pthread_mutex_lock(&hospital->lock);
    hospital->digest_count++;
    struct uplink_sum sum = sum_of(hospital);
    if (!id_is_zero(hospital->another))
        sum = (struct uplink_sum){.record = hospital->another, .epoch = TEXT(EPOCH)};
    if (!hospital->has_forgotten && !id_is_zero(hospital->record))
        uplink_write_sum(&writer, &sum);
    pthread_mutex_unlock(&hospital->lock);
    json_close_array(&writer);
    json_close_object(&writer);
    http_answer_json(call, 200, &out);
}

static inline void count_and_answer(struct http_call *call, struct hospital *hospital,
                                    int *count)
{
    pthread_mutex_lock(&hospital->lock);
    ++*count;
    pthread_mutex_unlock(&hospital->lock);
    http_answer(call, 200, "application/json", SPAN("{}"));
}

static inline void hospital_backfills(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    pthread_mutex_lock(&hospital->lock);
    int stored = hospital->stored_count;
    bool ends_at_once = hospital->ends_at_once;
    pthread_mutex_unlock(&hospital->lock);
    if (ends_at_once) {
        say_in_step(hospital);
        wait_until_stored(hospital, stored + 1);
    }
    count_and_answer(call, hospital, &hospital->backfill_count);
}

static inline void hospital_checks(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    count_and_answer(call, hospital, &hospital->check_count);
}

static inline void hospital_cancel(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    count_and_answer(call, hospital, &hospital->cancel_count);
}

/* Checks the grant as a gateway does. */
static inline bool check_grant(struct hospital *hospital, struct http_call *call)
{
    struct err err = {0};
    struct grant grant;
    pthread_mutex_lock(&hospital->lock);
    struct grant_expectation expected = {.facility_code = TEXT("2000000001"),
                                         .tunnel = hospital->tunnel,
                                         .now_ms = world_monotonic_ms(hospital->world) -
                                                   hospital->hello_ms,
                                         .wall_ms = world_right_ms(hospital->world),
                                         .window = &hospital->window};
    bool is_good = grant_read(http_header(call, "tsumugi-grant"), &hospital->public,
                              http_arena(call), &grant, &err) &&
                   grant_meets(&grant, &expected, &err) &&
                   id_equal(grant.record, hospital->record) &&
                   text_is(grant.local_number, "H100");
    const char *fault = is_good ? "" : err.code ? err.code : "other";
    snprintf(hospital->grant_fault, sizeof hospital->grant_fault, "%s", fault);
    if (is_good)
        snprintf(hospital->viewer, sizeof hospital->viewer, "%.*s",
                 (int)grant.viewer_code.len, grant.viewer_code.at);
    pthread_mutex_unlock(&hospital->lock);
    return is_good;
}

static inline void answer_body(struct hospital *hospital, struct http_call *call)
{
    if (!hospital->content_body) {
        http_keep(call);
        hospital->silent = call;
        return;
    }
    http_answer(call, hospital->content_status,
                hospital->content_status == 200 ? "application/json"
                                                : "application/problem+json",
                span_cstr(hospital->content_body));
}

static inline void hospital_content(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    bool is_good = check_grant(hospital, call);
    if (!is_good && strcmp(hospital->grant_fault, "clock_apart") == 0) {
        struct err err = {ERR_REFUSED, .code = "clock_apart"};
        http_answer_problem(call, &err);
        return;
    }
    CHECK(is_good);
    if (hospital->shuts)
        atomic_store(hospital->shuts, true);
    answer_body(hospital, call);
}

static inline void write_half(struct http_stream *stream, size_t from, size_t to)
{
    uint8_t piece[4096];
    while (from < to) {
        size_t len = to - from < sizeof piece ? to - from : sizeof piece;
        for (size_t i = 0; i < len; i++)
            piece[i] = (uint8_t)((from + i) * 31 % 251);
        http_stream_write(stream, span_of(piece, len));
        from += len;
    }
}

static inline void original_closed(void *context)
{
    (void)context;
}

/* Half of it, then the rest when the story lets it go. */
static inline void hospital_original(struct http_call *call, void *context)
{
    static const struct http_stream_events events = {.closed = original_closed};
    struct hospital *hospital = context;
    CHECK(check_grant(hospital, call));
    struct span body = http_body(call);
    snprintf(hospital->original_body, sizeof hospital->original_body, "%.*s",
             (int)body.len, body.at);
    if (hospital->content_status != 200) {
        answer_body(hospital, call);
        return;
    }
    size_t all = hospital->original_bytes;
    struct http_stream *stream =
        http_stream_open(call, 200, "application/octet-stream", -1, &events, hospital);
    write_half(stream, 0, all / 2);
    while (atomic_load(&hospital->original_gate) == 0)
        usleep(2000);
    if (atomic_load(&hospital->original_gate) < 0)
        return; /* it was cut: the stream is gone */
    write_half(stream, all / 2, all);
    http_stream_end(stream);
}
