// SPDX-License-Identifier: Apache-2.0
#include "gateway/answer/answer.h"

#include <string.h>

#include "base/memory.h"
#include "gateway/answer/answer_parts.h"

enum { CLOCK_APART_S = 60 /* from where on an operator is told */ };

struct json_document *answer_read_body(struct http_call *call, struct err *err)
{
    return json_parse(http_body(call), err);
}

void answer_send(struct http_call *call, const struct buf *out, bool is_done,
                 struct err *err)
{
    if (is_done && buf_check(out, err))
        http_answer_json(call, 200, out);
    else
        http_answer_problem(call, err);
}

struct answer *answer_of(void *line)
{
    return ((struct answer_line *)line)->answer;
}

static void fill_head(struct answer *answer, struct uplink_head *head)
{
    struct audit_position position = audit_head(answer->config.audit);
    head->node = answer->config.node;
    head->number = (int64_t)position.number;
    memcpy(head->hash, position.hash.bytes, HASH_BYTES);
}

static bool keep_peer_head(struct answer *answer, const struct uplink_head *head,
                           struct err *err)
{
    struct audit_position position = {.number = (uint64_t)head->number};
    memcpy(position.hash.bytes, head->hash, HASH_BYTES);
    return head->number == 0 ||
           audit_keep_head(answer->config.audit, head->node, &position, err);
}

/* From an hour on the centre's grants are refused (formats/grant). */
static void check_clock(const struct answer *answer, int64_t theirs_ms)
{
    int64_t ahead_s = (theirs_ms - clock_wall_ms(&answer->config.clock)) / 1000;
    if (theirs_ms > 0 && answer->config.log &&
        (ahead_s >= CLOCK_APART_S || ahead_s <= -CLOCK_APART_S))
        LOG(answer->config.log, "clock_apart", LOG_NUMBER("centre_ahead_s", ahead_s));
}

/* ---- POST /hello ---- */

static void note_tunnel(struct answer_line *line, struct id tunnel,
                        const struct uplink_standing *standing)
{
    pthread_mutex_lock(&line->answer->lock);
    line->told = *standing;
    line->has_told = true;
    line->tunnel = tunnel;
    line->has_greeted = true;
    pthread_mutex_unlock(&line->answer->lock);
    release_note_tunnel(line->answer->config.release, tunnel);
}

static bool say_hello(struct answer_line *line, struct http_call *call, struct buf *out,
                      struct err *err)
{
    struct answer *answer = line->answer;
    struct uplink_hello hello;
    struct uplink_welcome welcome = {.facility_code = answer->config.facility_code,
                                     .node = answer->config.node,
                                     .epoch = index_epoch(answer->config.index),
                                     .software = answer->config.software,
                                     .clock_ms = clock_wall_ms(&answer->config.clock),
                                     .standing = answer_standing(answer)};
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    if (!document || !uplink_read_hello(json_root(document), &hello, err) ||
        !index_read_policy_json(answer->config.index, http_arena(call), &welcome.policy,
                                err) ||
        !uplink_agree(&hello, &welcome.protocol, err) ||
        !keep_peer_head(answer, &hello.head, err))
        return false;
    check_clock(answer, hello.head.clock_ms);
    note_tunnel(line, hello.tunnel, &welcome.standing);
    fill_head(answer, &welcome.head);
    struct json_writer writer = json_writer(out);
    uplink_write_welcome(&writer, &welcome);
    return true;
}

static void answer_hello(struct http_call *call, void *context)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    bool is_done = say_hello(context, call, &out, &err);
    answer_send(call, &out, is_done, &err);
}

/* ---- POST /heads ---- */

