// SPDX-License-Identifier: Apache-2.0
#include "exchange/opening/opening_parts.h"

#include <string.h>

#include "base/memory.h"
#include "exchange/session/session.h"

enum {
    PERMIT_ARENA_BYTES = 1 << 20,
    OPENING_ARENA_BYTES = 64 * 1024,
    PERMIT_AGE_MAX_MS = 1000,
    SWEEP_MAX = 64 /* of one bucket and sweep; the others wait for the next */
};

struct opening_table *opening_table_new(const struct opening_config *config,
                                        struct err *err)
{
    struct opening_table *table = memory_new(1, sizeof *table, err);
    if (!table)
        return NULL;
    table->config = *config;
    pthread_mutex_init(&table->lock, NULL);
    pthread_cond_init(&table->arrived, NULL);
    return table;
}

size_t opening_table_count(struct opening_table *table)
{
    pthread_mutex_lock(&table->lock);
    size_t count = table->count;
    pthread_mutex_unlock(&table->lock);
    return count;
}

static size_t index_of(const uint8_t *bytes)
{
    return ((size_t)bytes[0] << 8 | bytes[1]) % OPENING_BUCKETS;
}

static struct opening **bucket_of(struct opening_table *table, struct id handle)
{
    return &table->buckets[index_of(handle.bytes)];
}

static struct opening_session **place_of(struct opening_table *table, struct hash session)
{
    struct opening_session **at = &table->sessions[index_of(session.bytes)];
    while (*at && !hash_equal(&(*at)->hash, &session))
        at = &(*at)->next;
    return at;
}

struct opening_session *opening_session_of(struct opening_table *table,
                                           struct hash session)
{
    return *place_of(table, session);
}

struct opening **opening_person_of(struct opening_table *table, struct id person)
{
    return &table->persons[index_of(person.bytes)];
}

/* ---- by session, the lock is held ---- */

static void put_newest(struct opening_session *session, struct opening *opening)
{
    opening->session = session;
    opening->by_session = (struct opening_link){.next = session->newest};
    *(session->newest ? &session->newest->by_session.before : &session->oldest) = opening;
    session->newest = opening;
    session->count++;
}

static void take_from_session(struct opening *opening)
{
    struct opening_session *session = opening->session;
    struct opening_link *link = &opening->by_session;
    *(link->before ? &link->before->by_session.next : &session->newest) = link->next;
    *(link->next ? &link->next->by_session.before : &session->oldest) = link->before;
    session->count--;
    opening->session = NULL;
}

static void note_use(struct opening *opening, int64_t now_ms)
{
    struct opening_session *session = opening->session;
    opening->used_at_ms = now_ms;
    if (!session || session->newest == opening)
        return;
    take_from_session(opening);
    put_newest(session, opening);
}

static bool enter_session(struct opening_table *table, struct opening *opening,
                          struct err *err)
{
    struct opening_session **at = place_of(table, opening->actor.session);
    if (!*at) {
        *at = memory_new(1, sizeof **at, err);
        if (!*at)
            return false;
        (*at)->hash = opening->actor.session;
    }
    put_newest(*at, opening);
    return true;
}

static void leave_session(struct opening_table *table, struct opening *opening)
{
    struct opening_session *session = opening->session;
    take_from_session(opening);
    if (session->count > 0)
        return;
    *place_of(table, session->hash) = session->next;
    memory_free(session);
}

/* ---- the table, the lock is held ---- */

static bool link_in(struct opening_table *table, struct opening *opening, struct err *err)
{
    struct opening **bucket = bucket_of(table, opening->handle);
    struct opening **person = opening_person_of(table, opening->request.person);
    if (!enter_session(table, opening, err))
        return false;
    opening->next = *bucket;
    opening->by_person = (struct opening_link){.next = *person};
    if (*person)
        (*person)->by_person.before = opening;
    *bucket = *person = opening;
    table->count++;
    return true;
}

