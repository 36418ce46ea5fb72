// SPDX-License-Identifier: Apache-2.0
/* The door: facts, rule, audit, permit — in this order, always. */
#include "base/memory.h"
#include "exchange/disclosure/disclosure_facts.h"

struct disclosure {
    struct disclosure_config config;
    struct disclosure_policies *policies; /* *owned* */
    struct disclosure_known *known;       /* *owned* */
    struct meter_words decisions;
};

struct disclosure *disclosure_new(const struct disclosure_config *config, struct err *err)
{
    struct disclosure *gate = memory_new(1, sizeof *gate, err);
    if (!gate)
        return NULL;
    gate->config = *config;
    gate->policies = disclosure_policies_new(err);
    gate->known = disclosure_known_new(err);
    if (gate->policies && gate->known)
        return gate;
    disclosure_free(gate);
    return NULL;
}

void disclosure_free(struct disclosure *gate)
{
    if (!gate)
        return;
    disclosure_known_free(gate->known);
    disclosure_policies_free(gate->policies);
    memory_free(gate);
}

struct meter_words *disclosure_meters(struct disclosure *gate)
{
    return &gate->decisions;
}

static struct permit_viewer viewer_of(const struct session_actor *actor)
{
    return (struct permit_viewer){
        .staff = actor->staff,
        .facility = actor->facility,
        .name = actor->staff_name,
        .profession = text_cstr(staff_profession_id(actor->profession)),
        .facility_name = actor->facility_name,
    };
}

static bool is_department_excluded(const struct permit_grant *grant, struct text code)
{
    for (size_t i = 0; i < grant->excluded_department_count; i++)
        if (text_equal(grant->excluded_departments[i], code))
            return true;
    return false;
}

/* For one object: the reason why the verdict does not cover it, NULL when it does. */
static const char *object_refusal(const struct disclosure_request *request,
                                  const struct disclosure_verdict *verdict)
{
    if (!request->kind)
        return NULL;
    for (size_t i = 0; i < verdict->grant_count; i++) {
        const struct permit_grant *grant = &verdict->grants[i];
        if (!id_equal(grant->provider, request->provider) ||
            !(grant->kinds >> request->kind_bit & 1U))
            continue;
        if (request->is_sensitive && !(grant->sensitive_kinds >> request->kind_bit & 1U))
            return "sensitive";
        if (is_department_excluded(grant, request->department))
            return "department";
        bool is_early = request->day != DAY_NONE && grant->from_day != DAY_NONE &&
                        request->day < grant->from_day;
        return is_early ? "before_start" : NULL;
    }
    for (size_t i = 0; i < verdict->refusal_count; i++) {
        const struct permit_refusal *refusal = &verdict->refusals[i];
        if (refusal->kinds == 0 || (refusal->kinds >> request->kind_bit & 1U))
            return refusal->reason;
    }
    return "no_link";
}