static bool exchange_heads(struct answer *answer, struct http_call *call, struct buf *out,
                           struct err *err)
{
    struct uplink_head theirs;
    struct uplink_head ours;
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    if (!document || !uplink_read_head(json_root(document), &theirs, err) ||
        !keep_peer_head(answer, &theirs, err))
        return false;
    check_clock(answer, theirs.clock_ms);
    fill_head(answer, &ours);
    ours.clock_ms = clock_wall_ms(&answer->config.clock);
    struct json_writer writer = json_writer(out);
    uplink_write_head(&writer, &ours);
    return true;
}

static void answer_heads(struct http_call *call, void *context)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    bool is_done = exchange_heads(answer_of(context), call, &out, &err);
    answer_send(call, &out, is_done, &err);
}

/* ---- POST /links, /links/end, /backfills ---- */

static bool match_link(struct answer *answer, struct http_call *call, struct buf *out,
                       struct err *err)
{
    struct uplink_link link;
    enum uplink_match result = UPLINK_MISMATCH;
    struct index_limits limits = answer->config.limits;
    limits.is_partial = !collect_is_whole(answer->config.collect);
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    if (!document || !uplink_read_link(json_root(document), &link, err) ||
        !index_match_link(answer->config.index, &link, &limits, &result, err) ||
        !release_note_link(answer->config.release, link.record, link.number,
                           result == UPLINK_CONFIRMED ? "done" : "failed",
                           uplink_match_id(result), err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_cstr(&writer, "result", uplink_match_id(result));
    json_close_object(&writer);
    return true;
}

static void answer_links(struct http_call *call, void *context)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    bool is_done = match_link(answer_of(context), call, &out, &err);
    answer_send(call, &out, is_done, &err);
}

/* Requests that name a record and are answered with {}. */
static void answer_record(struct http_call *call, struct answer *answer,
                          bool (*work)(struct answer *answer, struct id record,
                                       struct err *err))
{
    struct err err = {0};
    struct id record;
    CLEANUP(buf_free) struct buf out = buf_init(64);
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, &err);
    bool is_done = document &&
                   json_take_id(json_root(document), "record", &record, &err) &&
                   work(answer, record, &err);
    buf_cstr(&out, "{}");
    answer_send(call, &out, is_done, &err);
}

static bool end_link(struct answer *answer, struct id record, struct err *err)
{
    return index_end_link(answer->config.index, record, err) &&
           release_note_link(answer->config.release, record, TEXT(""), "done", "ended",
                             err);
}

static void answer_link_end(struct http_call *call, void *context)
{
    answer_record(call, answer_of(context), end_link);
}

static bool backfill(struct answer *answer, struct id record, struct err *err)
{
    return index_backfill(answer->config.index, record, err);
}

static void answer_backfills(struct http_call *call, void *context)
{
    answer_record(call, answer_of(context), backfill);
}

/* ---- POST /snapshots, /digests ---- */

static bool write_snapshot(struct answer *answer, struct http_call *call, struct buf *out,
                           struct err *err)
{
    struct id record;
    struct text cursor = {0};
    struct uplink_snapshot snapshot;
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    if (!document || !json_take_id(json_root(document), "record", &record, err) ||
        !json_take_text(json_root(document), "cursor", UPLINK_KEY_BYTES_MAX, &cursor,
                        err) ||
        !index_snapshot(answer->config.index, record, cursor, http_arena(call), &snapshot,
                        err))
        return false;
    struct json_writer writer = json_writer(out);
    uplink_write_snapshot(&writer, &snapshot);
    return true;
}

static void answer_snapshots(struct http_call *call, void *context)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    bool is_done = write_snapshot(answer_of(context), call, &out, &err);
    answer_send(call, &out, is_done, &err);
}

/* Records that are not linked here are left out of the answer. */
static bool write_sums(struct answer *answer, struct http_call *call,
                       const struct json_value *records, struct buf *out, struct err *err)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "sums");
    json_open_array(&writer);
    for (size_t i = 0; i < json_count(records); i++) {
        struct text hex = {0};
        struct id record;
        struct uplink_sum sum;
        if (!json_item_text(records, i, 2 * ID_BYTES, &hex, err) ||
            !id_parse(text_span(hex), &record, err))
            return false;
        if (index_sum(answer->config.index, record, http_arena(call), &sum, err))
            uplink_write_sum(&writer, &sum);
        else if (err->kind == ERR_MISSING)
            err_clear(err);
        else
            return false;
    }
    json_close_array(&writer);
    json_close_object(&writer);
    return true;
}

