// SPDX-License-Identifier: Apache-2.0
/* All gateways of the network in one process: each dials with its own certificate, says
 * hello, confirms numbers, proves its records by digest and snapshot, sends histories and
 * new results by long poll until they are acknowledged, and answers contents. What a real
 * one reads from a storage is made up from the number of an entry. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/rand.h"
#include "bench/national/national.h"
#include "formats/json/json.h"
#include "formats/uplink/uplink.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"
#include "wire/workers/workers.h"

enum {
    LANES = 2,
    RECORDS_MAX = 512,
    PENDING_MAX = 1 << 15,
    KEY_BYTES = 48,
    BODY_BYTES = 4 << 20,
    TICK_US = 20000,
    POLL_US = 20000000
};
#define VERSION "202611011200000001"
#define EPOCH "00112233445566778899aabbccddeeff"
#define POLICY "{\"version\":1,\"rules\":[{\"kinds\":[\"laboratory\"]}]}"
#define CONTENT "{\"entry\":{\"items\":[]},\"warnings\":[]}"

struct record {
    struct id id;
    int count; /* entries 0 … count - 1 */
    uint8_t digest[HASH_BYTES];
};

struct pending {
    int64_t sequence, sent_us;
    int record, entry; /* entry < 0: in step */
};

struct lane {
    struct pending queue[PENDING_MAX];
    int first, count;
    struct http_call *waiting;
    int64_t since_us;
};

struct peer {
    struct national *national;
    int number;
    pthread_mutex_t lock;
    struct record records[RECORDS_MAX];
    int record_count;
    int64_t sequence;
    struct lane lanes[LANES];
    struct http_router *router;
};

/* ---- entries ---- */

static void key_of(int entry, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "202611%02d/OML-11/%015d", entry % 28 + 1, entry);
}

/* The lock is held here and below. */
static void add_entry(struct record *record)
{
    char key[KEY_BYTES];
    key_of(record->count++, key);
    uplink_digest_add(record->digest, text_cstr(key), TEXT(VERSION));
}

static void queue(struct peer *peer, int lane, int record, int entry)
{
    struct lane *to = &peer->lanes[lane];
    if (to->count == PENDING_MAX)
        national_fail("a peer's queue", "full");
    to->queue[(to->first + to->count++) % PENDING_MAX] =
        (struct pending){++peer->sequence, national_now_us(), record, entry};
}

static struct uplink_sum sum_of(const struct record *record)
{
    struct uplink_sum sum = {.record = record->id,
                             .epoch = TEXT(EPOCH),
                             .revision = record->count,
                             .count = record->count};
    memcpy(sum.digest, record->digest, HASH_BYTES);
    return sum;
}

static int find_record(const struct peer *peer, struct id id)
{
    for (int i = 0; i < peer->record_count; i++)
        if (id_equal(peer->records[i].id, id))
            return i;
    return -1;
}

/* ---- events ---- */

static void put_event(struct json_writer *writer, const struct peer *peer,
                      const struct pending *pending)
{
    char key[KEY_BYTES];
    const struct record *record = &peer->records[pending->record];
    struct uplink_event event = {.sequence = pending->sequence, .record = record->id};
    key_of(pending->entry < 0 ? 0 : pending->entry, key);
    if (pending->entry < 0) {
        event.type = UPLINK_IN_STEP;
        event.sum = sum_of(record);
    } else {
        event.type = UPLINK_ENTRY_PUT;
        event.key = text_cstr(key);
        event.put = (struct uplink_put){.version = TEXT(VERSION),
                                        .kind = ENTRY_LABORATORY,
                                        .state = ENTRY_CURRENT,
                                        .day = 20757 + pending->entry % 28,
                                        .end_day = INT32_MIN,
                                        .title = TEXT("検体検査 生化学"),
                                        .department_code = TEXT("01"),
                                        .department = TEXT("内科"),
                                        .author = TEXT(""),
                                        .time = TEXT(""),
                                        .order_number = TEXT("")};
    }
    uplink_write_event(writer, &event);
}

/* Takes the waiting call with what there is for it; NULL = nobody waits, or nothing. */
static struct http_call *take_batch(struct peer *peer, int number, bool even_empty,
                                    struct buf *out)
{
    struct lane *lane = &peer->lanes[number];
    struct http_call *call = lane->waiting;
    if (!call || (lane->count == 0 && !even_empty))
        return NULL;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "events");
    json_open_array(&writer);
    for (int i = 0; i < lane->count && i < UPLINK_EVENTS_MAX; i++)
        put_event(&writer, peer, &lane->queue[(lane->first + i) % PENDING_MAX]);
    json_close_array(&writer);
    json_close_object(&writer);
    lane->waiting = NULL;
    return call;
}