/* Canonical extra of the decision row: which providers were granted and refused. */
static bool write_detail(const struct disclosure_verdict *verdict, struct arena *arena,
                         struct text *detail, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(32 * 1024);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_key(&writer, "granted");
    json_open_array(&writer);
    for (size_t i = 0; i < verdict->grant_count; i++) {
        json_open_object(&writer);
        json_put_id(&writer, "provider", verdict->grants[i].provider);
        json_put_int(&writer, "kinds", verdict->grants[i].kinds);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_key(&writer, "refused");
    json_open_array(&writer);
    for (size_t i = 0; i < verdict->refusal_count; i++) {
        json_open_object(&writer);
        json_put_id(&writer, "provider", verdict->refusals[i].provider);
        json_put_int(&writer, "kinds", verdict->refusals[i].kinds);
        json_put_cstr(&writer, "reason", verdict->refusals[i].reason);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    struct span copy = {0};
    return buf_to_arena(&out, arena, &copy, err) && text_from_utf8(copy, detail, err);
}

/* The texts of ids in a record must outlive the call of audit_append. */
struct record_texts {
    struct id_text person;
    struct id_text provider;
    char day[DAY_TEXT_BYTES];
};

static void fill_record(struct audit_record *record, struct record_texts *texts,
                        const struct disclosure_request *request)
{
    texts->person = id_to_text(request->person);
    texts->provider = id_to_text(request->provider);
    day_to_iso(request->kind ? request->day : DAY_NONE, texts->day);
    record->phase = AUDIT_DECISION;
    record->event = request->event;
    record->request = request->request;
    if (!id_is_zero(request->person))
        record->person = id_view(&texts->person);
    if (!id_is_zero(request->provider))
        record->provider = id_view(&texts->provider);
    record->object = request->object;
    if (request->kind)
        record->kind = text_cstr(request->kind);
    record->title_day = text_cstr(texts->day);
    record->purpose = text_cstr(permit_purpose_id(request->purpose));
}

/* A decision whose row is not known to be durable yet. */
struct disclosure_pending {
    struct disclosure *gate;
    struct disclosure_reading reading;
    struct disclosure_verdict verdict;
    const char *reason; /* NULL = permitted */
    struct err missing; /* there is no such person */
    uint64_t epoch;
    uint64_t audit_number; /* 0 = not durable */
    void (*written)(void *context);
    void *context;
};

static bool make_record(struct disclosure_pending *pending, struct record_texts *texts,
                        struct audit_record *record, struct err *err)
{
    const struct disclosure_reading *reading = &pending->reading;
    *record = (struct audit_record){0};
    fill_record(record, texts, reading->request);
    record->verdict = pending->reason ? "deny" : "permit";
    record->reason = pending->reason;
    meter_count(&pending->gate->decisions, pending->reason ? pending->reason : "permit");
    record->consent = reading->consent;
    record->local_number = reading->own_number;
    return session_audit_actor(reading->request->actor, reading->arena, &record->actor,
                               err) &&
           write_detail(&pending->verdict, reading->arena, &record->detail, err);
}

static bool refuse(const struct disclosure_reading *reading, const char *reason,
                   struct err *err)
{
    if (reading->viewer_has_number || reading->facts.viewer_registered_person)
        return err_set(err, ERR_REFUSED, reason, "refused: %s", reason);
    return err_set(err, ERR_MISSING, "not_found", "not visible to this viewer");
}

static bool gather_and_rule(struct disclosure *gate, struct disclosure_reading *reading,
                            struct disclosure_verdict *verdict, struct err *err)
{
    reading->now_ms = clock_wall_ms(&gate->config.clock);
    reading->policies = gate->policies;
    reading->known = gate->known;
    return disclosure_gather(gate->config.store, reading, err) &&
           disclosure_rule(&reading->facts, reading->arena, verdict, err);
}

static bool check_fresh(const struct disclosure *gate, struct err *err)
{
    if (!network_epoch_is_fresh(gate->config.epoch))
        return err_set(err, ERR_BUSY, "epoch_stale", "changes of consent not readable");
    return true;
}

/* A restored copy may lack withdrawals (BK-4). Registering goes on, for it is how they
 * are entered again; it gives out no content. */
static bool check_open(struct disclosure *gate, enum permit_purpose purpose,
                       struct err *err)
{
    if (!check_fresh(gate, err))
        return false;
    if (purpose != PERMIT_REGISTER && network_epoch_is_held(gate->config.epoch)) {
        meter_count(&gate->decisions, "restore_unconfirmed");
        return err_set(err, ERR_BUSY, "restore_unconfirmed",
                       "the database is a copy that nobody has confirmed yet");
    }
    return true;
}

static const struct disclosure_permit *
make_permit(const struct disclosure *gate, const struct disclosure_reading *reading,
            const struct disclosure_verdict *verdict, uint64_t audit_number,
            uint64_t epoch, struct err *err)
{
    const struct disclosure_request *request = reading->request;
    struct permit_contents contents = {
        .viewer = viewer_of(request->actor),
        .person = request->person,
        .purpose = request->purpose,
        .request = request->request,
        .audit_number = audit_number,
        .epoch = epoch,
        .decided_at_ms = reading->now_ms,
        .clock = gate->config.clock,
        .grants = verdict->grants,
        .grant_count = verdict->grant_count,
        .refusals = verdict->refusals,
        .refusal_count = verdict->refusal_count,
    };
    return permit_make(&contents, reading->arena, err);
}

/* What is not there is denied and audited like what is not the viewer's. */
static void deny_missing(struct disclosure_pending *pending,
                         const struct disclosure_request *request, struct arena *arena,
                         struct err *err)
{
    pending->reading = (struct disclosure_reading){.request = request, .arena = arena};
    pending->verdict = (struct disclosure_verdict){0};
    pending->reason = "not_found";
    pending->missing = *err;
    err_clear(err);
}

bool disclosure_ask_ahead(struct disclosure *gate, struct id person,
                          struct disclosure_ahead *ahead, struct err *err)
{
    *ahead = (struct disclosure_ahead){.about = person};
    ahead->known_epoch = network_epoch_now(gate->config.epoch);
    return disclosure_ask_facts(gate->config.store, ahead, err);
}

/* Facts and verdict. */
static struct disclosure_pending *prepare(struct disclosure *gate,
                                          const struct disclosure_request *request,
                                          struct disclosure_ahead *ahead,
                                          struct arena *arena, struct err *err)
{
    struct disclosure_pending *pending = ARENA_NEW(arena, struct disclosure_pending, err);
    if (!pending)
        return NULL;
    pending->gate = gate;
    pending->reading = (struct disclosure_reading){.request = request, .arena = arena};
    /* The epoch is taken before the facts, so a change between them shows later. */
    pending->epoch = network_epoch_now(gate->config.epoch);
    if (ahead && ahead->epoch != 0 && id_equal(ahead->about, request->person)) {
        pending->epoch = ahead->known_epoch;
        pending->reading.ahead = ahead;
    }
    if (!check_open(gate, request->purpose, err))
        return NULL;
    if (gather_and_rule(gate, &pending->reading, &pending->verdict, err)) {
        pending->reason = pending->verdict.grant_count == 0
                              ? pending->verdict.reason
                              : object_refusal(request, &pending->verdict);
        return pending;
    }
    if (err->kind != ERR_MISSING)
        return NULL;
    deny_missing(pending, request, arena, err);
    return pending;
}

const struct disclosure_permit *disclosure_conclude(struct disclosure_pending *pending,
                                                    struct arena *arena, struct err *err)
{
    if (pending->audit_number == 0) {
        err_set(err, ERR_BUSY, "audit_unwritable", "the audit cannot be written");
        return NULL;
    }
    if (pending->missing.kind != ERR_NONE) {
        *err = pending->missing;
        return NULL;
    }
    if (pending->reason) {
        (void)!refuse(&pending->reading, pending->reason, err);
        return NULL;
    }
    pending->reading.arena = arena;
    return make_permit(pending->gate, &pending->reading, &pending->verdict,
                       pending->audit_number, pending->epoch, err);
}

static bool audit_decision(struct disclosure_pending *pending, struct err *err)
{
    struct audit_position position;
    struct audit_record record;
    struct record_texts texts;
    if (!make_record(pending, &texts, &record, err) ||
        !audit_append(pending->gate->config.audit, &record, &position, err))
        return false;
    pending->audit_number = position.number;
    return true;
}

struct disclosure_request disclosure_registering(const struct session_actor *actor,
                                                 struct id person, const char *event)
{
    return (struct disclosure_request){
        .actor = actor,
        .person = person,
        .purpose = PERMIT_REGISTER,
        .event = event,
        .request = actor->request,
        .object = TEXT(""),
        .day = DAY_NONE,
        .department = TEXT(""),
        .birth_day = DAY_NONE,
    };
}

const struct disclosure_permit *
disclosure_decide(struct disclosure *gate, const struct disclosure_request *request,
                  struct arena *arena, struct err *err)
{
    struct disclosure_pending *pending = prepare(gate, request, NULL, arena, err);
    if (!pending || !audit_decision(pending, err))
        return NULL;
    return disclosure_conclude(pending, arena, err);
}

bool disclosure_deny_missing(struct disclosure *gate,
                             const struct disclosure_request *request,
                             struct arena *arena, struct err *err)
{
    struct disclosure_pending pending = {.gate = gate};
    if (err->kind != ERR_MISSING)
        return false;
    deny_missing(&pending, request, arena, err);
    if (audit_decision(&pending, err))
        *err = pending.missing;
    return false;
}

/* On the audit's thread. */
static void decision_written(void *context, const struct audit_position *position)
{
    struct disclosure_pending *pending = context;
    pending->audit_number = position ? position->number : 0;
    pending->written(pending->context);
}

bool disclosure_begin(struct disclosure *gate, const struct disclosure_request *request,
                      const struct disclosure_wait *wait,
                      struct disclosure_pending **pending, struct err *err)
{
    struct audit_record record;
    struct record_texts texts;
    *pending = prepare(gate, request, wait->ahead, wait->arena, err);
    if (!*pending || !make_record(*pending, &texts, &record, err))
        return false;
    (*pending)->written = wait->written;
    (*pending)->context = wait->context;
    return audit_append_later(gate->config.audit, &record, decision_written, *pending,
                              err);
}

const struct disclosure_permit *disclosure_renew(struct disclosure *gate,
                                                 const struct disclosure_request *request,
                                                 const struct disclosure_permit *old,
                                                 struct arena *arena, struct err *err)
{
    struct disclosure_reading reading = {.request = request, .arena = arena};
    struct disclosure_verdict verdict;
    uint64_t epoch = network_epoch_now(gate->config.epoch);
    if (!check_open(gate, request->purpose, err) ||
        !gather_and_rule(gate, &reading, &verdict, err))
        return NULL;
    const char *reason =
        verdict.grant_count == 0 ? verdict.reason : object_refusal(request, &verdict);
    if (reason) {
        (void)!refuse(&reading, reason, err);
        return NULL;
    }
    return make_permit(gate, &reading, &verdict, permit_read(old)->audit_number, epoch,
                       err);
}

const struct disclosure_permit *disclosure_peek(struct disclosure *gate,
                                                const struct session_actor *actor,
                                                struct id person, struct arena *arena,
                                                struct err *err)
{
    struct disclosure_request request = {.actor = actor,
                                         .person = person,
                                         .purpose = PERMIT_CARE,
                                         .event = "peek",
                                         .day = DAY_NONE};
    struct disclosure_reading reading = {.request = &request, .arena = arena};
    struct disclosure_verdict verdict;
    uint64_t epoch = network_epoch_now(gate->config.epoch);
    if (network_epoch_is_held(gate->config.epoch)) {
        (void)err_set(err, ERR_REFUSED, "restore_unconfirmed", "nothing is counted");
        return NULL;
    }
    if (!check_fresh(gate, err) || !gather_and_rule(gate, &reading, &verdict, err))
        return NULL;
    if (verdict.grant_count == 0) {
        (void)!refuse(&reading, verdict.reason, err);
        return NULL;
    }
    return make_permit(gate, &reading, &verdict, 0, epoch, err);
}

static bool audit_scope(struct disclosure *gate, const struct session_actor *actor,
                        struct audit_record *record, struct arena *arena,
                        struct audit_position *position, struct err *err)
{
    record->phase = AUDIT_DECISION;
    record->purpose = text_cstr(permit_purpose_id(PERMIT_REGISTER));
    return session_audit_actor(actor, arena, &record->actor, err) &&
           audit_append(gate->config.audit, record, position, err);
}

const struct disclosure_scope *
disclosure_decide_scope(struct disclosure *gate, const struct session_actor *actor,
                        const char *event, struct id request, struct arena *arena,
                        struct err *err)
{
    const char *reason = NULL;
    struct audit_position position;
    struct permit_viewer viewer = viewer_of(actor);
    if (!disclosure_read_actor(gate->config.store, actor,
                               clock_wall_ms(&gate->config.clock), arena, &reason, err))
        return NULL;
    struct audit_record record = {.event = event,
                                  .verdict = reason ? "deny" : "permit",
                                  .reason = reason,
                                  .request = request};
    if (!audit_scope(gate, actor, &record, arena, &position, err))
        return NULL;
    if (reason) {
        err_set(err, ERR_REFUSED, reason, "refused: %s", reason);
        return NULL;
    }
    return permit_make_scope(&viewer, request, position.number, arena, err);
}

bool disclosure_still_holds(struct disclosure *gate,
                            const struct disclosure_permit *permit, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    if (!check_open(gate, contents->purpose, err))
        return false;
    /* At midnight consents, posts and lists of participants end without a change. */
    bool is_of_today = day_of_instant(clock_wall_ms(&gate->config.clock)) ==
                       day_of_instant(contents->decided_at_ms);
    if (!is_of_today || network_epoch_now(gate->config.epoch) != contents->epoch)
        return err_set(err, ERR_REFUSED, "permission_changed", "to be decided again");
    return true;
}

/* The texts of ids outlive the record. */
struct viewer_texts {
    struct id_text person;
    struct id_text staff;
    struct id_text facility;
};

static struct audit_record finish_of(const struct permit_viewer *viewer,
                                     struct viewer_texts *texts,
                                     const struct disclosure_outcome *outcome)
{
    texts->staff = id_to_text(viewer->staff);
    texts->facility = id_to_text(viewer->facility);
    return (struct audit_record){.phase = AUDIT_FINISH,
                                 .verdict = outcome->verdict,
                                 .reason = outcome->reason,
                                 .actor = {.staff_id = id_view(&texts->staff),
                                           .name = viewer->name,
                                           .profession = viewer->profession,
                                           .facility_id = id_view(&texts->facility),
                                           .facility_name = viewer->facility_name},
                                 .bytes = outcome->bytes,
                                 .number_of_parts = outcome->parts};
}

static struct audit_record finish_of_person(const struct disclosure_permit *permit,
                                            struct viewer_texts *texts,
                                            const struct disclosure_outcome *outcome)
{
    const struct permit_contents *contents = permit_read(permit);
    struct audit_record record = finish_of(&contents->viewer, texts, outcome);
    texts->person = id_to_text(contents->person);
    record.request = contents->request;
    record.person = id_view(&texts->person);
    record.purpose = text_cstr(permit_purpose_id(contents->purpose));
    return record;
}

bool disclosure_finish(struct disclosure *gate, const struct disclosure_permit *permit,
                       const char *event, const struct disclosure_outcome *outcome,
                       struct err *err)
{
    struct viewer_texts texts;
    struct audit_record record = finish_of_person(permit, &texts, outcome);
    struct audit_position position;
    record.event = event;
    return audit_append(gate->config.audit, &record, &position, err);
}

bool disclosure_finish_later(struct disclosure *gate,
                             const struct disclosure_permit *permit, const char *event,
                             const struct disclosure_outcome *outcome,
                             const struct disclosure_told *told, struct err *err)
{
    struct viewer_texts texts;
    struct audit_record record = finish_of_person(permit, &texts, outcome);
    record.event = event;
    return audit_append_later(gate->config.audit, &record, told->written, told->context,
                              err);
}

void disclosure_finish_scope(struct disclosure *gate,
                             const struct disclosure_scope *scope, const char *event,
                             const struct disclosure_outcome *outcome)
{
    struct viewer_texts texts;
    struct audit_record record = finish_of(permit_scope_viewer(scope), &texts, outcome);
    struct audit_position position;
    struct err err = {0};
    record.event = event;
    record.request = permit_scope_request(scope);
    record.purpose = text_cstr(permit_purpose_id(PERMIT_REGISTER));
    if (!audit_append(gate->config.audit, &record, &position, &err) && gate->config.log)
        log_err(gate->config.log, "finish_not_audited", &err);
}
