// SPDX-License-Identifier: Apache-2.0
#include "exchange/patient/patient_service.h"

#include "base/day.h"
#include "exchange/audit/audit.h"
#include "formats/json/json.h"
#include "store/store.h"

int32_t patient_today(const struct patient_service *service)
{
    return day_of_instant(clock_wall_ms(&service->config.clock));
}

int64_t patient_now(const struct patient_service *service)
{
    return clock_wall_ms(&service->config.clock);
}

static void tell_listeners(struct patient_service *service,
                           const struct patient_record *record)
{
    for (size_t i = 0; i < service->listener_count; i++)
        service->listeners[i].link_changed(service->listeners[i].context, record);
}

/* ---- numbers that somebody entered ---- */

static bool check_number(struct store_session *session,
                         const struct network_participants *list,
                         const struct session_actor *actor, struct arena *arena,
                         struct patient_number *number, struct err *err)
{
    struct facility facility;
    if (!network_participant_find(list, number->facility))
        return err_set(err, ERR_SYNTAX, "facility_unknown",
                       "a number's facility is not in the network");
    if (!facility_find(session, number->facility, arena, &facility, err))
        return false;
    number->has_gateway = facility.way == FACILITY_GATEWAY;
    number->is_confirmed =
        !number->has_gateway && id_equal(number->facility, actor->facility);
    return true;
}

