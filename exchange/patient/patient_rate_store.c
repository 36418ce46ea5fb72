// SPDX-License-Identifier: Apache-2.0
/* Searches of the last minutes, counted in the database: the limit holds across the
 * server's processes and their restarts. */
#include "exchange/patient/patient_offer.h"
#include "exchange/patient/patient_service.h"
#include "store/store.h"

struct taking {
    struct id staff;
    int64_t now_ms;
    bool is_free;
};

/* Also those that a clock set back left far in the future: nobody is locked out by them.
 */
static bool forget_old(struct store_session *session, const struct taking *taking,
                       struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "DELETE FROM patient_search WHERE staff = ?1 AND (at_ms <= ?2 OR "
                      "at_ms > ?3)",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, taking->staff);
    store_bind_int(statement, 2, taking->now_ms - PATIENT_SEARCH_WINDOW_MS);
    store_bind_int(statement, 3, taking->now_ms + PATIENT_SEARCH_WINDOW_MS);
    return store_run(statement, err);
}

static bool count(struct store_session *session, struct taking *taking, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "SELECT COUNT(*) FROM patient_search WHERE staff = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, taking->staff);
    if (!store_step(statement, &has_row, err))
        return false;
    taking->is_free = store_column_int(statement, 0) < PATIENT_SEARCHES_MAX;
    return true;
}

static bool take(struct store_session *session, void *context, struct err *err)
{
    struct taking *taking = context;
    if (!forget_old(session, taking, err) || !count(session, taking, err))
        return false;
    if (!taking->is_free)
        return true;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "INSERT INTO patient_search (staff, at_ms) VALUES (?1, ?2)", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, taking->staff);
    store_bind_int(statement, 2, taking->now_ms);
    return store_run(statement, err);
}

bool patient_rate_take(struct store *store, struct id staff, int64_t now_ms,
                       struct err *err)
{
    struct taking taking = {.staff = staff, .now_ms = now_ms};
    return store_write(store, STORE_LIVE, take, &taking, err) &&
           (taking.is_free || err_set(err, ERR_BUSY, "search_rate",
                                      "%d searches in 10 minutes", PATIENT_SEARCHES_MAX));
}
