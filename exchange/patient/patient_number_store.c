// SPDX-License-Identifier: Apache-2.0
/* A hospital's own merges and renumbering: what its gateway reports suspends the link at
 * once, and only a person of its staff lets it go on, under a number that the gateway
 * matches again. */
#include "exchange/audit/audit.h"
#include "exchange/patient/patient_service.h"
#include "store/store.h"

/* ---- the owner reports ---- */

struct reporting {
    const struct patient_report *report;
    int64_t now_ms;
    struct arena *arena;
    struct patient_record after;
    bool has_changed;
};

static bool find_reported(struct store_session *session, struct reporting *reporting,
                          struct patient_record *record, bool *is_known, struct err *err)
{
    const struct patient_report *report = reporting->report;
    bool is_named = !id_is_zero(report->record);
    *is_known =
        is_named
            ? patient_record_find(session, report->record, reporting->arena, record, err)
            : patient_record_reported(session, report->facility, report->number,
                                      reporting->arena, record, err);
    if (!*is_known && err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    if (is_named && (!*is_known || !id_equal(record->facility, report->facility)))
        return err_set(err, ERR_MISSING, "record_unknown", "no record of this facility");
    return true;
}

static bool find_replaced(struct store_session *session,
                          const struct patient_record *record, struct arena *arena,
                          struct patient_record *replaced, bool *is_there,
                          struct err *err)
{
    *is_there = !id_is_zero(record->replaces);
    return !*is_there ||
           patient_record_find(session, record->replaces, arena, replaced, err);
}

static bool decide_report(struct store_session *session, struct reporting *reporting,
                          struct err *err)
{
    struct patient_record record;
    struct patient_record replaced;
    bool is_known = false;
    bool has_replaced = false;
    reporting->has_changed = false;
    if (!find_reported(session, reporting, &record, &is_known, err))
        return false;
    if (!is_known)
        return true;
    if (!find_replaced(session, &record, reporting->arena, &replaced, &has_replaced, err))
        return false;
    reporting->has_changed = patient_report_changes(
        &record, has_replaced ? &replaced : NULL, reporting->report, &reporting->after);
    reporting->after.since = reporting->now_ms;
    return true;
}

static bool write_report(struct store_session *session, void *context, struct err *err)
{
    struct reporting *reporting = context;
    return decide_report(session, reporting, err) &&
           (!reporting->has_changed ||
            patient_keep_report(session, &reporting->after, err));
}

static bool peek_report(struct patient_service *service, struct reporting *reporting,
                        struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    return session && decide_report(session, reporting, err);
}

static bool audit_report(struct patient_service *service,
                         const struct patient_record *record, struct arena *arena,
                         struct err *err)
{
    struct id_text person = id_to_text(record->person);
    struct id_text provider = id_to_text(record->facility);
    struct id_text object = id_to_text(record->id);
    struct audit_position position;
    struct audit_record row = {
        .phase = AUDIT_EVENT,
        .event = "link_suspend",
        .verdict = "done",
        .reason = text_to_cstr(record->reason, arena, err),
        .request = id_new(&service->config.rand),
        .person = id_view(&person),
        .provider = id_view(&provider),
        .local_number = record->number,
        .object = id_view(&object),
    };
    return row.reason && audit_append(service->config.audit, &row, &position, err);
}

/* The row comes first, so that none is lost when the report has to be taken again. */
bool patient_owner_reported(struct patient_service *service,
                            const struct patient_report *report, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct reporting reporting = {
        .report = report, .now_ms = patient_now(service), .arena = &arena};
    if (!peek_report(service, &reporting, err))
        return false;
    if (!reporting.has_changed)
        return true;
    if (!audit_report(service, &reporting.after, &arena, err) ||
        !store_write(service->config.store, STORE_LIVE, write_report, &reporting, err))
        return false;
    if (reporting.has_changed)
        patient_publish(service, &reporting.after);
    return true;
}

/* ---- a person confirms ---- */

struct confirming {
    const struct patient_confirmation *confirmation;
    struct arena *arena;
    struct session_answer *answer;
    int64_t now_ms;
    struct patient_record suspended;
    struct patient_record entered;
};

static bool check_waiting(struct store_session *session, struct confirming *confirming,
                          struct err *err)
{
    const struct patient_confirmation *said = confirming->confirmation;
    struct patient_record *record = &confirming->suspended;
    bool is_taken = false;
    if (!patient_record_find(session, said->record, confirming->arena, record, err))
        return false;
    if (record->state != PATIENT_SUSPENDED)
        return err_set(err, ERR_CONFLICT, "link_state",
                       "only a suspended link is confirmed");
    if (record->since != said->since)
        return err_set(err, ERR_CONFLICT, "link_changed",
                       "its facility said something else meanwhile");
    struct patient_record wanted = *record;
    wanted.number = said->number.number;
    if (!patient_number_is_taken(session, &wanted, confirming->arena, &is_taken, err))
        return false;
    return !is_taken || err_set(err, ERR_CONFLICT, "number_taken",
                                "the number is linked to another person");
}

static bool write_confirmation(struct store_session *session, void *context,
                               struct err *err)
{
    struct confirming *confirming = context;
    const struct patient_confirmation *said = confirming->confirmation;
    struct session_answer *answer = confirming->answer;
    if (!session_once_find(session, said->once, confirming->arena, answer, err))
        return false;
    if (answer->is_kept)
        return true;
    if (!check_waiting(session, confirming, err))
        return false;
    struct patient_record *entered = &confirming->entered;
    *entered = patient_record_entered(&said->number, said->actor,
                                      confirming->suspended.person, confirming->now_ms);
    entered->replaces = confirming->suspended.id;
    answer->status = 201;
    return patient_change_state(session, confirming->suspended.id, PATIENT_ENDED,
                                TEXT("replaced"), confirming->now_ms, err) &&
           patient_add_record(session, entered, err) &&
           patient_link_body(session, entered->id, said->actor, confirming->arena,
                             &answer->body, err) &&
           session_once_keep(session, said->once, 201, answer->body, confirming->now_ms,
                             err);
}

bool patient_confirm_link(struct patient_service *service,
                          const struct patient_confirmation *confirmation,
                          struct arena *arena, struct session_answer *answer,
                          struct err *err)
{
    struct confirming confirming = {.confirmation = confirmation,
                                    .arena = arena,
                                    .answer = answer,
                                    .now_ms = patient_now(service)};
    if (!store_write(service->config.store, STORE_LIVE, write_confirmation, &confirming,
                     err))
        return false;
    if (!answer->is_kept)
        patient_publish(service, &confirming.entered);
    return true;
}

/* ---- what its owner's answer does to the other one ---- */

bool patient_settle_replaced(struct store_session *session,
                             const struct patient_record *after, struct arena *arena,
                             struct patient_record *replaced, struct err *err)
{
    bool is_there = false;
    *replaced = (struct patient_record){.state = PATIENT_ENDED};
    if (!find_replaced(session, after, arena, replaced, &is_there, err))
        return false;
    bool is_over = is_there && after->state == PATIENT_CONFIRMED;
    return !is_over || patient_set_to_tell(session, replaced->id, 1, err);
}

void patient_tell_replaced(struct patient_service *service,
                           const struct patient_record *replaced)
{
    if (id_is_zero(replaced->id))
        return;
    patient_publish(service, replaced);
    if (replaced->state == PATIENT_ENDED)
        patient_tell_end(service, replaced->id);
}
