// SPDX-License-Identifier: Apache-2.0
/* Fetching from a gateway for a browser. The loops of both sides only leave word; what
 * came is worked on by one worker at a time, which asks the permission before every
 * piece, so that nothing here waits on a loop and nothing goes out unasked. A worker goes
 * to the next fetch after some pieces, so that large ones do not keep small ones. */
#include <assert.h>
#include <stdio.h>
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
    /* Of what may come without credit; two would wait for each other. What a source that
     * stalls leaves below goes on when the server looks again. */
    BATCHES = 4,
    TURN_PIECES = 16,
    REFUSAL_BYTES_MAX = 64 * 1024
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
    content_free_parts(fetch->parts);
    opening_release(&fetch->opening);
    if (fetch->tunnel)
        tunnel_release(&fetch->tunnel);
    buf_free(&fetch->received);
    content_waiting_free(&fetch->waiting);
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

/* The lock is held, and let go before a worker is called, who would wait for it. There
 * is at most one job for each fetch, and room for all; who is to call has the fetch. */
static void unlock_and_post(struct content_fetch *fetch)
{
    bool is_ours = !fetch->is_posted && !atomic_load(&fetch->service->is_stopped);
    fetch->is_again = true;
    fetch->is_posted = fetch->is_posted || is_ours;
    pthread_mutex_unlock(&fetch->lock);
    if (is_ours && !workers_post(fetch->service->workers, run_fetch, fetch)) {
        pthread_mutex_lock(&fetch->lock);
        fetch->is_posted = false;
        pthread_mutex_unlock(&fetch->lock);
    }
}

static void unlock_and_post_if(struct content_fetch *fetch, bool is_due)
{
    if (is_due)
        unlock_and_post(fetch);
    else
        pthread_mutex_unlock(&fetch->lock);
}

static void got_head(void *context, const struct tunnel_head *head)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->status = head->status;
    fetch->head.length = head->content_length;
    fetch->head.whole_length = head->whole_length;
    fetch->batch_bytes = head->credit_bytes / BATCHES;
    copy_field(fetch->head.type, sizeof fetch->head.type, head->content_type);
    copy_field(fetch->head.lossy, sizeof fetch->head.lossy, head->lossy);
    copy_field(fetch->head.stamp, sizeof fetch->head.stamp, head->stamp);
    pthread_mutex_unlock(&fetch->lock); /* its first bytes or its end follow */
}

/* No more than `begin` waits for: it reads them without the lock. */
static void keep_first(struct content_fetch *fetch, struct span bytes)
{
    struct content_fetched *head = &fetch->head;
    size_t wanted = fetch->wish.way->first_bytes - head->first_bytes;
    struct span first = span_part(bytes, 0, wanted);
    if (first.len == 0)
        return;
    memcpy(head->first + head->first_bytes, first.at, first.len);
    head->first_bytes += first.len;
}

static bool keep(struct content_fetch *fetch, struct span bytes, bool is_passed_on)
{
    struct err err = {0};
    if (is_passed_on)
        fetch->is_too_much |= !content_waiting_put(&fetch->waiting, bytes, &err);
    else
        buf_span(&fetch->received, bytes);
    fetch->is_too_much |= !buf_check(&fetch->received, &err);
    return !fetch->is_too_much;
}

/* What is wanted whole is taken at once; a stream only as fast as the browser takes it.
 */
static void got_data(void *context, struct span bytes)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    bool is_passed_on = is_stream(fetch) && fetch->status == 200;
    bool is_kept = keep(fetch, bytes, is_passed_on);
    keep_first(fetch, bytes);
    if (!is_kept && fetch->exchange)
        tunnel_cancel(fetch->exchange);
    else if (!is_passed_on && fetch->exchange)
        tunnel_consume(fetch->exchange, bytes.len);
    /* the first bytes are judged as soon as they are here */
    bool is_due = !fetch->is_passing || fetch->waiting.bytes >= fetch->batch_bytes;
    unlock_and_post_if(fetch, is_passed_on && is_due);
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
    unlock_and_post(fetch);
}

static void stream_drained(void *context)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->is_full = false;
    unlock_and_post(fetch);
}

