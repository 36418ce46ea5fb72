// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"
#include "exchange/audit/audit.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/patient/patient_offer.h"
#include "exchange/patient/patient_service.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum {
    SEARCH_BODY_BYTES = 4096,
    REGISTER_BODY_BYTES = 32 * 1024,
    LINK_BODY_BYTES = 2048,
    LINK_CONSENT_BODY_BYTES = 16 * 1024 /* with a consent */
};

/* ---- small things ---- */

static bool read_day(const struct json_value *object, const char *key, int32_t *day,
                     struct err *err)
{
    struct text iso = {NULL, 0};
    *day = DAY_NONE;
    if (!json_take_text_or(object, key, 10, &iso, err))
        return false;
    if (iso.len == 0)
        return true;
    *day = day_from_iso(text_span(iso));
    return *day != DAY_NONE ||
           err_set(err, ERR_SYNTAX, "patient_birth_date", "no such day");
}

static bool take_rate(struct patient_service *service, const struct session_actor *actor,
                      struct err *err)
{
    return patient_rate_take(service->config.store, actor->staff,
                             clock_wall_ms(&service->config.clock), err);
}

static const struct disclosure_permit *decide(struct patient_service *service,
                                              const struct session_actor *actor,
                                              struct id person, const char *event,
                                              struct arena *arena, struct err *err)
{
    struct disclosure_request request = disclosure_registering(actor, person, event);
    return disclosure_decide(service->config.gate, &request, arena, err);
}

/* What came of a decision. It was durable already; when this row cannot be written the
 * decision is closed as "unknown" at the next start. */
static void finish(struct patient_service *service, const struct session_actor *actor,
                   const char *event, struct id person, size_t bytes,
                   const struct err *fault)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct id_text person_text = id_to_text(person);
    struct audit_record record = {
        .phase = AUDIT_FINISH,
        .event = event,
        .verdict = fault->kind == ERR_NONE ? "done" : "failed",
        .reason = fault->kind == ERR_NONE ? NULL : fault->code,
        .request = actor->request,
        .person = id_is_zero(person) ? TEXT("") : id_view(&person_text),
        .bytes = (int64_t)bytes,
    };
    struct audit_position position;
    struct err err = {0};
    if (session_audit_actor(actor, &arena, &record.actor, &err) &&
        audit_append(service->config.audit, &record, &position, &err))
        return;
    if (service->config.log)
        log_err(service->config.log, "finish_not_audited", &err);
}

static const struct id nobody;

/* ---- POST /persons/searches ---- */

static bool read_query(const struct json_value *root, struct patient_query *query,
                       struct err *err)
{
    *query = (struct patient_query){.own_number = TEXT(""),
                                    .name = TEXT(""),
                                    .kana = TEXT(""),
                                    .phone = TEXT(""),
                                    .birth_day = DAY_NONE};
    static const char *const members[] = {"own_number", "name",  "kana",
                                          "birth_date", "phone", NULL};
    return json_check_members(root, members, err) &&
           json_take_text_or(root, "own_number", 4 * PATIENT_NUMBER_MAX,
                             &query->own_number, err) &&
           json_take_text_or(root, "name", PATIENT_NAME_MAX, &query->name, err) &&
           json_take_text_or(root, "kana", PATIENT_NAME_MAX, &query->kana, err) &&
           json_take_text_or(root, "phone", PATIENT_PHONE_MAX, &query->phone, err) &&
           read_day(root, "birth_date", &query->birth_day, err);
}

