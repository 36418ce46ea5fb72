// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"
#include "exchange/audit/audit.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/patient/patient_offer.h"
#include "exchange/request/request_parts.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum { SEND_BODY_BYTES = 16 * 1024, ANSWER_BODY_BYTES = 4096 };

/* ---- the audit ---- */

static const char *event_of(enum request_step step)
{
    static const char *const events[REQUEST_STEP_COUNT] = {
        [REQUEST_SEND] = "request_send",         [REQUEST_SEE] = "request_see",
        [REQUEST_ACCEPT] = "request_accept",     [REQUEST_DECLINE] = "request_decline",
        [REQUEST_WITHDRAW] = "request_withdraw",
    };
    return events[step];
}

static bool write_down(struct request_service *service,
                       const struct request_change *change, struct audit_record *record,
                       struct arena *arena, struct err *err)
{
    struct id_text object = id_to_text(change->request.id);
    struct id_text asked = id_to_text(change->request.asked);
    struct audit_position position;
    record->event = event_of(change->step);
    record->request = change->actor->request;
    record->object = id_view(&object);
    if (!id_is_zero(change->request.asked))
        record->provider = id_view(&asked);
    if (change->request.number.len > 0)
        record->local_number = change->request.number;
    record->purpose = text_cstr(permit_purpose_id(PERMIT_REGISTER));
    return session_audit_actor(change->actor, arena, &record->actor, err) &&
           audit_append(service->audit, record, &position, err);
}

/* Somebody else's request and none look the same, in the audit too. */
static bool deny(struct request_service *service, const struct request_change *change,
                 const char *code, struct arena *arena, struct err *err)
{
    struct request_change told = *change;
    struct audit_record record = {
        .phase = AUDIT_DECISION, .verdict = "deny", .reason = code};
    struct err unwritten = {0};
    if (err->kind == ERR_MISSING)
        told.request = (struct request){.id = change->request.id};
    if (!write_down(service, &told, &record, arena, &unwritten))
        *err = unwritten;
    return false;
}

/* The rule, and its row. To accept is a decision of the gate, which writes the row: it
 * asks whether the actor knows the person. */
static bool decide(struct request_service *service, struct request_change *change,
                   struct arena *arena, struct err *err)
{
    const char *code = NULL;
    if (!request_examine(service, change, arena, &code, err))
        return code ? deny(service, change, code, arena, err) : false;
    if (change->step == REQUEST_ACCEPT) {
        struct id_text object = id_to_text(change->request.id);
        struct disclosure_request request = {.actor = change->actor,
                                             .person = change->person,
                                             .purpose = PERMIT_REGISTER,
                                             .event = event_of(change->step),
                                             .request = change->actor->request,
                                             .object = id_view(&object),
                                             .day = DAY_NONE,
                                             .department = TEXT(""),
                                             .birth_day = DAY_NONE};
        return disclosure_decide(service->gate, &request, arena, err) != NULL;
    }
    struct audit_record record = {.phase = AUDIT_DECISION, .verdict = "permit"};
    return write_down(service, change, &record, arena, err);
}

/* The decision was durable already; without this row it is closed as "unknown" at the
 * next start, so a fault here is for the operator only. */
static void finish(struct request_service *service, const struct request_change *change,
                   size_t bytes, const struct err *fault)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct id_text person = id_to_text(change->person);
    bool is_done = fault->kind == ERR_NONE;
    struct audit_record record = {
        .phase = AUDIT_FINISH,
        .verdict = is_done ? "done" : "failed",
        .reason = is_done ? NULL : fault->code,
        .person = id_is_zero(change->person) ? TEXT("") : id_view(&person),
        .bytes = (int64_t)bytes,
    };
    if (!write_down(service, change, &record, &arena, &err) && service->log)
        log_err(service->log, "finish_not_audited", &err);
}

/* ---- changes ---- */

/* The actor and the key; with has_answered when the same request was answered before. */
static bool begin(struct request_service *service, struct http_call *call,
                  const char *route, struct session_actor *actor,
                  struct session_once *once, bool *has_answered, struct err *err)
{
    struct session_answer answer;
    if (!session_require(service->sessions, call, SESSION_CHANGES, actor, err) ||
        !session_once_take(call, actor, route, once, err) ||
        !request_find_kept(service, once, http_arena(call), &answer, err))
        return false;
    *has_answered = answer.is_kept;
    if (answer.is_kept)
        session_answer_kept(call, &answer);
    return true;
}

static void publish(struct request_service *service, const struct request_change *change,
                    struct id linked)
{
    const struct request_listener *listener = &service->listener;
    if (!id_is_zero(linked))
        patient_publish_offer(service->patients, linked);
    if (listener->changed)
        listener->changed(listener->context, change->request.asker,
                          change->request.asked);
}

