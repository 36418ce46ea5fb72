// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/day.h"
#include "base/memory.h"
#include "base/secret.h"
#include "exchange/facility/facility.h"
#include "exchange/staff/staff_parts.h"
#include "exchange/staff/staff_rows.h"
#include "store/store.h"

enum { HASHES_WAITING_MAX = 64, HASH_WAIT_SECONDS = 5, CHANGE_ARENA_BYTES = 1 << 20 };

struct staff_doors {
    struct store *store; /* borrowed */
    struct clock clock;
    pthread_mutex_t lock;
    pthread_cond_t is_free;
    int free_slots; /* guarded by lock */
    int waiting;
    char dummy[SECRET_PASSWORD_HASH_BYTES]; /* hash of nothing anybody knows */
};

struct staff_doors *staff_doors_open(struct store *store, const struct clock *clock,
                                     int hashes_at_once, struct err *err)
{
    struct staff_doors *doors = memory_new(1, sizeof *doors, err);
    if (!doors)
        return NULL;
    doors->store = store;
    doors->clock = *clock;
    doors->free_slots = hashes_at_once > 0 ? hashes_at_once : 1;
    uint8_t unknown[32];
    struct rand rand = rand_system();
    rand_fill(&rand, unknown, sizeof unknown);
    if (!secret_hash_password(span_of(unknown, sizeof unknown), doors->dummy, err)) {
        memory_free(doors);
        return NULL;
    }
    pthread_mutex_init(&doors->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&doors->is_free, &attributes);
    pthread_condattr_destroy(&attributes);
    return doors;
}

void staff_doors_close(struct staff_doors *doors)
{
    if (!doors)
        return;
    pthread_cond_destroy(&doors->is_free);
    pthread_mutex_destroy(&doors->lock);
    memory_free(doors);
}

static bool take_slot(struct staff_doors *doors, struct err *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HASH_WAIT_SECONDS;
    pthread_mutex_lock(&doors->lock);
    bool is_crowded = doors->free_slots == 0 && doors->waiting >= HASHES_WAITING_MAX;
    int waited = 0;
    doors->waiting++;
    while (!is_crowded && doors->free_slots == 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&doors->is_free, &doors->lock, &until);
    doors->waiting--;
    bool is_taken = !is_crowded && doors->free_slots > 0;
    doors->free_slots -= is_taken;
    pthread_mutex_unlock(&doors->lock);
    return is_taken ||
           err_set(err, ERR_BUSY, "login_busy", "too many passwords are being checked");
}

static void give_slot(struct staff_doors *doors)
{
    pthread_mutex_lock(&doors->lock);
    doors->free_slots++;
    pthread_cond_signal(&doors->is_free);
    pthread_mutex_unlock(&doors->lock);
}

/* ---- entering ---- */

struct outcome {
    struct id staff;
    bool is_known; /* an account that is open to tries: neither disabled nor locked */
    bool is_right;
    int64_t now_ms;
    bool is_let_in;
    const char *renewed; /* better hash, or NULL */
};

/* Counters are read again here, on the one writer, so that parallel tries cannot get more
 * than five before the lock. */
static bool count_outcome(struct store_session *session, void *context, struct err *err)
{
    struct outcome *outcome = context;
    outcome->is_let_in = false;
    struct staff_lock lock;
    bool is_disabled = true;
    if (!outcome->is_known)
        return staff_count_stranger(session, err);
    if (!staff_read_lock(session, outcome->staff, &lock, &is_disabled, err))
        return false;
    if (is_disabled || staff_is_locked(&lock, outcome->now_ms))
        return staff_count_stranger(session, err);
    struct staff_lock after = {0};
    if (!outcome->is_right)
        after = staff_lock_after_failure(lock, outcome->now_ms);
    if (!staff_write_lock(session, outcome->staff, &after, err))
        return false;
    if (outcome->is_right && outcome->renewed &&
        !staff_renew_encoded(session, outcome->staff, outcome->renewed, err))
        return false;
    outcome->is_let_in = outcome->is_right;
    return true;
}

static bool find_account(struct staff_doors *doors, struct text login,
                         struct staff_account *account, bool *is_found, struct err *err)
{
    char folded[STAFF_LOGIN_MAX + 1] = "";
    *is_found = false;
    bool is_login = staff_fold_login(login, folded);
    CLEANUP(store_read_end)
    struct store_session *session = store_read(doors->store, err);
    return session &&
           staff_find_account(session, is_login ? folded : "", account, is_found, err);
}

