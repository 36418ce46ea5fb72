// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories about records: the centre's registry, contents and live events, and a
 * hospital whose gateway says what the story wants it to say. */

#include <stdarg.h>

#include "exchange/content/content.h"
#include "exchange/live/live.h"
#include "exchange/opening/opening.h"
#include "exchange/registry/registry_service.h"
#include "formats/grant/grant.h"
#include "test/story/story_browser.h"

#define EPOCH "00112233445566778899aabbccddeeff"

enum { KEYS_MAX = 64 };

struct hospital {
    struct world *world;
    struct secret_signing_key signing;
    struct secret_public_key public;
    struct live *live;
    struct opening_table *openings;
    struct registry *registry;
    struct registry_uplink *uplink;
    struct registry_service service;
    struct content_service *content;
    /* the gateway's side */
    pthread_mutex_t lock;
    struct http_call *waiting[2];
    struct http_call *silent; /* a content that is never answered */
    struct buf queue[2];      /* events, with commas between */
    int64_t sequence;
    struct id record;
    struct id tunnel;
    int64_t hello_ms;
    struct grant_window window;
    bool has_forgotten; /* its database was made anew: no links */
    int fails_polls;    /* so many polls are answered 500 */
    int stored_count;   /* answers */
    int rejected_count;
    char code[64];      /* of the last rejection */
    int snapshot_count; /* what it was asked */
    int backfill_count;
    int digest_count;
    int check_count;
    int link_count;
    int cancel_count;
    char key_of[KEYS_MAX][64]; /* what it has, in bytewise order */
    char version_of[KEYS_MAX][19];
    int key_count;
    const char *content_body; /* NULL: answers nothing */
    int content_status;
    size_t original_bytes;
    atomic_int original_gate; /* 0: the second half waits */
    char grant_fault[64];
    char viewer[32];
};

/* ---- what the hospital has to say ---- */

static inline void answer_poll(struct hospital *hospital, int lane)
{
    pthread_mutex_lock(&hospital->lock);
    struct http_call *call = hospital->waiting[lane];
    hospital->waiting[lane] = NULL;
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    buf_cstr(&out, "{\"events\":[");
    buf_span(&out, buf_view(&hospital->queue[lane]));
    buf_cstr(&out, "]}");
    if (call)
        buf_reset(&hospital->queue[lane]);
    pthread_mutex_unlock(&hospital->lock);
    if (call)
        http_answer_json(call, 200, &out);
}

