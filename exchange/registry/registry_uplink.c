// SPDX-License-Identifier: Apache-2.0
/* What a batch of a gateway's events means. Events of entries are stored together, as far
 * as no other event stands between them, so that order holds. */
#include "exchange/registry/registry_uplink.h"

#include "exchange/network/network.h"

/* A gateway may speak of its own, confirmed records only. */
struct applying {
    struct registry_batch *batch;
    struct registry_event *waiting; /* entry events not yet stored */
    size_t *answer_of;              /* index of the answer of each */
    size_t waiting_count;
    struct registry_owner last; /* events of one record come in a row */
    struct id last_record;
    enum registry_standing last_standing;
    bool has_last;
};

static bool read_owner(struct applying *applying, struct id record, struct err *err)
{
    const struct registry_batch *batch = applying->batch;
    return registry_find_owner(batch->uplink->config.store, batch->facility, record,
                               batch->arena, &applying->last, &applying->last_standing,
                               err);
}

/* Its owner sends a record's entries only when it has matched the person. The answer that
 * says so may still be under way: the entries must not be refused meanwhile. Whichever
 * comes first, the owner is read again. */
static bool confirm_waiting(struct applying *applying, struct id record, struct err *err)
{
    const struct registry_uplink_config *config = &applying->batch->uplink->config;
    bool is_waiting = false;
    return registry_record_waits(config->store, applying->batch->facility, record,
                                 &is_waiting, err) &&
           (!is_waiting || patient_owner_answered(config->patients, record,
                                                  PATIENT_MATCH_CONFIRMED, err)) &&
           read_owner(applying, record, err);
}

static bool find_owner(struct applying *applying, struct id record, bool is_withdrawal,
                       bool *is_known, struct err *err)
{
    if (!applying->has_last || !id_equal(applying->last_record, record)) {
        applying->has_last = false;
        if (!read_owner(applying, record, err) ||
            (applying->last_standing == REGISTRY_STRANGE &&
             !confirm_waiting(applying, record, err)))
            return false;
        applying->last_record = record;
        applying->has_last = true;
    }
    *is_known = applying->last_standing == REGISTRY_CONFIRMED ||
                (applying->last_standing == REGISTRY_SUSPENDED && is_withdrawal);
    return true;
}

/* Together; when that is refused for what is in it, one by one, so that a single event
 * never blocks a hospital. */
static bool store_waiting(struct applying *applying, struct err *err)
{
    const struct registry_batch *batch = applying->batch;
    struct registry *registry = batch->uplink->config.registry;
    size_t count = applying->waiting_count;
    applying->waiting_count = 0;
    bool is_stored = count == 0 || registry_store_events(registry, batch->is_backfill,
                                                         applying->waiting, count, err);
    if (!is_stored && (err->kind == ERR_BUSY || err->kind == ERR_SYSTEM))
        return false;
    err_clear(err);
    for (size_t i = 0; i < count; i++) {
        struct registry_event *event = &applying->waiting[i];
        if (!is_stored &&
            !registry_store_events(registry, batch->is_backfill, event, 1, err)) {
            if (err->kind == ERR_BUSY || err->kind == ERR_SYSTEM)
                return false;
            event->rejected = err->code;
            err_clear(err);
        }
        batch->answers[applying->answer_of[i]].rejected = event->rejected;
    }
    return true;
}

static struct registry_put put_of(const struct uplink_event *event)
{
    const struct uplink_put *put = &event->put;
    return (struct registry_put){.source_key = event->key,
                                 .version = put->version,
                                 .kind = put->kind,
                                 .state = put->state,
                                 .flags = put->flags,
                                 .day = put->day,
                                 .end_day = put->end_day,
                                 .is_open = put->is_open,
                                 .title = put->title,
                                 .department_code = put->department_code,
                                 .department = put->department,
                                 .author = put->author,
                                 .time = put->time,
                                 .order_number = put->order_number,
                                 .visible_from_ms = put->visible_from_ms};
}

static bool take_entry(struct applying *applying, const struct uplink_event *event,
                       struct uplink_answer *answer, struct err *err)
{
    bool is_known = false;
    bool is_withdrawal = event->type == UPLINK_ENTRY_WITHDRAWN;
    if (!find_owner(applying, event->record, is_withdrawal, &is_known, err))
        return false;
    if (!is_known) {
        answer->rejected = "record_unknown";
        return true;
    }
    size_t at = applying->waiting_count++;
    applying->answer_of[at] = (size_t)(answer - applying->batch->answers);
    applying->waiting[at] = (struct registry_event){
        .owner = applying->last,
        .is_withdrawal = is_withdrawal,
        .put = put_of(event),
    };
    return true;
}

/* A decision about a record that is still proposed, or was made before: the facility
 * speaks of its own numbers only. */
static bool take_decision(struct applying *applying, const struct uplink_event *event,
                          struct uplink_answer *answer, struct err *err)
{
    const struct registry_batch *batch = applying->batch;
    struct patient_service *patients = batch->uplink->config.patients;
    bool is_own = false;
    if (!registry_record_is_of(batch->uplink->config.store, batch->facility,
                               event->record, &is_own, err))
        return false;
    if (!is_own) {
        answer->rejected = "record_unknown";
        return true;
    }
    if (patient_owner_answered(patients, event->record, patient_match_of(event->match),
                               err))
        return true;
    if (err->kind == ERR_BUSY || err->kind == ERR_SYSTEM)
        return false;
    answer->rejected = err->code;
    err_clear(err);
    return true;
}

