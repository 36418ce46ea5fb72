// SPDX-License-Identifier: Apache-2.0
/* Being in step: digests compared, snapshots reconciled, sources read now. All of it
 * waits for gateways and runs in the askers. */
#include <string.h>

#include "base/memory.h"
#include "exchange/registry/registry_uplink.h"
#include "wire/tunnel/tunnel.h"
#include "wire/workers/workers.h"

enum {
    ASK_MS = 10000,
    ASK_ARENA_BYTES = 96 << 20,
    ROUNDS_MAX = 3,
    BACKFILL_AGAIN_MS = 10 * 60 * 1000,
    BODY_BYTES_MAX = 64 * 1024,
};

struct job {
    struct registry_uplink *uplink;
    struct registry_owner owner; /* its number points to `number` */
    char number[UPLINK_NUMBER_BYTES_MAX + 1];
    struct check *check;
};

static int64_t now_ms(const struct registry_uplink *uplink)
{
    return clock_monotonic_ms(&uplink->config.clock);
}

static void note_fault(struct registry_uplink *uplink, const char *event,
                       const struct err *err)
{
    if (uplink->config.log && err->kind != ERR_NONE &&
        strcmp(err->code, "gateway_away") != 0)
        log_err(uplink->config.log, event, err);
}

/* False when the uplink stops or its queue is full; the job is the caller's then. */
static bool post(struct registry_uplink *uplink, void (*run)(void *context),
                 struct job *job)
{
    pthread_mutex_lock(&uplink->lock);
    bool is_posted = !uplink->is_stopping && workers_post(uplink->askers, run, job);
    pthread_mutex_unlock(&uplink->lock);
    return is_posted;
}

static struct job *job_new(struct registry_uplink *uplink,
                           const struct registry_owner *owner, struct err *err)
{
    struct job *job = memory_new(1, sizeof *job, err);
    if (!job)
        return NULL;
    job->uplink = uplink;
    job->owner = *owner;
    size_t len = owner->local_number.len < sizeof job->number ? owner->local_number.len
                                                              : sizeof job->number - 1;
    if (len > 0)
        memcpy(job->number, owner->local_number.at, len);
    job->owner.local_number = (struct text){job->number, len};
    return job;
}

/* ---- asking ---- */

struct json_document *registry_ask(struct registry_uplink *uplink, struct id facility,
                                   const char *path, const struct buf *body,
                                   struct arena *arena, struct err *err)
{
    struct tunnel_request request = {.method = "POST",
                                     .path = path,
                                     .body = buf_view(body),
                                     .first_byte_ms = ASK_MS,
                                     .total_ms = ASK_MS};
    int status = 0;
    struct span answer = {0};
    if (!buf_check(body, err))
        return NULL;
    CLEANUP(tunnel_release)
    struct tunnel *tunnel = facility_gateway_take(uplink->config.gateways, facility, err);
    if (!tunnel || !tunnel_ask(tunnel, &request, UPLINK_MESSAGE_BYTES_MAX, arena, &status,
                               &answer, err))
        return NULL;
    if (status == 200)
        return json_parse(answer, err);
    if (status == 404)
        (void)err_set(err, ERR_MISSING, "not_found", "the gateway does not know it");
    else
        (void)err_set(err, ERR_BUSY, "gateway_refused", "the gateway answered %d",
                      status);
    return NULL;
}

/* {"record": id} to a path that answers {}. */
static bool tell_record(struct registry_uplink *uplink,
                        const struct registry_owner *owner, const char *path,
                        struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(BODY_BYTES_MAX);
    CLEANUP(buf_free) struct buf body = buf_init(256);
    struct json_writer writer = json_writer(&body);
    json_open_object(&writer);
    json_put_id(&writer, "record", owner->record);
    json_close_object(&writer);
    CLEANUP(json_free_at)
    struct json_document *answer =
        registry_ask(uplink, owner->facility, path, &body, &arena, err);
    return answer != NULL;
}

