// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/opening: the table and what is in it. */

#include <pthread.h>

#include "exchange/opening/opening.h"
#include "exchange/session/session.h"

enum { OPENING_BUCKETS = 4096 };

/* A permit with its own arena. A renewed one keeps the former behind it until nobody but
 * the table holds the opening, because somebody may still be reading under it. */
struct opening_permit_held {
    struct arena arena;
    const struct disclosure_permit *permit;
    struct opening_permit_held *older;
};

/* Those of one session, by use: who has to go is known without a search. */
struct opening_session {
    struct hash hash;
    struct opening *newest;
    struct opening *oldest;
    size_t count; /* at least one */
    struct opening_session *next;
};

/* Among those of a session or person, which may be many: taken out without a search. */
struct opening_link {
    struct opening *next;
    struct opening *before;
};

struct opening_first {
    struct opening_first *next;
    uint64_t place;
    struct hash stamp;
};

struct opening {
    struct opening_table *table;
    struct opening *next;            /* in its bucket, by handle */
    struct opening_session *session; /* while it is in the table */
    struct opening_link by_session;
    struct opening_link by_person;
    struct arena arena; /* the request's texts */
    struct session_actor actor;
    struct disclosure_request request;
    struct id handle;
    struct id object;
    struct opening_permit_held *permit; /* under the table's lock */
    int64_t used_at_ms;                 /* monotonic, under the lock */
    int64_t bytes;
    int64_t parts;
    struct opening_first *firsts; /* in the arena, the last one first; under the lock */
    const char *broken; /* why what was sent last did not come whole, NULL = it did */
    int64_t new_since_ms;
    int holders; /* the table's own one included, under the lock */
    bool has_ended;
    struct disclosure_pending *pending; /* until concluded */
    struct opening_wait wait;
};

struct opening_table {
    struct opening_config config;
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* nothing is underway any more */
    size_t underway;        /* rows handed to the audit that will tell */
    bool is_stopping;
    size_t count;
    struct opening *buckets[OPENING_BUCKETS];
    struct opening_session *sessions[OPENING_BUCKETS]; /* *owned* */
    struct opening *persons[OPENING_BUCKETS];
};

/* NULL when the session has no opening; the lock is held. */
struct opening_session *opening_session_of(struct opening_table *table,
                                           struct hash session);
/* Head of a list by person; the lock is held. */
struct opening **opening_person_of(struct opening_table *table, struct id person);
/* opening_holds, decided again where it has to be. */
MUST_CHECK bool opening_holds_now(struct opening *opening, struct err *err);