/* Decision row, data, finish row. */
static bool change_audited(struct request_service *service, struct http_call *call,
                           struct request_change *change, struct err *err)
{
    struct session_answer answer;
    struct id linked;
    struct arena *arena = http_arena(call);
    if (!decide(service, change, arena, err))
        return false;
    bool is_done = request_carry_out(service, change, arena, &answer, &linked, err);
    finish(service, change, 0, err);
    if (!is_done)
        return false;
    publish(service, change, linked);
    session_answer_kept(call, &answer);
    return true;
}

/* ---- POST /requests ---- */

static bool read_day(const struct json_value *object, const char *key, const char *code,
                     int32_t *day, struct err *err)
{
    struct text iso;
    if (!json_take_text(object, key, DAY_TEXT_BYTES - 1, &iso, err))
        return false;
    *day = day_from_iso(text_span(iso));
    return *day != DAY_NONE || err_set(err, ERR_SYNTAX, code, "no such day");
}

/* Absent: the other facility is asked to take it. */
static bool read_consent(const struct json_value *root, int32_t today,
                         struct request *request, struct err *err)
{
    static const char *const members[] = {"form", "channel", "day", "explained_by", NULL};
    const struct json_value *object = NULL;
    struct text form, channel;
    request->consent_day = DAY_NONE;
    request->explained_by = TEXT("");
    request->has_consent = json_member(root, "consent") != NULL;
    if (!request->has_consent)
        return true;
    if (!json_take_object(root, "consent", &object, err) ||
        !json_check_members(object, members, err) ||
        !json_take_text(object, "form", 16, &form, err) ||
        !json_take_text(object, "channel", 16, &channel, err) ||
        !read_day(object, "day", "consent_day", &request->consent_day, err) ||
        !json_take_text(object, "explained_by", REQUEST_NAME_MAX, &request->explained_by,
                        err))
        return false;
    if (request->consent_day > today)
        return err_set(err, ERR_SYNTAX, "consent_day", "the day is still to come");
    return (consent_form_parse(form, &request->form) &&
            consent_channel_parse(channel, &request->channel)) ||
           err_set(err, ERR_SYNTAX, "consent_form", "unknown form or channel");
}

static bool read_chart(const struct json_value *root, int32_t today, struct arena *arena,
                       struct request *request, struct err *err)
{
    struct text sex, typed;
    struct patient_person person = {.phone = TEXT("")};
    if (!json_take_text(root, "number", 4 * PATIENT_NUMBER_MAX, &typed, err) ||
        !patient_fold_number(typed, arena, &request->number, err) ||
        !json_take_text(root, "name", PATIENT_NAME_MAX, &person.name, err) ||
        !json_take_text(root, "kana", PATIENT_NAME_MAX, &person.kana, err) ||
        !read_day(root, "birth_date", "patient_birth_date", &person.birth_day, err) ||
        !json_take_text(root, "sex", 1, &sex, err))
        return false;
    person.sex = sex.len == 1 ? sex.at[0] : '\0';
    request->name = person.name;
    request->kana = person.kana;
    request->birth_day = person.birth_day;
    request->sex = person.sex;
    return patient_check_person(&person, today, err);
}

static bool read_request(const struct json_value *root, int32_t today,
                         struct arena *arena, struct request *request, struct err *err)
{
    static const char *const members[] = {"asked",   "wanted",     "number", "name",
                                          "kana",    "birth_date", "sex",    "consent",
                                          "message", NULL};
    request->message = TEXT("");
    if (!json_check_members(root, members, err) ||
        !json_take_id(root, "asked", &request->asked, err))
        return false;
    request->wanted = request->asked;
    return (!json_member(root, "wanted") ||
            json_take_id(root, "wanted", &request->wanted, err)) &&
           read_chart(root, today, arena, request, err) &&
           read_consent(root, today, request, err) &&
           json_take_text_or(root, "message", REQUEST_TEXT_MAX, &request->message, err);
}

/* As many as searches, and together with them: it is asking about a person, too. */
static bool take_rate(struct request_service *service,
                      const struct request_change *change, struct err *err)
{
    return patient_rate_take(service->store, change->actor->staff, change->now_ms, err);
}

static bool send(struct request_service *service, struct http_call *call, struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    bool has_answered = false;
    if (!begin(service, call, "sendRequest", &actor, &once, &has_answered, err) ||
        has_answered)
        return has_answered;
    int64_t now_ms = clock_wall_ms(&service->clock);
    struct request_change change = {.actor = &actor,
                                    .once = &once,
                                    .step = REQUEST_SEND,
                                    .now_ms = now_ms,
                                    .request = {.id = id_new(&service->rand),
                                                .network = actor.network,
                                                .asker = actor.facility,
                                                .sent_at = now_ms,
                                                .sent_staff = actor.staff,
                                                .sent_by = actor.staff_name,
                                                .closed_by = TEXT(""),
                                                .reason = TEXT(""),
                                                .answer = TEXT("")}};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    return body &&
           read_request(json_root(body), day_of_instant(now_ms), http_arena(call),
                        &change.request, err) &&
           take_rate(service, &change, err) &&
           change_audited(service, call, &change, err);
}