/* Raw, so that a story can say what nobody understands. */
static inline void say(struct hospital *hospital, int lane, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline void say(struct hospital *hospital, int lane, const char *format, ...)
{
    char members[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(members, sizeof members, format, list);
    va_end(list);
    pthread_mutex_lock(&hospital->lock);
    struct buf *queue = &hospital->queue[lane];
    buf_format(queue, "%s{\"sequence\":%lld,%s}", queue->len > 0 ? "," : "",
               (long long)++hospital->sequence, members);
    pthread_mutex_unlock(&hospital->lock);
    answer_poll(hospital, lane);
}

static inline void say_put(struct hospital *hospital, int lane, const char *key,
                           const char *version, const char *title)
{
    struct id_text record = id_to_text(hospital->record);
    say(hospital, lane,
        "\"type\":\"entry_put\",\"record\":\"%s\",\"key\":\"%s\",\"version\":\"%s\","
        "\"kind\":\"laboratory\",\"state\":\"current\",\"flags\":0,"
        "\"day\":\"2026-10-0%c\",\"is_open\":false,\"title\":\"%s\","
        "\"department_code\":\"01\",\"department\":\"内科\",\"author\":\"\",\"time\":"
        "\"\","
        "\"order_number\":\"\",\"visible_from\":0",
        record.at, key, version, key[0], title);
}

static inline void say_record(struct hospital *hospital, int lane, const char *type,
                              const char *key)
{
    struct id_text record = id_to_text(hospital->record);
    say(hospital, lane, "\"type\":\"%s\",\"record\":\"%s\",\"key\":\"%s\"", type,
        record.at, key);
}

/* What its database has now; keys are given in order. */
static inline void has_key(struct hospital *hospital, const char *key,
                           const char *version)
{
    pthread_mutex_lock(&hospital->lock);
    int at = hospital->key_count++;
    snprintf(hospital->key_of[at], sizeof hospital->key_of[at], "%s", key);
    snprintf(hospital->version_of[at], sizeof hospital->version_of[at], "%s", version);
    pthread_mutex_unlock(&hospital->lock);
}

static inline struct uplink_sum sum_of(const struct hospital *hospital)
{
    struct uplink_sum sum = {.record = hospital->record,
                             .epoch = TEXT(EPOCH),
                             .revision = 7,
                             .count = hospital->key_count};
    for (int i = 0; i < hospital->key_count; i++)
        uplink_digest_add(sum.digest, text_cstr(hospital->key_of[i]),
                          text_cstr(hospital->version_of[i]));
    return sum;
}

static inline void say_in_step(struct hospital *hospital)
{
    char digest[HASH_HEX_BYTES];
    struct uplink_sum sum = sum_of(hospital);
    struct id_text record = id_to_text(hospital->record);
    hash_to_hex(span_of(sum.digest, HASH_BYTES), digest);
    say(hospital, 1,
        "\"type\":\"in_step\",\"record\":\"%s\",\"epoch\":\"" EPOCH
        "\",\"revision\":7,\"count\":%d,\"digest\":\"%s\"",
        record.at, hospital->key_count, digest);
}

/* ---- what it answers ---- */

static inline void hospital_hello(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    struct uplink_hello hello;
    struct err err = {0};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    CHECK(body && uplink_read_hello(json_root(body), &hello, &err));
    pthread_mutex_lock(&hospital->lock);
    struct clock clock = clock_system();
    hospital->tunnel = hello.tunnel;
    hospital->hello_ms = clock_monotonic_ms(&clock);
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
    hospital->record = link.record;
    hospital->has_forgotten = false;
    hospital->link_count++;
    pthread_mutex_unlock(&hospital->lock);
    serve_links(call, hospital->world);
}

static inline void hospital_link_end(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
    serve_link_end(call, hospital->world);
}

static inline void take_answers(struct hospital *hospital, struct http_call *call)
{
    struct uplink_answers answers;
    struct err err = {0};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    CHECK(body && uplink_read_answers(json_root(body), http_arena(call), &answers, &err));
    for (size_t i = 0; err.kind == ERR_NONE && i < answers.count; i++) {
        bool is_stored = text_is_empty(answers.codes[i]);
        hospital->stored_count += is_stored;
        hospital->rejected_count += !is_stored;
        if (!is_stored)
            snprintf(hospital->code, sizeof hospital->code, "%.*s",
                     (int)answers.codes[i].len, answers.codes[i].at);
    }
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
    take_answers(hospital, call);
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

static inline void hospital_snapshots(struct http_call *call, void *context)
{
    struct hospital *hospital = context;
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
    struct clock clock = clock_system();
    pthread_mutex_lock(&hospital->lock);
    struct grant_expectation expected = {.key = &hospital->public,
                                         .facility_code = TEXT("2000000001"),
                                         .tunnel = hospital->tunnel,
                                         .now_ms = clock_monotonic_ms(&clock) -
                                                   hospital->hello_ms,
                                         .window = &hospital->window};
    bool is_good = grant_check(http_header(call, "tsumugi-grant"), &expected,
                               http_arena(call), &grant, &err) &&
                   id_equal(grant.record, hospital->record) &&
                   text_is(grant.local_number, "H100");
    snprintf(hospital->grant_fault, sizeof hospital->grant_fault, "%s",
             is_good    ? ""
             : err.code ? err.code
                        : "other");
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
    CHECK(check_grant(hospital, call));
    answer_body(hospital, call);
}

static inline void write_half(struct hospital *hospital, struct http_stream *stream,
                              size_t from, size_t to)
{
    uint8_t piece[4096];
    (void)hospital;
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
    if (hospital->content_status != 200) {
        answer_body(hospital, call);
        return;
    }
    size_t all = hospital->original_bytes;
    struct http_stream *stream =
        http_stream_open(call, 200, "application/octet-stream", -1, &events, hospital);
    write_half(hospital, stream, 0, all / 2);
    while (atomic_load(&hospital->original_gate) == 0)
        usleep(2000);
    if (atomic_load(&hospital->original_gate) < 0)
        return; /* it was cut: the stream is gone */
    write_half(hospital, stream, all / 2, all);
    http_stream_end(stream);
}

/* ---- the centre's side ---- */

static inline void part_open(struct world *world)
{
    struct hospital *hospital = world->part_context;
    struct err err = {0};
    struct clock clock = world_clock(world);
    hospital->world = world;
    struct live_config live = {world->sessions, clock, &world->log};
    good((hospital->live = live_new(&live, &err)) != NULL, &err);
    struct opening_config openings = {world->gate, world->sessions, clock, rand_system(),
                                      &world->log};
    good((hospital->openings = opening_table_new(&openings, &err)) != NULL, &err);
    live_watch_openings(hospital->live, hospital->openings);
    struct registry_config registry = {.store = world->store,
                                       .clock = clock,
                                       .log = &world->log,
                                       .id_key = {{7}},
                                       .listener = live_registry_changed,
                                       .listener_context = hospital->live};
    good((hospital->registry = registry_new(&registry, &err)) != NULL, &err);
    struct registry_uplink_config uplink = {
        world->store, hospital->registry, world->patients, world->gateways, world->epoch,
        clock,        &world->log};
    good((hospital->uplink = registry_uplink_new(&uplink, &err)) != NULL, &err);
    struct facility_listener ready = registry_facility_listener(hospital->uplink);
    facility_gateways_listen(world->gateways, &ready);
    struct facility_listener seen = live_facility_listener(hospital->live);
    facility_gateways_listen(world->gateways, &seen);
    struct patient_listener links = registry_patient_listener(hospital->uplink);
    patient_listen(world->patients, &links);
    struct patient_listener told = live_patient_listener(hospital->live);
    patient_listen(world->patients, &told);
    secret_new_keys(&hospital->signing, &hospital->public);
    struct content_config content = {
        world->store,       world->sessions, hospital->openings, world->gateways,
        &hospital->signing, clock,           &world->log};
    good((hospital->content = content_new(&content, &err)) != NULL, &err);
    hospital->service = (struct registry_service){
        world->store, hospital->registry, world->sessions,  hospital->openings,
        world->gate,  world->gateways,    hospital->uplink, clock};
    registry_routes(world->router, &hospital->service);
    content_routes(world->router, hospital->content);
    opening_routes(world->router, hospital->openings);
    live_routes(world->router, hospital->live);
}

static inline void part_stop(struct world *world)
{
    struct hospital *hospital = world->part_context;
    live_stop(hospital->live);
    registry_uplink_stop(hospital->uplink);
    content_stop(hospital->content);
    for (int lane = 0; lane < 2; lane++)
        if (hospital->waiting[lane])
            http_answer_empty(hospital->waiting[lane]);
    if (hospital->silent)
        http_answer_empty(hospital->silent);
}

static inline void part_free(struct world *world)
{
    struct hospital *hospital = world->part_context;
    content_free(hospital->content);
    registry_uplink_free(hospital->uplink);
    registry_free(hospital->registry);
    opening_table_free(hospital->openings);
    live_free(hospital->live);
}

static inline void make_gateway(struct hospital *hospital)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/hello", hospital_hello, 65536},
        {HTTP_POST, "/links", hospital_links, 4096},
        {HTTP_POST, "/links/end", hospital_link_end, 4096},
        {HTTP_POST, "/events/live", hospital_live, 1 << 18},
        {HTTP_POST, "/events/backfill", hospital_backfill_lane, 1 << 18},
        {HTTP_POST, "/snapshots", hospital_snapshots, 4096},
        {HTTP_POST, "/digests", hospital_digests, 65536},
        {HTTP_POST, "/backfills", hospital_backfills, 4096},
        {HTTP_POST, "/checks", hospital_checks, 4096},
        {HTTP_POST, "/cancel", hospital_cancel, 4096},
        {HTTP_POST, "/content", hospital_content, 4096},
        {HTTP_POST, "/original", hospital_original, 4096},
    };
    hospital->world->gateway_router = http_router_new();
    http_router_add(hospital->world->gateway_router, routes,
                    sizeof routes / sizeof *routes, hospital);
}

static inline struct hospital *hospital_new(void)
{
    static const struct world_part part = {part_open, part_stop, part_free};
    struct hospital *hospital = calloc(1, sizeof *hospital);
    pthread_mutex_init(&hospital->lock, NULL);
    hospital->queue[0] = buf_init(1 << 20);
    hospital->queue[1] = buf_init(1 << 20);
    hospital->content_status = 200;
    atomic_store(&hospital->original_gate, 1);
    world_new_with(&part, hospital);
    make_gateway(hospital);
    gateway_start(hospital->world);
    CHECK_SOON(facility_gateway_is_ready(hospital->world->gateways, hex_id(HOSPITAL)));
    return hospital;
}

static inline void hospital_free(struct hospital *hospital)
{
    world_free(hospital->world);
    buf_free(&hospital->queue[0]);
    buf_free(&hospital->queue[1]);
    pthread_mutex_destroy(&hospital->lock);
    free(hospital);
}

static inline int count_of(struct hospital *hospital, const int *count)
{
    pthread_mutex_lock(&hospital->lock);
    int value = *count;
    pthread_mutex_unlock(&hospital->lock);
    return value;
}
