// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to server/: routes that belong to no domain folder: the embedded client, the
 * contract, health and metrics. */

#include "base/err.h"

struct http_router;

MUST_CHECK bool server_static_routes(struct http_router *router, struct err *err);
