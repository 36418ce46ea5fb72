// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/day.h"
#include "base/memory.h"
#include "base/secret.h"
#include "exchange/audit/audit.h"
#include "exchange/session/session_parts.h"
#include "store/store.h"

struct session_service *session_open(const struct session_config *config, struct err *err)
{
    struct session_service *sessions = memory_new(1, sizeof *sessions, err);
    if (!sessions)
        return NULL;
    sessions->config = *config;
    sessions->cache = session_cache_new(err);
    if (!sessions->cache) {
        memory_free(sessions);
        return NULL;
    }
    session_sources_start(&sessions->sources);
    return sessions;
}

void session_close(struct session_service *sessions)
{
    if (!sessions)
        return;
    session_audit_failures(sessions, true);
    session_cache_free(sessions->cache);
    pthread_mutex_destroy(&sessions->sources.lock);
    memory_free(sessions);
}

/* Whether nothing was changed anywhere since the row was read: logging out, disabling an
 * account or ending a post works on the next request, whichever process did it. */
static bool is_current_in(struct store_session *session, const struct session_row *row,
                          uint64_t *epoch, bool *is_so, struct err *err)
{
    bool is_closed = true;
    struct session_key key;
    hash_to_hex(span_of(row->hash.bytes, HASH_BYTES), key.hex);
    CLEANUP(store_finish)
    struct store_statement *numbers = network_epoch_ask(session, err);
    CLEANUP(store_finish)
    struct store_statement *closed = session_closed_ask(session, &key, err);
    if (!numbers || !closed || !network_epoch_take(numbers, epoch, err) ||
        !session_closed_take(closed, &is_closed, err))
        return false;
    *is_so = *epoch == row->epoch && !is_closed;
    return true;
}

static bool is_current(struct session_service *sessions, const struct session_row *row,
                       struct session_beside *beside, bool *is_so, struct err *err)
{
    uint64_t epoch = 0;
    struct store_session *own = NULL;
    if (!beside->session)
        own = store_read_once(sessions->config.store, err);
    struct store_session *session = own ? own : beside->session;
    bool is_read = session && is_current_in(session, row, &epoch, is_so, err);
    beside->epoch = is_read && *is_so ? epoch : 0;
    store_read_end(&own);
    return is_read;
}

static void let_go(struct session_beside *beside)
{
    if (!beside || !beside->session)
        return;
    beside->let_go(beside->context);
    beside->session = NULL;
}

static struct session_now read_clock(const struct session_service *sessions)
{
    const struct clock *clock = &sessions->config.clock;
    return (struct session_now){clock_wall_ms(clock), clock_monotonic_ms(clock)};
}

static bool read_anew(struct session_service *sessions, struct session_row *row,
                      struct hash hash, struct arena *arena, bool *is_found,
                      struct err *err)
{
    struct session_now now = read_clock(sessions);
    uint64_t epoch = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(sessions->config.store, err);
    if (!session || !network_epoch_read(session, &epoch, err) ||
        !session_read_row(session, hash, now.wall_ms, arena, row, is_found, err))
        return false;
    row->epoch = epoch;
    if (*is_found)
        session_cache_keep(sessions->cache, row, now);
    return true;
}

/* What the wall clock, set back, would let live on is closed in the database, so that it
 * is over for those, too, who did not know it, and when the clock has caught up. */
static bool is_open_now(struct session_service *sessions, const struct session_row *row,
                        struct session_beside *beside)
{
    struct err err = {0};
    struct session_now now = read_clock(sessions);
    if (!session_is_open(&row->times, now.wall_ms))
        return false;
    if (!session_steady_is_over(&row->steady, now.monotonic_ms))
        return true;
    let_go(beside);
    if (!session_end(sessions, row->hash, &err) && sessions->config.log)
        log_err(sessions->config.log, "session_not_closed", &err);
    return false;
}

bool session_find(struct session_service *sessions, struct hash hash,
                  struct session_beside *beside, struct arena *arena,
                  struct session_row *row, struct err *err)
{
    int64_t monotonic_ms = clock_monotonic_ms(&sessions->config.clock);
    bool is_found = session_cache_find(sessions->cache, hash, monotonic_ms, arena, row);
    if (is_found && beside && !is_current(sessions, row, beside, &is_found, err))
        return false;
    if (!is_found)
        let_go(beside);
    if (!is_found && !read_anew(sessions, row, hash, arena, &is_found, err))
        return false;
    if (!is_found || !row->is_allowed || !is_open_now(sessions, row, beside))
        return err_set(err, ERR_REFUSED, "session_none", "no session, or it has ended");
    return true;
}