static void link_out(struct opening_table *table, struct opening *opening)
{
    struct opening **at = bucket_of(table, opening->handle);
    while (*at && *at != opening)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = opening->next;
    leave_session(table, opening);
    struct opening_link *link = &opening->by_person;
    *(link->before ? &link->before->by_person.next
                   : opening_person_of(table, opening->request.person)) = link->next;
    if (link->next)
        link->next->by_person.before = link->before;
    table->count--;
}

static struct opening_permit_held *permit_hold(struct err *err)
{
    struct opening_permit_held *held = memory_new(1, sizeof *held, err);
    if (held)
        held->arena = arena_init_small(PERMIT_ARENA_BYTES);
    return held;
}

static void free_permits(struct opening_permit_held *held)
{
    while (held) {
        struct opening_permit_held *older = held->older;
        arena_free(&held->arena);
        memory_free(held);
        held = older;
    }
}

static void free_opening(struct opening *opening)
{
    free_permits(opening->permit);
    arena_free(&opening->arena);
    memory_free(opening);
}

/* The lock is held. */
static void drop_holder(struct opening *opening)
{
    opening->holders--;
    if (opening->holders == 1 && !opening->has_ended) {
        free_permits(opening->permit->older);
        opening->permit->older = NULL;
    }
    if (opening->holders == 0)
        free_opening(opening);
}

/* The lock is held: takes it out of the table; the caller writes the finish row. */
static bool detach(struct opening *opening)
{
    if (opening->has_ended)
        return false;
    opening->has_ended = true;
    link_out(opening->table, opening);
    return true;
}

/* ---- rows on their way ---- */

static bool depart(struct opening_table *table, struct err *err)
{
    pthread_mutex_lock(&table->lock);
    bool goes = !table->is_stopping;
    table->underway += goes;
    pthread_mutex_unlock(&table->lock);
    return goes || err_set(err, ERR_BUSY, "server_busy", "no more openings");
}

static void arrive(struct opening_table *table)
{
    pthread_mutex_lock(&table->lock);
    if (--table->underway == 0)
        pthread_cond_broadcast(&table->arrived);
    pthread_mutex_unlock(&table->lock);
}

static void wait_for_arrivals(struct opening_table *table)
{
    pthread_mutex_lock(&table->lock);
    table->is_stopping = true;
    while (table->underway > 0)
        pthread_cond_wait(&table->arrived, &table->lock);
    pthread_mutex_unlock(&table->lock);
}

void opening_table_stop(struct opening_table *table)
{
    wait_for_arrivals(table);
}

/* ---- ending ---- */

static void log_unwritten(const struct opening_table *table, const struct err *err)
{
    if (table->config.log)
        log_err(table->config.log, "finish_unwritten", err);
}

/* Done is only what came whole in the end. */
static struct disclosure_outcome outcome_of(struct opening *opening, const char *verdict,
                                            const char *reason)
{
    pthread_mutex_lock(&opening->table->lock);
    bool is_broken = opening->broken && strcmp(verdict, "done") == 0;
    struct disclosure_outcome outcome = {is_broken ? "failed" : verdict,
                                         is_broken ? opening->broken : reason,
                                         opening->bytes, opening->parts};
    pthread_mutex_unlock(&opening->table->lock);
    return outcome;
}

static void write_finish(struct opening *opening, const char *verdict, const char *reason)
{
    struct err err = {0};
    struct opening_table *table = opening->table;
    struct disclosure_outcome outcome = outcome_of(opening, verdict, reason);
    if (!disclosure_finish(table->config.gate, opening_permit(opening),
                           opening->request.event, &outcome, &err))
        log_unwritten(table, &err);
}

/* On the audit's thread. */
static void finish_written(void *context, const struct audit_position *position)
{
    struct opening_table *table = context;
    struct err err = {0};
    if (!position) {
        err_set(&err, ERR_BUSY, "audit_unwritable", "a finish row got lost");
        log_unwritten(table, &err);
    }
    arrive(table);
}

