// SPDX-License-Identifier: Apache-2.0
/* Fetching from a gateway for a browser. The loops of both sides only leave word; what
 * came is worked on by one worker at a time, which asks the permission before every
 * piece, so that nothing here waits on a loop and nothing goes out unasked. A worker goes
 * to the next fetch after some pieces, so that large ones do not keep small ones. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/content/content_parts.h"
#include "formats/grant/grant.h"
#include "wire/http/http.h"
#include "wire/tunnel/tunnel.h"
#include "wire/workers/workers.h"

enum {
    WORKERS = 8,
    QUEUE_MAX = 2 * CONTENT_FETCHES_MAX,
    PIECE_BYTES = 64 * 1024,
    TURN_PIECES = 16,
    RECEIVED_BYTES_MAX = 8 << 20,
    REFUSAL_BYTES_MAX = 64 * 1024,
    CANCEL_MS = 2000,
};

struct content_fetch {
    struct content_service *service;
    struct content_fetch *next; /* in the service's list, under its lock */
    struct content_fetch **link;
    struct content_wish wish; /* its call is kept; used until is_answered */
    struct opening *opening;
    struct tunnel *tunnel;
    pthread_mutex_t lock;             /* guards what follows */
    struct tunnel_exchange *exchange; /* NULL = ended */
    int status;
    struct content_fetched head;
    struct buf received;
    int64_t passed_bytes;
    int64_t enough_bytes; /* of a part; < 0 = all that come */
    bool has_ended;
    bool is_complete;
    struct err err;
    struct http_stream *stream; /* NULL = not open */
    bool had_stream;
    bool is_full;     /* the browser has to take some first */
    bool is_answered; /* or streaming */
    bool is_over;     /* the stream was ended or cut by us */
    bool is_posted;   /* a worker has it, or will */
    bool is_again;    /* something came meanwhile */
};

/* ---- life ---- */

struct content_service *content_new(const struct content_config *config, struct err *err)
{
    struct content_service *service = memory_new(1, sizeof *service, err);
    if (!service)
        return NULL;
    service->config = *config;
    service->workers = workers_new(WORKERS, QUEUE_MAX, err);
    if (!service->workers) {
        memory_free(service);
        return NULL;
    }
    pthread_mutex_init(&service->lock, NULL);
    atomic_init(&service->is_stopped, false);
    return service;
}

static bool enter(struct content_service *service, struct content_fetch *fetch,
                  struct err *err)
{
    pthread_mutex_lock(&service->lock);
    bool has_room =
        !atomic_load(&service->is_stopped) && service->fetch_count < CONTENT_FETCHES_MAX;
    if (has_room) {
        service->fetch_count++;
        fetch->next = service->first;
        fetch->link = &service->first;
        if (fetch->next)
            fetch->next->link = &fetch->next;
        service->first = fetch;
    }
    pthread_mutex_unlock(&service->lock);
    return has_room || err_set(err, ERR_BUSY, "server_busy", "too many fetches");
}

static void leave(struct content_fetch *fetch)
{
    struct content_service *service = fetch->service;
    pthread_mutex_lock(&service->lock);
    *fetch->link = fetch->next;
    if (fetch->next)
        fetch->next->link = fetch->link;
    service->fetch_count--;
    pthread_mutex_unlock(&service->lock);
}

static void fetch_free(struct content_fetch *fetch)
{
    leave(fetch);
    opening_release(&fetch->opening);
    if (fetch->tunnel)
        tunnel_release(&fetch->tunnel);
    buf_free(&fetch->received);
    pthread_mutex_destroy(&fetch->lock);
    memory_free(fetch);
}

void content_stop(struct content_service *service)
{
    if (!service || atomic_exchange(&service->is_stopped, true))
        return;
    workers_free(service->workers);
}

/* What is left had a stream whose end came with the loop's. */
void content_free(struct content_service *service)
{
    if (!service)
        return;
    content_stop(service);
    while (service->first)
        fetch_free(service->first);
    pthread_mutex_destroy(&service->lock);
    memory_free(service);
}

/* ---- word from the loops ---- */

static void run_fetch(void *context);

static bool is_stream(const struct content_fetch *fetch)
{
    return fetch->wish.way->begin != NULL;
}

