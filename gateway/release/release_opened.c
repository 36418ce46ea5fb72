// SPDX-License-Identifier: Apache-2.0
/* Openings whose parts are asked for one by one (the frames of a study): one decision row
 * and one finish row for all of them, the rule for each. */
#include <string.h>

#include "base/memory.h"
#include "gateway/release/release_parts.h"

enum { IDLE_MS = 10 * 60 * 1000, COPY_BYTES_MAX = 64 * 1024 };

/* With texts of its own: the finish row comes long after the requests. */
struct release_opened {
    struct release_opened *next;
    struct arena arena;
    struct release_permit permit;
    struct release_sum sum;
    int64_t used_ms; /* monotonic */
    bool is_cut;     /* its tunnel is lost: the row is written at the next sweep */
};

static int64_t now_ms(const struct release *release)
{
    return clock_monotonic_ms(&release->config.clock);
}

/* Whose, what and for whom: a row says all of it, so a grant that names somebody else
 * under the same opening needs one of its own. */
static bool is_for(const struct release_opened *one, const struct release_permit *permit)
{
    const struct grant *ours = &one->permit.grant;
    const struct grant *grant = &permit->grant;
    return id_equal(ours->opening, grant->opening) &&
           id_equal(ours->tunnel, grant->tunnel) &&
           id_equal(ours->record, grant->record) &&
           text_equal(ours->entry_key, grant->entry_key) &&
           text_equal(ours->staff_id, grant->staff_id) &&
           text_equal(ours->viewer_code, grant->viewer_code);
}

/* The lock is held. */
static struct release_opened **find(struct release *release,
                                    const struct release_permit *permit)
{
    struct release_opened **at = &release->opened;
    while (*at && ((*at)->is_cut || !is_for(*at, permit)))
        at = &(*at)->next;
    return at;
}

static bool is_open(struct release *release, const struct release_permit *permit)
{
    pthread_mutex_lock(&release->opened_lock);
    struct release_opened *one = *find(release, permit);
    if (one)
        one->used_ms = now_ms(release);
    pthread_mutex_unlock(&release->opened_lock);
    return one != NULL;
}

static bool copy_permit(const struct release_permit *permit, struct arena *arena,
                        struct release_permit *copy, struct err *err)
{
    struct grant *grant = &copy->grant;
    struct text *const texts[] = {
        &grant->facility_code, &grant->local_number, &grant->entry_key,
        &grant->purpose,       &grant->staff_id,     &grant->staff_name,
        &grant->profession,    &grant->viewer_code,  &grant->viewer_name,
        &grant->viewer_kind,   &copy->place.path,    &copy->pictures};
    *copy = *permit;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!text_copy(*texts[i], arena, texts[i], err))
            return false;
    return true;
}

const struct release_permit *release_keep_permit(const struct release_permit *permit,
                                                 struct arena *arena, struct err *err)
{
    struct release_permit *copy = ARENA_NEW(arena, struct release_permit, err);
    return copy && copy_permit(permit, arena, copy, err) ? copy : NULL;
}

static void forget(struct release_opened *one)
{
    arena_free(&one->arena);
    memory_free(one);
}

/* Somebody else may have come first: then that one stays. */
static bool remember(struct release *release, const struct release_permit *permit,
                     struct err *err)
{
    struct release_opened *one = memory_new(1, sizeof *one, err);
    if (!one)
        return false;
    one->arena = arena_init_small(COPY_BYTES_MAX);
    one->used_ms = now_ms(release);
    if (!copy_permit(permit, &one->arena, &one->permit, err)) {
        forget(one);
        return false;
    }
    pthread_mutex_lock(&release->opened_lock);
    bool is_known = *find(release, permit) != NULL;
    bool has_room = release->opened_count < OPENED_MAX;
    if (!is_known && has_room) {
        one->next = release->opened;
        release->opened = one;
        release->opened_count++;
    }
    pthread_mutex_unlock(&release->opened_lock);
    if (is_known || !has_room)
        forget(one);
    return is_known || has_room ||
           err_set(err, ERR_BUSY, "release_full", "too many studies are open");
}

/* ---- the end ---- */

typedef bool is_over(const struct release *release, const struct release_opened *one,
                     const void *context);

/* What was permitted and gave nothing is not said to have been given. */
static const char *verdict_of(const struct release_opened *one, const char *verdict)
{
    if (one->is_cut)
        return "cut";
    return one->sum.parts == 0 && strcmp(verdict, "done") == 0 ? "failed" : verdict;
}

