// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/consent: whole transactions of the routes
 * (consent_change_store.c). */

#include "base/buf.h"
#include "exchange/consent/consent.h"
#include "exchange/session/session.h"

enum { CONSENT_LIST_BYTES = 4 << 20, CONSENT_ONE_BYTES = 64 * 1024 };

/* A giving or a withdrawal. */
struct consent_change {
    struct session_actor actor;
    struct session_once once;
    struct id person;
    int64_t at_ms;
    bool is_withdrawal;
    struct consent consent; /* giving */
    struct id spare;
    struct consent_withdrawal withdrawal;
};
MUST_CHECK bool consent_change(struct consent_service *service,
                               struct consent_change *change, struct arena *arena,
                               struct session_answer *answer, struct err *err);
MUST_CHECK bool consent_find_kept(struct consent_service *service,
                                  const struct session_once *once, struct arena *arena,
                                  struct session_answer *answer, struct err *err);
MUST_CHECK bool consent_find_person(struct consent_service *service, struct id consent,
                                    struct id *person, struct err *err);
/* {"consents": […], "rights": […]} of the permit's person, in the viewer's network. */
MUST_CHECK bool consent_write_list(struct consent_service *service,
                                   const struct disclosure_permit *permit,
                                   struct id network, struct arena *arena,
                                   struct buf *out, struct err *err);
/* Channel and note. */
MUST_CHECK bool consent_read_withdrawal(const struct json_value *object,
                                        struct consent_withdrawal *withdrawal,
                                        struct err *err);