static void stream_closed(void *context)
{
    struct content_fetch *fetch = context;
    pthread_mutex_lock(&fetch->lock);
    fetch->stream = NULL;
    fetch->is_over = true;
    if (fetch->exchange)
        tunnel_cancel(fetch->exchange);
    unlock_and_post(fetch);
}

/* One whose stream is open has not finished, so it is still here when a worker comes. */
void content_look_again(struct content_service *service)
{
    pthread_mutex_lock(&service->lock);
    for (struct content_fetch *fetch = service->first; fetch; fetch = fetch->next) {
        pthread_mutex_lock(&fetch->lock);
        unlock_and_post_if(fetch, fetch->stream && !fetch->is_over);
    }
    pthread_mutex_unlock(&service->lock);
}

/* ---- asking the gateway ---- */

static const struct tunnel_events fetch_events = {got_head, got_data, got_end};

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
    assert(way->first_bytes <= CONTENT_FIRST_MAX);
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
    fetch->received =
        buf_init(way->answer ? (size_t)way->bytes_max : (size_t)REFUSAL_BYTES_MAX);
    fetch->enough_bytes = -1;
    pthread_mutex_init(&fetch->lock, NULL);
    return fetch;
}

static bool send_first(struct content_fetch *fetch,
                       const struct content_question *question, struct err *err)
{
    CLEANUP(buf_free) struct buf body = buf_init(CONTENT_WISH_BYTES_MAX);
    if (question->part_count > 0) {
        if (!content_make_parts(fetch, question, err))
            return false;
        http_keep(fetch->wish.call);
        return content_send(fetch, fetch->parts->bodies[0], &fetch_events, err);
    }
    if (!content_write_wish(&fetch->wish, &body, err))
        return false;
    http_keep(fetch->wish.call);
    return content_send(fetch, buf_view(&body), &fetch_events, err);
}

bool content_fetch_opened(struct content_service *service, struct http_call *call,
                          const struct content_question *question, struct err *err)
{
    struct content_wish wish = {
        .way = question->way,
        .call = call,
        .target = find_target(service, call, question->opening, err),
        .context = question->context,
        .opening = question->opening,
    };
    struct content_fetch *fetch =
        wish.target ? make(service, &wish, question->opening, err) : NULL;
    if (!fetch)
        return false;
    if (send_first(fetch, question, err))
        return true;
    fetch_free(fetch);
    return false;
}

