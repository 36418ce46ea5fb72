// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/patient. */

#include "exchange/patient/patient.h"

/* ---- patient_store.c ---- */
/* What getPerson shows, as `viewer` may see it. */
struct patient_view {
    struct patient_person person;
    struct id viewer;
    const struct patient_record *records;
    size_t record_count;
    const char *consent;
};
void patient_write_person(struct json_writer *writer, const struct patient_view *view);
MUST_CHECK bool patient_read_view(struct store_session *session,
                                  const struct disclosure_permit *permit, int32_t today,
                                  struct arena *arena, struct patient_view *view,
                                  struct err *err);
/* The view of somebody whom this transaction registered. */
MUST_CHECK bool patient_view_of(struct store_session *session, struct id person,
                                struct id viewer, int32_t today, struct arena *arena,
                                struct patient_view *view, struct err *err);