/* The only one of what was asked about a single record. */
static bool read_sum(const struct json_value *sums, const struct registry_owner *owner,
                     struct uplink_sum *sum, struct err *err)
{
    return uplink_read_sum(json_item(sums, 0), sum, err) &&
           (id_equal(sum->record, owner->record) ||
            err_set(err, ERR_SYNTAX, "uplink_record", "another record was answered"));
}

/* The document of {"sums":[…]}, which keeps `sums` alive. */
static struct json_document *ask_sums(struct registry_uplink *uplink, struct id facility,
                                      const struct registry_owner *owners, size_t count,
                                      struct arena *arena, struct err *err)
{
    CLEANUP(buf_free) struct buf body = buf_init(BODY_BYTES_MAX);
    struct json_writer writer = json_writer(&body);
    json_open_object(&writer);
    json_key(&writer, "records");
    json_open_array(&writer);
    for (size_t i = 0; i < count; i++)
        json_id_value(&writer, owners[i].record);
    json_close_array(&writer);
    json_close_object(&writer);
    return registry_ask(uplink, facility, "/digests", &body, arena, err);
}

/* ---- attempts ---- */

/* The lock is held: the record's place, else a free or the least recently used one. */
static struct registry_attempt *find_attempt(struct registry_uplink *uplink,
                                             struct id record)
{
    struct registry_attempt *spare = NULL;
    for (size_t i = 0; i < REGISTRY_ATTEMPTS_MAX; i++) {
        struct registry_attempt *one = &uplink->attempts[i];
        if (id_equal(one->record, record))
            return one;
        bool is_better =
            !one->is_running && (!spare || one->used_at_ms < spare->used_at_ms);
        if (is_better)
            spare = one;
    }
    if (spare)
        *spare = (struct registry_attempt){.record = record};
    return spare;
}

/* False when the record is being worked on, which is then done once more, or too many
 * are. */
static bool begin_attempt(struct registry_uplink *uplink, struct id record)
{
    pthread_mutex_lock(&uplink->lock);
    struct registry_attempt *attempt = find_attempt(uplink, record);
    bool is_free = attempt && !attempt->is_running;
    if (is_free) {
        attempt->is_running = true;
        attempt->is_wanted_again = false;
        attempt->used_at_ms = now_ms(uplink) + 1;
    } else if (attempt) {
        attempt->is_wanted_again = true;
    }
    pthread_mutex_unlock(&uplink->lock);
    return is_free;
}

static void end_attempt(struct registry_uplink *uplink, struct id record)
{
    pthread_mutex_lock(&uplink->lock);
    struct registry_attempt *attempt = find_attempt(uplink, record);
    if (attempt)
        attempt->is_running = false;
    pthread_mutex_unlock(&uplink->lock);
}

/* Ends it unless it has to be done once more: what was said while it ran may be news, as
 * the end of the backfill that it had just asked for. */
static bool is_attempt_over(struct registry_uplink *uplink, struct id record)
{
    pthread_mutex_lock(&uplink->lock);
    struct registry_attempt *attempt = find_attempt(uplink, record);
    bool is_over = !attempt || !attempt->is_wanted_again || uplink->is_stopping;
    if (attempt) {
        attempt->is_wanted_again = false;
        attempt->is_running = !is_over;
    }
    pthread_mutex_unlock(&uplink->lock);
    return is_over;
}

/* A record of which something is always refused must not be sent all day. */
static bool may_backfill(struct registry_uplink *uplink, struct id record)
{
    int64_t now = now_ms(uplink);
    pthread_mutex_lock(&uplink->lock);
    struct registry_attempt *attempt = find_attempt(uplink, record);
    bool is_allowed = attempt && (attempt->backfilled_at_ms == 0 ||
                                  now - attempt->backfilled_at_ms >= BACKFILL_AGAIN_MS);
    if (is_allowed)
        attempt->backfilled_at_ms = now + 1;
    pthread_mutex_unlock(&uplink->lock);
    return is_allowed;
}

