// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"
#include "exchange/consent/consent_service.h"
#include "exchange/disclosure/disclosure.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum { CONSENT_BODY_BYTES = 16 * 1024 };

static const struct disclosure_permit *decide(struct consent_service *service,
                                              const struct session_actor *actor,
                                              struct id person, const char *event,
                                              struct arena *arena, struct err *err)
{
    struct disclosure_request request = disclosure_registering(actor, person, event);
    return disclosure_decide(service->gate, &request, arena, err);
}

/* The decision was durable already; without this row it is closed as "unknown" at the
 * next start, so a fault here is for the operator only. */
static void finish(struct consent_service *service,
                   const struct disclosure_permit *permit, const char *event,
                   size_t bytes, const struct err *fault)
{
    struct err err = {0};
    bool is_done = fault->kind == ERR_NONE;
    struct disclosure_outcome outcome = {.verdict = is_done ? "done" : "failed",
                                         .reason = is_done ? NULL : fault->code,
                                         .bytes = is_done ? (int64_t)bytes : 0,
                                         .parts = 1};
    if (!disclosure_finish(service->gate, permit, event, &outcome, &err) && service->log)
        log_err(service->log, "finish_not_audited", &err);
}

/* ---- GET /persons/{person}/consents ---- */

static bool list(struct consent_service *service, struct http_call *call, struct err *err)
{
    struct session_actor actor;
    struct id person;
    struct arena *arena = http_arena(call);
    CLEANUP(buf_free) struct buf out = buf_init(CONSENT_LIST_BYTES);
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err) ||
        !http_param_id(call, "person", &person, err))
        return false;
    const struct disclosure_permit *permit =
        decide(service, &actor, person, "consents", arena, err);
    if (!permit)
        return false;
    bool is_read = consent_write_list(service, permit, actor.network, arena, &out, err);
    finish(service, permit, "consents", out.len, err);
    if (!is_read)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void get_consents(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!list(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- changes ---- */

static void publish(struct consent_service *service, struct id person)
{
    network_epoch_refresh(service->epoch);
    for (size_t i = 0; i < service->listener_count; i++)
        service->listeners[i].changed(service->listeners[i].context, person);
}

/* The actor and the key; with has_answered when the same request was answered before. */
static bool begin(struct consent_service *service, struct http_call *call,
                  const char *route, struct consent_change *change, bool *has_answered,
                  struct err *err)
{
    struct session_answer answer;
    if (!session_require(service->sessions, call, SESSION_CHANGES, &change->actor, err) ||
        !session_once_take(call, &change->actor, route, &change->once, err) ||
        !consent_find_kept(service, &change->once, http_arena(call), &answer, err))
        return false;
    *has_answered = answer.is_kept;
    if (answer.is_kept)
        session_answer_kept(call, &answer);
    return true;
}

/* Decision row, data, finish row. */
static bool change_audited(struct consent_service *service, struct http_call *call,
                           struct consent_change *change, const char *event,
                           struct err *err)
{
    struct session_answer answer;
    struct arena *arena = http_arena(call);
    const struct disclosure_permit *permit =
        decide(service, &change->actor, change->person, event, arena, err);
    if (!permit)
        return false;
    bool is_changed = consent_change(service, change, arena, &answer, err);
    finish(service, permit, event, 0, err);
    if (!is_changed)
        return false;
    publish(service, change->person);
    session_answer_kept(call, &answer);
    return true;
}

/* ---- POST /persons/{person}/consents ---- */

static bool give(struct consent_service *service, struct http_call *call, struct err *err)
{
    struct consent_change change = {.at_ms = clock_wall_ms(&service->clock)};
    bool has_answered = false;
    if (!begin(service, call, "giveConsent", &change, &has_answered, err) || has_answered)
        return has_answered;
    if (!http_param_id(call, "person", &change.person, err))
        return false;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    if (!body || !consent_read_input(json_root(body), &change.actor, change.at_ms,
                                     http_arena(call), &change.consent, err))
        return false;
    change.consent.person = change.person;
    change.spare = id_new(&service->rand);
    return change_audited(service, call, &change, "consent_give", err);
}

static void post_consents(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!give(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- POST /consents/{consent}/withdrawals ---- */

/* Whose consent it is; one that nobody has is denied like somebody else's. */
static bool find_person(struct consent_service *service, struct http_call *call,
                        struct consent_change *change, struct err *err)
{
    struct id_text object = id_to_text(change->withdrawal.consent);
    struct disclosure_request request =
        disclosure_registering(&change->actor, change->person, "consent_withdraw");
    request.object = id_view(&object);
    return consent_find_person(service, change->withdrawal.consent, &change->person,
                               err) ||
           disclosure_deny_missing(service->gate, &request, http_arena(call), err);
}

static bool withdraw(struct consent_service *service, struct http_call *call,
                     struct err *err)
{
    struct consent_change change = {.at_ms = clock_wall_ms(&service->clock),
                                    .is_withdrawal = true};
    bool has_answered = false;
    if (!begin(service, call, "withdrawConsent", &change, &has_answered, err) ||
        has_answered)
        return has_answered;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    if (!http_param_id(call, "consent", &change.withdrawal.consent, err) || !body ||
        !consent_read_withdrawal(json_root(body), &change.withdrawal, err) ||
        !find_person(service, call, &change, err))
        return false;
    change.withdrawal.facility = change.actor.facility;
    change.withdrawal.facility_name = change.actor.facility_name;
    change.withdrawal.staff = change.actor.staff;
    change.withdrawal.by = change.actor.staff_name;
    change.withdrawal.at_ms = change.at_ms;
    return change_audited(service, call, &change, "consent_withdraw", err);
}

static void post_withdrawals(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!withdraw(context, call, &err))
        session_answer_problem(call, &err);
}

void consent_routes(struct http_router *router, struct consent_service *service)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/api/v1/persons/{person}/consents", get_consents, 0},
        {HTTP_POST, "/api/v1/persons/{person}/consents", post_consents,
         CONSENT_BODY_BYTES},
        {HTTP_POST, "/api/v1/consents/{consent}/withdrawals", post_withdrawals,
         CONSENT_BODY_BYTES},
    };
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
