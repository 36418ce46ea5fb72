// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The registry (登録簿): one small row per entry of a linked patient: day, kind,
 * facility, department, title, flags; never content. Filled by the gateways' events,
 * proven in step by snapshots and digests, read as calendars.
 *
 * Entry ids are keyed hashes of (facility, local number, entry key), so that whatever
 * points to an entry survives a re-index; withdrawn entries stay as tombstones. Versions
 * come from the source. Reading takes a permit and is limited by its grants; storing
 * takes the facility whose own source speaks. Titles and departments are data of
 * patients.
 *
 * Memory: results are *arena*; `struct registry` is *owned* by main. */

#include "base/clock.h"
#include "base/log.h"
#include "exchange/permit/permit.h"

enum {
    REGISTRY_STATE_WITHDRAWN = 100,
    REGISTRY_PAGE_MAX = 200,
    REGISTRY_MARKS_MAX = 60000,
    REGISTRY_SOURCE_KEY_MAX = 160,
    REGISTRY_VERSION_BYTES = 18
};

/* What the calendar's `flags` are made of (docs/openapi.yaml, Calendar.marks). */
enum registry_flag {
    REGISTRY_NEW = 1,
    REGISTRY_HIGH = 2,
    REGISTRY_LOW = 4,
    REGISTRY_ABNORMAL = 8,
    REGISTRY_URGENT = 16,
    REGISTRY_CANCELLED = 32,
    REGISTRY_IMAGE = 64,
    REGISTRY_WAVEFORM = 128,
    REGISTRY_ORDERED = 256,
    REGISTRY_PLANNED = 512,
    REGISTRY_INCOMPLETE = 1024
};

struct registry;
struct store;
struct store_session;

/* Somebody who wants to hear of changes: runs on the thread that stored them, after the
 * commit; must not block. Ids only. */
struct registry_change {
    struct id person;
    struct id facility;
    struct id record;
    bool is_freshness;  /* of the record as a whole, else of an entry */
    enum entry_row row; /* ENTRY_ROW_NONE: outside the grid, or any */
    int32_t day;        /* DAY_NONE: undated, or any */
    bool is_sensitive;  /* marked so by the source: fewer may hear of it */
    int64_t number;
};
typedef void registry_listener(void *context, const struct registry_change *change);

struct registry_config {
    struct store *store;
    struct clock clock;
    const struct log *log;
    struct hash id_key;          /* secret of the centre: makes entry ids */
    registry_listener *listener; /* may be NULL */
    void *listener_context;
};
struct registry *registry_new(const struct registry_config *config, struct err *err);
void registry_free(struct registry *registry);

/* ---- what gateways send ---- */
struct registry_put {
    struct text source_key;
    struct text version;
    enum entry_kind kind;
    enum entry_state state;
    unsigned flags; /* enum entry_flag */
    int32_t day;
    int32_t end_day;
    bool is_open;
    struct text title;
    struct text department_code;
    struct text department;
    struct text author;
    struct text time;
    struct text order_number;
    int64_t visible_from_ms; /* release delay; 0 = at once */
};

/* The record as the registry needs to know it. */
struct registry_owner {
    struct id facility;
    struct id record;
    struct id person;
    struct text local_number;
};

/* One event of a batch; `rejected` is filled: NULL = stored, else a reason code. */
struct registry_event {
    struct registry_owner owner;
    bool is_withdrawal; /* only put.source_key counts */
    struct registry_put put;
    const char *rejected;
};
/* Stores a batch in one transaction, each event for itself; an older version than the
 * stored one is ignored (and counts as stored). */
MUST_CHECK bool registry_store_events(struct registry *registry, bool is_backfill,
                                      struct registry_event *events, size_t count,
                                      struct err *err);

/* The gateway's whole list of a record: what it does not name is withdrawn, in one
 * transaction; then the record is in step with `epoch` and `revision`. Keys that the
 * registry lacks are returned, so that the gateway can be asked for them. */
struct registry_snapshot {
    struct text epoch;
    int64_t revision;
    const struct text *keys;     /* source keys */
    const struct text *versions; /* of each */
    size_t count;
    int64_t until_change; /* registry_change before it was asked for: what changed since
                             is not judged by it */
};
/* Number of the newest change, for registry_snapshot. */
MUST_CHECK bool registry_newest_change(struct registry *registry, int64_t *number,
                                       struct err *err);
MUST_CHECK bool registry_reconcile(struct registry *registry,
                                   const struct registry_owner *owner,
                                   const struct registry_snapshot *snapshot,
                                   size_t *missing, size_t *withdrawn, struct err *err);
/* In step as of now, by an equal digest. */
MUST_CHECK bool registry_note_in_step(struct registry *registry,
                                      const struct registry_owner *owner,
                                      struct text epoch, int64_t revision,
                                      struct err *err);
/* Count and digest of what the registry has of a record, in the way of formats/uplink. */
struct registry_sum {
    int64_t count;
    uint8_t digest[HASH_BYTES];
    struct text epoch;
    int64_t revision;
    int64_t in_step_at_ms;
};
MUST_CHECK bool registry_sum_record(struct store_session *session, struct id record,
                                    struct arena *arena, struct registry_sum *sum,
                                    struct err *err);
/* Withdraws everything of a record (link ended). */
MUST_CHECK bool registry_forget(struct registry *registry,
                                const struct registry_owner *owner, struct err *err);

