// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/content: opening and reading in the database (content_store.c),
 * the gateway's JSON (content.c), fetching (content_wire.c). */

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "exchange/content/content.h"
#include "exchange/facility/facility.h"
#include "exchange/opening/opening.h"
#include "exchange/registry/registry_service.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"

struct http_call;
struct http_stream;
struct tunnel;
struct tunnel_exchange;

enum { CONTENT_FETCHES_MAX = 4096, CONTENT_PARTS_MAX = 80, CONTENT_LIST_DIGITS = 16 };

struct content_service {
    struct content_config config;
    struct workers *workers;
    atomic_bool is_stopped; /* the workers are gone or going */
    pthread_mutex_t lock;   /* guards the following */
    size_t fetch_count;
    struct content_fetch *first;
};

/* ---- content_store.c ---- */
/* Where an entry stands and whose it is, for asking the gate. ERR_MISSING not_found. */
MUST_CHECK bool content_locate(struct store *store, struct id entry, struct arena *arena,
                               struct registry_place *place, struct id *person,
                               struct err *err);
struct content_head {
    struct registry_entry entry;
    struct id previous; /* zero = none */
    struct id next;
};
MUST_CHECK bool content_read_head(struct store *store,
                                  const struct disclosure_permit *permit, struct id entry,
                                  struct arena *arena, struct content_head *head,
                                  struct err *err);
MUST_CHECK bool content_read_entry(struct store *store,
                                   const struct disclosure_permit *permit,
                                   struct id entry, struct arena *arena,
                                   struct registry_entry *out, struct err *err);
/* Both facilities' codes and kinds, which the grant names. */
struct content_parties {
    struct facility provider;
    struct facility viewer;
};
MUST_CHECK bool content_read_parties(struct store *store, struct id provider,
                                     struct id viewer, struct arena *arena,
                                     struct content_parties *parties, struct err *err);

/* ---- content.c ---- */
struct content_answer {
    const struct registry_entry *entry;
    struct span body; /* the gateway's */
    int64_t fetched_at_ms;
};
/* Writes the contract's Content. ERR_SYNTAX, ERR_LIMIT when the gateway's JSON is not
 * what it should be: nothing of it is shown then. */
MUST_CHECK bool content_write(const struct content_answer *answer, struct buf *out,
                              struct err *err);
/* A list's name: sixteen lower-case hexadecimal digits. */
bool content_is_list(struct text list);
/* What a status other than 200 with a problem's body means. */
void content_refusal(int status, struct span body, struct err *err);

/* ---- content_wire.c ---- */
/* One fetch from a gateway for one kept call. */
struct content_fetch;
/* What the call asks for; the opening is taken over when this succeeds. */
struct content_wish {
    struct http_call *call; /* to be kept before */
    struct opening *opening;
    const struct registry_entry *entry; /* in the call's arena */
    const struct content_parties *parties;
    bool wants_original;
    int64_t part;     /* of the original, 0 = the original itself */
    struct text list; /* that the part's number is from */
};
MUST_CHECK bool content_fetch_start(struct content_service *service,
                                    const struct content_wish *wish, struct err *err);