static bool check_password(struct staff_doors *doors, struct span password,
                           const struct staff_account *account, struct outcome *outcome,
                           char renewed[SECRET_PASSWORD_HASH_BYTES], struct err *err)
{
    if (!take_slot(doors, err))
        return false;
    bool fits = secret_check_password(password, outcome->is_known ? account->encoded
                                                                  : doors->dummy);
    outcome->is_right = outcome->is_known && fits;
    if (outcome->is_right && secret_password_is_outdated(account->encoded)) {
        struct err renewing = {0};
        if (secret_hash_password(password, renewed, &renewing))
            outcome->renewed = renewed;
    }
    give_slot(doors);
    return true;
}

bool staff_enter(struct staff_doors *doors, struct text login, struct span password,
                 struct arena *arena, struct staff *found, struct err *err)
{
    struct staff_account account = {0};
    bool is_found = false;
    if (!find_account(doors, login, &account, &is_found, err))
        return false;
    struct outcome outcome = {.now_ms = clock_wall_ms(&doors->clock)};
    outcome.staff = account.id;
    outcome.is_known = is_found && !account.is_disabled &&
                       !staff_is_locked(&account.lock, outcome.now_ms) &&
                       password.len <= SECRET_PASSWORD_MAX;
    char renewed[SECRET_PASSWORD_HASH_BYTES] = "";
    bool is_checked = check_password(doors, span_part(password, 0, SECRET_PASSWORD_MAX),
                                     &account, &outcome, renewed, err);
    secret_wipe(account.encoded, sizeof account.encoded);
    if (!is_checked ||
        !store_write(doors->store, STORE_LIVE, count_outcome, &outcome, err))
        return false;
    if (!outcome.is_let_in)
        return err_set(err, ERR_REFUSED, "login_refused", "unknown, locked or wrong");
    CLEANUP(store_read_end)
    struct store_session *session = store_read(doors->store, err);
    if (!session || !staff_find(session, outcome.staff, arena, found, err))
        return false;
    return account.password == STAFF_PASSWORD_OWN ||
           err_set(err, ERR_REFUSED, "password_initial", "to be changed by its owner");
}

/* ---- changing ---- */

static bool facility_names(struct store_session *session, struct id staff, int32_t day,
                           struct arena *arena, struct text **names, size_t *count,
                           struct err *err)
{
    struct staff_post *posts = NULL;
    if (!staff_active_posts(session, staff, day, arena, &posts, count, err))
        return false;
    *names = ARENA_MANY(arena, struct text, *count, err);
    if (!*names)
        return false;
    for (size_t i = 0; i < *count; i++) {
        struct facility facility;
        if (!facility_find(session, posts[i].facility, arena, &facility, err))
            return false;
        (*names)[i] = facility.name;
    }
    return true;
}

static bool check_new(struct staff_doors *doors, struct id staff, struct span password,
                      struct text *old, size_t *old_count, struct arena *arena,
                      struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(doors->store, err);
    struct staff person;
    struct text *names = NULL;
    size_t count = 0;
    int32_t today = day_of_instant(clock_wall_ms(&doors->clock));
    return session && staff_find(session, staff, arena, &person, err) &&
           facility_names(session, staff, today, arena, &names, &count, err) &&
           staff_check_new_password(&person, password, names, count, err) &&
           staff_old_passwords(session, staff, arena, old, old_count, err);
}

struct change {
    struct id staff;
    const char *encoded;
    enum staff_password kind;
    int64_t now_ms;
};

static bool write_change(struct store_session *session, void *context, struct err *err)
{
    const struct change *change = context;
    return staff_add_password(session, change->staff, change->encoded, change->kind,
                              change->now_ms, err);
}

static bool was_used(struct span password, const struct text *old, size_t count,
                     struct arena *arena, bool *is_used, struct err *err)
{
    *is_used = false;
    for (size_t i = 0; i < count && !*is_used; i++) {
        const char *encoded = text_to_cstr(old[i], arena, err);
        if (!encoded)
            return false;
        *is_used = secret_check_password(password, encoded);
    }
    return true;
}

bool staff_change_password(struct staff_doors *doors, struct id staff,
                           struct span password, enum staff_password kind,
                           struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(CHANGE_ARENA_BYTES);
    struct text old[STAFF_OLD_PASSWORDS];
    size_t old_count = 0;
    if (!check_new(doors, staff, password, old, &old_count, &arena, err) ||
        !take_slot(doors, err))
        return false;
    char encoded[SECRET_PASSWORD_HASH_BYTES];
    bool is_used = false;
    bool is_hashed = was_used(password, old, old_count, &arena, &is_used, err) &&
                     (is_used || secret_hash_password(password, encoded, err));
    give_slot(doors);
    if (!is_hashed)
        return false;
    if (is_used)
        return err_set(err, ERR_REFUSED, "password_used_before",
                       "one of the last %d passwords", STAFF_OLD_PASSWORDS);
    struct change change = {staff, encoded, kind, clock_wall_ms(&doors->clock)};
    return store_write(doors->store, STORE_LIVE, write_change, &change, err);
}
