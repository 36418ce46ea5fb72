// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A regional network (ユニオン): its rules, its versioned participant list (requirements
 * CO-4, CO-5) and the consent epoch, by which every process learns within a second that
 * what was allowed has changed (architecture, "The gate").
 *
 * A list version is never changed once written; a member that was on the previous version
 * keeps the version and day since which it belongs. Order is by version, never by clock.
 * Not here: who the facilities are (exchange/facility), who consented (exchange/consent).
 *
 * Functions with a `struct store_session *` run inside the caller's snapshot or piece of
 * writing; results are *arena*. Errors: ERR_MISSING not_found, ERR_SYNTAX, those of the
 * store. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/day.h"
#include "base/id.h"
#include "base/log.h"

struct store;
struct store_session;
struct store_statement;

enum network_consent_model { NETWORK_COMPREHENSIVE, NETWORK_SPECIFIC };

/* How sure we are of who logged in; in rising order. */
enum network_assurance {
    NETWORK_PASSWORD,
    NETWORK_CERTIFICATE,  /* password and an accepted client certificate */
    NETWORK_SECOND_FACTOR /* and the person's own second factor */
};

enum { NETWORK_WAITING_DAYS_MAX = 90, NETWORK_PARTICIPANTS_MAX = 4096 };

struct network {
    struct id id;
    struct text name;
    enum network_consent_model consent_model;
    enum network_assurance minimum_assurance;
    int joiner_waiting_days; /* 0 … 90 */
};

/* One facility on one version of the list. */
struct network_participant {
    struct id facility;
    int64_t since_version;    /* the version with which this membership began */
    int32_t visible_from_day; /* for consents given under an earlier version */
};

/* The list in force on a day. */
struct network_participants {
    struct id network;
    int64_t version; /* 1 … */
    int32_t effective_day;
    struct network_participant *items; /* in order of the facility's id */
    size_t count;
};

/* ---- rules ---- */
const char *network_consent_model_id(enum network_consent_model model);
MUST_CHECK bool network_consent_model_parse(struct text id,
                                            enum network_consent_model *model);
const char *network_assurance_id(enum network_assurance assurance); /* "password" … */
MUST_CHECK bool network_assurance_parse(struct text id, enum network_assurance *level);
/* NULL when the facility is not on the list. */
const struct network_participant *
network_participant_find(const struct network_participants *list, struct id facility);
/* The rows of a new version: who stays keeps since and visible-from, who joins gets the
 * new version and its effective day + waiting days (none for the first version).
 * `facilities` may come in any order; doubles are ERR_SYNTAX "participant_double". */
MUST_CHECK bool network_next_version(const struct network *network,
                                     const struct network_participants *previous,
                                     int32_t effective_day, const struct id *facilities,
                                     size_t count, struct arena *arena,
                                     struct network_participants *next, struct err *err);

/* ---- facts ---- */
MUST_CHECK bool network_find(struct store_session *session, struct id network,
                             struct arena *arena, struct network *found, struct err *err);
/* The same in two steps: asked ahead (store_ask), then taken. */
MUST_CHECK struct store_statement *network_ask(struct store_session *session,
                                               struct id network, struct err *err);
MUST_CHECK bool network_take(struct store_statement *statement, struct arena *arena,
                             struct network *found, struct err *err);
/* The list in force on `day`; ERR_MISSING "not_found" when none is yet. */
MUST_CHECK bool network_participants_on(struct store_session *session, struct id network,
                                        int32_t day, struct arena *arena,
                                        struct network_participants *list,
                                        struct err *err);
/* The network on whose list of `day` the facility stands; the first by id when there are
 * several; ERR_MISSING "not_found". */
MUST_CHECK bool network_of_facility(struct store_session *session, struct id facility,
                                    int32_t day, struct id *network, struct err *err);

/* All, in order of their ids. */
MUST_CHECK bool network_list(struct store_session *session, struct arena *arena,
                             struct network **items, size_t *count, struct err *err);

/* ---- writing, inside the caller's transaction ---- */
MUST_CHECK bool network_add(struct store_session *session, const struct network *network,
                            int64_t now_ms, struct err *err);
/* Writes the next version, effective from a day not before the previous one's, and raises
 * the epoch. */
MUST_CHECK bool network_add_version(struct store_session *session, struct id network,
                                    int32_t effective_day, const struct id *facilities,
                                    size_t count, int64_t now_ms, struct err *err);

/* ---- a copy that was brought back (requirement BK-4) ---- */
/* A database that comes from a copy does not know what was withdrawn, revoked or closed
 * since. While the mark stands nothing is disclosed (exchange/disclosure); only somebody
 * who has seen to that takes it away. */
struct network_hold {
    bool is_held;
    int64_t copied_at; /* UTC ms: when the copy was made */
    int64_t restored_at;
};
MUST_CHECK bool network_find_hold(struct store_session *session,
                                  struct network_hold *hold, struct err *err);
/* Both raise the epoch. A second mark keeps the older time of the copy. */
MUST_CHECK bool network_begin_hold(struct store_session *session, int64_t copied_at,
                                   int64_t restored_at, struct err *err);
/* ERR_MISSING "not_found" when there is none. */
MUST_CHECK bool network_end_hold(struct store_session *session, struct err *err);

/* ---- the consent epoch ---- */
/* A number per process that grows whenever a consent, link, policy, post or participant
 * list changed. Whoever streams keeps the number of his decision and compares: another
 * number means deciding again, not fresh means stopping. */
struct network_epoch; /* *owned* by server; threads share it */

enum { NETWORK_EPOCH_POLL_MS = 500, NETWORK_EPOCH_FRESH_MS = 1000 };

/* Reads the row once and starts the thread that reads it every 500 ms. */
MUST_CHECK struct network_epoch *network_epoch_open(struct store *store,
                                                    const struct clock *clock,
                                                    const struct log *log,
                                                    struct err *err);
void network_epoch_close(struct network_epoch *epoch);
uint64_t network_epoch_now(const struct network_epoch *epoch);
/* The number was read from the database less than a second ago. */
bool network_epoch_is_fresh(const struct network_epoch *epoch);
/* The number in this snapshot of the database, for whoever reads there anyhow. */
MUST_CHECK bool network_epoch_read(struct store_session *session, uint64_t *epoch,
                                   struct err *err);
/* The same in two steps: asked ahead (store_ask), then taken. */
MUST_CHECK struct store_statement *network_epoch_ask(struct store_session *session,
                                                     struct err *err);
MUST_CHECK bool network_epoch_take(struct store_statement *statement, uint64_t *epoch,
                                   struct err *err);
/* The mark of a copy stands; read together with the number. */
bool network_epoch_is_held(const struct network_epoch *epoch);
/* In the transaction that changes something … */
MUST_CHECK bool network_epoch_raise(struct store_session *session, struct err *err);
/* … and after its commit, so that this process knows at once. When the row cannot be read
 * the epoch counts as not fresh until the next poll succeeds. */
void network_epoch_refresh(struct network_epoch *epoch);