/* What may not be asked for yet, or could not be, is not forgotten until tomorrow. */
static void compare_again(struct registry_uplink *uplink, struct id facility)
{
    int64_t at_ms = now_ms(uplink) + BACKFILL_AGAIN_MS;
    pthread_mutex_lock(&uplink->lock);
    for (struct registry_gateway *g = uplink->first; g; g = g->next)
        if (id_equal(g->facility, facility) && g->compare_at_ms > at_ms)
            g->compare_at_ms = at_ms;
    pthread_cond_signal(&uplink->changed);
    pthread_mutex_unlock(&uplink->lock);
}

/* ---- snapshots ---- */

struct gathering {
    struct uplink_sum sum;
    struct text *keys;
    struct text *versions;
    size_t count;
};

/* Pages borrow from their documents, so keys are copied. */
static bool add_page(struct gathering *whole, const struct uplink_snapshot *page,
                     struct arena *arena, struct err *err)
{
    if (whole->count + page->count > REGISTRY_KEYS_MAX)
        return err_set(err, ERR_LIMIT, "snapshot_too_large", "more than %d keys",
                       REGISTRY_KEYS_MAX);
    bool is_behind = whole->count == 0 || page->count == 0 ||
                     text_compare(whole->keys[whole->count - 1], page->keys[0]) < 0;
    if (!is_behind)
        return err_set(err, ERR_SYNTAX, "uplink_order", "pages are not in order");
    for (size_t i = 0; i < page->count; i++) {
        if (!text_copy(page->keys[i], arena, &whole->keys[whole->count], err) ||
            !text_copy(page->versions[i], arena, &whole->versions[whole->count], err))
            return false;
        whole->count++;
    }
    return true;
}

static bool ask_page(struct registry_uplink *uplink, const struct registry_owner *owner,
                     struct text *cursor, struct gathering *whole, struct arena *arena,
                     struct err *err)
{
    CLEANUP(arena_free)
    struct arena page_arena = arena_init(2 * UPLINK_MESSAGE_BYTES_MAX);
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    json_open_object(&writer);
    json_put_id(&writer, "record", owner->record);
    json_put_text(&writer, "cursor", *cursor);
    json_close_object(&writer);
    struct uplink_snapshot page;
    CLEANUP(json_free_at)
    struct json_document *answer =
        registry_ask(uplink, owner->facility, "/snapshots", &body, &page_arena, err);
    if (!answer || !uplink_read_snapshot(json_root(answer), &page_arena, &page, err))
        return false;
    if (!id_equal(page.sum.record, owner->record))
        return err_set(err, ERR_SYNTAX, "uplink_record", "another record was answered");
    whole->sum = page.sum;
    return text_copy(page.sum.epoch, arena, &whole->sum.epoch, err) &&
           add_page(whole, &page, arena, err) && text_copy(page.next, arena, cursor, err);
}

static bool ask_snapshot(struct registry_uplink *uplink,
                         const struct registry_owner *owner, struct gathering *whole,
                         struct arena *arena, struct err *err)
{
    struct text cursor = TEXT("");
    *whole = (struct gathering){0};
    whole->keys = ARENA_MANY(arena, struct text, REGISTRY_KEYS_MAX, err);
    if (!whole->keys)
        return false;
    whole->versions = ARENA_MANY(arena, struct text, REGISTRY_KEYS_MAX, err);
    if (!whole->versions)
        return false;
    do {
        size_t before = whole->count;
        if (!ask_page(uplink, owner, &cursor, whole, arena, err))
            return false;
        if (!text_is_empty(cursor) && whole->count == before)
            return err_set(err, ERR_SYNTAX, "uplink_order", "an empty page goes on");
    } while (!text_is_empty(cursor));
    return true;
}

