// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: pure folding of rows into marks, spans and stays. */

#include "exchange/registry/registry.h"

struct registry_row_value {
    struct id entry;
    enum entry_kind kind;
    int state;
    unsigned flags; /* as stored: enum entry_flag */
    int32_t day;
    int32_t end_day;
    bool is_open;
    bool is_new;
    struct text title;
    struct text version;
};

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
/* Sorts by row, day, grant and joins what belongs together. */
void registry_fold_end(struct registry_fold *fold);

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
