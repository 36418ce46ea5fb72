// SPDX-License-Identifier: Apache-2.0
/* The pumps: a long poll per gateway and lane. The loop only takes bytes over; a batch is
 * applied in a worker, and its answers go with the next poll of the same tunnel. When a
 * poll fails, its answers are forgotten and the gateway sends those events again. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "exchange/registry/registry_uplink.h"
#include "wire/tunnel/tunnel.h"
#include "wire/workers/workers.h"

enum {
    WORKERS = 4,
    ASKERS = 12,
    QUEUE_MAX = 16384,
    POLL_GRACE_MS = 10000,
    DELAY_MIN_MS = 500,
    DELAY_MAX_MS = 30000,
    QUICK_MS = 200,
    QUICK_POLLS_MAX = 20,
    KEEPER_MS = 1000,
    COMPARE_EVERY_MS = 24 * 3600 * 1000,
    ANSWERS_BYTES_MAX = 256 * 1024,
    BATCH_ARENA_BYTES = 16 << 20
};

static int64_t now_ms(const struct registry_uplink *uplink)
{
    return clock_monotonic_ms(&uplink->config.clock);
}

/* ---- one poll ---- */

static void run_pump(void *context);

/* The lock is held. */
static void wait_for(struct registry_pump *pump, int delay_ms)
{
    pump->state = PUMP_WAITING;
    pump->due_at_ms = now_ms(pump->gateway->uplink) + delay_ms;
    pthread_cond_signal(&pump->gateway->uplink->changed);
}

/* The lock is held: a worker takes the pump. */
static void post_pump(struct registry_pump *pump)
{
    pump->state = PUMP_WORKING;
    if (!workers_post(pump->gateway->uplink->workers, run_pump, pump))
        wait_for(pump, DELAY_MIN_MS);
}

static void poll_head(void *context, const struct tunnel_head *head)
{
    struct registry_pump *pump = context;
    pump->status = head->status;
}

static void poll_data(void *context, struct span bytes)
{
    struct registry_pump *pump = context;
    struct err err = {0};
    buf_span(&pump->received, bytes);
    pthread_mutex_lock(&pump->gateway->uplink->lock);
    if (pump->exchange && buf_check(&pump->received, &err))
        tunnel_consume(pump->exchange, bytes.len);
    else if (pump->exchange)
        tunnel_cancel(pump->exchange);
    pthread_mutex_unlock(&pump->gateway->uplink->lock);
}

static void poll_ended(void *context, bool complete, const struct err *err)
{
    struct registry_pump *pump = context;
    struct registry_uplink *uplink = pump->gateway->uplink;
    pthread_mutex_lock(&uplink->lock);
    pump->exchange = NULL;
    pump->is_complete = complete;
    pump->has_batch = true;
    pump->err = complete ? (struct err){0} : *err;
    if (uplink->is_stopping)
        pump->state = PUMP_IDLE;
    else
        post_pump(pump);
    pthread_mutex_unlock(&uplink->lock);
}

static bool send_poll(struct registry_pump *pump, struct err *err)
{
    static const struct tunnel_events events = {poll_head, poll_data, poll_ended};
    struct registry_uplink *uplink = pump->gateway->uplink;
    struct tunnel_request request = {.method = "POST",
                                     .path = pump->is_backfill ? "/events/backfill"
                                                               : "/events/live",
                                     .body = buf_view(&pump->answers),
                                     .first_byte_ms = UPLINK_POLL_MS + POLL_GRACE_MS,
                                     .total_ms = UPLINK_POLL_MS + 2 * POLL_GRACE_MS};
    if (!buf_check(&pump->answers, err))
        return false;
    buf_reset(&pump->received);
    pump->status = 0;
    pump->asked_at_ms = now_ms(uplink);
    pthread_mutex_lock(&uplink->lock);
    bool is_sent = false;
    if (uplink->is_stopping) {
        pump->state = PUMP_IDLE;
        is_sent = true;
    } else {
        pump->state = PUMP_ASKING;
        pump->exchange = tunnel_send(pump->tunnel, &request, &events, pump, err);
        is_sent = pump->exchange != NULL;
        if (is_sent)
            buf_free(&pump->answers); /* the tunnel has a copy */
        else
            pump->state = PUMP_WORKING;
    }
    pthread_mutex_unlock(&uplink->lock);
    return is_sent;
}

