// SPDX-License-Identifier: Apache-2.0
#include "exchange/opening/opening.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/session/session.h"

enum { PERMIT_ARENA_BYTES = 1 << 20, BUCKETS = 4096, PERMIT_AGE_MAX_MS = 1000 };

/* A permit with its own arena. A renewed one keeps the former behind it until nobody but
 * the table holds the opening, because somebody may still be reading under it. */
struct held_permit {
    struct arena arena;
    const struct disclosure_permit *permit;
    struct held_permit *older;
};

struct opening {
    struct opening_table *table;
    struct opening *next; /* in its bucket */
    struct arena arena;   /* the request's texts */
    struct session_actor actor;
    struct disclosure_request request;
    struct id handle;
    struct id object;
    struct held_permit *permit; /* under the table's lock */
    int64_t used_at_ms;         /* monotonic, under the lock */
    int64_t bytes;
    int64_t parts;
    int64_t new_since_ms;
    int holders; /* the table's own one included, under the lock */
    bool has_ended;
};

struct opening_table {
    struct opening_config config;
    pthread_mutex_t lock;
    size_t count;
    struct opening *buckets[BUCKETS];
};

struct opening_table *opening_table_new(const struct opening_config *config,
                                        struct err *err)
{
    struct opening_table *table = memory_new(1, sizeof *table, err);
    if (!table)
        return NULL;
    table->config = *config;
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static struct opening **bucket_of(struct opening_table *table, struct id handle)
{
    size_t index = (size_t)handle.bytes[0] << 8 | handle.bytes[1];
    return &table->buckets[index % BUCKETS];
}

static struct held_permit *permit_hold(struct err *err)
{
    struct held_permit *held = memory_new(1, sizeof *held, err);
    if (held)
        held->arena = arena_init(PERMIT_ARENA_BYTES);
    return held;
}

static void free_permits(struct held_permit *held)
{
    while (held) {
        struct held_permit *older = held->older;
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
    struct opening **at = bucket_of(opening->table, opening->handle);
    while (*at && *at != opening)
        at = &(*at)->next;
    if (*at)
        *at = opening->next;
    opening->table->count--;
    return true;
}

static void write_finish(struct opening *opening, const char *verdict, const char *reason)
{
    struct err err = {0};
    const struct opening_config *config = &opening->table->config;
    struct disclosure_outcome outcome = {verdict, reason, opening->bytes, opening->parts};
    if (!disclosure_finish(config->gate, opening->permit->permit, opening->request.event,
                           &outcome, &err) &&
        config->log)
        log_err(config->log, "finish_unwritten", &err);
}

void opening_end(struct opening *opening, const char *verdict, const char *reason)
{
    struct opening_table *table = opening->table;
    pthread_mutex_lock(&table->lock);
    bool is_first = detach(opening);
    pthread_mutex_unlock(&table->lock);
    if (!is_first)
        return;
    write_finish(opening, verdict, reason);
    pthread_mutex_lock(&table->lock);
    drop_holder(opening);
    pthread_mutex_unlock(&table->lock);
}

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

static size_t count_of_session(struct opening_table *table, struct hash session)
{
    size_t count = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct opening *one = table->buckets[i]; one; one = one->next)
            count += hash_equal(&one->actor.session, &session);
    return count;
}

/* A session that opens more than its share loses its least recently used opening. */
static struct opening *take_oldest(struct opening_table *table, struct hash session)
{
    struct opening *oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct opening *one = table->buckets[i]; one; one = one->next)
            if (hash_equal(&one->actor.session, &session) &&
                (!oldest || one->used_at_ms < oldest->used_at_ms))
                oldest = one;
    if (oldest)
        oldest->holders++;
    return oldest;
}

static void make_room(struct opening_table *table, struct hash session)
{
    pthread_mutex_lock(&table->lock);
    struct opening *oldest = count_of_session(table, session) >= OPENING_PER_SESSION_MAX
                                 ? take_oldest(table, session)
                                 : NULL;
    pthread_mutex_unlock(&table->lock);
    if (!oldest)
        return;
    opening_end(oldest, "done", "superseded");
    opening_release(&oldest);
}

static bool enter(struct opening_table *table, struct opening *opening, struct err *err)
{
    pthread_mutex_lock(&table->lock);
    bool has_room = table->count < OPENING_COUNT_MAX;
    if (has_room) {
        struct opening **bucket = bucket_of(table, opening->handle);
        opening->next = *bucket;
        *bucket = opening;
        opening->holders = 2;
        opening->used_at_ms = clock_monotonic_ms(&table->config.clock);
        table->count++;
    }
    pthread_mutex_unlock(&table->lock);
    return has_room || err_set(err, ERR_BUSY, "too_many_openings", "table is full");
}

