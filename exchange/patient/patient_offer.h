// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Who registers, and a number that its facility gave itself, with what its own chart says
 * of the person, for staff of another facility to enter (exchange/request). */

#include "exchange/patient/patient.h"

/* Whether the actor's facility registers persons and numbers itself; a refusal is a
 * decision row of `event` in the audit. ERR_REFUSED "may_not_register". */
MUST_CHECK bool patient_check_registers(struct patient_service *service,
                                        const struct session_actor *actor,
                                        const char *event, struct id person,
                                        struct arena *arena, struct err *err);

/* How often one person of staff searched, or asked others, lately: counts one, of all
 * processes; ERR_BUSY "search_rate" when it is one too many. */
MUST_CHECK bool patient_rate_take(struct store *store, struct id staff, int64_t now_ms,
                                  struct err *err);

struct patient_offer {
    struct id record; /* the link's id, chosen before */
    struct id person;
    struct id facility;
    struct text number;
    struct text kana;
    int32_t birth_day;
    char sex;
};
/* Inside the caller's transaction. Kana, birth day and sex decide, as with every owner:
 * ERR_CONFLICT "offer_mismatch". Then the link waits for its owner's gateway; a facility
 * without one has given its word with the offer, and the link is confirmed. One that was
 * proposed there gives way. `link` is the offer's id, or that of the same number when it
 * was confirmed already. ERR_CONFLICT "link_exists". */
MUST_CHECK bool patient_take_offer(struct store_session *session,
                                   const struct patient_offer *offer,
                                   const struct session_actor *actor, int64_t now_ms,
                                   struct arena *arena, struct id *link, struct err *err);
/* After the commit: whoever waits for links hears, and the owner's gateway is asked in
 * the background. A fault is for the operator: the change stands. */
void patient_publish_offer(struct patient_service *service, struct id link);
/* `"link":…,"person":…` of an offer that was taken, as `viewer` may see it: the facility
 * that answered knows the person, the other one hears of it when its number is confirmed.
 * A zero id writes null twice. */
MUST_CHECK bool patient_write_offered(struct store_session *session,
                                      struct json_writer *writer, struct id link,
                                      struct id viewer, struct arena *arena,
                                      struct err *err);