bool session_still_holds(struct session_service *sessions, struct hash session,
                         struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct session_row row;
    return session_find(sessions, session, NULL, &arena, &row, err);
}

/* ---- failed logins ---- */

static bool audit_source(struct session_service *sessions,
                         const struct session_source *source, struct err *err)
{
    CLEANUP(buf_free) struct buf detail = buf_init(128);
    buf_format(&detail, "{\"count\":%d,\"minute\":%lld}", source->minute_failures,
               (long long)source->minute);
    struct span words = buf_view(&detail);
    struct audit_record record = {
        .phase = AUDIT_EVENT,
        .event = "login_failures",
        .verdict = "deny",
        .reason = "login_refused",
        .actor = {.address = text_cstr(source->address)},
        .request = id_new(&sessions->config.rand),
        .detail = {(const char *)words.at, words.len},
        .number_of_parts = source->minute_failures,
    };
    struct audit_position position;
    return audit_append(sessions->config.audit, &record, &position, err);
}

void session_audit_failures(struct session_service *sessions, bool all)
{
    struct session_source source;
    int64_t now_ms = clock_wall_ms(&sessions->config.clock);
    while (session_sources_take(&sessions->sources, now_ms, all, &source)) {
        struct err err = {0};
        if (audit_source(sessions, &source, &err))
            continue;
        if (sessions->config.log)
            log_err(sessions->config.log, "login_failures_not_audited", &err);
        return;
    }
}

/* ---- opening ---- */

static bool fill_row(struct session_service *sessions,
                     const struct session_opening *opening, struct arena *arena,
                     struct session_row *row, struct network *network, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(sessions->config.store, err);
    struct staff staff;
    struct facility facility;
    int32_t today = day_of_instant(row->times.opened_at);
    if (!session || !staff_find(session, opening->staff, arena, &staff, err) ||
        !staff_find_post(session, opening->post, &row->post, err))
        return false;
    if (!id_equal(row->post.staff, staff.id) || staff.is_disabled ||
        !staff_post_is_active(&row->post, today))
        return err_set(err, ERR_REFUSED, "login_refused", "the post is not the person's");
    if (!facility_find(session, row->post.facility, arena, &facility, err) ||
        !network_of_facility(session, facility.id, today, &row->network, err) ||
        !network_find(session, row->network, arena, network, err))
        return false;
    row->staff = staff.id;
    row->staff_name = staff.name;
    row->staff_kana = staff.kana;
    row->facility_name = facility.name;
    row->facility_kind = facility.kind;
    row->fingerprint = opening->fingerprint;
    row->assurance = opening->assurance;
    row->is_allowed = true;
    return true;
}

/* A certificate belongs to the post's facility, or nobody of it logs in there: it is one
 * facility's terminal in another's hands, or one that was revoked (AU-1). */
static bool check_certificate(struct session_service *sessions,
                              const struct session_row *row, bool *fits, struct err *err)
{
    *fits = true;
    if (row->assurance == NETWORK_PASSWORD)
        return true;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(sessions->config.store, err);
    return session &&
           session_certificate_fits(session, row->post.facility, row->fingerprint,
                                    row->times.opened_at, fits, err);
}

static bool audit_login(struct session_service *sessions,
                        const struct session_opening *opening,
                        const struct session_row *row, const char *reason,
                        struct arena *arena, struct err *err)
{
    struct session_actor actor =
        session_actor_of(row, opening->address, opening->request);
    struct audit_record record = {
        .phase = AUDIT_EVENT,
        .event = "login",
        .verdict = reason ? "deny" : "permit",
        .reason = reason,
        .request = opening->request,
    };
    struct audit_position position;
    return session_audit_actor(&actor, arena, &record.actor, err) &&
           audit_append(sessions->config.audit, &record, &position, err);
}

static bool audit_password(struct session_service *sessions,
                           const struct session_opening *opening,
                           const struct session_row *row, const char *refused,
                           struct arena *arena, struct err *err)
{
    struct session_actor actor =
        session_actor_of(row, opening->address, opening->request);
    struct audit_record record = {
        .phase = AUDIT_EVENT,
        .event = "password",
        .verdict = refused ? "failed" : "permit",
        .reason = refused,
        .request = opening->request,
    };
    struct audit_position position;
    return session_audit_actor(&actor, arena, &record.actor, err) &&
           audit_append(sessions->config.audit, &record, &position, err);
}

/* By whoever passed every other check of a login: who has an initial password alone,
 * without the terminal and the post, cannot take the account over. */
