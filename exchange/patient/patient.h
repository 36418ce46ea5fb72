// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One person, many facility numbers (requirements AC-8 to AC-10, AC-13): search,
 * register, link, unlink, candidates who may be the same.
 *
 * `person` (random id) → `record` = (facility, local number), on which everything
 * clinical hangs; the link of the HTTP contract is a record. A number is proposed →
 * confirmed → suspended | ended, or refused. Confirmed needs its owner: the facility's
 * gateway says that kana, birth date and sex match; a facility without a gateway confirms
 * by entering its own number itself. A mistyped number tells nothing about whom it
 * belongs to.
 *
 * Reading a person takes a permit or, for lists, a scope; the functions under "facts" are
 * for exchange/disclosure and exchange/registry only. Results are *arena*. Errors:
 * ERR_MISSING not_found; ERR_SYNTAX patient_*; ERR_CONFLICT person_exists, link_exists,
 * link_state, link_changed, number_taken; ERR_BUSY search_rate,
 * link_rate; ERR_REFUSED identifiers, may_not_register; the store's. */

#include "exchange/consent/consent.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "formats/uplink/uplink.h"

struct audit;
struct disclosure;
struct disclosure_permit;
struct disclosure_scope;
struct http_router;
struct json_writer;
struct session_actor;
struct session_service;
struct store;
struct store_session;

enum patient_record_state {
    PATIENT_PROPOSED,
    PATIENT_CONFIRMED,
    PATIENT_SUSPENDED, /* its owner said that the number ended or moved */
    PATIENT_ENDED,     /* unlinked */
    PATIENT_REFUSED,   /* its owner said that it is not this person */
    PATIENT_RECORD_STATE_COUNT
};

enum {
    PATIENT_NAME_MAX = 128,
    PATIENT_NUMBER_MAX = 15,
    PATIENT_PHONE_MAX = 32,
    PATIENT_NUMBERS_MAX = 32,
    PATIENT_FOUND_MAX = 20,
    PATIENT_SEARCHES_MAX = 20, /* per person of staff and … */
    PATIENT_SEARCH_WINDOW_MS = 10 * 60 * 1000
};

struct patient_person {
    struct id id;
    struct id network;
    struct text name; /* 姓 名 */
    struct text kana; /* セイ メイ */
    int32_t birth_day;
    char sex;          /* M F O U */
    struct text phone; /* or "" */
    struct id registered_facility;
    int64_t registered_at;
};

struct patient_record {
    struct id id;
    struct id person;
    struct id facility;
    struct text number;
    enum patient_record_state state;
    struct text reason;    /* why not confirmed: "gateway_away", "mismatch" …, or "" */
    struct text successor; /* of a suspended one: the number that its owner says goes on;
                              or "" */
    struct id replaces; /* the suspended record in whose place it was confirmed; zero */
    struct id entered_facility;
    struct id entered_staff;
    int64_t entered_at;
    int64_t since; /* of the state, UTC ms */
};

/* ---- rules (patient.c) ---- */
const char *patient_record_state_id(enum patient_record_state state);
MUST_CHECK bool patient_record_state_parse(struct text id,
                                           enum patient_record_state *state);
/* 姓 名, kana (katakana or hiragana and spaces), existing birth day not after today, sex:
 * ERR_SYNTAX "patient_name", "patient_kana", "patient_birth_date", "patient_sex",
 * "patient_phone". */
MUST_CHECK bool patient_check_person(const struct patient_person *person, int32_t today,
                                     struct err *err);
/* A number as it is kept: width folded, trimmed; ERR_SYNTAX "patient_number". */
MUST_CHECK bool patient_fold_number(struct text number, struct arena *arena,
                                    struct text *folded, struct err *err);
/* Digits only of a phone number, for comparing. */
MUST_CHECK bool patient_fold_phone(struct text phone, struct arena *arena,
                                   struct text *folded, struct err *err);
