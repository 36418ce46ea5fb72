// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/uplink: the words of event types and of standings. */

#include "formats/uplink/uplink.h"

const char *uplink_reading_id(enum uplink_reading reading);
const char *uplink_event_type_id(enum uplink_event_type type);
MUST_CHECK bool uplink_event_type_parse(struct text id, enum uplink_event_type *type);
