// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "exchange/process/process_parts.h"

enum { LOOK_MS = 100 };

/* ---- rules ---- */

bool process_note(struct process_other *other, const struct process_row *row,
                  int64_t now_ms)
{
    bool is_new_run = !id_equal(other->row.run, row->run);
    bool was_alive = !other->row.has_ended && !other->is_gone;
    bool has_moved = is_new_run || other->row.beat != row->beat;
    other->row = *row;
    if (has_moved) {
        other->seen_ms = now_ms;
        other->is_gone = false;
        /* It came back before anybody noticed that it was gone. */
        return is_new_run && was_alive;
    }
    bool is_still = !row->has_ended && now_ms - other->seen_ms >= PROCESS_GONE_MS;
    bool is_gone_now = is_still && !other->is_gone;
    other->is_gone |= is_still;
    return is_gone_now;
}

bool process_head_is_due(const struct process_other *other, int64_t now_ms)
{
    bool is_over = other->is_gone || other->row.has_ended;
    bool is_time = !other->has_kept || now_ms - other->kept_ms >= PROCESS_HEADS_MS;
    return other->row.head.number > 0 && other->row.head.number != other->kept_number &&
           (is_over || is_time);
}

/* ---- watching ---- */

static int64_t monotonic_ms(const struct process *process)
{
    return clock_monotonic_ms(&process->config.clock);
}

static void complain(const struct process *process, const char *event,
                     const struct err *err)
{
    if (process->config.log)
        log_err(process->config.log, event, err);
}

/* The place of a node, a new one for a new node. NULL when there are too many. */
static struct process_other *find_other(struct process *process,
                                        const struct process_row *row, bool *is_new)
{
    *is_new = false;
    for (size_t i = 0; i < process->other_count; i++)
        if (strcmp(process->others[i].row.node, row->node) == 0)
            return &process->others[i];
    if (process->other_count == PROCESS_OTHERS_MAX)
        return NULL;
    *is_new = true;
    struct process_other *other = &process->others[process->other_count++];
    *other = (struct process_other){.row = *row, .seen_ms = monotonic_ms(process)};
    return other;
}

static void keep_head(struct process *process, struct process_other *other)
{
    struct err err = {0};
    if (!audit_keep_head(process->config.audit, text_cstr(other->row.node),
                         &other->row.head, &err)) {
        complain(process, "head_not_kept", &err);
        return;
    }
    other->has_kept = true;
    other->kept_ms = monotonic_ms(process);
    other->kept_number = other->row.head.number;
}

static bool watch(struct process *process, struct err *err)
{
    struct process_row rows[PROCESS_OTHERS_MAX];
    size_t count = 0;
    int alive = 1;
    if (!process_read_others(process->config.store, process->config.node, rows, &count,
                             err))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool is_new = false;
        int64_t now_ms = monotonic_ms(process);
        struct process_other *other = find_other(process, &rows[i], &is_new);
        if (!other)
            continue;
        if (!is_new && process_note(other, &rows[i], now_ms)) {
            if (process->config.log)
                LOG(process->config.log, "process_gone",
                    LOG_WORD("peer", other->row.node));
            process->listener.gone(process->listener.context);
        }
        if (process_head_is_due(other, now_ms))
            keep_head(process, other);
        alive += !other->is_gone && !other->row.has_ended;
    }
    pthread_mutex_lock(&process->lock);
    process->count = alive;
    pthread_mutex_unlock(&process->lock);
    return true;
}

/* False when it is time to end. */
static bool wait_ms(struct process *process, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&process->lock);
    int waited = 0;
    while (!process->is_closing && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&process->closing, &process->lock, &until);
    bool goes_on = !process->is_closing;
    pthread_mutex_unlock(&process->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct process *process = context;
    bool was_failing = false;
    bool has_row = true;
    while (has_row && wait_ms(process, PROCESS_BEAT_MS)) {
        struct err err = {0};
        bool is_failing =
            !process_beat(process, &has_row, &err) || (has_row && !watch(process, &err));
        if (is_failing && !was_failing)
            complain(process, "beat_failed", &err);
        /* Without the database nobody knows whose the name is. */
        has_row |= is_failing;
        was_failing = is_failing;
    }
    if (!has_row) {
        struct err err = {0};
        err_set(&err, ERR_CONFLICT, "node_taken", "another process took the node's name");
        complain(process, "ousted", &err);
        process->listener.ousted(process->listener.context);
    }
    return NULL;
}

/* ---- life ---- */

/* Whether the name's beat moves at another place. */
static bool check_name(struct process *process, struct err *err)
{
    struct process_row first = {0}, now = {0};
    char place[HASH_HEX_BYTES];
    bool is_there = false;
    const char *node = process->config.node;
    int64_t until_ms = monotonic_ms(process) + PROCESS_GONE_MS;
    hash_to_hex(span_of(process->config.place.bytes, HASH_BYTES), place);
    if (!process_read_row(process->config.store, node, &first, &is_there, err))
        return false;
    if (!is_there || first.has_ended || strcmp(first.place, place) == 0)
        return true;
    while (monotonic_ms(process) < until_ms) {
        (void)wait_ms(process, LOOK_MS);
        if (!process_read_row(process->config.store, node, &now, &is_there, err))
            return false;
        if (is_there && !now.has_ended &&
            (now.beat != first.beat || !id_equal(now.run, first.run)))
            return err_set(err, ERR_CONFLICT, "node_taken",
                           "another process has the node's name %s", node);
    }
    return true;
}

struct process *process_open(const struct process_config *config, struct err *err)
{
    struct process *process = memory_new(1, sizeof *process, err);
    if (!process)
        return NULL;
    process->config = *config;
    process->run = id_new(&config->rand);
    process->is_shared = process_may_have_others(config->store);
    process->count = 1;
    pthread_mutex_init(&process->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&process->closing, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!process->is_shared ||
        (check_name(process, err) && process_write_row(process, err)))
        return process;
    process->is_shared = false; /* the row is somebody else's */
    process_close(process);
    return NULL;
}

bool process_start(struct process *process, const struct process_listener *listener,
                   struct err *err)
{
    process->listener = *listener;
    if (!process->is_shared)
        return true;
    if (pthread_create(&process->thread, NULL, run, process) != 0)
        return err_set(err, ERR_SYSTEM, "thread_failed", "no thread for the process");
    process->has_thread = true;
    return true;
}

void process_stop(struct process *process)
{
    if (!process || !process->has_thread)
        return;
    process->has_thread = false;
    pthread_mutex_lock(&process->lock);
    process->is_closing = true;
    pthread_cond_signal(&process->closing);
    pthread_mutex_unlock(&process->lock);
    pthread_join(process->thread, NULL);
}

void process_close(struct process *process)
{
    struct err err = {0};
    if (!process)
        return;
    process_stop(process);
    if (process->is_shared && !process_end_row(process, &err))
        complain(process, "beat_failed", &err);
    pthread_cond_destroy(&process->closing);
    pthread_mutex_destroy(&process->lock);
    memory_free(process);
}

struct id process_run(const struct process *process)
{
    return process->run;
}

int process_count(struct process *process)
{
    pthread_mutex_lock(&process->lock);
    int count = process->count;
    pthread_mutex_unlock(&process->lock);
    return count;
}
