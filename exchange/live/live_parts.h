// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/live: what waits to be told (live_queue, joined when it comes in
 * bursts), what was told (live_ring), and the words for it. Pure; live_api.c has the
 * streams, live_store.c what goes between processes. */

#include "base/buf.h"
#include "exchange/live/live.h"

enum {
    LIVE_QUEUE_MAX = 1024,
    LIVE_BURST_MAX = 32 /* days of one person at one facility, then any day */
};

enum live_kind {
    LIVE_ENTRY,
    LIVE_FRESHNESS,
    LIVE_LINK,
    LIVE_CONSENT,
    LIVE_REQUEST,
    LIVE_KIND_COUNT
};

struct live_event {
    int64_t id;
    enum live_kind kind;
    struct id person;   /* zero: for everybody, but of a request for its two sides */
    struct id facility; /* zero: none */
    struct id audience; /* a facility that hears it without an open calendar; or zero */
    enum entry_row row;
    int32_t day;
    bool is_sensitive;
    int64_t cursor;
};

struct live_queue {
    struct live_event items[LIVE_QUEUE_MAX];
    size_t count;
    bool has_overflowed; /* everybody has to read again */
};
void live_queue_add(struct live_queue *queue, const struct live_event *event);

struct live_ring {
    struct live_event items[LIVE_RING];
    int64_t first_id; /* of the oldest kept */
    int64_t next_id;
};
void live_ring_start(struct live_ring *ring, int64_t first_id);
/* Gives the event its id. */
void live_ring_add(struct live_ring *ring, struct live_event *event);
/* Whether all after `last_id` are still here. */
bool live_ring_knows(const struct live_ring *ring, int64_t last_id);
const struct live_event *live_ring_at(const struct live_ring *ring, int64_t id);

/* ---- live_store.c: between processes ---- */
struct live_exchange {
    struct store *store; /* borrowed; NULL = there is one process */
    struct id run;
    struct clock clock;
    int64_t seen; /* number of the newest row read */
};
/* Rows that publishing this would write. */
size_t live_count_published(const struct live_queue *queue);
MUST_CHECK bool live_publish(const struct live_exchange *exchange,
                             const struct live_queue *queue, struct err *err);
/* From now on. */
MUST_CHECK bool live_start_reading(struct live_exchange *exchange, struct err *err);
/* Adds what the others wrote; has_overflowed when some of it is no longer there. */
MUST_CHECK bool live_read_others(struct live_exchange *exchange, struct live_queue *queue,
                                 struct err *err);

const char *live_kind_id(enum live_kind kind);
/* The contract's LiveEvent. */
void live_write(const struct live_event *event, struct buf *out);
