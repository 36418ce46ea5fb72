// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/disclosure: the facts of one request, and the provider's policy. */

#include "exchange/disclosure/disclosure.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "exchange/session/session.h"

struct disclosure_policies; /* *owned* by the gate; threads share it */
MUST_CHECK struct disclosure_policies *disclosure_policies_new(struct err *err);
void disclosure_policies_free(struct disclosure_policies *policies);

/* The lists that all openings of a network read, of one state of the database. */
enum { DISCLOSURE_LISTS_BYTES = 4 << 20 };
struct disclosure_known;            /* *owned* by the gate; threads share it */
struct disclosure_lists {           /* held: disclosure_lists_release */
    struct disclosure_known *known; /* borrowed */
    int holders;
    struct arena arena;
    uint64_t epoch; /* of the state; with the day, what they are known by */
    int32_t day;
    struct network_participants participants;
    struct facility_ids disclosing;
    struct facility_ids keeping; /* without a gateway, with a policy; by id */
};
MUST_CHECK struct disclosure_known *disclosure_known_new(struct err *err);
void disclosure_known_free(struct disclosure_known *known);
/* Held, or NULL when those of this epoch are not known. */
struct disclosure_lists *disclosure_known_take(struct disclosure_known *known,
                                               struct id network, int32_t day,
                                               uint64_t epoch);
/* Empty and held, to be filled and then kept. */
MUST_CHECK struct disclosure_lists *disclosure_lists_new(struct disclosure_known *known,
                                                         struct err *err);
void disclosure_known_keep(struct disclosure_lists *lists);
void disclosure_lists_release(struct disclosure_lists **lists); /* for CLEANUP */

/* What the rule asks of the account, post, network and facility behind a session. */
enum { DISCLOSURE_CODE_BYTES = 32 };
struct disclosure_doer {
    struct id staff;
    struct id post;
    struct id network;
    struct id facility;
    uint64_t epoch; /* of the state in which it is so */
    bool is_disabled;
    struct staff_post times; /* of the post: when it begins and ends */
    int assurance_needed;
    size_t code_len; /* of the facility's code */
    char code[DISCLOSURE_CODE_BYTES];
};
/* False when it is not known how the session's actor stands in this epoch. */
bool disclosure_known_doer(struct disclosure_known *known,
                           const struct session_actor *actor, uint64_t epoch,
                           struct disclosure_doer *doer);
void disclosure_known_keep_doer(struct disclosure_known *known,
                                const struct disclosure_doer *doer);

/* What the rule needs, read in one snapshot of the database. */
struct disclosure_reading {
    struct store_session *session;
    struct disclosure_policies *policies;
    struct disclosure_known *known;
    const struct disclosure_request *request;
    int64_t now_ms;
    struct arena *arena;
    struct disclosure_ahead *ahead; /* what was asked already, or NULL */
    bool is_brief;   /* only what changes from person to person is asked for … */
    bool is_lacking; /* … and of the rest something was not known */
    struct disclosure_facts facts;
    struct text consent; /* id and version of the consent that decided, or "" */
    bool viewer_has_number;
    struct text own_number; /* the viewer's own for the person, for its own log; or "" */
};
/* A session, and in it the questions about a person. */
MUST_CHECK bool disclosure_ask_facts(struct store *store, struct disclosure_ahead *ahead,
                                     struct err *err);

/* Why the actor may do nothing at all, or NULL: for lists across persons. */
MUST_CHECK bool disclosure_read_actor(struct store *store,
                                      const struct session_actor *actor, int64_t now_ms,
                                      struct arena *arena, const char **reason,
                                      struct err *err);

/* In a snapshot of its own. ERR_MISSING "not_found" when there is no such person in the
 * actor's network. */
MUST_CHECK bool disclosure_gather(struct store *store, struct disclosure_reading *reading,
                                  struct err *err);

/* The published policy of `facts->provider` as seen by one viewer, in a state of the
 * database with this epoch; 0 = not known. Fills released_kinds,
 * audience_kinds, excluded departments and from_day; a policy that is missing or cannot
 * be read releases nothing. */
struct disclosure_audience {
    struct text profession;
    struct text facility_kind;
    struct text facility_code;
    uint64_t epoch;
};
MUST_CHECK bool
disclosure_read_policy(struct disclosure_policies *policies, struct text policy,
                       const struct disclosure_audience *audience, struct arena *arena,
                       struct disclosure_provider_facts *facts, struct err *err);
/* The same from memory, where the provider's policy was read in a state with the same
 * epoch; `is_known` tells. A policy changes together with the epoch. */
MUST_CHECK bool disclosure_recall_policy(struct disclosure_policies *policies,
                                         const struct disclosure_audience *audience,
                                         struct arena *arena,
                                         struct disclosure_provider_facts *facts,
                                         bool *is_known, struct err *err);