/* Nobody waits for what ends by itself: should the row get lost, the decision counts as
 * ended unknown at the next start. */
static void write_finish_later(struct opening *opening, const char *reason)
{
    struct err err = {0};
    struct opening_table *table = opening->table;
    struct disclosure_outcome outcome = outcome_of(opening, "done", reason);
    struct disclosure_told told = {finish_written, table};
    if (!depart(table, &err)) {
        write_finish(opening, "done", reason);
        return;
    }
    if (disclosure_finish_later(table->config.gate, opening_permit(opening),
                                opening->request.event, &outcome, &told, &err))
        return;
    arrive(table);
    log_unwritten(table, &err);
}

/* True for the one who has to write the finish row. */
static bool take_end(struct opening *opening)
{
    pthread_mutex_lock(&opening->table->lock);
    bool is_first = detach(opening);
    pthread_mutex_unlock(&opening->table->lock);
    return is_first;
}

/* The table's own hold. */
static void let_go(struct opening *opening)
{
    struct opening_table *table = opening->table;
    pthread_mutex_lock(&table->lock);
    drop_holder(opening);
    pthread_mutex_unlock(&table->lock);
}

void opening_end(struct opening *opening, const char *verdict, const char *reason)
{
    if (!take_end(opening))
        return;
    write_finish(opening, verdict, reason);
    let_go(opening);
}

static void end_later(struct opening *opening, const char *reason)
{
    if (!take_end(opening))
        return;
    write_finish_later(opening, reason);
    let_go(opening);
}

/* ---- beginning ---- */

static bool copy_actor(struct opening *opening, const struct session_actor *actor,
                       struct err *err)
{
    struct session_actor *copy = &opening->actor;
    *copy = *actor;
    return text_copy(actor->staff_name, &opening->arena, &copy->staff_name, err) &&
           text_copy(actor->staff_kana, &opening->arena, &copy->staff_kana, err) &&
           text_copy(actor->facility_name, &opening->arena, &copy->facility_name, err) &&
           text_copy(actor->fingerprint, &opening->arena, &copy->fingerprint, err) &&
           text_copy(actor->address, &opening->arena, &copy->address, err);
}

static bool copy_request(struct opening *opening,
                         const struct disclosure_request *request, struct err *err)
{
    struct disclosure_request *copy = &opening->request;
    *copy = *request;
    copy->actor = &opening->actor;
    return copy_actor(opening, request->actor, err) &&
           text_copy(request->object, &opening->arena, &copy->object, err) &&
           text_copy(request->department, &opening->arena, &copy->department, err);
}

/* A session that opens more than its share loses its least recently used opening: held
 * for its end, NULL when there is room. The lock is held. */
static struct opening *take_surplus(struct opening_table *table, struct hash session)
{
    const struct opening_session *all = opening_session_of(table, session);
    if (!all || all->count < OPENING_PER_SESSION_MAX)
        return NULL;
    all->oldest->holders++;
    return all->oldest;
}

static void make_room(struct opening_table *table, struct hash session)
{
    pthread_mutex_lock(&table->lock);
    struct opening *oldest = take_surplus(table, session);
    pthread_mutex_unlock(&table->lock);
    if (!oldest)
        return;
    end_later(oldest, "superseded");
    opening_release(&oldest);
}

static bool enter(struct opening_table *table, struct opening *opening, struct err *err)
{
    pthread_mutex_lock(&table->lock);
    bool has_room = table->count < OPENING_COUNT_MAX ||
                    err_set(err, ERR_BUSY, "too_many_openings", "table is full");
    opening->used_at_ms = clock_monotonic_ms(&table->config.clock);
    bool is_entered = has_room && link_in(table, opening, err);
    if (is_entered)
        opening->holders = 2;
    pthread_mutex_unlock(&table->lock);
    return is_entered;
}