static void post_requests(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!send(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- GET /requests ---- */

static bool list(struct request_service *service, struct http_call *call, struct err *err)
{
    struct session_actor actor;
    struct arena *arena = http_arena(call);
    CLEANUP(buf_free) struct buf out = buf_init(REQUEST_LIST_BYTES);
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err))
        return false;
    const struct disclosure_scope *scope = disclosure_decide_scope(
        service->gate, &actor, "requests", actor.request, arena, err);
    if (!scope)
        return false;
    bool is_read = request_write_lists(service, actor.facility,
                                       clock_wall_ms(&service->clock), arena, &out, err);
    struct disclosure_outcome outcome = {.verdict = is_read ? "done" : "failed",
                                         .reason = is_read ? NULL : err->code,
                                         .bytes = is_read ? (int64_t)out.len : 0,
                                         .parts = 1};
    disclosure_finish_scope(service->gate, scope, "requests", &outcome);
    if (!is_read)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void get_requests(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!list(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- GET /requests/{request} ---- */

static bool show(struct request_service *service, struct http_call *call, struct err *err)
{
    struct session_actor actor;
    struct arena *arena = http_arena(call);
    CLEANUP(buf_free) struct buf out = buf_init(REQUEST_BODY_MAX);
    struct request_change change = {
        .actor = &actor, .step = REQUEST_SEE, .now_ms = clock_wall_ms(&service->clock)};
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err) ||
        !http_param_id(call, "request", &change.request.id, err) ||
        !decide(service, &change, arena, err))
        return false;
    bool is_written = request_write_one(service, &change, arena, &out, err);
    finish(service, &change, is_written ? out.len : 0, err);
    if (!is_written)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void get_request(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!show(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- POST /requests/{request}/answers ---- */

static bool read_answer(const struct json_value *root, struct request_change *change,
                        struct err *err)
{
    struct text verdict;
    enum request_reason reason;
    static const char *const members[] = {"verdict", "person", "reason", "text", NULL};
    change->request.reason = TEXT("");
    change->request.answer = TEXT("");
    if (!json_check_members(root, members, err) ||
        !json_take_text(root, "verdict", 16, &verdict, err) ||
        !json_take_text_or(root, "text", REQUEST_TEXT_MAX, &change->request.answer, err))
        return false;
    if (text_is(verdict, "accepted")) {
        change->step = REQUEST_ACCEPT;
        return json_take_id(root, "person", &change->person, err);
    }
    change->step = REQUEST_DECLINE;
    if (!text_is(verdict, "declined"))
        return err_set(err, ERR_SYNTAX, "request_verdict", "accepted or declined");
    if (!json_take_text(root, "reason", 32, &change->request.reason, err))
        return false;
    return request_reason_parse(change->request.reason, &reason) ||
           err_set(err, ERR_SYNTAX, "request_reason", "an unknown reason");
}

static bool answer(struct request_service *service, struct http_call *call,
                   struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    bool has_answered = false;
    if (!begin(service, call, "answerRequest", &actor, &once, &has_answered, err) ||
        has_answered)
        return has_answered;
    struct request_change change = {.actor = &actor,
                                    .once = &once,
                                    .record = id_new(&service->rand),
                                    .now_ms = clock_wall_ms(&service->clock)};
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    return body && http_param_id(call, "request", &change.request.id, err) &&
           read_answer(json_root(body), &change, err) &&
           change_audited(service, call, &change, err);
}

static void post_answers(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!answer(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- DELETE /requests/{request} ---- */

static bool withdraw(struct request_service *service, struct http_call *call,
                     struct err *err)
{
    struct session_actor actor;
    struct session_once once;
    bool has_answered = false;
    if (!begin(service, call, "withdrawRequest", &actor, &once, &has_answered, err) ||
        has_answered)
        return has_answered;
    struct request_change change = {.actor = &actor,
                                    .once = &once,
                                    .step = REQUEST_WITHDRAW,
                                    .now_ms = clock_wall_ms(&service->clock),
                                    .request = {.reason = TEXT(""), .answer = TEXT("")}};
    return http_param_id(call, "request", &change.request.id, err) &&
           change_audited(service, call, &change, err);
}

static void delete_request(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!withdraw(context, call, &err))
        session_answer_problem(call, &err);
}

void request_routes(struct http_router *router, struct request_service *service)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/api/v1/requests", get_requests, 0},
        {HTTP_POST, "/api/v1/requests", post_requests, SEND_BODY_BYTES},
        {HTTP_GET, "/api/v1/requests/{request}", get_request, 0},
        {HTTP_POST, "/api/v1/requests/{request}/answers", post_answers,
         ANSWER_BODY_BYTES},
        {HTTP_DELETE, "/api/v1/requests/{request}", delete_request, 0},
    };
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
