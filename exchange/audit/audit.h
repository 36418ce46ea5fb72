// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The audit: an append-only, hash-chained record of every search, view, write and
 * decision (requirements LG-1 to LG-10). Its truth is segment files
 *
 *     <directory>/<node>/<YYYY-MM>.log
 *
 * each record: length, hash chained to the previous record, canonical JSON bytes; fsync
 * per group; a database table is only an index for searching and can be rebuilt from the
 * files. Sequence = (node, number), numbers without gaps. Used by the centre and by each
 * gateway, one writer per process. Format and test vectors: docs/specs/audit.md.
 *
 * audit_append returns when the record is durable; audit_append_later returns at once and
 * tells it later. Records that come while others are on their way to the disk go there
 * together, by one fdatasync. When a record cannot be written the answer is ERR_BUSY
 * "audit_unwritable", and whoever asked must not give out data. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/meter.h"

struct audit; /* *owned*; threads may share it; closed when none uses it any more */

enum { AUDIT_RECORD_BYTES_MAX = 64 * 1024, AUDIT_NODE_BYTES_MAX = 32 };

enum audit_phase { AUDIT_DECISION, AUDIT_FINISH, AUDIT_EVENT };

/* Who acted, as they were at that moment; empty texts where they do not apply. */
struct audit_actor {
    struct text staff_id;
    struct text name;
    struct text profession;
    struct text role;
    struct text facility_id;
    struct text facility_name;
    struct text session_hash;
    struct text factors; /* "password", "password+certificate" … */
    struct text certificate;
    struct text address; /* source IP */
};

struct audit_record {
    enum audit_phase phase;
    const char *event; /* literal: "login", "search", "calendar", "entry", "consent" … */
    const char *verdict; /* "permit", "deny", "done", "failed", "unknown" */
    const char *reason;  /* reason code of a refusal or ground of a permit; NULL = none */
    struct audit_actor actor;
    struct id request;        /* ties decision and finish, and both ends of the tunnel */
    struct text person;       /* regional id, or "" */
    struct text provider;     /* facility whose data it is, or "" */
    struct text local_number; /* number at that facility, or "" */
    struct text object;       /* entry id, consent id …, or "" */
    struct text kind;         /* entry kind, or "" */
    struct text title_day;    /* "YYYY-MM-DD" of the content, or "" */
    struct text purpose;      /* "care", "emergency" … */
    struct text consent;      /* consent id and version that allowed it, or "" */
    struct text detail;       /* canonical extra, one JSON object of ours, or "" */
    int64_t bytes;            /* volume given out, finish rows */
    int64_t number_of_parts;  /* frames, pages, entries */
};

struct audit_position {
    uint64_t number; /* 1 … */
    struct hash hash;
};

struct audit_config {
    const char *directory;
    const char *node; /* letters, digits, - and _ */
    struct clock clock;
    struct rand rand;
    const struct log *log;
};

/* Opens or makes the series, checks the tail, drops a half-written last record (it was
 * never acknowledged), and closes decisions without a finish as "unknown". */
MUST_CHECK struct audit *audit_open(const struct audit_config *config, struct err *err);
/* Nobody appends any more; what waits is written first. */
void audit_close(struct audit *audit);
MUST_CHECK bool audit_append(struct audit *audit, const struct audit_record *record,
                             struct audit_position *position, struct err *err);
/* Without waiting: `written` is called once, on the audit's own thread, with the record's
 * position as soon as it is durable, or with NULL when it cannot be written. It must not
 * block and must not append. False: it is not called. */
typedef void audit_written(void *context, const struct audit_position *position);
MUST_CHECK bool audit_append_later(struct audit *audit, const struct audit_record *record,
                                   audit_written *written, void *context,
                                   struct err *err);
/* The newest durable record, for exchange with the peers. */
struct audit_position audit_head(struct audit *audit);
/* For operators. */
struct audit_meters {
    uint64_t records;              /* appended since the start */
    uint64_t lost;                 /* not acknowledged */
    struct meter_duration *synced; /* borrowed: writing and syncing one group */
    bool is_failing;               /* the last group did not get to the disk */
};
struct audit_meters audit_read_meters(struct audit *audit);
/* Did the last group get to the disk? If not and there is room, it is tried now, with the
 * event "resume" that says since when the audit goes on: true when that is durable. */
bool audit_is_writable(struct audit *audit);
/* Writes a peer's head into our own chain as an event "head", so that neither side can
 * rewrite or cut alone. A head that is older than the one kept before, or another with
 * the same number, is written down and logged as "peer_audit" (audit_cut, audit_head). */
MUST_CHECK bool audit_keep_head(struct audit *audit, struct text peer_node,
                                const struct audit_position *head, struct err *err);

/* The newest whole record of a series in a directory, whoever writes it; number 0 when
 * the series has none. ERR_SYSTEM "audit_broken". */
MUST_CHECK bool audit_read_head(const char *directory, const char *node,
                                struct audit_position *head, struct err *err);

struct audit_fault {
    char node[AUDIT_NODE_BYTES_MAX + 1];
    uint64_t number;  /* first bad number */
    const char *code; /* "audit_hash", "audit_gap", "audit_cut", "audit_head" … */
};

/* Checks a whole directory of series without a server, peers' heads included.
 * True: `count` records are in order. False with fault filled when the chain is broken;
 * false with err set when it could not be read. */
MUST_CHECK bool audit_verify(const char *directory, uint64_t *count,
                             struct audit_fault *fault, struct err *err);
/* The same for the directories of several processes, with the heads that they keep of
 * each other; a series that is in two of them is "audit_double". */
MUST_CHECK bool audit_verify_all(const char *const *directories, size_t directory_count,
                                 uint64_t *count, struct audit_fault *fault,
                                 struct err *err);

/* Calls `see` for each record of a node, oldest first, with its canonical JSON; returning
 * false from it stops. For rebuilding the index. */
typedef bool audit_see(void *context, uint64_t number, struct span json, struct err *err);
MUST_CHECK bool audit_walk(const char *directory, const char *node, uint64_t from,
                           audit_see *see, void *context, struct err *err);
