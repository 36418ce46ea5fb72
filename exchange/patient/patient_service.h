// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/patient: the service, its transactions (patient_change_store.c),
 * its conversations with owners (patient_wire.c), its rate limits
 * (patient_rate_store.c) and offered numbers (patient_offer_store.c). */

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "exchange/patient/patient_parts.h"
#include "exchange/session/session.h"

enum {
    PATIENT_LISTENERS_MAX = 8,
    PATIENT_WAITING_MAX = 1000,
    PATIENT_BODY_MAX = 64 * 1024
};

struct workers;
struct patient_service {
    struct patient_config config;
    struct patient_listener listeners[PATIENT_LISTENERS_MAX];
    size_t listener_count;
    struct workers *workers;
};

/* ---- transactions ---- */
struct patient_number {
    struct id facility;
    struct text number;
    struct id record;  /* chosen before, so that a repeated transaction writes the same */
    bool is_confirmed; /* entered by the owner, which has no gateway */
    bool has_gateway;
};
/* Fills is_confirmed and has_gateway; ERR_SYNTAX "facility_unknown" for one that is not
 * in the network, "patient_number_double". */
MUST_CHECK bool patient_check_numbers(struct patient_service *service,
                                      const struct session_actor *actor,
                                      struct patient_number *numbers, size_t count,
                                      struct arena *arena, struct err *err);

struct patient_registration {
    const struct session_actor *actor;
    const struct session_once *once;
    struct patient_person person;
    struct consent consent;
    struct id consent_id;
    const struct patient_number *numbers;
    size_t number_count;
};
/* `answer` has the body to be sent when nothing has to be waited for. */
MUST_CHECK bool patient_register(struct patient_service *service,
                                 struct patient_registration *registration,
                                 struct arena *arena, struct session_answer *answer,
                                 struct err *err);
struct patient_linking {
    const struct session_actor *actor;
    const struct session_once *once;
    struct id person;
    struct patient_number number;
    struct consent *consent; /* given together with it, or NULL */
    struct id consent_id;
};
MUST_CHECK bool patient_link(struct patient_service *service,
                             const struct patient_linking *linking, struct arena *arena,
                             struct session_answer *answer, struct err *err);
/* The answer of retryLink (200) or endLink (204) in the transaction of its change. */
struct patient_link_change {
    const struct session_actor *actor;
    const struct session_once *once;
    struct id record;
    bool is_end;
};
MUST_CHECK bool patient_change_link(struct patient_service *service,
                                    const struct patient_link_change *change,
                                    struct arena *arena, struct session_answer *answer,
                                    struct err *err);
/* A suspended link goes on under this number of the actor's own facility: the suspended
 * record ends, and another one in its place is asked for at its owner. `since` is what
 * the actor saw; ERR_CONFLICT link_state, link_changed, number_taken. */
struct patient_confirmation {
    const struct session_actor *actor;
    const struct session_once *once;
    struct id record;
    int64_t since;
    struct patient_number number;
};
MUST_CHECK bool patient_confirm_link(struct patient_service *service,
                                     const struct patient_confirmation *confirmation,
                                     struct arena *arena, struct session_answer *answer,
                                     struct err *err);
/* Inside a transaction that changed `after`: the record in whose place it was proposed,
 * as it is now (id zero = none); one that is confirmed ends the other for good. */
MUST_CHECK bool patient_settle_replaced(struct store_session *session,
                                        const struct patient_record *after,
                                        struct arena *arena,
                                        struct patient_record *replaced, struct err *err);
/* After its commit: whoever waits for links hears, and so does its owner. */
void patient_tell_replaced(struct patient_service *service,
                           const struct patient_record *replaced);

/* ---- shared by the transactions ---- */
int64_t patient_now(const struct patient_service *service);
struct patient_record patient_record_entered(const struct patient_number *number,
                                             const struct session_actor *actor,
                                             struct id person, int64_t now_ms);
MUST_CHECK bool patient_link_body(struct store_session *session, struct id record,
                                  const struct session_actor *actor, struct arena *arena,
                                  struct text *body, struct err *err);
/* Its gateway has to hear that the record ended. */
MUST_CHECK bool patient_set_to_tell(struct store_session *session, struct id record,
                                    int64_t value, struct err *err);
/* After the commit: this process knows at once, and whoever waits for links hears. */
void patient_publish(struct patient_service *service,
                     const struct patient_record *record);

/* Applies an owner's answer, tells the listeners, writes the audit. */
MUST_CHECK bool patient_apply(struct patient_service *service, struct id record,
                              enum patient_match match, struct arena *arena,
                              struct patient_record *after, struct err *err);
MUST_CHECK bool patient_read_record(struct patient_service *service, struct id record,
                                    struct arena *arena, struct patient_record *found,
                                    struct patient_person *person, struct err *err);
/* Ids of a facility's records that wait for its gateway, or whose end it has to hear. */
MUST_CHECK bool patient_list_waiting(struct patient_service *service, struct id facility,
                                     bool ended, struct arena *arena, struct id **records,
                                     size_t *count, struct err *err);
MUST_CHECK bool patient_mark_told(struct patient_service *service, struct id record,
                                  struct err *err);
MUST_CHECK bool patient_mark_to_tell(struct patient_service *service, struct id record,
                                     struct err *err);
/* The answer's body as things are now: the person, or one link when `record` is not
 * zero; kept as the fuller answer of the idempotency key. */
struct patient_showing {
    const struct session_actor *actor;
    const struct session_once *once;
    struct id person;
    struct id record;
    int status;
};
MUST_CHECK bool patient_show_again(struct patient_service *service,
                                   const struct patient_showing *showing,
                                   struct arena *arena, struct session_answer *answer,
                                   struct err *err);
/* What was answered before under this key; is_kept false when nothing was. */
MUST_CHECK bool patient_find_kept(struct patient_service *service,
                                  const struct session_once *once, struct arena *arena,
                                  struct session_answer *answer, struct err *err);
/* Searches, candidates, getPerson: a whole answer's JSON in `out`. */
MUST_CHECK bool patient_write_found(struct patient_service *service,
                                    const struct disclosure_scope *scope,
                                    const struct patient_query *query,
                                    struct arena *arena, struct buf *out,
                                    struct err *err);
/* `"candidates":[…]`; count 0 = nobody. */
MUST_CHECK bool patient_write_candidates(struct patient_service *service,
                                         const struct disclosure_scope *scope,
                                         const struct patient_person *person,
                                         struct arena *arena, struct buf *out,
                                         size_t *count, struct err *err);
MUST_CHECK bool patient_write_permitted(struct patient_service *service,
                                        const struct disclosure_permit *permit,
                                        struct arena *arena, struct buf *out,
                                        struct err *err);
/* Today by the service's clock. */
int32_t patient_today(const struct patient_service *service);

/* ---- conversations ---- */
MUST_CHECK bool patient_wire_start(struct patient_service *service, struct err *err);
/* Asks the owners of all these records at the same time, then calls `done` once, on some
 * thread, perhaps before this returns. */
void patient_ask_owners(struct patient_service *service, const struct id *records,
                        size_t count, void (*done)(void *context), void *context);
/* Tells an owner that a link ended; again when its gateway comes back. */
void patient_tell_end(struct patient_service *service, struct id record);