/* Without a decision yet. */
static struct opening *make(struct opening_table *table,
                            const struct disclosure_request *request, struct id object,
                            struct err *err)
{
    struct opening *opening = memory_new(1, sizeof *opening, err);
    if (!opening)
        return NULL;
    opening->table = table;
    opening->arena = arena_init_small(OPENING_ARENA_BYTES);
    opening->handle = id_new(&table->config.rand);
    opening->object = object;
    opening->new_since_ms = INT64_MAX;
    opening->permit = permit_hold(err);
    if (opening->permit && copy_request(opening, request, err))
        return opening;
    free_opening(opening);
    return NULL;
}

/* With a permit it becomes one of the table's; the finish row tells when it cannot. */
static struct opening *settle(struct opening *opening, struct err *err)
{
    bool is_entered = opening->permit->permit && enter(opening->table, opening, err);
    if (is_entered)
        return opening;
    if (opening->permit->permit)
        write_finish(opening, "failed", err->code);
    free_opening(opening);
    return NULL;
}

/* Facts are many and forgotten once the permit stands in its own arena. */
static const struct disclosure_permit *decide(struct opening *opening, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(PERMIT_ARENA_BYTES);
    const struct disclosure_permit *permit =
        disclosure_decide(opening->table->config.gate, &opening->request, &arena, err);
    return permit ? permit_keep(permit, &opening->permit->arena, err) : NULL;
}

struct opening *opening_begin(struct opening_table *table,
                              const struct disclosure_request *request, struct id object,
                              struct err *err)
{
    make_room(table, request->actor->session);
    struct opening *opening = make(table, request, object, err);
    if (!opening)
        return NULL;
    opening->permit->permit = decide(opening, err);
    return settle(opening, err);
}

/* On the audit's thread. Whoever concludes may free the opening at once. */
static void decision_written(void *context)
{
    const struct opening *opening = context;
    struct opening_table *table = opening->table;
    struct opening_wait wait = opening->wait;
    wait.ready(wait.context);
    arrive(table);
}

bool opening_begin_later(struct opening_table *table,
                         const struct disclosure_request *request, struct id object,
                         const struct opening_wait *wait, struct opening **begun,
                         struct err *err)
{
    if (!depart(table, err))
        return false;
    make_room(table, request->actor->session);
    *begun = make(table, request, object, err);
    if (*begun) {
        struct opening *opening = *begun;
        struct disclosure_wait decision = {decision_written, opening, wait->arena,
                                           wait->ahead};
        opening->wait = *wait;
        opening->wait.ahead = NULL;
        if (disclosure_begin(table->config.gate, &opening->request, &decision,
                             &opening->pending, err))
            return true;
        free_opening(opening);
    }
    arrive(table);
    return false;
}

struct opening *opening_conclude(struct opening *begun, struct err *err)
{
    begun->permit->permit =
        disclosure_conclude(begun->pending, &begun->permit->arena, err);
    begun->pending = NULL;
    return settle(begun, err);
}

static struct opening *find_and_hold(struct opening_table *table, struct id handle,
                                     struct hash session)
{
    pthread_mutex_lock(&table->lock);
    struct opening *one = *bucket_of(table, handle);
    while (one && !id_equal(one->handle, handle))
        one = one->next;
    int64_t now_ms = clock_monotonic_ms(&table->config.clock);
    /* One that was idle too long is over, whether it was swept yet or not. */
    if (one && (!hash_equal(&one->actor.session, &session) ||
                now_ms - one->used_at_ms >= OPENING_IDLE_MS))
        one = NULL;
    if (one) {
        one->holders++;
        note_use(one, now_ms);
    }
    pthread_mutex_unlock(&table->lock);
    return one;
}

/* A decision is believed for a second; what time alone changes (a consent's last day, a
 * post's end) counts then. What is released meanwhile the permit itself lets pass. */
