// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/day.h"
#include "base/secret.h"
#include "exchange/network/network.h"
#include "exchange/staff/staff_parts.h"
#include "exchange/staff/staff_rows.h"
#include "store/store.h"

/* ---- people ---- */

struct store_statement *staff_ask(struct store_session *session, struct id id,
                                  struct err *err)
{
    struct store_statement *statement = store_prepare(
        session,
        "SELECT login, name, kana, birth_day, is_disabled FROM staff WHERE id = ?1", err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, id);
    store_ask(statement);
    return statement;
}

bool staff_take(struct store_statement *statement, struct id id, struct arena *arena,
                struct staff *found, struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such account");
    *found = (struct staff){
        .id = id,
        .birth_day = store_column_is_null(statement, 3)
                         ? DAY_NONE
                         : (int32_t)store_column_int(statement, 3),
        .is_disabled = store_column_int(statement, 4) != 0,
    };
    return store_column_text(statement, 0, arena, &found->login, err) &&
           store_column_text(statement, 1, arena, &found->name, err) &&
           store_column_text(statement, 2, arena, &found->kana, err);
}

bool staff_find(struct store_session *session, struct id id, struct arena *arena,
                struct staff *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = staff_ask(session, id, err);
    return statement && staff_take(statement, id, arena, found, err);
}

bool staff_find_login(struct store_session *session, struct text login, struct id *id,
                      struct err *err)
{
    char folded[STAFF_LOGIN_MAX + 1] = "";
    bool is_login = staff_fold_login(login, folded);
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT id FROM staff WHERE login = ?1", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(is_login ? folded : ""));
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    return has_row ? store_column_id(statement, 0, id, err)
                   : err_set(err, ERR_MISSING, "not_found", "no such account");
}

static bool read_listed(struct store_statement *statement, struct arena *arena,
                        struct staff_listed *listed, struct err *err)
{
    *listed = (struct staff_listed){
        .staff = {.birth_day = DAY_NONE,
                  .is_disabled = store_column_int(statement, 4) != 0},
        .lock = {(int)store_column_int(statement, 5), (int)store_column_int(statement, 6),
                 store_column_int(statement, 7)}};
    return store_column_id(statement, 0, &listed->staff.id, err) &&
           store_column_text(statement, 1, arena, &listed->staff.login, err) &&
           store_column_text(statement, 2, arena, &listed->staff.name, err) &&
           store_column_text(statement, 3, arena, &listed->staff.kana, err);
}

