// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Logins (requirements SE-1 to SE-7, AU-1, AU-2, AU-12): a 256-bit random token in a
 * cookie, stored hashed, bound to the certificate it was opened under; idle limit 15
 * minutes, absolute limit 10 hours; a CSRF token and the own Origin for every change; the
 * post chosen at login decides facility, profession, role and network.
 *
 * A session that was read from the database is believed for one second at most, and by a
 * request only while nothing changed in the database since (the epoch), so that closing,
 * disabling an account or ending a post works on the next request everywhere.
 * Limits count by the wall clock, which outlives the process, and by the monotonic one
 * from when this process first saw the session: a wall clock that is set back prolongs
 * nothing. What is over only by the latter is closed for good.
 * Also here: idempotency keys, kept in the same transaction as the change they guard.
 *
 * Errors: ERR_REFUSED session_none (no or ended session), session_certificate,
 * csrf_missing, origin_foreign, login_refused, certificate_foreign, assurance; ERR_SYNTAX
 * idempotency_missing;
 * ERR_CONFLICT idempotency_reused; ERR_BUSY login_busy, login_rate. Session errors are
 * answered with 401, see session_answer_problem. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "exchange/staff/staff.h"

struct audit;
struct audit_actor;
struct http_call;
struct http_router;
struct store;
struct store_session;

enum {
    SESSION_TOKEN_BYTES = 32,
    SESSION_IDLE_MS = 15 * 60 * 1000,
    SESSION_ABSOLUTE_MS = 10 * 3600 * 1000,
    SESSION_STALE_MS = 1000,
    SESSION_CLOCKS_APART_MS = 60 * 1000,
    SESSION_SOURCE_FAILURES_MAX = 60, /* per address, per certificate, and 10 minutes */
    SESSION_ONCE_DAYS = 2             /* idempotency keys are kept so long */
};

/* Who asks: as they were when the session was checked. Texts live in the call's arena. */
struct session_actor {
    struct hash session; /* hash of the token: the session's name everywhere */
    struct id staff;
    struct text staff_name;
    struct text staff_kana;
    struct id post;
    enum staff_profession profession;
    enum staff_role role;
    struct id facility;
    struct text facility_name;
    enum facility_kind facility_kind;
    struct id network;
    enum network_assurance assurance;
    struct text fingerprint; /* of the client certificate, or "" */
    struct text address;     /* where the call came from */
    struct id request;       /* the call's id */
    int64_t ends_at;         /* absolute limit, UTC ms */
};

/* ---- rules ---- */
struct session_times {
    int64_t opened_at; /* all UTC ms */
    int64_t seen_at;
    int64_t closed_at; /* 0 = open */
};
/* False when closed, idle too long or too old. A clock that stepped back does not make a
 * session younger: times before opened_at count as over, but for the minute that the
 * clocks of several servers may be apart. */
bool session_is_open(const struct session_times *times, int64_t now_ms);
/* Below this nobody logs in: the network's minimum, but the password alone suffices in
 * the loopback demo only. */
enum network_assurance session_minimum(enum network_assurance of_network, bool is_demo);
/* What was proved: a certificate, a second factor. */
enum network_assurance session_assurance(bool has_certificate, bool has_second_factor);
/* "password", "password+certificate" … for the audit. */
const char *session_factors(enum network_assurance assurance);
/* The actor in the audit's words; the texts of ids are taken from `arena`. */
MUST_CHECK bool session_audit_actor(const struct session_actor *actor,
                                    struct arena *arena, struct audit_actor *out,
                                    struct err *err);

/* ---- the service: *owned* by server; threads share it ---- */
struct session_config {
    struct store *store;
    struct audit *audit;
    struct staff_doors *doors;
    struct facility_gateways *gateways; /* for is_connected; may be NULL */
    struct network_epoch *epoch;
    struct clock clock;
    struct rand rand;
    const struct log *log;
    bool is_demo; /* loopback only: plain HTTP, and the only profile that may let a
                     network's minimum assurance be the password alone */
};
struct session_service;
MUST_CHECK struct session_service *session_open(const struct session_config *config,
                                                struct err *err);
void session_close(struct session_service *sessions);

enum session_need {
    SESSION_WATCHES, /* background: does not count as activity */
    SESSION_READS,
    SESSION_CHANGES /* needs X-CSRF-Token and an own Origin */
};
/* For every route, first of all. */
MUST_CHECK bool session_require(struct session_service *sessions, struct http_call *call,
                                enum session_need need, struct session_actor *actor,
                                struct err *err);
