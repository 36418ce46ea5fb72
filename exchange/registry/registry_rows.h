// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: pure folding of rows into marks, spans and stays. */

#include "exchange/registry/registry.h"

/* A permit without a row in the audit allows counting only (disclosure_peek). */
MUST_CHECK bool registry_check_audited(const struct disclosure_permit *permit,
                                       struct err *err);

/* Stored beside an entry's own flags: nobody delayed it, so no clock hides it, wherever
 * the clock was when it came and wherever it is set now. */
enum { REGISTRY_AT_ONCE = 1 << 16 };

/* The permit's terms on one row, applied in the same pass that reads it. */
struct registry_terms {
    const struct permit_grant *grant;
    int64_t released_before_ms;
};
struct registry_terms registry_terms_now(const struct permit_grant *grant);
struct registry_seen_row {
    int64_t kind;
    int64_t flags;
    int64_t day;
    int64_t visible_at_ms;
    struct text department_code;
};
bool registry_is_granted(const struct registry_terms *terms,
                         const struct registry_seen_row *row);

/* What a calendar needs of a row. Texts are views. */
struct registry_row_value {
    struct id entry;
    int32_t day;
    enum entry_kind kind; /* or one of a newer program */
    int state;
    unsigned flags; /* as stored: enum entry_flag, REGISTRY_AT_ONCE */
    int64_t visible_at_ms;
    struct text version;
    struct text department_code;
    struct text title;
    bool is_new; /* to be filled by whoever knows since when */
};
/* Rows packed behind each other; is_new is not packed. Whoever changes the form voids all
 * sheets by a migration. */
void registry_put_mark(struct buf *out, const struct registry_row_value *row);
/* Takes one off the front; false when what stands there is none. */
MUST_CHECK bool registry_take_mark(struct span *rest, struct registry_row_value *row);

/* Stored flags and state → what the calendar shows. */
unsigned registry_shown_flags(unsigned entry_flags, int state, bool is_new);

/* True when the row is drawn as a mark of the grid. */
bool registry_is_drawn(const struct registry_row_value *row);

/* Collects marks of one (row, day, facility); rows must come by day. */
struct registry_fold {
    struct registry_mark *marks;
    size_t count;
    size_t room; /* grows as needed */
    size_t max;
};
/* True when the row's entry and title will be shown: it is the first of its mark or newer
 * than those before. The others need not be read. */
bool registry_fold_shows(const struct registry_fold *fold, size_t grant,
                         const struct registry_row_value *row);
MUST_CHECK bool registry_fold_row(struct registry_fold *fold, size_t grant,
                                  const struct registry_row_value *row,
                                  struct arena *arena, struct err *err);
/* Sorts by row, day, grant. */
MUST_CHECK bool registry_fold_end(struct registry_fold *fold, struct arena *arena,
                                  struct err *err);

/* Stays (入院) of one facility from its admission events in order of day: start at an
 * admission, end at the first later discharge; a discharge alone is open to the left;
 * a plan disappears when the real thing exists within a day (formats.md 3.2). */
struct registry_stay_event {
    struct id entry;
    int32_t day;
    bool is_admission;
    bool is_discharge;
    bool is_planned;
    bool is_new;
    struct text title;
};
size_t registry_build_stays(const struct registry_stay_event *events, size_t count,
                            size_t grant, struct registry_span *spans, size_t max);