/* ---- reading, always under a permit ---- */
struct registry_mark {
    enum entry_row row;
    int32_t day;
    size_t grant; /* index of the permit's grant */
    int32_t count;
    unsigned flags;  /* enum registry_flag */
    struct id entry; /* newest */
    struct text title;
    struct text version; /* of the newest */
};

struct registry_span {
    struct id entry;
    enum entry_row row;
    size_t grant;
    int32_t from;
    int32_t to; /* DAY_NONE with is_open */
    bool is_open;
    unsigned flags;
    struct text title;
};

struct registry_undated {
    struct id entry;
    enum entry_kind kind;
    size_t grant;
    struct text title;
};

struct registry_freshness {
    int64_t in_step_at_ms; /* 0 = never */
    int64_t behind_at_ms;  /* 0 = not */
};

struct registry_calendar {
    struct registry_mark *marks; /* by row, day, facility */
    size_t mark_count;
    struct registry_span *spans;
    size_t span_count;
    struct registry_undated *undated;
    size_t undated_count;
    int32_t first_day; /* oldest visible entry, DAY_NONE */
    int64_t cursor;
    struct registry_freshness *freshness; /* of each grant */
};

/* from..to inclusive; entries visible after new_since_ms are marked new (INT64_MAX:
 * none). In a session of store_read_once ERR_BUSY "read_again" when what is asked
 * together does not say all. */
MUST_CHECK bool registry_read_calendar(struct store_session *session,
                                       const struct disclosure_permit *permit,
                                       int32_t from, int32_t to, int64_t new_since_ms,
                                       struct arena *arena, struct registry_calendar *out,
                                       struct err *err);

struct registry_entry {
    struct id id;
    struct id facility;
    struct id record;
    enum entry_kind kind;
    int state;      /* enum entry_state or REGISTRY_STATE_WITHDRAWN */
    unsigned flags; /* enum registry_flag */
    int32_t day;
    int32_t end_day;
    struct text source_key;
    struct text title;
    struct text department_code;
    struct text department;
    struct text author;
    struct text time;
};

/* Where an entry stands, for asking the gate; no title. ERR_MISSING "not_found". */
struct registry_place {
    struct id facility;
    struct id record;
    enum entry_kind kind;
    int32_t day;
    bool is_sensitive; /* the source marks it so */
    struct text department_code;
};
MUST_CHECK bool registry_locate(struct store_session *session, struct id entry,
                                struct arena *arena, struct registry_place *place,
                                struct err *err);
/* One entry within the permit; ERR_MISSING "not_found" outside of it. */
MUST_CHECK bool registry_read_entry(struct store_session *session,
                                    const struct disclosure_permit *permit,
                                    struct id entry, struct arena *arena,
                                    struct registry_entry *out, struct err *err);
/* The entries before and behind it in its row, within the permit; zero ids at the ends.
 */
MUST_CHECK bool registry_read_neighbours(struct store_session *session,
                                         const struct disclosure_permit *permit,
                                         const struct registry_entry *entry,
                                         struct id *previous, struct id *next,
                                         struct arena *arena, struct err *err);
struct registry_query {
    enum entry_row row;
    int32_t from;
    int32_t to;
    struct id facility; /* zero = all */
    int32_t before_day; /* cursor: (day, id) strictly before; INT32_MAX = from the top */
    struct id before_entry;
};
/* Newest first, at most REGISTRY_PAGE_MAX. */
MUST_CHECK bool registry_read_row(struct store_session *session,
                                  const struct disclosure_permit *permit,
                                  const struct registry_query *query, struct arena *arena,
                                  struct registry_entry **entries, size_t *count,
                                  struct err *err);

/* Entries that say they have images or waveforms, from..to inclusive (DAY_NONE: from the
 * undated on), newest first over all grants, at most REGISTRY_PAGE_MAX. */
MUST_CHECK bool registry_read_pictures(struct store_session *session,
                                       const struct disclosure_permit *permit,
                                       int32_t from, int32_t to, struct arena *arena,
                                       struct registry_entry **entries, size_t *count,
                                       struct err *err);

/* ---- freshness and looks ---- */
/* Of each of the permit's grants; *arena*. */
MUST_CHECK bool registry_read_freshness(struct store_session *session,
                                        const struct disclosure_permit *permit,
                                        struct arena *arena,
                                        struct registry_freshness **out, struct err *err);
/* Notes that a post opened the calendar now, and tells since when its entries are new.
 * The note reaches the database within about a second; a process that dies before loses
 * it, and then some entries count as new once more. */
MUST_CHECK bool registry_note_look(struct registry *registry, struct id post,
                                   struct id person, int64_t *new_since_ms,
                                   struct err *err);
/* Now, for whoever is about to read looks. */
MUST_CHECK bool registry_keep_looks(struct registry *registry, struct err *err);

struct registry_look {
    struct id person;
    int64_t looked_at_ms;
    int64_t before_at_ms;
};
/* The post's latest looks, newest first. */
MUST_CHECK bool registry_read_looks(struct store_session *session,
                                    const struct disclosure_scope *scope, struct id post,
                                    size_t max, struct arena *arena,
                                    struct registry_look **looks, size_t *count,
                                    struct err *err);
/* How many entries became visible to this permit since. */
MUST_CHECK bool registry_count_new(struct store_session *session,
                                   const struct disclosure_permit *permit,
                                   int64_t since_ms, int64_t *count, struct err *err);
