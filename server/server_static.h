// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to server/: routes that belong to no domain folder: the embedded client, the
 * contract, health and metrics. */

#include "base/arena.h"

struct http_router;

/* The table of files lives in `arena`, as long as the router. */
MUST_CHECK bool server_static_routes(struct http_router *router, struct arena *arena,
                                     struct err *err);
