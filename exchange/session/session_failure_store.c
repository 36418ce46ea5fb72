// SPDX-License-Identifier: Apache-2.0
/* Failed logins of the last ten minutes, counted in the database: the limit holds across
 * the server's processes and their restarts. A login that succeeds writes nothing. */
#include "exchange/session/session_parts.h"
#include "store/store.h"

struct source {
    const char *kind;
    struct text name;
};

/* A login comes from an address and, but in the demo, under a certificate. */
static size_t list_sources(const struct session_origin *origin, struct source sources[2])
{
    sources[0] = (struct source){"address", origin->address};
    sources[1] = (struct source){"certificate", origin->fingerprint};
    return text_is_empty(origin->fingerprint) ? 1 : 2;
}

/* What a clock set back left far in the future is over, too: nobody is locked out by it.
 */
static bool read_failures(struct store_session *session, const struct source *source,
                          int64_t now_ms, int64_t *failures, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT failures FROM session_failure WHERE kind = ?1 AND "
                      "source = ?2 AND begun_at > ?3 AND begun_at <= ?4",
                      err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(source->kind));
    store_bind_text(statement, 2, source->name);
    store_bind_int(statement, 3, now_ms - SESSION_FAILURE_WINDOW_MS);
    store_bind_int(statement, 4, now_ms + SESSION_FAILURE_WINDOW_MS);
    if (!store_step(statement, &has_row, err))
        return false;
    *failures = has_row ? store_column_int(statement, 0) : 0;
    return true;
}

bool session_failures_allow(struct store *store, const struct session_origin *origin,
                            int64_t now_ms, bool *is_allowed, struct err *err)
{
    struct source sources[2];
    size_t count = list_sources(origin, sources);
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session)
        return false;
    *is_allowed = true;
    for (size_t i = 0; i < count; i++) {
        int64_t failures = 0;
        if (!read_failures(session, &sources[i], now_ms, &failures, err))
            return false;
        *is_allowed = *is_allowed && failures < SESSION_SOURCE_FAILURES_MAX;
    }
    return true;
}

/* ---- counting ---- */

struct counting {
    const struct session_origin *origin;
    int64_t now_ms;
};

static bool forget_old(struct store_session *session, int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "DELETE FROM session_failure WHERE begun_at <= ?1 OR begun_at > ?2",
        err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, now_ms - SESSION_FAILURE_WINDOW_MS);
    store_bind_int(statement, 2, now_ms + SESSION_FAILURE_WINDOW_MS);
    return store_run(statement, err);
}

static bool has_room(struct store_session *session, bool *is_free, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT COUNT(*) FROM session_failure", err);
    if (!statement || !store_step(statement, &has_row, err))
        return false;
    *is_free = store_column_int(statement, 0) < SESSION_FAILURES_KEPT_MAX;
    return true;
}

static bool count_again(struct store_session *session, const struct source *source,
                        struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "UPDATE session_failure SET failures = failures + 1 WHERE "
                      "kind = ?1 AND source = ?2",
                      err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(source->kind));
    store_bind_text(statement, 2, source->name);
    return store_run(statement, err);
}

/* Beyond the limit of rows a flood of addresses is counted by the accounts it tries
 * alone: it pushes nobody's count out. */
static bool count_first(struct store_session *session, const struct source *source,
                        int64_t now_ms, struct err *err)
{
    bool is_free = false;
    if (!has_room(session, &is_free, err) || !is_free)
        return err->kind == ERR_NONE;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO session_failure (kind, source, begun_at, failures) "
                      "VALUES (?1, ?2, ?3, 1)",
                      err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(source->kind));
    store_bind_text(statement, 2, source->name);
    store_bind_int(statement, 3, now_ms);
    return store_run(statement, err);
}

static bool count_all(struct store_session *session, void *context, struct err *err)
{
    const struct counting *counting = context;
    struct source sources[2];
    size_t count = list_sources(counting->origin, sources);
    if (!forget_old(session, counting->now_ms, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        int64_t failures = 0;
        if (!read_failures(session, &sources[i], counting->now_ms, &failures, err) ||
            !(failures > 0 ? count_again(session, &sources[i], err)
                           : count_first(session, &sources[i], counting->now_ms, err)))
            return false;
    }
    return true;
}

bool session_failures_count(struct store *store, const struct session_origin *origin,
                            int64_t now_ms, struct err *err)
{
    struct counting counting = {origin, now_ms};
    return store_write(store, STORE_LIVE, count_all, &counting, err);
}