/* ---- in a worker ---- */

static void write_answers(struct registry_pump *pump, const struct uplink_answer *answers,
                          size_t count)
{
    buf_reset(&pump->answers);
    struct json_writer writer = json_writer(&pump->answers);
    uplink_write_answers(&writer, answers, count);
}

static bool begin_line(struct registry_pump *pump, struct err *err)
{
    struct registry_gateway *gateway = pump->gateway;
    pump->tunnel =
        facility_gateway_take(gateway->uplink->config.gateways, gateway->facility, err);
    write_answers(pump, NULL, 0);
    pump->quick_polls = 0;
    return pump->tunnel != NULL;
}

static void note_step(struct registry_pump *pump)
{
    struct registry_uplink *uplink = pump->gateway->uplink;
    pthread_mutex_lock(&uplink->lock);
    pump->gateway->step_count++;
    pthread_cond_broadcast(&uplink->stepped);
    pthread_mutex_unlock(&uplink->lock);
}

/* It answers, but not with events: its own database is full or damaged. */
static void note_failing(struct registry_pump *pump)
{
    struct registry_uplink *uplink = pump->gateway->uplink;
    struct uplink_standing standing;
    if (pump->status < 500 ||
        !facility_gateway_standing(uplink->config.gateways, pump->gateway->facility,
                                   &standing) ||
        standing.reading != UPLINK_READ)
        return;
    standing.reading = UPLINK_READ_FAILED;
    standing.since_ms = clock_wall_ms(&uplink->config.clock);
    facility_gateway_note_standing(uplink->config.gateways, pump->gateway->facility,
                                   &standing);
}

/* Since when one of its lanes is not kept; the lock is held. */
static int64_t untaken_since(const struct registry_gateway *gateway)
{
    int64_t since_ms = 0;
    for (int lane = 0; lane < REGISTRY_LANES; lane++) {
        int64_t lane_ms = gateway->pumps[lane].untaken_since_ms;
        if (lane_ms > 0 && (since_ms == 0 || lane_ms < since_ms))
            since_ms = lane_ms;
    }
    return since_ms;
}

/* What it sent is not kept here: the centre's own database is full, say. Once is none:
 * the same events come again at once. A lane that is empty does not speak for the other.
 * The other lane may note at the same time: whoever was last looks again. */
static void note_untaken(struct registry_pump *pump, bool is_untaken)
{
    struct registry_gateway *gateway = pump->gateway;
    struct registry_uplink *uplink = gateway->uplink;
    pthread_mutex_lock(&uplink->lock);
    bool was_untaken = pump->untaken_since_ms > 0;
    if (!is_untaken)
        pump->untaken_since_ms = 0;
    else if (!was_untaken)
        pump->untaken_since_ms = clock_wall_ms(&uplink->config.clock);
    int64_t since_ms = untaken_since(gateway);
    int64_t noted_ms = since_ms - 1;
    while (was_untaken && noted_ms != since_ms) {
        noted_ms = since_ms;
        pthread_mutex_unlock(&uplink->lock);
        facility_gateway_note_untaken(uplink->config.gateways, gateway->facility,
                                      noted_ms);
        pthread_mutex_lock(&uplink->lock);
        since_ms = untaken_since(gateway);
    }
    pthread_mutex_unlock(&uplink->lock);
}