/* The same together with questions that were asked ahead in a session of store_read_once.
 * `epoch` is then the database's in the very state that answered them all. Where the
 * session has to be read otherwise it is 0, and they are let go of before, because nobody
 * waits for one reader while he holds another. */
struct session_beside {
    struct store_session *session; /* borrowed */
    void (*let_go)(void *context);
    void *context;
    uint64_t epoch;
};
MUST_CHECK bool session_require_beside(struct session_service *sessions,
                                       struct http_call *call, enum session_need need,
                                       struct session_beside *beside,
                                       struct session_actor *actor, struct err *err);
/* For streams and openings: the session was neither closed nor has it run out; at most a
 * second old. False: ERR_REFUSED session_none when it is over; any other error when that
 * could not be read: then nothing is given out, and nobody is told that it is over. */
MUST_CHECK bool session_still_holds(struct session_service *sessions, struct hash session,
                                    struct err *err);
/* http_answer_problem, but 401 for session_none, session_certificate and login_refused,
 * 429 for login_rate, search_rate and link_rate, 406 for not_acceptable. */
void session_answer_problem(struct http_call *call, const struct err *err);
/* A session without HTTP and without a password, the same way as the route opens one: for
 * tests and `tsumugi admin`. `token` and `csrf` get 64 hex digits and NUL. */
struct session_opening {
    struct id staff;
    struct id post;
    enum network_assurance assurance;
    struct text fingerprint; /* "" without certificate */
    struct text address;
    struct id request;
    struct text new_password; /* replaces the present one; "" = none */
};
MUST_CHECK bool session_begin(struct session_service *sessions,
                              const struct session_opening *opening,
                              char token[HASH_HEX_BYTES], char csrf[HASH_HEX_BYTES],
                              struct err *err);
/* A terminal's certificate, for logins at posts of that facility; ends_at UTC ms. */
MUST_CHECK bool session_add_certificate(struct store_session *session, struct id facility,
                                        struct text fingerprint, int64_t ends_at,
                                        struct err *err);
/* Works within a second, on open sessions too; for good. ERR_MISSING "not_found" when it
 * was never accepted or is revoked already. */
MUST_CHECK bool session_revoke_certificate(struct store_session *session,
                                           struct text fingerprint, int64_t now_ms,
                                           struct err *err);
struct session_certificate {
    struct id facility;
    struct text fingerprint;
    int64_t ends_at;
    int64_t revoked_at; /* 0 = not revoked */
};
/* All, by facility and fingerprint. */
MUST_CHECK bool session_list_certificates(struct store_session *session,
                                          struct arena *arena,
                                          struct session_certificate **items,
                                          size_t *count, struct err *err);
/* Every open session of a person, for example when the password may be known; works
 * within a second. */
MUST_CHECK bool session_end_of_staff(struct store_session *session, struct id staff,
                                     int64_t now_ms, struct err *err);
/* Every open session of everybody: nobody is logged in after a restore. */
MUST_CHECK bool session_end_all(struct store_session *session, int64_t now_ms,
                                struct err *err);
MUST_CHECK bool session_end(struct session_service *sessions, struct hash session,
                            struct err *err);

/* ---- once: the Idempotency-Key of a state change ---- */
struct session_once {
    struct id key;
    struct id staff;
    const char *route; /* literal, method and path shape */
    struct hash request;
};
struct session_answer {
    bool is_kept; /* the same request was answered before */
    int status;
    struct text body; /* "" = none */
};
/* Reads the header and hashes post, path and body. */
MUST_CHECK bool session_once_take(struct http_call *call,
                                  const struct session_actor *actor, const char *route,
                                  struct session_once *once, struct err *err);
/* Inside the change's own transaction, first: the kept answer, if there is one. */
MUST_CHECK bool session_once_find(struct store_session *session,
                                  const struct session_once *once, struct arena *arena,
                                  struct session_answer *answer, struct err *err);
/* Last in the transaction. */
MUST_CHECK bool session_once_keep(struct store_session *session,
                                  const struct session_once *once, int status,
                                  struct text body, int64_t now_ms, struct err *err);
/* A fuller answer that became known after the commit (what a gateway said). */
MUST_CHECK bool session_once_complete(struct store_session *session,
                                      const struct session_once *once, int status,
                                      struct text body, struct err *err);
void session_answer_kept(struct http_call *call, const struct session_answer *answer);

/* ---- routes: openSession, getSession, closeSession ---- */
void session_routes(struct http_router *router, struct session_service *sessions);
