// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: what storing and reading share. */

#include "exchange/registry/registry.h"

/* 0 when the registry does not know the record. */
MUST_CHECK bool registry_find_record(struct store_session *session, struct id record,
                                     int64_t *number, struct err *err);
MUST_CHECK bool registry_last_change(struct store_session *session, int64_t *number,
                                     struct err *err);