static bool take_batch(struct registry_pump *pump, size_t *count, struct err *err)
{
    struct facility_gateways *gateways = pump->gateway->uplink->config.gateways;
    CLEANUP(arena_free) struct arena arena = arena_init(BATCH_ARENA_BYTES);
    struct registry_batch batch = {.uplink = pump->gateway->uplink,
                                   .facility = pump->gateway->facility,
                                   .is_backfill = pump->is_backfill,
                                   .arena = &arena};
    if (!pump->is_complete) {
        *err = pump->err;
        return false;
    }
    if (pump->status != 200) {
        note_failing(pump);
        return err_set(err, ERR_BUSY, "gateway_refused", "a poll was answered %d",
                       pump->status);
    }
    (void)facility_gateway_standing(gateways, batch.facility, &batch.standing);
    bool is_taken = registry_apply_events(&batch, buf_view(&pump->received), err);
    note_untaken(pump, !is_taken);
    if (!is_taken)
        return false;
    facility_gateway_note_standing(gateways, batch.facility, &batch.standing);
    buf_free(&pump->received); /* hundreds of pumps wait with nothing to do */
    write_answers(pump, batch.answers, batch.count);
    note_step(pump);
    *count = batch.count;
    return true;
}

/* A gateway that answers "nothing" at once, again and again, is asked less often. */
static bool is_too_quick(struct registry_pump *pump, size_t count)
{
    struct registry_uplink *uplink = pump->gateway->uplink;
    bool is_quick = count == 0 && now_ms(uplink) - pump->asked_at_ms < QUICK_MS;
    pump->quick_polls = is_quick ? pump->quick_polls + 1 : 0;
    if (pump->quick_polls < QUICK_POLLS_MAX)
        return false;
    pump->quick_polls = 0;
    pthread_mutex_lock(&uplink->lock);
    wait_for(pump, DELAY_MIN_MS);
    pthread_mutex_unlock(&uplink->lock);
    return true;
}

/* Without the gateway the pump rests until it is back; else it tries again later. */
static void give_up(struct registry_pump *pump, const struct err *err)
{
    struct registry_uplink *uplink = pump->gateway->uplink;
    if (uplink->config.log && strcmp(err->code, "gateway_away") != 0)
        log_err(uplink->config.log, "events_poll", err);
    if (pump->tunnel)
        tunnel_release(&pump->tunnel);
    pump->has_batch = false;
    buf_free(&pump->received);
    bool is_ready =
        facility_gateway_is_ready(uplink->config.gateways, pump->gateway->facility);
    pthread_mutex_lock(&uplink->lock);
    if (uplink->is_stopping) {
        pump->state = PUMP_IDLE;
    } else if (pump->is_wanted) {
        pump->is_wanted = false;
        wait_for(pump, 0);
    } else if (is_ready) {
        wait_for(pump, pump->delay_ms);
        pump->delay_ms =
            pump->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : pump->delay_ms * 2;
    } else {
        pump->state = PUMP_IDLE;
    }
    pthread_mutex_unlock(&uplink->lock);
}

/* One turn: a new line, or the batch that came; then the next poll. */
static void run_pump(void *context)
{
    struct registry_pump *pump = context;
    struct err err = {0};
    size_t count = 0;
    bool is_fine = true;
    bool had_batch = pump->has_batch;
    pump->has_batch = false;
    if (!pump->tunnel)
        is_fine = begin_line(pump, &err);
    else if (had_batch)
        is_fine = take_batch(pump, &count, &err);
    if (is_fine && had_batch) {
        pump->delay_ms = DELAY_MIN_MS;
        if (is_too_quick(pump, count))
            return;
    }
    /* Once it is sent, the pump belongs to the loop. */
    if (!is_fine || !send_poll(pump, &err))
        give_up(pump, &err);
}

/* ---- the keeper: pumps that wait, and the daily comparison ---- */

/* The lock is held. */
static void keep_gateway(struct registry_gateway *gateway, int64_t now)
{
    for (int lane = 0; lane < REGISTRY_LANES; lane++) {
        struct registry_pump *pump = &gateway->pumps[lane];
        if (pump->state == PUMP_WAITING && pump->due_at_ms <= now)
            post_pump(pump);
    }
}