static void wake(struct peer *peer, int number, bool even_empty)
{
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    pthread_mutex_lock(&peer->lock);
    struct http_call *call = take_batch(peer, number, even_empty, &out);
    pthread_mutex_unlock(&peer->lock);
    if (call)
        http_answer_json(call, 200, &out);
}

static void note_stored(struct peer *peer, int number, const struct pending *pending)
{
    struct national *national = peer->national;
    if (pending->entry < 0) {
        atomic_fetch_add(&national->in_step, 1);
        return;
    }
    atomic_fetch_add(number == 0 ? &national->live_stored : &national->history_stored, 1);
    if (number != 0)
        return;
    int at = atomic_fetch_add(&national->sample_count, 1);
    if (at < NATIONAL_SAMPLES)
        national->samples_us[at] = (int32_t)(national_now_us() - pending->sent_us);
}

static void take_answers(struct peer *peer, int number, struct http_call *call)
{
    struct err err = {0};
    struct uplink_answers answers;
    struct lane *lane = &peer->lanes[number];
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    if (!body || !uplink_read_answers(json_root(body), http_arena(call), &answers, &err))
        return;
    for (size_t i = 0; i < answers.count && lane->count > 0; i++) {
        const struct pending *pending = &lane->queue[lane->first];
        if (pending->sequence != answers.sequences[i])
            continue; /* of a batch that was sent twice */
        if (text_is_empty(answers.codes[i]))
            note_stored(peer, number, pending);
        else
            atomic_fetch_add(&peer->national->rejected, 1);
        lane->first = (lane->first + 1) % PENDING_MAX;
        lane->count--;
    }
}

static void poll_lane(struct http_call *call, struct peer *peer, int number)
{
    pthread_mutex_lock(&peer->lock);
    take_answers(peer, number, call);
    http_keep(call);
    struct http_call *before = peer->lanes[number].waiting;
    peer->lanes[number].waiting = call;
    peer->lanes[number].since_us = national_now_us();
    pthread_mutex_unlock(&peer->lock);
    if (before)
        http_answer_empty(before);
    wake(peer, number, false);
}

static void serve_live(struct http_call *call, void *context)
{
    poll_lane(call, context, 0);
}

static void serve_backfill_lane(struct http_call *call, void *context)
{
    poll_lane(call, context, 1);
}

/* ---- the other routes ---- */

static void serve_hello(struct http_call *call, void *context)
{
    struct peer *peer = context;
    char code[11], node[32];
    CLEANUP(buf_free) struct buf out = buf_init(65536);
    struct json_writer writer = json_writer(&out);
    national_code(peer->number, code);
    snprintf(node, sizeof node, "peer-%d", peer->number);
    struct uplink_welcome welcome = {.protocol = 1,
                                     .facility_code = text_cstr(code),
                                     .node = text_cstr(node),
                                     .epoch = TEXT(EPOCH),
                                     .software = TEXT("peer"),
                                     .policy = TEXT(POLICY),
                                     .head = {.node = text_cstr(node)}};
    uplink_write_welcome(&writer, &welcome);
    http_answer_json(call, 200, &out);
}

static void serve_heads(struct http_call *call, void *context)
{
    struct peer *peer = context;
    char node[32];
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    snprintf(node, sizeof node, "peer-%d", peer->number);
    struct uplink_head head = {.node = text_cstr(node)};
    uplink_write_head(&writer, &head);
    http_answer_json(call, 200, &out);
}

/* The lock is held. */
static void queue_history(struct peer *peer, int record)
{
    for (int i = 0; i < peer->records[record].count; i++)
        queue(peer, 1, record, i);
    queue(peer, 1, record, -1);
}