bool content_fetch_start(struct content_service *service, struct http_call *call,
                         const struct content_way *way, void *context, struct err *err)
{
    CLEANUP(opening_release) struct opening *opening = take_entry(service, call, err);
    struct content_question question = {
        .way = way, .opening = opening, .context = context};
    return opening && content_fetch_opened(service, call, &question, err);
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

/* The lock is held. */
static void give_up(struct content_fetch *fetch)
{
    fetch->is_over = true;
    if (fetch->stream)
        http_stream_abort(fetch->stream);
    if (fetch->exchange)
        tunnel_cancel(fetch->exchange);
}

/* The lock is held: what the gateway sends ends in the middle, or is not as it should. */
static void break_off(struct content_fetch *fetch)
{
    const char *code = fetch->has_ended && !fetch->is_complete ? fetch->err.code : NULL;
    give_up(fetch);
    opening_note_whole(fetch->opening, code ? code : "gateway_refused");
}

static void cut(struct content_fetch *fetch, const struct err *why)
{
    pthread_mutex_lock(&fetch->lock);
    give_up(fetch);
    pthread_mutex_unlock(&fetch->lock);
    content_tell_cancel(fetch);
    opening_end(fetch->opening, "cut", why->code);
}

/* RFC 9110 section 15.5.17. */
static void tell_length(const struct content_fetch *fetch)
{
    char content_range[48];
    snprintf(content_range, sizeof content_range, "bytes */%lld",
             (long long)fetch->head.whole_length);
    http_add_header(fetch->wish.call, "content-range", content_range);
}

static void answer_fault(struct content_fetch *fetch, const struct err *err)
{
    if (fetch->wish.way->fail)
        fetch->wish.way->fail(&fetch->wish, err);
    else
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
    if (!fetch->is_complete && fetch->is_too_much) {
        (void)err_set(err, ERR_LIMIT, "content_too_large", "more than may come");
        (void)refuse(fetch, err);
    } else if (!fetch->is_complete) {
        *err = fetch->err;
    } else {
        content_refusal(fetch->status, body, err);
    }
}

/* How long it is says something of it. */
static void fault_of_stream(struct content_fetch *fetch, struct err *err)
{
    struct err refused = {0};
    fault_of_end(fetch, err);
    if (strcmp(err->code, "range_unsatisfiable") != 0 || fetch->head.whole_length < 0)
        return;
    if (check_permission(fetch, &refused))
        tell_length(fetch);
    else
        *err = refused;
}

/* ---- whole ---- */

void content_count(const struct content_wish *wish, size_t bytes)
{
    opening_count(wish->opening, (int64_t)bytes, 1);
}

static bool answer_whole(struct content_fetch *fetch, struct err *err)
{
    if (!fetch->is_complete || fetch->status != 200) {
        fault_of_end(fetch, err);
        return false;
    }
    /* What was allowed when it was asked for may not be any more. */
    if (!check_permission(fetch, err))
        return false;
    if (!fetch->wish.way->answer(&fetch->wish, &fetch->head, buf_view(&fetch->received),
                                 err))
        return refuse(fetch, err);
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
    return err->kind != ERR_CONFLICT && refuse(fetch, err);
}

/* The lock is held. */
static void write_part_head(struct content_fetch *fetch)
{
    const struct content_parts *parts = fetch->parts;
    char head[CONTENT_FIRST_MAX + CONTENT_TYPE_MAX + 32];
    fetch->is_passing = true;
    if (!parts || !fetch->stream)
        return;
    snprintf(head, sizeof head, "%s--%s\r\nContent-Type: %s\r\n\r\n",
             parts->at > 0 ? "\r\n" : "", parts->boundary, parts->type);
    (void)http_stream_write(fetch->stream, span_cstr(head));
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
    write_part_head(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

/* What comes after the first part is judged by its head before any of it goes on. */
static void see_part(struct content_fetch *fetch)
{
    int64_t bytes_max = fetch->wish.way->bytes_max;
    pthread_mutex_lock(&fetch->lock);
    bool is_good = fetch->status == 200 &&
                   strcmp(fetch->head.type, fetch->parts->type) == 0 &&
                   (bytes_max == 0 || fetch->head.length <= bytes_max);
    bool is_due =
        fetch->stream && !fetch->is_over && !fetch->is_passing && fetch->status != 0;
    if (is_due && is_good) {
        opening_count(fetch->opening, 0, 1);
        write_part_head(fetch);
    } else if (is_due) {
        break_off(fetch);
    }
    pthread_mutex_unlock(&fetch->lock);
}

/* The one before has ended whole. */
static void ask_next_part(struct content_fetch *fetch)
{
    struct err err = {0};
    pthread_mutex_lock(&fetch->lock);
    fetch->parts->at++;
    fetch->status = 0;
    fetch->head = (struct content_fetched){.length = -1, .whole_length = -1};
    fetch->passed_bytes = 0;
    fetch->has_ended = fetch->is_complete = fetch->is_passing = false;
    buf_reset(&fetch->received);
    content_waiting_free(&fetch->waiting);
    pthread_mutex_unlock(&fetch->lock);
    bool is_sent =
        check_permission(fetch, &err) &&
        content_send(fetch, fetch->parts->bodies[fetch->parts->at], &fetch_events, &err);
    pthread_mutex_lock(&fetch->lock);
    if (!is_sent) {
        fetch->has_ended = true;
        opening_note_whole(fetch->opening, err.code);
    }
    if (!is_sent || !fetch->stream || fetch->is_over)
        give_up(fetch);
    pthread_mutex_unlock(&fetch->lock);
}

/* What it lay in comes back empty, or another one. */
static size_t write_piece(struct content_fetch *fetch, struct buf *whole,
                          struct span piece)
{
    return piece.len == whole->len ? http_stream_give(fetch->stream, whole)
                                   : http_stream_write(fetch->stream, piece);
}

/* The lock is held: one piece goes to the browser, and its credit back. What is longer
 * than it may be is cut like what came half. */
static void pass_piece(struct content_fetch *fetch)
{
    int64_t bytes_max = fetch->wish.way->bytes_max;
    struct buf *whole = content_waiting_first(&fetch->waiting);
    struct span piece = buf_view(whole);
    size_t taken_bytes = piece.len;
    if (fetch->enough_bytes >= 0)
        piece = span_part(piece, 0, (size_t)(fetch->enough_bytes - fetch->passed_bytes));
    fetch->passed_bytes += (int64_t)piece.len;
    if (bytes_max > 0 && fetch->passed_bytes > bytes_max) {
        break_off(fetch);
        return;
    }
    opening_count(fetch->opening, (int64_t)piece.len, 0);
    fetch->is_full = write_piece(fetch, whole, piece) > HTTP_STREAM_HIGH_BYTES;
    content_waiting_drop(&fetch->waiting, taken_bytes);
    if (fetch->exchange)
        tunnel_consume(fetch->exchange, taken_bytes);
}

static bool has_piece(struct content_fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    bool has_one = fetch->stream && !fetch->is_over && !fetch->is_full &&
                   fetch->is_passing && fetch->waiting.count > 0;
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

/* Asked at every turn, with or without a piece to pass, and before every piece; it costs
 * a look into the database. */
static void pass_on(struct content_fetch *fetch)
{
    struct err err = {0};
    for (int i = 0; i < TURN_PIECES && is_streaming(fetch); i++) {
        if (i > 0 && !has_piece(fetch))
            return;
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

/* The lock is held: it came whole. True when there is one more part. */
static bool end_part(struct content_fetch *fetch)
{
    const struct content_parts *parts = fetch->parts;
    char end[CONTENT_FIRST_MAX + 16];
    if (parts && parts->at + 1 < parts->count)
        return true;
    if (parts) {
        snprintf(end, sizeof end, "\r\n--%s--\r\n", parts->boundary);
        (void)http_stream_write(fetch->stream, span_cstr(end));
    }
    fetch->is_over = true;
    http_stream_end(fetch->stream);
    opening_note_whole(fetch->opening, NULL);
    if (fetch->exchange)
        tunnel_cancel(fetch->exchange);
    return false;
}

/* Only what came whole ends whole. */
static void end_stream(struct content_fetch *fetch)
{
    bool goes_on = false;
    pthread_mutex_lock(&fetch->lock);
    bool is_enough =
        fetch->enough_bytes >= 0 && fetch->passed_bytes == fetch->enough_bytes;
    bool is_due = fetch->stream && !fetch->is_over &&
                  (is_enough || (fetch->has_ended &&
                                 (fetch->waiting.count == 0 || !fetch->is_complete)));
    if (is_due && (is_enough || (fetch->is_complete && !fetch->is_too_much)))
        goes_on = end_part(fetch);
    else if (is_due)
        break_off(fetch);
    pthread_mutex_unlock(&fetch->lock);
    if (goes_on)
        ask_next_part(fetch);
}

static void step_stream(struct content_fetch *fetch)
{
    struct err err = {0};
    size_t first_bytes = fetch->wish.way->first_bytes;
    pthread_mutex_lock(&fetch->lock);
    bool is_answered = fetch->is_answered;
    bool is_good =
        fetch->status == 200 &&
        (fetch->has_ended ? fetch->is_complete : fetch->head.first_bytes >= first_bytes);
    bool has_ended = fetch->has_ended;
    pthread_mutex_unlock(&fetch->lock);
    if (!is_answered && is_good) {
        begin_stream(fetch);
    } else if (!is_answered && has_ended) {
        fault_of_stream(fetch, &err);
        answer_fault(fetch, &err);
    }
    if (is_answered && fetch->parts)
        see_part(fetch);
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
        bool is_handed_on = goes_on && workers_waiting(fetch->service->workers) > 0 &&
                            !atomic_load(&fetch->service->is_stopped) &&
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
