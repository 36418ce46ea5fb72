// SPDX-License-Identifier: Apache-2.0
/* Policies have one source each: the gateway, or, where there is none, the office. */
#include "exchange/facility/facility_parts.h"
#include "exchange/network/network.h"
#include "formats/uplink/uplink.h"
#include "store/store.h"

enum { CHECK_ARENA_BYTES = 1 << 20 };

static bool mark_seen(struct store_session *session, struct id facility, int64_t now_ms,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE facility SET last_seen_at = ?2 WHERE id = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_int(statement, 2, now_ms);
    return store_run(statement, err) && facility_check_found(session, err);
}

/* With `sql`: the facility ?1, the policy ?2. */
static bool run_change(struct store_session *session, const char *sql, struct id facility,
                       struct text policy, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, policy);
    return store_run(statement, err);
}

bool facility_change_policy(struct store_session *session, struct id facility,
                            struct text policy, int64_t now_ms, struct err *err)
{
    if (policy.len > FACILITY_POLICY_MAX)
        return err_set(err, ERR_LIMIT, "policy_too_large",
                       "a policy has at most %d bytes", FACILITY_POLICY_MAX);
    if (!mark_seen(session, facility, now_ms, err) ||
        !run_change(session,
                    "UPDATE facility SET policy = ?2, policy_version = policy_version "
                    "+ 1 WHERE id = ?1 AND policy <> ?2 AND way = 'gateway'",
                    facility, policy, err))
        return false;
    return store_changes(session) == 0 || network_epoch_raise(session, err);
}

/* ---- of the office ---- */

/* A gateway holds back and leaves out before anything reaches the centre; nobody does so
 * with what is written there, so it must not be promised. */
static bool check_promises(const struct uplink_policy *policy, struct err *err)
{
    bool is_kept = policy->excluded_department_count == 0;
    for (size_t i = 0; i < policy->rule_count; i++)
        is_kept = is_kept && policy->rules[i].delay_hours == 0;
    return is_kept || err_set(err, ERR_SYNTAX, "policy_promise",
                              "delay_hours and excluded_departments are for gateways");
}

static bool check_policy(struct text policy, struct err *err)
{
    struct uplink_policy read;
    CLEANUP(arena_free) struct arena arena = arena_init(CHECK_ARENA_BYTES);
    if (policy.len > FACILITY_POLICY_MAX)
        return err_set(err, ERR_LIMIT, "policy_too_large",
                       "a policy has at most %d bytes", FACILITY_POLICY_MAX);
    return uplink_check_policy(text_span(policy), err) &&
           uplink_read_policy(text_span(policy), &arena, &read, err) &&
           check_promises(&read, err);
}

static bool refuse_for_gateway(struct err *err)
{
    return err_set(err, ERR_CONFLICT, "policy_of_gateway",
                   "the facility's gateway publishes its policy");
}

static bool keep_version(struct store_session *session, struct id facility,
                         struct text policy, const int64_t at[2], struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO facility_policy (facility, version, policy, kept_at) VALUES (?1, "
        "?2, ?3, ?4)",
        err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, facility);
    store_bind_int(insert, 2, at[0]);
    store_bind_text(insert, 3, policy);
    store_bind_int(insert, 4, at[1]);
    return store_run(insert, err);
}

bool facility_change_office_policy(struct store_session *session,
                                   const struct facility *facility, struct text policy,
                                   int64_t now_ms, struct err *err)
{
    int64_t at[] = {facility->policy_version + 1, now_ms};
    if (facility->way == FACILITY_GATEWAY || !text_is_empty(facility->fingerprint))
        return refuse_for_gateway(err);
    if (!check_policy(policy, err))
        return false;
    if (text_equal(facility->policy, policy))
        return true;
    /* It may have got a gateway meanwhile, and another version. */
    if (!run_change(session,
                    "UPDATE facility SET policy = ?2, policy_version = policy_version "
                    "+ 1 WHERE id = ?1 AND way <> 'gateway' AND fingerprint = ''",
                    facility->id, policy, err))
        return false;
    if (store_changes(session) != 1)
        return refuse_for_gateway(err);
    return keep_version(session, facility->id, policy, at, err) &&
           network_epoch_raise(session, err);
}

bool facility_find_office_policy(struct store_session *session, struct id facility,
                                 int64_t version, struct arena *arena,
                                 struct text *policy, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *row = store_prepare(
        session,
        "SELECT policy FROM facility_policy WHERE facility = ?1 AND version = ?2", err);
    if (!row)
        return false;
    store_bind_id(row, 1, facility);
    store_bind_int(row, 2, version);
    if (!store_step(row, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "policy_missing", "no such version was kept");
    return store_column_text(row, 0, arena, policy, err);
}
