// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The audit's index in the database: rows for lists and CSV, filled from the segment
 * files behind the appending, never the other way round. It can be thrown away and made
 * again. Of the series of one node; rows of other nodes may stand beside.
 *
 * Errors: those of store/store.h; ERR_SYSTEM "audit_broken" when the files are;
 * ERR_CONFLICT "audit_index_ahead" when the database knows records that the files do not
 * have (an older copy of the files was restored). */

#include "exchange/audit/audit.h"

struct store;
struct audit_index; /* *owned*; threads may share it */

/* Borrows both. Starts a thread that follows the audit. */
MUST_CHECK struct audit_index *audit_index_open(struct audit *audit, struct store *store,
                                                const struct log *log, struct err *err);
/* Before audit_close and store_close. */
void audit_index_close(struct audit_index *index);
/* At once, up to the head as of now: before a report that has to be complete. */
MUST_CHECK bool audit_index_catch_up(struct audit_index *index, struct err *err);
/* Removes this node's rows and makes them again. */
MUST_CHECK bool audit_index_rebuild(struct audit_index *index, struct err *err);

enum audit_index_by {
    AUDIT_BY_FACILITY, /* what this facility's staff did */
    AUDIT_BY_PROVIDER, /* what was done with this facility's data */
    AUDIT_BY_PERSON,
    AUDIT_BY_STAFF,
    AUDIT_BY_REQUEST
};

/* Where a page ended; zeroed for the first page. */
struct audit_index_cursor {
    int64_t at_ms;
    char node[AUDIT_NODE_BYTES_MAX + 1];
    uint64_t number;
};

struct audit_index_query {
    enum audit_index_by by;
    struct text value;
    int64_t from_ms;  /* included */
    int64_t until_ms; /* not included */
    struct audit_index_cursor after;
    bool is_newest_first; /* `after` is then where the newer rows ended */
    size_t count_max;
};

struct audit_index_row {
    struct audit_index_cursor key; /* time, node and number */
    struct text phase, event, verdict, reason;
    struct text request; /* 32 digits or "" */
    struct text staff_id, name, profession, facility_id, facility_name;
    struct text person, provider, local_number, object, kind, purpose;
    int32_t day; /* DAY_NONE */
    int64_t bytes, number_of_parts;
};

/* Oldest first unless asked otherwise, at most count_max rows in the arena; fewer mean
 * that there are no more. Times are the records' own. */
MUST_CHECK bool audit_index_list(struct store *store,
                                 const struct audit_index_query *query,
                                 struct arena *arena, struct audit_index_row **rows,
                                 size_t *count, struct err *err);
