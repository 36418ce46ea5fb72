// SPDX-License-Identifier: Apache-2.0
#pragma once
/* コンテンツ参照記録 of a month, from the audit's index; as a list and as CSV: what the
 * own facility's staff viewed, and what others viewed of the own facility's data. Every
 * post sees its own facility's record, nothing else; looking at it is audited itself.
 * Equal to the audit row by row: nothing is stored here. */

#include "base/clock.h"

struct audit_index;
struct disclosure;
struct http_router;
struct session_service;
struct store;

struct reference_service { /* *owned* by server */
    struct store *store;
    struct audit_index *index;
    struct session_service *sessions;
    struct disclosure *gate;
    struct clock clock;
};
/* Routes: listReferences, downloadReferences. */
void reference_routes(struct http_router *router, struct reference_service *service);
