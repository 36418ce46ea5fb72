// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/consent: words of the database and of the contract. */

#include "exchange/consent/consent.h"

MUST_CHECK bool consent_form_parse(struct text id, enum consent_form *form);
MUST_CHECK bool consent_channel_parse(struct text id, enum consent_channel *channel);
MUST_CHECK bool consent_giver_parse(struct text id, enum consent_giver *giver);
MUST_CHECK bool consent_state_parse(struct text id, enum consent_state *state);
const char *consent_state_id(enum consent_state state);
