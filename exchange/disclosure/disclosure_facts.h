// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/disclosure: the facts of one request, and the provider's policy. */

#include "exchange/disclosure/disclosure.h"
#include "exchange/facility/facility.h"
#include "exchange/session/session.h"

struct disclosure_policies; /* *owned* by the gate; threads share it */
MUST_CHECK struct disclosure_policies *disclosure_policies_new(struct err *err);
void disclosure_policies_free(struct disclosure_policies *policies);

/* What the rule needs, read in one snapshot of the database. */
struct disclosure_reading {
    struct store_session *session;
    struct disclosure_policies *policies;
    const struct disclosure_request *request;
    int64_t now_ms;
    struct arena *arena;
    struct disclosure_facts facts;
    struct text consent; /* id and version of the consent that decided, or "" */
    bool viewer_has_number;
    struct text own_number; /* the viewer's own for the person, for its own log; or "" */
};
/* ERR_MISSING "not_found" when there is no such person in the actor's network. */
MUST_CHECK bool disclosure_read_facts(struct disclosure_reading *reading,
                                      struct err *err);

/* Why the actor may do nothing at all, or NULL: for lists across persons. */
MUST_CHECK bool disclosure_read_actor(struct store *store,
                                      const struct session_actor *actor, int64_t now_ms,
                                      struct arena *arena, const char **reason,
                                      struct err *err);

/* The same in a snapshot of its own. */
MUST_CHECK bool disclosure_gather(struct store *store, struct disclosure_reading *reading,
                                  struct err *err);

/* The published policy of `facts->provider` as seen by one viewer. Fills released_kinds,
 * audience_kinds, excluded departments and from_day; a policy that is missing or cannot
 * be read releases nothing. */
struct disclosure_audience {
    struct text profession;
    struct text facility_kind;
    struct text facility_code;
};
MUST_CHECK bool
disclosure_read_policy(struct disclosure_policies *policies, struct text policy,
                       const struct disclosure_audience *audience, struct arena *arena,
                       struct disclosure_provider_facts *facts, struct err *err);
