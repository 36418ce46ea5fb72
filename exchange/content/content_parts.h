// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/content: opening and reading in the database (content_store.c),
 * the gateway's JSON (content.c), fetching (content_wire_api.c). */

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "exchange/content/content.h"
#include "exchange/content/content_fetch.h"
#include "exchange/facility/facility.h"
#include "exchange/opening/opening.h"
#include "exchange/registry/registry_service.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"

struct tunnel;
struct tunnel_events;

enum {
    CONTENT_WISH_BYTES_MAX = 4096,
    CONTENT_FETCHES_MAX = 4096,
    CONTENT_ORIGINAL_PARTS_MAX = 80,
    CONTENT_LIST_DIGITS = 16
};

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
struct content_target {
    struct opening *opening; /* taken */
    struct registry_entry entry;
    struct facility provider; /* whose codes and kinds the grant names */
    struct facility viewer;
};
/* Reads all but the opening. */
MUST_CHECK bool content_read_target(struct store *store,
                                    const struct disclosure_permit *permit,
                                    struct id entry, struct arena *arena,
                                    struct content_target *target, struct err *err);

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

/* ---- what came of a stream and waits for its reader (content_waiting.c) ---- */
/* In pieces that are handed on as they are, so that nothing is copied twice. */
enum {
    CONTENT_PIECE_BYTES = 128 * 1024,
    CONTENT_WAITING_BYTES_MAX = 8 << 20,
    CONTENT_PIECES_MAX = CONTENT_WAITING_BYTES_MAX / CONTENT_PIECE_BYTES + 1
};
struct content_waiting {
    struct buf pieces[CONTENT_PIECES_MAX];
    size_t first;
    size_t count;
    size_t bytes;
    struct buf spare; /* room that is used again */
};
/* Copies. ERR_LIMIT content_waiting when it is too much, ERR_BUSY memory_short. */
MUST_CHECK bool content_waiting_put(struct content_waiting *waiting, struct span bytes,
                                    struct err *err);
/* The oldest piece, whose bytes may be taken away; NULL = there is none. */
struct buf *content_waiting_first(struct content_waiting *waiting);
/* That piece, of so many bytes, is through; what is left of it is room for another. */
void content_waiting_drop(struct content_waiting *waiting, size_t bytes);
/* And may be used again. */
void content_waiting_free(struct content_waiting *waiting);

/* ---- a fetch under way ---- */
/* Several answers in one stream. The call is gone before the last is asked for, so all of
 * it is kept here. */
struct content_parts {
    struct arena arena;
    struct content_target target;
    struct span bodies[CONTENT_PARTS_MAX];
    size_t count;
    size_t at;
    const char *type;
    char boundary[CONTENT_FIRST_MAX + 1];
};

struct content_fetch {
    struct content_service *service;
    struct content_fetch *next; /* in the service's list, under its lock */
    struct content_fetch **link;
    struct content_wish wish; /* its call is kept; used until is_answered */
    struct opening *opening;
    struct tunnel *tunnel;
    struct content_parts *parts;      /* *owned*; NULL = one answer as it is */
    pthread_mutex_t lock;             /* guards what follows */
    struct tunnel_exchange *exchange; /* NULL = ended */
    int status;
    struct content_fetched head;
    struct buf received;            /* of what is read whole, or is no 200 */
    struct content_waiting waiting; /* of a stream */
    bool is_too_much;               /* of it came, or there is no memory */
    size_t batch_bytes;             /* from so much on a worker is called for a stream */
    int64_t passed_bytes;
    int64_t enough_bytes; /* of a part; < 0 = all that come */
    bool has_ended;
    bool is_complete;
    struct err err;
    struct http_stream *stream; /* NULL = not open */
    bool had_stream;
    bool is_passing;  /* what comes now was seen to be what it should be */
    bool is_full;     /* the browser has to take some first */
    bool is_answered; /* or streaming */
    bool is_over;     /* the stream was ended or cut by us */
    bool is_posted;   /* a worker has it, or will */
    bool is_again;    /* something came meanwhile */
};

/* ---- content_ask_wire.c ---- */
MUST_CHECK bool content_write_wish(struct content_wish *wish, struct buf *out,
                                   struct err *err);
/* Signs and sends; the call may be answered before this returns. */
MUST_CHECK bool content_send(struct content_fetch *fetch, struct span body,
                             const struct tunnel_events *events, struct err *err);
/* The gateway hears it by the opening too, for whatever else runs under it. */
void content_tell_cancel(struct content_fetch *fetch);
MUST_CHECK bool content_make_parts(struct content_fetch *fetch,
                                   const struct content_question *question,
                                   struct err *err);
void content_free_parts(struct content_parts *parts);
