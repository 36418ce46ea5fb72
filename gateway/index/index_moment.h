// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Several questions to the index that see one moment of it and cost one read transaction:
 * what gateway/release asks about an entry. Texts lie in the given arena and outlive the
 * moment. Errors: those of the same questions in index.h and index_order.h. */

#include "gateway/index/index.h"

struct store_session;
struct index_moment {
    struct index *index;
    struct store_session *session;
};
MUST_CHECK bool index_moment_begin(struct index_moment *moment, struct index *index,
                                   struct err *err);
void index_moment_end(struct index_moment *moment); /* for CLEANUP; also of none */

MUST_CHECK bool index_moment_link(const struct index_moment *moment, struct id record,
                                  struct arena *arena, struct index_link *link,
                                  bool *is_known, struct err *err);
MUST_CHECK bool index_moment_stands(const struct index_moment *moment,
                                    const struct index_link *link, bool *stands,
                                    struct err *err);
MUST_CHECK bool index_moment_place(const struct index_moment *moment, struct text number,
                                   struct text entry_key, struct arena *arena,
                                   struct index_place *place, struct err *err);
/* The key of index_find_pictures. */
MUST_CHECK bool index_moment_pictures(const struct index_moment *moment,
                                      struct text number, struct text entry_key,
                                      struct arena *arena, struct text *study_key,
                                      struct err *err);
