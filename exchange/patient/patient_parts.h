// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/patient. */

#include "exchange/patient/patient.h"

/* ---- rules (patient.c) ---- */
/* `replaced` is the record in whose place this one was confirmed, or NULL. True when the
 * report changes something; `after` is the record then, suspended and with a reason.
 * Only a person lifts that (confirmLink). */
bool patient_report_changes(const struct patient_record *record,
                            const struct patient_record *replaced,
                            const struct patient_report *report,
                            struct patient_record *after);

/* ---- patient_store.c ---- */
/* Whether the number is confirmed for another record already. */
MUST_CHECK bool patient_number_is_taken(struct store_session *session,
                                        const struct patient_record *record,
                                        struct arena *arena, bool *taken,
                                        struct err *err);
/* What an owner reported of a record: state, reason and successor. Raises the epoch. */
MUST_CHECK bool patient_keep_report(struct store_session *session,
                                    const struct patient_record *after, struct err *err);
/* The record of a facility that lives under this number, or is to under this successor:
 * confirmed before suspended. ERR_MISSING. */
MUST_CHECK bool patient_record_reported(struct store_session *session, struct id facility,
                                        struct text number, struct arena *arena,
                                        struct patient_record *found, struct err *err);
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