static bool search(struct patient_service *service, struct http_call *call,
                   struct err *err)
{
    struct session_actor actor;
    struct patient_query query;
    struct arena *arena = http_arena(call);
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err))
        return false;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    if (!body || !read_query(json_root(body), &query, err) ||
        !take_rate(service, &actor, err) || !patient_check_query(&query, arena, err))
        return false;
    query.network = actor.network;
    const struct disclosure_scope *scope = disclosure_decide_scope(
        service->config.gate, &actor, "search", actor.request, arena, err);
    CLEANUP(buf_free) struct buf out = buf_init(PATIENT_BODY_MAX);
    if (!scope)
        return false;
    bool is_found = patient_write_found(service, scope, &query, arena, &out, err);
    finish(service, &actor, "search", nobody, is_found ? out.len : 0, err);
    if (!is_found)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void post_searches(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!search(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- GET /persons/{person} ---- */

static bool show_person(struct patient_service *service, struct http_call *call,
                        struct err *err)
{
    struct session_actor actor;
    struct id person;
    struct arena *arena = http_arena(call);
    CLEANUP(buf_free) struct buf out = buf_init(PATIENT_BODY_MAX);
    if (!session_require(service->config.sessions, call, SESSION_READS, &actor, err) ||
        !http_param_id(call, "person", &person, err))
        return false;
    const struct disclosure_permit *permit =
        decide(service, &actor, person, "person", arena, err);
    if (!permit)
        return false;
    bool is_shown = patient_write_permitted(service, permit, arena, &out, err);
    finish(service, &actor, "person", person, is_shown ? out.len : 0, err);
    if (!is_shown)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void get_person(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!show_person(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- an answer that waits for the owners ---- */

/* Lives in the kept call's arena. */
struct waiting {
    struct patient_service *service;
    struct http_call *call;
    struct session_actor actor;
    struct session_once once;
    struct patient_showing showing;
};

static void answer_waiting(void *context)
{
    struct waiting *waiting = context;
    struct session_answer answer;
    struct err err = {0};
    if (patient_show_again(waiting->service, &waiting->showing, http_arena(waiting->call),
                           &answer, &err))
        session_answer_kept(waiting->call, &answer);
    else
        session_answer_problem(waiting->call, &err);
}

static bool wait_for_owners(const struct waiting *template, const struct id *records,
                            size_t count, struct err *err)
{
    struct waiting *waiting = ARENA_NEW(http_arena(template->call), struct waiting, err);
    if (!waiting)
        return false;
    *waiting = *template;
    waiting->showing.actor = &waiting->actor;
    waiting->showing.once = &waiting->once;
    http_keep(waiting->call);
    patient_ask_owners(waiting->service, records, count, answer_waiting, waiting);
    return true;
}

/* ---- POST /persons ---- */

static bool read_person(const struct json_value *root, const struct session_actor *actor,
                        struct patient_person *person, struct err *err)
{
    struct text sex;
    static const char *const members[] = {"name",    "kana",          "birth_date",
                                          "sex",     "phone",         "consent",
                                          "numbers", "is_new_person", NULL};
    *person = (struct patient_person){.network = actor->network,
                                      .phone = TEXT(""),
                                      .registered_facility = actor->facility};
    if (!json_check_members(root, members, err) ||
        !json_take_text(root, "name", PATIENT_NAME_MAX, &person->name, err) ||
        !json_take_text(root, "kana", PATIENT_NAME_MAX, &person->kana, err) ||
        !json_take_text(root, "sex", 1, &sex, err) ||
        !json_take_text_or(root, "phone", PATIENT_PHONE_MAX, &person->phone, err) ||
        !read_day(root, "birth_date", &person->birth_day, err))
        return false;
    person->sex = sex.len == 1 ? sex.at[0] : '\0';
    return true;
}

static bool read_number(const struct json_value *object, const struct rand *rand,
                        struct arena *arena, struct patient_number *number,
                        struct err *err)
{
    struct text typed;
    number->record = id_new(rand);
    return json_take_id(object, "facility", &number->facility, err) &&
           json_take_text(object, "number", 4 * PATIENT_NUMBER_MAX, &typed, err) &&
           patient_fold_number(typed, arena, &number->number, err);
}

static bool read_numbers(const struct json_value *root, const struct rand *rand,
                         struct arena *arena, struct patient_number **numbers,
                         size_t *count, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(root, "numbers", PATIENT_NUMBERS_MAX, &array, err))
        return false;
    *count = json_count(array);
    if (*count == 0)
        return err_set(err, ERR_SYNTAX, "patient_number", "at least one number");
    *numbers = ARENA_MANY(arena, struct patient_number, *count, err);
    if (!*numbers)
        return false;
    static const char *const members[] = {"facility", "number", "birth_date", NULL};
    for (size_t i = 0; i < *count; i++)
        if (!json_check_members(json_item(array, i), members, err) ||
            !read_number(json_item(array, i), rand, arena, &(*numbers)[i], err))
            return false;
    return true;
}

/* False with err, or with has_answered: there are people who may be the same. */
static bool check_candidates(struct patient_service *service, struct http_call *call,
                             const struct session_actor *actor,
                             const struct patient_person *person, bool *has_answered,
                             struct err *err)
{
    struct arena *arena = http_arena(call);
    CLEANUP(buf_free) struct buf out = buf_init(PATIENT_BODY_MAX);
    size_t count = 0;
    if (!take_rate(service, actor, err))
        return false;
    const struct disclosure_scope *scope = disclosure_decide_scope(
        service->config.gate, actor, "candidates", actor->request, arena, err);
    if (!scope)
        return false;
    bool is_read =
        patient_write_candidates(service, scope, person, arena, &out, &count, err);
    finish(service, actor, "candidates", nobody, is_read ? out.len : 0, err);
    if (!is_read)
        return false;
    if (count == 0)
        return true;
    struct err exists = {0};
    (void)err_set(&exists, ERR_CONFLICT, "person_exists", "somebody may be the same");
    struct span members = buf_view(&out);
    http_answer_problem_with(call, &exists, span_part(members, 1, members.len - 2));
    *has_answered = true;
    return false;
}

static bool audit_registration(struct patient_service *service,
                               const struct patient_registration *registration,
                               const char *verdict, enum audit_phase phase,
                               struct arena *arena, struct err *err)
{
    struct id_text person = id_to_text(registration->person.id);
    struct audit_record record = {.phase = phase,
                                  .event = "register",
                                  .verdict = verdict,
                                  .request = registration->actor->request,
                                  .person = id_view(&person)};
    struct audit_position position;
    return session_audit_actor(registration->actor, arena, &record.actor, err) &&
           audit_append(service->config.audit, &record, &position, err);
}

/* Decision row, data, finish row: in this order across the two kinds of files. */
static bool register_audited(struct patient_service *service,
                             struct patient_registration *registration,
                             struct arena *arena, struct session_answer *answer,
                             struct err *err)
{
    if (!audit_registration(service, registration, "permit", AUDIT_DECISION, arena, err))
        return false;
    bool is_registered = patient_register(service, registration, arena, answer, err);
    struct err finishing = {0};
    if (audit_registration(service, registration, is_registered ? "done" : "failed",
                           AUDIT_FINISH, arena, &finishing))
        return is_registered;
    return is_registered && err_set(err, ERR_BUSY, "audit_unwritable", "no finish row");
}

static size_t list_questions(const struct patient_registration *registration,
                             struct id records[PATIENT_NUMBERS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < registration->number_count; i++)
        if (registration->numbers[i].has_gateway)
            records[count++] = registration->numbers[i].record;
    return count;
}

static bool read_registration(struct patient_service *service, struct http_call *call,
                              const struct json_value *root,
                              struct patient_registration *registration,
                              struct patient_number **numbers, struct err *err)
{
    const struct json_value *consent = NULL;
    struct arena *arena = http_arena(call);
    const struct rand *rand = &service->config.rand;
    int64_t now_ms = clock_wall_ms(&service->config.clock);
    if (!read_person(root, registration->actor, &registration->person, err) ||
        !patient_check_person(&registration->person, day_of_instant(now_ms), err) ||
        !json_take_object(root, "consent", &consent, err) ||
        !consent_read_input(consent, registration->actor, now_ms, arena,
                            &registration->consent, err) ||
        !read_numbers(root, rand, arena, numbers, &registration->number_count, err))
        return false;
    registration->person.id = id_new(rand);
    registration->person.registered_at = now_ms;
    registration->consent.person = registration->person.id;
    registration->consent_id = id_new(rand);
    registration->numbers = *numbers;
    return patient_check_numbers(service, registration->actor, *numbers,
                                 registration->number_count, arena, err);
}

static bool answer_registration(struct patient_service *service, struct http_call *call,
                                const struct patient_registration *registration,
                                const struct session_answer *answer, struct err *err)
{
    struct id records[PATIENT_NUMBERS_MAX];
    size_t count = list_questions(registration, records);
    if (answer->is_kept || count == 0) {
        session_answer_kept(call, answer);
        return true;
    }
    struct waiting waiting = {
        .service = service,
        .call = call,
        .actor = *registration->actor,
        .once = *registration->once,
        .showing = {.person = registration->person.id, .status = 201},
    };
    return wait_for_owners(&waiting, records, count, err);
}

static bool register_person(struct patient_service *service, struct http_call *call,
                            bool *has_answered, struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    struct session_answer answer;
    struct arena *arena = http_arena(call);
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !session_once_take(call, &actor, "registerPerson", &once, err) ||
        !patient_find_kept(service, &once, arena, &answer, err))
        return false;
    if (answer.is_kept) {
        session_answer_kept(call, &answer);
        return true;
    }
    if (!patient_check_registers(service, &actor, "register", nobody, arena, err))
        return false;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    struct patient_registration registration = {.actor = &actor, .once = &once};
    struct patient_number *numbers = NULL;
    if (!body ||
        !read_registration(service, call, json_root(body), &registration, &numbers, err))
        return false;
    bool is_new_person = false;
    if (json_member(json_root(body), "is_new_person") &&
        !json_take_bool(json_root(body), "is_new_person", &is_new_person, err))
        return false;
    if (!is_new_person &&
        !check_candidates(service, call, &actor, &registration.person, has_answered, err))
        return false;
    return register_audited(service, &registration, arena, &answer, err) &&
           answer_registration(service, call, &registration, &answer, err);
}

static void post_persons(struct http_call *call, void *context)
{
    struct err err = {0};
    bool has_answered = false;
    if (!register_person(context, call, &has_answered, &err) && !has_answered)
        session_answer_problem(call, &err);
}

/* ---- POST /persons/{person}/links ---- */

/* Whoever knows the person already may enter anybody's number; a facility without a
 * number enters its own and says the birth day of whom it found, as often as it may
 * search. */
static bool may_link(struct patient_service *service, const struct session_actor *actor,
                     const struct patient_linking *linking, int32_t birth_day,
                     struct arena *arena, struct err *err)
{
    struct disclosure_request request =
        disclosure_registering(actor, linking->person, "link");
    request.is_own_number = id_equal(linking->number.facility, actor->facility);
    request.birth_day = birth_day;
    if (request.is_own_number && birth_day != DAY_NONE && !take_rate(service, actor, err))
        return false;
    return disclosure_decide(service->config.gate, &request, arena, err) != NULL;
}

static bool answer_link(struct patient_service *service, struct http_call *call,
                        const struct patient_linking *linking,
                        const struct session_answer *answer, struct err *err)
{
    if (answer->is_kept || !linking->number.has_gateway) {
        session_answer_kept(call, answer);
        return true;
    }
    struct waiting waiting = {
        .service = service,
        .call = call,
        .actor = *linking->actor,
        .once = *linking->once,
        .showing = {.record = linking->number.record, .status = 201},
    };
    return wait_for_owners(&waiting, &linking->number.record, 1, err);
}

/* With its own number a facility may bring the consent under which it looks. */
static bool read_link_consent(struct patient_service *service,
                              const struct json_value *root,
                              struct patient_linking *linking, struct arena *arena,
                              struct err *err)
{
    const struct json_value *object = json_member(root, "consent");
    const struct session_actor *actor = linking->actor;
    int64_t now_ms = clock_wall_ms(&service->config.clock);
    if (!object)
        return true;
    if (!id_equal(linking->number.facility, actor->facility))
        return err_set(err, ERR_SYNTAX, "consent_form",
                       "a consent comes with the own number");
    linking->consent = ARENA_NEW(arena, struct consent, err);
    linking->consent_id = id_new(&service->config.rand);
    if (!linking->consent || !json_take_object(root, "consent", &object, err) ||
        !consent_read_input(object, actor, now_ms, arena, linking->consent, err))
        return false;
    linking->consent->person = linking->person;
    return true;
}

static bool read_link(struct patient_service *service, const struct json_value *root,
                      struct patient_linking *linking, int32_t *birth_day,
                      struct arena *arena, struct err *err)
{
    static const char *const members[] = {"facility", "number", "birth_date", "consent",
                                          NULL};
    return json_check_members(root, members, err) &&
           read_number(root, &service->config.rand, arena, &linking->number, err) &&
           read_day(root, "birth_date", birth_day, err) &&
           read_link_consent(service, root, linking, arena, err);
}

static bool add_link(struct patient_service *service, struct http_call *call,
                     struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    struct session_answer answer;
    struct arena *arena = http_arena(call);
    struct patient_linking linking = {.actor = &actor, .once = &once};
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !http_param_id(call, "person", &linking.person, err) ||
        !session_once_take(call, &actor, "addLink", &once, err) ||
        !patient_find_kept(service, &once, arena, &answer, err))
        return false;
    if (answer.is_kept) {
        session_answer_kept(call, &answer);
        return true;
    }
    if (!patient_check_registers(service, &actor, "link", linking.person, arena, err))
        return false;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    int32_t birth_day = DAY_NONE;
    if (!body || !read_link(service, json_root(body), &linking, &birth_day, arena, err) ||
        !patient_check_numbers(service, &actor, &linking.number, 1, arena, err) ||
        !may_link(service, &actor, &linking, birth_day, arena, err))
        return false;
    bool is_linked = patient_link(service, &linking, arena, &answer, err);
    finish(service, &actor, "link", linking.person, 0, err);
    return is_linked && answer_link(service, call, &linking, &answer, err);
}

static void post_links(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!add_link(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- POST /links/{link}/retries, DELETE /links/{link} ---- */

/* The link, after the gate let the actor see its person. */
static bool take_link(struct patient_service *service, struct http_call *call,
                      const struct session_actor *actor, const char *event,
                      struct patient_record *record, struct err *err)
{
    struct id id;
    struct patient_person person;
    struct arena *arena = http_arena(call);
    if (!http_param_id(call, "link", &id, err))
        return false;
    struct id_text object = id_to_text(id);
    struct disclosure_request request = disclosure_registering(actor, nobody, event);
    request.object = id_view(&object);
    if (!patient_read_record(service, id, arena, record, &person, err))
        return disclosure_deny_missing(service->config.gate, &request, arena, err);
    request.person = record->person;
    return disclosure_decide(service->config.gate, &request, arena, err) != NULL;
}

static bool retry_link(struct patient_service *service, struct http_call *call,
                       struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    struct session_answer answer;
    struct patient_record record;
    struct arena *arena = http_arena(call);
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !session_once_take(call, &actor, "retryLink", &once, err) ||
        !take_link(service, call, &actor, "link_retry", &record, err))
        return false;
    struct patient_link_change change = {&actor, &once, record.id, false};
    bool is_taken = patient_change_link(service, &change, arena, &answer, err);
    finish(service, &actor, "link_retry", record.person, 0, err);
    if (!is_taken)
        return false;
    if (answer.is_kept) {
        session_answer_kept(call, &answer);
        return true;
    }
    struct waiting waiting = {
        .service = service,
        .call = call,
        .actor = actor,
        .once = once,
        .showing = {.record = record.id, .status = 200},
    };
    return wait_for_owners(&waiting, &record.id, 1, err);
}

static void post_retries(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!retry_link(context, call, &err))
        session_answer_problem(call, &err);
}

static bool check_link_owner(const struct patient_record *record,
                             const struct session_actor *actor, struct err *err)
{
    return id_equal(record->facility, actor->facility) ||
           id_equal(record->entered_facility, actor->facility) ||
           err_set(err, ERR_REFUSED, "link_not_own",
                   "its facility or who entered it ends a link");
}

static bool end_link(struct patient_service *service, struct http_call *call,
                     struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    struct session_answer answer;
    struct patient_record record;
    struct arena *arena = http_arena(call);
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !session_once_take(call, &actor, "endLink", &once, err) ||
        !patient_find_kept(service, &once, arena, &answer, err))
        return false;
    if (answer.is_kept) {
        session_answer_kept(call, &answer);
        return true;
    }
    if (!take_link(service, call, &actor, "link_end", &record, err))
        return false;
    struct patient_link_change change = {&actor, &once, record.id, true};
    bool is_ended = check_link_owner(&record, &actor, err) &&
                    patient_change_link(service, &change, arena, &answer, err);
    finish(service, &actor, "link_end", record.person, 0, err);
    if (!is_ended)
        return false;
    patient_tell_end(service, record.id);
    session_answer_kept(call, &answer);
    return true;
}

static void delete_link(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!end_link(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- POST /links/{link}/confirmations ---- */

static bool read_confirmation(struct patient_service *service, struct http_call *call,
                              struct patient_confirmation *confirmation, struct err *err)
{
    struct text typed;
    struct arena *arena = http_arena(call);
    static const char *const members[] = {"since", "number", NULL};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    const struct json_value *root = body ? json_root(body) : NULL;
    confirmation->number.record = id_new(&service->config.rand);
    return root && json_check_members(root, members, err) &&
           json_take_int(root, "since", 0, INT64_MAX, &confirmation->since, err) &&
           json_take_text(root, "number", 4 * PATIENT_NUMBER_MAX, &typed, err) &&
           patient_fold_number(typed, arena, &confirmation->number.number, err);
}

/* What its own facility's numbers mean is said by its own staff. */
static bool check_own_number(const struct patient_record *record,
                             const struct session_actor *actor, struct err *err)
{
    return id_equal(record->facility, actor->facility) ||
           err_set(err, ERR_REFUSED, "link_not_own",
                   "its own facility confirms a number");
}

static bool confirm_audited(struct patient_service *service, struct http_call *call,
                            struct patient_confirmation *confirmation,
                            struct session_answer *answer, struct err *err)
{
    struct patient_record record;
    struct arena *arena = http_arena(call);
    if (!take_link(service, call, confirmation->actor, "link_confirm", &record, err))
        return false;
    confirmation->record = record.id;
    confirmation->number.facility = record.facility;
    bool is_confirmed = check_own_number(&record, confirmation->actor, err) &&
                        patient_check_numbers(service, confirmation->actor,
                                              &confirmation->number, 1, arena, err) &&
                        patient_confirm_link(service, confirmation, arena, answer, err);
    finish(service, confirmation->actor, "link_confirm", record.person, 0, err);
    return is_confirmed;
}

static bool confirm_link(struct patient_service *service, struct http_call *call,
                         struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    struct session_answer answer;
    struct arena *arena = http_arena(call);
    struct patient_confirmation confirmation = {.actor = &actor, .once = &once};
    if (!session_require(service->config.sessions, call, SESSION_CHANGES, &actor, err) ||
        !session_once_take(call, &actor, "confirmLink", &once, err) ||
        !patient_find_kept(service, &once, arena, &answer, err))
        return false;
    if (answer.is_kept) {
        session_answer_kept(call, &answer);
        return true;
    }
    if (!read_confirmation(service, call, &confirmation, err) ||
        !confirm_audited(service, call, &confirmation, &answer, err))
        return false;
    struct patient_linking linking = {
        .actor = &actor, .once = &once, .number = confirmation.number};
    return answer_link(service, call, &linking, &answer, err);
}

static void post_confirmations(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!confirm_link(context, call, &err))
        session_answer_problem(call, &err);
}

void patient_routes(struct http_router *router, struct patient_service *service)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/api/v1/persons/searches", post_searches, SEARCH_BODY_BYTES},
        {HTTP_POST, "/api/v1/persons", post_persons, REGISTER_BODY_BYTES},
        {HTTP_GET, "/api/v1/persons/{person}", get_person, 0},
        {HTTP_POST, "/api/v1/persons/{person}/links", post_links,
         LINK_CONSENT_BODY_BYTES},
        {HTTP_POST, "/api/v1/links/{link}/retries", post_retries, LINK_BODY_BYTES},
        {HTTP_POST, "/api/v1/links/{link}/confirmations", post_confirmations,
         LINK_BODY_BYTES},
        {HTTP_DELETE, "/api/v1/links/{link}", delete_link, 0},
    };
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