/* One that is too long says nothing that we wait for. */
static void copy_field(char *out, size_t size, struct span value)
{
    size_t len = value.len < size ? value.len : 0;
    if (len > 0)
        memcpy(out, value.at, len);
    out[len] = '\0';
}

/* The lock is held. There is at most one job for each fetch, and room for all. */
static void post(struct content_fetch *fetch)
{
    fetch->is_again = true;
    if (!fetch->is_posted && !atomic_load(&fetch->service->is_stopped))
        fetch->is_posted = workers_post(fetch->service->workers, run_fetch, fetch);
}

static void got_head(void *context, const struct tunnel_head *head)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->status = head->status;
    fetch->head.length = head->content_length;
    copy_field(fetch->head.type, sizeof fetch->head.type, head->content_type);
    copy_field(fetch->head.lossy, sizeof fetch->head.lossy, head->lossy);
    if (is_stream(fetch))
        post(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

/* What is wanted whole is taken at once; a stream only as fast as the browser takes it.
 */
static void got_data(void *context, struct span bytes)
{
    struct content_fetch *fetch = context;
    struct err err = {0};
    pthread_mutex_lock(&fetch->lock);
    buf_span(&fetch->received, bytes);
    bool is_whole = buf_check(&fetch->received, &err);
    bool is_passed_on = is_stream(fetch) && fetch->status == 200;
    if (!is_whole && fetch->exchange)
        tunnel_cancel(fetch->exchange);
    else if (!is_passed_on && fetch->exchange)
        tunnel_consume(fetch->exchange, bytes.len);
    if (is_passed_on)
        post(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

static void got_end(void *context, bool complete, const struct err *err)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->exchange = NULL;
    fetch->has_ended = true;
    fetch->is_complete = complete;
    if (!complete)
        fetch->err = *err;
    post(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

static void stream_drained(void *context)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->is_full = false;
    post(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

static void stream_closed(void *context)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->stream = NULL;
    fetch->is_over = true;
    if (fetch->exchange)
        tunnel_cancel(fetch->exchange);
    post(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

/* One whose stream is open has not finished, so it is still here when a worker comes. */
void content_look_again(struct content_service *service)
{
    pthread_mutex_lock(&service->lock);
    for (struct content_fetch *fetch = service->first; fetch; fetch = fetch->next) {
        pthread_mutex_lock(&fetch->lock);
        if (fetch->stream && !fetch->is_over)
            post(fetch);
        pthread_mutex_unlock(&fetch->lock);
    }
    pthread_mutex_unlock(&service->lock);
}

/* ---- asking the gateway ---- */

static bool sign(const struct content_fetch *fetch, const struct facility_line *line,
                 struct buf *out, struct err *err)
{
    const struct content_target *target = fetch->wish.target;
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

static bool write_wish(struct content_wish *wish, struct buf *out, struct err *err)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_text(&writer, "key", wish->target->entry.source_key);
    if (wish->way->ask && !wish->way->ask(wish, &writer, err))
        return false;
    json_close_object(&writer);
    return buf_check(out, err);
}

/* The call may be answered before this returns. */
static bool send(struct content_fetch *fetch, struct err *err)
{
    static const struct tunnel_events events = {got_head, got_data, got_end};
    const struct content_way *way = fetch->wish.way;
    CLEANUP(buf_free) struct buf grant = buf_init(2 * GRANT_BYTES_MAX);
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct facility_line line;
    if (!write_wish(&fetch->wish, &body, err) ||
        !facility_gateway_line(fetch->service->config.gateways,
                               fetch->wish.target->entry.facility, &line, err))
        return false;
    fetch->tunnel = line.tunnel;
    if (!sign(fetch, &line, &grant, err))
        return false;
    struct tunnel_request request = {.method = "POST",
                                     .path = way->path,
                                     .body = buf_view(&body),
                                     .grant = buf_view(&grant),
                                     .first_byte_ms = CONTENT_FIRST_BYTE_MS,
                                     .total_ms = way->total_ms};
    pthread_mutex_lock(&fetch->lock);
    http_keep(fetch->wish.call);
    fetch->exchange = tunnel_send(fetch->tunnel, &request, &events, fetch, err);
    bool is_sent = fetch->exchange != NULL;
    pthread_mutex_unlock(&fetch->lock);
    return is_sent;
}

/* The opening named in the path, which must be an entry's. */
static struct opening *take_entry(struct content_service *service, struct http_call *call,
                                  struct err *err)
{
    struct session_actor actor;
    struct id handle;
    if (!session_require(service->config.sessions, call, SESSION_READS, &actor, err) ||
        !http_param_id(call, "opening", &handle, err))
        return NULL;
    struct opening *opening = opening_take(service->config.openings, handle, &actor, err);
    if (opening && strcmp(opening_event(opening), "entry") != 0) {
        opening_release(&opening);
        err_set(err, ERR_MISSING, "not_found", "not an entry");
    }
    return opening;
}

static struct content_target *find_target(struct content_service *service,
                                          struct http_call *call,
                                          const struct opening *opening, struct err *err)
{
    struct arena *arena = http_arena(call);
    struct content_target *target = ARENA_NEW(arena, struct content_target, err);
    bool is_found =
        target && content_read_target(service->config.store, opening_permit(opening),
                                      opening_object(opening), arena, target, err);
    return is_found ? target : NULL;
}

static struct content_fetch *make(struct content_service *service,
                                  const struct content_wish *wish,
                                  struct opening *opening, struct err *err)
{
    const struct content_way *way = wish->way;
    assert((way->answer != NULL) != (way->begin != NULL));
    assert(!way->answer || way->bytes_max > 0);
    struct content_fetch *fetch = memory_new(1, sizeof *fetch, err);
    if (!fetch)
        return NULL;
    fetch->service = service;
    if (!enter(service, fetch, err)) {
        memory_free(fetch);
        return NULL;
    }
    fetch->wish = *wish;
    fetch->opening = opening_keep(opening);
    fetch->received = buf_init(way->answer ? (size_t)way->bytes_max : RECEIVED_BYTES_MAX);
    fetch->enough_bytes = -1;
    pthread_mutex_init(&fetch->lock, NULL);
    return fetch;
}

bool content_fetch_start(struct content_service *service, struct http_call *call,
                         const struct content_way *way, void *context, struct err *err)
{
    CLEANUP(opening_release) struct opening *opening = take_entry(service, call, err);
    if (!opening)
        return false;
    struct content_wish wish = {way, call, find_target(service, call, opening, err),
                                context};
    struct content_fetch *fetch = wish.target ? make(service, &wish, opening, err) : NULL;
    if (!fetch)
        return false;
    if (send(fetch, err))
        return true;
    fetch_free(fetch);
    return false;
}

struct id content_target_facility(const struct content_target *target)
{
    return target->entry.facility;
}

/* ---- permission, at every piece ---- */

static bool check_permission(struct content_fetch *fetch, struct err *err)
{
    if (opening_holds(fetch->opening, err))
        return true;
    if (err->kind != ERR_REFUSED || strcmp(err->code, "permission_changed") != 0)
        return false;
    err_clear(err);
    return opening_renew(fetch->opening, err);
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

/* The gateway hears it by the opening too, for whatever else runs under it. */
static void tell_cancel(struct content_fetch *fetch)
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

static void cut(struct content_fetch *fetch, const struct err *why)
{
    pthread_mutex_lock(&fetch->lock);
    fetch->is_over = true;
    if (fetch->stream)
        http_stream_abort(fetch->stream);
    if (fetch->exchange)
        tunnel_cancel(fetch->exchange);
    pthread_mutex_unlock(&fetch->lock);
    tell_cancel(fetch);
    opening_end(fetch->opening, "cut", why->code);
}

static void answer_fault(struct content_fetch *fetch, const struct err *err)
{
    session_answer_problem(fetch->wish.call, err);
    pthread_mutex_lock(&fetch->lock);
    fetch->is_answered = true;
    fetch->is_over = true;
    if (fetch->exchange)
        tunnel_cancel(fetch->exchange);
    pthread_mutex_unlock(&fetch->lock);
}

/* False, with what people are told of an answer that is none. */
static bool refuse(const struct content_fetch *fetch, struct err *err)
{
    const struct log *log = fetch->service->config.log;
    if (log)
        log_err(log, "content_unreadable", err);
    err_clear(err);
    return err_set(err, ERR_BUSY, "gateway_refused", "not what a gateway sends");
}

/* The exchange is over or gave no 200: what is told instead of an answer. */
static void fault_of_end(struct content_fetch *fetch, struct err *err)
{
    struct span body = span_part(buf_view(&fetch->received), 0, REFUSAL_BYTES_MAX);
    if (!fetch->is_complete && !buf_check(&fetch->received, err))
        (void)refuse(fetch, err);
    else if (!fetch->is_complete)
        *err = fetch->err;
    else
        content_refusal(fetch->status, body, err);
}

/* ---- whole ---- */

static bool answer_whole(struct content_fetch *fetch, struct err *err)
{
    size_t answered_bytes = 0;
    if (!fetch->is_complete || fetch->status != 200) {
        fault_of_end(fetch, err);
        return false;
    }
    /* What was allowed when it was asked for may not be any more. */
    if (!check_permission(fetch, err))
        return false;
    if (!fetch->wish.way->answer(&fetch->wish, &fetch->head, buf_view(&fetch->received),
                                 &answered_bytes, err))
        return refuse(fetch, err);
    opening_count(fetch->opening, (int64_t)answered_bytes, 1);
    return true;
}

/* The tunnel's exchange is over, so nobody else touches what it left. */
static void step_whole(struct content_fetch *fetch)
{
    struct err err = {0};
    pthread_mutex_lock(&fetch->lock);
    bool is_due = fetch->has_ended && !fetch->is_answered;
    pthread_mutex_unlock(&fetch->lock);
    if (!is_due)
        return;
    if (!answer_whole(fetch, &err)) {
        answer_fault(fetch, &err);
        return;
    }
    pthread_mutex_lock(&fetch->lock);
    fetch->is_answered = true;
    pthread_mutex_unlock(&fetch->lock);
}

/* ---- piece by piece ---- */

static bool choose_passage(struct content_fetch *fetch, struct content_passage *passage,
                           struct err *err)
{
    const struct content_way *way = fetch->wish.way;
    if (way->bytes_max > 0 && fetch->head.length > way->bytes_max)
        (void)err_set(err, ERR_LIMIT, "content_length", "longer than it may be");
    else if (way->begin(&fetch->wish, &fetch->head, passage, err))
        return true;
    return refuse(fetch, err);
}

static void begin_stream(struct content_fetch *fetch)
{
    static const struct http_stream_events events = {stream_drained, stream_closed};
    struct err err = {0};
    struct content_passage passage = {.status = 200, .length = -1};
    if (!check_permission(fetch, &err) || !choose_passage(fetch, &passage, &err)) {
        answer_fault(fetch, &err);
        return;
    }
    opening_count(fetch->opening, 0, 1);
    pthread_mutex_lock(&fetch->lock);
    fetch->enough_bytes = passage.is_part ? passage.length : -1;
    fetch->stream = http_stream_open(fetch->wish.call, passage.status, passage.type,
                                     passage.length, &events, fetch);
    fetch->had_stream = fetch->stream != NULL;
    fetch->is_answered = true;
    if (!fetch->had_stream) {
        fetch->is_over = true;
        if (fetch->exchange)
            tunnel_cancel(fetch->exchange);
    }
    pthread_mutex_unlock(&fetch->lock);
}

/* The lock is held: one piece goes to the browser, and its credit back. What is longer
 * than it may be is cut like what came half. */
static void pass_piece(struct content_fetch *fetch)
{
    int64_t bytes_max = fetch->wish.way->bytes_max;
    struct span piece = span_part(buf_view(&fetch->received), 0, PIECE_BYTES);
    size_t taken_bytes = piece.len;
    if (fetch->enough_bytes >= 0)
        piece = span_part(piece, 0, (size_t)(fetch->enough_bytes - fetch->passed_bytes));
    fetch->passed_bytes += (int64_t)piece.len;
    if (bytes_max > 0 && fetch->passed_bytes > bytes_max) {
        fetch->is_over = true;
        http_stream_abort(fetch->stream);
        if (fetch->exchange)
            tunnel_cancel(fetch->exchange);
        return;
    }
    opening_count(fetch->opening, (int64_t)piece.len, 0);
    size_t queued_bytes = http_stream_write(fetch->stream, piece);
    fetch->is_full = queued_bytes > HTTP_STREAM_HIGH_BYTES;
    if (fetch->exchange)
        tunnel_consume(fetch->exchange, taken_bytes);
    buf_drop(&fetch->received, taken_bytes);
}

static bool has_piece(struct content_fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    bool has_one =
        fetch->stream && !fetch->is_over && !fetch->is_full && fetch->received.len > 0;
    pthread_mutex_unlock(&fetch->lock);
    return has_one;
}

static bool is_streaming(struct content_fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    bool is_open = fetch->stream && !fetch->is_over;
    pthread_mutex_unlock(&fetch->lock);
    return is_open;
}

/* Asked at every turn, with or without a piece to pass, and before every piece. */
static void pass_on(struct content_fetch *fetch)
{
    struct err err = {0};
    for (int i = 0; i < TURN_PIECES && is_streaming(fetch); i++) {
        if (!check_permission(fetch, &err)) {
            cut(fetch, &err);
            return;
        }
        if (!has_piece(fetch))
            return;
        pthread_mutex_lock(&fetch->lock);
        if (fetch->stream && !fetch->is_over)
            pass_piece(fetch);
        pthread_mutex_unlock(&fetch->lock);
    }
    pthread_mutex_lock(&fetch->lock);
    fetch->is_again |= fetch->stream && !fetch->is_over;
    pthread_mutex_unlock(&fetch->lock);
}

/* Only what came whole ends whole. */
static void end_stream(struct content_fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    bool is_enough =
        fetch->enough_bytes >= 0 && fetch->passed_bytes == fetch->enough_bytes;
    bool is_due = fetch->stream && !fetch->is_over &&
                  (is_enough || (fetch->has_ended &&
                                 (fetch->received.len == 0 || !fetch->is_complete)));
    if (is_due) {
        fetch->is_over = true;
        if (is_enough || (fetch->is_complete && !fetch->received.has_failed))
            http_stream_end(fetch->stream);
        else
            http_stream_abort(fetch->stream);
        if (fetch->exchange)
            tunnel_cancel(fetch->exchange);
    }
    pthread_mutex_unlock(&fetch->lock);
}

static void step_stream(struct content_fetch *fetch)
{
    struct err err = {0};
    pthread_mutex_lock(&fetch->lock);
    bool is_answered = fetch->is_answered;
    bool is_good = fetch->status == 200 && (!fetch->has_ended || fetch->is_complete);
    bool has_ended = fetch->has_ended;
    pthread_mutex_unlock(&fetch->lock);
    if (!is_answered && is_good) {
        begin_stream(fetch);
    } else if (!is_answered && has_ended) {
        fault_of_end(fetch, &err);
        answer_fault(fetch, &err);
    }
    pass_on(fetch);
    end_stream(fetch);
}

/* ---- the worker's turn ---- */

/* The lock is held: both sides have said their last word. */
static bool is_finished(const struct content_fetch *fetch)
{
    return fetch->has_ended && fetch->is_answered &&
           (!fetch->had_stream || !fetch->stream);
}

static void run_fetch(void *context)
{
    struct content_fetch *fetch = context;
    bool goes_on = true;
    bool is_last = false;
    while (goes_on) {
        pthread_mutex_lock(&fetch->lock);
        fetch->is_again = false;
        pthread_mutex_unlock(&fetch->lock);
        if (is_stream(fetch))
            step_stream(fetch);
        else
            step_whole(fetch);
        pthread_mutex_lock(&fetch->lock);
        goes_on = fetch->is_again;
        bool is_handed_on = goes_on && !atomic_load(&fetch->service->is_stopped) &&
                            workers_post(fetch->service->workers, run_fetch, fetch);
        if (!goes_on) {
            fetch->is_posted = false;
            is_last = is_finished(fetch);
        }
        pthread_mutex_unlock(&fetch->lock);
        if (is_handed_on)
            return; /* the others first */
    }
    if (is_last)
        fetch_free(fetch);
}
