// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Who agreed to what (requirements CO-1 to CO-8): comprehensive (every facility on the
 * participant list that the consent was given under, joiners after their waiting days) or
 * specific (named facilities), on paper, orally or on a device, by the person or a proxy.
 *
 * A consent is a chain of versions that are never overwritten; only the newest counts.
 * One chain per person for comprehensive consent, one per person and obtaining facility
 * for specific consent: giving again supersedes, withdrawing appends. The obtaining
 * facility is always among the named ones. The rule is pure; 100 % branches tested.
 *
 * Reading takes a permit, except consent_facts, which is for exchange/disclosure and for
 * the lists of exchange/patient. Results are *arena*. Errors: ERR_MISSING not_found,
 * ERR_SYNTAX consent_*, ERR_CONFLICT consent_not_active, those of the store. */

#include "exchange/network/network.h"

struct disclosure;
struct disclosure_permit;
struct http_router;
struct json_value;
struct json_writer;
struct session_actor;
struct session_service;
struct store;
struct store_session;
struct store_statement;

enum consent_form { CONSENT_COMPREHENSIVE, CONSENT_SPECIFIC };
enum consent_channel { CONSENT_PAPER, CONSENT_ORAL, CONSENT_DEVICE };
enum consent_giver {
    CONSENT_SELF,
    CONSENT_PARENT,
    CONSENT_GUARDIAN,
    CONSENT_REPRESENTATIVE
};
/* What a version says; expiry is not stored, it follows from `until`. */
enum consent_state { CONSENT_ACTIVE, CONSENT_REFUSED, CONSENT_WITHDRAWN };

enum { CONSENT_FACILITIES_MAX = 65, CONSENT_NOTE_MAX = 500 * 4, CONSENT_NAME_MAX = 128 };

/* One version. */
struct consent {
    struct id id; /* of the chain */
    int64_t version;
    struct id person;
    struct id network;
    enum consent_form form;
    enum consent_channel channel;
    enum consent_state state;
    enum consent_giver giver;
    struct text giver_name; /* of a proxy, or "" */
    struct text note;       /* where it stands in the chart, or "" */
    int32_t until_day;      /* last day; DAY_NONE = open */
    int64_t list_version;   /* participant list it was given under */
    const struct id *facilities;
    size_t facility_count; /* specific only */
    int64_t given_at;
    struct id given_facility;
    struct id given_staff;
    struct text given_by; /* name, as it was */
    struct text given_facility_name;
    int64_t withdrawn_at; /* 0 = not */
    struct id withdrawn_facility;
    struct text withdrawn_by;
    struct text withdrawn_facility_name;
    bool is_newest; /* of its chain; filled when read */
};

/* ---- the rule ---- */
/* The newest versions of all chains of a person in a network. */
struct consent_facts {
    const struct consent *items;
    size_t count;
};

/* In rising order of how near it came to covering; the best of all chains wins. */
enum consent_cover {
    CONSENT_COVER_NONE,
    CONSENT_COVER_NOT_COVERING,
    CONSENT_COVER_REFUSED,
    CONSENT_COVER_EXPIRED,
    CONSENT_COVER_WITHDRAWN,
    CONSENT_COVER_JOINER_WAITING,
    CONSENT_COVER_COVERS
};
struct consent_verdict {
    enum consent_cover cover;
    const struct consent *by; /* the chain that decided; NULL with NONE */
};
/* Whether provider's data may be shown to viewer on `today`. Both must stand on the list
 * in force; a leaver is covered by nothing. */
struct consent_verdict consent_covers(const struct consent_facts *facts,
                                      const struct network_participants *participants,
                                      struct id provider, struct id viewer,
                                      int32_t today);
/* The contract's ConsentState of the person as seen by a viewer: "active" when some chain
 * gives the viewer anything (or the viewer obtained it), else "withdrawn", "expired",
 * "refused", "none". */
const char *consent_state_for(const struct consent_facts *facts,
                              const struct network_participants *participants,
                              struct id viewer, int32_t today);
/* Some chain is in force, for whomever: the person may still be found by searching. */
bool consent_has_active(const struct consent_facts *facts, int32_t today);
/* Fields that belong together: ERR_SYNTAX "consent_giver_name" (a proxy needs one),
 * "consent_facilities" (specific only, at least two with the obtaining one),
 * "consent_until" (past). consent_add: "consent_form" (comprehensive in a network that
 * names each facility). */
MUST_CHECK bool consent_check(const struct consent *consent, int32_t today,
                              struct err *err);
const char *consent_form_id(enum consent_form form);
const char *consent_channel_id(enum consent_channel channel);
const char *consent_giver_id(enum consent_giver giver);
MUST_CHECK bool consent_form_parse(struct text id, enum consent_form *form);
MUST_CHECK bool consent_channel_parse(struct text id, enum consent_channel *channel);

/* ---- facts, for exchange/disclosure and exchange/patient ---- */
MUST_CHECK bool consent_facts(struct store_session *session, struct id person,
                              struct arena *arena, struct consent_facts *facts,
                              struct err *err);
/* The same in two steps: asked ahead (store_ask), then taken. */
MUST_CHECK struct store_statement *consent_facts_ask(struct store_session *session,
                                                     struct id person, struct err *err);
MUST_CHECK bool consent_facts_take(struct store_session *session,
                                   struct store_statement *statement, struct arena *arena,
                                   struct consent_facts *facts, struct err *err);
/* Whose consent this is; for the route to ask the gate. */
MUST_CHECK bool consent_person(struct store_session *session, struct id consent,
                               struct id *person, struct err *err);

/* ---- reading with permission: all versions of the permit's person, newest first ---- */
MUST_CHECK bool consent_list(struct store_session *session,
                             const struct disclosure_permit *permit, struct arena *arena,
                             struct consent **items, size_t *count, struct err *err);

/* ---- writing, inside the caller's transaction ---- */
/* The contract's ConsentInput, obtained by the actor; checked; list version, chain id and
 * network are filled by consent_add. */
MUST_CHECK bool consent_read_input(const struct json_value *object,
                                   const struct session_actor *actor, int64_t now_ms,
                                   struct arena *arena, struct consent *consent,
                                   struct err *err);
/* Appends a version: fills id, version and list version, raises the epoch. `spare` is the
 * id of a chain that begins. */
MUST_CHECK bool consent_add(struct store_session *session, struct consent *consent,
                            struct id spare, struct arena *arena, struct err *err);
/* Appends "withdrawn", looking forward; ERR_CONFLICT "consent_not_active". */
struct consent_withdrawal {
    struct id consent;
    enum consent_channel channel;
    struct text note;
    struct id facility;
    struct text facility_name;
    struct id staff;
    struct text by;
    int64_t at_ms;
};
MUST_CHECK bool consent_withdraw(struct store_session *session,
                                 const struct consent_withdrawal *withdrawal,
                                 struct arena *arena, struct consent *withdrawn,
                                 struct err *err);
/* The contract's Consent object. */
void consent_write(struct json_writer *writer, const struct consent *consent,
                   int32_t today);

/* ---- routes: listConsents, giveConsent, withdrawConsent ---- */
struct consent_listener {
    /* After commit, in a worker: something of the person's consent changed. */
    void (*changed)(void *context, struct id person);
    void *context;
};
struct consent_service {
    struct store *store;
    struct session_service *sessions;
    struct disclosure *gate;
    struct network_epoch *epoch;
    struct clock clock;
    struct rand rand;
    const struct log *log;                    /* may be NULL */
    const struct consent_listener *listeners; /* outlive the service */
    size_t listener_count;
};
void consent_routes(struct http_router *router, struct consent_service *service);