/* One snapshot: true with *is_over when nothing is left to be done now. */
static bool reconcile_once(struct registry_uplink *uplink,
                           const struct registry_owner *owner, bool *is_over,
                           struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ASK_ARENA_BYTES);
    struct gathering whole;
    size_t missing = 0;
    size_t withdrawn = 0;
    int64_t until_change = 0;
    *is_over = false;
    if (!registry_newest_change(uplink->config.registry, &until_change, err) ||
        !ask_snapshot(uplink, owner, &whole, &arena, err))
        return false;
    struct registry_snapshot snapshot = {.epoch = whole.sum.epoch,
                                         .revision = whole.sum.revision,
                                         .keys = whole.keys,
                                         .versions = whole.versions,
                                         .count = whole.count,
                                         .until_change = until_change};
    if (!registry_reconcile(uplink->config.registry, owner, &snapshot, &missing,
                            &withdrawn, err))
        return false;
    if (missing > 0) {
        /* Its end is an event in_step, which is compared again. */
        *is_over = true;
        if (may_backfill(uplink, owner->record))
            return tell_record(uplink, owner, "/backfills", err);
        compare_again(uplink, owner->facility);
        return true;
    }
    /* What changed while the pages came must not be lost. */
    CLEANUP(json_free_at)
    struct json_document *answer =
        ask_sums(uplink, owner->facility, owner, 1, &arena, err);
    const struct json_value *sums = NULL;
    struct uplink_sum sum;
    return answer && json_take_array(json_root(answer), "sums", 1, &sums, err) &&
           (json_count(sums) == 0 ||
            (read_sum(sums, owner, &sum, err) &&
             registry_compare_sum(uplink->config.store, &sum, is_over, err)));
}

static void reconcile(const struct job *job)
{
    struct err err = {0};
    bool is_over = false;
    for (int round = 0; round < ROUNDS_MAX && !is_over; round++)
        if (!reconcile_once(job->uplink, &job->owner, &is_over, &err))
            break;
    note_fault(job->uplink, "reconcile", &err);
    if (err.kind != ERR_NONE)
        compare_again(job->uplink, job->owner.facility);
}

static void run_reconcile(void *context)
{
    struct job *job = context;
    do
        reconcile(job);
    while (!is_attempt_over(job->uplink, job->owner.record));
    memory_free(job);
}

void registry_start_reconcile(struct registry_uplink *uplink,
                              const struct registry_owner *owner)
{
    struct err err = {0};
    if (!begin_attempt(uplink, owner->record))
        return;
    struct job *job = job_new(uplink, owner, &err);
    if (job && post(uplink, run_reconcile, job))
        return;
    end_attempt(uplink, owner->record);
    memory_free(job);
}

/* ---- digests ---- */

bool registry_settle_sum(struct registry_uplink *uplink,
                         const struct registry_owner *owner, const struct uplink_sum *sum,
                         bool *is_equal, struct err *err)
{
    if (!registry_compare_sum(uplink->config.store, sum, is_equal, err))
        return false;
    if (*is_equal)
        return registry_note_in_step(uplink->config.registry, owner, sum->epoch,
                                     sum->revision, err);
    registry_start_reconcile(uplink, owner);
    return true;
}

/* A confirmed link that the gateway does not know (its database was made anew) is made
 * again; it checks the person once more and sends everything. When the number is nobody's
 * or somebody else's by now it ended meanwhile: a person has to see to that. */
static bool link_again(struct registry_uplink *uplink, const struct registry_owner *owner,
                       struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(BODY_BYTES_MAX);
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct uplink_link link;
    struct json_writer writer = json_writer(&body);
    if (!registry_read_link(uplink->config.store, owner, &arena, &link, err))
        return false;
    uplink_write_link(&writer, &link);
    CLEANUP(json_free_at)
    struct json_document *answer =
        registry_ask(uplink, owner->facility, "/links", &body, &arena, err);
    struct text word = {0};
    enum uplink_match match;
    if (!answer || !json_take_text(json_root(answer), "result", 32, &word, err))
        return false;
    if (!uplink_match_parse(word, &match))
        return err_set(err, ERR_SYNTAX, "uplink_result", "an unknown word for a match");
    /* Held and rate-limited ones are decided there later. */
    bool is_refused = match == UPLINK_MISMATCH || match == UPLINK_UNKNOWN_NUMBER;
    struct patient_report report = {.facility = owner->facility,
                                    .record = owner->record,
                                    .number = owner->local_number,
                                    .change = PATIENT_NUMBER_ENDED};
    return !is_refused || patient_owner_reported(uplink->config.patients, &report, err);
}