static bool is_fresh(const struct opening *opening)
{
    const struct permit_contents *contents = permit_read(opening_permit(opening));
    int64_t age_ms =
        clock_wall_ms(&opening->table->config.clock) - contents->decided_at_ms;
    return age_ms >= 0 && age_ms <= PERMIT_AGE_MAX_MS;
}

bool opening_holds_now(struct opening *opening, struct err *err)
{
    if (opening_holds(opening, err))
        return is_fresh(opening) || opening_renew(opening, err);
    if (err->kind != ERR_REFUSED || strcmp(err->code, "permission_changed") != 0)
        return false;
    err_clear(err);
    return opening_renew(opening, err);
}

struct opening *opening_take(struct opening_table *table, struct id handle,
                             const struct session_actor *actor, struct err *err)
{
    struct opening *opening = find_and_hold(table, handle, actor->session);
    if (!opening)
        err_set(err, ERR_MISSING, "not_found", "no such opening");
    else if (!opening_holds_now(opening, err))
        opening_release(&opening);
    return opening;
}

void opening_release(struct opening **opening)
{
    if (!*opening)
        return;
    struct opening_table *table = (*opening)->table;
    pthread_mutex_lock(&table->lock);
    drop_holder(*opening);
    pthread_mutex_unlock(&table->lock);
    *opening = NULL;
}

struct opening *opening_keep(struct opening *opening)
{
    pthread_mutex_lock(&opening->table->lock);
    opening->holders++;
    pthread_mutex_unlock(&opening->table->lock);
    return opening;
}

struct id opening_handle(const struct opening *opening)
{
    return opening->handle;
}

struct id opening_object(const struct opening *opening)
{
    return opening->object;
}

struct id opening_person(const struct opening *opening)
{
    return opening->request.person;
}

const char *opening_event(const struct opening *opening)
{
    return opening->request.event;
}

const struct disclosure_permit *opening_permit(const struct opening *opening)
{
    pthread_mutex_lock(&opening->table->lock);
    const struct disclosure_permit *permit = opening->permit->permit;
    pthread_mutex_unlock(&opening->table->lock);
    return permit;
}

void opening_set_new_since(struct opening *opening, int64_t new_since_ms)
{
    pthread_mutex_lock(&opening->table->lock);
    opening->new_since_ms = new_since_ms;
    pthread_mutex_unlock(&opening->table->lock);
}

int64_t opening_new_since(const struct opening *opening)
{
    pthread_mutex_lock(&opening->table->lock);
    int64_t new_since_ms = opening->new_since_ms;
    pthread_mutex_unlock(&opening->table->lock);
    return new_since_ms;
}

bool opening_holds(const struct opening *opening, struct err *err)
{
    const struct opening_config *config = &opening->table->config;
    if (!session_still_holds(config->sessions, opening->actor.session, err))
        return false;
    pthread_mutex_lock(&opening->table->lock);
    bool has_ended = opening->has_ended;
    const struct disclosure_permit *permit = opening->permit->permit;
    pthread_mutex_unlock(&opening->table->lock);
    if (has_ended)
        return err_set(err, ERR_REFUSED, "opening_ended", "the opening has ended");
    return disclosure_still_holds(config->gate, permit, err);
}

bool opening_renew(struct opening *opening, struct err *err)
{
    const struct opening_config *config = &opening->table->config;
    struct opening_permit_held *held = permit_hold(err);
    if (!held)
        return false;
    CLEANUP(arena_free) struct arena arena = arena_init(PERMIT_ARENA_BYTES);
    const struct disclosure_permit *permit = disclosure_renew(
        config->gate, &opening->request, opening_permit(opening), &arena, err);
    held->permit = permit ? permit_keep(permit, &held->arena, err) : NULL;
    if (!held->permit) {
        free_permits(held);
        if (err->kind == ERR_REFUSED || err->kind == ERR_MISSING)
            opening_end(opening, "cut", err->code);
        return false;
    }
    pthread_mutex_lock(&opening->table->lock);
    held->older = opening->permit;
    opening->permit = held;
    pthread_mutex_unlock(&opening->table->lock);
    return true;
}

