// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Links that wait for somebody's care, a page at a time: of the registrations of the
 * viewer's facility those with a number that is not confirmed, newest first; or those to
 * its own numbers that are suspended until somebody of its staff confirms the number or
 * ends them, oldest first. The latter are no part of the former. Results are *arena*;
 * errors are the store's. */

#include "exchange/patient/patient.h"

enum patient_pending { PATIENT_UNFINISHED, PATIENT_NUMBER_SUSPENDED };
enum { PATIENT_PAGE = 50 };

/* Behind which row a page begins; record zero: the first page, or none follows. */
struct patient_place {
    int64_t at_ms;
    struct id record;
};
struct patient_pending_query {
    enum patient_pending which;
    struct patient_place after;
    int32_t today;
};
struct patient_pending_link {
    struct patient_summary person;
    struct patient_record link;
};
struct patient_page {
    struct patient_pending_link *items; /* at most PATIENT_PAGE */
    size_t count;
    struct patient_place next;
};
MUST_CHECK bool patient_list_pending(struct store_session *session,
                                     const struct disclosure_scope *scope,
                                     const struct patient_pending_query *query,
                                     struct arena *arena, struct patient_page *page,
                                     struct err *err);
MUST_CHECK bool patient_count_pending(struct store_session *session,
                                      const struct disclosure_scope *scope,
                                      enum patient_pending which, int64_t *count,
                                      struct err *err);
