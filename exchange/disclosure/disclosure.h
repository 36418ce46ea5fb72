// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The only gate (requirements AC-1 to AC-6, CO-4 to CO-7). Every read of a person's data
 * ends here: facts are gathered, one pure rule decides, the decision is written to the
 * audit and waited for, and only then a permit exists. No audit, no permit.
 *
 * The rule, per provider, first refusal wins; each with its own reason code:
 *   actor_inactive, assurance        whole request, actor and session
 *   no_own_number                    the viewer has no confirmed number ("no number,
 *                                    no view")
 *   not_participant                  viewer or provider
 *   no_consent, consent_refused, consent_withdrawn, consent_expired,
 *   consent_not_covering, joiner_waiting
 *   no_link, link_proposed, link_suspended, link_refused       the provider's number
 *   kind_not_released, audience    per kind, the provider's policy: its gateway's word,
 *                                    or the office's where it has none, of what its
 *                                    members write at the centre
 * The viewer's own data needs the own confirmed number only. To write about the person
 * (PERMIT_WRITE) is refused before any provider is looked at:
 *   may_not_write                    this post writes nothing
 *   no_own_number, not_participant, and the consent's reasons between the viewer and
 *                                    itself: a consent has to be in force
 * and gives what reading gives, so that what a writer refers to can be checked.
 *
 * Errors of disclosure_decide: ERR_REFUSED with the reason when the viewer has a number
 * of its own for the person, else ERR_MISSING "not_found" (the audit has the true
 * reason); ERR_BUSY audit_unwritable; ERR_SYSTEM. */

#include "base/meter.h"
#include "exchange/audit/audit.h"
#include "exchange/permit/permit.h"

/* ---- the rule: plain facts in, verdicts out; no clock, no database ---- */

enum disclosure_link { /* state of the provider's number for the person */
                       DISCLOSURE_LINK_NONE,
                       DISCLOSURE_LINK_PROPOSED,
                       DISCLOSURE_LINK_CONFIRMED,
                       DISCLOSURE_LINK_SUSPENDED,
                       DISCLOSURE_LINK_REFUSED
};

enum disclosure_consent {
    DISCLOSURE_CONSENT_COVERS,
    DISCLOSURE_CONSENT_NONE,
    DISCLOSURE_CONSENT_REFUSED,
    DISCLOSURE_CONSENT_WITHDRAWN,
    DISCLOSURE_CONSENT_EXPIRED,
    DISCLOSURE_CONSENT_NOT_COVERING,
    DISCLOSURE_CONSENT_JOINER_WAITING
};

struct disclosure_provider_facts {
    struct id provider;
    struct id record;
    struct text local_number;
    enum disclosure_link link;
    bool is_participant;
    enum disclosure_consent consent;
    uint32_t held_kinds;      /* that there can be of it; of others nothing is told */
    uint32_t released_kinds;  /* by the provider's policy to anybody */
    uint32_t audience_kinds;  /* of these, to this profession, facility kind, facility */
    uint32_t sensitive_kinds; /* of those, also what the source marks sensitive */
    const struct text *excluded_departments;
    size_t excluded_department_count;
    int32_t from_day;
};

struct disclosure_facts {
    struct id viewer; /* facility */
    bool actor_is_active;
    int assurance;        /* of the session */
    int assurance_needed; /* the network's minimum */
    bool viewer_is_participant;
    bool actor_may_write;                   /* by the post; of PERMIT_WRITE only … */
    enum disclosure_consent viewer_consent; /* … and this, for the viewer itself */
    enum disclosure_link viewer_link;       /* the viewer's own number */
    bool viewer_registered_person;          /* its staff entered the person */
    bool viewer_named_person; /* said the birth day of whom it found, for a number of its
                                 own; the person's consent lets it be found */
    enum permit_purpose purpose;
    const struct disclosure_provider_facts *providers;
    size_t provider_count;
};

/* Everything refused (reason set, no grant) or grants and refusals. */
struct disclosure_verdict {
    const char *reason; /* first refusal when there is no grant */
    struct permit_grant *grants;
    size_t grant_count;
    struct permit_refusal *refusals;
    size_t refusal_count;
};

/* What stops everything, whoever the provider is; NULL = nothing. */
const char *disclosure_actor_refusal(const struct disclosure_facts *facts);
/* Errors: the arena's only. */
MUST_CHECK bool disclosure_rule(const struct disclosure_facts *facts, struct arena *arena,
                                struct disclosure_verdict *verdict, struct err *err);

/* ---- the gate ---- */
struct session_actor;
struct disclosure; /* *owned* by main */
struct store;
struct network_epoch;

struct disclosure_config {
    struct store *store;
    struct audit *audit;
    struct clock clock;
    struct network_epoch *epoch; /* consent changes, this process's view of them */
    const struct log *log;       /* may be NULL */
};

struct disclosure *disclosure_new(const struct disclosure_config *config,
                                  struct err *err);
void disclosure_free(struct disclosure *gate);

/* Decisions since the start, by reason of the refusal; "permit" for permits. Borrowed. */
struct meter_words *disclosure_meters(struct disclosure *gate);

struct disclosure_request {
    const struct session_actor *actor;
    struct id person;
    enum permit_purpose purpose;
    const char *event;  /* literal for the audit: "calendar", "entry", "person" … */
    struct id request;  /* of the HTTP call or of the opening */
    struct id provider; /* zero = all providers */
    struct text object; /* entry id …, or "" */
    const char *kind;   /* entry kind id, or NULL */
    enum entry_kind kind_bit; /* with kind: the grant must cover it */
    int32_t day;              /* of the content, DAY_NONE */
    struct text department;   /* of the content: must not be excluded; "" */
    bool is_sensitive;        /* the content's source marks it so */
    bool is_own_number;       /* for registering: a number of the viewer's facility … */
    int32_t birth_day;        /* … and the birth day it says the person has; DAY_NONE */
};

/* For registering: numbers, links and consents, no clinical data. */
struct disclosure_request disclosure_registering(const struct session_actor *actor,
                                                 struct id person, const char *event);

/* Decides, writes the decision row, waits until it is durable. NULL = refused. ERR_BUSY
 * "restore_unconfirmed" while the database is an unconfirmed copy, for anything but
 * registering (exchange/network). */
MUST_CHECK const struct disclosure_permit *
disclosure_decide(struct disclosure *gate, const struct disclosure_request *request,
                  struct arena *arena, struct err *err);

/* For what is named by an id that nobody has: the row that somebody else's would have
 * got, so that guessing shows in the audit. `err` holds ERR_MISSING and keeps it; when
 * the row cannot be written it becomes that fault. Always false. */
bool disclosure_deny_missing(struct disclosure *gate,
                             const struct disclosure_request *request,
                             struct arena *arena, struct err *err);

/* What a decision asks about a person, asked ahead so that it leaves with what is asked
 * next in the same session. It is taken only with an `epoch` other than 0, which has to
 * be the database's in the very state that answered it. */
struct disclosure_ahead {
    struct store_session *session; /* *owned*: of store_read_once */
    struct id about;
    uint64_t epoch;                 /* for the caller to set */
    uint64_t known_epoch;           /* this process's, before anything was read */
    struct store_statement *person; /* *owned* */
    struct store_statement *records;
    struct store_statement *consents;
};
MUST_CHECK bool disclosure_ask_ahead(struct disclosure *gate, struct id person,
                                     struct disclosure_ahead *ahead, struct err *err);
void disclosure_ahead_end(struct disclosure_ahead *ahead); /* for CLEANUP */

struct disclosure_wait {
    void (*written)(void *context);
    void *context;
    struct arena *arena;
    struct disclosure_ahead *ahead; /* or NULL; until disclosure_begin is back */
};

/* The same in two steps, so that no thread waits for the disk. Begins: facts, rule, and
 * the row is on its way. `written` is called once, on the audit's thread and perhaps
 * before this returns, when the row is durable or lost; it must not block. False: it
 * is not called. Request, actor and arena must stay until the end. */
struct disclosure_pending; /* *arena* */
MUST_CHECK bool disclosure_begin(struct disclosure *gate,
                                 const struct disclosure_request *request,
                                 const struct disclosure_wait *wait,
                                 struct disclosure_pending **pending, struct err *err);
/* After `written`: the permit, in an arena that may be another; NULL = refused, or the
 * row could not be written. */
MUST_CHECK const struct disclosure_permit *
disclosure_conclude(struct disclosure_pending *pending, struct arena *arena,
                    struct err *err);

/* For lists across persons: one actor, audited as `event`. ERR_REFUSED actor_inactive,
 * assurance. */
MUST_CHECK const struct disclosure_scope *
disclosure_decide_scope(struct disclosure *gate, const struct session_actor *actor,
                        const char *event, struct id request, struct arena *arena,
                        struct err *err);

/* For answers that take longer than a second: asked again at every chunk, in memory only.
 * False: ERR_REFUSED "permission_changed" (a consent, link or policy of the person
 * changed since, or it was decided on another day) or ERR_BUSY "epoch_stale" (changes
 * could not be read for a second). */
MUST_CHECK bool disclosure_still_holds(struct disclosure *gate,
                                       const struct disclosure_permit *permit,
                                       struct err *err);

/* Decides again without a new row, for an opening whose permit no longer holds: the same
 * request under the facts of now. NULL with the reason when it is refused now. */
MUST_CHECK const struct disclosure_permit *
disclosure_renew(struct disclosure *gate, const struct disclosure_request *request,
                 const struct disclosure_permit *old, struct arena *arena,
                 struct err *err);

/* For counting what is new in lists whose scope was audited: the rule decides, no row is
 * written, and the permit has audit number 0, under which nothing but counts is read
 * (exchange/registry refuses more). */
MUST_CHECK const struct disclosure_permit *
disclosure_peek(struct disclosure *gate, const struct session_actor *actor,
                struct id person, struct arena *arena, struct err *err);

/* The finish row of a decision: what went out. */
struct disclosure_outcome {
    const char *verdict; /* "done", "failed", "cut" */
    const char *reason;  /* or NULL */
    int64_t bytes;
    int64_t parts;
};
struct disclosure_told {
    audit_written *written;
    void *context;
};
MUST_CHECK bool disclosure_finish(struct disclosure *gate,
                                  const struct disclosure_permit *permit,
                                  const char *event,
                                  const struct disclosure_outcome *outcome,
                                  struct err *err);
/* The finish row of a list across persons; a fault is for the operator's log only, since
 * the decision was durable and is closed as "unknown" at the next start. */
void disclosure_finish_scope(struct disclosure *gate,
                             const struct disclosure_scope *scope, const char *event,
                             const struct disclosure_outcome *outcome);
/* The same without waiting: `written` is called with NULL when it got lost. */
MUST_CHECK bool
disclosure_finish_later(struct disclosure *gate, const struct disclosure_permit *permit,
                        const char *event, const struct disclosure_outcome *outcome,
                        const struct disclosure_told *told, struct err *err);