bool patient_check_numbers(struct patient_service *service,
                           const struct session_actor *actor,
                           struct patient_number *numbers, size_t count,
                           struct arena *arena, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    struct network_participants list;
    if (!session || !network_participants_on(session, actor->network,
                                             patient_today(service), arena, &list, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!check_number(session, &list, actor, arena, &numbers[i], err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (id_equal(numbers[k].facility, numbers[i].facility))
                return err_set(err, ERR_SYNTAX, "patient_number_double",
                               "a facility has one number for a person");
    }
    return true;
}

struct patient_record patient_record_entered(const struct patient_number *number,
                                             const struct session_actor *actor,
                                             struct id person, int64_t now_ms)
{
    return (struct patient_record){
        .id = number->record,
        .person = person,
        .facility = number->facility,
        .number = number->number,
        .state = number->is_confirmed ? PATIENT_CONFIRMED : PATIENT_PROPOSED,
        .reason =
            number->is_confirmed || number->has_gateway ? TEXT("") : TEXT("owner_entry"),
        .entered_facility = actor->facility,
        .entered_staff = actor->staff,
        .entered_at = now_ms,
        .since = now_ms,
    };
}

/* ---- bodies of answers ---- */

static bool write_body(const struct buf *out, struct arena *arena, struct text *body,
                       struct err *err)
{
    struct span bytes;
    if (!buf_to_arena(out, arena, &bytes, err))
        return false;
    *body = (struct text){(const char *)bytes.at, bytes.len};
    return true;
}

static bool person_body(struct store_session *session, struct id person,
                        const struct session_actor *actor, int32_t today,
                        struct arena *arena, struct text *body, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(PATIENT_BODY_MAX);
    struct json_writer writer = json_writer(&out);
    struct patient_view view;
    if (!patient_view_of(session, person, actor->facility, today, arena, &view, err))
        return false;
    patient_write_person(&writer, &view);
    return write_body(&out, arena, body, err);
}

bool patient_link_body(struct store_session *session, struct id record,
                       const struct session_actor *actor, struct arena *arena,
                       struct text *body, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(PATIENT_BODY_MAX);
    struct json_writer writer = json_writer(&out);
    struct patient_record found;
    if (!patient_record_find(session, record, arena, &found, err))
        return false;
    patient_write_link(&writer, &found, actor->facility);
    return write_body(&out, arena, body, err);
}

bool patient_find_kept(struct patient_service *service, const struct session_once *once,
                       struct arena *arena, struct session_answer *answer,
                       struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    return session && session_once_find(session, once, arena, answer, err);
}

/* ---- registering ---- */

struct work {
    struct patient_service *service;
    struct arena *arena;
    struct session_answer *answer;
    int64_t now_ms;
    union {
        struct patient_registration *registration;
        const struct patient_linking *linking;
        const struct patient_link_change *change;
        const struct patient_showing *showing;
    };
};

static bool add_numbers(struct store_session *session,
                        const struct patient_registration *registration, int64_t now_ms,
                        struct err *err)
{
    for (size_t i = 0; i < registration->number_count; i++) {
        struct patient_record record =
            patient_record_entered(&registration->numbers[i], registration->actor,
                                   registration->person.id, now_ms);
        if (!patient_add_record(session, &record, err))
            return false;
    }
    return true;
}

static bool write_registration(struct store_session *session, void *context,
                               struct err *err)
{
    struct work *work = context;
    struct patient_registration *registration = work->registration;
    if (!session_once_find(session, registration->once, work->arena, work->answer, err))
        return false;
    if (work->answer->is_kept)
        return true;
    work->answer->status = 201;
    return patient_add_person(session, &registration->person, work->arena, err) &&
           consent_add(session, &registration->consent, registration->consent_id,
                       work->arena, err) &&
           add_numbers(session, registration, work->now_ms, err) &&
           person_body(session, registration->person.id, registration->actor,
                       day_of_instant(work->now_ms), work->arena, &work->answer->body,
                       err) &&
           session_once_keep(session, registration->once, 201, work->answer->body,
                             work->now_ms, err);
}

/* After the commit: this process knows at once, and whoever waits for links hears. */
void patient_publish(struct patient_service *service, const struct patient_record *record)
{
    network_epoch_refresh(service->config.epoch);
    if (record->state != PATIENT_PROPOSED)
        tell_listeners(service, record);
}

bool patient_register(struct patient_service *service,
                      struct patient_registration *registration, struct arena *arena,
                      struct session_answer *answer, struct err *err)
{
    struct work work = {.service = service,
                        .arena = arena,
                        .answer = answer,
                        .now_ms = patient_now(service),
                        .registration = registration};
    if (!store_write(service->config.store, STORE_LIVE, write_registration, &work, err))
        return false;
    for (size_t i = 0; i < registration->number_count && !answer->is_kept; i++) {
        struct patient_record record =
            patient_record_entered(&registration->numbers[i], registration->actor,
                                   registration->person.id, work.now_ms);
        patient_publish(service, &record);
    }
    return true;
}

/* ---- linking ---- */

/* What others entered for a facility gives way to what it enters itself. */
static bool give_way_to_owner(struct store_session *session,
                              const struct patient_linking *linking, int64_t now_ms,
                              struct arena *arena, struct err *err)
{
    if (!id_equal(linking->number.facility, linking->actor->facility))
        return true;
    struct patient_record *records = NULL;
    size_t count = 0;
    if (!patient_records_of_person(session, linking->person, arena, &records, &count,
                                   err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (id_equal(records[i].facility, linking->actor->facility) &&
            records[i].state == PATIENT_PROPOSED &&
            !patient_change_state(session, records[i].id, PATIENT_ENDED, TEXT("replaced"),
                                  now_ms, err))
            return false;
    return true;
}

static bool write_link(struct store_session *session, void *context, struct err *err)
{
    struct work *work = context;
    const struct patient_linking *linking = work->linking;
    if (!session_once_find(session, linking->once, work->arena, work->answer, err))
        return false;
    if (work->answer->is_kept)
        return true;
    work->answer->status = 201;
    struct patient_record record = patient_record_entered(
        &linking->number, linking->actor, linking->person, work->now_ms);
    return give_way_to_owner(session, linking, work->now_ms, work->arena, err) &&
           patient_add_record(session, &record, err) &&
           (!linking->consent || consent_add(session, linking->consent,
                                             linking->consent_id, work->arena, err)) &&
           patient_link_body(session, record.id, linking->actor, work->arena,
                             &work->answer->body, err) &&
           session_once_keep(session, linking->once, 201, work->answer->body,
                             work->now_ms, err);
}

bool patient_link(struct patient_service *service, const struct patient_linking *linking,
                  struct arena *arena, struct session_answer *answer, struct err *err)
{
    struct work work = {.service = service,
                        .arena = arena,
                        .answer = answer,
                        .now_ms = patient_now(service),
                        .linking = linking};
    if (!store_write(service->config.store, STORE_LIVE, write_link, &work, err))
        return false;
    struct patient_record record = patient_record_entered(
        &linking->number, linking->actor, linking->person, work.now_ms);
    if (!answer->is_kept)
        patient_publish(service, &record);
    return true;
}

/* ---- ending, asking again ---- */

bool patient_set_to_tell(struct store_session *session, struct id record, int64_t value,
                         struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "UPDATE record SET has_to_tell = ?2 WHERE id = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, record);
    store_bind_int(statement, 2, value);
    return store_run(statement, err);
}

static bool end_record(struct store_session *session, const struct patient_record *record,
                       struct work *work, struct err *err)
{
    if (record->state == PATIENT_ENDED)
        return err_set(err, ERR_CONFLICT, "link_state", "the link has ended");
    work->answer->status = 204;
    return patient_change_state(session, record->id, PATIENT_ENDED, TEXT("unlinked"),
                                work->now_ms, err) &&
           patient_set_to_tell(session, record->id, 1, err) &&
           (id_is_zero(record->replaces) ||
            patient_set_to_tell(session, record->replaces, 1, err));
}

static bool write_change(struct store_session *session, void *context, struct err *err)
{
    struct work *work = context;
    const struct patient_link_change *change = work->change;
    struct patient_record record;
    if (!session_once_find(session, change->once, work->arena, work->answer, err))
        return false;
    if (work->answer->is_kept)
        return true;
    if (!patient_record_find(session, change->record, work->arena, &record, err))
        return false;
    if (change->is_end) {
        if (!end_record(session, &record, work, err))
            return false;
    } else {
        if (record.state != PATIENT_PROPOSED)
            return err_set(err, ERR_CONFLICT, "link_state",
                           "only a number that waits is asked for again");
        work->answer->status = 200;
        if (!patient_link_body(session, record.id, change->actor, work->arena,
                               &work->answer->body, err))
            return false;
    }
    return session_once_keep(session, change->once, work->answer->status,
                             work->answer->body, work->now_ms, err);
}

bool patient_change_link(struct patient_service *service,
                         const struct patient_link_change *change, struct arena *arena,
                         struct session_answer *answer, struct err *err)
{
    struct work work = {.service = service,
                        .arena = arena,
                        .answer = answer,
                        .now_ms = patient_now(service),
                        .change = change};
    if (!store_write(service->config.store, STORE_LIVE, write_change, &work, err))
        return false;
    if (answer->is_kept || !change->is_end)
        return true;
    struct patient_record record;
    struct patient_person person;
    if (!patient_read_record(service, change->record, arena, &record, &person, err))
        return false;
    patient_publish(service, &record);
    return true;
}

struct telling {
    struct id record;
    int64_t value;
};

static bool write_telling(struct store_session *session, void *context, struct err *err)
{
    const struct telling *telling = context;
    return patient_set_to_tell(session, telling->record, telling->value, err);
}

bool patient_mark_told(struct patient_service *service, struct id record, struct err *err)
{
    struct telling telling = {record, 0};
    return store_write(service->config.store, STORE_LIVE, write_telling, &telling, err);
}

bool patient_mark_to_tell(struct patient_service *service, struct id record,
                          struct err *err)
{
    struct telling telling = {record, 1};
    return store_write(service->config.store, STORE_LIVE, write_telling, &telling, err);
}

/* ---- what owners say ---- */

bool patient_read_record(struct patient_service *service, struct id record,
                         struct arena *arena, struct patient_record *found,
                         struct patient_person *person, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    return session && patient_record_find(session, record, arena, found, err) &&
           patient_person_find(session, found->person, arena, person, err);
}

bool patient_list_waiting(struct patient_service *service, struct id facility, bool ended,
                          struct arena *arena, struct id **records, size_t *count,
                          struct err *err)
{
    *count = 0;
    *records = ARENA_MANY(arena, struct id, PATIENT_WAITING_MAX, err);
    CLEANUP(store_read_end)
    struct store_session *session =
        *records ? store_read(service->config.store, err) : NULL;
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        ended ? "SELECT id FROM record WHERE facility = ?1 AND has_to_tell = 1 "
                "ORDER BY since, id LIMIT 1000"
              : "SELECT id FROM record WHERE facility = ?1 AND state = 'proposed' AND "
                "reason <> 'held' ORDER BY since, id LIMIT 1000",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    bool has_row = true;
    while (*count < PATIENT_WAITING_MAX && store_step(statement, &has_row, err) &&
           has_row)
        if (!store_column_id(statement, 0, &(*records)[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

struct answering {
    struct id record;
    enum patient_match match;
    int64_t now_ms;
    struct arena *arena;
    struct patient_record *after;
    struct patient_record replaced; /* in whose place it stands now; id zero = none */
    bool has_changed;
};

static bool write_answer(struct store_session *session, void *context, struct err *err)
{
    struct answering *answering = context;
    struct patient_record before;
    if (!patient_record_find(session, answering->record, answering->arena, &before,
                             err) ||
        !patient_apply_match(session, answering->record, answering->match,
                             answering->now_ms, answering->arena, answering->after, err))
        return false;
    answering->has_changed = before.state != answering->after->state;
    return !answering->has_changed ||
           patient_settle_replaced(session, answering->after, answering->arena,
                                   &answering->replaced, err);
}

static bool audit_answer(struct patient_service *service,
                         const struct patient_record *record, enum patient_match match,
                         struct err *err)
{
    if (match == PATIENT_MATCH_AWAY)
        return true;
    struct id_text person = id_to_text(record->person);
    struct id_text provider = id_to_text(record->facility);
    struct id_text object = id_to_text(record->id);
    struct audit_record row = {
        .phase = AUDIT_EVENT,
        .event = "link_match",
        .verdict = record->state == PATIENT_CONFIRMED ? "done" : "failed",
        .reason = patient_match_id(match),
        .request = id_new(&service->config.rand),
        .person = id_view(&person),
        .provider = id_view(&provider),
        .local_number = record->number,
        .object = id_view(&object),
    };
    struct audit_position position;
    return audit_append(service->config.audit, &row, &position, err);
}

bool patient_apply(struct patient_service *service, struct id record,
                   enum patient_match match, struct arena *arena,
                   struct patient_record *after, struct err *err)
{
    struct answering answering = {.record = record,
                                  .match = match,
                                  .now_ms = patient_now(service),
                                  .arena = arena,
                                  .after = after};
    if (!store_write(service->config.store, STORE_LIVE, write_answer, &answering, err))
        return false;
    if (answering.has_changed) {
        network_epoch_refresh(service->config.epoch);
        tell_listeners(service, after);
        patient_tell_replaced(service, &answering.replaced);
    }
    return audit_answer(service, after, match, err);
}

bool patient_owner_answered(struct patient_service *service, struct id record,
                            enum patient_match match, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct patient_record after;
    return patient_apply(service, record, match, &arena, &after, err);
}

/* ---- answers ---- */

static bool write_showing(struct store_session *session, void *context, struct err *err)
{
    struct work *work = context;
    const struct patient_showing *showing = work->showing;
    *work->answer = (struct session_answer){.status = showing->status};
    bool is_shown = id_is_zero(showing->record)
                        ? person_body(session, showing->person, showing->actor,
                                      day_of_instant(work->now_ms), work->arena,
                                      &work->answer->body, err)
                        : patient_link_body(session, showing->record, showing->actor,
                                            work->arena, &work->answer->body, err);
    return is_shown && session_once_complete(session, showing->once, showing->status,
                                             work->answer->body, err);
}

bool patient_show_again(struct patient_service *service,
                        const struct patient_showing *showing, struct arena *arena,
                        struct session_answer *answer, struct err *err)
{
    struct work work = {.service = service,
                        .arena = arena,
                        .answer = answer,
                        .now_ms = patient_now(service),
                        .showing = showing};
    return store_write(service->config.store, STORE_LIVE, write_showing, &work, err);
}

static void write_summaries(struct json_writer *writer, const char *key,
                            const struct patient_summary *items, size_t count)
{
    json_key(writer, key);
    json_open_array(writer);
    for (size_t i = 0; i < count; i++)
        patient_write_summary(writer, &items[i]);
    json_close_array(writer);
}

bool patient_write_found(struct patient_service *service,
                         const struct disclosure_scope *scope,
                         const struct patient_query *query, struct arena *arena,
                         struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    struct patient_summary *items = NULL;
    size_t count = 0;
    if (!session || !patient_search(session, scope, query, patient_today(service), arena,
                                    &items, &count, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    write_summaries(&writer, "persons", items, count);
    json_close_object(&writer);
    return buf_check(out, err);
}

bool patient_write_candidates(struct patient_service *service,
                              const struct disclosure_scope *scope,
                              const struct patient_person *person, struct arena *arena,
                              struct buf *out, size_t *count, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    struct patient_summary *items = NULL;
    if (!session || !patient_candidates(session, scope, person, patient_today(service),
                                        arena, &items, count, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    write_summaries(&writer, "candidates", items, *count);
    json_close_object(&writer);
    return buf_check(out, err);
}

bool patient_write_permitted(struct patient_service *service,
                             const struct disclosure_permit *permit, struct arena *arena,
                             struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    struct patient_view view;
    if (!session ||
        !patient_read_view(session, permit, patient_today(service), arena, &view, err))
        return false;
    struct json_writer writer = json_writer(out);
    patient_write_person(&writer, &view);
    return buf_check(out, err);
}