/* Rows are written without the lock, which parts wait for. */
static void end_those(struct release *release, is_over *over, const void *context,
                      const char *verdict)
{
    struct release_opened *ended = NULL;
    pthread_mutex_lock(&release->opened_lock);
    for (struct release_opened **at = &release->opened; *at;) {
        struct release_opened *one = *at;
        if (!over(release, one, context)) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        release->opened_count--;
        one->next = ended;
        ended = one;
    }
    pthread_mutex_unlock(&release->opened_lock);
    while (ended) {
        struct release_opened *next = ended->next;
        struct err err = {0};
        ended->sum.verdict = verdict_of(ended, verdict);
        /* A decision whose finish cannot be written is closed as unknown at the next
         * start. */
        (void)!release_write_finish(release, &ended->permit, &ended->sum, &err);
        forget(ended);
        ended = next;
    }
}

static bool is_any(const struct release *release, const struct release_opened *one,
                   const void *context)
{
    (void)release;
    (void)one;
    (void)context;
    return true;
}

static bool is_of_opening(const struct release *release, const struct release_opened *one,
                          const void *context)
{
    const struct id *opening = context;
    (void)release;
    return id_equal(one->permit.grant.opening, *opening);
}

static bool is_idle(const struct release *release, const struct release_opened *one,
                    const void *context)
{
    (void)context;
    return one->is_cut || now_ms(release) - one->used_ms >= IDLE_MS;
}

static bool is_empty(const struct release *release, const struct release_opened *one,
                     const void *context)
{
    (void)release;
    return one->sum.parts == 0 && is_for(one, context);
}

void release_end_empty(struct release *release, const struct release_permit *permit)
{
    end_those(release, is_empty, permit, "failed");
}

void release_end_all(struct release *release)
{
    end_those(release, is_any, NULL, "cut");
}

/* On the loop, which must not wait for the disk. */
void release_end_of_tunnel(struct release *release, struct id tunnel)
{
    pthread_mutex_lock(&release->opened_lock);
    for (struct release_opened *one = release->opened; one; one = one->next)
        one->is_cut = one->is_cut || id_equal(one->permit.grant.tunnel, tunnel);
    pthread_mutex_unlock(&release->opened_lock);
}

void release_end_opening(struct release *release, struct id opening)
{
    end_those(release, is_of_opening, &opening, "done");
}

void release_sweep(struct release *release)
{
    end_those(release, is_idle, NULL, "done");
}

/* ---- a part ---- */

void release_count_part(struct release *release, const struct release_permit *permit,
                        int64_t bytes)
{
    pthread_mutex_lock(&release->opened_lock);
    struct release_opened *one = *find(release, permit);
    if (one) {
        one->sum.bytes += bytes;
        one->sum.parts++;
        one->used_ms = now_ms(release);
    }
    pthread_mutex_unlock(&release->opened_lock);
}

static bool refuse(const struct release_deciding *deciding, struct err *err)
{
    struct id opening = deciding->permit->grant.opening;
    if (!release_write_decision(deciding, deciding->permit->event, deciding->reason, err))
        return false;
    end_those(deciding->release, is_of_opening, &opening, "cut");
    return err_set(err, ERR_REFUSED, deciding->reason, "refused: %s", deciding->reason);
}

/* No part goes out before the decision row is on the disk; one thread writes it. */
static bool begin(const struct release_deciding *deciding, struct err *err)
{
    struct release *release = deciding->release;
    const struct release_permit *permit = deciding->permit;
    pthread_mutex_lock(&release->first_lock);
    bool is_good = is_open(release, permit);
    if (!is_good && release_write_decision(deciding, permit->event, NULL, err)) {
        struct release_sum nothing = {"failed", 0, 0};
        struct err fault = {0};
        is_good = remember(release, permit, err);
        if (!is_good)
            (void)!release_write_finish(release, permit, &nothing, &fault);
    }
    pthread_mutex_unlock(&release->first_lock);
    return is_good;
}

const struct release_permit *release_decide_part(struct release *release,
                                                 const struct release_request *request,
                                                 struct arena *arena, struct err *err)
{
    struct release_permit *permit = ARENA_NEW(arena, struct release_permit, err);
    struct release_deciding deciding = {
        .release = release, .request = request, .permit = permit, .arena = arena};
    if (!permit)
        return NULL;
    permit->event = "study";
    if (!release_check_grant(release, request->grant, arena, &permit->grant, err) ||
        !release_apply(&deciding, err)) {
        if (err->kind == ERR_REFUSED || err->kind == ERR_MISSING ||
            err->kind == ERR_SYNTAX)
            (void)!release_write_refusal(&deciding, permit->event, err);
        return NULL;
    }
    if (deciding.reason) {
        (void)!refuse(&deciding, err);
        return NULL;
    }
    return is_open(release, permit) || begin(&deciding, err) ? permit : NULL;
}
