// SPDX-License-Identifier: Apache-2.0
#include "exchange/patient/patient_facts.h"
#include "exchange/patient/patient_parts.h"

#include "exchange/permit/permit.h"
#include "formats/charset/charset.h"
#include "store/store.h"

enum { RECORDS_OF_PERSON_MAX = 256, FIRST_RECORDS = 8 };

/* ---- persons ---- */

struct store_statement *patient_person_ask(struct store_session *session,
                                           struct id person, struct err *err)
{
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT network, name, kana, birth_day, sex, phone, "
                      "registered_facility, registered_at FROM person WHERE id = ?1",
                      err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, person);
    store_ask(statement);
    return statement;
}

bool patient_person_take(struct store_statement *statement, struct id person,
                         struct arena *arena, struct patient_person *found,
                         struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such person");
    struct text sex = store_column_view(statement, 4);
    *found = (struct patient_person){
        .id = person,
        .birth_day = (int32_t)store_column_int(statement, 3),
        .sex = sex.len == 1 ? sex.at[0] : 'U',
        .registered_at = store_column_int(statement, 7),
    };
    return store_column_id(statement, 0, &found->network, err) &&
           store_column_text(statement, 1, arena, &found->name, err) &&
           store_column_text(statement, 2, arena, &found->kana, err) &&
           store_column_text(statement, 5, arena, &found->phone, err) &&
           store_column_id(statement, 6, &found->registered_facility, err);
}

bool patient_person_find(struct store_session *session, struct id person,
                         struct arena *arena, struct patient_person *found,
                         struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = patient_person_ask(session, person, err);
    return statement && patient_person_take(statement, person, arena, found, err);
}

bool patient_find(struct store_session *session, const struct disclosure_permit *permit,
                  struct arena *arena, struct patient_person *found, struct err *err)
{
    return patient_person_find(session, permit_read(permit)->person, arena, found, err);
}

