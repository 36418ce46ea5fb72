// SPDX-License-Identifier: Apache-2.0
#pragma once
/* How the sources are that say where to look: kept in the index, so that a restart goes
 * on from there, and for the hospital's own people. */

#include "gateway/index/index.h"

/* What says where to look, besides the storages, as it was last. */
struct index_source {
    struct text name; /* a literal where it is noted */
    bool has_mark;
    int64_t mark;      /* up to where it was followed, in the source's own time */
    struct text state; /* "ok", or a reason's code */
    struct text detail;
    int64_t since_ms; /* it is so */
    int64_t looked_ms;
    int64_t told;      /* records in its last answer … */
    int64_t refused;   /* … whose names cannot be used */
    int64_t missing;   /* … whose files are not there */
    int64_t elsewhere; /* … of other facilities */
};
MUST_CHECK bool index_note_source(struct index *index, const struct index_source *source,
                                  struct err *err);
/* By name. */
MUST_CHECK bool index_list_sources(struct index *index, size_t max, struct arena *arena,
                                   struct index_source **sources, size_t *count,
                                   struct err *err);