static void serve_links(struct http_call *call, void *context)
{
    struct peer *peer = context;
    struct err err = {0};
    struct uplink_link link;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    if (!body || !uplink_read_link(json_root(body), &link, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    pthread_mutex_lock(&peer->lock);
    if (find_record(peer, link.record) < 0 && peer->record_count < RECORDS_MAX) {
        struct record *record = &peer->records[peer->record_count++];
        record->id = link.record;
        while (record->count < NATIONAL_HISTORY)
            add_entry(record);
        queue_history(peer, peer->record_count - 1);
        atomic_fetch_add(&peer->national->linked, 1);
    }
    pthread_mutex_unlock(&peer->lock);
    http_answer(call, 200, "application/json", SPAN("{\"result\":\"confirmed\"}"));
    wake(peer, 1, false);
}

static void serve_nothing(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/json", SPAN("{}"));
}

/* The record that the body names, or -1 with an answer given. */
static int take_record(struct http_call *call, struct peer *peer)
{
    struct err err = {0};
    struct id id;
    int at = -1;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    if (body && json_take_id(json_root(body), "record", &id, &err)) {
        pthread_mutex_lock(&peer->lock);
        at = find_record(peer, id);
        pthread_mutex_unlock(&peer->lock);
    }
    if (at < 0) {
        err_clear(&err);
        err_set(&err, ERR_MISSING, "not_found", "no such record");
        http_answer_problem(call, &err);
    }
    return at;
}

static void serve_backfills(struct http_call *call, void *context)
{
    struct peer *peer = context;
    int at = take_record(call, peer);
    if (at < 0)
        return;
    pthread_mutex_lock(&peer->lock);
    queue_history(peer, at);
    pthread_mutex_unlock(&peer->lock);
    serve_nothing(call, context);
    wake(peer, 1, false);
}

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static void serve_snapshots(struct http_call *call, void *context)
{
    struct peer *peer = context;
    struct err err = {0};
    int at = take_record(call, peer);
    if (at < 0)
        return;
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct json_writer writer = json_writer(&out);
    pthread_mutex_lock(&peer->lock);
    struct record *record = &peer->records[at];
    size_t count = (size_t)record->count;
    struct text *keys = ARENA_MANY(http_arena(call), struct text, count + 1, &err);
    struct text *versions = ARENA_MANY(http_arena(call), struct text, count + 1, &err);
    char *bytes = arena_take(http_arena(call), KEY_BYTES * (count + 1), 1, &err);
    for (size_t i = 0; keys && versions && bytes && i < count; i++) {
        key_of((int)i, bytes + KEY_BYTES * i);
        keys[i] = text_cstr(bytes + KEY_BYTES * i);
        versions[i] = TEXT(VERSION);
    }
    if (keys && versions && bytes) {
        qsort(keys, count, sizeof *keys, compare_texts);
        struct uplink_snapshot snapshot = {sum_of(record), keys, versions, count,
                                           TEXT("")};
        uplink_write_snapshot(&writer, &snapshot);
    }
    pthread_mutex_unlock(&peer->lock);
    http_answer_json(call, 200, &out);
}

static void serve_digests(struct http_call *call, void *context)
{
    struct peer *peer = context;
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_key(&writer, "sums");
    json_open_array(&writer);
    pthread_mutex_lock(&peer->lock);
    for (int i = 0; i < peer->record_count; i++) {
        struct uplink_sum sum = sum_of(&peer->records[i]);
        uplink_write_sum(&writer, &sum);
    }
    pthread_mutex_unlock(&peer->lock);
    json_close_array(&writer);
    json_close_object(&writer);
    http_answer_json(call, 200, &out);
}

static void serve_content(struct http_call *call, void *context)
{
    struct peer *peer = context;
    atomic_fetch_add(&peer->national->contents, 1);
    http_answer(call, 200, "application/json", SPAN(CONTENT));
}

static const struct http_route routes[] = {
    {HTTP_POST, "/hello", serve_hello, 65536},
    {HTTP_POST, "/heads", serve_heads, 4096},
    {HTTP_POST, "/events/live", serve_live, 256 * 1024},
    {HTTP_POST, "/events/backfill", serve_backfill_lane, 256 * 1024},
    {HTTP_POST, "/links", serve_links, 4096},
    {HTTP_POST, "/links/end", serve_nothing, 4096},
    {HTTP_POST, "/backfills", serve_backfills, 256},
    {HTTP_POST, "/snapshots", serve_snapshots, 1024},
    {HTTP_POST, "/digests", serve_digests, 64 * 1024},
    {HTTP_POST, "/checks", serve_nothing, 256},
    {HTTP_POST, "/content", serve_content, 1024},
    {HTTP_POST, "/cancel", serve_nothing, 256},
};

/* ---- new results, and polls that waited long ---- */

static void tell_new(struct peer *peers, struct rand_seeded *seeded)
{
    struct peer *peer = &peers[rand_seeded_below(seeded, NATIONAL_GATEWAYS)];
    pthread_mutex_lock(&peer->lock);
    bool has_any = peer->record_count > 0;
    if (has_any) {
        int at = (int)rand_seeded_below(seeded, (uint64_t)peer->record_count);
        add_entry(&peer->records[at]);
        queue(peer, 0, at, peer->records[at].count - 1);
    }
    pthread_mutex_unlock(&peer->lock);
    if (!has_any)
        return;
    atomic_fetch_add(&peer->national->live_sent, 1);
    wake(peer, 0, false);
}

static void end_long_polls(struct peer *peers)
{
    int64_t now_us = national_now_us();
    for (int i = 0; i < NATIONAL_GATEWAYS; i++)
        for (int lane = 0; lane < LANES; lane++) {
            pthread_mutex_lock(&peers[i].lock);
            bool is_old = peers[i].lanes[lane].waiting &&
                          now_us - peers[i].lanes[lane].since_us > POLL_US;
            pthread_mutex_unlock(&peers[i].lock);
            if (is_old)
                wake(&peers[i], lane, true);
        }
}

static void *run_ticks(void *context)
{
    struct peer *peers = context;
    struct national *national = peers[0].national;
    struct rand_seeded seeded = rand_seed(1);
    int64_t from_us = 0, sent = 0;
    for (uint64_t tick = 0;; tick++) {
        usleep(TICK_US);
        int64_t per_hour = atomic_load(&national->live_per_hour);
        if (per_hour == 0)
            from_us = 0;
        else if (from_us == 0)
            from_us = national_now_us(), sent = 0;
        int64_t due = per_hour * atomic_load(&national->factor) *
                      (from_us ? national_now_us() - from_us : 0) / 3600000000LL;
        for (; sent < due; sent++)
            tell_new(peers, &seeded);
        if (tick % 50 == 0)
            end_long_polls(peers);
    }
    return NULL;
}

/* ---- life ---- */

static struct tls_context *open_tls(const struct national *national, int number)
{
    static const char *const alpn[] = {TUNNEL_ALPN, NULL};
    struct err err = {0};
    char certificate[2 * NATIONAL_PATH], key[2 * NATIONAL_PATH];
    char authority[2 * NATIONAL_PATH], name[32];
    snprintf(name, sizeof name, "gateway-%d.crt", number);
    national_path(national, name, certificate);
    snprintf(name, sizeof name, "gateway-%d.key", number);
    national_path(national, name, key);
    national_path(national, "network.crt", authority);
    struct tls_files files = {certificate, key, authority};
    struct tls_context *tls = tls_client_open(&files, alpn, &err);
    if (!tls)
        national_fail(name, err.code);
    return tls;
}

static void open_peer(struct peer *peer, struct loop *loop, struct workers *workers,
                      uint16_t port)
{
    struct err err = {0};
    pthread_mutex_init(&peer->lock, NULL);
    peer->router = http_router_new();
    http_router_add(peer->router, routes, sizeof routes / sizeof *routes, peer);
    struct tunnel_dialer_config config = {.loop = loop,
                                          .workers = workers,
                                          .tls = open_tls(peer->national, peer->number),
                                          .host = "localhost",
                                          .port = port,
                                          .router = peer->router,
                                          .limits = http_default_limits(),
                                          .retry_min_ms = 200,
                                          .retry_max_ms = 2000,
                                          .ping_ms = 20000};
    if (!tunnel_dialer_open(&config, &err))
        national_fail("a peer", err.code);
}

_Noreturn void national_run_peers(struct national *national, uint16_t port)
{
    struct err err = {0};
    pthread_t ticks;
    struct loop *loop = loop_new(&err);
    struct workers *workers = workers_new(4, 8192, &err);
    struct peer *peers = memory_new(NATIONAL_GATEWAYS, sizeof *peers, &err);
    if (!loop || !workers || !peers)
        national_fail("peers", err.code);
    for (int i = 0; i < NATIONAL_GATEWAYS; i++) {
        peers[i].national = national;
        peers[i].number = i;
        open_peer(&peers[i], loop, workers, port);
    }
    if (pthread_create(&ticks, NULL, run_ticks, peers) != 0)
        national_fail("peers", "no thread");
    loop_run(loop);
    exit(0);
}
