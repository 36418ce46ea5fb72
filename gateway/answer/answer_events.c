// SPDX-License-Identifier: Apache-2.0
/* Event polls: answers to the last batch come in, the next batch goes out as soon as
 * there is one. One poll waits per line and lane; the live lane never waits for the
 * backfill. */
#include <string.h>

#include "base/memory.h"
#include "gateway/answer/answer_parts.h"

/* ---- how the storages stand ---- */

struct uplink_standing answer_standing(const struct answer *answer)
{
    static const enum uplink_reading readings[] = {[COLLECT_NOT_YET] =
                                                       UPLINK_NOT_YET_READ,
                                                   [COLLECT_READ] = UPLINK_READ,
                                                   [COLLECT_AWAY] = UPLINK_STORAGE_AWAY,
                                                   [COLLECT_FAILED] = UPLINK_READ_FAILED};
    struct collect_standing standing = collect_standing(answer->config.collect);
    return (struct uplink_standing){.reading = readings[standing.state],
                                    .since_ms = standing.since_ms,
                                    .polled_s = collect_polled_s(answer->config.collect)};
}

/* The lock is held. */
static bool is_told(const struct answer_line *line,
                    const struct uplink_standing *standing)
{
    return line->has_told && uplink_standing_equal(&line->told, standing);
}

static void write_batch(struct answer_line *line, const struct uplink_event *events,
                        size_t count, struct buf *out)
{
    struct uplink_standing standing = answer_standing(line->answer);
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "events");
    json_open_array(&writer);
    for (size_t i = 0; i < count; i++)
        uplink_write_event(&writer, &events[i]);
    json_close_array(&writer);
    uplink_put_standing(&writer, &standing);
    json_close_object(&writer);
    pthread_mutex_lock(&line->answer->lock);
    line->told = standing;
    line->has_told = true;
    pthread_mutex_unlock(&line->answer->lock);
}

/* ---- over which line ---- */

enum { LEASE_MS = 10000 };

static int64_t monotonic_ms(const struct answer *answer)
{
    return clock_monotonic_ms(&answer->config.clock);
}

static int64_t lease_ms(const struct answer *answer)
{
    int64_t polls_ms = 2 * (int64_t)answer->config.poll_ms;
    return polls_ms < LEASE_MS ? polls_ms : LEASE_MS;
}

/* The lock is held: the lane's holder asks, or did lately. Who was given something and
 * does not come back may have a database that is away, while another process has not. */
static bool is_held(const struct answer *answer, int lane)
{
    const struct answer_line *holder = answer->holder[lane];
    return holder && holder->is_up &&
           (holder->waiting[lane] ||
            monotonic_ms(answer) - answer->given_ms[lane] < lease_ms(answer));
}

/* The lock is held: whether the lane's events go over this line, which becomes the holder
 * when there is none. */
static bool may_take(struct answer_line *line, int lane)
{
    struct answer *answer = line->answer;
    if (answer->holder[lane] == line || !line->is_up || is_held(answer, lane))
        return answer->holder[lane] == line && line->is_up;
    answer->holder[lane] = line;
    answer->given_ms[lane] = monotonic_ms(answer);
    return true;
}

static bool takes(struct answer_line *line, int lane)
{
    struct answer *answer = line->answer;
    pthread_mutex_lock(&answer->lock);
    bool is_holder = may_take(line, lane);
    if (is_holder)
        answer->given_ms[lane] = monotonic_ms(answer);
    pthread_mutex_unlock(&answer->lock);
    return is_holder;
}

/* Answers with what there is for this line, even nothing. */
static void answer_batch(struct answer_line *line, int lane, struct http_call *call)
{
    struct err err = {0};
    size_t count = 0;
    struct uplink_event *events = NULL;
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BODY_MAX);
    bool is_done = !takes(line, lane) ||
                   index_take_events(line->answer->config.index, lane, UPLINK_EVENTS_MAX,
                                     http_arena(call), &events, &count, &err);
    if (is_done)
        write_batch(line, events, count, &out);
    answer_send(call, &out, is_done, &err);
}

/* Takes the call that waits in the lane, if any. */
static struct http_call *take_waiting(struct answer_line *line, int lane)
{
    pthread_mutex_lock(&line->answer->lock);
    struct http_call *call = line->waiting[lane];
    line->waiting[lane] = NULL;
    pthread_mutex_unlock(&line->answer->lock);
    return call;
}

/* Keeps the call and puts it in its lane's place; `before` is the one that waited there.
 * False at the end of the gateway: nothing waits any more. */