bool patient_add_person(struct store_session *session,
                        const struct patient_person *person, struct arena *arena,
                        struct err *err)
{
    struct text name, kana, phone;
    if (!charset_fold(person->name, arena, &name, err) ||
        !charset_fold(person->kana, arena, &kana, err) ||
        !patient_fold_phone(person->phone, arena, &phone, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO person (id, network, name, kana, folded_name, folded_kana, "
        "birth_day, sex, phone, folded_phone, registered_facility, registered_at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, person->id);
    store_bind_id(statement, 2, person->network);
    store_bind_text(statement, 3, person->name);
    store_bind_text(statement, 4, person->kana);
    store_bind_text(statement, 5, name);
    store_bind_text(statement, 6, kana);
    store_bind_int(statement, 7, person->birth_day);
    store_bind_text(statement, 8, (struct text){&person->sex, 1});
    store_bind_text(statement, 9, person->phone);
    store_bind_text(statement, 10, phone);
    store_bind_id(statement, 11, person->registered_facility);
    store_bind_int(statement, 12, person->registered_at);
    return store_run(statement, err);
}

/* ---- records ---- */

#define RECORD_COLUMNS                                                                   \
    "SELECT id, person, facility, number, state, reason, entered_facility, "             \
    "entered_staff, entered_at, since, successor, replaces FROM record "

static bool read_replaces(struct store_statement *statement,
                          struct patient_record *record, struct err *err)
{
    return store_column_view(statement, 11).len == 0 ||
           store_column_id(statement, 11, &record->replaces, err);
}

static bool read_record(struct store_statement *statement, struct arena *arena,
                        struct patient_record *record, struct err *err)
{
    *record = (struct patient_record){
        .entered_at = store_column_int(statement, 8),
        .since = store_column_int(statement, 9),
    };
    if (!patient_record_state_parse(store_column_view(statement, 4), &record->state))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a record's state is unknown");
    return store_column_id(statement, 0, &record->id, err) &&
           store_column_id(statement, 1, &record->person, err) &&
           store_column_id(statement, 2, &record->facility, err) &&
           store_column_text(statement, 3, arena, &record->number, err) &&
           store_column_text(statement, 5, arena, &record->reason, err) &&
           store_column_id(statement, 6, &record->entered_facility, err) &&
           store_column_id(statement, 7, &record->entered_staff, err) &&
           store_column_text(statement, 10, arena, &record->successor, err) &&
           read_replaces(statement, record, err);
}

static bool read_one(struct store_statement *statement, struct arena *arena,
                     struct patient_record *found, struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such number");
    return read_record(statement, arena, found, err);
}

bool patient_record_find(struct store_session *session, struct id record,
                         struct arena *arena, struct patient_record *found,
                         struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, RECORD_COLUMNS "WHERE id = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, record);
    return read_one(statement, arena, found, err);
}

bool patient_record_of_number(struct store_session *session, struct id facility,
                              struct text number, struct arena *arena,
                              struct patient_record *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        RECORD_COLUMNS "WHERE facility = ?1 AND number = ?2 AND state = 'confirmed'",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, number);
    return read_one(statement, arena, found, err);
}

struct store_statement *patient_records_ask(struct store_session *session,
                                            struct id person, struct err *err)
{
    struct store_statement *statement = store_prepare(
        session,
        RECORD_COLUMNS "WHERE person = ?1 AND state <> 'ended' ORDER BY entered_at, id",
        err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, person);
    store_ask(statement);
    return statement;
}

bool patient_records_take(struct store_statement *statement, struct arena *arena,
                          struct patient_record **items, size_t *count, struct err *err)
{
    size_t room = FIRST_RECORDS;
    *count = 0;
    *items = ARENA_MANY(arena, struct patient_record, FIRST_RECORDS, err);
    if (!*items)
        return false;
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row) {
        if (*count == RECORDS_OF_PERSON_MAX)
            return err_set(err, ERR_LIMIT, "records_too_many", "more than %d numbers",
                           RECORDS_OF_PERSON_MAX);
        struct patient_record *grown =
            arena_grow(arena, *items, *count, *count + 1, sizeof *grown, &room, err);
        if (!grown)
            return false;
        *items = grown;
        if (!read_record(statement, arena, &grown[(*count)++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

bool patient_records_of_person(struct store_session *session, struct id person,
                               struct arena *arena, struct patient_record **items,
                               size_t *count, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = patient_records_ask(session, person, err);
    return statement && patient_records_take(statement, arena, items, count, err);
}

static bool count_records(struct store_session *session, struct id facility,
                          enum patient_record_state state, size_t *count, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "SELECT count(*) FROM record WHERE facility = ?1 AND state = ?2", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, text_cstr(patient_record_state_id(state)));
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    *count = (size_t)store_column_int(statement, 0);
    return true;
}

bool patient_records_of_facility(struct store_session *session, struct id facility,
                                 enum patient_record_state state, struct arena *arena,
                                 struct patient_record **items, size_t *count,
                                 struct err *err)
{
    size_t size = 0;
    *count = 0;
    if (!count_records(session, facility, state, &size, err))
        return false;
    *items = ARENA_MANY(arena, struct patient_record, size, err);
    if (!*items)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, RECORD_COLUMNS "WHERE facility = ?1 AND state = ?2 ORDER BY since, id",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, text_cstr(patient_record_state_id(state)));
    bool has_row = true;
    while (*count < size && store_step(statement, &has_row, err) && has_row)
        if (!read_record(statement, arena, &(*items)[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

/* A refused try gives way to the next one; the row stays for the history. */
static bool end_refused(struct store_session *session,
                        const struct patient_record *record, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "UPDATE record SET state = 'ended' WHERE person = ?1 AND "
                      "facility = ?2 AND state = 'refused'",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, record->person);
    store_bind_id(statement, 2, record->facility);
    return store_run(statement, err);
}

bool patient_add_record(struct store_session *session,
                        const struct patient_record *record, struct err *err)
{
    if (!end_refused(session, record, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO record (id, person, facility, number, state, reason, "
                      "entered_facility, entered_staff, entered_at, since, has_to_tell, "
                      "successor, replaces) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, '', ?11)",
                      err);
    if (!statement)
        return false;
    struct id_text replaces = id_to_text(record->replaces);
    store_bind_id(statement, 1, record->id);
    store_bind_id(statement, 2, record->person);
    store_bind_id(statement, 3, record->facility);
    store_bind_text(statement, 4, record->number);
    store_bind_text(statement, 5, text_cstr(patient_record_state_id(record->state)));
    store_bind_text(statement, 6, record->reason);
    store_bind_id(statement, 7, record->entered_facility);
    store_bind_id(statement, 8, record->entered_staff);
    store_bind_int(statement, 9, record->entered_at);
    store_bind_int(statement, 10, record->since);
    store_bind_text(statement, 11,
                    id_is_zero(record->replaces) ? TEXT("") : id_view(&replaces));
    if (store_run(statement, err))
        return network_epoch_raise(session, err);
    if (err->kind != ERR_CONFLICT)
        return false;
    err_clear(err);
    return err_set(err, ERR_CONFLICT, "link_exists",
                   "the person has a number there, or the number is taken");
}

bool patient_change_state(struct store_session *session, struct id record,
                          enum patient_record_state state, struct text reason,
                          int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE record SET state = ?2, reason = ?3, since = ?4 WHERE id = ?1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, record);
    store_bind_text(statement, 2, text_cstr(patient_record_state_id(state)));
    store_bind_text(statement, 3, reason);
    store_bind_int(statement, 4, now_ms);
    if (!store_run(statement, err))
        return false;
    if (store_changes(session) != 1)
        return err_set(err, ERR_MISSING, "not_found", "no such number");
    return network_epoch_raise(session, err);
}

bool patient_keep_report(struct store_session *session,
                         const struct patient_record *after, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "UPDATE record SET successor = ?2 WHERE id = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, after->id);
    store_bind_text(statement, 2, after->successor);
    return store_run(statement, err) &&
           patient_change_state(session, after->id, after->state, after->reason,
                                after->since, err);
}

bool patient_record_reported(struct store_session *session, struct id facility,
                             struct text number, struct arena *arena,
                             struct patient_record *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        RECORD_COLUMNS "WHERE facility = ?1 AND number = ?2 AND state IN ('confirmed', "
                       "'suspended') ORDER BY state, since DESC, id LIMIT 1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, number);
    return read_one(statement, arena, found, err);
}

static bool change_reason(struct store_session *session, struct id record,
                          struct text reason, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "UPDATE record SET reason = ?2 WHERE id = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, record);
    store_bind_text(statement, 2, reason);
    return store_run(statement, err);
}

bool patient_number_is_taken(struct store_session *session,
                             const struct patient_record *record, struct arena *arena,
                             bool *taken, struct err *err)
{
    struct patient_record other;
    *taken = false;
    if (patient_record_of_number(session, record->facility, record->number, arena, &other,
                                 err)) {
        *taken = !id_equal(other.id, record->id);
        return true;
    }
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return true;
}

bool patient_apply_match(struct store_session *session, struct id record,
                         enum patient_match match, int64_t now_ms, struct arena *arena,
                         struct patient_record *after, struct err *err)
{
    if (!patient_record_find(session, record, arena, after, err))
        return false;
    /* Somebody ended or changed it while its owner was asked: that stands; and what is
     * suspended waits for a person, whatever its owner says. */
    if (after->state != PATIENT_PROPOSED)
        return true;
    bool taken = false;
    if (match == PATIENT_MATCH_CONFIRMED &&
        !patient_number_is_taken(session, after, arena, &taken, err))
        return false;
    const char *reason = "";
    enum patient_record_state state = patient_state_after(
        after->state, taken ? PATIENT_MATCH_MISMATCH : match, &reason);
    after->reason = text_cstr(reason);
    if (state == after->state)
        return change_reason(session, record, after->reason, err);
    after->state = state;
    after->since = now_ms;
    if (state == PATIENT_REFUSED && !id_is_zero(after->replaces)) {
        after->state = PATIENT_ENDED;
        return patient_change_state(session, record, PATIENT_ENDED, after->reason, now_ms,
                                    err) &&
               patient_change_state(session, after->replaces, PATIENT_SUSPENDED,
                                    TEXT("successor_mismatch"), now_ms, err);
    }
    return patient_change_state(session, record, state, after->reason, now_ms, err);
}

/* ---- views ---- */

enum { LIST_ARENA_BYTES = 1 << 20 };

bool patient_view_of(struct store_session *session, struct id person, struct id viewer,
                     int32_t today, struct arena *arena, struct patient_view *view,
                     struct err *err)
{
    struct patient_record *records = NULL;
    struct consent_facts facts;
    struct network_participants participants;
    /* thousands of members, of which nothing stays; views come by the hundred */
    CLEANUP(arena_free) struct arena of_list = arena_init(LIST_ARENA_BYTES);
    view->viewer = viewer;
    if (!patient_person_find(session, person, arena, &view->person, err) ||
        !patient_records_of_person(session, person, arena, &records, &view->record_count,
                                   err) ||
        !consent_facts(session, person, arena, &facts, err) ||
        !network_participants_on(session, view->person.network, today, &of_list,
                                 &participants, err))
        return false;
    view->records = records;
    view->consent = consent_state_for(&facts, &participants, viewer, today);
    return true;
}

bool patient_read_view(struct store_session *session,
                       const struct disclosure_permit *permit, int32_t today,
                       struct arena *arena, struct patient_view *view, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    return patient_view_of(session, contents->person, contents->viewer.facility, today,
                           arena, view, err);
}