void opening_note_whole(struct opening *opening, const char *code)
{
    pthread_mutex_lock(&opening->table->lock);
    opening->broken = code;
    pthread_mutex_unlock(&opening->table->lock);
}

/* The lock is held. */
static const struct opening_first *first_of(const struct opening *opening, uint64_t place)
{
    const struct opening_first *first = opening->firsts;
    while (first && first->place != place)
        first = first->next;
    return first;
}

void opening_note_first(struct opening *opening, uint64_t place, const struct hash *stamp)
{
    struct err ignored = {0};
    pthread_mutex_lock(&opening->table->lock);
    struct opening_first *first =
        first_of(opening, place)
            ? NULL
            : ARENA_NEW(&opening->arena, struct opening_first, &ignored);
    if (first) {
        *first = (struct opening_first){opening->firsts, place, *stamp};
        opening->firsts = first;
    }
    pthread_mutex_unlock(&opening->table->lock);
}

bool opening_find_first(struct opening *opening, uint64_t place, struct hash *stamp)
{
    pthread_mutex_lock(&opening->table->lock);
    const struct opening_first *first = first_of(opening, place);
    if (first)
        *stamp = first->stamp;
    pthread_mutex_unlock(&opening->table->lock);
    return first != NULL;
}

void opening_count(struct opening *opening, int64_t bytes, int64_t parts)
{
    pthread_mutex_lock(&opening->table->lock);
    opening->bytes += bytes;
    opening->parts += parts;
    /* A long download is not idle. */
    note_use(opening, clock_monotonic_ms(&opening->table->config.clock));
    pthread_mutex_unlock(&opening->table->lock);
}

/* Those of a bucket, held: whether they are over is asked without the lock, because the
 * answer may come from the database. */
static size_t hold_bucket(struct opening_table *table, size_t index,
                          struct opening *held[SWEEP_MAX])
{
    size_t count = 0;
    pthread_mutex_lock(&table->lock);
    struct opening *one = table->buckets[index];
    for (; one && count < SWEEP_MAX; one = one->next) {
        one->holders++;
        held[count++] = one;
    }
    pthread_mutex_unlock(&table->lock);
    return count;
}

/* While sessions cannot be read nothing is shown under it, but it is not over. */
static bool is_over(struct opening *opening)
{
    struct opening_table *table = opening->table;
    struct err err = {0};
    int64_t now_ms = clock_monotonic_ms(&table->config.clock);
    pthread_mutex_lock(&table->lock);
    bool is_idle = now_ms - opening->used_at_ms >= OPENING_IDLE_MS;
    pthread_mutex_unlock(&table->lock);
    return is_idle ||
           (!session_still_holds(table->config.sessions, opening->actor.session, &err) &&
            err.kind == ERR_REFUSED);
}

void opening_table_sweep(struct opening_table *table)
{
    struct opening *held[SWEEP_MAX];
    for (size_t i = 0; i < OPENING_BUCKETS; i++) {
        size_t count = hold_bucket(table, i, held);
        for (size_t k = 0; k < count; k++) {
            if (is_over(held[k]))
                end_later(held[k], "idle");
            opening_release(&held[k]);
        }
    }
}

void opening_table_free(struct opening_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < OPENING_BUCKETS; i++)
        while (table->buckets[i])
            opening_end(table->buckets[i], "done", "server_stopped");
    wait_for_arrivals(table);
    pthread_cond_destroy(&table->arrived);
    pthread_mutex_destroy(&table->lock);
    memory_free(table);
}

struct session_service *opening_sessions(const struct opening_table *table)
{
    return table->config.sessions;
}