static bool begin_waiting(struct answer_line *line, int lane, struct http_call *call,
                          struct http_call **before)
{
    struct answer *answer = line->answer;
    pthread_mutex_lock(&answer->lock);
    bool may_wait = !answer->is_ending;
    *before = NULL;
    if (may_wait) {
        http_keep(call);
        *before = line->waiting[lane];
        line->waiting[lane] = call;
        line->since_ms[lane] = monotonic_ms(answer);
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

static void resume(struct answer_line *line, int lane, struct http_call *call)
{
    if (call)
        http_resume(call, lane == 0 ? resume_live : resume_backfill, line);
}

static void release_waiting(struct answer_line *line, int lane)
{
    resume(line, lane, take_waiting(line, lane));
}

static void poll_lane(struct answer_line *line, int lane, struct http_call *call)
{
    struct err err = {0};
    struct answer *answer = line->answer;
    if (!take_answers(answer, call, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    struct http_call *before = NULL;
    if (!begin_waiting(line, lane, call, &before)) {
        answer_batch(line, lane, call);
        return;
    }
    resume(line, lane, before);
    /* Looked at after waiting began, so an event that comes between wakes it. */
    if (takes(line, lane) && (has_events(answer, lane, &err) || err.kind != ERR_NONE))
        release_waiting(line, lane);
}

void answer_events_live(struct http_call *call, void *context)
{
    poll_lane(context, 0, call);
}

void answer_events_backfill(struct http_call *call, void *context)
{
    poll_lane(context, 1, call);
}

/* The line that has the lane, or the first that asks for it when none has. */
static struct answer_line *find_taker(struct answer *answer, int lane)
{
    struct answer_line *taker = NULL;
    pthread_mutex_lock(&answer->lock);
    if (is_held(answer, lane))
        taker = answer->holder[lane];
    for (int i = 0; i < ANSWER_LINES_MAX && !taker; i++)
        if (answer->lines[i].waiting[lane] && may_take(&answer->lines[i], lane))
            taker = &answer->lines[i];
    pthread_mutex_unlock(&answer->lock);
    return taker;
}

void answer_wake(void *context, int lane)
{
    struct answer_line *taker = context ? find_taker(context, lane) : NULL;
    if (taker)
        release_waiting(taker, lane);
}

/* Nobody has the lane any more and somebody else asks: what was handed out and not
 * answered is handed out again. */
static void pass_on(struct answer *answer, int lane)
{
    pthread_mutex_lock(&answer->lock);
    bool has_taker = is_held(answer, lane);
    pthread_mutex_unlock(&answer->lock);
    if (!has_taker)
        answer_wake(answer, lane);
}

static void tick_line(struct answer_line *line, int lane, int64_t now_ms,
                      const struct uplink_standing *standing)
{
    struct answer *answer = line->answer;
    pthread_mutex_lock(&answer->lock);
    bool is_over =
        line->waiting[lane] && (now_ms - line->since_ms[lane] >= answer->config.poll_ms ||
                                (lane == 0 && !is_told(line, standing)));
    pthread_mutex_unlock(&answer->lock);
    if (is_over)
        release_waiting(line, lane);
}

void answer_tick(struct answer *answer)
{
    int64_t now_ms = monotonic_ms(answer);
    struct uplink_standing standing = answer_standing(answer);
    for (int lane = 0; lane < ANSWER_LANES; lane++) {
        for (int i = 0; i < ANSWER_LINES_MAX; i++)
            tick_line(&answer->lines[i], lane, now_ms, &standing);
        pass_on(answer, lane);
    }
}

void answer_line_changed(struct answer *answer, int number, bool is_up)
{
    struct answer_line *line = &answer->lines[number];
    pthread_mutex_lock(&answer->lock);
    bool had_tunnel = !is_up && line->has_greeted;
    struct id tunnel = line->tunnel;
    line->is_up = is_up;
    line->has_greeted = false;
    line->has_told = false;
    for (int lane = 0; !is_up && lane < ANSWER_LANES; lane++)
        if (answer->holder[lane] == line)
            answer->holder[lane] = NULL;
    pthread_mutex_unlock(&answer->lock);
    if (had_tunnel)
        release_drop_tunnel(answer->config.release, tunnel);
    for (int lane = 0; !is_up && lane < ANSWER_LANES; lane++) {
        release_waiting(line, lane); /* into the void */
        pass_on(answer, lane);
    }
}

void answer_end(struct answer *answer)
{
    if (!answer)
        return;
    pthread_mutex_lock(&answer->lock);
    answer->is_ending = true;
    pthread_mutex_unlock(&answer->lock);
    for (int i = 0; i < ANSWER_LANES * ANSWER_LINES_MAX; i++) {
        struct err err = {0};
        struct http_call *call =
            take_waiting(&answer->lines[i / ANSWER_LANES], i % ANSWER_LANES);
        err_set(&err, ERR_BUSY, "gateway_stopping", "the gateway is being stopped");
        if (call)
            http_answer_problem(call, &err);
    }
    answer_end_measuring(answer);
}

void answer_free(struct answer *answer)
{
    if (!answer)
        return;
    pthread_mutex_lock(&answer->lists_lock);
    while (answer->sending_count > 0) /* their streams have ended with the loop */
        pthread_cond_wait(&answer->sendings_ended, &answer->lists_lock);
    pthread_mutex_unlock(&answer->lists_lock);
    answer_drop_lists(answer, NULL);
    pthread_cond_destroy(&answer->sendings_ended);
    pthread_mutex_destroy(&answer->lists_lock);
    pthread_mutex_destroy(&answer->lock);
    memory_free(answer);
}
