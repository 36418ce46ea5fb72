// SPDX-License-Identifier: Apache-2.0
#pragma once
/* コンテンツ参照記録: what the own facility's staff viewed in a month, from the audit's
 * index; as a list and as CSV. Looking at it is audited itself. */

#include "base/clock.h"

struct audit_index;
struct disclosure;
struct http_router;
struct session_service;
struct store;

struct audit_service { /* *owned* by server */
    struct store *store;
    struct audit_index *index;
    struct session_service *sessions;
    struct disclosure *gate;
    struct clock clock;
};
/* Routes: listReferences, downloadReferences. */
void audit_routes(struct http_router *router, struct audit_service *service);
