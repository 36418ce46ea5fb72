// SPDX-License-Identifier: Apache-2.0
/* Event polls: answers to the last batch come in, the next batch goes out as soon as
 * there is one. One poll waits per lane; the live lane never waits for the backfill. */
#include <string.h>

#include "base/memory.h"
#include "gateway/answer/answer_parts.h"

static bool write_batch(struct answer *answer, int lane, struct http_call *call,
                        struct buf *out, size_t *count, struct err *err)
{
    struct uplink_event *events = NULL;
    if (!index_take_events(answer->config.index, lane, UPLINK_EVENTS_MAX,
                           http_arena(call), &events, count, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "events");
    json_open_array(&writer);
    for (size_t i = 0; i < *count; i++)
        uplink_write_event(&writer, &events[i]);
    json_close_array(&writer);
    json_close_object(&writer);
    return true;
}

/* Answers with what there is, even nothing. */
static void answer_batch(struct answer *answer, int lane, struct http_call *call)
{
    struct err err = {0};
    size_t count = 0;
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    bool is_done = write_batch(answer, lane, call, &out, &count, &err);
    answer_send(call, &out, is_done, &err);
}

/* Takes the call that waits in the lane, if any. */
static struct http_call *take_waiting(struct answer *answer, int lane)
{
    pthread_mutex_lock(&answer->lock);
    struct http_call *call = answer->waiting[lane];
    answer->waiting[lane] = NULL;
    pthread_mutex_unlock(&answer->lock);
    return call;
}

/* Keeps the call and puts it in its lane's place; `before` is the one that waited there.
 * False at the end of the gateway: nothing waits any more. */
static bool begin_waiting(struct answer *answer, int lane, struct http_call *call,
                          struct http_call **before)
{
    pthread_mutex_lock(&answer->lock);
    bool may_wait = !answer->is_ending;
    *before = NULL;
    if (may_wait) {
        http_keep(call);
        *before = answer->waiting[lane];
        answer->waiting[lane] = call;
        answer->since_ms[lane] = clock_monotonic_ms(&answer->config.clock);
    }
    pthread_mutex_unlock(&answer->lock);
    return may_wait;
}

static bool has_events(struct answer *answer, int lane, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct uplink_event *events = NULL;
    size_t count = 0;
    return index_take_events(answer->config.index, lane, 1, &arena, &events, &count,
                             err) &&
           count > 0;
}

static bool take_answers(struct answer *answer, struct http_call *call, struct err *err)
{
    struct uplink_answers answers;
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    return document &&
           uplink_read_answers(json_root(document), http_arena(call), &answers, err) &&
           index_answer_events(answer->config.index, &answers, err);
}

static void resume_live(struct http_call *call, void *context)
{
    answer_batch(context, 0, call);
}

static void resume_backfill(struct http_call *call, void *context)
{
    answer_batch(context, 1, call);
}

static void release_waiting(struct answer *answer, int lane)
{
    struct http_call *call = take_waiting(answer, lane);
    if (call)
        http_resume(call, lane == 0 ? resume_live : resume_backfill, answer);
}

static void poll_lane(struct answer *answer, int lane, struct http_call *call)
{
    struct err err = {0};
    if (!take_answers(answer, call, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    struct http_call *before = NULL;
    if (!begin_waiting(answer, lane, call, &before)) {
        answer_batch(answer, lane, call);
        return;
    }
    if (before)
        http_resume(before, lane == 0 ? resume_live : resume_backfill, answer);
    /* Looked at after waiting began, so an event that comes between wakes it. */
    if (has_events(answer, lane, &err) || err.kind != ERR_NONE)
        release_waiting(answer, lane);
}

void answer_events_live(struct http_call *call, void *context)
{
    poll_lane(context, 0, call);
}

void answer_events_backfill(struct http_call *call, void *context)
{
    poll_lane(context, 1, call);
}

void answer_wake(void *context, int lane)
{
    if (context)
        release_waiting(context, lane);
}

void answer_tick(struct answer *answer)
{
    int64_t now_ms = clock_monotonic_ms(&answer->config.clock);
    for (int lane = 0; lane < ANSWER_LANES; lane++) {
        pthread_mutex_lock(&answer->lock);
        bool is_over = answer->waiting[lane] &&
                       now_ms - answer->since_ms[lane] >= answer->config.poll_ms;
        pthread_mutex_unlock(&answer->lock);
        if (is_over)
            release_waiting(answer, lane);
    }
}

void answer_end(struct answer *answer)
{
    if (!answer)
        return;
    pthread_mutex_lock(&answer->lock);
    answer->is_ending = true;
    pthread_mutex_unlock(&answer->lock);
    for (int lane = 0; lane < ANSWER_LANES; lane++) {
        struct err err = {0};
        struct http_call *call = take_waiting(answer, lane);
        err_set(&err, ERR_BUSY, "gateway_stopping", "the gateway is being stopped");
        if (call)
            http_answer_problem(call, &err);
    }
}

void answer_free(struct answer *answer)
{
    if (!answer)
        return;
    pthread_mutex_destroy(&answer->lock);
    memory_free(answer);
}
