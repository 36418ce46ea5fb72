// SPDX-License-Identifier: Apache-2.0
#include "exchange/session/session_parts.h"

#include "base/day.h"
#include "store/store.h"

struct hex {
    char at[HASH_HEX_BYTES];
};

static struct hex hex_of(struct hash hash)
{
    struct hex hex;
    hash_to_hex(span_of(hash.bytes, HASH_BYTES), hex.at);
    return hex;
}

/* ---- sessions ---- */

static bool read_own_row(struct store_session *session, struct arena *arena,
                         struct session_row *row, bool *is_found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT staff, post, network, assurance, fingerprint, opened_at, "
                      "seen_at, closed_at FROM session WHERE hash = ?1",
                      err);
    if (!statement)
        return false;
    struct hex hex = hex_of(row->hash);
    store_bind_text(statement, 1, text_cstr(hex.at));
    if (!store_step(statement, is_found, err) || !*is_found)
        return err->kind == ERR_NONE;
    row->times = (struct session_times){store_column_int(statement, 5),
                                        store_column_int(statement, 6),
                                        store_column_int(statement, 7)};
    row->stored_seen_at = row->times.seen_at;
    if (!network_assurance_parse(store_column_view(statement, 3), &row->assurance))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a session's level is unknown");
    return store_column_id(statement, 0, &row->staff, err) &&
           store_column_id(statement, 1, &row->post.id, err) &&
           store_column_id(statement, 2, &row->network, err) &&
           store_column_text(statement, 4, arena, &row->fingerprint, err);
}

static bool is_participant(struct store_session *session, struct id network,
                           struct id facility, int32_t day, bool *is_one, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct network_participants list;
    *is_one = false;
    if (network_participants_on(session, network, day, &arena, &list, err)) {
        *is_one = network_participant_find(&list, facility) != NULL;
        return true;
    }
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return true;
}

bool session_read_row(struct store_session *session, struct hash hash, int64_t now_ms,
                      struct arena *arena, struct session_row *row, bool *is_found,
                      struct err *err)
{
    *row = (struct session_row){.hash = hash};
    if (!read_own_row(session, arena, row, is_found, err) || !*is_found)
        return err->kind == ERR_NONE;
    struct staff staff;
    struct facility facility;
    bool is_member = false;
    bool has_certificate = true;
    int32_t today = day_of_instant(now_ms);
    if (!staff_find(session, row->staff, arena, &staff, err) ||
        !staff_find_post(session, row->post.id, &row->post, err) ||
        !facility_find(session, row->post.facility, arena, &facility, err) ||
        !is_participant(session, row->network, facility.id, today, &is_member, err))
        return false;
    if (row->assurance >= NETWORK_CERTIFICATE &&
        !session_certificate_fits(session, facility.id, row->fingerprint, now_ms,
                                  &has_certificate, err))
        return false;
    row->staff_name = staff.name;
    row->staff_kana = staff.kana;
    row->facility_name = facility.name;
    row->facility_kind = facility.kind;
    row->is_allowed = !staff.is_disabled && staff_post_is_active(&row->post, today) &&
                      is_member && has_certificate;
    return true;
}

static bool forget_old(struct store_session *session, int64_t opened_before,
                       struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "DELETE FROM session WHERE opened_at < ?1", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, opened_before);
    return store_run(statement, err);
}