struct opening *opening_begin(struct opening_table *table,
                              const struct disclosure_request *request, struct id object,
                              struct err *err)
{
    make_room(table, request->actor->session);
    struct opening *opening = memory_new(1, sizeof *opening, err);
    if (!opening)
        return NULL;
    opening->table = table;
    opening->arena = arena_init(64 * 1024);
    opening->handle = id_new(&table->config.rand);
    opening->object = object;
    opening->new_since_ms = INT64_MAX;
    opening->permit = permit_hold(err);
    if (!opening->permit) {
        free_opening(opening);
        return NULL;
    }
    bool is_copied = copy_request(opening, request, err);
    if (is_copied)
        opening->permit->permit = disclosure_decide(table->config.gate, &opening->request,
                                                    &opening->permit->arena, err);
    if (!opening->permit->permit) {
        free_opening(opening);
        return NULL;
    }
    if (!enter(table, opening, err)) {
        write_finish(opening, "failed", "too_many_openings");
        free_opening(opening);
        return NULL;
    }
    return opening;
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
        one->used_at_ms = now_ms;
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

static bool holds_now(struct opening *opening, struct err *err)
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
    else if (!holds_now(opening, err))
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
    if (!session_still_holds(config->sessions, opening->actor.session))
        return err_set(err, ERR_REFUSED, "session_none", "the session is over");
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
    struct held_permit *held = permit_hold(err);
    if (!held)
        return false;
    held->permit = disclosure_renew(config->gate, &opening->request,
                                    opening_permit(opening), &held->arena, err);
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

void opening_count(struct opening *opening, int64_t bytes, int64_t parts)
{
    pthread_mutex_lock(&opening->table->lock);
    opening->bytes += bytes;
    opening->parts += parts;
    /* A long download is not idle. */
    opening->used_at_ms = clock_monotonic_ms(&opening->table->config.clock);
    pthread_mutex_unlock(&opening->table->lock);
}

/* ---- who may hear of a change ---- */

static bool covers_row(const struct permit_grant *grant, const struct opening_news *news)
{
    uint32_t kinds = news->is_sensitive ? grant->sensitive_kinds : grant->kinds;
    enum entry_row row = news->row;
    for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++)
        if ((kinds >> kind & 1U) &&
            (row == ENTRY_ROW_NONE || entry_kind_row((enum entry_kind)kind) == row))
            return true;
    return false;
}

static bool covers(const struct disclosure_permit *permit,
                   const struct opening_news *news)
{
    const struct permit_contents *contents = permit_read(permit);
    for (size_t i = 0; i < contents->grant_count; i++)
        if (id_equal(contents->grants[i].provider, news->provider) &&
            covers_row(&contents->grants[i], news))
            return true;
    return !news->is_content;
}

static bool is_calendar_of(const struct opening *opening, struct id person)
{
    return id_equal(opening->request.person, person) && id_is_zero(opening->object);
}

/* Holds every calendar that is open of the person (session NULL), or of the session. */
static size_t hold_all(struct opening_table *table, const struct id *person,
                       const struct hash *session, struct opening **held, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct opening *one = table->buckets[i]; one && count < max; one = one->next)
            if (person ? is_calendar_of(one, *person)
                       : hash_equal(&one->actor.session, session)) {
                one->holders++;
                held[count++] = one;
            }
    pthread_mutex_unlock(&table->lock);
    return count;
}

static bool may_hear(struct opening *opening, const struct opening_news *news,
                     bool *is_unsure)
{
    struct err err = {0};
    if (!news->is_content)
        return true;
    if (!opening_holds(opening, &err)) {
        bool has_changed = err.kind == ERR_REFUSED && err.code &&
                           strcmp(err.code, "permission_changed") == 0;
        if (has_changed)
            err_clear(&err);
        if (!has_changed || !opening_renew(opening, &err)) {
            *is_unsure |= err.kind == ERR_BUSY || err.kind == ERR_SYSTEM;
            return false;
        }
    }
    return covers(opening_permit(opening), news);
}

size_t opening_watchers(struct opening_table *table, const struct opening_news *news,
                        struct hash *sessions, size_t max, bool *is_unsure)
{
    struct opening *held[OPENING_WATCHERS_MAX];
    size_t count = hold_all(table, &news->person, NULL, held, OPENING_WATCHERS_MAX);
    size_t hearing = 0;
    for (size_t i = 0; i < count; i++) {
        if (hearing < max && may_hear(held[i], news, is_unsure))
            sessions[hearing++] = held[i]->actor.session;
        opening_release(&held[i]);
    }
    return hearing;
}

void opening_renew_session(struct opening_table *table, struct hash session)
{
    struct opening *held[OPENING_PER_SESSION_MAX];
    size_t count = hold_all(table, NULL, &session, held, OPENING_PER_SESSION_MAX);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        (void)!holds_now(held[i], &err);
        opening_release(&held[i]);
    }
}

bool opening_watches(struct opening_table *table, struct hash session,
                     const struct opening_news *news)
{
    bool is_watching = false;
    struct err err = {0};
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < BUCKETS && !is_watching; i++)
        for (struct opening *one = table->buckets[i]; one; one = one->next)
            is_watching |=
                is_calendar_of(one, news->person) &&
                hash_equal(&one->actor.session, &session) &&
                (!news->is_content ||
                 (disclosure_still_holds(table->config.gate, one->permit->permit, &err) &&
                  covers(one->permit->permit, news)));
    pthread_mutex_unlock(&table->lock);
    return is_watching;
}

/* One that is over, held for its end; NULL when there is none. */
static struct opening *find_over(struct opening_table *table, int64_t now_ms)
{
    struct opening *over = NULL;
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < BUCKETS && !over; i++)
        for (struct opening *one = table->buckets[i]; one && !over; one = one->next)
            if (now_ms - one->used_at_ms >= OPENING_IDLE_MS ||
                !session_still_holds(table->config.sessions, one->actor.session))
                over = one;
    if (over)
        over->holders++;
    pthread_mutex_unlock(&table->lock);
    return over;
}

void opening_table_sweep(struct opening_table *table)
{
    int64_t now_ms = clock_monotonic_ms(&table->config.clock);
    struct opening *over = find_over(table, now_ms);
    while (over) {
        opening_end(over, "done", "idle");
        opening_release(&over);
        over = find_over(table, now_ms);
    }
}

void opening_table_free(struct opening_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (table->buckets[i])
            opening_end(table->buckets[i], "done", "server_stopped");
    pthread_mutex_destroy(&table->lock);
    memory_free(table);
}

struct session_service *opening_sessions(const struct opening_table *table)
{
    return table->config.sessions;
}
