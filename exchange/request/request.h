// SPDX-License-Identifier: Apache-2.0
#pragma once
/* 登録依頼 (features A10): a facility that may not register persons asks one of its
 * network that may. It sends what its own chart says, its own number, and the consent
 * that it holds; the other one compares, registers by the ordinary way, and accepts with
 * the person, or declines. Accepting makes the asker's number a link that its owner
 * decides about (patient_take_offer); it opens nothing else.
 *
 * Only the two facilities see a request. Sending, waiting and a refusal say nothing about
 * whether the person is known anywhere. Open ones expire after 30 days by the clock
 * alone; all are forgotten after 90. Every step is a row of the audit.
 *
 * Errors: the codes of request_refusal; ERR_SYNTAX request_facility, request_reason,
 * patient_*, consent_*; ERR_CONFLICT request_exists, request_limit, offer_mismatch,
 * link_exists; ERR_BUSY search_rate; the store's. */

#include "base/clock.h"
#include "base/rand.h"
#include "exchange/consent/consent.h"
#include "exchange/patient/patient.h"

struct audit;
struct disclosure;
struct http_router;
struct session_service;
struct store;

enum {
    REQUEST_DAYS = 30,
    REQUEST_KEPT_DAYS = 90,
    REQUEST_TEXT_MAX = 500 * 4,
    REQUEST_NAME_MAX = 128,
    REQUEST_OPEN_MAX = 200, /* of one asking facility at one time */
    REQUEST_LIST_MAX = 50
};

enum request_state {
    REQUEST_OPEN,
    REQUEST_ACCEPTED,
    REQUEST_DECLINED,
    REQUEST_WITHDRAWN,
    REQUEST_EXPIRED, /* open for too long; stored when its asker asks again */
    REQUEST_STATE_COUNT
};

/* Why it was declined; none says whether the person is known. */
enum request_reason {
    REQUEST_UNCLEAR,    /* the particulars are not enough */
    REQUEST_NO_CONSENT, /* cannot be made sure of */
    REQUEST_NOT_TAKEN,  /* the facility does not register for others */
    REQUEST_OTHER,
    REQUEST_REASON_COUNT
};

struct request {
    struct id id;
    struct id network;
    struct id asker;    /* facility */
    struct id asked;    /* facility */
    struct id wanted;   /* the facility whose data the asker wants to see */
    struct text number; /* the asker's own */
    struct text name;
    struct text kana;
    int32_t birth_day;
    char sex;
    bool has_consent; /* the asker holds one; else the asked facility takes it */
    enum consent_form form;
    enum consent_channel channel;
    int32_t consent_day;
    struct text explained_by;
    struct text message;
    int64_t sent_at;
    struct id sent_staff;
    struct text sent_by;
    enum request_state state; /* as of the reading */
    int64_t closed_at;        /* 0 = open */
    struct text closed_by;
    struct text reason; /* of a declined one */
    struct text answer;
    struct id record; /* of an accepted one: the asker's link */
};

/* ---- the rule: plain facts in, a code out ---- */
enum request_step {
    REQUEST_SEND,
    REQUEST_SEE,
    REQUEST_ACCEPT,
    REQUEST_DECLINE,
    REQUEST_WITHDRAW,
    REQUEST_STEP_COUNT
};
struct request_facts {
    bool is_asker; /* the actor's facility */
    bool is_asked;
    bool asker_is_participant;
    bool asked_is_participant;
    bool asker_may_register;
    bool asked_may_register;
    enum request_state state; /* of one that was sent */
};
/* NULL = allowed. First refusal wins:
 *   not_found                the actor's facility is neither of the two
 *   request_self             both at once
 *   not_participant          the actor's own facility is not on the list in force
 *   request_side             the other side's step
 *   request_facility         to send: the asked one is not on the list or may not
 * register request_not_needed       to send: the asker may register itself
 *   may_not_register         to accept
 *   request_closed           answered, withdrawn or expired
 *   request_facility         to accept: the asker has left the list */
const char *request_refusal(enum request_step step, const struct request_facts *facts);
const char *request_state_id(enum request_state state);
MUST_CHECK bool request_state_parse(struct text id, enum request_state *state);
const char *request_reason_id(enum request_reason reason);
MUST_CHECK bool request_reason_parse(struct text id, enum request_reason *reason);
/* What the clock makes of a stored state. */
enum request_state request_state_at(enum request_state stored, int64_t sent_at,
                                    int64_t now_ms);
int64_t request_ends_at(int64_t sent_at);

/* ---- the service ---- */
struct request_listener {
    /* After commit, in a worker: something of a request between the two changed. */
    void (*changed)(void *context, struct id asker, struct id asked);
    void *context;
};
struct request_service {
    struct store *store;
    struct audit *audit;
    struct session_service *sessions;
    struct disclosure *gate;
    struct patient_service *patients;
    struct clock clock;
    struct rand rand;
    const struct log *log; /* may be NULL */
    struct request_listener listener;
};
/* Routes: listRequests, sendRequest, getRequest, answerRequest, withdrawRequest. */
void request_routes(struct http_router *router, struct request_service *service);