static void answer_digests(struct http_call *call, void *context)
{
    struct err err = {0};
    const struct json_value *records = NULL;
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, &err);
    bool is_done = document &&
                   json_take_array(json_root(document), "records", UPLINK_DIGESTS_MAX,
                                   &records, &err) &&
                   write_sums(answer_of(context), call, records, &out, &err);
    answer_send(call, &out, is_done, &err);
}

/* ---- POST /checks ---- */

static bool check_now(struct answer *answer, struct id record, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    struct index_link link;
    bool is_known = false;
    if (!index_find_link(answer->config.index, record, &arena, &link, &is_known, err))
        return false;
    if (!is_known || link.state != INDEX_ACTIVE)
        return err_set(err, ERR_MISSING, "not_found", "not linked");
    return collect_sweep_patient(answer->config.collect, link.number, err);
}

static void answer_checks(struct http_call *call, void *context)
{
    answer_record(call, answer_of(context), check_now);
}

/* Contents are answered whole or as a stream whose cutting the tunnel itself does; what
 * goes on under an opening is its study. */
static void answer_cancel(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct id opening;
    CLEANUP(buf_free) struct buf out = buf_init(16);
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, &err);
    bool is_done =
        document && json_take_id(json_root(document), "opening", &opening, &err);
    if (is_done) {
        release_end_opening(answer->config.release, opening);
        answer_drop_lists(answer, &opening);
    }
    buf_cstr(&out, "{}");
    answer_send(call, &out, is_done, &err);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/hello", answer_hello, 65536},
    {HTTP_POST, "/heads", answer_heads, 4096},
    {HTTP_POST, "/events/live", answer_events_live, 256 * 1024},
    {HTTP_POST, "/events/backfill", answer_events_backfill, 256 * 1024},
    {HTTP_POST, "/links", answer_links, 4096},
    {HTTP_POST, "/links/end", answer_link_end, 256},
    {HTTP_POST, "/backfills", answer_backfills, 256},
    {HTTP_POST, "/snapshots", answer_snapshots, 1024},
    {HTTP_POST, "/digests", answer_digests, 64 * 1024},
    {HTTP_POST, "/checks", answer_checks, 256},
    {HTTP_POST, "/content", answer_content, 1024},
    {HTTP_POST, "/original", answer_original, 1024},
    {HTTP_POST, "/study", answer_study, 1024},
    {HTTP_POST, "/frame", answer_frame, 1024},
    {HTTP_POST, "/instance", answer_instance, 1024},
    {HTTP_POST, "/document", answer_document, 1024},
    {HTTP_POST, "/report", answer_report, 1024},
    {HTTP_POST, "/waveform", answer_waveform, 1024},
    {HTTP_POST, "/archive", answer_archive, 1024},
    {HTTP_POST, "/metadata", answer_metadata, 1024},
    {HTTP_POST, "/cancel", answer_cancel, 256},
};

void answer_routes(struct http_router *router, struct answer *answer, int line)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, &answer->lines[line]);
}

struct answer *answer_new(const struct answer_config *config, struct err *err)
{
    struct answer *answer = memory_new(1, sizeof *answer, err);
    if (!answer)
        return NULL;
    answer->config = *config;
    for (int i = 0; i < ANSWER_LINES_MAX; i++)
        answer->lines[i].answer = answer;
    pthread_mutex_init(&answer->lock, NULL);
    pthread_mutex_init(&answer->lists_lock, NULL);
    pthread_cond_init(&answer->sendings_ended, NULL);
    return answer;
}
