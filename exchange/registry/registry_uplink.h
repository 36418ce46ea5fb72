// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: the centre's side of a gateway's events. Pumps stand in
 * registry_wire.c, what a batch means in registry_uplink.c, digests, snapshots and checks
 * in registry_step_wire.c, the database in registry_uplink_store.c. */

#include <pthread.h>
#include <time.h>

#include "base/buf.h"
#include "exchange/registry/registry_service.h"
#include "formats/uplink/uplink.h"

struct tunnel;
struct workers;

enum {
    REGISTRY_LANES = 2, /* live, backfill */
    REGISTRY_ATTEMPTS_MAX = 1024,
    REGISTRY_KEYS_MAX = 200000, /* of one record's snapshot */
};

struct registry_gateway;

enum registry_pump_state {
    PUMP_IDLE,    /* no gateway */
    PUMP_ASKING,  /* a poll is under way */
    PUMP_WORKING, /* a worker has it */
    PUMP_WAITING  /* until due_at_ms */
};

/* One lane of one gateway. State, exchange, due time and wishes are guarded by the
 * uplink's lock; the rest belongs to whoever the state says: the loop while asking, one
 * worker while working. */
struct registry_pump {
    struct registry_gateway *gateway;
    bool is_backfill;
    enum registry_pump_state state;
    bool is_wanted; /* the gateway came back meanwhile */
    int64_t due_at_ms;
    struct tunnel_exchange *exchange;
    struct tunnel *tunnel; /* kept; NULL = to be taken */
    int delay_ms;
    int quick_polls; /* empty ones in a row */
    int64_t asked_at_ms;
    int64_t untaken_since_ms; /* wall clock, 0 = what came last is kept; under the lock */
    bool has_batch;           /* what came is not applied yet */
    struct buf answers;       /* body of the next poll, for this tunnel only */
    struct buf received;
    int status;
    bool is_complete;
    struct err err;
};

/* Lives as long as the uplink. */
struct registry_gateway {
    struct registry_uplink *uplink;
    struct id facility;
    struct registry_pump pumps[REGISTRY_LANES];
    int64_t compare_at_ms; /* the daily comparison */
    int64_t step_count;    /* batches stored, for those who wait for one */
    struct registry_gateway *next;
};

/* What is being done, or was done lately, about a record that is not in step. */
struct registry_attempt {
    struct id record;
    bool is_running;
    bool is_wanted_again;     /* somebody asked while it ran: once more when it ends */
    int64_t backfilled_at_ms; /* monotonic, 0 = not */
    int64_t used_at_ms;
};

struct registry_uplink {
    struct registry_uplink_config config;
    struct workers *workers; /* batches of events */
    struct workers *askers;  /* whatever waits for a gateway */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t changed;  /* for the keeper */
    pthread_cond_t stepped;  /* a batch was stored */
    bool is_stopping;
    bool has_stopped;
    bool may_have_others; /* other processes on the database; fixed at the start */
    pthread_t keeper;
    struct registry_gateway *first;
    struct registry_attempt attempts[REGISTRY_ATTEMPTS_MAX];
};

/* For pthread_cond_timedwait on the uplink's conditions. */
struct timespec registry_instant_after(int64_t wait_ms);

/* ---- registry_uplink_store.c ---- */
bool registry_may_have_others(const struct store *store);
/* What a record is to the facility that speaks of it. Of a suspended one only less may be
 * told: what is withdrawn must not come back with the link. */
enum registry_standing { REGISTRY_STRANGE, REGISTRY_CONFIRMED, REGISTRY_SUSPENDED };
MUST_CHECK bool registry_find_owner(struct store *store, struct id facility,
                                    struct id record, struct arena *arena,
                                    struct registry_owner *owner,
                                    enum registry_standing *standing, struct err *err);
/* In whatever state. */
MUST_CHECK bool registry_record_is_of(struct store *store, struct id facility,
                                      struct id record, bool *is_own, struct err *err);
/* Proposed, and of that facility. */
MUST_CHECK bool registry_record_waits(struct store *store, struct id facility,
                                      struct id record, bool *is_waiting,
                                      struct err *err);
/* All confirmed records of a facility. */
MUST_CHECK bool registry_list_owners(struct store *store, struct id facility,
                                     struct arena *arena, struct registry_owner **owners,
                                     size_t *count, struct err *err);
MUST_CHECK bool registry_keep_policy(struct store *store, struct id facility,
                                     struct text policy, int64_t now_ms, struct err *err);
/* Whether the registry has exactly what the gateway says. */
MUST_CHECK bool registry_compare_sum(struct store *store, const struct uplink_sum *sum,
                                     bool *is_equal, struct err *err);
/* What the owner compares when a link has to be made again. */
MUST_CHECK bool registry_read_link(struct store *store,
                                   const struct registry_owner *owner,
                                   struct arena *arena, struct uplink_link *link,
                                   struct err *err);

/* ---- registry_uplink.c ---- */
struct registry_batch {
    struct registry_uplink *uplink;
    struct id facility;
    bool is_backfill;
    struct arena *arena;
    struct uplink_answer *answers;
    size_t count;
    struct uplink_standing standing; /* as it was, then as it is said */
};
/* Applies {"events":[…],"standing":…}; every understood or refused event has its answer.
 * False: none of it is to be answered, the gateway sends it again. */
MUST_CHECK bool registry_apply_events(struct registry_batch *batch, struct span body,
                                      struct err *err);

/* ---- registry_step_wire.c ---- */
/* Posts the work and returns; a record that is being worked on is not posted twice. */
void registry_start_reconcile(struct registry_uplink *uplink,
                              const struct registry_owner *owner);
void registry_start_comparison(struct registry_uplink *uplink, struct id facility);
/* An equal digest is noted; a different one starts a reconciliation. */
MUST_CHECK bool registry_settle_sum(struct registry_uplink *uplink,
                                    const struct registry_owner *owner,
                                    const struct uplink_sum *sum, bool *is_equal,
                                    struct err *err);
/* POSTs `body` and gives the answer's JSON; ERR_BUSY gateway_refused when not 200, but
 * ERR_MISSING not_found for 404. */
MUST_CHECK struct json_document *registry_ask(struct registry_uplink *uplink,
                                              struct id facility, const char *path,
                                              const struct buf *body, struct arena *arena,
                                              struct err *err);