static bool change_password(struct session_service *sessions,
                            const struct session_opening *opening,
                            const struct session_row *row, struct arena *arena,
                            struct err *err)
{
    struct err unaudited = {0};
    if (!audit_password(sessions, opening, row, NULL, arena, err))
        return false;
    if (staff_change_password(sessions->config.doors, row->staff,
                              text_span(opening->new_password), STAFF_PASSWORD_OWN, err))
        return true;
    return audit_password(sessions, opening, row, err->code, arena, &unaudited) && false;
}

static bool write_row(struct store_session *session, void *context, struct err *err)
{
    return session_add_row(session, context, err);
}

bool session_open_for(struct session_service *sessions,
                      const struct session_opening *opening, struct arena *arena,
                      char token[HASH_HEX_BYTES], struct session_row *row,
                      struct err *err)
{
    uint8_t bytes[SESSION_TOKEN_BYTES];
    rand_fill(&sessions->config.rand, bytes, sizeof bytes);
    hash_to_hex(span_of(bytes, sizeof bytes), token);
    int64_t now_ms = clock_wall_ms(&sessions->config.clock);
    *row = (struct session_row){.hash = hash_sha256(span_of(bytes, sizeof bytes)),
                                .times = {now_ms, now_ms, 0}};
    secret_wipe(bytes, sizeof bytes);
    struct network network;
    bool fits = false;
    if (!fill_row(sessions, opening, arena, row, &network, err) ||
        !check_certificate(sessions, row, &fits, err))
        return false;
    enum network_assurance minimum =
        session_minimum(network.minimum_assurance, sessions->config.is_demo);
    const char *reason = !fits                      ? "certificate_foreign"
                         : row->assurance < minimum ? "assurance"
                                                    : NULL;
    if (!audit_login(sessions, opening, row, reason, arena, err))
        return false;
    if (!fits)
        return err_set(err, ERR_REFUSED, reason, "not a certificate of this facility");
    if (reason)
        return err_set(err, ERR_REFUSED, reason, "the network asks for %s",
                       network_assurance_id(minimum));
    if (!text_is_empty(opening->new_password) &&
        !change_password(sessions, opening, row, arena, err))
        return false;
    return store_write(sessions->config.store, STORE_LIVE, write_row, row, err);
}

bool session_begin(struct session_service *sessions,
                   const struct session_opening *opening, char token[HASH_HEX_BYTES],
                   char csrf[HASH_HEX_BYTES], struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct session_row row;
    if (!session_open_for(sessions, opening, &arena, token, &row, err))
        return false;
    uint8_t bytes[SESSION_TOKEN_BYTES];
    bool is_hex = hash_from_hex(span_cstr(token), bytes, sizeof bytes);
    assert(is_hex);
    session_csrf(span_of(bytes, sizeof bytes), csrf);
    secret_wipe(bytes, sizeof bytes);
    return true;
}

/* ---- ending, activity ---- */

struct moment {
    struct hash hash;
    int64_t now_ms;
};

static bool close_row(struct store_session *session, void *context, struct err *err)
{
    const struct moment *moment = context;
    return session_close_row(session, moment->hash, moment->now_ms, err);
}

static bool touch_row(struct store_session *session, void *context, struct err *err)
{
    const struct moment *moment = context;
    return session_touch_row(session, moment->hash, moment->now_ms, err);
}

bool session_end(struct session_service *sessions, struct hash session, struct err *err)
{
    struct moment moment = {session, clock_wall_ms(&sessions->config.clock)};
    bool is_closed =
        store_write(sessions->config.store, STORE_LIVE, close_row, &moment, err);
    session_cache_drop(sessions->cache, session);
    return is_closed;
}

/* The database hears of activity every 30 s at most: a write per click would cost an
 * fsync, and losing half a minute of a quarter of an hour only ends a session earlier. */
bool session_touch(struct session_service *sessions, const struct session_row *row,
                   struct err *err)
{
    struct session_now now = read_clock(sessions);
    struct moment moment = {row->hash, now.wall_ms};
    /* What a clock that was ahead has left there is put right. */
    int64_t behind_ms = now.wall_ms - row->stored_seen_at;
    bool is_stored =
        behind_ms >= SESSION_TOUCH_MS || behind_ms < -SESSION_CLOCKS_APART_MS;
    if (is_stored &&
        !store_write(sessions->config.store, STORE_LIVE, touch_row, &moment, err))
        return false;
    session_cache_touch(sessions->cache, row->hash, now, is_stored);
    return true;
}