/* What an owner may answer, and what follows. */
enum patient_match {
    PATIENT_MATCH_CONFIRMED,
    PATIENT_MATCH_MISMATCH,
    PATIENT_MATCH_UNKNOWN, /* no such number there */
    PATIENT_MATCH_HELD,    /* somebody there decides first */
    PATIENT_MATCH_RATE,    /* too many today */
    PATIENT_MATCH_AWAY     /* gateway not connected or silent: asked again later */
};
const char *patient_match_id(enum patient_match match); /* "confirmed" … */
/* What an owner's gateway said; never "away". */
enum patient_match patient_match_of(enum uplink_match match);
enum patient_record_state patient_state_after(enum patient_record_state state,
                                              enum patient_match match,
                                              const char **reason);

/* The same number but for leading zeros. */
bool patient_is_same_number(struct text a, struct text b);

/* What an owner says of its numbers by itself, again and again if need be: what a record
 * is afterwards follows from how the number stands, not from how often it was told. */
enum patient_number_change {
    PATIENT_NUMBER_ENDED,
    PATIENT_NUMBER_REPLACED,   /* joined into another or renumbered */
    PATIENT_NUMBER_RESTORED,   /* lives again: a merge was undone */
    PATIENT_NUMBER_GIVEN_AGAIN /* is another person's now */
};
struct patient_report {
    struct id facility;
    struct id record; /* zero = the gateway names the number only */
    struct text number;
    enum patient_number_change change;
    struct text successor; /* of a replaced one */
};

/* ---- facts: for exchange/disclosure, exchange/registry; never for a route ---- */
MUST_CHECK bool patient_person_find(struct store_session *session, struct id person,
                                    struct arena *arena, struct patient_person *found,
                                    struct err *err);
/* Every record of the person that has not ended, one per facility as a rule. */
MUST_CHECK bool patient_records_of_person(struct store_session *session, struct id person,
                                          struct arena *arena,
                                          struct patient_record **items, size_t *count,
                                          struct err *err);
MUST_CHECK bool patient_record_find(struct store_session *session, struct id record,
                                    struct arena *arena, struct patient_record *found,
                                    struct err *err);
/* The confirmed record of a facility's number: where its events belong. */
MUST_CHECK bool patient_record_of_number(struct store_session *session,
                                         struct id facility, struct text number,
                                         struct arena *arena,
                                         struct patient_record *found, struct err *err);
/* All records of a facility in one state, e.g. confirmed ones when its gateway comes
 * back. */
MUST_CHECK bool patient_records_of_facility(
    struct store_session *session, struct id facility, enum patient_record_state state,
    struct arena *arena, struct patient_record **items, size_t *count, struct err *err);

/* ---- reading with permission ---- */
/* The permit's person. */
MUST_CHECK bool patient_find(struct store_session *session,
                             const struct disclosure_permit *permit, struct arena *arena,
                             struct patient_person *found, struct err *err);

/* PersonSummary: the minimum to recognise somebody. */
struct patient_summary {
    struct id id;
    struct text name;
    struct text kana;
    int32_t birth_day;
    char sex;
    struct text own_number;      /* the viewer's confirmed number, or "" */
    const struct id *facilities; /* with a confirmed number; none unless the viewer has */
    size_t facility_count;
    const char *consent; /* ConsentState as the viewer sees it */
};
/* One person of a list: own_number and facilities as the scope's viewer may see them.
 * ERR_MISSING "not_found" also when the viewer may not recognise the person: neither an
 * own number, nor own registration, nor an active consent that covers the viewer. */
MUST_CHECK bool patient_summarise(struct store_session *session,
                                  const struct disclosure_scope *scope, struct id person,
                                  int32_t today, struct arena *arena,
                                  struct patient_summary *summary, struct err *err);
void patient_write_summary(struct json_writer *writer,
                           const struct patient_summary *summary);
/* The members of PersonSummary inside an object that the caller opened. */
void patient_write_summary_members(struct json_writer *writer,
                                   const struct patient_summary *summary);
/* Link: the number only for its own facility and for who entered it. */
void patient_write_link(struct json_writer *writer, const struct patient_record *record,
                        struct id viewer);

