// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For exchange/disclosure: patient_person_find and patient_records_of_person in two
 * steps each, asked ahead (store_ask), then taken. */

#include "exchange/patient/patient.h"

struct store_statement;

MUST_CHECK struct store_statement *patient_person_ask(struct store_session *session,
                                                      struct id person, struct err *err);
MUST_CHECK bool patient_person_take(struct store_statement *statement, struct id person,
                                    struct arena *arena, struct patient_person *found,
                                    struct err *err);
MUST_CHECK struct store_statement *patient_records_ask(struct store_session *session,
                                                       struct id person, struct err *err);
MUST_CHECK bool patient_records_take(struct store_statement *statement,
                                     struct arena *arena, struct patient_record **items,
                                     size_t *count, struct err *err);
