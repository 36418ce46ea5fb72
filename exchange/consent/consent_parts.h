// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/consent: words of the database and of the contract. */

#include "exchange/consent/consent.h"

/* `"rights": […]`: with which participants the viewer shares the person's data, in both
 * directions, and by which consent. */
void consent_write_rights(struct json_writer *writer, const struct consent_facts *facts,
                          const struct network_participants *participants,
                          struct id viewer, int32_t today);

MUST_CHECK bool consent_giver_parse(struct text id, enum consent_giver *giver);
MUST_CHECK bool consent_state_parse(struct text id, enum consent_state *state);
const char *consent_state_id(enum consent_state state);