/* By the viewer's own number, or by at least two of name, kana, birth day, phone, all
 * exact after folding. Empty text and DAY_NONE = not given. ERR_REFUSED "identifiers"
 * when too few. */
struct patient_query {
    struct id network;
    struct text own_number;
    struct text name;
    struct text kana;
    int32_t birth_day;
    struct text phone;
};
/* ERR_SYNTAX "identifiers" when it says too little, "patient_number". */
MUST_CHECK bool patient_check_query(const struct patient_query *query,
                                    struct arena *arena, struct err *err);
MUST_CHECK bool patient_search(struct store_session *session,
                               const struct disclosure_scope *scope,
                               const struct patient_query *query, int32_t today,
                               struct arena *arena, struct patient_summary **items,
                               size_t *count, struct err *err);
/* Who may be the same: same birth day and folded kana or folded name. Proposes only. */
MUST_CHECK bool patient_candidates(struct store_session *session,
                                   const struct disclosure_scope *scope,
                                   const struct patient_person *person, int32_t today,
                                   struct arena *arena, struct patient_summary **items,
                                   size_t *count, struct err *err);

/* ---- writing, inside the caller's transaction ---- */
MUST_CHECK bool patient_add_person(struct store_session *session,
                                   const struct patient_person *person,
                                   struct arena *arena, struct err *err);
/* ERR_CONFLICT "link_exists" when the person has a number there that is not refused or
 * ended, or the number is confirmed for somebody. The state is the record's. */
MUST_CHECK bool patient_add_record(struct store_session *session,
                                   const struct patient_record *record, struct err *err);
/* Applies an owner's answer; a number that is already confirmed for another person
 * becomes refused with reason "mismatch". A number that was to take a suspended one's
 * place and is refused ends, and the other one waits again ("successor_mismatch"). Raises
 * the epoch when the state changes; `after` is the record then. */
MUST_CHECK bool patient_apply_match(struct store_session *session, struct id record,
                                    enum patient_match match, int64_t now_ms,
                                    struct arena *arena, struct patient_record *after,
                                    struct err *err);
/* Ended, suspended: by a person or by the owner. Raises the epoch. */
MUST_CHECK bool patient_change_state(struct store_session *session, struct id record,
                                     enum patient_record_state state, struct text reason,
                                     int64_t now_ms, struct err *err);

/* ---- the service: *owned* by server ---- */
struct patient_listener {
    /* After commit, in a worker; may block. Comes for every change of a record's state.
     */
    void (*link_changed)(void *context, const struct patient_record *record);
    void *context;
};
struct patient_config {
    struct store *store;
    struct audit *audit;
    struct session_service *sessions;
    struct disclosure *gate;
    struct facility_gateways *gateways;
    struct network_epoch *epoch;
    struct clock clock;
    struct rand rand;
    const struct log *log;
};
struct patient_service;
MUST_CHECK struct patient_service *patient_new(const struct patient_config *config,
                                               struct err *err);
/* After the handlers and facility_gateways_stop, before loop_free: answers who waits. */
void patient_stop(struct patient_service *service);
void patient_free(struct patient_service *service); /* stops, too */
/* Before serving; kept by value, at most 8. */
void patient_listen(struct patient_service *service,
                    const struct patient_listener *listener);
/* For facility_gateways_listen: asks again about proposed numbers when a gateway is back.
 */
struct facility_listener patient_facility_listener(struct patient_service *service);
/* The owner reported by itself (held → decided, number ended, replaced, restored):
 * applies it, writes the audit when something changed and tells the listeners. Blocks on
 * the database. ERR_MISSING record_unknown: the report names somebody else's record; a
 * number that nobody linked is nothing to be done. */
MUST_CHECK bool patient_owner_answered(struct patient_service *service, struct id record,
                                       enum patient_match match, struct err *err);
MUST_CHECK bool patient_owner_reported(struct patient_service *service,
                                       const struct patient_report *report,
                                       struct err *err);

/* ---- routes: searchPersons, registerPerson, getPerson, addLink, retryLink, endLink,
 * confirmLink ---- */
void patient_routes(struct http_router *router, struct patient_service *service);
