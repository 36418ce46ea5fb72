// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: the bodies of the routes' answers. Each reads one
 * snapshot of the database, under the permit or scope it is given. */

#include "base/buf.h"
#include "exchange/patient/patient_pending.h"
#include "exchange/registry/registry_service.h"
#include "exchange/session/session.h"

enum { REGISTRY_ANSWER_BYTES_MAX = 8 << 20 };

struct opening;

/* The contract's Calendar; counted in the opening. */
MUST_CHECK bool registry_answer_calendar(struct registry_service *service,
                                         struct opening *opening, const int32_t range[2],
                                         struct arena *arena, struct buf *out,
                                         struct err *err);
/* A page of EntryHead; counted in the opening. */
MUST_CHECK bool registry_answer_row(struct registry_service *service,
                                    struct opening *opening,
                                    const struct registry_query *query,
                                    struct arena *arena, struct buf *out,
                                    struct err *err);
/* {"facilities":[Freshness …]} */
MUST_CHECK bool registry_answer_freshness(struct registry_service *service,
                                          const struct disclosure_permit *permit,
                                          struct arena *arena, struct buf *out,
                                          struct err *err);
/* What follows of one of the home page's lists of links. */
enum { REGISTRY_PLACE_BYTES = 64 };
struct registry_pending {
    struct patient_pending_query query;
    struct id viewer; /* facility */
};
MUST_CHECK bool registry_answer_pending(struct registry_service *service,
                                        const struct disclosure_scope *scope,
                                        const struct registry_pending *pending,
                                        struct arena *arena, struct buf *out,
                                        struct err *err);
/* The contract's Home (registry_home_store.c). */
MUST_CHECK bool registry_answer_home(struct registry_service *service,
                                     const struct disclosure_scope *scope,
                                     const struct session_actor *actor,
                                     struct arena *arena, struct buf *out,
                                     struct err *err);
