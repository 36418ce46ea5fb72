// SPDX-License-Identifier: Apache-2.0
#pragma once
/* People who work at the facilities, their posts (facility, profession, role, from, to)
 * and their passwords (requirements AU-1, AU-7 to AU-12).
 *
 * One account is one person. A password is checked in the same time and with the same
 * answer whether the login is unknown, locked or the password wrong. Five failures lock
 * an account for 15 minutes, doubling, kept across restarts. Passwords never expire.
 * Not here: what a login leads to (exchange/session).
 *
 * Results are *arena*. Errors: ERR_REFUSED login_refused, password_*; ERR_MISSING
 * not_found; ERR_BUSY login_busy; those of the store. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"

struct store;
struct store_session;
struct store_statement;

/* id */
#define STAFF_PROFESSIONS(X)                                                             \
    X(DOCTOR, "doctor")                                                                  \
    X(DENTIST, "dentist")                                                                \
    X(NURSE, "nurse")                                                                    \
    X(PHARMACIST, "pharmacist")                                                          \
    X(THERAPIST, "therapist")                                                            \
    X(CARE_MANAGER, "care_manager")                                                      \
    X(SOCIAL_WORKER, "social_worker")                                                    \
    X(CLERK, "clerk")                                                                    \
    X(TECHNICIAN, "technician")                                                          \
    X(OFFICE, "office")

enum staff_profession {
#define X(name, id) STAFF_##name,
    STAFF_PROFESSIONS(X)
#undef X
        STAFF_PROFESSION_COUNT
};

/* 操作者, 作成者, 施設責任者 */
enum staff_role { STAFF_OPERATOR, STAFF_AUTHOR, STAFF_MANAGER, STAFF_ROLE_COUNT };

enum {
    STAFF_LOGIN_MAX = 64,
    STAFF_PASSWORD_CHARACTERS_MIN = 13,
    STAFF_FAILURES_MAX = 5,
    STAFF_LOCK_MS = 15 * 60 * 1000,
    STAFF_LOCK_DOUBLINGS_MAX = 6, /* 16 hours */
    STAFF_POSTS_MAX = 32
};

struct staff {
    struct id id;
    struct text login; /* unique; letters, digits and . _ - @, kept in lower case */
    struct text name;
    struct text kana;
    int32_t birth_day; /* DAY_NONE when not given; only to refuse it as a password */
    bool is_disabled;
};

struct staff_post {
    struct id id;
    struct id staff;
    struct id facility;
    enum staff_profession profession;
    enum staff_role role;
    int32_t from_day;
    int32_t to_day; /* last day; DAY_NONE = open */
};

/* The counters of one account. */
struct staff_lock {
    int failures;         /* since the last success or lock */
    int locks;            /* in a row without a success */
    int64_t locked_until; /* UTC ms, 0 = not locked */
};

/* ---- rules ---- */
const char *staff_profession_id(enum staff_profession profession);
MUST_CHECK bool staff_profession_parse(struct text id, enum staff_profession *profession);
const char *staff_role_id(enum staff_role role);
MUST_CHECK bool staff_role_parse(struct text id, enum staff_role *role);
/* About patients: authors and managers, of the professions that care for them. */
bool staff_may_write(enum staff_profession profession, enum staff_role role);
bool staff_post_is_active(const struct staff_post *post, int32_t day);
/* A clock that was set back since prolongs a lock to its double at most. */
bool staff_is_locked(const struct staff_lock *lock, int64_t now_ms);
/* The counters after a wrong password while not locked. */
struct staff_lock staff_lock_after_failure(struct staff_lock lock, int64_t now_ms);
/* AU-7, AU-8: ERR_REFUSED "password_short", "password_long", "password_too_simple"
 * (letters and digits), "password_guessable" (deny list, login, name, birth date,
 * facility name). `facility_names` may be NULL when count is 0. */
MUST_CHECK bool staff_check_new_password(const struct staff *staff, struct span password,
                                         const struct text *facility_names, size_t count,
                                         struct err *err);

/* ---- facts ---- */
MUST_CHECK bool staff_find(struct store_session *session, struct id id,
                           struct arena *arena, struct staff *found, struct err *err);