static bool take_policy(struct applying *applying, const struct uplink_event *event,
                        struct uplink_answer *answer, struct err *err)
{
    const struct registry_uplink_config *config = &applying->batch->uplink->config;
    struct uplink_policy policy;
    if (!uplink_read_policy(text_span(event->policy), applying->batch->arena, &policy,
                            err)) {
        answer->rejected = "policy_invalid";
        err_clear(err);
        return true;
    }
    if (!registry_keep_policy(config->store, applying->batch->facility, event->policy,
                              clock_wall_ms(&config->clock), err))
        return false;
    network_epoch_refresh(config->epoch);
    return true;
}

static bool take_sum(struct applying *applying, const struct uplink_event *event,
                     struct uplink_answer *answer, struct err *err)
{
    bool is_known = false;
    bool is_equal = false;
    if (!find_owner(applying, event->sum.record, false, &is_known, err))
        return false;
    if (!is_known) {
        answer->rejected = "record_unknown";
        return true;
    }
    return registry_settle_sum(applying->batch->uplink, &applying->last, &event->sum,
                               &is_equal, err);
}

static bool take_number(struct applying *applying, const struct uplink_event *event,
                        struct uplink_answer *answer, struct err *err)
{
    const struct registry_batch *batch = applying->batch;
    struct patient_report report = {.facility = batch->facility,
                                    .record = event->record,
                                    .number = event->number,
                                    .change = PATIENT_NUMBER_ENDED,
                                    .successor = event->new_number};
    if (event->type == UPLINK_NUMBER_REPLACED)
        report.change = PATIENT_NUMBER_REPLACED;
    if (event->type == UPLINK_NUMBER_RESTORED)
        report.change = PATIENT_NUMBER_RESTORED;
    if (event->type == UPLINK_NUMBER_GIVEN_AGAIN)
        report.change = PATIENT_NUMBER_GIVEN_AGAIN;
    if (patient_owner_reported(batch->uplink->config.patients, &report, err))
        return true;
    if (err->kind == ERR_BUSY || err->kind == ERR_SYSTEM)
        return false;
    answer->rejected = err->code;
    err_clear(err);
    return true;
}

/* Everything but entries: what waits is stored before, and owners are read again. */
static bool take_other(struct applying *applying, const struct uplink_event *event,
                       struct uplink_answer *answer, struct err *err)
{
    if (!store_waiting(applying, err))
        return false;
    if (event->type == UPLINK_IN_STEP)
        return take_sum(applying, event, answer, err);
    applying->has_last = false;
    if (event->type == UPLINK_LINK_DECIDED)
        return take_decision(applying, event, answer, err);
    if (event->type == UPLINK_POLICY_CHANGED)
        return take_policy(applying, event, answer, err);
    return take_number(applying, event, answer, err);
}

static bool take_event(struct applying *applying, const struct json_value *value,
                       struct uplink_answer *answer, struct err *err)
{
    struct uplink_event event;
    bool is_understood = false;
    if (!uplink_read_event(value, &event, &is_understood, err))
        return false;
    *answer = (struct uplink_answer){.sequence = event.sequence};
    if (!is_understood) {
        answer->rejected = "event_unknown";
        return true;
    }
    bool is_entry =
        event.type == UPLINK_ENTRY_PUT || event.type == UPLINK_ENTRY_WITHDRAWN;
    return is_entry ? take_entry(applying, &event, answer, err)
                    : take_other(applying, &event, answer, err);
}

/* What nobody understands holds up no events; that all is read was not said either. */
static void take_standing(struct registry_batch *batch, const struct json_value *answer)
{
    struct err err = {0};
    if (!uplink_take_standing(answer, &batch->standing, &err))
        batch->standing.reading = UPLINK_READ_FAILED;
}

bool registry_apply_events(struct registry_batch *batch, struct span body,
                           struct err *err)
{
    const struct json_value *events = NULL;
    struct applying applying = {.batch = batch};
    batch->count = 0;
    CLEANUP(json_free_at) struct json_document *document = json_parse(body, err);
    if (!document ||
        !json_take_array(json_root(document), "events", UPLINK_EVENTS_MAX, &events, err))
        return false;
    take_standing(batch, json_root(document));
    size_t count = json_count(events);
    batch->answers = ARENA_MANY(batch->arena, struct uplink_answer, count + 1, err);
    if (!batch->answers)
        return false;
    applying.waiting = ARENA_MANY(batch->arena, struct registry_event, count + 1, err);
    if (!applying.waiting)
        return false;
    applying.answer_of = ARENA_MANY(batch->arena, size_t, count + 1, err);
    if (!applying.answer_of)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!take_event(&applying, json_item(events, i), &batch->answers[i], err))
            return false;
    if (!store_waiting(&applying, err))
        return false;
    batch->count = count;
    return true;
}
