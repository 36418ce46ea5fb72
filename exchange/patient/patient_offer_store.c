// SPDX-License-Identifier: Apache-2.0
/* Who may enter numbers, and a number that its facility gave for others to enter. */
#include "exchange/audit/audit.h"
#include "exchange/patient/patient_offer.h"
#include "exchange/patient/patient_service.h"
#include "formats/charset/charset.h"
#include "formats/json/json.h"
#include "store/store.h"

/* ---- who registers ---- */

static bool audit_refusal(struct patient_service *service,
                          const struct session_actor *actor, const char *event,
                          struct id person, struct arena *arena, struct err *err)
{
    struct id_text text = id_to_text(person);
    struct audit_record record = {.phase = AUDIT_DECISION,
                                  .event = event,
                                  .verdict = "deny",
                                  .reason = "may_not_register",
                                  .request = actor->request,
                                  .person =
                                      id_is_zero(person) ? TEXT("") : id_view(&text)};
    struct audit_position position;
    return session_audit_actor(actor, arena, &record.actor, err) &&
           audit_append(service->config.audit, &record, &position, err);
}

static bool read_own(struct patient_service *service, const struct session_actor *actor,
                     struct arena *arena, struct facility *own, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->config.store, err);
    return session && facility_find(session, actor->facility, arena, own, err);
}

bool patient_check_registers(struct patient_service *service,
                             const struct session_actor *actor, const char *event,
                             struct id person, struct arena *arena, struct err *err)
{
    struct facility own;
    struct err unwritten = {0};
    if (!read_own(service, actor, arena, &own, err))
        return false;
    if (facility_check_registers(&own, err))
        return true;
    if (!audit_refusal(service, actor, event, person, arena, &unwritten))
        *err = unwritten;
    return false;
}

/* ---- an offer ---- */

static bool check_same(const struct patient_offer *offer,
                       const struct patient_person *person, struct arena *arena,
                       struct err *err)
{
    struct text offered, known;
    if (!charset_fold(offer->kana, arena, &offered, err) ||
        !charset_fold(person->kana, arena, &known, err))
        return false;
    bool is_same = offer->birth_day == person->birth_day && offer->sex == person->sex &&
                   text_equal(offered, known);
    return is_same || err_set(err, ERR_CONFLICT, "offer_mismatch",
                              "kana, birth date or sex are another person's");
}

/* The same number that is confirmed already is nothing to be done; one that only waits
 * gives way to what its facility says itself. */
static bool clear_way(struct store_session *session, const struct patient_offer *offer,
                      int64_t now_ms, struct arena *arena, struct id *same,
                      struct err *err)
{
    struct patient_record *records = NULL;
    size_t count = 0;
    *same = (struct id){{0}};
    if (!patient_records_of_person(session, offer->person, arena, &records, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!id_equal(records[i].facility, offer->facility))
            continue;
        if (records[i].state == PATIENT_CONFIRMED &&
            text_equal(records[i].number, offer->number))
            *same = records[i].id;
        if (records[i].state == PATIENT_PROPOSED &&
            !patient_change_state(session, records[i].id, PATIENT_ENDED, TEXT("replaced"),
                                  now_ms, err))
            return false;
    }
    return true;
}

bool patient_take_offer(struct store_session *session, const struct patient_offer *offer,
                        const struct session_actor *actor, int64_t now_ms,
                        struct arena *arena, struct id *link, struct err *err)
{
    struct patient_person person;
    struct facility owner;
    if (!patient_person_find(session, offer->person, arena, &person, err) ||
        !check_same(offer, &person, arena, err) ||
        !facility_find(session, offer->facility, arena, &owner, err) ||
        !clear_way(session, offer, now_ms, arena, link, err))
        return false;
    if (!id_is_zero(*link))
        return true;
    *link = offer->record;
    bool has_gateway = owner.way == FACILITY_GATEWAY;
    struct patient_number number = {.facility = offer->facility,
                                    .number = offer->number,
                                    .record = offer->record,
                                    .is_confirmed = !has_gateway,
                                    .has_gateway = has_gateway};
    struct patient_record record =
        patient_record_entered(&number, actor, offer->person, now_ms);
    return patient_add_record(session, &record, err);
}

static void nobody_waits(void *context)
{
    (void)context;
}

void patient_publish_offer(struct patient_service *service, struct id link)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct patient_record record;
    struct patient_person person;
    struct err err = {0};
    if (!patient_read_record(service, link, &arena, &record, &person, &err)) {
        if (service->config.log)
            log_err(service->config.log, "offer_not_told", &err);
        return;
    }
    patient_publish(service, &record);
    if (record.state == PATIENT_PROPOSED)
        patient_ask_owners(service, &record.id, 1, nobody_waits, NULL);
}

bool patient_write_offered(struct store_session *session, struct json_writer *writer,
                           struct id link, struct id viewer, struct arena *arena,
                           struct err *err)
{
    struct patient_record record;
    if (id_is_zero(link)) {
        json_put_null(writer, "link");
        json_put_null(writer, "person");
        return true;
    }
    if (!patient_record_find(session, link, arena, &record, err))
        return false;
    json_key(writer, "link");
    patient_write_link(writer, &record, viewer);
    bool is_own = id_equal(record.facility, viewer);
    if (!is_own || record.state == PATIENT_CONFIRMED)
        json_put_id(writer, "person", record.person);
    else
        json_put_null(writer, "person");
    return true;
}