MUST_CHECK bool staff_find_post(struct store_session *session, struct id post,
                                struct staff_post *found, struct err *err);
/* The same two in two steps: asked ahead (store_ask), then taken. */
MUST_CHECK struct store_statement *staff_ask(struct store_session *session, struct id id,
                                             struct err *err);
MUST_CHECK bool staff_take(struct store_statement *statement, struct id id,
                           struct arena *arena, struct staff *found, struct err *err);
MUST_CHECK struct store_statement *staff_post_ask(struct store_session *session,
                                                  struct id post, struct err *err);
MUST_CHECK bool staff_post_take(struct store_statement *statement,
                                struct staff_post *found, struct err *err);
/* Posts that are active on `day`, at most STAFF_POSTS_MAX, in order of their ids. */
MUST_CHECK bool staff_active_posts(struct store_session *session, struct id staff,
                                   int32_t day, struct arena *arena,
                                   struct staff_post **items, size_t *count,
                                   struct err *err);
/* By login, upper or lower case. */
MUST_CHECK bool staff_find_login(struct store_session *session, struct text login,
                                 struct id *id, struct err *err);
/* All posts, ended ones too, at most STAFF_POSTS_MAX, the newest first. */
MUST_CHECK bool staff_all_posts(struct store_session *session, struct id staff,
                                struct arena *arena, struct staff_post **items,
                                size_t *count, struct err *err);
/* A page in order of the logins: those after `after` ("" = from the first), at most
 * STAFF_PAGE; with `lock` the counters. Fewer mean that there are no more. */
enum { STAFF_PAGE = 100 };
struct staff_listed {
    struct staff staff;
    struct staff_lock lock;
};
MUST_CHECK bool staff_list(struct store_session *session, struct text after,
                           struct arena *arena, struct staff_listed **items,
                           size_t *count, struct err *err);

/* Whose choice a password is (AU-9): one that the office gave is changed at once. */
enum staff_password { STAFF_PASSWORD_OWN, STAFF_PASSWORD_INITIAL };

/* ---- writing, inside the caller's transaction ---- */
/* ERR_CONFLICT "login_taken", ERR_SYNTAX "login_invalid". `encoded` is a hash made by
 * secret_hash_password. */
MUST_CHECK bool staff_add(struct store_session *session, const struct staff *staff,
                          const char *encoded, enum staff_password password,
                          int64_t now_ms, struct err *err);
MUST_CHECK bool staff_add_post(struct store_session *session,
                               const struct staff_post *post, int64_t now_ms,
                               struct err *err);
/* Effective on the next request: raises the epoch. */
MUST_CHECK bool staff_end_post(struct store_session *session, struct id post,
                               int32_t last_day, struct err *err);
MUST_CHECK bool staff_disable(struct store_session *session, struct id staff,
                              struct err *err);
/* Ends that; what was disabled may log in again. */
MUST_CHECK bool staff_enable(struct store_session *session, struct id staff,
                             struct err *err);
/* By the 施設責任者; the caller audits it. */
MUST_CHECK bool staff_unlock(struct store_session *session, struct id staff,
                             struct err *err);

/* ---- passwords: hashing is slow and takes 19 MiB, so only a few run at once ---- */
struct staff_doors; /* *owned* by server; threads share it */

MUST_CHECK struct staff_doors *staff_doors_open(struct store *store,
                                                const struct clock *clock,
                                                int hashes_at_once, struct err *err);
void staff_doors_close(struct staff_doors *doors);
/* Checks login and password, counts a failure, forgets failures at a success. ERR_REFUSED
 * "login_refused" for unknown, disabled, locked and wrong alike, after the same work, and
 * "password_initial" when it is right but has to be changed first: `found` is filled
 * then, too. ERR_BUSY "login_busy" when too many wait. */
MUST_CHECK bool staff_enter(struct staff_doors *doors, struct text login,
                            struct span password, struct arena *arena,
                            struct staff *found, struct err *err);
/* Checks the rules and the last 24 passwords ("password_used_before"), then changes it.
 */
MUST_CHECK bool staff_change_password(struct staff_doors *doors, struct id staff,
                                      struct span password, enum staff_password kind,
                                      struct err *err);