static const struct registry_owner *find_owner(const struct registry_owner *owners,
                                               size_t count, struct id record,
                                               size_t *index)
{
    for (size_t i = 0; i < count; i++)
        if (id_equal(owners[i].record, record)) {
            *index = i;
            return &owners[i];
        }
    return NULL;
}

/* One that cannot be linked now disturbs no other: false only when nothing more can be
 * asked of the gateway. */
static bool link_missing(struct registry_uplink *uplink,
                         const struct registry_owner *owner, bool *is_whole,
                         struct err *err)
{
    if (link_again(uplink, owner, err))
        return true;
    bool is_reached = strcmp(err->code, "gateway_refused") == 0 || err->kind != ERR_BUSY;
    if (is_reached) {
        *is_whole = false;
        note_fault(uplink, "link_again", err);
        err_clear(err);
    }
    return is_reached;
}

static bool compare_chunk(struct registry_uplink *uplink, struct id facility,
                          const struct registry_owner *owners, size_t count,
                          bool *is_whole, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(2 * UPLINK_MESSAGE_BYTES_MAX);
    const struct json_value *sums = NULL;
    CLEANUP(json_free_at)
    struct json_document *answer = ask_sums(uplink, facility, owners, count, &arena, err);
    bool *is_answered = answer ? ARENA_MANY(&arena, bool, count, err) : NULL;
    if (!is_answered ||
        !json_take_array(json_root(answer), "sums", UPLINK_DIGESTS_MAX, &sums, err))
        return false;
    for (size_t i = 0; i < json_count(sums); i++) {
        struct uplink_sum sum;
        size_t at = 0;
        bool is_equal = false;
        if (!uplink_read_sum(json_item(sums, i), &sum, err))
            return false;
        const struct registry_owner *owner = find_owner(owners, count, sum.record, &at);
        if (!owner)
            continue;
        is_answered[at] = true;
        if (!registry_settle_sum(uplink, owner, &sum, &is_equal, err))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!is_answered[i] && !link_missing(uplink, &owners[i], is_whole, err))
            return false;
    return true;
}

static void run_comparison(void *context)
{
    struct job *job = context;
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct registry_owner *owners = NULL;
    struct id facility = job->owner.facility;
    size_t count = 0;
    bool is_whole = true;
    struct err err = {0};
    bool goes_on = registry_list_owners(job->uplink->config.store, facility, &arena,
                                        &owners, &count, &err);
    for (size_t at = 0; goes_on && at < count; at += UPLINK_DIGESTS_MAX) {
        size_t part = count - at < UPLINK_DIGESTS_MAX ? count - at : UPLINK_DIGESTS_MAX;
        goes_on =
            compare_chunk(job->uplink, facility, owners + at, part, &is_whole, &err);
    }
    note_fault(job->uplink, "comparison", &err);
    if (!goes_on || !is_whole) /* its disk may be full now, and its database new */
        compare_again(job->uplink, facility);
    memory_free(job);
}

void registry_start_comparison(struct registry_uplink *uplink, struct id facility)
{
    struct err err = {0};
    struct registry_owner owner = {.facility = facility};
    struct job *job = job_new(uplink, &owner, &err);
    if (job && !post(uplink, run_comparison, job))
        memory_free(job);
}

/* ---- checks now ---- */

struct check {
    struct registry_uplink *uplink;
    size_t open_count; /* under the uplink's lock */
    void (*done)(void *context);
    void *context;
};

static void end_part(struct check *check)
{
    pthread_mutex_lock(&check->uplink->lock);
    bool is_last = --check->open_count == 0;
    pthread_mutex_unlock(&check->uplink->lock);
    if (!is_last)
        return;
    check->done(check->context);
    memory_free(check);
}