bool session_add_row(struct store_session *session, const struct session_row *row,
                     struct err *err)
{
    if (!forget_old(session, row->times.opened_at - 2LL * SESSION_ABSOLUTE_MS, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO session (hash, staff, post, network, assurance, "
                      "fingerprint, opened_at, seen_at, closed_at) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
                      err);
    if (!statement)
        return false;
    struct hex hex = hex_of(row->hash);
    store_bind_text(statement, 1, text_cstr(hex.at));
    store_bind_id(statement, 2, row->staff);
    store_bind_id(statement, 3, row->post.id);
    store_bind_id(statement, 4, row->network);
    store_bind_text(statement, 5, text_cstr(network_assurance_id(row->assurance)));
    store_bind_text(statement, 6, row->fingerprint);
    store_bind_int(statement, 7, row->times.opened_at);
    store_bind_int(statement, 8, row->times.seen_at);
    return store_run(statement, err);
}

static bool update_time(struct store_session *session, const char *sql, struct hash hash,
                        int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    struct hex hex = hex_of(hash);
    store_bind_text(statement, 1, text_cstr(hex.at));
    store_bind_int(statement, 2, now_ms);
    return store_run(statement, err);
}

bool session_close_row(struct store_session *session, struct hash hash, int64_t now_ms,
                       struct err *err)
{
    return update_time(
        session, "UPDATE session SET closed_at = ?2 WHERE hash = ?1 AND closed_at = 0",
        hash, now_ms, err);
}

struct store_statement *session_closed_ask(struct store_session *session,
                                           const struct session_key *key, struct err *err)
{
    struct store_statement *statement =
        store_prepare(session, "SELECT closed_at FROM session WHERE hash = ?1", err);
    if (!statement)
        return NULL;
    store_bind_text(statement, 1, text_cstr(key->hex));
    store_ask(statement);
    return statement;
}

bool session_closed_take(struct store_statement *statement, bool *is_closed,
                         struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    *is_closed = !has_row || store_column_int(statement, 0) != 0;
    return true;
}

bool session_end_of_staff(struct store_session *session, struct id staff, int64_t now_ms,
                          struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE session SET closed_at = ?2 WHERE staff = ?1 AND closed_at = 0",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    store_bind_int(statement, 2, now_ms);
    return store_run(statement, err);
}

bool session_end_all(struct store_session *session, int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE session SET closed_at = ?1 WHERE closed_at = 0", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, now_ms);
    return store_run(statement, err);
}

/* Of two at once the later counts, but not one of a clock that was ahead by more than
 * SESSION_CLOCKS_APART_MS. */
bool session_touch_row(struct store_session *session, struct hash hash, int64_t now_ms,
                       struct err *err)
{
    return update_time(session,
                       "UPDATE session SET seen_at = ?2 WHERE hash = ?1 AND "
                       "(seen_at < ?2 OR seen_at > ?2 + 60000)",
                       hash, now_ms, err);
}

/* ---- certificates of terminals ---- */

bool session_certificate_fits(struct store_session *session, struct id facility,
                              struct text fingerprint, int64_t now_ms, bool *fits,
                              struct err *err)
{
    *fits = false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT 1 FROM session_certificate WHERE fingerprint = ?1 AND facility = ?2 AND "
        "ends_at > ?3 AND revoked_at = 0",
        err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, fingerprint);
    store_bind_id(statement, 2, facility);
    store_bind_int(statement, 3, now_ms);
    return store_step(statement, fits, err);
}

bool session_add_certificate(struct store_session *session, struct id facility,
                             struct text fingerprint, int64_t ends_at, struct err *err)
{
    uint8_t bytes[HASH_BYTES];
    if (!hash_from_hex(text_span(fingerprint), bytes, sizeof bytes))
        return err_set(err, ERR_SYNTAX, "fingerprint_invalid",
                       "a fingerprint has 64 hexadecimal digits");
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO session_certificate (fingerprint, facility, ends_at, "
                      "revoked_at) VALUES (?1, ?2, ?3, 0)",
                      err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, fingerprint);
    store_bind_id(statement, 2, facility);
    store_bind_int(statement, 3, ends_at);
    return store_run(statement, err);
}

bool session_revoke_certificate(struct store_session *session, struct text fingerprint,
                                int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "UPDATE session_certificate SET revoked_at = ?2 WHERE fingerprint = ?1 AND "
        "revoked_at = 0",
        err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, fingerprint);
    store_bind_int(statement, 2, now_ms);
    if (!store_run(statement, err))
        return false;
    if (store_changes(session) != 1)
        return err_set(err, ERR_MISSING, "not_found", "no such accepted certificate");
    return network_epoch_raise(session, err);
}

bool session_list_certificates(struct store_session *session, struct arena *arena,
                               struct session_certificate **items, size_t *count,
                               struct err *err)
{
    *count = 0;
    *items = NULL;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT facility, fingerprint, ends_at, revoked_at, "
                      "count(*) OVER () FROM session_certificate "
                      "ORDER BY facility, fingerprint",
                      err);
    bool has_row = true;
    while (statement && store_step(statement, &has_row, err) && has_row) {
        if (!*items)
            *items = ARENA_MANY(arena, struct session_certificate,
                                (size_t)store_column_int(statement, 4), err);
        if (!*items)
            return false;
        struct session_certificate *item = &(*items)[(*count)++];
        item->ends_at = store_column_int(statement, 2);
        item->revoked_at = store_column_int(statement, 3);
        if (!store_column_id(statement, 0, &item->facility, err) ||
            !store_column_text(statement, 1, arena, &item->fingerprint, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

/* ---- idempotency ---- */

bool session_once_find(struct store_session *session, const struct session_once *once,
                       struct arena *arena, struct session_answer *answer,
                       struct err *err)
{
    *answer = (struct session_answer){.body = TEXT("")};
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT route, request, status, body FROM session_once WHERE "
                      "staff = ?1 AND key = ?2",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, once->staff);
    store_bind_id(statement, 2, once->key);
    if (!store_step(statement, &answer->is_kept, err) || !answer->is_kept)
        return err->kind == ERR_NONE;
    struct hex hex = hex_of(once->request);
    if (!text_is(store_column_view(statement, 0), once->route) ||
        !text_is(store_column_view(statement, 1), hex.at))
        return err_set(err, ERR_CONFLICT, "idempotency_reused",
                       "the key was used for another request");
    answer->status = (int)store_column_int(statement, 2);
    return store_column_text(statement, 3, arena, &answer->body, err);
}

static bool forget_answers(struct store_session *session, int64_t kept_before,
                           struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "DELETE FROM session_once WHERE kept_at < ?1", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, kept_before);
    return store_run(statement, err);
}

bool session_once_keep(struct store_session *session, const struct session_once *once,
                       int status, struct text body, int64_t now_ms, struct err *err)
{
    if (!forget_answers(session, now_ms - SESSION_ONCE_DAYS * 86400000LL, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO session_once (key, staff, route, request, status, "
                      "body, kept_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                      err);
    if (!statement)
        return false;
    struct hex hex = hex_of(once->request);
    store_bind_id(statement, 1, once->key);
    store_bind_id(statement, 2, once->staff);
    store_bind_text(statement, 3, text_cstr(once->route));
    store_bind_text(statement, 4, text_cstr(hex.at));
    store_bind_int(statement, 5, status);
    store_bind_text(statement, 6, body);
    store_bind_int(statement, 7, now_ms);
    return store_run(statement, err);
}

bool session_once_complete(struct store_session *session, const struct session_once *once,
                           int status, struct text body, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "UPDATE session_once SET status = ?3, body = ?4 WHERE staff = ?1 AND key = ?2",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, once->staff);
    store_bind_id(statement, 2, once->key);
    store_bind_int(statement, 3, status);
    store_bind_text(statement, 4, body);
    return store_run(statement, err);
}