/* The lock is held: one whose day is over; its next day begins. */
static struct registry_gateway *find_due(struct registry_uplink *uplink, int64_t now)
{
    struct registry_gateway *gateway = uplink->first;
    while (gateway && gateway->compare_at_ms > now)
        gateway = gateway->next;
    if (gateway)
        gateway->compare_at_ms = now + COMPARE_EVERY_MS;
    return gateway;
}

/* The lock is held; gives it up for a while. */
static void wait_keeper(struct registry_uplink *uplink, int64_t now)
{
    int64_t wait_ms = KEEPER_MS;
    for (struct registry_gateway *g = uplink->first; g; g = g->next)
        for (int lane = 0; lane < REGISTRY_LANES; lane++) {
            const struct registry_pump *pump = &g->pumps[lane];
            if (pump->state == PUMP_WAITING && pump->due_at_ms - now < wait_ms)
                wait_ms = pump->due_at_ms - now;
        }
    if (wait_ms <= 0)
        return;
    struct timespec until = registry_instant_after(wait_ms);
    (void)!pthread_cond_timedwait(&uplink->changed, &uplink->lock, &until);
}

static void *run_keeper(void *context)
{
    struct registry_uplink *uplink = context;
    pthread_mutex_lock(&uplink->lock);
    while (!uplink->is_stopping) {
        int64_t now = now_ms(uplink);
        for (struct registry_gateway *g = uplink->first; g; g = g->next)
            keep_gateway(g, now);
        struct registry_gateway *due = find_due(uplink, now);
        if (due) {
            pthread_mutex_unlock(&uplink->lock);
            registry_start_comparison(uplink, due->facility);
            pthread_mutex_lock(&uplink->lock);
        } else {
            wait_keeper(uplink, now);
        }
    }
    pthread_mutex_unlock(&uplink->lock);
    return NULL;
}