bool staff_list(struct store_session *session, struct text after, struct arena *arena,
                struct staff_listed **items, size_t *count, struct err *err)
{
    *count = 0;
    *items = ARENA_MANY(arena, struct staff_listed, STAFF_PAGE, err);
    if (!*items)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT id, login, name, kana, is_disabled, failures, locks, "
                      "locked_until FROM staff WHERE login > ?1 ORDER BY login LIMIT ?2",
                      err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, after);
    store_bind_int(statement, 2, STAFF_PAGE);
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row)
        if (!read_listed(statement, arena, &(*items)[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

static bool add_row(struct store_session *session, const struct staff *staff,
                    const char *login, int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO staff (id, login, name, kana, birth_day, is_disabled, "
                      "failures, locks, locked_until, created_at) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, ?7)",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff->id);
    store_bind_text(statement, 2, text_cstr(login));
    store_bind_text(statement, 3, staff->name);
    store_bind_text(statement, 4, staff->kana);
    if (staff->birth_day == DAY_NONE)
        store_bind_null(statement, 5);
    else
        store_bind_int(statement, 5, staff->birth_day);
    store_bind_int(statement, 6, staff->is_disabled);
    store_bind_int(statement, 7, now_ms);
    if (store_run(statement, err))
        return true;
    if (err->kind != ERR_CONFLICT)
        return false;
    err_clear(err);
    return err_set(err, ERR_CONFLICT, "login_taken", "the login is in use");
}

bool staff_add_password(struct store_session *session, struct id staff,
                        const char *encoded, enum staff_password password, int64_t now_ms,
                        struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO staff_password (staff, number, encoded, created_at, is_initial) "
        "SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4 FROM staff_password "
        "WHERE staff = ?1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    store_bind_text(statement, 2, text_cstr(encoded));
    store_bind_int(statement, 3, now_ms);
    store_bind_int(statement, 4, password == STAFF_PASSWORD_INITIAL);
    return store_run(statement, err);
}

bool staff_add(struct store_session *session, const struct staff *staff,
               const char *encoded, enum staff_password password, int64_t now_ms,
               struct err *err)
{
    char login[STAFF_LOGIN_MAX + 1];
    if (!staff_fold_login(staff->login, login))
        return err_set(err, ERR_SYNTAX, "login_invalid",
                       "a login has 1 to %d letters, digits and . _ - @",
                       STAFF_LOGIN_MAX);
    return add_row(session, staff, login, now_ms, err) &&
           staff_add_password(session, staff->id, encoded, password, now_ms, err);
}

/* One statement with the account's id as ?1 that must change one row. */
static bool change_one(struct store_session *session, const char *sql, struct id id,
                       int64_t value, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, id);
    store_bind_int(statement, 2, value);
    if (!store_run(statement, err))
        return false;
    if (store_changes(session) == 1)
        return true;
    return err_set(err, ERR_MISSING, "not_found", "no such account or post");
}

bool staff_disable(struct store_session *session, struct id staff, struct err *err)
{
    return change_one(session, "UPDATE staff SET is_disabled = ?2 WHERE id = ?1", staff,
                      1, err) &&
           network_epoch_raise(session, err);
}

bool staff_enable(struct store_session *session, struct id staff, struct err *err)
{
    return change_one(session, "UPDATE staff SET is_disabled = ?2 WHERE id = ?1", staff,
                      0, err) &&
           network_epoch_raise(session, err);
}

bool staff_unlock(struct store_session *session, struct id staff, struct err *err)
{
    return change_one(
        session,
        "UPDATE staff SET failures = ?2, locks = ?2, locked_until = ?2 WHERE id = ?1",
        staff, 0, err);
}

/* ---- posts ---- */

#define POST_COLUMNS                                                                     \
    "SELECT id, staff, facility, profession, role, from_day, to_day FROM staff_post "

static bool read_post(struct store_statement *statement, struct staff_post *post,
                      struct err *err)
{
    *post = (struct staff_post){
        .from_day = (int32_t)store_column_int(statement, 5),
        .to_day = store_column_is_null(statement, 6)
                      ? DAY_NONE
                      : (int32_t)store_column_int(statement, 6),
    };
    if (!staff_profession_parse(store_column_view(statement, 3), &post->profession) ||
        !staff_role_parse(store_column_view(statement, 4), &post->role))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a post's words are unknown");
    return store_column_id(statement, 0, &post->id, err) &&
           store_column_id(statement, 1, &post->staff, err) &&
           store_column_id(statement, 2, &post->facility, err);
}

struct store_statement *staff_post_ask(struct store_session *session, struct id post,
                                       struct err *err)
{
    struct store_statement *statement =
        store_prepare(session, POST_COLUMNS "WHERE id = ?1", err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, post);
    store_ask(statement);
    return statement;
}

bool staff_post_take(struct store_statement *statement, struct staff_post *found,
                     struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such post");
    return read_post(statement, found, err);
}

bool staff_find_post(struct store_session *session, struct id post,
                     struct staff_post *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = staff_post_ask(session, post, err);
    return statement && staff_post_take(statement, found, err);
}

bool staff_active_posts(struct store_session *session, struct id staff, int32_t day,
                        struct arena *arena, struct staff_post **items, size_t *count,
                        struct err *err)
{
    *count = 0;
    *items = ARENA_MANY(arena, struct staff_post, STAFF_POSTS_MAX, err);
    if (!*items)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        POST_COLUMNS "WHERE staff = ?1 AND from_day <= ?2 AND "
                     "(to_day IS NULL OR to_day >= ?2) ORDER BY id LIMIT 32",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    store_bind_int(statement, 2, day);
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row)
        if (!read_post(statement, &(*items)[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

bool staff_all_posts(struct store_session *session, struct id staff, struct arena *arena,
                     struct staff_post **items, size_t *count, struct err *err)
{
    *count = 0;
    *items = ARENA_MANY(arena, struct staff_post, STAFF_POSTS_MAX, err);
    if (!*items)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, POST_COLUMNS "WHERE staff = ?1 ORDER BY from_day DESC, id LIMIT 32",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row)
        if (!read_post(statement, &(*items)[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

bool staff_add_post(struct store_session *session, const struct staff_post *post,
                    int64_t now_ms, struct err *err)
{
    if (post->to_day != DAY_NONE && post->to_day < post->from_day)
        return err_set(err, ERR_SYNTAX, "post_invalid", "a post ends after it begins");
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO staff_post (id, staff, facility, profession, role, "
                      "from_day, to_day, created_at) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, post->id);
    store_bind_id(statement, 2, post->staff);
    store_bind_id(statement, 3, post->facility);
    store_bind_text(statement, 4, text_cstr(staff_profession_id(post->profession)));
    store_bind_text(statement, 5, text_cstr(staff_role_id(post->role)));
    store_bind_int(statement, 6, post->from_day);
    if (post->to_day == DAY_NONE)
        store_bind_null(statement, 7);
    else
        store_bind_int(statement, 7, post->to_day);
    store_bind_int(statement, 8, now_ms);
    return store_run(statement, err);
}

bool staff_end_post(struct store_session *session, struct id post, int32_t last_day,
                    struct err *err)
{
    return change_one(session, "UPDATE staff_post SET to_day = ?2 WHERE id = ?1", post,
                      last_day, err) &&
           network_epoch_raise(session, err);
}

/* ---- accounts, for the doors ---- */

bool staff_find_account(struct store_session *session, const char *login,
                        struct staff_account *account, bool *is_found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT s.id, s.is_disabled, s.failures, s.locks, s.locked_until, p.encoded, "
        "p.is_initial FROM staff s JOIN staff_password p ON p.staff = s.id WHERE s.login "
        "= ?1 "
        "ORDER BY p.number DESC LIMIT 1",
        err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(login));
    if (!store_step(statement, is_found, err) || !*is_found)
        return err->kind == ERR_NONE;
    *account = (struct staff_account){
        .is_disabled = store_column_int(statement, 1) != 0,
        .lock = {(int)store_column_int(statement, 2), (int)store_column_int(statement, 3),
                 store_column_int(statement, 4)},
        .password = store_column_int(statement, 6) != 0 ? STAFF_PASSWORD_INITIAL
                                                        : STAFF_PASSWORD_OWN,
    };
    struct text encoded = store_column_view(statement, 5);
    if (encoded.len >= sizeof account->encoded)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a password hash is too long");
    memcpy(account->encoded, encoded.at, encoded.len);
    return store_column_id(statement, 0, &account->id, err);
}

bool staff_read_lock(struct store_session *session, struct id staff,
                     struct staff_lock *lock, bool *is_disabled, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT failures, locks, locked_until, is_disabled FROM staff WHERE id = ?1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such account");
    *lock = (struct staff_lock){(int)store_column_int(statement, 0),
                                (int)store_column_int(statement, 1),
                                store_column_int(statement, 2)};
    *is_disabled = store_column_int(statement, 3) != 0;
    return true;
}

bool staff_write_lock(struct store_session *session, struct id staff,
                      const struct staff_lock *lock, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "UPDATE staff SET failures = ?2, locks = ?3, locked_until = ?4 WHERE id = ?1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    store_bind_int(statement, 2, lock->failures);
    store_bind_int(statement, 3, lock->locks);
    store_bind_int(statement, 4, lock->locked_until);
    return store_run(statement, err);
}

bool staff_count_stranger(struct store_session *session, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE staff_stranger SET tries = tries + 1 WHERE one = 1", err);
    return statement && store_run(statement, err);
}

bool staff_renew_encoded(struct store_session *session, struct id staff,
                         const char *encoded, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "UPDATE staff_password SET encoded = ?2 WHERE staff = ?1 AND "
        "number = (SELECT max(number) FROM staff_password WHERE staff = ?1)",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    store_bind_text(statement, 2, text_cstr(encoded));
    return store_run(statement, err);
}

bool staff_old_passwords(struct store_session *session, struct id staff,
                         struct arena *arena, struct text *encoded, size_t *count,
                         struct err *err)
{
    *count = 0;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT encoded FROM staff_password WHERE staff = ?1 "
                      "ORDER BY number DESC LIMIT 24",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, staff);
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row)
        if (!store_column_text(statement, 0, arena, &encoded[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}