static int64_t count_steps(struct registry_uplink *uplink, struct id facility)
{
    int64_t count = 0;
    pthread_mutex_lock(&uplink->lock);
    for (const struct registry_gateway *g = uplink->first; g; g = g->next)
        if (id_equal(g->facility, facility))
            count = g->step_count;
    pthread_mutex_unlock(&uplink->lock);
    return count;
}

/* Until a batch of the facility was stored, or the time is up: false. Another process may
 * have taken it, of which nothing is heard here: then true is only a guess. */
static bool wait_step(struct registry_uplink *uplink, struct id facility, int64_t before,
                      int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - now_ms(uplink);
        if (left_ms <= 0)
            return false;
        if (count_steps(uplink, facility) != before)
            return true;
        struct timespec until = registry_instant_after(left_ms < 500 ? left_ms : 500);
        pthread_mutex_lock(&uplink->lock);
        bool is_stopping = uplink->is_stopping;
        if (!is_stopping)
            (void)!pthread_cond_timedwait(&uplink->stepped, &uplink->lock, &until);
        pthread_mutex_unlock(&uplink->lock);
        if (is_stopping)
            return false;
        if (uplink->may_have_others)
            return true;
    }
}

static bool compare_one(struct registry_uplink *uplink,
                        const struct registry_owner *owner, bool *is_equal,
                        struct uplink_sum *sum, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(BODY_BYTES_MAX);
    const struct json_value *sums = NULL;
    CLEANUP(json_free_at)
    struct json_document *answer =
        ask_sums(uplink, owner->facility, owner, 1, &arena, err);
    if (!answer || !json_take_array(json_root(answer), "sums", 1, &sums, err))
        return false;
    if (json_count(sums) == 0)
        return err_set(err, ERR_MISSING, "not_found", "not linked there");
    if (!read_sum(sums, owner, sum, err) ||
        !registry_compare_sum(uplink->config.store, sum, is_equal, err))
        return false;
    return !*is_equal || registry_note_in_step(uplink->config.registry, owner, sum->epoch,
                                               sum->revision, err);
}

/* The source is read, then what it had new is on its way in the live lane. */
static bool check_source(struct registry_uplink *uplink,
                         const struct registry_owner *owner, struct err *err)
{
    int64_t until_ms = now_ms(uplink) + REGISTRY_CHECK_MS;
    if (!tell_record(uplink, owner, "/checks", err))
        return false;
    bool is_equal = false;
    bool goes_on = true;
    while (!is_equal && goes_on) {
        struct uplink_sum sum = {0};
        int64_t before = count_steps(uplink, owner->facility);
        if (!compare_one(uplink, owner, &is_equal, &sum, err))
            return false;
        goes_on = is_equal || wait_step(uplink, owner->facility, before, until_ms);
    }
    if (!is_equal)
        registry_start_reconcile(uplink, owner);
    return true;
}

static void run_check(void *context)
{
    struct job *job = context;
    struct err err = {0};
    if (!check_source(job->uplink, &job->owner, &err))
        note_fault(job->uplink, "check", &err);
    end_part(job->check);
    memory_free(job);
}

bool registry_check_now(struct registry_uplink *uplink,
                        const struct registry_owner *owners, size_t count,
                        void (*done)(void *context), void *context, struct err *err)
{
    struct check *check = memory_new(1, sizeof *check, err);
    if (!check)
        return false;
    /* One part is ours, so that `done` cannot come before all are posted. */
    *check = (struct check){
        .uplink = uplink, .open_count = 1, .done = done, .context = context};
    for (size_t i = 0; i < count && i < REGISTRY_CHECKS_MAX; i++) {
        struct err fault = {0};
        struct job *job = job_new(uplink, &owners[i], &fault);
        if (!job)
            continue;
        job->check = check;
        pthread_mutex_lock(&uplink->lock);
        check->open_count++;
        pthread_mutex_unlock(&uplink->lock);
        if (!post(uplink, run_check, job)) {
            memory_free(job);
            end_part(check);
        }
    }
    end_part(check);
    return true;
}