struct timespec registry_instant_after(int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* ---- listening ---- */

/* The lock is held. */
static struct registry_gateway *find_gateway(struct registry_uplink *uplink,
                                             struct id facility)
{
    struct registry_gateway *gateway = uplink->first;
    while (gateway && !id_equal(gateway->facility, facility))
        gateway = gateway->next;
    return gateway;
}

/* The lock is held. */
static struct registry_gateway *add_gateway(struct registry_uplink *uplink,
                                            struct id facility, struct err *err)
{
    struct registry_gateway *gateway = memory_new(1, sizeof *gateway, err);
    if (!gateway)
        return NULL;
    gateway->uplink = uplink;
    gateway->facility = facility;
    for (int lane = 0; lane < REGISTRY_LANES; lane++)
        gateway->pumps[lane] =
            (struct registry_pump){.gateway = gateway,
                                   .is_backfill = lane == 1,
                                   .delay_ms = DELAY_MIN_MS,
                                   .answers = buf_init(ANSWERS_BYTES_MAX),
                                   .received = buf_init(UPLINK_MESSAGE_BYTES_MAX)};
    gateway->next = uplink->first;
    uplink->first = gateway;
    return gateway;
}

static void facility_ready(void *context, struct id facility)
{
    struct registry_uplink *uplink = context;
    struct err err = {0};
    pthread_mutex_lock(&uplink->lock);
    struct registry_gateway *gateway = find_gateway(uplink, facility);
    if (!gateway && !uplink->is_stopping)
        gateway = add_gateway(uplink, facility, &err);
    bool goes_on = gateway && !uplink->is_stopping;
    for (int lane = 0; goes_on && lane < REGISTRY_LANES; lane++) {
        struct registry_pump *pump = &gateway->pumps[lane];
        if (pump->state == PUMP_IDLE || pump->state == PUMP_WAITING)
            post_pump(pump);
        else
            pump->is_wanted = true;
    }
    if (goes_on)
        gateway->compare_at_ms = now_ms(uplink) + COMPARE_EVERY_MS;
    pthread_mutex_unlock(&uplink->lock);
    if (goes_on)
        registry_start_comparison(uplink, facility);
    else if (err.kind != ERR_NONE && uplink->config.log)
        log_err(uplink->config.log, "uplink_ready", &err);
}

struct facility_listener registry_facility_listener(struct registry_uplink *uplink)
{
    return (struct facility_listener){.ready = facility_ready, .context = uplink};
}

/* What an ended link had published is withdrawn; a suspended one is only hidden. */
static void link_changed(void *context, const struct patient_record *record)
{
    struct registry_uplink *uplink = context;
    struct err err = {0};
    struct registry_owner owner = {.facility = record->facility,
                                   .record = record->id,
                                   .person = record->person,
                                   .local_number = record->number};
    if (record->state == PATIENT_ENDED &&
        !registry_forget(uplink->config.registry, &owner, &err) && uplink->config.log)
        log_err(uplink->config.log, "registry_forget", &err);
}

struct patient_listener registry_patient_listener(struct registry_uplink *uplink)
{
    return (struct patient_listener){.link_changed = link_changed, .context = uplink};
}

/* ---- life ---- */

static void destroy(struct registry_uplink *uplink)
{
    while (uplink->first) {
        struct registry_gateway *gateway = uplink->first;
        uplink->first = gateway->next;
        for (int lane = 0; lane < REGISTRY_LANES; lane++) {
            struct registry_pump *pump = &gateway->pumps[lane];
            if (pump->tunnel)
                tunnel_release(&pump->tunnel);
            buf_free(&pump->answers);
            buf_free(&pump->received);
        }
        memory_free(gateway);
    }
    pthread_cond_destroy(&uplink->changed);
    pthread_cond_destroy(&uplink->stepped);
    pthread_mutex_destroy(&uplink->lock);
    memory_free(uplink);
}

static bool start_threads(struct registry_uplink *uplink, struct err *err)
{
    uplink->workers = workers_new(WORKERS, QUEUE_MAX, err);
    if (!uplink->workers)
        return false;
    uplink->askers = workers_new(ASKERS, QUEUE_MAX, err);
    if (!uplink->askers) {
        workers_free(uplink->workers);
        return false;
    }
    if (pthread_create(&uplink->keeper, NULL, run_keeper, uplink) == 0)
        return true;
    workers_free(uplink->askers);
    workers_free(uplink->workers);
    return err_set(err, ERR_SYSTEM, "thread_failed", "no thread for the uplink");
}

struct registry_uplink *registry_uplink_new(const struct registry_uplink_config *config,
                                            struct err *err)
{
    struct registry_uplink *uplink = memory_new(1, sizeof *uplink, err);
    if (!uplink)
        return NULL;
    uplink->config = *config;
    uplink->may_have_others = registry_may_have_others(config->store);
    pthread_mutex_init(&uplink->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&uplink->changed, &attributes);
    pthread_cond_init(&uplink->stepped, &attributes);
    pthread_condattr_destroy(&attributes);
    if (start_threads(uplink, err))
        return uplink;
    destroy(uplink);
    return NULL;
}

void registry_uplink_stop(struct registry_uplink *uplink)
{
    if (!uplink || uplink->has_stopped)
        return;
    pthread_mutex_lock(&uplink->lock);
    uplink->is_stopping = true;
    uplink->has_stopped = true;
    pthread_cond_broadcast(&uplink->changed);
    pthread_cond_broadcast(&uplink->stepped);
    pthread_mutex_unlock(&uplink->lock);
    pthread_join(uplink->keeper, NULL);
    workers_free(uplink->workers);
    workers_free(uplink->askers);
}

void registry_uplink_free(struct registry_uplink *uplink)
{
    if (!uplink)
        return;
    registry_uplink_stop(uplink);
    destroy(uplink);
}
