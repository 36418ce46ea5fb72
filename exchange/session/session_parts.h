// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/session: rows, the cache of a second, counters of sources. */

#include <pthread.h>

#include "exchange/session/session.h"

struct session_now {
    int64_t wall_ms;
    int64_t monotonic_ms;
};

/* Monotonic, as far as this process knows: no clock that is set moves these. */
struct session_steady {
    int64_t opened_ms;
    int64_t seen_ms;
};

/* One session as it stands in the database, with the people and places it points to.
 * Texts are *arena* of whoever read it, or owned by the cache. */
struct session_row {
    struct hash hash;
    struct session_times times;
    struct session_steady steady;
    int64_t stored_seen_at; /* the database may be half a minute behind times.seen_at */
    struct id staff;
    struct text staff_name;
    struct text staff_kana;
    struct staff_post post;
    struct text facility_name;
    enum facility_kind facility_kind;
    struct id network;
    enum network_assurance assurance;
    struct text fingerprint;
    bool is_allowed; /* account, post, participation and certificate still hold */
    uint64_t epoch; /* the database's when it was read: another one means reading again */
};

/* Fills row->steady of a row just read; `known` is what this process had of it, or NULL:
 * then one that was last seen more than a minute from now counts as idle too long. */
void session_steady_place(struct session_row *row, const struct session_row *known,
                          struct session_now now);
bool session_steady_is_over(const struct session_steady *steady, int64_t monotonic_ms);

/* ---- session_store.c ---- */
MUST_CHECK bool session_read_row(struct store_session *session, struct hash hash,
                                 int64_t now_ms, struct arena *arena,
                                 struct session_row *row, bool *is_found,
                                 struct err *err);
MUST_CHECK bool session_add_row(struct store_session *session,
                                const struct session_row *row, struct err *err);
MUST_CHECK bool session_close_row(struct store_session *session, struct hash hash,
                                  int64_t now_ms, struct err *err);
/* Asked ahead (store_ask), then taken; true also when there is no such row. */
struct session_key {
    char hex[HASH_HEX_BYTES];
};
MUST_CHECK struct store_statement *session_closed_ask(struct store_session *session,
                                                      const struct session_key *key,
                                                      struct err *err);
MUST_CHECK bool session_closed_take(struct store_statement *statement, bool *is_closed,
                                    struct err *err);
MUST_CHECK bool session_touch_row(struct store_session *session, struct hash hash,
                                  int64_t now_ms, struct err *err);
MUST_CHECK bool session_certificate_fits(struct store_session *session,
                                         struct id facility, struct text fingerprint,
                                         int64_t now_ms, bool *fits, struct err *err);

/* ---- session_cache.c: memory only, one lock ---- */
struct session_cache; /* *owned* */
MUST_CHECK struct session_cache *session_cache_new(struct err *err);
void session_cache_free(struct session_cache *cache);
/* A copy with texts in `arena` when it was read at most SESSION_STALE_MS ago. */
bool session_cache_find(struct session_cache *cache, struct hash hash,
                        int64_t monotonic_ms, struct arena *arena,
                        struct session_row *row);
/* Keeps a copy, placed by what was known before (session_steady_place); forgetting is
 * always right, so memory running short is no error. */
void session_cache_keep(struct session_cache *cache, struct session_row *row,
                        struct session_now now);
/* Activity since the row was read; `is_stored`: the database knows it too. */
void session_cache_touch(struct session_cache *cache, struct hash hash,
                         struct session_now now, bool is_stored);
void session_cache_drop(struct session_cache *cache, struct hash hash);

/* ---- session_failure_store.c: failed logins of ten minutes, in the database ---- */
enum {
    SESSION_FAILURE_WINDOW_MS = 10 * 60 * 1000,
    SESSION_FAILURES_KEPT_MAX = 2048 /* rows */
};
struct session_origin {
    struct text address;
    struct text fingerprint; /* "" without certificate */
};
/* False in `is_allowed` once an address or a certificate failed too often. */
MUST_CHECK bool session_failures_allow(struct store *store,
                                       const struct session_origin *origin,
                                       int64_t now_ms, bool *is_allowed, struct err *err);
MUST_CHECK bool session_failures_count(struct store *store,
                                       const struct session_origin *origin,
                                       int64_t now_ms, struct err *err);

/* ---- session_source.c: the same of this process, for its audit ---- */
enum { SESSION_SOURCES_MAX = 1024, SESSION_ADDRESS_BYTES = 64 };
struct session_source {
    char address[SESSION_ADDRESS_BYTES];
    int64_t minute; /* one row per source and minute */
    int minute_failures;
};
struct session_sources {
    pthread_mutex_t lock;
    struct session_source items[SESSION_SOURCES_MAX];
};
void session_sources_start(struct session_sources *sources);
void session_source_failed(struct session_sources *sources, const char *address,
                           int64_t wall_ms);
/* Takes one finished count out; false when there is none. With `all` also the counts of
 * the running minute. */
bool session_sources_take(struct session_sources *sources, int64_t wall_ms, bool all,
                          struct session_source *taken);

struct session_service {
    struct session_config config;
    struct session_cache *cache;
    struct session_sources sources;
};

/* ---- session_service_store.c ---- */
/* The row; false when there is none or it could not be read. As it is now, for requests,
 * with `beside`, whose session may be NULL; else at most a second old and from memory,
 * for pieces of streams. */
MUST_CHECK bool session_find(struct session_service *sessions, struct hash hash,
                             struct session_beside *beside, struct arena *arena,
                             struct session_row *row, struct err *err);
/* Writes finished counts of failed logins into the audit. */
void session_audit_failures(struct session_service *sessions, bool all);
/* Checks post, participation and assurance, audits, then writes the session. */
MUST_CHECK bool session_open_for(struct session_service *sessions,
                                 const struct session_opening *opening,
                                 struct arena *arena, char token[HASH_HEX_BYTES],
                                 struct session_row *row, struct err *err);
enum { SESSION_TOUCH_MS = 30 * 1000 };
/* Activity: the idle limit counts from now. */
MUST_CHECK bool session_touch(struct session_service *sessions,
                              const struct session_row *row, struct err *err);
struct session_actor session_actor_of(const struct session_row *row, struct text address,
                                      struct id request);
/* 64 hex digits, derived from the token, so that it need not be stored. */
void session_csrf(struct span token, char csrf[HASH_HEX_BYTES]);
