// SPDX-License-Identifier: Apache-2.0
/* What a gateway is asked: the wish, the grant under it, and several of them in turn. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/content/content_parts.h"
#include "formats/grant/grant.h"
#include "wire/tunnel/tunnel.h"

enum {
    PARTS_ARENA_BYTES = CONTENT_PARTS_MAX * CONTENT_WISH_BYTES_MAX + 16384,
    /* Of a stream so much may come before the browser took any: a slice of a CT (512 kB
     * and its header) does not wait for credit at its end. */
    STREAM_BYTES = 1024 * 1024,
    /* And of an answer that is read whole, which would otherwise cross a long line twice.
     */
    ANSWER_BYTES = 256 * 1024,
    CANCEL_MS = 2000
};

static const struct content_target *target_of(const struct content_fetch *fetch)
{
    return fetch->parts ? &fetch->parts->target : fetch->wish.target;
}

static bool sign(const struct content_fetch *fetch, const struct facility_line *line,
                 struct buf *out, struct err *err)
{
    const struct content_target *target = target_of(fetch);
    const struct permit_contents *contents = permit_read(opening_permit(fetch->opening));
    const struct permit_grant *granted = permit_grant_for(
        opening_permit(fetch->opening), target->entry.facility, target->entry.kind);
    if (!granted)
        return err_set(err, ERR_MISSING, "not_found", "not under this permit");
    struct id_text staff = id_to_text(contents->viewer.staff);
    struct grant grant = {
        .facility_code = target->provider.code,
        .tunnel = tunnel_id(line->tunnel),
        .counter = line->counter,
        .issued_ms = line->age_ms,
        .clock_ms = line->clock_ms,
        .opening = opening_handle(fetch->opening),
        .request = contents->request,
        .record = target->entry.record,
        .local_number = granted->local_number,
        .entry_key = target->entry.source_key,
        .kinds = granted->kinds,
        .purpose = text_cstr(permit_purpose_id(contents->purpose)),
        .staff_id = id_view(&staff),
        .staff_name = contents->viewer.name,
        .profession = contents->viewer.profession,
        .viewer_code = target->viewer.code,
        .viewer_name = contents->viewer.facility_name,
        .viewer_kind = text_cstr(facility_kind_id(target->viewer.kind)),
    };
    return grant_sign(&grant, fetch->service->config.signing_key, out, err);
}

bool content_write_wish(struct content_wish *wish, struct buf *out, struct err *err)
{
    out->len = 0;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_text(&writer, "key", wish->target->entry.source_key);
    if (wish->way->ask && !wish->way->ask(wish, &writer, err))
        return false;
    json_close_object(&writer);
    return buf_check(out, err);
}

bool content_send(struct content_fetch *fetch, struct span body,
                  const struct tunnel_events *events, struct err *err)
{
    const struct content_way *way = fetch->wish.way;
    CLEANUP(buf_free) struct buf grant = buf_init(2 * GRANT_BYTES_MAX);
    struct facility_line line;
    if (!facility_gateway_line(fetch->service->config.gateways,
                               target_of(fetch)->entry.facility, &line, err))
        return false;
    if (fetch->tunnel)
        tunnel_release(&fetch->tunnel);
    fetch->tunnel = line.tunnel;
    if (!sign(fetch, &line, &grant, err))
        return false;
    struct tunnel_request request = {
        .method = "POST",
        .path = way->path,
        .body = body,
        .grant = buf_view(&grant),
        .first_byte_ms =
            way->first_byte_ms > 0 ? way->first_byte_ms : CONTENT_FIRST_BYTE_MS,
        .total_ms = way->total_ms,
        .credit_bytes = way->begin ? STREAM_BYTES : ANSWER_BYTES};
    pthread_mutex_lock(&fetch->lock);
    fetch->exchange = tunnel_send(fetch->tunnel, &request, events, fetch, err);
    bool is_sent = fetch->exchange != NULL;
    pthread_mutex_unlock(&fetch->lock);
    return is_sent;
}

static void ignore_head(void *context, const struct tunnel_head *head)
{
    (void)context;
    (void)head;
}

static void ignore_data(void *context, struct span bytes)
{
    (void)context;
    (void)bytes;
}

static void ignore_end(void *context, bool complete, const struct err *err)
{
    (void)context;
    (void)complete;
    (void)err;
}

void content_tell_cancel(struct content_fetch *fetch)
{
    static const struct tunnel_events events = {ignore_head, ignore_data, ignore_end};
    struct err err = {0};
    CLEANUP(buf_free) struct buf body = buf_init(256);
    struct json_writer writer = json_writer(&body);
    json_open_object(&writer);
    json_put_id(&writer, "opening", opening_handle(fetch->opening));
    json_close_object(&writer);
    struct tunnel_request request = {.method = "POST",
                                     .path = "/cancel",
                                     .body = buf_view(&body),
                                     .first_byte_ms = CANCEL_MS,
                                     .total_ms = CANCEL_MS};
    if (buf_check(&body, &err) &&
        !tunnel_send(fetch->tunnel, &request, &events, fetch->service, &err) &&
        fetch->service->config.log)
        log_err(fetch->service->config.log, "cancel_unsent", &err);
}

/* What signing reads of a target. */
static bool copy_target(const struct content_target *target, struct content_parts *parts,
                        struct err *err)
{
    struct content_target *copy = &parts->target;
    *copy = *target;
    return text_copy(target->entry.source_key, &parts->arena, &copy->entry.source_key,
                     err) &&
           text_copy(target->provider.code, &parts->arena, &copy->provider.code, err) &&
           text_copy(target->viewer.code, &parts->arena, &copy->viewer.code, err);
}

bool content_make_parts(struct content_fetch *fetch,
                        const struct content_question *question, struct err *err)
{
    assert(question->part_count <= CONTENT_PARTS_MAX && fetch->wish.way->begin);
    struct content_parts *parts = memory_new(1, sizeof *parts, err);
    if (!parts)
        return false;
    fetch->parts = parts;
    parts->arena = arena_init_small(PARTS_ARENA_BYTES);
    parts->count = question->part_count;
    parts->type = question->part_type;
    assert(strlen(question->boundary) < sizeof parts->boundary);
    memcpy(parts->boundary, question->boundary, strlen(question->boundary) + 1);
    CLEANUP(buf_free) struct buf body = buf_init(CONTENT_WISH_BYTES_MAX);
    for (fetch->wish.part = 0; fetch->wish.part < parts->count; fetch->wish.part++)
        if (!content_write_wish(&fetch->wish, &body, err) ||
            !buf_to_arena(&body, &parts->arena, &parts->bodies[fetch->wish.part], err))
            return false;
    return copy_target(fetch->wish.target, parts, err);
}

void content_free_parts(struct content_parts *parts)
{
    if (!parts)
        return;
    arena_free(&parts->arena);
    memory_free(parts);
}
